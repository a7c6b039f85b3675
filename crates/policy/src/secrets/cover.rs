//! Secrets inside longer text: the line of a template, a value that a finding stands on.
//!
//! A control that finds a secret says only where it stands. The line of that place, or of a
//! neighbour, would still print it, into logs that many may read. So text is looked at before it is
//! shown, whichever controls are switched on. Covering too much costs a reader a word; covering too
//! little costs a key.

use super::{TABLES, entropy, is_placeholder, is_secret_name};
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// What stands for a secret, whatever its length.
pub const COVER: &str = "••••••••";

/// A run of this many characters of a key's alphabet, at this many bits each, is no word, no path
/// and no hexadecimal digest (at most 4 bits): the body of a private key, a token of no known shape.
const OPAQUE: (usize, f64) = (32, 4.3);

/// No secret of a known shape is shorter, in bytes (a test asks each shape).
const SHORTEST: usize = 7;

/// The secrets that a line of a template gives away by itself: known shapes, opaque runs, the values
/// of names that say secret, and arguments of commands. Ranges of bytes, in no order; they may overlap.
pub fn in_line(text: &str) -> Vec<Range<usize>> {
    let mut found = shapes(text);
    pairs(text, &mut found);
    let bytes = text.as_bytes();
    for captures in ARGUMENT.captures_iter(bytes) {
        let value = (1..captures.len()).find_map(|group| captures.get(group));
        if let Some(value) = value
            && let Ok(written) = std::str::from_utf8(value.as_bytes())
            && !written.starts_with(['$', '!', '{'])
            && !is_placeholder(written)
        {
            found.push(value.range());
        }
    }
    for part in OPAQUE_RUN.find_iter(bytes) {
        if entropy(part.as_bytes()) > OPAQUE.1 && !is_name(text, &part.range()) {
            found.push(part.range());
        }
    }
    found
}

/// The values of names that say secret. A value that is itself a structure is looked into.
fn pairs(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(captures) = PAIR.captures_at(text.as_bytes(), from) {
        let (Some(name), Some(value)) = (captures.get(1), captures.get(2)) else {
            return;
        };
        from = value.end();
        let (Ok(name), Ok(written)) = (
            std::str::from_utf8(name.as_bytes()),
            std::str::from_utf8(value.as_bytes()),
        ) else {
            continue;
        };
        let plain = unquoted(written);
        if plain.starts_with(['!', '{', '[', '&', '*', '|', '>']) {
            from = value.start() + 1;
            continue;
        }
        if plain.is_empty() || !is_secret_name(name) || is_placeholder(plain) {
            continue;
        }
        let mut range = value.range();
        // An unquoted scalar ends with its line, unless it stands in a flow collection.
        if plain.len() == written.len() && !text[..range.start].contains(['{', '[']) {
            range.end = text.len();
        }
        found.push(range);
    }
    // What looks like a value may hold assignments: `Command: app --password=x`.
    for captures in ASSIGNMENT.captures_iter(text.as_bytes()) {
        if let (Some(name), Some(value)) = (captures.get(1), captures.get(2))
            && let (Ok(name), Ok(written)) = (
                std::str::from_utf8(name.as_bytes()),
                std::str::from_utf8(value.as_bytes()),
            )
            && is_secret_name(name)
            && !is_placeholder(written)
            && !written.starts_with(['$', '!', '{'])
        {
            found.push(value.range());
        }
    }
}

/// Whether a run of characters is what something is called: a key of a mapping, an argument of an
/// intrinsic. Names that the CDK makes are long and even, and no secrets.
fn is_name(text: &str, range: &Range<usize>) -> bool {
    is_key(&text[range.end..]) || REFERENCE.is_match(&text.as_bytes()[..range.start])
}

/// Whether what stands before this rest of a line is a key of a mapping.
pub fn is_key(rest: &str) -> bool {
    let rest = rest.trim_start_matches(['"', '\'']).trim_start();
    rest.strip_prefix(':')
        .is_some_and(|value| value.is_empty() || value.starts_with([' ', '{', '[', '"']))
}

/// The text with every secret of a known shape covered. Sentences keep their words: a name that
/// says secret covers nothing here.
pub fn covered(text: String) -> String {
    if text.len() < SHORTEST {
        return text;
    }
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
        let row = &TABLES.rows[index];
        let Some(regex) = row.alone() else {
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

static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?-u)([A-Za-z][A-Za-z0-9_.\-]*)=["']?([^\s"',;&}\]\\]+)"#)
        .expect("the pattern is constant")
});

/// The beginning of an intrinsic that names something.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?-u)(?:\bRef|\bGetAtt|\bImportValue|\bDependsOn)["']?[\s:\[]+["']?[^\s,{}="']*$"#,
    )
    .expect("the pattern is constant")
});

/// Secrets among a command's arguments: `--password x`, `--api-key=x`, `["--token", "x"]`,
/// `mysql -px`, `curl -u user:x`.
static ARGUMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?-u)--?(?i:[a-z0-9\-]*(?:password|passwd|passphrase|token|api-?key|secret(?:-access)?(?:-key)?|private-key))(?:["']\s*,\s*["']|\s*=\s*|\s+)([^\s"',\]}\\]+)|\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^"'\n]*?\s-p([^\s"',\]}\\]+)|\bcurl\b[^\n]*?\s(?:-u|--user)(?:["']\s*,\s*["']|[\s=]*)["']?[^\s"':,]+:([^\s"',\]}\\]+)|\bPGPASSWORD=["']?([^\s"',\]}\\]+)"#,
    )
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
            (r#"  Command: ["--password=CmdS3cret"]"#, "CmdS3cret"),
            (
                r#"  Command: ["kept", "--password", "CmdS3cret"]"#,
                "CmdS3cret",
            ),
            (
                r#"  EntryPoint: [sh, -c, "kept --api-key K3yV4lueAbc123 --fast"]"#,
                "K3yV4",
            ),
            (r#"   "--db-password CmdS3cretValue92","#, "CmdS3cret"),
            ("   - mysql -u root -pRootPassw0rd1", "RootPassw0rd1"),
            (
                "   - curl -u admin:Adm1nPassw0rd https://kept",
                "Adm1nPassw0rd",
            ),
            ("   - --token=abcdef0123", "abcdef"),
        ] {
            let shown = covered(line);
            assert!(!shown.contains(secret), "{shown}");
            assert!(shown.contains('#'));
            assert_eq!(line.contains("kept"), shown.contains("kept"), "{shown}");
        }
    }

    #[test]
    fn no_shape_is_shorter_than_what_is_looked_at() {
        for row in &TABLES.rows {
            let shape = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .build()
                .parse(&row.regex)
                .expect("a pattern");
            let least = shape.properties().minimum_len();
            assert!(least >= Some(SHORTEST), "{}: {least:?}", row.name);
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
            r#"  "DatabaseSecretAttachmentE5D1B020MarketplaceRotation": {"#,
            r#"   "Fn::ImportValue": "Dev-Keys:ExportsOutputFnGetAttDatabaseKeyA1B2C3D4Arn5E6F7A8B""#,
            r#"   { "Ref": "DatabaseSecretAttachmentE5D1B020MarketplaceRotation" }"#,
            "    - app --password $DB_PASSWORD",
        ] {
            assert_eq!(covered(line), line);
        }
    }
}
