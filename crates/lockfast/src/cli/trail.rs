//! The command line of `lockfast trail`.

use super::exit;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `lockfast trail`.
#[derive(Debug, Args)]
#[command(after_help = exit::TRAIL_HELP)]
pub struct Trail {
    /// The question.
    #[command(subcommand)]
    pub command: TrailCommand,
}

/// The questions.
#[derive(Debug, Subcommand)]
pub enum TrailCommand {
    /// Count who used which key for what: by key, principal, operation and day.
    Usage(Usage),
    /// Say who read which secret or SecureString parameter, from where, how often, and who is new.
    Secrets(SecretReads),
    /// Say who calls AWS with TLS below 1.2, without forward secrecy or without TLS.
    Tls(Tls),
    /// Ask anything else in SQL; `lockfast trail tables` lists what there is.
    Sql(Sql),
    /// Ask in SQL, one query after another.
    Shell(Asking),
    /// List the tables and their columns.
    Tables {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = super::TableFormat::Table)]
        format: super::TableFormat,
    },
    /// Keep the events of keys, secrets and identities in Parquet, so that the next question takes milliseconds.
    Index(Index),
    /// Write a table, views and queries by which Amazon Athena answers the same questions where the logs are.
    Athena(Athena),
    /// Say what somebody did: a timeline, their sessions through every role, and everything that they decrypted.
    Forensics(Box<Forensics>),
    /// Say what is unusual in the use of keys and secrets, with the numbers.
    Anomalies(Box<Anomalies>),
    /// Mark an anomaly as no cause for worry: it stays quiet from then on.
    Feedback(FeedbackArgs),
    /// Make the reports that the policy asks for.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Judge the logs by the policy: every clause that only they can decide.
    Check(Box<TrailCheck>),
    /// Hold Sigma rules against the logs: lockfast's own about keys, secrets and trails, and your own.
    Detections(Box<Detections>),
    /// Write realistic logs, with labelled attacks among them, to try all of this on.
    Generate(Generate),
    /// Hold log files against CloudTrail's digest files: which are missing, altered or added.
    Verify(Verify),
}

/// Which logs are asked.
#[derive(Debug, Args)]
pub struct Asking {
    /// Log files, folders of them as CloudTrail lays them out, an index that `lockfast trail index` made, s3://BUCKET/PREFIX,
    /// cloudtrail://REGION for the event history, or - for standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Read so many files at once; as many as there are processors when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Queries that need more than so many MiB go on on disk.
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(16..))]
    pub memory: u32,
    /// Ask on the cluster of this scheduler (`lockfast cluster scheduler`): df://HOST:PORT. All its machines must see the logs under
    /// the same path.
    #[arg(long, value_name = "URL")]
    pub cluster: Option<String>,
}

/// What is told, and how.
#[derive(Debug, Args)]
pub struct Answer {
    /// Which logs are asked.
    #[command(flatten)]
    pub asking: Asking,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = AnswerFormat::Table)]
    pub format: AnswerFormat,
    /// All columns of a table, also where they do not fit; the other formats have them anyway.
    #[arg(long)]
    pub wide: bool,
    /// Write it to this file.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Draw it, too, into this file, as SVG: by day where the answer has days, else side by side.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub chart: Option<PathBuf>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// For people.
    Table,
    /// A list of objects.
    Json,
    /// With a header.
    Csv,
    /// Apache Parquet; with --output only.
    Parquet,
}

/// What a question is about.
#[derive(Debug, Args)]
pub struct About {
    /// Events not before this day or time (UTC): 2026-03-01, or 2026-03-01T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<jiff::Timestamp>,
    /// Events before this day or time (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<jiff::Timestamp>,
    /// Events of this account. May be given several times.
    #[arg(long, value_name = "ID")]
    pub account: Vec<String>,
    /// Events of this region. May be given several times.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Events of this principal: the ARN of a role or user, or a service. May be given several times.
    #[arg(long, value_name = "ARN")]
    pub principal: Vec<String>,
    /// What the answer is and how it is told.
    #[command(flatten)]
    pub answer: Answer,
}

