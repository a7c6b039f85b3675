//! What goes without TLS: plaintext, plain HTTP, and whether browsers are kept from it.

use super::{BAD, Card, GOOD, OPEN, text, why};
use anstyle::Style;
use serde_json::Value;

impl Card {
    /// The rows of an address; of one that is `silent` it was said already that it gave no answer over HTTPS.
    pub(super) fn plain(&mut self, address: &Value, silent: bool) {
        if let Some(plain) = address.get("Plaintext") {
            let (style, said) = plaintext(plain);
            self.row("plaintext", style, &said);
        }
        if let Some(http) = address.get("Http") {
            let (style, said) = over_http(http);
            self.row("plain HTTP", style, &said);
        }
        if let Some((style, said)) = address.get("Hsts").and_then(hsts)
            && !silent
        {
            self.row("HSTS", style, &said);
        }
    }
}

fn plaintext(plain: &Value) -> (Style, String) {
    let answer = match text(plain, "Answer") {
        answer if answer.is_empty() => String::new(),
        answer => format!(": {answer}"),
    };
    match plain.get("Refused") {
        Some(Value::Bool(true)) => (GOOD, format!("refused{answer}")),
        Some(Value::Bool(false)) => (BAD, format!("accepted{answer}")),
        other => {
            let why = why(other).or_else(|| why(Some(plain))).unwrap_or_default();
            (OPEN, format!("unknown: {why}"))
        }
    }
}

fn over_http(http: &Value) -> (Style, String) {
    let url = text(http, "Url");
    match http.get("Answers") {
        Some(Value::Bool(false)) => (GOOD, format!("{url} is closed")),
        Some(Value::Bool(true)) => {
            let hops = http.get("Hops").and_then(Value::as_array);
            let first = hops.and_then(|hops| hops.first());
            let status = first.map(|hop| text(hop, "Status")).unwrap_or_default();
            let to = first.map(|hop| text(hop, "Location")).unwrap_or_default();
            match http.get("RedirectsToHttps") {
                Some(Value::Bool(true)) => (GOOD, format!("{url} redirects to {to} ({status})")),
                _ if to.is_empty() => (BAD, format!("{url} answers ({status})")),
                _ => (BAD, format!("{url} redirects to {to} ({status})")),
            }
        }
        other => {
            let why = why(other).or_else(|| why(Some(http))).unwrap_or_default();
            (OPEN, format!("unknown: {why}"))
        }
    }
}

fn hsts(hsts: &Value) -> Option<(Style, String)> {
    if let Some(why) = why(Some(hsts)) {
        return Some((OPEN, format!("unknown: {why}")));
    }
    if hsts == &Value::Bool(false) {
        return Some((
            OPEN,
            "none: a browser's first call may go over plain HTTP".into(),
        ));
    }
    let days = hsts.get("MaxAge")?.as_u64()? / 86_400;
    let also = |name: &str, shown: &'static str| match hsts.get(name) {
        Some(Value::Bool(true)) => shown,
        _ => "",
    };
    let subdomains = also("IncludeSubDomains", ", subdomains too");
    let said = format!("{days} days{subdomains}{}", also("Preload", ", preload"));
    Some((if days == 0 { OPEN } else { GOOD }, said))
}
