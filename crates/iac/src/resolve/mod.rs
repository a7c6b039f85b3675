//! Templates as facts: every intrinsic that can be known is, the rest says why it cannot.

mod build;
mod condition;
mod eval;
mod expand;
mod intrinsics;
mod merge;
mod metadata;
mod origin;
mod parameter;
mod reference;
mod sam;
mod sam_events;
mod sam_policies;
mod stored;
mod text;
mod world;

use crate::{Node, Problem, Template};
use lockfast_facts::{
    Directive, Inventory, Kind, Loc, Map, Pos, Resource, ResourceId, Source, Stack, StackId,
    StackParameter, Value, Written,
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
    crate::pool::install(|| resolve_all(sources, &mut templates))
}

fn resolve_all(sources: Vec<Source>, templates: &mut [Template]) -> Resolved {
    let passed: Vec<expand::Passed> = templates
        .iter()
        .map(|template| passed(templates, template))
        .collect();
    let expanded: Vec<(bool, Vec<Problem>)> = templates
        .par_iter_mut()
        .zip(passed)
        .map(|(template, passed)| {
            let mut problems = Vec::new();
            let open = expand::expand(template, &passed, &sources, &mut problems);
            (open, problems)
        })
        .collect();
    let mut problems = Vec::new();
    let labels: Vec<String> = parameter::labels(templates)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut contexts = Vec::with_capacity(templates.len());
    for (t, (open, found)) in expanded.into_iter().enumerate() {
        problems.extend(found);
        let template = &templates[t];
        contexts.push(Context {
            open,
            named: template.parent.is_none()
                && template.stack_name != sources[template.source.0 as usize].name(),
            root: root_of(templates, t),
            nested_by: nested_by(templates, t),
            label: labels[t].clone(),
        });
    }
    let templates = &*templates;
    let resolver = Resolver::new(templates, contexts);
    let bodies: Vec<(usize, &crate::Entry)> = templates
        .iter()
        .enumerate()
        .flat_map(|(t, template)| resources(template).map(move |entry| (t, entry)))
        .collect();
    let resolved: Vec<(Resource, Vec<(Loc, String)>)> = bodies
        .par_iter()
        .enumerate()
        .map(|(index, (t, entry))| resolver.resource(index, *t, entry))
        .collect();
    let mut resources = Vec::with_capacity(resolved.len());
    let mut notes = Vec::new();
    for (resource, found) in resolved {
        notes.extend(found);
        resources.push(resource);
    }
    for template in templates {
        notes.extend(malformed(template));
    }
    notes.sort();
    notes.dedup();
    problems.extend(notes.into_iter().map(|(loc, message)| Problem {
        path: sources[loc.source.0 as usize].name().to_owned(),
        at: Some(loc.start),
        message,
    }));
    let stacks = (0..templates.len())
        .map(|t| stack(&templates[t], resolver.stack_parameters(t)))
        .collect();
    let choices = resolver.choices();
    Resolved {
        inventory: Inventory::new(sources, stacks, resources).with_choices(choices),
        problems,
    }
}

/// What a template's parent passes to it, as far as it is constant.
fn passed(templates: &[Template], template: &Template) -> expand::Passed {
    let entries = parameter::passed(templates, template)
        .map(Node::entries)
        .unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.scalar().map(Arc::from)))
        .collect()
}

/// The outermost template of a nested one.
fn root_of(templates: &[Template], t: usize) -> usize {
    let mut root = t;
    for _ in 0..templates.len() {
        match &templates[root].parent {
            Some((parent, _)) if *parent < templates.len() => root = *parent,
            _ => break,
        }
    }
    root
}

/// The resources that nest a template, the outermost first.
fn nested_by(templates: &[Template], t: usize) -> Vec<(usize, &Node)> {
    let mut found = Vec::new();
    let mut below = t;
    while let Some((parent, name)) = &templates[below].parent
        && *parent < templates.len()
        && found.len() < templates.len()
    {
        let resources = templates[*parent].root.get("Resources");
        found.extend(
            resources
                .and_then(|all| all.get(name))
                .map(|node| (*parent, node)),
        );
        below = *parent;
    }
    found.reverse();
    found
}

