//! An item as resources.

use crate::CONFIG;
use crate::item::{Item, Status};
use crate::lookup::{Told, get, unwrapped};
use crate::shape::{Setting, Shaped, capital};
use crate::table::{Beside, Put, Source, TABLES, Type};
use lockfast_facts::tables::{is_known_type, storage_type};
use lockfast_snapshot::{Failure, Found, GAP};
use serde_json::{Map, Value};

/// The mark of what is not known.
pub(crate) fn unknown(error: &str) -> Value {
    let failure = Failure {
        call: CONFIG.to_owned(),
        error: error.to_owned(),
    };
    failure.unknown()
}

/// The resources that an item tells of: mostly one, none when CloudFormation has no such type, more where it has resources
/// for parts of this one.
pub(crate) fn convert(item: &Item, cover: fn(&str, &str) -> String) -> Vec<Found> {
    let mut found = match TABLES.of(&item.kind) {
        Some(row) => by_row(item, row),
        None => as_it_is(item).into_iter().collect(),
    };
    for one in &mut found {
        if let Value::Object(map) = &mut one.properties
            && lockfast_snapshot::unknown(map).is_none()
        {
            for (name, value) in map {
                crate::secrets::cover(name, value, cover);
            }
        }
    }
    found
}

fn by_row(item: &Item, row: &Type) -> Vec<Found> {
    let setting = Setting {
        names: &row.names,
        account: &item.account,
    };
    // An extract leaves out when it was taken, too.
    let whole =
        item.captured.is_some() && row.whole.iter().all(|path| path.of(item) != Told::Missing);
    let reader = Reader {
        item,
        whole,
        setting,
    };
    let is_told = item.status == Status::There
        && !(item.configuration.is_null() && item.supplementary.is_null());
    let properties = match is_told {
        true => Value::Object(reader.properties(row)),
        false => unknown("AWS Config does not record it"),
    };
    let kind = row
        .when
        .iter()
        .find(|(path, value, _)| match path.of(item) {
            Told::Value(told) => told
                .as_str()
                .is_some_and(|told| told.eq_ignore_ascii_case(value)),
            _ => false,
        });
    let name = row
        .name
        .as_ref()
        .and_then(|source| match reader.read(source) {
            Read::Shaped(Ok(Some(Value::String(name)))) => Some(name),
            _ => None,
        });
    let name = name.unwrap_or_else(|| named(item));
    let mut found = vec![Found {
        kind: kind.map_or(&row.kind, |(_, _, kind)| kind).clone(),
        name: name.clone(),
        arn: item.arn.clone(),
        properties,
        ..Found::default()
    }];
    found.extend(
        row.beside
            .iter()
            .filter_map(|beside| reader.beside(beside, &name)),
    );
    for one in &mut found {
        one.region = TABLES
            .service(&one.kind)
            .by_region
            .then(|| item.region.clone());
    }
    found
}

/// What people know a resource by. The name of a gap is none.
fn named(item: &Item) -> String {
    let name = item
        .name
        .as_deref()
        .filter(|name| *name != GAP)
        .unwrap_or(&item.id);
    match name.strip_prefix("arn:") {
        Some(rest) => rest.rsplit([':', '/']).next().unwrap_or(rest).to_owned(),
        None => name.to_owned(),
    }
}

/// What an item tells of a property.
enum Read {
    /// The item leaves it out; so the name of what it leaves out.
    Missing(String),
    /// This.
    Shaped(Shaped),
}

/// Reads an item by a row of the table.
struct Reader<'a> {
    item: &'a Item,
    /// True when the item has all that items of its type have.
    whole: bool,
    setting: Setting<'a>,
}

impl Reader<'_> {
    fn read(&self, source: &Source) -> Read {
        let mut told = None;
        for path in &source.paths {
            match path.of(self.item) {
                Told::Value(value) => {
                    told = Some(Some(value.into_owned()));
                    break;
                }
                Told::Nothing => told = Some(None),
                Told::Missing => {}
            }
        }
        match told {
            Some(value) => Read::Shaped(self.shape(source, value)),
            None => Read::Missing(
                source
                    .paths
                    .first()
                    .map_or("", |path| path.last())
                    .to_owned(),
            ),
        }
    }

    fn shape(&self, source: &Source, value: Option<Value>) -> Shaped {
        source
            .steps
            .iter()
            .try_fold(value.map(plain), |value, step| {
                step.take(value, &self.setting)
            })
    }

    /// The value of a property; none when there is none.
    fn property(&self, put: &Put) -> Option<Value> {
        let shaped = match self.read(&put.from) {
            Read::Shaped(shaped) => shaped,
            // The service leaves out what there is none of.
            Read::Missing(_) if self.whole && !put.always => self.shape(&put.from, None),
            Read::Missing(name) => {
                let name = if name.is_empty() { &put.name } else { &name };
                Err(format!("AWS Config does not record {name}"))
            }
        };
        shaped.unwrap_or_else(|error| Some(unknown(&error)))
    }

    fn properties(&self, row: &Type) -> Map<String, Value> {
        let mut map = Map::new();
        if let (true, Value::Object(given)) = (row.schema, &self.item.configuration) {
            for (name, value) in given {
                if !value.is_null() && !row.drop.contains(name) {
                    map.insert(name.clone(), respelled(value, &self.setting));
                }
            }
        }
        for put in &row.put {
            let value = match map.get(&put.name) {
                // As the schema has it, unless something is to be done with it.
                Some(_) if put.from.steps.is_empty() => continue,
                _ => self.property(put),
            };
            match value {
                Some(value) => map.insert(put.name.clone(), respelled(&value, &self.setting)),
                None => map.remove(&put.name),
            };
        }
        if row.schema && !self.whole {
            unknown_store(&row.kind, &mut map);
        }
        aurora(self.item, &mut map);
        match &self.item.tags {
            Some(tags) => map.insert("Tags".into(), tags.clone()),
            None => map.insert("Tags".into(), unknown("the configuration item has no tags")),
        };
        map
    }

    fn beside(&self, beside: &Beside, name: &str) -> Option<Found> {
        match self.read(&beside.present) {
            Read::Shaped(Ok(None)) => return None,
            Read::Missing(_) if self.whole && beside.else_none => return None,
            _ => {}
        }
        let properties = beside
            .put
            .iter()
            .filter_map(|put| Some((put.name.clone(), self.property(put)?)))
            .collect::<Map<_, _>>();
        Some(Found {
            kind: beside.kind.clone(),
            name: name.to_owned(),
            properties: Value::Object(properties),
            ..Found::default()
        })
    }
}

