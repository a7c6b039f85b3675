//! What was measured of an endpoint, for a person at a terminal.

mod certificate;
mod plain;
mod tls;

use anstyle::{AnsiColor, Style};
use lockfast_report::clean;
use serde_json::Value;
use std::fmt::Write;
pub(super) use tls::version;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default();
const PLAIN: Style = Style::new();
const FAINT: Style = Style::new().dimmed();

/// Columns left of what a row says: two spaces, the title and a space.
const TITLE: usize = 16;
/// No narrower than this: long names are copied whole.
const NARROWEST: usize = 40;

/// How a card looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// All lints with their sources, the whole chain, and how many connections it took.
    pub(super) verbose: bool,
    /// The moment that days are counted from.
    pub(super) now: jiff::Timestamp,
}

/// The card of an endpoint's record. It shows facts in the colour of what is usually thought of them; the verdicts are below it.
pub(super) fn card(name: &str, record: &Value, look: Look) -> String {
    let mut card = Card {
        text: String::new(),
        look,
    };
    let role = record.get("Role").and_then(Value::as_str).map(words);
    let bold = Style::new().bold();
    let _ = writeln!(
        card.text,
        "{bold}{}{bold:#}  {}{}",
        clean(name),
        text(record, "Protocol"),
        role.map(|role| format!(", {role}")).unwrap_or_default()
    );
    card.names(record);
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
        let place = text(address, "Address");
        if address.get("Listening") == Some(&Value::Bool(false)) {
            card.row("address", FAINT, &format!("{place}: nothing listens there"));
            continue;
        }
        if addresses.len() > 1 || place != text(record, "Host").trim_matches(['[', ']']) {
            card.row("address", PLAIN, &place);
        }
        // Who cannot be reached is told once.
        let silent = address.get("Tls").and_then(tls::silent);
        match &silent {
            Some(why) => card.row("versions", OPEN, &format!("unknown: {why}")),
            None => {
                card.tls(address.get("Tls"));
                card.certificates(address.get("Certificates"));
            }
        }
        card.plain(address, silent.is_some());
        card.connections(address.get("Tls"));
    }
    card.text
}

struct Card {
    text: String,
    look: Look,
}

impl Card {
    /// What declares it, what its name is an alias of, and who may issue certificates for it.
    fn names(&mut self, record: &Value) {
        if let Some(of) = record.get("Of") {
            let known = |name: &str| of.get(name).and_then(Value::as_str);
            let place = known("Where").map(|place| format!(" at {place}"));
            let policy = known("SecurityPolicy").map(|policy| format!(", {policy}"));
            let (place, policy) = (place.unwrap_or_default(), policy.unwrap_or_default());
            self.row(
                "declared by",
                PLAIN,
                &format!("{}{place}{policy}", text(of, "Name")),
            );
        }
        let canonical = record.get("CanonicalNames").and_then(Value::as_array);
        if let Some(names) = canonical {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            self.row("alias of", PLAIN, &names.join(", "));
        }
        match record.get("Caa") {
            Some(Value::Array(records)) if records.is_empty() => {
                self.row("CAA", PLAIN, "none: every authority may issue");
            }
            Some(Value::Array(records)) => {
                let said = records
                    .iter()
                    .map(|caa| format!("{} {}", text(caa, "Tag"), text(caa, "Value")));
                self.row("CAA", PLAIN, &said.collect::<Vec<_>>().join(", "));
            }
            unknown => {
                if let Some(why) = why(unknown) {
                    self.row("CAA", OPEN, &format!("unknown: {why}"));
                }
            }
        }
    }

    /// A row, on as many lines as it needs. Without a title it goes on with the one before.
    fn row(&mut self, title: &str, style: Style, said: &str) {
        // Servers' words are among it: nothing of theirs moves the cursor or turns the text around.
        let said = clean(said);
        let options = textwrap::Options::new(self.look.width.max(NARROWEST) - TITLE)
            .break_words(false)
            // Names have hyphens, and are copied whole.
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let mut title = title;
        for line in textwrap::wrap(&said, options) {
            let _ = writeln!(
                self.text,
                "  {FAINT}{title:<13}{FAINT:#} {style}{line}{style:#}"
            );
            title = "";
        }
    }

    /// Rows under one title.
    fn rows(&mut self, title: &str, rows: impl IntoIterator<Item = (Style, String)>) {
        for (index, (style, said)) in rows.into_iter().enumerate() {
            self.row(if index == 0 { title } else { "" }, style, &said);
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