/// Entries under `Resources` that are no resources.
fn malformed(template: &Template) -> Vec<(Loc, String)> {
    let entries = template
        .root
        .get("Resources")
        .map(Node::entries)
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| entry.value.entries().is_empty() || entry.key.starts_with("Fn::"))
        .filter(|entry| !entry.key.starts_with("Fn::ForEach"))
        .map(|entry| {
            let message = match &*entry.key {
                "Fn::Transform" => {
                    let name = entry
                        .value
                        .get("Name")
                        .and_then(Node::scalar)
                        .unwrap_or("Fn::Transform");
                    format!("macro {name} adds resources at deployment; they are not judged")
                }
                name => format!("resource {name} is not an object"),
            };
            (entry.key_loc, message)
        })
        .collect()
}

/// The resources of a template, in the order written.
fn resources(template: &Template) -> impl Iterator<Item = &crate::Entry> {
    template
        .root
        .get("Resources")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .filter(|entry| !entry.value.entries().is_empty() && !entry.key.starts_with("Fn::"))
}

fn stack(template: &Template, parameters: Vec<StackParameter>) -> Stack {
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
        parameters,
    }
}

/// What a template is, beside what it says.
struct Context<'t> {
    /// True when a macro or a transform may add to it what it refers to.
    open: bool,
    /// True when the input tells the stack's name, not only the file's.
    named: bool,
    /// The outermost template that nests it; itself when none does.
    root: usize,
    /// The resources that nest it, the outermost first, with their templates.
    nested_by: Vec<(usize, &'t Node)>,
    /// The stack's short name, before what several stacks call alike.
    label: String,
}

/// An output that other stacks import.
#[derive(Clone, Copy)]
struct Export<'t> {
    template: usize,
    value: &'t Node,
    /// The condition under which the output is made.
    condition: Option<&'t Node>,
}

/// What every resolution shares.
struct Resolver<'t> {
    templates: &'t [Template],
    contexts: Vec<Context<'t>>,
    ids: Vec<HashMap<&'t str, ResourceId>>,
    parameters: Vec<Parameters<'t>>,
    /// Of parameters that are only handed on, where they come from.
    origins: Vec<HashMap<&'t str, origin::Origin<'t>>>,
    /// What stacks leave in Parameter Store, by name.
    stored: HashMap<String, Vec<stored::Stored<'t>>>,
    /// Export name → the outputs that make it.
    exports: HashMap<String, Vec<Export<'t>>>,
    /// Stacks whose name is known, by it.
    named: HashMap<&'t str, Vec<usize>>,
    /// Nested stack resource → its template.
    children: HashMap<(usize, &'t str), usize>,
    /// How much text one resource may make by joining.
    share_of_text: usize,
    /// The comments of each template that are for Lockfast, by the place of their resource's name.
    comments: Vec<HashMap<Pos, Vec<Directive>>>,
}

impl<'t> Resolver<'t> {
    fn new(templates: &'t [Template], contexts: Vec<Context<'t>>) -> Self {
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
        let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
        for (t, template) in templates
            .iter()
            .enumerate()
            .filter(|(t, _)| contexts[*t].named)
        {
            named.entry(&template.stack_name).or_default().push(t);
        }
        let parameters = parameter::of_all(templates);
        let mut resolver = Resolver {
            origins: origin::origins(templates, &parameters),
            stored: HashMap::new(),
            templates,
            contexts,
            named,
            ids,
            parameters,
            exports: HashMap::new(),
            children,
            share_of_text: eval::share_of_text(next as usize),
            comments: templates.iter().map(metadata::comments).collect(),
        };
        resolver.exports = resolver.find_exports();
        resolver.stored = resolver.find_stored();
        resolver
    }

    fn find_exports(&self) -> HashMap<String, Vec<Export<'t>>> {
        let found: Vec<Vec<(String, Export<'t>)>> = (0..self.templates.len())
            .into_par_iter()
            .map(|t| self.exports_of(t))
            .collect();
        let mut exports: HashMap<String, Vec<Export<'t>>> = HashMap::new();
        for (name, export) in found.into_iter().flatten() {
            exports.entry(name).or_default().push(export);
        }
        exports
    }

    /// The exports of a template, under every name that its parameters can give them.
    fn exports_of(&self, t: usize) -> Vec<(String, Export<'t>)> {
        let mut exports = Vec::new();
        let outputs = self.templates[t]
            .root
            .get("Outputs")
            .map(Node::entries)
            .unwrap_or_default();
        for output in outputs {
            let value = output.value.get("Value");
            let name = output
                .value
                .get("Export")
                .and_then(|export| export.get("Name"));
            let (Some(value), Some(name)) = (value, name) else {
                continue;
            };
            let export = Export {
                template: t,
                value,
                condition: output.value.get("Condition"),
            };
            let names = self.texts(t, &output.key, name);
            exports.extend(names.into_iter().map(|name| (name, export)));
        }
        exports
    }

