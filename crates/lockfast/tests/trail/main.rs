//! `lockfast trail` and `lockfast cluster`, on generated logs.
#![cfg(feature = "trail")]

mod asked;
mod athena;
#[cfg(feature = "aws")]
mod brought;
#[cfg(feature = "cluster")]
mod cluster;
mod found;

#[cfg(feature = "aws")]
#[path = "../keys/servers.rs"]
#[allow(dead_code)]
mod servers;

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "aws")]
use common::root;
use common::{Ran, lockfast, run};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

struct Logs {
    folder: tempfile::TempDir,
}

/// Four weeks of logs with every attack among them, and digests.
static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let made = run(lockfast(folder.path()).args([
        "trail",
        "generate",
        "logs",
        "--events",
        "8000",
        "--files",
        "60",
        "--accounts",
        "2",
        "--seed",
        "7",
        "--digests",
    ]));
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    Logs { folder }
});

/// `lockfast trail …` beside the logs, which are in `logs`.
fn trail(args: &[&str]) -> Ran {
    run(lockfast(LOGS.folder.path()).arg("trail").args(args))
}

fn path() -> PathBuf {
    LOGS.folder.path().to_owned()
}

/// A copy of the logs in a folder of its own, to be changed.
fn copied() -> tempfile::TempDir {
    let own = tempfile::tempdir().expect("a folder");
    copy(&path().join("logs"), &own.path().join("logs"));
    own
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a kind").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// The log files below a folder, in order.
fn files(folder: &Path, of: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.to_string_lossy().contains(of) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}
