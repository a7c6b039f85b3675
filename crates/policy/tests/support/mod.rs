//! What the tests that take records to pieces share.

use serde_json::Value;

/// Every path in a value but those below these names, the way down as JSON pointers.
pub fn paths(value: &Value, path: &str, but: &[&str], found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, item)| (name.clone(), item))
            .collect(),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered
                .map(|(index, item)| (index.to_string(), item))
                .collect()
        }
        _ => Vec::new(),
    };
    for (name, child) in children {
        if but.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{path}/{name}");
        paths(child, &path, but, found);
        found.push(path);
    }
}
