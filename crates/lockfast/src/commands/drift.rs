//! `lockfast drift`: what differs between a snapshot and the templates that should have made it.

use super::judging::spinner;
use super::{catalogue, print};
use crate::cli::{Drift as Args, TableFormat};
use crate::exit;
use anyhow::{Result, bail};
use lockfast_drift::{AccessWhat, Drift, Finding, FindingKind, PolicyDiff, Problem, StatementWhat};
use lockfast_iac::ReadOptions;
use lockfast_report::plural;
use lockfast_snapshot::{Loaded, Unit};
use std::fmt::Write;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the snapshot.
pub fn run(args: &Args) -> Result<u8> {
    let spinner = spinner();
    spinner.set_message("reading the snapshot and the templates");
    let snapshot = lockfast_snapshot::load(&args.snapshot)?;
    let options = ReadOptions {
        parameters: args.parameters.clone(),
        ..ReadOptions::default()
    };
    let templates = lockfast_iac::load(&args.templates, &options);
    for (name, file) in &args.stack {
        let mut sources = templates.inventory.sources().iter();
        if !sources.any(|source| lockfast_drift::is_file(file, source.name())) {
            bail!("--stack {name}={file}: no template of that name is among those given");
        }
    }
    spinner.set_message("comparing");
    let mut drift = lockfast_iac::install(|| {
        lockfast_drift::compare(&snapshot, &templates.inventory, &args.stack)
    });
    drift.problems = problems(&snapshot, &templates, args);
    spinner.finish_and_clear();
    match args.format {
        TableFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&drift)?))?,
        TableFormat::Table => print(&table(&drift))?,
    };
    Ok(match (drift.differs(), drift.is_partial()) {
        (true, _) => exit::BROKEN,
        (false, true) => exit::UNREADABLE,
        (false, false) => exit::KEPT,
    })
}

/// What could not be read: templates, and stacks that somebody named and nobody has.
fn problems(snapshot: &Loaded, templates: &lockfast_iac::Loaded, args: &Args) -> Vec<Problem> {
    let mut problems: Vec<Problem> = templates
        .problems
        .iter()
        .map(|problem| Problem {
            path: match problem.at {
                Some(at) => format!("{}:{}:{}", problem.path, at.line, at.column),
                None => problem.path.clone(),
            },
            message: problem.message.clone(),
        })
        .collect();
    if templates.inventory.stacks().is_empty() {
        problems.push(Problem {
            path: args.templates.join(" "),
            message: "no template was found".into(),
        });
    }
    problems.extend(snapshot.units.iter().flat_map(failed));
    problems
}

/// The calls of a unit that gave no answer.
fn failed(unit: &Unit) -> Vec<Problem> {
    let calls = unit.calls.iter();
    calls
        .flat_map(|(action, count)| {
            count.failed.keys().map(move |error| Problem {
                path: format!("{}/{}", unit.account, unit.region),
                message: format!("{action} gave no answer: {error}"),
            })
        })
        .collect()
}

/// The groups, in the order of the kinds, with what they mean.
const GROUPS: [(FindingKind, &str); 6] = [
    (FindingKind::Undefined, "Live, and defined by no template"),
    (FindingKind::Missing, "In a template, and not live"),
    (FindingKind::Differs, "Settings that differ"),
    (
        FindingKind::Policy,
        "Policies that differ, and the access gained or lost by it",
    ),
    (
        FindingKind::NotInEffect,
        "Settings of templates that never took effect",
    ),
    (FindingKind::Unknown, "Cannot be told"),
];

fn table(drift: &Drift) -> String {
    let mut text = String::new();
    stacks(drift, &mut text);
    for (kind, title) in GROUPS {
        let findings: Vec<&Finding> = drift.of_kind(kind).collect();
        if findings.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{title}");
        match kind {
            FindingKind::Policy => findings
                .iter()
                .for_each(|finding| policy(finding, &mut text)),
            FindingKind::Differs | FindingKind::NotInEffect => settings(&findings, &mut text),
            _ => plain(&findings, &mut text),
        }
        text.push('\n');
    }
    if !drift.problems.is_empty() {
        let _ = writeln!(text, "Could not be read");
        let mut table = catalogue::table(&["where", "what"]);
        for problem in &drift.problems {
            table.add_row([&problem.path, &problem.message]);
        }
        let _ = writeln!(text, "{table}\n");
    }
    text.push_str(&last_line(drift));
    text
}

