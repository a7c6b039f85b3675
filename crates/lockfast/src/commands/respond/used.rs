//! What CloudTrail shows under a key: what a snapshot lacks is not forgotten.

use anyhow::Result;
use jiff::Timestamp;
use lockfast_report::clean;
use lockfast_respond::key_compromise::{KeyFacts, UsedBy};
use lockfast_trail::questions::contexts;
use lockfast_trail::{Options, Trail};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

/// What encryption contexts name that is not among what is known to be under the key.
///
/// # Errors
/// When the logs cannot be read.
pub(super) fn used(logs: &[PathBuf], key: &KeyFacts) -> Result<Vec<UsedBy>> {
    let runtime = crate::commands::runtime()?;
    let family = std::iter::once(key).chain(&key.family);
    let arns: Vec<String> = family.clone().map(|own| own.arn.clone()).collect();
    let (used, report) = runtime.block_on(async {
        let trail = Trail::open(logs, &Options::default()).await?;
        let used = contexts(&trail, &arns).await?;
        let mut report = trail.report().await?;
        for problem in &trail.input().problems {
            report.add_problem(problem.clone());
        }
        Ok::<_, lockfast_trail::Error>((used, report))
    })?;
    for problem in &report.problems {
        anstream::eprintln!("{}", clean(&problem.to_string()));
    }
    let known: HashSet<&str> = family
        .flat_map(|own| &own.dependents)
        .flat_map(|on| [on.arn.as_deref(), Some(on.name.as_str())])
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    let mut found: BTreeMap<(String, String), Option<Timestamp>> = BTreeMap::new();
    for own in used {
        let (resource, names) = named(own.context.as_deref());
        if !names.iter().any(|name| known.contains(name.as_str())) {
            let service = own.via.unwrap_or_default();
            let last = found.entry((resource, service)).or_default();
            *last = (*last).max(own.last_seen);
        }
    }
    if report.problem_count > 0 {
        let what = format!("what {} problems with log files hide", report.problem_count);
        found.insert((what, String::new()), None);
    }
    Ok(found
        .into_iter()
        .map(|((resource, service), last_seen)| UsedBy {
            resource,
            service,
            last_seen,
        })
        .collect())
}

/// What a context names, and what that may be known by: its ARN, of an object its bucket's; else the context as a whole, known by
/// each of its values, as volumes and tables are.
fn named(context: Option<&str>) -> (String, Vec<String>) {
    let Some(context) = context else {
        return (
            "something without an encryption context".to_owned(),
            Vec::new(),
        );
    };
    let parsed: Value = serde_json::from_str(context).unwrap_or_default();
    let values = parsed.as_object().into_iter().flatten();
    let values: Vec<&str> = values.filter_map(|(_, value)| value.as_str()).collect();
    match values.iter().find(|text| text.starts_with("arn:")) {
        Some(arn) => {
            let bucket = arn.contains(":s3:::").then(|| arn.split('/').next());
            let arn = bucket.flatten().unwrap_or(arn).to_owned();
            (arn.clone(), vec![arn])
        }
        None => {
            let names = values.into_iter().map(str::to_owned).collect();
            (context.to_owned(), names)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_names_its_store() {
        let of = |context: &str| named(Some(context));
        let bucket = "arn:aws:s3:::orders".to_owned();
        assert_eq!(
            of(r#"{"aws:s3:arn":"arn:aws:s3:::orders/2026/a.json"}"#),
            (bucket.clone(), vec![bucket])
        );
        // A queue of another account that is called alike is another queue.
        let queue = "arn:aws:sqs:eu-central-1:999999999999:orders".to_owned();
        assert_eq!(of(&format!(r#"{{"aws:sqs:arn":"{queue}"}}"#)).1, [queue]);
        let volume = r#"{"aws:ebs:id":"vol-1"}"#;
        assert_eq!(of(volume), (volume.to_owned(), vec!["vol-1".to_owned()]));
        assert!(named(None).1.is_empty());
    }
}
