//! What stands in templates and exists in an account, found together.

use lockfast_facts::{Inventory, Known, Resource, ResourceId};
use std::collections::HashMap;

/// Pairs of resources of templates and of accounts, by the tags that CloudFormation gives what it makes
/// (`aws:cloudformation:stack-name`, `aws:cloudformation:logical-id`; AWS CloudFormation User Guide, "Resource tag"). What it
/// gives no tags (aliases, policies) has no twin.
pub struct Twins {
    declared: HashMap<ResourceId, ResourceId>,
    existing: HashMap<ResourceId, ResourceId>,
}

impl Twins {
    /// Pairs what an account has with what templates make.
    pub fn new(live: &Inventory, templates: &Inventory) -> Twins {
        let mut made: HashMap<(&str, &str), Vec<&Resource>> = HashMap::new();
        for resource in templates.resources() {
            let stack = &templates.stack_of(resource).name;
            let known = made.entry((stack, &resource.name)).or_default();
            known.push(resource);
        }
        let tag = |resource: &Resource, name: &str| match resource.tag(name) {
            Known::Stated(value, _) => value,
            _ => None,
        };
        let mut twins = Twins {
            declared: HashMap::new(),
            existing: HashMap::new(),
        };
        for resource in live.resources() {
            let stack = tag(resource, "aws:cloudformation:stack-name");
            let name = tag(resource, "aws:cloudformation:logical-id");
            let (Some(stack), Some(name)) = (stack, name) else {
                continue;
            };
            let place = &live.stack_of(resource).place;
            let twin = made.get(&(&*stack, &*name)).into_iter().flatten();
            let twin = twin.copied().find(|twin| {
                let own = &templates.stack_of(twin).place;
                // Types may differ: a global table exists as a table.
                (own.account.is_none() || own.account == place.account)
                    && (own.region.is_none() || own.region == place.region)
            });
            if let Some(twin) = twin {
                twins.declared.insert(resource.id, twin.id);
                twins.existing.insert(twin.id, resource.id);
            }
        }
        twins
    }

    /// What the templates call something that exists.
    pub fn declared(&self, live: ResourceId) -> Option<ResourceId> {
        self.declared.get(&live).copied()
    }

    /// What exists of something in the templates.
    pub fn existing(&self, declared: ResourceId) -> Option<ResourceId> {
        self.existing.get(&declared).copied()
    }

    /// Whether something in the templates exists.
    pub fn exists(&self, declared: ResourceId) -> bool {
        self.existing.contains_key(&declared)
    }
}
