//! A snapshot as facts: resources, and references between them where one names another.

use crate::links::LINKS;
use crate::shared::{Shared, shared};
use crate::{
    CLOUDTRAIL_LOGS, Error, Found, GAP, Header, MANAGED_KEY, NETWORK, Reader, Record, Unit, unknown,
};
use lockfast_facts::trail::is_told_by_logs;
use lockfast_facts::{
    ENDPOINT, Guard, Inventory, Kind, Loc, Map, Origin, Part, Place, Read, Reference, Resource,
    ResourceId, Source, SourceId, Stack, StackId, Step, Text, Value, Variant, Via, Why,
};
use serde_json::Value as Json;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Snapshots as facts, and what the scans say of themselves.
pub struct Loaded {
    /// The facts.
    pub inventory: Inventory,
    /// What was scanned, a header for each snapshot.
    pub headers: Vec<Header>,
    /// The units, in order.
    pub units: Vec<Unit>,
    /// How many resources each unit told of; gaps do not count.
    pub resources_of_units: Vec<u64>,
}

/// Reads a snapshot.
///
/// # Errors
/// When it cannot be read to its end.
pub fn load(path: &Path) -> Result<Loaded, Error> {
    load_all(&[path])
}

/// Reads several snapshots as one.
///
/// # Errors
/// When one of them cannot be read to its end.
pub fn load_all(paths: &[impl AsRef<Path>]) -> Result<Loaded, Error> {
    let mut builder = Builder::default();
    let mut headers = Vec::new();
    let mut units: Vec<Unit> = Vec::new();
    let mut resources_of_units = Vec::new();
    for path in paths {
        let reader = Reader::open(path.as_ref())?;
        builder.account_names.extend(
            reader
                .header()
                .accounts
                .iter()
                .filter_map(|account| Some((account.id.clone(), account.name.clone()?))),
        );
        headers.push(reader.header().clone());
        let mut unit = Unit::default();
        for record in reader {
            match record? {
                Record::Unit(next) => {
                    units.push(next.clone());
                    resources_of_units.push(0);
                    unit = next;
                }
                Record::Resource(found) => {
                    if let Some(count) = resources_of_units.last_mut() {
                        *count += u64::from(found.name != GAP);
                    }
                    builder.add(&unit, found);
                }
                Record::Snapshot(_) | Record::End(_) => {}
            }
        }
    }
    Ok(Loaded {
        inventory: builder.finish(&units),
        headers,
        units,
        resources_of_units,
    })
}

/// An account and a region.
type PlaceKey = (Arc<str>, Arc<str>);

#[derive(Default)]
pub(crate) struct Builder {
    /// What is there already, beside which this goes.
    first: First,
    account_names: HashMap<String, String>,
    texts: HashSet<Arc<str>>,
    lists: HashSet<Shared<Value>>,
    maps: HashSet<Shared<(Arc<str>, Value)>>,
    sources: Vec<Source>,
    source_ids: HashMap<String, SourceId>,
    stacks: Vec<Stack>,
    stack_ids: HashMap<PlaceKey, StackId>,
    resources: Vec<Resource>,
}

/// Where ids begin.
#[derive(Clone, Copy, Default)]
struct First {
    source: usize,
    stack: usize,
    resource: usize,
}

/// The next id of what is counted; fewer than four thousand million are ever read.
fn next(first: usize, read: usize) -> u32 {
    u32::try_from(first + read).unwrap_or(u32::MAX)
}

impl Builder {
    /// For what goes beside what was read before.
    pub(crate) fn beside(inventory: &Inventory) -> Self {
        Builder {
            first: First {
                source: inventory.sources().len(),
                stack: inventory.stacks().len(),
                resource: inventory.resources().len(),
            },
            ..Builder::default()
        }
    }

    /// What was read, as it is.
    pub(crate) fn into_parts(self) -> (Vec<Source>, Vec<Stack>, Vec<Resource>) {
        (self.sources, self.stacks, self.resources)
    }

    /// One copy of a text, however often it occurs: names of properties and regions make up most of a snapshot.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }

    fn source(&mut self, unit: &Unit, action: &str) -> SourceId {
        // What a probe or a log file told stands where that says, whatever the account.
        let name = match is_network(unit) || is_of_logs(unit) {
            true => action.to_owned(),
            false => format!("{}/{}/{action}", unit.account, unit.region),
        };
        if let Some(id) = self.source_ids.get(&name) {
            return *id;
        }
        let id = SourceId(next(self.first.source, self.sources.len()));
        self.sources.push(Source::Call { name: name.clone() });
        self.source_ids.insert(name, id);
        id
    }

