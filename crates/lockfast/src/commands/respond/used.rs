//! What CloudTrail shows under a key: what a snapshot lacks is not forgotten.

use anyhow::Result;
use lockfast_report::clean;
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
    let family = std::iter::once(key).chain(&key.family);
    let arns: Vec<String> = family.clone().map(|own| quoted(&own.arn)).collect();
    let query = format!(
        "SELECT encryption_context, coalesce(via, '') AS via, CAST(max(event_time) AS BIGINT) AS last \
         FROM key_uses WHERE key IN ({}) AND cryptographic AND error_code IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
        arns.join(", ")
    );
    let (batches, report) = runtime.block_on(async {
        let trail = Trail::open(logs, &Options::default()).await?;
        let batches = trail.ask(&query).await?;
        let mut report = trail.report().await?;
        for problem in &trail.input().problems {
            report.add_problem(problem.clone());
        }
        Ok::<_, lockfast_trail::Error>((batches, report))
    })?;
    for problem in &report.problems {
        anstream::eprintln!("{}", clean(&problem.to_string()));
    }
    let known: Vec<&str> = family
        .flat_map(|own| &own.dependents)
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
            if named(context, &resource)
                .iter()
                .any(|own| known.contains(&own.as_str()))
            {
                continue;
            }
            let at = (!last.is_null(row)).then(|| last.value(row));
            let own = found
                .entry((resource, via.value(row).to_owned()))
                .or_default();
            *own = (*own).max(at);
        }
    }
    if report.problem_count > 0 {
        let what = format!("what {} problems with log files hide", report.problem_count);
        found.insert((what, String::new()), None);
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

/// What a context may be known by: its ARN alone, where it has one; else each of its values, as volumes and tables are named.
fn named(context: &str, resource: &str) -> Vec<String> {
    if resource.starts_with("arn:") {
        return vec![resource.to_owned()];
    }
    let parsed: Value = serde_json::from_str(context).unwrap_or_default();
    let values = parsed.as_object().into_iter().flatten();
    values
        .filter_map(|(_, value)| Some(value.as_str()?.to_owned()))
        .collect()
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
