//! Pointing what uses a key at another one, where that is one call that leaves everything else as it is. New data goes under the
//! new key then; what is there stays under the old one until it is re-encrypted.

use super::{Keys, Refused, done, names_key, refused, region_of};
use aws_config::Region;
use aws_sdk_s3::types::ServerSideEncryption;
use std::time::Duration;

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repointed {
    /// It names the new key, as reading it again says.
    Done,
    /// It names the new key, or an alias, already.
    Already,
    /// It names neither the old key nor the new one: somebody changed it meanwhile.
    Elsewhere(String),
    /// No call does it: it has to be made anew, or its data copied.
    ByHand,
}

/// The call that points something of a type at another key, where there is one (the API references of the services).
pub fn repoints(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::Bucket" => "s3:PutEncryptionConfiguration",
        "AWS::SQS::Queue" => "sqs:SetQueueAttributes",
        "AWS::SNS::Topic" => "sns:SetTopicAttributes",
        "AWS::Logs::LogGroup" => "logs:AssociateKmsKey",
        "AWS::SecretsManager::Secret" => "secretsmanager:UpdateSecret",
        "AWS::DynamoDB::Table" => "dynamodb:UpdateTable",
        "AWS::Kinesis::Stream" => "kinesis:StartStreamEncryption",
        "AWS::CloudTrail::Trail" => "cloudtrail:UpdateTrail",
        "AWS::Lambda::Function" => "lambda:UpdateFunctionConfiguration",
        _ => return None,
    })
}

/// How many seconds something that AWS does in a while is waited for: two minutes.
const WAITS: [u64; 7] = [1, 2, 5, 12, 20, 30, 50];

/// What is to be pointed elsewhere.
struct On<'k> {
    arn: &'k str,
    name: &'k str,
    region: &'k str,
    /// The key that it leaves; without one it is only looked which key it names.
    old: Option<&'k str>,
    new: &'k str,
}

