//! One use of a key or a secret, as it comes in and as it is kept until its turn.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What was used.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A key of AWS KMS.
    #[default]
    Key,
    /// A secret of Secrets Manager, or a parameter of Systems Manager that was decrypted.
    Secret,
}

/// One use of a key or a secret: an event, or the part of one that is about this key or secret. Each event is given once,
/// whatever delivered it how often.
#[derive(Clone, Debug, Default)]
pub struct Use<'a> {
    /// The event's `eventID`.
    pub event_id: &'a str,
    /// When.
    pub time: Timestamp,
    /// The ARN of the key or the name of the secret, which must be no other's: of several accounts or regions, its ARN without
    /// the suffix. Empty when the call is about no single one, as `ListKeys`.
    pub subject: Cow<'a, str>,
    /// Which of both.
    pub kind: SubjectKind,
    /// What was asked, as `Decrypt` or `GetSecretValue`.
    pub operation: &'a str,
    /// The key was used, or the secret read; false for calls that manage or ask about it.
    pub cryptographic: bool,
    /// Who asked: the ARN of the role or the user.
    pub principal: &'a str,
    /// The account that the event was recorded in.
    pub account: &'a str,
    /// Where.
    pub region: &'a str,
    /// The service that asked in the principal's name.
    pub via: Option<&'a str>,
    /// The encryption context, as JSON text.
    pub encryption_context: Option<&'a str>,
    /// The error, when it was refused.
    pub failed: Option<&'a str>,
    /// From where: an address, or a service's name.
    pub source_ip: Option<&'a str>,
    /// With what.
    pub user_agent: Option<&'a str>,
}

/// The same, kept until everything that can come before it has come. The order of the fields is the order of uses: by time,
/// and of one time always the same, so that nothing depends on the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// In seconds.
    pub(crate) time: i64,
    pub(crate) event_id: Box<str>,
    pub(crate) subject: Box<str>,
    pub(crate) kind: SubjectKind,
    pub(crate) operation: Box<str>,
    pub(crate) cryptographic: bool,
    pub(crate) principal: Box<str>,
    pub(crate) account: Box<str>,
    pub(crate) region: Box<str>,
    pub(crate) via: Option<Box<str>>,
    pub(crate) context: Option<Box<str>>,
    pub(crate) failed: Option<Box<str>>,
    pub(crate) address: Option<Box<str>>,
    pub(crate) agent: Option<Box<str>>,
}

impl Held {
    pub(crate) fn new(used: &Use<'_>) -> Self {
        let text = |it: Option<&str>| it.map(Box::from);
        Held {
            time: used.time.as_second(),
            event_id: used.event_id.into(),
            subject: used.subject.as_ref().into(),
            kind: used.kind,
            operation: used.operation.into(),
            cryptographic: used.cryptographic,
            principal: used.principal.into(),
            account: used.account.into(),
            region: used.region.into(),
            via: text(used.via),
            context: text(used.encryption_context),
            failed: text(used.failed),
            address: text(used.source_ip),
            agent: text(used.user_agent),
        }
    }

    /// Data keys were asked for by the principal itself.
    pub(crate) fn is_data_key(&self) -> bool {
        self.via.is_none() && self.operation.starts_with("GenerateDataKey")
    }

    /// It was refused because the principal may not, and not for the key's state or too many requests.
    pub(crate) fn is_denied(&self) -> bool {
        let failed = self.failed.as_deref().unwrap_or_default();
        failed.contains("AccessDenied") || failed.contains("Unauthorized")
    }

    /// It asks what there is, and changes and reads nothing.
    pub(crate) fn looks_around(&self) -> bool {
        let asks = [
            "Describe",
            "List",
            "GetKey",
            "GetResourcePolicy",
            "GetPublicKey",
        ];
        !self.cryptographic && asks.iter().any(|start| self.operation.starts_with(start))
    }
}