    fn stack(&mut self, unit: &Unit, region: &str) -> StackId {
        let key = (self.text(&unit.account), self.text(region));
        if let Some(id) = self.stack_ids.get(&key) {
            return *id;
        }
        let id = StackId(next(self.first.stack, self.stacks.len()));
        let network = is_network(unit);
        let path = match network {
            true => NETWORK.to_owned(),
            false => format!("{}/{region}", unit.account),
        };
        let source = self.source(unit, &unit.service);
        self.stacks.push(Stack {
            name: match self.account_names.get(&unit.account) {
                Some(name) => name.clone(),
                None => path.clone(),
            },
            path,
            place: Place {
                account: (!key.0.is_empty()).then(|| key.0.clone()),
                region: (region != "global").then(|| key.1.clone()),
            },
            source,
            parent: None,
            tags: Vec::new(),
            parameters: Vec::new(),
        });
        self.stack_ids.insert(key, id);
        id
    }

    pub(crate) fn add(&mut self, unit: &Unit, found: Found) {
        let region = found.region.as_deref().unwrap_or(&unit.region).to_owned();
        let stack = self.stack(unit, &region);
        let main = found.from.get("").map_or("", String::as_str);
        let main = if main.is_empty() { &unit.service } else { main };
        let loc = at(self.source(unit, main));
        let properties = match found.properties {
            Json::Object(map) if unknown(&map).is_none() => {
                let mut entries = Vec::with_capacity(map.len());
                for (name, value) in map {
                    let own = match found.from.get(&name) {
                        Some(action) => at(self.source(unit, action)),
                        None => loc,
                    };
                    let value = match name.ends_with("Tags") {
                        true => by_key(value),
                        false => value,
                    };
                    let name = self.text(&name);
                    entries.push((name, self.value(value, own)));
                }
                Value::new(Kind::Map(Map(entries.into())), loc)
            }
            other => self.value(other, loc),
        };
        let properties = described(&found.kind, properties);
        let kind = self.text(&found.kind);
        let id = ResourceId(next(self.first.resource, self.resources.len()));
        // Its properties often have them too.
        let name = self.text(&found.name);
        let arn = found.arn.map(|arn| self.text(&arn));
        self.resources.push(Resource {
            id,
            stack,
            kind,
            name,
            arn,
            loc,
            body: loc,
            variants: vec![Variant {
                when: Guard::default(),
                properties,
            }],
            written: None,
        });
    }

    fn value(&mut self, json: Json, loc: Loc) -> Value {
        let kind = match json {
            Json::Null => Kind::Null,
            Json::Bool(b) => Kind::Bool(b),
            Json::Number(n) => Kind::Number(self.text(&n.to_string())),
            Json::String(s) => Kind::Text(Text::Plain(self.text(&s))),
            Json::Array(items) => {
                let items = items.into_iter().map(|item| self.value(item, loc));
                let items = items.collect();
                Kind::List(shared(&mut self.lists, items))
            }
            Json::Object(map) => match unknown(&map) {
                Some(failure) => Kind::Unknown(Arc::new(Why::Call {
                    action: failure.call,
                    error: failure.error,
                })),
                None => {
                    let mut entries = Vec::with_capacity(map.len());
                    entries.extend(
                        map.into_iter()
                            .map(|(name, item)| (self.text(&name), self.value(item, loc))),
                    );
                    Kind::Map(Map(shared(&mut self.maps, entries.into())))
                }
            },
        };
        Value::new(kind, loc)
    }

