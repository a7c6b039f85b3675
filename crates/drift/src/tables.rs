//! What the comparison has to know of types, as data: `tables/*.toml`.

use lockfast_facts::tables::{storage_parts, storage_type};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    not_in_templates: HashSet<String>,
    made_by_aws: Vec<String>,
    also_concerned: HashSet<String>,
    made_by_tag: BTreeMap<String, String>,
    live_as: HashMap<String, String>,
    named_by: HashMap<String, String>,
    property: Vec<PropertyRow>,
    policy: Vec<PolicyRow>,
}

/// A property that is compared as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PropertyRow {
    r#type: String,
    /// Its name.
    pub name: String,
    /// What AWS does without it.
    pub default: String,
    /// True when no call changes it.
    #[serde(default)]
    pub creation_only: bool,
}

/// A type that holds a policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyRow {
    /// The type.
    pub r#type: String,
    /// The property with the document.
    pub document: String,
    /// The type of what the policy is about; empty when it is its own.
    #[serde(default)]
    pub owner: String,
    /// The property that names the owner.
    #[serde(default)]
    pub owned_by: String,
    /// The actions that matter; those of KMS come from the table of `access`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The action that stands for requests over plain HTTP.
    #[serde(default)]
    pub over_http: String,
    /// The document that AWS attaches when nobody gives one.
    #[serde(default)]
    pub default: String,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    toml::from_str(include_str!("../tables/types.toml")).expect("types.toml is read by every test")
});

/// By type: the service whose reader reads it.
static SCANNED: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let services: BTreeMap<String, Vec<String>> =
        toml::from_str(include_str!("../tables/scanned.toml"))
            .expect("scanned.toml is read by every test");
    let rows = services.into_iter();
    rows.flat_map(|(service, kinds)| kinds.into_iter().map(move |kind| (kind, service.clone())))
        .collect()
});

/// The service that reads a type, by its IAM prefix; none when no scan reads it.
pub(crate) fn scanned_by(kind: &str) -> Option<&'static str> {
    SCANNED.get(live_kind(kind)).map(String::as_str)
}

/// The type that live resources of a template's type have.
pub(crate) fn live_kind(kind: &str) -> &str {
    FILE.live_as.get(kind).map_or(kind, String::as_str)
}

/// True for types that have encryption settings, or are keys or what names them. Policies are looked at with what they
/// are about.
pub(crate) fn concerns(kind: &str) -> bool {
    let file = &*FILE;
    !file.not_in_templates.contains(kind)
        && (storage_type(kind).is_some()
            || !storage_parts(kind).is_empty()
            || file.also_concerned.contains(kind)
            || lockfast_policy::has_switches(kind))
}

/// True for what AWS makes in every account.
pub(crate) fn is_made_by_aws(kind: &str, name: &str) -> bool {
    let of_kind = FILE
        .made_by_aws
        .iter()
        .filter_map(|row| row.split_once(' '));
    of_kind
        .filter(|(of, _)| *of == kind)
        .any(|(_, named)| match named.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == named,
        })
}

/// The tags by which services mark what they make themselves, and what their values name.
pub(crate) fn maker_tags() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILE.made_by_tag
        .iter()
        .map(|(tag, what)| (tag.as_str(), what.as_str()))
}

/// The property by which a template may name a resource of a type.
pub(crate) fn named_by(kind: &str) -> Option<&'static str> {
    FILE.named_by.get(kind).map(String::as_str)
}

/// The properties of a type that are compared as they stand.
pub(crate) fn properties(kind: &str) -> impl Iterator<Item = &'static PropertyRow> {
    FILE.property.iter().filter(move |row| row.r#type == kind)
}

/// The policies that something of a type has: in itself, or in a resource beside it.
pub(crate) fn policies_of(kind: &str) -> impl Iterator<Item = &'static PolicyRow> + use<'_> {
    let is_of = move |row: &&PolicyRow| match row.owner.as_str() {
        "" => row.r#type == kind,
        owner => owner == kind,
    };
    FILE.policy.iter().filter(is_of)
}

/// The rows of policies that stand in a resource beside what they are about.
pub(crate) fn attached_policies() -> impl Iterator<Item = &'static PolicyRow> {
    FILE.policy.iter().filter(|row| !row.owner.is_empty())
}

/// The clause that a type is about: keys and what belongs to them, or encryption settings at large.
pub(crate) fn clause(kind: &str) -> &'static str {
    match kind.starts_with("AWS::KMS::") {
        true => "IAC-3",
        false => "IAC-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_types_that_are_known() {
        let known = |kind: &str| lockfast_facts::tables::is_known_type(kind);
        let file = &*FILE;
        for kind in SCANNED
            .keys()
            .chain(file.named_by.keys())
            .chain(&file.also_concerned)
        {
            assert!(known(kind), "{kind}");
        }
        assert!(file.policy.iter().all(|row| known(&row.r#type)));
        for clause in ["IAC-1", "IAC-3"] {
            assert!(lockfast_policy::clause(clause).is_some());
        }
        assert!(concerns("AWS::RDS::DBInstance") && concerns("AWS::KMS::Key"));
        assert!(!concerns("AWS::RDS::DBSnapshot") && !concerns("AWS::EC2::VPC"));
        assert!(is_made_by_aws(
            "AWS::RDS::DBParameterGroup",
            "default.postgres16"
        ));
    }
}
