//! A scan as the record of a probed endpoint has it (type `Lockfast::Network::Endpoint`, entry `Tls` of an address).
//!
//! What is unknown is `{"$unknown":{"call":…,"error":…}}` in its place, the call being the question's name. What was
//! not asked is left out.

use crate::{Enumeration, Fact, Listing, Pick, Plaintext, ProtocolVersion, Scan, Why};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::fmt::Display;

impl Scan {
    /// The object `Tls` of the record.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let versions = self.versions.iter().map(|(version, fact)| {
            let key = version.key();
            let value = match fact {
                Fact::Known(speaks) => json!(speaks),
                Fact::Unknown(why) => unknown(key, why),
            };
            (key.to_owned(), value)
        });
        out.insert("Versions".to_owned(), Value::Object(versions.collect()));
        let picks = self.picks.values().rev().map(accepted);
        out.insert("Accepted".to_owned(), Value::Array(picks.collect()));
        let example = |found: &Option<Pick>| found.as_ref().map_or(json!(false), version_and_suite);
        let truth = |holds: &bool| json!(holds);
        put(
            &mut out,
            "WithoutForwardSecrecy",
            &self.without_forward_secrecy,
            example,
        );
        put(&mut out, "WithoutAead", &self.without_aead, example);
        put(&mut out, "Broken", &self.broken, example);
        put(&mut out, "ServerPreference", &self.server_preference, truth);
        put(&mut out, "PostQuantum", &self.post_quantum, |group| {
            group.map_or(json!(false), |group| json!(group.to_string()))
        });
        put(&mut out, "Compression", &self.compression, truth);
        put(
            &mut out,
            "SecureRenegotiation",
            &self.secure_renegotiation,
            truth,
        );
        put(
            &mut out,
            "FallbackProtection",
            &self.fallback_protection,
            truth,
        );
        put(&mut out, "Heartbleed", &self.heartbleed, truth);
        put(&mut out, "CcsInjection", &self.ccs_injection, truth);
        put(&mut out, "SessionTickets", &self.session_tickets, truth);
        put(&mut out, "Alpn", &self.alpn, |names| json!(names));
        if let Some(full) = &self.full {
            let (suites, groups) = listings(full);
            out.insert("Suites".to_owned(), suites);
            out.insert("Groups".to_owned(), groups);
        }
        out.insert("Connections".to_owned(), json!(self.connections));
        Value::Object(out)
    }
}

impl Serialize for Scan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl Plaintext {
    /// The object `Plaintext` of the record.
    pub fn to_json(&self) -> Value {
        match self {
            Plaintext::Refused { answer } => json!({"Refused": true, "Answer": answer}),
            Plaintext::Accepted { answer } => json!({"Refused": false, "Answer": answer}),
            Plaintext::Unknown(why) => json!({"Refused": unknown("Refused", why)}),
        }
    }
}

impl Serialize for Plaintext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// Puts a fact under its key, unless it was not asked for.
fn put<T>(out: &mut Map<String, Value>, key: &str, fact: &Fact<T>, known: impl Fn(&T) -> Value) {
    match fact {
        Fact::Known(value) => drop(out.insert(key.to_owned(), known(value))),
        Fact::Unknown(Why::NotAsked(_)) => {}
        Fact::Unknown(why) => drop(out.insert(key.to_owned(), unknown(key, why))),
    }
}

fn unknown(call: &str, why: &Why) -> Value {
    json!({"$unknown": {"call": call, "error": why.to_string()}})
}

fn accepted(pick: &Pick) -> Value {
    let mut out = version_and_suite(pick);
    if let (Some(group), Value::Object(out)) = (pick.group, &mut out) {
        out.insert("Group".to_owned(), json!(group.to_string()));
    }
    out
}

fn version_and_suite(pick: &Pick) -> Value {
    json!({"Version": pick.version.key(), "Suite": pick.suite.to_string()})
}

/// All suites and all groups by version. A listing that may be longer is unknown, for what is missing in it would be
/// taken for refused.
fn listings(full: &Enumeration) -> (Value, Value) {
    let mut suites = Map::new();
    for (version, listing) in full.suites.iter().rev() {
        suites.insert(version.key().to_owned(), names(version.key(), listing));
    }
    let older = full.suites.range(..=ProtocolVersion::Tls12).next_back();
    let older = older.map(|(version, _)| *version);
    let mut groups = Map::new();
    for (version, listing) in [
        (Some(ProtocolVersion::Tls13), &full.tls13_groups),
        (older, &full.tls12_groups),
    ] {
        if let (Some(version), Some(listing)) = (version, listing) {
            groups.insert(version.key().to_owned(), names(version.key(), listing));
        }
    }
    (Value::Object(suites), Value::Object(groups))
}

