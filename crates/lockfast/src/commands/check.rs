//! `lockfast check`.

use super::diff_base::Tree;
use super::judging::{Ready, day, failing, only, spinner, unknown_types};
use super::policy;
use crate::cli::Check;
use anyhow::{Context, Result, bail};
use lockfast_iac::{Loaded, ReadOptions};
use lockfast_policy::{Finding, evaluate};
use lockfast_report::{InputSummary, Problem};
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file, the baseline or an output file.
pub fn run(args: &Check) -> Result<u8> {
    let mut ready = Ready::new(&args.judging, &folders(&args.paths))?;
    if let Some(revision) = &args.diff_base {
        let then = failures_at(revision, args, ready.today())?;
        ready.knows(then);
    }
    let spinner = spinner();
    spinner.set_message("reading templates");
    // The process ends with this command: giving back hundreds of thousands of values one by one is
    // work for nothing.
    let loaded = ManuallyDrop::new(lockfast_iac::load(&args.paths, &read_options(args)));
    spare_input(&ready, &loaded)?;
    ready.judge(&loaded.inventory, summary(&loaded), &spinner)
}

/// Everything `check` finds in the paths, for `explain`.
pub(super) fn findings_of(paths: &[String], config: Option<&Path>) -> Result<Vec<Finding>> {
    let (config, _) = policy::load(config, &folders(paths))?;
    let loaded = lockfast_iac::load(paths, &ReadOptions::default());
    Ok(evaluate(&loaded.inventory, &config, &day(None)?)
        .findings()
        .collect())
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

/// A report must not take the place of what it is about.
fn spare_input(ready: &Ready<'_>, loaded: &Loaded) -> Result<()> {
    for file in ready.files() {
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

fn summary(loaded: &Loaded) -> InputSummary {
    let inventory = &loaded.inventory;
    InputSummary {
        files_read: loaded.files_read,
        passed_over: loaded.passed_over.clone(),
        templates: inventory.stacks().len(),
        resources: inventory.resources().len(),
        unknown_types: unknown_types(inventory),
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
        ..InputSummary::default()
    }
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
    let config = args.judging.config.as_deref().map(then);
    let (mut config, _) = policy::load(config.as_deref(), &folders(&paths))?;
    only(&mut config, &args.judging.only)?;
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
