//! Which rules match a record.

use crate::bounds::NAMES;
use crate::load::Rules;
use crate::pattern::fold;
use crate::rule::{Events, Logic, Rule};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Tells which rules match a record. Rules that ask for an event's name, or else for a service, are asked about no other
/// records.
#[derive(Clone, Debug)]
pub struct Matcher<'r> {
    rules: &'r [Rule],
    by_name: HashMap<&'r str, Vec<usize>>,
    by_source: HashMap<&'r str, Vec<usize>>,
    always: Vec<usize>,
}

impl<'r> Matcher<'r> {
    pub(crate) fn new(rules: &'r [Rule]) -> Self {
        let mut matcher = Matcher {
            rules,
            by_name: HashMap::new(),
            by_source: HashMap::new(),
            always: Vec::new(),
        };
        for (index, events) in all_events(rules) {
            let (names, by) = match (&events.names, &events.sources) {
                (Some(names), _) => (names, &mut matcher.by_name),
                (None, Some(sources)) => (sources, &mut matcher.by_source),
                (None, None) => {
                    matcher.always.push(index);
                    continue;
                }
            };
            for name in names {
                by.entry(name).or_default().push(index);
            }
        }
        matcher
    }

    /// The rules that match a record, in their order: those of single events, among them those that are there for correlations
    /// only ([`Rule::alone`]).
    pub fn matches(&self, record: &Value) -> Vec<&'r Rule> {
        let named = |name: &str| Some(fold(record.get(name)?.as_str()?));
        let mut found: Vec<&'r Rule> = match (named("eventName"), named("eventSource")) {
            (Some(name), Some(source)) => {
                let by_name = self.by_name.get(&*name).into_iter().flatten();
                let by_source = self.by_source.get(&*source).into_iter().flatten();
                let asked = by_name.chain(by_source).chain(&self.always);
                asked.filter_map(|index| self.ask(*index, record)).collect()
            }
            // A record that is not as CloudTrail writes it.
            _ => {
                let all = all_events(self.rules);
                all.filter_map(|(index, _)| self.ask(index, record))
                    .collect()
            }
        };
        found.sort_unstable_by_key(|rule| rule.index);
        found
    }

    fn ask(&self, index: usize, record: &Value) -> Option<&'r Rule> {
        let rule = self.rules.get(index)?;
        let Logic::Events(events) = &rule.logic else {
            return None;
        };
        let mut all = std::iter::once(events).chain(rule.filters.iter().map(|filter| &**filter));
        all.all(|events| events.matches(record)).then_some(rule)
    }
}

impl Rules {
    /// Byte strings of which a record, as it stands in the file, must hold at least one for any rule to match; absent when a
    /// rule has no such bound, and all records must be looked at. No byte strings at all: no rule can match.
    ///
    /// Sigma compares without regard to case and a search of bytes does not. So a needle is only ever a service's name
    /// (`kms.amazonaws.com`), which AWS writes in lower case, or an event's name that we know as AWS writes it, however the
    /// rule writes it. A rule that only asks for the name of an event that we do not know has no needle.
    pub fn needles(&self) -> Option<Vec<Vec<u8>>> {
        let (mut sources, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (_, events) in all_events(&self.rules) {
            let known = events.names.as_ref().and_then(|names| {
                let known = names.iter().map(|name| NAMES.get(name.as_str()).copied());
                known.collect::<Option<Vec<_>>>()
            });
            match (known, &events.sources) {
                (Some(known), of) => names.extend(known.into_iter().map(|name| (name, of))),
                (None, Some(of)) if of.iter().all(|of| of.ends_with(".amazonaws.com")) => {
                    sources.extend(of);
                }
                _ => return None,
            }
        }
        // Whoever looks for all of a service's records finds those of its events.
        let covered = |of: &Option<BTreeSet<String>>| {
            of.as_ref()
                .is_some_and(|of| of.iter().all(|of| sources.contains(of)))
        };
        let names = names
            .iter()
            .filter(|(_, of)| !covered(of))
            .map(|(name, _)| *name);
        let names: BTreeSet<&str> = names.collect();
        let needles = sources.iter().map(|source| source.as_str()).chain(names);
        Some(needles.map(|needle| needle.as_bytes().to_vec()).collect())
    }
}

fn all_events(rules: &[Rule]) -> impl Iterator<Item = (usize, &Events)> {
    rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| match &rule.logic {
            Logic::Events(events) => Some((index, events)),
            _ => None,
        })
}
