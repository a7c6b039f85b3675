//! Every format says what it should, validly, and nothing in a template can steer it.

use lockfast_policy::{Config, evaluate};
use lockfast_report::{Format, InputSummary, Report, Style, Verbosity, json_schema, write};
use std::collections::BTreeSet;

fn rendered(fixture: &str, format: Format, style: Style) -> String {
    let input = format!("tests/fixtures/{fixture}");
    let loaded = lockfast_iac::load(&[input], &lockfast_iac::ReadOptions::default());
    let config = Config::default();
    let run = evaluate(&loaded.inventory, &config, "2026-11-23");
    let report = Report {
        run: &run,
        input: InputSummary {
            files_read: loaded.files_read,
            templates: loaded.inventory.stacks().len(),
            resources: loaded.inventory.resources().len(),
            ..InputSummary::default()
        },
        known: BTreeSet::new(),
        version: "0.0.0".into(),
    };
    let mut out = Vec::new();
    write(&report, format, &style, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("reports are UTF-8")
}

const PLAIN: Style = Style {
    color: false,
    width: 100,
    verbosity: Verbosity::Normal,
};

fn assert_valid(schema: &serde_json::Value, document: &str) {
    let document: serde_json::Value = serde_json::from_str(document).expect("it is JSON");
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn json_keeps_its_published_schema() {
    let text = rendered("shop.yaml", Format::Json, PLAIN);
    assert_valid(&json_schema(), &text);
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let findings = document["findings"].as_array().expect("findings");
    let failing = findings
        .iter()
        .find(|f| f["control"] == "rds-storage-encrypted" && f["verdict"] == "fail")
        .expect("the catalogue fails");
    assert_eq!(failing["when"], "Env=dev");
    assert_eq!(failing["origin"]["line"], 36);
    for field in [
        "control",
        "clauses",
        "verdict",
        "resource",
        "origin",
        "facts",
        "fix",
        "fingerprint",
    ] {
        assert!(!failing[field].is_null(), "{field}");
    }
    assert!(
        findings
            .iter()
            .any(|f| f["verdict"] == "waived" && f["control"] == "rds-aes-256")
    );
    assert!(
        findings
            .iter()
            .any(|f| f["verdict"] == "unknown" && f["control"] == "rds-storage-encrypted")
    );
}

#[test]
fn sarif_is_valid_and_shows_the_way_to_a_key() {
    let schema = include_str!("schemas/sarif-2.1.0.json");
    let mut schema: serde_json::Value = serde_json::from_str(schema).expect("the schema is JSON");
    // OASIS published an unbalanced bracket in this one pattern, which is then no regular expression.
    for place in ["run", "toolComponent"] {
        schema["definitions"][place]["properties"]["language"]
            .as_object_mut()
            .expect("a language property")
            .remove("pattern");
    }
    let text = rendered("shop.yaml", Format::Sarif, PLAIN);
    assert_valid(&schema, &text);
    assert_valid(&schema, &rendered("hostile.json", Format::Sarif, PLAIN));
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let results = document["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .any(|r| r["suppressions"][0]["kind"] == "inSource")
    );
    let flow = results
        .iter()
        .find(|r| r["ruleId"] == "dynamodb-encrypted")
        .and_then(|r| r["codeFlows"][0]["threadFlows"][0]["locations"].as_array())
        .expect("the table's key is reached in hops");
    let texts: Vec<&str> = flow
        .iter()
        .filter_map(|l| l["location"]["message"]["text"].as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "the property",
            "alias alias/shop/data",
            "AWS::KMS::Key DataKey"
        ]
    );
}

#[test]
fn a_template_cannot_steer_what_a_person_sees() {
    let terminal = rendered("hostile.json", Format::Terminal, PLAIN);
    assert!(!terminal.contains('\u{1b}') && !terminal.contains('\u{202e}'));
    let html = rendered("hostile.json", Format::Html, PLAIN);
    assert!(!html.contains("<script>alert"), "names are escaped");
    let markdown = rendered("hostile.json", Format::Markdown, PLAIN);
    assert!(!markdown.contains("\u{1b}"));
    let github = rendered("hostile.json", Format::Github, PLAIN);
    let commands = github.lines().filter(|l| l.starts_with("::")).count();
    let lines = github.lines().count();
    assert_eq!(
        lines,
        commands + 1,
        "one line per finding, and the last one"
    );
    let junit = rendered("hostile.json", Format::Junit, PLAIN);
    assert!(!junit.contains('\u{1b}') && !junit.contains("<script>"));
}

#[test]
fn every_format_names_what_fails() {
    for (format, needle) in [
        (Format::Terminal, "storage is not encrypted when Env=dev"),
        (Format::Junit, "storage is not encrypted when Env=dev"),
        (
            Format::Github,
            "::error file=tests/fixtures/shop.yaml,line=36",
        ),
        (Format::Gitlab, "\"check_name\":\"rds-storage-encrypted\""),
        (Format::Csv, "fail,critical,rds-storage-encrypted,RDS-1"),
        (Format::Markdown, "storage is not encrypted when Env=dev"),
        (Format::Html, "storage is not encrypted when Env=dev"),
    ] {
        let text = rendered("shop.yaml", format, PLAIN);
        assert!(text.contains(needle), "{format}: {text}");
    }
}

#[test]
fn the_terminal_report_reads_well() {
    let text = rendered("shop.yaml", Format::Terminal, PLAIN);
    let first: String = text
        .lines()
        .take(30)
        .map(|l| format!("{}\n", l.trim_end()))
        .collect();
    insta::assert_snapshot!(first);
}
