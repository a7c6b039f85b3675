//! What somebody said of alerts: that they are no cause for worry.

use crate::Error;
use crate::family::family;
use crate::report::Alert;
use crate::what::What;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// The subject of an [`Entry`] that is about all.
pub const ANY: &str = "*";

/// That one thing is not to be told again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What is unusual.
    pub what: What,
    /// The key's ARN or the secret's name; [`ANY`] for all.
    pub subject: String,
    /// Who. It holds for their later incarnations as well ([`family()`](crate::family())).
    pub principal: String,
    /// Why it is no cause for worry.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Date,
    /// The last day (UTC) that it holds for; none for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// All that was said, as a file in TOML or JSON: a list `entries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// In the order that they were said in.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

impl Entry {
    /// What to say that an alert is not told again: one entry for each thing that was unusual. Where it was about several keys,
    /// about all.
    pub fn of(alert: &Alert, reason: &str, by: &str, at: Date, until: Option<Date>) -> Vec<Entry> {
        let subject = match alert.subject.as_str() {
            "" => ANY,
            subject => subject,
        };
        let whats = std::iter::once(alert.what).chain(alert.also.iter().copied());
        let entry = |what| Entry {
            what,
            subject: subject.into(),
            principal: alert.principal.clone(),
            reason: reason.into(),
            by: by.into(),
            at,
            until,
        };
        whats.map(entry).collect()
    }

    fn covers(&self, what: What, subject: &str, principal: &str, day: Date) -> bool {
        self.what == what
            && (self.subject == ANY || self.subject == subject)
            && self.until.is_none_or(|until| day <= until)
            && family(&self.principal) == family(principal)
    }
}

impl Feedback {
    /// Reads it from TOML.
    ///
    /// # Errors
    /// When it is not, or has what is not known.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Feedback(error.to_string()))
    }

    /// Reads it from JSON.
    ///
    /// # Errors
    /// When it is not, or has what is not known.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Feedback(error.to_string()))
    }

    /// Writes it as TOML.
    ///
    /// # Errors
    /// When TOML cannot hold it.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::Feedback(error.to_string()))
    }

    /// True when all that is unusual in an alert was said to be no cause for worry.
    pub fn matches(&self, alert: &Alert) -> bool {
        let day = Offset::UTC.to_datetime(alert.from).date();
        let mut whats = std::iter::once(alert.what).chain(alert.also.iter().copied());
        whats.all(|what| self.covers(what, &alert.subject, &alert.principal, day))
    }

    /// True when this one thing was.
    pub(crate) fn covers(&self, what: What, subject: &str, principal: &str, day: Date) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.covers(what, subject, principal, day))
    }
}
