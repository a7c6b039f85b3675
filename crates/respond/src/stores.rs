//! What it takes to bring each kind of store under another key: a table, with AWS's documents.
//!
//! It lies in `tables/stores.toml`. A type that it lacks is never left out: [`lacking`] says so, as a step for people.

use crate::incident::Compromised;
use crate::plan::{Downtime, OldData};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A row: types that are brought under another key alike.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The CloudFormation types.
    pub types: Vec<String>,
    /// AWS's name of the service.
    pub service: String,
    /// A word for names of steps (`s3`).
    pub short: String,
    /// AWS's document.
    pub doc: String,
    /// False where some of it was inferred, or seen in one document only.
    #[serde(default = "yes")]
    pub sure: bool,
    /// How it comes to use another key for what is stored from now on, where that is a call of its own.
    #[serde(default)]
    pub repoint: Option<Repoint>,
    /// What to do when the use of the key was compromised.
    #[serde(rename = "use")]
    pub rewrap: Way,
    /// What to do when data keys may be known; the same where there is nothing.
    #[serde(default)]
    pub data_keys: Option<Way>,
    /// How it gets a value that nobody knows yet.
    #[serde(default)]
    pub new_values: Vec<String>,
}

/// How a store comes to use another key for what is stored from now on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Repoint {
    /// The API actions.
    pub calls: Vec<String>,
    /// How it is known to be done.
    pub verified_by: String,
}

/// What is done with a store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// What does it, where a person need not.
    #[serde(default)]
    pub automatic: Option<Automatic>,
    /// The API actions.
    pub calls: Vec<String>,
    /// What becomes of the data that is there already.
    pub old_data: OldData,
    /// What does not work meanwhile.
    #[serde(default)]
    pub downtime: Downtime,
    /// What is under the old key afterwards, too.
    #[serde(default)]
    pub stays: Option<String>,
    /// How it is known to be done.
    pub verified_by: String,
    /// The commands, with places for the resource's names.
    pub commands: Vec<String>,
    /// What else to know.
    #[serde(default)]
    pub note: Option<String>,
}

/// What does it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Automatic {
    /// Objects' data keys are wrapped anew.
    BucketRewrap,
    /// Objects are copied.
    BucketCopy,
    /// A DynamoDB table.
    Table,
    /// A secret.
    Secret,
    /// A parameter.
    Parameter,
    /// A queue.
    Queue,
    /// A topic.
    Topic,
    /// A log group.
    LogGroup,
    /// A data stream.
    Stream,
    /// A function.
    Function,
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    store: Vec<Store>,
}

/// A table that cannot be read is empty, and then each store is a step for people; a test reads it.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../tables/stores.toml")).unwrap_or_default());

static BY_TYPE: LazyLock<HashMap<&'static str, &'static Store>> = LazyLock::new(|| {
    let rows = TABLE.store.iter();
    rows.flat_map(|row| row.types.iter().map(move |kind| (kind.as_str(), row)))
        .collect()
});

/// All rows.
pub fn all() -> &'static [Store] {
    &TABLE.store
}

/// The row of a CloudFormation type.
pub fn of(kind: &str) -> Option<&'static Store> {
    BY_TYPE.get(kind).copied()
}

impl Store {
    /// What is done with it, by what was compromised.
    pub fn way(&self, compromised: Compromised) -> &Way {
        match compromised {
            Compromised::Use => &self.rewrap,
            Compromised::DataKeys | Compromised::Plaintext => {
                self.data_keys.as_ref().unwrap_or(&self.rewrap)
            }
        }
    }
}

/// What is done with a resource of a type that the table lacks: somebody looks.
pub fn lacking(kind: &str) -> Way {
    Way {
        automatic: None,
        calls: Vec::new(),
        old_data: OldData::Immutable,
        downtime: Downtime::Outage("not known: it may have to be made anew".into()),
        stays: Some("not known: all that it holds, until somebody looked".into()),
        verified_by: "somebody looked, and says what they saw".into(),
        commands: vec![
            "aws cloudcontrol get-resource --type-name {kind} --identifier {name} --region {region}   # which key does it name?".into(),
            "# look up in its documentation whether its key can be changed, and what becomes of old data".into(),
            "aws cloudcontrol update-resource --type-name {kind} --identifier {name} --patch-document file://key.json --region {region}   # if it can".into(),
        ],
        note: Some(format!(
            "Lockfast's table of stores does not have {kind}: nothing is known of what it keeps under the key"
        )),
    }
}

/// What the places in commands stand for.
#[derive(Clone, Debug, Default)]
pub struct Names<'n> {
    /// Its CloudFormation type.
    pub kind: &'n str,
    /// Its name, as its service calls it.
    pub name: &'n str,
    /// Its ARN.
    pub arn: Option<&'n str>,
    /// Its account.
    pub account: Option<&'n str>,
    /// Its region.
    pub region: Option<&'n str>,
    /// The key that is left.
    pub old_key: &'n str,
}

impl Names<'_> {
    /// Commands to be pasted into a shell: names are quoted where a shell would read more than a name in them.
    pub fn fill(&self, commands: &[String]) -> Vec<String> {
        let or = |known: Option<&str>, variable: &str| {
            known.map_or_else(|| format!("\"${variable}\""), quoted)
        };
        let places = [
            ("{kind}", quoted(self.kind)),
            ("{name}", quoted(self.name)),
            ("{arn}", quoted(self.arn.unwrap_or(self.name))),
            ("{account}", or(self.account, "ACCOUNT")),
            ("{region}", or(self.region, "REGION")),
            ("{old_key}", quoted(self.old_key)),
        ];
        commands.iter().map(|line| filled(line, &places)).collect()
    }
}

