//! `--diff-base REV`: what failed already at a git revision.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tree of a revision, written to a temporary folder that goes away with this value. Neither
/// the work tree nor the index of the repository changes.
pub(super) struct Tree {
    /// Goes away with this value.
    _folder: tempfile::TempDir,
    /// Where the tree is.
    root: PathBuf,
    /// The current folder's path inside the repository.
    prefix: PathBuf,
    top: PathBuf,
}

impl Tree {
    /// Writes out the tree of `revision` of the repository around the current folder.
    ///
    /// # Errors
    /// No git, no repository here, or no such revision.
    pub(super) fn of(revision: &str) -> Result<Self> {
        let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"], None)?);
        let prefix = PathBuf::from(git(&["rev-parse", "--show-prefix"], None)?);
        if revision.starts_with('-') {
            bail!("`{revision}` is no git revision");
        }
        let tree = format!("{revision}^{{tree}}");
        let Ok(commit) = git(&["rev-parse", "--verify", "--quiet", &tree], None) else {
            bail!(
                "`{revision}` is no git revision here; fetch it first where the clone is shallow"
            );
        };
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let index = folder.path().join("index");
        git(&["read-tree", &commit], Some(&index))?;
        let tree = format!("--prefix={}/tree/", folder.path().display());
        git(
            &[
                "-C",
                &top.to_string_lossy(),
                "checkout-index",
                "--all",
                "--quiet",
                &tree,
            ],
            Some(&index),
        )?;
        let root = folder.path().canonicalize()?.join("tree");
        Ok(Tree {
            _folder: folder,
            root,
            prefix,
            top,
        })
    }

    /// The folder that stands for the current one; empty when the revision had none.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn current(&self) -> Result<PathBuf> {
        let folder = self.root.join(&self.prefix);
        std::fs::create_dir_all(&folder).context("cannot make a temporary folder")?;
        Ok(folder)
    }

    /// A path given by the user as it is named from [`Tree::current`].
    pub(super) fn map(&self, path: &str) -> String {
        match Path::new(path).strip_prefix(&self.top) {
            Ok(inside) if Path::new(path).is_absolute() => {
                self.root.join(inside).to_string_lossy().into_owned()
            }
            _ => path.to_owned(),
        }
    }
}

fn git(args: &[&str], index: Option<&Path>) -> Result<String> {
    let mut command = Command::new("git");
    command.args(args);
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let output = command
        .output()
        .context("cannot run git, which --diff-base needs")?;
    if !output.status.success() {
        bail!(
            "git {}: {}",
            args.first().unwrap_or(&""),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
