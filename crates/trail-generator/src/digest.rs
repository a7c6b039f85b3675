//! Digest files, by which the integrity of log files is validated: CloudTrail User Guide, "CloudTrail digest file structure"
//! and "Custom implementations of CloudTrail log file integrity validation".

use crate::draft::{civil, hex, time_text};
use crate::plan::{Error, Plan};
use crate::schedule::Pair;
use crate::writing::{prefix, save};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The bucket that the digests name, and the trail.
const BUCKET: &str = "organization-trail-logs";
const TRAIL: &str = "organization-trail";
const HOUR: i64 = 3_600;

/// What signs digest files: an RSA key, as CloudTrail has one for each region.
#[derive(Clone)]
pub struct Signer(Arc<KeyPair>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.fingerprint()).finish()
    }
}

impl Signer {
    /// The signer with this private key (PKCS #8, DER).
    ///
    /// # Errors
    /// When it is no RSA key of 2048 bits or more.
    pub fn from_pkcs8(key: &[u8]) -> Result<Self, Error> {
        let key = KeyPair::from_pkcs8(key)
            .map_err(|error| Error::Plan(format!("the digests' key: {error}")))?;
        Ok(Signer(Arc::new(key)))
    }

    /// A signer with a new key.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let none = |_| Error::Plan("no key for digests can be made".into());
        let key = KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).map_err(none)?;
        Ok(Signer(Arc::new(key)))
    }

    /// Its public key, as `aws cloudtrail list-public-keys` writes it.
    pub fn listed(&self) -> String {
        let value = base64::engine::general_purpose::STANDARD.encode(self.public_key());
        format!(
            "{{\"PublicKeyList\":[{{\"Value\":\"{value}\",\"ValidityStartTime\":\"2026-01-01T00:00:00Z\",\"ValidityEndTime\":\"2027-01-01T00:00:00Z\",\"Fingerprint\":\"{}\"}}]}}\n",
            self.fingerprint()
        )
    }

    /// Its public key (PKCS #1, DER), as CloudTrail's `ListPublicKeys` gives it.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// What the digests call the public key: 32 hexadecimal digits. Whose key it is need only be known by it, so it is half
    /// of the key's SHA-256.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.public_key())[..16])
    }

    /// The signature (RSASSA-PKCS1-v1_5 with SHA-256), in hexadecimal digits.
    fn sign(&self, text: &str) -> Option<String> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .ok()?;
        Some(hex(&signature))
    }
}

/// A log file that a digest lists.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) object: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) delivered: i64,
    /// SHA-256 of what is in it, inflated.
    pub(crate) hash: String,
    pub(crate) oldest: i64,
    pub(crate) newest: i64,
}

/// Writes the digests of all accounts and regions; gives how many there are.
pub(crate) fn write(
    plan: &Plan,
    signer: &Signer,
    folder: &Path,
    pairs: &[Pair],
    (start, end): (i64, i64),
    listed: Vec<Listed>,
) -> Result<u64, Error> {
    let mut hours: BTreeMap<(String, String), BTreeMap<i64, Vec<Listed>>> = BTreeMap::new();
    for file in listed {
        let of = hours.entry((file.account.clone(), file.region.clone()));
        let hour = file.delivered.div_euclid(HOUR) * HOUR;
        of.or_default().entry(hour).or_default().push(file);
    }
    let counts: Result<Vec<u64>, Error> = pairs
        .par_iter()
        .map(|pair| {
            let place = (pair.account.clone(), pair.region.clone());
            let mut chain = Chain {
                plan,
                signer,
                folder,
                pair,
                previous: None,
            };
            let mut count = 0;
            // What is delivered after the end has its digest, too.
            for hour in (start..end + 2 * HOUR).step_by(HOUR as usize) {
                let files = hours.get(&place).and_then(|hours| hours.get(&hour));
                chain.digest(hour, files.map_or(&[], |files| &files[..]))?;
                count += 1;
            }
            Ok(count)
        })
        .collect();
    Ok(counts?.iter().sum())
}

/// The digests of one account and region, each of which names the one before.
struct Chain<'a> {
    plan: &'a Plan,
    signer: &'a Signer,
    folder: &'a Path,
    pair: &'a Pair,
    previous: Option<Previous>,
}

