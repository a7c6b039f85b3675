//! What CloudTrail shows under a key: what a snapshot lacks is not forgotten.

use anyhow::Result;
use lockfast_respond::key_compromise::{KeyFacts, UsedBy};
use lockfast_trail::arrow::array::{Array, AsArray};
use lockfast_trail::arrow::compute::cast;
use lockfast_trail::arrow::datatypes::{DataType, Int64Type};
use lockfast_trail::questions::quoted;
use lockfast_trail::{Options, Trail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What encryption contexts name that is not among what is known to be under the key.
///
/// # Errors
/// When the logs cannot be read.
pub(super) fn used(logs: &[PathBuf], key: &KeyFacts) -> Result<Vec<UsedBy>> {
    let runtime = crate::commands::runtime()?;
    let query = format!(
        "SELECT encryption_context, coalesce(via, '') AS via, CAST(max(event_time) AS BIGINT) AS last \
         FROM key_uses WHERE key = {} AND cryptographic AND error_code IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
        quoted(&key.arn)
    );
    let batches = runtime.block_on(async {
        let trail = Trail::open(logs, &Options::default()).await?;
        trail.ask(&query).await
    })?;
    let known: Vec<&str> = key
        .dependents
        .iter()
        .flat_map(|on| [on.arn.as_deref(), Some(on.name.as_str())])
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    let mut found: BTreeMap<(String, String), Option<i64>> = BTreeMap::new();
    for batch in &batches {
        let text = |column: usize| cast(batch.column(column), &DataType::Utf8);
        let (contexts, via) = (text(0)?, text(1)?);
        let (contexts, via) = (contexts.as_string::<i32>(), via.as_string::<i32>());
        let last = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let context = match contexts.is_null(row) {
                true => "{}",
                false => contexts.value(row),
            };
            let resource = resource(context);
            // Of something that is known, every part is.
            if known.iter().any(|own| {
                resource == *own
                    || resource.ends_with(&format!(":{own}"))
                    || resource.ends_with(&format!("/{own}"))
            }) {
                continue;
            }
            let at = (!last.is_null(row)).then(|| last.value(row));
            let own = found
                .entry((resource, via.value(row).to_owned()))
                .or_default();
            *own = (*own).max(at);
        }
    }
    Ok(found
        .into_iter()
        .map(|((resource, service), last)| UsedBy {
            resource,
            service,
            last_seen: last.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
        })
        .collect())
}

/// What a context names: the first ARN in it, of an object its bucket; else all of it.
fn resource(context: &str) -> String {
    let parsed: Value = serde_json::from_str(context).unwrap_or_default();
    let values = parsed.as_object().into_iter().flatten();
    let arn = values
        .filter_map(|(_, value)| value.as_str())
        .find(|text| text.starts_with("arn:"));
    match arn {
        Some(arn) if arn.contains(":s3:::") => arn.split('/').next().unwrap_or(arn).to_owned(),
        Some(arn) => arn.to_owned(),
        None if context == "{}" => "something without an encryption context".to_owned(),
        None => context.to_owned(),
    }
}
