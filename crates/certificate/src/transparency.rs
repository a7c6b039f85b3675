//! Whether a certificate is shown in Certificate Transparency logs, by the timestamps that come with it.
//!
//! The rule is Chrome's CT policy (<https://googlechrome.github.io/CertificateTransparency/ct_policy.html>), which
//! Apple's and Mozilla's are alike to: timestamps of as many distinct logs as the lifetime asks for, and of two operators.

use crate::certificate::{Certificate, Lifetime};
use crate::fact::Fact;
use crate::log_list::{Log, LogList};
use crate::roots::Authority;
use crate::sct::{Delivery, Entry, MAX_TIMESTAMPS, SignedCertificateTimestamp, parse_sct_list};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;

/// Beyond this age in days a list says little of today's logs: Chrome stops enforcing by it.
const LIST_AGE_LIMIT: i64 = 70;
/// The longest lifetime that two timestamps are enough for.
const SHORT: Lifetime = Lifetime::days(180);

/// Whether a certificate is shown in logs. Serialises as `Transparency`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Transparency {
    /// Whether it must be: it is of a public authority.
    pub required: bool,
    /// Whether it is.
    pub kept: Fact<bool>,
    /// Why, in words.
    pub why: String,
    /// Every timestamp.
    pub timestamps: Vec<Timestamp>,
    /// The day that the list of logs is of.
    pub log_list_date: String,
}

/// A timestamp, verified. Serialises as an entry of `Timestamps`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Timestamp {
    /// The log's name.
    pub log: Fact<String>,
    /// Who runs the log.
    pub operator: Fact<String>,
    /// When it was made (RFC 3339, UTC).
    pub time: Fact<String>,
    /// How it came.
    #[serde(serialize_with = "as_text")]
    pub from: Delivery,
    /// What it is worth.
    #[serde(serialize_with = "as_text")]
    pub verdict: Verdict,
    #[serde(skip)]
    log_id: [u8; 32],
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// What a timestamp is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log made it.
    Valid,
    /// The log made it, and was retired later.
    ValidRetired,
    /// The log made it after it had been retired.
    AfterRetirement,
    /// The log did not make it for this certificate.
    BadSignature,
    /// The list has no such log.
    UnknownLog,
    /// It is for the certificate of an issuer that is not known here, so that its signature cannot be verified.
    UnknownIssuer,
    /// It is later than now (RFC 6962, section 5.2).
    InFuture,
    /// It cannot be read.
    Malformed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Valid => "valid",
            Verdict::ValidRetired => "valid, of a log retired since",
            Verdict::AfterRetirement => "made after the log was retired",
            Verdict::BadSignature => "bad signature",
            Verdict::UnknownLog => "unknown log",
            Verdict::UnknownIssuer => "unknown issuer",
            Verdict::InFuture => "in the future",
            Verdict::Malformed => "malformed",
        })
    }
}

/// The lists of timestamps, as they came.
pub(crate) struct Lists<'a> {
    pub embedded: Option<&'a [u8]>,
    pub tls: Option<&'a [u8]>,
    pub ocsp: Option<&'a [u8]>,
}

pub(crate) fn judge(
    leaf: &Certificate,
    issuer: Option<&Certificate>,
    lists: &Lists<'_>,
    authority: Authority,
    logs: &LogList,
    now: jiff::Timestamp,
) -> Transparency {
    let beside = Entry::of_certificate(leaf);
    let within = issuer.and_then(|issuer| Entry::of_precertificate(leaf, issuer));
    let mut timestamps = Vec::new();
    for (list, from, entry) in [
        (lists.embedded, Delivery::Certificate, &within),
        (lists.tls, Delivery::Tls, &beside),
        (lists.ocsp, Delivery::Ocsp, &beside),
    ] {
        let Some(list) = list else { continue };
        match parse_sct_list(list) {
            Ok(found) => {
                timestamps.extend(found.iter().take(MAX_TIMESTAMPS).map(|found| match found {
                    Ok(sct) => Timestamp::verify(sct, from, entry.as_ref(), logs, now),
                    Err(error) => Timestamp::malformed(from, &error.to_string()),
                }))
            }
            Err(error) => timestamps.push(Timestamp::malformed(from, &error.to_string())),
        }
    }
    let required = authority == Authority::Public;
    // Chrome measures from one to the other, without the last second.
    let asked = if Lifetime(leaf.lifetime().0 - 1) <= SHORT {
        2
    } else {
        3
    };
    let (embedded, delivered): (Vec<_>, Vec<_>) = timestamps
        .iter()
        .partition(|timestamp| timestamp.from == Delivery::Certificate);
    let enough = |hopeful: bool| {
        is_enough(&embedded, asked, true, hopeful) || is_enough(&delivered, 2, false, hopeful)
    };
    let kept = match (enough(false), enough(true)) {
        (true, _) => Fact::Known(true),
        (false, false) => Fact::Known(false),
        (false, true) => Fact::unknown(
            "Transparency",
            "timestamps that would make it enough cannot be verified: their log or the issuer is not known here",
        ),
    };
    let mut why = in_words(
        &timestamps,
        if delivered.is_empty() {
            asked
        } else {
            asked.min(2)
        },
    );
    if !required {
        why += "; it need not be logged, since its authority is not a public one";
    }
    let age = logs.age(now);
    if age > LIST_AGE_LIMIT {
        why += &format!("; the list of logs is {age} days old");
    }
    Transparency {
        required,
        kept,
        why,
        timestamps,
        log_list_date: logs.date.to_string(),
    }
}

