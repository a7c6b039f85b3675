//! What looks like a secret: shapes of credentials, names of variables, values of high entropy.
//! Nothing here ever prints a value.

mod cover;
mod sealed;

pub use cover::{COVER, covered, in_line, is_key, unquoted};
pub use sealed::cover_value;

use lockfast_facts::{Inventory, Part, Reference, Text};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use std::sync::{LazyLock, OnceLock};

#[derive(Deserialize)]
struct File {
    names: Vec<String>,
    not_names: Vec<String>,
    placeholders: Vec<String>,
    shape: Vec<Shape>,
}

#[derive(Deserialize)]
struct Shape {
    name: String,
    regex: String,
    #[serde(default)]
    group: usize,
    #[serde(default)]
    min_entropy: f64,
    /// Compiled alone only when it matched, to find the secret's own characters; the set only says
    /// that it did.
    #[serde(skip)]
    alone: OnceLock<Option<Regex>>,
}

impl Shape {
    fn alone(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.regex).unicode(false).build().ok();
        self.alone.get_or_init(compile).as_ref()
    }
}

struct Tables {
    names: RegexSet,
    not_names: RegexSet,
    placeholders: RegexSet,
    shapes: RegexSet,
    rows: Vec<Shape>,
}

/// ASCII classes compile much faster, and credentials are ASCII.
fn set<'p>(patterns: impl IntoIterator<Item = &'p str>) -> RegexSet {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(64 << 20)
        .build()
        .expect("secret-shapes.toml is exercised by the fixtures")
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../facts/tables/secret-shapes.toml"))
        .expect("secret-shapes.toml is exercised by the fixtures");
    Tables {
        names: set(file.names.iter().map(String::as_str)),
        not_names: set(file.not_names.iter().map(String::as_str)),
        placeholders: set(file.placeholders.iter().map(String::as_str)),
        shapes: set(file.shape.iter().map(|s| s.regex.as_str())),
        rows: file.shape,
    }
});

/// Whether a name says that its value is a secret.
pub fn is_secret_name(name: &str) -> bool {
    // Secrets Manager's own property is one, whatever the table says of names that end so.
    name.eq_ignore_ascii_case("SecretString")
        || (TABLES.names.is_match(name.as_bytes()) && !TABLES.not_names.is_match(name.as_bytes()))
}

/// Whether a value is none: an example, a reference, a blank to fill in.
pub fn is_placeholder(value: &str) -> bool {
    TABLES.placeholders.is_match(value.as_bytes())
}

/// What the known characters of a value under this name give away, if anything: a phrase without
/// the value itself. References and dynamic references are no secrets.
pub(crate) fn found(name: &str, text: &Text) -> Option<String> {
    if let Some(what) = text.plain().and_then(sealed::marked) {
        return Some(what);
    }
    for part in text.parts() {
        if let Part::Literal(literal) = &part
            && let Some(shape) = shape_of(name, literal)
        {
            return Some(format!("a value of the shape {shape}"));
        }
    }
    if let Text::Parts(parts) = text
        && let Some(shape) = shape_of(name, &around_references(parts))
    {
        return Some(format!("a value of the shape {shape}"));
    }
    let plain = text.plain()?.trim();
    // A scan keeps no secret, only that there was one.
    if plain.contains(COVER) {
        return Some("a secret, which the scan covered".to_owned());
    }
    if let Some(inner) = in_json(plain) {
        return Some(inner);
    }
    if plain.len() < 4 || is_placeholder(plain) {
        return None;
    }
    // A location is no secret; a password inside one is a shape.
    if is_secret_name(name) && !plain.contains("://") && !plain.starts_with('/') {
        let boring = matches!(
            plain.to_ascii_lowercase().as_str(),
            "true" | "false" | "none" | "null" | "enabled" | "disabled"
        );
        let number = plain.bytes().all(|b| b.is_ascii_digit()) && plain.len() < 6;
        return (!boring && !number)
            .then(|| "a value in plain sight under a name that says secret".to_owned());
    }
    None
}

/// A joined text with its references in the form `${}`, which no password has in it, so that a literal
/// password before the reference to a host is found. A reference in the place of a user is a word.
fn around_references(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            _ if text.ends_with("://") => text.push_str("user"),
            _ => text.push_str("${}"),
        }
    }
    text
}

/// What an attribute of a resource holds, where AWS returns secrets in it (AWS CloudFormation Template
/// Reference, return values of `AWS::IAM::AccessKey` and `AWS::Cognito::UserPoolClient`).
pub(crate) fn of_attribute(inventory: &Inventory, reference: &Reference) -> Option<&'static str> {
    let kind = &*inventory.resource(reference.target).kind;
    match (kind, reference.attribute.as_deref()?) {
        ("AWS::IAM::AccessKey", "SecretAccessKey") => Some("a secret access key"),
        ("AWS::Cognito::UserPoolClient", "ClientSecret") => Some("a client secret"),
        _ => None,
    }
}

/// Settings are often passed as one JSON object.
fn in_json(text: &str) -> Option<String> {
    fn search(value: &serde_json::Value, depth: usize) -> Option<String> {
        if depth > 16 {
            return None;
        }
        match value {
            serde_json::Value::Object(map) => map.iter().find_map(|(name, value)| match value {
                serde_json::Value::String(text) if !text.starts_with('{') => {
                    found(name, &Text::Plain(text.as_str().into()))
                }
                inner => search(inner, depth + 1),
            }),
            serde_json::Value::Array(items) => items.iter().find_map(|v| search(v, depth + 1)),
            _ => None,
        }
    }
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
        .and_then(|value| search(&value, 0))
}

fn shape_of(name: &str, value: &str) -> Option<&'static str> {
    if value.len() < 8 {
        return None;
    }
    let in_context = format!("{name}={value}");
    let matched = TABLES.shapes.matches(in_context.as_bytes());
    matched.into_iter().find_map(|index| {
        let row = &TABLES.rows[index];
        if row.min_entropy > 0.0 {
            let captures = row.alone()?.captures(in_context.as_bytes())?;
            let secret = captures.get(row.group)?.as_bytes();
            if entropy(secret) < row.min_entropy {
                return None;
            }
        }
        Some(row.name.as_str())
    })
}

/// Shannon entropy in bits per character.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let length = text.len().max(1) as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = count as f64 / length;
            -share * share.log2()
        })
        .sum()
}
