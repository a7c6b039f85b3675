//! A judgement made readable on its own: what reports print.

use crate::control::Severity;
use crate::judgement::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One verdict with everything that explains it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The control's id.
    pub control: String,
    /// The clauses it decides.
    pub clauses: Vec<String>,
    /// The control's title.
    pub title: String,
    /// How bad a failure is here.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// What was judged.
    pub resource: ResourceView,
    /// One sentence that says why.
    pub message: String,
    /// The choices of parameters under which the verdict holds, such as `Env=dev`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The place that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Location>,
    /// What the verdict stands on.
    pub facts: Vec<FactView>,
    /// The hops from a property to what it means (a key).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
    /// Remarks that change no verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do; only for what does not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixView>,
    /// Stable across runs, line moves and machines.
    pub fingerprint: String,
    /// The waiver that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverView>,
}

/// A place in a file. Lines and columns count from 1; `end_column` is exclusive. Of a call to AWS, the file is
/// `account/region/action` and lines and columns are 0.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Location {
    /// The file.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column, in Unicode scalar values.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last.
    pub end_column: u32,
}

impl Location {
    /// Where a call to AWS answered.
    pub(crate) fn call(name: &str) -> Self {
        Location {
            file: name.to_owned(),
            line: 0,
            column: 0,
            end_line: 0,
            end_column: 0,
        }
    }

    /// True for a place in a text.
    pub fn has_lines(&self) -> bool {
        self.line > 0
    }

    /// `file:line:column`, or the call.
    pub fn place(&self) -> String {
        match self.has_lines() {
            true => format!("{}:{}:{}", self.file, self.line, self.column),
            false => self.file.clone(),
        }
    }
}

/// What was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceView {
    /// A name for people: the construct path, or `stack/logical id`.
    pub id: String,
    /// The CloudFormation type; `stack` or `input` for what is not one resource.
    #[serde(rename = "type")]
    pub kind: String,
    /// The part of it, when it is judged several times.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// The logical id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_id: Option<String>,
    /// The Amazon Resource Name of a live resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// `aws:cdk:path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub construct_path: Option<String>,
    /// Where the construct is made in the CDK app's source (`file:line:column`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_site: Option<String>,
    /// The stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The environment's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The data's classification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactView {
    /// What it is about.
    pub name: String,
    /// Its value. Never a secret.
    pub value: String,
    /// `stated`, `default` or `unknown`.
    pub certainty: String,
    /// For a default the AWS document that says so; for an unknown the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Location>,
}

/// A hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// What was followed.
    pub what: String,
    /// Where it stands.
    pub origin: Location,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FixView {
    /// In words.
    pub text: String,
    /// As a CloudFormation snippet (YAML).
    pub cloudformation: String,
    /// As a CDK snippet (TypeScript).
    pub cdk: String,
}

/// An accepted failure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WaiverView {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Where it is written.
    pub origin: String,
}
