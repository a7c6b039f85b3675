//! Which resources of two environments are the same thing deployed twice.

use crate::config::EnvironmentKind;
use crate::cx::EnvironmentName;
use crate::prelude::*;

/// The environment that a resource belongs to under one variant: by what the context knows of it, or
/// by the parameter that chooses the variant (`Env=dev`). `None` when the two contradict each other:
/// the variant is not deployed there.
pub(super) fn environment(cx: &Cx<'_>, subject: Subject<'_>) -> Option<Known<EnvironmentName>> {
    let known = cx.environment_name(subject.id());
    let chosen = subject
        .variant
        .when
        .choices()
        .iter()
        .find_map(|(parameter, value)| {
            let parameter = parameter.to_lowercase();
            let names_it = parameter.contains("env") || parameter.contains("stage");
            kind_of(value)
                .filter(|_| names_it)
                .map(|kind| (kind, value))
        });
    let Some((kind, value)) = chosen else {
        return Some(known.clone());
    };
    match known.value() {
        Some(environment) if environment.kind != kind => None,
        Some(_) => Some(known.clone()),
        None => {
            let chosen = EnvironmentName {
                kind,
                name: value.clone(),
                system: None,
            };
            Some(Known::Stated(chosen, subject.resource.loc))
        }
    }
}

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
        .filter(|word| !own.contains(word) && kind_of(word).is_none())
        .collect();
    kept.join("-")
}

fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        previous_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn kind_of(word: &str) -> Option<EnvironmentKind> {
    match word.to_lowercase().as_str() {
        "prod" | "production" | "prd" | "live" => Some(EnvironmentKind::Production),
        "staging" | "stage" | "stg" | "preprod" | "uat" => Some(EnvironmentKind::Staging),
        "dev" | "development" | "test" | "tst" | "sandbox" | "qa" => {
            Some(EnvironmentKind::Development)
        }
        _ => None,
    }
}