impl On<'_> {
    /// What is to be done with something that names this key; nothing where it names the old one.
    fn judged(&self, now: Option<&str>) -> Option<Repointed> {
        let now = now.unwrap_or_default();
        let is = |key: &str| names_key(now, key);
        let is_alias = now.contains("alias/");
        match () {
            () if self.old.is_some_and(is) => None,
            () if is(self.new) => Some(Repointed::Already),
            // Where an alias leads, whoever moves aliases decides; whoever only looks has to see.
            () if is_alias && self.old.is_some() => Some(Repointed::Already),
            () => Some(Repointed::Elsewhere(now.to_owned())),
        }
    }

    /// Reads the key, sets it where it is the old one, and reads it again until it is the new one; what AWS does in a while is
    /// waited for so long.
    async fn repointed(
        &self,
        call: &str,
        waits: &[u64],
        read: impl AsyncFn() -> Result<Option<String>, Refused>,
        set: impl AsyncFn() -> Result<(), Refused>,
    ) -> Result<Repointed, Refused> {
        if let Some(done) = self.judged(read().await?.as_deref()) {
            return Ok(done);
        }
        set().await?;
        let waits = waits.iter().copied().map(Some).chain([None]);
        for wait in waits {
            if self.judged(read().await?.as_deref()) == Some(Repointed::Already) {
                return Ok(Repointed::Done);
            }
            if let Some(seconds) = wait {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
        Err(Refused {
            call: call.to_owned(),
            error: "it was taken, and the key is another".to_owned(),
        })
    }
}

impl Keys {
    /// Points something at another key than the old one. `arn` and `name` are its own.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn repoint(
        &self,
        kind: &str,
        arn: &str,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<Repointed, Refused> {
        let on = On {
            arn,
            name,
            region: region_of(new),
            old: Some(old),
            new,
        };
        self.pointed(kind, &on).await
    }

    /// Whether something names a key; nothing is changed. Of an alias, it is told which.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn names(
        &self,
        kind: &str,
        arn: &str,
        name: &str,
        key: &str,
    ) -> Result<Repointed, Refused> {
        let on = On {
            arn,
            name,
            region: region_of(key),
            old: None,
            new: key,
        };
        self.pointed(kind, &on).await
    }

    async fn pointed(&self, kind: &str, on: &On<'_>) -> Result<Repointed, Refused> {
        match kind {
            "AWS::S3::Bucket" => self.bucket(on).await,
            "AWS::SQS::Queue" => self.queue(on).await,
            "AWS::SNS::Topic" => self.topic(on).await,
            "AWS::Logs::LogGroup" => self.log_group(on).await,
            "AWS::SecretsManager::Secret" => self.secret_key(on).await,
            "AWS::DynamoDB::Table" => self.table(on).await,
            "AWS::Kinesis::Stream" => self.stream(on).await,
            "AWS::CloudTrail::Trail" => self.trail(on).await,
            "AWS::Lambda::Function" => self.function(on).await,
            _ => Ok(Repointed::ByHand),
        }
    }

    fn at(&self, on: &On<'_>) -> aws_config::SdkConfig {
        let region = Region::new(on.region.to_owned());
        self.config.clone().into_builder().region(region).build()
    }

    async fn bucket(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "s3:PutEncryptionConfiguration";
        let client = self.s3(on.region);
        let rules = async || {
            let answer = client.get_bucket_encryption().bucket(on.name).send().await;
            let answer =
                answer.map_err(|error| refused("s3:GetEncryptionConfiguration", &error))?;
            Ok::<_, Refused>(answer.server_side_encryption_configuration)
        };
        let read = async || {
            let rules = rules().await?.map(|found| found.rules).unwrap_or_default();
            Ok(rules.into_iter().find_map(|rule| {
                let by = rule.apply_server_side_encryption_by_default?;
                by.kms_master_key_id
            }))
        };
        let set = async || {
            let mut found = rules().await?;
            // The rest of the rule, a bucket key for one, stays as it is.
            for rule in found.iter_mut().flat_map(|found| &mut found.rules) {
                if let Some(by) = &mut rule.apply_server_side_encryption_by_default
                    && by.sse_algorithm != ServerSideEncryption::Aes256
                {
                    by.kms_master_key_id = Some(on.new.to_owned());
                }
            }
            let request = client.put_bucket_encryption().bucket(on.name);
            let request = request.set_server_side_encryption_configuration(found);
            done(SET, request.send().await)
        };
        on.repointed(SET, &[], read, set).await
    }

    async fn queue(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        use aws_sdk_sqs::types::QueueAttributeName::KmsMasterKeyId;
        const SET: &str = "sqs:SetQueueAttributes";
        let client = aws_sdk_sqs::Client::new(&self.at(on));
        let name = on.arn.rsplit(':').next().unwrap_or(on.name);
        let url = client.get_queue_url().queue_name(name).send().await;
        let url = url.map_err(|error| refused("sqs:GetQueueUrl", &error))?;
        let url = url.queue_url.unwrap_or_default();
        let read = async || {
            let request = client.get_queue_attributes().queue_url(&url);
            let answer = request.attribute_names(KmsMasterKeyId).send().await;
            let answer = answer.map_err(|error| refused("sqs:GetQueueAttributes", &error))?;
            let mut all = answer.attributes.unwrap_or_default();
            Ok::<_, Refused>(all.remove(&KmsMasterKeyId))
        };
        let set = async || {
            let request = client.set_queue_attributes().queue_url(&url);
            let request = request.attributes(KmsMasterKeyId, on.new);
            done(SET, request.send().await)
        };
        on.repointed(SET, &[], read, set).await
    }

    async fn topic(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "sns:SetTopicAttributes";
        let client = aws_sdk_sns::Client::new(&self.at(on));
        let read = async || {
            let answer = client.get_topic_attributes().topic_arn(on.arn).send().await;
            let answer = answer.map_err(|error| refused("sns:GetTopicAttributes", &error))?;
            let mut all = answer.attributes.unwrap_or_default();
            Ok::<_, Refused>(all.remove("KmsMasterKeyId"))
        };
        let set = async || {
            let request = client.set_topic_attributes().topic_arn(on.arn);
            let request = request
                .attribute_name("KmsMasterKeyId")
                .attribute_value(on.new);
            done(SET, request.send().await)
        };
        on.repointed(SET, &[], read, set).await
    }

    async fn log_group(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "logs:AssociateKmsKey";
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.at(on));
        let read = async || {
            let request = client.describe_log_groups().log_group_name_prefix(on.name);
            let mut groups = request.into_paginator().items().send();
            while let Some(group) = groups.next().await {
                let group = group.map_err(|error| refused("logs:DescribeLogGroups", &error))?;
                if group.log_group_name.as_deref() == Some(on.name) {
                    return Ok::<_, Refused>(group.kms_key_id);
                }
            }
            Ok(None)
        };
        let set = async || {
            let request = client.associate_kms_key().log_group_name(on.name);
            done(SET, request.kms_key_id(on.new).send().await)
        };
        on.repointed(SET, &[], read, set).await
    }

    async fn secret_key(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "secretsmanager:UpdateSecret";
        let client = aws_sdk_secretsmanager::Client::new(&self.at(on));
        let read = async || {
            let answer = client.describe_secret().secret_id(on.arn).send().await;
            let answer =
                answer.map_err(|error| refused("secretsmanager:DescribeSecret", &error))?;
            Ok::<_, Refused>(answer.kms_key_id)
        };
        let set = async || {
            let request = client.update_secret().secret_id(on.arn);
            done(SET, request.kms_key_id(on.new).send().await)
        };
        on.repointed(SET, &[], read, set).await
    }

    async fn table(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        use aws_sdk_dynamodb::types::{SseSpecification, SseType, TableDescription};
        const SET: &str = "dynamodb:UpdateTable";
        let client = aws_sdk_dynamodb::Client::new(&self.at(on));
        let table = async || {
            let answer = client.describe_table().table_name(on.arn).send().await;
            let answer = answer.map_err(|error| refused("dynamodb:DescribeTable", &error))?;
            Ok::<_, Refused>(answer.table)
        };
        let key = |table: Option<TableDescription>| table?.sse_description?.kms_master_key_arn;
        let found = table().await?;
        let replicas = found.as_ref().map_or(0, |found| found.replicas().len());
        // Each replica has a key of its own region.
        if replicas > 0 {
            return Ok(on
                .judged(key(found).as_deref())
                .unwrap_or(Repointed::ByHand));
        }
        let read = async || Ok(key(table().await?));
        let set = async || {
            let new = SseSpecification::builder()
                .enabled(true)
                .sse_type(SseType::Kms);
            let new = new.kms_master_key_id(on.new).build();
            let request = client.update_table().table_name(on.arn);
            done(SET, request.sse_specification(new).send().await)
        };
        on.repointed(SET, &WAITS, read, set).await
    }

    /// The key of its environment variables: AWS Lambda encrypts them anew.
    async fn function(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "lambda:UpdateFunctionConfiguration";
        let client = aws_sdk_lambda::Client::new(&self.at(on));
        let read = async || {
            let request = client.get_function_configuration();
            let answer = request.function_name(on.arn).send().await;
            let answer =
                answer.map_err(|error| refused("lambda:GetFunctionConfiguration", &error))?;
            Ok(answer.kms_key_arn)
        };
        let set = async || {
            let request = client.update_function_configuration();
            let request = request.function_name(on.arn).kms_key_arn(on.new);
            done(SET, request.send().await)
        };
        on.repointed(SET, &WAITS, read, set).await
    }

    async fn stream(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        use aws_sdk_kinesis::types::EncryptionType;
        const SET: &str = "kinesis:StartStreamEncryption";
        let client = aws_sdk_kinesis::Client::new(&self.at(on));
        let read = async || {
            let request = client.describe_stream_summary().stream_arn(on.arn);
            let answer = request.send().await;
            let answer =
                answer.map_err(|error| refused("kinesis:DescribeStreamSummary", &error))?;
            let summary = answer.stream_description_summary;
            Ok::<_, Refused>(summary.and_then(|summary| summary.key_id))
        };
        let set = async || {
            let request = client.start_stream_encryption().stream_arn(on.arn);
            let request = request.encryption_type(EncryptionType::Kms).key_id(on.new);
            done(SET, request.send().await)
        };
        on.repointed(SET, &WAITS, read, set).await
    }

    async fn trail(&self, on: &On<'_>) -> Result<Repointed, Refused> {
        const SET: &str = "cloudtrail:UpdateTrail";
        let client = aws_sdk_cloudtrail::Client::new(&self.at(on));
        let read = async || {
            let answer = client.get_trail().name(on.arn).send().await;
            let answer = answer.map_err(|error| refused("cloudtrail:GetTrail", &error))?;
            Ok::<_, Refused>(answer.trail.and_then(|trail| trail.kms_key_id))
        };
        let set = async || {
            let request = client.update_trail().name(on.arn).kms_key_id(on.new);
            done(SET, request.send().await)
        };
        on.repointed(SET, &[], read, set).await
    }
}
