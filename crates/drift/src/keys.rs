//! Whether two sides mean the same key.

use crate::join::Status;
use crate::words::Words;
use lockfast_facts::nouns::{KeyTarget, KeyUse, Protection, resolve_key};
use lockfast_facts::{Resource, Value};

/// Whether a template's key is a live one; `user` is the live resource that uses it.
///
/// # Errors
/// Why that cannot be told.
pub(crate) fn same_key(
    words: &Words<'_>,
    user: &Resource,
    template: &KeyUse,
    live: &KeyUse,
) -> Result<bool, String> {
    let wanted = match &template.target {
        KeyTarget::Resource(id) => match words.join.seen_from(words.instance, *id) {
            Some(Status::Joined(found)) => KeyTarget::Resource(*found),
            // A key that is not there protects nothing.
            Some(Status::Missing(_) | Status::Conditional(_)) => return Ok(false),
            Some(Status::Unknown(why)) => {
                let key = words.templates.resource(*id);
                return Err(format!(
                    "which live key {} is, is not known ({why})",
                    key.name
                ));
            }
            None => return Err("which live key the template's is, is not known".into()),
        },
        KeyTarget::AwsManaged(alias) => KeyTarget::AwsManaged(alias.clone()),
        KeyTarget::External(name) => live_target(words, user, name),
    };
    Ok(match (&wanted, &live.target) {
        (KeyTarget::External(a), KeyTarget::External(b))
            if a.contains("alias/") != b.contains("alias/") =>
        {
            let alias = if a.contains("alias/") { a } else { b };
            return Err(format!("the key of {alias} is not in the snapshot"));
        }
        (KeyTarget::External(a), KeyTarget::External(b)) => key_id(a) == key_id(b),
        (KeyTarget::External(alias), KeyTarget::Resource(_)) if alias.contains("alias/") => {
            return Err(format!("{alias} is not in the snapshot"));
        }
        (wanted, found) => wanted == found,
    })
}

/// The key that a name means where the live resource is: by ARN, id or alias.
fn live_target(words: &Words<'_>, user: &Resource, name: &str) -> KeyTarget {
    let inventory = words.live.inventory;
    let (account, region) = words.live.place_of(user.id);
    let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
    let by_id = |kind: &&str| words.live.find(kind, &account, region.as_deref(), name);
    if let Some(id) = kinds.iter().find_map(by_id) {
        return KeyTarget::Resource(id);
    }
    let value = Value::string(name, user.loc);
    match resolve_key(inventory, user, &value) {
        Ok(found) => found.target,
        Err(_) => KeyTarget::External(name.to_owned()),
    }
}

fn key_id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether two protections are the same.
///
/// # Errors
/// Why that cannot be told.
pub(crate) fn same_protection(
    words: &Words<'_>,
    user: &Resource,
    template: &Protection,
    live: &Protection,
) -> Result<bool, String> {
    match (template, live) {
        (Protection::Customer(a), Protection::Customer(b)) => same_key(words, user, a, b),
        (Protection::Customer(_), _) | (_, Protection::Customer(_)) => Ok(false),
        (a, b) => Ok(a == b),
    }
}

/// What protects the live data, for people: a key by its ARN, since that is what one looks for.
pub(crate) fn live_label(words: &Words<'_>, protection: &Protection) -> String {
    let inventory = words.live.inventory;
    match protection
        .customer_key()
        .and_then(|key| key.resource(inventory))
    {
        Some(key) => match &key.arn {
            Some(arn) => format!("customer managed key {arn}"),
            None => protection.label(inventory),
        },
        None => protection.label(inventory),
    }
}
