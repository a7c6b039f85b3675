//! Which properties name another resource, as a table.

use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    global: Vec<String>,
    ref_is_arn: Vec<String>,
    link: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    to: String,
    from: Vec<String>,
}

/// The table, indexed.
pub(crate) struct Links {
    /// Types whose names are unique in an account, whatever the region.
    pub global: HashSet<String>,
    /// Types whose `Ref` gives the ARN.
    pub ref_is_arn: HashSet<String>,
    /// By type: paths and the types that they name.
    by_type: HashMap<String, Vec<(String, String)>>,
}

impl Links {
    /// The paths of a type that name others, and the types of those.
    pub(crate) fn of(&self, kind: &str) -> &[(String, String)] {
        self.by_type.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// The table of `links.toml`.
pub(crate) static LINKS: LazyLock<Links> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../links.toml")).expect("links.toml is tested");
    let mut by_type: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for row in file.link {
        for from in row.from {
            let (kind, path) = from.split_once(' ').expect("links.toml is tested");
            by_type
                .entry(kind.to_owned())
                .or_default()
                .push((path.to_owned(), row.to.clone()));
        }
    }
    Links {
        global: file.global.into_iter().collect(),
        ref_is_arn: file.ref_is_arn.into_iter().collect(),
        by_type,
    }
});

/// Whether `Ref` gives the ARN for a type. For others it gives a name or an id.
pub fn ref_is_arn(kind: &str) -> bool {
    LINKS.ref_is_arn.contains(kind)
}

/// Whether the names of a type are unique in an account, whatever the region.
pub fn is_global(kind: &str) -> bool {
    LINKS.global.contains(kind)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_well_formed() {
        assert!(super::LINKS.of("AWS::S3::BucketPolicy").len() == 1);
    }
}
