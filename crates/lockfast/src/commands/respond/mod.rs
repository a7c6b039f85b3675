//! `lockfast respond` and `lockfast incident`: plans of what is to be done about an incident, carried out, and what was done.

#[cfg(feature = "aws")]
mod hands;
#[cfg(feature = "trail")]
mod used;

use super::facts::Read;
use super::{catalogue, keys, print, write_whole};
use crate::cli::{
    Carrying, IncidentArgs, IncidentCommand, KeyCompromise, ReportFormat, Respond, RespondCommand,
    TableFormat, WrongHands,
};
use crate::exit;
use anyhow::{Context, Result, bail};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use lockfast_facts::Origin;
use lockfast_keys::Ring;
use lockfast_operate::clock::SystemClock;
use lockfast_operate::ledger::Ledger;
use lockfast_report::clean;
use lockfast_respond::engine::{self, Going, Options, Told};
use lockfast_respond::incident::{Compromised, Incident, IncidentId, IncidentKind};
use lockfast_respond::journal::{Authority, Event, Journal, Outcome, Standing};
use lockfast_respond::key_compromise::{Choices, Input, KeyFacts, UsedBy, plan};
use lockfast_respond::plan::{Plan, StepId};
use lockfast_respond::report::Report;
use lockfast_respond::{hands::Hands, stores};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

/// So long nobody else takes over who does not hear of this process: longer than the longest wait for a service.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// So often a call is tried.
const ATTEMPTS: u32 = 5;

/// So often it is looked whether a step that takes its time is done.
const PATIENCE: u32 = 20;

/// Runs `lockfast respond` and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the snapshot or the incident.
pub fn run(args: &Respond) -> Result<u8> {
    match &args.command {
        RespondCommand::KeyCompromise(args) => key_compromise(args),
        RespondCommand::Stores => print(&stores::to_markdown()),
    }
}

fn key_compromise(args: &KeyCompromise) -> Result<u8> {
    let read = Read::new(&args.facts)?;
    if read.inventory.origin() != Origin::Live {
        bail!(
            "templates do not know what is under a key: name a snapshot of the account with --from (lockfast scan)"
        );
    }
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let key = KeyFacts::of(&ring, keys::one(&ring, &args.key)?);
    // Policies compare moments of whole seconds.
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let random = getrandom()?;
    let incident = Incident {
        id: IncidentId::new(Offset::UTC.to_datetime(now).date(), random),
        kind: IncidentKind::KeyCompromise,
        subject: key.arn.clone(),
        opened_at: now,
        opened_by: args.by.clone(),
        reason: args.reason.clone(),
        compromised: Some(match args.compromised {
            WrongHands::Use => Compromised::Use,
            WrongHands::DataKeys => Compromised::DataKeys,
            WrongHands::Plaintext => Compromised::Plaintext,
        }),
        suspects: args.suspect.clone(),
        rehearsal: args.rehearsal,
    };
    incident.check()?;
    let used = used(args, &key)?;
    let choices = Choices {
        versions: !args.current_only,
        manual: args.manual.iter().cloned().collect(),
        revoke_grants: args.revoke_grant.iter().cloned().collect(),
        administrators: args.administrator.clone(),
        watch: args.carrying.alert_topic.is_some(),
        decrypt_only_for: Vec::new(),
    };
    let plan = plan(&Input {
        incident: &incident,
        key: &key,
        used: &used,
        choices: &choices,
        version: 1,
    });
    plan.check()?;
    if !args.apply || args.facts.format == TableFormat::Table {
        match args.facts.format {
            TableFormat::Json => print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&json!({"incident": incident, "plan": plan}))?
            ))?,
            TableFormat::Table => print(&plan.to_markdown())?,
        };
    }
    if args.carrying.alert_topic.is_none() {
        anstream::eprintln!(
            "Nobody is told of further uses of the old key: name a topic with --alert-topic."
        );
    }
    if args.logs.is_empty() {
        anstream::eprintln!(
            "What the snapshot does not have is not in the plan: name CloudTrail's logs with --logs."
        );
    }
    if !args.apply {
        anstream::eprintln!("Nothing was done. --apply carries it out.");
        return Ok(read.code());
    }
    let authority = match &args.break_glass {
        Some(reason) => Authority::BreakGlass {
            reason: reason.clone(),
        },
        None => Authority::Confirmed,
    };
    if !args.yes && args.break_glass.is_none() && !confirmed(incident.id.as_str())? {
        bail!("nothing was done");
    }
    let folder = &args.carrying.incidents;
    if let Some(other) = open_about(folder, &incident.subject)? {
        bail!(
            "{other} is open about this key: go on with it (lockfast incident resume {other}), or abort it"
        );
    }
    reachable(&args.carrying, &incident)?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = file_of(folder, &incident.id);
    let ledger = Ledger::open(&file, SystemClock).with_context(|| file.display().to_string())?;
    let mut journal = Journal::begin(ledger, &incident)?;
    journal.plan(plan, &args.by)?;
    journal.authorize(&args.by, authority)?;
    anstream::eprintln!(
        "{}: the journal is {}; `lockfast incident resume {0}` goes on if this is cut off",
        incident.id,
        file.display()
    );
    carry_out(&mut journal, &args.by, &args.carrying, BTreeSet::new())
}

