//! What would be hit by a key's deletion, as far as it is known.

use crate::canonical::{canonical, sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What hangs on a key. Its hash is what people approve: when it changes, they have approved something else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// The key.
    pub key_arn: String,
    /// What is encrypted with it.
    pub dependents: Vec<Dependent>,
    /// Who may use it by a grant.
    pub grants: Vec<Grant>,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// The regions, or ARNs, of its replicas.
    pub replicas: Vec<String>,
    /// When it was last used, as far as AWS tells.
    pub last_used: Option<Timestamp>,
    /// What could not be found out.
    pub unknowns: Vec<String>,
}

/// Something that is encrypted with a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependent {
    /// What it is: a type of resource.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// A grant of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Who it is for.
    pub grantee: String,
    /// What they may do.
    pub operations: Vec<String>,
}

impl Impact {
    /// The same in the order in which it is hashed: two looks at the same things are the same impact, in whatever order they
    /// were listed, and however often.
    #[must_use]
    pub fn sorted(&self) -> Self {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort();
            list.dedup();
        }
        let mut impact = self.clone();
        sort(&mut impact.dependents);
        impact
            .grants
            .iter_mut()
            .for_each(|grant| sort(&mut grant.operations));
        sort(&mut impact.grants);
        sort(&mut impact.aliases);
        sort(&mut impact.replicas);
        sort(&mut impact.unknowns);
        impact
    }

    /// SHA-256 of its canonical bytes.
    pub fn hash(&self) -> String {
        // Strings, lists of them and a time are always JSON.
        sha256(&canonical(&self.sorted()).unwrap_or_default())
    }

    /// Whether nothing hangs on the key, and that is known.
    pub fn is_clear(&self) -> bool {
        self.dependents.is_empty() && self.grants.is_empty() && self.unknowns.is_empty()
    }
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.name, self.arn)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.join(", ");
        write!(f, "grant {} to {} ({operations})", self.id, self.grantee)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_listing_does_not_matter_and_anything_else_does() {
        let dependent = |name: &str| Dependent {
            kind: "AWS::S3::Bucket".into(),
            name: name.into(),
            arn: format!("arn:aws:s3:::{name}"),
        };
        let impact = Impact {
            key_arn: "arn:aws:kms:eu-west-1:111111111111:key/a".into(),
            dependents: vec![dependent("a"), dependent("b")],
            grants: vec![Grant {
                id: "g".into(),
                grantee: "arn:aws:iam::111111111111:role/r".into(),
                operations: vec!["Decrypt".into(), "Encrypt".into()],
            }],
            ..Impact::default()
        };
        let mut other = impact.clone();
        other.dependents.reverse();
        other.dependents.push(dependent("b"));
        other.grants[0].operations.reverse();
        assert_eq!(impact.hash(), other.hash());
        let mut other = impact.clone();
        other.grants[0].operations.pop();
        assert_ne!(impact.hash(), other.hash());
        let mut other = impact.clone();
        other.last_used = Some(Timestamp::UNIX_EPOCH);
        assert_ne!(impact.hash(), other.hash());
        let mut other = impact.clone();
        other.aliases.push("alias/a".into());
        assert_ne!(impact.hash(), other.hash());
        let text = serde_json::to_string(&impact).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Impact>(&text).expect("an impact"),
            impact
        );
    }
}
