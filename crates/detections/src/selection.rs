//! A rule's selections: which fields have which values.

use crate::field::{Path, any_scalar, text};
use crate::modifier::{self, Flags, Order, Placeholders, Refused, TimePart, Value as Given};
use crate::pattern::{MOST_BETWEEN, Piece, Shape, TextTest, fold};
use crate::yaml::{Kind, Node, Wrong};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::Offset;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

/// How many regular expressions a file may have: each may take [`MOST_REGEX`] bytes.
const MOST_REGEXES: usize = 300;

/// How many values a file may have, after all modifiers: some make many of one.
const MOST_VALUES: usize = 200_000;

/// What a compiled regular expression may take.
const MOST_REGEX: usize = 512 << 10;

/// Longer lists of plain texts are looked up, not gone through.
const LONG: usize = 8;

/// A selection.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// A map: every item must match.
    All(Vec<Item>),
    /// A list: any will do.
    Any(Vec<Selection>),
}

/// A field and its values.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Absent for keywords, which may stand in any field.
    pub(crate) path: Option<Path>,
    pub(crate) time: Option<TimePart>,
    /// For each value the texts that it may become.
    pub(crate) groups: Vec<Vec<Test>>,
    /// Of each group one must match, not of any.
    pub(crate) all: bool,
    pub(crate) negated: bool,
}

/// What one value asks.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Null,
    Exists(bool),
    Bool(bool),
    Number(f64, String),
    Text(TextTest),
    /// One of many texts, folded.
    OneOf(HashSet<String>),
    Regex(Regex),
    Cidr(IpNet),
    Compare(Order, f64),
    Field {
        path: Path,
        before: bool,
        behind: bool,
        cased: bool,
    },
}

impl Selection {
    pub(crate) fn matches(&self, record: &Value) -> bool {
        match self {
            Selection::All(items) => items.iter().all(|item| item.matches(record)),
            Selection::Any(inner) => inner.iter().any(|inner| inner.matches(record)),
        }
    }
}

impl Item {
    fn matches(&self, record: &Value) -> bool {
        let group = |group: &Vec<Test>| group.iter().any(|test| self.test(test, record));
        let matches = if self.all {
            self.groups.iter().all(group)
        } else {
            self.groups.iter().any(group)
        };
        matches != self.negated
    }

    fn test(&self, test: &Test, record: &Value) -> bool {
        let Some(path) = &self.path else {
            return any_scalar(record, &mut |value| test.matches(value, record));
        };
        let is_there = |record| path.any(record, &mut |value| !value.is_null());
        match (test, self.time) {
            (Test::Null, _) => !is_there(record),
            (Test::Exists(wanted), _) => is_there(record) == *wanted,
            (_, Some(part)) => path.any(record, &mut |value| {
                let part = part_of(value, part);
                part.is_some_and(|part| test.matches(&Value::from(part), record))
            }),
            (..) => path.any(record, &mut |value| test.matches(value, record)),
        }
    }
}

impl Test {
    fn matches(&self, value: &Value, record: &Value) -> bool {
        match self {
            Test::Null => value.is_null(),
            Test::Exists(_) => false,
            Test::Bool(wanted) => match value {
                Value::Bool(value) => value == wanted,
                Value::String(value) => value.eq_ignore_ascii_case(&wanted.to_string()),
                _ => false,
            },
            Test::Number(wanted, written) => match value {
                Value::Number(value) => value.as_f64() == Some(*wanted),
                Value::String(value) => value == written,
                _ => false,
            },
            Test::Text(test) => {
                let within = matches!(test.shape, Shape::Contains(_) | Shape::Glob(_));
                seen(value, within, &|text| test.matches(text))
            }
            Test::OneOf(texts) => text(value).is_some_and(|text| texts.contains(&*fold(&text))),
            Test::Regex(regex) => seen(value, true, &|text| regex.is_match(text)),
            Test::Cidr(net) => match value {
                Value::String(value) => value.parse().is_ok_and(|ip: IpAddr| net.contains(&ip)),
                _ => false,
            },
            Test::Compare(order, than) => number(value).is_some_and(|value| match order {
                Order::Less => value < *than,
                Order::AtMost => value <= *than,
                Order::More => value > *than,
                Order::AtLeast => value >= *than,
            }),
            Test::Field {
                path,
                before,
                behind,
                cased,
            } => {
                let Some(value) = text(value) else {
                    return false;
                };
                let same = |text: Cow<'_, str>| {
                    let folded = if *cased {
                        text
                    } else {
                        fold(&text).into_owned().into()
                    };
                    folded.into_owned()
                };
                let value = same(value);
                path.any(record, &mut |other| {
                    text(other)
                        .map(same)
                        .is_some_and(|other: String| match (before, behind) {
                            (false, false) => value == other,
                            (false, true) => value.starts_with(&other),
                            (true, false) => value.ends_with(&other),
                            (true, true) => value.contains(&other),
                        })
                })
            }
        }
    }
}

