//! The certificates of an address, one for each kind of key, and the answer over HTTPS that a handshake brings along.

use crate::handshake::{Failed, Kind};
use crate::http::{Head, get};
use crate::measure::NO_HANDSHAKE;
use crate::{Prober, Target, unknown};
use jiff::Timestamp;
use lockfast_certificate::{Certificate, Checks, KeyType, LogList, judge};
use lockfast_tls::{
    Authentication, CipherSuite, Fact, KeyExchange, ProtocolVersion, Scan, Shown, Why,
    offered_suites, shown,
};
use serde_json::{Value, json};

/// What was seen, and what not.
struct Asked {
    seen: Vec<Seen>,
    failed: Vec<(Kind, Failed)>,
    head: Result<Head, String>,
}

/// A chain that a server showed.
struct Seen {
    /// What was asked for.
    kind: Kind,
    shown: Shown,
    /// The version in which it was shown in plaintext, with all that the hello had asked for beside it.
    plaintext: Option<ProtocolVersion>,
}

impl Seen {
    /// Whether it answers what another question would ask.
    fn is(&self, kind: Kind) -> bool {
        self.kind == kind || kind_of_leaf(&self.shown) == kind
    }
}

impl Prober {
    /// The certificates for each kind of key, and the head of the answer over HTTPS.
    pub(crate) async fn certificates(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        speaks: &Speaks,
    ) -> (Value, Result<Head, String>) {
        let mut asked = Asked {
            seen: Vec::new(),
            failed: Vec::new(),
            head: Err(NO_HANDSHAKE.to_owned()),
        };
        if speaks.modern {
            self.handshakes_of(target, wire, speaks, &mut asked).await;
        }
        let mut refused = Vec::new();
        for kind in [Kind::Ecdsa, Kind::Rsa] {
            // What no library offers any more (the key exchange of RSA, CBC, all before TLS 1.2) may be all that a kind is shown with:
            // that a library was turned down does not say that there is none.
            let Some(version) = speaks.may_show(kind) else {
                continue;
            };
            let unknown = |(of, failed): &(Kind, Failed)| {
                (*of == kind || *of == Kind::Any) && !failed.refused
            };
            if asked.seen.iter().any(|seen| seen.is(kind)) || asked.failed.iter().any(unknown) {
                continue;
            }
            match self.shown(wire, version, kind).await {
                Ok(shown) => asked.see(kind, shown, Some(version)),
                Err(why) => refused.push((kind, why)),
            }
        }
        // A library may fail where there is something to see; and there are servers of an age to have DSA.
        if asked.seen.is_empty()
            && let Some(version) = speaks.plaintext
        {
            match self.shown(wire, version, Kind::Any).await {
                Ok(shown) => asked.see(Kind::Any, shown, Some(version)),
                Err(why) => asked
                    .failed
                    .push((Kind::Any, Failed::because(why.to_string()))),
            }
        }
        // Whoever hangs up on a hello may be one that stumbles over long ones, unless it answered one: then it is its no.
        let answers = !asked.seen.is_empty();
        refused.retain(|(_, why)| !(why.is_refusal() || (answers && *why == Why::Closed)));
        for (kind, why) in refused {
            let failed = Failed::because(why.to_string());
            asked.failed.push((kind, failed));
        }
        let Asked { seen, failed, head } = asked;
        if seen.is_empty() {
            let of_one = failed.iter().find(|(_, failed)| !failed.refused);
            let why = of_one.or(failed.first());
            let why = why.map(|(_, failed)| failed.why.clone());
            let why = why.unwrap_or_else(|| "the server speaks no version that shows them".into());
            return (unknown("handshake", &why), head);
        }
        let mut certificates = Vec::new();
        for seen in seen {
            certificates.push(self.judged(target, wire, seen, speaks).await);
        }
        // A server that says no to one kind has none of it; one that says nothing may.
        for (kind, failed) in failed.iter().filter(|(_, failed)| !failed.refused) {
            certificates.push(unknown(&format!("{} handshake", kind.name()), &failed.why));
        }
        (certificates.into(), head)
    }

