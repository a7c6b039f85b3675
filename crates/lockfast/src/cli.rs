//! The command line.

mod keys;
mod operate;
mod respond;
mod trail;

pub use keys::{Asked, Can, Facts, Keys, KeysCommand, Listing, MapFormat, Source, What, WhoCan};
pub use operate::{
    Account, Acting, Cancel, Decide, Delete, Drill, EscrowArgs, Guard, LedgerArgs, LedgerCommand,
    RequestDeletion, Requests, Rotate, Secrets,
};

pub use respond::{
    Carrying, IncidentArgs, IncidentCommand, KeyCompromise, ReportFormat, Respond, RespondCommand,
    WrongHands,
};
pub use trail::{
    About, Anomalies, Answer, AnswerFormat, Asking, Athena, Cluster, DetectionFormat, Detections,
    FeedbackArgs, Forensics, Generate, Index, Quarterly, ReportCommand, SecretReads, Signed, Sql,
    Tls, Trail, TrailCheck, TrailCommand, Usage, Usual, Verify,
};

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
    /// Scan live AWS accounts into a snapshot, and judge it.
    Scan(Box<Scan>),
    /// Measure endpoints from outside, and judge them.
    Probe(Box<Probe>),
    /// Judge certificates: of a file, an endpoint or ACM.
    Cert(Box<Cert>),
    /// Judge snapshots of accounts and endpoints again, offline.
    Judge(Box<Judge>),
    /// Say what changed between two snapshots, and what got worse.
    Diff(Diff),
    /// Say what differs between a snapshot and the templates that should have made it.
    Drift(Drift),
    /// Keys: what hangs on them, what stops without them, which nobody needs, when they rotate.
    Keys(Box<Keys>),
    /// Respond to an incident: a plan that is shown, carried out, verified and documented.
    Respond(Respond),
    /// Incidents: how they stand, going on with them, and the post-mortem.
    Incident(IncidentArgs),
    /// Secrets: which rotate, when, and their rotation brought in order.
    Secrets(Box<Secrets>),
    /// The ledger of requests, approvals and all that was done: whole or not.
    Ledger(LedgerArgs),
    /// Say who may decrypt, administer, read or use something, and why.
    WhoCan(Box<WhoCan>),
    /// Say whether somebody may do something, with the statements that decide.
    Can(Box<Can>),
    /// What the keys and secrets were really used for: CloudTrail's logs, asked.
    Trail(Box<Trail>),
    /// Run a cluster for `lockfast trail --cluster`, where logs have outgrown one machine.
    #[command(subcommand)]
    Cluster(Cluster),
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
    /// Parameter values: a file in CloudFormation's, CodePipeline's or plain form, or Key=Value.
    #[arg(long, value_name = "FILE|KEY=VALUE")]
    pub parameters: Vec<String>,
    /// Leave out failures that stood already at this git revision.
    #[arg(long, value_name = "REV")]
    pub diff_base: Option<String>,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: Judging,
}

