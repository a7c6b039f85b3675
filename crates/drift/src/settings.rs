//! Whether the encryption settings of a template's resource are those of the live one.

use crate::keys::{live_label, same_protection};
use crate::model::{Certainty, Setting, Side};
use crate::tables::properties;
use crate::words::Words;
use lockfast_facts::nouns::{Channel, ChannelKind, Protection, Store, resolve_key};
use lockfast_facts::{Known, Read, Resource, ServiceDefault, Subject};
use lockfast_policy::{SwitchValue, switches};
use std::collections::BTreeMap;

/// How a setting compares.
#[derive(Clone, Debug)]
pub(crate) enum Compared {
    /// Both sides mean the same.
    Same,
    /// They do not.
    Differs {
        /// Both sides.
        setting: Setting,
        /// True when AWS changes it only by making the resource anew.
        creation_only: bool,
    },
    /// It cannot be told, because.
    Unknown(Setting, String),
}

/// The settings that concern encryption, by name, over all conditions of the template.
pub(crate) fn compare(
    words: &Words<'_>,
    template: &Resource,
    live: &Resource,
) -> BTreeMap<String, Compared> {
    let Some(running) = words.live.inventory.variants_of(live.id).next() else {
        return BTreeMap::new();
    };
    let mut all: BTreeMap<String, Vec<Compared>> = BTreeMap::new();
    for (variant, subject) in words.templates.variants_of(template.id).enumerate() {
        let mut add = |compared: Vec<(String, Compared)>| {
            for (name, compared) in compared {
                all.entry(name).or_default().push(compared);
            }
        };
        add(stores(words, subject, variant, running));
        add(channels(words, subject, variant, running));
        add(levers(words, subject, running));
        add(plain(words, subject, running));
        add(alias(words, subject, running));
    }
    let merge = |(name, cases): (String, Vec<Compared>)| {
        let merged = over_conditions(cases);
        (name, merged)
    };
    all.into_iter().map(merge).collect()
}

/// One answer over all conditions: what holds under each of them holds; what holds under some depends on them.
fn over_conditions(mut cases: Vec<Compared>) -> Compared {
    let same = cases
        .iter()
        .filter(|case| matches!(case, Compared::Same))
        .count();
    if same == cases.len() {
        return Compared::Same;
    }
    let open = cases
        .iter()
        .position(|case| matches!(case, Compared::Unknown(..)));
    if let Some(open) = open {
        return cases.swap_remove(open);
    }
    let some = same > 0;
    let differs = cases
        .into_iter()
        .find(|case| !matches!(case, Compared::Same));
    match differs {
        Some(Compared::Differs { setting, .. }) if some => {
            let why = "it is so under some conditions of the template, and which hold is not known"
                .to_owned();
            Compared::Unknown(setting, why)
        }
        Some(other) => other,
        None => Compared::Same,
    }
}

/// A fact, and how its value is told.
type Told<'a, T> = (&'a Known<T>, &'a dyn Fn(&T) -> String);

