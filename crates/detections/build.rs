//! Lists our own rules, so that a file in `rules/` is all that a new one takes.

use std::fmt::Write;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=rules");
    let folder =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("rules");
    let entries = std::fs::read_dir(&folder).expect("the folder of rules is there");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut code = String::from("&[\n");
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Not by its path here: whoever shares a target folder may compile this list in another checkout.
        let file = format!("/rules/{name}");
        writeln!(
            code,
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {file:?}))),"
        )
        .expect("writing to a string");
    }
    code.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("rules.rs"), code).expect("OUT_DIR is writable");
}
