//! The rules read a second time, slowly and naively, on JSON and plain strings: no three values, no
//! references, no shared code. What is unknown is handled by trying values.

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A request of which everything is known: a context key that is not here is not in the request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub context: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Deny,
    Allow,
    Neither,
}

/// A character of a pattern, after variables were put in.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Is(char),
    AnyString,
    AnyChar,
}

pub fn answer(policy: &Json, asked: &Asked) -> Answer {
    let variables = policy["Version"] == "2012-10-17";
    let mut allowed = false;
    for statement in list(&policy["Statement"]) {
        if !applies(&statement, asked, variables) {
            continue;
        }
        if statement["Effect"] == "Deny" {
            return Answer::Deny;
        }
        allowed = true;
    }
    if allowed {
        Answer::Allow
    } else {
        Answer::Neither
    }
}

fn list(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

fn strings(value: &Json) -> Vec<String> {
    let written = |v: Json| match v {
        Json::String(s) => s,
        other => other.to_string(),
    };
    list(value).into_iter().map(written).collect()
}

fn applies(statement: &Json, asked: &Asked, variables: bool) -> bool {
    let action = asked.action.to_lowercase();
    let names_action = |key: &str| {
        strings(&statement[key])
            .iter()
            .any(|p| fits(&signs(&p.to_lowercase(), None), &chars(&action)))
    };
    let names_resource = |key: &str| {
        strings(&statement[key])
            .iter()
            .any(|p| arn_fits(p, &asked.resource, variables.then_some(asked)))
    };
    let action = match statement.get("Action") {
        Some(_) => names_action("Action"),
        None => !names_action("NotAction"),
    };
    let resource = match statement.get("Resource") {
        Some(_) => names_resource("Resource"),
        None => !names_resource("NotResource"),
    };
    let principal = strings(&statement["Principal"]["AWS"])
        .iter()
        .any(|p| is_principal(p, &asked.principal))
        || statement["Principal"] == "*";
    let mut conditions = true;
    if let Some(operators) = statement.get("Condition").and_then(Json::as_object) {
        for (operator, keys) in operators {
            for (key, values) in keys.as_object().into_iter().flatten() {
                conditions &= condition(operator, key, &strings(values), asked, variables);
            }
        }
    }
    action && resource && principal && conditions
}

fn is_principal(pattern: &str, principal: &str) -> bool {
    let account = principal.split(':').nth(4).unwrap_or_default();
    pattern == "*"
        || pattern == principal
        || pattern == account
        || pattern == format!("arn:aws:iam::{account}:root")
}

fn context<'a>(asked: &'a Asked, key: &str) -> Option<&'a Vec<String>> {
    asked
        .context
        .iter()
        .find(|(k, _)| k.to_lowercase() == key.to_lowercase())
        .map(|(_, v)| v)
}

fn condition(operator: &str, key: &str, values: &[String], asked: &Asked, variables: bool) -> bool {
    let present = context(asked, key).filter(|v| !v.is_empty());
    if operator == "Null" {
        let missing = if present.is_some() { "false" } else { "true" };
        return values.iter().any(|v| v.to_lowercase() == missing);
    }
    let all = operator.starts_with("ForAllValues:");
    let any = operator.starts_with("ForAnyValue:");
    let plain = operator
        .trim_start_matches("ForAllValues:")
        .trim_start_matches("ForAnyValue:");
    let if_exists = plain.ends_with("IfExists");
    let plain = plain.trim_end_matches("IfExists");
    let positive = plain.replacen("Not", "", 1);
    let negated = positive != plain;
    let Some(present) = present else {
        return if_exists || all || (!any && negated);
    };
    let asked = variables.then_some(asked);
    let one = |c: &String| values.iter().any(|v| compares(&positive, c, v, asked));
    if all {
        present.iter().all(|c| one(c) != negated)
    } else if any {
        present.iter().any(|c| one(c) != negated)
    } else {
        present.iter().any(one) != negated
    }
}

fn compares(operator: &str, c: &str, v: &str, asked: Option<&Asked>) -> bool {
    let number = |s: &str| s.parse::<f64>().ok();
    let ordered = |a: f64, b: f64| {
        if operator.ends_with("LessThan") {
            a < b
        } else if operator.ends_with("LessThanEquals") {
            a <= b
        } else if operator.ends_with("GreaterThan") {
            a > b
        } else if operator.ends_with("GreaterThanEquals") {
            a >= b
        } else {
            a == b
        }
    };
    match operator {
        "StringEquals" => literal(v, asked).is_some_and(|v| v == c),
        "StringEqualsIgnoreCase" => {
            literal(v, asked).is_some_and(|v| v.to_lowercase() == c.to_lowercase())
        }
        "StringLike" => fits(&signs(v, asked), &chars(c)) && literal(v, asked).is_some(),
        "Bool" => {
            v.to_lowercase() == c.to_lowercase() && matches!(&*v.to_lowercase(), "true" | "false")
        }
        "BinaryEquals" => v == c,
        "ArnEquals" | "ArnLike" => c.starts_with("arn:") && arn_fits(v, c, asked),
        "IpAddress" => inside(v, c),
        _ if operator.starts_with("Numeric") => {
            number(c).zip(number(v)).is_some_and(|(a, b)| ordered(a, b))
        }
        _ if operator.starts_with("Date") => seconds(c)
            .zip(seconds(v))
            .is_some_and(|(a, b)| ordered(a, b)),
        other => panic!("{other}"),
    }
}