/// Whether timestamps are enough; `hopeful` takes those that cannot be verified here for valid, of operators of their own.
fn is_enough(timestamps: &[&Timestamp], asked: usize, embedded: bool, hopeful: bool) -> bool {
    let mut logs = HashSet::new();
    let mut operators = HashSet::new();
    let mut of_today = false;
    for timestamp in timestamps {
        match timestamp.verdict {
            Verdict::Valid => of_today = true,
            // A certificate cannot be given new ones when a log retires; a server can.
            Verdict::ValidRetired if embedded => {}
            Verdict::UnknownLog | Verdict::UnknownIssuer if hopeful => of_today = true,
            _ => continue,
        }
        logs.insert(timestamp.log_id);
        operators.insert(match &timestamp.operator {
            Fact::Known(operator) => operator.clone(),
            Fact::Unknown(_) => BASE64_STANDARD.encode(timestamp.log_id),
        });
    }
    logs.len() >= asked && operators.len() >= 2 && of_today
}

fn in_words(timestamps: &[Timestamp], asked: usize) -> String {
    let good = |timestamp: &&Timestamp| {
        matches!(timestamp.verdict, Verdict::Valid | Verdict::ValidRetired)
    };
    let logs: HashSet<_> = timestamps
        .iter()
        .filter(good)
        .map(|good| good.log_id)
        .collect();
    let operators = timestamps
        .iter()
        .filter(good)
        .filter_map(|good| good.operator.value());
    let operators = operators.collect::<HashSet<_>>().len();
    if timestamps.is_empty() {
        return format!("no timestamps, {asked} asked for, of 2 operators");
    }
    let many = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let verify = if logs.len() == 1 {
        "verifies"
    } else {
        "verify"
    };
    let timestamps = many(logs.len(), "timestamp");
    let operators = many(operators, "operator");
    format!("{timestamps} of {operators} {verify}, {asked} asked for, of 2 operators")
}

impl Timestamp {
    fn verify(
        sct: &SignedCertificateTimestamp,
        from: Delivery,
        entry: Option<&Entry>,
        logs: &LogList,
        now: jiff::Timestamp,
    ) -> Self {
        let log = logs.get(&sct.log_id);
        let time = i64::try_from(sct.timestamp)
            .ok()
            .and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        let verdict = match (log, entry, time) {
            (_, _, None) => Verdict::InFuture,
            (_, _, Some(time)) if time > now => Verdict::InFuture,
            (None, ..) => Verdict::UnknownLog,
            (_, None, _) => Verdict::UnknownIssuer,
            (Some(log), Some(entry), Some(time)) => of_known_log(sct, log, entry, time),
        };
        let no_log = |call: &str| {
            let id = BASE64_STANDARD.encode(sct.log_id);
            Fact::unknown(
                call,
                format!("the list of {} has no log with the id {id}", logs.date),
            )
        };
        Timestamp {
            log: log.map_or_else(|| no_log("Log"), |log| Fact::Known(log.name.clone())),
            operator: log.map_or_else(
                || no_log("Operator"),
                |log| Fact::Known(log.operator.clone()),
            ),
            time: time.map_or_else(
                || {
                    Fact::unknown(
                        "Time",
                        format!("{} ms since 1970 is no time", sct.timestamp),
                    )
                },
                |time| Fact::Known(crate::certificate::timestamp(time.as_second()).to_string()),
            ),
            from,
            verdict,
            log_id: sct.log_id,
        }
    }

    fn malformed(from: Delivery, error: &str) -> Self {
        let unknown =
            |call: &str| Fact::unknown(call, format!("the timestamp cannot be read: {error}"));
        Timestamp {
            log: unknown("Log"),
            operator: unknown("Operator"),
            time: unknown("Time"),
            from,
            verdict: Verdict::Malformed,
            log_id: [0; 32],
        }
    }
}

fn of_known_log(
    sct: &SignedCertificateTimestamp,
    log: &Log,
    entry: &Entry,
    time: jiff::Timestamp,
) -> Verdict {
    if !entry.is_signed(sct, log) {
        return Verdict::BadSignature;
    }
    match log.retired {
        None => Verdict::Valid,
        Some(retired) if time < retired => Verdict::ValidRetired,
        Some(_) => Verdict::AfterRetirement,
    }
}
