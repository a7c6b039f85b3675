//! What is known of principals, keys and accounts.

use crate::hours::Hours;
use crate::known::Known;
use crate::spread::Spread;
use crate::what::What;

/// How many networks, tools, regions and contexts are kept of each.
const FEW: usize = 64;
/// How many keys of a principal and principals of a key.
const MANY: usize = 2_048;
/// How many incarnations of a principal.
pub(crate) const MEMBERS: usize = 256;

/// A principal, with all its incarnations.
#[derive(Debug)]
pub(crate) struct Family {
    /// The first use, in seconds.
    pub(crate) since: i64,
    pub(crate) members: Vec<u32>,
    pub(crate) networks: Known<String>,
    pub(crate) agents: Known<String>,
    pub(crate) regions: Known<String>,
    pub(crate) operations: Known<String>,
    /// The keys and secrets that were used, not those asked about.
    pub(crate) subjects: Known<u32>,
    pub(crate) hours: Hours,
    pub(crate) asked: Spread,
    pub(crate) secrets: Spread,
    pub(crate) denied: Spread,
    /// How many refusals there were.
    pub(crate) refusals: u32,
}

impl Family {
    pub(crate) fn new(since: i64) -> Self {
        Family {
            since,
            members: Vec::new(),
            networks: Known::new(FEW),
            agents: Known::new(FEW),
            regions: Known::new(FEW),
            operations: Known::new(FEW),
            subjects: Known::new(MANY),
            hours: Hours::default(),
            asked: Spread::default(),
            secrets: Spread::default(),
            denied: Spread::default(),
            refusals: 0,
        }
    }

    /// What this is found by.
    pub(crate) fn spread_of(&mut self, what: What) -> &mut Spread {
        match what {
            What::AccessDenied => &mut self.denied,
            What::BulkSecrets => &mut self.secrets,
            _ => &mut self.asked,
        }
    }
}

/// A key or a secret.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The first use, in seconds.
    pub(crate) since: i64,
    /// The families that used it.
    pub(crate) principals: Known<u32>,
    /// The contexts of direct calls: their keys, and the same with their values.
    pub(crate) shapes: Known<String>,
    pub(crate) contexts: Known<String>,
    /// The contexts of direct calls that only services make.
    pub(crate) made: Known<String>,
    /// The contexts of services' calls.
    pub(crate) through: Known<String>,
    pub(crate) hours: Hours,
}

impl Subject {
    pub(crate) fn new(since: i64) -> Self {
        Subject {
            since,
            principals: Known::new(MANY),
            shapes: Known::new(FEW),
            contexts: Known::new(FEW),
            made: Known::new(FEW),
            through: Known::new(FEW),
            hours: Hours::default(),
        }
    }
}

/// A principal and a key or secret.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The first use, in seconds.
    pub(crate) since: i64,
    /// The last.
    pub(crate) last: i64,
    pub(crate) uses: u64,
    /// On how many days.
    pub(crate) days: u32,
    /// In seconds.
    pub(crate) longest_silence: i64,
    /// The last run without a day's pause: how many uses, and on how many days.
    pub(crate) run: (u64, u32),
    pub(crate) hours: Hours,
    pub(crate) data_keys: Hours,
}

impl Pair {
    pub(crate) fn new(since: i64) -> Self {
        Pair {
            since,
            last: since,
            uses: 0,
            days: 0,
            longest_silence: 0,
            run: (0, 0),
            hours: Hours::default(),
            data_keys: Hours::default(),
        }
    }
}

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    /// The first use, in seconds.
    pub(crate) since: i64,
    pub(crate) regions: Known<String>,
}

impl Account {
    pub(crate) fn new(since: i64) -> Self {
        Account {
            since,
            regions: Known::new(FEW),
        }
    }
}