struct Previous {
    object: String,
    hash: String,
    signature: String,
}

impl Chain<'_> {
    fn digest(&mut self, hour: i64, files: &[Listed]) -> Result<(), Error> {
        let ends = hour + HOUR;
        let object = self.object(ends);
        let text = |text: Option<&str>| text.map_or("null".into(), |text| format!("\"{text}\""));
        let previous = self.previous.as_ref();
        let time = |time: Option<i64>| text(time.map(time_text).as_deref());
        let log_files = files.iter().map(|file| {
            format!(
                r#"{{"s3Bucket":"{BUCKET}","s3Object":"{}","hashValue":"{}","hashAlgorithm":"SHA-256","newestEventTime":"{}","oldestEventTime":"{}"}}"#,
                file.object,
                file.hash,
                time_text(file.newest),
                time_text(file.oldest)
            )
        });
        let log_files: Vec<String> = log_files.collect();
        let digest = format!(
            r#"{{"awsAccountId":"{account}","digestStartTime":"{starts}","digestEndTime":"{end}","digestS3Bucket":"{BUCKET}","digestS3Object":"{object}","digestPublicKeyFingerprint":"{fingerprint}","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":{newest},"oldestEventTime":{oldest},"previousDigestS3Bucket":{previous_bucket},"previousDigestS3Object":{previous_object},"previousDigestHashValue":{previous_hash},"previousDigestHashAlgorithm":{previous_algorithm},"previousDigestSignature":{previous_signature},"logFiles":[{log_files}]}}"#,
            account = self.pair.account,
            starts = time_text(hour),
            end = time_text(ends),
            fingerprint = self.signer.fingerprint(),
            newest = time(files.iter().map(|file| file.newest).max()),
            oldest = time(files.iter().map(|file| file.oldest).min()),
            previous_bucket = text(previous.map(|_| BUCKET)),
            previous_object = text(previous.map(|it| it.object.as_str())),
            previous_hash = text(previous.map(|it| it.hash.as_str())),
            previous_algorithm = text(previous.map(|_| "SHA-256")),
            previous_signature = text(previous.map(|it| it.signature.as_str())),
            log_files = log_files.join(","),
        );
        let hash = hex(&Sha256::digest(&digest));
        let signed = format!(
            "{}\n{BUCKET}/{object}\n{hash}\n{}",
            time_text(ends),
            previous.map_or("null", |it| it.signature.as_str())
        );
        let signature = self
            .signer
            .sign(&signed)
            .ok_or_else(|| Error::Signature(object.clone()))?;
        let path = self.folder.join(&object);
        save(&path, &gzip(digest.as_bytes(), self.plan.level)?)?;
        // In S3 it is the object's metadata (`x-amz-meta-signature`).
        let beside = self.folder.join(format!("{object}.sig"));
        save(&beside, signature.as_bytes())?;
        self.previous = Some(Previous {
            object,
            hash,
            signature,
        });
        Ok(())
    }

    /// The digest's key in its bucket.
    fn object(&self, ends: i64) -> String {
        let Pair {
            account, region, ..
        } = self.pair;
        let (year, month, day) = civil(ends.div_euclid(86_400));
        let stamp: String = time_text(ends)
            .chars()
            .filter(|it| !matches!(it, '-' | ':'))
            .collect();
        // The trail's own region comes after its name.
        let home = &self.plan.regions[0];
        format!(
            "{}/CloudTrail-Digest/{region}/{year:04}/{month:02}/{day:02}/{account}_CloudTrail-Digest_{region}_{TRAIL}_{home}_{stamp}.json.gz",
            prefix(self.plan.organization.as_deref(), account)
        )
    }
}

fn gzip(text: &[u8], level: i32) -> Result<Vec<u8>, Error> {
    let failed = || Error::Plan("a digest cannot be compressed".into());
    let level = CompressionLvl::new(level).map_err(|_| failed())?;
    let mut compressor = Compressor::new(level);
    let mut compressed = vec![0; compressor.gzip_compress_bound(text.len())];
    let length = compressor
        .gzip_compress(text, &mut compressed)
        .map_err(|_| failed())?;
    compressed.truncate(length);
    Ok(compressed)
}
