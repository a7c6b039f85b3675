//! Whether anybody or anything needs a key, and how that is known.

use crate::ring::Key;
use lockfast_facts::{Inventory, Known, Origin};
use serde::Serialize;

/// Whether a key is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "use", content = "because")]
pub enum Use {
    /// Something depends on it, holds a grant on it or used it.
    Used(Vec<String>),
    /// Nothing does, as all of this says.
    Unused(Vec<String>),
    /// It cannot be told, because of this.
    Unknown(Vec<String>),
}

/// Whether a key is needed. `last_used` is what logs or AWS KMS say of its last use: `Ok(None)` is that it was never used in
/// the time that they cover, which the text beside it tells.
///
/// It is never called unused on missing evidence: dependents that could not be listed, grants that could not be read and
/// logs that were not given each leave it unknown.
pub fn use_of(inventory: &Inventory, key: &Key<'_>, last_used: &LastUse) -> Use {
    let mut used = Vec::new();
    let mut proof = Vec::new();
    let mut open = Vec::new();
    match key.dependents.len() {
        0 => proof.push("nothing that was read depends on it".to_owned()),
        1 => used.push(format!("{} depends on it", key.dependents[0].label)),
        more => used.push(format!(
            "{} and {} more depend on it",
            key.dependents[0].label,
            more - 1
        )),
    }
    open.extend(key.unknowns.iter().cloned());
    match &key.grants {
        Known::Unknown(why, _) => open.push(format!("its grants are not known: {why}")),
        known => match known.value().map_or(&[][..], Vec::as_slice) {
            [] => proof.push("it has no grants".to_owned()),
            grants => used.push(format!(
                "{} holds a grant on it{}",
                grants[0].grantee,
                match grants.len() {
                    1 => String::new(),
                    more => format!(", and {} more", more - 1),
                }
            )),
        },
    }
    if inventory.origin() == Origin::Templates {
        open.push(
            "templates do not tell what else the account has: judge a snapshot of it".to_owned(),
        );
    }
    match last_used {
        LastUse::NotGiven => open.push(
            "whether it was used is not known: neither the account's last use nor logs were given"
                .to_owned(),
        ),
        LastUse::At(when) => used.push(format!("it was used on {when}")),
        LastUse::Never(covered) => proof.push(format!("it was not used {covered}")),
        LastUse::Unknown(why) => open.push(format!("whether it was used is not known: {why}")),
    }
    if !key.family.is_empty() {
        open.push(
            "it is one of a multi-Region key's: data of another region may be under it".to_owned(),
        );
    }
    match (used.is_empty(), open.is_empty()) {
        (false, _) => Use::Used(used),
        (true, false) => Use::Unknown(open),
        (true, true) => Use::Unused(proof),
    }
}

/// What is known of a key's last use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastUse {
    /// Nothing was asked.
    NotGiven,
    /// When.
    At(String),
    /// Not in the time that the evidence covers, in words.
    Never(String),
    /// It was asked and not told.
    Unknown(String),
}

impl LastUse {
    /// What a scan recorded: `LastUsage`, by `kms:GetKeyLastUsage`.
    pub fn of(key: &Key<'_>) -> LastUse {
        use lockfast_facts::Read;
        match key.resource.at("LastUsage") {
            Read::Absent(_) => LastUse::NotGiven,
            Read::Unknown(why, _) => LastUse::Unknown(why.to_string()),
            Read::Found(usage, _) => match usage.at("Timestamp").string() {
                Read::Found(when, _) => LastUse::At(when.get(..10).unwrap_or(&when).to_owned()),
                Read::Unknown(why, _) => LastUse::Unknown(why.to_string()),
                Read::Absent(_) => match usage.at("TrackingStartDate").string().found() {
                    Some(since) => LastUse::Never(format!(
                        "since {}, as AWS KMS tells",
                        since.get(..10).unwrap_or(&since)
                    )),
                    None => {
                        LastUse::Unknown("AWS KMS told no last use and no beginning".to_owned())
                    }
                },
            },
        }
    }
}
