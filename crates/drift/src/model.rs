//! What a comparison says, in the shape that is printed as JSON.

use lockfast_facts::{Inventory, Loc, Resource};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of this shape.
pub const SCHEMA_VERSION: u32 = 1;

/// What differs between templates and live accounts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Drift {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What was scanned.
    pub snapshot: Scanned,
    /// Which stack each template was taken to be.
    pub stacks: Vec<StackView>,
    /// What differs and what cannot be told, by kind and resource.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// How many.
    pub summary: Summary,
}

/// What was scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scanned {
    /// When the earliest scan started (RFC 3339, UTC).
    pub taken: String,
    /// The accounts, sorted.
    pub accounts: Vec<String>,
    /// The regions, sorted.
    pub regions: Vec<String>,
    /// The services, sorted.
    pub services: Vec<String>,
}

/// A template, and the live stack that it was taken to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StackView {
    /// The template's file.
    pub template: String,
    /// The name a person knows the template's stack by.
    pub name: String,
    /// The live stack; nothing when none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Its status, such as `UPDATE_ROLLBACK_COMPLETE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How it was found, or why it was not.
    pub how: String,
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A live resource that no template defines.
    Undefined,
    /// A template's resource that is not live.
    Missing,
    /// A setting is not as the template says.
    Differs,
    /// A policy is not as the template says.
    Policy,
    /// What a template says was never put into effect.
    NotInEffect,
    /// It cannot be told, because.
    Unknown,
}

/// One difference, or something that cannot be told.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// What kind of difference it is.
    pub kind: FindingKind,
    /// The clause that it breaks, or that is open: `IAC-1`, or `IAC-3` for keys and their policies.
    pub clause: String,
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// A sentence for people.
    pub message: String,
    /// The live resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveView>,
    /// The template's resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateView>,
    /// The setting that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// How the policies differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDiff>,
}

/// A live resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LiveView {
    /// Twelve digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region; nothing for a service that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its name.
    pub name: String,
    /// Its Amazon Resource Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Account, region and call that told of it.
    pub place: String,
    /// The stack that made it, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

impl LiveView {
    pub(crate) fn of(inventory: &Inventory, resource: &Resource) -> Self {
        let place = &inventory.stack_of(resource).place;
        LiveView {
            account: place.account.as_deref().map(str::to_owned),
            region: place.region.as_deref().map(str::to_owned),
            name: resource.name.to_string(),
            arn: resource.arn.as_deref().map(str::to_owned),
            place: inventory.place(resource.loc),
            stack: None,
        }
    }
}

/// A template's resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TemplateView {
    /// The name a person knows its stack by.
    pub stack: String,
    /// Its logical id.
    pub logical_id: String,
    /// Its construct path, when a CDK app made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub construct_path: Option<String>,
    /// `file:line:column`.
    pub place: String,
}

impl TemplateView {
    pub(crate) fn of(inventory: &Inventory, resource: &Resource) -> Self {
        TemplateView {
            stack: inventory.stack_of(resource).path.clone(),
            logical_id: resource.name.to_string(),
            construct_path: resource
                .written()
                .construct_path
                .as_deref()
                .map(str::to_owned),
            place: inventory.place(resource.loc),
        }
    }
}

/// A setting on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// The property, or what several of them decide together.
    pub name: String,
    /// What the template says.
    pub template: Side,
    /// What is live.
    pub live: Side,
}

/// How sure a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Somebody wrote it, or AWS told it.
    Stated,
    /// Nobody wrote it; AWS does this.
    Default,
    /// It is not known.
    Unknown,
}

/// A setting on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Side {
    /// The value, for people.
    pub value: String,
    /// How sure it is.
    pub certainty: Certainty,
    /// The document that a default rests on, or why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// `file:line:column`, or account, region and call.
    pub place: String,
}

impl Side {
    /// What somebody wrote, or AWS told.
    pub(crate) fn stated(value: impl Into<String>, inventory: &Inventory, loc: Loc) -> Self {
        Side {
            value: value.into(),
            certainty: Certainty::Stated,
            because: None,
            place: inventory.place(loc),
        }
    }

    /// A known, told in words.
    pub(crate) fn of<T>(
        known: &lockfast_facts::Known<T>,
        inventory: &Inventory,
        said: impl Fn(&T) -> String,
    ) -> Self {
        use lockfast_facts::Known;
        let (value, certainty, because) = match known {
            Known::Stated(value, _) => (said(value), Certainty::Stated, None),
            Known::Default(value, default, _) => {
                let because = match default.since {
                    "" => default.doc.to_owned(),
                    since => format!("{}, since {since}", default.doc),
                };
                (said(value), Certainty::Default, Some(because))
            }
            Known::Unknown(why, _) => ("unknown".into(), Certainty::Unknown, Some(why.to_string())),
        };
        Side {
            value,
            certainty,
            because,
            place: inventory.place(known.loc()),
        }
    }
}

/// How two policies differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyDiff {
    /// The property, or the type that holds the document.
    pub name: String,
    /// Statements that are not on both sides.
    pub statements: Vec<StatementChange>,
    /// What the live policy allows and the template does not, and the other way round.
    pub access: Vec<AccessChange>,
}

/// What happened to a statement, from the template to what is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatementWhat {
    /// It is live only.
    Added,
    /// It is in the template only.
    Removed,
    /// It has the same `Sid`, and says something else.
    Changed,
    /// Whether it is the same cannot be told.
    Unknown,
}

/// A statement that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatementChange {
    /// What happened to it.
    pub what: StatementWhat,
    /// Its `Sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Side>,
    /// The live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Side>,
}

/// How somebody's access differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessWhat {
    /// The live policy allows it, and the template's does not.
    Gained,
    /// Both allow it, under other conditions.
    Otherwise,
    /// The template's policy allows it, and the live one does not.
    Lost,
    /// The live policy allows it; whether the template's does is not known.
    Unknown,
}

/// A principal whose access differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccessChange {
    /// How it differs.
    pub what: AccessWhat,
    /// Who: an ARN, an account, a service.
    pub who: String,
    /// The actions.
    pub actions: Vec<String>,
    /// A sentence for people.
    pub message: String,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The file, or account and region.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// How many findings of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Template resources that were joined with a live one and compared.
    pub compared: usize,
    /// Live resources that no template defines.
    pub undefined: usize,
    /// Template resources that are not live.
    pub missing: usize,
    /// Settings that differ.
    pub differs: usize,
    /// Policies that differ.
    pub policies: usize,
    /// Policies by which somebody may do more than the template allows.
    pub access_gained: usize,
    /// Settings that never took effect.
    pub not_in_effect: usize,
    /// What cannot be told.
    pub unknown: usize,
}

impl Drift {
    /// True when something differs.
    pub fn differs(&self) -> bool {
        let is_drift = |finding: &Finding| finding.kind != FindingKind::Unknown;
        self.findings.iter().any(is_drift)
    }

    /// True when something could not be joined, compared or read.
    pub fn is_partial(&self) -> bool {
        let is_unknown = |finding: &Finding| finding.kind == FindingKind::Unknown;
        !self.problems.is_empty() || self.findings.iter().any(is_unknown)
    }

    /// The findings of a kind.
    pub fn of_kind(&self, kind: FindingKind) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.kind == kind)
    }
}

/// The JSON schema of a [`Drift`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Drift).to_value()
}
