//! The seeded server, started once for all tests, and the binary that scans it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A server with the two accounts of the seed.
pub struct Moto {
    /// `http://127.0.0.1:…`.
    pub url: String,
    /// A shared credentials file with the profiles `management` and `workloads`.
    pub credentials: PathBuf,
    _folder: tempfile::TempDir,
    /// It ends when the pipe to it closes, which is when the tests end, however they do.
    _server: Child,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The server; started and filled by the first test that asks.
pub fn moto() -> &'static Moto {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    MOTO.get_or_init(start)
}

fn start() -> Moto {
    let python = std::env::var("LOCKFAST_MOTO_PYTHON").expect(
        "LOCKFAST_MOTO_PYTHON names no Python with moto: run `cargo xtask test`, which installs it",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let server = std::process::Command::new(&python)
        .arg(root().join("tests/moto/server.py"))
        .args(["-p", &port.to_string()])
        .env("END_WITH_STDIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("moto starts");
    let deadline = Instant::now() + Duration::from_secs(120);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "moto does not answer at {url}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let credentials = folder.path().join("credentials");
    let seeded = std::process::Command::new(&python)
        .arg(root().join("tests/moto/seed.py"))
        .args(["--endpoint", &url, "--credentials"])
        .arg(&credentials)
        .output()
        .expect("the seed runs");
    assert!(
        seeded.status.success(),
        "the seed failed:\n{}\n{}",
        String::from_utf8_lossy(&seeded.stdout),
        String::from_utf8_lossy(&seeded.stderr)
    );
    Moto {
        url,
        credentials,
        _folder: folder,
        _server: server,
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The regions of the seed.
pub const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];

/// `lockfast` with the credentials of the seed, in a folder of its own.
pub fn lockfast(moto: &Moto, folder: &Path, profile: &str) -> Command {
    let mut command = Command::cargo_bin("lockfast").expect("the binary");
    command
        .current_dir(folder)
        .env_remove("AWS_REGION")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_SHARED_CREDENTIALS_FILE", &moto.credentials)
        .env("AWS_CONFIG_FILE", folder.join("no-config"))
        .env("AWS_PROFILE", profile);
    command
}

/// The arguments of a scan of an endpoint: one account, these services (all when there are none), quick to give up.
pub fn scan_args(url: &str, services: &str, snapshot: &str) -> Vec<String> {
    let mut args: Vec<String> = ["scan", "--endpoint-url", url, "--backoff", "20"]
        .map(str::to_owned)
        .to_vec();
    for region in REGIONS {
        args.extend(["--region".to_owned(), region.to_owned()]);
    }
    if !services.is_empty() {
        args.extend(["--service".to_owned(), services.to_owned()]);
    }
    args.extend(["--snapshot".to_owned(), snapshot.to_owned()]);
    args
}

/// The JSON report that a command printed.
pub fn report(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "no JSON report ({error}): {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
