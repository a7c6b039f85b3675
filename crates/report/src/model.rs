//! What a report is made from.

use lockfast_policy::{
    Clause, Control, Finding, Location, ResourceView, Run, Severity, SourceKind, Verdict,
    WaiverView, clauses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// A run and what surrounds it.
pub struct Report<'a> {
    /// The verdicts.
    pub run: &'a Run<'a>,
    /// What was read, and what was not.
    pub input: InputSummary,
    /// Fingerprints of failures that stood before (a baseline, a base revision): they are not shown.
    pub known: BTreeSet<String>,
    /// Lockfast's version.
    pub version: String,
    /// The lowest severity whose failure breaks the run; none when nothing does.
    pub breaks_from: Option<Severity>,
    /// When the report is made; formats that date their findings date them so. Waivers go by the day
    /// that the run was judged for.
    pub made: jiff::Timestamp,
    /// Where findings belong whose stack names no account or no region.
    pub home: Home,
}

/// An account and a region, as far as the pipeline tells them (`AWS_ACCOUNT_ID`, `AWS_REGION`): where
/// stacks go that name none. Nothing is judged by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The account's id.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// What was read, and what was not: the run's coverage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputSummary {
    /// How many files were opened.
    pub files_read: usize,
    /// Files passed over, by reason.
    pub passed_over: BTreeMap<String, usize>,
    /// How many templates (stacks) were judged.
    pub templates: usize,
    /// How many resources they hold.
    pub resources: usize,
    /// Resource types that Lockfast does not know, with how many resources have them.
    pub unknown_types: BTreeMap<String, usize>,
    /// What could not be read, or only in part.
    pub problems: Vec<Problem>,
    /// The policy file; none for the built-in policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What was scanned, when accounts were judged and no templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanSummary>,
    /// How many endpoints were measured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub endpoints: usize,
    /// How many certificates were judged that no endpoint showed: those of files and of ACM.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub certificates: usize,
    /// How many log files of CloudTrail were judged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub logs: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a scan of accounts read, and what it could not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanSummary {
    /// When it started (RFC 3339, UTC); of several snapshots the earliest.
    pub taken: String,
    /// The accounts.
    pub accounts: Vec<String>,
    /// The regions.
    pub regions: Vec<String>,
    /// Service by service: how the calls went.
    pub services: Vec<ServiceCalls>,
}

/// How the calls to a service went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCalls {
    /// The service, by its IAM prefix.
    pub service: String,
    /// How many resources it told of.
    pub resources: u64,
    /// How many calls answered.
    pub answered: u64,
    /// How many gave no answer.
    pub failed: u64,
}

impl InputSummary {
    /// What was judged: `3 templates`, `2 accounts and 3 regions`, `4 endpoints`.
    pub(crate) fn judged(&self) -> String {
        let mut judged = match &self.scan {
            Some(scan) => format!(
                "{} and {}",
                plural(scan.accounts.len(), "account"),
                plural(scan.regions.len(), "region")
            ),
            None if self.is_probe() => String::new(),
            None => plural(self.templates, "template"),
        };
        for (count, what) in [
            (self.endpoints, "endpoint"),
            (self.certificates, "certificate"),
            (self.logs, "log file"),
        ] {
            if count > 0 {
                if !judged.is_empty() {
                    judged.push_str(" and ");
                }
                judged.push_str(&plural(count, what));
            }
        }
        judged
    }

    /// True when endpoints, certificates and logs are all that was judged.
    pub(crate) fn is_probe(&self) -> bool {
        let others = self.endpoints + self.certificates + self.logs;
        self.templates == 0 && self.scan.is_none() && others > 0
    }

