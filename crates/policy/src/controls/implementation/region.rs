//! Which region an ARN names, and which are allowed.

use crate::prelude::*;
use lockfast_facts::{Part, Text};

/// The region in an ARN.
pub(super) enum ArnRegion {
    /// `${AWS::Region}`: that of the stack in which it is written.
    Own,
    Named(String),
    /// None is written, or none that is known.
    Open,
}

/// `arn:partition:service:region:…`.
pub(super) fn of_arn(arn: &Text) -> ArnRegion {
    const OWN: char = '\u{1}';
    const OPEN: char = '*';
    let is_own = |part: &Part| matches!(part, Part::Unknown(why) if is_own_region(why));
    let written = arn.render(|part| if is_own(part) { OWN } else { OPEN }.to_string());
    let mut fields = written.split(':');
    match (fields.next(), fields.nth(2)) {
        (Some("arn"), Some(region)) if region.chars().eq([OWN]) => ArnRegion::Own,
        (Some("arn"), Some(region)) if !region.is_empty() && !region.contains([OWN, OPEN]) => {
            ArnRegion::Named(region.to_owned())
        }
        _ => ArnRegion::Open,
    }
}

/// True of `AWS::Region` in a stack whose region the input does not say.
pub(super) fn is_own_region(why: &Why) -> bool {
    matches!(why, Why::Runtime(what) if what == "AWS::Region")
}

/// The regions allowed for a resource and its copies; empty when nobody said.
pub(super) fn allowed(cx: &Cx<'_>, resource: ResourceId) -> Vec<String> {
    if let Some(classification) = cx.classification(resource).value() {
        let asked = cx.config.asks(*classification).regions;
        if !asked.is_empty() {
            return asked;
        }
    }
    if !cx.config.residency.regions.is_empty() {
        return cx.config.residency.regions.clone();
    }
    let environment = cx.environment_name(resource).value();
    cx.config
        .customer
        .iter()
        .flat_map(|customer| customer.system.iter().map(move |system| (customer, system)))
        .filter(|(customer, system)| {
            environment.is_some_and(|e| {
                e.system.as_deref() == Some(&*format!("{}/{}", customer.name, system.name))
            })
        })
        .flat_map(|(_, system)| &system.environment)
        .filter(|e| environment.is_some_and(|own| *own.name == *e.name))
        .flat_map(|e| e.regions.clone())
        .collect()
}

/// Whether two regions lie in one geography: `eu-central-1` and `eu-west-1` do.
pub(super) fn same_geography(one: &str, other: &str) -> bool {
    one.split('-').next() == other.split('-').next()
}
