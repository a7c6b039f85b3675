//! Who used which key, for what, how often.

use super::{About, all, among};
use std::str::FromStr;

/// What uses are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Each day.
    Day,
    /// Each key.
    Key,
    /// Each principal.
    Principal,
    /// Each operation.
    Operation,
    /// Each service that asked.
    Via,
    /// Each encryption context.
    Context,
    /// Each account that the records were delivered to.
    Account,
    /// Each region.
    Region,
    /// Each address.
    SourceIp,
}

impl By {
    /// All of them, with their names.
    pub const ALL: [(&'static str, By); 9] = [
        ("day", By::Day),
        ("key", By::Key),
        ("principal", By::Principal),
        ("operation", By::Operation),
        ("via", By::Via),
        ("context", By::Context),
        ("account", By::Account),
        ("region", By::Region),
        ("source-ip", By::SourceIp),
    ];

    /// What is asked where nothing is said.
    pub const DEFAULT: [By; 4] = [By::Day, By::Key, By::Principal, By::Operation];

    fn column(self) -> &'static str {
        match self {
            By::Day => "event_day",
            By::Key => "key",
            By::Principal => "principal",
            By::Operation => "operation",
            By::Via => "via",
            By::Context => "encryption_context",
            By::Account => "account",
            By::Region => "region",
            By::SourceIp => "source_ip",
        }
    }

    fn name(self) -> &'static str {
        match self {
            By::Day => "day",
            By::Context => "encryption_context",
            by => by.column(),
        }
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<By, String> {
        let found = By::ALL.into_iter().find(|(name, _)| *name == text);
        found
            .map(|(_, by)| by)
            .ok_or_else(|| format!("`{text}` is nothing that uses are counted by"))
    }
}

/// Key uses, counted by these; with `everything`, what is no cryptography is counted, too. Making data keys is a use.
pub fn usage(about: &About, by: &[By], everything: bool) -> String {
    let mut conditions = about.conditions();
    conditions.extend(among("key", &about.keys));
    if !everything {
        conditions.push("cryptographic".to_owned());
    }
    let groups: Vec<String> = by
        .iter()
        .map(|by| format!("{} AS {}", by.column(), by.name()))
        .collect();
    let names: Vec<&str> = by.iter().map(|by| by.name()).collect();
    let columns: Vec<&str> = by.iter().map(|by| by.column()).collect();
    // What a group is of one of is told; of several, how many.
    let via = match by.contains(&By::Via) {
        true => "",
        false => ", count(DISTINCT via) AS services, min(via) AS via",
    };
    // Contexts are as many as objects: told apart by their digests, they take a fifth of the memory.
    let context = match by.contains(&By::Context) {
        true => "",
        false => {
            ", count(DISTINCT digest(encryption_context, 'md5')) AS contexts, min(encryption_context) AS a_context"
        }
    };
    format!(
        "SELECT {}, count(*) AS uses, count(error_code) AS failed, \
         coalesce(bool_or(cross_account), false) AS cross_account{via}{context}, \
         min(event_time) AS first_seen, max(event_time) AS last_seen \
         FROM key_uses {} GROUP BY {} ORDER BY {}",
        groups.join(", "),
        all(&conditions),
        columns.join(", "),
        names.join(", "),
    )
}
