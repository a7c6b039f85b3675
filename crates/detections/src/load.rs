//! Rules, read from files.

use crate::correlation::Correlation;
use crate::matcher::Matcher;
use crate::modifier::Placeholders;
use crate::rule::{self, Document, Filter, Logic, Origin, Rule};
use crate::selection::Compiler;
use crate::yaml::{MOST_BYTES, Wrong, documents};
use ignore::WalkBuilder;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Our own pack.
const PACK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// How many filters there may be.
const MOST_FILTERS: usize = 1_000;

/// How many correlations there may be.
const MOST_CORRELATIONS: usize = 1_000;

/// Why no rules could be looked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was given is not there, or may not be looked at.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// A rule, or a file of rules, that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line in it.
    pub line: Option<u32>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

fn problem(origin: &Origin, wrong: Wrong) -> Problem {
    Problem {
        path: origin.path(),
        line: Some(wrong.line),
        what: wrong.what,
    }
}

/// Rules that are used together: a correlation may refer to any of them.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(crate) rules: Vec<Rule>,
    /// The correlations, each behind those that it refers to.
    pub(crate) order: Vec<usize>,
    filters: Vec<Filter>,
    placeholders: Placeholders,
    not_applicable: u64,
    /// How rules about other logs are called.
    of_others: HashSet<String>,
}

impl Rules {
    /// Our own pack. Every rule in it can be read, which a test shows; one waits for values (see [`Rules::waiting`]).
    pub fn built_in() -> Self {
        Rules::checked().0
    }

    /// Our own pack, and what is wrong with it: nothing.
    pub(crate) fn checked() -> (Self, Vec<Problem>) {
        let mut rules = Rules::default();
        let mut problems = Vec::new();
        for (name, text) in PACK {
            rules.read(&Origin::BuiltIn(name), text, &mut problems);
        }
        rules.link(&mut problems);
        (rules, problems)
    }

    /// Loads files, whatever their name, and of folders, at any depth, the files that end in `.yml` or `.yaml`; each may have
    /// several documents. What cannot be used is a problem, and the rest is loaded. Rules about other logs than CloudTrail's
    /// are counted ([`Rules::not_applicable`]) and not read any further.
    ///
    /// # Errors
    /// When a path that is given cannot be looked at.
    pub fn load(paths: &[PathBuf]) -> Result<(Self, Vec<Problem>), Error> {
        Rules::default().and_load(paths)
    }

    /// These rules and those of files, as [`Rules::load`] loads them. Correlations in the files may refer to these rules, too.
    ///
    /// # Errors
    /// When a path that is given cannot be looked at.
    pub fn and_load(mut self, paths: &[PathBuf]) -> Result<(Self, Vec<Problem>), Error> {
        let mut problems = Vec::new();
        for path in files(paths, &mut problems)? {
            match text(&path) {
                Ok(text) => self.read(&Origin::File(path), &text, &mut problems),
                Err((line, what)) => problems.push(Problem { path, line, what }),
            }
        }
        self.link(&mut problems);
        Ok((self, problems))
    }

    /// These rules with values for the placeholders (`%name%`) of those that say `|expand`, also of rules that are loaded
    /// later; a rule that has its values keeps them. A rule that is wrong once it has them is a problem and no more there. A placeholder with an empty list of values
    /// matches nothing.
    pub fn with_values(mut self, values: BTreeMap<String, Vec<String>>) -> (Self, Vec<Problem>) {
        self.placeholders.extend(values);
        let mut problems = Vec::new();
        let mut compiler = Compiler::new(&self.placeholders);
        let mut file = None;
        self.rules.retain_mut(|rule| {
            let Logic::Waiting(node, _) = &rule.logic else {
                return true;
            };
            // What a file may have is counted anew in each.
            if file.as_ref() != Some(&rule.origin) {
                compiler = Compiler::new(&self.placeholders);
                file = Some(rule.origin.clone());
            }
            match rule::logic(node, &mut compiler) {
                Ok(logic) => rule.logic = logic,
                Err(wrong) => {
                    problems.push(problem(&rule.origin, wrong));
                    return false;
                }
            }
            true
        });
        self.link(&mut problems);
        (self, problems)
    }

    /// The rules that match nothing as long as their placeholders have no values: whoever has said all values tells these.
    pub fn waiting(&self) -> Vec<Problem> {
        let waiting = self.rules.iter().filter_map(|rule| match &rule.logic {
            Logic::Waiting(_, missing) => Some(problem(&rule.origin, missing.clone())),
            _ => None,
        });
        waiting.collect()
    }

