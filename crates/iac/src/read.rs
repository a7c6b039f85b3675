//! From what the user names to parsed templates: files, folders, globs, assemblies, standard input.

use crate::assembly::{self, Assembly};
use crate::discover::{self, Found};
use crate::parse::{ParseError, Parsed, parse};
use crate::{Node, NodeKind, Problem, Template};
use lockfast_facts::{Pos, Source, SourceId};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Parameter values: files, or `Key=Value`.
    pub parameters: Vec<String>,
    /// Larger files are refused. CloudFormation takes templates of at most 1 MB.
    pub max_file_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            parameters: Vec::new(),
            max_file_bytes: 50 << 20,
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct ReadResult {
    /// The files of the templates, in order.
    pub sources: Vec<Source>,
    /// The templates, in order.
    pub templates: Vec<Template>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Files that are no templates, by reason.
    pub passed_over: BTreeMap<String, usize>,
    /// How many files were opened.
    pub files_read: usize,
}

/// A file after the parallel part.
enum Outcome {
    Template(Arc<str>, Parsed),
    PassedOver(&'static str),
    Problem(Problem),
}

/// Reads the inputs. Whatever is wrong with one file is a [`Problem`]; the others are still read.
pub fn read(inputs: &[String], options: &ReadOptions) -> ReadResult {
    let mut found = Found::default();
    discover::discover(inputs, &mut found);
    let mut result = ReadResult {
        problems: std::mem::take(&mut found.problems),
        passed_over: std::mem::take(&mut found.passed_over),
        ..ReadResult::default()
    };
    let parameters = crate::parameters::read(&options.parameters, &mut result.problems);

    let assemblies: Vec<Assembly> = found
        .assemblies
        .iter()
        .map(|folder| assembly::read(folder, &mut result.problems))
        .collect();
    // Each file once, however many stacks use it; sorted, so that the order is always the same.
    let mut jobs: Vec<(String, bool)> = found.files;
    let from_assemblies = assemblies
        .iter()
        .flat_map(|a| a.stacks.iter().map(|s| (s.template_file.clone(), true)));
    jobs.extend(from_assemblies);
    jobs.sort();
    jobs.dedup_by(|a, b| a.0 == b.0);

    let outcomes: Vec<Outcome> = jobs
        .par_iter()
        .enumerate()
        .map(|(index, (path, named))| open(path, *named, options, index))
        .collect();

    let mut parsed: HashMap<&str, (SourceId, Arc<Node>, Parsed)> = HashMap::new();
    for ((path, _), outcome) in jobs.iter().zip(outcomes) {
        result.files_read += 1;
        match outcome {
            Outcome::PassedOver(reason) => {
                *result.passed_over.entry(reason.to_owned()).or_default() += 1;
            }
            Outcome::Problem(problem) => result.problems.push(problem),
            Outcome::Template(text, mut file) => {
                let source = SourceId(u32::try_from(result.sources.len()).unwrap_or(u32::MAX));
                result.sources.push(Source::File {
                    path: path.clone(),
                    text,
                });
                renumber(&mut file, source);
                let root = Arc::new(std::mem::replace(
                    &mut file.root,
                    Node {
                        kind: NodeKind::Null,
                        loc: lockfast_facts::Loc::default(),
                    },
                ));
                parsed.insert(path, (source, root, file));
            }
        }
    }

    let mut used: Vec<&str> = Vec::new();
    for assembly in &assemblies {
        for stack in &assembly.stacks {
            if let Some((source, root, file)) = parsed.get(stack.template_file.as_str()) {
                used.push(&stack.template_file);
                let mut template = stack.template(*source, root.clone());
                template.directives = file.directives.clone();
                result.templates.push(template);
            }
        }
    }
    for (path, _) in &jobs {
        if used.contains(&path.as_str()) {
            continue;
        }
        if let Some((source, root, file)) = parsed.get(path.as_str()) {
            result.templates.push(Template {
                stack_name: path.clone(),
                stack_path: path.clone(),
                place: lockfast_facts::Place::default(),
                source: *source,
                root: root.clone(),
                parent: None,
                tags: Vec::new(),
                parameters: HashMap::new(),
                creation_sites: Arc::default(),
                construct_paths: Arc::default(),
                directives: file.directives.clone(),
            });
        }
    }
    crate::nesting::link(&mut result);
    crate::parameters::apply(&parameters, &mut result.templates, &mut result.problems);
    result
}

/// The parallel part numbers files by job; the final number counts templates only.
fn renumber(file: &mut Parsed, source: SourceId) {
    fn go(node: &mut Node, source: SourceId) {
        node.loc.source = source;
        match &mut node.kind {
            NodeKind::List(items) => items.iter_mut().for_each(|item| go(item, source)),
            NodeKind::Map(entries) => {
                for entry in entries {
                    entry.key_loc.source = source;
                    go(&mut entry.value, source);
                }
            }
            _ => {}
        }
    }
    go(&mut file.root, source);
    for directive in &mut file.directives {
        directive.loc.source = source;
    }
}

fn problem(path: &str, at: Option<Pos>, message: impl Into<String>) -> Outcome {
    Outcome::Problem(Problem {
        path: path.to_owned(),
        at,
        message: message.into(),
    })
}

fn open(path: &str, named: bool, options: &ReadOptions, index: usize) -> Outcome {
    let bytes = match bytes_of(path, options.max_file_bytes) {
        Ok(bytes) => bytes,
        Err(message) => return problem(path, None, message),
    };
    let signs = looks_like_template(&bytes);
    if !signs && !named {
        return Outcome::PassedOver("no CloudFormation template");
    }
    let text: Arc<str> = match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            return problem(path, Some(end_of(&before)), "not UTF-8 text");
        }
    };
    let source = SourceId(u32::try_from(index).unwrap_or(u32::MAX));
    match parse(&text, source) {
        Ok(parsed) if is_template(&parsed.root) => Outcome::Template(text, parsed),
        Ok(_) if named => problem(path, None, "not a CloudFormation template: it has no Resources object"),
        Ok(_) => Outcome::PassedOver("no CloudFormation template"),
        Err(ParseError { at, message }) if named || signs => problem(path, Some(at), message),
        Err(_) => Outcome::PassedOver("neither JSON nor YAML"),
    }
}

