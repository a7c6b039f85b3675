//! Whether log files are as CloudTrail delivered them, by its digest files.
//!
//! Every hour CloudTrail delivers a digest for each account and region: the SHA-256 of every log file of the hour and of the digest
//! before, signed with its private key (AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations
//! of CloudTrail log file integrity validation"). What is hashed is always the file's text, after inflation. A digest's signature is
//! the metadata of its object in S3, which copies on disk lose; but the next digest holds it, so of a chain only the last
//! digest's own signature is missing, unless it is kept beside it as `DIGEST.sig`.

use crate::files::{Kind, LogFile};
use crate::inflate::{self, Inflater, MOST_INFLATED};
use crate::reading::load;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Public keys of CloudTrail's, by their fingerprints: of each region its own, which change from time to time.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

/// Why public keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No JSON as `aws cloudtrail list-public-keys` writes it.
    #[error("it is not what `aws cloudtrail list-public-keys` writes: {0}")]
    Json(#[from] serde_json::Error),
    /// A key that is no base64.
    #[error("the key with fingerprint {0} is not in base64")]
    Base64(String),
}

impl PublicKeys {
    /// Reads what `aws cloudtrail list-public-keys` writes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        use base64::Engine;
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            public_key_list: Vec<One>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct One {
            value: String,
            fingerprint: String,
        }
        let listed: Listed = serde_json::from_str(text)?;
        let mut keys = PublicKeys::default();
        for one in listed.public_key_list {
            let key = base64::engine::general_purpose::STANDARD.decode(&one.value);
            let key = key.map_err(|_| KeysError::Base64(one.fingerprint.clone()))?;
            keys.add(&one.fingerprint, key);
        }
        Ok(keys)
    }

    /// Adds a key (PKCS #1, DER).
    pub fn add(&mut self, fingerprint: &str, key: Vec<u8>) {
        self.0.insert(fingerprint.to_ascii_lowercase(), key);
    }

    /// Adds all of these.
    pub fn extend(&mut self, more: PublicKeys) {
        self.0.extend(more.0);
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// A log file that a digest lists is not there.
    LogMissing,
    /// A log file is not what was delivered.
    LogAltered,
    /// A log file that no digest lists, of a time that digests are of.
    LogAdded,
    /// A digest that another names is not there, or hours are without any.
    DigestMissing,
    /// A digest is not what was delivered: the next one has another hash of it, or its signature is of something else.
    DigestAltered,
    /// A file cannot be read.
    Unreadable,
}

impl Wrong {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Wrong::LogMissing => "log-missing",
            Wrong::LogAltered => "log-altered",
            Wrong::LogAdded => "log-added",
            Wrong::DigestMissing => "digest-missing",
            Wrong::DigestAltered => "digest-altered",
            Wrong::Unreadable => "unreadable",
        }
    }
}

/// A file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, or where it should be.
    pub path: PathBuf,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// By what that is known.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.wrong.name(),
            self.path.display(),
            self.why
        )
    }
}

/// What was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Digests that were read.
    pub digests: usize,
    /// Digests whose signature was verified.
    pub signed: usize,
    /// Log files that are what digests say.
    pub logs: usize,
    /// The time that digests are of.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// What is not as it should be, in the order of paths.
    pub findings: Vec<Finding>,
    /// What could not be verified, with the reason: nothing is wrong with it as far as is known.
    pub open: Vec<String>,
}

/// A digest file's text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    digest_start_time: Timestamp,
    digest_end_time: Timestamp,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_signature: Option<String>,
    #[serde(default)]
    log_files: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    s3_object: String,
    hash_value: String,
    hash_algorithm: String,
}

/// A digest that was read.
struct Digest {
    path: PathBuf,
    /// What the keys of its bucket are relative to.
    root: PathBuf,
    hash: String,
    own_signature: Option<String>,
    text: Text,
}

