//! Deleting a key under several people's approval: asking, deciding, carrying out, taking back.

use super::Desk;
use crate::cli::{Cancel, Decide, Delete, RequestDeletion, Requests, TableFormat};
use crate::commands::catalogue::table;
use crate::commands::print;
use crate::exit;
use anyhow::{Context, Result, bail};
use lockfast_operate::approval::{Decision, decision_bytes};
use lockfast_operate::desk;
use lockfast_operate::state::{Phase, Status, fold};
use lockfast_report::clean;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{Read, Write as _};
use std::path::Path;

/// Makes a request, and writes it down.
///
/// # Errors
/// Why there can be none.
#[cfg(feature = "aws")]
pub fn request(args: &RequestDeletion) -> Result<u8> {
    use super::live::{Connection, Live};
    use lockfast_operate::request::{Asked, DeletionRequest, Parameters};
    use lockfast_operate::service::KeyService;
    let desk = Desk::new(
        args.account.config.as_deref(),
        args.account.acting.ledger.as_deref(),
    )?;
    let at = Connection::of(&args.account)?;
    let key = at.key(&args.key)?;
    let (config, _) = super::settings(args.account.config.as_deref())?;
    let live = Live::new(at, config, args.from.clone(), jiff::SignedDuration::ZERO)?;
    let impact = live.impact(&key)?;
    let mut ledger = desk.open()?;
    let now = ledger.now()?;
    let expires_at = now.checked_add(jiff::SignedDuration::from_hours(
        i64::from(desk.approvals.expires_days) * 24,
    ))?;
    let asked = Asked {
        key_arn: key,
        parameters: Parameters {
            pending_window_days: args
                .pending_window
                .unwrap_or(desk.approvals.pending_window_days),
            observation_hours: desk.approvals.observation_hours,
        },
        reason: args.reason.clone(),
        override_reason: args.override_reason.clone(),
        requester: args.requester.clone(),
        expires_at,
    };
    let hash = desk.rules.policy_hash(&desk.policy);
    let request = DeletionRequest::new(asked, &impact, &hash, now)?;
    desk::submit(&mut ledger, &desk.rules, &desk.policy, &request, &impact)?;
    let id = request.id();
    let names: Vec<&str> = desk
        .rules
        .eligible(&request.requester)
        .iter()
        .map(|person| person.name.as_str())
        .collect();
    print(&format!(
        "request {id}: delete {}\n  {} dependents, {} grants, {} things not known; impact {}\n  expires {}\n  {} of these have to approve: {}\n  lockfast keys approve {id} --key ~/.ssh/id_ed25519\n",
        request.key_arn,
        impact.dependents.len(),
        impact.grants.len(),
        impact.unknowns.len(),
        &request.impact_hash[..16],
        request.expires_at,
        desk.rules.rules().quorum,
        names.join(", "),
    ))
}

/// Says that it takes AWS.
///
/// # Errors
/// Always.
#[cfg(not(feature = "aws"))]
pub fn request(args: &RequestDeletion) -> Result<u8> {
    super::live::Connection::new(
        args.account.acting.profile.clone(),
        args.account.acting.endpoint_url.clone(),
    )?;
    Ok(exit::KEPT)
}

fn status(desk: &Desk, id: &str) -> Result<Status> {
    let mut ledger = desk.open()?;
    let now = ledger.now()?;
    let entries = ledger.entries_of(id)?;
    fold(&entries, &desk.rules, now, None, &desk.policy)
        .with_context(|| format!("request {id}, {}", desk.ledger.display()))
}

/// Signs a decision, or takes its signature.
///
/// # Errors
/// Why it does not count.
pub fn decide(args: &Decide, decision: Decision) -> Result<u8> {
    let desk = Desk::new(args.config.as_deref(), args.ledger.as_deref())?;
    let status = status(&desk, &args.request)?;
    let statement = decision_bytes(&status.request, decision);
    if let Some(file) = &args.statement {
        match file == Path::new("-") {
            true => std::io::stdout().write_all(&statement)?,
            false => std::fs::write(file, &statement)
                .with_context(|| format!("cannot write {}", file.display()))?,
        }
        return Ok(exit::KEPT);
    }
    shown(&status)?;
    let signature = match (&args.key, &args.signature) {
        (Some(key), _) => sign(key, &statement)?,
        (None, Some(file)) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().take(1 << 20).read_to_string(&mut text)?;
            text
        }
        (None, Some(file)) => crate::commands::read_small(file)
            .with_context(|| format!("cannot read {}", file.display()))?,
        (None, None) => bail!(
            "name the SSH key to sign with by --key, or give a signature by --signature (over what --statement writes)"
        ),
    };
    let mut ledger = desk.open()?;
    let entry = desk::decide(
        &mut ledger,
        &desk.rules,
        &desk.policy,
        &args.request,
        decision,
        &signature,
    )?;
    let status = self::status(&desk, &args.request)?;
    let word = match decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
    };
    let missing = match status.missing.as_slice() {
        _ if status.phase != Phase::Requested => String::new(),
        missing => format!("; missing: {}", missing.join(", ")),
    };
    print(&format!(
        "{word}, entry {}: the request is {}{missing}\n",
        entry.seq, status.phase
    ))
}

