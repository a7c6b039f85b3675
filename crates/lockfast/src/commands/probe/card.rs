//! What was measured of an endpoint, for a person at a terminal.

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use std::fmt::Write;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default();

/// Versions from the oldest, as the record names them, and as people do.
const VERSIONS: [(&str, &str); 6] = [
    ("SSLv2", "SSL 2"),
    ("SSLv3", "SSL 3"),
    ("TLSv1", "TLS 1.0"),
    ("TLSv1.1", "TLS 1.1"),
    ("TLSv1.2", "TLS 1.2"),
    ("TLSv1.3", "TLS 1.3"),
];

/// The card of an endpoint's record. It shows facts in the colour of what is usually thought of them; the verdicts are below it.
pub(super) fn card(name: &str, record: &Value, now: jiff::Timestamp) -> String {
    let mut card = Card(String::new());
    let protocol = text(record, "Protocol");
    let role = record.get("Role").and_then(Value::as_str).map(words);
    let bold = Style::new().bold();
    let _ = writeln!(
        card.0,
        "{bold}{name}{bold:#}  {protocol}{}",
        role.map(|role| format!(", {role}")).unwrap_or_default()
    );
    if let Some(why) = why(record.get("Addresses")) {
        card.row("address", OPEN, &format!("unknown: {why}"));
    }
    if let Some(out) = record.get("OutOfReach").and_then(Value::as_array) {
        let names: Vec<&str> = out.iter().filter_map(Value::as_str).collect();
        card.row("no route to", OPEN, &names.join(", "));
    }
    let addresses = record.get("Addresses").and_then(Value::as_array);
    let addresses = addresses.map(Vec::as_slice).unwrap_or_default();
    for address in addresses {
        if address.get("Listening") == Some(&Value::Bool(false)) {
            let said = format!("{}: nothing listens there", text(address, "Address"));
            card.row("address", Style::new().dimmed(), &said);
            continue;
        }
        if addresses.len() > 1 || text(address, "Address") != text(record, "Host") {
            card.row("address", Style::new(), &text(address, "Address"));
        }
        card.tls(address.get("Tls"));
        card.certificates(address.get("Certificates"), now);
        card.plain(address);
    }
    card.0
}

struct Card(String);

impl Card {
    fn row(&mut self, title: &str, style: Style, said: &str) {
        let faint = Style::new().dimmed();
        // Servers' words are among it: nothing of theirs moves the cursor.
        let said: String = said.chars().filter(|c| !c.is_control()).collect();
        let _ = writeln!(
            self.0,
            "  {faint}{title:<13}{faint:#} {style}{said}{style:#}"
        );
    }