    fn finish(mut self, units: &[Unit]) -> Inventory {
        // Whatever is still used is held by who uses it.
        drop(std::mem::take(&mut self.texts));
        drop(std::mem::take(&mut self.lists));
        drop(std::mem::take(&mut self.maps));
        drop(std::mem::take(&mut self.source_ids));
        drop(std::mem::take(&mut self.stack_ids));
        let mut resources = std::mem::take(&mut self.resources);
        one_of_each_trail(&mut resources, &self.stacks);
        let index = Index::of(&resources, &self.stacks, units);
        // What an endpoint's record names is not what uses it, nor what logs tell: ARNs in it stay as they are written.
        let of_accounts = |resource: &&mut Resource| {
            &*resource.kind != ENDPOINT && !is_told_by_logs(&resource.kind)
        };
        for resource in resources.iter_mut().filter(of_accounts) {
            let place = &self.stacks[resource.stack.0 as usize].place;
            let linker = Linker {
                index: &index,
                place,
                own: resource.id,
                paths: LINKS.of(&resource.kind),
            };
            for variant in &mut resource.variants {
                if let Some(linked) = linker.value(&variant.properties, &mut String::new(), false) {
                    variant.properties = linked;
                }
            }
        }
        let asked = units.iter().map(|unit| {
            let place = (unit.account.clone(), unit.region.clone());
            (place.0, place.1, unit.service.clone())
        });
        let of_accounts = |unit: &Unit| !is_network(unit) && !is_of_logs(unit);
        let origin = match (
            units.is_empty() || units.iter().any(of_accounts),
            units.iter().any(is_network),
        ) {
            (true, _) => Origin::Live,
            (false, true) => Origin::Network,
            (false, false) => Origin::Logs,
        };
        Inventory::new(self.sources, self.stacks, resources)
            .of(origin)
            .asked(asked)
    }
}

/// True for the unit that endpoints are in.
fn is_network(unit: &Unit) -> bool {
    unit.service == NETWORK
}

/// True for a unit of what logs tell.
fn is_of_logs(unit: &Unit) -> bool {
    unit.service == CLOUDTRAIL_LOGS
}

/// An organisation's trail shows in every account of it. It is one trail, of which the account that has it tells most, so
/// what the others tell is left out; where that account was not scanned, all but what the first of them tells.
fn one_of_each_trail(resources: &mut Vec<Resource>, stacks: &[Stack]) {
    let is_trail = |resource: &Resource| &*resource.kind == "AWS::CloudTrail::Trail";
    let is_shadow = |resource: &Resource| is_of_another(resource, stacks);
    let mut known: HashSet<Arc<str>> = resources
        .iter()
        .filter(|resource| is_trail(resource) && !is_shadow(resource))
        .filter_map(|resource| resource.arn.clone())
        .collect();
    resources.retain(|resource| match &resource.arn {
        Some(arn) if is_trail(resource) && is_shadow(resource) => known.insert(arn.clone()),
        _ => true,
    });
    for (id, resource) in (0..).zip(resources.iter_mut()) {
        resource.id = ResourceId(id);
    }
}

/// True for a resource of another account than the one that told of it.
fn is_of_another(resource: &Resource, stacks: &[Stack]) -> bool {
    let own = &stacks[resource.stack.0 as usize].place.account;
    let account = resource
        .arn
        .as_deref()
        .and_then(|arn| arn.split(':').nth(4));
    account.is_some_and(|account| !account.is_empty() && Some(account) != own.as_deref())
}

/// Of a key that could not be described, it is not known whether it is the customer's at all: so nothing is known of it,
/// rather than that it lacks what was not asked for.
fn described(kind: &str, properties: Value) -> Value {
    match properties.at("KeyManager") {
        Read::Unknown(why, loc) if is_key(kind) => Value::new(Kind::Unknown(why), loc),
        _ => properties,
    }
}

/// Tags as one object instead of a list of pairs: every resource has some, and pairs take three times the memory.
fn by_key(tags: Json) -> Json {
    let pair = |tag: &Json| {
        let tag = tag.as_object().filter(|tag| tag.len() == 2)?;
        Some((
            tag.get("Key")?.as_str()?.to_owned(),
            tag.get("Value")?.clone(),
        ))
    };
    let Json::Array(items) = &tags else {
        return tags;
    };
    match items
        .iter()
        .map(pair)
        .collect::<Option<serde_json::Map<_, _>>>()
    {
        // Where two have one name, both are kept as they are written.
        Some(map) if !map.is_empty() && map.len() == items.len() => Json::Object(map),
        _ => tags,
    }
}

/// A call has no lines.
fn at(source: SourceId) -> Loc {
    Loc {
        source,
        ..Loc::default()
    }
}

/// A type, an account, a region (none for a global type) and a name.
type NameKey = (Arc<str>, Arc<str>, Option<Arc<str>>, Arc<str>);

