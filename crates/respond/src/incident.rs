//! What happened: an incident, as whoever opens it tells it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of an incident: `INC-20261128-7F3A`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IncidentId(String);

impl IncidentId {
    /// A name of a day and random bytes: people say it aloud, so it is short, and two of one day differ.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use lockfast_respond::incident::IncidentId;
    ///
    /// let id = IncidentId::new(date(2026, 11, 28), [0x7f, 0x3a]);
    /// assert_eq!(id.as_str(), "INC-20261128-7F3A");
    /// assert_eq!("INC-20261128-7F3A".parse(), Ok(id));
    /// ```
    pub fn new(day: Date, random: [u8; 2]) -> Self {
        let (year, month, day) = (day.year(), day.month(), day.day());
        let [high, low] = random;
        IncidentId(format!(
            "INC-{year:04}{month:02}{day:02}-{high:02X}{low:02X}"
        ))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IncidentId {
    type Err = NoIncidentId;

    fn from_str(text: &str) -> Result<Self, NoIncidentId> {
        let no = || NoIncidentId(text.to_owned());
        let (day, random) = text
            .strip_prefix("INC-")
            .and_then(|rest| rest.split_once('-'))
            .ok_or_else(no)?;
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        // The name becomes a file's name: nothing else gets into it.
        match is_day && random.len() == 4 && random.bytes().all(is_hex) {
            true => Ok(IncidentId(text.to_owned())),
            false => Err(no()),
        }
    }
}

impl TryFrom<String> for IncidentId {
    type Error = NoIncidentId;

    fn try_from(text: String) -> Result<Self, NoIncidentId> {
        text.parse()
    }
}

impl From<IncidentId> for String {
    fn from(id: IncidentId) -> String {
        id.0
    }
}

/// A text that names no incident.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no incident's name; one looks like INC-20261128-7F3A")]
pub struct NoIncidentId(pub String);

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// Somebody else may use a key, or could.
    KeyCompromise,
    /// A certificate expired, or is about to.
    Certificate,
    /// Data lay open.
    DataExposure,
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IncidentKind::KeyCompromise => "a compromised key",
            IncidentKind::Certificate => "a certificate that expired or is about to",
            IncidentKind::DataExposure => "exposed data",
        })
    }
}

/// What got into the wrong hands; each includes the ones before it. The remedy hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compromised {
    /// The use of the key: somebody could have KMS decrypt. Data keys that are wrapped anew are enough.
    Use,
    /// Data keys: whoever has one reads what is under it without KMS. The data has to be encrypted anew.
    DataKeys,
    /// What was encrypted. No encryption takes that back.
    Plaintext,
}

impl fmt::Display for Compromised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compromised::Use => "the use of the key",
            Compromised::DataKeys => "data keys",
            Compromised::Plaintext => "plaintext",
        })
    }
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// What it is about.
    pub kind: IncidentKind,
    /// The key's ARN; the host or the certificate's ARN; the resource, the account or the customer.
    pub subject: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: String,
    /// Why.
    pub reason: String,
    /// What got into the wrong hands; for a compromised key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised: Option<Compromised>,
    /// The ARNs of those who may have it.
    #[serde(default)]
    pub suspects: Vec<String>,
    /// Whether it is an exercise.
    #[serde(default)]
    pub rehearsal: bool,
}

/// Why an incident cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IncidentError {
    /// Something that has to be there is not.
    #[error("an incident needs {0}")]
    Missing(&'static str),
    /// What was compromised is told of something that is no key.
    #[error("what was compromised is told of keys only, and this is {0}")]
    NoKey(IncidentKind),
    /// A suspect is no principal.
    #[error("the suspect `{0}` is no ARN of a principal (arn:aws:iam::111122223333:role/Name)")]
    NoPrincipal(String),
}

impl Incident {
    /// Looks whether it says all that a response rests on.
    ///
    /// # Errors
    /// What it lacks.
    pub fn check(&self) -> Result<(), IncidentError> {
        let said = [
            (&self.subject, "a subject: the key, the host, the resource"),
            (&self.opened_by, "the name of whoever opens it"),
            (&self.reason, "a reason: what was seen"),
        ];
        if let Some((_, what)) = said.iter().find(|(text, _)| text.trim().is_empty()) {
            return Err(IncidentError::Missing(what));
        }
        match (self.kind, self.compromised) {
            (IncidentKind::KeyCompromise, None) => {
                return Err(IncidentError::Missing(
                    "what was compromised: the use of the key, data keys, or plaintext",
                ));
            }
            (IncidentKind::KeyCompromise, Some(_)) | (_, None) => {}
            (kind, Some(_)) => return Err(IncidentError::NoKey(kind)),
        }
        let is_principal = |arn: &String| {
            let mut parts = arn.split(':');
            parts.next() == Some("arn")
                && matches!(parts.nth(1), Some("iam" | "sts"))
                && arn.split(':').count() >= 6
        };
        match self.suspects.iter().find(|arn| !is_principal(arn)) {
            Some(arn) => Err(IncidentError::NoPrincipal(arn.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident() -> Incident {
        Incident {
            id: IncidentId::new(jiff::civil::date(2026, 1, 2), [0, 0xab]),
            kind: IncidentKind::KeyCompromise,
            subject: "arn:aws:kms:eu-central-1:111122223333:key/0a1b".into(),
            opened_at: Timestamp::UNIX_EPOCH,
            opened_by: "erin".into(),
            reason: "GuardDuty finding".into(),
            compromised: Some(Compromised::Use),
            suspects: vec!["arn:aws:iam::111122223333:role/Ci".into()],
            rehearsal: false,
        }
    }

    #[test]
    fn an_incident_is_read_as_it_was_written() {
        let own = incident();
        let text = serde_json::to_string(&own).expect("JSON");
        assert!(text.contains("\"INC-20260102-00AB\"") && text.contains("\"key-compromise\""));
        assert_eq!(serde_json::from_str::<Incident>(&text).expect("read"), own);
        own.check().expect("it says all");
    }

    #[test]
    fn a_name_that_would_lead_out_of_a_folder_is_none() {
        for text in [
            "INC-20261128-../x",
            "INC-2026112-7F3A1",
            "inc-20261128-7F3A",
            "INC-20261128-7f3a",
            "",
        ] {
            assert!(text.parse::<IncidentId>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_response_rests_on_is_asked_for() {
        let unsaid = Incident {
            compromised: None,
            ..incident()
        };
        assert!(matches!(unsaid.check(), Err(IncidentError::Missing(_))));
        let unsaid = Incident {
            reason: " ".into(),
            ..incident()
        };
        assert!(matches!(unsaid.check(), Err(IncidentError::Missing(_))));
        let odd = Incident {
            kind: IncidentKind::Certificate,
            ..incident()
        };
        assert!(matches!(odd.check(), Err(IncidentError::NoKey(_))));
        let nobody = Incident {
            suspects: vec!["mallory".into()],
            ..incident()
        };
        assert!(matches!(nobody.check(), Err(IncidentError::NoPrincipal(_))));
    }
}
