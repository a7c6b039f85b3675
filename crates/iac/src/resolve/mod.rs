//! Templates as facts: every intrinsic that can be known is, the rest says why it cannot.

mod condition;
mod eval;
mod expand;
mod intrinsics;
mod merge;
mod metadata;
mod parameter;
mod sam;
mod text;
mod world;

use crate::{Node, Problem, Template};
use lockfast_facts::{
    Inventory, Kind, Loc, Map, Resource, ResourceId, Source, Stack, StackId, Value,
};
use parameter::Parameters;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// What the templates come to.
pub struct Resolved {
    /// The facts.
    pub inventory: Inventory,
    /// What is wrong with the templates.
    pub problems: Vec<Problem>,
}

/// Resolves templates to an inventory: one stack per template, one resource per logical id, one
/// variant per combination of parameters that makes a difference.
pub fn resolve(sources: Vec<Source>, mut templates: Vec<Template>) -> Resolved {
    let mut problems = Vec::new();
    for template in &mut templates {
        expand::expand(template, &sources, &mut problems);
    }
    let resolver = Resolver::new(&templates);
    let stacks = templates.iter().map(stack).collect();

    let bodies: Vec<(usize, &Arc<str>, Loc, &Node)> = templates
        .iter()
        .enumerate()
        .flat_map(|(t, template)| {
            resources(template).map(move |entry| (t, &entry.key, entry.key_loc, &entry.value))
        })
        .collect();
    let resolved: Vec<(Resource, Vec<String>)> = bodies
        .par_iter()
        .enumerate()
        .map(|(index, (t, name, loc, body))| resolver.resource(index, *t, name, *loc, body))
        .collect();
    let mut resources = Vec::with_capacity(resolved.len());
    for (resource, messages) in resolved {
        for message in messages {
            problems.push(Problem {
                path: sources[resource.loc.source.0 as usize].name().to_owned(),
                at: Some(resource.loc.start),
                message,
            });
        }
        resources.push(resource);
    }
    Resolved {
        inventory: Inventory::new(sources, stacks, resources),
        problems,
    }
}

/// The resources of a template, in the order written.
fn resources(template: &Template) -> impl Iterator<Item = &crate::Entry> {
    template
        .root
        .get("Resources")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .filter(|entry| !entry.value.entries().is_empty())
}

fn stack(template: &Template) -> Stack {
    Stack {
        name: template.stack_name.clone(),
        path: template.stack_path.clone(),
        place: template.place.clone(),
        source: template.source,
        parent: template
            .parent
            .as_ref()
            .map(|(index, _)| StackId(u32::try_from(*index).unwrap_or(u32::MAX))),
        tags: template.tags.clone(),
    }
}

/// What every resolution shares.
struct Resolver<'t> {
    templates: &'t [Template],
    ids: Vec<HashMap<&'t str, ResourceId>>,
    parameters: Vec<Parameters<'t>>,
    /// Export name → the outputs that make it: template and value.
    exports: HashMap<String, Vec<(usize, &'t Node)>>,
    /// Nested stack resource → its template.
    children: HashMap<(usize, &'t str), usize>,
}

impl<'t> Resolver<'t> {
    fn new(templates: &'t [Template]) -> Self {
        let mut next = 0;
        let ids = templates
            .iter()
            .map(|template| {
                resources(template)
                    .map(|entry| {
                        let id = ResourceId(next);
                        next += 1;
                        (&*entry.key, id)
                    })
                    .collect()
            })
            .collect();
        let children = templates
            .iter()
            .enumerate()
            .filter_map(|(child, template)| {
                let (parent, name) = template.parent.as_ref()?;
                Some(((*parent, &**name), child))
            })
            .collect();
        let mut resolver = Resolver {
            templates,
            ids,
            parameters: parameter::of_all(templates),
            exports: HashMap::new(),
            children,
        };
        resolver.exports = resolver.find_exports();
        resolver
    }

    fn find_exports(&self) -> HashMap<String, Vec<(usize, &'t Node)>> {
        let mut exports: HashMap<String, Vec<(usize, &'t Node)>> = HashMap::new();
        for (t, template) in self.templates.iter().enumerate() {
            let outputs = template.root.get("Outputs").map(Node::entries).unwrap_or_default();
            for output in outputs {
                let (Some(value), Some(export)) = (output.value.get("Value"), output.value.get("Export")) else {
                    continue;
                };
                let Some(name) = export.get("Name") else {
                    continue;
                };
                let name = self.value(t, name, &world::World::default());
                if let Some(Value { kind: Kind::Text(text), .. }) = &name
                    && let Some(name) = text.plain()
                {
                    exports.entry(name.to_owned()).or_default().push((t, value));
                }
            }
        }
        exports
    }

    fn resource(
        &self,
        index: usize,
        t: usize,
        name: &Arc<str>,
        loc: Loc,
        body: &Node,
    ) -> (Resource, Vec<String>) {
        let template = &self.templates[t];
        let mut messages = Vec::new();
        let kind: Arc<str> = match body.get("Type").and_then(Node::scalar) {
            Some(kind) => kind.into(),
            None => {
                messages.push(format!("resource {name} has no Type"));
                "?".into()
            }
        };
        let worlds = world::explore(|world| self.properties(t, body, world));
        let construct_path = metadata::construct_path(body).or_else(|| {
            template.construct_paths.get(name).cloned()
        });
        let creation_site = construct_path
            .as_ref()
            .and_then(|path| template.creation_sites.get(path).cloned());
        let mut depends_on: Vec<Arc<str>> = Vec::new();
        if let Some(node) = body.get("DependsOn") {
            depends_on.extend(node.scalar().map(Arc::from));
            depends_on.extend(node.items().iter().filter_map(Node::scalar).map(Arc::from));
        }
        let resource = Resource {
            id: ResourceId(u32::try_from(index).unwrap_or(u32::MAX)),
            stack: StackId(u32::try_from(t).unwrap_or(u32::MAX)),
            kind,
            name: name.clone(),
            construct_path,
            creation_site,
            loc,
            body: body.loc,
            variants: merge::merge(worlds),
            deletion_policy: body.get("DeletionPolicy").and_then(Node::scalar).map(Arc::from),
            depends_on,
            directives: metadata::directives(template, loc, body),
        };
        (resource, messages)
    }

    /// The properties of a resource in a world; `None` when the world does not make it.
    fn properties(&self, t: usize, body: &Node, world: &world::World) -> Option<Value> {
        let mut exists = Ok(true);
        if let Some(condition) = body.get("Condition").and_then(Node::scalar) {
            exists = self.named_condition(t, condition, world);
        }
        if exists == Ok(false) {
            return None;
        }
        match body.get("Properties") {
            Some(properties) => self.value(t, properties, world),
            None => Some(Value::new(Kind::Map(Map::default()), body.loc)),
        }
    }
}
