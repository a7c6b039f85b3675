//! The key map: which data hangs on which key, drawn as SVG.

use lockfast_facts::nouns::{KeyTarget, Protection};
use lockfast_policy::Run;
use std::collections::BTreeMap;
use std::fmt::Write;

const ROW: usize = 26;
const STORE_X: usize = 10;
const STORE_WIDTH: usize = 440;
const KEY_X: usize = 640;
const KEY_WIDTH: usize = 400;
/// More stores than this make no picture that a person can read.
const MOST: usize = 400;

struct Node {
    label: String,
    detail: String,
    class: String,
}

/// The map as an SVG element, or nothing when no store is known. Grouped by environment: stores on
/// the left, coloured by classification, keys on the right.
pub(crate) fn svg(run: &Run<'_>) -> Option<String> {
    let inventory = run.inventory();
    let cx = run.cx();
    // Environment → key label → stores.
    let mut groups: BTreeMap<String, BTreeMap<(String, bool), Vec<Node>>> = BTreeMap::new();
    let mut drawn = 0;
    let mut last = None;
    for store in inventory.stores() {
        // A store's variants show once, and types that hold data only in passing not at all.
        if last == Some(store.resource)
            || matches!(
                store.spec.noun.as_str(),
                "function" | "task" | "parameter" | "other"
            )
        {
            continue;
        }
        last = Some(store.resource);
        let Some(protection) = store.protection.value() else {
            continue;
        };
        if drawn == MOST {
            break;
        }
        drawn += 1;
        let resource = inventory.resource(store.resource);
        let environment = cx.environment_name(store.resource).value().map_or_else(
            || "environment not known".to_owned(),
            |e| e.name.to_string(),
        );
        let (key, own) = match protection {
            Protection::Customer(key) => (
                key.label(inventory),
                matches!(key.target, KeyTarget::Resource(_)),
            ),
            other => (other.label(inventory), false),
        };
        let class = cx
            .classification(store.resource)
            .value()
            .map_or_else(|| "unclassified".to_owned(), |c| c.to_string());
        groups
            .entry(environment)
            .or_default()
            .entry((key, own))
            .or_default()
            .push(Node {
                label: cx.label(resource),
                detail: format!("{} · {class}", resource.kind),
                class,
            });
    }
    if drawn == 0 {
        return None;
    }
    let mut body = String::new();
    let mut y = 10;
    for (environment, keys) in &groups {
        let _ = writeln!(
            body,
            r#"<text class="environment" x="{STORE_X}" y="{}">{}</text>"#,
            y + 18,
            escape(environment)
        );
        y += ROW + 6;
        for ((key, own), stores) in keys {
            let key_y = y + (stores.len() - 1) * ROW / 2;
            for (i, store) in stores.iter().enumerate() {
                let row = y + i * ROW;
                let (x1, y1, x2, y2) = (STORE_X + STORE_WIDTH, row + 11, KEY_X, key_y + 11);
                let middle = (x1 + x2) / 2;
                let _ = writeln!(
                    body,
                    r#"<path class="edge" d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/><g><title>{}
{}</title><rect class="store {}" x="{STORE_X}" y="{row}" width="{STORE_WIDTH}" height="22" rx="4"/><text x="{}" y="{}">{}</text></g>"#,
                    escape(&store.label),
                    escape(&store.detail),
                    store.class,
                    STORE_X + 8,
                    row + 15,
                    escape(&short(&store.label, 62)),
                );
            }
            let _ = writeln!(
                body,
                r#"<g><title>{}</title><rect class="key{}" x="{KEY_X}" y="{key_y}" width="{KEY_WIDTH}" height="22" rx="11"/><text x="{}" y="{}">{}</text></g>"#,
                escape(key),
                if *own { " own" } else { "" },
                KEY_X + 12,
                key_y + 15,
                escape(&short(key, 54)),
            );
            y += stores.len() * ROW + 6;
        }
        y += 10;
    }
    let width = KEY_X + KEY_WIDTH + 10;
    Some(format!(
        r#"<svg viewBox="0 0 {width} {y}" role="img" aria-label="Key map: which data hangs on which key" xmlns="http://www.w3.org/2000/svg">{body}</svg>"#
    ))
}

/// The end of a long name says more than its beginning.
fn short(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    format!(
        "…{}",
        text.chars().skip(count - most + 1).collect::<String>()
    )
}

fn escape(text: &str) -> String {
    crate::clean::clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
