//! Judgements as they are kept. There are hundreds of thousands, and in live accounts a control often says the same of
//! all that are under one key in one region: what it says is kept once, and of each thing only which of that it is.

use crate::control::{Control, Severity};
use crate::finding::WaiverView;
use crate::judgement::{About, Fact, Judgement, Verdict};
use indexmap::IndexSet;
use lockfast_facts::{Loc, Step};
use std::borrow::Cow;
use std::sync::Arc;

/// A thing, and what was said of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) about: About,
    /// Index of a [`Said`].
    pub(crate) said: u32,
}

/// What a control said.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    pub(crate) control: &'static Control,
    pub(crate) severity: Severity,
    pub(crate) verdict: Verdict,
    pub(crate) part: Box<str>,
    /// Borrowed when it is Lockfast's own words, owned when some of it was read.
    pub(crate) message: Cow<'static, str>,
    pub(crate) loc: Option<Loc>,
    pub(crate) facts: Box<[Fact]>,
    /// Few have any of it.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What few judgements have.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rest {
    pub(crate) steps: Vec<Step>,
    pub(crate) notes: Vec<Cow<'static, str>>,
    pub(crate) fix: Option<String>,
    pub(crate) when: Option<Arc<str>>,
    pub(crate) waiver: Option<WaiverView>,
}

impl Said {
    /// The verdict that stands: a failure may be waived.
    pub(crate) fn stands(&self) -> Verdict {
        match self.waiver() {
            Some(_) => Verdict::Waived,
            None => self.verdict,
        }
    }

    pub(crate) fn waiver(&self) -> Option<&WaiverView> {
        self.rest.as_ref()?.waiver.as_ref()
    }

    /// What a judgement says; `when` is under which conditions, in words.
    pub(crate) fn of(
        control: &'static Control,
        severity: Severity,
        judgement: Judgement,
        when: Option<Arc<str>>,
    ) -> (About, Said) {
        let rest = Rest {
            steps: judgement.steps,
            notes: judgement.notes,
            fix: judgement.fix,
            when,
            waiver: None,
        };
        let said = Said {
            control,
            severity,
            verdict: judgement.verdict,
            part: judgement.part.into(),
            message: judgement.message,
            loc: judgement.loc,
            facts: judgement.facts.into(),
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
        };
        (judgement.about, said)
    }
}

/// What a control said, one copy of each, and of what.
pub(crate) struct Rows {
    /// Looking for the same costs, and in templates finds nothing: every place there is another.
    once: Option<IndexSet<Said>>,
    each: Vec<Said>,
    rows: Vec<Row>,
}

impl Rows {
    /// Without any. `once` tells whether the same may be said of many.
    pub(crate) fn new(once: bool) -> Self {
        Rows {
            once: once.then(IndexSet::new),
            each: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, about: About, said: Said) {
        let index = match &mut self.once {
            Some(once) => once.insert_full(said).0,
            None => {
                self.each.push(said);
                self.each.len() - 1
            }
        };
        self.rows.push(Row {
            about,
            said: index_of(index),
        });
    }

    /// The rows, and what they say.
    pub(crate) fn done(self) -> (Vec<Row>, Vec<Said>) {
        let said = match self.once {
            Some(once) => once.into_iter().collect(),
            None => self.each,
        };
        (self.rows, said)
    }
}

/// Fewer than four thousand million things are ever said.
pub(crate) fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
