//! Whether a parameter's value looks like a secret. The value is never shown.

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

/// True when the parameter's name alone says secret.
pub(super) fn secret_name(subject: Subject<'_>) -> bool {
    let name = subject
        .at("Name")
        .string()
        .found()
        .unwrap_or_else(|| subject.resource.name.to_string());
    crate::secrets::is_secret_name(name.rsplit('/').next().unwrap_or(&name))
}
