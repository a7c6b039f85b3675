//! CDK cloud assemblies: which stacks there are, where they are deployed, where each construct was
//! made (AWS CDK, "Cloud assembly schema").

mod metadata;

use crate::nesting::clean;
use crate::read::{bytes_within, shown};
use crate::{Node, Problem, Template};
use lockfast_facts::{Place, Pos, SourceId};
use metadata::{Frames, Metadata, Names, Places};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cloud assembly, with its stages' assemblies.
pub(crate) struct Assembly {
    pub stacks: Vec<AssemblyStack>,
    /// Nested templates that no stack nests any more.
    pub left_over: usize,
}

/// A stack of an assembly.
pub(crate) struct AssemblyStack {
    pub template_file: String,
    name: String,
    path: String,
    place: Place,
    tags: Vec<(String, String)>,
    parameters: HashMap<String, String>,
    creation_sites: Arc<Names>,
    construct_paths: Arc<Names>,
}

impl AssemblyStack {
    /// A stack of which nothing but the template is known.
    fn of_file(name: String, path: String, template_file: String) -> Self {
        AssemblyStack {
            template_file,
            name,
            path,
            place: Place::default(),
            tags: Vec::new(),
            parameters: HashMap::new(),
            creation_sites: Arc::default(),
            construct_paths: Arc::default(),
        }
    }

    pub(crate) fn template(&self, source: SourceId, root: Arc<Node>) -> Template {
        Template {
            stack_name: self.name.clone(),
            stack_path: self.path.clone(),
            place: self.place.clone(),
            source,
            root,
            parent: None,
            tags: self.tags.clone(),
            parameters: self.parameters.clone(),
            creation_sites: self.creation_sites.clone(),
            construct_paths: self.construct_paths.clone(),
            directives: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: BTreeMap<String, Value>,
}

/// A stack as the manifest has it, before its metadata file is read.
struct Listed {
    folder: PathBuf,
    stack: AssemblyStack,
    /// Older manifests hold the metadata themselves.
    inline: Value,
    metadata_file: Option<PathBuf>,
}

/// Reads the assembly in a folder. What is wrong with one part is a problem; the rest is read.
pub(crate) fn read(folder: &Path, limit: u64, problems: &mut Vec<Problem>) -> Assembly {
    let mut listing = Listing {
        limit,
        problems,
        listed: Vec::new(),
        folders: Vec::new(),
        seen: HashSet::new(),
    };
    listing.list(folder, 0);
    let Listing {
        problems,
        listed,
        folders,
        ..
    } = listing;
    let frames = Frames::of_app(folder.parent().unwrap_or(Path::new("")));
    // Metadata files are as large as the templates themselves.
    let read: Vec<(Listed, Places, Option<Problem>)> = listed
        .into_par_iter()
        .map(|mut listed| {
            let mut places = Places::default();
            let mut problem = None;
            if let Ok(inline) = Metadata::deserialize(&listed.inline) {
                inline.collect(&frames, &mut places);
            }
            if let Some(file) = &listed.metadata_file {
                match bytes_within(file, limit).map_err(|message| at_file(file, message)) {
                    Ok(bytes) => match serde_json::from_slice::<Metadata>(&bytes) {
                        Ok(metadata) => metadata.collect(&frames, &mut places),
                        Err(error) => problem = Some(not_ours(file, &error)),
                    },
                    Err(error) => problem = Some(error),
                }
            }
            places.finish();
            // The stack's own template is named like those that it nests.
            let own = Path::new(&listed.stack.template_file).file_name();
            let own = own.unwrap_or_default().to_string_lossy();
            if let Some(paths) = places.nested.remove(&*own) {
                places.paths.extend(paths);
            }
            listed.stack.tags.append(&mut places.tags);
            listed.stack.tags.sort();
            listed.stack.tags.dedup();
            listed.stack.creation_sites = Arc::new(std::mem::take(&mut places.sites));
            listed.stack.construct_paths = Arc::new(std::mem::take(&mut places.paths));
            (listed, places, problem)
        })
        .collect();
    let mut assembly = Assembly {
        stacks: Vec::new(),
        left_over: 0,
    };
    for folder in &folders {
        nested(folder, &read, &mut assembly);
    }
    // Parents first, each with its place in the manifest.
    let children = std::mem::take(&mut assembly.stacks);
    for (listed, _, problem) in read {
        problems.extend(problem);
        assembly.stacks.push(listed.stack);
    }
    assembly.stacks.extend(children);
    assembly
}

/// What the manifests of an assembly list.
struct Listing<'p> {
    limit: u64,
    problems: &'p mut Vec<Problem>,
    listed: Vec<Listed>,
    folders: Vec<PathBuf>,
    /// Folders that were listed, by their one true path: links may lead round in a circle.
    seen: HashSet<PathBuf>,
}

impl Listing<'_> {
    fn list(&mut self, folder: &Path, depth: usize) {
        let path = folder.join("manifest.json");
        let manifest = bytes_within(&path, self.limit)
            .map_err(|message| at_file(&path, message))
            .and_then(|bytes| {
                serde_json::from_slice::<Manifest>(&bytes).map_err(|error| not_ours(&path, &error))
            });
        self.seen.extend(folder.canonicalize());
        self.folders.push(folder.to_owned());
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(problem) => {
                self.problems.push(problem);
                return self.without_manifest(folder);
            }
        };
        for (id, mut artifact) in manifest.artifacts {
            let mut take = |name: &str| artifact.get_mut(name).map(Value::take).unwrap_or_default();
            let properties = match take("properties") {
                Value::Object(properties) => properties,
                _ => Map::new(),
            };
            let text = |name: &str| {
                properties
                    .get(name)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            match take("type").as_str() {
            Some("cdk:cloud-assembly") => match text("directoryName") {
                // Stages nest a few levels.
                Some(name)
                    if depth < 16
                        && is_inside(&name)
                        && !folder.join(&name).canonicalize().is_ok_and(|f| self.seen.contains(&f)) =>
                {
                    self.list(&folder.join(name), depth + 1);
                }
                _ => self.problems.push(at_file(
                    &path,
                    format!("artifact {id} names no folder inside the assembly, or one that is listed already"),
                )),
            },
            Some("aws:cloudformation:stack") => {
                let Some(file) = text("templateFile").filter(|file| is_inside(file)) else {
                    self.problems.push(at_file(
                        &path,
                        format!("artifact {id} names no template inside the assembly"),
                    ));
                    continue;
                };
                let metadata_file = take("additionalMetadataFile")
                    .as_str()
                    .filter(|file| is_inside(file))
                    .map(|file| folder.join(file));
                self.listed.push(Listed {
                    folder: folder.to_owned(),
                    inline: take("metadata"),
                    metadata_file,
                    stack: AssemblyStack {
                        template_file: clean(&folder.join(file)),
                        name: text("stackName").unwrap_or_else(|| id.clone()),
                        path: take("displayName").as_str().map_or(id, str::to_owned),
                        place: take("environment").as_str().map(place).unwrap_or_default(),
                        tags: texts(&properties, "tags").collect(),
                        parameters: texts(&properties, "parameters").collect(),
                        creation_sites: Arc::default(),
                        construct_paths: Arc::default(),
                    },
                });
            }
            _ => {}
        }
        }
    }