/// How to judge and report, whatever the facts came from.
#[derive(Clone, Debug, Args)]
pub struct Judging {
    /// How to print the report.
    #[arg(short, long, default_value_t = Format::Terminal, value_parser = format_parser())]
    pub format: Format,
    /// Write a report to a file: FORMAT=FILE, or FILE in the format that its ending says, else in
    /// --format's. May be given several times.
    #[arg(short, long, value_name = "[FORMAT=]FILE", value_hint = ValueHint::FilePath)]
    pub output: Vec<String>,
    /// The policy file; lockfast.toml beside what is judged or here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
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

/// `lockfast scan`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Scan {
    /// How to get into accounts.
    #[command(flatten)]
    pub access: Access,
    /// A region to scan, may be given several times; all that each account has opted in to when not given.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub region: Vec<String>,
    /// A service to scan, by its IAM prefix (kms, s3, rds), may be given several times; all when not given.
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    pub service: Vec<String>,
    /// An account to scan through --role, may be given several times; the one of the credentials when not given.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub account: Vec<String>,
    /// Scan every active account of the organisation through --role.
    #[arg(long)]
    pub organization: bool,
    /// Read at most so many pages of one list.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_pages: u32,
    /// Ask of at most so many objects of each bucket how they are encrypted: those that are older than the bucket's
    /// setting keep their key. Needs to list and read objects (--print-iam-policy); their names are not kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sample_objects: Option<u16>,
    /// Ask of each key when it was last used (`lockfast keys unused`): one call a key more.
    #[arg(long)]
    pub key_last_use: bool,
    /// Where to write the snapshot; lockfast-<time>.snapshot here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub snapshot: Option<PathBuf>,
    /// Go on with the scan to this file that was cut off, without repeating calls that answered.
    #[arg(long, value_name = "FILE", conflicts_with = "snapshot", value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,
    /// Only write the snapshot; judge it later (lockfast judge).
    #[arg(long, conflicts_with = "send")]
    pub no_judge: bool,
    /// Read what AWS Config recorded in place of the accounts: files that it delivered to S3, answers of an
    /// aggregator, and folders of them. A snapshot is written only when --snapshot is given.
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::AnyPath, conflicts_with_all = [
        "profile", "region", "service", "account", "organization", "mfa_serial", "endpoint_url", "max_rps", "resume",
        "print_iam_policy", "print_role_template", "send",
    ])]
    pub from_config: Vec<PathBuf>,
    /// Print the least-privilege IAM policy of such a scan, and nothing else.
    #[arg(long)]
    pub print_iam_policy: bool,
    /// Print the CloudFormation template of the role that a scan assumes in other accounts, and nothing else.
    #[arg(long, conflicts_with = "send")]
    pub print_role_template: bool,
    /// What to do with the findings.
    #[command(flatten)]
    pub sending: Sending,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: Judging,
}

/// How to get into accounts.
#[derive(Debug, Args)]
pub struct Access {
    /// The profile of the shared AWS configuration; the default credential chain when not given.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The role that is assumed in other accounts.
    #[arg(long, value_name = "NAME", default_value = "lockfast-audit")]
    pub role: String,
    /// The external id that the role's trust policy asks for.
    #[arg(
        long,
        value_name = "ID",
        env = "LOCKFAST_EXTERNAL_ID",
        hide_env_values = true
    )]
    pub external_id: Option<String>,
    /// The serial number or ARN of your MFA device.
    #[arg(long, value_name = "ARN", requires = "mfa_code")]
    pub mfa_serial: Option<String>,
    /// The code that your MFA device shows.
    #[arg(long, value_name = "CODE", requires = "mfa_serial")]
    pub mfa_code: Option<String>,
    /// Ask this endpoint in place of AWS's own, for all services.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub endpoint_url: Option<String>,
    /// Keep the budget of each service at --endpoint-url too, as at AWS's own endpoints.
    #[arg(long, requires = "endpoint_url")]
    pub keep_budgets: bool,
    /// Send at most so many requests a second over everything, beside the budget of each service.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rps: Option<u32>,
    /// Try a call at most so often before it counts as one that gave no answer.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub attempts: u32,
    /// Wait so many milliseconds before a call is tried again, and twice as long each time after.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub backoff: u64,
    /// Wait at most so many seconds for the answer to one attempt.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
}

/// Where findings are handed to.
#[derive(Debug, Args)]
pub struct Sending {
    /// Hand the findings to a product, after showing what that would change there and asking.
    #[arg(long, value_enum, value_name = "PRODUCT")]
    pub send: Option<Receiver>,
    /// Send without asking.
    #[arg(long, requires = "send")]
    pub yes: bool,
}

/// A product that takes findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Receiver {
    /// AWS Security Hub, in the account and region of each finding.
    SecurityHub,
}

