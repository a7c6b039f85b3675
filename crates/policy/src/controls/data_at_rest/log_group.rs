//! Which log group a property means.

use crate::prelude::*;

/// The log group in the inventory that a value names: by reference, by name or by ARN, in the
/// user's own account and region.
pub(super) fn find<'a>(cx: &Cx<'a>, user: &Resource, value: &Value) -> Option<&'a Resource> {
    if let Some((target, _)) = cx.inventory.target(value)
        && &*target.kind == "AWS::Logs::LogGroup"
    {
        return Some(target);
    }
    let text = value.at("").text().found()?;
    let written = cx.inventory.written_name(user.stack, &text)?;
    let name = match written.split_once(":log-group:") {
        Some((_, rest)) => rest.trim_end_matches(":*"),
        None => written.as_str(),
    };
    cx.inventory
        .named("AWS::Logs::LogGroup", "LogGroupName", name)
        .find(|group| cx.inventory.same_place(user, group) != Some(false))
}
