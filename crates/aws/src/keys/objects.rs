//! The objects of a bucket, put under another key: one after another in the order of their names, many at once.

mod copy;

use super::{Keys, Refused, names_key, refused};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    ChecksumMode, ObjectEncryption, ServerSideEncryption, SsekmsEncryption, StorageClass,
};
use copy::copy;
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};

/// So many objects are worked on at once; S3 answers a copy after some tens of milliseconds.
const AT_ONCE: usize = 128;

/// So many objects are named of those that are left or failed; all are counted.
const NAMED: usize = 100;

/// How objects get under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Their data keys are wrapped anew (`UpdateObjectEncryption`); nothing else of an object changes. Where that cannot be,
    /// current versions are copied.
    Rewrap,
    /// They are copied onto themselves, so that their data keys are new, too.
    Copy,
}

/// Objects, and the key that they are to be under.
#[derive(Clone, Debug)]
pub struct Objects {
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The key that they are to leave, by its ARN; with `None` whatever key they are under.
    pub old: Option<String>,
    /// The key that they are to be under, by its ARN.
    pub new: String,
    /// Older versions, too.
    pub versions: bool,
    /// How.
    pub how: How,
    /// Where an earlier run came to.
    pub from: Option<Marker>,
    /// Whether AWS itself is asked. What stands in its place may take `UpdateObjectEncryption`, which it does not know, for an
    /// upload, and an object would be lost: there objects are copied.
    pub on_aws: bool,
}

/// A place in the list of a bucket's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The key of the last object before.
    pub key: String,
    /// Its version, where versions are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An object that is not under the new key, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDone {
    /// Its key.
    pub key: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why.
    pub why: String,
}

/// What came of the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Objects and versions that were listed.
    pub listed: u64,
    /// Those that are under the new key now.
    pub done: u64,
    /// Of them those that were copied.
    pub copied: u64,
    /// Those that were under it before.
    pub already: u64,
    /// Those under no key of AWS KMS, or another than the old one.
    pub elsewhere: u64,
    /// Markers of deletions, which hold nothing.
    pub delete_markers: u64,
    /// Those that cannot be put under it so.
    pub left: u64,
    /// Those that a call failed for.
    pub failed: u64,
    /// The size of those that were done.
    pub bytes: u64,
    /// Those whose content could only be compared by its size, for they had no checksum.
    pub without_checksum: u64,
    /// The first of those that are left or failed.
    pub named: Vec<NotDone>,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, more: Tally) {
        self.listed += more.listed;
        self.done += more.done;
        self.copied += more.copied;
        self.already += more.already;
        self.elsewhere += more.elsewhere;
        self.delete_markers += more.delete_markers;
        self.left += more.left;
        self.failed += more.failed;
        self.bytes += more.bytes;
        self.without_checksum += more.without_checksum;
        let room = NAMED.saturating_sub(self.named.len());
        self.named.extend(more.named.into_iter().take(room));
    }

    /// Whether every object that was under the old key is under the new one.
    pub fn is_complete(&self) -> bool {
        self.left == 0 && self.failed == 0
    }
}

/// Is told how far it is, and where to go on after a kill; an error of its own ends the run.
pub type Listener<'l> = dyn FnMut(&Tally, Option<&Marker>) -> Result<(), Refused> + 'l;

/// One that is listed.
struct Item {
    key: String,
    version: Option<String>,
    /// Whether it is what a reader gets that names no version.
    is_latest: bool,
}

/// What came of one.
enum Outcome {
    Done {
        bytes: u64,
        copied: bool,
        without_checksum: bool,
    },
    Already,
    Elsewhere,
    Left(String),
    Failed(String),
}

/// A page of the list.
struct Page {
    items: Vec<Item>,
    delete_markers: u64,
    next: Option<Marker>,
}

impl Keys {
    /// Puts objects under another key. `told` is told of each page that is through, with the place where a later run may go on;
    /// when it gives an error, that ends it.
    ///
    /// # Errors
    /// When the list cannot be had. What goes wrong with an object is counted and named.
    pub async fn reencrypt_objects(
        &self,
        of: &Objects,
        told: &mut Listener<'_>,
    ) -> Result<Tally, Refused> {
        let client = self.s3(&of.region);
        self.each_page(&client, of, told, async |item| {
            put_under(&client, of, item).await
        })
        .await
    }