    /// The templates beside a manifest that cannot be read, as so many files.
    fn without_manifest(&mut self, folder: &Path) {
        for file in files_ending(folder, ".template.json") {
            if !file.to_string_lossy().ends_with(NESTED) {
                let name = clean(&file);
                self.listed.push(Listed {
                    folder: folder.to_owned(),
                    inline: Value::Null,
                    metadata_file: None,
                    stack: AssemblyStack::of_file(name.clone(), name, clean(&file)),
                });
            }
        }
    }
}

/// The nested stacks of a folder. They are assets, which the manifest does not name; CDK names
/// their files so, and newer versions (2.276 does) say in the metadata which construct has which file.
fn nested(folder: &Path, read: &[(Listed, Places, Option<Problem>)], assembly: &mut Assembly) {
    let here = || read.iter().filter(|(listed, ..)| listed.folder == folder);
    let all_are_named = here().any(|(_, places, _)| places.names_templates);
    let mut all_sites: Option<Arc<Names>> = None;
    for file in files_ending(folder, NESTED) {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let owner = here()
            .find_map(|(listed, places, _)| Some((listed, places.nested.get(name.as_str())?)));
        let (sites, paths) = match owner {
            Some((listed, paths)) => (listed.stack.creation_sites.clone(), Arc::new(paths.clone())),
            // CDK does not empty its folder before it writes.
            None if all_are_named => {
                assembly.left_over += 1;
                continue;
            }
            None => {
                let merge = || {
                    Arc::new(
                        here()
                            .flat_map(|(l, ..)| l.stack.creation_sites.iter())
                            .map(|(k, v)| (k.clone(), v.clone()))
                            .collect(),
                    )
                };
                (all_sites.get_or_insert_with(merge).clone(), Arc::default())
            }
        };
        assembly.stacks.push(AssemblyStack {
            creation_sites: sites,
            construct_paths: paths,
            ..AssemblyStack::of_file(name, shown(&file), clean(&file))
        });
    }
}

/// How CDK names the files of nested stacks.
const NESTED: &str = ".nested.template.json";

fn files_ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    files
}

/// A manifest must not lead out of its own folder.
fn is_inside(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    parts.any(|part| !matches!(part, "" | "."))
        && !Path::new(name).is_absolute()
        && !name.split(['/', '\\']).any(|part| part == "..")
}

fn at_file(path: &Path, message: impl Into<String>) -> Problem {
    Problem {
        path: shown(path),
        at: None,
        message: message.into(),
    }
}

fn not_ours(path: &Path, error: &serde_json::Error) -> Problem {
    let number = |number: usize| u32::try_from(number.max(1)).unwrap_or(u32::MAX);
    Problem {
        path: shown(path),
        at: Some(Pos {
            line: number(error.line()),
            column: number(error.column()),
        }),
        message: format!("not a cloud assembly file: {error}"),
    }
}

/// `aws://ACCOUNT/REGION`, of which either may be unknown.
fn place(environment: &str) -> Place {
    let known = |text: Option<&str>| {
        text.filter(|t| !t.is_empty() && !t.starts_with("unknown-"))
            .map(Arc::from)
    };
    let mut parts = environment
        .strip_prefix("aws://")
        .unwrap_or(environment)
        .splitn(2, '/');
    Place {
        account: known(parts.next()),
        region: known(parts.next()),
    }
}

/// The texts of an object among the properties.
fn texts<'a>(
    properties: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    let object = properties.get(name).and_then(Value::as_object);
    object
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_environments_stay_unknown() {
        assert_eq!(
            place("aws://unknown-account/unknown-region"),
            Place::default()
        );
        assert_eq!(
            place("aws://111111111111/eu-central-1").region.as_deref(),
            Some("eu-central-1")
        );
    }
}
