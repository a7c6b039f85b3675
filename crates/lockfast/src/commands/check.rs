//! `lockfast check`.

use super::diff_base::Tree;
use super::{policy, width};
use crate::cli::Check;
use crate::exit;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lockfast_iac::{Loaded, ReadOptions};
use lockfast_policy::{Config, Finding, Run, Verdict, evaluate};
use lockfast_report::{Format, Home, InputSummary, Problem, Report, Style, Verbosity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file, the baseline or an output file.
pub fn run(args: &Check) -> Result<u8> {
    if let Some(threads) = args.threads {
        rayon_threads(threads)?;
    }
    let outputs = outputs(args)?;
    let (mut config, config_file) = policy::load(args.config.as_deref(), &folders(&args.paths))?;
    only(&mut config, &args.only)?;
    let today = match &args.today {
        Some(day) => day
            .parse::<jiff::civil::Date>()
            .with_context(|| format!("--today {day}: write YYYY-MM-DD"))?
            .to_string(),
        None => today(),
    };
    let known = known_failures(args, &today)?;

    let spinner = spinner();
    spinner.set_message("reading templates");
    // The process ends with this command: giving back hundreds of thousands of values one by one is
    // work for nothing.
    let loaded = ManuallyDrop::new(lockfast_iac::load(&args.paths, &read_options(args)));
    spare_input(&outputs, &loaded)?;
    spinner.set_message(format!(
        "judging {} resources",
        loaded.inventory.resources().len()
    ));
    let run = ManuallyDrop::new(lockfast_iac::install(|| {
        evaluate(&loaded.inventory, &config, &today)
    }));
    spinner.finish_and_clear();

    let report = Report {
        run: &run,
        input: summary(&loaded, config_file.as_deref()),
        known,
        version: env!("CARGO_PKG_VERSION").into(),
        breaks_from: args.fail_on.severity(),
        made: jiff::Timestamp::now(),
        home: Home {
            account: std::env::var("AWS_ACCOUNT_ID").ok(),
            region: std::env::var("AWS_REGION").ok(),
        },
    };
    for (format, file) in &outputs {
        write_report(&report, *format, file.as_deref(), args)?;
        if let Some(said) = lockfast_report::left_out(&report, *format) {
            anstream::eprintln!("{format}: {said}");
        }
    }
    if let Some(file) = &args.write_baseline {
        write_baseline(&run, file)?;
    }
    Ok(exit_code(&report, &loaded, args.max_unknown))
}

/// Everything `check` finds in the paths, for `explain`.
pub(super) fn findings_of(paths: &[String], config: Option<&Path>) -> Result<Vec<Finding>> {
    let (config, _) = policy::load(config, &folders(paths))?;
    let loaded = lockfast_iac::load(paths, &ReadOptions::default());
    Ok(evaluate(&loaded.inventory, &config, &today())
        .findings()
        .collect())
}

/// Today in UTC, so that a waiver ends at the same moment everywhere.
fn today() -> String {
    jiff::tz::TimeZone::UTC
        .to_datetime(jiff::Timestamp::now())
        .date()
        .to_string()
}

fn rayon_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .context("--threads")
}

fn read_options(args: &Check) -> ReadOptions {
    ReadOptions {
        parameters: args.parameters.clone(),
        ..ReadOptions::default()
    }
}

/// Where a lockfast.toml may stand: in the paths given, in the folders around them, and here.
fn folders(paths: &[String]) -> Vec<PathBuf> {
    paths
        .iter()
        .flat_map(|path| Path::new(path).ancestors())
        .filter(|folder| !folder.as_os_str().is_empty() && folder.is_dir())
        .map(PathBuf::from)
        .chain([PathBuf::from(".")])
        .collect()
}

/// Switches off what `--only` does not name.
fn only(config: &mut Config, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    for id in wanted {
        if lockfast_policy::control(id).is_none() && lockfast_policy::clause(id).is_none() {
            bail!("--only {}", super::no_such(id));
        }
    }
    for control in lockfast_policy::controls() {
        let named = wanted.iter().any(|id| {
            control.id == id
                || control
                    .clauses
                    .iter()
                    .any(|clause| clause.eq_ignore_ascii_case(id))
        });
        if !named {
            config
                .control
                .entry(control.id.to_owned())
                .or_default()
                .enabled = Some(false);
        }
    }
    Ok(())
}