/// A day, or a time.
fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let day = text.parse::<jiff::civil::Date>().ok();
    let midnight = day.and_then(|day| jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
    match midnight {
        Some(midnight) if !text.contains('T') => Ok(midnight),
        _ => text
            .parse()
            .map_err(|_| "write 2026-03-01 or 2026-03-01T12:00:00Z".to_owned()),
    }
}

/// `lockfast trail usage`.
#[derive(Debug, Args)]
pub struct Usage {
    /// Uses of this key, by its ARN or as requests name it. May be given several times.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// What uses are counted by.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_values = ["day", "key", "principal", "operation"], value_parser = clap::builder::PossibleValuesParser::new(BY))]
    pub by: Vec<String>,
    /// Count what is no cryptography, too: DescribeKey, CreateGrant, PutKeyPolicy.
    #[arg(long)]
    pub all: bool,
    /// What it is about.
    #[command(flatten)]
    pub about: About,
}

const BY: [&str; 9] = [
    "day",
    "key",
    "principal",
    "operation",
    "via",
    "context",
    "account",
    "region",
    "source-ip",
];

/// `lockfast trail secrets`.
#[derive(Debug, Args)]
pub struct SecretReads {
    /// Readers of this secret or parameter, as requests name it. May be given several times.
    #[arg(long, value_name = "SECRET")]
    pub secret: Vec<String>,
    /// A reader is new who was first seen in so many days before the last event.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub new_days: u32,
    /// What it is about.
    #[command(flatten)]
    pub about: About,
}

/// `lockfast trail tls`.
#[derive(Debug, Args)]
pub struct Tls {
    /// Those that are well, too.
    #[arg(long)]
    pub all: bool,
    /// What it is about.
    #[command(flatten)]
    pub about: About,
}

/// `lockfast trail sql`.
#[derive(Debug, Args)]
pub struct Sql {
    /// The query: one SELECT.
    pub query: String,
    /// What the answer is and how it is told.
    #[command(flatten)]
    pub answer: Answer,
}

/// `lockfast trail index`.
#[derive(Debug, Args)]
pub struct Index {
    /// The folder of the index; it is made, or brought up to date.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,
    /// Which logs are read.
    #[command(flatten)]
    pub asking: Asking,
}

/// `lockfast trail verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Folders with logs and digests as CloudTrail lays them out: AWSLogs/…/CloudTrail and AWSLogs/…/CloudTrail-Digest.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// CloudTrail's public keys.
    #[command(flatten)]
    pub public_keys: Signed,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = super::TableFormat::Table)]
    pub format: super::TableFormat,
}

/// `lockfast trail athena`.
#[derive(Debug, Args)]
pub struct Athena {
    /// Where the folders of the accounts are: s3://BUCKET/PREFIX/AWSLogs/, of an organisation's trail with its o-… after it.
    #[arg(long, value_name = "LOCATION", required_unless_present = "question")]
    pub location: Option<String>,
    /// An account whose logs are there. May be given several times.
    #[arg(long, value_name = "ID", required_unless_present = "question")]
    pub account: Vec<String>,
    /// A region that there are logs of. May be given several times.
    #[arg(long, value_name = "REGION", required_unless_present = "question")]
    pub region: Vec<String>,
    /// Write this question, and not the table and the views.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["location", "account", "region"], value_parser = clap::builder::PossibleValuesParser::new(ATHENA))]
    pub question: Option<String>,
    /// What the table is called; the views' names begin with it.
    #[arg(long, value_name = "NAME", default_value = "cloudtrail")]
    pub table: String,
    /// The first day (UTC): that there are logs of, two years ago when not given; that a question reads, all when not given.
    #[arg(long, value_name = "DAY")]
    pub since: Option<jiff::civil::Date>,
    /// The last day that a question reads.
    #[arg(long, value_name = "DAY", requires = "question")]
    pub until: Option<jiff::civil::Date>,
}

const ATHENA: [&str; 6] = [
    "usage",
    "secrets",
    "tls",
    "new-pairs",
    "decryptors",
    "denied",
];

