//! Which live resource each template resource is.

use crate::live::{Live, LiveStack, Physical};
use crate::stacks::{Absence, Instance};
use crate::tables::named_by;
use crate::words::plain_word;
use lockfast_facts::{Guard, Inventory, Read, Resource, ResourceId};
use std::collections::HashMap;

/// What a template resource is, in one instance of its stack.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    /// This live resource.
    Joined(ResourceId),
    /// It is not live, because.
    Missing(String),
    /// It is not live, and whether it should be cannot be told, because.
    Conditional(String),
    /// It cannot be told, because.
    Unknown(String),
}

/// Every template resource with what it is.
pub(crate) struct Join {
    /// The instances of the templates' stacks.
    pub instances: Vec<Instance>,
    /// By instance and template resource.
    pub status: HashMap<(usize, ResourceId), Status>,
    /// By template resource: the instances that have it.
    of: HashMap<ResourceId, Vec<usize>>,
    /// By live resource: the template's.
    pub defined: HashMap<ResourceId, (usize, ResourceId)>,
}

/// Joins everything: what is no store and no key too, since policies name it.
pub(crate) fn join(live: &Live<'_>, templates: &Inventory, instances: Vec<Instance>) -> Join {
    let mut by_stack: HashMap<_, Vec<&Resource>> = HashMap::new();
    for resource in templates.resources() {
        by_stack.entry(resource.stack).or_default().push(resource);
    }
    let mut join = Join {
        instances: Vec::new(),
        status: HashMap::new(),
        of: HashMap::new(),
        defined: HashMap::new(),
    };
    for (at, instance) in instances.iter().enumerate() {
        for resource in by_stack.get(&instance.stack).into_iter().flatten() {
            let mut status = one(live, instance, resource);
            if let (Status::Missing(_), Some(when)) = (&status, only_when(templates, resource)) {
                status = Status::Conditional(format!(
                    "it is not live, and its template makes it only {when}"
                ));
            }
            if let Status::Joined(found) = status {
                match join.defined.get(&found) {
                    Some((_, other)) => {
                        let other = templates.resource(*other);
                        status = Status::Unknown(format!(
                            "{} is {} of {} already",
                            live.inventory.resource(found).name,
                            other.name,
                            templates.stack_of(other).path
                        ));
                    }
                    None => {
                        join.defined.insert(found, (at, resource.id));
                    }
                }
            }
            join.of.entry(resource.id).or_default().push(at);
            join.status.insert((at, resource.id), status);
        }
    }
    join.instances = instances;
    join
}

impl Join {
    /// What a template resource is, seen from an instance: in the same one, else in one beside it.
    pub(crate) fn seen_from(&self, from: usize, target: ResourceId) -> Option<&Status> {
        if let Some(status) = self.status.get(&(from, target)) {
            return Some(status);
        }
        let own = &self.instances[from];
        let all = self.of.get(&target)?;
        let near = |at: &&usize| {
            let other = &self.instances[**at];
            other.account == own.account && other.region == own.region
        };
        let same_account = |at: &&usize| self.instances[**at].account == own.account;
        let pick = |near: Vec<&usize>| match near.as_slice() {
            [only] => Some(**only),
            _ => None,
        };
        let at = pick(all.iter().filter(near).collect())
            .or_else(|| pick(all.iter().filter(same_account).collect()))
            .or_else(|| pick(all.iter().collect()))?;
        self.status.get(&(at, target))
    }
}

/// Under which conditions a template makes a resource; none when under all.
fn only_when(templates: &Inventory, resource: &Resource) -> Option<String> {
    let guards: Vec<Guard> = resource
        .variants
        .iter()
        .map(|variant| variant.when.clone())
        .collect();
    let simple = Guard::simplified(&guards, |name| templates.choices(name));
    if simple.iter().any(Guard::is_always) {
        return None;
    }
    let said: Vec<String> = simple.iter().map(ToString::to_string).collect();
    match said.is_empty() {
        true => Some("never".into()),
        false => Some(format!("when {}", said.join(" or "))),
    }
}

