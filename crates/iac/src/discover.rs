//! Which files the inputs mean.

use crate::Problem;
use crate::read::{bytes_within, shown};
use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the inputs come to.
#[derive(Default)]
pub(crate) struct Found {
    /// Files, with whether the user named each.
    pub files: BTreeMap<String, bool>,
    /// Folders of CDK cloud assemblies. Of these every stack is read.
    pub assemblies: BTreeSet<PathBuf>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Files passed over, by reason.
    pub passed_over: BTreeMap<String, usize>,
}

impl Found {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            at: None,
            message: message.into(),
        });
    }

    fn file(&mut self, path: String, named: bool) {
        *self.files.entry(path).or_default() |= named;
    }
}

/// Finds the files and assemblies that the inputs mean, in a fixed order.
pub(crate) fn discover(inputs: &[String], found: &mut Found) {
    let here = std::env::current_dir().unwrap_or_default();
    for input in inputs {
        // A finding's name has the path in it, and must be the same on every machine.
        let input = match Path::new(input).strip_prefix(&here) {
            Ok(inside) if inside.as_os_str().is_empty() => ".",
            Ok(inside) => inside.to_str().unwrap_or(input),
            Err(_) => input,
        };
        let path = Path::new(input);
        if input == "-" {
            found.file("-".into(), true);
        } else if path.is_dir() {
            folder(path, found);
        } else if path.symlink_metadata().is_ok() {
            match path.parent() {
                Some(parent) if path.ends_with("manifest.json") && is_assembly(parent) => {
                    found.assemblies.insert(parent.to_owned());
                }
                _ => found.file(shown(path), true),
            }
        } else if is_pattern(input) {
            glob(input, found);
        } else {
            found.problem(input, "no such file or folder");
        }
    }
    // A stage's assembly lies inside its app's, which reads it; so do the files found inside.
    let all = found.assemblies.clone();
    let inside = |path: &Path| path.ancestors().skip(1).any(|above| all.contains(above));
    found.assemblies.retain(|folder| !inside(folder));
    let shown_all: BTreeSet<String> = all.iter().map(|folder| shown(folder)).collect();
    found.files.retain(|file, named| {
        *named
            || !Path::new(file)
                .ancestors()
                .skip(1)
                .any(|above| shown_all.contains(&shown(above)))
    });
}

/// Manifests of a hundred stacks have a few megabytes; older ones hold the stacks' metadata.
const MAX_MANIFEST_BYTES: u64 = 50 << 20;

/// A CDK cloud assembly is a folder whose manifest.json names artifacts; a web app's does not.
pub(crate) fn is_assembly(folder: &Path) -> bool {
    bytes_within(&folder.join("manifest.json"), MAX_MANIFEST_BYTES).is_ok_and(|bytes| {
        memchr::memmem::find(&bytes, b"\"artifacts\"").is_some()
            && memchr::memmem::find(&bytes, b"\"version\"").is_some()
    })
}

fn folder(root: &Path, found: &mut Found) {
    if is_assembly(root) {
        found.assemblies.insert(root.to_owned());
        return;
    }
    // CDK apps ignore cdk.out in git, but whoever points at the app means it.
    let output = root.join("cdk.out");
    if is_assembly(&output) {
        found.assemblies.insert(output);
    }
    walk(root, None, found);
}

/// Walks a folder: everything in it, or what matches a glob.
fn walk(root: &Path, wanted: Option<&GlobMatcher>, found: &mut Found) {
    let matches = {
        let wanted = wanted.cloned();
        move |path: &Path| match &wanted {
            Some(glob) => glob.is_match(path.strip_prefix("./").unwrap_or(path)),
            None => true,
        }
    };
    // An assembly is not walked into: beside its stacks it holds the assets, of any size.
    let assemblies = Arc::new(Mutex::new(Vec::new()));
    let filter = {
        let (assemblies, matches) = (assemblies.clone(), matches.clone());
        move |entry: &ignore::DirEntry| {
            if !entry.file_type().is_some_and(|kind| kind.is_dir()) || entry.depth() == 0 {
                return true;
            }
            if entry.file_name() == "node_modules" {
                return false;
            }
            let is_one = matches(entry.path()) && is_assembly(entry.path());
            if is_one {
                assemblies
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(entry.path().to_owned());
            }
            // An app's own assembly counts, though git ignores it.
            let output = entry.path().join("cdk.out");
            if !is_one && matches(&output) && is_assembly(&output) {
                assemblies
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(output);
            }
            !is_one
        }
    };
    let walker = WalkBuilder::new(root)
        .require_git(false)
        .follow_links(true)
        .sort_by_file_path(Path::cmp)
        .filter_entry(filter)
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if !matches(entry.path()) {
                    continue;
                }
                if is_candidate(entry.path()) {
                    found.file(shown(entry.path()), false);
                } else {
                    pass_over(found);
                }
            }
            Ok(_) => {}
            Err(error) => {
                let path = path_of(&error).unwrap_or_else(|| root.to_owned());
                // A link into nowhere that by its name cannot be a template.
                if path.extension().is_some() && !is_candidate(&path) && !path.is_dir() {
                    pass_over(found);
                } else if matches(&path) {
                    found.problem(&shown(&path), reason(&error));
                }
            }
        }
    }
    let mut assemblies = assemblies.lock().unwrap_or_else(PoisonError::into_inner);
    found.assemblies.extend(assemblies.drain(..));
}

fn pass_over(found: &mut Found) {
    *found
        .passed_over
        .entry("another kind of file".into())
        .or_default() += 1;
}

/// By its name a file may be a template; its text decides.
fn is_candidate(path: &Path) -> bool {
    const OTHERS: [&str; 5] = [
        "package-lock.json",
        "package.json",
        "tsconfig.json",
        "cdk.json",
        "cdk.context.json",
    ];
    const KNOWN: [&str; 6] = ["yaml", "yml", "json", "template", "cfn", "cform"];
    let other = path
        .file_name()
        .is_some_and(|name| OTHERS.iter().any(|other| name == *other));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !other
        && extension.is_some_and(|extension| {
            KNOWN
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

fn path_of(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path.clone()),
        ignore::Error::Loop { child, .. } => Some(child.clone()),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => reason(err),
        ignore::Error::Loop { ancestor, .. } => {
            format!("a symbolic link back to {}", shown(ancestor))
        }
        ignore::Error::Io(error) => format!("cannot read it: {error}"),
        other => other.to_string(),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn glob(pattern: &str, found: &mut Found) {
    // As in a shell `*` stays within a folder, and `**` does not.
    let written = pattern
        .strip_prefix("./")
        .unwrap_or(pattern)
        .trim_end_matches('/');
    let matcher = match GlobBuilder::new(written).literal_separator(true).build() {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            found.problem(pattern, format!("not a glob: {error}"));
            return;
        }
    };
    let literal: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !is_pattern(&part.as_os_str().to_string_lossy()))
        .collect();
    let root = if literal.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &literal
    };
    if !root.exists() {
        found.problem(pattern, "matches no file");
        return;
    }
    let count = |found: &Found| found.files.len() + found.assemblies.len() + found.problems.len();
    let before = count(found);
    walk(root, Some(&matcher), found);
    if count(found) == before {
        found.problem(pattern, "matches no file or assembly");
    }
}
