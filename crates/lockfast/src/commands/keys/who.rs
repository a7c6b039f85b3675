//! `lockfast who-can`: who may do something, and how they could get there.

use super::super::facts::Read;
use super::super::print;
use super::can::{circumstances, target};
use super::reasons;
use crate::cli::{Asked, Facts, TableFormat, What, WhoCan};
use crate::commands::catalogue::table;
use crate::exit;
use anyhow::{Result, bail};
use lockfast_access::kms::{Class, actions};
use lockfast_access::world::{Answer, Circumstances, Matrix, On, Who, World};
use lockfast_access::{ContextValue, Three};
use lockfast_facts::{Inventory, Text};
use lockfast_keys::{Key, Ring, reading_of};
use lockfast_report::clean;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Somebody who may.
struct Holder {
    label: String,
    may: Three,
    conditions: Vec<String>,
    /// What it may, where several things were asked.
    actions: Vec<String>,
    because: Vec<Value>,
    said: Vec<String>,
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub fn run(args: &WhoCan) -> Result<u8> {
    match &args.what {
        What::Decrypt { target, asked } => ask(target, asked, Kind::Decrypt),
        What::Administer { target, asked } => ask(target, asked, Kind::Administer),
        What::Read { target, asked } => ask(target, asked, Kind::Read),
        What::Matrix { action, facts } => matrix(action, facts),
        What::Use {
            action,
            target,
            asked,
        } => ask(target, asked, Kind::Use(action)),
    }
}

/// There may be millions of pairs: they are written as they come.
fn write_matrix(
    action: &str,
    world: &World<'_>,
    ring: &Ring<'_>,
    found: &[(usize, Vec<(&str, Three)>)],
) -> Result<()> {
    use std::io::Write;
    #[derive(Serialize)]
    struct Pair<'p> {
        principal: &'p str,
        resource: &'p str,
        may: &'static str,
    }
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    write!(
        out,
        "{{\"action\":{},\"principals\":{},\"resources\":{},\"not_read\":{},\"pairs\":[",
        json!(action),
        world.actors().len(),
        ring.keys.len(),
        json!(world.unread()),
    )?;
    let mut comma = "";
    for (index, holders) in found {
        let resource = ring.keys[*index].arn();
        for (principal, may) in holders {
            out.write_all(comma.as_bytes())?;
            let may = reasons::word(*may);
            serde_json::to_writer(
                &mut out,
                &Pair {
                    principal,
                    resource,
                    may,
                },
            )?;
            comma = ",\n";
        }
    }
    writeln!(out, "]}}")?;
    Ok(out.flush()?)
}

