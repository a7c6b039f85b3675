//! Which files are read, and what is wrong with them.

use std::io;
use std::path::{Path, PathBuf};

/// Folders nested deeper than this are not looked into: no delivery is, and a loop of links must end.
const DEEPEST: usize = 64;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
}

/// A file, and whether it was named or found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub path: PathBuf,
    pub named: bool,
}

/// The files that paths name: files as they are, and of folders whatever is JSON by its name, sorted.
///
/// # Errors
/// When a path cannot be read.
pub fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let (inputs, _) = inputs(paths);
    inputs.into_iter().map(|input| input.path).collect()
}

/// The inputs that paths name, and what cannot be read of them.
pub(crate) fn inputs(paths: &[PathBuf]) -> (Vec<Input>, Vec<Problem>) {
    let (mut inputs, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let walked = match std::fs::metadata(path) {
            Ok(what) if what.is_dir() => walk(path, 0, &mut inputs),
            Ok(_) => {
                inputs.push(Input {
                    path: path.clone(),
                    named: true,
                });
                Ok(())
            }
            Err(error) => Err((path.clone(), error)),
        };
        if let Err((path, error)) = walked {
            problems.push(Problem {
                path: path.display().to_string(),
                line: None,
                column: None,
                message: format!("cannot be read: {error}"),
            });
        }
    }
    let mut seen = std::collections::HashSet::new();
    inputs.retain(|input| seen.insert(input.path.clone()));
    (inputs, problems)
}

fn walk(folder: &Path, depth: usize, inputs: &mut Vec<Input>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder may lead back.
        let what = entry.file_type().map_err(failed)?;
        if what.is_dir() {
            if depth < DEEPEST {
                walk(&path, depth + 1, inputs)?;
            }
        } else if is_json(&path) && path.is_file() {
            inputs.push(Input { path, named: false });
        }
    }
    Ok(())
}

fn is_json(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".json", ".jsonl", ".ndjson"]
        .iter()
        .any(|ending| name.ends_with(ending))
}
