//! Python environments with pinned packages, for tests and benchmarks that need a Python program.

use anyhow::{Context, Result, bail};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of an environment that holds what the requirements file pins; made when it is not there yet.
///
/// # Errors
/// When Python 3.11 or later is missing, or a package cannot be installed.
pub fn ready(name: &str, requirements: &Path) -> Result<String> {
    let pinned = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let mut hasher = DefaultHasher::new();
    pinned.hash(&mut hasher);
    let folder = cache()?.join(format!("{name}-{:016x}", hasher.finish()));
    let python = folder.join("bin/python");
    let whole = folder.join("whole");
    if !whole.exists() {
        eprintln!(
            "installing {} into {}",
            requirements.display(),
            folder.display()
        );
        let _ = std::fs::remove_dir_all(&folder);
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&folder)
            .status()
            .context("cannot run python3: install Python 3.11 or later (with venv)")?;
        if !made.success() {
            bail!("python3 -m venv failed: install Python 3.11 or later (with venv)");
        }
        let installed = Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args([
                "--require-hashes",
                "--only-binary",
                ":all:",
                "--requirement",
            ])
            .arg(requirements)
            .status()
            .context("cannot run pip")?;
        if !installed.success() {
            bail!("pip could not install {}", requirements.display());
        }
        std::fs::write(&whole, "")?;
    }
    Ok(python.display().to_string())
}

/// The folder that outlives a checkout.
fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = set("LOCKFAST_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("lockfast")))
        .or_else(|| Some(set("HOME")?.join(".cache/lockfast")))
        .unwrap_or_else(|| PathBuf::from("target/python"));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(std::fs::canonicalize(folder)?)
}
