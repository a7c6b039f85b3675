//! CloudTrail's log files, brought from their bucket into a folder.

use super::{Keys, Refused, refused};
use aws_sdk_s3::types::RequestPayer;
use futures::{StreamExt, TryStreamExt, stream};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// So many objects are fetched at once: S3 answers each after some tens of milliseconds.
const AT_ONCE: usize = 32;

/// Which objects of a bucket are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those whose keys begin so.
    pub prefix: String,
    /// Of these accounts; of all when none are named.
    pub accounts: Vec<String>,
    /// Of these regions; of all when none are named.
    pub regions: Vec<String>,
    /// Of days not before, as `2026/03/01`: the day of delivery.
    pub since: Option<String>,
    /// Of days not after.
    pub until: Option<String>,
    /// Whoever asks pays, of a bucket that is configured so.
    pub requester_pays: bool,
}

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Objects that are wanted.
    pub wanted: u64,
    /// Of them, those that were not there yet.
    pub fetched: u64,
    /// Their size.
    pub bytes: u64,
}

struct Object {
    key: String,
    size: u64,
}

impl Keys {
    /// Brings objects into a folder, under their keys. What is there with the same size is not fetched again: log files
    /// never change. The signature of a digest, which is its object's metadata, is written beside it as `DIGEST.sig`.
    ///
    /// # Errors
    /// What AWS said instead, or why a file cannot be written; what was fetched stays.
    pub async fn fetch_logs(
        &self,
        bucket: &str,
        wanted: &Wanted,
        folder: &Path,
        told: impl Fn(u64, u64),
    ) -> Result<Fetched, Refused> {
        let region = self.bucket_region(bucket).await;
        let client = self.s3(&region);
        let payer = wanted.requester_pays.then_some(RequestPayer::Requester);
        let objects = list(&client, bucket, wanted, payer.clone()).await?;
        let count = AtomicU64::new(0);
        let all = objects.len() as u64;
        let results = stream::iter(objects.into_iter().map(|object| {
            let (client, payer, count, told) = (&client, payer.clone(), &count, &told);
            async move {
                let got = fetch(client, bucket, payer, &object, folder).await;
                told(count.fetch_add(1, Ordering::Relaxed) + 1, all);
                got
            }
        }))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<u64>>()
        .await?;
        Ok(Fetched {
            wanted: all,
            fetched: results.iter().filter(|bytes| **bytes > 0).count() as u64,
            bytes: results.iter().sum(),
        })
    }

    /// Where a bucket is; the configuration's region where S3 does not tell.
    async fn bucket_region(&self, bucket: &str) -> String {
        let own = self.region().unwrap_or("us-east-1").to_owned();
        let answer = self.s3(&own).head_bucket().bucket(bucket).send().await;
        match answer {
            Ok(answer) => answer.bucket_region.unwrap_or(own),
            // A bucket of another region says so in its refusal.
            Err(error) => error
                .raw_response()
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .map_or(own, str::to_owned),
        }
    }
}

/// The objects that are wanted. The levels of CloudTrail's layout are listed one by one, so that what is of another account or
/// region is not listed at all; what is below a region is listed from the first day on.
async fn list(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    wanted: &Wanted,
    payer: Option<RequestPayer>,
) -> Result<Vec<Object>, Refused> {
    let mut open = vec![wanted.prefix.clone()];
    let mut found = Vec::new();
    while let Some(prefix) = open.pop() {
        let region = below_region(&prefix);
        let request = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(&prefix)
            .set_request_payer(payer.clone());
        let request = match region {
            true => {
                request.set_start_after(wanted.since.as_ref().map(|day| format!("{prefix}{day}")))
            }
            false => request.delimiter("/"),
        };
        let mut pages = request.into_paginator().send();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused("s3:ListBucket", &error))?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                let day = key.strip_prefix(&prefix).and_then(|rest| rest.get(..10));
                if region
                    && let (Some(day), Some(until)) = (day, &wanted.until)
                    && day > until.as_str()
                {
                    break 'pages;
                }
                if key.ends_with(".json.gz") || key.ends_with(".json") {
                    found.push(Object {
                        key: key.to_owned(),
                        size: object
                            .size()
                            .and_then(|size| u64::try_from(size).ok())
                            .unwrap_or_default(),
                    });
                }
            }
            let folders = page.common_prefixes().iter().filter_map(|of| of.prefix());
            open.extend(
                folders
                    .filter(|folder| wants(folder, wanted))
                    .map(str::to_owned),
            );
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// `…/AWSLogs/[ORG/]ACCOUNT/CloudTrail/REGION/` and the same of digests.
fn below_region(prefix: &str) -> bool {
    let mut parts = prefix.trim_end_matches('/').rsplit('/');
    let _region = parts.next();
    matches!(parts.next(), Some("CloudTrail" | "CloudTrail-Digest")) && prefix.ends_with('/')
}

