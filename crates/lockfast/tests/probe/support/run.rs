//! The binary: run to its end, or watched while it runs.

use assert_cmd::Command;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a run said.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.err))
    }

    /// The verdicts of a JSON report on a control, as `endpoint part verdict`.
    pub fn verdicts(&self, control: &str) -> Vec<String> {
        verdicts(&self.json(), control)
    }
}

pub fn verdicts(report: &serde_json::Value, control: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut verdicts: Vec<String> = findings
        .iter()
        .filter(|finding| finding["control"] == control)
        .map(|finding| {
            let part = finding["resource"]["part"].as_str().unwrap_or_default();
            let id = finding["resource"]["id"].as_str().unwrap_or_default();
            format!(
                "{id} {part} {}",
                finding["verdict"].as_str().unwrap_or_default()
            )
        })
        .collect();
    verdicts.sort();
    verdicts
}

/// The binary in a folder, without what this machine's owner set.
pub fn lockfast(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("lockfast").expect("the binary is built");
    // Nothing outside this machine is asked for credentials.
    command
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .timeout(Duration::from_secs(180));
    for variable in ["AWS_ACCOUNT_ID", "AWS_REGION", "LOCKFAST_PROXY"] {
        command.env_remove(variable);
    }
    command
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("it runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A run that goes on.
pub struct Background {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
}

/// Starts the binary in a folder and reads along.
pub fn watched(folder: &Path, args: &[&str]) -> Background {
    watched_with(folder, args, "")
}

/// The same, with a text on its standard input.
pub fn watched_with(folder: &Path, args: &[&str], input: &str) -> Background {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lockfast"))
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("LOCKFAST_PROXY")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let out = Arc::new(Mutex::new(String::new()));
    let err = Arc::new(Mutex::new(String::new()));
    along(child.stdout.take().expect("a pipe"), out.clone());
    along(child.stderr.take().expect("a pipe"), err.clone());
    Background { child, out, err }
}

fn along(mut pipe: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(read @ 1..) = pipe.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            into.lock().expect("a lock").push_str(&text);
        }
    });
}

impl Background {
    pub fn out(&self) -> String {
        self.out.lock().expect("a lock").clone()
    }

    /// Waits until something holds, a minute at most.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !holds(&self.out()) {
            let ended = self.child.try_wait().expect("a child");
            let err = self.err.lock().expect("a lock").clone();
            assert!(
                ended.is_none() && Instant::now() < until,
                "{what}: {ended:?} {} {err}",
                self.out()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has said once it says no more for a while: a report comes in pieces.
    pub fn settled(&self) -> String {
        loop {
            let before = self.out();
            std::thread::sleep(Duration::from_millis(400));
            if self.out() == before {
                return before;
            }
        }
    }

    /// Interrupts it as a person does with Ctrl-C, and waits for its end.
    pub fn interrupt(mut self) -> Ran {
        let status = std::process::Command::new("kill")
            .args(["-INT".to_owned(), self.child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // The rest of the pipes.
                std::thread::sleep(Duration::from_millis(100));
                let err = self.err.lock().expect("a lock").clone();
                return Ran {
                    code: status.code().unwrap_or(-1),
                    out: self.out(),
                    err,
                };
            }
            assert!(Instant::now() < until, "it does not end: {}", self.out());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