/// Whether somebody types the incident's name.
fn confirmed(id: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to be asked: look at the plan, and say --yes");
    }
    anstream::eprint!("Type {id} to carry this out: ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == id)
}

fn getrandom() -> Result<[u8; 2]> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

fn file_of(folder: &Path, id: &IncidentId) -> PathBuf {
    folder.join(format!("{id}.db"))
}

#[cfg(feature = "trail")]
fn used(args: &KeyCompromise, key: &KeyFacts) -> Result<Vec<UsedBy>> {
    match args.logs.as_slice() {
        [] => Ok(Vec::new()),
        logs => used::used(logs, key),
    }
}

#[cfg(not(feature = "trail"))]
fn used(args: &KeyCompromise, _: &KeyFacts) -> Result<Vec<UsedBy>> {
    match args.logs.as_slice() {
        [] => Ok(Vec::new()),
        _ => bail!(
            "--logs: this lockfast was built without Apache DataFusion: build it with `cargo build --release --features full`"
        ),
    }
}

/// Looks whether the credentials are of the incident's account, before anything is written.
#[cfg(feature = "aws")]
fn reachable(carrying: &Carrying, incident: &Incident) -> Result<()> {
    hands::Aws::connect(&carrying.acting, None, incident).map(drop)
}

#[cfg(not(feature = "aws"))]
fn reachable(_: &Carrying, _: &Incident) -> Result<()> {
    Ok(())
}

#[cfg(not(feature = "aws"))]
fn carry_out(_: &mut Journal, _: &str, _: &Carrying, _: BTreeSet<StepId>) -> Result<u8> {
    bail!(
        "this lockfast was built without the AWS SDK: build it with `cargo build --release --features full`"
    )
}

/// Carries the journal's plan out, as far as it goes.
#[cfg(feature = "aws")]
fn carry_out(
    journal: &mut Journal,
    by: &str,
    carrying: &Carrying,
    again: BTreeSet<StepId>,
) -> Result<u8> {
    let state = journal.state();
    let (Some(plan), Some(incident)) = (state.plan.clone(), state.incident.clone()) else {
        bail!("{}: there is no plan", journal.id());
    };
    let hands = hands::Aws::connect(&carrying.acting, carrying.alert_topic.clone(), &incident)?;
    run_plan(journal, &plan, &hands, by, again)
}

#[cfg_attr(not(feature = "aws"), allow(dead_code))]
fn run_plan(
    journal: &mut Journal,
    plan: &Plan,
    hands: &dyn Hands,
    by: &str,
    again: BTreeSet<StepId>,
) -> Result<u8> {
    let [high, low] = getrandom()?;
    let holder = format!("{by}, process {} ({high:02x}{low:02x})", std::process::id());
    let bar = super::judging::spinner();
    let shown = bar.clone();
    let mut on = |told: &Told<'_>| {
        match told {
            Told::Wrote(entry) => {
                if let Ok(Event::Ended(ended)) = Event::of(entry) {
                    let how = match &ended.outcome {
                        Outcome::Done { .. } => "done".to_owned(),
                        Outcome::Failed { why } => format!("failed: {why}"),
                        Outcome::Left { why, .. } => format!("left: {why}"),
                    };
                    shown.suspend(|| {
                        anstream::eprintln!("{}", clean(&format!("{}: {how}", ended.step)))
                    });
                }
            }
            Told::Writing(Event::Looking(looking)) => shown.set_message(looking.step.to_string()),
            Told::Progress(pace) => {
                let of = pace
                    .total
                    .map_or(String::new(), |total| format!(" of {total}"));
                let rate = pace
                    .per_second
                    .map_or(String::new(), |rate| format!(", {rate:.0}/s"));
                let left = pace
                    .left
                    .map_or(String::new(), |left| format!(", about {left:#} left"));
                shown.set_message(format!("{}: {}{of}{rate}{left}", pace.step, pace.done));
            }
            Told::Retrying { step, problem, .. } => {
                shown.suspend(|| {
                    anstream::eprintln!("{}", clean(&format!("{step}: {problem}; again")))
                });
            }
            _ => {}
        }
        Going::On
    };
    let mut pause = |attempt: u32| {
        let seconds = 1_u64 << attempt.min(5);
        std::thread::sleep(std::time::Duration::from_secs(seconds));
    };
    let ran = engine::run(
        journal,
        plan,
        hands,
        Options {
            holder,
            lease: LEASE,
            attempts: ATTEMPTS,
            patience: PATIENCE,
            checkpoint: SignedDuration::from_secs(5),
            clock: &SystemClock,
            again,
            pause: &mut pause,
            on: &mut on,
        },
    );
    bar.finish_and_clear();
    let ran = ran?;
    let mut out = format!(
        "\n{} steps done, {} failed.\n",
        ran.done.len(),
        ran.failed.len()
    );
    for (step, why) in &ran.failed {
        out.push_str(&format!("failed: {step}: {why}\n"));
    }
    for (step, why) in &ran.under_way {
        out.push_str(&format!("under way: {step}: {why}\n"));
    }
    for step in &ran.for_people {
        out.push_str(&format!("for you: {step}\n"));
    }
    let missing = ran.completeness.missing();
    match missing.is_empty() {
        true => out.push_str("The response is complete.\n"),
        false => {
            out.push_str("The response is not complete:\n");
            for own in missing {
                out.push_str(&format!("  {own}\n"));
            }
        }
    }
    let lines: Vec<String> = out.lines().map(clean).collect();
    print(&format!("{}\n", lines.join("\n")))?;
    Ok(match ran.failed.is_empty() && missing.is_empty() {
        true => exit::KEPT,
        false => exit::BROKEN,
    })
}