/// Whether a level of the layout is of what is wanted.
fn wants(folder: &str, wanted: &Wanted) -> bool {
    let mut parts = folder.trim_end_matches('/').rsplit('/');
    let name = parts.next().unwrap_or_default();
    let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
    let is_region = matches!(parts.next(), Some("CloudTrail" | "CloudTrail-Digest"));
    match (is_account, is_region) {
        (true, _) => wanted.accounts.is_empty() || wanted.accounts.iter().any(|own| own == name),
        (_, true) => wanted.regions.is_empty() || wanted.regions.iter().any(|own| own == name),
        // Insights are CloudTrail's own conclusions, and network activity is of endpoints alone.
        _ => !matches!(
            name,
            "CloudTrail-Insight" | "CloudTrail-NetworkActivity" | "CloudTrail-Aggregated"
        ),
    }
}

/// The bytes that came; none where the file is there already.
async fn fetch(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    payer: Option<RequestPayer>,
    object: &Object,
    folder: &Path,
) -> Result<u64, Refused> {
    const CALL: &str = "s3:GetObject";
    let path = local(folder, &object.key).ok_or_else(|| Refused {
        call: CALL.to_owned(),
        error: format!("{} is no name that a file may have", object.key),
    })?;
    if std::fs::metadata(&path).is_ok_and(|about| about.len() == object.size) {
        return Ok(0);
    }
    let answer = client
        .get_object()
        .bucket(bucket)
        .key(&object.key)
        .set_request_payer(payer)
        .send()
        .await
        .map_err(|error| refused(CALL, &error))?;
    let signature = answer
        .metadata()
        .and_then(|all| all.get("signature").cloned());
    let wrong = |error: String| Refused {
        call: CALL.to_owned(),
        error: format!("{}: {error}", object.key),
    };
    let body = answer
        .body
        .collect()
        .await
        .map_err(|error| wrong(error.to_string()))?;
    let bytes = body.into_bytes();
    if let Some(signature) = signature {
        let mut beside = path.clone().into_os_string();
        beside.push(".sig");
        save(Path::new(&beside), signature.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    }
    save(&path, &bytes).map_err(|error| wrong(error.to_string()))?;
    Ok((bytes.len() as u64).max(1))
}

/// The path of an object, which must not lead out of the folder.
fn local(folder: &Path, key: &str) -> Option<PathBuf> {
    let key = Path::new(key);
    let plain = key
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    plain.then(|| folder.join(key))
}

/// The whole file or nothing.
fn save(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_is_listed() {
        let wanted = Wanted {
            accounts: vec!["111122223333".into()],
            regions: vec!["eu-central-1".into()],
            ..Wanted::default()
        };
        let wants = |folder| wants(folder, &wanted);
        assert!(wants("AWSLogs/o-1/") && wants("AWSLogs/o-1/111122223333/"));
        assert!(!wants("AWSLogs/o-1/444455556666/"));
        assert!(wants("AWSLogs/111122223333/CloudTrail/eu-central-1/"));
        assert!(!wants("AWSLogs/111122223333/CloudTrail/us-east-1/"));
        assert!(!wants("AWSLogs/111122223333/CloudTrail-Insight/"));
        assert!(below_region("AWSLogs/111122223333/CloudTrail/us-east-1/"));
        assert!(!below_region("AWSLogs/111122223333/CloudTrail/"));
        assert_eq!(local(Path::new("f"), "a/../../b"), None);
    }
}
