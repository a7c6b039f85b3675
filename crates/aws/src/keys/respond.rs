//! What an incident's response calls: containing a key, making the one that takes over, putting values under it.

use super::{Keys, Refused, done, empty, names_key, refused, region_of};
use aws_config::Region;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A key to be made.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// Where.
    pub region: String,
    /// Its policy, as JSON.
    pub policy: String,
    /// Its tags, with the one that it is found by again.
    pub tags: BTreeMap<String, String>,
    /// Its description.
    pub description: String,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// `KeySpec`; `SYMMETRIC_DEFAULT` when empty.
    pub spec: String,
    /// `KeyUsage`; `ENCRYPT_DECRYPT` when empty.
    pub usage: String,
}

/// A grant of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTold {
    /// Its id.
    pub id: String,
    /// Who holds it.
    pub grantee: String,
    /// What it allows.
    pub operations: Vec<String>,
}

/// The inline policy by which the console revokes a role's sessions (IAM User Guide, "Revoke IAM role temporary security
/// credentials").
pub const OLDER_SESSIONS: &str = "AWSRevokeOlderSessions";

impl Keys {
    /// The policy of a key, as JSON.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn key_policy(&self, key: &str) -> Result<String, Refused> {
        const CALL: &str = "kms:GetKeyPolicy";
        let request = self.kms(region_of(key)).get_key_policy().key_id(key);
        let answer = request.policy_name("default").send().await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        answer.policy.ok_or_else(|| empty(CALL))
    }

    /// Puts a policy on a key. A policy by which the caller could not change it again is refused by AWS.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn put_key_policy(&self, key: &str, policy: &str) -> Result<(), Refused> {
        let request = self.kms(region_of(key)).put_key_policy().key_id(key);
        let answer = request.policy_name("default").policy(policy).send().await;
        done("kms:PutKeyPolicy", answer)
    }

    /// The grants of a key.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn grants(&self, key: &str) -> Result<Vec<GrantTold>, Refused> {
        let client = self.kms(region_of(key));
        let mut pages = client
            .list_grants()
            .key_id(key)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(grant) = pages.next().await {
            let grant = grant.map_err(|error| refused("kms:ListGrants", &error))?;
            let operations = grant.operations.unwrap_or_default();
            found.push(GrantTold {
                id: grant.grant_id.unwrap_or_default(),
                grantee: grant.grantee_principal.unwrap_or_default(),
                operations: operations
                    .iter()
                    .map(|own| own.as_str().to_owned())
                    .collect(),
            });
        }
        Ok(found)
    }

    /// Revokes a grant.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn revoke_grant(&self, key: &str, grant: &str) -> Result<(), Refused> {
        let request = self.kms(region_of(key)).revoke_grant();
        let answer = request.key_id(key).grant_id(grant).send().await;
        done("kms:RevokeGrant", answer)
    }

    /// Makes a key; gives its ARN.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn create_key(&self, new: &NewKey) -> Result<String, Refused> {
        use aws_sdk_kms::types::{KeySpec, KeyUsageType, Tag};
        const CALL: &str = "kms:CreateKey";
        let or = |text: &str, default: &str| match text {
            "" => default.to_owned(),
            text => text.to_owned(),
        };
        let mut request = self
            .kms(&new.region)
            .create_key()
            .policy(&new.policy)
            .description(&new.description)
            .key_spec(KeySpec::from(or(&new.spec, "SYMMETRIC_DEFAULT").as_str()))
            .key_usage(KeyUsageType::from(
                or(&new.usage, "ENCRYPT_DECRYPT").as_str(),
            ))
            .multi_region(new.multi_region);
        for (key, value) in &new.tags {
            let tag = Tag::builder().tag_key(key).tag_value(value).build();
            request = request.tags(tag.map_err(|_| empty(CALL))?);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| refused(CALL, &error))?;
        answer
            .key_metadata
            .and_then(|told| told.arn)
            .ok_or_else(|| empty(CALL))
    }

    /// Makes a replica of a multi-Region key in a region, unless there is one; gives its ARN.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn replicate_key(
        &self,
        key: &str,
        region: &str,
        policy: &str,
    ) -> Result<String, Refused> {
        const CALL: &str = "kms:ReplicateKey";
        let arn = key.replacen(region_of(key), region, 1);
        if self.describe(&arn).await?.state.is_some() {
            return Ok(arn);
        }
        let request = self.kms(region_of(key)).replicate_key().key_id(key);
        let answer = request.replica_region(region).policy(policy).send().await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        answer
            .replica_key_metadata
            .and_then(|told| told.arn)
            .ok_or_else(|| empty(CALL))
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(&self.config);
        // IAM is one for all regions; the SDK asks for one all the same.
        let region = self.region().unwrap_or("us-east-1").to_owned();
        aws_sdk_iam::Client::from_conf(config.region(Region::new(region)).build())
    }

    /// The moment before which a role's sessions are denied; nothing where none are.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn older_sessions_denied(&self, role: &str) -> Result<Option<String>, Refused> {
        let request = self.iam().get_role_policy().role_name(name_of(role));
        let answer = match request.policy_name(OLDER_SESSIONS).send().await {
            Ok(answer) => answer,
            Err(error) if super::code(&error) == Some("NoSuchEntity") => return Ok(None),
            Err(error) => return Err(refused("iam:GetRolePolicy", &error)),
        };
        let text =
            percent_encoding::percent_decode_str(&answer.policy_document).decode_utf8_lossy();
        let policy: Value = serde_json::from_str(&text).unwrap_or_default();
        let before = &policy["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
        Ok(before.as_str().map(str::to_owned))
    }

    /// Denies the sessions of a role that began before a moment, as the console's "Revoke sessions" does.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn deny_older_sessions(&self, role: &str, before: &str) -> Result<(), Refused> {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny",
                "Action": ["*"],
                "Resource": ["*"],
                "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}},
            }],
        });
        let request = self.iam().put_role_policy().role_name(name_of(role));
        let request = request.policy_name(OLDER_SESSIONS);
        let answer = request.policy_document(policy.to_string()).send().await;
        done("iam:PutRolePolicy", answer)
    }

    fn events_at(&self, region: &str) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::config::Builder::from(&self.config);
        aws_sdk_eventbridge::Client::from_conf(
            config.region(Region::new(region.to_owned())).build(),
        )
    }

    /// Tells a topic of every call that names a key, by a rule of this name.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn watch_key(&self, key: &str, rule: &str, topic: &str) -> Result<(), Refused> {
        use aws_sdk_eventbridge::types::Target;
        const CALL: &str = "events:PutTargets";
        let client = self.events_at(region_of(key));
        let pattern = json!({
            "source": ["aws.kms"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {"resources": {"ARN": [key]}},
        });
        let made = client
            .put_rule()
            .name(rule)
            .event_pattern(pattern.to_string())
            .send()
            .await;
        done("events:PutRule", made)?;
        let target = Target::builder().id("lockfast").arn(topic).build();
        let target = target.map_err(|_| empty(CALL))?;
        let answer = client.put_targets().rule(rule).targets(target).send().await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        match answer.failed_entry_count {
            0 => Ok(()),
            _ => Err(Refused {
                call: CALL.into(),
                error: "the target was not taken".into(),
            }),
        }
    }

    /// Whether a rule is on and tells somebody.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn is_watched(&self, key: &str, rule: &str) -> Result<bool, Refused> {
        let client = self.events_at(region_of(key));
        let told = match client.describe_rule().name(rule).send().await {
            Ok(told) => told,
            Err(error) if super::code(&error) == Some("ResourceNotFoundException") => {
                return Ok(false);
            }
            Err(error) => return Err(refused("events:DescribeRule", &error)),
        };
        let on = told.state.is_some_and(|state| state.as_str() == "ENABLED");
        let targets = client.list_targets_by_rule().rule(rule).send().await;
        let targets = targets.map_err(|error| refused("events:ListTargetsByRule", &error))?;
        Ok(on && !targets.targets().is_empty())
    }

    /// Gives a secret its own current value once more, so that it has a version that the key of now alone has wrapped.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn rewrite_secret(&self, secret: &str, token: &str) -> Result<(), Refused> {
        let client = self.secrets(secret);
        let value = client.get_secret_value().secret_id(secret).send().await;
        let value = value.map_err(|error| refused("secretsmanager:GetSecretValue", &error))?;
        let answer = client
            .put_secret_value()
            .secret_id(secret)
            .set_secret_string(value.secret_string)
            .set_secret_binary(value.secret_binary)
            .client_request_token(token)
            .send()
            .await;
        done("secretsmanager:PutSecretValue", answer)
    }

    /// The key that a secret names, and of each of its versions that has a stage the keys that it can be decrypted by, where AWS
    /// tells.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn secret_keys(
        &self,
        secret: &str,
    ) -> Result<(Option<String>, Vec<(String, Vec<String>)>), Refused> {
        let client = self.secrets(secret);
        let told = client.describe_secret().secret_id(secret).send().await;
        let told = told.map_err(|error| refused("secretsmanager:DescribeSecret", &error))?;
        let versions = client
            .list_secret_version_ids()
            .secret_id(secret)
            .send()
            .await;
        let versions =
            versions.map_err(|error| refused("secretsmanager:ListSecretVersionIds", &error))?;
        let keys = versions
            .versions
            .unwrap_or_default()
            .into_iter()
            .map(|version| {
                let keys = version.kms_key_ids.unwrap_or_default();
                (version.version_id.unwrap_or_default(), keys)
            });
        Ok((told.kms_key_id, keys.collect()))
    }

    fn ssm(&self, region: &str) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::config::Builder::from(&self.config);
        aws_sdk_ssm::Client::from_conf(config.region(Region::new(region.to_owned())).build())
    }

    /// The key that a SecureString parameter is under; nothing where it is no SecureString.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn parameter_key(&self, region: &str, name: &str) -> Result<Option<String>, Refused> {
        use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType};
        const CALL: &str = "ssm:DescribeParameters";
        let filter = ParameterStringFilter::builder()
            .key("Name")
            .option("Equals")
            .values(name)
            .build()
            .map_err(|_| empty(CALL))?;
        let request = self.ssm(region).describe_parameters();
        // A page may be empty, and another follow.
        let mut pages = request.parameter_filters(filter).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused(CALL, &error))?;
            if let Some(own) = page.parameters().first() {
                let secure = own.r#type == Some(ParameterType::SecureString);
                return Ok(own.key_id.clone().filter(|_| secure));
            }
        }
        Ok(None)
    }

    /// Puts a SecureString parameter's own value under a key. Its tier and type stay; what came before stays under the old
    /// key in its history.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn rewrite_parameter(
        &self,
        region: &str,
        name: &str,
        key: &str,
    ) -> Result<(), Refused> {
        use aws_sdk_ssm::types::ParameterType;
        let client = self.ssm(region);
        let value = client
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await;
        let value = value.map_err(|error| refused("ssm:GetParameter", &error))?;
        let value = value.parameter.and_then(|own| own.value);
        let answer = client
            .put_parameter()
            .name(name)
            .set_value(value)
            .r#type(ParameterType::SecureString)
            .key_id(key)
            .overwrite(true)
            .send()
            .await;
        done("ssm:PutParameter", answer)
    }

    /// Whether a name is of a key, as services write them: its ARN, its id, or one of its aliases.
    ///
    /// # Errors
    /// What AWS said instead, of an alias.
    pub async fn is_named(&self, name: &str, key: &str) -> Result<bool, Refused> {
        if names_key(name, key) {
            return Ok(true);
        }
        let alias = name.rsplit_once(":alias/").map_or(name, |(_, rest)| rest);
        let alias = alias.strip_prefix("alias/").unwrap_or(alias);
        match name.contains("alias/") {
            true => Ok(self
                .aliases(key)
                .await?
                .iter()
                .any(|own| own == &format!("alias/{alias}"))),
            false => Ok(false),
        }
    }
}

/// The name at the end of an ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
