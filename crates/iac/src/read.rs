//! From what the user names to parsed templates: files, folders, globs, assemblies, standard input.

use crate::assembly::{self, Assembly};
use crate::comments::advance;
use crate::discover::{self, Found};
use crate::parse::{ParseError, Parsed, parse};
use crate::{Comment, Entry, Node, NodeKind, Problem, Template};
use lockfast_facts::{Place, Pos, Source, SourceId};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read;
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

    let mut assemblies: Vec<Assembly> = found
        .assemblies
        .iter()
        .map(|folder| assembly::read(folder, options.max_file_bytes, &mut result.problems))
        .collect();
    assemblies.extend(parts_of_assemblies(&found, options, &mut result.problems));
    for assembly in &assemblies {
        if assembly.left_over > 0 {
            *result
                .passed_over
                .entry("left over from an earlier synthesis".into())
                .or_default() += assembly.left_over;
        }
    }
    // Each file once, however many stacks use it; sorted, so that the order is always the same.
    let mut jobs: BTreeMap<String, bool> = found.files;
    for stack in assemblies.iter().flat_map(|assembly| &assembly.stacks) {
        jobs.insert(stack.template_file.clone(), true);
    }
    let jobs: Vec<(String, bool)> = jobs.into_iter().collect();
    let outcomes: Vec<Outcome> = jobs
        .par_iter()
        .enumerate()
        .map(|(index, (path, named))| open(path, *named, options, source_id(index)))
        .collect();

    result.files_read = jobs.len();
    let mut files: Vec<(&str, Parsed)> = Vec::with_capacity(jobs.len());
    for ((path, _), outcome) in jobs.iter().zip(outcomes) {
        match outcome {
            Outcome::PassedOver(reason) => {
                *result.passed_over.entry(reason.to_owned()).or_default() += 1;
            }
            Outcome::Problem(problem) => result.problems.push(problem),
            Outcome::Template(text, file) => {
                let path_text = path.clone();
                result.sources.push(Source::File {
                    path: path_text,
                    text,
                });
                files.push((path, file));
            }
        }
    }
    let files: HashMap<&str, File> = files
        .into_par_iter()
        .enumerate()
        .map(|(index, (path, mut file))| {
            let source = source_id(index);
            renumber(&mut file, source);
            let file = File {
                source,
                root: Arc::new(file.root),
                directives: file.directives,
            };
            (path, file)
        })
        .collect();

    let mut used: HashSet<&str> = HashSet::new();
    for stack in assemblies.iter().flat_map(|assembly| &assembly.stacks) {
        if let Some(file) = files.get(stack.template_file.as_str()) {
            used.insert(&stack.template_file);
            let mut template = stack.template(file.source, file.root.clone());
            template.directives = file.directives.clone();
            result.templates.push(template);
        }
    }
    let stacks = result.templates.len();
    for (path, named) in jobs
        .iter()
        .filter(|(path, _)| !used.contains(path.as_str()))
    {
        if let Some(file) = files.get(path.as_str()) {
            if !named && in_cdk_app(path) && is_included(&file.root, &result.templates[..stacks]) {
                *result
                    .passed_over
                    .entry("included in a stack of the assembly".to_owned())
                    .or_default() += 1;
                continue;
            }
            result.templates.push(Template {
                stack_name: path.clone(),
                stack_path: path.clone(),
                place: Place::default(),
                source: file.source,
                root: file.root.clone(),
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

/// Whether a file lies in the source of a CDK app, whose folder holds `cdk.json`.
fn in_cdk_app(path: &str) -> bool {
    Path::new(path)
        .ancestors()
        .skip(1)
        .any(|folder| folder.join("cdk.json").is_file())
}

/// A template that a CDK app includes (`CfnInclude`) keeps its logical ids: it is judged as part of
/// the stack that holds all its resources, and not once more.
fn is_included(root: &Node, stacks: &[Template]) -> bool {
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    let kind = |node: &Node| node.get("Type").and_then(Node::scalar).map(str::to_owned);
    !resources.is_empty()
        && stacks.iter().any(|stack| {
            stack.root.get("Resources").is_some_and(|own| {
                resources.iter().all(|resource| {
                    own.get(&resource.key)
                        .is_some_and(|there| kind(there) == kind(&resource.value))
                })
            })
        })
}

/// Templates of an assembly that are given one by one, with what their assembly says of them.
fn parts_of_assemblies(
    found: &Found,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Vec<Assembly> {
    let folders: BTreeSet<&Path> = found
        .files
        .keys()
        .filter(|path| path.ends_with(".template.json"))
        .filter_map(|path| Path::new(path).parent())
        .filter(|folder| {
            !folder
                .ancestors()
                .any(|above| found.assemblies.contains(above))
        })
        .filter(|folder| discover::is_assembly(folder))
        .collect();
    folders
        .into_iter()
        .map(|folder| {
            let mut part = assembly::read(folder, options.max_file_bytes, problems);
            part.stacks
                .retain(|stack| found.files.contains_key(&stack.template_file));
            part.left_over = 0;
            part
        })
        .collect()
}

/// A template's file, whichever stacks use it.
struct File {
    source: SourceId,
    root: Arc<Node>,
    directives: Vec<Comment>,
}

fn source_id(index: usize) -> SourceId {
    SourceId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// The parallel part numbers files by job; the final number counts templates only.
fn renumber(file: &mut Parsed, source: SourceId) {
    if file.root.loc.source == source {
        return;
    }
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

fn open(path: &str, named: bool, options: &ReadOptions, source: SourceId) -> Outcome {
    let bytes = match bytes_of(path, options.max_file_bytes) {
        Ok(bytes) => bytes,
        Err(Unread::TooLarge(head)) if !named && !looks_like_template(&head) => {
            return Outcome::PassedOver("too large, and without signs of a template");
        }
        Err(error) => return problem(path, None, error.message(options.max_file_bytes)),
    };
    let wide = utf16(&bytes);
    let signs = looks_like_template(wide.as_deref().map_or(&bytes, str::as_bytes));
    if !signs && !named {
        return Outcome::PassedOver(NO_TEMPLATE);
    }
    if wide.is_some() {
        return problem(path, None, "it is UTF-16 text; CloudFormation takes UTF-8");
    }
    let text: Arc<str> = match std::str::from_utf8(&bytes) {
        // Columns count from behind a byte order mark, so the text kept has none.
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).into(),
        Err(error) => {
            let before = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let before = before.strip_prefix('\u{feff}').unwrap_or(before);
            let at = advance(Pos { line: 1, column: 1 }, before);
            return problem(path, Some(at), "not UTF-8 text");
        }
    };
    drop(bytes);
    match parse(&text, source) {
        Ok(parsed) => match kind_of(&parsed.root, named) {
            Is::Template => Outcome::Template(text, parsed),
            Is::Broken(at, message) => problem(path, Some(at), message),
            Is::Other if named => problem(
                path,
                None,
                "not a CloudFormation template: it has no Resources object",
            ),
            Is::Other => Outcome::PassedOver(NO_TEMPLATE),
        },
        Err(ParseError { at, message }) => problem(path, Some(at), message),
    }
}

const NO_TEMPLATE: &str = "no CloudFormation template";

/// Why a file's bytes are not there.
enum Unread {
    /// With its first bytes, which tell whether anybody would miss it.
    TooLarge(Vec<u8>),
    Failed(std::io::Error),
    /// A folder, when true; else a pipe, a device and the like.
    NoFile(bool),
}

impl Unread {
    fn message(&self, limit: u64) -> String {
        match self {
            Unread::TooLarge(_) => format!(
                "larger than {} MB; CloudFormation takes at most 1 MB",
                limit >> 20
            ),
            Unread::Failed(error) => format!("cannot read it: {error}"),
            Unread::NoFile(true) => "cannot read it: it is a folder".into(),
            Unread::NoFile(false) => "cannot read it: it is no regular file".into(),
        }
    }
}

/// How much of a file that is too large is looked at.
const HEAD: u64 = 64 << 10;

/// The bytes of a file, at most so many.
pub(crate) fn bytes_within(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    bytes_of(&path.to_string_lossy(), limit).map_err(|error| error.message(limit))
}

fn bytes_of(path: &str, limit: u64) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    if path == "-" {
        std::io::stdin()
            .lock()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Unread::Failed)?;
    } else {
        // Asked before it is opened: opening a pipe waits for whoever writes into it. One that a shell
        // hands over (`<(…)`) has its writer.
        let data = std::fs::metadata(path).map_err(Unread::Failed)?;
        let is_handed_over = path.starts_with("/dev/fd/") || path == "/dev/stdin";
        if !data.is_file() && !is_handed_over {
            return Err(Unread::NoFile(data.is_dir()));
        }
        let file = std::fs::File::open(path).map_err(Unread::Failed)?;
        if data.len() > limit {
            file.take(HEAD)
                .read_to_end(&mut bytes)
                .map_err(Unread::Failed)?;
            return Err(Unread::TooLarge(bytes));
        }
        bytes.reserve(usize::try_from(data.len()).unwrap_or(0) + 1);
        // A pipe has no length, and a file may grow.
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Unread::Failed)?;
    }
    if bytes.len() as u64 > limit {
        return Err(Unread::TooLarge(bytes));
    }
    Ok(bytes)
}

/// The text of a file that begins with the byte order mark of UTF-16, as some editors on Windows write it.
fn utf16(bytes: &[u8]) -> Option<String> {
    let read = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| read(*pair)).collect();
    Some(String::from_utf16_lossy(&units))
}

/// Cheap signs of a template, so that large files of other kinds cost no parse.
fn looks_like_template(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"Resources").is_some()
        && (memchr::memmem::find(bytes, b"AWS::").is_some()
            || memchr::memmem::find(bytes, b"AWSTemplateFormatVersion").is_some()
            || memchr::memmem::find(bytes, b"Custom::").is_some())
}

/// What a parsed file is.
enum Is {
    Template,
    /// A template by its other signs, with what is wrong.
    Broken(Pos, String),
    Other,
}

/// An object with a `Resources` object is a template when the user named it, when it says so, or
/// when one of its resources has a type.
fn kind_of(root: &Node, named: bool) -> Is {
    let says_so = root.get("AWSTemplateFormatVersion").is_some() || root.get("Transform").is_some();
    let Some(resources) = root.get("Resources") else {
        return Is::Other;
    };
    match &resources.kind {
        NodeKind::Map(entries) => {
            let typed =
                |entry: &Entry| entry.value.get("Type").is_some() || entry.key.starts_with("Fn::");
            if named || says_so || entries.iter().any(typed) {
                Is::Template
            } else {
                Is::Other
            }
        }
        _ if named || says_so => {
            Is::Broken(resources.loc.start, "Resources must be an object".into())
        }
        _ => Is::Other,
    }
}

/// A path as the user would type it, with forward slashes and without a leading `./`.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}