/// True when `is` is true of the text of a scalar. Whoever keeps records as text sees an object as its JSON, and asks what is
/// in it: so that, too, and each scalar in the object will do, for in JSON the quotes of a policy are escaped.
fn seen(value: &Value, within: bool, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Object(_) => {
            let scalar = |value: &Value| text(value).is_some_and(|text| is(&text));
            within && (any_scalar(value, &mut { scalar }) || is(&value.to_string()))
        }
        scalar => text(scalar).is_some_and(|text| is(&text)),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn part_of(value: &Value, part: TimePart) -> Option<i64> {
    let time: Timestamp = value.as_str()?.parse().ok()?;
    let time = Offset::UTC.to_datetime(time);
    Some(match part {
        TimePart::Minute => time.minute().into(),
        TimePart::Hour => time.hour().into(),
        TimePart::Day => time.day().into(),
        TimePart::Week => time.date().iso_week_date().week().into(),
        TimePart::Month => time.month().into(),
        TimePart::Year => time.year().into(),
    })
}

/// Reads selections.
pub(crate) struct Compiler<'p> {
    pub(crate) placeholders: &'p Placeholders,
    /// How many regular expressions there may still be.
    pub(crate) regexes: usize,
    /// How many values there may still be, after all modifiers.
    pub(crate) values: usize,
}

impl<'p> Compiler<'p> {
    /// One for a file, with these values of placeholders.
    pub(crate) fn new(placeholders: &'p Placeholders) -> Self {
        Compiler {
            placeholders,
            regexes: MOST_REGEXES,
            values: MOST_VALUES,
        }
    }
}

