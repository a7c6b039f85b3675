//! What is wrong with a certificate without making the chain invalid: one table, a function for each row.
//!
//! Sections of the Baseline Requirements are those of the CA/Browser Forum's "Baseline Requirements for the Issuance and
//! Management of Publicly-Trusted TLS Server Certificates", version 2. Rows that only it asks for are for public
//! certificates alone.

mod extensions;
mod key;
mod names;
mod number;
mod sending;
mod time;

use crate::certificate::{self, Certificate};
use crate::roots::Authority;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;

/// A lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Its name, in kebab case.
    pub id: &'static str,
    /// Which certificates it is about.
    pub about: About,
    /// The rule that it stands for.
    pub source: &'static str,
    look: fn(&Look<'_>) -> Option<String>,
}

/// Which certificates a lint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// All.
    Any,
    /// The server's own.
    Server,
    /// Those of issuers: all that come after the server's own, and whatever calls itself an authority.
    Issuer,
    /// All of a chain that leads to a public root.
    Public,
    /// The server's own, if the chain leads to a public root.
    PublicServer,
}

/// What a lint found. Serialises as an entry of `Lints`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// The lint's name.
    pub lint: &'static str,
    /// What it found.
    pub message: String,
    /// The rule that it stands for.
    pub source: &'static str,
}

/// A chain as it was sent.
pub(crate) struct Sent<'a> {
    pub certificates: &'a [Option<Certificate>],
    /// How many were sent, also beyond those looked at.
    pub in_all: usize,
    pub authority: Authority,
    /// The path that was found, by index.
    pub path: &'a [usize],
    pub anchored: bool,
    pub stapled: bool,
}

/// A certificate with all that a lint may look at.
struct Look<'a> {
    certificate: &'a Certificate,
    x509: &'a X509Certificate<'a>,
    index: usize,
    sent: &'a Sent<'a>,
}

