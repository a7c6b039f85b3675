//! The command line of `lockfast respond` and `lockfast incident`.

use super::{Facts, TableFormat, exit};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `lockfast respond`.
#[derive(Debug, Args)]
#[command(after_help = exit::RESPOND_HELP)]
pub struct Respond {
    /// What happened.
    #[command(subcommand)]
    pub command: RespondCommand,
}

/// What happened.
#[derive(Debug, Subcommand)]
pub enum RespondCommand {
    /// A key is compromised: contain, replace it, encrypt again what is under it, verify, document. Shows the plan; --apply carries it out.
    KeyCompromise(Box<KeyCompromise>),
    /// List what encrypts again what is under a key: of each store the calls, what happens to old data, downtime, and what stays.
    Stores,
}

/// What got into the wrong hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WrongHands {
    /// The use of the key: data keys are wrapped anew.
    Use,
    /// Data keys: data is copied, and gets new ones.
    DataKeys,
    /// What was encrypted: secrets need new values, too.
    Plaintext,
}

/// `lockfast respond key-compromise`.
#[derive(Debug, Args)]
pub struct KeyCompromise {
    /// The key, by its ARN, id, alias, or name in the key map.
    pub key: String,
    /// What tells of the key and of what is under it: a snapshot of the account.
    #[command(flatten)]
    pub facts: Facts,
    /// Who opens the incident.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// What was seen.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What got into the wrong hands.
    #[arg(long, value_enum, default_value_t = WrongHands::Use)]
    pub compromised: WrongHands,
    /// A principal that may have it: denied the key, its grants revoked, its sessions ended. May be given several times.
    #[arg(long, value_name = "ARN")]
    pub suspect: Vec<String>,
    /// A grant to be revoked besides those of suspects. May be given several times.
    #[arg(long, value_name = "GRANT-ID")]
    pub revoke_grant: Vec<String>,
    /// Current versions of objects only; older ones stay under the old key.
    #[arg(long)]
    pub current_only: bool,
    /// What shall be done by hand although Lockfast could: a CloudFormation type, or s3, dynamodb and so on. May be given several times.
    #[arg(long, value_name = "STORE")]
    pub manual: Vec<String>,
    /// Who administers the new key where nobody in the old policy may. May be given several times.
    #[arg(long, value_name = "ARN")]
    pub administrator: Vec<String>,
    /// CloudTrail's logs, or an index of them: what the key was used for that the snapshot does not have is a step, too. Takes a
    /// build with --features trail.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub logs: Vec<PathBuf>,
    /// It is an exercise.
    #[arg(long)]
    pub rehearsal: bool,
    /// How it is carried out.
    #[command(flatten)]
    pub carrying: Carrying,
    /// Carry it out.
    #[arg(long)]
    pub apply: bool,
    /// Do not ask.
    #[arg(long, requires = "apply")]
    pub yes: bool,
    /// Nobody else is asked, because there is no time: says why, and is written down.
    #[arg(long, value_name = "REASON", requires = "apply")]
    pub break_glass: Option<String>,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
pub struct Carrying {
    /// The folder of incidents: a file of each, which is its journal.
    #[arg(long, value_name = "FOLDER", default_value = "incidents", value_hint = ValueHint::DirPath)]
    pub incidents: PathBuf,
    /// The SNS topic that is told of every use of the old key.
    #[arg(long, value_name = "ARN")]
    pub alert_topic: Option<String>,
    /// The account.
    #[command(flatten)]
    pub acting: super::Acting,
}

/// `lockfast incident`.
#[derive(Debug, Args)]
#[command(after_help = exit::RESPOND_HELP)]
pub struct IncidentArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: IncidentCommand,
    /// The folder of incidents.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "incidents", value_hint = ValueHint::DirPath)]
    pub incidents: PathBuf,
}

/// What to do with an incident.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// List all of them.
    List {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
    },
    /// Say how each step stands, and what is missing.
    Status {
        /// The incident.
        id: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
    },
    /// Go on with the plan where it was left.
    Resume {
        /// The incident.
        id: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// A step that was left, to be taken up. May be given several times.
        #[arg(long, value_name = "STEP")]
        again: Vec<String>,
        /// The SNS topic that is told of every use of the old key.
        #[arg(long, value_name = "ARN")]
        alert_topic: Option<String>,
        /// The account.
        #[command(flatten)]
        acting: super::Acting,
    },
    /// Say that a step for people is done, or what became of what stays under the old key.
    Confirm {
        /// The incident.
        id: String,
        /// The step.
        step: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// What was seen, and where.
        #[arg(long, value_name = "TEXT")]
        evidence: String,
    },
    /// Leave a step.
    Leave {
        /// The incident.
        id: String,
        /// The step.
        step: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write something down.
    Note {
        /// The incident.
        id: String,
        /// What.
        text: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Stop the response; nothing is taken back.
    Abort {
        /// The incident.
        id: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Close the incident; refused while anything is under the old key, or not known not to be.
    Close {
        /// The incident.
        id: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Write the post-mortem.
    Report {
        /// The incident.
        id: String,
        /// How: by the file's ending when not given.
        #[arg(short, long, value_enum)]
        format: Option<ReportFormat>,
        /// The file; standard output when not given.
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}

/// How a post-mortem is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown.
    Markdown,
    /// A page that prints well.
    Html,
    /// JSON.
    Json,
}
