//! Python environments with pinned packages, for tests and benchmarks that need a Python program.

use crate::cache;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The interpreter of an environment that holds what the requirements file pins; made when it is not there yet.
///
/// # Errors
/// When Python 3.11 or later is missing, or a package cannot be installed.
pub fn ready(name: &str, requirements: &Path) -> Result<String> {
    let pinned = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = cache::folder(name, &pinned)?;
    let python = folder.join("bin/python");
    cache::fill(&folder, || install(&folder, &python, requirements))?;
    Ok(python.display().to_string())
}

fn install(folder: &Path, python: &Path, requirements: &Path) -> Result<()> {
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder)
        .status()
        .context("cannot run python3: install Python 3.11 or later (with venv)")?;
    if !made.success() {
        bail!("python3 -m venv failed: install Python 3.11 or later (with venv)");
    }
    let installed = Command::new(python)
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
    Ok(())
}
