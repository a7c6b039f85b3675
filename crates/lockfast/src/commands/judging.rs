//! Judging facts and reporting: what `check`, `scan` and `judge` share.

use super::operate::evidence;
use super::{policy, width};
use crate::cli::Judging;
use crate::exit;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lockfast_facts::Inventory;
use lockfast_policy::{Config, Finding, Run, Verdict, evaluate};
use lockfast_report::{Format, Home, InputSummary, Report, Style, Verbosity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufWriter, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the command line says of judging, read and checked before anything else is done.
pub(super) struct Ready<'a> {
    args: &'a Judging,
    /// Which reports go where; `None` is standard output.
    outputs: Vec<(Format, Option<PathBuf>)>,
    config: Config,
    config_file: Option<PathBuf>,
    today: String,
    known: BTreeSet<String>,
}

impl<'a> Ready<'a> {
    /// Reads the policy file and the baseline; `folders` are where a lockfast.toml may stand.
    ///
    /// # Errors
    /// What is wrong with the command line, the policy file or the baseline.
    pub(super) fn new(args: &'a Judging, folders: &[PathBuf]) -> Result<Self> {
        if let Some(threads) = args.threads {
            rayon_threads(threads)?;
        }
        let outputs = outputs(args)?;
        let (mut config, config_file) = policy::load(args.config.as_deref(), folders)?;
        only(&mut config, &args.only)?;
        let mut known = BTreeSet::new();
        if let Some(file) = &args.baseline {
            known.extend(read_baseline(file)?);
        }
        Ok(Ready {
            args,
            outputs,
            config,
            config_file,
            today: day(args.today.as_deref())?,
            known,
        })
    }

    /// Hears what the ledger beside the policy file tells of the keys of accounts.
    pub(super) fn with_ledger(mut self) -> Self {
        self.config.evidence = evidence::beside(&self.config, self.config_file.as_deref());
        self
    }

    /// The endpoints that the policy file names.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        let systems = self
            .config
            .customer
            .iter()
            .flat_map(|customer| &customer.system);
        let environments = systems.flat_map(|system| &system.environment);
        environments.flat_map(|environment| environment.endpoints.iter().map(String::as_str))
    }

    /// What the policy file says.
    #[cfg(feature = "trail")]
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Where it stands.
    #[cfg(feature = "trail")]
    pub(super) fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// The day that judges.
    pub(super) fn today(&self) -> &str {
        &self.today
    }

    /// The controls that `--only` leaves; all when it is not given.
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub(super) fn only(&self) -> Option<HashSet<String>> {
        let enabled = |id: &str| {
            let settings = self.config.control.get(id);
            settings.and_then(|settings| settings.enabled) != Some(false)
        };
        (!self.args.only.is_empty()).then(|| {
            lockfast_policy::controls()
                .map(|control| control.id)
                .filter(|id| enabled(id))
                .map(str::to_owned)
                .collect()
        })
    }

    /// The files that reports go to.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.outputs.iter().filter_map(|(_, file)| file.as_deref())
    }

    /// Whether a person reads along: the terminal's report goes to standard output.
    pub(super) fn is_shown(&self) -> bool {
        self.outputs.contains(&(Format::Terminal, None)) && !self.args.quiet
    }

    /// Leaves out failures that stood before.
    pub(super) fn knows(&mut self, fingerprints: BTreeSet<String>) {
        self.known.extend(fingerprints);
    }

    /// Judges, writes the reports, and gives the exit code.
    ///
    /// # Errors
    /// When a report cannot be written.
    pub(super) fn judge(
        self,
        inventory: &Inventory,
        input: InputSummary,
        spinner: &ProgressBar,
    ) -> Result<u8> {
        self.judge_then(inventory, input, spinner, |_| Ok(None))
    }

    /// The same, and then does something more with what was reported, which may give another exit code.
    ///
    /// # Errors
    /// When a report cannot be written, and those of what is done then.
    pub(super) fn judge_then(
        self,
        inventory: &Inventory,
        input: InputSummary,
        spinner: &ProgressBar,
        then: impl FnOnce(&Report<'_>) -> Result<Option<u8>>,
    ) -> Result<u8> {
        let run = self.evaluate(inventory, spinner);
        let report = self.report(&run, input);
        self.write(&report, true)?;
        let code = then(&report)?;
        Ok(code.unwrap_or_else(|| self.exit_code(&report)))
    }

    /// Judges.
    pub(super) fn evaluate<'f>(
        &'f self,
        inventory: &'f Inventory,
        spinner: &ProgressBar,
    ) -> ManuallyDrop<Run<'f>> {
        spinner.set_message(format!("judging {} resources", inventory.resources().len()));
        // The process ends with this command: giving back hundreds of thousands of values one by one is
        // work for nothing.
        let run = ManuallyDrop::new(lockfast_iac::install(|| {
            evaluate(inventory, &self.config, &self.today)
        }));
        spinner.finish_and_clear();
        run
    }

    /// What is reported of verdicts.
    pub(super) fn report<'r>(&self, run: &'r Run<'r>, input: InputSummary) -> Report<'r> {
        let policy = self.config_file.as_ref();
        Report {
            run,
            input: InputSummary {
                policy: policy.map(|file| file.display().to_string()),
                ..input
            },
            known: self.known.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            breaks_from: self.args.fail_on.severity(),
            made: jiff::Timestamp::now(),
            home: Home {
                account: std::env::var("AWS_ACCOUNT_ID").ok(),
                region: std::env::var("AWS_REGION").ok(),
            },
        }
    }

    /// Writes the reports; those for standard output only when they are to be `shown`.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn write(&self, report: &Report<'_>, shown: bool) -> Result<()> {
        let outputs = self.outputs.iter();
        for (format, file) in outputs.filter(|(_, file)| shown || file.is_some()) {
            write_report(report, *format, file.as_deref(), self.args)?;
            if let Some(said) = lockfast_report::left_out(report, *format) {
                anstream::eprintln!("{format}: {said}");
            }
        }
        if let Some(file) = &self.args.write_baseline {
            write_baseline(report.run, file)?;
        }
        Ok(())
    }

    /// The exit code of a report.
    pub(super) fn exit_code(&self, report: &Report<'_>) -> u8 {
        exit_code(report, self.args.max_unknown)
    }
}

