//! What a control says of one thing it looked at.

use crate::control::{Control, Severity};
use crate::rows::Rows;
use lockfast_facts::nouns::{Channel, KeyUse, Store};
use lockfast_facts::{Guard, Known, Loc, ResourceId, ServiceDefault, StackId, Step, Subject, Why};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

/// The verdict on one thing.
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
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The clause does not speak of it.
    NotApplicable,
    /// It keeps the clause.
    Pass,
    /// It breaks the clause, and somebody accepted that until a date.
    Waived,
    /// It cannot be decided from what was given.
    Unknown,
    /// It breaks the clause.
    Fail,
}

impl Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::NotApplicable => "not-applicable",
            Verdict::Pass => "pass",
            Verdict::Waived => "waived",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "fail",
        })
    }
}

/// What a judgement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// A resource.
    Resource(ResourceId),
    /// A stack, for what a whole deployment must have.
    Stack(StackId),
    /// Everything given, for what spans stacks.
    Input,
}

/// How sure a fact is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// Somebody wrote it.
    Stated,
    /// Nobody wrote it; AWS does this.
    Default(ServiceDefault),
    /// It cannot be known, because.
    Unknown(Arc<Why>),
}

/// A fact that a judgement stands on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// What it is about, in AWS's words: `StorageEncrypted`, `key`.
    pub name: Cow<'static, str>,
    /// Its value, for people. Never a secret.
    pub value: Arc<str>,
    /// How sure it is.
    pub certainty: Certainty,
    /// Where it was read.
    pub loc: Option<Loc>,
}

/// What a control says of one thing. Judgements of one control on the same thing and part under
/// different conditions are merged: the worst one stands, with the conditions it needs.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What it is about.
    pub about: About,
    /// The part of it, when one thing is judged several times (a listener rule, an environment
    /// variable); part of the finding's identity.
    pub part: Cow<'static, str>,
    /// Under which conditions.
    pub when: Guard,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence that says why.
    pub message: Cow<'static, str>,
    /// The offending (or keeping) place; the resource itself when `None`.
    pub loc: Option<Loc>,
    /// What it stands on.
    pub facts: Vec<Fact>,
    /// Hops from the property to the thing it means (a key).
    pub steps: Vec<Step>,
    /// Remarks that change no verdict.
    pub notes: Vec<Cow<'static, str>>,
    /// A fix for this very case; the control's general one when `None`.
    pub fix: Option<String>,
}

/// What can be judged.
pub trait Judged {
    /// What it is and under which conditions.
    fn about(&self) -> (About, Guard, Cow<'static, str>);
}

impl Judged for Subject<'_> {
    fn about(&self) -> (About, Guard, Cow<'static, str>) {
        (
            About::Resource(self.resource.id),
            self.variant.when.clone(),
            "".into(),
        )
    }
}

impl Judged for &Store {
    fn about(&self) -> (About, Guard, Cow<'static, str>) {
        (
            About::Resource(self.resource),
            self.when.clone(),
            self.part.clone().into(),
        )
    }
}

impl Judged for &Channel {
    fn about(&self) -> (About, Guard, Cow<'static, str>) {
        (
            About::Resource(self.resource),
            self.when.clone(),
            self.part.clone().into(),
        )
    }
}

impl Judged for &lockfast_facts::Resource {
    fn about(&self) -> (About, Guard, Cow<'static, str>) {
        (About::Resource(self.id), Guard::default(), "".into())
    }
}

impl Judged for About {
    fn about(&self) -> (About, Guard, Cow<'static, str>) {
        (*self, Guard::default(), "".into())
    }
}

impl Judgement {
    fn new(what: impl Judged, verdict: Verdict, message: impl Into<Cow<'static, str>>) -> Self {
        let (about, when, part) = what.about();
        Judgement {
            about,
            part,
            when,
            verdict,
            message: message.into(),
            loc: None,
            facts: Vec::new(),
            steps: Vec::new(),
            notes: Vec::new(),
            fix: None,
        }
    }

    /// It keeps the clause.
    pub fn pass(what: impl Judged, message: impl Into<Cow<'static, str>>) -> Self {
        Judgement::new(what, Verdict::Pass, message)
    }

    /// It breaks the clause.
    pub fn fail(what: impl Judged, message: impl Into<Cow<'static, str>>) -> Self {
        Judgement::new(what, Verdict::Fail, message)
    }

