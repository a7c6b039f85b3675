//! Counts as Sigma 1 wrote them behind a condition, `selection | count(field) by who > 5`: correlations of today, so they are
//! read as such.

use crate::correlation::{Asked, Bound, Correlation, Group, timespan};
use crate::field::Path;
use crate::yaml::{Node, Wrong};
use std::collections::BTreeMap;

/// A count, as it is written.
struct Count<'t> {
    /// The condition of the events that are counted.
    events: &'t str,
    field: &'t str,
    by: Vec<&'t str>,
    bound: Bound,
}

fn count(condition: &str) -> Option<Count<'_>> {
    let (events, count) = condition.split_once('|')?;
    let count = count.trim().strip_prefix("count")?;
    let (field, rest) = count.trim_start().strip_prefix('(')?.split_once(')')?;
    let (by, compared) = rest.split_at(rest.find(['<', '>', '='])?);
    let by = match by.trim() {
        "" => Vec::new(),
        by => {
            let names = by.strip_prefix("by ")?.split([',', ' ']);
            names.filter(|name| !name.is_empty()).collect()
        }
    };
    let (operator, number) = compared.split_at(compared.find(|c| !"<>=".contains(c))?);
    let number = f64::from(number.trim().parse::<u32>().ok()?);
    let bound = match operator {
        ">" => Bound::More(number),
        ">=" => Bound::AtLeast(number),
        "<" => Bound::Less(number),
        "<=" => Bound::AtMost(number),
        "=" | "==" => Bound::Equal(number),
        _ => return None,
    };
    Some(Count {
        events,
        field: field.trim(),
        by,
        bound,
    })
}

/// What a condition says of single events.
pub(crate) fn of_events(condition: &str) -> &str {
    count(condition).map_or(condition, |count| count.events)
}

/// The correlation that a rule's condition makes of its events, which are called `events`.
pub(crate) fn correlation(
    rule: &Node,
    detection: &Node,
    events: &str,
) -> Result<Option<Correlation>, Wrong> {
    let conditions = detection.texts_of("condition")?;
    let line = detection
        .given("condition")
        .map_or(detection.line, |node| node.line);
    let Some(count) = conditions.iter().find_map(|text| count(text)) else {
        return Ok(None);
    };
    if conditions.len() > 1 {
        return Err(Wrong::new(
            line,
            "a condition with a count must be the only one",
        ));
    }
    // Where it belongs, and where it is put, too.
    let frame = detection.given("timeframe").or(rule.given("timeframe"));
    let frame = frame.ok_or_else(|| Wrong::new(line, "a count needs a `timeframe`, as `10m`"))?;
    let groups = count.by.iter().map(|name| {
        let path = Path::new(name, line)?;
        let of_rules = BTreeMap::new();
        Ok(Group { path, of_rules })
    });
    let field = Some(count.field).filter(|field| !field.is_empty());
    let field = field.map(|name| Path::new(name, line)).transpose()?;
    Ok(Some(Correlation {
        asked: match field {
            Some(_) => Asked::ValueCount,
            None => Asked::EventCount,
        },
        rules: vec![(events.to_owned(), line)],
        parts: Vec::new(),
        group_by: groups.collect::<Result<_, _>>()?,
        timespan: timespan(frame)?,
        bounds: vec![count.bound],
        fields: field.into_iter().collect(),
        generate: false,
    }))
}
