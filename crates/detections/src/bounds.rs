//! What a record must say for a rule to match, as far as that is a name of an event or of a service: so most rules need not
//! be asked about most records, and most records need not be parsed.

use crate::condition::Expr;
use crate::pattern::Shape;
use crate::selection::{Item, Selection, Test};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// The texts, folded, of which a field must have one for the condition to hold; absent when it may hold without.
pub(crate) fn required(
    condition: &Expr,
    selections: &[Selection],
    field: &str,
) -> Option<BTreeSet<String>> {
    match condition {
        Expr::Selection(index) => of_selection(selections.get(*index)?, field),
        Expr::Not(_) => None,
        Expr::All(inner) => smallest(inner.iter().map(|inner| required(inner, selections, field))),
        // Of those of which some must hold, any may be the one.
        Expr::Any(inner) | Expr::AtLeast(_, inner) => {
            union(inner.iter().map(|inner| required(inner, selections, field)))
        }
    }
}

fn of_selection(selection: &Selection, field: &str) -> Option<BTreeSet<String>> {
    match selection {
        Selection::All(items) => smallest(items.iter().map(|item| of_item(item, field))),
        Selection::Any(inner) => union(inner.iter().map(|inner| of_selection(inner, field))),
    }
}

fn of_item(item: &Item, field: &str) -> Option<BTreeSet<String>> {
    let about = item.path.as_ref().is_some_and(|path| path.is(field));
    if !about || item.negated || item.time.is_some() {
        return None;
    }
    let groups = item
        .groups
        .iter()
        .map(|group| union(group.iter().map(of_test)));
    if item.all {
        smallest(groups)
    } else {
        union(groups)
    }
}

fn of_test(test: &Test) -> Option<BTreeSet<String>> {
    match test {
        Test::OneOf(texts) => Some(texts.iter().cloned().collect()),
        Test::Text(test) => match &test.shape {
            Shape::Equals(text) => Some([crate::pattern::fold(text).into_owned()].into()),
            _ => None,
        },
        _ => None,
    }
}

fn smallest(all: impl Iterator<Item = Option<BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    all.flatten().min_by_key(BTreeSet::len)
}

fn union(all: impl Iterator<Item = Option<BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for some in all {
        texts.extend(some?);
    }
    Some(texts)
}

/// The names of events as AWS writes them, by the same in lower case. Those that two services write differently are not
/// among them (RDS has `CreateDBInstance`, Timestream `CreateDbInstance`): one would be passed over.
pub(crate) static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let names = include_str!("event-names.txt").split_whitespace();
    names
        .map(|name| (name.to_ascii_lowercase(), name))
        .collect()
});

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_stands_twice() {
        let names = include_str!("event-names.txt").split_whitespace();
        assert_eq!(names.count(), super::NAMES.len());
    }
}
