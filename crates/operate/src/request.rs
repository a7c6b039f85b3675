//! A request to delete a key: what people are asked to approve.

use crate::canonical::{canonical, hex, sha256};
use crate::clock::to_millisecond;
use crate::impact::{Dependent, Grant, Impact};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// What a request's bytes begin with, as it were: no other document is one.
pub const DOMAIN: &str = "lockfast-key-deletion-v1";
/// The one operation there is.
pub const OPERATION: &str = "schedule-key-deletion";

/// What KMS takes for the days until a key is gone.
const WINDOW: std::ops::RangeInclusive<u32> = 7..=30;
/// Approvals that are older than this are about a world that is gone.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A request to delete a key. Nothing in it can be changed without its [id](DeletionRequest::id) becoming another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletionRequest {
    /// [`DOMAIN`].
    pub domain: String,
    /// [`OPERATION`].
    pub operation: String,
    /// The key.
    pub key_arn: String,
    /// The account it is in.
    pub account: String,
    /// Its region.
    pub region: String,
    /// How it is to be deleted.
    pub parameters: Parameters,
    /// Why.
    pub reason: String,
    /// Why although something hangs on the key, or it is not known what does.
    pub override_reason: Option<String>,
    /// Who asks.
    pub requester: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when people may approve, and the deletion may be scheduled.
    pub expires_at: Timestamp,
    /// 32 random bytes in hex: no two requests are the same.
    pub nonce: String,
    /// [`Impact::hash`] of what people were shown.
    pub impact_hash: String,
    /// [`policy_hash`](crate::rules::CheckedRules::policy_hash) of what they decide by.
    pub policy_hash: String,
}

/// How a key is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// How many days KMS waits: 7 to 30.
    pub pending_window_days: u32,
    /// How many hours the key is disabled, and looked at for failing uses, before its deletion is scheduled.
    pub observation_hours: u32,
}

/// What a request is made of.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The key's ARN; not an alias.
    pub key_arn: String,
    /// How it is to be deleted.
    pub parameters: Parameters,
    /// Why.
    pub reason: String,
    /// Why although something hangs on it.
    pub override_reason: Option<String>,
    /// Who asks, by the name in the rules.
    pub requester: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Why a request cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The key's name says not which.
    #[error(
        "`{0}` is no key's ARN; give the whole (arn:aws:kms:region:account:key/id), not an id or an alias: those may be another key tomorrow"
    )]
    NotAKey(String),
    /// The impact is another key's.
    #[error(
        "the impact is of {found}, and the request of {asked}; take the impact of the same key"
    )]
    OtherKey {
        /// The key asked for.
        asked: String,
        /// The impact's.
        found: String,
    },
    /// Something hangs on the key.
    #[error("{}", in_use(dependents, grants, unknowns))]
    InUse {
        /// What is encrypted with it.
        dependents: Vec<Dependent>,
        /// Who may use it.
        grants: Vec<Grant>,
        /// What is not known.
        unknowns: Vec<String>,
    },
    /// KMS would not take it.
    #[error("a pending window of {0} days: KMS takes 7 to 30")]
    Window(u32),
    /// Approvals would come too late.
    #[error("the request expires at {expires_at}, which is past (it is {now}); give a later time")]
    Past {
        /// When it would expire.
        expires_at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// Approvals would be too old.
    #[error(
        "the request expires at {expires_at}, more than 30 days from {now}; give an earlier time"
    )]
    TooLong {
        /// When it would expire.
        expires_at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// The key could never be observed in time.
    #[error(
        "the request expires at {expires_at}, before {observation_hours} hours of observation could end; give a later time, or observe for less"
    )]
    NoTime {
        /// When it would expire.
        expires_at: Timestamp,
        /// How long is observed.
        observation_hours: u32,
    },
    /// Something is missing.
    #[error("the request says no {0}; say it")]
    Missing(&'static str),
    /// It is not what it says it is.
    #[error("the request is not one that this program makes: {0}")]
    Malformed(String),
    /// The machine gives no random bytes.
    #[error("no random bytes to be had from the system: {0}")]
    Random(getrandom::Error),
}

fn in_use(dependents: &[Dependent], grants: &[Grant], unknowns: &[String]) -> String {
    let mut text = String::from(
        "the key is in use, or it is not known that it is not; give a reason (--override-reason), or see to:",
    );
    let lines = dependents.iter().map(Dependent::to_string);
    let lines = lines.chain(grants.iter().map(Grant::to_string));
    let lines = lines.chain(unknowns.iter().map(|unknown| format!("unknown: {unknown}")));
    for line in lines {
        let _ = write!(text, "\n  {line}");
    }
    text
}

