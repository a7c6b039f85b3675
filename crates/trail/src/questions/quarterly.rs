//! The numbers of a quarter.

use super::{About, all, each};
use crate::trail::{Error, Trail};
use jiff::Timestamp;
use jiff::civil::Date;

/// Uses of a key by a principal on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOfUse {
    /// The key.
    pub key: String,
    /// Who.
    pub principal: String,
    /// What was asked.
    pub operation: String,
    /// The service that asked.
    pub via: Option<String>,
    /// The day.
    pub day: Date,
    /// How often.
    pub uses: u64,
    /// How often it was refused.
    pub refused: u64,
    /// From another account than the key's.
    pub cross_account: bool,
}

/// Uses of keys by day.
///
/// # Errors
/// What is wrong with what is read.
pub async fn days_of_use(trail: &Trail, about: &About) -> Result<Vec<DayOfUse>, Error> {
    let mut conditions = about.conditions();
    conditions.push("cryptographic".into());
    conditions.push("event_day IS NOT NULL".into());
    let rows = trail
        .ask(&format!(
            "SELECT key, principal, operation, via, arrow_cast(event_day, 'Timestamp(Millisecond, None)') AS day, count(*), \
             count(error_code), coalesce(bool_or(cross_account), false) FROM key_uses {} \
             GROUP BY key, principal, operation, via, event_day ORDER BY key, principal, operation, via, event_day",
            all(&conditions)
        ))
        .await?;
    let mut found = Vec::new();
    for row in each(&rows) {
        let Some(day) = row.time(4) else {
            continue;
        };
        found.push(DayOfUse {
            key: row.text(0).unwrap_or_default(),
            principal: row.text(1).unwrap_or_default(),
            operation: row.text(2).unwrap_or_default(),
            via: row.text(3),
            day: jiff::tz::Offset::UTC.to_datetime(day).date(),
            uses: row.count(5),
            refused: row.count(6),
            cross_account: row.flag(7).unwrap_or_default(),
        });
    }
    Ok(found)
}

/// The times of the first and the last event.
///
/// # Errors
/// What is wrong with what is read.
pub async fn span(trail: &Trail) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let rows = trail
        .ask("SELECT min(event_time), max(event_time) FROM key_uses")
        .await?;
    let row = each(&rows).next();
    Ok(row.and_then(|row| Some((row.time(0)?, row.time(1)?))))
}