/// Runs `lockfast incident` and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, or the incident's journal.
pub fn incident(args: &IncidentArgs) -> Result<u8> {
    let folder = &args.incidents;
    match &args.command {
        IncidentCommand::List { format } => list(folder, *format),
        IncidentCommand::Status { id, format } => status(&mut open(folder, id)?, *format),
        IncidentCommand::Resume {
            id,
            by,
            again,
            alert_topic,
            acting,
        } => {
            let mut journal = open(folder, id)?;
            let carrying = Carrying {
                incidents: folder.clone(),
                alert_topic: alert_topic.clone(),
                acting: acting.clone(),
            };
            let again = again.iter().map(|step| step.as_str().into()).collect();
            carry_out(&mut journal, by, &carrying, again)
        }
        IncidentCommand::Confirm {
            id,
            step,
            by,
            evidence,
        } => {
            open(folder, id)?.confirm(&step.as_str().into(), by, evidence)?;
            print(&format!("{step}: confirmed by {by}\n"))
        }
        IncidentCommand::Leave {
            id,
            step,
            by,
            reason,
        } => {
            open(folder, id)?.leave(&step.as_str().into(), by, reason)?;
            print(&format!("{step}: left by {by}\n"))
        }
        IncidentCommand::Note { id, text, by } => {
            open(folder, id)?.note(by, text)?;
            print("noted\n")
        }
        IncidentCommand::Abort { id, by, reason } => {
            open(folder, id)?.abort(by, reason)?;
            print(&format!("{id}: aborted; nothing was taken back\n"))
        }
        IncidentCommand::Close { id, by } => {
            open(folder, id)?.close(by)?;
            print(&format!("{id}: closed\n"))
        }
        IncidentCommand::Report { id, format, output } => {
            report(&mut open(folder, id)?, *format, output.as_deref())
        }
    }
}

/// The names of the incidents of a folder.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut ids: Vec<String> = match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let id = path.file_name()?.to_str()?.strip_suffix(".db")?.to_owned();
                id.parse::<IncidentId>().is_ok().then_some(id)
            })
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    ids.sort();
    Ok(ids)
}