/// Every role and user against every key.
fn matrix(action: &str, facts: &Facts) -> Result<u8> {
    let action = super::can::action(action)?;
    let read = Read::new(facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let world = World::new(&read.inventory);
    let matrix = Matrix::new(&world, &action);
    let mut found: Vec<(usize, Vec<(&str, Three)>)> = ring
        .keys
        .par_iter()
        .enumerate()
        .map(|(index, key)| {
            let on = On::resource(&read.inventory, key.resource);
            let holders = matrix.on(&on).into_iter();
            (
                index,
                holders
                    .map(|(actor, may)| (actor.label.as_str(), may))
                    .collect(),
            )
        })
        .collect();
    found.sort_by_key(|(index, _)| *index);
    let pairs: usize = found.iter().map(|(_, holders)| holders.len()).sum();
    if facts.format == TableFormat::Json {
        write_matrix(&action, &world, &ring, &found)?;
        return Ok(read.code());
    }
    let mut table = table(&["KEY", "CERTAINLY", "POSSIBLY", "WHO"]);
    for (index, holders) in &found {
        let sure = holders.iter().filter(|(_, may)| may.is_yes()).count();
        let names: Vec<&str> = holders.iter().take(3).map(|(who, _)| *who).collect();
        let more = match holders.len() {
            0..=3 => String::new(),
            count => format!(" and {} more", count - 3),
        };
        table.add_row([
            clean(&ring.keys[*index].label),
            sure.to_string(),
            (holders.len() - sure).to_string(),
            format!("{}{more}", clean(&names.join(", "))),
        ]);
    }
    print(&format!(
        "{table}\n\n{pairs} of {} pairs of a principal and a key may {action}; --format json tells all of them.\n",
        world.actors().len() * ring.keys.len()
    ))?;
    for unread in world.unread() {
        anstream::eprintln!("not read: {}", clean(unread));
    }
    Ok(read.code())
}

#[derive(Clone, Copy)]
enum Kind<'k> {
    Decrypt,
    Administer,
    Read,
    Use(&'k str),
}

fn ask(name: &str, asked: &Asked, kind: Kind<'_>) -> Result<u8> {
    let read = Read::new(&asked.facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let world = World::new(&read.inventory);
    let found = target(&read.inventory, &ring, name)?;
    let action = match kind {
        Kind::Use(action) => action,
        Kind::Administer => "kms:PutKeyPolicy",
        _ if found.is_key() => "kms:Decrypt",
        _ => found
            .of
            .and_then(|of| reading_of(&of.kind))
            .map_or("", |reading| reading.action),
    };
    let given = circumstances(&read.inventory, asked, action)?;
    let (heading, holders) = match kind {
        Kind::Use(action) => {
            let action = super::can::action(action)?;
            let holders = every(&world, &[action.as_str()], &found, &given, &read.inventory);
            (format!("{action} on {}", found.label), holders)
        }
        Kind::Administer => {
            if !found.is_key() {
                bail!(
                    "{name} is no KMS key; `who-can use ACTION {name}` asks about other resources"
                );
            }
            let all: Vec<&str> = actions(Class::Administer)
                .iter()
                .map(String::as_str)
                .collect();
            let holders = every(&world, &all, &found, &given, &read.inventory);
            (format!("administer {}", found.label), holders)
        }
        Kind::Decrypt if found.is_key() => {
            let holders = every(&world, &["kms:Decrypt"], &found, &given, &read.inventory);
            (format!("decrypt with {}", found.label), holders)
        }
        Kind::Decrypt | Kind::Read => {
            let holders = readers(&world, &ring, &found, &given, &read.inventory)?;
            (format!("read {}", found.label), holders)
        }
    };
    let escalations = match (asked.escalations, found.is_key()) {
        (true, true) => escalations(&world, &found, &holders),
        (true, false) => assumptions(&world, &holders),
        _ => Vec::new(),
    };
    if asked.facts.format == TableFormat::Json {
        let holders: Vec<Value> = holders
            .iter()
            .map(|holder| {
                json!({
                    "principal": holder.label,
                    "may": reasons::word(holder.may),
                    "if": holder.conditions,
                    "actions": holder.actions,
                    "because": holder.because,
                })
            })
            .collect();
        let told = json!({
            "question": heading,
            "resource": found.label,
            "holders": holders,
            "escalations": escalations
                .iter()
                .map(|(who, how)| json!({"principal": who, "by": how}))
                .collect::<Vec<_>>(),
            "not_read": world.unread(),
        });
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        return Ok(read.code());
    }
    let mut out = format!("Who can {}:\n", clean(&heading));
    for (may, title) in [
        (Three::Yes, ""),
        (Three::Maybe, "\nPossibly, if a condition holds:\n"),
    ] {
        let of: Vec<&Holder> = holders.iter().filter(|holder| holder.may == may).collect();
        if of.is_empty() {
            continue;
        }
        out.push_str(title);
        for holder in of {
            let _ = writeln!(out, "  {}", clean(&holder.label));
            if !holder.actions.is_empty() {
                let _ = writeln!(out, "      {}", holder.actions.join(" "));
            }
            for condition in holder.conditions.iter().take(4) {
                let _ = writeln!(out, "      {}", clean(condition));
            }
            for said in &holder.said {
                let _ = writeln!(out, "      {}", clean(said));
            }
        }
    }
    if holders.is_empty() {
        out.push_str("  nobody that was read\n");
    }
    if !escalations.is_empty() {
        out.push_str("\nCould get there:\n");
        for (who, how) in &escalations {
            let _ = writeln!(out, "  {}\n      {}", clean(who), clean(how));
        }
    }
    for unread in world.unread() {
        let _ = writeln!(out, "\nNot read: {}", clean(unread));
    }
    print(&out)?;
    Ok(read.code())
}

/// Everybody who may do any of these.
fn every<'a>(
    world: &World<'a>,
    all: &[&str],
    on: &On<'a>,
    given: &Circumstances,
    inventory: &Inventory,
) -> Vec<Holder> {
    let mut found: BTreeMap<String, (Holder, usize)> = BTreeMap::new();
    let mut order = 0;
    for action in all {
        for (who, answer) in world.who_can(action, on, given) {
            order += 1;
            let (holder, _) = found
                .entry(who.label.clone())
                .or_insert_with(|| (holder(&who, &answer, inventory), order));
            holder.may = holder.may.or(answer.may);
            if answer.may.is_yes() {
                holder.conditions.clear();
            }
            if all.len() > 1 {
                let short = action.trim_start_matches("kms:");
                let sure = if answer.may.is_yes() { "" } else { "?" };
                holder.actions.push(format!("{short}{sure}"));
            }
        }
    }
    let mut holders: Vec<_> = found.into_values().collect();
    holders.sort_by_key(|(_, order)| *order);
    holders.into_iter().map(|(holder, _)| holder).collect()
}

fn holder(who: &Who<'_>, answer: &Answer, inventory: &Inventory) -> Holder {
    let said = reasons::said(inventory, answer);
    let lines = said
        .iter()
        .filter(|said| said.says.starts_with("allows"))
        .map(|said| match said.places.is_empty() {
            true => said.who.clone(),
            false => format!("{}: {}", said.who, said.places.join(", ")),
        });
    Holder {
        label: who.label.clone(),
        may: answer.may,
        conditions: reasons::conditions(answer).to_vec(),
        actions: Vec::new(),
        because: vec![reasons::json(inventory, answer)],
        said: lines.take(4).collect(),
    }
}

/// Who may read what a resource holds: the action on it, and the decryption that its service asks for in their name.
fn readers<'a>(
    world: &World<'a>,
    ring: &Ring<'a>,
    found: &On<'a>,
    given: &Circumstances,
    inventory: &Inventory,
) -> Result<Vec<Holder>> {
    let Some(resource) = found.of else {
        bail!("{} is not among the facts", found.label);
    };
    let Some(reading) = reading_of(&resource.kind) else {
        let keys: Vec<&str> = ring
            .keys_of(resource.id)
            .iter()
            .map(|key| key.label.as_str())
            .collect();
        match keys.is_empty() {
            true => bail!(
                "no action reads what a resource of {} holds, and it is under no key that was read",
                resource.kind
            ),
            false => bail!(
                "no action of AWS's API reads what a resource of {} holds; ask who can decrypt with its key: {}",
                resource.kind,
                keys.join(", ")
            ),
        }
    };
    let keys = ring.keys_of(resource.id);
    let mut holders = Vec::new();
    for (who, answer) in world.who_can(reading.action, found, given) {
        let mut holder = holder(&who, &answer, inventory);
        if let Some(via) = reading.via {
            let mut decrypts = match keys.is_empty() {
                // Without a key of one's own the service decrypts for whoever may read.
                true => Three::Yes,
                false => Three::No,
            };
            for key in &keys {
                let on = On::resource(inventory, key.resource);
                let context =
                    via_context(key, via, reading.context, resource.arn.as_deref(), given);
                let answer = world.may(&who, "kms:Decrypt", &on, &context);
                decrypts = decrypts.or(answer.may);
                holder.because.push(reasons::json(inventory, &answer));
                if answer.may == Three::Maybe {
                    holder
                        .conditions
                        .extend(reasons::conditions(&answer).iter().cloned());
                }
                holder.said.extend(
                    reasons::said(inventory, &answer)
                        .iter()
                        .filter(|said| said.says.starts_with("allows"))
                        .map(|said| {
                            format!("decrypts by {}: {}", said.who, said.places.join(", "))
                        }),
                );
            }
            holder.may = holder.may.and(decrypts);
        }
        if !holder.may.is_no() {
            holders.push(holder);
        }
    }
    holders.sort_by(|a, b| (b.may, &a.label).cmp(&(a.may, &b.label)));
    Ok(holders)
}

