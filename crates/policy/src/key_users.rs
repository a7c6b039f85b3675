//! Which data hangs on which key.

use crate::cx::Cx;
use lockfast_facts::nouns::{KeyTarget, Store};
use std::collections::BTreeMap;

/// Every customer managed key that stores use, with the stores, in a fixed order.
pub(crate) fn by_key<'a>(cx: &Cx<'a>) -> BTreeMap<KeyTarget, Vec<&'a Store>> {
    let mut users: BTreeMap<KeyTarget, Vec<&'a Store>> = BTreeMap::new();
    for store in cx.inventory.stores() {
        if let Some(key) = store.protection.value().and_then(|p| p.customer_key()) {
            let stores = users.entry(key.target.clone()).or_default();
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
