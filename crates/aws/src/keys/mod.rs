//! What is done to keys: the only calls of this crate that change anything in an account, but for Security Hub's.

mod anchor;
mod history;
mod logs;
mod objects;
mod repoint;
mod respond;
mod secrets;

pub use history::History;
pub use logs::{Fetched, Wanted};
pub use objects::{How, Listener, Marker, NotDone, Objects, Tally};
pub use repoint::{Repointed, repoints};
pub use respond::{GrantTold, NewKey};

use crate::accounts::http_client;
use crate::unit::failure;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::{Blob, DateTime};
use std::collections::HashMap;
use std::time::Duration;

/// A call that gave no answer, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The action, such as `kms:DisableKey`.
    pub call: String,
    /// The error code, or what went wrong on the way.
    pub error: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} gave no answer: {}", self.call, self.error)
    }
}

/// What AWS KMS tells of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Its ARN.
    pub arn: String,
    /// `KeyState`; `None` where the key is not there.
    pub state: Option<String>,
    /// When it is to be deleted, in seconds since the epoch.
    pub deletion_date: Option<i64>,
    /// `KeySpec`.
    pub spec: String,
    /// `KeyUsage`.
    pub usage: String,
    /// `Origin`.
    pub origin: String,
    /// Its description.
    pub description: String,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// The regions of its replicas and its primary.
    pub regions: Vec<String>,
}

/// The automatic rotation of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationStatus {
    /// Whether it is on.
    pub on: bool,
    /// Its period in days.
    pub period_days: Option<i64>,
    /// Whether a rotation on demand is going on.
    pub on_demand: bool,
}

/// A use of a key that CloudTrail recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in seconds since the epoch.
    pub at: i64,
    /// The event as CloudTrail wrote it, in JSON.
    pub json: String,
}

/// The keys of an account, to be operated.
#[derive(Clone)]
pub struct Keys {
    config: SdkConfig,
}

impl Keys {
    /// Takes the credentials of a profile, or of the default chain. `endpoint_url` stands in the place of AWS's own endpoints.
    pub async fn connect(profile: Option<String>, endpoint_url: Option<String>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .timeout_config(
                aws_config::timeout::TimeoutConfig::builder()
                    .operation_timeout(Duration::from_secs(60))
                    .build(),
            );
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Keys {
            config: loader.load().await,
        }
    }

    fn kms(&self, region: &str) -> Client {
        Client::from_conf(
            aws_sdk_kms::config::Builder::from(&self.config)
                .region(Region::new(region.to_owned()))
                .build(),
        )
    }

    /// The region that the configuration names for calls without one.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Whether AWS itself answers for S3, and nothing in its place.
    pub fn is_aws_s3(&self) -> bool {
        self.config.endpoint_url().is_none() && std::env::var_os("AWS_ENDPOINT_URL_S3").is_none()
    }

