//! Developer commands, run as `cargo xtask …`.

mod cache;
mod docs;
mod new_control;
mod servers;
mod venv;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Run every test: Rust, documentation examples, and the example's re-synthesis.
    Test,
    /// Write the generated references into docs/.
    Docs {
        /// Only say whether they are stale.
        #[arg(long)]
        check: bool,
    },
    /// Run the fuzz targets for a bounded time.
    Fuzz {
        /// How long each target runs, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Compare with other tools in one run (benches/check/run.py).
    Bench,
    /// Compare `lockfast scan` with Prowler, and measure it on fleets (benches/scan/run.py).
    BenchScan,
    /// Compare `lockfast probe` with sslyze, and measure it on many endpoints (benches/probe/run.py).
    BenchProbe,
    /// Make the folder of a new control, with fixtures to fill in.
    NewControl {
        /// The chapter's folder, such as `data_at_rest`.
        chapter: String,
        /// The control's id in kebab case.
        id: String,
        /// The clause it decides.
        clause: String,
    },
    /// What CI checks before the tests: formatting, lints, licences, generated files.
    #[command(subcommand)]
    Ci(Ci),
}

#[derive(Subcommand)]
enum Ci {
    /// Formatting, lints, licences and generated files.
    Lint,
}

fn main() -> Result<()> {
    std::env::set_current_dir(root())?;
    match Task::parse() {
        Task::Test => test(),
        Task::Docs { check } => docs::run(check),
        Task::Fuzz { seconds } => fuzz(seconds),
        Task::Bench => {
            run("cargo", &["build", "--release", "--package", "lockfast"])?;
            run("python3", &["benches/check/run.py"])
        }
        Task::BenchScan => {
            let full = ["--package", "lockfast", "--features", "lockfast/full"];
            run("cargo", &[&["build", "--release"][..], &full].concat())?;
            run("python3", &["benches/scan/run.py"])?;
            run("python3", &["benches/scan/run.py", "--fleet"])
        }
        Task::BenchProbe => {
            run("cargo", &["build", "--release", "--package", "lockfast"])?;
            run("python3", &["benches/probe/run.py"])
        }
        Task::NewControl {
            chapter,
            id,
            clause,
        } => new_control::run(&chapter, &id, &clause),
        Task::Ci(Ci::Lint) => lint(),
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    run_in(Path::new("."), program, args, &[])
}

fn run_in(folder: &Path, program: &str, args: &[&str], env: &[(&str, OsString)]) -> Result<()> {
    eprintln!("$ {program} {}", args.join(" "));
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .envs(env.iter().cloned())
        .status()
        .with_context(|| format!("cannot run {program}: is it installed?"))?;
    if !status.success() {
        bail!("{program} {} failed ({status})", args.join(" "));
    }
    Ok(())
}

fn test() -> Result<()> {
    let moto = venv::ready("moto", Path::new("tests/moto/requirements.txt"))?;
    let athena = venv::ready("athena", Path::new("tests/athena/requirements.txt"))?;
    // What stands in AWS KMS's place is only worth as much as it is right.
    let fake = ["-m", "unittest", "-q", "test_kms_fake"];
    run_in(Path::new("tests/kms-fake"), &moto, &fake, &[])?;
    let mut env = servers::ready()?;
    env.push(("INSTA_UPDATE", "no".into()));
    env.push(("LOCKFAST_MOTO_PYTHON", moto.into()));
    env.push(("LOCKFAST_ATHENA_PYTHON", athena.into()));
    run_in(
        Path::new("."),
        "cargo",
        &[
            "test",
            "--workspace",
            "--features",
            "lockfast/full",
            "--quiet",
            "--no-fail-fast",
        ],
        &env,
    )?;
    let webshop = Path::new("examples/webshop");
    if Command::new("npm").arg("--version").output().is_err() {
        if std::env::var_os("CI").is_some() {
            bail!("npm is missing: CI cannot re-synthesise examples/webshop");
        }
        eprintln!("NOT RUN: examples/webshop was not re-synthesised, since npm is not installed");
        return Ok(());
    }
    run_in(webshop, "npm", &["ci", "--no-audit", "--no-fund"], &[])?;
    run_in(webshop, "npm", &["run", "check"], &[])
}

fn lint() -> Result<()> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--features",
            "lockfast/full",
            "--all-targets",
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ],
    )?;
    run(
        "cargo",
        &[
            "deny",
            "--log-level",
            "error",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
    )?;
    docs::run(true)
}

/// `cargo-fuzz` wants a nightly compiler; with `RUSTC_BOOTSTRAP` and without a sanitizer the
/// stable one does.
fn fuzz(seconds: u32) -> Result<()> {
    if Command::new("cargo")
        .args(["fuzz", "--version"])
        .output()
        .map_or(true, |out| !out.status.success())
    {
        run(
            "cargo",
            &["install", "cargo-fuzz", "--locked", "--version", "0.13.1"],
        )?;
    }
    let limit = format!("-max_total_time={seconds}");
    let mut targets: Vec<String> = std::fs::read_dir("fuzz/fuzz_targets")?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    for target in &targets {
        let corpus = format!("fuzz/corpus/{target}");
        // The first folder takes what is found; the committed one only gives.
        let found = format!("fuzz/target/found/{target}");
        std::fs::create_dir_all(&found)?;
        run_in(
            Path::new("."),
            "cargo",
            &[
                "fuzz",
                "run",
                "--sanitizer",
                "none",
                target,
                &found,
                &corpus,
                "--",
                &limit,
                "-timeout=10",
                "-rss_limit_mb=1024",
            ],
            &[("RUSTC_BOOTSTRAP", "1".into())],
        )?;
    }
    Ok(())
}
