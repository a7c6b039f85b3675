//! What is known, and why the rest is not.

use serde::{Serialize, Serializer};

/// Known, or unknown because. Serialises as the value, or as `{"$unknown": {"call", "error"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is so.
    Known(T),
    /// It cannot be told.
    Unknown(Unknown),
}

/// Why something is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The question.
    pub call: String,
    /// What came back.
    pub error: String,
}

impl<T> Fact<T> {
    /// Unknown, by its question and what came back.
    pub fn unknown(call: impl Into<String>, error: impl Into<String>) -> Self {
        Fact::Unknown(Unknown {
            call: call.into(),
            error: error.into(),
        })
    }

    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown(_) => None,
        }
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Mark<'a> {
            #[serde(rename = "$unknown")]
            unknown: &'a Unknown,
        }
        match self {
            Fact::Known(value) => value.serialize(serializer),
            Fact::Unknown(unknown) => Mark { unknown }.serialize(serializer),
        }
    }
}
