//! Certificates: whose, until when, whether they hold, and remarks on them.

use super::{BAD, Card, FAINT, GOOD, OPEN, PLAIN, text, why};
use anstyle::Style;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// Fewer days than this are few: from then on a certificate is late.
const FEW: i64 = 30;

impl Card {
    pub(super) fn certificates(&mut self, certificates: Option<&Value>) {
        if let Some(why) = why(certificates) {
            return self.row("certificate", OPEN, &format!("unknown: {why}"));
        }
        let certificates = certificates.and_then(Value::as_array);
        for certificate in certificates.map(Vec::as_slice).unwrap_or_default() {
            match why(Some(certificate)) {
                Some(why) => {
                    let asked = text(&certificate["$unknown"], "call");
                    self.row("certificate", OPEN, &format!("unknown: {asked}: {why}"));
                }
                None => self.certificate(certificate),
            }
        }
    }

    fn certificate(&mut self, certificate: &Value) {
        let chain = certificate.get("Chain").and_then(Value::as_array);
        let chain = chain.map(Vec::as_slice).unwrap_or_default();
        let Some(leaf) = chain.first() else {
            return;
        };
        let mut rows = vec![(PLAIN, described(leaf))];
        rows.extend(left(leaf, self.look.now));
        rows.extend(valid(certificate));
        self.rows("certificate", rows);
        if self.look.verbose {
            let above = chain[1..].iter().map(|link| {
                let until = ends(link).map(|end| format!(", until {}", day(end)));
                let said = format!("{}{}", described(link), until.unwrap_or_default());
                (FAINT, said)
            });
            self.rows("sent along", above);
        }
        self.transparency(certificate.get("Transparency"));
        self.lints(chain);
    }

    fn transparency(&mut self, transparency: Option<&Value>) {
        let Some(transparency) = transparency else {
            return;
        };
        if transparency.get("Required") == Some(&Value::Bool(true)) {
            let style = match transparency.get("Kept") {
                Some(Value::Bool(true)) => GOOD,
                Some(Value::Bool(false)) => BAD,
                _ => OPEN,
            };
            self.row("transparency", style, &text(transparency, "Why"));
        } else if let Some(why) = why(Some(transparency)) {
            self.row("transparency", OPEN, &format!("unknown: {why}"));
        }
    }

    /// Remarks on the chain: how many and the first, or all with the rules that they stand for.
    fn lints(&mut self, chain: &[Value]) {
        let lints: Vec<(&Value, &Value)> = chain
            .iter()
            .flat_map(|link| {
                let lints = link.get("Lints").and_then(Value::as_array);
                lints.into_iter().flatten().map(move |lint| (link, lint))
            })
            .collect();
        let Some((_, first)) = lints.first() else {
            return;
        };
        if !self.look.verbose {
            let first = text(first, "Message");
            let said = match lints.len() {
                1 => first,
                count => format!("{first}; {} more with --verbose", count - 1),
            };
            return self.row("lints", OPEN, &said);
        }
        let of_leaf = |link: &Value| chain.first().is_some_and(|leaf| std::ptr::eq(leaf, link));
        let rows = lints.into_iter().map(|(link, lint)| {
            let whose = match of_leaf(link) {
                true => String::new(),
                false => format!("{}: ", text(link, "Subject")),
            };
            let said = format!(
                "{whose}{} ({})",
                text(lint, "Message"),
                text(lint, "Source")
            );
            (OPEN, said)
        });
        self.rows("lints", rows);
    }
}

/// `CN=shop.example.com, P-256, SHA-256, by C=US, O=Amazon`.
fn described(link: &Value) -> String {
    if let Some(why) = why(Some(link)) {
        return format!("unknown: {why}");
    }
    let key = match link.get("Curve").and_then(Value::as_str) {
        Some(curve) => curve.to_owned(),
        None => format!("{} {}", text(link, "KeyType"), text(link, "KeySize")),
    };
    let (subject, issuer) = (text(link, "Subject"), text(link, "Issuer"));
    let subject = match subject.is_empty() {
        true => "no subject".to_owned(),
        false => subject,
    };
    let by = match subject == issuer {
        true => "itself".to_owned(),
        false => issuer,
    };
    let hash = text(link, "SignatureHash");
    format!("{subject}, {}, {hash}, by {by}", key.trim_end())
}

fn ends(link: &Value) -> Option<Timestamp> {
    text(link, "NotAfter").parse().ok()
}

fn day(time: Timestamp) -> jiff::civil::Date {
    TimeZone::UTC.to_datetime(time).date()
}

/// How many days a certificate has left, counted as the policy counts them: by days of the calendar, in UTC.
fn left(link: &Value, now: Timestamp) -> Option<(Style, String)> {
    let end = ends(link)?;
    let days = day(now).until(day(end)).ok()?.get_days();
    let days = i64::from(days);
    let number = |days: i64| match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let until = TimeZone::UTC
        .to_datetime(end)
        .strftime("%Y-%m-%d %H:%M UTC");
    Some(match (end < now, days) {
        (true, 0) => (BAD, format!("expired today ({until})")),
        (true, _) => (BAD, format!("expired {} ago ({until})", number(-days))),
        (false, 0) => (BAD, format!("expires today ({until})")),
        (false, ..FEW) => (OPEN, format!("{} left, until {until}", number(days))),
        (false, _) => (GOOD, format!("{} left, until {until}", number(days))),
    })
}

fn valid(certificate: &Value) -> Vec<(Style, String)> {
    match certificate.get("Valid") {
        Some(Value::Bool(true)) => vec![(GOOD, "the chain is valid".to_owned())],
        Some(Value::Bool(false)) => {
            let problems = certificate.get("Problems").and_then(Value::as_array);
            let problems = problems.into_iter().flatten();
            problems
                .map(|problem| (BAD, text(problem, "Message")))
                .collect()
        }
        other => {
            let why = why(other).into_iter();
            why.map(|why| (OPEN, format!("unknown whether it is valid: {why}")))
                .collect()
        }
    }
}
