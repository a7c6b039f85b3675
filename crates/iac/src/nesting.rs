//! Which template nests which: CDK names the child's file in the resource's metadata, others in
//! `TemplateURL` before packaging.

use crate::read::ReadResult;
use crate::{Node, Template};
use lockfast_facts::Source;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Sets the parent of every nested template that was read.
pub(crate) fn link(result: &mut ReadResult) {
    let sources = &result.sources;
    let path_of = |template: &Template| match &sources[template.source.0 as usize] {
        Source::File { path, .. } => path.clone(),
        other => other.name().to_owned(),
    };
    let paths: Vec<String> = result.templates.iter().map(path_of).collect();
    let by_path: HashMap<&str, usize> = paths
        .iter()
        .enumerate()
        .map(|(i, p)| (p.as_str(), i))
        .collect();
    let mut links: Vec<(usize, usize, Arc<str>)> = Vec::new();
    for (parent, template) in result.templates.iter().enumerate() {
        let folder = Path::new(&paths[parent]).parent().unwrap_or(Path::new(""));
        let Some(resources) = template.root.get("Resources") else {
            continue;
        };
        for entry in resources.entries() {
            if entry.value.get("Type").and_then(Node::scalar) != Some("AWS::CloudFormation::Stack")
            {
                continue;
            }
            let named = entry
                .value
                .get("Metadata")
                .and_then(|m| m.get("aws:asset:path"))
                .and_then(Node::scalar)
                .or_else(|| {
                    let url = entry
                        .value
                        .get("Properties")?
                        .get("TemplateURL")?
                        .scalar()?;
                    (!url.contains("://")).then_some(url)
                });
            let Some(child) = named.and_then(|name| {
                let path = clean(&folder.join(name));
                by_path.get(path.as_str()).copied()
            }) else {
                continue;
            };
            if child != parent {
                links.push((parent, child, entry.key.clone()));
            }
        }
    }
    for (parent, child, name) in links {
        if result.templates[child].parent.is_none()
            && !is_ancestor(&result.templates, child, parent)
        {
            let (place, parent_path) = (
                result.templates[parent].place.clone(),
                result.templates[parent].stack_path.clone(),
            );
            let template = &mut result.templates[child];
            template.parent = Some((parent, name.clone()));
            template.place = place;
            template.stack_path = format!("{parent_path}/{name}");
        }
    }
}

/// True when making `parent` the parent of `child` would close a circle.
fn is_ancestor(templates: &[Template], child: usize, mut parent: usize) -> bool {
    loop {
        if parent == child {
            return true;
        }
        match &templates[parent].parent {
            Some((above, _)) => parent = *above,
            None => return false,
        }
    }
}

/// Resolves `.` and `..` without asking the file system.
pub(crate) fn clean(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in crate::read::shown(path).split('/') {
        match part {
            "." => {}
            ".." if parts
                .last()
                .is_some_and(|last| last != ".." && !last.is_empty()) =>
            {
                parts.pop();
            }
            other => parts.push(other.to_owned()),
        }
    }
    parts.join("/")
}
