//! Values that stacks leave for others in Parameter Store: in a parameter of their own, or by CDK's
//! references across regions.

use super::eval::via;
use super::world::World;
use super::{Resolver, resources};
use crate::Node;
use lockfast_facts::{Kind, Loc, Part, Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A value that a stack leaves under a name.
pub(super) struct Stored<'t> {
    template: usize,
    value: &'t Node,
    /// The condition under which it is left.
    condition: Option<&'t Node>,
    /// The region in which it is left.
    region: Option<Arc<str>>,
}

/// Where CDK leaves what stacks of other regions refer to (AWS CDK Developer Guide, "Resources: reference
/// resources in a different stack", `crossRegionReferences`).
const CDK_EXPORTS: &str = "/cdk/exports/";

impl<'t> Resolver<'t> {
    /// What the stacks leave in Parameter Store that says more than a text.
    pub(super) fn find_stored(&self) -> HashMap<String, Vec<Stored<'t>>> {
        let mut found: HashMap<String, Vec<Stored<'_>>> = HashMap::new();
        for (t, template) in self.templates.iter().enumerate() {
            for entry in resources(template) {
                let body = &entry.value;
                let property = |name: &str| body.get("Properties").and_then(|p| p.get(name));
                let stored = |value: &'t Node, region: Option<Arc<str>>| Stored {
                    template: t,
                    value,
                    condition: body.get("Condition"),
                    region,
                };
                match body.get("Type").and_then(Node::scalar) {
                    Some("AWS::SSM::Parameter") => {
                        let (Some(name), Some(value)) = (property("Name"), property("Value"))
                        else {
                            continue;
                        };
                        if value.entries().is_empty() {
                            continue;
                        }
                        for name in self.texts(t, &entry.key, name) {
                            let stored = stored(value, template.place.region.clone());
                            found.entry(name).or_default().push(stored);
                        }
                    }
                    Some("Custom::CrossRegionExportWriter") => {
                        let props = property("WriterProps");
                        let region = props.and_then(|p| p.get("region")).and_then(Node::scalar);
                        let exports = props.and_then(|p| p.get("exports")).map(Node::entries);
                        for export in exports.unwrap_or_default() {
                            let stored = stored(&export.value, region.map(Arc::from));
                            found
                                .entry(export.key.to_string())
                                .or_default()
                                .push(stored);
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }

    /// The value itself in place of a reference to Parameter Store, when a stack of the same account and
    /// region leaves it there and it is another resource's attribute: a text may be changed by anybody.
    pub(super) fn stored_value(&self, t: usize, value: Value, world: &World) -> Value {
        if let Kind::Text(Text::Parts(parts)) = &value.kind
            && let [Part::Dynamic(dynamic)] = &**parts
            && &*dynamic.service == "ssm"
            && let Some(found) = self.left(t, &dynamic.name, value.loc, world)
        {
            return found;
        }
        value
    }

    /// An attribute of CDK's reader of values from other regions.
    pub(super) fn cross_region(
        &self,
        t: usize,
        attribute: &str,
        loc: Loc,
        world: &World,
    ) -> Option<Value> {
        let is_export = attribute.starts_with(CDK_EXPORTS);
        is_export.then(|| self.left(t, attribute, loc, world))?
    }

    fn left(&self, t: usize, name: &str, loc: Loc, world: &World) -> Option<Value> {
        let place = &self.templates[t].place;
        let mut found = self.stored.get(name)?.iter().filter(|stored| {
            self.templates[stored.template].place.account == place.account
                && stored.region == place.region
                && self.is_made(stored.template, stored.condition, world)
        });
        let (Some(stored), None) = (found.next(), found.next()) else {
            return None;
        };
        let what = || format!("{name} of Parameter Store");
        let value = self.followed(stored.template, stored.value, world, what)?;
        let is_attribute = matches!(&value.kind, Kind::Text(text) if text.reference().is_some());
        is_attribute.then(|| via(value, what(), stored.value.loc, loc))
    }
}
