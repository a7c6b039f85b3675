//! `lockfast.toml`: whose environments, how data is classified, what each classification asks.

mod approvals;
mod check;
mod evidence;
mod incident;

pub use approvals::{Approvals, Approver};
pub use evidence::{Drill, Escrow, Evidence};
pub use incident::{Incident, IncidentKind};

use crate::control::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The policy file. With no file, [`Config::default`] holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The customers, their systems and environments.
    pub customer: Vec<Customer>,
    /// How data is classified and what each classification asks.
    pub classification: ClassificationConfig,
    /// What is asked of data in transit.
    pub tls: Tls,
    /// Who outside an account may use its keys and data.
    pub access: Access,
    /// Who approves the deletion of a key, and how it goes.
    pub approvals: Approvals,
    /// Where data may lie.
    pub residency: Residency,
    /// What is asked of logs.
    pub logs: Logs,
    /// What code makes live resources.
    pub iac: Iac,
    /// What happened to keys or data, and is not over.
    pub incident: Vec<Incident>,
    /// Settings of single controls, by control id.
    pub control: BTreeMap<String, ControlConfig>,
    /// Accepted failures.
    pub waiver: Vec<Waiver>,
    /// What the ledger tells, which the file does not hold.
    #[serde(skip)]
    pub evidence: Evidence,
}

/// A customer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The customer's name.
    pub name: String,
    /// The customer's systems.
    #[serde(default)]
    pub system: Vec<System>,
}

/// A system: what is deployed once per environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// The system's name.
    pub name: String,
    /// Its environments.
    #[serde(default)]
    pub environment: Vec<Environment>,
}

/// An environment of a system.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name, such as `prod`.
    pub name: String,
    /// Which kind it is.
    pub kind: EnvironmentKind,
    /// The accounts it lives in.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// The regions it lives in.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Globs on stack names and construct paths that belong to it.
    #[serde(default)]
    pub stacks: Vec<String>,
    /// Its public endpoints (`host` or `host:port`).
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Where its logs lie (`s3://…` or a folder).
    #[serde(default)]
    pub logs: Vec<String>,
    /// The line of the policy file on which it stands.
    #[serde(skip)]
    pub line: u32,
}

/// The kinds of environment.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// Real users' data.
    Production,
    /// Like production, without its users.
    Staging,
    /// Development, test and sandboxes.
    Development,
}

impl std::fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EnvironmentKind::Production => "production",
            EnvironmentKind::Staging => "staging",
            EnvironmentKind::Development => "development",
        })
    }
}

/// How sensitive data is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Classification {
    /// For everybody's eyes.
    Public,
    /// For the company's.
    Internal,
    /// For some.
    Confidential,
    /// For few, with enhanced monitoring.
    Restricted,
}

impl Classification {
    /// All four, from the least sensitive.
    pub const ALL: [Classification; 4] = [
        Classification::Public,
        Classification::Internal,
        Classification::Confidential,
        Classification::Restricted,
    ];

    /// Reads a tag's value.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "public" => Some(Classification::Public),
            "internal" => Some(Classification::Internal),
            "confidential" => Some(Classification::Confidential),
            "restricted" => Some(Classification::Restricted),
            _ => None,
        }
    }

    /// Its name, as tags and the policy file write it.
    pub fn name(self) -> &'static str {
        match self {
            Classification::Public => "public",
            Classification::Internal => "internal",
            Classification::Confidential => "confidential",
            Classification::Restricted => "restricted",
        }
    }

    /// True for confidential and restricted.
    pub fn is_sensitive(self) -> bool {
        self >= Classification::Confidential
    }
}

impl std::fmt::Display for Classification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Classification rules and what each classification asks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClassificationConfig {
    /// Tag names whose value is the classification.
    pub tags: Vec<String>,
    /// The classification of what no rule and no tag classifies. Without it, unclassified data is
    /// a finding.
    pub default: Option<Classification>,
    /// Rules, the first that matches wins; before tags.
    pub rule: Vec<ClassificationRule>,
    /// What each classification asks, where it differs from the built-in policy.
    pub asks: BTreeMap<Classification, Asks>,
}

impl Default for ClassificationConfig {
    fn default() -> Self {
        ClassificationConfig {
            tags: [
                "DataClassification",
                "data-classification",
                "Classification",
                "DataSensitivity",
            ]
            .map(String::from)
            .to_vec(),
            default: None,
            rule: Vec::new(),
            asks: BTreeMap::new(),
        }
    }
}

/// A classification rule. All criteria given must match; within one, any.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassificationRule {
    /// The classification it gives.
    pub classification: Classification,
    /// Tags, all of which the resource (or its stack) must carry with these values (globs).
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Globs on construct paths, or on `stack/logical id` where there are none.
    #[serde(default)]
    pub construct_paths: Vec<String>,
    /// Globs on logical ids and physical names.
    #[serde(default)]
    pub names: Vec<String>,
    /// CloudFormation types.
    #[serde(default)]
    pub types: Vec<String>,
}

/// Whose key is asked for, from the weakest demand.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAsk {
    /// Any encryption will do.
    Any,
    /// A customer managed key is recommended.
    CustomerRecommended,
    /// A customer managed key.
    Customer,
    /// A customer managed key of its own.
    Dedicated,
}

