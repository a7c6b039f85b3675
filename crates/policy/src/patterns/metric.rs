//! CloudWatch Logs filter patterns for JSON (Amazon CloudWatch Logs User Guide, "Filter pattern
//! syntax for metric filters").

use super::events::{may_be, wildcard};
use serde_json::Value as Json;

/// Whether a record matches a filter pattern; `None` when the pattern is none that is understood.
/// An empty pattern matches everything, bare words match records that contain them.
pub(crate) fn matches(pattern: &str, record: &Json) -> Option<bool> {
    let pattern = pattern.trim();
    if pattern.is_empty() {
        return Some(true);
    }
    if let Some(inner) = pattern.strip_prefix('{') {
        let inner = inner.strip_suffix('}')?;
        let tokens = tokens(inner)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            record,
            depth: 0,
        };
        let found = parser.any()?;
        return (parser.at == tokens.len()).then_some(found);
    }
    if pattern.starts_with('[') {
        return None;
    }
    words(pattern, &record.to_string())
}

/// Words and quoted phrases that must all stand in the text, `?words` of which one must, `-words`
/// that must not, and a `%regular expression%`.
fn words(pattern: &str, text: &str) -> Option<bool> {
    let (mut all, mut optional, mut one) = (true, false, false);
    let mut rest = pattern.trim();
    while !rest.is_empty() {
        let (mark, after) = match rest.chars().next() {
            Some(mark @ ('?' | '-')) => (mark, &rest[1..]),
            _ => ('+', rest),
        };
        let (found, after) = match after.chars().next() {
            Some('"') => {
                let end = after[1..].find('"')?;
                (text.contains(&after[1..=end]), &after[end + 2..])
            }
            Some('%') => {
                let end = after[1..].find('%')?;
                (
                    expression(&after[1..=end])?.is_match(text),
                    &after[end + 2..],
                )
            }
            _ => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                (text.contains(&after[..end]), &after[end..])
            }
        };
        match mark {
            '?' => {
                optional = true;
                one |= found;
            }
            '-' => all &= !found,
            _ => all &= found,
        }
        rest = after.trim_start();
    }
    Some(all && (one || !optional))
}