/// 32 random bytes in hex.
///
/// # Errors
/// When the system gives none.
pub fn nonce() -> Result<String, RequestError> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(RequestError::Random)?;
    Ok(hex(&nonce))
}

impl DeletionRequest {
    /// Makes a request.
    ///
    /// # Errors
    /// When something hangs on the key, or is not known, and there is no reason to override it; when the times cannot hold;
    /// when it does not say what it has to.
    pub fn new(
        asked: Asked,
        impact: &Impact,
        policy_hash: &str,
        now: Timestamp,
    ) -> Result<Self, RequestError> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(RequestError::Random)?;
        DeletionRequest::with_nonce(asked, impact, policy_hash, now, nonce)
    }

    /// Makes a request with the random bytes given.
    ///
    /// # Errors
    /// As [`DeletionRequest::new`].
    pub fn with_nonce(
        asked: Asked,
        impact: &Impact,
        policy_hash: &str,
        now: Timestamp,
        nonce: [u8; 32],
    ) -> Result<Self, RequestError> {
        let (region, account) = place(&asked.key_arn)?;
        let override_reason = asked.override_reason.map(|reason| reason.trim().to_owned());
        let request = DeletionRequest {
            domain: DOMAIN.into(),
            operation: OPERATION.into(),
            account: account.into(),
            region: region.into(),
            key_arn: asked.key_arn.clone(),
            parameters: asked.parameters,
            reason: asked.reason.trim().into(),
            override_reason: override_reason.filter(|reason| !reason.is_empty()),
            requester: asked.requester.trim().into(),
            created_at: to_millisecond(now),
            expires_at: to_millisecond(asked.expires_at),
            nonce: hex(&nonce),
            impact_hash: impact.hash(),
            policy_hash: policy_hash.into(),
        };
        request.check(impact)?;
        Ok(request)
    }

    /// Whether it is a request that could have been made, of this impact. One that was read from a ledger may have been
    /// written by anybody.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, impact: &Impact) -> Result<(), RequestError> {
        let malformed = |what: &str| Err(RequestError::Malformed(what.into()));
        if self.domain != DOMAIN || self.operation != OPERATION {
            return malformed("it is of another kind or version");
        }
        let (region, account) = place(&self.key_arn)?;
        if (region, account) != (&self.region, &self.account) {
            return malformed("its account and region are not its key's");
        }
        let is_hash = |text: &str| {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == 64 && text.bytes().all(hex)
        };
        if !is_hash(&self.nonce) || !is_hash(&self.policy_hash) || !is_hash(&self.impact_hash) {
            return malformed("its nonce or one of its hashes is not 64 digits of hex");
        }
        if impact.key_arn != self.key_arn {
            return Err(RequestError::OtherKey {
                asked: self.key_arn.clone(),
                found: impact.key_arn.clone(),
            });
        }
        if impact.hash() != self.impact_hash {
            return malformed("its impact is not the one that stands beside it");
        }
        let empty = |text: &str| text.trim().is_empty();
        if empty(&self.reason) {
            return Err(RequestError::Missing("reason"));
        }
        if empty(&self.requester) {
            return Err(RequestError::Missing("requester"));
        }
        if !impact.is_clear() && self.override_reason.as_deref().is_none_or(empty) {
            let sorted = impact.sorted();
            return Err(RequestError::InUse {
                dependents: sorted.dependents,
                grants: sorted.grants,
                unknowns: sorted.unknowns,
            });
        }
        self.check_times()
    }

    fn check_times(&self) -> Result<(), RequestError> {
        let (now, expires_at) = (self.created_at, self.expires_at);
        let Parameters {
            pending_window_days,
            observation_hours,
        } = self.parameters;
        if !WINDOW.contains(&pending_window_days) {
            return Err(RequestError::Window(pending_window_days));
        }
        if expires_at <= now {
            return Err(RequestError::Past { expires_at, now });
        }
        let length = expires_at.duration_since(now);
        if length > LONGEST {
            return Err(RequestError::TooLong { expires_at, now });
        }
        if length <= SignedDuration::from_hours(observation_hours.into()) {
            return Err(RequestError::NoTime {
                expires_at,
                observation_hours,
            });
        }
        Ok(())
    }

    /// Its bytes, of which everything signed holds the hash.
    pub fn canonical(&self) -> Vec<u8> {
        // Strings, times and numbers of 32 bits are always JSON.
        canonical(self).unwrap_or_default()
    }

    /// SHA-256 of its bytes.
    pub fn hash(&self) -> String {
        sha256(&self.canonical())
    }

    /// Its name: the beginning of its hash.
    pub fn id(&self) -> String {
        self.hash().chars().take(20).collect()
    }
}