/// What people decide on is shown before they do.
fn shown(status: &Status) -> Result<()> {
    let request = &status.request;
    let mut out = format!(
        "request {}: delete {}\n  asked by {}: {}\n",
        status.id,
        request.key_arn,
        clean(&request.requester),
        clean(&request.reason)
    );
    if let Some(reason) = &request.override_reason {
        let _ = writeln!(
            out,
            "  although it is in use, or not known not to be: {}",
            clean(reason)
        );
    }
    for on in &status.impact.dependents {
        let _ = writeln!(
            out,
            "  depends on it: {} {}",
            clean(&on.kind),
            clean(&on.name)
        );
    }
    for grant in &status.impact.grants {
        let _ = writeln!(
            out,
            "  holds a grant: {} ({})",
            clean(&grant.grantee),
            grant.operations.join(" ")
        );
    }
    for unknown in &status.impact.unknowns {
        let _ = writeln!(out, "  not known: {}", clean(unknown));
    }
    let _ = writeln!(
        out,
        "  disabled and watched for {} h, then gone after {} days; expires {}",
        request.parameters.observation_hours,
        request.parameters.pending_window_days,
        request.expires_at
    );
    anstream::eprint!("{out}");
    Ok(())
}

/// Has ssh-keygen sign, which knows agents, passphrases and FIDO keys.
fn sign(key: &Path, statement: &[u8]) -> Result<String> {
    let mut child = std::process::Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", "lockfast-key-deletion", "-f"])
        .arg(key)
        .arg("-")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::inherit())
        .spawn()
        .context(
            "ssh-keygen cannot be started; install OpenSSH, or sign elsewhere and give --signature",
        )?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(statement)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}: ssh-keygen did not sign with it", key.display());
    }
    String::from_utf8(output.stdout).context("ssh-keygen gave no text")
}