    /// Every text that a node of `of` can come to.
    fn texts(&self, t: usize, of: &str, node: &Node) -> Vec<String> {
        let mut texts: Vec<String> = world::explore(of, |world| self.value(t, node, world))
            .worlds
            .into_iter()
            .filter_map(|(_, value)| match value?.kind {
                Kind::Text(text) => text.plain().map(str::to_owned),
                _ => None,
            })
            .collect();
        texts.sort();
        texts.dedup();
        texts
    }

    fn resource(
        &self,
        index: usize,
        t: usize,
        entry: &crate::Entry,
    ) -> (Resource, Vec<(Loc, String)>) {
        let crate::Entry {
            key: name,
            key_loc: loc,
            value: body,
        } = entry;
        let template = &self.templates[t];
        let kind = body.get("Type").and_then(Node::scalar);
        let properties = |world: &world::World| self.properties(t, entry, world);
        let mut explored = match kind {
            // CDK's marker depends on the region in each stack and says nothing about encryption.
            Some("AWS::CDK::Metadata") => world::undecided(properties),
            _ => world::explore(name, properties),
        };
        let mut notes = std::mem::take(&mut explored.notes);
        if kind.is_none() {
            notes.push((*loc, format!("resource {name} has no Type")));
        }
        let construct_path =
            metadata::construct_path(body).or_else(|| template.construct_paths.get(name).cloned());
        let creation_site = construct_path
            .as_ref()
            .and_then(|path| template.creation_sites.get(path).cloned());
        let mut depends_on: Vec<Arc<str>> = Vec::new();
        if let Some(node) = body.get("DependsOn") {
            depends_on.extend(node.scalar().map(Arc::from));
            depends_on.extend(node.items().iter().filter_map(Node::scalar).map(Arc::from));
        }
        // With AWS::LanguageExtensions, conditions may decide it.
        let deletion_policy = match body.get("DeletionPolicy") {
            None => Vec::new(),
            Some(node) => merge::merge(world::explore(name, |world| self.value(t, node, world)))
                .into_iter()
                .map(|variant| (variant.when, variant.properties))
                .collect(),
        };
        let resource = Resource {
            id: ResourceId(u32::try_from(index).unwrap_or(u32::MAX)),
            stack: StackId(u32::try_from(t).unwrap_or(u32::MAX)),
            kind: kind.unwrap_or("?").into(),
            name: name.clone(),
            arn: None,
            loc: *loc,
            body: body.loc,
            variants: merge::merge(explored),
            written: Some(Box::new(Written {
                construct_path,
                creation_site,
                deletion_policy,
                depends_on,
                directives: metadata::directives(&self.comments[t], *loc, body),
            })),
        };
        (resource, notes)
    }

    /// The properties of a resource in a world; `None` when the world does not make it.
    ///
    /// They stand at the resource's name: what is not among them is missing from the resource as a
    /// whole, not from where the first of them happens to be written.
    fn properties(&self, t: usize, entry: &crate::Entry, world: &world::World) -> Option<Value> {
        let body = &entry.value;
        let made = |t: usize, body: &Node| self.is_made(t, body.get("Condition"), world);
        let stacks = self.contexts[t].nested_by.iter();
        if !stacks.clone().all(|(t, stack)| made(*t, stack)) || !made(t, body) {
            return None;
        }
        let written = body
            .get("Properties")
            .and_then(|node| self.value(t, node, world));
        if let Some(Value { kind, loc, .. }) = &written
            && !matches!(kind, Kind::Map(_) | Kind::Null | Kind::Unknown(_))
        {
            world.note(*loc, || {
                format!("the Properties of resource {} are not an object", entry.key)
            });
        }
        let mut properties = match written {
            Some(written) if !matches!(written.kind, Kind::Map(_)) => written,
            written => Value::new(
                written.map_or_else(|| Kind::Map(Map::default()), |value| value.kind),
                entry.key_loc,
            ),
        };
        if let Some(entry) = body.entry("Fn::Transform")
            && let Kind::Map(map) = &mut properties.kind
            && let Some(made) = self.intrinsic(t, &entry.key, &entry.value, entry.key_loc, world)
        {
            // It rewrites the whole resource, so what is not written may yet be.
            let written = map.0.iter().cloned();
            *map = written.chain([(entry.key.clone(), made)]).collect();
        }
        Some(properties)
    }
}