    /// All rules, correlations among them.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules of the files are about other logs.
    pub fn not_applicable(&self) -> u64 {
        self.not_applicable
    }

    /// What tells which rules match a record. It may be shared by threads.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher::new(&self.rules)
    }

    fn read(&mut self, origin: &Origin, text: &str, problems: &mut Vec<Problem>) {
        let placeholders = self.placeholders.clone();
        let mut compiler = Compiler::new(&placeholders);
        for document in documents(text) {
            match document.and_then(|node| rule::read(node, origin, &mut compiler)) {
                Ok(Document::Rules(rules)) => self.rules.extend(rules),
                Ok(Document::Filter(filter)) => self.filters.push(filter),
                Ok(Document::NotApplicable(names)) => {
                    self.not_applicable += 1;
                    self.of_others.extend(names);
                }
                Err(wrong) => problems.push(problem(origin, wrong)),
            }
        }
    }

    /// Finds what correlations refer to. Those that refer to nothing, or to themselves, go, and then those that refer to them.
    fn link(&mut self, problems: &mut Vec<Problem>) {
        self.drop_twins(problems);
        self.drop_too_many(problems);
        loop {
            let before = self.rules.len();
            let called: HashSet<String> = names(&self.rules).map(str::to_owned).collect();
            let of_others = &mut self.of_others;
            let not_applicable = &mut self.not_applicable;
            self.rules.retain(|rule| {
                let missing = correlation(rule).and_then(|correlation| {
                    let mut rules = correlation.rules.iter();
                    rules.find(|(name, _)| !called.contains(name))
                });
                let Some((name, line)) = missing else {
                    return true;
                };
                if of_others.contains(name) {
                    *not_applicable += 1;
                    of_others.extend(names(std::slice::from_ref(rule)).map(str::to_owned));
                } else {
                    let what = format!("no rule has the id or the name `{name}`");
                    problems.push(problem(&rule.origin, Wrong::new(*line, what)));
                }
                false
            });
            if self.rules.len() < before {
                continue;
            }
            self.index();
            let Some(looped) = self.sort() else { break };
            let rule = self.rules.remove(looped);
            let what = "a correlation that refers to itself, by way of others or not";
            problems.push(problem(&rule.origin, Wrong::new(rule.line, what)));
        }
        self.filter(problems);
    }

    /// Tells rules of their filters. Of a correlation, that is the rules that it is made of.
    fn filter(&mut self, problems: &mut Vec<Problem>) {
        self.rules.iter_mut().for_each(|rule| rule.filters.clear());
        let (rules, of_others) = (&mut self.rules, &self.of_others);
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, rule) in rules
            .iter()
            .enumerate()
            .filter(|(_, it)| !it.is_correlation())
        {
            for name in names(std::slice::from_ref(rule)) {
                // The events of a count are filtered by the name of the whole.
                let name = name.strip_suffix("/events").unwrap_or(name);
                places.entry(name.to_owned()).or_default().push(index);
            }
        }
        self.filters.retain_mut(|filter| {
            let Some(named) = &mut filter.rules else {
                rules
                    .iter_mut()
                    .for_each(|rule| rule.filters.push(filter.events.clone()));
                return true;
            };
            for (name, line) in named.iter() {
                for index in places.get(name).into_iter().flatten() {
                    rules[*index].filters.push(filter.events.clone());
                }
                if !places.contains_key(name) && !of_others.contains(name) {
                    let what = format!("no rule of events has the id or the name `{name}`");
                    problems.push(problem(&filter.origin, Wrong::new(*line, what)));
                }
            }
            // Told once; what is not there is not there later.
            named.retain(|(name, _)| places.contains_key(name));
            !named.is_empty()
        });
    }

    /// Of two rules with one id, the first is kept.
    fn drop_twins(&mut self, problems: &mut Vec<Problem>) {
        let mut known: BTreeMap<String, (PathBuf, u32)> = BTreeMap::new();
        self.rules.retain(|rule| {
            if let Some((path, line)) = known.get(&rule.id) {
                let what = format!(
                    "a second rule `{}`; the first is in {}:{line}",
                    rule.id,
                    path.display()
                );
                problems.push(problem(&rule.origin, Wrong::new(rule.line, what)));
                return false;
            }
            known.insert(rule.id.clone(), (rule.origin.path(), rule.line));
            true
        });
    }

    /// Correlations that refer to each other are gone through again and again, and each filter may be every rule's.
    fn drop_too_many(&mut self, problems: &mut Vec<Problem>) {
        while self.filters.len() > MOST_FILTERS
            && let Some(filter) = self.filters.pop()
        {
            let line = filter
                .rules
                .and_then(|rules| Some(rules.first()?.1))
                .unwrap_or(1);
            let what = format!("there are at most {MOST_FILTERS} filters");
            problems.push(problem(&filter.origin, Wrong::new(line, what)));
        }
        let mut count = 0;
        self.rules.retain(|rule| {
            count += usize::from(rule.is_correlation());
            let kept = count <= MOST_CORRELATIONS || !rule.is_correlation();
            if !kept {
                let what = format!("there are at most {MOST_CORRELATIONS} correlations");
                problems.push(problem(&rule.origin, Wrong::new(rule.line, what)));
            }
            kept
        });
    }

    /// Writes down where rules are, and which are there for correlations only.
    fn index(&mut self) {
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (index, rule) in self.rules.iter_mut().enumerate() {
            rule.index = index;
            for name in names(std::slice::from_ref(rule)) {
                places.entry(name.to_owned()).or_insert(index);
            }
        }
        let (mut silent, mut loud) = (BTreeSet::new(), BTreeSet::new());
        for rule in &mut self.rules {
            if let Logic::Correlation(correlation) = &mut rule.logic {
                let parts = correlation.rules.iter();
                correlation.parts = parts
                    .filter_map(|(name, _)| places.get(name).copied())
                    .collect();
                let said = if correlation.generate {
                    &mut loud
                } else {
                    &mut silent
                };
                said.extend(correlation.parts.iter().copied());
            }
        }
        for rule in &mut self.rules {
            rule.alone = !silent.contains(&rule.index) || loud.contains(&rule.index);
        }
    }

    /// Puts correlations behind those that they refer to; one that is in a circle when there is any.
    fn sort(&mut self) -> Option<usize> {
        let mut open: Vec<usize> = (0..self.rules.len())
            .filter(|index| self.rules[*index].is_correlation())
            .collect();
        self.order.clear();
        while !open.is_empty() {
            let waits: HashSet<usize> = open.iter().copied().collect();
            let (ready, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|index| {
                let correlation = correlation(&self.rules[**index]);
                correlation.is_some_and(|it| it.parts.iter().all(|part| !waits.contains(part)))
            });
            if ready.is_empty() {
                return rest.first().copied();
            }
            self.order.extend(ready);
            open = rest;
        }
        None
    }
}

