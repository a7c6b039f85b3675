//! What a control is, and the list of all.

use crate::clause::Kind;
use crate::cx::Cx;
use crate::judgement::{Judgement, Out};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// How bad it is when a control fails.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Mend when you pass by.
    Low,
    /// Mend in this iteration.
    Medium,
    /// Mend now.
    High,
    /// Data or keys are exposed.
    Critical,
}

impl Severity {
    /// All of them, the lowest first.
    pub const ALL: [Severity; 5] = [
        Severity::Info,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];

    /// Its name, as `lockfast.toml` and the command line spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule that decides one or more clauses.
#[derive(Debug)]
pub struct Control {
    /// Its id in kebab case; stable for ever, since waivers and baselines name it.
    pub id: &'static str,
    /// One line, stated as what must be true.
    pub title: &'static str,
    /// Markdown: what it looks at, how it decides, what it cannot know.
    pub doc: &'static str,
    /// The clauses it decides.
    pub clauses: &'static [&'static str],
    /// The sources it can decide from.
    pub sources: &'static [Kind],
    /// How bad a failure is, unless `lockfast.toml` says otherwise.
    pub severity: Severity,
    /// What to do about a failure.
    pub fix: &'static str,
    /// The fix as a CloudFormation snippet (YAML).
    pub cloudformation: &'static str,
    /// The fix as a CDK snippet (TypeScript).
    pub cdk: &'static str,
    /// Whether the snippets are an example of one type, and a finding shows its own type's instead.
    pub by_type: bool,
    /// The folder under `src/controls`, as module path: `data_at_rest::rds_storage_encrypted`.
    pub path: &'static str,
    pub(crate) judge: fn(&Cx<'_>, &mut Out),
}

impl PartialEq for Control {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Control {}

impl Hash for Control {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Control {
    /// What it says of everything given.
    pub(crate) fn judgements(&self, cx: &Cx<'_>) -> Vec<Judgement> {
        let mut out = Out::default();
        (self.judge)(cx, &mut out);
        out.judgements
    }

    /// The chapter's folder name.
    pub fn chapter(&self) -> &'static str {
        self.path.split("::").next().unwrap_or_default()
    }
}

/// Defines the `CONTROL` of a control's file. The doc comment is its documentation. It decides from
/// templates and from live accounts, unless it names its `sources`.
macro_rules! control {
    (
        $(#[doc = $doc:literal])*
        id: $id:literal,
        title: $title:literal,
        clauses: [$($clause:literal),+ $(,)?],
        $(sources: [$($source:ident),+],)?
        severity: $severity:ident,
        fix: $fix:literal,
        cloudformation: $cloudformation:literal,
        cdk: $cdk:literal $(,)?
        $(by_type: $by_type:literal $(,)?)?
    ) => {
        /// The control of this file.
        pub(crate) static CONTROL: Control = Control {
            id: $id,
            title: $title,
            doc: concat!($($doc, "\n"),*),
            clauses: &[$($clause),+],
            sources: $crate::control::sources(&[$($($crate::clause::Kind::$source),+)?]),
            severity: $crate::control::Severity::$severity,
            fix: $fix,
            cloudformation: $cloudformation,
            cdk: $cdk,
            by_type: false $(|| $by_type)?,
            path: $crate::control::folder(module_path!()),
            judge,
        };
    };
}
pub(crate) use control;

/// The sources that a control names; templates and live accounts when it names none.
pub(crate) const fn sources(named: &'static [Kind]) -> &'static [Kind] {
    match named {
        [] => &[Kind::Iac, Kind::Live],
        _ => named,
    }
}

/// Lists a chapter's controls: one module each.
macro_rules! chapter {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// The chapter's controls.
        pub(crate) static CONTROLS: &[&crate::control::Control] = &[$(&$module::CONTROL),*];
    };
}
pub(crate) use chapter;

/// `crate::controls::chapter::control` as the part after `controls::`.
pub(crate) const fn folder(module: &'static str) -> &'static str {
    let bytes = module.as_bytes();
    let marker = b"::controls::";
    let mut i = 0;
    while i + marker.len() <= bytes.len() {
        let mut j = 0;
        while j < marker.len() && bytes[i + j] == marker[j] {
            j += 1;
        }
        if j == marker.len() {
            return module.split_at(i + marker.len()).1;
        }
        i += 1;
    }
    module
}

/// Every control, chapter by chapter.
pub fn all() -> impl Iterator<Item = &'static Control> {
    crate::controls::CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.iter().copied())
}

/// The control of an id.
pub fn find(id: &str) -> Option<&'static Control> {
    all().find(|control| control.id == id)
}