/// By what the signatures of digests are verified.
#[derive(Debug, Args)]
pub struct Signed {
    /// CloudTrail's public keys, as `aws cloudtrail list-public-keys --start-time …` writes them, of each region. Without keys the
    /// chain of digests is verified, and no signature. May be given several times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub public_keys: Vec<PathBuf>,
    /// Ask CloudTrail for them (cloudtrail:ListPublicKeys), of the regions and the time that the digests are of.
    #[arg(long)]
    pub list_public_keys: bool,
}

/// `lockfast trail forensics`.
#[derive(Debug, Args)]
pub struct Forensics {
    /// A role, user or session by ARN. May be given several times.
    #[arg(long, value_name = "ARN", required_unless_present_any = ["access_key", "ip", "key"])]
    pub principal: Vec<String>,
    /// An access key. May be given several times.
    #[arg(long, value_name = "ID")]
    pub access_key: Vec<String>,
    /// An address. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Vec<String>,
    /// A KMS key by ARN: whatever was done with it, by anybody. May be given several times.
    #[arg(long, value_name = "ARN")]
    pub key: Vec<String>,
    /// Events not before this day or time (UTC): 2026-03-01, or 2026-03-01T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<jiff::Timestamp>,
    /// Events before this day or time (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<jiff::Timestamp>,
    /// A snapshot: what hangs on the keys that were used is told, too.
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// Print the whole timeline, and not only what changed something.
    #[arg(long)]
    pub all: bool,
    /// How to print it; json has all of it.
    #[arg(short, long, value_enum, default_value_t = super::TableFormat::Table)]
    pub format: super::TableFormat,
    /// Which logs are asked.
    #[command(flatten)]
    pub asking: Asking,
    /// Draw it, too, into this file, as SVG: events of each service by day.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub chart: Option<PathBuf>,
}

/// `lockfast trail detections`.
#[derive(Debug, Args)]
pub struct Detections {
    /// Sigma rules beside lockfast's own: files, and folders of .yml and .yaml files. May be given several times.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub rules: Vec<PathBuf>,
    /// Only the rules of --rules.
    #[arg(long)]
    pub only: bool,
    /// The values of a placeholder that rules expand, as allowed_regions=eu-central-1,eu-west-1. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub value: Vec<String>,
    /// List the rules, and hold them against nothing.
    #[arg(long)]
    pub list: bool,
    /// The least level that is told.
    #[arg(long, value_name = "LEVEL", default_value = "low", value_parser = clap::builder::PossibleValuesParser::new(LEVELS))]
    pub level: String,
    /// The ledger of approvals, by which deletions that were approved are told from others; the policy file's where it is there.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = DetectionFormat::Table)]
    pub format: DetectionFormat,
    /// Log files, or folders of them as CloudTrail lays them out.
    #[arg(required_unless_present = "list", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Read so many files at once; as many as there are processors when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Draw it, too, into this file, as SVG: detections by day and level.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub chart: Option<PathBuf>,
}

const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// How detections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DetectionFormat {
    /// For people.
    Table,
    /// A list of objects.
    Json,
    /// OCSF 1.5.0, Detection Findings.
    Ocsf,
}

/// `lockfast trail generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// The folder; it must not hold logs yet.
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// So many events.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub events: u64,
    /// In about so many files.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub files: usize,
    /// The same seed gives the same logs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Of so many accounts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub accounts: usize,
    /// Of this account, in the place of one that is made up. May be given several times, and says how many there are then.
    #[arg(long, value_name = "ID", conflicts_with = "accounts")]
    pub account_id: Vec<String>,
    /// In this region. May be given several times; eu-central-1, eu-west-1 and us-east-1 when not given.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Of so many days.
    #[arg(long, value_name = "N", default_value_t = 28)]
    pub days: u32,
    /// Only these attacks, by name; all when not given, and none with --quiet-days.
    #[arg(long, value_name = "NAME")]
    pub scenario: Vec<String>,
    /// No attack at all.
    #[arg(long, conflicts_with = "scenario")]
    pub quiet_days: bool,
    /// List the attacks.
    #[arg(long)]
    pub list: bool,
    /// Digests, too, signed with a key that is made for it; the public key is written to FOLDER/public-keys.
    #[arg(long)]
    pub digests: bool,
}

