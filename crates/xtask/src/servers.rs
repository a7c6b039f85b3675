//! The servers that tests talk to: Debian's packages, and builds of Node.js from npm (tests/servers).

use crate::cache;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "tests/servers";
/// Where Debian keeps servers, besides the folder of each version of PostgreSQL.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];
const POSTGRESQL: &str = "/usr/lib/postgresql";
/// While it is there and ends with 101, Debian starts no service that it installs.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// What tests are told by their environment; missing servers are installed where that may be, and named where not.
///
/// # Errors
/// When an installation fails.
pub fn ready() -> Result<Vec<(&'static str, OsString)>> {
    packages()?;
    let mut variables = nodes()?;
    variables.push(("PATH", env::join_paths(search_path())?));
    Ok(variables)
}

fn in_ci() -> bool {
    env::var_os("CI").is_some()
}

/// `PATH`, and where servers are that it lacks.
fn search_path() -> Vec<PathBuf> {
    let set = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&set).collect();
    folders.extend(SYSTEM_FOLDERS.map(PathBuf::from));
    if let Ok(versions) = fs::read_dir(POSTGRESQL) {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders
}

fn is_installed(program: &str) -> bool {
    search_path()
        .iter()
        .any(|folder| folder.join(program).is_file())
}

/// Lines of tests/servers/packages.txt: a program, the package that has it, and why.
fn listed(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
}

fn packages() -> Result<()> {
    let file = Path::new(FOLDER).join("packages.txt");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let missing: Vec<_> = listed(&text)
        .filter(|(program, _)| !is_installed(program))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    if in_ci() && is_root() && is_installed("apt-get") {
        return install(&names);
    }
    let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    eprintln!(
        "MISSING: {}. Tests that need them {}. To have them: apt-get install --no-install-recommends {}",
        programs.join(", "),
        if in_ci() {
            "will fail, since this is CI"
        } else {
            "are skipped"
        },
        names.join(" ")
    );
    Ok(())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}

fn install(packages: &[&str]) -> Result<()> {
    let _no_services = NoServices::begin()?;
    apt(&["update", "--quiet=2"])?;
    let options = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
    apt(&[&options, packages].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    eprintln!("$ apt-get {}", arguments.join(" "));
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot run apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// As long as it lives no package starts its service. A policy that the system has already is left alone.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<NoServices> {
        use std::os::unix::fs::PermissionsExt;
        let ours = !Path::new(SERVICE_POLICY).exists();
        if ours {
            fs::write(SERVICE_POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(SERVICE_POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(NoServices { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(SERVICE_POLICY);
        }
    }
}

/// Where the builds of Node.js are, which package-lock.json pins by hash. They are for Linux on x86-64 only.
fn nodes() -> Result<Vec<(&'static str, OsString)>> {
    let variables = [
        ("LOCKFAST_NODE_0_10_28", "node-0.10.28"),
        ("LOCKFAST_NODE_0_10", "node-0.10"),
        ("LOCKFAST_NODE_24", "node-24"),
    ];
    let here = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    if !here || Command::new("npm").arg("--version").output().is_err() {
        if here && in_ci() {
            bail!("npm is missing: CI cannot install the Node.js that tests need");
        }
        let why = if here {
            "npm is not installed"
        } else {
            "there are none for this platform"
        };
        eprintln!("MISSING: old and new Node.js, since {why}. Tests that need them are skipped.");
        return Ok(Vec::new());
    }
    let lock = fs::read_to_string(Path::new(FOLDER).join("package-lock.json"))
        .context("cannot read tests/servers/package-lock.json")?;
    let folder = cache::folder("nodes", &lock)?;
    cache::fill(&folder, || {
        fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(Path::new(FOLDER).join(file), folder.join(file))?;
        }
        let options = [
            "ci",
            "--ignore-scripts",
            "--no-bin-links",
            "--no-audit",
            "--no-fund",
        ];
        crate::run_in(&folder, "npm", &options, &[])?;
        // This package brings its builds in archives.
        let archive = "node_modules/node-0.10.28/node-v0.10.28-linux-x64.tar.gz";
        let into = "--directory=node_modules/node-0.10.28";
        let member = "node-v0.10.28-linux-x64/bin/node";
        let options = ["-xzf", archive, into, "--strip-components=1", member];
        crate::run_in(&folder, "tar", &options, &[])
    })?;
    let binary = |package| folder.join("node_modules").join(package).join("bin/node");
    Ok(variables
        .map(|(variable, package)| (variable, binary(package).into_os_string()))
        .to_vec())
}