fn bytes_of(path: &str, limit: u64) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let too_large = || format!("larger than {} MB; CloudFormation takes at most 1 MB", limit >> 20);
    let mut bytes = Vec::new();
    if path == "-" {
        std::io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("cannot read standard input: {e}"))?;
    } else {
        let file = std::fs::File::open(path).map_err(|e| format!("cannot read it: {e}"))?;
        let size = file.metadata().map_err(|e| format!("cannot read it: {e}"))?;
        if size.is_dir() {
            return Err("cannot read it: it is a folder".into());
        }
        if size.len() > limit {
            return Err(too_large());
        }
        bytes.reserve(usize::try_from(size.len()).unwrap_or(0) + 1);
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("cannot read it: {e}"))?;
    }
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Cheap signs of a template, so that large files of other kinds cost no parse.
fn looks_like_template(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"Resources").is_some()
        && (memchr::memmem::find(bytes, b"AWS::").is_some()
            || memchr::memmem::find(bytes, b"AWSTemplateFormatVersion").is_some()
            || memchr::memmem::find(bytes, b"Custom::").is_some())
}

/// An object with a `Resources` object, of which one at least has a type, is a template.
fn is_template(root: &Node) -> bool {
    root.get("Resources").is_some_and(|resources| {
        matches!(resources.kind, NodeKind::Map(_))
            && (root.get("AWSTemplateFormatVersion").is_some()
                || resources.entries().iter().any(|entry| {
                    entry.value.get("Type").is_some() || entry.key.starts_with("Fn::ForEach")
                }))
    })
}

fn end_of(text: &str) -> Pos {
    let line = u32::try_from(text.matches('\n').count() + 1).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Pos {
        line,
        column: u32::try_from(last.chars().count() + 1).unwrap_or(u32::MAX),
    }
}

/// A path as the user would type it, with forward slashes and without a leading `./`.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}
