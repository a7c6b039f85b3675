//! The questions that `lockfast trail` answers, each a query of the tables.

mod contexts;
mod forensics;
mod quarterly;
mod rows;
mod secrets;
mod tls;
mod usage;

pub use contexts::{Context, contexts};
pub use forensics::{Decrypted, Forensics, ReadSecret, Session, Step, Suspect, forensics};
pub use quarterly::{DayOfUse, days_of_use, span};
pub(crate) use rows::each;
pub use secrets::secrets;
pub use tls::tls;
pub(crate) use tls::verdict_of_call;
pub use usage::{By, usage};

use jiff::Timestamp;

/// What a question is about; all of it when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Events not before.
    pub since: Option<Timestamp>,
    /// Events before.
    pub until: Option<Timestamp>,
    /// Events of these accounts.
    pub accounts: Vec<String>,
    /// Events of these regions.
    pub regions: Vec<String>,
    /// Events about these keys, by ARN or as requests name them.
    pub keys: Vec<String>,
    /// Events about these secrets.
    pub secrets: Vec<String>,
    /// Events of these principals.
    pub principals: Vec<String>,
}

/// Text as SQL writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn among(column: &str, values: &[String]) -> Option<String> {
    let all: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    (!all.is_empty()).then(|| format!("{column} IN ({})", all.join(", ")))
}

impl About {
    /// The conditions that every row has to meet, of a table with all these columns.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let since = self.since.map(|at| format!("event_time >= {}", utc(at)));
        let until = self.until.map(|at| format!("event_time < {}", utc(at)));
        [
            since,
            until,
            among("account", &self.accounts),
            among("region", &self.regions),
            among("principal", &self.principals),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A time of the type that the column has, so that the comparison stays one of a column with a literal.
fn utc(at: Timestamp) -> String {
    format!(
        "arrow_cast({}, 'Timestamp(Millisecond, Some(\"UTC\"))')",
        at.as_millisecond()
    )
}

pub(crate) fn all(conditions: &[String]) -> String {
    match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    }
}
