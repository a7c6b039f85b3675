//! What AWS documents, as data: storage types and their defaults, TLS policies, token shapes.
//!
//! The tables live in `crates/facts/tables/*.toml`, each with its source and the day it was read,
//! and are embedded at build.

use crate::ServiceDefault;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// Whose key protects data when nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultProtection {
    /// Data lies in the clear.
    Unencrypted,
    /// A key that AWS owns and shares between customers.
    AwsOwnedKey,
    /// The account's AWS managed key of the service.
    AwsManagedKey,
    /// Amazon S3 managed keys.
    SseS3,
    /// The setting of the resource it belongs to or is made from.
    Inherits,
    /// Encrypted with the service's own key, outside the account's KMS.
    ServiceEncrypted,
    /// AWS's documents do not say.
    Unknown,
}

/// A row of the storage table: a resource type that stores data at rest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageType {
    /// CloudFormation type name.
    pub name: String,
    /// AWS's name of the service.
    pub service: String,
    /// What kind of store it is (`database`, `bucket`, …).
    pub noun: String,
    /// What part of the resource it is; empty for the resource as a whole.
    #[serde(default)]
    pub part: String,
    /// Path to each of the parts, from which the other paths go on; empty for the resource itself.
    #[serde(default)]
    pub at: String,
    /// Path of a property of the resource without which there is no such part; empty when there
    /// always is one.
    #[serde(default)]
    pub when: String,
    /// Path of the property that switches encryption on; empty when there is none.
    #[serde(default)]
    pub encrypted: String,
    /// Values of that property that mean on; empty for boolean true.
    #[serde(default)]
    pub encrypted_values: Vec<toml::Value>,
    /// Path of the property that names the key; empty when there is none. Of several, separated by
    /// `|`, one is there.
    #[serde(default)]
    pub key: String,
    /// Paths of the properties that switch encryption off when they are true.
    #[serde(default)]
    pub disabled: Vec<String>,
    /// What AWS does when the properties are absent.
    pub default: DefaultProtection,
    /// Paths of the properties that name what it takes its encryption from.
    #[serde(default)]
    pub inherits_from: Vec<String>,
    /// Alias of the AWS managed key, if the service has one.
    #[serde(default)]
    pub managed_alias: String,
    /// Whose key is used when encryption is on and no key is named.
    #[serde(default)]
    pub default_when_encrypted: Option<DefaultProtection>,
    /// Date the default took effect; empty when it always was so.
    #[serde(default)]
    pub since: String,
    /// The algorithm, where documented.
    #[serde(default)]
    pub algorithm: String,
    /// True when the setting cannot change without replacement.
    #[serde(default)]
    pub creation_only: bool,
    /// Title of the AWS document.
    pub doc: String,
    /// False when the row was not checked against AWS's documents.
    #[serde(default = "yes")]
    pub verified: bool,
    /// A remark for people.
    #[serde(default)]
    pub note: String,
}

fn yes() -> bool {
    true
}

impl StorageType {
    /// The source of the default, for facts that rest on it.
    pub fn service_default(&'static self) -> ServiceDefault {
        ServiceDefault {
            doc: &self.doc,
            since: &self.since,
        }
    }
}

/// A service, as a scan of an account reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannedService {
    /// Its IAM prefix.
    pub name: String,
    /// True when it is asked once an account.
    #[serde(default)]
    pub global: bool,
    /// True when its resources are in regions although it is global.
    #[serde(default)]
    pub by_region: bool,
    /// The types of which it tells.
    pub types: Vec<String>,
}

/// The services that a scan of an account reads.
pub fn scanned_services() -> &'static [ScannedService] {
    #[derive(Deserialize)]
    struct File {
        service: Vec<ScannedService>,
    }
    static ROWS: OnceLock<File> = OnceLock::new();
    let file = ROWS.get_or_init(|| {
        toml::from_str(include_str!("../tables/services.toml"))
            .expect("tables/services.toml is checked by a test")
    });
    &file.service
}

/// The row of a storage type, or `None` when the type stores no data or is not known.
pub fn storage_type(kind: &str) -> Option<&'static StorageType> {
    static TABLE: OnceLock<HashMap<&'static str, &'static StorageType>> = OnceLock::new();
    TABLE
        .get_or_init(|| {
            storage_types()
                .iter()
                .map(|row| (row.name.as_str(), row))
                .collect()
        })
        .get(kind)
        .copied()
}

/// Every row of the storage table: types that are stores as a whole.
pub fn storage_types() -> &'static [StorageType] {
    &storage().r#type
}

/// The stores inside resources of a type, beside what the type itself may be.
pub fn storage_parts(kind: &str) -> &'static [&'static StorageType] {
    static TABLE: OnceLock<HashMap<&'static str, Vec<&'static StorageType>>> = OnceLock::new();
    TABLE
        .get_or_init(|| {
            let mut table: HashMap<_, Vec<_>> = HashMap::new();
            for row in &storage().part {
                table.entry(row.name.as_str()).or_default().push(row);
            }
            table
        })
        .get(kind)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct Storage {
    r#type: Vec<StorageType>,
    part: Vec<StorageType>,
}

fn storage() -> &'static Storage {
    static ROWS: OnceLock<Storage> = OnceLock::new();
    ROWS.get_or_init(|| {
        toml::from_str(include_str!("../tables/storage.toml"))
            .expect("tables/storage.toml is checked by a test")
    })
}

/// True when a type is known: it stores data and stands in the storage table, or it is listed as
/// storing none. Custom resources and modules are never known.
pub fn is_known_type(kind: &str) -> bool {
    #[derive(Deserialize)]
    struct File {
        types: Vec<String>,
    }
    static TYPES: OnceLock<HashSet<String>> = OnceLock::new();
    storage_type(kind).is_some()
        || TYPES
            .get_or_init(|| {
                let file: File = toml::from_str(include_str!("../tables/not-storage.toml"))
                    .expect("tables/not-storage.toml is checked by a test");
                file.types.into_iter().collect()
            })
            .contains(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound() {
        let mut names = HashSet::new();
        for row in storage_types().iter().chain(&storage().part) {
            assert!(
                names.insert((&row.name, &row.part)),
                "{} {} stands twice",
                row.name,
                row.part
            );
            assert!(is_known_type(&row.name), "{} is no known type", row.name);
            assert!(!row.doc.is_empty(), "{} names no document", row.name);
            if row.default == DefaultProtection::AwsManagedKey
                || row.default_when_encrypted == Some(DefaultProtection::AwsManagedKey)
            {
                assert!(
                    row.managed_alias.starts_with("alias/aws/"),
                    "{}: alias of the AWS managed key",
                    row.name
                );
            }
        }
        assert!(is_known_type("AWS::EC2::VPC"));
        assert!(!is_known_type("Custom::Thing"));
    }
}