fn exit_code(report: &Report<'_>, max_unknown: Option<usize>) -> u8 {
    let verdicts = report.run.verdicts();
    let unknown = verdicts.filter(|(_, _, v)| *v == Verdict::Unknown).count();
    if report.is_broken() {
        exit::BROKEN
    } else if !report.input.problems.is_empty() || report.run.inventory().stacks().is_empty() {
        exit::UNREADABLE
    } else if max_unknown.is_some_and(|limit| unknown > limit) {
        exit::UNKNOWN
    } else {
        exit::KEPT
    }
}

/// Types that no adapter knows, and how many resources have each.
pub(super) fn unknown_types(inventory: &Inventory) -> BTreeMap<String, usize> {
    inventory
        .kinds()
        .filter(|(kind, _)| !lockfast_facts::tables::is_known_type(kind))
        .map(|(kind, ids)| (kind.to_string(), ids.len()))
        .collect()
}

/// The day given, or today in UTC, so that a waiver ends at the same moment everywhere.
pub(super) fn day(given: Option<&str>) -> Result<String> {
    Ok(match given {
        Some(day) => day
            .parse::<jiff::civil::Date>()
            .with_context(|| format!("--today {day}: write YYYY-MM-DD"))?
            .to_string(),
        None => jiff::tz::TimeZone::UTC
            .to_datetime(jiff::Timestamp::now())
            .date()
            .to_string(),
    })
}

fn rayon_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .context("--threads")
}

/// Switches off what `--only` does not name.
pub(super) fn only(config: &mut Config, wanted: &[String]) -> Result<()> {
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
fn outputs(args: &Judging) -> Result<Vec<(Format, Option<PathBuf>)>> {
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

/// A spinner on standard error that shows itself only after a second, and only to a person.
pub(super) fn spinner() -> ProgressBar {
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

fn write_report(
    report: &Report<'_>,
    format: Format,
    file: Option<&Path>,
    args: &Judging,
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

pub(super) fn failing(run: &Run<'_>) -> BTreeSet<String> {
    run.verdicts()
        .enumerate()
        .filter(|(_, (_, _, verdict))| *verdict == Verdict::Fail)
        .map(|(index, _)| run.finding(index).fingerprint)
        .collect()
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