    /// True when there was nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.templates == 0 && self.scan.is_none() && !self.is_probe()
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The file or folder.
    pub path: String,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    /// `path:line:column`, as far as known.
    pub fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.path),
            _ => self.path.clone(),
        }
    }
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    Terminal,
    /// Lockfast's own JSON, by the published schema.
    Json,
    /// SARIF 2.1.0 (OASIS).
    Sarif,
    /// JUnit XML.
    Junit,
    /// GitHub workflow commands.
    Github,
    /// GitLab Code Quality.
    Gitlab,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One self-contained page.
    Html,
    /// Markdown, for a comment on a pull request.
    Markdown,
    /// OCSF 1.5.0, Compliance Finding.
    Ocsf,
    /// AWS Security Finding Format, for Security Hub.
    Asff,
    /// OpenMetrics 1.0, of endpoints and their certificates.
    OpenMetrics,
}

impl Format {
    /// Every format and its name.
    pub const ALL: [(Format, &'static str); 12] = [
        (Format::Terminal, "terminal"),
        (Format::Json, "json"),
        (Format::Sarif, "sarif"),
        (Format::Junit, "junit"),
        (Format::Github, "github"),
        (Format::Gitlab, "gitlab"),
        (Format::Csv, "csv"),
        (Format::Html, "html"),
        (Format::Markdown, "markdown"),
        (Format::Ocsf, "ocsf"),
        (Format::Asff, "asff"),
        (Format::OpenMetrics, "openmetrics"),
    ];

    /// The format that a file's name says, such as `report.sarif`; nothing for `.xml`, `.txt` and
    /// other endings that may be anything.
    pub fn of_file(name: &str) -> Option<Format> {
        let lower = name.to_ascii_lowercase();
        [
            (".sarif", Format::Sarif),
            (".sarif.json", Format::Sarif),
            (".ocsf.json", Format::Ocsf),
            (".asff.json", Format::Asff),
            (".json", Format::Json),
            (".csv", Format::Csv),
            (".html", Format::Html),
            (".htm", Format::Html),
            (".md", Format::Markdown),
            (".prom", Format::OpenMetrics),
        ]
        .iter()
        .find(|(ending, _)| lower.ends_with(ending))
        .map(|(_, format)| *format)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Format::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(format, _)| *format)
            .ok_or_else(|| {
                let names: Vec<_> = Format::ALL.iter().map(|(_, name)| *name).collect();
                format!("no format `{text}`; there are {}", names.join(", "))
            })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::ALL
            .iter()
            .find(|(format, _)| format == self)
            .map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// How much the terminal report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// The clauses that fail, and the last line.
    Quiet,
    /// What fails, with the first few of each control.
    Normal,
    /// Everything.
    Verbose,
}

/// How the terminal report looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// How much to say.
    pub verbosity: Verbosity,
}

/// How many verdicts there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counts {
    pub fail: usize,
    pub unknown: usize,
    pub pass: usize,
    pub waived: usize,
    /// Failures that a baseline knows.
    pub known: usize,
}

impl Counts {
    fn add(&mut self, verdict: Verdict, known: bool) {
        match verdict {
            Verdict::Fail if known => self.known += 1,
            Verdict::Fail => self.fail += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::Pass => self.pass += 1,
            Verdict::Waived => self.waived += 1,
            Verdict::NotApplicable => {}
        }
    }
}

/// The verdicts of a clause.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ClauseRow {
    pub clause: String,
    pub title: String,
    #[serde(flatten)]
    pub counts: Counts,
}

/// Totals, whole and by clause.
pub(crate) struct Summary {
    pub total: Counts,
    pub clauses: Vec<ClauseRow>,
    /// Clauses that the source can decide and that were asked for, of which nothing given is about.
    pub unjudged: Vec<String>,
}

