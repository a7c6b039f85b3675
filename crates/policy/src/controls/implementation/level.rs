//! What a switch is set to, and which of two is the weaker.

use super::settings::weakest;
use crate::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::OnceLock;

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// For people.
    shown: String,
    /// The same for all that mean the same.
    meant: String,
    rank: Option<i64>,
}

impl Level {
    pub(super) fn new(shown: impl Into<String>, rank: Option<i64>) -> Self {
        let shown = shown.into();
        Level {
            meant: shown.clone(),
            shown,
            rank,
        }
    }

    /// How strong it is, where that can be told.
    pub(super) fn rank(&self) -> Option<i64> {
        self.rank
    }

    pub(super) fn same(&self, other: &Level) -> bool {
        self.meant == other.meant
    }

    pub(super) fn is_weaker(&self, other: &Level) -> bool {
        matches!((self.rank, other.rank), (Some(own), Some(other)) if own < other)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A row of `switches.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    at: String,
    property: String,
    default: String,
    #[serde(default)]
    on: BTreeMap<String, f64>,
    #[serde(default)]
    order: Vec<String>,
    #[serde(default)]
    scale: Scale,
    /// Its place in a parameter group, whose names have dots in them.
    #[serde(skip)]
    is_parameter: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Order,
    Days,
    Policy,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    switch: Vec<Row>,
    parameter: Vec<Row>,
    variable: Vec<Row>,
}

/// The table, by type and by name.
pub(super) struct Table {
    by_type: HashMap<String, Vec<&'static Row>>,
    variables: &'static [Row],
}

/// `switches.toml`.
pub(super) fn table() -> &'static Table {
    static FILE: OnceLock<File> = OnceLock::new();
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let file = FILE.get_or_init(|| {
            let mut file: File = toml::from_str(include_str!("switches.toml"))
                .expect("switches.toml is exercised by the fixtures");
            file.parameter
                .iter_mut()
                .for_each(|row| row.is_parameter = true);
            file
        });
        let mut by_type: HashMap<String, Vec<&Row>> = HashMap::new();
        for row in file.switch.iter().chain(&file.parameter) {
            for kind in &row.types {
                by_type.entry(kind.clone()).or_default().push(row);
            }
        }
        Table {
            by_type,
            variables: &file.variable,
        }
    })
}

impl Table {
    /// The rows of a type.
    pub(super) fn of_type(&self, kind: &str) -> &[&'static Row] {
        self.by_type.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The row of an environment variable.
    pub(super) fn variable(&self, name: &str) -> Option<&'static Row> {
        self.variables.iter().find(|row| row.property == name)
    }

    /// The row of a setting of a type.
    pub(super) fn row(&self, kind: &str, name: &str) -> Option<&'static Row> {
        let of_type = self.of_type(kind).iter().copied();
        of_type.chain(self.variables).find(|row| row.name() == name)
    }
}

impl Row {
    /// The setting's name: the property, without the way to it unless that says what it is of.
    pub(super) fn name(&'static self) -> &'static str {
        match self.property.rsplit_once('.') {
            Some((_, last)) if last != "Enabled" && !self.is_parameter => last,
            _ => &self.property,
        }
    }

    /// What a resource sets; `None` when it leaves it to AWS.
    pub(super) fn read(&self, subject: Subject<'_>) -> Option<Known<Level>> {
        if self.is_parameter {
            let parameters = subject.at("Parameters").map_value().found()?;
            return self.known(parameters.get(&self.property)?.at("").string());
        }
        if self.at.is_empty() {
            return self.known(subject.at(&self.property).string());
        }
        let things: Vec<Read<String>> = subject
            .each(&self.at)
            .into_iter()
            .map(|thing| match thing {
                Read::Found(value, _) => value.at(&self.property).string(),
                Read::Unknown(why, loc) => Read::Unknown(why, loc),
                Read::Absent(loc) => Read::Absent(loc),
            })
            .collect();
        if things.iter().all(Read::is_absent) {
            return None;
        }
        let level = |thing: Read<String>| {
            let loc = thing.loc();
            self.known(thing)
                .unwrap_or_else(|| Known::Stated(self.by_default(subject), loc))
        };
        weakest(things.into_iter().map(level).collect())
    }

    fn known(&self, read: Read<String>) -> Option<Known<Level>> {
        match read {
            Read::Found(written, loc) => Some(Known::Stated(self.level(&written), loc)),
            Read::Unknown(why, loc) => Some(Known::Unknown(why, loc)),
            Read::Absent(_) => None,
        }
    }

    /// What AWS does without the property.
    pub(super) fn by_default(&self, subject: Subject<'_>) -> Level {
        let family = match self.on.is_empty() {
            true => None,
            false => subject.at("Family").string().found(),
        };
        let is_on = family.is_some_and(|family| {
            self.on.iter().any(|(engine, since)| {
                let version = family
                    .strip_prefix(engine.as_str())
                    .and_then(|v| v.parse::<f64>().ok());
                version.is_some_and(|version| version >= *since)
            })
        });
        let default = if is_on { "1" } else { &self.default };
        let level = self.level(default);
        Level {
            shown: format!("{default} by default"),
            ..level
        }
    }

    /// What a written value means.
    pub(super) fn level(&self, written: &str) -> Level {
        let lower = written.to_ascii_lowercase();
        let (meant, rank) = match self.scale {
            Scale::Days => (lower.clone(), lower.parse::<i64>().ok().map(|days| -days)),
            Scale::Policy => (written.to_owned(), policy_rank(written)),
            _ if self.order.is_empty() => {
                let is_on = match lower.as_str() {
                    "1" | "on" | "true" | "enabled" | "yes" => Some(true),
                    "0" | "off" | "false" | "disabled" | "none" | "no" => Some(false),
                    _ => None,
                };
                let meant = is_on.map_or(lower, |on| on.to_string());
                (
                    meant,
                    is_on.filter(|_| self.scale == Scale::Order).map(i64::from),
                )
            }
            _ => {
                let rank = self
                    .order
                    .iter()
                    .position(|value| value.eq_ignore_ascii_case(written));
                (lower, rank.and_then(|rank| i64::try_from(rank).ok()))
            }
        };
        Level {
            shown: written.to_owned(),
            meant,
            rank,
        }
    }
}

/// `Policy-Min-TLS-1-2-PFS-2023-10`: its version, and above that whether it adds to it.
fn policy_rank(name: &str) -> Option<i64> {
    let mut parts = name.split("-TLS-").nth(1)?.split('-');
    let (major, minor) = (
        parts.next()?.parse::<i64>().ok()?,
        parts.next()?.parse::<i64>().ok()?,
    );
    let adds = parts
        .next()
        .is_some_and(|part| part.starts_with(char::is_alphabetic));
    Some(major * 100 + minor * 10 + i64::from(adds))
}

/// An encryption setting of `switches.toml` on one resource.
pub struct Switch {
    /// Its name: the property, without the way to it unless that says what it is of.
    pub name: &'static str,
    /// What it is set to; of several things in one resource the weakest.
    pub value: Known<SwitchValue>,
}

/// What a [`Switch`] is set to.
#[derive(Clone, Debug)]
pub struct SwitchValue {
    /// As it is written.
    pub shown: String,
    /// The same for all values that mean the same (`true` and `enabled`).
    pub meant: String,
}

/// The encryption settings beside stores and channels that a resource has, with what AWS does where it sets none.
pub fn switches(subject: Subject<'_>) -> Vec<Switch> {
    const DEFAULT: ServiceDefault = ServiceDefault {
        doc: "AWS CloudFormation Template Reference",
        since: "",
    };
    let rows = table().of_type(subject.kind()).iter();
    rows.map(|row| {
        let known = row.read(subject).unwrap_or_else(|| {
            Known::Default(row.by_default(subject), DEFAULT, subject.resource.loc)
        });
        Switch {
            name: row.name(),
            value: known.map(|Level { shown, meant, .. }| SwitchValue { shown, meant }),
        }
    })
    .collect()
}

/// Whether resources of a type have such settings.
pub fn has_switches(kind: &str) -> bool {
    !table().of_type(kind).is_empty()
}