/// Region and account of a key's ARN.
fn place(key_arn: &str) -> Result<(&str, &str), RequestError> {
    let parts: Vec<&str> = key_arn.split(':').collect();
    match parts[..] {
        ["arn", partition, "kms", region, account, key]
            if partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && key.strip_prefix("key/").is_some_and(|id| !id.is_empty()) =>
        {
            Ok((region, account))
        }
        _ => Err(RequestError::NotAKey(key_arn.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/0a1b";
    const POLICY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    fn now() -> Timestamp {
        "2026-11-28T00:00:00Z".parse().expect("a time")
    }

    fn asked() -> Asked {
        Asked {
            key_arn: KEY.into(),
            parameters: Parameters {
                pending_window_days: 30,
                observation_hours: 48,
            },
            reason: "the shop was closed".into(),
            override_reason: None,
            requester: "ada".into(),
            expires_at: "2026-12-10T00:00:00Z".parse().expect("a time"),
        }
    }

    fn impact() -> Impact {
        Impact {
            key_arn: KEY.into(),
            ..Impact::default()
        }
    }

    fn made(asked: Asked, impact: &Impact) -> Result<DeletionRequest, RequestError> {
        DeletionRequest::with_nonce(asked, impact, POLICY, now(), [7; 32])
    }

    /// What is signed is a format: written down, it cannot change unseen.
    #[test]
    fn its_bytes_are_the_ones_written_down() {
        let request = made(asked(), &impact()).expect("a request");
        let impact_hash = impact().hash();
        let nonce = "07".repeat(32);
        let expected = format!(
            r#"{{"account":"111111111111","created_at":"2026-11-28T00:00:00Z","domain":"lockfast-key-deletion-v1","expires_at":"2026-12-10T00:00:00Z","impact_hash":"{impact_hash}","key_arn":"{KEY}","nonce":"{nonce}","operation":"schedule-key-deletion","override_reason":null,"parameters":{{"observation_hours":48,"pending_window_days":30}},"policy_hash":"{POLICY}","reason":"the shop was closed","region":"eu-west-1","requester":"ada"}}"#
        );
        assert_eq!(
            String::from_utf8(request.canonical()).expect("text"),
            expected
        );
        assert_eq!(request.id(), sha256(expected.as_bytes())[..20]);
        let read: DeletionRequest = serde_json::from_str(&expected).expect("a request");
        assert_eq!(read, request);
    }

    #[test]
    fn two_requests_of_the_same_are_two() {
        let one = DeletionRequest::new(asked(), &impact(), POLICY, now()).expect("a request");
        let other = DeletionRequest::new(asked(), &impact(), POLICY, now()).expect("a request");
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn a_key_in_use_needs_a_reason() {
        let used = Impact {
            dependents: vec![Dependent {
                kind: "AWS::S3::Bucket".into(),
                name: "orders".into(),
                arn: "arn:aws:s3:::orders".into(),
            }],
            unknowns: vec!["eu-north-1: access denied".into()],
            ..impact()
        };
        let error = made(asked(), &used).expect_err("in use").to_string();
        for part in ["orders", "unknown: eu-north-1: access denied", "override"] {
            assert!(error.contains(part), "{error}");
        }
        let mut overridden = asked();
        overridden.override_reason = Some("  ".into());
        made(overridden.clone(), &used).expect_err("no reason");
        overridden.override_reason = Some("its data is to be unreadable".into());
        made(overridden, &used).expect("a request");
    }

    #[test]
    fn what_cannot_hold_is_refused() {
        type Change = fn(&mut Asked);
        let cases: [(Change, &str); 9] = [
            (|asked| asked.parameters.pending_window_days = 6, "6 days"),
            (|asked| asked.parameters.pending_window_days = 31, "31 days"),
            (|asked| asked.expires_at = now(), "past"),
            (
                |asked| asked.expires_at = "2026-12-28T00:00:01Z".parse().expect("a time"),
                "more than 30 days",
            ),
            (
                |asked| asked.parameters.observation_hours = 12 * 24,
                "288 hours of observation",
            ),
            (|asked| asked.reason = " ".into(), "no reason"),
            (|asked| asked.requester = String::new(), "no requester"),
            (
                |asked| asked.key_arn = "arn:aws:kms:eu-west-1:111111111111:alias/a".into(),
                "alias/a",
            ),
            (
                |asked| asked.key_arn = "arn:aws:kms:eu-west-1:111111111111:key/other".into(),
                "key/other",
            ),
        ];
        for (change, what) in cases {
            let mut asked = asked();
            change(&mut asked);
            let error = made(asked, &impact()).expect_err(what).to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
