//! From what the user names to facts, in one call.

use crate::{Problem, ReadOptions, read, resolve};
use lockfast_facts::Inventory;
use std::collections::BTreeMap;

/// The facts of some inputs, and what could not be read.
pub struct Loaded {
    /// The facts.
    pub inventory: Inventory,
    /// What could not be read or resolved, by path and place.
    pub problems: Vec<Problem>,
    /// Files that are no templates, by reason.
    pub passed_over: BTreeMap<String, usize>,
    /// How many files were opened.
    pub files_read: usize,
}

/// Reads and resolves the inputs. Whatever is wrong with one file, the others are still read.
pub fn load(inputs: &[String], options: &ReadOptions) -> Loaded {
    let work = || {
        let mut read = read(inputs, options);
        let resolved = resolve(
            std::mem::take(&mut read.sources),
            std::mem::take(&mut read.templates),
        );
        let mut problems = read.problems;
        problems.extend(resolved.problems);
        problems.sort_by(|a, b| (&a.path, a.at).cmp(&(&b.path, b.at)));
        problems.dedup();
        Loaded {
            inventory: resolved.inventory,
            problems,
            passed_over: read.passed_over,
            files_read: read.files_read,
        }
    };
    crate::pool::install(work)
}