/// `2020-01-01T00:00:00Z` in seconds, by counting the days.
fn seconds(s: &str) -> Option<f64> {
    if !s.is_empty() && s.len() != 4 && s.chars().all(|c| c.is_ascii_digit()) {
        return s.parse().ok();
    }
    let shape: String = s
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape != "0000-00-00" && shape != "0000-00-00T00:00:00Z" {
        return None;
    }
    let part = |from: usize, to: usize| s.get(from..to)?.parse::<u32>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let divides = |n: u32, y: u32| y.is_multiple_of(n);
    let leap = |y: u32| (divides(4, y) && !divides(100, y)) || divides(400, y);
    let mut days = 0;
    for y in 1970..year {
        days += if leap(y) { 366 } else { 365 };
    }
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for m in 1..month {
        days += lengths[m as usize - 1];
    }
    days += day - 1;
    let time = match s.len() {
        10 => 0,
        _ => part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?,
    };
    Some(f64::from(days) * 86400.0 + f64::from(time))
}

/// IPv4 alone, by bits.
fn inside(network: &str, address: &str) -> bool {
    let bits = |s: &str| {
        let bytes: Vec<u32> = s.split('.').filter_map(|b| b.parse().ok()).collect();
        (bytes.len() == 4).then(|| bytes.iter().map(|b| format!("{b:08b}")).collect::<String>())
    };
    let (base, length) = network.split_once('/').unwrap_or((network, "32"));
    let (Some(base), Some(address)) = (bits(base), bits(address)) else {
        return false;
    };
    let length: usize = length.parse().unwrap();
    base[..length] == address[..length]
}

fn chars(s: &str) -> Vec<char> {
    s.chars().collect()
}

/// The pattern's signs; a variable that is missing gives a sign that fits nothing.
fn signs(pattern: &str, asked: Option<&Asked>) -> Vec<Sign> {
    let mut found = Vec::new();
    let mut rest: Vec<char> = chars(pattern);
    while !rest.is_empty() {
        if let Some(asked) = asked
            && rest.starts_with(&['$', '{'])
            && let Some(end) = rest.iter().position(|c| *c == '}')
        {
            let name: String = rest[2..end].iter().collect();
            rest.drain(..=end);
            match value(&name, asked) {
                Some(value) => found.extend(value.chars().map(Sign::Is)),
                None => found.push(Sign::Is('\u{0}')),
            }
            continue;
        }
        found.push(match rest.remove(0) {
            '*' => Sign::AnyString,
            '?' => Sign::AnyChar,
            c => Sign::Is(c),
        });
    }
    found
}

fn value(name: &str, asked: &Asked) -> Option<String> {
    if ["*", "?", "$"].contains(&name) {
        return Some(name.to_owned());
    }
    let (key, default) = match name.split_once(", '") {
        Some((key, default)) => (key, Some(default.trim_end_matches('\'').to_owned())),
        None => (name, None),
    };
    match context(asked, key) {
        Some(values) if values.len() == 1 => Some(values[0].clone()),
        _ => default,
    }
}

fn literal(pattern: &str, asked: Option<&Asked>) -> Option<String> {
    let all: Vec<Sign> = signs(pattern, asked);
    let text: String = all
        .iter()
        .map(|s| match s {
            Sign::Is(c) => *c,
            Sign::AnyString => '*',
            Sign::AnyChar => '?',
        })
        .collect();
    (!text.contains('\u{0}')).then_some(text)
}

/// By trying every way to split.
fn fits(pattern: &[Sign], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Sign::AnyString, rest)) => (0..=text.len()).any(|n| fits(rest, &text[n..])),
        Some((Sign::AnyChar, rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some((Sign::Is(c), rest)) => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

fn arn_fits(pattern: &str, arn: &str, asked: Option<&Asked>) -> bool {
    let pattern = signs(pattern, asked);
    if pattern.iter().all(|s| *s == Sign::AnyString) {
        return !pattern.is_empty();
    }
    let mut segments: Vec<Vec<Sign>> = vec![Vec::new()];
    for sign in pattern {
        let last = segments.len() - 1;
        if sign == Sign::Is(':') && segments.len() < 6 {
            segments.push(Vec::new());
        } else {
            segments[last].push(sign);
        }
    }
    if segments[0] != [Sign::Is('a'), Sign::Is('r'), Sign::Is('n')] && segments.len() < 6 {
        return false;
    }
    while segments.len() < 6 {
        segments.push(vec![Sign::AnyString]);
    }
    let parts: Vec<Vec<char>> = arn.splitn(6, ':').map(chars).collect();
    parts.len() == 6 && segments.iter().zip(&parts).all(|(s, p)| fits(s, p))
}
