//! A rule.

use crate::attack::{Technique, techniques};
use crate::bounds::required;
use crate::condition::{self, Expr};
use crate::correlation::Correlation;
use crate::counts;
use crate::modifier::Refused;
use crate::selection::{Compiler, Selection};
use crate::yaml::{Kind, Node, Wrong};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// More selections than any rule has.
const MOST_SELECTIONS: usize = 500;

/// How much it matters that a rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing to act on: for those who look at a time or a key.
    Informational,
    /// Seldom to act on by itself.
    Low,
    /// To look at in the course of work; and a rule that does not say.
    #[default]
    Medium,
    /// To look at now.
    High,
    /// An incident.
    Critical,
}

impl Level {
    /// As rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a rule is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Good for production.
    Stable,
    /// Mostly good, and to be tuned.
    Test,
    /// New.
    Experimental,
    /// Replaced by another.
    Deprecated,
    /// Not for these logs.
    Unsupported,
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Our own pack; the name of its file in it.
    BuiltIn(&'static str),
    /// A file.
    File(PathBuf),
}

impl Origin {
    /// The file, as problems name it.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Origin::BuiltIn(name) => PathBuf::from(format!("built-in/{name}")),
            Origin::File(path) => path.clone(),
        }
    }
}

/// A rule: of single events, or a correlation of others' hits.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its `id`; of a rule without one its `name`, or its title.
    pub id: String,
    /// The name by which correlations may refer to it.
    pub name: Option<String>,
    /// In a few words.
    pub title: String,
    /// What it finds and why that matters.
    pub description: Option<String>,
    /// How much that matters.
    pub level: Level,
    /// How far it is tried.
    pub status: Option<Status>,
    /// Who wrote it.
    pub author: Option<String>,
    /// As they are written.
    pub tags: Vec<String>,
    /// ATT&CK's techniques among the tags, as far as we know them.
    pub techniques: Vec<&'static Technique>,
    /// What to read.
    pub references: Vec<String>,
    /// When it matches though nothing is wrong.
    pub falsepositives: Vec<String>,
    /// What to look at in a record that matches.
    pub fields: Vec<String>,
    /// The file that it is in.
    pub origin: Origin,
    /// The line of the file in which it begins.
    pub line: u32,
    /// False when it is there for correlations only: what refers to it does not say `generate: true`.
    pub alone: bool,
    pub(crate) index: usize,
    pub(crate) logic: Logic,
    /// What a record must say besides, for others' filters.
    pub(crate) filters: Vec<Arc<Events>>,
}

/// What is said of other rules: that they match only where this holds, too.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// How they are called, and in which lines; all of them when absent.
    pub(crate) rules: Option<Vec<(String, u32)>>,
    pub(crate) events: Arc<Events>,
    pub(crate) origin: Origin,
}

/// What a rule looks for.
#[derive(Clone, Debug)]
pub(crate) enum Logic {
    Events(Events),
    Correlation(Correlation),
    /// A rule whose placeholders have no values, and what is missing.
    Waiting(Box<Node>, Wrong),
}

/// What a rule of single events looks for.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    selections: Vec<Selection>,
    condition: Expr,
    /// Lower-case names of which `eventName` must be one.
    pub(crate) names: Option<BTreeSet<String>>,
    /// The same of `eventSource`.
    pub(crate) sources: Option<BTreeSet<String>>,
}

impl Events {
    pub(crate) fn matches(&self, record: &Value) -> bool {
        let selections = &self.selections;
        self.condition.holds(&mut |index| {
            let selection = selections.get(index);
            selection.is_some_and(|selection| selection.matches(record))
        })
    }
}

impl Rule {
    /// True for a correlation, which a [`Correlator`](crate::Correlator) finds and not a [`Matcher`](crate::Matcher).
    pub fn is_correlation(&self) -> bool {
        matches!(self.logic, Logic::Correlation(_))
    }

    /// True when correlations and filters may name it so.
    pub(crate) fn is_called(&self, reference: &str) -> bool {
        self.id == reference || self.name.as_deref() == Some(reference)
    }
}