impl Compiler<'_> {
    /// Reads what stands under a selection's name.
    pub(crate) fn selection(&mut self, node: &Node) -> Result<Selection, Refused> {
        match &node.kind {
            Kind::Map(entries) => {
                let items = entries
                    .iter()
                    .map(|(field, line, value)| self.item(field, *line, value));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                not_empty(&items, node.line)?;
                Ok(Selection::All(items))
            }
            Kind::List(parts) => {
                not_empty(parts, node.line)?;
                let parts = parts.iter().map(|part| self.selection(part));
                Ok(Selection::Any(parts.collect::<Result<_, _>>()?))
            }
            _ => Ok(Selection::All(vec![self.item("", node.line, node)?])),
        }
    }

    fn item(&mut self, field: &str, line: u32, node: &Node) -> Result<Item, Refused> {
        let mut words = field.split('|');
        let name = words.next().unwrap_or_default();
        let modifiers: Vec<&str> = words.collect();
        let flags = modifier::flags(&modifiers, line)?;
        let path = Some(name).filter(|name| !name.is_empty());
        let path = path.map(|name| Path::new(name, line)).transpose()?;
        let values = match &node.kind {
            Kind::List(values) => values.as_slice(),
            _ => std::slice::from_ref(node),
        };
        not_empty(values, node.line)?;
        let groups = values.iter().map(|value| {
            if matches!(value.kind, Kind::List(_) | Kind::Map(_)) {
                let what =
                    format!("a value of `{field}` must be a text, a number, a boolean or null");
                return Err(Wrong::new(value.line, what).into());
            }
            let made = modifier::apply(&modifiers, value, self.placeholders)?;
            self.values = self.values.checked_sub(made.len()).ok_or_else(|| {
                let what = format!("a file has at most {MOST_VALUES} values, after all modifiers");
                Wrong::new(value.line, what)
            })?;
            let tests = made
                .into_iter()
                .map(|made| self.test(made, flags, path.is_none(), value.line));
            tests.collect::<Result<Vec<_>, Refused>>()
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let (all, negated, time) = (flags.all, flags.negated, flags.time);
        if path.is_none() && (flags.exists || time.is_some()) {
            return Err(Wrong::new(line, "this modifier needs a field").into());
        }
        Ok(Item {
            path,
            time,
            groups: if all { groups } else { vec![looked_up(groups)] },
            all,
            negated,
        })
    }

    fn test(
        &mut self,
        given: Given,
        flags: Flags,
        keyword: bool,
        line: u32,
    ) -> Result<Test, Refused> {
        let wrong = |what: String| Refused::from(Wrong::new(line, what));
        if flags.exists {
            return match given {
                Given::Raw(Kind::Bool(wanted)) => Ok(Test::Exists(wanted)),
                _ => Err(wrong("`|exists` needs true or false".to_owned())),
            };
        }
        Ok(match given {
            Given::Raw(Kind::Null) if !keyword => Test::Null,
            Given::Raw(Kind::Bool(value)) if !keyword => Test::Bool(value),
            Given::Raw(Kind::Number(written)) if !keyword => {
                let number = written.parse().unwrap_or(f64::NAN);
                Test::Number(number, written)
            }
            Given::Regex(pattern, letters) => Test::Regex(self.regex(&pattern, &letters, line)?),
            Given::Cidr(net) => {
                let net = net.trim();
                let parsed = net
                    .parse()
                    .or_else(|_| net.parse::<IpAddr>().map(IpNet::from));
                Test::Cidr(parsed.map_err(|_| wrong(format!("`{net}` is no network")))?)
            }
            Given::Compare(order, than) => Test::Compare(order, than),
            Given::Field(name, before, behind) => Test::Field {
                path: Path::new(&name, line)?,
                before,
                behind,
                cased: flags.cased,
            },
            other => {
                let made = modifier::pieces_of(other);
                let made = made.ok_or_else(|| wrong("this value is no text".to_owned()))?;
                let made = if keyword { anywhere(made) } else { made };
                let test = TextTest::new(&made, flags.cased);
                if matches!(&test.shape, Shape::Glob(glob) if !glob.is_quick()) {
                    let what = format!("more than {MOST_BETWEEN} characters among wildcards");
                    return Err(wrong(what));
                }
                Test::Text(test)
            }
        })
    }

    fn regex(&mut self, pattern: &str, letters: &str, line: u32) -> Result<Regex, Wrong> {
        let left = self.regexes.checked_sub(1);
        self.regexes = left.ok_or_else(|| {
            let what = format!("a file has at most {MOST_REGEXES} regular expressions");
            Wrong::new(line, what)
        })?;
        let built = RegexBuilder::new(pattern)
            .case_insensitive(letters.contains('i'))
            .multi_line(letters.contains('m'))
            .dot_matches_new_line(letters.contains('s'))
            .size_limit(MOST_REGEX)
            .dfa_size_limit(MOST_REGEX)
            .nest_limit(50)
            .build();
        built.map_err(|error| {
            // The crate draws the place in lines of its own; the last one says what it is.
            let said = error.to_string();
            let last = said.lines().last().unwrap_or_default();
            let what = last.strip_prefix("error: ").unwrap_or(last);
            Wrong::new(line, format!("the regular expression: {what}"))
        })
    }
}

fn not_empty<T>(items: &[T], line: u32) -> Result<(), Wrong> {
    if items.is_empty() {
        return Err(Wrong::new(line, "nothing stands here that could match"));
    }
    Ok(())
}

/// A keyword may stand within a text.
fn anywhere(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.insert(0, Piece::Any);
    pieces.push(Piece::Any);
    pieces
}

/// One group of all tests, in which many plain texts are one test.
fn looked_up(groups: Vec<Vec<Test>>) -> Vec<Test> {
    let tests: Vec<Test> = groups.into_iter().flatten().collect();
    let is_plain = |test: &Test| {
        matches!(
            test,
            Test::Text(TextTest {
                folds: true,
                shape: Shape::Equals(_)
            })
        )
    };
    if tests.iter().filter(|test| is_plain(test)).count() < LONG {
        return tests;
    }
    let (plain, mut others): (Vec<Test>, Vec<Test>) = tests.into_iter().partition(is_plain);
    let texts = plain.into_iter().filter_map(|test| match test {
        Test::Text(TextTest {
            shape: Shape::Equals(text),
            ..
        }) => Some(text),
        _ => None,
    });
    others.push(Test::OneOf(texts.collect()));
    others
}
