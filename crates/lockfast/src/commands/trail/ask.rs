//! Asking logs.

use super::answer::{self, How, Told};
use crate::cli::{About, Answer, Asking, Index, ReportCommand, TableFormat, TrailCommand};
use crate::commands::catalogue::table;
use crate::commands::print;
use crate::exit;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lockfast_cloudtrail::{Problem, Report};
use lockfast_report::clean;
use lockfast_trail::questions::{self, By};
use lockfast_trail::tables::Table;
use lockfast_trail::{Input, Options, Trail, index};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn run(command: &TrailCommand) -> Result<u8> {
    match command {
        TrailCommand::Usage(args) => {
            let by: Vec<By> = args.by.iter().filter_map(|by| by.parse().ok()).collect();
            let about = questions::About {
                keys: args.key.clone(),
                ..about(&args.about)?
            };
            let query = questions::usage(&about, &by, args.all);
            one(&args.about.answer, "Uses of keys", &query)
        }
        TrailCommand::Secrets(args) => {
            let about = questions::About {
                secrets: args.secret.clone(),
                ..about(&args.about)?
            };
            one(
                &args.about.answer,
                "Readers of secrets",
                &questions::secrets(&about, args.new_days),
            )
        }
        TrailCommand::Tls(args) => {
            let query = questions::tls(&about(&args.about)?, args.all);
            not_all(&args.about.answer.asking.paths);
            one(&args.about.answer, "Callers by their TLS", &query)
        }
        TrailCommand::Sql(args) => {
            not_all(&args.answer.asking.paths);
            one(&args.answer, "Answer", &args.query)
        }
        TrailCommand::Shell(asking) => shell(asking),
        TrailCommand::Tables { format } => tables(*format),
        TrailCommand::Index(args) => make_index(args),
        TrailCommand::Athena(args) => super::athena::run(args),
        TrailCommand::Anomalies(args) => super::unusual::run(args),
        TrailCommand::Feedback(args) => super::unusual::feedback(args),
        TrailCommand::Report(ReportCommand::Quarterly(args)) => super::quarterly::run(args),
        TrailCommand::Check(args) => super::check::run(args),
        TrailCommand::Detections(args) => super::detections::run(args),
        TrailCommand::Generate(args) => super::generate::run(args),
        TrailCommand::Forensics(args) => super::forensics::run(args),
        TrailCommand::Verify(args) => super::verify::run(args),
    }
}

fn about(args: &About) -> Result<questions::About> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since >= until
    {
        bail!("--until {until} is not after --since {since}");
    }
    Ok(questions::About {
        since: args.since,
        until: args.until,
        accounts: args.account.clone(),
        regions: args.region.clone(),
        principals: args.principal.clone(),
        ..questions::About::default()
    })
}

pub(super) fn options(asking: &Asking) -> Options {
    Options {
        memory: (asking.memory as usize) << 20,
        cluster: asking.cluster.clone(),
        ..threads(asking.threads)
    }
}

/// So many threads, or as many as there are processors.
pub(super) fn threads(threads: Option<u16>) -> Options {
    let own = Options::default();
    Options {
        threads: threads.map_or(own.threads, usize::from),
        ..own
    }
}

/// One question, with its answer; a chart of it is called by the title.
fn one(how: &Answer, title: &str, query: &str) -> Result<u8> {
    let runtime = crate::commands::runtime()?;
    runtime.block_on(async {
        let trail = Trail::open(&how.asking.paths, &options(&how.asking)).await?;
        let bar = progress(trail.input());
        let frame = trail.sql(query).await?;
        let told = answer::write(frame, How::of(how, title)).await;
        bar.finish_and_clear();
        let told: Told = told?;
        answer::said(&told, How::of(how, title))?;
        Ok(finish(&trail.input().problems, &trail.report().await?))
    })
}

/// Says what could not be read, and gives the exit code of that.
pub(super) fn finish(of_folders: &[Problem], report: &Report) -> u8 {
    for problem in of_folders.iter().chain(&report.problems) {
        anstream::eprintln!("{}", clean(&problem.to_string()));
    }
    let more = report
        .problem_count
        .saturating_sub(report.problems.len() as u64);
    if more > 0 {
        anstream::eprintln!("and {more} more that could not be read");
    }
    match of_folders.is_empty() && report.problem_count == 0 {
        true => exit::KEPT,
        false => exit::UNREADABLE,
    }
}

