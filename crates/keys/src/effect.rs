//! What happens to what hangs on a key when the key cannot be used any more.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

/// How soon something stops without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// With the next call.
    Now,
    /// Within minutes to hours: a data key is kept in memory for a while.
    Soon,
    /// When it is next started, attached, restored or read.
    Later,
    /// When somebody needs the copy.
    Copy,
}

/// What happens to a kind of resource.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    types: Vec<String>,
    /// How soon.
    pub pace: Pace,
    /// What, in a sentence.
    pub text: String,
    /// AWS's document that tells.
    pub doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    other: Effect,
    effect: Vec<Effect>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../tables/effects.toml"))
        .expect("the embedded table is checked by a test")
});

static BY_TYPE: LazyLock<HashMap<&'static str, &'static Effect>> = LazyLock::new(|| {
    let each = TABLE.effect.iter();
    each.flat_map(|effect| effect.types.iter().map(move |kind| (kind.as_str(), effect)))
        .collect()
});

/// What happens to a resource of a CloudFormation type when its key is disabled or deleted.
pub fn effect_of(kind: &str) -> &'static Effect {
    BY_TYPE.get(kind).copied().unwrap_or(&TABLE.other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_stands_once_and_says_its_source() {
        let all = TABLE.effect.iter().flat_map(|effect| &effect.types).count();
        assert_eq!(all, BY_TYPE.len());
        assert!(
            TABLE
                .effect
                .iter()
                .all(|e| e.doc.contains("Guide") || e.doc.contains("Reference"))
        );
        assert_eq!(effect_of("AWS::S3::Bucket").pace, Pace::Now);
        assert_eq!(effect_of("AWS::Nobody::Knows").pace, Pace::Later);
    }
}