/// Which reports go where; `None` is standard output.
fn outputs(args: &Check) -> Result<Vec<(Format, Option<PathBuf>)>> {
    let mut outputs: Vec<(Format, Option<PathBuf>)> = Vec::new();
    let mut to_stdout = true;
    for output in &args.output {
        let (format, file) = match output.split_once('=') {
            Some((name, file)) if name.bytes().all(|b| b.is_ascii_alphabetic()) => {
                (named_format(name, output)?, file)
            }
            _ => {
                to_stdout = false;
                let format = Format::of_file(output).unwrap_or(args.format);
                (format, output.as_str())
            }
        };
        if file == "-" {
            to_stdout = false;
            outputs.push((format, None));
            continue;
        }
        if outputs
            .iter()
            .any(|(_, other)| other.as_deref() == Some(Path::new(file)))
        {
            bail!("--output names {file} twice; each report needs a file of its own");
        }
        outputs.push((format, Some(PathBuf::from(file))));
    }
    if to_stdout {
        outputs.insert(0, (args.format, None));
    }
    Ok(outputs)
}

fn named_format(name: &str, output: &str) -> Result<Format> {
    name.to_ascii_lowercase().parse().map_err(|_| {
        let names = Format::ALL.map(|(_, name)| name);
        let nearest = lockfast_policy::nearest(name, names.into_iter()).map_or_else(
            || format!("the formats are {}", names.join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        anyhow::anyhow!(
            "--output {output}: no format `{name}`; {nearest} (a file of that name: ./{output})"
        )
    })
}

/// A report must not take the place of what it is about.
fn spare_input(outputs: &[(Format, Option<PathBuf>)], loaded: &Loaded) -> Result<()> {
    for file in outputs.iter().filter_map(|(_, file)| file.as_deref()) {
        // Only a file that is there can have been read.
        let Ok(output) = file.canonicalize() else {
            continue;
        };
        let read = loaded.inventory.sources().iter().any(|source| {
            Path::new(source.name())
                .canonicalize()
                .is_ok_and(|input| input == output)
        });
        if read {
            bail!(
                "--output {}: that is one of the templates judged, and would be overwritten",
                file.display()
            );
        }
    }
    Ok(())
}

/// A spinner on standard error that shows itself only after a second, and only to a person.
fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

fn summary(loaded: &Loaded, config: Option<&Path>) -> InputSummary {
    let inventory = &loaded.inventory;
    let mut unknown_types = BTreeMap::new();
    for (kind, ids) in inventory.kinds() {
        if !lockfast_facts::tables::is_known_type(kind) {
            unknown_types.insert(kind.to_string(), ids.len());
        }
    }
    InputSummary {
        files_read: loaded.files_read,
        passed_over: loaded.passed_over.clone(),
        templates: inventory.stacks().len(),
        resources: inventory.resources().len(),
        unknown_types,
        problems: loaded
            .problems
            .iter()
            .map(|problem| Problem {
                path: problem.path.clone(),
                line: problem.at.map(|at| at.line),
                column: problem.at.map(|at| at.column),
                message: problem.message.clone(),
            })
            .collect(),
        policy: config.map(|file| file.display().to_string()),
    }
}

fn write_report(
    report: &Report<'_>,
    format: Format,
    file: Option<&Path>,
    args: &Check,
) -> Result<()> {
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    match file {
        None => {
            let style = Style {
                color: format == Format::Terminal,
                width: width(),
                verbosity,
            };
            // anstream takes the colour away where nobody would see it; machines get bytes as they are.
            let stdout: Box<dyn Write> = match format {
                Format::Terminal => Box::new(anstream::stdout().lock()),
                _ => Box::new(std::io::stdout().lock()),
            };
            let mut out = BufWriter::with_capacity(1 << 18, stdout);
            lockfast_report::write(report, format, &style, &mut out)?;
            out.flush()?;
        }
        Some(file) => {
            let style = Style {
                color: false,
                width: 100,
                verbosity,
            };
            let made = std::fs::File::create(file)
                .with_context(|| format!("cannot write {}", file.display()))?;
            let mut out = BufWriter::new(made);
            lockfast_report::write(report, format, &style, &mut out)
                .and_then(|()| out.flush())
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// A baseline: the failures that stand and are known.
#[derive(Serialize, Deserialize)]
struct Baseline {
    /// Says what the file is.
    lockfast_baseline: u32,
    fingerprints: BTreeSet<String>,
}

fn write_baseline(run: &Run<'_>, file: &Path) -> Result<()> {
    let baseline = Baseline {
        lockfast_baseline: 1,
        fingerprints: failing(run),
    };
    std::fs::write(
        file,
        format!("{}\n", serde_json::to_string_pretty(&baseline)?),
    )
    .with_context(|| format!("cannot write {}", file.display()))
}

fn failing(run: &Run<'_>) -> BTreeSet<String> {
    run.verdicts()
        .enumerate()
        .filter(|(_, (_, _, verdict))| *verdict == Verdict::Fail)
        .map(|(index, _)| run.finding(index).fingerprint)
        .collect()
}

/// Failures that `--baseline` and `--diff-base` say stood before.
fn known_failures(args: &Check, today: &str) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    if let Some(file) = &args.baseline {
        known.extend(read_baseline(file)?);
    }
    if let Some(revision) = &args.diff_base {
        known.extend(failures_at(revision, args, today)?);
    }
    Ok(known)
}

fn read_baseline(file: &Path) -> Result<BTreeSet<String>> {
    let text = super::read_small(file)
        .with_context(|| format!("cannot read the baseline {}", file.display()))?;
    if let Ok(baseline) = serde_json::from_str::<Baseline>(&text) {
        return Ok(baseline.fingerprints);
    }
    #[derive(Deserialize)]
    struct Earlier {
        findings: Vec<Finding>,
    }
    let earlier: Earlier = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is neither a baseline nor a JSON report of lockfast",
            file.display()
        )
    })?;
    Ok(earlier
        .findings
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.fingerprint)
        .collect())
}

