//! Lists the fixtures that stand beside the controls, so that `lockfast coverage` says which
//! clauses are decided by tests. `tests/fixtures.rs` proves that each gives the verdict it is
//! named for.

use std::fmt::Write;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=src/controls");
    let mut rows = Vec::new();
    for chapter in folders(Path::new("src/controls")) {
        for control in folders(&chapter) {
            let module = format!("{}::{}", name(&chapter), name(&control));
            for entry in std::fs::read_dir(&control).into_iter().flatten().flatten() {
                let file = entry.file_name().to_string_lossy().into_owned();
                if file.ends_with(".rs") || file.ends_with(".toml") {
                    continue;
                }
                for verdict in ["pass", "fail", "unknown"] {
                    if file.starts_with(verdict) {
                        rows.push((module.clone(), verdict, file.clone()));
                    }
                }
            }
        }
    }
    rows.sort();
    let mut code = String::from("&[\n");
    for (module, verdict, file) in rows {
        writeln!(code, "    ({module:?}, {verdict:?}, {file:?}),").expect("writing to a string");
    }
    code.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("fixtures.rs"), code).expect("OUT_DIR is writable");
}

fn folders(parent: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
