//! `lockfast keys`: the keys, and everything about them.

pub(super) mod can;
mod logs;
mod map;
mod reasons;
mod recovery;
mod sides;
pub(super) mod who;

use self::logs::{Logs, together};
use super::catalogue::table;
use super::facts::Read;
use super::operate;
use super::print;
use crate::cli::{Facts, Keys, KeysCommand, Listing, TableFormat};
use crate::exit;
use anyhow::{Result, bail};
use lockfast_facts::{Known, Origin};
use lockfast_keys::{Due, Key, LastUse, Mend, Pace, Ring, RotationKind, Use, rotation, use_of};
use lockfast_operate::approval::Decision;
use lockfast_policy::nearest;
use lockfast_report::clean;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub fn run(args: &Keys) -> Result<u8> {
    match &args.command {
        None => list(&args.listing),
        Some(KeysCommand::List(listing)) => list(listing),
        Some(KeysCommand::Map {
            key,
            format,
            output,
            source,
        }) => map::run(key.as_deref(), *format, output.as_deref(), &source.facts()),
        Some(KeysCommand::BlastRadius { key, facts }) => blast_radius(key, facts),
        Some(KeysCommand::Unused { logs, days, facts }) => unused(logs, *days, facts),
        Some(KeysCommand::Rotation { facts }) => rotations(facts),
        Some(KeysCommand::Recovery { facts }) => recovery::run(facts),
        Some(KeysCommand::Escrow(args)) => operate::escrow::run(args),
        Some(KeysCommand::Rotate(args)) => operate::rotate::run(args),
        Some(KeysCommand::RecoveryDrill(args)) => operate::drill::run(args),
        Some(KeysCommand::RequestDeletion(args)) => operate::deletion::request(args),
        Some(KeysCommand::Approve(args)) => operate::deletion::decide(args, Decision::Approve),
        Some(KeysCommand::Reject(args)) => operate::deletion::decide(args, Decision::Reject),
        Some(KeysCommand::Requests(args)) => operate::deletion::requests(args),
        Some(KeysCommand::Delete(args)) => operate::deletion::delete(args),
        Some(KeysCommand::Cancel(args)) => operate::deletion::cancel(args),
        Some(KeysCommand::Guard(args)) => operate::guard::run(args),
    }
}

/// The one key that a name means.
pub(super) fn one<'r, 'a>(ring: &'r Ring<'a>, name: &str) -> Result<&'r Key<'a>> {
    match ring.find(name).as_slice() {
        [key] => Ok(key),
        [] => {
            let known = ring.keys.iter().flat_map(|key| {
                let path = std::iter::once(key.label.as_str());
                path.chain(key.aliases.iter().map(String::as_str))
            });
            match nearest(name, known) {
                Some(meant) => bail!("there is no key `{name}`; did you mean `{meant}`?"),
                None => bail!("there is no key `{name}`; `lockfast keys` lists them"),
            }
        }
        several => {
            let mut said = format!(
                "`{name}` may be any of {} keys; name one of them:",
                several.len()
            );
            for key in several {
                let place = [&key.account, &key.region].map(|p| p.as_deref().unwrap_or("-"));
                let _ = write!(said, "\n  {} ({})", whole_name(key), place.join(" "));
            }
            bail!("{said}")
        }
    }
}

/// A name that means this key and no other.
fn whole_name(key: &Key<'_>) -> String {
    match &key.resource.arn {
        Some(arn) => arn.to_string(),
        None => match &key.resource.written().construct_path {
            Some(path) => path.trim_end_matches("/Resource").to_owned(),
            None => key.label.clone(),
        },
    }
}

fn known<T: std::fmt::Display>(value: &Known<T>) -> String {
    value.value().map_or_else(|| "?".to_owned(), T::to_string)
}

/// How far back `keys list` looks in logs, as `keys unused` does where it is not told otherwise.
const LOOKED_BACK: u32 = 90;

