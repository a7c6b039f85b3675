//! What Chromium makes of a page.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The browser: `LOCKFAST_CHROMIUM`, or the system's. In CI there must be one.
pub fn ready() -> Option<PathBuf> {
    let named = std::env::var_os("LOCKFAST_CHROMIUM").map(PathBuf::from);
    let path = named.unwrap_or_else(|| "/usr/bin/chromium".into());
    if path.is_file() {
        return Some(path);
    }
    let said = format!(
        "no Chromium at {}; LOCKFAST_CHROMIUM may say where it is",
        path.display()
    );
    assert!(std::env::var_os("CI").is_none(), "{said}");
    eprintln!("SKIPPED: {said}");
    None
}

/// A file of a test's own, which is left for a person to look at.
pub fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// The document after its script ran.
pub fn dump(chromium: &Path, file: &Path, fragment: &str) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--window-size=1600,1000",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#{fragment}", file.display()))
        .stdin(Stdio::null())
        .output()
        .expect("Chromium runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let dom = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(dom.contains('<'), "Chromium gave no document: {said}");
    dom
}