/// What a document is.
pub(crate) enum Document {
    /// One, or one that counts and one of the events that it counts.
    Rules(Vec<Rule>),
    Filter(Filter),
    /// Of other logs: its id and name, as far as they are there.
    NotApplicable(Vec<String>),
}

/// Reads a document.
pub(crate) fn read(
    node: Node,
    origin: &Origin,
    compiler: &mut Compiler,
) -> Result<Document, Wrong> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Err(Wrong::new(node.line, "a rule must be a map"));
    }
    if let Some(found) = node.given("action") {
        let what = "collections with `action` are no more part of Sigma: repeat what is common";
        return Err(Wrong::new(found.line, what));
    }
    let of_logs = node.given("detection").or(node.given("filter"));
    if of_logs.is_some() && !is_ours(&node)? {
        let names = ["id", "name"]
            .into_iter()
            .filter_map(|name| node.text_of(name).ok()?);
        let names = names.map(str::to_owned);
        return Ok(Document::NotApplicable(names.collect()));
    }
    if let Some(filter) = node.given("filter") {
        return filter_of(filter, origin, compiler).map(Document::Filter);
    }
    let logic = match (node.given("detection"), node.given("correlation")) {
        (Some(detection), None) => logic(detection, compiler)?,
        (None, Some(correlation)) => Logic::Correlation(Correlation::read(correlation)?),
        (None, None) => {
            let what = "neither `detection` nor `correlation`: this is no Sigma rule";
            return Err(Wrong::new(node.line, what));
        }
        (Some(_), Some(both)) => {
            let what = "`detection` and `correlation` in one rule: write two documents";
            return Err(Wrong::new(both.line, what));
        }
    };
    let text = |name| Ok::<_, Wrong>(node.text_of(name)?.map(str::to_owned));
    let title = text("title")?.ok_or_else(|| Wrong::new(node.line, "a rule needs a `title`"))?;
    let name = text("name")?;
    let tags = node.texts_of("tags")?;
    let id = text("id")?.or_else(|| name.clone());
    let rule = Rule {
        id: id.unwrap_or_else(|| title.clone()),
        name,
        title,
        description: text("description")?.map(|text| text.trim().to_owned()),
        level: level(&node)?,
        status: status(&node)?,
        author: text("author")?,
        techniques: techniques(&tags),
        tags,
        references: node.texts_of("references")?,
        falsepositives: node.texts_of("falsepositives")?,
        fields: node.texts_of("fields")?,
        origin: origin.clone(),
        line: node.line,
        alone: true,
        index: 0,
        logic,
        filters: Vec::new(),
    };
    let events = format!("{}/events", rule.id);
    let counts = match node.given("detection") {
        Some(detection) => counts::correlation(&node, detection, &events)?,
        None => None,
    };
    let Some(correlation) = counts else {
        return Ok(Document::Rules(vec![rule]));
    };
    let counting = Rule {
        logic: Logic::Correlation(correlation),
        ..rule.clone()
    };
    let events = Rule {
        id: events,
        name: None,
        level: Level::Informational,
        ..rule
    };
    Ok(Document::Rules(vec![counting, events]))
}

/// Reads a `filter`.
fn filter_of(node: &Node, origin: &Origin, compiler: &mut Compiler) -> Result<Filter, Wrong> {
    let Kind::Map(entries) = &node.kind else {
        return Err(Wrong::new(node.line, "`filter` must be a map"));
    };
    let named = node.given("rules");
    let named = named.ok_or_else(|| Wrong::new(node.line, "a filter needs `rules`, or `any`"))?;
    let rules = match named.text() {
        Some("any") => None,
        _ => Some(
            node.texts_of("rules")?
                .into_iter()
                .map(|name| (name, named.line))
                .collect(),
        ),
    };
    let entries = entries.iter().filter(|(name, ..)| name != "rules").cloned();
    let kind = Kind::Map(entries.collect());
    let line = node.line;
    match events(&Node { kind, line }, compiler) {
        Ok(events) => Ok(Filter {
            rules,
            events: Arc::new(events),
            origin: origin.clone(),
        }),
        // A rule may wait, but one that is to be narrowed would match too much until then.
        Err(Refused::Wrong(wrong) | Refused::Missing(wrong)) => Err(wrong),
    }
}

