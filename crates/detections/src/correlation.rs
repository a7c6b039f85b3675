//! Correlations: what several events say together.

use crate::field::Path;
use crate::yaml::{Kind, Node, Wrong};
use std::collections::BTreeMap;

/// Ten years.
const MOST_SECONDS: i64 = 10 * 366 * 86_400;

/// More rules and fields than any correlation has.
const MOST: usize = 200;

/// What is asked of the events in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// How many there are.
    EventCount,
    /// How many values a field has in them.
    ValueCount,
    /// That every rule has one; or so many rules as the condition says.
    Temporal,
    /// That every rule has one, in their order.
    TemporalOrdered,
}

/// How a count must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    More(f64),
    AtLeast(f64),
    Less(f64),
    AtMost(f64),
    Equal(f64),
    Other(f64),
}

/// A correlation.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    pub(crate) asked: Asked,
    /// The rules, as they are named.
    pub(crate) rules: Vec<(String, u32)>,
    /// The same, by their index.
    pub(crate) parts: Vec<usize>,
    /// By which events are put together.
    pub(crate) group_by: Vec<Group>,
    /// In milliseconds.
    pub(crate) timespan: i64,
    pub(crate) bounds: Vec<Bound>,
    /// What is counted.
    pub(crate) fields: Vec<Path>,
    /// The rules' own hits count, too.
    pub(crate) generate: bool,
}

/// A field to group by, and its other names by rule.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) path: Path,
    pub(crate) of_rules: BTreeMap<String, Path>,
}

impl Correlation {
    /// True when a count is as it must be.
    pub(crate) fn is_met(&self, count: usize) -> bool {
        let count = count as f64;
        self.bounds.iter().all(|bound| match *bound {
            Bound::More(than) => count > than,
            Bound::AtLeast(than) => count >= than,
            Bound::Less(than) => count < than,
            Bound::AtMost(than) => count <= than,
            Bound::Equal(to) => count == to,
            Bound::Other(than) => count != than,
        })
    }

    /// Reads a `correlation`.
    pub(crate) fn read(node: &Node) -> Result<Self, Wrong> {
        let due = |name: &str| {
            let found = node.given(name);
            found.ok_or_else(|| Wrong::new(node.line, format!("a correlation needs `{name}`")))
        };
        let kind = due("type")?;
        let asked = match kind.text() {
            Some("event_count") => Asked::EventCount,
            Some("value_count") => Asked::ValueCount,
            Some("temporal") => Asked::Temporal,
            Some("temporal_ordered") => Asked::TemporalOrdered,
            other => {
                let other = other.unwrap_or("this");
                let what = format!(
                    "`{other}` is no type of correlation that is supported: event_count, value_count, temporal, temporal_ordered"
                );
                return Err(Wrong::new(kind.line, what));
            }
        };
        let listed = due("rules")?;
        let names = node.texts_of("rules")?;
        if names.is_empty() || names.len() > MOST {
            let what = format!("a correlation has 1 to {MOST} rules");
            return Err(Wrong::new(listed.line, what));
        }
        let lines = match &listed.kind {
            Kind::List(items) => items.iter().map(|item| item.line).collect(),
            _ => vec![listed.line],
        };
        let (bounds, fields) = condition(node, asked)?;
        Ok(Correlation {
            asked,
            rules: names.into_iter().zip(lines).collect(),
            parts: Vec::new(),
            group_by: groups(node)?,
            timespan: timespan(due("timespan")?)?,
            bounds,
            fields,
            generate: flag(node, "generate")?,
        })
    }
}

fn flag(node: &Node, name: &str) -> Result<bool, Wrong> {
    match node.given(name).map(|node| (&node.kind, node.line)) {
        None => Ok(false),
        Some((Kind::Bool(value), _)) => Ok(*value),
        Some((_, line)) => Err(Wrong::new(line, format!("`{name}` must be true or false"))),
    }
}

