//! Judgements as they are kept. There are hundreds of thousands, and in live accounts a control says the same of many
//! things, and several controls stand on the same facts: all of that is kept once.

use crate::control::{Control, Severity};
use crate::finding::WaiverView;
use crate::judgement::{About, Fact, Judgement, Verdict};
use indexmap::IndexSet;
use lockfast_facts::{Loc, Step};
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// What a control said, and of what.
pub(crate) struct Judged {
    pub(crate) rows: Vec<Row>,
    pub(crate) said: Vec<Said>,
}

/// A thing, what was said of it, and what that stands on.
pub(crate) struct Row {
    pub(crate) about: About,
    /// Index of a [`Said`].
    pub(crate) said: u32,
    facts: Thin<Fact>,
    steps: Thin<Step>,
}

/// A shared list that takes no more room than a pointer; nothing where it is empty.
type Thin<T> = Option<Arc<Vec<T>>>;

impl Row {
    /// Of something that stands on nothing.
    pub(crate) fn bare(about: About, said: usize) -> Self {
        Row {
            about,
            said: index_of(said),
            facts: None,
            steps: None,
        }
    }

    pub(crate) fn facts(&self) -> &[Fact] {
        self.facts.as_ref().map_or(&[], |facts| facts)
    }

    pub(crate) fn steps(&self) -> &[Step] {
        self.steps.as_ref().map_or(&[], |steps| steps)
    }
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
    /// Few have any of it.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What few judgements have.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rest {
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
}

/// One copy of the facts and hops that several controls stand on.
#[derive(Default)]
pub(crate) struct Pool {
    values: Mutex<HashSet<Arc<str>>>,
    facts: Mutex<HashSet<Arc<Vec<Fact>>>>,
    steps: Mutex<HashSet<Arc<Vec<Step>>>>,
}

impl Pool {
    fn facts(&self, mut facts: Vec<Fact>) -> Arc<Vec<Fact>> {
        // Most of them name a key, which several controls do in lists that are not the same.
        let mut known = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for fact in &mut facts {
            match known.get(&fact.value) {
                Some(value) => fact.value = value.clone(),
                None => {
                    known.insert(fact.value.clone());
                }
            }
        }
        drop(known);
        shared(&self.facts, facts)
    }
}

fn shared<T: Eq + Hash>(known: &Mutex<HashSet<Arc<Vec<T>>>>, own: Vec<T>) -> Arc<Vec<T>> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(&own) {
        Some(known) => known.clone(),
        None => {
            let own = Arc::new(own);
            known.insert(own.clone());
            own
        }
    }
}

/// What a control says, while it says it.
pub(crate) struct Rows {
    /// Looking for the same costs, and in templates, where every place is another, it finds nothing.
    once: Option<(IndexSet<Said>, Arc<Pool>)>,
    each: Vec<Said>,
    rows: Vec<Row>,
}

impl Rows {
    /// Without any. With a pool, the same may be said of many.
    pub(crate) fn new(pool: Option<Arc<Pool>>) -> Self {
        Rows {
            once: pool.map(|pool| (IndexSet::new(), pool)),
            each: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Takes a judgement; `when` is under which conditions, in words.
    pub(crate) fn push(
        &mut self,
        control: &'static Control,
        severity: Severity,
        judgement: Judgement,
        when: Option<Arc<str>>,
    ) {
        let rest = Rest {
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
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
        };
        let facts = Some(judgement.facts).filter(|facts| !facts.is_empty());
        let steps = Some(judgement.steps).filter(|steps| !steps.is_empty());
        let (index, facts, steps) = match &mut self.once {
            Some((once, pool)) => (
                once.insert_full(said).0,
                facts.map(|facts| pool.facts(facts)),
                steps.map(|steps| shared(&pool.steps, steps)),
            ),
            None => {
                self.each.push(said);
                (
                    self.each.len() - 1,
                    facts.map(Arc::new),
                    steps.map(Arc::new),
                )
            }
        };
        self.rows.push(Row {
            about: judgement.about,
            said: index_of(index),
            facts,
            steps,
        });
    }

    /// All of it.
    pub(crate) fn done(self) -> Judged {
        Judged {
            rows: self.rows,
            said: match self.once {
                Some((once, _)) => once.into_iter().collect(),
                None => self.each,
            },
        }
    }
}

/// Fewer than four thousand million things are ever said.
pub(crate) fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
