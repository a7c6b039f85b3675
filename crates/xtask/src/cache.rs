//! What tests need and take long to install is kept outside the checkout, one folder for each set of pinned versions.

use anyhow::{Context, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The folder for what `pins` (the text of the file) name.
///
/// # Errors
/// When the cache cannot be made.
pub fn folder(name: &str, pins: &str) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    pins.hash(&mut hasher);
    Ok(root()?.join(format!("{name}-{:016x}", hasher.finish())))
}

/// Install into a folder, unless that was done to its end before.
///
/// # Errors
/// Those of the installation.
pub fn fill(folder: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let whole = folder.join("whole");
    if whole.exists() {
        return Ok(());
    }
    eprintln!("installing into {}", folder.display());
    let _ = fs::remove_dir_all(folder);
    install()?;
    fs::write(whole, "").with_context(|| format!("cannot write to {}", folder.display()))
}

fn root() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = set("LOCKFAST_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("lockfast")))
        .or_else(|| Some(set("HOME")?.join(".cache/lockfast")))
        .unwrap_or_else(|| PathBuf::from("target/python"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(fs::canonicalize(folder)?)
}