/// Compares two facts in words that mean the same on both sides.
fn facts<T, U>(
    words: &Words<'_>,
    name: &str,
    (template, said): Told<'_, T>,
    (live, told): Told<'_, U>,
    same: impl Fn(&T, &U) -> Result<bool, String>,
) -> Compared {
    let setting = Setting {
        name: name.to_owned(),
        template: Side::of(template, words.templates, said),
        live: Side::of(live, words.live.inventory, told),
    };
    match (template, live) {
        (Known::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => {
            let why = why.to_string();
            Compared::Unknown(setting, why)
        }
        (a, b) => match (a.value(), b.value()) {
            (Some(a), Some(b)) => match same(a, b) {
                Ok(true) => Compared::Same,
                Ok(false) => Compared::Differs {
                    setting,
                    creation_only: false,
                },
                Err(why) => Compared::Unknown(setting, why),
            },
            _ => Compared::Unknown(setting, "one of the sides is not known".into()),
        },
    }
}

/// Encryption at rest.
fn stores(
    words: &Words<'_>,
    subject: Subject<'_>,
    variant: usize,
    running: Subject<'_>,
) -> Vec<(String, Compared)> {
    let of = words
        .templates
        .stores_of(subject.id())
        .filter(|store| store.variant == variant);
    let live: Vec<&Store> = words.live.inventory.stores_of(running.id()).collect();
    let region = words.live.place_of(running.id()).1;
    let is_it = |store: &Store, other: &Store| {
        let same_part = other.part == store.part;
        // A global table's replica is a table of its own.
        let replica = store.spec.name != other.spec.name && Some(&store.part) == region.as_ref();
        same_part || replica
    };
    let mut compared = Vec::new();
    for store in of {
        let name = property(store, subject);
        let found = live.iter().find(|other| is_it(store, other));
        let result = match found {
            Some(other) => one_store(words, &name, store, other, running.resource),
            // Other regions' replicas are compared where they are.
            None if store.spec.name == "AWS::DynamoDB::GlobalTable" => continue,
            None => {
                let gone = Side {
                    value: "not told".into(),
                    certainty: Certainty::Unknown,
                    because: None,
                    place: words.live.inventory.place(running.resource.loc),
                };
                let template = Side::of(&store.protection, words.templates, |p| {
                    p.label(words.templates)
                });
                let setting = Setting {
                    name: name.clone(),
                    template,
                    live: gone,
                };
                Compared::Unknown(
                    setting,
                    format!("the snapshot does not tell of its {}", store.part),
                )
            }
        };
        compared.push((name, result));
    }
    compared
}

/// The property of a store that decides its encryption, as far as one does.
fn property(store: &Store, subject: Subject<'_>) -> String {
    let spec = store.spec;
    let names_key = !spec.key.is_empty()
        && spec.key.split('|').any(|path| {
            subject
                .each(&joined(&spec.at, path))
                .iter()
                .any(|read| !read.is_absent())
        });
    let path = match (names_key, spec.encrypted.as_str()) {
        (true, _) | (_, "") => spec.key.split('|').next().unwrap_or_default(),
        (false, encrypted) => encrypted,
    };
    let path = joined(&spec.at, path).replace(".*", "").replace("*.", "");
    let path = match path.is_empty() {
        true => "encryption at rest".to_owned(),
        false => path,
    };
    match store.part.is_empty() {
        true => path,
        false => format!("{path} ({})", store.part),
    }
}

fn joined(at: &str, path: &str) -> String {
    match at.is_empty() {
        true => path.to_owned(),
        false => format!("{at}.{path}"),
    }
}

fn one_store(
    words: &Words<'_>,
    name: &str,
    template: &Store,
    live: &Store,
    user: &Resource,
) -> Compared {
    let said = |p: &Protection| p.label(words.templates);
    let told = |p: &Protection| live_label(words, p);
    // That something is encrypted may be known where the key is not.
    if template.protection.unknown_key().is_some() && live.encrypted().value() == Some(&false) {
        let yes = |yes: &bool| {
            if *yes {
                "encrypted".to_owned()
            } else {
                "not encrypted".to_owned()
            }
        };
        let setting = Setting {
            name: name.to_owned(),
            template: Side::of(&template.encrypted(), words.templates, yes),
            live: Side::of(&live.protection, words.live.inventory, told),
        };
        return Compared::Differs {
            setting,
            creation_only: template.spec.creation_only,
        };
    }
    let same = |a: &Protection, b: &Protection| same_protection(words, user, a, b);
    match facts(
        words,
        name,
        (&template.protection, &said),
        (&live.protection, &told),
        same,
    ) {
        Compared::Differs { setting, .. } => Compared::Differs {
            setting,
            creation_only: template.spec.creation_only,
        },
        other => other,
    }
}

/// Encryption in transit.
fn channels(
    words: &Words<'_>,
    subject: Subject<'_>,
    variant: usize,
    running: Subject<'_>,
) -> Vec<(String, Compared)> {
    let all = words.templates.channels();
    let of = all
        .iter()
        .filter(|c| c.resource == subject.id() && c.variant == variant);
    let live = words.live.inventory.channels();
    let mut compared = Vec::new();
    for channel in of {
        let is_it = |other: &&Channel| {
            other.resource == running.id()
                && other.kind == channel.kind
                && (other.part == channel.part || one_of_a_kind(channel.kind))
        };
        // What is not live as a part (an origin, a port) has no encryption that could differ.
        let Some(other) = live.iter().find(is_it) else {
            continue;
        };
        let name = match channel.part.as_str() {
            "" => "encryption in transit".to_owned(),
            part => format!("encryption in transit ({part})"),
        };
        let label = |t: &lockfast_facts::nouns::Transport| t.label();
        let result = facts(
            words,
            &name,
            (&channel.transport, &label),
            (&other.transport, &label),
            |a, b| Ok(a == b),
        );
        compared.push((name, result));
    }
    compared
}

/// A listener is a resource, so there is one of it whatever its port.
fn one_of_a_kind(kind: ChannelKind) -> bool {
    matches!(kind, ChannelKind::Listener | ChannelKind::LatticeListener)
}

/// The switches of the policy's table.
fn levers(
    words: &Words<'_>,
    subject: Subject<'_>,
    running: Subject<'_>,
) -> Vec<(String, Compared)> {
    let live = switches(running);
    let shown = |value: &SwitchValue| value.shown.clone();
    let mut compared = Vec::new();
    for switch in switches(subject) {
        if let Some(other) = live.iter().find(|other| other.name == switch.name) {
            let same = |a: &SwitchValue, b: &SwitchValue| Ok(a.meant == b.meant);
            let result = facts(
                words,
                switch.name,
                (&switch.value, &shown),
                (&other.value, &shown),
                same,
            );
            compared.push((switch.name.to_owned(), result));
        }
    }
    compared
}

/// Properties that are compared as they stand.
fn plain(words: &Words<'_>, subject: Subject<'_>, running: Subject<'_>) -> Vec<(String, Compared)> {
    const DEFAULT: ServiceDefault = ServiceDefault {
        doc: "AWS CloudFormation Template Reference",
        since: "",
    };
    let said = |value: &String| value.clone();
    properties(subject.kind())
        .map(|row| {
            let read = |subject: Subject<'_>| {
                subject
                    .at(&row.name)
                    .string()
                    .or_default(row.default.clone(), DEFAULT)
            };
            let (template, live) = (read(subject), read(running));
            let same = |a: &String, b: &String| Ok(a.eq_ignore_ascii_case(b));
            let result = match facts(words, &row.name, (&template, &said), (&live, &said), same) {
                Compared::Differs { setting, .. } => Compared::Differs {
                    setting,
                    creation_only: row.creation_only,
                },
                other => other,
            };
            (row.name.clone(), result)
        })
        .collect()
}

/// Which key an alias means.
fn alias(words: &Words<'_>, subject: Subject<'_>, running: Subject<'_>) -> Vec<(String, Compared)> {
    const TARGET: &str = "TargetKeyId";
    if subject.kind() != "AWS::KMS::Alias" {
        return Vec::new();
    }
    let key = |inventory, of: Subject<'_>| match of.at(TARGET) {
        Read::Found(value, loc) => match resolve_key(inventory, of.resource, value) {
            Ok(key) => Known::Stated(Protection::Customer(key), loc),
            Err(why) => Known::Unknown(why, loc),
        },
        Read::Absent(loc) => Known::Unknown(
            std::sync::Arc::new(lockfast_facts::Why::NotGiven("the key of the alias".into())),
            loc,
        ),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
    };
    let template = key(words.templates, subject);
    let live = key(words.live.inventory, running);
    let said = |p: &Protection| p.label(words.templates);
    let told = |p: &Protection| live_label(words, p);
    let same = |a: &Protection, b: &Protection| same_protection(words, running.resource, a, b);
    vec![(
        TARGET.to_owned(),
        facts(words, TARGET, (&template, &said), (&live, &told), same),
    )]
}
