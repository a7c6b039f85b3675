//! Amazon S3: buckets and their policies.
//!
//! Buckets are listed once for the account; what a list leaves out is asked at each bucket's own region, where alone
//! S3 answers without a redirect.

mod shape;

use super::prelude::*;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput;
use aws_sdk_s3::types::BucketLocationConstraint;
use std::collections::{BTreeMap, HashMap};

pub(super) static READER: Reader = Reader {
    service: "s3",
    scope: Scope::Global,
    kinds: &[BUCKET, POLICY],
    calls: &[
        "s3:ListAllMyBuckets",
        "s3:GetBucketLocation",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketVersioning",
        "s3:GetReplicationConfiguration",
        "s3:GetBucketLogging",
        "s3:GetInventoryConfiguration",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const BUCKET: &str = "AWS::S3::Bucket";
const POLICY: &str = "AWS::S3::BucketPolicy";

/// Buckets a page, at most: with this or any other valid parameter, S3 tells the region of each bucket (Amazon S3 API
/// Reference, ListBuckets).
const PAGE: i32 = 10_000;

async fn read(cx: Cx) {
    let home = client(&cx, cx.endpoint_region());
    let buckets = cx
        .list(
            "s3:ListAllMyBuckets",
            &[BUCKET, POLICY],
            items!(home.list_buckets().max_buckets(PAGE)),
        )
        .await;
    let mut clients: HashMap<String, Client> = HashMap::new();
    let mut found = Vec::new();
    for bucket in &buckets {
        let Some(name) = bucket.name() else { continue };
        let region = match bucket.bucket_region() {
            Some(region) => region.to_owned(),
            None => match location(&cx, &home, name).await {
                Ok(region) => region,
                Err(failure) => {
                    nowhere(&cx, name, &failure);
                    continue;
                }
            },
        };
        if cx.covers(&region) {
            let client = clients
                .entry(region.clone())
                .or_insert_with(|| client(&cx, &region));
            found.push((
                name.to_owned(),
                region,
                client.clone(),
                bucket.creation_date().copied(),
            ));
        }
    }
    cx.each(found, |(name, region, client, created)| {
        let cx = cx.clone();
        async move {
            let asked = Asked {
                cx: &cx,
                client: &client,
                name: &name,
                region: &region,
            };
            let props = Props::of("s3:ListAllMyBuckets")
                .put("BucketName", &name)
                .put("CreationDate", created);
            asked.bucket(props).await;
            asked.policy().await;
        }
    })
    .await;
}

/// A client of a region. Another endpoint than AWS's own may not know buckets by host name.
fn client(cx: &Cx, region: &str) -> Client {
    let config = Builder::from(&cx.config_in(region)).force_path_style(cx.has_own_endpoint());
    Client::from_conf(config.build())
}

/// The region of a bucket. None stands for the oldest one, `EU` for the second (Amazon S3 API Reference,
/// GetBucketLocation).
async fn location(cx: &Cx, client: &Client, name: &str) -> Result<String, Failure> {
    let answer = cx
        .get(
            "s3:GetBucketLocation",
            client.get_bucket_location().bucket(name).send(),
        )
        .await?;
    let region = answer
        .location_constraint()
        .map_or("", BucketLocationConstraint::as_str);
    Ok(match region {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        region => region,
    }
    .to_owned())
}

/// A bucket of which not even the region is known.
fn nowhere(cx: &Cx, name: &str, failure: &Failure) {
    let arn = arn(cx, name);
    let mut props = Props::of("s3:GetBucketLocation").put("BucketName", name);
    for property in [
        "BucketEncryption",
        "PublicAccessBlockConfiguration",
        "VersioningConfiguration",
        "ReplicationConfiguration",
        "LoggingConfiguration",
        "InventoryConfigurations",
    ] {
        props.set(property, failure.clone());
    }
    cx.emit(BUCKET, name, Some(&arn), props);
    let props = Props::of("s3:GetBucketLocation")
        .put("Bucket", name)
        .put("PolicyDocument", failure.clone());
    cx.emit(POLICY, name, None, props);
}

fn arn(cx: &Cx, name: &str) -> String {
    format!("arn:{}:s3:::{name}", cx.partition())
}

/// A bucket that is asked about.
struct Asked<'a> {
    cx: &'a Cx,
    client: &'a Client,
    name: &'a str,
    region: &'a str,
}

impl Asked<'_> {
    async fn bucket(&self, props: Props) {
        let Asked {
            cx,
            client,
            name,
            region,
        } = *self;
        // Buckets that nobody set an encryption for have SSE-S3 and say so; the error is from before 2023.
        let encryption = cx
            .get_unless(
                "s3:GetEncryptionConfiguration",
                &["ServerSideEncryptionConfigurationNotFoundError"],
                client.get_bucket_encryption().bucket(name).send(),
            )
            .await
            .and_then(|answer| {
                // An answer without it is none: that there is none is an error's to say.
                let told = |answer: GetBucketEncryptionOutput| {
                    let config = answer.server_side_encryption_configuration;
                    let config = config.ok_or_else(|| malformed("s3:GetEncryptionConfiguration"));
                    config.map(shape::encryption)
                };
                answer.map(told).transpose()
            });
        let public = cx
            .get_unless(
                "s3:GetBucketPublicAccessBlock",
                &["NoSuchPublicAccessBlockConfiguration"],
                client.get_public_access_block().bucket(name).send(),
            )
            .await
            .map(|answer| {
                shape::public_access(
                    answer.and_then(|answer| answer.public_access_block_configuration),
                )
            });
        let versioning = cx
            .get(
                "s3:GetBucketVersioning",
                client.get_bucket_versioning().bucket(name).send(),
            )
            .await
            .map(|answer| {
                Props::new()
                    .put("Status", answer.status().map(|status| status.as_str()))
                    .put(
                        "MFADelete",
                        answer.mfa_delete().map(|status| status.as_str()),
                    )
            });
        let replication = cx
            .get_unless(
                "s3:GetReplicationConfiguration",
                &["ReplicationConfigurationNotFoundError"],
                client.get_bucket_replication().bucket(name).send(),
            )
            .await
            .map(|answer| {
                answer.and_then(|answer| answer.replication_configuration.map(shape::replication))
            });
        let logging = cx
            .get(
                "s3:GetBucketLogging",
                client.get_bucket_logging().bucket(name).send(),
            )
            .await
            .map(|answer| answer.logging_enabled.map(shape::logging));
        let props = props
            .from("s3:GetEncryptionConfiguration")
            .put("BucketEncryption", encryption)
            .from("s3:GetBucketPublicAccessBlock")
            .put("PublicAccessBlockConfiguration", public)
            .from("s3:GetBucketVersioning")
            .put("VersioningConfiguration", versioning)
            .from("s3:GetReplicationConfiguration")
            .put("ReplicationConfiguration", replication)
            .from("s3:GetBucketLogging")
            .put("LoggingConfiguration", logging)
            .from("s3:GetInventoryConfiguration")
            .put("InventoryConfigurations", self.inventories().await);
        let props = match cx.0.options.sample_objects {
            0 => props,
            most => props
                .from("s3:GetObject")
                .put("SampledObjects", self.samples(most).await),
        };
        cx.emit_in(Some(region), BUCKET, name, Some(&arn(cx, name)), props);
    }

    /// The reports that list the bucket's objects, and with which key each is encrypted.
    async fn inventories(&self) -> Result<Vec<Props>, Failure> {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let page = self
                .cx
                .get(
                    "s3:GetInventoryConfiguration",
                    self.client
                        .list_bucket_inventory_configurations()
                        .bucket(self.name)
                        .set_continuation_token(token.take())
                        .send(),
                )
                .await?;
            found.extend(
                page.inventory_configuration_list()
                    .iter()
                    .map(shape::inventory),
            );
            match (page.is_truncated(), page.next_continuation_token) {
                (Some(true), next @ Some(_)) => token = next,
                _ => return Ok(found),
            }
        }
    }

    /// How some objects are encrypted, those that are alike together. The first by name: where names begin with a day,
    /// as they often do, these are the oldest.
    async fn samples(&self, most: u16) -> Result<Value, Failure> {
        let page = self
            .cx
            .get(
                "s3:ListBucket",
                self.client
                    .list_objects_v2()
                    .bucket(self.name)
                    .max_keys(i32::from(most))
                    .send(),
            )
            .await?;
        let mut alike: BTreeMap<(Option<String>, Option<String>), (u64, String)> = BTreeMap::new();
        for object in page.contents() {
            let Some(key) = object.key() else { continue };
            // An object may be gone by now; one under a customer-provided key is not told of without it.
            let head = self
                .cx
                .get_unless(
                    "s3:GetObject",
                    &["NotFound", "NoSuchKey"],
                    self.client.head_object().bucket(self.name).key(key).send(),
                )
                .await?;
            let Some(head) = head else { continue };
            let algorithm = head.server_side_encryption().map(|a| a.as_str().to_owned());
            let algorithm =
                algorithm.or_else(|| head.sse_customer_algorithm().map(|_| "SSE-C".to_owned()));
            let modified = head.last_modified().map(ToString::to_string);
            let (count, oldest) = alike
                .entry((algorithm, head.ssekms_key_id().map(str::to_owned)))
                .or_default();
            *count += 1;
            if let Some(modified) = modified
                && (oldest.is_empty() || modified < *oldest)
            {
                *oldest = modified;
            }
        }
        let groups = alike
            .into_iter()
            .map(|((algorithm, key), (count, oldest))| {
                Props::new()
                    .put("SSEAlgorithm", algorithm)
                    .put("KMSMasterKeyID", key)
                    .put("Count", count)
                    .put("Oldest", oldest)
                    .json()
            });
        // An empty list says that the bucket is empty, and must not be left out.
        Ok(Value::Array(groups.flatten().collect()))
    }

    async fn policy(&self) {
        let Asked {
            cx,
            client,
            name,
            region,
        } = *self;
        let policy = cx
            .get_unless(
                "s3:GetBucketPolicy",
                &["NoSuchBucketPolicy"],
                client.get_bucket_policy().bucket(name).send(),
            )
            .await
            .map(|answer| answer.and_then(|answer| answer.policy));
        let document = match policy {
            Ok(None) => return,
            Ok(Some(text)) => Ok(document("s3:GetBucketPolicy", &text)),
            // Whether there is a policy is not known either: a bucket without one must not pass for that.
            Err(failure) => Err(failure),
        };
        let props = Props::of("s3:GetBucketPolicy")
            .put("Bucket", name)
            .put("PolicyDocument", document);
        cx.emit_in(Some(region), POLICY, name, None, props);
    }
}