    /// It cannot be decided. `message` says what cannot, and why.
    pub fn unknown(what: impl Judged, message: impl Into<Cow<'static, str>>) -> Self {
        Judgement::new(what, Verdict::Unknown, message)
    }

    /// The clause does not speak of it. `message` says why.
    pub fn not_applicable(what: impl Judged, message: impl Into<Cow<'static, str>>) -> Self {
        Judgement::new(what, Verdict::NotApplicable, message)
    }

    /// Unknown because one fact is: "cannot tell {what}: {why}".
    pub fn cannot_tell(judged: impl Judged, what: &str, why: &Why) -> Self {
        Judgement::unknown(judged, format!("cannot tell {what}: {why}"))
    }

    /// Encrypted all the same: only which key protects it is not known.
    pub fn pass_whichever_key(
        what: impl Judged,
        message: impl Into<Cow<'static, str>>,
        why: &Why,
    ) -> Self {
        Judgement::pass(what, message).note(format!("which key protects it is not known: {why}"))
    }

    /// Holds only when this does too.
    #[must_use]
    pub fn when(mut self, guard: &Guard) -> Self {
        self.when = self.when.and(guard);
        self
    }

    /// Points at the place that decides.
    #[must_use]
    pub fn at(mut self, loc: Loc) -> Self {
        self.loc = Some(loc);
        self
    }

    /// Names the part of the thing judged.
    #[must_use]
    pub fn part(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.part = part.into();
        self
    }

    /// Adds a fact it stands on; its place becomes the judgement's place if none was given.
    #[must_use]
    pub fn fact<T: Display>(self, name: impl Into<Cow<'static, str>>, known: &Known<T>) -> Self {
        self.fact_as(name, known, |v| v.to_string())
    }

    /// Adds a fact whose value is shown by `show`.
    #[must_use]
    pub fn fact_as<T>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        known: &Known<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Self {
        let (value, certainty) = match known {
            Known::Stated(v, _) => (show(v).into(), Certainty::Stated),
            Known::Default(v, default, _) => (show(v).into(), Certainty::Default(*default)),
            Known::Unknown(why, _) => (Arc::from("unknown"), Certainty::Unknown(why.clone())),
        };
        let loc = known.loc();
        // What the policy file says is not where a template is to be mended.
        if loc.source != crate::cx::POLICY_FILE {
            self.loc.get_or_insert(loc);
        }
        self.facts.push(Fact {
            name: name.into(),
            value,
            certainty,
            loc: Some(loc),
        });
        self
    }

    /// Adds a stated fact with a place.
    #[must_use]
    pub fn stated(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Arc<str>>,
        loc: Loc,
    ) -> Self {
        self.facts.push(Fact {
            name: name.into(),
            value: value.into(),
            certainty: Certainty::Stated,
            loc: Some(loc),
        });
        self
    }

    /// Adds the way from a property to its key.
    #[must_use]
    pub fn key(mut self, key: &KeyUse) -> Self {
        self.steps.extend(key.steps.iter().cloned());
        self
    }

    /// Adds a hop.
    #[must_use]
    pub fn step(mut self, what: impl Into<String>, loc: Loc) -> Self {
        self.steps.push(Step {
            what: what.into(),
            loc,
        });
        self
    }

    /// Keeps the worse of both; the first where they are alike.
    pub(crate) fn keep_worst(worst: &mut Option<Judgement>, other: Judgement) {
        if worst.as_ref().is_none_or(|w| other.verdict > w.verdict) {
            *worst = Some(other);
        }
    }

    /// Adds a remark that changes no verdict.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Gives a fix for this very case.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Where a control puts its judgements.
#[derive(Default)]
pub struct Out {
    pub(crate) judgements: Vec<Judgement>,
    /// Where they go at once, when none waits for another that it has to be merged with.
    pub(crate) rows: Option<(Rows, &'static Control, Severity)>,
}

impl Out {
    /// Adds a judgement.
    pub fn push(&mut self, mut judgement: Judgement) {
        // Most have one fact, for which a vector keeps room for four; there are tens of thousands.
        judgement.facts.shrink_to_fit();
        judgement.steps.shrink_to_fit();
        match &mut self.rows {
            Some((rows, control, severity)) => rows.push(control, *severity, judgement, None),
            None => self.judgements.push(judgement),
        }
    }

    /// Adds judgements, or the one there may be.
    pub fn extend(&mut self, judgements: impl IntoIterator<Item = Judgement>) {
        judgements
            .into_iter()
            .for_each(|judgement| self.push(judgement));
    }
}