const fn lint(
    id: &'static str,
    about: About,
    source: &'static str,
    look: fn(&Look<'_>) -> Option<String>,
) -> Lint {
    Lint {
        id,
        about,
        source,
        look,
    }
}

/// All lints, in the order in which they are told.
pub const LINTS: &[Lint] = {
    use About::{Any, Issuer, Public, PublicServer, Server};
    &[
        lint(
            "no-subject-alternative-name",
            Server,
            "RFC 9525, section 6.3; Baseline Requirements, section 7.1.2.7.12",
            names::none,
        ),
        lint(
            "common-name-not-in-subject-alternative-name",
            Server,
            "Baseline Requirements, section 7.1.4.3",
            names::common_name,
        ),
        lint(
            "malformed-name",
            Server,
            "RFC 5280, section 4.2.1.6; RFC 1034, section 3.5",
            names::malformed,
        ),
        lint(
            "underscore-in-name",
            Server,
            "RFC 5280, section 4.2.1.6; Baseline Requirements, section 7.1.2.7.12",
            names::underscore,
        ),
        lint(
            "misplaced-wildcard",
            Server,
            "RFC 9525, section 6.3; Baseline Requirements, section 3.2.2.6",
            names::wildcard,
        ),
        lint(
            "internal-name",
            PublicServer,
            "Baseline Requirements, section 7.1.2.7.12 (Internal Name)",
            names::internal,
        ),
        lint(
            "reserved-address",
            PublicServer,
            "Baseline Requirements, section 7.1.2.7.12 (Reserved IP Address)",
            names::reserved,
        ),
        lint(
            "validity-ends-before-it-begins",
            Any,
            "RFC 5280, section 4.1.2.5",
            time::negative,
        ),
        lint(
            "validity-too-long",
            PublicServer,
            "Baseline Requirements, section 6.3.2",
            time::too_long,
        ),
        lint(
            "time-encoding",
            Any,
            "RFC 5280, sections 4.1.2.5.1 and 4.1.2.5.2",
            time::encoding,
        ),
        lint(
            "broken-hash",
            Any,
            "RFC 6151; RFC 9155; Baseline Requirements, section 7.1.3.2",
            key::broken_hash,
        ),
        lint(
            "signature-algorithms-differ",
            Any,
            "RFC 5280, section 4.1.1.2",
            key::algorithms_differ,
        ),
        lint(
            "key-malformed",
            Any,
            "RFC 5280, section 4.1.2.7; RFC 3279, section 2.3",
            key::malformed,
        ),
        lint(
            "rsa-key-too-small",
            Any,
            "Baseline Requirements, section 6.1.5; NIST SP 800-131A, section 3",
            key::rsa_small,
        ),
        lint(
            "rsa-modulus-odd-size",
            Any,
            "Baseline Requirements, section 6.1.5",
            key::rsa_size_multiple,
        ),
        lint(
            "rsa-exponent-invalid",
            Any,
            "RFC 8017, section 3.1; Baseline Requirements, section 6.1.6",
            key::exponent_invalid,
        ),
        lint(
            "rsa-exponent-small",
            Any,
            "Baseline Requirements, section 6.1.6; NIST SP 800-56B, section 6.2",
            key::exponent_small,
        ),
        lint(
            "key-type-not-allowed",
            Public,
            "Baseline Requirements, sections 6.1.5 and 7.1.3.1",
            key::kind,
        ),
        lint(
            "serial-number-not-positive",
            Any,
            "RFC 5280, section 4.1.2.2",
            number::not_positive,
        ),
        lint(
            "serial-number-too-long",
            Any,
            "RFC 5280, section 4.1.2.2",
            number::too_long,
        ),
        lint(
            "serial-number-guessable",
            Public,
            "Baseline Requirements, section 7.1.2.7",
            number::guessable,
        ),
        lint(
            "not-version-3",
            Any,
            "RFC 5280, section 4.1.2.1; Baseline Requirements, section 7.1.1",
            extensions::version,
        ),
        lint(
            "unique-identifier",
            Any,
            "RFC 5280, section 4.1.2.8",
            extensions::unique_identifier,
        ),
        lint(
            "extension-twice",
            Any,
            "RFC 5280, section 4.2",
            extensions::twice,
        ),
        lint(
            "extension-malformed",
            Any,
            "RFC 5280, section 4.2",
            extensions::malformed,
        ),
        lint(
            "authority-without-basic-constraints",
            Issuer,
            "RFC 5280, section 4.2.1.9",
            extensions::no_basic_constraints,
        ),
        lint(
            "basic-constraints-not-critical",
            Issuer,
            "RFC 5280, section 4.2.1.9",
            extensions::basic_constraints_not_critical,
        ),
        lint(
            "authority-as-server",
            Server,
            "Baseline Requirements, section 7.1.2.7.8",
            extensions::authority_as_server,
        ),
        lint(
            "key-usage-missing",
            Any,
            "RFC 5280, section 4.2.1.3",
            extensions::no_key_usage,
        ),
        lint(
            "key-usage-without-signing",
            Issuer,
            "RFC 5280, sections 4.2.1.3 and 4.2.1.9",
            extensions::cannot_sign,
        ),
        lint(
            "key-usage-of-authority",
            Server,
            "RFC 5280, section 4.2.1.3; Baseline Requirements, section 7.1.2.7.11",
            extensions::server_signs,
        ),
        lint(
            "extended-key-usage-missing",
            Server,
            "RFC 5280, section 4.2.1.12; Baseline Requirements, section 7.1.2.7.10",
            extensions::no_extended_key_usage,
        ),
        lint(
            "server-authentication-missing",
            Server,
            "RFC 5280, section 4.2.1.12; Baseline Requirements, section 7.1.2.7.10",
            extensions::no_server_authentication,
        ),
        lint(
            "any-extended-key-usage",
            Server,
            "RFC 5280, section 4.2.1.12; Baseline Requirements, section 7.1.2.7.10",
            extensions::any_usage,
        ),
        lint(
            "authority-key-identifier-missing",
            Any,
            "RFC 5280, section 4.2.1.1",
            extensions::no_authority_key_identifier,
        ),
        lint(
            "subject-key-identifier-missing",
            Issuer,
            "RFC 5280, section 4.2.1.2",
            extensions::no_subject_key_identifier,
        ),
        lint(
            "no-revocation-information",
            PublicServer,
            "Baseline Requirements, sections 7.1.2.7.7 and 7.1.2.11.2",
            extensions::no_revocation,
        ),
        lint(
            "no-issuer-address",
            PublicServer,
            "RFC 5280, section 4.2.2.1; Baseline Requirements, section 7.1.2.7.7",
            extensions::no_issuer_address,
        ),
        lint(
            "must-staple-without-staple",
            Server,
            "RFC 7633, section 4",
            sending::no_staple,
        ),
        lint(
            "too-many-certificates",
            Server,
            "RFC 8446, section 4.4.2",
            sending::too_many,
        ),
        lint(
            "out-of-order",
            Any,
            "RFC 5246, section 7.4.2; RFC 8446, section 4.4.2",
            sending::out_of_order,
        ),
        lint("sent-twice", Any, "RFC 8446, section 4.4.2", sending::twice),
        lint("root-sent", Any, "RFC 8446, section 4.4.2", sending::root),
        lint(
            "superfluous",
            Any,
            "RFC 8446, section 4.4.2",
            sending::superfluous,
        ),
    ]
};

/// What the lints find in each certificate.
pub(crate) fn look(sent: &Sent<'_>) -> Vec<Vec<Finding>> {
    let of = |(index, certificate): (usize, &Option<Certificate>)| {
        let certificate = certificate.as_ref()?;
        let x509 = certificate::parsed(&certificate.der).ok()?;
        let look = Look {
            certificate,
            x509: &x509,
            index,
            sent,
        };
        let findings = LINTS
            .iter()
            .filter(|lint| look.is_about(lint.about))
            .filter_map(|lint| {
                Some(Finding {
                    lint: lint.id,
                    message: (lint.look)(&look)?,
                    source: lint.source,
                })
            });
        Some(findings.collect())
    };
    sent.certificates
        .iter()
        .enumerate()
        .map(|each| of(each).unwrap_or_default())
        .collect()
}

impl Look<'_> {
    fn is_about(&self, about: About) -> bool {
        let public = self.sent.authority == Authority::Public;
        match about {
            About::Any => true,
            About::Server => self.index == 0,
            About::Issuer => self.index > 0 || self.certificate.is_authority,
            About::Public => public,
            About::PublicServer => public && self.index == 0,
        }
    }
}

/// The first few of many, in words.
fn some(of: impl IntoIterator<Item = String>) -> Option<String> {
    let all: Vec<String> = of.into_iter().collect();
    match all.len() {
        0 => None,
        1..=3 => Some(all.join(", ")),
        many => Some(format!("{} and {} more", all[..3].join(", "), many - 3)),
    }
}

#[cfg(test)]
mod tests;
