//! Which resources of two environments are the same thing deployed twice.

use crate::cx::{EnvironmentName, environment_word, words};
use crate::prelude::*;
use lockfast_facts::Origin;

/// What stays the same in every environment: type, and path or name without the environment's words,
/// account ids and regions.
pub(super) fn key(cx: &Cx<'_>, subject: Subject<'_>, environment: &EnvironmentName) -> String {
    let resource = subject.resource;
    let stack = cx.inventory.stack_of(resource);
    let path = match &resource.written().construct_path {
        // Each environment has an account of its own, and names with its id in them.
        None if cx.inventory.origin() == Origin::Live => {
            let region = stack.place.region.as_deref().unwrap_or_default();
            let is_account =
                |word: &&str| word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit());
            // AWS's own ids say nothing; tags may, that of CloudFormation best.
            let tagged = ["aws:cloudformation:logical-id", "Name"]
                .into_iter()
                .find_map(|tag| subject.variant.tag(tag).value().cloned().flatten());
            let name = tagged.unwrap_or_else(|| resource.name.to_string());
            let name: Vec<&str> = name.split('-').filter(|word| !is_account(word)).collect();
            format!("{region}/{}", name.join("-"))
        }
        Some(path) => path.to_string(),
        None => format!("{}/{}", stack.path, resource.name),
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