/// True for a rule about CloudTrail's records.
fn is_ours(node: &Node) -> Result<bool, Wrong> {
    let Some(source) = node.given("logsource") else {
        return Err(Wrong::new(node.line, "a rule needs a `logsource`"));
    };
    if !matches!(source.kind, Kind::Map(_)) {
        return Err(Wrong::new(source.line, "`logsource` must be a map"));
    }
    let (product, service) = (source.text_of("product")?, source.text_of("service")?);
    // No other product has a service of this name, and some rules leave it out.
    let aws = product.is_none_or(|product| product.eq_ignore_ascii_case("aws"));
    Ok(aws && service.is_some_and(|service| service.eq_ignore_ascii_case("cloudtrail")))
}

/// Reads a `detection`.
pub(crate) fn logic(node: &Node, compiler: &mut Compiler) -> Result<Logic, Wrong> {
    match events(node, compiler) {
        Ok(events) => Ok(Logic::Events(events)),
        Err(Refused::Wrong(wrong)) => Err(wrong),
        Err(Refused::Missing(missing)) => Ok(Logic::Waiting(Box::new(node.clone()), missing)),
    }
}

fn events(node: &Node, compiler: &mut Compiler) -> Result<Events, Refused> {
    let Kind::Map(entries) = &node.kind else {
        return Err(Wrong::new(node.line, "`detection` must be a map").into());
    };
    if entries.len() > MOST_SELECTIONS {
        let what = format!("a rule has at most {MOST_SELECTIONS} selections");
        return Err(Wrong::new(node.line, what).into());
    }
    let (mut names, mut selections) = (Vec::new(), Vec::new());
    let mut missing = None;
    for (name, _, value) in entries {
        if name == "condition" || name == "timeframe" {
            continue;
        }
        match compiler.selection(value) {
            Ok(selection) => selections.push(selection),
            // Whatever else is wrong is told first.
            Err(Refused::Missing(what)) => {
                missing.get_or_insert(what);
                selections.push(Selection::Any(Vec::new()));
            }
            Err(wrong) => return Err(wrong),
        }
        names.push(name.clone());
    }
    let written = node.given("condition");
    let written = written.ok_or_else(|| Wrong::new(node.line, "a rule needs a `condition`"))?;
    let conditions = node.texts_of("condition")?;
    // Several conditions are several rules of one name.
    let texts = conditions.iter().map(String::as_str).map(counts::of_events);
    let read = texts.map(|text| condition::parse(text, &names, written.line));
    let mut read = read.collect::<Result<Vec<_>, _>>()?;
    let condition = match (read.pop(), read.is_empty()) {
        (None, _) => return Err(Wrong::new(written.line, "the condition is empty").into()),
        (Some(only), true) => only,
        (Some(last), false) => {
            read.push(last);
            Expr::Any(read)
        }
    };
    if let Some(missing) = missing {
        return Err(Refused::Missing(missing));
    }
    Ok(Events {
        names: required(&condition, &selections, "eventName"),
        sources: required(&condition, &selections, "eventSource"),
        selections,
        condition,
    })
}

fn level(node: &Node) -> Result<Level, Wrong> {
    let Some(text) = node.text_of("level")? else {
        return Ok(Level::default());
    };
    let all = [
        Level::Informational,
        Level::Low,
        Level::Medium,
        Level::High,
        Level::Critical,
    ];
    let found = all.into_iter().find(|level| level.name() == text);
    found.ok_or_else(|| {
        let line = node.get("level").map_or(node.line, |node| node.line);
        let what = format!("`{text}` is no level: informational, low, medium, high or critical");
        Wrong::new(line, what)
    })
}

fn status(node: &Node) -> Result<Option<Status>, Wrong> {
    let Some(text) = node.text_of("status")? else {
        return Ok(None);
    };
    Ok(Some(match text {
        "stable" => Status::Stable,
        "test" | "testing" => Status::Test,
        "experimental" => Status::Experimental,
        "deprecated" => Status::Deprecated,
        "unsupported" => Status::Unsupported,
        _ => {
            let line = node.get("status").map_or(node.line, |node| node.line);
            let what = format!("`{text}` is no status of Sigma's");
            return Err(Wrong::new(line, what));
        }
    }))
}