/// An incident about the same that is open: two would take what is under the key from each other.
fn open_about(folder: &Path, subject: &str) -> Result<Option<String>> {
    for id in names(folder)? {
        let journal = open(folder, &id)?;
        let state = journal.state();
        let incident = state.incident.as_ref();
        if state.end.is_none() && incident.is_some_and(|own| own.subject == subject) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The journal of an incident.
fn open(folder: &Path, id: &str) -> Result<Journal> {
    let id: IncidentId = id.parse()?;
    let file = file_of(folder, &id);
    if !file.is_file() {
        bail!(
            "{}: there is no such incident; `lockfast incident list` names them",
            file.display()
        );
    }
    let ledger = Ledger::open(&file, SystemClock).with_context(|| file.display().to_string())?;
    let journal = Journal::resume(ledger).with_context(|| file.display().to_string())?;
    if *journal.id() != id {
        bail!("{} is the journal of {}", file.display(), journal.id());
    }
    Ok(journal)
}

/// In a word.
fn standing(standing: &Standing) -> (&'static str, &str) {
    match standing {
        Standing::Pending => ("pending", ""),
        Standing::Running { .. } => ("running", ""),
        Standing::Done => ("done", ""),
        Standing::Failed { why } => ("failed", why),
        Standing::Left { why, .. } => ("left", why),
    }
}

fn list(folder: &Path, format: TableFormat) -> Result<u8> {
    let ids = names(folder)?;
    let mut all = Vec::new();
    let mut table = catalogue::table(&["INCIDENT", "ABOUT", "OPENED", "BY", "OPEN STEPS"]);
    let mut code = exit::KEPT;
    for id in &ids {
        let journal = match open(folder, id) {
            Ok(journal) => journal,
            Err(error) => {
                anstream::eprintln!("{}", clean(&format!("{id}: {error:#}")));
                code = exit::UNREADABLE;
                continue;
            }
        };
        let state = journal.state();
        let Some(incident) = &state.incident else {
            continue;
        };
        let missing = state.plan.as_ref().map(|plan| state.completeness(plan));
        let count = missing.as_ref().map_or(0, |own| own.missing().len());
        table.add_row([
            id.clone(),
            clean(&incident.subject),
            incident.opened_at.to_string(),
            clean(&incident.opened_by),
            count.to_string(),
        ]);
        all.push(json!({"incident": incident, "end": state.end, "missing": missing}));
    }
    match format {
        TableFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?,
        TableFormat::Table => print(&format!("{table}\n\n{} incidents.\n", all.len()))?,
    };
    Ok(code)
}

fn status(journal: &mut Journal, format: TableFormat) -> Result<u8> {
    let state = journal.state();
    let Some(plan) = &state.plan else {
        bail!("{}: there is no plan", journal.id());
    };
    let completeness = state.completeness(plan);
    if format == TableFormat::Json {
        let steps: Vec<Value> = plan
            .in_order()
            .iter()
            .map(|step| {
                let own = state.steps.get(&step.id);
                json!({
                    "step": step.id,
                    "title": step.title,
                    "phase": step.phase,
                    "standing": state.standing(&step.id),
                    "done": own.map(|own| own.done),
                    "total": own.and_then(|own| own.total),
                    "confirmed": state.confirmed.get(&step.id),
                })
            })
            .collect();
        let told = json!({
            "incident": state.incident,
            "end": state.end,
            "steps": steps,
            "completeness": completeness,
        });
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
    } else {
        let mut table = catalogue::table(&["STEP", "HOW", "WHAT"]);
        for step in plan.in_order() {
            let (how, why) = match state.confirmed.get(&step.id) {
                Some(confirmed) => ("confirmed", confirmed.evidence.as_str()),
                None => standing(state.standing(&step.id)),
            };
            let what = match why {
                "" => step.title.clone(),
                why => format!("{}: {why}", step.title),
            };
            table.add_row([clean(step.id.as_str()), how.to_owned(), clean(&what)]);
        }
        let missing: Vec<String> = completeness
            .missing()
            .iter()
            .map(|own| clean(&own.to_string()))
            .collect();
        let verdict = match missing.is_empty() {
            true => "The response is complete.".to_owned(),
            false => format!("The response is not complete:\n  {}", missing.join("\n  ")),
        };
        print(&format!("{table}\n\n{verdict}\n"))?;
    }
    Ok(match completeness.is_complete() {
        true => exit::KEPT,
        false => exit::BROKEN,
    })
}

fn report(
    journal: &mut Journal,
    format: Option<ReportFormat>,
    output: Option<&Path>,
) -> Result<u8> {
    let entries = journal.entries()?;
    let state = journal.state();
    let (Some(incident), Some(plan)) = (&state.incident, &state.plan) else {
        bail!("{}: there is no plan yet", journal.id());
    };
    let report = Report::of(incident, plan, &entries, Value::Null)?;
    let ending = output
        .and_then(Path::extension)
        .and_then(|ending| ending.to_str());
    let format = format.unwrap_or(match ending {
        Some("html") => ReportFormat::Html,
        Some("json") => ReportFormat::Json,
        _ => ReportFormat::Markdown,
    });
    let text = match format {
        ReportFormat::Markdown => report.to_markdown()?,
        ReportFormat::Html => report.to_html()?,
        ReportFormat::Json => report.to_json()?,
    };
    match output {
        None => print(&text),
        Some(file) => {
            write_whole(file, |out| Ok(out.write_all(text.as_bytes())?))?;
            print(&format!("wrote {}\n", file.display()))
        }
    }
}
