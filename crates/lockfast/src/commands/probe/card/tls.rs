//! Versions, suites, key exchange and weaknesses.

use super::{BAD, Card, FAINT, GOOD, OPEN, PLAIN, text, why};
use serde_json::Value;

/// Versions from the oldest, as the record names them, and as people do.
const VERSIONS: [(&str, &str); 6] = [
    ("SSLv2", "SSL 2"),
    ("SSLv3", "SSL 3"),
    ("TLSv1", "TLS 1.0"),
    ("TLSv1.1", "TLS 1.1"),
    ("TLSv1.2", "TLS 1.2"),
    ("TLSv1.3", "TLS 1.3"),
];

/// What suites should have or not be, by the entry that holds an example of one that is worse.
const SUITES: [(&str, &str, &str); 3] = [
    (
        "WithoutForwardSecrecy",
        "without forward secrecy",
        "forward secrecy",
    ),
    ("WithoutAead", "without AEAD", "AEAD"),
    ("Broken", "broken", "broken ones"),
];

/// Weaknesses, and the value that means them.
const WEAKNESSES: [(&str, bool, &str); 4] = [
    ("Heartbleed", true, "Heartbleed"),
    ("CcsInjection", true, "CCS injection"),
    ("Compression", true, "compression"),
    ("SecureRenegotiation", false, "insecure renegotiation"),
];

/// Why nothing is known of the versions, if nothing is.
pub(super) fn silent(tls: &Value) -> Option<String> {
    let versions = tls.get("Versions")?.as_object()?;
    let whys: Option<Vec<String>> = versions.values().map(|value| why(Some(value))).collect();
    whys?.into_iter().next()
}

impl Card {
    pub(super) fn tls(&mut self, tls: Option<&Value>) {
        let Some(tls) = tls else {
            return;
        };
        self.versions(tls);
        let picked = tls.get("Accepted").and_then(Value::as_array);
        let picked = picked.map(Vec::as_slice).unwrap_or_default();
        if !picked.is_empty() {
            let mut suites: Vec<String> = picked.iter().map(|pick| text(pick, "Suite")).collect();
            suites.dedup();
            self.row("picks", PLAIN, &suites.join(", "));
            self.suites(tls);
            self.groups(tls, picked);
        }
        self.weaknesses(tls);
        for (title, all) in [("all suites", "Suites"), ("all groups", "Groups")] {
            let all = tls.get(all).and_then(Value::as_object);
            let rows = all.into_iter().flatten().map(|(key, names)| {
                let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                (PLAIN, format!("{}: {}", version(key), names.join(", ")))
            });
            self.rows(title, rows);
        }
    }

    /// How many connections it took, where everything is shown.
    pub(super) fn connections(&mut self, tls: Option<&Value>) {
        if let (true, Some(connections)) = (
            self.look.verbose,
            tls.and_then(|tls| tls.get("Connections")),
        ) {
            self.row("connections", FAINT, &connections.to_string());
        }
    }

    fn versions(&mut self, tls: &Value) {
        let of = |name: &str| tls.get("Versions").and_then(|versions| versions.get(name));
        let named = |wanted: &dyn Fn(&str) -> bool| {
            let named = VERSIONS.iter().rev().filter(|(name, _)| wanted(name));
            let named: Vec<&str> = named.map(|(_, shown)| *shown).collect();
            named.join(", ")
        };
        let is = |name: &str| of(name) == Some(&Value::Bool(true));
        let old = |name: &str| VERSIONS[..4].iter().any(|(old, _)| *old == name);
        let mut rows = Vec::new();
        let mut add = |style, before: &str, versions: String, after: String| {
            if !versions.is_empty() {
                rows.push((style, format!("{before}{versions}{after}")));
            }
        };
        add(
            GOOD,
            "",
            named(&|name| is(name) && !old(name)),
            String::new(),
        );
        add(
            BAD,
            "old: ",
            named(&|name| is(name) && old(name)),
            String::new(),
        );
        if let Some(why) = VERSIONS.iter().find_map(|(name, _)| why(of(name))) {
            let open = named(&|name| self::why(of(name)).is_some());
            add(OPEN, "unknown: ", open, format!(" ({why})"));
        }
        if rows.is_empty() {
            rows.push((BAD, "none: it speaks no TLS".to_owned()));
        }
        self.rows("versions", rows);
    }

    fn suites(&mut self, tls: &Value) {
        let mut rows = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        let mut because = None;
        for (name, is, asked) in SUITES {
            let value = tls.get(name);
            if let Some(suite) = value.and_then(|value| value.get("Suite")?.as_str()) {
                rows.push((BAD, format!("{is}: {suite}")));
            } else if let Some(why) = why(value) {
                open.push(asked);
                because = because.or(Some(why));
            }
        }
        if let Some(why) = because {
            rows.push((OPEN, format!("unknown: {} ({why})", open.join(", "))));
        }
        if rows.is_empty() {
            let all = "all that were tried have forward secrecy and AEAD";
            rows.push((GOOD, all.to_owned()));
        }
        self.rows("suites", rows);
    }

    fn groups(&mut self, tls: &Value, picked: &[Value]) {
        let quantum = match tls.get("PostQuantum") {
            Some(Value::String(group)) => format!("{group} (post-quantum)"),
            Some(Value::Bool(false)) => "none that withstands a quantum computer".into(),
            other => match why(other) {
                Some(why) => format!("unknown whether post-quantum ({why})"),
                None => String::new(),
            },
        };
        let groups = picked.iter().map(|pick| text(pick, "Group"));
        let mut groups: Vec<String> = groups
            .filter(|group| !group.is_empty() && !quantum.starts_with(group.as_str()))
            .collect();
        groups.dedup();
        groups.extend((!quantum.is_empty()).then_some(quantum));
        self.row("key exchange", PLAIN, &groups.join("; "));
    }

    fn weaknesses(&mut self, tls: &Value) {
        let (mut found, mut none, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let mut because = None;
        for (name, bad, shown) in WEAKNESSES {
            match tls.get(name) {
                Some(Value::Bool(is)) if *is == bad => found.push(shown),
                Some(Value::Bool(_)) => none.push(shown),
                Some(unknown) => {
                    open.push(shown);
                    because = because.or(why(Some(unknown)));
                }
                None => {}
            }
        }
        let because = because.unwrap_or_default();
        let rows = [
            (!found.is_empty(), BAD, found.join(", ")),
            (!none.is_empty(), GOOD, format!("no {}", none.join(", no "))),
            (
                !open.is_empty(),
                OPEN,
                format!("unknown: {} ({because})", open.join(", ")),
            ),
        ];
        let rows = rows.into_iter().filter(|(is, ..)| *is);
        self.rows("weaknesses", rows.map(|(_, style, said)| (style, said)));
    }
}

/// A version as people write it: `TLS 1.2`.
pub(in crate::commands::probe) fn version(key: &str) -> &str {
    let mut versions = VERSIONS.iter();
    versions
        .find(|(name, _)| *name == key)
        .map_or(key, |(_, shown)| shown)
}
