//! `lockfast trail forensics`: what somebody did.

use super::ask::{finish, not_all, options, progress};
use super::drawn;
use crate::cli::{Forensics as Args, TableFormat};
use crate::commands::facts::declared;
use crate::commands::print;
use anyhow::{Result, bail};
use jiff::Timestamp;
use jiff::tz::Offset;
use lockfast_facts::Inventory;
use lockfast_keys::Ring;
use lockfast_policy::{Config, Cx};
use lockfast_report::{Chart, clean};
use lockfast_trail::questions::{About, Forensics, Session, Step, Suspect, forensics};
use lockfast_trail::{Trail, shorten};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many steps of a timeline are shown to people.
const SHOWN: usize = 100;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the logs or the snapshot.
pub(super) fn run(args: &Args) -> Result<u8> {
    let suspect = Suspect {
        principals: args.principal.clone(),
        access_keys: args.access_key.clone(),
        addresses: args.ip.clone(),
        keys: args.key.clone(),
    };
    let about = About {
        since: args.since,
        until: args.until,
        ..About::default()
    };
    let inventory = match args.from.as_slice() {
        [] => None,
        from => Some(declared(from)?.0),
    };
    not_all(&args.asking.paths);
    let runtime = crate::commands::runtime()?;
    let (found, code) = runtime.block_on(async {
        let trail = Trail::open(&args.asking.paths, &options(&args.asking)).await?;
        let bar = progress(trail.input());
        let found = forensics(&trail, &about, &suspect).await;
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>((
            found?,
            finish(&trail.input().problems, &trail.report().await?),
        ))
    })?;
    if let Some(file) = &args.chart {
        let mut chart = Chart::new("Events by service");
        for step in &found.timeline {
            let day = step.time.map(|time| Offset::UTC.to_datetime(time).date());
            chart.add(step.source.trim_end_matches(".amazonaws.com"), day, 1);
        }
        drawn::write(&chart, file)?;
    }
    let touched = inventory.as_ref().map(|facts| touched(facts, &found));
    if args.format == TableFormat::Json {
        let mut told = serde_json::to_value(&found)?;
        if let Some(touched) = touched {
            told["blast_radius"] = touched;
        }
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        return Ok(code);
    }
    if found.timeline.is_empty() {
        bail!(
            "no event of these logs is about that; ARNs, access keys and addresses are compared to the letter"
        );
    }
    print(&text(&found, touched.as_ref(), args.all)?)?;
    Ok(code)
}

/// What hangs on the keys that were used.
fn touched(facts: &Inventory, found: &Forensics) -> Value {
    let config = Config::default();
    let cx = Cx::new(facts, &config, "1970-01-01");
    let ring = Ring::new(&cx, facts);
    let mut keys: Vec<&str> = found.decrypted.iter().map(|of| of.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let of_keys = keys.into_iter().map(|name| {
        let known = ring.find(name);
        let dependents = known.iter().flat_map(|key| &key.dependents);
        json!({
            "key": name,
            "known": !known.is_empty(),
            "dependents": dependents.map(|on| on.view(facts)).collect::<Vec<_>>(),
        })
    });
    Value::Array(of_keys.collect())
}

fn at(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "?".to_owned(), |time| time.to_string())
}

fn name(text: &str) -> String {
    shorten(&clean(text)).into_owned()
}