/// A value without the wrappers that AWS Config puts around some words.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        value => match unwrapped(&value) {
            inner if std::ptr::eq(inner, &value) => value,
            inner => inner.clone(),
        },
    }
}

/// Names of nested properties that a schema spells in another way.
fn respelled(value: &Value, setting: &Setting<'_>) -> Value {
    match value {
        _ if setting.names.is_empty() => value.clone(),
        Value::Object(map) => {
            let entries = map.iter().map(|(name, value)| {
                let name = match setting.names.contains_key(&name.to_ascii_lowercase()) {
                    true => capital(name, setting),
                    false => name.clone(),
                };
                (name, respelled(value, setting))
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(|item| respelled(item, setting)).collect(),
        value => value.clone(),
    }
}

/// Since 2026 Aurora encrypts with a key of its own where its answers say `StorageEncrypted: false`, and tells the one from
/// the other by `StorageEncryptionType` alone (Amazon Aurora User Guide, "Encrypting Amazon Aurora resources").
fn aurora(item: &Item, map: &mut Map<String, Value>) {
    let is_aurora = get(&item.configuration, "engine")
        .and_then(Value::as_str)
        .is_some_and(|engine| engine.starts_with("aurora"));
    if is_aurora
        && map.get("StorageEncrypted") == Some(&Value::Bool(false))
        && !map.contains_key("StorageEncryptionType")
    {
        map.insert(
            "StorageEncrypted".into(),
            unknown("AWS Config does not record StorageEncryptionType"),
        );
    }
}

/// How a store is encrypted is unknown where nothing shows that its absence says something.
fn unknown_store(kind: &str, map: &mut Map<String, Value>) {
    let Some(store) = storage_type(kind) else {
        return;
    };
    let paths = std::iter::once(store.encrypted.as_str()).chain(store.key.split('|'));
    for path in paths {
        let first = path.split('.').next().unwrap_or_default();
        if !first.is_empty() && !map.contains_key(first) {
            map.insert(
                first.to_owned(),
                unknown(&format!("AWS Config does not record {first}")),
            );
        }
    }
}

/// An item of a type that no table describes. AWS Config has newer types as their schema has them, whose properties begin
/// with a capital; of the others nothing is known but that they are there.
fn as_it_is(item: &Item) -> Option<Found> {
    if !is_known_type(&item.kind) {
        // What only AWS Config has, such as AWS::Config::ResourceCompliance.
        return None;
    }
    let has_schema = |map: &Map<String, Value>| {
        !map.is_empty()
            && map
                .keys()
                .all(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    let properties = match &item.configuration {
        Value::Object(given) if item.status == Status::There && has_schema(given) => {
            let mut map: Map<String, Value> = given
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            unknown_store(&item.kind, &mut map);
            if !map.contains_key("Tags") {
                let none = || unknown("the configuration item has no tags");
                map.insert("Tags".into(), item.tags.clone().unwrap_or_else(none));
            }
            Value::Object(map)
        }
        Value::Object(_) if item.status == Status::There => {
            unknown(&format!("AWS Config keeps {} in another shape", item.kind))
        }
        _ => unknown("AWS Config does not record it"),
    };
    Some(Found {
        kind: item.kind.clone(),
        name: named(item),
        arn: item.arn.clone(),
        region: TABLES
            .service(&item.kind)
            .by_region
            .then(|| item.region.clone()),
        properties,
        ..Found::default()
    })
}

/// Every CloudFormation type that an item of this type tells of.
pub(crate) fn kinds(config: &str) -> Vec<&str> {
    match TABLES.of(config) {
        Some(row) => row.kinds().collect(),
        None => vec![config],
    }
}
