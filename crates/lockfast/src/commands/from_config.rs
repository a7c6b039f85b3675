//! `--from-config`: what AWS Config recorded, judged as a scan would be.

use super::judge::{folders, spare_input, summary};
use super::judging::{Ready, spinner};
use crate::cli::{Judge, Judging, Scan};
use crate::exit;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use lockfast_config_source::{Options, Outcome};
use lockfast_report::Problem;
use std::io::{BufWriter, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Runs `lockfast judge --from-config` and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or an output file.
pub(super) fn judge(args: &Judge) -> Result<u8> {
    let input = Input {
        config: &args.from_config,
        snapshots: &args.snapshots,
        output: args.snapshot.as_deref(),
    };
    input.judge(&args.judging)
}

/// Runs `lockfast scan --from-config` and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or an output file.
pub(super) fn scan(args: &Scan) -> Result<u8> {
    let input = Input {
        config: &args.from_config,
        snapshots: &[],
        output: args.snapshot.as_deref(),
    };
    if !args.no_judge {
        return input.judge(&args.judging);
    }
    if args.snapshot.is_none() {
        bail!("--no-judge with --from-config only writes a snapshot: name it with --snapshot");
    }
    let spinner = spinner();
    let (outcome, _) = input.convert(&spinner)?;
    spinner.finish_and_clear();
    for problem in &outcome.problems {
        let place = problem
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        anstream::eprintln!("{}{place}: {}", problem.path, problem.message);
    }
    if !args.judging.quiet {
        input.tell(&outcome);
    }
    Ok(match outcome.problems.is_empty() {
        true => exit::KEPT,
        false => exit::UNREADABLE,
    })
}

/// What is read, and where it is kept.
struct Input<'a> {
    config: &'a [PathBuf],
    snapshots: &'a [PathBuf],
    output: Option<&'a Path>,
}

impl Input<'_> {
    fn judge(&self, judging: &Judging) -> Result<u8> {
        let mut named = self.snapshots.to_vec();
        named.extend_from_slice(self.config);
        let ready = Ready::new(judging, &folders(&named))?.with_ledger();
        let mut read = self.snapshots.to_vec();
        read.extend(lockfast_config_source::files(self.config));
        read.extend(self.output.map(Path::to_owned));
        spare_input(&ready, &read)?;
        let spinner = spinner();
        let (outcome, kept) = self.convert(&spinner)?;
        if self.output.is_some() && !judging.quiet {
            self.tell(&outcome);
        }
        let mut files = self.snapshots.to_vec();
        files.push(kept.path().to_owned());
        let loaded = ManuallyDrop::new(lockfast_snapshot::load_all(&files)?);
        let mut summary = summary(&loaded);
        summary.files_read = self.snapshots.len() + outcome.files;
        summary
            .problems
            .splice(0..0, outcome.problems.into_iter().map(problem));
        ready.judge(&loaded.inventory, summary, &spinner)
    }

    /// Converts the files to a snapshot: the one asked for, or one that goes when it was judged.
    fn convert(&self, spinner: &ProgressBar) -> Result<(Outcome, Kept)> {
        spinner.set_message("reading what AWS Config recorded");
        self.spare_files()?;
        let now = jiff::Timestamp::now();
        let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
        let options = Options {
            made_by: format!("lockfast {}", env!("CARGO_PKG_VERSION")),
            now: now.to_string(),
            cover: lockfast_policy::secrets::cover_value,
        };
        // Beside where it is to stand, so that a snapshot stands there whole or not at all.
        let folder = match self.output.map(|output| output.parent()) {
            Some(Some(folder)) if !folder.as_os_str().is_empty() => folder.to_owned(),
            Some(_) => PathBuf::from("."),
            None => std::env::temp_dir(),
        };
        let file = NamedTempFile::new_in(&folder)
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let mut out = BufWriter::new(file);
        let outcome = lockfast_config_source::convert(self.config, &options, &mut out)
            .and_then(|outcome| out.flush().map(|()| outcome))
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let file = out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        let kept = match self.output {
            None => Kept::Until(file),
            Some(output) => {
                file.persist(output)
                    .with_context(|| format!("cannot write {}", output.display()))?;
                Kept::At(output.to_owned())
            }
        };
        Ok((outcome, kept))
    }

    /// The snapshot must not take the place of what it is made of.
    fn spare_files(&self) -> Result<()> {
        let Some(Ok(output)) = self.output.map(Path::canonicalize) else {
            return Ok(());
        };
        let mut read = lockfast_config_source::files(self.config)
            .into_iter()
            .chain(self.snapshots.iter().cloned());
        if read.any(|file| file.canonicalize().is_ok_and(|file| file == output)) {
            bail!(
                "--snapshot {}: that is what is read, and would be overwritten",
                output.display()
            );
        }
        Ok(())
    }

    fn tell(&self, outcome: &Outcome) {
        if let Some(output) = self.output {
            anstream::eprintln!(
                "wrote {}: {} resources of {} files, as of {}",
                output.display(),
                outcome.resources,
                outcome.files,
                outcome.taken
            );
        }
    }
}

/// A snapshot that stays, or goes at the end.
enum Kept {
    At(PathBuf),
    Until(NamedTempFile),
}

impl Kept {
    fn path(&self) -> &Path {
        match self {
            Kept::At(path) => path,
            Kept::Until(file) => file.path(),
        }
    }
}

fn problem(problem: lockfast_config_source::Problem) -> Problem {
    Problem {
        path: problem.path,
        line: problem.line,
        column: problem.column,
        message: problem.message,
    }
}
