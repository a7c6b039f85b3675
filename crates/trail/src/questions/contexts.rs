//! What keys were used for, by encryption context.

use super::rows::each;
use super::{all, among};
use crate::trail::{Error, Trail};
use jiff::Timestamp;

/// An encryption context that keys were used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The context, as JSON with sorted keys; nothing where there was none.
    pub context: Option<String>,
    /// The service that asked.
    pub via: Option<String>,
    /// When that was last.
    pub last_seen: Option<Timestamp>,
}

/// The contexts that any of these keys did cryptography with, each with the service that asked; without what was refused.
///
/// # Errors
/// What is wrong with what is read.
pub async fn contexts(trail: &Trail, keys: &[String]) -> Result<Vec<Context>, Error> {
    let mut conditions = vec!["cryptographic".to_owned(), "error_code IS NULL".to_owned()];
    conditions.extend(among("key", keys));
    let rows = trail
        .ask(&format!(
            "SELECT encryption_context, via, arrow_cast(max(event_time), 'Timestamp(Millisecond, None)') FROM key_uses {} \
             GROUP BY encryption_context, via ORDER BY encryption_context, via",
            all(&conditions)
        ))
        .await?;
    let contexts = each(&rows).map(|row| Context {
        context: row.text(0),
        via: row.text(1),
        last_seen: row.time(2),
    });
    Ok(contexts.collect())
}
