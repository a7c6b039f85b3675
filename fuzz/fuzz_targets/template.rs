//! Any text ends in a tree or an error that names a place in it; and every tree resolves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_facts::{Place, Source, SourceId};
use lockfast_iac::{Node, Template, parse, resolve};
use std::collections::HashMap;
use std::sync::Arc;

fuzz_target!(|text: &str| {
    let lines = text.split(['\n', '\r']).count() as u32;
    let parsed = match parse(text, SourceId(0)) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(error.at.line >= 1 && error.at.column >= 1 && error.at.line <= lines + 1);
            return;
        }
    };
    check(&parsed.root, lines);
    let template = Template {
        stack_name: "fuzz".into(),
        stack_path: "fuzz".into(),
        place: Place::default(),
        source: SourceId(0),
        root: Arc::new(parsed.root),
        parent: None,
        tags: Vec::new(),
        parameters: HashMap::new(),
        creation_sites: Arc::default(),
        construct_paths: Arc::default(),
        directives: parsed.directives,
    };
    let source = Source::File {
        path: "fuzz.yaml".into(),
        text: text.into(),
    };
    resolve(vec![source], vec![template]);
});

/// An alias's tree keeps the places of what it names, so children may lie outside their parents.
fn check(node: &Node, lines: u32) {
    assert!(node.loc.start <= node.loc.end && node.loc.end.line <= lines + 1, "{:?}", node.loc);
    for item in node.items() {
        check(item, lines);
    }
    for entry in node.entries() {
        assert!(entry.key_loc.start <= entry.key_loc.end);
        check(&entry.value, lines);
    }
}
