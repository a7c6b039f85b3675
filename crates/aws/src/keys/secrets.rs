//! What is done to secrets: their rotation, by their function or by hand. No value is kept, logged or told.

use super::{Keys, Refused, done, empty, refused, region_of};
use aws_config::Region;
use aws_sdk_secretsmanager::Client;

impl Keys {
    pub(super) fn secrets(&self, secret: &str) -> Client {
        Client::from_conf(
            aws_sdk_secretsmanager::config::Builder::from(&self.config)
                .region(Region::new(region_of(secret).to_owned()))
                .build(),
        )
    }

    /// Turns a secret's rotation on, by its own function, every so many days; or rotates it now.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn rotate_secret(
        &self,
        secret: &str,
        every_days: Option<i64>,
    ) -> Result<(), Refused> {
        use aws_sdk_secretsmanager::types::RotationRulesType;
        let rules = every_days.map(|days| {
            RotationRulesType::builder()
                .automatically_after_days(days)
                .build()
        });
        let answer = self
            .secrets(secret)
            .rotate_secret()
            .secret_id(secret)
            .set_rotation_rules(rules)
            .send()
            .await;
        done("secretsmanager:RotateSecret", answer)
    }

    /// Whether a secret rotates, and the day it was last rotated on, in seconds since the epoch.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn secret(&self, secret: &str) -> Result<(bool, Option<i64>, Option<i64>), Refused> {
        let answer = self
            .secrets(secret)
            .describe_secret()
            .secret_id(secret)
            .send()
            .await;
        let told = answer.map_err(|error| refused("secretsmanager:DescribeSecret", &error))?;
        Ok((
            told.rotation_enabled.unwrap_or_default(),
            told.rotation_rules
                .and_then(|rules| rules.automatically_after_days),
            told.last_rotated_date.map(|date| date.secs()),
        ))
    }

    /// Gives a secret a new value, and its version's id. The one before stays as `AWSPREVIOUS`. The same `token` again changes
    /// nothing (AWS Secrets Manager API Reference, PutSecretValue).
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn put_secret_value(
        &self,
        secret: &str,
        value: &str,
        token: &str,
    ) -> Result<String, Refused> {
        const CALL: &str = "secretsmanager:PutSecretValue";
        let answer = self
            .secrets(secret)
            .put_secret_value()
            .secret_id(secret)
            .secret_string(value)
            .client_request_token(token)
            .send()
            .await;
        let answer = answer.map_err(|error| refused(CALL, &error))?;
        answer.version_id.ok_or_else(|| empty(CALL))
    }

    /// The version of a secret that is current.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn current_version(&self, secret: &str) -> Result<Option<String>, Refused> {
        let answer = self.secrets(secret).describe_secret().secret_id(secret);
        let told = answer.send().await;
        let told = told.map_err(|error| refused("secretsmanager:DescribeSecret", &error))?;
        let versions = told.version_ids_to_stages.unwrap_or_default();
        let current =
            |(_, stages): &(String, Vec<String>)| stages.iter().any(|stage| stage == "AWSCURRENT");
        Ok(versions.into_iter().find(current).map(|(id, _)| id))
    }
}