/// What names a resource.
struct Index {
    /// ARNs, and AWS's own ids (`sg-0123…`, ids of keys).
    ids: HashMap<Arc<str>, (ResourceId, Option<Arc<str>>)>,
    names: HashMap<NameKey, ResourceId>,
    /// AWS managed keys by ARN and id: alias, and where it was read.
    managed: HashMap<Arc<str>, (Arc<str>, Loc)>,
    /// The accounts that were scanned.
    accounts: HashSet<String>,
}

impl Index {
    fn of(resources: &[Resource], stacks: &[Stack], units: &[Unit]) -> Index {
        let mut index = Index {
            ids: HashMap::new(),
            names: HashMap::new(),
            managed: HashMap::new(),
            accounts: units.iter().map(|unit| unit.account.clone()).collect(),
        };
        let arn: Arc<str> = "Arn".into();
        // What an account tells of its own counts for more than what others tell of the same: it comes last.
        let (others, own): (Vec<&Resource>, Vec<&Resource>) = resources
            .iter()
            .partition(|resource| is_of_another(resource, stacks));
        for resource in others.into_iter().chain(own) {
            let key_id = resource.arn.as_deref().and_then(key_id_of);
            if &*resource.kind == MANAGED_KEY {
                let alias = resource.at("AliasName").string().found();
                let alias: Arc<str> = alias
                    .unwrap_or_else(|| format!("alias/aws/{}", resource.name))
                    .into();
                let keys = resource.arn.iter().cloned().chain(key_id.map(Into::into));
                index
                    .managed
                    .extend(keys.map(|key| (key, (alias.clone(), resource.loc))));
                continue;
            }
            let attribute = (!LINKS.ref_is_arn.contains(&*resource.kind)).then(|| arn.clone());
            if let Some(arn) = &resource.arn {
                if &*resource.kind == "AWS::Logs::LogGroup" {
                    // Some services write a group's ARN with its streams.
                    let streams = format!("{arn}:*").into();
                    index.ids.insert(streams, (resource.id, attribute.clone()));
                }
                index.ids.insert(arn.clone(), (resource.id, attribute));
            }
            if let (Some(id), true) = (key_id, is_key(&resource.kind)) {
                index.ids.entry(id.into()).or_insert((resource.id, None));
            }
            if is_aws_id(&resource.name) {
                index.ids.insert(resource.name.clone(), (resource.id, None));
            }
            let place = &stacks[resource.stack.0 as usize].place;
            if let Some(account) = &place.account {
                let region = match LINKS.global.contains(&*resource.kind) {
                    true => None,
                    false => place.region.clone(),
                };
                let name = (
                    resource.kind.clone(),
                    account.clone(),
                    region,
                    resource.name.clone(),
                );
                index.names.insert(name, resource.id);
            }
        }
        index
    }

    fn named(&self, kind: &str, place: &Place, name: &Arc<str>) -> Option<ResourceId> {
        let region = match LINKS.global.contains(kind) {
            true => None,
            false => place.region.clone(),
        };
        let key = (kind.into(), place.account.clone()?, region, name.clone());
        self.names.get(&key).copied()
    }
}

fn is_key(kind: &str) -> bool {
    matches!(kind, "AWS::KMS::Key" | "AWS::KMS::ReplicaKey")
}

/// The id in a key's ARN (`arn:aws:kms:eu-central-1:111111111111:key/…`).
fn key_id_of(arn: &str) -> Option<&str> {
    let (before, id) = arn.split_once(":key/")?;
    before.split(':').nth(2).filter(|s| *s == "kms")?;
    Some(id)
}