/// Verifies files: the digests among them, and the logs that those list or should.
pub fn verify(files: &[LogFile], keys: &PublicKeys) -> Verified {
    let mut verified = Verified::default();
    let of_digests: Vec<&LogFile> = files.iter().filter(|f| f.kind == Kind::Digest).collect();
    let read: Vec<Result<Digest, Finding>> = of_digests
        .par_iter()
        .map_init(Inflater::default, |inflater, file| {
            Digest::read(&file.path, inflater)
        })
        .collect();
    let mut chains: BTreeMap<(PathBuf, String), Vec<Digest>> = BTreeMap::new();
    for digest in read {
        match digest {
            Ok(digest) => {
                let chain = (digest.root.clone(), chain_of(&digest.text.digest_s3_object));
                chains.entry(chain).or_default().push(digest);
            }
            Err(finding) => verified.findings.push(finding),
        }
    }
    let mut listed: BTreeSet<PathBuf> = BTreeSet::new();
    let mut times: BTreeMap<PathBuf, (Timestamp, Timestamp)> = BTreeMap::new();
    for digests in chains.values_mut() {
        digests.sort_by_key(|digest| digest.text.digest_end_time);
        chain(digests, keys, &mut verified);
        logs(digests, &mut listed, &mut verified);
        for digest in digests.iter() {
            let (start, end) = (digest.text.digest_start_time, digest.text.digest_end_time);
            verified.from = Some(verified.from.map_or(start, |own| own.min(start)));
            verified.until = Some(verified.until.map_or(end, |own| own.max(end)));
            let folder = folder_of_logs(digest);
            let time = times.entry(folder).or_insert((start, end));
            *time = (time.0.min(start), time.1.max(end));
        }
    }
    added(files, &listed, &times, &mut verified);
    if of_digests.is_empty() {
        verified.open.push(
            "there is no digest file: the trail makes none, or CloudTrail-Digest was not copied; nothing was verified".into(),
        );
    }
    verified.findings.sort();
    verified.findings.dedup();
    verified
}

/// Reads a digest's text and takes apart what it names, without looking at any file: for fuzzing alone.
#[doc(hidden)]
pub fn parse_digest(path: &Path, text: &[u8]) -> bool {
    let Ok(digest) = Digest::parse(path, text, None) else {
        return false;
    };
    let signature = digest.text.previous_digest_signature.as_deref();
    let _ = (digest.signed(), signature.and_then(unhex));
    let _ = (
        chain_of(&digest.text.digest_s3_object),
        folder_of_logs(&digest),
    );
    true
}

impl Digest {
    fn read(path: &Path, inflater: &mut Inflater) -> Result<Digest, Finding> {
        let text = text_of(path, inflater).map_err(|why| Finding {
            path: path.to_owned(),
            wrong: Wrong::Unreadable,
            why,
        })?;
        let beside = path.with_file_name(format!(
            "{}.sig",
            path.file_name().unwrap_or_default().to_string_lossy()
        ));
        let own_signature = fs::read_to_string(beside)
            .ok()
            .map(|text| text.trim().to_owned());
        Digest::parse(path, text, own_signature)
    }

    fn parse(path: &Path, text: &[u8], own_signature: Option<String>) -> Result<Digest, Finding> {
        let wrong = |wrong, why: String| Finding {
            path: path.to_owned(),
            wrong,
            why,
        };
        let parsed: Text = serde_json::from_slice(text)
            .map_err(|error| wrong(Wrong::DigestAltered, format!("it is no digest: {error}")))?;
        let tail = tail(&parsed.digest_s3_object);
        let Some(root) = strip(path, tail) else {
            return Err(wrong(
                Wrong::DigestAltered,
                format!("it says that it is {}", parsed.digest_s3_object),
            ));
        };
        Ok(Digest {
            path: path.to_owned(),
            root,
            hash: hex(digest(&SHA256, text).as_ref()),
            own_signature,
            text: parsed,
        })
    }

    /// What is signed of it.
    fn signed(&self) -> String {
        format!(
            "{}\n{}/{}\n{}\n{}",
            self.text.digest_end_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.text.digest_s3_bucket,
            self.text.digest_s3_object,
            self.hash,
            self.text
                .previous_digest_signature
                .as_deref()
                .unwrap_or("null"),
        )
    }
}

