//! The encryption settings of a resource, in words that can be compared between environments.

use crate::prelude::*;
use lockfast_facts::{Loc, Text};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One setting: what it is set to, or why that is unknown.
pub(super) struct Setting {
    /// What it is set to.
    pub value: Known<String>,
    /// For whose key: a customer managed key and a key of AWS are different, but may differ.
    pub is_key: bool,
}

/// Last names of the properties that decide encryption, beside what stores and channels say. A boolean
/// that is absent is false for all of them.
const PROPERTIES: [&str; 18] = [
    "rds.force_ssl",
    "require_secure_transport",
    "EnableKeyRotation",
    "RotationPeriodInDays",
    "TransitEncryption",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
    "BucketKeyEnabled",
    "ClusterEndpointEncryptionType",
    "ClientBroker",
    "InCluster",
    "EnforceHTTPS",
    "TLSSecurityPolicy",
    "CacheDataEncrypted",
    "IAMAuthenticationEnabled",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "PYTHONHTTPSVERIFY",
    "RequireTLS",
];

/// Every setting of a resource under one variant, by a name that is the same in every environment.
pub(super) fn of(cx: &Cx<'_>, subject: Subject<'_>, variant: usize) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    for store in cx
        .inventory
        .stores_of(subject.id())
        .filter(|s| s.variant == variant && s.spec.noun != "parameter")
    {
        let value = store.protection.clone().map(|p| match p {
            Protection::None => "not encrypted".to_owned(),
            Protection::Customer(_) => CUSTOMER_KEY.to_owned(),
            _ => AWS_KEY.to_owned(),
        });
        let name = match store.part.as_str() {
            "" => "encryption at rest".to_owned(),
            part => format!("encryption at rest of {part}"),
        };
        settings.insert(
            name,
            Setting {
                value,
                is_key: true,
            },
        );
    }
    properties(subject, &mut settings);
    settings
}

/// A store's protection, by whose key it is.
pub(super) const CUSTOMER_KEY: &str = "a customer managed key";
pub(super) const AWS_KEY: &str = "a key of AWS";

/// Adds what the channels of the inventory say, each to its resource.
pub(super) fn of_channels(cx: &Cx<'_>) -> BTreeMap<(ResourceId, usize), Vec<(String, Setting)>> {
    let mut settings: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for channel in cx.inventory.channels() {
        let value = channel.transport.clone().map(|transport| transport.label());
        let name = match channel.part.as_str() {
            "" => "encryption in transit".to_owned(),
            part => format!(
                "encryption in transit of {}",
                super::counterpart::key_of(part, "")
            ),
        };
        settings
            .entry((channel.resource, channel.variant))
            .or_default()
            .push((
                name,
                Setting {
                    value,
                    is_key: false,
                },
            ));
    }
    settings
}

fn properties(subject: Subject<'_>, settings: &mut BTreeMap<String, Setting>) {
    let mut modes: Vec<(String, Loc)> = Vec::new();
    subject.variant.properties.walk(&mut |path, value| {
        match &value.kind {
            Kind::Map(_) | Kind::List(_) | Kind::Null => return,
            Kind::Text(text) => ssl_modes(text, value.loc, &mut modes),
            _ => {}
        }
        let Some(name) = PROPERTIES.iter().find(|name| {
            path.strip_suffix(**name)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        }) else {
            return;
        };
        let known = match value.at("").string() {
            Read::Found(written, loc) => Known::Stated(written, loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            Read::Absent(_) => return,
        };
        // List positions differ between environments, so only the last name counts; of several the weakest is not told apart.
        settings.entry((*name).to_owned()).or_insert(Setting {
            value: known,
            is_key: false,
        });
    });
    environment_switches(subject, settings);
    if let Some((_, loc)) = modes.first() {
        let loc = *loc;
        let mut written: Vec<String> = modes.into_iter().map(|(mode, _)| mode).collect();
        written.sort();
        written.dedup();
        settings.insert(
            "sslmode".into(),
            Setting {
                value: Known::Stated(written.join(", "), loc),
                is_key: false,
            },
        );
    }
}

/// Switches in the environment of containers, which stand in lists of `Name` and `Value`.
fn environment_switches(subject: Subject<'_>, settings: &mut BTreeMap<String, Setting>) {
    if subject.kind() != "AWS::ECS::TaskDefinition" {
        return;
    }
    for entry in subject
        .each("ContainerDefinitions.*.Environment.*")
        .into_iter()
        .filter_map(Read::found)
    {
        let Read::Found(name, _) = entry.at("Name").string() else {
            continue;
        };
        if let Some(known) = PROPERTIES.iter().find(|property| **property == name)
            && let Read::Found(value, loc) = entry.at("Value").string()
        {
            let value = Known::Stated(value, loc);
            settings.insert(
                (*known).to_owned(),
                Setting {
                    value,
                    is_key: false,
                },
            );
        }
    }
}

/// What connection strings say of TLS (PostgreSQL documentation, "SSL Support").
fn ssl_modes(text: &Text, loc: Loc, modes: &mut Vec<(String, Loc)>) {
    static MODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"sslmode=([a-z-]+)").expect("the pattern is valid"));
    let written = match text {
        Text::Plain(s) if !s.contains("sslmode=") => return,
        other => other.render(|_| "\u{1}".to_owned()),
    };
    modes.extend(
        MODE.captures_iter(&written)
            .map(|found| (found[1].to_owned(), loc)),
    );
}