/// Judges the same paths as they stood at a git revision.
fn failures_at(revision: &str, args: &Check, today: &str) -> Result<BTreeSet<String>> {
    if args.paths.iter().any(|path| path == "-") {
        bail!("--diff-base cannot know what standard input was at {revision}");
    }
    let tree = Tree::of(revision)?;
    let here = std::env::current_dir()?;
    let outside =
        |path: &&String| Path::new(path).is_absolute() && !Path::new(path).starts_with(&here);
    if let Some(path) = args.paths.iter().find(outside) {
        bail!("--diff-base compares by path: write {path} as a path from the current folder");
    }
    let then = tree.current()?;
    // Paths are part of a finding's identity, so the old tree is read under the same names.
    std::env::set_current_dir(&then)?;
    let old =
        old_failures(&tree, &here, args, today).with_context(|| format!("--diff-base {revision}"));
    std::env::set_current_dir(here)?;
    old
}

/// Judges the old tree with the policy file and the parameters that it had; with today's, where it
/// had none.
fn old_failures(tree: &Tree, here: &Path, args: &Check, today: &str) -> Result<BTreeSet<String>> {
    let paths: Vec<String> = args.paths.iter().map(|path| tree.map(path)).collect();
    let paths: Vec<String> = paths
        .into_iter()
        .filter(|path| path.contains('*') || Path::new(path).exists())
        .collect();
    if paths.is_empty() {
        return Ok(BTreeSet::new());
    }
    let then = |file: &Path| match tree.map(&file.to_string_lossy()) {
        old if Path::new(&old).exists() => PathBuf::from(old),
        _ => here.join(file),
    };
    let config = args.config.as_deref().map(then);
    let (mut config, _) = policy::load(config.as_deref(), &folders(&paths))?;
    only(&mut config, &args.only)?;
    let options = ReadOptions {
        parameters: args
            .parameters
            .iter()
            .map(|given| match Path::new(given) {
                file if here.join(file).exists() => then(file).to_string_lossy().into_owned(),
                _ => given.clone(),
            })
            .collect(),
        ..ReadOptions::default()
    };
    let loaded = lockfast_iac::load(&paths, &options);
    Ok(failing(&evaluate(&loaded.inventory, &config, today)))
}

fn exit_code(report: &Report<'_>, loaded: &Loaded, max_unknown: Option<usize>) -> u8 {
    let verdicts = report.run.verdicts();
    let unknown = verdicts.filter(|(_, _, v)| *v == Verdict::Unknown).count();
    if report.is_broken() {
        exit::BROKEN
    } else if !loaded.problems.is_empty() || loaded.inventory.stacks().is_empty() {
        exit::UNREADABLE
    } else if max_unknown.is_some_and(|limit| unknown > limit) {
        exit::UNKNOWN
    } else {
        exit::KEPT
    }
}