/// `lockfast probe`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Probe {
    /// Endpoints: HOST, HOST:PORT, [ADDRESS]:PORT or PROTOCOL://HOST:PORT. Port 443 and https when not said; protocols are https,
    /// tls, http, postgresql, mysql, smtp, smtps, imap, imaps, pop3, pop3s, ldap, ldaps, redis, mongodb and dax. Where none are named here,
    /// by --file or by --from, the `endpoints` of lockfast.toml are measured.
    pub endpoints: Vec<String>,
    /// A list of endpoints, one a line, each perhaps with `sni=NAME` and `role=ROLE`; `-` for standard input. May be given several times.
    #[arg(long, value_name = "LIST", value_hint = ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
    /// Measure the endpoints that these declare: snapshots, templates, folders, cloud assemblies (cdk.out). What is declared is compared
    /// with what is measured.
    #[arg(long, value_name = "SNAPSHOT|TEMPLATES", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub from: Vec<PathBuf>,
    /// Of --from, also what is reached from inside a VPC only.
    #[arg(long, requires = "from")]
    pub internal: bool,
    /// Find out all cipher suites and groups, not only what the policy asks; many more connections. `--full=failing` does so where
    /// something weak is accepted.
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always", default_value_t = FullWhen::Never, hide_default_value = true)]
    pub full: FullWhen,
    /// Do not look for Heartbleed and CCS injection, whose probes alarm intrusion detection.
    #[arg(long)]
    pub skip_weaknesses: bool,
    /// What the endpoints on the command line are, where their names do not tell.
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(lockfast_probe::Role::ALL.map(|(name, _)| name)))]
    pub role: Option<String>,
    /// The port of plain HTTP beside an HTTPS endpoint; 80 beside 443 when not said.
    #[arg(long, value_name = "PORT")]
    pub http_port: Option<u16>,
    /// Say which clients would still connect, as things are and after tightening to this TLS security policy of AWS.
    #[arg(long, value_name = "POLICY", num_args = 0..=1, default_missing_value = "")]
    pub simulate_clients: Option<String>,
    /// How to get to the endpoints.
    #[command(flatten)]
    pub reach: Reach,
    /// How many endpoints to measure at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Connections to one endpoint at most; what is not asked then stays unknown.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_connections: u16,
    /// Write what is measured to this snapshot, an endpoint a line as it is ready; `-` for standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub snapshot: Option<PathBuf>,
    /// Go on with the measuring to this file that was cut off, without the endpoints that it holds.
    #[arg(long, value_name = "FILE", conflicts_with = "snapshot", value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,
    /// Only measure; judge the snapshot later (lockfast judge).
    #[arg(long)]
    pub no_judge: bool,
    /// Go on measuring, each time after so long (30m, 6h, 1d; 1h when not said), and tell what changed.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "1h", conflicts_with_all = ["resume", "snapshot", "no_judge"])]
    pub watch: Option<String>,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: Judging,
}

/// When to find out all cipher suites and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FullWhen {
    /// Only what the policy asks.
    Never,
    /// Where a version before TLS 1.2, a suite without forward secrecy or a broken one is accepted.
    Failing,
    /// Always.
    Always,
}

/// How to get to endpoints.
#[derive(Debug, Args)]
pub struct Reach {
    /// Only IPv4 addresses.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Only IPv6 addresses.
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Ask for this name (SNI), and hold certificates against it; not for the endpoints of --from.
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,
    /// Addresses in the place of what DNS would tell, as HOST:PORT:ADDRESS[,ADDRESS]; may be given several times.
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub resolve: Vec<String>,
    /// The DNS server to ask, ADDRESS[:PORT]; the system's when not given.
    #[arg(long, value_name = "SERVER")]
    pub dns: Option<String>,
    /// Connect through this proxy: http://, socks5:// or socks5h:// (which resolves names), [USER:PASSWORD@]HOST:PORT.
    #[arg(
        long,
        value_name = "URL",
        env = "LOCKFAST_PROXY",
        hide_env_values = true
    )]
    pub proxy: Option<String>,
    /// The certificate to show to servers that ask for one (PEM).
    #[arg(long, value_name = "FILE", requires = "client_key", value_hint = ValueHint::FilePath)]
    pub client_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "client_cert", value_hint = ValueHint::FilePath)]
    pub client_key: Option<PathBuf>,
    /// Roots to trust beside the platform's (PEM); certificates under them are private ones.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub roots: Vec<PathBuf>,
    /// Connections a second to one address at most; 0 for as many as come.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub pace: u32,
    /// Seconds until a connection must stand.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub connect_timeout: u64,
    /// Seconds until an answer must be whole, however slowly it comes.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

