//! What changed between two snapshots.

use crate::{Error, Found, GAP, Reader, Record, Unit, unknown};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;

/// The changes, in the order of account, region, type and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Changes {
    /// One for each resource that is not the same.
    pub changes: Vec<Change>,
}

/// A resource that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// Twelve digits.
    pub account: String,
    /// The region, or `global`.
    pub region: String,
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its Amazon Resource Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// What happened to it.
    pub what: What,
}

/// What happened to a resource.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Whether it is still there is not known: its list could not be read this time.
    Unread,
    /// Properties differ.
    Changed(Vec<Difference>),
}

/// A property that differs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// Its dotted path.
    pub path: String,
    /// What it was; nothing when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is; nothing when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

impl Changes {
    /// How many resources are new.
    pub fn added(&self) -> usize {
        self.count(|what| *what == What::Added)
    }

    /// How many are gone.
    pub fn removed(&self) -> usize {
        self.count(|what| *what == What::Removed)
    }

    /// How many are still there and differ.
    pub fn changed(&self) -> usize {
        self.count(|what| matches!(what, What::Changed(_)))
    }

    fn count(&self, is: impl Fn(&What) -> bool) -> usize {
        self.changes
            .iter()
            .filter(|change| is(&change.what))
            .count()
    }
}

impl Change {
    /// `+`, `-`, `?` or `~`.
    pub fn sign(&self) -> &'static str {
        match self.what {
            What::Added => "+",
            What::Removed => "-",
            What::Unread => "?",
            What::Changed(_) => "~",
        }
    }

    /// What changed, for people: at most a few properties.
    pub fn told(&self) -> String {
        const SHOWN: usize = 4;
        let differences = match &self.what {
            What::Added => return "new".into(),
            What::Removed => return "gone".into(),
            What::Unread => return "its list could not be read".into(),
            What::Changed(differences) => differences,
        };
        let mut told: Vec<String> = differences
            .iter()
            .take(SHOWN)
            .map(|d| format!("{}: {} → {}", d.path, short(&d.old), short(&d.new)))
            .collect();
        if differences.len() > SHOWN {
            told.push(format!("{} more", differences.len() - SHOWN));
        }
        told.join("\n")
    }
}

fn short(value: &Option<Value>) -> String {
    const MOST: usize = 60;
    let Some(value) = value else {
        return "not there".into();
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => match unknown(map) {
            Some(failure) => format!(
                "unknown ({} gave no answer: {})",
                failure.call, failure.error
            ),
            None => value.to_string(),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// What a resource is, whichever snapshot it is in: account, region, type, ARN or name.
type Identity = (String, String, String, String);

/// What is kept of the earlier snapshot's resources: a hash each, so that both snapshots need not be in memory at once.
struct Earlier {
    hash: u64,
    name: String,
    arn: Option<String>,
}

/// Compares two snapshots.
///
/// # Errors
/// When one of them cannot be read to its end.
pub fn compare(old: &Path, new: &Path) -> Result<Changes, Error> {
    let mut earlier: BTreeMap<Identity, Earlier> = BTreeMap::new();
    each(old, |unit, found| {
        if found.name != GAP {
            let kept = Earlier {
                hash: hash(&found.properties),
                name: found.name.clone(),
                arn: found.arn.clone(),
            };
            earlier.insert(identity(unit, &found), kept);
        }
    })?;
    let mut gaps: Vec<(String, String, String)> = Vec::new();
    let mut changed: BTreeMap<Identity, Found> = BTreeMap::new();
    let mut changes: BTreeMap<Identity, Change> = BTreeMap::new();
    each(new, |unit, found| {
        let identity = identity(unit, &found);
        if found.name == GAP {
            gaps.push((identity.0, identity.1, identity.2));
            return;
        }
        match earlier.remove(&identity) {
            Some(before) if before.hash == hash(&found.properties) => {}
            Some(_) => {
                changed.insert(identity, found);
            }
            None => {
                let change = change(&identity, found.name, found.arn, What::Added);
                changes.insert(identity, change);
            }
        }
    })?;
    // Only what differs is looked at once more, property by property.
    each(old, |unit, before| {
        let identity = identity(unit, &before);
        if let Some(now) = changed.remove(&identity) {
            let mut differences = Vec::new();
            differ(
                "",
                Some(&before.properties),
                Some(&now.properties),
                &mut differences,
            );
            let change = change(&identity, now.name, now.arn, What::Changed(differences));
            changes.insert(identity, change);
        }
    })?;
    for (identity, gone) in earlier {
        let unread = gaps.iter().any(|(account, region, kind)| {
            (account, region, kind) == (&identity.0, &identity.1, &identity.2)
        });
        let what = if unread { What::Unread } else { What::Removed };
        let change = change(&identity, gone.name, gone.arn, what);
        changes.insert(identity, change);
    }
    Ok(Changes {
        changes: changes.into_values().collect(),
    })
}

fn each(path: &Path, mut work: impl FnMut(&Unit, Found)) -> Result<(), Error> {
    let mut unit = Unit::default();
    for record in Reader::open(path)? {
        match record? {
            Record::Unit(next) => unit = next,
            Record::Resource(found) => work(&unit, found),
            Record::Snapshot(_) | Record::End(_) => {}
        }
    }
    Ok(())
}

fn identity(unit: &Unit, found: &Found) -> Identity {
    let region = found.region.as_ref().unwrap_or(&unit.region);
    (
        unit.account.clone(),
        region.clone(),
        found.kind.clone(),
        found.arn.clone().unwrap_or_else(|| found.name.clone()),
    )
}

fn change(identity: &Identity, name: String, arn: Option<String>, what: What) -> Change {
    Change {
        account: identity.0.clone(),
        region: identity.1.clone(),
        kind: identity.2.clone(),
        name,
        arn,
        what,
    }
}

fn hash(value: &Value) -> u64 {
    fn go(value: &Value, hasher: &mut DefaultHasher) {
        match value {
            Value::Object(map) => {
                // The order of properties says nothing.
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(name, _)| name.as_str());
                entries.len().hash(hasher);
                for (name, value) in entries {
                    name.hash(hasher);
                    go(value, hasher);
                }
            }
            Value::Array(items) => {
                items.len().hash(hasher);
                items.iter().for_each(|item| go(item, hasher));
            }
            other => other.to_string().hash(hasher),
        }
    }
    let mut hasher = DefaultHasher::new();
    go(value, &mut hasher);
    hasher.finish()
}

/// The paths under which two values differ.
fn differ(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    if old == new {
        return;
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (old, new)
        && unknown(a).is_none()
        && unknown(b).is_none()
    {
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let below = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            differ(&below, a.get(name), b.get(name), found);
        }
        return;
    }
    found.push(Difference {
        path: path.to_owned(),
        old: old.cloned(),
        new: new.cloned(),
    });
}