    fn tls(&mut self, tls: Option<&Value>) {
        let Some(tls) = tls else {
            return;
        };
        let of = |name: &str| tls.get("Versions").and_then(|versions| versions.get(name));
        let named = |wanted: &dyn Fn(&str) -> bool| {
            let named = VERSIONS.iter().rev().filter(|(name, _)| wanted(name));
            named
                .map(|(_, shown)| *shown)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let spoken = named(&|name| of(name) == Some(&Value::Bool(true)));
        let old = VERSIONS[..4]
            .iter()
            .any(|(name, _)| of(name) == Some(&Value::Bool(true)));
        let unknown = VERSIONS.iter().find_map(|(name, _)| why(of(name)));
        let style = match (old, &unknown) {
            (true, _) => BAD,
            (_, Some(_)) => OPEN,
            _ => GOOD,
        };
        let mut said = if spoken.is_empty() {
            "none that is known".to_owned()
        } else {
            spoken
        };
        if let Some(why) = unknown {
            let open = named(&|name| self::why(of(name)).is_some());
            let _ = write!(said, "; unknown: {open} ({why})");
        }
        self.row("versions", style, &said);
        let picked = tls.get("Accepted").and_then(Value::as_array);
        let picked = picked.map(Vec::as_slice).unwrap_or_default();
        if !picked.is_empty() {
            let suites = picked.iter().map(|pick| text(pick, "Suite"));
            let weak: Vec<String> = [
                ("WithoutForwardSecrecy", "without forward secrecy"),
                ("WithoutAead", "without AEAD"),
                ("Broken", "broken"),
            ]
            .into_iter()
            .filter_map(|(name, is)| {
                let suite = tls.get(name)?.get("Suite")?.as_str()?;
                Some(format!("{suite} ({is})"))
            })
            .collect();
            let style = if weak.is_empty() { GOOD } else { BAD };
            let mut seen: Vec<String> = suites.collect();
            seen.dedup();
            self.row("picks", Style::new(), &seen.join(", "));
            match weak.is_empty() {
                true => self.row(
                    "suites",
                    style,
                    "all that were tried have forward secrecy and AEAD",
                ),
                false => self.row("suites", style, &format!("also {}", weak.join(", "))),
            }
            let groups: Vec<String> = picked
                .iter()
                .map(|pick| text(pick, "Group"))
                .filter(|g| !g.is_empty())
                .collect();
            let quantum = match tls.get("PostQuantum") {
                Some(Value::String(group)) => format!("{group} (post-quantum)"),
                Some(Value::Bool(false)) => "none that withstands a quantum computer".into(),
                _ => String::new(),
            };
            let mut groups: Vec<String> = groups
                .into_iter()
                .filter(|group| !quantum.starts_with(group.as_str()))
                .collect();
            groups.dedup();
            groups.extend((!quantum.is_empty()).then_some(quantum));
            self.row("key exchange", Style::new(), &groups.join(", "));
        }
        self.weaknesses(tls);
        if let Some(suites) = tls.get("Suites").and_then(Value::as_object) {
            for (version, suites) in suites {
                let suites = suites.as_array().map(Vec::as_slice).unwrap_or_default();
                let names: Vec<&str> = suites.iter().filter_map(Value::as_str).collect();
                self.row(version, Style::new(), &names.join(", "));
            }
        }
        if let Some(connections) = tls.get("Connections") {
            self.row(
                "connections",
                Style::new().dimmed(),
                &connections.to_string(),
            );
        }
    }

    fn weaknesses(&mut self, tls: &Value) {
        let rows = [
            ("Heartbleed", true, "Heartbleed"),
            ("CcsInjection", true, "CCS injection"),
            ("Compression", true, "compression"),
            ("SecureRenegotiation", false, "insecure renegotiation"),
        ];
        let (mut found, mut none, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for (name, bad, shown) in rows {
            match tls.get(name) {
                Some(Value::Bool(is)) if *is == bad => found.push(shown),
                Some(Value::Bool(_)) => none.push(shown),
                Some(_) => open.push(shown),
                None => {}
            }
        }
        if !found.is_empty() {
            self.row("weaknesses", BAD, &found.join(", "));
        }
        if !none.is_empty() {
            self.row("weaknesses", GOOD, &format!("no {}", none.join(", no ")));
        }
        if !open.is_empty() {
            self.row(
                "weaknesses",
                Style::new().dimmed(),
                &format!("cannot be told: {}", open.join(", ")),
            );
        }
    }

    fn certificates(&mut self, certificates: Option<&Value>, now: jiff::Timestamp) {
        if let Some(why) = why(certificates) {
            return self.row("certificate", OPEN, &format!("unknown: {why}"));
        }
        let certificates = certificates.and_then(Value::as_array);
        for certificate in certificates.map(Vec::as_slice).unwrap_or_default() {
            self.certificate(certificate, now);
        }
    }

    fn certificate(&mut self, certificate: &Value, now: jiff::Timestamp) {
        let chain = certificate.get("Chain").and_then(Value::as_array);
        let Some(leaf) = chain.and_then(|chain| chain.first()) else {
            return;
        };
        let days = text(leaf, "NotAfter").parse::<jiff::Timestamp>().ok();
        let days = days.map(|end| (end.as_second() - now.as_second()).div_euclid(86_400));
        let key = match leaf.get("Curve").and_then(Value::as_str) {
            Some(curve) => curve.to_owned(),
            None => format!("{} {}", text(leaf, "KeyType"), text(leaf, "KeySize")),
        };
        self.row(
            "certificate",
            Style::new(),
            &format!(
                "{}, {key}, {}, by {}",
                text(leaf, "Subject"),
                text(leaf, "SignatureHash"),
                text(leaf, "Issuer")
            ),
        );
        if let Some(days) = days {
            let style = match days {
                ..0 => BAD,
                0..30 => OPEN,
                _ => GOOD,
            };
            let left = match days {
                ..0 => format!("expired {} days ago", -days),
                _ => format!("{days} days left"),
            };
            self.row(
                "",
                style,
                &format!("{left} (until {})", text(leaf, "NotAfter")),
            );
        }
        let problems = certificate.get("Problems").and_then(Value::as_array);
        let problems = problems.map(Vec::as_slice).unwrap_or_default();
        match certificate.get("Valid") {
            Some(Value::Bool(true)) => self.row("", GOOD, "the chain is valid"),
            Some(Value::Bool(false)) => {
                for problem in problems {
                    self.row("", BAD, &text(problem, "Message"));
                }
            }
            other => {
                if let Some(why) = why(other) {
                    self.row("", OPEN, &format!("cannot tell whether it is valid: {why}"));
                }
            }
        }
        let transparency = certificate.get("Transparency");
        if transparency.and_then(|t| t.get("Required")) == Some(&Value::Bool(true)) {
            let kept = transparency.and_then(|t| t.get("Kept"));
            let style = match kept {
                Some(Value::Bool(true)) => GOOD,
                Some(Value::Bool(false)) => BAD,
                _ => OPEN,
            };
            let said = transparency.map(|t| text(t, "Why")).unwrap_or_default();
            self.row("transparency", style, &said);
        }
        let lints = chain
            .into_iter()
            .flatten()
            .filter_map(|c| c.get("Lints")?.as_array())
            .map(Vec::len);
        let lints: usize = lints.sum();
        if lints > 0 {
            let leaf = leaf.get("Lints").and_then(Value::as_array);
            let first = leaf
                .and_then(|lints| lints.first())
                .map(|lint| text(lint, "Message"));
            let first = first.map(|first| format!(": {first}")).unwrap_or_default();
            self.row("lints", OPEN, &format!("{lints}{first}"));
        }
    }

    fn plain(&mut self, address: &Value) {
        if let Some(plain) = address.get("Plaintext") {
            match plain.get("Refused") {
                Some(Value::Bool(true)) => self.row(
                    "plaintext",
                    GOOD,
                    &format!("refused: {}", text(plain, "Answer")),
                ),
                Some(Value::Bool(false)) => self.row(
                    "plaintext",
                    BAD,
                    &format!("accepted: {}", text(plain, "Answer")),
                ),
                other => {
                    let why = why(other).or_else(|| why(Some(plain))).unwrap_or_default();
                    self.row("plaintext", OPEN, &format!("unknown: {why}"));
                }
            }
        }
        if let Some(http) = address.get("Http") {
            let url = text(http, "Url");
            match http.get("Answers") {
                Some(Value::Bool(false)) => {
                    self.row("plain HTTP", GOOD, &format!("{url} is closed"))
                }
                Some(Value::Bool(true)) => {
                    let hops = http.get("Hops").and_then(Value::as_array);
                    let first = hops.and_then(|hops| hops.first());
                    let status = first.map(|hop| text(hop, "Status")).unwrap_or_default();
                    let to = first.map(|hop| text(hop, "Location")).unwrap_or_default();
                    match http.get("RedirectsToHttps") {
                        Some(Value::Bool(true)) => {
                            self.row("plain HTTP", GOOD, &format!("{url} {status} to {to}"))
                        }
                        _ if to.is_empty() => {
                            self.row("plain HTTP", BAD, &format!("{url} answers {status}"))
                        }
                        _ => self.row("plain HTTP", BAD, &format!("{url} {status} to {to}")),
                    }
                }
                other => self.row(
                    "plain HTTP",
                    OPEN,
                    &format!("unknown: {}", why(other).unwrap_or_default()),
                ),
            }
        }
        match address.get("Hsts") {
            Some(Value::Bool(false)) => self.row("HSTS", OPEN, "none"),
            Some(hsts) if hsts.get("MaxAge").is_some() => {
                let days = hsts
                    .get("MaxAge")
                    .and_then(Value::as_u64)
                    .unwrap_or_default()
                    / 86_400;
                let also = |name: &str, shown: &'static str| match hsts.get(name) {
                    Some(Value::Bool(true)) => shown,
                    _ => "",
                };
                let said = format!(
                    "{days} days{}{}",
                    also("IncludeSubDomains", ", subdomains"),
                    also("Preload", ", preload")
                );
                self.row("HSTS", GOOD, &said);
            }
            _ => {}
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Why a value is unknown, if it is.
fn why(value: Option<&Value>) -> Option<String> {
    let unknown = value?.get("$unknown")?;
    Some(text(unknown, "error"))
}

/// `LoadBalancer` as people write it.
fn words(role: &str) -> String {
    let mut words = String::new();
    for c in role.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
