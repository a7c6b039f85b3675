//! The command line.

use crate::exit;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use lockfast_policy::Severity;
use lockfast_report::Format;
use std::path::PathBuf;

/// Proves that an encryption and key-management policy is kept on AWS.
#[derive(Debug, Parser)]
#[command(name = "lockfast", version, propagate_version = true, after_help = exit::HELP)]
pub struct Cli {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colour. `NO_COLOR` is honoured by `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge templates: CloudFormation, SAM and CDK cloud assemblies.
    Check(Check),
    /// Explain a control, a clause, or a finding by its fingerprint.
    Explain(Explain),
    /// List the controls.
    Controls(Controls),
    /// List which clauses are decided by which controls, from which sources.
    Coverage(Coverage),
    /// Work with the policy file, lockfast.toml.
    #[command(subcommand)]
    Policy(Policy),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// `lockfast check`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Check {
    /// Files, folders, globs, CDK cloud assemblies (cdk.out), or `-` for standard input.
    #[arg(default_value = ".", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
    /// How to print the report.
    #[arg(short, long, default_value_t = Format::Terminal, value_parser = format_parser())]
    pub format: Format,
    /// Write a report to a file: FORMAT=FILE, or FILE in the format that its ending says, else in
    /// --format's. May be given several times.
    #[arg(short, long, value_name = "[FORMAT=]FILE", value_hint = ValueHint::FilePath)]
    pub output: Vec<String>,
    /// The policy file; lockfast.toml in the first path or here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Parameter values: a file in CloudFormation's, CodePipeline's or plain form, or Key=Value.
    #[arg(long, value_name = "FILE|KEY=VALUE")]
    pub parameters: Vec<String>,
    /// Judge only these controls or clauses.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Lowest severity whose failure breaks the run.
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    pub fail_on: FailOn,
    /// How many verdicts may be unknown before exit code 4; any number when not given.
    #[arg(long, value_name = "N")]
    pub max_unknown: Option<usize>,
    /// Leave out failures that this earlier JSON report or baseline holds.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Write the fingerprints of all failures to a baseline file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write_baseline: Option<PathBuf>,
    /// Leave out failures that stood already at this git revision.
    #[arg(long, value_name = "REV")]
    pub diff_base: Option<String>,
    /// Only the clauses that fail, and the last line.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every finding, and what passes.
    #[arg(short, long)]
    pub verbose: bool,
    /// How many threads to use; all cores when not given.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// The day that decides whether waivers still hold and how old things are (YYYY-MM-DD); today when not given.
    #[arg(long, value_name = "DATE")]
    pub today: Option<String>,
}

/// Names every format in the help and in completions.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(_, name)| name))
        .try_map(|name| name.parse::<Format>())
}

fn severity_parser() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name)).map(|name| {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
            .unwrap_or(Severity::Info)
    })
}

/// The lowest severity that breaks a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Anything that fails.
    Info,
    /// Low and above.
    Low,
    /// Medium and above.
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
    /// Nothing breaks the run.
    Never,
}

impl FailOn {
    /// The lowest severity whose failure breaks a run; none when nothing does.
    pub fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Info => Some(Severity::Info),
            FailOn::Low => Some(Severity::Low),
            FailOn::Medium => Some(Severity::Medium),
            FailOn::High => Some(Severity::High),
            FailOn::Critical => Some(Severity::Critical),
            FailOn::Never => None,
        }
    }
}

/// `lockfast explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A control's id, a clause's id, or a finding's fingerprint (or its first characters).
    pub what: String,
    /// Where to look for the finding of a fingerprint: the paths given to check.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
    /// The policy file, for a fingerprint.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `lockfast controls`.
#[derive(Debug, Args)]
pub struct Controls {
    /// Only controls whose id, title or clause contains this text.
    pub filter: Option<String>,
    /// Only controls of at least this severity: info, low, medium, high or critical.
    #[arg(long, value_parser = severity_parser())]
    pub severity: Option<Severity>,
    /// Only controls that decide this clause.
    #[arg(long)]
    pub clause: Option<String>,
    /// How to print them.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `lockfast coverage`.
#[derive(Debug, Args)]
pub struct Coverage {
    /// Only what is not decided yet.
    #[arg(long)]
    pub open: bool,
    /// Only this source: iac, live, probe, trail or attest.
    #[arg(long)]
    pub source: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// How to print a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// `lockfast policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Write a lockfast.toml to start from.
    Init {
        /// Where to.
        #[arg(default_value = "lockfast.toml", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Overwrite a file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Show the policy that holds: the built-in one with the file's changes.
    Show {
        /// The policy file.
        #[arg(short, long, value_hint = ValueHint::FilePath)]
        config: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
    },
    /// Check a policy file without judging anything.
    Validate {
        /// The policy file.
        #[arg(default_value = "lockfast.toml", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Print the JSON schema of the policy file.
    Schema,
}
