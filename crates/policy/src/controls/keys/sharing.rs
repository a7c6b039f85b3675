//! Whether the stores under one key belong together.

use crate::judgement::About;
use crate::prelude::*;

/// How a control speaks of the property.
pub(super) struct Words {
    /// `environments`
    pub(super) several: &'static str,
    /// What a store without it is told: `has no environment (…)`.
    pub(super) none: &'static str,
}

/// Judges every key by one property of the stores under it: all must have the same.
///
/// `property` gives a store's, or why it is unknown; `home` the key's own, where that matters and is
/// known; `words` say what must not mix.
pub(super) fn judge<T: Ord + std::fmt::Display + Clone>(
    cx: &Cx<'_>,
    out: &mut Out,
    property: impl Fn(&Store) -> Known<T>,
    home: impl Fn(&KeyTarget) -> Option<T>,
    words: &Words,
) {
    let apart = words.several;
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
        values.sort_by(|a, b| a.0.cmp(&b.0));
        let (about, name) = match &key {
            KeyTarget::Resource(id) => (About::Resource(*id), cx.label(cx.inventory.resource(*id))),
            KeyTarget::External(name) | KeyTarget::AwsManaged(name) => (About::Input, name.clone()),
        };
        let list: Vec<String> = values.iter().map(|(v, _)| v.to_string()).collect();
        let list = list.join(", ");
        let mut judgement = if let Some(home) = home.filter(|_| !values.is_empty()) {
            Judgement::fail(
                about,
                format!("{name} is a key of {home}, and serves other {apart}: {list}"),
            )
        } else if values.len() > 1 {
            Judgement::fail(about, format!("{name} serves several {apart}: {list}"))
        } else if let Some((store, why)) = unknown.first().filter(|_| stores.len() > 1) {
            let store = cx.label(cx.inventory.resource(*store));
            let because = match &**why {
                Why::NotGiven(_) => format!("{store} {}", words.none),
                why => format!("of {store}, {why}"),
            };
            Judgement::unknown(
                about,
                format!("cannot tell whether the key serves several {apart}: {because}"),
            )
        } else if let Some(why) = crate::key_users::unlisted(cx, &key) {
            Judgement::unknown(
                about,
                format!("cannot tell whether the key serves several {apart}: {why}"),
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
