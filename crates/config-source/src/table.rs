//! The tables: how AWS Config records each type, and which types a scan reads.

use crate::lookup::Path;
use crate::shape::Step;
use lockfast_facts::tables::scanned_services;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypesFile {
    r#type: Vec<TypeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeRow {
    config: String,
    to: Option<String>,
    #[serde(default)]
    schema: bool,
    whole: Vec<String>,
    #[serde(default)]
    put: Vec<String>,
    #[serde(default)]
    spell: Vec<String>,
    #[serde(default)]
    rename: Vec<String>,
    #[serde(default)]
    drop: Vec<String>,
    name: Option<String>,
    #[serde(default)]
    when: Vec<String>,
    #[serde(default)]
    beside: Vec<BesideRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BesideRow {
    r#type: String,
    present: String,
    #[serde(default)]
    else_none: bool,
    put: Vec<String>,
}

/// A type.
pub(crate) struct Type {
    /// The CloudFormation type.
    pub kind: String,
    /// True when `configuration` has the shape of the CloudFormation schema.
    pub schema: bool,
    /// What every complete item has.
    pub whole: Vec<Path>,
    /// The properties.
    pub put: Vec<Put>,
    /// What of a `schema` configuration is no property.
    pub drop: Vec<String>,
    /// By the name in lower case: how CloudFormation writes it.
    pub names: HashMap<String, String>,
    /// What people know the resource by.
    pub name: Option<Source>,
    /// Other types for items with a value at a path.
    pub when: Vec<(Path, String, String)>,
    /// Resources beside it.
    pub beside: Vec<Beside>,
}

impl Type {
    /// Every type that an item may become or bring with it: an item of the one tells of all.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        let when = self.when.iter().map(|(_, _, kind)| kind.as_str());
        let beside = self.beside.iter().map(|beside| beside.kind.as_str());
        std::iter::once(self.kind.as_str())
            .chain(when)
            .chain(beside)
    }
}

/// A resource that CloudFormation has for a part of another.
pub(crate) struct Beside {
    /// Its type.
    pub kind: String,
    /// What tells whether there is one.
    pub present: Source,
    /// True when a complete item that lacks it tells that there is none.
    pub else_none: bool,
    /// The properties.
    pub put: Vec<Put>,
}

/// A property, and where it is from.
pub(crate) struct Put {
    /// The property.
    pub name: String,
    /// True when AWS always tells it, so that its absence tells nothing.
    pub always: bool,
    /// Where it is from; without a path, AWS Config does not record it.
    pub from: Source,
}

/// Where something stands in an item, and what is done with it.
pub(crate) struct Source {
    /// The first of these that is there.
    pub paths: Vec<Path>,
    /// What is done with it.
    pub steps: Vec<Step>,
}

/// A service, as a scan reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its IAM prefix.
    pub name: String,
    /// True when it is asked once an account.
    pub global: bool,
    /// True when its resources are in regions, whether or not it is global.
    pub by_region: bool,
}

/// The tables, indexed.
pub(crate) struct Tables {
    types: HashMap<String, Type>,
    services: BTreeMap<String, Service>,
}

impl Tables {
    /// The row of a type of AWS Config.
    pub(crate) fn of(&self, config: &str) -> Option<&Type> {
        self.types.get(config)
    }

    /// The service of a CloudFormation type. Types that no scan reads have the one that they are named after.
    pub(crate) fn service(&self, kind: &str) -> Service {
        self.services.get(kind).cloned().unwrap_or_else(|| Service {
            name: kind.split("::").nth(1).unwrap_or(kind).to_ascii_lowercase(),
            global: false,
            by_region: true,
        })
    }

    /// The types that a scan reads, and their services.
    pub(crate) fn scanned(&self) -> impl Iterator<Item = (&str, &Service)> {
        self.services
            .iter()
            .map(|(kind, service)| (kind.as_str(), service))
    }
}

/// The tables.
pub(crate) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let types: TypesFile =
        toml::from_str(include_str!("../types.toml")).expect("types.toml is tested");
    let types = types
        .r#type
        .into_iter()
        .map(|row| (row.config.clone(), of_row(row)));
    let services = scanned_services().iter().flat_map(|row| {
        let service = Service {
            name: row.name.clone(),
            global: row.global,
            by_region: row.by_region || !row.global,
        };
        let types = row.types.iter();
        types.map(move |kind| (kind.clone(), service.clone()))
    });
    Tables {
        types: types.collect(),
        services: services.collect(),
    }
});

fn of_row(row: TypeRow) -> Type {
    let spell = row
        .spell
        .into_iter()
        .map(|name| (name.to_ascii_lowercase(), name));
    let rename = row.rename.iter().map(|text| {
        let (theirs, ours) = text.split_once(" = ").expect("types.toml is tested");
        (theirs.to_ascii_lowercase(), ours.to_owned())
    });
    let when = row.when.iter().map(|text| {
        let mut words = text.split(' ').map(str::to_owned);
        let mut next = || words.next().expect("types.toml is tested");
        (Path::new(&next()), next(), next())
    });
    let beside = row.beside.iter().map(|row| Beside {
        kind: row.r#type.clone(),
        present: source(&row.present),
        else_none: row.else_none,
        put: row.put.iter().map(|text| put(text)).collect(),
    });
    Type {
        kind: row.to.unwrap_or(row.config),
        schema: row.schema,
        whole: row.whole.iter().map(|path| Path::new(path)).collect(),
        put: row.put.iter().map(|text| put(text)).collect(),
        drop: row.drop,
        names: spell.chain(rename).collect(),
        name: row.name.as_deref().map(source),
        when: when.collect(),
        beside: beside.collect(),
    }
}

fn put(text: &str) -> Put {
    let (name, from) = text.split_once('=').expect("types.toml is tested");
    let name = name.trim();
    Put {
        name: name.trim_end_matches('!').to_owned(),
        always: name.ends_with('!'),
        from: source(from),
    }
}

fn source(text: &str) -> Source {
    let mut parts = text.split('|').map(str::trim);
    let paths = parts.next().unwrap_or_default();
    Source {
        paths: paths
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(Path::new)
            .collect(),
        steps: parts
            .map(|step| Step::new(step).expect("types.toml is tested"))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_tables_are_well_formed() {
        for (config, row) in &TABLES.types {
            assert!(!row.whole.is_empty(), "{config}");
            let mut seen = HashSet::new();
            for put in &row.put {
                assert!(seen.insert(&put.name), "{config} {}", put.name);
                assert!(
                    put.always || !put.from.paths.is_empty(),
                    "{config} {}",
                    put.name
                );
            }
            for kind in row.kinds() {
                let known = lockfast_facts::tables::is_known_type(kind)
                    || kind == lockfast_snapshot::MANAGED_KEY
                    || TABLES.services.contains_key(kind);
                assert!(known, "{kind}");
            }
        }
    }

    /// Where the encryption of a store is stated must be told, or said to be unknown.
    #[test]
    fn every_store_of_the_tables_says_how_it_is_encrypted() {
        for (config, row) in TABLES.types.iter().filter(|(_, row)| !row.schema) {
            let Some(store) = lockfast_facts::tables::storage_type(&row.kind) else {
                continue;
            };
            for path in [&store.encrypted, &store.key] {
                let first = path.split(['.', '|']).next().unwrap_or_default();
                let told = first.is_empty() || row.put.iter().any(|put| put.name == first);
                assert!(told, "{config} tells nothing of {first}");
            }
        }
    }
}