/// Lists requests, or tells of one.
///
/// # Errors
/// What is wrong with the ledger or the policy file.
pub fn requests(args: &Requests) -> Result<u8> {
    let desk = Desk::new(args.config.as_deref(), args.ledger.as_deref())?;
    let mut ledger = desk.open()?;
    let now = ledger.now()?;
    let entries = ledger.entries()?;
    let ids: BTreeSet<&str> = match &args.request {
        Some(id) => [id.as_str()].into(),
        None => {
            let made = entries.iter().filter(|entry| entry.kind == "request");
            made.map(|entry| entry.subject.as_str()).collect()
        }
    };
    let mut told = Vec::new();
    for id in ids {
        let own: Vec<_> = entries
            .iter()
            .filter(|entry| entry.subject == id)
            .cloned()
            .collect();
        match fold(&own, &desk.rules, now, None, &desk.policy) {
            Ok(status) => told.push(status),
            Err(error) => bail!("request {id}: {error}"),
        }
    }
    if args.format == TableFormat::Json {
        let rows: Vec<_> = told
            .iter()
            .map(|status| {
                json!({
                    "id": status.id,
                    "phase": status.phase.to_string(),
                    "why": status.why,
                    "request": status.request,
                    "impact": status.impact,
                    "approvals": status.approvals.iter().map(|approval| json!({
                        "person": approval.person, "key": approval.fingerprint, "entry": approval.seq, "at": approval.at,
                    })).collect::<Vec<_>>(),
                    "missing": status.missing,
                    "refused": status.refused.iter().map(|refused| json!({"entry": refused.seq, "why": refused.why})).collect::<Vec<_>>(),
                })
            })
            .collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    if let (Some(_), [status]) = (&args.request, told.as_slice()) {
        shown(status)?;
        let mut out = format!("{}\n", status.phase);
        for why in &status.why {
            let _ = writeln!(out, "  {}", clean(why));
        }
        for approval in &status.approvals {
            let _ = writeln!(
                out,
                "  approved by {} on {} ({})",
                clean(&approval.person),
                approval.at,
                approval.fingerprint
            );
        }
        for missing in &status.missing {
            let _ = writeln!(out, "  missing: {}", clean(missing));
        }
        for refused in &status.refused {
            let _ = writeln!(
                out,
                "  entry {} does not count: {}",
                refused.seq,
                clean(&refused.why)
            );
        }
        return print(&out);
    }
    let mut table = table(&["REQUEST", "KEY", "BY", "STATE", "APPROVED BY", "EXPIRES"]);
    for status in &told {
        let approved: Vec<&str> = status.approvals.iter().map(|a| a.person.as_str()).collect();
        table.add_row([
            status.id.clone(),
            status.request.key_arn.clone(),
            clean(&status.request.requester),
            status.phase.to_string(),
            clean(&approved.join(", ")),
            status.request.expires_at.to_string(),
        ]);
    }
    print(&format!("{table}\n\n{} requests.\n", told.len()))
}

/// Goes on with a request that enough people approved.
///
/// # Errors
/// What is wrong with the ledger, the policy file or the account.
#[cfg(feature = "aws")]
pub fn delete(args: &Delete) -> Result<u8> {
    use lockfast_operate::broker::Outcome;
    let desk = Desk::new(
        args.account.config.as_deref(),
        args.account.acting.ledger.as_deref(),
    )?;
    let status = status(&desk, &args.request)?;
    if !args.apply {
        shown(&status)?;
        let steps = [
            ("people approve", status.phase != Phase::Requested),
            (
                "nothing needs it, looked at once more",
                status.canary_at.is_some(),
            ),
            ("disabled", status.disabled.is_some()),
            (
                "watched, and nobody missed it",
                status.observed_at.is_some(),
            ),
            ("deletion scheduled", status.scheduled.is_some()),
        ];
        let mut out = format!("{}\n", status.phase);
        for (step, done) in steps {
            let _ = writeln!(out, "  {} {step}", if done { "✓" } else { "·" });
        }
        out.push_str("Nothing was done; --apply goes on.\n");
        return print(&out);
    }
    let mut broker = broker(
        &desk,
        &args.account,
        args.from.as_deref(),
        args.trail_delay,
        &status,
    )?;
    if let Some(head) = head(&desk, args)? {
        broker = broker.against(head);
    }
    loop {
        let outcome = broker.step(&args.request)?;
        match outcome {
            Outcome::Progress(phase) => anstream::eprintln!("{phase}"),
            Outcome::Changed => {}
            outcome => return ended(&outcome),
        }
    }
}

/// The head that was kept elsewhere: in a file, or in the bucket that the policy file names.
#[cfg(feature = "aws")]
fn head(desk: &Desk, args: &Delete) -> Result<Option<lockfast_operate::ledger::Head>> {
    use super::ledger::{ANCHORS, read_head};
    if let Some(file) = &args.head {
        return Ok(Some(read_head(file)?));
    }
    let Some(bucket) = &desk.approvals.anchor_bucket else {
        return Ok(None);
    };
    let region = desk.approvals.anchor_region.as_deref();
    let at = super::live::Connection::of(&args.account)?;
    let read = at
        .keys
        .last_object(region.unwrap_or("us-east-1"), bucket, ANCHORS);
    let body = at
        .runtime
        .block_on(read)
        .map_err(|error| anyhow::anyhow!("the ledger's head in s3://{bucket}: {error}"))?;
    let head = body.map(|body| serde_json::from_slice(&body));
    head.transpose()
        .with_context(|| format!("s3://{bucket}/{ANCHORS}: the last object is no head of a ledger"))
}

/// Takes a request back.
///
/// # Errors
/// What is wrong with the ledger, the policy file or the account.
#[cfg(feature = "aws")]
pub fn cancel(args: &Cancel) -> Result<u8> {
    use lockfast_operate::broker::Outcome;
    let desk = Desk::new(
        args.account.config.as_deref(),
        args.account.acting.ledger.as_deref(),
    )?;
    let status = status(&desk, &args.request)?;
    if !desk
        .approvals
        .person
        .iter()
        .any(|person| person.name == args.by)
    {
        bail!(
            "`{}` is nobody in the rules: [[approvals.person]] lists who may cancel",
            args.by
        );
    }
    let over = matches!(
        status.phase,
        Phase::Rejected | Phase::Expired | Phase::Voided
    );
    if over && status.disabled.is_none() && status.scheduled.is_none() {
        bail!("{} is over already: {}", args.request, status.phase);
    }
    let mut broker = broker(&desk, &args.account, None, 15, &status)?;
    let mut outcome = broker.cancel(&args.request, &args.by, &args.reason)?;
    while let Outcome::Progress(_) | Outcome::Changed = outcome {
        outcome = broker.step(&args.request)?;
    }
    match &outcome {
        Outcome::Ended {
            phase: Phase::Cancelled,
            why,
            left,
        } => {
            let mut out = "cancelled\n".to_owned();
            for why in why.iter().chain(left) {
                let _ = writeln!(out, "  {}", clean(why));
            }
            print(&out)
        }
        other => ended(other),
    }
}

#[cfg(feature = "aws")]
fn broker(
    desk: &Desk,
    account: &crate::cli::Account,
    from: Option<&Path>,
    trail_delay: u32,
    status: &Status,
) -> Result<lockfast_operate::broker::Broker<super::live::Live>> {
    use super::live::{Connection, Live};
    use lockfast_operate::broker::{Broker, Settings};
    let at = Connection::of(account)?;
    at.must_own(&status.request.key_arn)?;
    let (config, _) = super::settings(account.config.as_deref())?;
    let delay = jiff::SignedDuration::from_mins(trail_delay.into());
    let live = Live::new(at, config, from.map(Path::to_owned), delay)?;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let random = lockfast_operate::request::nonce()?;
    Ok(Broker::new(
        desk.open()?,
        live,
        Settings {
            rules: desk.rules.clone(),
            policy: desk.policy.clone(),
            holder: format!("{}:{}:{}", host.trim(), std::process::id(), &random[..8]),
            // A scan of an account takes longer than any call; nothing that changes a key takes as long.
            lease: jiff::SignedDuration::from_mins(5),
        },
    ))
}

#[cfg(feature = "aws")]
fn ended(outcome: &lockfast_operate::broker::Outcome) -> Result<u8> {
    use lockfast_operate::broker::Outcome;
    let (text, code) = match outcome {
        Outcome::NeedsApproval { missing, until } => (
            format!(
                "people have to approve until {until}; missing: {}",
                missing.join(", ")
            ),
            exit::UNKNOWN,
        ),
        Outcome::Waiting { until } => (
            format!("the key is disabled and watched until {until}; go on then"),
            exit::UNKNOWN,
        ),
        Outcome::Busy {
            holder,
            action,
            until,
        } => (
            format!(
                "another run ({holder}) set out to {action}, and has until {until} for it; try again then"
            ),
            exit::UNKNOWN,
        ),
        Outcome::Unknown { what } => (
            format!("it does not go on, since it is not known: {what}"),
            exit::UNREADABLE,
        ),
        Outcome::Stopped { why, left } => (
            format!(
                "stopped: {}{}; cancel it, or ask anew",
                why.join("; "),
                left.as_ref()
                    .map(|left| format!(" ({left})"))
                    .unwrap_or_default()
            ),
            exit::BROKEN,
        ),
        Outcome::Ended { phase, why, left } => (
            format!(
                "{phase}: {}{}",
                why.join("; "),
                left.as_ref()
                    .map(|left| format!(" ({left})"))
                    .unwrap_or_default()
            ),
            exit::BROKEN,
        ),
        Outcome::Done { deletion_date } => (
            match deletion_date {
                Some(at) => format!(
                    "done: the key will be deleted on {at}; `lockfast keys cancel` takes it back until then"
                ),
                None => "done: the key is deleted".to_owned(),
            },
            exit::KEPT,
        ),
        other => (format!("{other:?}"), exit::UNKNOWN),
    };
    print(&format!("{}\n", clean(&text)))?;
    Ok(code)
}

/// Says that it takes AWS.
///
/// # Errors
/// Always.
#[cfg(not(feature = "aws"))]
pub fn delete(args: &Delete) -> Result<u8> {
    super::live::Connection::new(
        args.account.acting.profile.clone(),
        args.account.acting.endpoint_url.clone(),
    )?;
    Ok(exit::KEPT)
}

/// Says that it takes AWS.
///
/// # Errors
/// Always.
#[cfg(not(feature = "aws"))]
pub fn cancel(args: &Cancel) -> Result<u8> {
    super::live::Connection::new(
        args.account.acting.profile.clone(),
        args.account.acting.endpoint_url.clone(),
    )?;
    Ok(exit::KEPT)
}