/// What a classification asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    /// Whose key.
    pub key: KeyAsk,
    /// The longest time between rotations, in days.
    pub rotation_days: u32,
    /// Whether use of the key must be monitored with alarms.
    pub monitoring: bool,
    /// Regions its data and keys may lie in; empty for any.
    #[serde(default)]
    pub regions: Vec<String>,
}

/// Demands on data in transit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The lowest protocol version accepted.
    pub minimum: TlsVersion,
    /// Whether forward secrecy is demanded.
    pub forward_secrecy: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Tls {
            minimum: TlsVersion::Tls12,
            forward_secrecy: true,
        }
    }
}

/// SSL and TLS protocol versions, from the oldest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum TlsVersion {
    /// SSL 3.0 (RFC 6101).
    #[serde(rename = "ssl3")]
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    #[serde(rename = "1.0")]
    Tls10,
    /// TLS 1.1 (RFC 4346).
    #[serde(rename = "1.1")]
    Tls11,
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsVersion {
    /// Reads `SSLv3`, `TLSv1`, `TLSv1.2`, `TLS_1_2`, `1.2`, whatever the case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace(['_', ' '], ".");
        let text = text
            .trim_start_matches("tls")
            .trim_start_matches('.')
            .trim_start_matches('v');
        match text {
            "1.3" => Some(TlsVersion::Tls13),
            "1.2" => Some(TlsVersion::Tls12),
            "1.1" => Some(TlsVersion::Tls11),
            "1" | "1.0" => Some(TlsVersion::Tls10),
            "sslv3" | "ssl3" | "sslv3.0" => Some(TlsVersion::Ssl3),
            _ => None,
        }
    }
}

impl std::fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TlsVersion::Ssl3 => "SSL 3.0",
            TlsVersion::Tls10 => "TLS 1.0",
            TlsVersion::Tls11 => "TLS 1.1",
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        })
    }
}

/// Who outside an account may use its keys and data.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Accounts that key and resource policies may admit.
    pub trusted_accounts: Vec<String>,
    /// Globs on role ARNs or names that administer keys.
    pub key_administrators: Vec<String>,
}

/// Where data may lie.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Residency {
    /// Regions allowed for data and keys; empty for those of the environments.
    pub regions: Vec<String>,
    /// Whether confidential and restricted data must have a copy in a second region.
    pub disaster_recovery: bool,
}

/// Demands on logs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// The shortest retention accepted, in days.
    pub minimum_retention_days: u32,
    /// The longest retention accepted, in days; 0 for no limit.
    pub maximum_retention_days: u32,
}

impl Default for Logs {
    fn default() -> Self {
        Logs {
            minimum_retention_days: 1,
            maximum_retention_days: 0,
        }
    }
}

/// What code makes live resources, beside CloudFormation, which says so itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Iac {
    /// Tags that other tools put on what they make: a live resource with any of them, its value matching the
    /// glob, counts as defined in code.
    pub managed_tags: BTreeMap<String, String>,
}

/// Settings of one control.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ControlConfig {
    /// False to leave it out.
    pub enabled: Option<bool>,
    /// How bad a failure is.
    pub severity: Option<Severity>,
}

/// A failure that somebody accepted until a date.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The control's id, or a glob on it.
    pub control: String,
    /// Glob on the construct path, or on `stack/logical id`.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds.
    #[schemars(with = "String")]
    pub expires: toml::value::Datetime,
}

/// Why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not TOML, or has a key or value that the schema does not know.
    #[error("{message}")]
    Invalid {
        /// Line and column, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, with a suggestion where there is one.
        message: String,
    },
}

impl Config {
    /// Reads the text of a `lockfast.toml`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the place and, for a misspelt key, a suggestion.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config: Config = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            ConfigError::Invalid {
                line,
                column,
                message: with_suggestion(error.message()),
            }
        })?;
        check::check(&config, text)?;
        let lines = check::lines(&config, text);
        let systems = config
            .customer
            .iter_mut()
            .flat_map(|customer| &mut customer.system);
        for (environment, line) in systems
            .flat_map(|system| &mut system.environment)
            .zip(lines)
        {
            environment.line = line;
        }
        Ok(config)
    }

    /// What a classification asks: the policy file's word, or the built-in policy's.
    pub fn asks(&self, classification: Classification) -> Asks {
        if let Some(asks) = self.classification.asks.get(&classification) {
            return asks.clone();
        }
        let (key, rotation_days, monitoring) = match classification {
            Classification::Public => (KeyAsk::Any, 365, false),
            Classification::Internal => (KeyAsk::CustomerRecommended, 365, false),
            Classification::Confidential => (KeyAsk::Customer, 365, false),
            Classification::Restricted => (KeyAsk::Dedicated, 180, true),
        };
        Asks {
            key,
            rotation_days,
            monitoring,
            regions: Vec::new(),
        }
    }
}

/// Line and column of an offset, from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Adds "did you mean" to an unknown-field message of the TOML reader.
fn with_suggestion(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let Some(wrong) = quoted.next() else {
        return message.to_owned();
    };
    match nearest(wrong, quoted) {
        Some(near) => format!("{message}; did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

/// The candidate nearest to a word, if any is near enough to be a slip.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