/// What is known of a decryption that a service asks for.
fn via_context(
    key: &Key<'_>,
    via: &str,
    context: Option<&str>,
    arn: Option<&str>,
    given: &Circumstances,
) -> Circumstances {
    let known = |value: String| ContextValue::Known(vec![Text::Plain(value.into())]);
    let mut all = Vec::new();
    if let Some(region) = &key.region {
        all.push((
            "kms:ViaService".to_owned(),
            known(format!("{via}.{region}.amazonaws.com")),
        ));
    }
    if let (Some(context), Some(arn)) = (context, arn) {
        all.push((
            format!("kms:EncryptionContext:{context}"),
            known(arn.to_owned()),
        ));
    }
    // The service asks by itself, not through the caller's endpoint.
    let of_network = |key: &str| key.to_ascii_lowercase().starts_with("aws:sourcevpc");
    let stated = given.context.iter().filter(|(key, _)| !of_network(key));
    all.extend(stated.cloned());
    Circumstances {
        context: all,
        ..Circumstances::default()
    }
}

/// The principals that may do something with a key, with what it depends on, for other commands.
pub(super) fn holders<'a>(world: &World<'a>, key: &Key<'a>, action: &str) -> Vec<String> {
    idle(world, key, action, &BTreeSet::new())
}