    /// What shows in handshakes of a library, as most clients make them.
    async fn handshakes_of(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        speaks: &Speaks,
        asked: &mut Asked,
    ) {
        // Where there is TLS 1.2, plaintext tells of the other kind at less cost for both sides. This handshake prefers curves, as TLS 1.3
        // may have them beside. What stays unseen is a certificate that is shown in TLS 1.3 alone, and there only to clients that take
        // no other.
        if speaks.plaintext == Some(ProtocolVersion::Tls12) {
            return self.handshake(target, wire, Kind::Any, asked).await;
        }
        for kind in [Kind::Ecdsa, Kind::Rsa] {
            self.handshake(target, wire, kind, asked).await;
        }
        // Some servers want that all of their chain is signed by what is offered, and so turn down each kind alone.
        if asked.seen.is_empty() && asked.failed.iter().all(|(_, failed)| failed.refused) {
            self.handshake(target, wire, Kind::Any, asked).await;
        }
    }

    async fn handshake(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        kind: Kind,
        asked: &mut Asked,
    ) {
        let (shown, outcome) = self.shake(target, wire, kind).await;
        match outcome {
            Ok(stream) if self.asks_https(target) && asked.head.is_err() => {
                let host = host_field(target);
                asked.head = get(stream, &host, "/", self.settings.scan.limits.answer).await;
            }
            Ok(_) => {}
            Err(error) => {
                if asked.seen.is_empty() {
                    asked.head = Err(error.why.clone());
                }
                if shown.is_none() {
                    asked.failed.push((kind, error));
                }
            }
        }
        if let Some(shown) = shown {
            asked.see(kind, shown, None);
        }
    }

