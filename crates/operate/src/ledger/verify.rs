//! Whether a chain of entries is whole.

use super::entry::{Entry, Head, NOTHING_BEFORE};
use jiff::Timestamp;
use std::fmt;

/// What was found in a ledger or an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many entries were looked at.
    pub entries: u64,
    /// The last of them that could be read.
    pub head: Option<Head>,
    /// What is wrong, in the order of the entries.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Something wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry's number; where it cannot be read, the number that it should have.
    pub seq: u64,
    /// What is wrong.
    pub what: FaultKind,
}

/// What can be wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Another number should stand here: entries were removed, added, or moved.
    NotNext {
        /// The number that should.
        expected: u64,
    },
    /// What it says is not what was hashed.
    Altered,
    /// It does not follow the entry that stands before it.
    Unlinked,
    /// It is earlier than the entry before.
    Earlier {
        /// When the entry before was written.
        before: Timestamp,
    },
    /// It cannot be read.
    Unreadable(String),
    /// Its bytes are not the canonical ones, though they say the same.
    NotCanonical,
    /// The chain ends before the head that it is held against: entries at the end are gone.
    Missing {
        /// The head's number.
        head: u64,
    },
    /// The entry that was the head is another one now.
    OtherThanHead {
        /// The head's hash.
        expected: String,
    },
    /// The database itself is damaged.
    Database(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match &self.what {
            FaultKind::NotNext { expected } => write!(
                f,
                "entry {seq} stands where entry {expected} should: entries were removed, added or moved"
            ),
            FaultKind::Altered => write!(
                f,
                "entry {seq} was altered: what it says is not what was hashed"
            ),
            FaultKind::Unlinked => {
                write!(
                    f,
                    "entry {seq} does not follow the entry that stands before it"
                )
            }
            FaultKind::Earlier { before } => {
                write!(
                    f,
                    "entry {seq} is earlier than the entry before it ({before})"
                )
            }
            FaultKind::Unreadable(why) => write!(f, "entry {seq} cannot be read: {why}"),
            FaultKind::NotCanonical => write!(
                f,
                "entry {seq} is written in another way than it was: its bytes are not canonical"
            ),
            FaultKind::Missing { head } => write!(
                f,
                "entry {seq} is missing: the ledger went up to entry {head} when its head was taken"
            ),
            FaultKind::OtherThanHead { expected } => write!(
                f,
                "entry {seq} is another one than when the head was taken (its hash was {expected})"
            ),
            FaultKind::Database(what) => write!(f, "the database is damaged: {what}"),
        }
    }
}

/// Looks at entries as they come.
pub(crate) struct Verifier<'a> {
    against: Option<&'a Head>,
    met: bool,
    previous: Option<Entry>,
    found: Verification,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(against: Option<&'a Head>) -> Self {
        Verifier {
            against,
            met: false,
            previous: None,
            found: Verification {
                entries: 0,
                head: None,
                faults: Vec::new(),
            },
        }
    }

    pub(crate) fn fault(&mut self, seq: u64, what: FaultKind) {
        self.found.faults.push(Fault { seq, what });
    }

    /// The number that the next entry should have.
    pub(crate) fn next(&self) -> u64 {
        let before = self.previous.as_ref();
        before.map_or(1, |before| before.seq.saturating_add(1))
    }

    /// An entry that cannot be read; what follows it is still looked at.
    pub(crate) fn unreadable(&mut self, why: String) {
        self.found.entries += 1;
        self.fault(self.next(), FaultKind::Unreadable(why));
    }

    pub(crate) fn entry(&mut self, entry: Entry) {
        self.found.entries += 1;
        let expected = self.next();
        if entry.seq != expected {
            self.fault(entry.seq, FaultKind::NotNext { expected });
        }
        match entry.hash_of_content() {
            Ok(hash) if hash == entry.hash => {}
            Ok(_) => self.fault(entry.seq, FaultKind::Altered),
            Err(error) => self.fault(entry.seq, FaultKind::Unreadable(error.to_string())),
        }
        let (hash_before, at_before) = match &self.previous {
            Some(before) => (before.hash.as_str(), before.at),
            None => (NOTHING_BEFORE, Timestamp::MIN),
        };
        let unlinked = entry.previous != hash_before;
        if unlinked {
            self.fault(entry.seq, FaultKind::Unlinked);
        }
        if entry.at < at_before {
            self.fault(entry.seq, FaultKind::Earlier { before: at_before });
        }
        if let Some(head) = self.against.filter(|head| head.seq == entry.seq) {
            self.met = true;
            if head.hash != entry.hash {
                let expected = head.hash.clone();
                self.fault(entry.seq, FaultKind::OtherThanHead { expected });
            }
        }
        self.previous = Some(entry);
    }

    pub(crate) fn end(mut self) -> Verification {
        if let Some(head) = self.against.filter(|_| !self.met) {
            let (seq, head) = (self.next(), head.seq);
            self.fault(seq, FaultKind::Missing { head });
        }
        self.found.head = self.previous.as_ref().map(Entry::as_head);
        self.found
    }
}