/// `lockfast cert`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Cert {
    /// Files (PEM, DER, PKCS#7, PKCS#12; `-` for standard input), endpoints (HOST, HOST:PORT), or ARNs of certificates in ACM.
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub what: Vec<String>,
    /// The name that a file's certificate must carry.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A file with the password of PKCS#12 files; `-` for standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// The profile of the shared AWS configuration, for ARNs.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Ask this endpoint in place of AWS's own, for ARNs.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub endpoint_url: Option<String>,
    /// How to get to the endpoints.
    #[command(flatten)]
    pub reach: Reach,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: Judging,
}

/// `lockfast judge`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Judge {
    /// Snapshots that `lockfast scan` wrote; several are judged together.
    #[arg(required_unless_present = "from_config", value_hint = ValueHint::FilePath)]
    pub snapshots: Vec<PathBuf>,
    /// Judge what AWS Config recorded: configuration snapshots and histories that it delivered to S3, answers of an
    /// aggregator, and folders of them.
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::AnyPath, conflicts_with = "send")]
    pub from_config: Vec<PathBuf>,
    /// Write what AWS Config recorded to this snapshot, too.
    #[arg(long, value_name = "FILE", requires = "from_config", value_hint = ValueHint::FilePath)]
    pub snapshot: Option<PathBuf>,
    /// What to do with the findings.
    #[command(flatten)]
    pub sending: Sending,
    /// How to get into the accounts that findings are sent to; of no use without --send.
    #[command(flatten, next_help_heading = "Access to accounts, for --send")]
    pub access: Access,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: Judging,
}

/// `lockfast diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The earlier snapshot.
    #[arg(value_hint = ValueHint::FilePath)]
    pub old: PathBuf,
    /// The later snapshot.
    #[arg(value_hint = ValueHint::FilePath)]
    pub new: PathBuf,
    /// The policy file that both are judged by.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Lowest severity of what got worse that gives exit code 1.
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    pub fail_on: FailOn,
    /// The day that decides whether waivers still hold (YYYY-MM-DD); today when not given.
    #[arg(long, value_name = "DATE")]
    pub today: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `lockfast drift`.
#[derive(Debug, Args)]
#[command(after_help = exit::DRIFT_HELP)]
pub struct Drift {
    /// The snapshot that `lockfast scan` wrote.
    #[arg(value_hint = ValueHint::FilePath)]
    pub snapshot: PathBuf,
    /// The templates: files, folders, globs, CDK cloud assemblies (cdk.out), or `-` for standard input.
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    pub templates: Vec<String>,
    /// Say which live stack a template file is; may be given several times, for one file too. Without it a file is
    /// found by its logical ids.
    #[arg(long, value_name = "NAME=FILE", value_parser = stack_of_file)]
    pub stack: Vec<(String, String)>,
    /// Parameter values: a file in CloudFormation's, CodePipeline's or plain form, or Key=Value.
    #[arg(long, value_name = "FILE|KEY=VALUE")]
    pub parameters: Vec<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

fn stack_of_file(given: &str) -> Result<(String, String), String> {
    match given.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.to_owned()))
        }
        _ => Err("write the stack's name, an equals sign and the template's file".into()),
    }
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
