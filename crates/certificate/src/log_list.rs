//! The Certificate Transparency logs whose timestamps can be verified.

use crate::certificate::sha256;
use crate::key::PublicKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A list of logs, as of a date.
#[derive(Clone, Debug)]
pub struct LogList {
    /// The day it is of, such as `2026-10-11`.
    pub date: jiff::civil::Date,
    logs: HashMap<[u8; 32], Log>,
}

/// A log.
#[derive(Clone, Debug)]
pub struct Log {
    /// What its list calls it.
    pub name: String,
    /// Who runs it.
    pub operator: String,
    /// Its key: ECDSA on P-256, or RSA (RFC 6962, section 2.1.4).
    pub key: PublicKey,
    /// Within how many seconds it promises to merge what it signed (RFC 6962, section 3).
    pub maximum_merge_delay: u32,
    /// When it stopped being trusted for what it signs: timestamps before it still count in certificates. None when it
    /// is qualified, usable or read-only.
    pub retired: Option<Timestamp>,
}

/// Why a log list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BadLogList {
    /// Not the TOML that a list is.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A date, time or key of it.
    #[error("{log}: {what} is not right")]
    Field {
        /// The log's name; `list` for the list itself.
        log: String,
        /// What.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    log: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    operator: String,
    key: String,
    maximum_merge_delay: u32,
    retired: Option<String>,
}

static PINNED: LazyLock<LogList> = LazyLock::new(|| {
    LogList::from_toml(include_str!("../data/logs.toml")).expect("the pinned list is tested")
});

impl LogList {
    /// The list that comes with this crate (`data/logs.toml`).
    pub fn pinned() -> &'static LogList {
        &PINNED
    }

    /// A list from TOML of the shape of `data/logs.toml`.
    ///
    /// # Errors
    /// When it is not of that shape, or has a key that is none.
    pub fn from_toml(text: &str) -> Result<Self, BadLogList> {
        let file: File = toml::from_str(text)?;
        let bad = |log: &str, what| BadLogList::Field {
            log: log.into(),
            what,
        };
        let date = file.date.parse().map_err(|_| bad("list", "date"))?;
        let mut logs = HashMap::new();
        for row in file.log {
            let der = BASE64_STANDARD
                .decode(&row.key)
                .map_err(|_| bad(&row.name, "key"))?;
            let (_, info) =
                SubjectPublicKeyInfo::from_der(&der).map_err(|_| bad(&row.name, "key"))?;
            let retired = row.retired.as_deref().map(str::parse).transpose();
            let log = Log {
                key: PublicKey::new(&info),
                maximum_merge_delay: row.maximum_merge_delay,
                retired: retired.map_err(|_| bad(&row.name, "retired"))?,
                name: row.name,
                operator: row.operator,
            };
            // RFC 6962, section 3.2: the log's id is the hash of its key.
            logs.insert(sha256(&der), log);
        }
        Ok(LogList { date, logs })
    }

    /// The log of an id.
    pub fn get(&self, id: &[u8; 32]) -> Option<&Log> {
        self.logs.get(id)
    }

    /// How many logs there are.
    pub fn len(&self) -> usize {
        self.logs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// How many days old it is.
    pub fn age(&self, now: Timestamp) -> i64 {
        let start = self.date.to_datetime(jiff::civil::Time::midnight());
        let start = jiff::tz::Offset::UTC.to_timestamp(start);
        start.map_or(0, |start| {
            (now.as_second() - start.as_second()).div_euclid(86_400)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Curve;

    #[test]
    fn the_pinned_list_is_whole() {
        let list = LogList::pinned();
        assert_eq!(list.len(), 69);
        assert!(
            list.logs
                .values()
                .all(|log| log.key.curve == Some(Curve::P256))
        );
        let operators: std::collections::HashSet<_> =
            list.logs.values().map(|log| &log.operator).collect();
        assert_eq!(operators.len(), 10);
        let id = BASE64_STANDARD
            .decode("1219ENGn9XfCx+lf1wC/+YLJM1pl4dCzAXMXwMjFaXc=")
            .unwrap();
        let log = list.get(&id.try_into().unwrap()).unwrap();
        assert_eq!(log.name, "Google 'Argon2026h2' log");
    }
}
