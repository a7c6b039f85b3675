//! The services that answer in JSON.

use crate::world::{Kind, Place, SHARES, World, log_group, page, queue, secret, table, tags};
use crate::{Answer, Asked};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// When everything was made, in seconds since 1970.
const MADE: f64 = 1_770_000_000.0;

/// Operations that it does not know have nothing to tell.
pub fn answer(place: &Place, asked: &Asked, world: &World) -> Answer {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let at = At { place, world, body };
    let operation = &*asked.operation;
    let told = match &*asked.service {
        "kms" => at.kms(operation),
        "logs" => at.logs(operation),
        "dynamodb" => match operation {
            "GetResourcePolicy" => return Answer::error("PolicyNotFoundException"),
            _ => at.dynamodb(operation),
        },
        "secretsmanager" => at.secrets(operation),
        "sqs" => at.sqs(operation),
        "tagging" => at.tags(),
        "organizations" => at.organizations(operation),
        _ => json!({}),
    };
    Answer::json(told.to_string())
}

struct At<'a> {
    place: &'a Place,
    world: &'a World,
    body: Value,
}

impl At<'_> {
    fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// The number at the end of a name.
    fn index(&self, name: &str) -> u64 {
        let text = self.text(name);
        let digits = text.rsplit(['-', '/']).next().unwrap_or_default();
        digits.parse().unwrap_or(0)
    }

    /// A page of all resources of a kind; the token is in the field of this name, and given under another.
    fn page(
        &self,
        (kind, size): (Kind, u64),
        (token, next): (&str, &str),
        list: &str,
        item: impl Fn(u64) -> Value,
    ) -> Value {
        self.page_of(0..self.world.count(kind), size, (token, next), list, item)
    }

    fn page_of(
        &self,
        all: Range<u64>,
        size: u64,
        (token, next): (&str, &str),
        list: &str,
        item: impl Fn(u64) -> Value,
    ) -> Value {
        let asked = ["Limit", "limit", "MaxResults", "ResourcesPerPage"]
            .iter()
            .find_map(|name| self.body.get(name)?.as_u64());
        let given = self.body.get(token).and_then(Value::as_str);
        let total = all.end - all.start;
        let (range, more) = page(total, asked.unwrap_or(size), given);
        let mut told = Map::new();
        let items = range.map(|i| item(all.start + i)).collect();
        told.insert(list.into(), Value::Array(items));
        if let Some(more) = more {
            told.insert(next.into(), more.into());
        }
        Value::Object(told)
    }

    fn kms(&self, operation: &str) -> Value {
        let marker = ("Marker", "NextMarker");
        // A key's id ends in its number, in hexadecimal.
        let digits = self.text("KeyId").rsplit('-').next().unwrap_or_default();
        let index = u64::from_str_radix(digits, 16).unwrap_or(0);
        let (place, world) = (self.place, self.world);
        let truncated = |mut told: Value| {
            told["Truncated"] = told.get("NextMarker").is_some().into();
            told
        };
        match operation {
            "ListKeys" => truncated(self.page((Kind::Key, 100), marker, "Keys", |i| {
                json!({"KeyId": place.key_id(i), "KeyArn": place.key(world, i)})
            })),
            "ListAliases" => truncated(self.page((Kind::Key, 50), marker, "Aliases", |i| {
                let name = format!("alias/shop-{i:05}");
                json!({"AliasName": name, "AliasArn": place.arn("kms", &name), "TargetKeyId": place.key_id(i),
                    "CreationDate": MADE, "LastUpdatedDate": MADE})
            })),
            "DescribeKey" => json!({"KeyMetadata": {
                "AWSAccountId": place.account.to_string(), "KeyId": place.key_id(index), "Arn": place.key(world, index),
                "CreationDate": MADE, "Enabled": true, "Description": "of the shop", "KeyUsage": "ENCRYPT_DECRYPT",
                "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT",
                "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
            }}),
            "GetKeyPolicy" => json!({"PolicyName": "default", "Policy": self.key_policy(index)}),
            "GetKeyRotationStatus" => match index.is_multiple_of(8) || world.is_changed(index) {
                true => json!({"KeyId": place.key(world, index), "KeyRotationEnabled": false}),
                false => json!({"KeyId": place.key(world, index), "KeyRotationEnabled": true,
                    "RotationPeriodInDays": 365, "NextRotationDate": MADE + 31_536_000.0}),
            },
            "ListKeyRotations" => json!({"Rotations": [], "Truncated": false}),
            "ListGrants" => {
                let grant = json!({"KeyId": place.key(world, index), "GrantId": format!("{index:064x}"), "CreationDate": MADE,
                    "GranteePrincipal": format!("arn:aws:iam::{}:role/shop-worker", place.account),
                    "IssuingAccount": format!("arn:aws:iam::{}:root", place.account), "Operations": ["Decrypt", "GenerateDataKey"],
                    "Constraints": {"EncryptionContextSubset": {"shop": "orders"}}});
                let grants = if index.is_multiple_of(4) { vec![grant] } else { vec![] };
                json!({"Grants": grants, "Truncated": false})
            }
            _ => json!({}),
        }
    }

    fn key_policy(&self, index: u64) -> String {
        let account = self.place.account;
        let users = ["orders", "billing", "search"][index as usize % 3];
        json!({"Version": "2012-10-17", "Id": "shop", "Statement": [
            {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": "kms:*", "Resource": "*"},
            {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:role/key-admin")},
                "Action": ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*",
                    "kms:Disable*", "kms:Get*", "kms:TagResource", "kms:UntagResource"], "Resource": "*"},
            {"Sid": "Users", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:role/shop-{users}")},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": format!("ec2.{}.amazonaws.com", self.place.region)}}},
        ]})
        .to_string()
    }

    fn logs(&self, operation: &str) -> Value {
        let (place, world) = (self.place, self.world);
        match operation {
            "DescribeLogGroups" => {
                let token = ("nextToken", "nextToken");
                self.page((Kind::LogGroup, 50), token, "logGroups", |i| {
                    let arn = place.arn_of(Kind::LogGroup, i);
                    let mut group = json!({"logGroupName": log_group(i), "creationTime": MADE as u64 * 1000,
                        "metricFilterCount": 0, "arn": format!("{arn}:*"), "logGroupArn": arn, "storedBytes": i * 1024,
                        "retentionInDays": 365, "logGroupClass": "STANDARD"});
                    if i % 4 != 0 && !world.is_changed(i) {
                        group["kmsKeyId"] = place.key(world, i).into();
                    }
                    group
                })
            }
            "DescribeMetricFilters" => json!({"metricFilters": []}),
            _ => json!({}),
        }
    }

    fn dynamodb(&self, operation: &str) -> Value {
        let (place, world) = (self.place, self.world);
        match operation {
            "ListTables" => {
                // The token is the last table's name.
                let token = self
                    .body
                    .get("ExclusiveStartTableName")
                    .map(|_| (self.index("ExclusiveStartTableName") + 1).to_string());
                let (range, next) = page(world.count(Kind::Table), 100, token.as_deref());
                let last = next.map(|_| table(range.end - 1));
                let names: Vec<String> = range.map(table).collect();
                match last {
                    Some(last) => json!({"TableNames": names, "LastEvaluatedTableName": last}),
                    None => json!({"TableNames": names}),
                }
            }
            "DescribeTable" => {
                let index = self.index("TableName");
                let mut described = json!({
                    "TableName": table(index), "TableArn": place.arn_of(Kind::Table, index), "TableStatus": "ACTIVE",
                    "TableId": place.key_id(index), "CreationDateTime": MADE, "ItemCount": 1000, "TableSizeBytes": 100_000,
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}, "DeletionProtectionEnabled": true,
                });
                if !index.is_multiple_of(3) && !world.is_changed(index) {
                    described["SSEDescription"] = json!({"Status": "ENABLED", "SSEType": "KMS",
                        "KMSMasterKeyArn": place.key(world, index)});
                }
                json!({"Table": described})
            }
            "DescribeContinuousBackups" => json!({"ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35},
            }}),
            "ListBackups" => json!({"BackupSummaries": []}),
            _ => json!({}),
        }
    }

    fn secrets(&self, operation: &str) -> Value {
        let (place, world) = (self.place, self.world);
        match operation {
            "ListSecrets" => {
                let token = ("NextToken", "NextToken");
                self.page((Kind::Secret, 100), token, "SecretList", |i| {
                    let mut told = json!({"ARN": place.arn_of(Kind::Secret, i), "Name": secret(i), "CreatedDate": MADE,
                        "LastChangedDate": MADE, "RotationEnabled": i % 2 == 0, "Tags": tag_list(i)});
                    if i % 2 == 0 {
                        told["RotationRules"] = json!({"AutomaticallyAfterDays": 30});
                        told["RotationLambdaARN"] = place.arn("lambda", "function:rotate").into();
                    }
                    if i % 5 != 0 && !world.is_changed(i) {
                        told["KmsKeyId"] = place.key(world, i).into();
                    }
                    told
                })
            }
            _ => json!({"ARN": self.text("SecretId"), "Name": "shop"}),
        }
    }

    fn sqs(&self, operation: &str) -> Value {
        let (place, world) = (self.place, self.world);
        match operation {
            "ListQueues" => {
                let token = ("NextToken", "NextToken");
                let host = format!("https://sqs.{}.amazonaws.com", place.region);
                self.page((Kind::Queue, 1000), token, "QueueUrls", |i| {
                    format!("{host}/{}/{}", place.account, queue(i)).into()
                })
            }
            "GetQueueAttributes" => {
                let index = self.index("QueueUrl");
                let arn = place.arn_of(Kind::Queue, index);
                let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "TLS", "Effect": "Deny", "Principal": "*",
                    "Action": "sqs:*", "Resource": arn, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]});
                let mut attributes = json!({"QueueArn": arn, "CreatedTimestamp": (MADE as u64).to_string(),
                    "MessageRetentionPeriod": "345600", "ApproximateNumberOfMessages": "0", "VisibilityTimeout": "30"});
                if index.is_multiple_of(2) {
                    attributes["Policy"] = policy.to_string().into();
                }
                match !index.is_multiple_of(3) && !world.is_changed(index) {
                    true => attributes["KmsMasterKeyId"] = place.key(world, index).into(),
                    false => attributes["SqsManagedSseEnabled"] = "true".into(),
                }
                json!({"Attributes": attributes})
            }
            _ => json!({}),
        }
    }

    /// Of everything that has tags, kind after kind.
    fn tags(&self) -> Value {
        let total = SHARES.iter().map(|(kind, _)| self.world.count(*kind)).sum();
        let token = ("PaginationToken", "PaginationToken");
        let list = "ResourceTagMappingList";
        self.page_of(0..total, 50, token, list, |mut i| {
            let mut kind = Kind::Key;
            for (of, _) in SHARES {
                kind = of;
                match i.checked_sub(self.world.count(of)) {
                    Some(rest) => i = rest,
                    None => break,
                }
            }
            json!({"ResourceARN": self.place.arn_of(kind, i), "Tags": tag_list(i)})
        })
    }

    fn organizations(&self, operation: &str) -> Value {
        if operation != "ListAccounts" {
            return json!({});
        }
        let token = ("NextToken", "NextToken");
        self.page_of(self.world.all_accounts(), 20, token, "Accounts", |id| {
            let owner = self.place.account;
            json!({"Id": id.to_string(), "Arn": format!("arn:aws:organizations::{owner}:account/o-shop/{id}"),
                "Email": format!("a{id}@example.com"), "Name": format!("shop-{id}"), "Status": "ACTIVE", "State": "ACTIVE",
                "JoinedMethod": "CREATED", "JoinedTimestamp": MADE})
        })
    }
}

fn tag_list(index: u64) -> Value {
    tags(index)
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}
