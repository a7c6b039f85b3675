//! `lockfast keys`, `who-can`, `can`, `secrets` and `ledger`: on the web shop's templates, and on an account of moto with this
//! project's own strict fake of AWS KMS (tests/kms-fake).

mod asked;
mod existing;
#[cfg(feature = "aws")]
mod operated;
mod rotated;
#[cfg(feature = "aws")]
mod servers;

use assert_cmd::Command;
use std::path::Path;

/// What a command printed, and how it ended.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.out, self.err))
    }
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("it runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn lockfast(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("lockfast").expect("the binary");
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}
