//! Facts for commands that answer questions: of snapshots, or of templates.

use super::{judging, policy};
use crate::cli::Facts;
use anyhow::{Result, bail};
use lockfast_facts::Inventory;
use lockfast_iac::ReadOptions;
use lockfast_policy::{Config, Cx};
use lockfast_report::{Problem, clean};
use lockfast_snapshot::is_snapshot;
use std::path::{Path, PathBuf};

/// What was read.
pub(super) struct Read {
    pub(super) inventory: Inventory,
    /// The templates that were named beside snapshots.
    pub(super) templates: Option<Inventory>,
    pub(super) config: Config,
    /// The policy file, where there is one.
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub(super) config_file: Option<PathBuf>,
    pub(super) today: String,
    pub(super) problems: Vec<Problem>,
}

impl Read {
    /// Reads what the command line names, and the policy file beside it.
    ///
    /// # Errors
    /// What is wrong with the command line, the policy file or a snapshot.
    pub(super) fn new(facts: &Facts) -> Result<Read> {
        let read = Read::of_both(facts)?;
        if read.templates.is_some() {
            bail!(
                "--from takes snapshots or templates here; `lockfast keys` and `lockfast keys map` take both at once"
            );
        }
        Ok(read)
    }

    /// The same of snapshots and templates, where a command shows both.
    ///
    /// # Errors
    /// As [`Read::new`].
    pub(super) fn of_both(facts: &Facts) -> Result<Read> {
        let today = judging::day(facts.today.as_deref())?;
        if let Some(path) = facts.from.iter().find(|path| !path.exists()) {
            bail!(
                "--from {}: there is no such file or folder (--from takes all that follows it: what is none of its files stands before it)",
                path.display()
            );
        }
        let folder = |path: &PathBuf| match path.is_dir() {
            true => Some(path.clone()),
            false => path.parent().map(Path::to_owned),
        };
        let beside = facts.from.iter().filter_map(folder);
        let beside = beside.filter(|folder| !folder.as_os_str().is_empty());
        let folders: Vec<PathBuf> = beside.chain([PathBuf::from(".")]).collect();
        let (config, config_file) = policy::load(facts.config.as_deref(), &folders)?;
        let (snapshots, beside): (Vec<PathBuf>, Vec<PathBuf>) =
            facts.from.iter().cloned().partition(|path| is_one(path));
        let both = !snapshots.is_empty() && !beside.is_empty();
        let first = if both { &snapshots } else { &facts.from };
        let (inventory, mut problems, mut files) = declared(first)?;
        let mut templates = None;
        if both {
            let (second, more, read) = declared(&beside)?;
            problems.extend(more);
            // Snapshots were there already.
            files = read;
            templates = Some(second);
        }
        for problem in &problems {
            anstream::eprintln!("{}: {}", problem.place(), clean(&problem.message));
        }
        if files == 0 {
            let named: Vec<String> = facts.from.iter().map(|p| p.display().to_string()).collect();
            bail!(
                "{}: no template and no snapshot is there; name some with --from",
                named.join(", ")
            );
        }
        Ok(Read {
            inventory,
            templates,
            config,
            config_file,
            today,
            problems,
        })
    }

    /// What the policy file says of it.
    pub(super) fn cx(&self) -> Cx<'_> {
        Cx::new(&self.inventory, &self.config, &self.today)
    }

    /// The exit code where nothing else is to be said.
    pub(super) fn code(&self) -> u8 {
        match self.problems.is_empty() {
            true => crate::exit::KEPT,
            false => crate::exit::UNREADABLE,
        }
    }
}

fn is_one(path: &Path) -> bool {
    path.is_file() && is_snapshot(path)
}

/// The facts of snapshots, or of templates; what could not be read, and how many files were.
pub(super) fn declared(paths: &[PathBuf]) -> Result<(Inventory, Vec<Problem>, usize)> {
    let snapshots = paths.iter().filter(|path| is_one(path)).count();
    if snapshots == paths.len() {
        let loaded = lockfast_snapshot::load_all(paths)?;
        return Ok((loaded.inventory, Vec::new(), loaded.headers.len()));
    }
    if snapshots > 0 {
        bail!("--from takes snapshots or templates, not both at once");
    }
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let loaded = lockfast_iac::load(&paths, &ReadOptions::default());
    let problem = |problem: &lockfast_iac::Problem| Problem {
        path: problem.path.clone(),
        line: problem.at.map(|at| at.line),
        column: problem.at.map(|at| at.column),
        message: problem.message.clone(),
    };
    let problems = loaded.problems.iter().map(problem).collect();
    Ok((loaded.inventory, problems, loaded.files_read))
}
