//! Which template nests which: CDK names the child's file in the resource's metadata, others in
//! `TemplateURL` before packaging.

use crate::read::ReadResult;
use crate::{Node, Template};
use lockfast_facts::{Source, SourceId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many copies of templates that several stacks nest are judged. CloudFormation itself makes at
/// most 2,000 stacks in an account and region.
const MAX_COPIES: usize = 2_000;

/// How deep stacks nest before the rest is not followed.
const MAX_DEPTH: usize = 64;

/// A resource that nests a template: its logical id, and the template's index.
type Link = (Arc<str>, usize);

/// Sets the parent of every nested template that was read. One that several resources nest becomes
/// several stacks, since each passes parameters of its own.
pub(crate) fn link(result: &mut ReadResult) {
    let links = links(result);
    let mut nested = vec![false; links.len()];
    for (_, child) in links.iter().flatten() {
        nested[*child] = true;
    }
    let mut tree = Tree {
        seen: vec![false; links.len()],
        room: MAX_COPIES,
        links,
    };
    // What nests itself in a circle has no root; its first template stands for one.
    let (roots, others): (Vec<usize>, Vec<usize>) = (0..nested.len()).partition(|&t| !nested[t]);
    for t in roots.into_iter().chain(others) {
        if !tree.seen[t] {
            tree.seen[t] = true;
            tree.grow(&mut result.templates, t, t, &mut vec![t]);
        }
    }
}

struct Tree {
    /// By template as read.
    links: Vec<Vec<Link>>,
    /// Templates that stand for a stack already.
    seen: Vec<bool>,
    /// How many copies may still be made.
    room: usize,
}

impl Tree {
    /// Puts what template `t` nests under the stack at index `stack` that it stands for.
    fn grow(
        &mut self,
        templates: &mut Vec<Template>,
        t: usize,
        stack: usize,
        above: &mut Vec<usize>,
    ) {
        if above.len() > MAX_DEPTH {
            return;
        }
        for (name, child) in self.links[t].clone() {
            if above.contains(&child) {
                continue;
            }
            let at = if !self.seen[child] {
                self.seen[child] = true;
                child
            } else if self.room > 0 {
                self.room -= 1;
                let copy = templates[child].clone();
                templates.push(copy);
                templates.len() - 1
            } else {
                continue;
            };
            let parent = &templates[stack];
            let path = format!("{}/{name}", parent.stack_path);
            let (place, tags) = (parent.place.clone(), parent.tags.clone());
            let nested = &mut templates[at];
            nested.stack_path = path;
            nested.place = place;
            // CloudFormation tags nested stacks as it tags the stack around them.
            nested.tags = tags;
            nested.parent = Some((stack, name));
            above.push(child);
            self.grow(templates, child, at, above);
            above.pop();
        }
    }
}

/// For every template, the resources that nest others that were read.
fn links(result: &ReadResult) -> Vec<Vec<Link>> {
    let path_of = |template: &Template| match &result.sources[template.source.0 as usize] {
        Source::File { path, .. } => path.clone(),
        other => other.name().to_owned(),
    };
    let paths: Vec<String> = result.templates.iter().map(path_of).collect();
    let by_path: HashMap<&str, usize> = paths
        .iter()
        .enumerate()
        .map(|(i, p)| (p.as_str(), i))
        .collect();
    let mut assets = Assets::default();
    let of = |(t, template): (usize, &Template)| {
        let folder = Path::new(&paths[t]).parent().unwrap_or(Path::new(""));
        let resources = template.root.get("Resources").map(Node::entries);
        let mut links = Vec::new();
        for entry in resources.unwrap_or_default() {
            let find = |path: &Path| by_path.get(clean(path).as_str()).copied();
            if let Some(child) = nests(&entry.value, folder, &mut assets, find)
                && child != t
            {
                links.push((entry.key.clone(), child));
            }
        }
        links
    };
    result.templates.iter().enumerate().map(of).collect()
}

/// The template that a resource nests, by what names it: CDK's metadata, a path, the assets of a
/// cloud assembly, or the end of an address, whose files lie beside the parent or in a folder above.
fn nests(
    resource: &Node,
    folder: &Path,
    assets: &mut Assets,
    find: impl Fn(&Path) -> Option<usize>,
) -> Option<usize> {
    let location = match resource.get("Type").and_then(Node::scalar)? {
        "AWS::CloudFormation::Stack" => "TemplateURL",
        "AWS::Serverless::Application" => "Location",
        _ => return None,
    };
    let metadata = resource
        .get("Metadata")
        .and_then(|m| m.get("aws:asset:path"))
        .and_then(Node::scalar);
    if let Some(path) = metadata {
        return find(&folder.join(path));
    }
    let location = resource.get("Properties")?.get(location)?;
    if let Some(path) = location.scalar().filter(|path| !path.contains("://")) {
        return find(&folder.join(path));
    }
    let end = end(location)?;
    let file = end.rsplit('/').next()?;
    if let Some(path) = assets.path(folder, file) {
        return find(&folder.join(path));
    }
    let mut rest = end;
    loop {
        if let Some(found) = folder.ancestors().find_map(|above| find(&above.join(rest))) {
            return Some(found);
        }
        rest = rest.split_once('/')?.1;
    }
}

/// The end of an address that is written out, without its host: of `Fn::Sub` what follows the last
/// variable, of `Fn::Join` the last item.
fn end(location: &Node) -> Option<&str> {
    let text = match location.entries() {
        [entry] if &*entry.key == "Fn::Sub" => match entry.value.items() {
            [text, ..] => text.scalar()?,
            _ => entry.value.scalar()?,
        },
        [entry] if &*entry.key == "Fn::Join" => match entry.value.items() {
            [_, list] => list.items().last()?.scalar()?,
            _ => return None,
        },
        _ => location.scalar()?,
    };
    let end = text.rsplit('}').next()?;
    let end = match end.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => end.trim_start_matches('/'),
    };
    (!end.is_empty()).then_some(end)
}