    /// Looks under which key objects are, and changes nothing: those under the old one count as left.
    ///
    /// # Errors
    /// As [`Keys::reencrypt_objects`].
    pub async fn look_at_objects(
        &self,
        of: &Objects,
        told: &mut Listener<'_>,
    ) -> Result<Tally, Refused> {
        let client = self.s3(&of.region);
        self.each_page(&client, of, told, async |item| {
            match look(&client, of, item).await {
                Ok(Looked::Wanted(_)) => Outcome::Left("it is under the old key".into()),
                Ok(Looked::Outcome(outcome)) => outcome,
                Err(refused) => Outcome::Failed(refused.to_string()),
            }
        })
        .await
    }

    async fn each_page(
        &self,
        client: &Client,
        of: &Objects,
        told: &mut Listener<'_>,
        each: impl AsyncFn(&Item) -> Outcome,
    ) -> Result<Tally, Refused> {
        let mut tally = Tally::default();
        let mut from = of.from.clone();
        loop {
            let page = page(client, of, from.as_ref()).await?;
            let outcomes = stream::iter(&page.items)
                .map(async |item| (item, each(item).await))
                .buffer_unordered(AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            let mut own = Tally {
                listed: page.items.len() as u64,
                delete_markers: page.delete_markers,
                ..Tally::default()
            };
            for (item, outcome) in outcomes {
                own.count(item, outcome);
            }
            // In the order of the list, whichever answered first.
            own.named
                .sort_by(|a, b| (&a.key, &a.version).cmp(&(&b.key, &b.version)));
            tally.add(own);
            told(&tally, page.next.as_ref())?;
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(tally),
            }
        }
    }
}

impl Tally {
    fn count(&mut self, item: &Item, outcome: Outcome) {
        let why = match outcome {
            Outcome::Done {
                bytes,
                copied,
                without_checksum,
            } => {
                self.done += 1;
                self.bytes += bytes;
                self.copied += u64::from(copied);
                self.without_checksum += u64::from(without_checksum);
                return;
            }
            Outcome::Already => {
                self.already += 1;
                return;
            }
            Outcome::Elsewhere => {
                self.elsewhere += 1;
                return;
            }
            Outcome::Left(why) => {
                self.left += 1;
                why
            }
            Outcome::Failed(why) => {
                self.failed += 1;
                why
            }
        };
        self.named.push(NotDone {
            key: item.key.clone(),
            version: item.version.clone(),
            why,
        });
    }
}

/// The objects after a place: of versions those that are not the latest, too.
async fn page(client: &Client, of: &Objects, from: Option<&Marker>) -> Result<Page, Refused> {
    if !of.versions {
        let answer = client
            .list_objects_v2()
            .bucket(&of.bucket)
            .set_start_after(from.map(|from| from.key.clone()))
            .send()
            .await
            .map_err(|error| refused("s3:ListBucket", &error))?;
        let items: Vec<Item> = answer
            .contents
            .unwrap_or_default()
            .into_iter()
            .filter_map(|object| object.key)
            .map(|key| Item {
                key,
                version: None,
                is_latest: true,
            })
            .collect();
        let more = answer.is_truncated == Some(true);
        let next = items.last().filter(|_| more).map(|last| Marker {
            key: last.key.clone(),
            version: None,
        });
        return Ok(Page {
            items,
            delete_markers: 0,
            next,
        });
    }
    let answer = client
        .list_object_versions()
        .bucket(&of.bucket)
        .set_key_marker(from.map(|from| from.key.clone()))
        .set_version_id_marker(from.and_then(|from| from.version.clone()))
        .send()
        .await
        .map_err(|error| refused("s3:ListBucketVersions", &error))?;
    let more = answer.is_truncated == Some(true);
    let next = answer.next_key_marker.filter(|_| more).map(|key| Marker {
        key,
        version: answer.next_version_id_marker,
    });
    let items = answer.versions.unwrap_or_default().into_iter();
    Ok(Page {
        items: items
            .filter_map(|version| {
                Some(Item {
                    key: version.key?,
                    // Of objects from before versions were kept.
                    version: version.version_id.filter(|id| id != "null"),
                    is_latest: version.is_latest == Some(true),
                })
            })
            .collect(),
        delete_markers: answer.delete_markers.map_or(0, |all| all.len() as u64),
        next,
    })
}

/// What a first look says.
enum Looked {
    /// It is to be put under the new key.
    Wanted(Box<HeadObjectOutput>),
    Outcome(Outcome),
}