pub(crate) fn correlation(rule: &Rule) -> Option<&Correlation> {
    match &rule.logic {
        Logic::Correlation(correlation) => Some(correlation),
        _ => None,
    }
}

/// How rules are called.
fn names(rules: &[Rule]) -> impl Iterator<Item = &str> {
    let names = rules
        .iter()
        .map(|rule| [Some(rule.id.as_str()), rule.name.as_deref()]);
    names.flatten().flatten()
}

/// The files, those of folders in the order of their paths.
fn files(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut known = HashSet::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| Error::Io {
            path: path.clone(),
            error,
        })?;
        if !about.is_dir() {
            found.push(path.clone());
            continue;
        }
        let walker = WalkBuilder::new(path)
            .standard_filters(false)
            .follow_links(true)
            .sort_by_file_path(Path::cmp)
            .build();
        for entry in walker {
            match entry {
                Ok(entry) => {
                    let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                    if is_file && is_rules(entry.path()) {
                        found.push(entry.into_path());
                    }
                }
                Err(error) => problems.push(Problem {
                    path: path.clone(),
                    line: None,
                    what: error.to_string(),
                }),
            }
        }
    }
    found.retain(|path| known.insert(path.clone()));
    Ok(found)
}

fn is_rules(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy());
    end.is_some_and(|end| end.eq_ignore_ascii_case("yml") || end.eq_ignore_ascii_case("yaml"))
}

/// A file's text; else the line and what is wrong.
fn text(path: &Path) -> Result<String, (Option<u32>, String)> {
    let io = |error: std::io::Error| (None, error.to_string());
    // What is no file may never end, or never begin.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err((None, "this is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > MOST_BYTES {
        let what = format!("larger than {MOST_BYTES} bytes, which no file of rules is");
        return Err((None, what));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let lines = error.as_bytes()[..valid]
            .iter()
            .filter(|byte| **byte == b'\n');
        let line = u32::try_from(lines.count() + 1).ok();
        (line, "this is no UTF-8".to_owned())
    })
}
