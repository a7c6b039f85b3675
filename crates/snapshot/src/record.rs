//! The records that a snapshot is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A record: an object with one entry, whose name says what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// The first: what was scanned.
    Snapshot(Header),
    /// A service in an account and region; its resources follow.
    Unit(Unit),
    /// A resource of the unit before it.
    Resource(Found),
    /// The last: without it the file ends early.
    End(End),
}

/// What was scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// What wrote it, such as `lockfast 0.1.0`.
    pub made_by: String,
    /// When the scan started (RFC 3339, UTC).
    pub taken: String,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The regions, sorted.
    pub regions: Vec<String>,
    /// The services, sorted.
    pub services: Vec<String>,
}

/// A scanned account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Its name in the organisation, when that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    #[serde(default = "aws")]
    pub partition: String,
}

fn aws() -> String {
    "aws".into()
}

/// A service in an account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unit {
    /// Twelve digits; empty for endpoints of the network.
    pub account: String,
    /// The region; `global` for a service that has none.
    pub region: String,
    /// The service, by its IAM prefix; `network` for endpoints, `cloudtrail-logs` for what CloudTrail's logs tell.
    pub service: String,
    /// By IAM action: the calls made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, CallCount>,
}

/// How the calls of one action went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCount {
    /// How many answered, each page of a list for itself.
    #[serde(default)]
    pub answered: u64,
    /// How many did not, by error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
}

/// A resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The CloudFormation type, such as `AWS::S3::Bucket`; `Lockfast::Network::Endpoint` for what a probe looked at.
    #[serde(rename = "type")]
    pub kind: String,
    /// What `Ref` gives for the type, or the name that people know it by where that is an ARN.
    pub name: String,
    /// Its Amazon Resource Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Its region, where that is not the unit's (a bucket).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// By property: the action whose answer it is from; the empty name stands for all others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub from: BTreeMap<String, String>,
    /// The properties in the shape of the type's CloudFormation schema. `{"$unknown": {"call", "error"}}` stands
    /// for what is not known since a call gave no answer, at any depth, or for all of them.
    pub properties: Value,
}

/// The end mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// How many resources the snapshot holds.
    pub resources: u64,
}

/// A call that gave no answer.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Failure {
    /// The IAM action, such as `kms:GetKeyPolicy`.
    pub call: String,
    /// The error's code, such as `AccessDeniedException`, or what happened: `timed out`.
    pub error: String,
}

impl Failure {
    /// The mark that stands for what the call would have told.
    pub fn unknown(&self) -> Value {
        json!({ "$unknown": self })
    }
}

/// The failure that a value is a mark of.
pub fn unknown(value: &Map<String, Value>) -> Option<Failure> {
    match value.len() {
        1 => serde_json::from_value(value.get("$unknown")?.clone()).ok(),
        _ => None,
    }
}

/// The JSON schema of a record. A snapshot is records one after another, a line each, compressed as Zstandard frames.
pub fn record_schema() -> Value {
    schemars::schema_for!(Record).to_value()
}
