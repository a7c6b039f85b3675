//! Secrets inside longer text: the line of a template, a value that a finding stands on.
//!
//! A control that finds a secret says only where it stands. The line of that place, or of a
//! neighbour, would still print it, into logs that many may read. So text is looked at before it is
//! shown, whichever controls are switched on. Covering too much costs a reader a word; covering too
//! little costs a key.

use super::{TABLES, entropy, is_placeholder, is_secret_name};
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

/// What stands for a secret, whatever its length.
pub const COVER: &str = "••••••••";

/// A run of this many characters of a key's alphabet, at this many bits each, is no word, no path
/// and no hexadecimal digest (at most 4 bits): the body of a private key, a token of no known shape.
const OPAQUE: (usize, f64) = (32, 4.3);

/// The secrets that a line of a template gives away by itself: known shapes, opaque runs, and the
/// values of names that say secret. Ranges of bytes, in no order; they may overlap.
pub fn in_line(text: &str) -> Vec<Range<usize>> {
    let mut found = shapes(text);
    let bytes = text.as_bytes();
    for captures in PAIR.captures_iter(bytes) {
        let (Some(name), Some(value)) = (captures.get(1), captures.get(2)) else {
            continue;
        };
        let (Ok(name), Ok(written)) = (
            std::str::from_utf8(name.as_bytes()),
            std::str::from_utf8(value.as_bytes()),
        ) else {
            continue;
        };
        let plain = unquoted(written);
        let structure = plain.starts_with(['!', '{', '[', '&', '*', '|', '>']);
        if plain.is_empty() || structure || !is_secret_name(name) || is_placeholder(plain) {
            continue;
        }
        let mut range = value.range();
        // An unquoted scalar ends with its line, unless it stands in a flow mapping.
        if plain.len() == written.len() && !text[..range.start].contains('{') {
            range.end = text.len();
        }
        found.push(range);
    }
    for part in OPAQUE_RUN.find_iter(bytes) {
        if entropy(part.as_bytes()) > OPAQUE.1 {
            found.push(part.range());
        }
    }
    found
}

/// The text with every secret of a known shape covered. Sentences keep their words: a name that
/// says secret covers nothing here.
pub fn covered(text: String) -> String {
    let mut found = shapes(&text);
    if found.is_empty() {
        return text;
    }
    found.sort_by_key(|range| (range.start, range.end));
    let mut covered = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        if range.start >= end {
            covered.push_str(&text[end..range.start]);
            covered.push_str(COVER);
        }
        end = end.max(range.end);
    }
    covered.push_str(&text[end..]);
    covered
}

fn shapes(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let bytes = text.as_bytes();
    for index in TABLES.shapes.matches(bytes) {
        // Compiled only for what matched, to find the secret's own characters.
        let row = &TABLES.rows[index];
        let Ok(regex) = RegexBuilder::new(&row.regex).unicode(false).build() else {
            continue;
        };
        for captures in regex.captures_iter(bytes) {
            if let Some(part) = captures.get(row.group).or(captures.get(0)) {
                found.push(part.range());
            }
        }
    }
    // Patterns work on bytes; a range that would cut a character is made wider.
    for range in &mut found {
        range.start = (0..=range.start)
            .rev()
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(0);
        range.end = (range.end..=text.len())
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(text.len());
    }
    found
}

/// A scalar without its quotes.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .or_else(|| text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')))
        .unwrap_or(text)
}

static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?-u)([A-Za-z][A-Za-z0-9_.\-]*)["']?\s*[:=]\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',}\]][^,}\]]*)"#)
        .expect("the pattern is constant")
});

static OPAQUE_RUN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?-u)[A-Za-z0-9+/=_]{{{},}}", OPAQUE.0)).expect("the pattern is constant")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(text: &str) -> String {
        let ranges = in_line(text);
        text.char_indices()
            .map(|(i, c)| {
                if ranges.iter().any(|r| r.contains(&i)) {
                    '#'
                } else {
                    c
                }
            })
            .collect()
    }

    #[test]
    fn a_secret_is_covered_and_its_name_is_not() {
        for (line, secret) in [
            (
                r#""MARKETPLACE_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY""#,
                "wJalr",
            ),
            (r#""ID": "AKIAIOSFODNN7EXAMPLE","#, "AKIA"),
            (
                "      MasterUserPassword: correct horse, battery",
                "battery",
            ),
            (
                "  DATABASE_URL: postgres://app:hunter22@db.internal/shop",
                "hunter22",
            ),
            (r#"{"a":1,"Password":"x\"y","b":"kept"}"#, "x\\\"y"),
            ("  Flow: {Name: kept, ApiKey: hunter22}", "hunter22"),
            (
                "  MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
                "MIIEvQ",
            ),
            (r#""SecretString": "s3cr3t""#, "s3cr3t"),
        ] {
            let shown = covered(line);
            assert!(!shown.contains(secret), "{shown}");
            assert!(shown.contains('#'));
            assert_eq!(line.contains("kept"), shown.contains("kept"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for line in [
            r#"    "StorageEncrypted": false,"#,
            "      KmsKeyId: !GetAtt DatabaseKey.Arn",
            "      ManageMasterUserPassword: true",
            r#"      "MasterUserPassword": "{{resolve:secretsmanager:db:SecretString:password}}""#,
            r#"    "SecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db""#,
            r#"    "S3Key": "1b249b1878544adf300b1b249b1878544adf300b1b249b1878544adf300b1b24.zip""#,
            "          - {Effect: Allow, Principal: {AWS: '*'}, Action: 'kms:*', Resource: '*'}",
        ] {
            assert_eq!(covered(line), line);
        }
    }
}