/// How far the files are read.
pub(super) fn progress(input: &Arc<Input>) -> ProgressBar {
    if !std::io::stderr().is_terminal() || input.files.is_empty() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(input.files.len() as u64);
    if let Ok(style) = ProgressStyle::with_template(
        "{spinner} {pos}/{len} files {wide_bar} {elapsed} (about {eta} left)",
    ) {
        bar.set_style(style);
    }
    let (input, shown) = (input.clone(), bar.clone());
    std::thread::spawn(move || {
        while !shown.is_finished() {
            let (done, wanted) = input.progress();
            shown.set_length(wanted.max(1));
            shown.set_position(done);
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    bar
}

fn tables(format: TableFormat) -> Result<u8> {
    if format == TableFormat::Json {
        let all: Vec<_> = Table::ALL
            .iter()
            .map(|table| {
                let columns = table.columns().iter().map(|column| {
                    json!({
                        "name": column.name,
                        "type": column.kind.data_type().to_string(),
                        "doc": column.doc,
                    })
                });
                json!({"table": table.name(), "doc": table.doc(), "columns": columns.collect::<Vec<_>>()})
            })
            .collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    let mut out = String::new();
    for of in Table::ALL {
        let mut rows = table(&["COLUMN", "TYPE", "WHAT IT IS"]);
        for column in of.columns() {
            rows.add_row([column.name, column.kind.sql(), column.doc]);
        }
        out.push_str(&format!("{}: {}\n\n{rows}\n\n", of.name(), of.doc()));
    }
    print(&out)
}

/// What an index has.
const OF_INDEX: &str = "an index has the events of keys, secrets and identities alone";

/// The index among these.
fn an_index(paths: &[PathBuf]) -> Option<&PathBuf> {
    let mut paths = paths.iter();
    paths.find(|path| index::Index::at(path).is_ok_and(|found| found.is_some()))
}

/// Says of an index that it cannot answer for every event.
pub(super) fn not_all(paths: &[PathBuf]) {
    if let Some(path) = an_index(paths) {
        anstream::eprintln!("{}: {OF_INDEX}", path.display());
    }
}

/// Log files, for what an index cannot answer.
///
/// # Errors
/// That there are none, or that it is an index.
pub(super) fn logs(paths: &[PathBuf]) -> Result<Arc<Input>> {
    if let Some(path) = an_index(paths) {
        bail!("{}: {OF_INDEX}; name the logs", path.display());
    }
    let input = Input::find(paths)?;
    if input.files.is_empty() {
        return Err(lockfast_trail::Error::Empty(paths.to_vec()).into());
    }
    Ok(input)
}

fn make_index(args: &Index) -> Result<u8> {
    let input = logs(&args.asking.paths)?;
    let runtime = crate::commands::runtime()?;
    let bar = progress(&input);
    let options = options(&args.asking);
    let updated = runtime.block_on(index::Index::update(&args.into, input.clone(), &options));
    bar.finish_and_clear();
    let updated = updated?;
    let rows: Vec<String> = updated
        .rows
        .iter()
        .map(|(table, rows)| format!("{rows} {table}"))
        .collect();
    print(&format!(
        "{}: {} files read, {} were in it already{}{}\n",
        args.into.display(),
        updated.read,
        updated.known,
        if rows.is_empty() { "" } else { "; added " },
        rows.join(", ")
    ))?;
    Ok(finish(&input.problems, &updated.report))
}

/// Queries from standard input, each to its semicolon.
fn shell(asking: &Asking) -> Result<u8> {
    let runtime = crate::commands::runtime()?;
    let trail = runtime.block_on(Trail::open(&asking.paths, &options(asking)))?;
    let is_terminal = std::io::stdin().is_terminal();
    if is_terminal {
        anstream::eprintln!(
            "{} log files; tables: {}. A query ends with `;`, `exit` ends this.",
            trail.input().files.len(),
            Table::ALL.map(Table::name).join(", ")
        );
    }
    let mut query = String::new();
    let mut code = exit::KEPT;
    let prompt = |text: &str| {
        if is_terminal {
            anstream::eprint!("{text}");
            let _ = std::io::stderr().flush();
        }
    };
    prompt("trail> ");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let is_first = query.trim().is_empty();
        if is_first && matches!(line.trim(), "exit" | "quit" | "exit;" | "quit;") {
            break;
        }
        query.push_str(&line);
        query.push('\n');
        if !line.trim_end().ends_with(';') {
            prompt(if query.trim().is_empty() {
                "trail> "
            } else {
                "     > "
            });
            continue;
        }
        let asked = std::mem::take(&mut query);
        code = runtime.block_on(shell_answer(&trail, asked.trim().trim_end_matches(';')))?;
        prompt("trail> ");
    }
    if !query.trim().is_empty() {
        code = runtime.block_on(shell_answer(&trail, query.trim()))?;
    }
    Ok(code)
}

/// A query that is wrong does not end the shell.
async fn shell_answer(trail: &Trail, query: &str) -> Result<u8> {
    let bar = progress(trail.input());
    let told = match trail.sql(query).await {
        Ok(frame) => answer::write(frame, How::SHOWN).await,
        Err(error) => Err(error.into()),
    };
    bar.finish_and_clear();
    match told {
        Ok(told) => {
            answer::said(&told, How::SHOWN)?;
            Ok(finish(&[], &trail.report().await?))
        }
        Err(error) => {
            anstream::eprintln!("{}", clean(&error.to_string()));
            Ok(exit::USAGE)
        }
    }
}
