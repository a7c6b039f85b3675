//! The key map: which data hangs on which key, drawn as SVG.

use crate::clean::clean;
use lockfast_facts::Guard;
use lockfast_facts::nouns::{KeyTarget, Protection, Store};
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

/// What a key protects: a store, or one of its cases.
struct Node {
    /// What is written in the box.
    name: String,
    /// The same with the condition, which would not fit.
    label: String,
    detail: String,
    class: String,
}

/// A key as it is drawn: its name, and how it looks.
type Key = (String, &'static str);

/// A map and what it says in words.
pub(crate) struct KeyMap {
    /// The picture, an SVG element.
    pub svg: String,
    /// The same as rows: environment, store, what it is, key.
    pub rows: Vec<[String; 4]>,
    /// Stores that were too many to draw.
    pub left_out: usize,
}

/// The map, or nothing when no store is known. Grouped by environment: stores on the left, coloured by
/// classification, keys on the right. A store whose key differs between conditions stands under each.
pub(crate) fn map(run: &Run<'_>) -> Option<KeyMap> {
    let inventory = run.inventory();
    let cx = run.cx();
    // Environment → key → stores.
    let mut groups: BTreeMap<String, BTreeMap<Key, Vec<Node>>> = BTreeMap::new();
    let mut rows = Vec::new();
    let (mut drawn, mut left_out) = (0, 0);
    // Types that hold data only in passing are not drawn at all.
    let stores = inventory.stores().iter().filter(|store| {
        !matches!(
            store.spec.noun.as_str(),
            "function" | "task" | "parameter" | "other"
        )
    });
    let stores: Vec<&Store> = stores.collect();
    for cases in stores.chunk_by(|a, b| a.resource == b.resource && a.part == b.part) {
        let [first, ..] = cases else { continue };
        let mut keys: BTreeMap<Key, Vec<Guard>> = BTreeMap::new();
        for case in cases {
            let key = match case.protection.value() {
                Some(Protection::Customer(key)) => (
                    key.label(inventory),
                    match key.target {
                        KeyTarget::Resource(_) => "own",
                        _ => "",
                    },
                ),
                Some(other) => (other.label(inventory), ""),
                None => ("not known".to_owned(), "unknown"),
            };
            keys.entry(key).or_default().push(case.when.clone());
        }
        let resource = inventory.resource(first.resource);
        let environment = cx.environment_name(first.resource).value().map_or_else(
            || "environment not known".to_owned(),
            |e| e.name.to_string(),
        );
        let class = cx
            .classification(first.resource)
            .value()
            .map_or_else(|| "unclassified".to_owned(), |c| c.to_string());
        let mut label = cx.label(resource);
        if !first.part.is_empty() {
            label.push_str(&format!(" [{}]", first.part));
        }
        let several = keys.len() > 1;
        for (key, when) in keys {
            if drawn == MOST {
                left_out += 1;
                continue;
            }
            drawn += 1;
            let mut name = label.clone();
            let mut label = label.clone();
            if several {
                name.push_str(" (sometimes)");
                let when = Guard::simplified(&when, |name| inventory.choices(name));
                let texts: Vec<String> = when.iter().map(Guard::to_string).collect();
                label.push_str(&match texts.as_slice() {
                    [only] => format!(" when {only}"),
                    [one, ..] => format!(" when {one} …"),
                    [] => String::new(),
                });
            }
            let detail = format!("{} · {class}", resource.kind);
            rows.push([&environment, &label, &detail, &key.0].map(|text| clean(text)));
            groups
                .entry(environment.clone())
                .or_default()
                .entry(key)
                .or_default()
                .push(Node {
                    name,
                    label,
                    detail,
                    class: class.clone(),
                });
        }
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
        for ((key, look), stores) in keys {
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
                    escape(&short(&store.name, 58)),
                );
            }
            let _ = writeln!(
                body,
                r#"<g><title>{}</title><rect class="key {look}" x="{KEY_X}" y="{key_y}" width="{KEY_WIDTH}" height="22" rx="11"/><text x="{}" y="{}">{}</text></g>"#,
                escape(key),
                KEY_X + 12,
                key_y + 15,
                escape(&short(key, 52)),
            );
            y += stores.len() * ROW + 6;
        }
        y += 10;
    }
    let width = KEY_X + KEY_WIDTH + 10;
    Some(KeyMap {
        svg: format!(
            r#"<svg viewBox="0 0 {width} {y}" role="img" aria-label="Key map: which data hangs on which key" xmlns="http://www.w3.org/2000/svg">{body}</svg>"#
        ),
        rows,
        left_out,
    })
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
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