/// The file assets of cloud assemblies, by folder and object key.
#[derive(Default)]
struct Assets(HashMap<PathBuf, HashMap<String, String>>);

impl Assets {
    /// The path of an asset by its object's name, from the manifests in a folder.
    fn path(&mut self, folder: &Path, object: &str) -> Option<String> {
        let known = self
            .0
            .entry(folder.to_owned())
            .or_insert_with(|| read_assets(folder));
        known.get(object).cloned()
    }
}

/// CDK lists what it uploads in `<stack>.assets.json`. What cannot be read there names no template.
fn read_assets(folder: &Path) -> HashMap<String, String> {
    if !crate::discover::is_assembly(folder) {
        return HashMap::new();
    }
    let mut found = HashMap::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if !path.to_string_lossy().ends_with(".assets.json") {
            continue;
        }
        let bytes = crate::read::bytes_within(&path, MAX_ASSETS_BYTES).unwrap_or_default();
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        let Ok(read) = crate::parse::parse(&text, SourceId(0)) else {
            continue;
        };
        let files = read.root.get("files").map(Node::entries);
        for file in files.unwrap_or_default() {
            let source = file.value.get("source").and_then(|s| s.get("path"));
            let Some(source) = source.and_then(Node::scalar) else {
                continue;
            };
            let places = file.value.get("destinations").map(Node::entries);
            for place in places.unwrap_or_default() {
                if let Some(key) = place.value.get("objectKey").and_then(Node::scalar) {
                    let name = key.rsplit('/').next().unwrap_or(key);
                    found.insert(name.to_owned(), source.to_owned());
                }
            }
        }
    }
    found
}

/// An asset manifest lists a few hundred files at most.
const MAX_ASSETS_BYTES: u64 = 8 << 20;

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