/// A regular expression of a filter pattern; its syntax is a subset of the usual one.
fn expression(text: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(text)
        .size_limit(1 << 20)
        .build()
        .ok()
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Operator(&'static str),
    Word(String),
    Text(String),
    Regex(String),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let fixed = [
            ("&&", Token::And),
            ("||", Token::Or),
            ("(", Token::Open),
            (")", Token::Close),
            ("!=", Token::Operator("!=")),
            ("<=", Token::Operator("<=")),
            (">=", Token::Operator(">=")),
            ("=", Token::Operator("=")),
            ("<", Token::Operator("<")),
            (">", Token::Operator(">")),
        ];
        let mut matched = None;
        for (sign, token) in fixed {
            if let Some(after) = rest.strip_prefix(sign) {
                matched = Some((token, after));
                break;
            }
        }
        let (token, after) = match matched {
            Some(found) => found,
            None => match rest.chars().next() {
                Some(quote @ ('"' | '%')) => {
                    let end = rest[1..].find(quote)?;
                    let inner = rest[1..=end].to_owned();
                    let token = match quote {
                        '%' => Token::Regex(inner),
                        _ => Token::Text(inner),
                    };
                    (token, &rest[end + 2..])
                }
                _ => {
                    let end = rest
                        .find(|c: char| c.is_whitespace() || "()=!<>&|\"%".contains(c))
                        .unwrap_or(rest.len());
                    if end == 0 {
                        return None;
                    }
                    (Token::Word(rest[..end].to_owned()), &rest[end..])
                }
            },
        };
        found.push(token);
        rest = after.trim_start();
    }
    Some(found)
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    record: &'t Json,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut found = self.all()?;
        while self.tokens.get(self.at) == Some(&Token::Or) {
            self.at += 1;
            found |= self.all()?;
        }
        Some(found)
    }

    fn all(&mut self) -> Option<bool> {
        let mut found = self.one()?;
        while self.tokens.get(self.at) == Some(&Token::And) {
            self.at += 1;
            found &= self.one()?;
        }
        Some(found)
    }

    fn one(&mut self) -> Option<bool> {
        if self.tokens.get(self.at) == Some(&Token::Open) {
            // A filter pattern has at most 1024 characters; nobody nests this deep.
            if self.depth > 64 {
                return None;
            }
            self.at += 1;
            self.depth += 1;
            let found = self.any()?;
            self.depth -= 1;
            if self.tokens.get(self.at) != Some(&Token::Close) {
                return None;
            }
            self.at += 1;
            return Some(found);
        }
        let Token::Word(selector) = self.tokens.get(self.at)? else {
            return None;
        };
        let path = selector.strip_prefix('$')?;
        let actual = select(self.record, path);
        match self.tokens.get(self.at + 1)? {
            Token::Operator(operator) => {
                let wanted = self.tokens.get(self.at + 2)?;
                let mut found = false;
                match actual.is_empty() {
                    // A missing field is not equal to anything.
                    true => found = *operator == "!=",
                    false => {
                        for actual in actual {
                            found |= compare(actual, operator, wanted)?;
                        }
                    }
                }
                self.at += 3;
                Some(found)
            }
            // `$.a IS TRUE`, `$.a IS NULL`, `$.a NOT EXISTS`
            Token::Word(word) => {
                let Token::Word(second) = self.tokens.get(self.at + 2)? else {
                    return None;
                };
                self.at += 3;
                match (
                    word.to_ascii_uppercase().as_str(),
                    second.to_ascii_uppercase().as_str(),
                ) {
                    ("IS", "TRUE") => Some(actual.contains(&&Json::Bool(true))),
                    ("IS", "FALSE") => Some(actual.contains(&&Json::Bool(false))),
                    ("IS", "NULL") => Some(actual.contains(&&Json::Null)),
                    ("NOT", "EXISTS") => Some(actual.is_empty()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// `.a.b[0].c`, `.a[*].b`: every value that the selector means.
fn select<'j>(record: &'j Json, path: &str) -> Vec<&'j Json> {
    let mut values = vec![record];
    for step in path.split(['.', '[']).filter(|s| !s.is_empty()) {
        let step = step
            .trim_end_matches(']')
            .trim_matches(|c| c == '\'' || c == '"');
        values = values
            .into_iter()
            .flat_map(|value| match (value, step, step.parse::<usize>()) {
                (Json::Array(items), "*", _) => items.iter().collect(),
                (Json::Array(items), _, Ok(index)) => items.get(index).into_iter().collect(),
                (value, ..) => value.get(step).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    values
}

fn compare(actual: &Json, operator: &str, wanted: &Token) -> Option<bool> {
    let text = || {
        actual
            .as_str()
            .map_or_else(|| actual.to_string(), str::to_owned)
    };
    let (equal, number) = match wanted {
        Token::Word(word) => (wildcard(word, &text()), word.parse::<f64>().ok()),
        Token::Text(quoted) => (wildcard(quoted, &text()), None),
        Token::Regex(pattern) => (expression(pattern)?.is_match(&text()), None),
        _ => return None,
    };
    let wanted = match wanted {
        Token::Word(text) | Token::Text(text) => text,
        _ => "",
    };
    if !equal
        && may_be(&text(), |actual| {
            wanted.is_empty() || wildcard(actual, wanted)
        })
    {
        return None;
    }
    let number = actual.as_f64().zip(number);
    Some(match (operator, number) {
        ("=", Some((a, b))) => (a - b).abs() < f64::EPSILON,
        ("!=", Some((a, b))) => (a - b).abs() >= f64::EPSILON,
        ("<", Some((a, b))) => a < b,
        (">", Some((a, b))) => a > b,
        ("<=", Some((a, b))) => a <= b,
        (">=", Some((a, b))) => a >= b,
        ("=", None) => equal,
        ("!=", None) => !equal,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_match_as_documented() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "DisableKey", "n": 5, "u": {"t": "Root"}, "l": [{"a": 1}]});
        for (pattern, expected) in [
            (
                "{ ($.eventSource = kms.amazonaws.com) && (($.eventName = DisableKey) || ($.eventName = ScheduleKeyDeletion)) }",
                Some(true),
            ),
            (
                "{ $.eventSource = \"kms.amazon.com\" && $.eventName = \"DisableKey\" }",
                Some(false),
            ),
            ("{ $.eventName = \"Disable*\" }", Some(true)),
            ("{ $.eventName != \"Disable*\" }", Some(false)),
            (
                "{ $.n >= 5 && $.u.t = \"Root\" && $.x NOT EXISTS }",
                Some(true),
            ),
            ("{ $.l[0].a = 1 }", Some(true)),
            ("{ $.l[*].a = 1 }", Some(true)),
            ("{ $.eventName = %^Disable|Schedule% }", Some(true)),
            ("{ $.eventName = %^Able% && $.n = 5 }", Some(false)),
            ("{ $.eventName != %Key$% }", Some(false)),
            ("{ $.eventName = %[% }", None),
            ("DisableKey", Some(true)),
            ("?EnableKey ?DisableKey", Some(true)),
            ("?EnableKey ?CreateKey", Some(false)),
            ("kms.amazonaws.com -DisableKey", Some(false)),
            ("\"no such phrase\"", Some(false)),
            ("%(Dis|En)ableKey%", Some(true)),
            ("[ip, user, ...]", None),
            ("", Some(true)),
            ("{ $.eventName = }", None),
            ("{ (", None),
        ] {
            assert_eq!(matches(pattern, &record), expected, "{pattern}");
        }
    }
}
