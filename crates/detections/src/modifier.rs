//! What stands behind a field's name, as `|contains|all`, and what it makes of the values.

use crate::pattern::{DASHES, Piece, pieces, plain};
use crate::yaml::{Kind, Node, Wrong};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::collections::BTreeMap;

/// How many texts one value may become.
const MOST_VARIANTS: usize = 10_000;

/// The modifiers that are said of a whole item, not of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) all: bool,
    pub(crate) cased: bool,
    pub(crate) negated: bool,
    pub(crate) exists: bool,
    pub(crate) time: Option<TimePart>,
}

/// Which part of a time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value, as far as the modifiers have come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// As it is written.
    Raw(Kind),
    Pieces(Vec<Piece>),
    Bytes(Vec<u8>),
    /// A pattern and the flags `i`, `m` and `s`.
    Regex(String, String),
    Cidr(String),
    Compare(Order, f64),
    /// Another field's name, and whether more may stand before and behind its value.
    Field(String, bool, bool),
}

/// What placeholders stand for.
pub(crate) type Placeholders = BTreeMap<String, Vec<String>>;

/// Why a value cannot be read: it is wrong, or it needs what is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Wrong(Wrong),
    Missing(Wrong),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Refused::Wrong(wrong)
    }
}

/// Reads the modifiers behind a field's name.
pub(crate) fn flags(modifiers: &[&str], line: u32) -> Result<Flags, Wrong> {
    let mut flags = Flags::default();
    for modifier in modifiers {
        match *modifier {
            "all" => flags.all = true,
            "cased" => flags.cased = true,
            "neq" => flags.negated = true,
            "exists" => flags.exists = true,
            "minute" => flags.time = Some(TimePart::Minute),
            "hour" => flags.time = Some(TimePart::Hour),
            "day" => flags.time = Some(TimePart::Day),
            "week" => flags.time = Some(TimePart::Week),
            "month" => flags.time = Some(TimePart::Month),
            "year" => flags.time = Some(TimePart::Year),
            "contains" | "startswith" | "endswith" | "re" | "i" | "m" | "s" | "ignorecase"
            | "multiline" | "dotall" | "base64" | "base64offset" | "wide" | "utf16le"
            | "utf16be" | "utf16" | "windash" | "cidr" | "lt" | "lte" | "gt" | "gte"
            | "fieldref" | "expand" => {}
            "not" => {
                let what = "`|not` is no modifier: write `|neq`, or `not` in the condition";
                return Err(Wrong::new(line, what));
            }
            other => {
                return Err(Wrong::new(
                    line,
                    format!("`|{other}` is no modifier of Sigma's"),
                ));
            }
        }
    }
    Ok(flags)
}

/// What the modifiers make of a value: texts of which any may be.
pub(crate) fn apply(
    modifiers: &[&str],
    node: &Node,
    placeholders: &Placeholders,
) -> Result<Vec<Value>, Refused> {
    let mut values = vec![Value::Raw(node.kind.clone())];
    // Placeholders are what is written; wherever `|expand` stands, it is for that.
    let (first, then): (Vec<&str>, Vec<&str>) = modifiers.iter().partition(|it| **it == "expand");
    for modifier in first.iter().chain(&then) {
        let mut next = Vec::new();
        for value in values {
            step(modifier, value, node.line, placeholders, &mut next)?;
            if next.len() > MOST_VARIANTS {
                let what = format!("`|{modifier}` makes more than {MOST_VARIANTS} values of one");
                return Err(Wrong::new(node.line, what).into());
            }
        }
        values = next;
    }
    Ok(values)
}

fn step(
    modifier: &str,
    value: Value,
    line: u32,
    placeholders: &Placeholders,
    into: &mut Vec<Value>,
) -> Result<(), Refused> {
    let wrong = |what: &str| Wrong::new(line, format!("`|{modifier}` {what}"));
    match (modifier, value) {
        ("contains" | "startswith" | "endswith", Value::Field(name, before, behind)) => {
            into.push(Value::Field(
                name,
                before || modifier != "startswith",
                behind || modifier != "endswith",
            ));
        }
        // What a regular expression finds may stand anywhere already.
        ("contains", value @ Value::Regex(..)) => into.push(value),
        ("contains" | "startswith" | "endswith", value) => {
            let mut pieces = pieces_of(value).ok_or_else(|| wrong("needs a text"))?;
            if modifier != "startswith" {
                pieces.insert(0, Piece::Any);
            }
            if modifier != "endswith" {
                pieces.push(Piece::Any);
            }
            into.push(Value::Pieces(pieces));
        }
        ("re", Value::Raw(kind)) => {
            let text = raw_text(&kind).ok_or_else(|| wrong("needs a text"))?;
            into.push(Value::Regex(text, String::new()));
        }
        ("i" | "ignorecase" | "m" | "multiline" | "s" | "dotall", Value::Regex(text, flags)) => {
            into.push(Value::Regex(text, flags + &modifier[..1].replace('d', "s")));
        }
        ("i" | "ignorecase" | "m" | "multiline" | "s" | "dotall", _) => {
            return Err(wrong("stands behind `|re` only").into());
        }
        ("cidr", Value::Raw(Kind::Text(text))) => into.push(Value::Cidr(text)),
        ("lt" | "lte" | "gt" | "gte", Value::Raw(kind)) => {
            let number = raw_text(&kind).and_then(|text| text.parse::<f64>().ok());
            let number = number.filter(|number| number.is_finite());
            let order = match modifier {
                "lt" => Order::Less,
                "lte" => Order::AtMost,
                "gt" => Order::More,
                _ => Order::AtLeast,
            };
            let number = number.ok_or_else(|| wrong("needs a number"))?;
            into.push(Value::Compare(order, number));
        }
        ("fieldref", Value::Raw(Kind::Text(name))) => {
            into.push(Value::Field(name, false, false));
        }
        ("expand", Value::Raw(Kind::Text(text))) => expand(&text, line, placeholders, into)?,
        // Numbers have no placeholders.
        ("expand", value @ Value::Raw(Kind::Number(_) | Kind::Bool(_))) => into.push(value),
        ("windash", value) => {
            let pieces = pieces_of(value).ok_or_else(|| wrong("needs a text"))?;
            into.push(Value::Pieces(windash(pieces)));
        }
        ("wide" | "utf16le" | "utf16be" | "utf16", value) => {
            for text in texts(value, line)? {
                let mut bytes = Vec::new();
                if modifier == "utf16" {
                    bytes.extend([0xff, 0xfe]);
                }
                for unit in text.encode_utf16() {
                    bytes.extend(match modifier {
                        "utf16be" => unit.to_be_bytes(),
                        _ => unit.to_le_bytes(),
                    });
                }
                into.push(Value::Bytes(bytes));
            }
        }
        ("base64" | "base64offset", value) => {
            let all = match value {
                Value::Bytes(bytes) => vec![bytes],
                value => texts(value, line)?
                    .into_iter()
                    .map(String::into_bytes)
                    .collect(),
            };
            for bytes in all {
                let encoded = if modifier == "base64" {
                    vec![STANDARD.encode(&bytes)]
                } else {
                    (0..3).map(|offset| offset_base64(&bytes, offset)).collect()
                };
                let encoded = encoded
                    .into_iter()
                    .map(|text| text.chars().map(Piece::Char).collect());
                into.extend(encoded.map(Value::Pieces));
            }
        }
        ("cidr" | "re" | "lt" | "lte" | "gt" | "gte" | "fieldref" | "expand", _) => {
            return Err(wrong("does not fit the value or the modifiers before it").into());
        }
        (_, value) => into.push(value),
    }
    Ok(())
}