fn names<T: Display>(call: &str, listing: &Listing<T>) -> Value {
    match &listing.open {
        Some(why) => unknown(call, why),
        None => listing.accepted.iter().map(T::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CipherSuite, NamedGroup};
    use std::collections::BTreeMap;

    fn pick(version: ProtocolVersion, suite: u16) -> Pick {
        Pick {
            version,
            suite: CipherSuite(suite),
            group: Some(NamedGroup::X25519),
            hello: None,
        }
    }

    #[test]
    fn a_scan_in_the_words_of_the_record() {
        let tls13 = pick(ProtocolVersion::Tls13, 0x1301);
        let listing = |open| Listing {
            accepted: vec![CipherSuite(0x1301)],
            open,
        };
        let not_asked = || Why::NotAsked("there is no version below TLS 1.2 to fall back to");
        let scan = Scan {
            versions: BTreeMap::from([
                (ProtocolVersion::Ssl3, Fact::Known(false)),
                (ProtocolVersion::Tls11, Fact::Unknown(Why::Reset)),
                (ProtocolVersion::Tls13, Fact::Known(true)),
            ]),
            picks: BTreeMap::from([(ProtocolVersion::Tls13, tls13)]),
            ssl2_kinds: Vec::new(),
            without_forward_secrecy: Fact::Known(None),
            without_aead: Fact::Unknown(Why::Reset),
            broken: Fact::Known(Some(pick(ProtocolVersion::Tls10, 0x000A))),
            server_preference: Fact::Known(true),
            post_quantum: Fact::Known(Some(NamedGroup::X25519_MLKEM768)),
            compression: Fact::Known(false),
            secure_renegotiation: Fact::Unknown(not_asked()),
            fallback_protection: Fact::Unknown(not_asked()),
            alpn: Fact::Known(vec!["h2".to_owned()]),
            session_tickets: Fact::Known(false),
            heartbleed: Fact::Known(false),
            ccs_injection: Fact::Unknown(Why::TimedOut),
            full: Some(Enumeration {
                suites: BTreeMap::from([
                    (ProtocolVersion::Tls12, listing(Some(Why::Reset))),
                    (ProtocolVersion::Tls13, listing(None)),
                ]),
                tls13_groups: Some(Listing {
                    accepted: vec![NamedGroup::X25519],
                    open: None,
                }),
                tls12_groups: None,
            }),
            connections: 9,
        };
        let reset = |call| json!({"$unknown": {"call": call, "error": "the connection was reset"}});
        let expected = json!({
            "Versions": {"SSLv3": false, "TLSv1.1": reset("TLSv1.1"), "TLSv1.3": true},
            "Accepted": [{"Version": "TLSv1.3", "Suite": "TLS_AES_128_GCM_SHA256", "Group": "x25519"}],
            "WithoutForwardSecrecy": false,
            "WithoutAead": reset("WithoutAead"),
            "Broken": {"Version": "TLSv1", "Suite": "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
            "ServerPreference": true,
            "PostQuantum": "X25519MLKEM768",
            "Compression": false,
            "Heartbleed": false,
            "CcsInjection": {"$unknown": {"call": "CcsInjection", "error": "no answer in time"}},
            "SessionTickets": false,
            "Alpn": ["h2"],
            "Suites": {"TLSv1.3": ["TLS_AES_128_GCM_SHA256"], "TLSv1.2": reset("TLSv1.2")},
            "Groups": {"TLSv1.3": ["x25519"]},
            "Connections": 9,
        });
        assert_eq!(serde_json::to_value(&scan).unwrap(), expected);
    }

    #[test]
    fn plaintext_in_the_words_of_the_record() {
        let answer = "FATAL 28000: no encryption".to_owned();
        let refused = Plaintext::Refused { answer };
        assert_eq!(
            refused.to_json(),
            json!({"Refused": true, "Answer": "FATAL 28000: no encryption"})
        );
        let unknown = serde_json::to_string(&Plaintext::Unknown(Why::TimedOut)).unwrap();
        assert_eq!(
            unknown,
            r#"{"Refused":{"$unknown":{"call":"Refused","error":"no answer in time"}}}"#
        );
    }
}
