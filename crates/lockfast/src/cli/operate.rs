//! The command line of what is done to keys: deletion under approval, rotation, drills, and the ledger.

use super::{Facts, TableFormat, exit};
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// How an account is reached, and where what is done there is written down.
#[derive(Clone, Debug, Args)]
pub struct Acting {
    /// The ledger that all that is done is written to; the one that the policy file names when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    /// The profile of the shared AWS configuration; the default credential chain when not given.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Ask this endpoint in place of AWS's own, for all services.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub endpoint_url: Option<String>,
}

/// How the account is reached, and where the policy stands.
#[derive(Clone, Debug, Args)]
pub struct Account {
    /// The account.
    #[command(flatten)]
    pub acting: Acting,
    /// Try a call of a scan at most so often before it counts as one that gave no answer.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub attempts: u32,
    /// Wait so many milliseconds before a call of a scan is tried again, and twice as long each time after.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub backoff: u64,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// `lockfast keys request-deletion`.
#[derive(Debug, Args)]
pub struct RequestDeletion {
    /// The key: its ARN, its alias or an alias's ARN, or its id.
    pub key: String,
    /// Why it is to be deleted.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who asks, by the name in `[approvals]` of the policy file.
    #[arg(long, value_name = "NAME")]
    pub requester: String,
    /// Why although something depends on it, or it is not known what does.
    #[arg(long, value_name = "TEXT")]
    pub override_reason: Option<String>,
    /// Days that AWS KMS waits; the policy's when not given.
    #[arg(long, value_name = "DAYS")]
    pub pending_window: Option<u32>,
    /// A snapshot of the account that tells what depends on it; the account is scanned when not given.
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub from: Option<PathBuf>,
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// `lockfast keys approve` and `reject`.
#[derive(Debug, Args)]
pub struct Decide {
    /// The request's id.
    pub request: String,
    /// Sign with this SSH key, by ssh-keygen: a private key, or a public one whose private key an agent or a FIDO key holds.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "signature")]
    pub key: Option<PathBuf>,
    /// Take this signature, made by `ssh-keygen -Y sign -n lockfast-key-deletion`; `-` for standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub signature: Option<PathBuf>,
    /// Only write what is to be signed to this file; `-` for standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["key", "signature"])]
    pub statement: Option<PathBuf>,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The ledger; the one that the policy file names when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
}

/// `lockfast keys delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// The request's id.
    pub request: String,
    /// Do the next step; without it the plan is shown and nothing is done.
    #[arg(long)]
    pub apply: bool,
    /// A snapshot of the account, not older than an hour, that tells what depends on the key; the account is scanned when not
    /// given.
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub from: Option<PathBuf>,
    /// How many minutes CloudTrail may be late: what happened since is not known yet.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub trail_delay: u32,
    /// The ledger's head that was kept elsewhere (`lockfast ledger head`): nothing is done by a ledger that does not lead on from
    /// it. The last one in the bucket that the policy file names is taken when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub head: Option<PathBuf>,
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// `lockfast keys escrow`.
#[derive(Debug, Args)]
pub struct EscrowArgs {
    /// The key's ARN.
    pub key: String,
    /// Where the copy is kept: a safe, an HSM, a record's number. Never the material itself.
    #[arg(long, value_name = "TEXT")]
    pub place: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The ledger; the one that the policy file names when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
}

/// `lockfast keys cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// The request's id.
    pub request: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who cancels.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// `lockfast keys requests`.
#[derive(Debug, Args)]
pub struct Requests {
    /// One request; all when not given.
    pub request: Option<String>,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The ledger; the one that the policy file names when not given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `lockfast keys rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The keys; all that are late or not set up when not given.
    pub keys: Vec<String>,
    /// Show what would be done; this is what happens when --apply is not given.
    #[arg(long, conflicts_with = "apply")]
    pub plan: bool,
    /// Do it.
    #[arg(long)]
    pub apply: bool,
    /// Also make new keys in the place of those that never rotate by themselves: their aliases move, and what names the old key is
    /// pointed at the new one where a call does that. Old data stays under the old key, which stays enabled.
    #[arg(long)]
    pub replace: bool,
    /// The account that it is done in.
    #[command(flatten)]
    pub acting: Acting,
    /// Where the facts come from.
    #[command(flatten)]
    pub facts: Facts,
}

/// `lockfast keys recovery-drill`.
#[derive(Debug, Args)]
pub struct Drill {
    /// The key: its ARN, its alias or an alias's ARN, or its id.
    pub key: String,
    /// The region to decrypt in; that of the first replica when not given.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// `lockfast keys guard`.
#[derive(Debug, Args)]
pub struct Guard {
    /// The role that carries deletions out; the policy's `broker_role` when not given.
    #[arg(long, value_name = "ARN")]
    pub broker_role: Option<String>,
    /// Write a service control policy in place of statements for key policies.
    #[arg(long)]
    pub scp: bool,
    /// The policy file; lockfast.toml here when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// `lockfast secrets`.
#[derive(Debug, Args)]
#[command(after_help = exit::KEYS_HELP)]
pub struct Secrets {
    /// Bring the rotation of these in order (ARNs or names); all are listed when not given.
    pub secrets: Vec<String>,
    /// Turn rotation on where it is off, and rotate what is late; without it nothing is done.
    #[arg(long)]
    pub apply: bool,
    /// Rotate by hand the one secret named: its new value is read from this file, `-` for standard input. Change it first where
    /// it is asked for. The value before stays as AWSPREVIOUS; neither is printed or kept.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "apply")]
    pub value_from: Option<PathBuf>,
    /// The account that it is done in.
    #[command(flatten)]
    pub acting: Acting,
    /// Where the facts come from.
    #[command(flatten)]
    pub facts: Facts,
}

/// `lockfast ledger`.
#[derive(Debug, Args)]
#[command(after_help = exit::LEDGER_HELP)]
pub struct LedgerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// The subcommands of `lockfast ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Find any entry that was edited, removed or moved.
    Verify {
        /// The ledger, or an export of it (.jsonl).
        #[arg(default_value = "lockfast-ledger.db", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The head that was kept elsewhere (`lockfast ledger head`): what was cut off the end is found with it.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        head: Option<PathBuf>,
    },
    /// Print the head: what to keep elsewhere.
    Head {
        /// The ledger.
        #[arg(default_value = "lockfast-ledger.db", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Write all entries as JSON Lines.
    Export {
        /// The ledger.
        #[arg(default_value = "lockfast-ledger.db", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Where to; standard output when not given.
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// List the entries.
    Show {
        /// The ledger.
        #[arg(default_value = "lockfast-ledger.db", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// How to print them.
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
    },
    /// Put the head into a bucket with S3 Object Lock, where nobody can change it.
    Anchor {
        /// The ledger.
        #[arg(default_value = "lockfast-ledger.db", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// For how many days it is locked.
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
        /// The bucket; the policy's `anchor_bucket` when not given.
        #[arg(long, value_name = "NAME")]
        bucket: Option<String>,
        /// The bucket's region; the policy's `anchor_region` when not given.
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// The profile of the shared AWS configuration; the default credential chain when not given.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Ask this endpoint in place of AWS's own.
        #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
        endpoint_url: Option<String>,
        /// The policy file; lockfast.toml here when not given.
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        config: Option<PathBuf>,
    },
}
