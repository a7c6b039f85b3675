//! Which data hangs on which key.

use crate::cx::Cx;
use lockfast_facts::nouns::{KeyTarget, Store};
use lockfast_facts::tables::storage_type;
use lockfast_facts::{Read, ResourceId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Every customer managed key that stores use, with the stores, in a fixed order. A key that the input only
/// names goes by the first of its names.
pub(crate) fn by_key<'a>(cx: &Cx<'a>) -> BTreeMap<KeyTarget, Vec<&'a Store>> {
    let mut names: HashMap<KeyTarget, KeyTarget> = HashMap::new();
    let mut users: BTreeMap<KeyTarget, Vec<&'a Store>> = BTreeMap::new();
    for store in cx.inventory.stores() {
        if let Some(key) = store.protection.value().and_then(|p| p.customer_key()) {
            let name = names.entry(canonical(cx, store, &key.target));
            let name = name.or_insert_with(|| key.target.clone()).clone();
            let stores = users.entry(name).or_default();
            // A store's variants and parts count once.
            if stores
                .last()
                .is_none_or(|last| last.resource != store.resource)
            {
                stores.push(store);
            }
        }
    }
    users
}

/// One name for a key that has several: a key id is its key's wherever it stands; an alias, and the id that
/// a multi-Region key shares with its replicas, is one of its account and region, which are the store's own
/// unless it says so.
fn canonical(cx: &Cx<'_>, store: &Store, key: &KeyTarget) -> KeyTarget {
    let KeyTarget::External(name) = key else {
        return key.clone();
    };
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let (region, account, name) = match parts.as_slice() {
        [_, _, _, region, account, name] => (*region, *account, *name),
        _ => ("*", "*", name.as_str()),
    };
    let name = name.strip_prefix("key/").unwrap_or(name);
    if !name.starts_with("alias/") && !name.starts_with("mrk-") {
        return KeyTarget::External(name.to_owned());
    }
    let resource = cx.inventory.resource(store.resource);
    let place = &cx.inventory.stack_of(resource).place;
    let own = |written: &str, own: &Option<Arc<str>>| match own {
        Some(own) if written == "*" => own.to_string(),
        _ => written.to_owned(),
    };
    let (region, account) = (own(region, &place.region), own(account, &place.account));
    KeyTarget::External(format!("{region}:{account}:{name}"))
}

/// Why there may be data under a key that is not among the facts: stores of its account and region that could not
/// be listed.
pub(crate) fn unlisted(cx: &Cx<'_>, key: &KeyTarget) -> Option<String> {
    let KeyTarget::Resource(id) = key else {
        return None;
    };
    let own = &cx.inventory.stack_of(cx.inventory.resource(*id)).place;
    cx.inventory.gaps().find_map(|gap| {
        let place = &cx.inventory.stack_of(gap).place;
        let near =
            place.account == own.account && (place.region.is_none() || place.region == own.region);
        let takes_a_key = storage_type(&gap.kind).is_some_and(|spec| !spec.key.is_empty());
        match gap.at("") {
            Read::Unknown(why, _) if near && takes_a_key => Some(why.to_string()),
            _ => None,
        }
    })
}

/// Which stores share a key, counted once for all of them.
pub(crate) struct Sharing<'a>(HashMap<KeyTarget, Users<'a>>);

#[derive(Default)]
struct Users<'a> {
    /// Stores with what they are made of, in a fixed order.
    stores: Vec<(&'a Store, ResourceId)>,
    of_origin: HashMap<ResourceId, usize>,
}

impl<'a> Sharing<'a> {
    /// Among the stores that count.
    pub(crate) fn new(cx: &Cx<'a>, counts: impl Fn(&Store) -> bool) -> Self {
        let mut sharing = HashMap::new();
        for (key, stores) in by_key(cx) {
            let key = stores
                .first()
                .map_or_else(|| key.clone(), |first| canonical(cx, first, &key));
            let users: &mut Users<'_> = sharing.entry(key).or_default();
            for store in stores.into_iter().filter(|store| counts(store)) {
                let origin = origin(cx, store.resource);
                users.stores.push((store, origin));
                *users.of_origin.entry(origin).or_default() += 1;
            }
        }
        Sharing(sharing)
    }

    /// The first of the other data under a store's key, copies and members of the same data aside,
    /// and how many more there are.
    pub(crate) fn others(&self, cx: &Cx<'a>, store: &Store, key: &KeyTarget) -> Option<String> {
        let users = self.0.get(&canonical(cx, store, key))?;
        let own = origin(cx, store.resource);
        let (first, _) = users.stores.iter().find(|(_, origin)| *origin != own)?;
        let name = cx.label(cx.inventory.resource(first.resource));
        let of_own = users.of_origin.get(&own).copied().unwrap_or_default();
        Some(match users.stores.len() - of_own - 1 {
            0 => name,
            more => format!("{name} and {more} more"),
        })
    }
}

/// What a member of a cluster, a replica or a copy is made of; they share its key by nature.
fn origin(cx: &Cx<'_>, id: ResourceId) -> ResourceId {
    const SOURCES: [&str; 7] = [
        "DBClusterIdentifier",
        "SourceDBInstanceIdentifier",
        "SourceDBClusterIdentifier",
        "ReplicationSourceIdentifier",
        "GlobalClusterIdentifier",
        "SourceTableArn",
        "FileSystemId",
    ];
    let mut at = id;
    for _ in 0..8 {
        let resource = cx.inventory.resource(at);
        let next = SOURCES
            .iter()
            .find_map(|property| match resource.at(property) {
                Read::Found(value, _) => cx.inventory.target(value).map(|(source, _)| source.id),
                _ => None,
            });
        match next {
            Some(next) if next != at => at = next,
            _ => break,
        }
    }
    at
}