fn raw_text(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
        Kind::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

pub(crate) fn pieces_of(value: Value) -> Option<Vec<Piece>> {
    match value {
        Value::Raw(kind) => Some(pieces(&raw_text(&kind)?)),
        Value::Pieces(pieces) => Some(pieces),
        Value::Bytes(bytes) => {
            let text = String::from_utf8(bytes).ok()?;
            Some(text.chars().map(Piece::Char).collect())
        }
        _ => None,
    }
}

/// The texts to encode: one, or as many as the dashes of `|windash` make.
fn texts(value: Value, line: u32) -> Result<Vec<String>, Wrong> {
    let wildcards = || Wrong::new(line, "what is encoded must be a text without wildcards");
    let pieces = pieces_of(value).ok_or_else(wildcards)?;
    let mut all = vec![Vec::new()];
    for piece in pieces {
        if piece == Piece::Dash {
            all = all
                .iter()
                .flat_map(|text: &Vec<Piece>| {
                    DASHES.map(|dash| {
                        let mut text = text.clone();
                        text.push(Piece::Char(dash));
                        text
                    })
                })
                .collect();
            if all.len() > MOST_VARIANTS {
                return Err(Wrong::new(line, "too many dashes for `|windash` to vary"));
            }
        } else {
            all.iter_mut().for_each(|text| text.push(piece.clone()));
        }
    }
    let all = all.iter().map(|text| plain(text).ok_or_else(wildcards));
    all.collect()
}

/// A dash or slash that begins a word may be any of them.
fn windash(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut begins = true;
    let varied = pieces.into_iter().map(|piece| {
        let varies = begins && matches!(&piece, Piece::Char(c) if DASHES.contains(c));
        begins = match &piece {
            Piece::Char(c) => c.is_whitespace(),
            Piece::Any | Piece::One => true,
            Piece::Dash => false,
        };
        if varies { Piece::Dash } else { piece }
    });
    varied.collect()
}

/// What stands of the bytes in the encoding of a text that has them behind `offset` bytes: the characters at the ends that
/// depend on what stands beside them are left out.
fn offset_base64(bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![b' '; offset];
    padded.extend(bytes);
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let start = [0, 2, 3][offset];
    let end = padded.len() / 3 * 4 + [0, 1, 2][padded.len() % 3];
    encoded.get(start..end).unwrap_or_default().to_owned()
}

/// Puts their values in the place of `%placeholders%`.
fn expand(
    text: &str,
    line: u32,
    placeholders: &Placeholders,
    into: &mut Vec<Value>,
) -> Result<(), Refused> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        let name = behind.split_once('%').filter(|(name, _)| {
            let mut chars = name.chars();
            !name.is_empty() && chars.all(|c| c.is_alphanumeric() || "_-.".contains(c))
        });
        let (Some((name, after)), false) = (name, before.ends_with('\\')) else {
            let before = before.strip_suffix('\\').unwrap_or(before);
            all.iter_mut()
                .for_each(|text| *text += &format!("{before}%"));
            rest = behind;
            continue;
        };
        let Some(values) = placeholders.get(name) else {
            let what = format!("no values are given for the placeholder `%{name}%`");
            return Err(Refused::Missing(Wrong::new(line, what)));
        };
        let vary = |text: &String| {
            let vary = values.iter().map(|value| format!("{text}{before}{value}"));
            vary.collect::<Vec<_>>()
        };
        if all.len().saturating_mul(values.len()) > MOST_VARIANTS {
            let what = format!("placeholders make more than {MOST_VARIANTS} values of one");
            return Err(Wrong::new(line, what).into());
        }
        all = all.iter().flat_map(vary).collect();
        rest = after;
    }
    into.extend(
        all.into_iter()
            .map(|text| Value::Raw(Kind::Text(text + rest))),
    );
    Ok(())
}