/// Which stack each template was taken to be.
fn stacks(drift: &Drift, text: &mut String) {
    let mut table = catalogue::table(&["template", "live stack", "where", "how it was found"]);
    for stack in &drift.stacks {
        let status = stack
            .status
            .as_deref()
            .map_or_else(String::new, |status| format!(" ({status})"));
        let place = [stack.account.as_deref(), stack.region.as_deref()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        table.add_row([
            stack.name.clone(),
            stack
                .stack
                .as_deref()
                .map_or_else(|| "none".into(), |name| format!("{name}{status}")),
            place.join("/"),
            stack.how.clone(),
        ]);
    }
    let _ = writeln!(text, "{table}\n");
}

fn plain(findings: &[&Finding], text: &mut String) {
    let mut table = catalogue::table(&["clause", "resource", "type", "where", "why"]);
    for finding in findings {
        table.add_row([
            finding.clause.clone(),
            name(finding),
            finding.resource_type.clone(),
            places(finding).join("\n"),
            finding.message.clone(),
        ]);
    }
    let _ = writeln!(text, "{table}");
}

fn settings(findings: &[&Finding], text: &mut String) {
    let mut table = catalogue::table(&["clause", "resource", "setting", "template", "live"]);
    for finding in findings {
        let Some(setting) = &finding.setting else {
            continue;
        };
        let side = |side: &lockfast_drift::Side| match &side.because {
            Some(because) => format!("{}\n({because})\n{}", side.value, side.place),
            None => format!("{}\n{}", side.value, side.place),
        };
        table.add_row([
            finding.clause.clone(),
            name(finding),
            match finding.kind {
                // Why it is no mere difference stands at the end of the sentence.
                FindingKind::NotInEffect => {
                    let why = finding.message.rsplit_once(": ").map_or("", |(_, why)| why);
                    format!("{}\n({why})", setting.name)
                }
                _ => setting.name.clone(),
            },
            side(&setting.template),
            side(&setting.live),
        ]);
    }
    let _ = writeln!(text, "{table}");
}

fn policy(finding: &Finding, text: &mut String) {
    let Some(diff) = &finding.policy else {
        return;
    };
    let _ = writeln!(
        text,
        "{} {}: {}",
        finding.clause,
        name(finding),
        finding.message
    );
    let _ = writeln!(text, "  {}", places(finding).join(", "));
    statements(diff, text);
    for change in &diff.access {
        let what = match change.what {
            AccessWhat::Gained => "gained",
            AccessWhat::Otherwise => "otherwise",
            AccessWhat::Lost => "lost",
            AccessWhat::Unknown => "unknown",
        };
        let _ = writeln!(text, "  {what}: {}", change.message);
    }
}

fn statements(diff: &PolicyDiff, text: &mut String) {
    for change in &diff.statements {
        let mut line = |sign: char, side: &Option<lockfast_drift::Side>| {
            if let Some(side) = side {
                let sid = change
                    .sid
                    .as_deref()
                    .map_or_else(String::new, |sid| format!("{sid}: "));
                let _ = writeln!(text, "  {sign} {sid}{}  [{}]", side.value, side.place);
                if let Some(because) = &side.because {
                    let _ = writeln!(text, "      ({because})");
                }
            }
        };
        let (before, after) = match change.what {
            StatementWhat::Unknown => ('?', '?'),
            _ => ('-', '+'),
        };
        line(before, &change.template);
        line(after, &change.live);
    }
}

/// What a person calls the resource.
fn name(finding: &Finding) -> String {
    match (&finding.template, &finding.live) {
        (Some(template), _) => match &template.construct_path {
            Some(path) => path.trim_end_matches("/Resource").to_owned(),
            None => format!("{}/{}", template.stack, template.logical_id),
        },
        (None, Some(live)) => {
            let place = [
                live.account.as_deref(),
                live.region.as_deref(),
                Some(&live.name),
            ];
            place.into_iter().flatten().collect::<Vec<_>>().join("/")
        }
        (None, None) => String::new(),
    }
}

/// Where both sides stand.
fn places(finding: &Finding) -> Vec<String> {
    let template = finding
        .template
        .as_ref()
        .map(|template| template.place.clone());
    let live = finding
        .live
        .as_ref()
        .map(|live| match (&finding.template, &live.arn) {
            // Beside a template's name the live one must be said.
            (Some(_), Some(arn)) => arn.clone(),
            (Some(_), None) => live.name.clone(),
            _ => live.place.clone(),
        });
    template.into_iter().chain(live).collect()
}

fn last_line(drift: &Drift) -> String {
    let summary = &drift.summary;
    let counts = [
        (summary.undefined, "defined by no template"),
        (summary.missing, "not live"),
        (summary.differs, "settings differ"),
        (summary.policies, "policies differ"),
        (summary.not_in_effect, "never took effect"),
        (summary.unknown, "cannot be told"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let compared = plural(summary.compared, "resource");
    match said.is_empty() {
        true => format!("{compared} compared: what is live is what the templates say.\n"),
        false => format!("{compared} compared: {}.\n", said.join(", ")),
    }
}