/// Each digest holds the next one's hash and signature of it.
fn chain(digests: &[Digest], keys: &PublicKeys, verified: &mut Verified) {
    for (place, digest) in digests.iter().enumerate() {
        verified.digests += 1;
        let mut wrong = |path: &Path, wrong, why: String| {
            verified.findings.push(Finding {
                path: path.to_owned(),
                wrong,
                why,
            });
        };
        let before = place.checked_sub(1).map(|before| &digests[before]);
        match (before, &digest.text.previous_digest_s3_object) {
            (Some(before), Some(named)) if *named == before.text.digest_s3_object => {
                if digest.text.previous_digest_hash_value.as_deref() != Some(&before.hash) {
                    let why = format!("{} has another hash of it", digest.path.display());
                    wrong(&before.path, Wrong::DigestAltered, why);
                }
            }
            (Some(_), Some(named)) => {
                let path = digest.root.join(tail(named));
                let why = format!("{} follows it", digest.path.display());
                wrong(&path, Wrong::DigestMissing, why);
            }
            (Some(before), None) => {
                // A trail that was stopped begins anew, without a digest before.
                let why = format!(
                    "it begins a chain anew, {} after the one before: logging or validation was off, or digests were removed",
                    digest
                        .text
                        .digest_start_time
                        .duration_since(before.text.digest_end_time)
                );
                wrong(&digest.path, Wrong::DigestMissing, why);
            }
            // What was before the first is not asked about.
            (None, _) => {}
        }
        let next = digests.get(place + 1).filter(|next| {
            next.text.previous_digest_s3_object.as_deref() == Some(&digest.text.digest_s3_object)
        });
        let signature = next
            .and_then(|next| next.text.previous_digest_signature.clone())
            .or_else(|| digest.own_signature.clone());
        let fingerprint = digest
            .text
            .digest_public_key_fingerprint
            .to_ascii_lowercase();
        match (signature, keys.0.get(&fingerprint)) {
            (Some(signature), Some(key)) => {
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                let is_right = unhex(&signature)
                    .is_some_and(|s| key.verify(digest.signed().as_bytes(), &s).is_ok());
                match is_right {
                    true => verified.signed += 1,
                    false => wrong(
                        &digest.path,
                        Wrong::DigestAltered,
                        "its signature is of something else".into(),
                    ),
                }
            }
            (None, _) => verified.open.push(format!(
                "{}: its signature is the metadata of its object in S3, and the next digest, which would hold it, is not there",
                digest.path.display()
            )),
            (Some(_), None) => {
                let why = format!(
                    "no public key with the fingerprint {fingerprint} was given (aws cloudtrail list-public-keys)"
                );
                if !verified.open.contains(&why) {
                    verified.open.push(why);
                }
            }
        }
    }
}

/// The log files that digests list.
fn logs(digests: &[Digest], all: &mut BTreeSet<PathBuf>, verified: &mut Verified) {
    let listed: Vec<(PathBuf, &Listed, &Digest)> = digests
        .iter()
        .flat_map(|digest| {
            let logs = digest.text.log_files.iter();
            logs.map(move |log| (digest.root.join(tail(&log.s3_object)), log, digest))
        })
        .collect();
    let results: Vec<Result<(), Finding>> = listed
        .par_iter()
        .map_init(Inflater::default, |inflater, (path, log, digest)| {
            let wrong = |wrong, why: String| Finding {
                path: path.clone(),
                wrong,
                why,
            };
            let by = digest.path.display();
            if !is_key(tail(&log.s3_object)) {
                let why = format!(
                    "it lists {:?}, which is no key of a log file",
                    log.s3_object
                );
                return Err(Finding {
                    path: digest.path.clone(),
                    wrong: Wrong::DigestAltered,
                    why,
                });
            }
            if !path.exists() {
                return Err(wrong(Wrong::LogMissing, format!("{by} lists it")));
            }
            if log.hash_algorithm != "SHA-256" {
                let why = format!("{by} has its hash by {}", log.hash_algorithm);
                return Err(wrong(Wrong::Unreadable, why));
            }
            let text = text_of(path, inflater).map_err(|why| wrong(Wrong::LogAltered, why))?;
            match hex(digest_of(text).as_ref()).eq_ignore_ascii_case(&log.hash_value) {
                true => Ok(()),
                false => Err(wrong(
                    Wrong::LogAltered,
                    format!("{by} has another hash of it"),
                )),
            }
        })
        .collect();
    for result in results {
        match result {
            Ok(()) => verified.logs += 1,
            Err(finding) => verified.findings.push(finding),
        }
    }
    all.extend(listed.into_iter().map(|(path, _, _)| path));
}