/// Those of them that are not among who did it.
pub(in crate::commands) fn idle<'a>(
    world: &World<'a>,
    key: &Key<'a>,
    action: &str,
    did: &BTreeSet<&str>,
) -> Vec<String> {
    let on = On::resource(world.inventory(), key.resource);
    let all = world.who_can(action, &on, &Circumstances::default());
    all.iter()
        .filter(|(who, _)| !did.contains(who.label.as_str()))
        .map(|(who, answer)| match answer.may {
            Three::Yes => who.label.clone(),
            _ => format!(
                "{} (possible, {})",
                who.label,
                reasons::conditions(answer).join("; ")
            ),
        })
        .collect()
}

/// Actions by which somebody who may not decrypt may come to do so (AWS KMS Developer Guide, "Permissions for AWS KMS").
const WAYS: [(&str, &str); 5] = [
    ("kms:PutKeyPolicy", "may write the key policy"),
    ("kms:CreateGrant", "may make a grant"),
    ("kms:ReEncryptFrom", "may re-encrypt under another key"),
    (
        "kms:TagResource",
        "may change the tags that conditions look at",
    ),
    (
        "kms:UpdateAlias",
        "may move the aliases that conditions look at",
    ),
];

/// Those of [`WAYS`] that lead anywhere with this key.
fn ways(on: &On<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let by_attribute = on.policy.as_ref().is_some_and(|policy| {
        policy
            .statements
            .iter()
            .flat_map(|s| &s.conditions)
            .any(|condition| {
                let key = condition.key.to_ascii_lowercase();
                key.starts_with("aws:resourcetag/") || key.contains("alias")
            })
    });
    let of_attributes = |action: &str| matches!(action, "kms:TagResource" | "kms:UpdateAlias");
    WAYS.into_iter()
        .filter(move |(action, _)| by_attribute || !of_attributes(action))
}

/// A way in words, with what it depends on.
fn way((action, how): (&str, &str), answer: &Answer) -> String {
    match answer.may {
        Three::Yes => format!("{how} ({action})"),
        _ => format!(
            "{how} ({action}), {}",
            reasons::conditions(answer).join("; ")
        ),
    }
}

/// The ways by which one principal may come to use a key.
pub(super) fn ways_of<'a>(world: &World<'a>, who: &Who<'a>, on: &On<'a>) -> Vec<String> {
    let given = Circumstances::default();
    let asked = ways(on).map(|known| (known, world.may(who, known.0, on, &given)));
    let open = asked.filter(|(_, answer)| !answer.may.is_no());
    open.map(|(known, answer)| way(known, &answer)).collect()
}

fn escalations<'a>(world: &World<'a>, on: &On<'a>, holders: &[Holder]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let is_holder = |label: &str| holders.iter().any(|h| h.label == label && h.may.is_yes());
    for known in ways(on) {
        for (who, answer) in world.who_can(known.0, on, &Circumstances::default()) {
            if !is_holder(&who.label) {
                found.push((who.label.clone(), way(known, &answer)));
            }
        }
    }
    found.extend(assumptions(world, holders));
    found
}

/// Who may become a role that may, in as many steps as it takes.
fn assumptions(world: &World<'_>, holders: &[Holder]) -> Vec<(String, String)> {
    let mut reached: BTreeMap<String, String> = BTreeMap::new();
    let mut next: Vec<(String, String)> = holders
        .iter()
        .map(|holder| (holder.label.clone(), holder.label.clone()))
        .collect();
    // The surest ways are told: those who hold it for certain come first.
    let surely = |label: &str| holders.iter().any(|h| h.label == label && h.may.is_yes());
    next.sort_by_key(|(label, _)| surely(label));
    let is_holder = |label: &str| holders.iter().any(|h| h.label == label);
    while let Some((label, path)) = next.pop() {
        let Some(role) = world.actors().iter().find(|actor| actor.label == label) else {
            continue;
        };
        if role.trust.is_none() {
            continue;
        }
        let on = On::role(world.inventory(), role);
        for (who, answer) in world.who_can("sts:AssumeRole", &on, &Circumstances::default()) {
            let is_itself = who.label == label;
            if is_itself || is_holder(&who.label) || reached.contains_key(&who.label) {
                continue;
            }
            let sure = match answer.may {
                Three::Yes => "may assume",
                _ => "may possibly assume",
            };
            let how = format!("{sure} {path}");
            reached.insert(who.label.clone(), how);
            next.push((who.label.clone(), format!("{} → {path}", who.label)));
        }
    }
    reached.into_iter().collect()
}

/// The exit code of an answer.
pub(super) fn code(may: Three) -> u8 {
    match may {
        Three::Yes => exit::KEPT,
        Three::Maybe => exit::UNKNOWN,
        Three::No => exit::BROKEN,
    }
}