/// An id that AWS makes, such as `sg-0123456789abcdef0`: it means one thing wherever it stands.
fn is_aws_id(name: &str) -> bool {
    name.split_once('-').is_some_and(|(prefix, id)| {
        (1..=8).contains(&prefix.len())
            && prefix.bytes().all(|b| b.is_ascii_lowercase())
            && (8..=17).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Turns names into references, in one resource.
struct Linker<'a> {
    index: &'a Index,
    place: &'a Place,
    own: ResourceId,
    paths: &'a [(String, String)],
}

impl Linker<'_> {
    /// The value with what it names followed; `None` when it names nothing, and may go on being shared. `path` is
    /// where it stands; `in_policy` is true inside a policy document, whose words are matched, not followed.
    fn value(&self, value: &Value, path: &mut String, in_policy: bool) -> Option<Value> {
        let length = path.len();
        match &value.kind {
            Kind::Map(map) => {
                let mut linked: Option<Map> = None;
                for (index, (name, item)) in map.iter().enumerate() {
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    let policy = in_policy || name.contains("Policy");
                    if let Some(item) = self.value(item, path, policy) {
                        let linked = linked.get_or_insert_with(|| map.clone());
                        Arc::make_mut(&mut linked.0)[index].1 = item;
                    }
                    path.truncate(length);
                }
                linked.map(|map| with_kind(value, Kind::Map(map)))
            }
            Kind::List(items) => {
                let mut linked: Option<Arc<[Value]>> = None;
                path.push_str(".*");
                for (index, item) in items.iter().enumerate() {
                    if let Some(item) = self.value(item, path, in_policy) {
                        let linked = linked.get_or_insert_with(|| items.clone());
                        Arc::make_mut(linked)[index] = item;
                    }
                }
                path.truncate(length);
                linked.map(|items| with_kind(value, Kind::List(items)))
            }
            Kind::Text(Text::Plain(text)) => self.text(value, text, path, in_policy),
            _ => None,
        }
    }

    fn text(&self, value: &Value, text: &Arc<str>, path: &str, in_policy: bool) -> Option<Value> {
        // In conditions an organisation goes by its id, which requests carry.
        if text.starts_with("o-") {
            return None;
        }
        if let Some((id, attribute)) = self.index.ids.get(text) {
            return (*id != self.own).then(|| with_kind(value, reference(*id, attribute.clone())));
        }
        if in_policy {
            return None;
        }
        if let Some((secret, rest)) = secret_and_rest(text)
            && let Some((id, attribute)) = self.index.ids.get(secret)
        {
            let secret = Part::Reference(Reference {
                target: *id,
                attribute: attribute.clone(),
            });
            let parts = [secret, Part::Literal(rest.into())].into();
            return Some(with_kind(value, Kind::Text(Text::Parts(parts))));
        }
        if let Some((alias, loc)) = self.index.managed.get(text) {
            let step = Step {
                what: format!("key {text}"),
                loc: *loc,
            };
            return Some(Value {
                kind: Kind::Text(Text::Plain(alias.clone())),
                loc: value.loc,
                via: Some(Via::step(step, value.via.clone())),
            });
        }
        let named = self.paths.iter().filter(|(at, _)| at == path);
        for (_, kind) in named {
            if let Some(id) = self
                .index
                .named(kind, self.place, text)
                .filter(|id| *id != self.own)
            {
                return Some(with_kind(value, reference(id, None)));
            }
        }
        self.is_unread_key(text, path).then(|| {
            let why = Why::NotGiven(format!("key {text}"));
            with_kind(value, Kind::Unknown(Arc::new(why)))
        })
    }

    /// A key of the account itself that the scan did not read may be the customer's or AWS's. One of another
    /// account is a customer's, since AWS managed keys serve their own account only.
    fn is_unread_key(&self, text: &str, path: &str) -> bool {
        let last = path
            .rsplit('.')
            .find(|step| *step != "*")
            .unwrap_or_default();
        let lower = last.to_ascii_lowercase();
        if !lower.contains("kms") && !lower.contains("key") {
            return false;
        }
        match key_id_of(text) {
            Some(_) => text.split(':').nth(4).is_some_and(|account| {
                Some(account) == self.place.account.as_deref()
                    && self.index.accounts.contains(account)
            }),
            None => lower.contains("kms") && is_uuid(text),
        }
    }
}

/// The ARN of a secret, and the part of its value that is meant: `arn:…:secret:name-AbCdEf` and `:json-key:stage:version`
/// (Amazon ECS API Reference, "Secret").
fn secret_and_rest(text: &str) -> Option<(&str, &str)> {
    let of_secrets = text.split(':').nth(2) == Some("secretsmanager");
    let (end, _) = text.match_indices(':').nth(6).filter(|_| of_secrets)?;
    Some(text.split_at(end))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The same place, with something else in it.
fn with_kind(value: &Value, kind: Kind) -> Value {
    Value {
        kind,
        loc: value.loc,
        via: value.via.clone(),
    }
}

fn reference(target: ResourceId, attribute: Option<Arc<str>>) -> Kind {
    Kind::Text(Text::Parts(
        [Part::Reference(Reference { target, attribute })].into(),
    ))
}