fn one(live: &Live<'_>, instance: &Instance, resource: &Resource) -> Status {
    let kind = &*resource.kind;
    let mut doubt = None;
    if let Some(stack) = instance.live.map(|at| &live.stacks[at]) {
        match by_stack(live, stack, resource) {
            Ok(status) => return status,
            Err(why) => doubt = Some(why),
        }
    }
    let told = live.would_tell(
        kind,
        instance.account.as_deref(),
        instance.region.as_deref(),
    );
    match by_name(live, instance, resource) {
        Named::Live(id) => return Status::Joined(id),
        Named::Several(name, count) => {
            return Status::Unknown(format!(
                "{count} live resources of its type are named {name}, in several accounts or regions"
            ));
        }
        Named::NotThere(name) => {
            return match told {
                Ok(()) => Status::Missing(format!(
                    "nothing of its type is named {name}: never deployed, or deleted by hand"
                )),
                Err(why) => Status::Unknown(why),
            };
        }
        Named::No => {}
    }
    match (doubt, told) {
        (_, Err(why)) => Status::Unknown(why),
        (Some(Doubt::NotMade(stack)), _) => Status::Missing(format!(
            "stack {stack} does not have it: it was never deployed"
        )),
        (Some(Doubt::Open(why)), _) => {
            Status::Unknown(format!("which live resource it is, is not known: {why}"))
        }
        (None, _) => match instance.absence {
            Absence::Certain => Status::Missing(format!("{}: it was never deployed", instance.how)),
            Absence::Open => Status::Unknown(instance.how.clone()),
        },
    }
}

/// Why a stack does not say what a resource is.
enum Doubt {
    /// It never made it.
    NotMade(String),
    /// What it made is not known in full.
    Open(String),
}

fn by_stack(live: &Live<'_>, stack: &LiveStack, resource: &Resource) -> Result<Status, Doubt> {
    let Some(made) = stack.made.get(&*resource.name) else {
        return Err(match &stack.open {
            None => Doubt::NotMade(stack.name.clone()),
            Some(why) => Doubt::Open(format!("of stack {}, {why}", stack.name)),
        });
    };
    let told = live.would_tell(&resource.kind, Some(&stack.account), Some(&stack.region));
    let status = made.status.as_deref().unwrap_or_default();
    match &made.physical {
        Physical::Live(id) => Ok(Status::Joined(*id)),
        Physical::None => Ok(Status::Missing(format!(
            "stack {} has it without a physical id ({status})",
            stack.name
        ))),
        Physical::Text(physical) => Ok(match told {
            Ok(()) if stack.is_moving() => Status::Unknown(format!(
                "stack {} is changing ({})",
                stack.name,
                stack.status.as_deref().unwrap_or_default()
            )),
            Ok(()) => Status::Missing(format!(
                "stack {} made it as {physical}, which is not there any more: deleted by hand",
                stack.name
            )),
            Err(why) => Status::Unknown(why),
        }),
    }
}

/// What the name that a template chooses says.
enum Named {
    /// It chooses none, or it is not known.
    No,
    NotThere(String),
    Live(ResourceId),
    Several(String, usize),
}

fn by_name(live: &Live<'_>, instance: &Instance, resource: &Resource) -> Named {
    let Some(property) = named_by(&resource.kind) else {
        return Named::No;
    };
    let Read::Found(value, _) = resource.at(property) else {
        return Named::No;
    };
    let Some(name) = plain_word(live, instance, value).filter(|name| !name.is_empty()) else {
        return Named::No;
    };
    let region = instance.region.as_deref();
    match &instance.account {
        Some(account) => match live.find(&resource.kind, account, region, &name) {
            Some(id) => Named::Live(id),
            None => Named::NotThere(name),
        },
        None => match live.places_of(&resource.kind, &name, region).as_slice() {
            [only] => Named::Live(*only),
            [] => Named::NotThere(name),
            several => Named::Several(name, several.len()),
        },
    }
}
