//! `lockfast keys recovery`: which keys survive the loss of a region or of AWS's copy of their material, and when that was last
//! tried.

use super::super::catalogue::table;
use super::super::facts::Read;
use super::super::operate::evidence;
use super::super::print;
use super::key_json;
use crate::cli::{Facts, TableFormat};
use crate::exit;
use anyhow::Result;
use lockfast_facts::Read as Found;
use lockfast_keys::{Key, Ring};
use lockfast_policy::Evidence;
use lockfast_report::clean;
use serde_json::{Value, json};

/// How a key would be recovered.
struct Recovery {
    replicas: Vec<String>,
    imported: bool,
    escrow: Option<String>,
    drill: Option<(String, bool, String)>,
    /// What is missing.
    lacks: Option<String>,
    /// What is not known.
    open: Option<String>,
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub(super) fn run(facts: &Facts) -> Result<u8> {
    let read = Read::new(facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let evidence = &evidence::beside(&read.config, read.config_file.as_deref());
    let told: Vec<(&Key<'_>, Recovery)> = ring
        .keys
        .iter()
        // A replica is recovered by its primary.
        .filter(|key| &*key.resource.kind == "AWS::KMS::Key")
        .map(|key| (key, recovery(key, evidence, &read.today)))
        .collect();
    let lacking = told.iter().filter(|(_, told)| told.lacks.is_some()).count();
    let open = told.iter().any(|(_, told)| told.open.is_some());
    let code = match (lacking, open) {
        (0, false) => read.code(),
        (0, true) => exit::UNKNOWN,
        _ => exit::BROKEN,
    };
    if facts.format == TableFormat::Json {
        let row = |(key, told): &(&Key<'_>, Recovery)| -> Value {
            let mut row = key_json(key);
            row["replicas"] = json!(told.replicas);
            row["imported"] = told.imported.into();
            row["escrow"] = json!(told.escrow);
            row["drill"] = json!(told.drill.as_ref().map(
                |(day, recovered, due)| json!({"day": day, "recovered": recovered, "due": due})
            ));
            row["lacks"] = json!(told.lacks);
            row["not_known"] = json!(told.open);
            row
        };
        let rows: Vec<Value> = told.iter().map(row).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(code);
    }
    let mut table = table(&["KEY", "REPLICAS", "MATERIAL", "DRILL", "DUE AGAIN", "STATE"]);
    for (key, told) in &told {
        table.add_row([
            clean(key.label.strip_prefix("alias/").unwrap_or(&key.label)),
            match told.replicas.is_empty() {
                true => "none".to_owned(),
                false => clean(&told.replicas.join(", ")),
            },
            match (told.imported, &told.escrow) {
                (false, _) => "AWS's".to_owned(),
                (true, Some(place)) => format!("imported, copy: {}", clean(place)),
                (true, None) => "imported, no copy known".to_owned(),
            },
            match &told.drill {
                Some((day, true, _)) => day.clone(),
                Some((day, false, _)) => format!("{day}: failed"),
                None => "never".to_owned(),
            },
            told.drill
                .as_ref()
                .map_or("-", |(_, _, due)| due)
                .to_owned(),
            match (&told.lacks, &told.open) {
                (Some(lacks), _) => clean(lacks),
                (None, Some(open)) => format!("? {}", clean(open)),
                (None, None) if told.replicas.is_empty() => "lost with its region".to_owned(),
                (None, None) => "good".to_owned(),
            },
        ]);
    }
    print(&format!(
        "{table}\n\n{} keys, {lacking} lack something; `lockfast keys recovery-drill KEY` tries a key with replicas, `lockfast keys escrow KEY` says where imported material is kept.\n",
        told.len()
    ))?;
    Ok(code)
}

fn recovery(key: &Key<'_>, evidence: &Evidence, today: &str) -> Recovery {
    let arn = key.resource.arn.as_deref().unwrap_or_default();
    let replicas = match key.resource.at("ReplicaKeys").list() {
        Found::Found(list, _) => list
            .iter()
            .filter_map(|replica| replica.at("Region").string().found())
            .collect(),
        // In templates a replica is a resource of its own.
        _ => key
            .family
            .iter()
            .filter(|other| &*other.kind == "AWS::KMS::ReplicaKey")
            .map(|other| other.name.to_string())
            .collect(),
    };
    let imported = key.origin() == "EXTERNAL";
    let tag = key.resource.tag("EscrowRecord").value().cloned().flatten();
    let escrow = tag.or_else(|| evidence.escrow.get(arn).map(|escrow| escrow.place.clone()));
    let drill = evidence.drill.get(arn);
    let due = drill.is_some_and(|drill| drill.due.as_str() < today);
    let mut told = Recovery {
        imported,
        lacks: None,
        open: None,
        drill: drill.map(|drill| (drill.day.clone(), drill.recovered, drill.due.clone())),
        escrow,
        replicas,
    };
    if imported && told.escrow.is_none() {
        told.lacks = Some("no copy of its material is known".to_owned());
    } else if !told.replicas.is_empty() {
        match (&evidence.unread, drill) {
            (Some(why), _) => told.open = Some(why.clone()),
            (None, None) if evidence.ledger.is_none() => {
                told.open = Some("no ledger tells of drills".to_owned());
            }
            (None, None) => told.lacks = Some("never tried".to_owned()),
            (None, Some(drill)) if !drill.recovered => {
                told.lacks = Some("the drill failed".to_owned())
            }
            (None, Some(_)) if due => told.lacks = Some("the drill is due again".to_owned()),
            (None, Some(_)) => {}
        }
    }
    told
}
