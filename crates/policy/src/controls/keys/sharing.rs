//! Whether the stores under one key belong together.

use crate::judgement::About;
use crate::prelude::*;

/// Judges every key by one property of the stores under it: all must have the same.
///
/// `property` gives a store's, or why it is unknown; `home` the key's own, where that matters and is
/// known; `apart` says what must not mix.
pub(super) fn judge<T: Ord + std::fmt::Display + Clone>(
    cx: &Cx<'_>,
    out: &mut Out,
    property: impl Fn(&Store) -> Known<T>,
    home: impl Fn(&KeyTarget) -> Option<T>,
    apart: &str,
) {
    for (key, stores) in crate::key_users::by_key(cx) {
        let mut values: Vec<(T, ResourceId)> = Vec::new();
        let mut unknown: Vec<(ResourceId, Arc<Why>)> = Vec::new();
        for store in &stores {
            match property(store) {
                Known::Unknown(why, _) => unknown.push((store.resource, why)),
                known => {
                    if let Some(value) = known.value()
                        && !values.iter().any(|(v, _)| v == value)
                    {
                        values.push((value.clone(), store.resource));
                    }
                }
            }
        }
        let home = home(&key).filter(|home| !values.iter().any(|(v, _)| v == home));
        let own = home.is_some();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        let about = match &key {
            KeyTarget::Resource(id) => About::Resource(*id),
            _ => About::Input,
        };
        let mut list: Vec<String> = values.iter().map(|(v, _)| v.to_string()).collect();
        list.extend(home.map(|home| format!("{home}, its own")));
        let mut judgement = if list.len() > 1 && own {
            Judgement::fail(
                about,
                format!(
                    "one key serves other {apart} than its own: {}",
                    list.join(", ")
                ),
            )
        } else if list.len() > 1 {
            Judgement::fail(
                about,
                format!("one key serves several {apart}: {}", list.join(", ")),
            )
        } else if let Some((store, why)) = unknown.first().filter(|_| stores.len() > 1) {
            let store = cx.inventory.resource(*store);
            Judgement::unknown(
                about,
                format!(
                    "cannot tell whether the key serves several {apart}: {} has {why}",
                    cx.label(store)
                ),
            )
        } else {
            Judgement::pass(about, format!("the key serves one of the {apart} only"))
        };
        if let KeyTarget::External(name) = &key {
            judgement = judgement.part(name.clone());
        }
        for (value, store) in values {
            let store = cx.inventory.resource(store);
            judgement = judgement.stated(cx.label(store), value.to_string(), store.loc);
        }
        out.push(judgement);
    }
}
