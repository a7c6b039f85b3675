//! CloudWatch Logs filter patterns for JSON (Amazon CloudWatch Logs User Guide, "Filter pattern
//! syntax for metric filters").

use super::events::wildcard;
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
    if pattern.starts_with('[') || pattern.starts_with('%') {
        return None;
    }
    let text = record.to_string();
    Some(pattern.split_whitespace().all(|word| {
        let word = word.trim_matches('"');
        match word.strip_prefix('-') {
            Some(without) => !text.contains(without),
            None => text.contains(word.trim_start_matches('?')),
        }
    }))
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
            None => match rest.strip_prefix('"') {
                Some(quoted) => {
                    let end = quoted.find('"')?;
                    (Token::Text(quoted[..end].to_owned()), &quoted[end + 1..])
                }
                None => {
                    let end = rest
                        .find(|c: char| c.is_whitespace() || "()=!<>&|\"".contains(c))
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
                let operator = *operator;
                let (wanted, quoted) = match self.tokens.get(self.at + 2)? {
                    Token::Word(word) => (word.clone(), false),
                    Token::Text(text) => (text.clone(), true),
                    _ => return None,
                };
                self.at += 3;
                Some(compare(actual, operator, &wanted, quoted))
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
                    ("IS", "TRUE") => Some(actual == Some(&Json::Bool(true))),
                    ("IS", "FALSE") => Some(actual == Some(&Json::Bool(false))),
                    ("IS", "NULL") => Some(actual == Some(&Json::Null)),
                    ("NOT", "EXISTS") => Some(actual.is_none()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// `.a.b[0].c`
fn select<'j>(record: &'j Json, path: &str) -> Option<&'j Json> {
    let mut value = record;
    for step in path.split(['.', '[']).filter(|s| !s.is_empty()) {
        let step = step
            .trim_end_matches(']')
            .trim_matches(|c| c == '\'' || c == '"');
        value = match step.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index)?,
            _ => value.get(step)?,
        };
    }
    Some(value)
}

fn compare(actual: Option<&Json>, operator: &str, wanted: &str, quoted: bool) -> bool {
    let Some(actual) = actual else {
        // A missing field is not equal to anything.
        return operator == "!=";
    };
    let number = actual
        .as_f64()
        .zip(wanted.parse::<f64>().ok())
        .filter(|_| !quoted);
    match (operator, number) {
        ("=", Some((a, b))) => (a - b).abs() < f64::EPSILON,
        ("!=", Some((a, b))) => (a - b).abs() >= f64::EPSILON,
        ("<", Some((a, b))) => a < b,
        (">", Some((a, b))) => a > b,
        ("<=", Some((a, b))) => a <= b,
        (">=", Some((a, b))) => a >= b,
        _ => {
            let text = actual
                .as_str()
                .map_or_else(|| actual.to_string(), str::to_owned);
            match operator {
                "=" => wildcard(wanted, &text),
                "!=" => !wildcard(wanted, &text),
                _ => false,
            }
        }
    }
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
            ("DisableKey", Some(true)),
            ("", Some(true)),
            ("{ $.eventName = }", None),
            ("{ (", None),
        ] {
            assert_eq!(matches(pattern, &record), expected, "{pattern}");
        }
    }
}