async fn look(client: &Client, of: &Objects, item: &Item) -> Result<Looked, Refused> {
    let answer = client
        .head_object()
        .bucket(&of.bucket)
        .key(&item.key)
        .set_version_id(item.version.clone())
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await;
    let head = match answer {
        Ok(head) => head,
        Err(error) => {
            let status = error
                .raw_response()
                .map(|response| response.status().as_u16());
            return match status {
                // Deleted since it was listed.
                Some(404) => Ok(Looked::Outcome(Outcome::Already)),
                Some(400) => Ok(Looked::Outcome(Outcome::Left(
                    "it cannot be looked at: most likely it is encrypted with a key of the customer's (SSE-C), which whoever has it has to change".into(),
                ))),
                _ => Err(refused("s3:GetObject", &error)),
            };
        }
    };
    Ok(match (&head.server_side_encryption, &head.ssekms_key_id) {
        (Some(ServerSideEncryption::AwsKmsDsse), Some(key)) if is_old(of, key) => {
            Looked::Outcome(Outcome::Left(
                "it is encrypted twice (DSSE-KMS), which is copied by hand: aws s3api copy-object --server-side-encryption aws:kms:dsse".into(),
            ))
        }
        (Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse), None) => {
            Looked::Outcome(Outcome::Failed("S3 does not tell which key it is under".into()))
        }
        (Some(ServerSideEncryption::AwsKms), Some(key)) if names_key(key, &of.new) => {
            Looked::Outcome(Outcome::Already)
        }
        (Some(ServerSideEncryption::AwsKms), Some(key)) if is_old(of, key) => {
            Looked::Wanted(Box::new(head))
        }
        _ => Looked::Outcome(Outcome::Elsewhere),
    })
}

fn is_old(of: &Objects, key: &str) -> bool {
    of.old.as_ref().is_none_or(|old| names_key(key, old))
}

async fn put_under(client: &Client, of: &Objects, item: &Item) -> Outcome {
    let head = match look(client, of, item).await {
        Ok(Looked::Wanted(head)) => head,
        Ok(Looked::Outcome(outcome)) => return outcome,
        Err(refused) => return Outcome::Failed(refused.to_string()),
    };
    if of.how == How::Rewrap && of.on_aws {
        match rewrap(client, of, item, &head).await {
            Ok(Some(outcome)) => return outcome,
            // The service does not know the call.
            Ok(None) => {}
            Err(refused) => return Outcome::Failed(refused.to_string()),
        }
    }
    if !item.is_latest {
        return Outcome::Left(
            "an older version cannot be copied in its place: expire it once nobody needs it".into(),
        );
    }
    if is_archived(&head) {
        return Outcome::Left("it is archived: restore it, and go on".into());
    }
    match copy(client, of, item, &head).await {
        Ok(outcome) => outcome,
        Err(refused) => Outcome::Failed(refused.to_string()),
    }
}

/// Archived objects can be read only once they are restored.
fn is_archived(head: &HeadObjectOutput) -> bool {
    let class = head.storage_class.as_ref();
    let archived = matches!(
        class,
        Some(StorageClass::Glacier | StorageClass::DeepArchive)
    );
    let restored = head.restore.as_deref();
    archived && !restored.is_some_and(|text| text.contains("ongoing-request=\"false\""))
}

async fn rewrap(
    client: &Client,
    of: &Objects,
    item: &Item,
    head: &HeadObjectOutput,
) -> Result<Option<Outcome>, Refused> {
    const CALL: &str = "s3:UpdateObjectEncryption";
    let under = SsekmsEncryption::builder()
        .kms_key_arn(&of.new)
        .set_bucket_key_enabled(head.bucket_key_enabled)
        .build()
        .map_err(|error| Refused {
            call: CALL.into(),
            error: error.to_string(),
        })?;
    let answer = client
        .update_object_encryption()
        .bucket(&of.bucket)
        .key(&item.key)
        .set_version_id(item.version.clone())
        .object_encryption(ObjectEncryption::Ssekms(under))
        .send()
        .await;
    if let Err(error) = answer {
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        return match status {
            Some(404 | 405 | 501) => Ok(None),
            _ => Err(refused(CALL, &error)),
        };
    }
    if !matches!(
        look(client, of, item).await?,
        Looked::Outcome(Outcome::Already)
    ) {
        return Ok(Some(Outcome::Failed(
            "the call was taken, and it is not under the new key".into(),
        )));
    }
    Ok(Some(Outcome::Done {
        bytes: size(head),
        copied: false,
        without_checksum: false,
    }))
}

fn size(head: &HeadObjectOutput) -> u64 {
    u64::try_from(head.content_length.unwrap_or_default()).unwrap_or_default()
}
