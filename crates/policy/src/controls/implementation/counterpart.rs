//! Which resources of two environments are the same thing deployed twice.

use crate::cx::{EnvironmentName, environment_word, words};
use crate::prelude::*;

/// What stays the same in every environment: type, and path or name without the environment's words,
/// account ids and regions.
pub(super) fn key(cx: &Cx<'_>, subject: Subject<'_>, environment: &EnvironmentName) -> String {
    let resource = subject.resource;
    let path = match &resource.construct_path {
        Some(path) => path.to_string(),
        None => format!("{}/{}", cx.inventory.stack_of(resource).path, resource.name),
    };
    format!("{} {}", resource.kind, key_of(&path, &environment.name))
}

/// A name without the words that stand for an environment.
pub(super) fn key_of(name: &str, environment: &str) -> String {
    // CDK ends the ids it makes with eight hexadecimal digits of a hash of the whole path.
    let hash = name
        .len()
        .checked_sub(8)
        .and_then(|at| name.split_at_checked(at));
    let name = match hash {
        Some((head, tail))
            if tail
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)) =>
        {
            head
        }
        _ => name,
    };
    let own = words(environment);
    let kept: Vec<String> = words(name)
        .into_iter()
        .filter(|word| !own.contains(word) && environment_word(word).is_none())
        .collect();
    kept.join("-")
}
