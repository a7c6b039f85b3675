//! Which files the inputs mean.

use crate::Problem;
use crate::read::shown;
use globset::Glob;
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the inputs come to.
#[derive(Default)]
pub(crate) struct Found {
    /// Files, with whether the user named each.
    pub files: Vec<(String, bool)>,
    /// Folders of CDK cloud assemblies.
    pub assemblies: Vec<PathBuf>,
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
}

/// Finds the files and assemblies that the inputs mean, in a fixed order.
pub(crate) fn discover(inputs: &[String], found: &mut Found) {
    for input in inputs {
        let path = Path::new(input);
        if input == "-" {
            found.files.push(("-".into(), true));
        } else if path.is_dir() {
            folder(path, found);
        } else if path.symlink_metadata().is_ok() {
            if path.file_name().is_some_and(|name| name == "manifest.json")
                && let Some(parent) = path.parent()
                && is_assembly(parent)
            {
                found.assemblies.push(parent.to_owned());
            } else {
                found.files.push((shown(path), true));
            }
        } else if input.contains(['*', '?', '[', '{']) {
            glob(input, found);
        } else {
            found.problem(input, "no such file or folder");
        }
    }
    found.assemblies.sort();
    found.assemblies.dedup();
    // A stage's assembly lies inside its app's, which reads it.
    let all = found.assemblies.clone();
    found
        .assemblies
        .retain(|folder| !all.iter().any(|other| other != folder && folder.starts_with(other)));
    let assemblies = found.assemblies.clone();
    found.files.retain(|(file, named)| {
        *named || !assemblies.iter().any(|folder| Path::new(file).starts_with(shown(folder)))
    });
    found.files.sort();
    found.files.dedup_by(|a, b| {
        let same = a.0 == b.0;
        b.1 |= same && a.1;
        same
    });
}

/// A CDK cloud assembly is a folder whose manifest.json names artifacts.
fn is_assembly(folder: &Path) -> bool {
    std::fs::read(folder.join("manifest.json")).is_ok_and(|bytes| {
        memchr::memmem::find(&bytes, b"\"artifacts\"").is_some()
            || memchr::memmem::find(&bytes, b"aws:cloudformation:stack").is_some()
    })
}

fn folder(root: &Path, found: &mut Found) {
    if is_assembly(root) {
        found.assemblies.push(root.to_owned());
        return;
    }
    // CDK apps ignore cdk.out in git, but whoever points at the app means it.
    let output = root.join("cdk.out");
    if is_assembly(&output) {
        found.assemblies.push(output);
    }
    walk(root, found, |_| true);
}

fn walk(root: &Path, found: &mut Found, wanted: impl Fn(&Path) -> bool) {
    let walker = WalkBuilder::new(root)
        .require_git(false)
        .follow_links(true)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| entry.file_name() != "node_modules")
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_dir()) => {
                if entry.depth() > 0 && is_assembly(entry.path()) {
                    found.assemblies.push(entry.into_path());
                }
            }
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => {
                if !wanted(entry.path()) {
                    continue;
                }
                if is_candidate(entry.path()) {
                    found.files.push((shown(entry.path()), false));
                } else {
                    *found.passed_over.entry("another kind of file".into()).or_default() += 1;
                }
            }
            Ok(_) => {}
            Err(error) => {
                let path = path_of(&error).unwrap_or_else(|| shown(root));
                found.problem(&path, reason(&error));
            }
        }
    }
}

fn is_candidate(path: &Path) -> bool {
    let lock = path
        .file_name()
        .is_some_and(|n| n == "package-lock.json" || n == "package.json" || n == "tsconfig.json");
    !lock
        && path.extension().and_then(|e| e.to_str()).is_some_and(|extension| {
            ["yaml", "yml", "json", "template", "cfn", "cform"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

fn path_of(error: &ignore::Error) -> Option<String> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(shown(path)),
        ignore::Error::Loop { child, .. } => Some(shown(child)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => reason(err),
        ignore::Error::Loop { ancestor, .. } => {
            format!("a symbolic link back to {}", ancestor.display())
        }
        ignore::Error::Io(error) => format!("cannot read it: {error}"),
        other => other.to_string(),
    }
}

fn glob(pattern: &str, found: &mut Found) {
    let matcher = match Glob::new(pattern.strip_prefix("./").unwrap_or(pattern)) {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            found.problem(pattern, format!("not a glob: {error}"));
            return;
        }
    };
    let literal: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    let root = if literal.as_os_str().is_empty() { Path::new(".") } else { &literal };
    let before = found.files.len() + found.assemblies.len();
    walk(root, found, |path| matcher.is_match(path.strip_prefix("./").unwrap_or(path)));
    if found.files.len() + found.assemblies.len() == before {
        found.problem(pattern, "matches no file");
    }
}
