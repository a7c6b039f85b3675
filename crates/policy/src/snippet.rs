//! The fix of a store as code, made from the storage table: the property of the very type that was
//! judged, not of another service's.

use lockfast_facts::Resource;
use lockfast_facts::tables::{StorageType, storage_parts, storage_type};

/// The properties that encrypt a resource (or a part of it) with a key of the customer's, as
/// CloudFormation and as CDK; nothing when its type has no such property.
pub(crate) fn encrypting(resource: &Resource, part: &str) -> Option<(String, String)> {
    let row = storage_parts(&resource.kind)
        .iter()
        .copied()
        .find(|row| !row.part.is_empty() && part.starts_with(&row.part))
        .or_else(|| storage_type(&resource.kind))?;
    let settings = settings(row);
    if settings.is_empty() {
        return None;
    }
    let mut properties = Tree::default();
    let mut cdk = format!(
        "// any construct that makes an {}\nconst resource = construct.node.defaultChild as cdk.CfnResource;\n",
        resource.kind
    );
    for (path, value) in &settings {
        properties.put(path, value);
        let path = path.replace('*', "0");
        let value = match value.as_str() {
            KEY => "dataKey.keyArn".to_owned(),
            "true" => value.clone(),
            text => format!("'{text}'"),
        };
        cdk.push_str(&format!(
            "resource.addPropertyOverride('{path}', {value});\n"
        ));
    }
    let mut cloudformation = format!("Type: {}\nProperties:\n", resource.kind);
    properties.write(&mut cloudformation, 1, false);
    Some((cloudformation, cdk))
}

const KEY: &str = "!GetAtt DataKey.Arn";

/// Paths of properties, and what they are set to.
fn settings(row: &StorageType) -> Vec<(String, String)> {
    let whole = |path: &str| match row.at.as_str() {
        "" => path.to_owned(),
        at => format!("{at}.{path}"),
    };
    let mut settings = Vec::new();
    if !row.encrypted.is_empty() {
        let values: Vec<&str> = row
            .encrypted_values
            .iter()
            .filter_map(|value| value.as_str())
            .collect();
        let by_kms = values
            .iter()
            .find(|value| value.contains("KMS") || value.contains("CUSTOMER"));
        let value = by_kms.or(values.first()).copied().unwrap_or("true");
        settings.push((whole(&row.encrypted), value.to_owned()));
    }
    if !row.key.is_empty() {
        settings.push((whole(&row.key), KEY.to_owned()));
    }
    settings
}

/// Nested properties in the order in which they were put.
#[derive(Default)]
struct Tree {
    value: String,
    children: Vec<(String, Tree)>,
}

impl Tree {
    fn put(&mut self, path: &str, value: &str) {
        let mut here = self;
        for step in path.split('.') {
            let at = match here.children.iter().position(|(name, _)| name == step) {
                Some(at) => at,
                None => {
                    here.children.push((step.to_owned(), Tree::default()));
                    here.children.len() - 1
                }
            };
            here = &mut here.children[at].1;
        }
        here.value = value.to_owned();
    }

    /// As YAML; a step `*` is an item of a list, whose dash takes the place of its first indentation.
    fn write(&self, out: &mut String, depth: usize, after_dash: bool) {
        for (i, (name, child)) in self.children.iter().enumerate() {
            if !(after_dash && i == 0) {
                out.push_str(&"  ".repeat(depth));
            }
            if name == "*" {
                out.push_str("- ");
                child.write(out, depth + 1, true);
                continue;
            }
            out.push_str(name);
            out.push(':');
            if child.children.is_empty() {
                out.push_str(&format!(" {}\n", child.value));
            } else {
                out.push('\n');
                child.write(out, depth + 1, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_lists_become_yaml() {
        let mut tree = Tree::default();
        tree.put("BucketEncryption.Rules.*.ByDefault.Algorithm", "aws:kms");
        tree.put("BucketEncryption.Rules.*.ByDefault.Key", KEY);
        tree.put("Enabled", "true");
        let mut out = String::new();
        tree.write(&mut out, 1, false);
        assert_eq!(
            out,
            "  BucketEncryption:\n    Rules:\n      - ByDefault:\n          Algorithm: aws:kms\n          Key: !GetAtt DataKey.Arn\n  Enabled: true\n"
        );
    }

    #[test]
    fn every_row_makes_a_snippet_that_sets_its_own_properties() {
        for row in lockfast_facts::tables::storage_types() {
            for (path, value) in settings(row) {
                assert!(!path.is_empty() && !value.is_empty(), "{}", row.name);
            }
        }
    }
}
