//! Parameters that stacks only hand on to the stacks they nest.

use super::parameter::{Parameters, depth};
use crate::Template;
use lockfast_facts::{Step, Via};
use std::collections::HashMap;

/// Where the value of a parameter comes from that the stacks around its own hand on as it is. Found once:
/// in every world and at every use, the hops are the same.
pub(super) struct Origin<'t> {
    /// The outermost template that has it.
    pub template: usize,
    /// Its name there.
    pub name: &'t str,
    /// The hops from there.
    pub via: Via,
}

/// The origins of the parameters of every template, by name.
pub(super) fn origins<'t>(
    templates: &'t [Template],
    parameters: &[Parameters<'t>],
) -> Vec<HashMap<&'t str, Origin<'t>>> {
    let mut found: Vec<HashMap<&str, Origin<'_>>> =
        templates.iter().map(|_| HashMap::new()).collect();
    let mut outermost_first: Vec<usize> = (0..templates.len()).collect();
    outermost_first.sort_by_key(|t| depth(templates, *t));
    for t in outermost_first {
        let template = &templates[t];
        let Some(parent) = template.parent.as_ref().map(|(parent, _)| *parent) else {
            continue;
        };
        let Some(above) = parameters.get(parent) else {
            continue;
        };
        let handed_on = parameters[t].iter().filter_map(|(name, parameter)| {
            let passed = parameter.passed?;
            let [entry] = passed.entries() else {
                return None;
            };
            let target = (&*entry.key == "Ref").then(|| entry.value.scalar())??;
            let (target, its) = above.get_key_value(target)?;
            let alike = its.is_list == parameter.is_list && !its.from_ssm && !parameter.from_ssm;
            if !alike || target.starts_with("AWS::") || template.parameters.contains_key(*name) {
                return None;
            }
            let hop = Step {
                what: format!("parameter {name} (passed by the parent stack)"),
                loc: passed.loc,
            };
            let further = found[parent].get(target);
            let origin = Origin {
                template: further.map_or(parent, |origin| origin.template),
                name: further.map_or(target, |origin| origin.name),
                via: Via::step(hop, further.map(|origin| origin.via.clone())),
            };
            Some((*name, origin))
        });
        found[t] = handed_on.collect();
    }
    found
}
