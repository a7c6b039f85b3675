//! The policy's clauses, as data.

use lockfast_facts::Origin;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A kind of source that a clause can be decided from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Templates, before deployment.
    Iac,
    /// The AWS account.
    Live,
    /// A network endpoint seen from outside.
    Probe,
    /// CloudTrail records.
    Trail,
    /// A dated, signed statement by a named role.
    Attest,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Iac => "iac",
            Kind::Live => "live",
            Kind::Probe => "probe",
            Kind::Trail => "trail",
            Kind::Attest => "attest",
        })
    }
}

impl From<Origin> for Kind {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Templates => Kind::Iac,
            Origin::Live => Kind::Live,
            Origin::Network => Kind::Probe,
            Origin::Logs => Kind::Trail,
        }
    }
}

/// One thing the policy asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its id, such as `RDS-1`.
    pub id: String,
    /// The chapter: `data-at-rest`, `data-in-transit`, `keys`, `implementation`, `incident-response`.
    pub chapter: String,
    /// A few words.
    pub title: String,
    /// What it asks, in a sentence or two.
    pub asks: String,
    /// What it can be decided from.
    pub sources: Vec<Kind>,
}

/// Every clause, in the policy's order.
pub fn clauses() -> &'static [Clause] {
    #[derive(Deserialize)]
    struct File {
        clause: Vec<Clause>,
    }
    static ROWS: OnceLock<Vec<Clause>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let file: File = toml::from_str(include_str!("../clauses.toml"))
            .expect("clauses.toml is checked by a test");
        file.clause
    })
}

/// The clause of an id, whatever its case.
pub fn clause(id: &str) -> Option<&'static Clause> {
    clauses().iter().find(|c| c.id.eq_ignore_ascii_case(id))
}