impl Report<'_> {
    /// True when a failure that no baseline knows is severe enough to break the run.
    pub fn is_broken(&self) -> bool {
        let mut verdicts = self.run.verdicts().enumerate();
        verdicts.any(|(index, (_, severity, verdict))| {
            verdict == Verdict::Fail
                && self.breaks_from.is_some_and(|from| severity >= from)
                && !self.is_known(index, verdict)
        })
    }

    /// What the verdicts come to, in a sentence for people and whether it is bad (`broken`),
    /// undecided (`open`) or good (`kept`).
    pub(crate) fn outcome(&self, total: &Counts) -> (&'static str, String) {
        if self.is_broken() {
            ("broken", "The policy is broken".into())
        } else if total.fail > 0 {
            let below = match self.breaks_from {
                Some(from) => format!("no failure is of severity {from} or above"),
                None => "failures do not break this run".into(),
            };
            ("open", format!("The policy is not kept, but {below}"))
        } else if self.input.is_empty() {
            (
                "open",
                "Nothing was judged, since no template was found".into(),
            )
        } else if total.known > 0 {
            (
                "open",
                format!(
                    "Nothing new breaks the policy; {} known before {}",
                    plural(total.known, "failure"),
                    if total.known == 1 { "stands" } else { "stand" }
                ),
            )
        } else if total.unknown > 0 || !self.input.problems.is_empty() {
            ("open", "Nothing known breaks the policy".into())
        } else {
            ("kept", "The policy is kept".into())
        }
    }

    /// What the facts that were judged were read from.
    pub(crate) fn sources(&self) -> Vec<SourceKind> {
        self.run
            .inventory()
            .origins()
            .map(SourceKind::from)
            .collect()
    }

    /// True when a failing row is known from a baseline.
    pub(crate) fn is_known(&self, index: usize, verdict: Verdict) -> bool {
        verdict == Verdict::Fail
            && !self.known.is_empty()
            && self.known.contains(&self.run.finding(index).fingerprint)
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut total = Counts::default();
        let mut by_clause: BTreeMap<&str, Counts> = BTreeMap::new();
        for (index, (control, _, verdict)) in self.run.verdicts().enumerate() {
            let known = self.is_known(index, verdict);
            total.add(verdict, known);
            for clause in control.clauses {
                by_clause.entry(clause).or_default().add(verdict, known);
            }
        }
        let sources = self.sources();
        let settings = &self.run.cx().config.control;
        let is_on = |control: &Control| {
            let own = settings.get(control.id).and_then(|own| own.enabled);
            own != Some(false)
        };
        // What was not asked for is not missing.
        let is_asked = |clause: &Clause| {
            let of_clause = |control: &&Control| control.clauses.contains(&clause.id.as_str());
            let mut own = lockfast_policy::controls().filter(of_clause).peekable();
            own.peek().is_none() || own.any(is_on)
        };
        let decidable = |clause: &Clause| {
            clause.sources.iter().any(|own| sources.contains(own)) && is_asked(clause)
        };
        let mut rows = Vec::new();
        let mut unjudged = Vec::new();
        for clause in clauses() {
            match by_clause.get(clause.id.as_str()) {
                Some(counts) => rows.push(ClauseRow {
                    clause: clause.id.clone(),
                    title: clause.title.clone(),
                    counts: *counts,
                }),
                None if decidable(clause) => unjudged.push(clause.id.clone()),
                None => {}
            }
        }
        Summary {
            total,
            clauses: rows,
            unjudged,
        }
    }

    /// Failures, the worst controls first, each with the indices of its findings.
    pub(crate) fn failures(&self) -> Vec<(Severity, &'static Control, Vec<usize>)> {
        self.grouped(Verdict::Fail)
    }

    /// Findings of a verdict by control, the worst controls first.
    pub(crate) fn grouped(&self, wanted: Verdict) -> Vec<(Severity, &'static Control, Vec<usize>)> {
        let mut groups: Vec<(Severity, &'static Control, Vec<usize>)> = Vec::new();
        for (index, (control, severity, verdict)) in self.run.verdicts().enumerate() {
            if verdict != wanted || self.is_known(index, verdict) {
                continue;
            }
            match groups.last_mut() {
                Some((_, last, indices)) if last.id == control.id => indices.push(index),
                _ => groups.push((severity, control, vec![index])),
            }
        }
        // Stable: controls of one severity stay in the policy's order.
        groups.sort_by_key(|(severity, ..)| std::cmp::Reverse(*severity));
        groups
    }

    /// True for a failure that a baseline knows.
    pub(crate) fn is_known_failure(&self, finding: &Finding) -> bool {
        finding.verdict == Verdict::Fail && self.known.contains(&finding.fingerprint)
    }

    /// The findings that machine formats list: all but failures known from a baseline.
    pub(crate) fn listed(&self) -> impl Iterator<Item = Finding> {
        self.run
            .findings()
            .filter(|finding| !self.is_known_failure(finding))
    }

    /// What could not be read: a file, or, of a scan, an account's region (`111122223333/eu-west-1`).
    fn unread_input(&self, path: &str) -> ResourceView {
        let mut view = input(path);
        if let (Some(_), Some((account, region))) = (&self.input.scan, path.split_once('/')) {
            view.account = Some(account.to_owned());
            view.region = (region != "global").then(|| region.to_owned());
        }
        view
    }

    /// What could not be read, as findings for the formats that have place for nothing else: it was
    /// not judged, and must not vanish.
    pub(crate) fn unread(&self) -> impl Iterator<Item = Finding> {
        self.input.problems.iter().map(|problem| Finding {
            control: "input".into(),
            clauses: Vec::new(),
            title: "Everything given can be read".into(),
            severity: Severity::Medium,
            verdict: Verdict::Unknown,
            resource: self.unread_input(&problem.path),
            message: format!("not read, or only in part: {}", problem.message),
            when: None,
            origin: problem
                .line
                .zip(problem.column)
                .map(|(line, column)| Location {
                    file: problem.path.clone(),
                    line,
                    column,
                    end_line: line,
                    end_column: column,
                }),
            facts: Vec::new(),
            steps: Vec::new(),
            notes: Vec::new(),
            fix: None,
            fingerprint: lockfast_policy::hash(&[&problem.path, &problem.message]),
            waiver: None,
        })
    }
}