    /// What a chain says, as the record has it.
    async fn judged(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        seen: Seen,
        speaks: &Speaks,
    ) -> Value {
        let asked_for = target.asked_for();
        let Seen {
            kind,
            mut shown,
            plaintext,
        } = seen;
        let of_key = kind_of_leaf(&shown);
        let judge = |shown: &Shown| {
            let mut judged = judge(
                &shown.chain,
                &Checks {
                    host: Some(&asked_for),
                    roots: &self.roots,
                    given_roots_too: true,
                    now: Timestamp::now(),
                    stapled_ocsp: shown.ocsp.as_deref(),
                    // SSLv3 has no extension to ask for it.
                    may_staple: plaintext != Some(ProtocolVersion::Ssl3),
                    tls_scts: shown.timestamps.as_deref(),
                    logs: LogList::pinned(),
                },
            );
            // Who asked for whichever kind says which it got.
            if kind != Kind::Any {
                judged.r#for = kind.name().into();
            }
            judged
        };
        let mut judged = judge(&shown);
        // Timestamps may also come beside the certificate, in an extension that rustls leaves out.
        let transparency = judged.transparency.value();
        let lacking =
            transparency.is_some_and(|said| said.required && said.kept.value() != Some(&true));
        if lacking && plaintext.is_none() {
            let beside = match speaks.may_show(of_key) {
                Some(version) => self
                    .shown(wire, version, of_key)
                    .await
                    .map_err(|why| why.to_string()),
                None => {
                    Err("in TLS 1.3 they may come in an extension that was not asked for".into())
                }
            };
            let beside =
                beside.and_then(|beside| match beside.chain.first() == shown.chain.first() {
                    true => Ok(beside),
                    false => Err(
                        "another certificate was shown to the hello that asked for the extension"
                            .into(),
                    ),
                });
            match beside {
                Ok(beside) => {
                    shown.timestamps = beside.timestamps;
                    judged = judge(&shown);
                }
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

    /// What is shown in plaintext to who offers the suites of this kind.
    async fn shown(
        &self,
        wire: &lockfast_tls::Target,
        version: ProtocolVersion,
        kind: Kind,
    ) -> Result<Shown, Why> {
        let mut suites = offered_suites(version);
        suites.retain(|suite| kind == Kind::Any || kind_of_suite(*suite) == Some(kind));
        let limits = self.settings.scan.limits;
        shown(wire, version, suites, limits, &self.pace).await
    }
}

impl Asked {
    /// Keeps a chain, unless it was seen before.
    fn see(&mut self, kind: Kind, shown: Shown, plaintext: Option<ProtocolVersion>) {
        if !self.seen.iter().any(|seen| seen.shown.chain == shown.chain) {
            self.seen.push(Seen {
                kind,
                shown,
                plaintext,
            });
        }
    }
}

/// Which kind of certificate a suite is used with; none where it is of another kind, or there is no certificate.
fn kind_of_suite(suite: CipherSuite) -> Option<Kind> {
    match (suite.key_exchange()?, suite.authentication()?) {
        // The key in the certificate is on a curve, whoever signed it (RFC 8422, section 2).
        (KeyExchange::Ecdh, _) => Some(Kind::Ecdsa),
        (KeyExchange::Dh, _) => None,
        (_, Authentication::Rsa) => Some(Kind::Rsa),
        (_, Authentication::Ecdsa) => Some(Kind::Ecdsa),
        _ => None,
    }
}

/// Which kind a certificate is, by its key.
fn kind_of_leaf(shown: &Shown) -> Kind {
    let leaf = shown.chain.first();
    let leaf = leaf.and_then(|der| Certificate::parse(der).ok());
    match leaf.map(|leaf| leaf.key.key_type) {
        Some(KeyType::Rsa) => Kind::Rsa,
        Some(KeyType::Ec | KeyType::Ed25519 | KeyType::Ed448) => Kind::Ecdsa,
        _ => Kind::Any,
    }
}

/// The name that HTTP asks for, with its port unless it is the usual one (RFC 9110, section 7.2).
fn host_field(target: &Target) -> String {
    let host = target.host_in_url();
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
    plaintext: Option<ProtocolVersion>,
    /// The highest of these in which a certificate with an RSA key may be shown, and in which one with a key on a curve.
    rsa: Option<ProtocolVersion>,
    ecdsa: Option<ProtocolVersion>,
    /// Why it is not known, if it is not.
    pub unknown: Option<String>,
}

impl Speaks {
    /// Where nothing is known.
    pub fn anything() -> Self {
        let tls12 = Some(ProtocolVersion::Tls12);
        Speaks {
            modern: true,
            something: true,
            plaintext: tls12,
            rsa: tls12,
            ecdsa: tls12,
            unknown: None,
        }
    }

    pub fn of(scan: &Scan) -> Self {
        let accepted = scan.accepted_versions();
        let in_plaintext = |version: &ProtocolVersion| {
            (ProtocolVersion::Ssl3..=ProtocolVersion::Tls12).contains(version)
        };
        let plaintext: Vec<_> = accepted.iter().copied().filter(in_plaintext).collect();
        // Unless it is known that there is no suite of the kind, there may be one.
        let may_show = |version: &ProtocolVersion, kind: Kind| match listed(scan, *version) {
            Some(suites) => suites
                .iter()
                .any(|suite| kind_of_suite(*suite) == Some(kind)),
            None => true,
        };
        let highest = |kind| {
            let mut versions = plaintext.iter().rev().copied();
            versions.find(|version| may_show(version, kind))
        };
        let tls12 = ProtocolVersion::Tls12;
        Speaks {
            modern: accepted.iter().any(|version| *version >= tls12),
            something: accepted
                .iter()
                .any(|version| *version >= ProtocolVersion::Ssl3),
            plaintext: plaintext.last().copied(),
            rsa: highest(Kind::Rsa),
            ecdsa: highest(Kind::Ecdsa),
            unknown: scan
                .versions
                .values()
                .find_map(Fact::why)
                .map(ToString::to_string),
        }
    }

    /// The version up to TLS 1.2 in which a kind of certificate is shown, if it may be in one.
    fn may_show(&self, kind: Kind) -> Option<ProtocolVersion> {
        match kind {
            Kind::Rsa => self.rsa,
            Kind::Ecdsa => self.ecdsa,
            Kind::Any => self.plaintext,
        }
    }
}

/// All suites that a version accepts, where that is known.
fn listed(scan: &Scan, version: ProtocolVersion) -> Option<&[CipherSuite]> {
    let listing = scan.full.as_ref()?.suites.get(&version)?;
    listing.open.is_none().then_some(&listing.accepted[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_tell_the_kind_of_certificate() {
        let kind = |number| kind_of_suite(CipherSuite(number));
        // TLS_RSA_WITH_AES_128_CBC_SHA, ECDHE_RSA, DHE_RSA.
        for suite in [0x002F, 0xC02F, 0x009E] {
            assert_eq!(kind(suite), Some(Kind::Rsa), "{suite:x}");
        }
        // ECDHE_ECDSA, ECDH_ECDSA, ECDH_RSA.
        for suite in [0xC02B, 0xC004, 0xC00E] {
            assert_eq!(kind(suite), Some(Kind::Ecdsa), "{suite:x}");
        }
        // DHE_DSS, DH_anon, ECDH_anon, RSA_PSK, TLS 1.3.
        for suite in [0x0032, 0x0034, 0xC018, 0x0094, 0x1301] {
            assert_eq!(kind(suite), None, "{suite:x}");
        }
    }
}
