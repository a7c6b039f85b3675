//! What is to be generated, and what was.

use crate::digest::Signer;
use crate::scenario::Scenario;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// What is to be generated. The same plan gives the same bytes, on any machine and by any number of threads.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What all chance comes from.
    pub seed: u64,
    /// How many events of ordinary days there are; those of the scenarios come on top.
    pub events: u64,
    /// About how many files they are in. There are more when each account and region would not have one a day, or one would
    /// hold many more than 4,000 records: so much is held in memory, for each thread.
    pub files: usize,
    /// How many accounts.
    pub accounts: usize,
    /// The identifiers of the first of them; the others' are made up.
    pub account_ids: Vec<String>,
    /// In which regions they work; those of the partition `aws`.
    pub regions: Vec<String>,
    /// The first day (UTC).
    pub start: Date,
    /// How many days.
    pub days: u32,
    /// The organisation whose trail it is (`o-...`); none for a trail of each account.
    pub organization: Option<String>,
    /// The share of records that stand again in another file: those of a delivery that was tried again, and with an
    /// organisation those that an account's own trail delivers as well.
    pub copies: f64,
    /// What happens beside the ordinary.
    pub scenarios: Vec<Scenario>,
    /// How hard the files are compressed: 1 is fast, 12 small.
    pub level: i32,
    /// What signs the digest files; none for no digest files.
    pub digests: Option<Signer>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            seed: 1,
            events: 100_000,
            files: 200,
            accounts: 3,
            account_ids: Vec::new(),
            regions: ["eu-central-1", "eu-west-1", "us-east-1"]
                .map(str::to_owned)
                .into(),
            // Ends with Sunday, 28 June 2026.
            start: date(2026, 6, 1),
            days: 28,
            organization: Some("o-4kq7w2m9xz".into()),
            copies: 0.2,
            scenarios: Scenario::ALL.to_vec(),
            level: 1,
            digests: None,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// How many events there are, those of the scenarios counted.
    pub events: u64,
    /// How many records there are, with the copies.
    pub records: u64,
    /// How many files hold them.
    pub files: u64,
    /// How many digest files there are.
    pub digests: u64,
    /// The size of the files with records, compressed.
    pub bytes: u64,
    /// The same inflated.
    pub inflated: u64,
    /// What happened beside the ordinary, in the order of time.
    pub labels: Vec<Label>,
}

/// What happened beside the ordinary, and what of the records shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The scenario, by its name.
    pub scenario: &'static str,
    /// What a detector should call it, one of these at least; `benign` when it should not be called anything.
    pub kinds: &'static [&'static str],
    /// Who did it: the ARN of the role or the user.
    pub principal: String,
    /// What it was done with, when it is one: the ARN of a key, a secret or a trail.
    pub resource: Option<String>,
    /// The time of its first event.
    #[serde(serialize_with = "as_text")]
    pub from: Timestamp,
    /// The time of its last.
    #[serde(serialize_with = "as_text")]
    pub until: Timestamp,
    /// Its events (`eventID`), in the order of time.
    pub event_ids: Vec<String>,
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the plan asks for cannot be.
    #[error("{0}")]
    Plan(String),
    /// A file could not be written.
    #[error("cannot write {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A digest could not be signed.
    #[error("cannot sign the digest {0}")]
    Signature(String),
}

impl Plan {
    /// Refuses what cannot be generated.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |what: &str| Err(Error::Plan(what.into()));
        if self.accounts == 0 || self.accounts > 1_000 {
            return refuse("there must be 1 to 1,000 accounts");
        }
        let is_id = |id: &String| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(id) = self.account_ids.iter().find(|id| !is_id(id)) {
            return Err(Error::Plan(format!("{id:?} is no account: twelve digits")));
        }
        let mut ids: Vec<_> = self.account_ids.iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < self.account_ids.len() {
            return refuse("an account is named twice");
        }
        if self.regions.is_empty() {
            return refuse("there must be a region");
        }
        let plausible = |region: &String| {
            let of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            region.contains('-') && region.len() < 32 && region.bytes().all(of)
        };
        if let Some(region) = self.regions.iter().find(|region| !plausible(region)) {
            return Err(Error::Plan(format!("{region:?} is no region")));
        }
        // Another partition's ARNs begin otherwise.
        let others = ["cn-", "us-gov-", "us-iso", "eusc-", "eu-isoe-"];
        let of_another = |region: &&String| others.iter().any(|it| region.starts_with(it));
        if let Some(region) = self.regions.iter().find(of_another) {
            return Err(Error::Plan(format!("{region} is not of the partition aws")));
        }
        let mut regions: Vec<_> = self.regions.iter().collect();
        regions.sort_unstable();
        regions.dedup();
        if regions.len() < self.regions.len() {
            return refuse("a region is named twice");
        }
        if self.days == 0 || self.days > 3_660 {
            return refuse("there must be 1 to 3,660 days");
        }
        if !(0.0..=1.0).contains(&self.copies) {
            return refuse("the share of copies must be from 0 to 1");
        }
        if !(1..=12).contains(&self.level) {
            return refuse("the level of compression must be from 1 to 12");
        }
        if let Some(organization) = &self.organization
            && !(organization.starts_with("o-")
                && organization[2..]
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric()))
        {
            return Err(Error::Plan(format!(
                "{organization:?} is no organisation: it is o- and letters or digits"
            )));
        }
        Ok(())
    }
}
