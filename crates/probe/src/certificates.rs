//! The certificates of an address, one for each kind of key, and the answer over HTTPS that a handshake brings along.

use crate::handshake::{Failed, Kind};
use crate::http::get;
use crate::measure::NO_HANDSHAKE;
use crate::{Prober, Target, unknown};
use jiff::Timestamp;
use lockfast_certificate::{Checks, LogList, judge};
use lockfast_tls::{Fact, Protocol, ProtocolVersion, Scan, Shown, Why, offered_suites, shown};
use serde_json::{Value, json};

impl Prober {
    /// The certificates for each kind of key, and the head of the answer over HTTPS.
    pub(crate) async fn certificates(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        speaks: &Speaks,
    ) -> (Value, Result<crate::http::Head, String>) {
        let mut seen: Vec<(Kind, Shown)> = Vec::new();
        let mut failed: Vec<(Kind, Failed)> = Vec::new();
        let mut head = Err(NO_HANDSHAKE.to_owned());
        if speaks.modern {
            for kind in [Kind::Ecdsa, Kind::Rsa, Kind::Any] {
                // Some servers want that all of their chain is signed by what is offered, and so turn down each kind alone.
                if kind == Kind::Any
                    && !(seen.is_empty() && failed.iter().all(|(_, failed)| failed.refused))
                {
                    continue;
                }
                let (shown, outcome) = self.shake(target, wire, kind).await;
                match outcome {
                    Ok(stream) if target.protocol == Protocol::Https && head.is_err() => {
                        let host = host_field(target);
                        head = get(stream, &host, "/", self.settings.scan.limits.answer).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        head = head.map_err(|_| error.why.clone());
                        if shown.is_none() {
                            failed.push((kind, error));
                        }
                    }
                }
                if let Some(shown) = shown
                    && !seen.iter().any(|(_, other)| other.chain == shown.chain)
                {
                    seen.push((kind, shown));
                }
            }
        }
        // Versions that no library speaks any more show theirs in plaintext.
        if seen.is_empty()
            && let Some(version) = speaks.plaintext
        {
            match self.shown(wire, version).await {
                Ok(shown) => seen.push((Kind::Any, shown)),
                Err(why) => failed.push((Kind::Any, Failed::because(why.to_string()))),
            }
        }
        if seen.is_empty() {
            let why = failed.first().map(|(_, failed)| failed.why.clone());
            let why = why.unwrap_or_else(|| "the server speaks no version that shows them".into());
            return (unknown("handshake", &why), head);
        }
        let mut certificates = Vec::new();
        for (kind, shown) in seen {
            certificates.push(self.judged(target, wire, kind, shown, speaks).await);
        }
        // A server that says no to one kind has none of it; one that says nothing may.
        for (kind, failed) in failed.iter().filter(|(_, failed)| !failed.refused) {
            certificates.push(unknown(&format!("{} handshake", kind.name()), &failed.why));
        }
        (certificates.into(), head)
    }

    /// What a chain says, as the record has it.
    async fn judged(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        kind: Kind,
        mut shown: Shown,
        speaks: &Speaks,
    ) -> Value {
        let asked = target.asked_for();
        let judge = |shown: &Shown| {
            let mut judged = judge(
                &shown.chain,
                &Checks {
                    host: Some(&asked),
                    roots: &self.roots,
                    given_roots_too: true,
                    now: Timestamp::now(),
                    stapled_ocsp: shown.ocsp.as_deref(),
                    tls_scts: shown.timestamps.as_deref(),
                    logs: LogList::pinned(),
                },
            );
            judged.r#for = kind.name().into();
            judged
        };
        let mut judged = judge(&shown);
        // Timestamps may also come beside the certificate, in an extension that rustls leaves out.
        let transparency = judged.transparency.value();
        let lacking =
            transparency.is_some_and(|said| said.required && said.kept.value() != Some(&true));
        if lacking && shown.timestamps.is_none() {
            let beside = match speaks.plaintext {
                Some(version) => self
                    .shown(wire, version)
                    .await
                    .map_err(|why| why.to_string()),
                None => {
                    Err("in TLS 1.3 they may come in an extension that was not asked for".into())
                }
            };
            match beside {
                Ok(beside) if beside.chain.first() == shown.chain.first() => {
                    shown.timestamps = beside.timestamps;
                    judged = judge(&shown);
                }
                Ok(_) => {}
                Err(why) => {
                    if let lockfast_certificate::Fact::Known(said) = &mut judged.transparency {
                        said.kept = lockfast_certificate::Fact::unknown(
                            "signed_certificate_timestamp",
                            why,
                        );
                    }
                }
            }
        }
        json!(judged)
    }

    pub(crate) async fn shown(
        &self,
        wire: &lockfast_tls::Target,
        version: ProtocolVersion,
    ) -> Result<Shown, Why> {
        shown(
            wire,
            version,
            offered_suites(version),
            self.settings.scan.limits,
            &self.pace,
        )
        .await
    }
}

/// The name that HTTP asks for, with its port unless it is the usual one (RFC 9110, section 7.2).
fn host_field(target: &Target) -> String {
    let host = match &target.server_name {
        Some(name) => name.clone(),
        None => target.host.to_string(),
    };
    match target.port {
        443 => host,
        port => format!("{host}:{port}"),
    }
}

/// What the scan says of whether, and how, hands can be shaken.
#[derive(Debug)]
pub(crate) struct Speaks {
    /// A version that rustls speaks.
    pub modern: bool,
    /// A version from SSLv3 on.
    pub something: bool,
    /// The highest version in which certificates are no secret.
    pub plaintext: Option<ProtocolVersion>,
    /// Why it is not known, if it is not.
    pub unknown: Option<String>,
}

impl Speaks {
    pub fn of(scan: &Scan) -> Self {
        let accepted = scan.accepted_versions();
        Speaks {
            modern: accepted
                .iter()
                .any(|version| *version >= ProtocolVersion::Tls12),
            something: accepted
                .iter()
                .any(|version| *version >= ProtocolVersion::Ssl3),
            plaintext: accepted
                .iter()
                .copied()
                .filter(|version| {
                    (ProtocolVersion::Ssl3..=ProtocolVersion::Tls12).contains(version)
                })
                .max(),
            unknown: scan
                .versions
                .values()
                .find_map(Fact::why)
                .map(ToString::to_string),
        }
    }
}
