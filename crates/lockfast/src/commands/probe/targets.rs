//! Which endpoints the command line asks for.

use crate::cli::Probe;
use crate::commands::facts::declared;
use anyhow::{Context, Result, bail};
use lockfast_facts::{Inventory, Origin};
use lockfast_probe::{Target, derive, list, named};
use lockfast_report::{Problem, clean};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

/// More than this of a list is not read.
const MOST_LIST: u64 = 64 << 20;

/// Endpoints, and what they were derived from.
pub(super) struct Targets {
    /// The endpoints, each once.
    pub(super) targets: Vec<Target>,
    /// The facts of what declares them; empty when nothing does.
    pub(super) base: Inventory,
    /// What of that could not be read.
    pub(super) problems: Vec<Problem>,
    /// How many files that was.
    pub(super) files: usize,
}

/// What the command line names or, where it names nothing, what the policy file does (`of_policy`).
pub(super) fn collect<'a>(
    args: &'a Probe,
    of_policy: impl Iterator<Item = &'a str>,
) -> Result<Targets> {
    let role = args.role.as_deref().and_then(named);
    let mut targets = Vec::new();
    let nothing = args.endpoints.is_empty() && args.file.is_empty() && args.from.is_empty();
    let of_policy = of_policy.filter(|_| nothing);
    for text in args.endpoints.iter().map(String::as_str).chain(of_policy) {
        let mut target: Target = text.parse()?;
        target.role = role;
        targets.push(target);
    }
    for file in &args.file {
        let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
        match list(&text) {
            Ok(listed) => targets.extend(listed),
            Err((line, why)) => match file == Path::new("-") {
                true => bail!("standard input:{line}: {why}"),
                false => bail!("{}:{line}: {why}", file.display()),
            },
        }
    }
    if let Some(name) = &args.reach.sni {
        for target in &mut targets {
            target.server_name.get_or_insert_with(|| name.clone());
        }
    }
    let (base, problems, files) = match args.from.is_empty() {
        true => (
            Inventory::new(Vec::new(), Vec::new(), Vec::new()).of(Origin::Network),
            Vec::new(),
            0,
        ),
        false => declared(&args.from)?,
    };
    let derived = derive(&base, args.internal);
    for target in derived.targets {
        // One that was named as well keeps what was said of it there.
        match targets
            .iter_mut()
            .find(|other| other.name() == target.name())
        {
            Some(other) => {
                other.role = other.role.or(target.role);
                other.of = target.of;
            }
            None => targets.push(target),
        }
    }
    if !args.judging.quiet {
        for (what, why) in &derived.left_out {
            anstream::eprintln!("not measured: {}: {why}", clean(what));
        }
    }
    let mut names = std::collections::HashSet::new();
    targets.retain(|target| names.insert(target.name()));
    if targets.is_empty() {
        match nothing {
            true => bail!(
                "name endpoints, or a list with --file, or what declares them with --from, or `endpoints` in lockfast.toml"
            ),
            false => bail!("there is no endpoint to measure"),
        }
    }
    Ok(Targets {
        targets,
        base,
        problems,
        files,
    })
}

/// Standard input gives its list once, and is asked for it each time that endpoints are watched.
static STANDARD_INPUT: OnceLock<String> = OnceLock::new();

fn read(file: &Path) -> Result<String> {
    let is_input = file == Path::new("-");
    if let (true, Some(text)) = (is_input, STANDARD_INPUT.get()) {
        return Ok(text.clone());
    }
    let mut text = String::new();
    let read = match is_input {
        true => std::io::stdin()
            .take(MOST_LIST + 1)
            .read_to_string(&mut text)?,
        false => std::fs::File::open(file)?
            .take(MOST_LIST + 1)
            .read_to_string(&mut text)?,
    };
    if read as u64 > MOST_LIST {
        bail!("it is larger than {} MiB", MOST_LIST >> 20);
    }
    Ok(match is_input {
        true => STANDARD_INPUT.get_or_init(|| text).clone(),
        false => text,
    })
}