/// One pass over the line: a name that itself looks like a place is left as it is.
fn filled(line: &str, places: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match places.iter().find(|(place, _)| from.starts_with(place)) {
            Some((place, value)) => {
                text.push_str(value);
                rest = from.get(place.len()..).unwrap_or_default();
            }
            None => {
                text.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
    text
}

/// A word that a POSIX shell takes as it is.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The table in Markdown, for `lockfast respond stores` and the documentation.
pub fn to_markdown() -> String {
    let mut text = String::from(
        "| store | when | calls | old data | downtime | what stays under the old key | verified by | by |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in all() {
        let both = row.data_keys.as_ref();
        let first = match both {
            Some(_) => "use of the key",
            None => "any",
        };
        let ways = [(first, Some(&row.rewrap)), ("data keys, plaintext", both)];
        for (when, way) in ways.iter().filter_map(|(when, way)| Some((*when, (*way)?))) {
            let mark = if row.sure { "" } else { " [check]" };
            let by = match way.automatic {
                Some(_) => "Lockfast",
                None => "people",
            };
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {}{mark} | {when} | {} | {} | {} | {} | {} | {by} |",
                row.service,
                way.calls.join(", "),
                way.old_data,
                way.downtime,
                way.stays.as_deref().unwrap_or("nothing"),
                way.verified_by,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::tables::{is_known_type, storage_type};
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let table: Result<Table, _> = toml::from_str(include_str!("../tables/stores.toml"));
        let table = table
            .map_err(|error| error.message().to_owned())
            .expect("the table is read");
        assert!(table.store.len() > 40);
        let (mut types, mut shorts) = (HashSet::new(), HashSet::new());
        for row in &table.store {
            assert!(shorts.insert(&row.short), "{} stands twice", row.short);
            assert!(row.doc.contains('"'), "{} names no document", row.short);
            for kind in &row.types {
                assert!(types.insert(kind), "{kind} stands twice");
            }
            for way in [Some(&row.rewrap), row.data_keys.as_ref()]
                .into_iter()
                .flatten()
            {
                assert!(
                    !way.commands.is_empty() && !way.calls.is_empty(),
                    "{}",
                    row.short
                );
                assert!(!way.verified_by.is_empty(), "{}", row.short);
                assert!(
                    way.stays.is_some() || way.old_data != OldData::NewOnly,
                    "{}: old data stays, and it is not said where",
                    row.short
                );
                for call in &way.calls {
                    assert!(call.contains(':'), "{call} names no service");
                    assert!(!call.starts_with("kms:Disable") && !call.starts_with("kms:Schedule"));
                }
                for line in &way.commands {
                    assert!(!line.contains("disable-key"), "{line}");
                }
            }
        }
    }

    #[test]
    fn every_type_is_one_of_the_facts() {
        // CloudFormation has no types of these: a snapshot or a trail tells of them.
        const BESIDE: [&str; 5] = [
            "AWS::RDS::DBClusterSnapshot",
            "AWS::RDS::DBInstanceAutomatedBackup",
            "AWS::Redshift::ClusterSnapshot",
            "AWS::Backup::RecoveryPoint",
            "Lockfast::ClientSide::Envelope",
        ];
        let beside = |kind: &str| BESIDE.contains(&kind);
        let unknown: Vec<&str> = all()
            .iter()
            .flat_map(|row| &row.types)
            .map(String::as_str)
            .filter(|kind| !beside(kind) && !is_known_type(kind) && storage_type(kind).is_none())
            .collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn a_name_is_a_word_whatever_stands_in_it() {
        let names = Names {
            kind: "AWS::Logs::LogGroup",
            name: "/a'; $(reboot) {arn}",
            arn: Some("arn:aws:logs:eu-central-1:111122223333:log-group:a"),
            region: None,
            ..Names::default()
        };
        let filled = names.fill(&["x {name} {arn} {region} {other} --region".to_owned()]);
        assert_eq!(
            filled[0],
            r#"x '/a'\''; $(reboot) {arn}' arn:aws:logs:eu-central-1:111122223333:log-group:a "$REGION" {other} --region"#
        );
    }

    #[test]
    fn no_place_is_left_open() {
        let names = Names {
            kind: "k",
            name: "n",
            ..Names::default()
        };
        for row in all() {
            let ways = [Some(&row.rewrap), row.data_keys.as_ref()];
            let lines = ways.into_iter().flatten().flat_map(|way| &way.commands);
            let lines: Vec<String> = lines.chain(&row.new_values).cloned().collect();
            for line in names.fill(&lines) {
                for place in [
                    "{name}",
                    "{arn}",
                    "{region}",
                    "{account}",
                    "{old_key}",
                    "{part}",
                ] {
                    assert!(!line.contains(place), "{line}");
                }
            }
        }
    }

    #[test]
    fn what_was_compromised_chooses_the_way() {
        let bucket = of("AWS::S3::Bucket").expect("a row");
        let way = |compromised| bucket.way(compromised);
        assert_eq!(way(Compromised::Use).old_data, OldData::Rewrapped);
        assert_eq!(way(Compromised::DataKeys).old_data, OldData::Copied);
        assert_eq!(way(Compromised::Plaintext).old_data, OldData::Copied);
        assert!(of("AWS::Nobody::Knows").is_none());
        let way = lacking("AWS::Nobody::Knows");
        assert!(way.automatic.is_none() && way.note.is_some_and(|note| note.contains("Nobody")));
    }

    #[test]
    fn the_table_prints() {
        let text = to_markdown();
        assert!(
            text.lines().all(|line| line.matches('|').count() == 9),
            "{text}"
        );
    }
}