fn condition(node: &Node, asked: Asked) -> Result<(Vec<Bound>, Vec<Path>), Wrong> {
    let Some(condition) = node.given("condition") else {
        if matches!(asked, Asked::EventCount | Asked::ValueCount) {
            return Err(Wrong::new(
                node.line,
                "a correlation that counts needs `condition`",
            ));
        }
        return Ok((Vec::new(), Vec::new()));
    };
    if asked == Asked::TemporalOrdered {
        let what = "`temporal_ordered` takes no condition: all rules in their order";
        return Err(Wrong::new(condition.line, what));
    }
    let Kind::Map(entries) = &condition.kind else {
        let what = "the condition of a correlation must be a map, as `gte: 10`";
        return Err(Wrong::new(condition.line, what));
    };
    let mut bounds = Vec::new();
    for (name, line, value) in entries {
        let number = || {
            let number = value.text().and_then(|text| text.parse::<f64>().ok());
            let number = number.filter(|number| number.is_finite());
            number.ok_or_else(|| Wrong::new(value.line, format!("`{name}` must be a number")))
        };
        bounds.push(match name.as_str() {
            "gt" => Bound::More(number()?),
            "gte" => Bound::AtLeast(number()?),
            "lt" => Bound::Less(number()?),
            "lte" => Bound::AtMost(number()?),
            "eq" => Bound::Equal(number()?),
            "neq" => Bound::Other(number()?),
            "field" => continue,
            other => return Err(Wrong::new(*line, format!("`{other}` is no condition"))),
        });
    }
    let fields = condition.texts_of("field")?;
    let fields = fields.iter().map(|name| Path::new(name, condition.line));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    if bounds.is_empty() || fields.is_empty() == (asked == Asked::ValueCount) {
        let what = if asked == Asked::ValueCount {
            "a count of values needs a number, as `gte: 10`, and the `field` that is counted"
        } else {
            "the condition needs a number, as `gte: 10`, and no `field`"
        };
        return Err(Wrong::new(condition.line, what));
    }
    Ok((bounds, fields))
}

fn groups(node: &Node) -> Result<Vec<Group>, Wrong> {
    let names = node.texts_of("group-by")?;
    let aliases = node.given("aliases");
    if let Some(aliases) = aliases.filter(|node| !matches!(node.kind, Kind::Map(_))) {
        return Err(Wrong::new(aliases.line, "`aliases` must be a map"));
    }
    if names.len() > MOST {
        return Err(Wrong::new(
            node.line,
            format!("at most {MOST} fields to group by"),
        ));
    }
    let line = node.given("group-by").map_or(node.line, |node| node.line);
    let groups = names.iter().map(|name| {
        let mut of_rules = BTreeMap::new();
        if let Some(alias) = aliases.and_then(|aliases| aliases.get(name)) {
            let Kind::Map(entries) = &alias.kind else {
                let what = "an alias must be a map from rules to fields";
                return Err(Wrong::new(alias.line, what));
            };
            for (rule, _, field) in entries {
                let name = field.text();
                let name = name.ok_or_else(|| Wrong::new(field.line, "a field must be text"))?;
                of_rules.insert(rule.clone(), Path::new(name, field.line)?);
            }
        }
        let path = Path::new(name, line)?;
        Ok(Group { path, of_rules })
    });
    groups.collect()
}

/// `10m`, in milliseconds.
pub(crate) fn timespan(node: &Node) -> Result<i64, Wrong> {
    let wrong = || {
        let what = "a timespan is a number and s, m, h, d, w, M or y, as `10m`, up to ten years";
        Wrong::new(node.line, what)
    };
    let text = node.text().ok_or_else(wrong)?;
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        'M' => 30 * 86_400,
        'y' => 365 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text
        .strip_suffix(unit)
        .and_then(|text| text.parse().ok())
        .ok_or_else(wrong)?;
    let total = i64::from(number) * seconds;
    if (1..=MOST_SECONDS).contains(&total) {
        Ok(total * 1000)
    } else {
        Err(wrong())
    }
}