    /// The account and the ARN of the caller.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn caller(&self) -> Result<(String, String), Refused> {
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .region(Region::new(
                self.config
                    .region()
                    .map_or("us-east-1", |r| r.as_ref())
                    .to_owned(),
            ))
            .build();
        let answer = aws_sdk_sts::Client::from_conf(config)
            .get_caller_identity()
            .send()
            .await;
        let answer = answer.map_err(|error| refused("sts:GetCallerIdentity", &error))?;
        Ok((
            answer.account.unwrap_or_default(),
            answer.arn.unwrap_or_default(),
        ))
    }

    /// How a key stands.
    ///
    /// # Errors
    /// What AWS said instead; a key that is not there is one without a state.
    pub async fn describe(&self, key: &str) -> Result<Described, Refused> {
        const CALL: &str = "kms:DescribeKey";
        let answer = self
            .kms(region_of(key))
            .describe_key()
            .key_id(key)
            .send()
            .await;
        let answer = match answer {
            Err(error) if code(&error) == Some("NotFoundException") => {
                return Ok(Described {
                    arn: key.to_owned(),
                    ..Described::default()
                });
            }
            answer => answer.map_err(|error| refused(CALL, &error))?,
        };
        let Some(told) = answer.key_metadata else {
            return Err(empty(CALL));
        };
        let config = told.multi_region_configuration.as_ref();
        let family = config.into_iter().flat_map(|config| {
            let primary = config.primary_key().and_then(|key| key.region());
            let replicas = config.replica_keys().iter().filter_map(|key| key.region());
            primary.into_iter().chain(replicas)
        });
        Ok(Described {
            regions: family.map(str::to_owned).collect(),
            arn: told.arn.clone().unwrap_or_else(|| key.to_owned()),
            state: told
                .key_state
                .as_ref()
                .map(|state| state.as_str().to_owned()),
            deletion_date: told.deletion_date.map(|date| date.secs()),
            spec: text(told.key_spec.as_ref().map(|spec| spec.as_str())),
            usage: text(told.key_usage.as_ref().map(|usage| usage.as_str())),
            origin: text(told.origin.as_ref().map(|origin| origin.as_str())),
            description: told.description.clone().unwrap_or_default(),
            multi_region: told.multi_region.unwrap_or_default(),
        })
    }

    /// Disables a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn disable(&self, key: &str) -> Result<(), Refused> {
        let answer = self
            .kms(region_of(key))
            .disable_key()
            .key_id(key)
            .send()
            .await;
        done("kms:DisableKey", answer)
    }

    /// Enables a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn enable(&self, key: &str) -> Result<(), Refused> {
        let answer = self
            .kms(region_of(key))
            .enable_key()
            .key_id(key)
            .send()
            .await;
        done("kms:EnableKey", answer)
    }

    /// Has a key deleted after so many days; gives when, in seconds since the epoch.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn schedule_deletion(&self, key: &str, days: u32) -> Result<i64, Refused> {
        const CALL: &str = "kms:ScheduleKeyDeletion";
        let request = self.kms(region_of(key)).schedule_key_deletion().key_id(key);
        let days = i32::try_from(days).unwrap_or(30);
        let answer = request.pending_window_in_days(days).send().await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        answer
            .deletion_date
            .map(|date| date.secs())
            .ok_or_else(|| empty(CALL))
    }

    /// Takes a deletion back; the key is disabled then.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn cancel_deletion(&self, key: &str) -> Result<(), Refused> {
        let answer = self
            .kms(region_of(key))
            .cancel_key_deletion()
            .key_id(key)
            .send()
            .await;
        done("kms:CancelKeyDeletion", answer)
    }

    /// The automatic rotation of a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn rotation(&self, key: &str) -> Result<RotationStatus, Refused> {
        let answer = self
            .kms(region_of(key))
            .get_key_rotation_status()
            .key_id(key)
            .send()
            .await;
        let told = answer.map_err(|error| refused("kms:GetKeyRotationStatus", &error))?;
        Ok(RotationStatus {
            on: told.key_rotation_enabled,
            period_days: told.rotation_period_in_days.map(i64::from),
            on_demand: told.on_demand_rotation_start_date.is_some(),
        })
    }

    /// Turns automatic rotation on, with a period in days, or changes the period.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn enable_rotation(&self, key: &str, days: i64) -> Result<(), Refused> {
        let request = self.kms(region_of(key)).enable_key_rotation().key_id(key);
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let answer = request.rotation_period_in_days(days).send().await;
        done("kms:EnableKeyRotation", answer)
    }

    /// Rotates a key now.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn rotate_on_demand(&self, key: &str) -> Result<(), Refused> {
        let answer = self
            .kms(region_of(key))
            .rotate_key_on_demand()
            .key_id(key)
            .send()
            .await;
        done("kms:RotateKeyOnDemand", answer)
    }

    /// The last day a key was rotated on, in seconds since the epoch.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn last_rotation(&self, key: &str) -> Result<Option<i64>, Refused> {
        let mut pages = self
            .kms(region_of(key))
            .list_key_rotations()
            .key_id(key)
            .into_paginator()
            .items()
            .send();
        let mut last = None;
        while let Some(rotation) = pages.next().await {
            let rotation = rotation.map_err(|error| refused("kms:ListKeyRotations", &error))?;
            last = last.max(rotation.rotation_date.map(|date| date.secs()));
        }
        Ok(last)
    }

    /// Makes a key like another: policy, tags, spec, usage; with material of AWS KMS. `marker` is a tag by which it is found
    /// again, so that a run that was cut off makes no second one.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn make_like(&self, key: &str, marker: (&str, &str)) -> Result<String, Refused> {
        use aws_sdk_kms::types::{KeySpec, KeyUsageType, Tag};
        const CALL: &str = "kms:CreateKey";
        let client = self.kms(region_of(key));
        let told = self.describe(key).await?;
        let policy = client
            .get_key_policy()
            .key_id(key)
            .policy_name("default")
            .send()
            .await;
        let policy = policy
            .map_err(|error| refused("kms:GetKeyPolicy", &error))?
            .policy;
        let mut tags = client
            .list_resource_tags()
            .key_id(key)
            .into_paginator()
            .items()
            .send();
        let mut request = client
            .create_key()
            .set_policy(policy)
            .description(&told.description)
            .key_spec(KeySpec::from(told.spec.as_str()))
            .key_usage(KeyUsageType::from(told.usage.as_str()))
            .multi_region(told.multi_region);
        while let Some(tag) = tags.next().await {
            let tag = tag.map_err(|error| refused("kms:ListResourceTags", &error))?;
            if tag.tag_key != marker.0 {
                request = request.tags(tag);
            }
        }
        let marker = Tag::builder().tag_key(marker.0).tag_value(marker.1).build();
        let marker = marker.map_err(|_| empty(CALL))?;
        let answer = request.tags(marker).send().await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        answer
            .key_metadata
            .and_then(|told| told.arn)
            .ok_or_else(|| empty(CALL))
    }

    /// A key of the region that has this tag.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn find_marked(
        &self,
        region: &str,
        marker: (&str, &str),
    ) -> Result<Option<String>, Refused> {
        let client = self.kms(region);
        let mut keys = client.list_keys().into_paginator().items().send();
        while let Some(key) = keys.next().await {
            let key = key.map_err(|error| refused("kms:ListKeys", &error))?;
            let Some(arn) = key.key_arn else { continue };
            let tags = client.list_resource_tags().key_id(&arn).send().await;
            let tags = match tags {
                // Keys of AWS's, and those of others, tell no tags; one that was made here does.
                Err(error) if code(&error) == Some("AccessDeniedException") => continue,
                tags => tags.map_err(|error| refused("kms:ListResourceTags", &error))?,
            };
            let is_it = |tag: &aws_sdk_kms::types::Tag| {
                tag.tag_key == marker.0 && tag.tag_value == marker.1
            };
            if tags.tags().iter().any(is_it) {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// The aliases of a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn aliases(&self, key: &str) -> Result<Vec<String>, Refused> {
        let mut pages = self
            .kms(region_of(key))
            .list_aliases()
            .key_id(key)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(alias) = pages.next().await {
            let alias = alias.map_err(|error| refused("kms:ListAliases", &error))?;
            found.extend(alias.alias_name);
        }
        Ok(found)
    }

    /// Lets an alias lead to a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn move_alias(&self, alias: &str, to: &str) -> Result<(), Refused> {
        let request = self
            .kms(region_of(to))
            .update_alias()
            .alias_name(alias)
            .target_key_id(to);
        let answer = request.send().await;
        done("kms:UpdateAlias", answer)
    }

    /// Encrypts a few bytes.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn encrypt(
        &self,
        key: &str,
        plain: &[u8],
        context: &HashMap<String, String>,
    ) -> Result<Vec<u8>, Refused> {
        const CALL: &str = "kms:Encrypt";
        let request = self.kms(region_of(key)).encrypt().key_id(key);
        let request = request
            .plaintext(Blob::new(plain))
            .set_encryption_context(Some(context.clone()));
        let answer = request
            .send()
            .await
            .map_err(|error| refused(CALL, &error))?;
        answer
            .ciphertext_blob
            .map(Blob::into_inner)
            .ok_or_else(|| empty(CALL))
    }

    /// Decrypts in the region of a key, which may be a replica of the one that it was encrypted with.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn decrypt(
        &self,
        key: &str,
        cipher: &[u8],
        context: &HashMap<String, String>,
    ) -> Result<Vec<u8>, Refused> {
        const CALL: &str = "kms:Decrypt";
        let request = self.kms(region_of(key)).decrypt().key_id(key);
        let request = request
            .ciphertext_blob(Blob::new(cipher))
            .set_encryption_context(Some(context.clone()));
        let answer = request
            .send()
            .await
            .map_err(|error| refused(CALL, &error))?;
        answer
            .plaintext
            .map(Blob::into_inner)
            .ok_or_else(|| empty(CALL))
    }

    /// The events about a key since a time (seconds since the epoch), as CloudTrail's event history tells; the newest last.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn events(&self, key: &str, since: i64) -> Result<Vec<Event>, Refused> {
        const CALL: &str = "cloudtrail:LookupEvents";
        let config = aws_sdk_cloudtrail::config::Builder::from(&self.config)
            .region(Region::new(region_of(key).to_owned()))
            .build();
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::ResourceName)
            .attribute_value(key)
            .build()
            .map_err(|_| empty(CALL))?;
        let mut pages = aws_sdk_cloudtrail::Client::from_conf(config)
            .lookup_events()
            .lookup_attributes(attribute)
            .start_time(DateTime::from_secs(since))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(event) = pages.next().await {
            let event = event.map_err(|error| refused(CALL, &error))?;
            if let (Some(at), Some(json)) = (event.event_time, event.cloud_trail_event) {
                found.push(Event {
                    at: at.secs(),
                    json,
                });
            }
        }
        found.sort_by_key(|event| event.at);
        Ok(found)
    }
}

/// Whether a service means a key by this: its ARN, or its id alone.
fn names_key(name: &str, arn: &str) -> bool {
    let id = arn.rsplit_once('/').map(|(_, id)| id);
    !name.is_empty() && (name == arn || id == Some(name))
}

/// The region of an ARN.
pub fn region_of(arn: &str) -> &str {
    arn.split(':')
        .nth(3)
        .filter(|region| !region.is_empty())
        .unwrap_or("us-east-1")
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

fn empty(call: &str) -> Refused {
    Refused {
        call: call.to_owned(),
        error: "its answer is empty".to_owned(),
    }
}

/// Of a call whose answer tells nothing.
fn done<T, E>(
    call: &str,
    answer: Result<T, SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>>,
) -> Result<(), Refused>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    answer.map(drop).map_err(|error| refused(call, &error))
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error()?.code()
}

fn refused<E>(
    call: &str,
    error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Refused
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let failure = failure(call, error);
    // The message tells what a code leaves open; KMS writes no secrets into it.
    let error = match error.as_service_error().and_then(|error| error.message()) {
        Some(message) => format!("{}: {message}", failure.error),
        None => failure.error.clone(),
    };
    Refused {
        call: call.to_owned(),
        error,
    }
}
