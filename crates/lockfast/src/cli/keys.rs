//! The command line of `lockfast keys`, `who-can` and `can`.

use super::{TableFormat, exit};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Where the facts come from, and how they are told.
#[derive(Clone, Debug, Args)]
pub struct Facts {
    /// What tells of keys and identities: snapshots of accounts, or templates, folders and cloud assemblies (cdk.out).
    #[arg(long, value_name = "SNAPSHOT|TEMPLATES", num_args = 1.., default_value = ".", value_hint = ValueHint::AnyPath)]
    pub from: Vec<PathBuf>,
    /// The policy file; lockfast.toml beside the input or here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The day that decides how old things are, as YYYY-MM-DD; today when not given.
    #[arg(long, value_name = "DAY")]
    pub today: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `lockfast keys`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit::KEYS_HELP)]
pub struct Keys {
    /// Without a subcommand: list every key.
    #[command(flatten)]
    pub listing: Listing,
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

/// `lockfast keys list`.
#[derive(Debug, Args)]
pub struct Listing {
    /// CloudTrail's log files, or folders of them as CloudTrail lays them out, that tell when keys were last used.
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub logs: Vec<PathBuf>,
    /// Where the facts come from.
    #[command(flatten)]
    pub facts: Facts,
}

/// The subcommands of `lockfast keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List every key, with whose it is, what hangs on it and how it rotates.
    List(Listing),
    /// Draw which data hangs on which key, and who may use it.
    Map {
        /// One key: its ARN, id, alias, construct path or logical id; all when not given.
        key: Option<String>,
        /// How to draw it.
        #[arg(short, long, value_enum, default_value_t = MapFormat::Tree)]
        format: MapFormat,
        /// Write it to this file.
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        /// Where the facts come from.
        #[command(flatten)]
        source: Source,
    },
    /// Say what is touched when a key leaks, is disabled or deleted, and what stops first.
    BlastRadius {
        /// The key: its ARN, id, alias, construct path or logical id.
        key: String,
        /// Where the facts come from.
        #[command(flatten)]
        facts: Facts,
    },
    /// Name the keys that nobody and nothing needs, with the proof.
    Unused {
        /// CloudTrail's log files, or folders of them as CloudTrail lays them out, that tell when keys were used.
        #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
        logs: Vec<PathBuf>,
        /// How many days without a use are proof, where the logs are of every one of them.
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// Where the facts come from.
        #[command(flatten)]
        facts: Facts,
    },
    /// Bring the rotation of keys in order: the plan, or with --apply the deed.
    Rotate(Box<super::Rotate>),
    /// Say which keys survive the loss of a region or of their material, and when that was last tried.
    Recovery {
        /// Where the facts come from.
        #[command(flatten)]
        facts: Facts,
    },
    /// Write down where the copy of imported key material is kept.
    Escrow(super::EscrowArgs),
    /// Prove in a replica's region that data under a key can still be read.
    RecoveryDrill(super::Drill),
    /// Ask for the deletion of a key, which several people have to approve.
    RequestDeletion(Box<super::RequestDeletion>),
    /// Approve a request with your SSH key.
    Approve(super::Decide),
    /// Reject a request with your SSH key: that ends it.
    Reject(super::Decide),
    /// List requests, with who approved and who is missing.
    Requests(super::Requests),
    /// Carry out a request that enough people approved: disable, watch, schedule the deletion.
    Delete(super::Delete),
    /// Take a request back, however far it is.
    Cancel(super::Cancel),
    /// Print the statements by which AWS itself refuses a deletion outside the approved way.
    Guard(super::Guard),
    /// Say which keys are due to rotate, late, or rotate by hand only.
    Rotation {
        /// Where the facts come from.
        #[command(flatten)]
        facts: Facts,
    },
}

/// Where the facts come from, where the format is the command's own.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// What tells of keys and identities: snapshots of accounts, or templates, folders and cloud assemblies (cdk.out).
    #[arg(long, value_name = "SNAPSHOT|TEMPLATES", num_args = 1.., default_value = ".", value_hint = ValueHint::AnyPath)]
    pub from: Vec<PathBuf>,
    /// The policy file; lockfast.toml beside the input or here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

impl Source {
    /// The same, as tables take it.
    pub fn facts(&self) -> Facts {
        Facts {
            from: self.from.clone(),
            config: self.config.clone(),
            today: None,
            format: TableFormat::Table,
        }
    }
}

/// How to draw a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// A tree for the terminal.
    Tree,
    /// Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// A page with search, groups and details.
    Html,
    /// JSON.
    Json,
}

/// `lockfast who-can`.
#[derive(Debug, Args)]
#[command(after_help = exit::CAN_HELP)]
pub struct WhoCan {
    /// What is done.
    #[command(subcommand)]
    pub what: What,
}

/// What somebody may do.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Who may decrypt with a key, or read what a resource holds under its key.
    Decrypt {
        /// The key, or the resource whose data it protects.
        target: String,
        /// Where the facts come from.
        #[command(flatten)]
        asked: Asked,
    },
    /// Who may administer a key: change its policy, state, material, names or tags.
    Administer {
        /// The key.
        target: String,
        /// Where the facts come from.
        #[command(flatten)]
        asked: Asked,
    },
    /// Who may read a secret or parameter, with the decryption that it takes.
    Read {
        /// The secret or parameter.
        target: String,
        /// Where the facts come from.
        #[command(flatten)]
        asked: Asked,
    },
    /// Every role and user against every key: who may do an action to which.
    Matrix {
        /// The action, such as `kms:Decrypt`.
        #[arg(default_value = "kms:Decrypt")]
        action: String,
        /// Where the facts come from.
        #[command(flatten)]
        facts: Facts,
    },
    /// Who may do any action to a resource.
    Use {
        /// The action, such as `kms:GenerateDataKey`.
        action: String,
        /// The resource: its ARN, name, construct path or logical id.
        target: String,
        /// Where the facts come from.
        #[command(flatten)]
        asked: Asked,
    },
}

/// What a question stands on.
#[derive(Clone, Debug, Args)]
pub struct Asked {
    /// What is known of the request: a condition key and its value; may be given several times. `key=` says that the request
    /// does not have it.
    #[arg(long, value_name = "KEY=VALUE")]
    pub context: Vec<String>,
    /// The VPC endpoint that the request comes through: its id, ARN, construct path or logical id. Its policy is heard then.
    #[arg(long, value_name = "ENDPOINT")]
    pub through: Option<String>,
    /// Also say who could get there: by changing the key's policy, by a grant, or by assuming a role that may.
    #[arg(long)]
    pub escalations: bool,
    /// Where the facts come from.
    #[command(flatten)]
    pub facts: Facts,
}

/// `lockfast can`.
#[derive(Debug, Args)]
#[command(after_help = exit::CAN_HELP)]
pub struct Can {
    /// Who: the ARN, name, construct path or logical id of a role or user, or a service such as `rds.amazonaws.com`.
    pub principal: String,
    /// The action, such as `kms:Decrypt`.
    pub action: String,
    /// The resource: its ARN, name, alias, construct path or logical id.
    pub resource: String,
    /// A policy that was passed when the session began (a JSON file), which limits it; may be given several times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub session_policy: Vec<PathBuf>,
    /// What it stands on.
    #[command(flatten)]
    pub asked: Asked,
}