/// A file or folder as what was judged.
pub(crate) fn input(path: &str) -> ResourceView {
    ResourceView {
        id: path.to_owned(),
        kind: "input".into(),
        part: String::new(),
        logical_id: None,
        arn: None,
        construct_path: None,
        creation_site: None,
        stack: None,
        account: None,
        region: None,
        environment: None,
        classification: None,
    }
}

/// `file:line:column`, or the call.
pub(crate) fn place(finding: &Finding) -> String {
    match &finding.origin {
        Some(origin) => origin.place(),
        None => String::new(),
    }
}

/// What was judged: the resource, and which part of it.
pub(crate) fn judged(finding: &Finding) -> String {
    let resource = &finding.resource;
    if resource.part.is_empty() {
        resource.id.clone()
    } else {
        format!("{} [{}]", resource.id, resource.part)
    }
}

/// A text and, in brackets, the clauses it is about.
pub(crate) fn with_clauses(text: &str, clauses: &[impl std::borrow::Borrow<str>]) -> String {
    if clauses.is_empty() {
        text.to_owned()
    } else {
        format!("{text} ({})", clauses.join(" "))
    }
}

/// What a person should read first: the message, with the condition it needs.
pub(crate) fn headline(finding: &Finding) -> String {
    match &finding.when {
        Some(when) => format!("{} when {when}", finding.message),
        None => finding.message.clone(),
    }
}

/// Why a failure is waived, by whom and until when.
pub(crate) fn waived(waiver: &WaiverView) -> String {
    let mut text = waiver.reason.clone();
    let owner = waiver.owner.as_ref().map(|owner| format!("by {owner}"));
    let expires = waiver.expires.as_ref().map(|day| format!("until {day}"));
    let more: Vec<String> = owner.into_iter().chain(expires).collect();
    if !more.is_empty() {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    text
}

/// `1 file`, `2 files`.
pub fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