fn digest_of(text: &[u8]) -> impl AsRef<[u8]> {
    digest(&SHA256, text)
}

/// Log files that no digest lists, of folders and times that digests are of. A file of the first and of the last hour may be
/// in a digest that was not given.
fn added(
    files: &[LogFile],
    listed: &BTreeSet<PathBuf>,
    times: &BTreeMap<PathBuf, (Timestamp, Timestamp)>,
    verified: &mut Verified,
) {
    let hour = jiff::SignedDuration::from_hours(1);
    for file in files.iter().filter(|file| file.kind == Kind::Log) {
        if listed.contains(&file.path) {
            continue;
        }
        let folder = times
            .iter()
            .find(|(folder, _)| file.path.starts_with(folder));
        let (Some((_, (from, until))), Some(at)) = (folder, delivered(&file.path)) else {
            continue;
        };
        if at >= *from + hour && at < *until - hour {
            verified.findings.push(Finding {
                path: file.path.clone(),
                wrong: Wrong::LogAdded,
                why: "no digest lists it".into(),
            });
        }
    }
}

/// When a log file was delivered: `…_20260301T1205Z_….json.gz`.
fn delivered(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?;
    name.split('_').find_map(|part| {
        let digits = part.strip_suffix('Z')?;
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M", digits).ok()?;
        jiff::tz::Offset::UTC.to_timestamp(time).ok()
    })
}

/// The folder that a chain's logs are in: `AWSLogs/…/CloudTrail/REGION`.
fn folder_of_logs(digest: &Digest) -> PathBuf {
    let object = tail(&digest.text.digest_s3_object).replace("/CloudTrail-Digest/", "/CloudTrail/");
    // Of AWSLogs/[ORG/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/NAME.
    let mut folder = digest.root.join(object);
    for _ in 0..4 {
        folder.pop();
    }
    folder
}

/// What digests of one chain have in common: the folder of the account and region, and the trail's name.
fn chain_of(object: &str) -> String {
    let mut parts: Vec<&str> = object.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    for _ in 0..3 {
        parts.pop();
    }
    let trail = name.rsplit_once('_').map_or(name, |(trail, _)| trail);
    format!("{}/{trail}", parts.join("/"))
}

/// A key from `AWSLogs` on: what is before it is the trail's prefix, which a copy may lack.
fn tail(object: &str) -> &str {
    object.rfind("AWSLogs/").map_or(object, |at| &object[at..])
}

/// Whether it names a file below a folder and none elsewhere, however a digest was made.
fn is_key(tail: &str) -> bool {
    let mut parts = Path::new(tail).components();
    parts.all(|part| matches!(part, Component::Normal(_)))
}

/// What is before the end of a path.
fn strip(path: &Path, tail: &str) -> Option<PathBuf> {
    let mut root = path.to_owned();
    for part in Path::new(tail).components().rev() {
        if root.file_name() != Some(part.as_os_str()) {
            return None;
        }
        root.pop();
    }
    Some(root)
}

fn text_of<'i>(path: &Path, inflater: &'i mut Inflater) -> Result<&'i [u8], String> {
    let mut bytes = Vec::new();
    let _ = load(path, MOST_INFLATED, &mut bytes)?;
    if !inflate::is_gzip(&bytes) {
        return Err("it is not compressed, as CloudTrail delivers it".into());
    }
    let inflated = inflater.inflate(&bytes);
    match inflated.damage {
        Some(damage) => Err(damage.to_string()),
        None => Ok(inflated.text),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
