//! CDK cloud assemblies: which stacks there are, where they are deployed, where each construct was
//! made (AWS CDK, "Cloud assembly schema").

use crate::nesting::clean;
use crate::read::shown;
use crate::{Node, Problem, Template};
use lockfast_facts::{Place, SourceId};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cloud assembly, with its stages' assemblies.
pub(crate) struct Assembly {
    pub stacks: Vec<AssemblyStack>,
}

/// A stack of an assembly.
pub(crate) struct AssemblyStack {
    pub template_file: String,
    name: String,
    path: String,
    place: Place,
    tags: Vec<(String, String)>,
    parameters: HashMap<String, String>,
    creation_sites: Arc<HashMap<Arc<str>, Arc<str>>>,
    construct_paths: Arc<HashMap<Arc<str>, Arc<str>>>,
}

impl AssemblyStack {
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
    artifacts: BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    r#type: String,
    environment: Option<String>,
    #[serde(default)]
    properties: serde_json::Map<String, serde_json::Value>,
    display_name: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    additional_metadata_file: Option<String>,
}

type Metadata = HashMap<String, Vec<MetadataEntry>>;

#[derive(Deserialize)]
struct MetadataEntry {
    r#type: String,
    #[serde(default)]
    data: serde_json::Value,
    #[serde(default)]
    trace: Vec<String>,
}

/// Reads the assembly in a folder. What is wrong with one part is a problem; the rest is read.
pub(crate) fn read(folder: &Path, problems: &mut Vec<Problem>) -> Assembly {
    let mut stacks = Vec::new();
    read_into(folder, problems, &mut stacks, 0);
    Assembly { stacks }
}

fn read_into(folder: &Path, problems: &mut Vec<Problem>, stacks: &mut Vec<AssemblyStack>, depth: usize) {
    let manifest_path = folder.join("manifest.json");
    let Some(manifest) = json::<Manifest>(&manifest_path, problems) else {
        return;
    };
    let mut all_sites = HashMap::new();
    for (id, artifact) in manifest.artifacts {
        let text = |name: &str| artifact.properties.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        match artifact.r#type.as_str() {
            "cdk:cloud-assembly" => match text("directoryName") {
                // Stages nest a few levels; a folder that holds itself would go on for ever.
                Some(name) if depth < 16 && is_inside(&name) => {
                    read_into(&folder.join(name), problems, stacks, depth + 1);
                }
                _ => problems.push(problem(&manifest_path, format!("artifact {id} names no folder inside the assembly"))),
            },
            "aws:cloudformation:stack" => {
                let Some(file) = text("templateFile").filter(|file| is_inside(file)) else {
                    problems.push(problem(&manifest_path, format!("artifact {id} names no template inside the assembly")));
                    continue;
                };
                let mut metadata = artifact.metadata;
                if let Some(file) = artifact.additional_metadata_file.filter(|file| is_inside(file))
                    && let Some(more) = json::<Metadata>(&folder.join(file), problems)
                {
                    metadata.extend(more);
                }
                let (sites, paths) = places(&metadata);
                all_sites.extend(sites.iter().map(|(k, v)| (k.clone(), v.clone())));
                stacks.push(AssemblyStack {
                    template_file: clean(&folder.join(file)),
                    name: text("stackName").unwrap_or_else(|| id.clone()),
                    path: artifact.display_name.unwrap_or(id),
                    place: artifact.environment.as_deref().map(place).unwrap_or_default(),
                    tags: tags(&artifact.properties, &metadata),
                    parameters: parameters(&artifact.properties),
                    creation_sites: Arc::new(sites),
                    construct_paths: Arc::new(paths),
                });
            }
            _ => {}
        }
    }
    let all_sites = Arc::new(all_sites);
    for file in nested_templates(folder) {
        stacks.push(AssemblyStack {
            name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path: shown(&file),
            template_file: clean(&file),
            place: Place::default(),
            tags: Vec::new(),
            parameters: HashMap::new(),
            creation_sites: all_sites.clone(),
            construct_paths: Arc::default(),
        });
    }
}

/// Nested stacks are assets, which the manifest does not name; CDK names their files so.
fn nested_templates(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".nested.template.json"))
        .collect();
    files.sort();
    files
}

/// A manifest must not lead out of its own folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && !Path::new(name).is_absolute() && !name.split(['/', '\\']).any(|part| part == "..")
}

