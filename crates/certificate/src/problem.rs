//! What makes a chain not valid.

use serde::Serialize;
use std::fmt;

/// Why a chain is not valid, or will be refused by many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Problem {
    /// Its kind.
    #[serde(rename = "Problem")]
    pub kind: ProblemKind,
    /// What is wrong, with the facts.
    pub message: String,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Its last second is over (RFC 5280, section 4.1.2.5).
    Expired,
    /// Its first second is to come.
    NotYetValid,
    /// The host is none of its names (RFC 9525, section 6).
    NameMismatch,
    /// The server's certificate names itself as its issuer, and is not trusted as it is.
    SelfSigned,
    /// The chain ends with an issuer that is not among the roots.
    UnknownIssuer,
    /// The server does not send the certificate that issued its own (RFC 8446, section 4.4.2).
    MissingIntermediate,
    /// A certificate of the path is not for what it is used for: extKeyUsage, basicConstraints, nameConstraints.
    WrongUsage,
    /// A signature was not made by the key it is said to be of.
    BadSignature,
    /// A signature by a broken hash or a key that is too small (RFC 9155; Baseline Requirements, section 6.1.5).
    WeakSignature,
    /// Its issuer says that it is revoked.
    Revoked,
    /// It asks for a stapled OCSP response, and the server staples none (RFC 7633, section 4.2.3): clients that look for it break off.
    MissingStaple,
    /// A certificate that verifiers cannot read, or refuse to for its form.
    Malformed,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProblemKind::Expired => "expired",
            ProblemKind::NotYetValid => "not-yet-valid",
            ProblemKind::NameMismatch => "name-mismatch",
            ProblemKind::SelfSigned => "self-signed",
            ProblemKind::UnknownIssuer => "unknown-issuer",
            ProblemKind::MissingIntermediate => "missing-intermediate",
            ProblemKind::WrongUsage => "wrong-usage",
            ProblemKind::BadSignature => "bad-signature",
            ProblemKind::WeakSignature => "weak-signature",
            ProblemKind::Revoked => "revoked",
            ProblemKind::MissingStaple => "missing-staple",
            ProblemKind::Malformed => "malformed",
        })
    }
}

impl ProblemKind {
    pub(crate) fn because(self, message: impl Into<String>) -> Problem {
        Problem {
            kind: self,
            message: message.into(),
        }
    }
}
