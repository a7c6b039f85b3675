//! Which KMS key a property means.

use crate::{
    Inventory, Kind, Origin, Part, Read, Resource, ResourceId, Step, Text, Value, Via, Why,
};
use std::sync::Arc;

/// The key a property ends at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyTarget {
    /// A key (or replica key) in the inventory.
    Resource(ResourceId),
    /// An AWS managed key, by its alias (`alias/aws/rds`).
    AwsManaged(String),
    /// A key that the input only names: its ARN, id or alias.
    External(String),
}

/// A key, and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyUse {
    /// The key.
    pub target: KeyTarget,
    /// The hops followed, nearest first.
    pub steps: Vec<Step>,
}

impl KeyUse {
    /// The key in the inventory, if it is there.
    pub fn resource<'a>(&self, inventory: &'a Inventory) -> Option<&'a Resource> {
        match &self.target {
            KeyTarget::Resource(id) => Some(inventory.resource(*id)),
            _ => None,
        }
    }

    /// A short name for people: the construct path or logical id, the alias, or the ARN.
    pub fn label(&self, inventory: &Inventory) -> String {
        match &self.target {
            KeyTarget::Resource(id) => {
                let resource = inventory.resource(*id);
                match &resource.written().construct_path {
                    Some(path) => path.trim_end_matches("/Resource").to_owned(),
                    None => resource.name.to_string(),
                }
            }
            KeyTarget::AwsManaged(alias) => format!("{alias} (AWS managed)"),
            KeyTarget::External(name) => name.clone(),
        }
    }
}

/// Follows a key property to its key: references across stacks, aliases, ARNs.
///
/// `user` is the resource that names the key; its account and region decide which alias is meant.
/// Gives the reason when the key cannot be known.
pub fn resolve_key(
    inventory: &Inventory,
    user: &Resource,
    value: &Value,
) -> Result<KeyUse, Arc<Why>> {
    let mut steps: Vec<Step> = value.via.iter().flat_map(Via::iter).cloned().collect();
    let text = match &value.kind {
        Kind::Text(text) => text.clone(),
        Kind::Unknown(why) => return Err(why.clone()),
        _ => {
            return Err(Arc::new(Why::WrongType {
                expected: "a KMS key",
                found: value.kind_name(),
            }));
        }
    };
    if let Some(reference) = text.references().next() {
        let target = inventory.resource(reference.target);
        match &*target.kind {
            "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => {
                // A key of which a scan could learn nothing may be AWS's own.
                let properties = target
                    .variants
                    .first()
                    .map(|variant| &variant.properties.kind);
                if let (Some(Kind::Unknown(why)), Origin::Live) = (properties, inventory.origin()) {
                    return Err(why.clone());
                }
                steps.push(Step {
                    what: format!("{} {}", target.kind, target.name),
                    loc: target.loc,
                });
                return Ok(KeyUse {
                    target: KeyTarget::Resource(target.id),
                    steps,
                });
            }
            "AWS::KMS::Alias" => return follow_alias(inventory, target, steps, 0),
            other => {
                return Err(Arc::new(Why::Runtime(format!(
                    "the key that {} ({other}) gives",
                    target.name
                ))));
            }
        }
    }
    let written = inventory.written_name(user.stack, &text);
    let written = written.unwrap_or_else(|| known_tail(&text));
    if let Some(at) = written.find("alias/") {
        let alias = &written[at..];
        if alias.starts_with("alias/aws/") {
            return Ok(KeyUse {
                target: KeyTarget::AwsManaged(alias.to_owned()),
                steps,
            });
        }
        if let Some(resource) = find_alias(inventory, user, alias) {
            return follow_alias(inventory, resource, steps, 0);
        }
        // Which alias it is, is as unknown as its name.
        if let Some(why) = text
            .first_unknown()
            .filter(|_| !known_tail(&text).contains("alias/"))
        {
            return Err(why.clone());
        }
        return Ok(KeyUse {
            target: KeyTarget::External(render(&text)),
            steps,
        });
    }
    // Some services take the name of an AWS managed key without `alias/`.
    if let Some(service) = written.strip_prefix("aws/").filter(|s| !s.contains('/')) {
        return Ok(KeyUse {
            target: KeyTarget::AwsManaged(format!("alias/aws/{service}")),
            steps,
        });
    }
    match text.first_unknown() {
        Some(why) => Err(why.clone()),
        None => Ok(KeyUse {
            target: KeyTarget::External(render(&text)),
            steps,
        }),
    }
}

fn render(text: &Text) -> String {
    text.render(|part| match part {
        Part::Literal(s) => s.to_string(),
        _ => "*".to_owned(),
    })
}

/// The known characters at the end of a string.
fn known_tail(text: &Text) -> String {
    match text.parts().last() {
        Some(Part::Literal(s)) => s.to_string(),
        _ => String::new(),
    }
}

fn find_alias<'a>(inventory: &'a Inventory, user: &Resource, alias: &str) -> Option<&'a Resource> {
    let place = &inventory.stack_of(user).place;
    inventory
        .named("AWS::KMS::Alias", "AliasName", alias)
        .find(|resource| {
            resource.stack == user.stack || inventory.stack_of(resource).place == *place
        })
}

fn follow_alias(
    inventory: &Inventory,
    alias: &Resource,
    mut steps: Vec<Step>,
    depth: usize,
) -> Result<KeyUse, Arc<Why>> {
    steps.push(Step {
        what: match alias.at("AliasName").string() {
            Read::Found(name, _) => format!("alias {name}"),
            _ => format!("alias {}", alias.name),
        },
        loc: alias.loc,
    });
    if depth > 8 {
        return Err(Arc::new(Why::Cycle(format!("alias {}", alias.name))));
    }
    match alias.at("TargetKeyId") {
        Read::Found(value, _) => {
            if let Some((next, _)) = inventory.target(value)
                && &*next.kind == "AWS::KMS::Alias"
            {
                return follow_alias(inventory, next, steps, depth + 1);
            }
            let mut found = resolve_key(inventory, alias, value)?;
            steps.append(&mut found.steps);
            Ok(KeyUse {
                target: found.target,
                steps,
            })
        }
        Read::Absent(_) => Err(Arc::new(Why::NotGiven(format!(
            "the target of alias {}",
            alias.name
        )))),
        Read::Unknown(why, _) => Err(why),
    }
}