fn list(listing: &Listing) -> Result<u8> {
    let facts = &listing.facts;
    let read = Read::of_both(facts)?;
    let logs = Logs::read(&listing.logs)?;
    let sides = sides::Sides::new(&read);
    let today = read.today.parse()?;
    // What exists first, then what the templates make beside it.
    let own = sides.ring.keys.iter().map(|key| (&sides.cx, key, true));
    let planned = sides.templates.iter().flat_map(|other| {
        let keys = sides.not_made();
        keys.map(move |key| (&other.cx, key, false))
    });
    let all: Vec<_> = own.chain(planned).collect();
    let last_use = |key: &Key<'_>| last_use(&used(key, logs.as_ref(), today, LOOKED_BACK));
    if facts.format == TableFormat::Json {
        let rows: Vec<Value> = all
            .iter()
            .map(|(cx, key, exists)| {
                let mut row = key_json(key);
                row["rotation"] = json!(rotation(cx, key, today));
                row["last_use"] = last_use(key).into();
                let dependents = key.dependents.iter();
                row["dependents"] = json!(
                    dependents
                        .map(|on| on.view(cx.inventory))
                        .collect::<Vec<_>>()
                );
                row["not_known"] = json!(key.unknowns);
                row["place"] = cx.inventory.place(key.resource.loc).into();
                if let Some(templates) = &read.templates {
                    row["exists"] = (*exists).into();
                    let twin = sides.twin(key).filter(|_| *exists);
                    row["declared"] = json!(twin.map(|twin| templates.place(twin.resource.loc)));
                }
                row
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(read.code());
    }
    let owned = all.iter().any(|(_, key, _)| key.owner.is_some());
    let mut head = vec![
        "KEY", "ENV", "CLASS", "REGION", "ROTATES", "AGE", "LAST USE", "DATA",
    ];
    if owned {
        head.insert(1, "OWNER");
    }
    if read.templates.is_some() {
        head.push("TEMPLATE");
    }
    let mut table = table(&head);
    for (cx, key, exists) in &all {
        let rotation = rotation(cx, key, today);
        let environment = key.environment.value();
        let mut row = vec![
            clean(key.label.strip_prefix("alias/").unwrap_or(&key.label)),
            environment.map_or_else(|| "?".to_owned(), |(name, _)| clean(name)),
            known(&key.classification),
            key.region.as_deref().unwrap_or("?").to_owned(),
            rotates(&rotation.kind, rotation.automatic, rotation.period_days),
            rotation
                .age_days
                .map_or_else(|| "-".to_owned(), |days| format!("{days} d")),
            last_use(key),
            match key.dependents.len() {
                0 if !key.unknowns.is_empty() => "?".to_owned(),
                count => count.to_string(),
            },
        ];
        if owned {
            row.insert(1, clean(key.owner.as_deref().unwrap_or("-")));
        }
        if read.templates.is_some() {
            row.push(match (exists, sides.twin(key)) {
                (true, Some(twin)) => clean(&whole_name(twin)),
                (true, None) => "in none".to_owned(),
                (false, _) => "not made yet".to_owned(),
            });
        }
        table.add_row(row);
    }
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    print(&format!(
        "{table}\n\n{} keys; `lockfast keys map KEY` shows one with who may use it, `lockfast keys blast-radius KEY` what stops without it.\n",
        all.len()
    ))?;
    Ok(read.code())
}

fn key_json(key: &Key<'_>) -> Value {
    json!({
        "key": key.label,
        "arn": key.resource.arn.as_deref(),
        "name": whole_name(key),
        "aliases": key.aliases,
        "account": key.account.as_deref(),
        "region": key.region.as_deref(),
        "owner": key.owner,
        "environment": key.environment.value().map(|(name, _)| name),
        "classification": key.classification.value(),
        "state": key.state(),
        "origin": key.origin(),
        "spec": key.spec(),
    })
}

fn place(key: &Key<'_>) -> String {
    match (&key.region, &key.account) {
        (Some(region), Some(account)) => format!("{region} ({account})"),
        (Some(region), None) => region.to_string(),
        (None, Some(account)) => format!("({account})"),
        (None, None) => "?".to_owned(),
    }
}

fn rotates(kind: &RotationKind, automatic: Option<bool>, period: Option<i64>) -> String {
    match (kind, automatic, period) {
        (RotationKind::WithPrimary, ..) => "as primary".to_owned(),
        (RotationKind::ByHand(_), ..) => "by hand".to_owned(),
        (RotationKind::NotNow(_), ..) => "no".to_owned(),
        (_, Some(true), Some(days)) => format!("{days} d"),
        (_, Some(false), _) => "off".to_owned(),
        _ => "?".to_owned(),
    }
}

/// When a key was last used, as the scan and logs tell.
fn used(key: &Key<'_>, logs: Option<&Logs>, today: jiff::civil::Date, days: u32) -> LastUse {
    let told = LastUse::of(key);
    match logs {
        Some(logs) => together(told, logs.of(key, today, days)),
        None => told,
    }
}

/// The day alone: the reasons are for `keys unused`.
fn last_use(last: &LastUse) -> String {
    match last {
        LastUse::At(when) => when.split(',').next().unwrap_or(when).to_owned(),
        LastUse::Never(_) => "never".to_owned(),
        LastUse::NotGiven | LastUse::Unknown(_) => "?".to_owned(),
    }
}

/// `AWS::RDS::DBInstance` as `RDS DBInstance`.
fn short(kind: &str) -> &str {
    kind.strip_prefix("AWS::").unwrap_or(kind)
}

fn blast_radius(name: &str, facts: &Facts) -> Result<u8> {
    let read = Read::new(facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let key = one(&ring, name)?;
    let replicas: Vec<String> = key.family.iter().map(|other| cx.label(other)).collect();
    let accounts: std::collections::BTreeSet<String> = key
        .dependents
        .iter()
        .filter_map(|on| {
            let place = &read.inventory.stack_of(on.resource).place;
            place.account.as_deref().map(str::to_owned)
        })
        .collect();
    let world = lockfast_access::world::World::new(&read.inventory);
    let readers = who::holders(&world, key, "kms:Decrypt");
    if facts.format == TableFormat::Json {
        let mut told = key_json(key);
        let dependents = key.dependents.iter();
        told["dependents"] = json!(
            dependents
                .map(|on| on.view(&read.inventory))
                .collect::<Vec<_>>()
        );
        told["family"] = json!(replicas);
        told["accounts"] = json!(accounts);
        told["may_decrypt"] = json!(readers);
        told["not_known"] = json!(key.unknowns);
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        return Ok(if key.unknowns.is_empty() {
            read.code()
        } else {
            exit::UNKNOWN
        });
    }
    let mut out = format!("{} ({})\n", clean(&key.label), clean(&whole_name(key)));
    for (pace, heading) in [
        (Pace::Now, "Stops with the next call"),
        (Pace::Soon, "Stops within minutes to hours"),
        (
            Pace::Later,
            "Stops when it is next started, attached or read",
        ),
        (Pace::Copy, "Is lost as a copy to restore from"),
    ] {
        let of_pace: Vec<_> = key
            .dependents
            .iter()
            .filter(|on| on.effect.pace == pace)
            .collect();
        if of_pace.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{heading}:");
        let mut said = "";
        for on in of_pace {
            let part = match on.part.is_empty() {
                true => String::new(),
                false => format!(" [{}]", clean(&on.part)),
            };
            let _ = writeln!(
                out,
                "  {} {}{part}  {}",
                short(&on.resource.kind),
                clean(&on.label),
                clean(&read.inventory.place(on.resource.loc))
            );
            if on.effect.text != said {
                said = &on.effect.text;
                let _ = writeln!(out, "      {said} ({})", on.effect.doc);
            }
        }
    }
    if key.dependents.is_empty() {
        let _ = writeln!(out, "\nNothing that was read depends on it.");
    }
    if !replicas.is_empty() {
        let _ = writeln!(
            out,
            "\nThe same material is in {}: if it leaks, their data is read with it too.",
            replicas.join(", ")
        );
    }
    if !readers.is_empty() {
        let _ = writeln!(
            out,
            "\nIf it leaks, whoever holds one of these decrypts all of it:"
        );
        for reader in &readers {
            let _ = writeln!(out, "  {}", clean(reader));
        }
    }
    if accounts.len() > 1 {
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let _ = writeln!(out, "\nAccounts touched: {}", accounts.join(", "));
    }
    for unknown in &key.unknowns {
        let _ = writeln!(out, "\nNot known: {}", clean(unknown));
    }
    if read.inventory.origin() == Origin::Templates {
        let _ = writeln!(
            out,
            "\nTemplates do not tell of snapshots, grants and data that others put under the key: ask a snapshot of the account, too."
        );
    }
    print(&out)?;
    Ok(if key.unknowns.is_empty() {
        read.code()
    } else {
        exit::UNKNOWN
    })
}

fn unused(logs: &[PathBuf], days: u32, facts: &Facts) -> Result<u8> {
    let read = Read::new(facts)?;
    let logs = Logs::read(logs)?;
    let today: jiff::civil::Date = read.today.parse()?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let told: Vec<(&Key<'_>, Use)> = ring
        .keys
        .iter()
        .map(|key| {
            let last = used(key, logs.as_ref(), today, days);
            (key, use_of(&read.inventory, key, &last))
        })
        .collect();
    let code = match told
        .iter()
        .any(|(_, found)| matches!(found, Use::Unknown(_)))
    {
        true => exit::UNKNOWN,
        false if logs.as_ref().is_some_and(|logs| !logs.is_whole()) => exit::UNREADABLE,
        false => read.code(),
    };
    if facts.format == TableFormat::Json {
        let rows: Vec<Value> = told
            .iter()
            .map(|(key, found)| {
                let mut row = key_json(key);
                row["use"] = json!(found)["use"].clone();
                row["because"] = json!(found)["because"].clone();
                row
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(code);
    }
    let mut out = String::new();
    let mut counts = [0; 3];
    for (key, found) in &told {
        let (heading, because) = match found {
            Use::Used(_) => {
                counts[0] += 1;
                continue;
            }
            Use::Unused(proof) => {
                counts[1] += 1;
                ("unused", proof)
            }
            Use::Unknown(open) => {
                counts[2] += 1;
                ("cannot be told", open)
            }
        };
        let _ = writeln!(
            out,
            "{heading}: {} ({})",
            clean(&key.label),
            clean(&whole_name(key))
        );
        for because in because {
            let _ = writeln!(out, "    {}", clean(because));
        }
    }
    let [used, unused, open] = counts;
    let _ = writeln!(
        out,
        "{unused} unused, {open} that cannot be told, {used} in use."
    );
    print(&out)?;
    Ok(code)
}

fn rotations(facts: &Facts) -> Result<u8> {
    let read = Read::new(facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let today = read.today.parse()?;
    let mut told: Vec<_> = ring
        .keys
        .iter()
        .map(|key| (key, rotation(&cx, key, today)))
        .collect();
    told.sort_by(|(a, x), (b, y)| (&x.due, &a.label).cmp(&(&y.due, &b.label)));
    let late = told
        .iter()
        .filter(|(_, r)| matches!(r.due, Due::Late(_)))
        .count();
    let code = match late {
        0 => read.code(),
        _ => exit::BROKEN,
    };
    if facts.format == TableFormat::Json {
        let rows: Vec<Value> = told
            .iter()
            .map(|(key, rotation)| {
                let mut row = key_json(key);
                row["rotation"] = json!(rotation);
                row
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(code);
    }
    let mut table = table(&[
        "KEY", "REGION", "ASKED", "FOR", "ROTATES", "LAST", "DUE", "TO DO",
    ]);
    for (key, rotation) in &told {
        table.add_row([
            clean(&key.label),
            place(key),
            rotation
                .asked_days
                .map_or_else(|| "-".to_owned(), |days| format!("{days} d")),
            rotation
                .for_classification
                .map_or_else(|| "?".to_owned(), |c| c.to_string()),
            match &rotation.kind {
                RotationKind::ByHand(why) => format!("by hand: {why}"),
                kind => rotates(kind, rotation.automatic, rotation.period_days),
            },
            rotation.last.clone().unwrap_or_else(|| "-".to_owned()),
            match &rotation.due {
                Due::Late(days) => format!("late by {days} d"),
                Due::Unset(until) if rotation.automatic == Some(true) => {
                    format!("{until}, and it rotates too seldom")
                }
                Due::Unset(until) => format!("{until}, and nothing rotates it"),
                Due::OnTime(until) => until.clone(),
                Due::Unknown(why) => format!("? {why}"),
                Due::NotAsked(why) => format!("- {why}"),
            },
            rotation
                .mend
                .iter()
                .map(mended)
                .collect::<Vec<_>>()
                .join(", then "),
        ]);
    }
    let unset = told
        .iter()
        .filter(|(_, r)| matches!(r.due, Due::Unset(_)))
        .count();
    print(&format!(
        "{table}\n\n{} keys, {late} late, {unset} that will be: nothing rotates them in time.\n",
        told.len()
    ))?;
    Ok(code)
}

fn mended(mend: &Mend) -> String {
    match mend {
        Mend::EnableRotation(days) => format!("rotate every {days} d"),
        Mend::RotateNow => "rotate now".to_owned(),
        Mend::Replace => "a new key: move the alias, re-point what hangs on it".to_owned(),
    }
}
