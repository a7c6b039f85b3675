//! One file per subcommand.

mod catalogue;
mod cert;
pub mod check;
mod cluster;
mod diff;
mod diff_base;
mod drift;
mod explain;
mod facts;
mod from_config;
mod judge;
mod judging;
mod keys;
mod operate;
mod policy;
mod probe;
mod respond;
mod scan;
mod send;
mod trail;

use crate::cli::{Cli, ColorWhen, Command, Policy};
use anstyle::{AnsiColor, Style};
pub use policy::config_schema;

use anyhow::{Result, bail};
use clap::CommandFactory;
use std::io::IsTerminal;

/// The style of the word `error`.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of the word `warning`.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Runs a parsed command line and gives its exit code.
///
/// # Errors
/// What the user has to mend in the command line or the policy file; exit code 2.
pub fn run(cli: Cli) -> Result<u8> {
    match cli.color {
        ColorWhen::Auto => {}
        ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
        ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
    }
    match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Scan(args) if !args.from_config.is_empty() => from_config::scan(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Cert(args) => cert::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Drift(args) => drift::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Respond(args) => respond::run(&args),
        Command::Incident(args) => respond::incident(&args),
        Command::Secrets(args) => operate::secrets::run(&args),
        Command::Ledger(args) => operate::ledger::run(&args),
        Command::WhoCan(args) => keys::who::run(&args),
        Command::Can(args) => keys::can::run(&args),
        Command::Trail(args) => trail::run(*args),
        Command::Cluster(args) => cluster::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Controls(args) => catalogue::controls(&args),
        Command::Coverage(args) => catalogue::coverage(&args),
        Command::Policy(Policy::Init { file, force }) => policy::init(&file, force),
        Command::Policy(Policy::Show { config, format }) => policy::show(config.as_deref(), format),
        Command::Policy(Policy::Validate { file }) => policy::validate(&file),
        Command::Policy(Policy::Schema) => policy::schema(),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lockfast", &mut out);
            print(&String::from_utf8_lossy(&out))
        }
        Command::Man { folder } => {
            std::fs::create_dir_all(&folder)?;
            clap_mangen::generate_to(Cli::command(), &folder)?;
            Ok(crate::exit::KEPT)
        }
    }
}

/// Prints a text; an error (a closed pipe) is the caller's to judge.
fn print(text: &str) -> Result<u8> {
    use std::io::Write;
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(crate::exit::KEPT)
}

/// What runs what is asynchronous.
fn runtime() -> Result<tokio::runtime::Runtime> {
    use anyhow::Context;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")
}

/// The width to print for: the terminal's, or 100 columns.
fn width() -> usize {
    if std::io::stdout().is_terminal() {
        terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0))
    } else {
        100
    }
}

/// Says that a word names nothing, and what it may have been meant to be.
fn no_such(word: &str) -> String {
    let known = lockfast_policy::controls()
        .map(|control| control.id)
        .chain(lockfast_policy::clauses().iter().map(|c| c.id.as_str()));
    // Clauses are written KEY-2, and searched for as key2 too.
    let meant = lockfast_policy::clauses()
        .iter()
        .map(|clause| clause.id.as_str())
        .find(|id| id.replace('-', "").eq_ignore_ascii_case(word))
        .or_else(|| lockfast_policy::nearest(word, known));
    match meant {
        Some(meant) => {
            format!("`{word}` is no control, clause or fingerprint; did you mean `{meant}`?")
        }
        None => format!(
            "`{word}` is no control, clause or fingerprint; `lockfast controls` and `lockfast coverage` list them"
        ),
    }
}

/// Writes a file, the whole of it or nothing.
fn write_whole(
    file: &std::path::Path,
    write: impl FnOnce(&mut dyn std::io::Write) -> Result<()>,
) -> Result<()> {
    use anyhow::Context;
    use std::io::Write;
    use std::path::Path;
    let wrong = || format!("cannot write {}", file.display());
    let folder = file.parent().filter(|own| !own.as_os_str().is_empty());
    let new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let mut out = std::io::BufWriter::new(new.with_context(wrong)?);
    write(&mut out).with_context(wrong)?;
    out.flush().with_context(wrong)?;
    let new = out.into_inner().map_err(|error| error.into_error());
    new.with_context(wrong)?.persist(file).with_context(wrong)?;
    Ok(())
}

/// Reads a policy file or a baseline: a regular file of at most 64 MiB, not a device or a pipe that
/// never ends.
fn read_small(file: &std::path::Path) -> Result<String> {
    use std::io::Read;
    const MOST: u64 = 64 << 20;
    if !std::fs::metadata(file)?.is_file() {
        bail!("it is no regular file");
    }
    let mut text = String::new();
    let read = std::fs::File::open(file)?
        .take(MOST + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MOST {
        bail!("it is larger than {} MiB", MOST >> 20);
    }
    Ok(text)
}