fn text(found: &Forensics, touched: Option<&Value>, all: bool) -> Result<String> {
    let mut out = String::new();
    let timeline = &found.timeline;
    let first = timeline.first().and_then(|step| step.time);
    let last = timeline.last().and_then(|step| step.time);
    let refused = timeline
        .iter()
        .filter(|step| step.error_code.is_some())
        .count();
    writeln!(
        out,
        "{} events from {} to {}, {refused} of them refused.",
        timeline.len(),
        at(first),
        at(last)
    )?;
    let counted = |what: &str, of: &dyn Fn(&Step) -> Option<&str>| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for step in timeline {
            if let Some(own) = of(step) {
                *counts.entry(own).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let shown = counts.iter().take(5);
        let shown: Vec<String> = shown
            .map(|(own, count)| format!("{} ({count})", name(own)))
            .collect();
        let more = match counts.len() {
            0..=5 => String::new(),
            more => format!(" and {} more", more - 5),
        };
        format!("  {what}: {}{more}\n", shown.join(", "))
    };
    out.push_str(&counted("who", &|step| Some(&step.principal)));
    out.push_str(&counted("from", &|step| step.source_ip.as_deref()));
    out.push_str(&counted("with", &|step| step.user_agent.as_deref()));
    out.push_str(&counted("credentials", &|step| {
        step.access_key_id.as_deref()
    }));
    if !found.origins.is_empty() {
        out.push_str("\nWhere the credentials come from:\n");
        for session in &found.origins {
            out.push_str(&session_line(session));
        }
    }
    if !found.sessions.is_empty() {
        out.push_str("\nSessions that were begun with them:\n");
        for session in &found.sessions {
            out.push_str(&session_line(session));
        }
    }
    if !found.decrypted.is_empty() {
        out.push_str("\nWhat was decrypted, and data keys that were made:\n");
        for of in &found.decrypted {
            let refused = match of.refused {
                0 => String::new(),
                refused => format!(", {refused} refused"),
            };
            writeln!(
                out,
                "  {} {} {} times{refused}, {} to {}\n      {}",
                of.operation,
                name(&of.key),
                of.times,
                at(of.first),
                at(of.last),
                clean(
                    of.encryption_context
                        .as_deref()
                        .unwrap_or("without an encryption context: what it was is not told")
                )
            )?;
        }
    }
    if !found.secrets.is_empty() {
        out.push_str("\nSecrets and parameters that were read:\n");
        for of in &found.secrets {
            writeln!(
                out,
                "  {} {} times, {} refused, {} to {}",
                name(&of.secret),
                of.times,
                of.refused,
                at(of.first),
                at(of.last)
            )?;
        }
    }
    for key in touched.and_then(Value::as_array).into_iter().flatten() {
        let dependents = key["dependents"].as_array().map_or(0, Vec::len);
        let what = match (key["known"].as_bool(), dependents) {
            (Some(false), _) => "the snapshot does not have it".to_owned(),
            (_, count) => {
                format!("{count} stores and others hang on it (lockfast keys blast-radius)")
            }
        };
        writeln!(
            out,
            "\n{}: {what}",
            name(key["key"].as_str().unwrap_or_default())
        )?;
    }
    let steps: Vec<&Step> = timeline
        .iter()
        .filter(|step| all || step.read_only != Some(true) || step.error_code.is_some())
        .collect();
    writeln!(
        out,
        "\nTimeline{}:",
        if all {
            ""
        } else {
            " of what changed something or was refused (--all: everything)"
        }
    )?;
    for step in steps.iter().take(SHOWN) {
        let error = step
            .error_code
            .as_deref()
            .map_or(String::new(), |code| format!(" {code}"));
        let service = step.source.trim_end_matches(".amazonaws.com");
        writeln!(
            out,
            "  {} {service}:{}{error} {}\n      by {} from {}; {} byte {}",
            at(step.time),
            step.name,
            step.resources
                .iter()
                .map(|arn| name(arn))
                .collect::<Vec<_>>()
                .join(" "),
            name(&step.principal),
            step.source_ip.as_deref().unwrap_or("?"),
            step.file,
            step.offset,
        )?;
    }
    if steps.len() > SHOWN {
        writeln!(
            out,
            "  and {} more; --format json has all",
            steps.len() - SHOWN
        )?;
    }
    Ok(out)
}

fn session_line(session: &Session) -> String {
    format!(
        "  {} {} ({}) by {} ({}) from {}\n",
        at(session.time),
        name(&session.arn),
        session.access_key_id,
        name(&session.by),
        session.by_access_key_id.as_deref().unwrap_or("?"),
        session.source_ip.as_deref().unwrap_or("?"),
    )
}
