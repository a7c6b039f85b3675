//! What may become an alert.

use crate::hours::DAY;
use crate::report::EVENT_IDS;
use crate::what::What;
use std::collections::{BTreeSet, HashMap};

/// What is unusual, while it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) what: What,
    pub(crate) subjects: BTreeSet<u32>,
    /// Who it was at first.
    pub(crate) principal: u32,
    pub(crate) family: u32,
    /// In seconds.
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// None for how many events there are.
    pub(crate) observed: Option<f64>,
    pub(crate) expected: f64,
    pub(crate) score: f64,
    pub(crate) why: String,
    /// What was new, or when it was.
    pub(crate) new: String,
    pub(crate) ids: Vec<Box<str>>,
    pub(crate) events: u64,
    /// Fewer events than these are not told.
    pub(crate) least: u64,
}

/// So many subjects of one are told apart.
const SUBJECTS: usize = 1_000;

impl Candidate {
    /// Another event of it, in the order of time; an event that is about two keys counts once.
    pub(crate) fn add(&mut self, time: i64, subject: u32, id: &str) {
        self.until = self.until.max(time);
        if self.subjects.len() < SUBJECTS {
            self.subjects.insert(subject);
        }
        if self.events > 0 && self.ids.last().is_some_and(|last| **last == *id) {
            return;
        }
        self.events += 1;
        if self.ids.len() < EVENT_IDS {
            self.ids.push(id.into());
        }
    }
}

/// What is unusual as one thing: the same of the same day becomes no second alert.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Same {
    pub(crate) what: What,
    pub(crate) subject: u32,
    pub(crate) family: u32,
    pub(crate) new: String,
}

/// So many are kept: who is shown more than these looks at none.
const MOST: usize = 20_000;

/// How long it may take until there is enough of it, in seconds.
pub(crate) const SLOWEST: i64 = 7 * DAY;

/// All candidates.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) all: Vec<Candidate>,
    open: HashMap<Same, usize>,
}

impl Candidates {
    /// The one that began no longer ago than a day; of which there is too little to be told yet, no longer than a week: who is
    /// slow is not to escape.
    pub(crate) fn open(&mut self, same: &Same, time: i64) -> Option<&mut Candidate> {
        let index = *self.open.get(same)?;
        let found = self.all.get_mut(index)?;
        let within = match found.events < found.least {
            true => SLOWEST,
            false => DAY,
        };
        (time - found.from < within).then_some(found)
    }

    /// The one that goes on as long as it does not pause for so long.
    pub(crate) fn going_on(
        &mut self,
        same: &Same,
        time: i64,
        pause: i64,
    ) -> Option<&mut Candidate> {
        let index = *self.open.get(same)?;
        let found = self.all.get_mut(index)?;
        (time - found.until <= pause).then_some(found)
    }

    pub(crate) fn begin(&mut self, same: Same, candidate: Candidate) {
        if self.all.len() < MOST {
            self.open.insert(same, self.all.len());
            self.all.push(candidate);
        }
    }

    /// Forgets which went on until before this time.
    pub(crate) fn close(&mut self, before: i64) {
        let all = &self.all;
        self.open
            .retain(|_, index| all.get(*index).is_some_and(|it| it.until >= before));
    }
}
