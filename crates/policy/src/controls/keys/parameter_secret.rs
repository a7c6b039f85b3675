//! Whether a parameter's value is a secret, by what it looks like or where it comes from. The value is
//! never shown.

use crate::prelude::*;

/// What gives a parameter away, by its name and value; `None` when nothing does.
pub(super) fn looks_secret(subject: Subject<'_>) -> Option<String> {
    let name = subject
        .at("Name")
        .string()
        .found()
        .unwrap_or_else(|| subject.resource.name.to_string());
    let last = name.rsplit('/').next().unwrap_or(&name);
    match subject.at("Value").text() {
        Read::Found(text, _) => crate::secrets::found(last, &text),
        _ => None,
    }
}

/// Where a parameter's value comes from, when that keeps secrets.
pub(super) fn kept_secret(cx: &Cx<'_>, subject: Subject<'_>) -> Option<String> {
    let value = subject.at("Value").text();
    let (dynamic, why) = match &value {
        Read::Absent(_) => return None,
        Read::Unknown(why, _) => (None, Some(why)),
        Read::Found(text, _) => {
            let mut references = text.references();
            let attribute = |r| crate::secrets::of_attribute(cx.inventory, r);
            if let Some(secret) = references.find_map(attribute) {
                return Some(secret.to_owned());
            }
            let secret = |service: &str| matches!(service, "secretsmanager" | "ssm-secure");
            let mut dynamic = text.dynamic_references();
            (
                dynamic.find(|d| secret(&d.service)).cloned(),
                text.first_unknown(),
            )
        }
    };
    if let Some(dynamic) = dynamic {
        return Some(format!("a copy of what {} keeps", dynamic.service));
    }
    match why.map(|why| &**why) {
        Some(Why::Parameter(name)) if is_hidden(cx, subject, name) => Some(format!(
            "the value of parameter {name}, which NoEcho hides elsewhere"
        )),
        _ => None,
    }
}

/// True when the parameter's name alone says secret.
pub(super) fn secret_name(subject: Subject<'_>) -> bool {
    let name = subject
        .at("Name")
        .string()
        .found()
        .unwrap_or_else(|| subject.resource.name.to_string());
    crate::secrets::is_secret_name(name.rsplit('/').next().unwrap_or(&name))
}

/// Whether `NoEcho` hides a parameter of the stack, or of one around it.
pub(super) fn is_hidden(cx: &Cx<'_>, subject: Subject<'_>, parameter: &str) -> bool {
    let own = Some(subject.resource.stack);
    let stacks = std::iter::successors(own, |id| cx.inventory.stack(*id).parent);
    stacks
        .take(cx.inventory.stacks().len())
        .flat_map(|id| &cx.inventory.stack(id).parameters)
        .find(|known| *known.name == *parameter)
        .is_some_and(|known| known.hidden)
}