fn problem(path: &Path, message: impl Into<String>) -> Problem {
    Problem {
        path: shown(path),
        at: None,
        message: message.into(),
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, problems: &mut Vec<Problem>) -> Option<T> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.push(problem(path, format!("cannot read it: {error}")));
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(Problem {
                path: shown(path),
                at: Some(lockfast_facts::Pos {
                    line: u32::try_from(error.line().max(1)).unwrap_or(1),
                    column: u32::try_from(error.column().max(1)).unwrap_or(1),
                }),
                message: format!("not a cloud assembly file: {error}"),
            });
            None
        }
    }
}

/// `aws://ACCOUNT/REGION`, of which either may be unknown.
fn place(environment: &str) -> Place {
    let known = |text: Option<&str>| text.filter(|t| !t.is_empty() && !t.starts_with("unknown-")).map(Arc::from);
    let mut parts = environment.strip_prefix("aws://").unwrap_or(environment).splitn(2, '/');
    Place {
        account: known(parts.next()),
        region: known(parts.next()),
    }
}

fn tags(properties: &serde_json::Map<String, serde_json::Value>, metadata: &Metadata) -> Vec<(String, String)> {
    let mut tags: Vec<(String, String)> = properties
        .get("tags")
        .and_then(|t| t.as_object())
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    // Older assemblies keep stack tags as metadata of the stack's own path.
    for entry in metadata.values().flatten().filter(|e| e.r#type == "aws:cdk:stack-tags") {
        for tag in entry.data.as_array().into_iter().flatten() {
            let text = |a: &str, b: &str| tag.get(a).or_else(|| tag.get(b)).and_then(|v| v.as_str()).map(str::to_owned);
            if let (Some(name), Some(value)) = (text("Key", "key"), text("Value", "value")) {
                tags.push((name, value));
            }
        }
    }
    tags.sort();
    tags.dedup();
    tags
}

fn parameters(properties: &serde_json::Map<String, serde_json::Value>) -> HashMap<String, String> {
    properties
        .get("parameters")
        .and_then(|p| p.as_object())
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

type Names = HashMap<Arc<str>, Arc<str>>;

/// Creation sites by construct path, and construct paths by logical id.
fn places(metadata: &Metadata) -> (Names, Names) {
    let here = std::env::current_dir().unwrap_or_default();
    let (mut sites, mut paths) = (HashMap::new(), HashMap::new());
    for (path, entries) in metadata {
        let path: Arc<str> = path.trim_start_matches('/').into();
        for entry in entries {
            let site = match entry.r#type.as_str() {
                "aws:cdk:creationStack" => entry
                    .data
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|frame| frame.as_str())
                    .find_map(|frame| user_frame(frame, &here)),
                "aws:cdk:logicalId" => {
                    if let Some(id) = entry.data.as_str() {
                        paths.insert(Arc::from(id), path.clone());
                    }
                    entry.trace.iter().find_map(|frame| user_frame(frame, &here))
                }
                _ => None,
            };
            if let Some(site) = site {
                sites.insert(path.clone(), site);
            }
        }
    }
    (sites, paths)
}

/// `file:line:column` of a stack frame in the user's own code: `new Shop (/app/lib/shop.ts:12:5)`.
fn user_frame(frame: &str, here: &Path) -> Option<Arc<str>> {
    if frame.starts_with("...") || frame.contains("node_modules") || frame.contains("node:internal") {
        return None;
    }
    let place = match frame.rsplit_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')'),
        None => frame.trim_start_matches("at ").trim(),
    };
    let mut numbers = place.rsplitn(3, ':');
    let (column, line, file) = (numbers.next()?, numbers.next()?, numbers.next()?);
    if column.parse::<u32>().is_err() || line.parse::<u32>().is_err() {
        return None;
    }
    let file = Path::new(file).strip_prefix(here).unwrap_or(Path::new(file));
    Some(format!("{}:{line}:{column}", shown(file)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_user_code_are_told_from_others() {
        let here = Path::new("/app");
        assert_eq!(
            user_frame("new DataStack (/app/lib/data-stack.ts:41:20)", here).as_deref(),
            Some("lib/data-stack.ts:41:20")
        );
        assert_eq!(user_frame("lib/data-stack.ts:41:20", here).as_deref(), Some("lib/data-stack.ts:41:20"));
        assert_eq!(user_frame("...new Bucket2 in aws-cdk-lib...", here), None);
        assert_eq!(user_frame("(no user code in 10 frames, use --stack-trace-limit to capture more)", here), None);
    }

    #[test]
    fn unknown_environments_stay_unknown() {
        assert_eq!(place("aws://unknown-account/unknown-region"), Place::default());
        assert_eq!(place("aws://111111111111/eu-central-1").region.as_deref(), Some("eu-central-1"));
    }
}