/// What is usual, and what was said of what is not.
#[derive(Debug, Args)]
pub struct Usual {
    /// Where anomalies were marked as no cause for worry (`lockfast trail feedback`).
    #[arg(long, value_name = "FILE", default_value = "lockfast-feedback.toml", value_hint = ValueHint::FilePath)]
    pub feedback: PathBuf,
    /// How anomalies are looked for, as TOML; `lockfast trail anomalies --print-tuning` writes it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tuning: Option<PathBuf>,
}

/// `lockfast trail anomalies`.
#[derive(Debug, Args)]
pub struct Anomalies {
    /// What is usual.
    #[command(flatten)]
    pub usual: Usual,
    /// Print how anomalies are looked for, with what each number means, and nothing else.
    #[arg(long)]
    pub print_tuning: bool,
    /// Tell only those whose first event is not before this day or time; what is before is learned from.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<jiff::Timestamp>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = super::TableFormat::Table)]
    pub format: super::TableFormat,
    /// Log files, folders of them, or an index.
    #[arg(required_unless_present = "print_tuning", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Draw it, too, into this file, as SVG: anomalies by day and severity.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub chart: Option<PathBuf>,
}

/// `lockfast trail feedback`.
#[derive(Debug, Args)]
pub struct FeedbackArgs {
    /// The anomaly, by its id.
    pub id: String,
    /// Why it is no cause for worry.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// The last day that it holds for; for ever when not given.
    #[arg(long, value_name = "DAY")]
    pub until: Option<jiff::civil::Date>,
    /// What is usual.
    #[command(flatten)]
    pub usual: Usual,
    /// Which logs it was found in.
    #[command(flatten)]
    pub asking: Asking,
}

/// The reports.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// The key access pattern analysis of a quarter: who used which key, how much, what is new, gone, unusual, and allowed without
    /// need.
    Quarterly(Box<Quarterly>),
}

/// `lockfast trail report quarterly`.
#[derive(Debug, Args)]
pub struct Quarterly {
    /// The quarter, as 2026-Q2; that of the last event when not given.
    #[arg(long, value_name = "QUARTER")]
    pub quarter: Option<String>,
    /// A snapshot: keys have their names, and who may decrypt without doing so is told.
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// Write the page to this file; JSON where its name ends so.
    #[arg(short, long, value_name = "FILE", default_value = "key-access.html", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Write in the ledger that it was made.
    #[arg(long)]
    pub record: bool,
    /// The ledger; that of the policy file when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// What is usual.
    #[command(flatten)]
    pub usual: Usual,
    /// Which logs are asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// `lockfast trail check`.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct TrailCheck {
    /// Log files, or folders of them as CloudTrail lays them out.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// A snapshot: keys and secrets that exist, and who may use them.
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// CloudTrail's public keys.
    #[command(flatten)]
    pub public_keys: Signed,
    /// What is usual.
    #[command(flatten)]
    pub usual: Usual,
    /// How to judge and report.
    #[command(flatten)]
    pub judging: super::Judging,
}

/// `lockfast cluster`.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Run the scheduler, which takes questions and hands out work.
    Scheduler {
        /// Where it listens.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50050")]
        listen: std::net::SocketAddr,
    },
    /// Run an executor, which does the work.
    Executor {
        /// The scheduler.
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
        scheduler: String,
        /// Where it listens, for other executors and whoever asks.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
        listen: std::net::SocketAddr,
        /// The port that the scheduler calls it at; the one after --listen's when not given.
        #[arg(long, value_name = "PORT")]
        control_port: Option<u16>,
        /// So many tasks at once; as many as there are processors when not given.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        threads: Option<u16>,
        /// Where it keeps what it has worked out; a temporary folder when not given.
        #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        work_folder: Option<PathBuf>,
    },
}
