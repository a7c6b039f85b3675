//! Every format says what it should, validly, and nothing in a template can steer it.

use lockfast_policy::{Config, evaluate};
use lockfast_report::{
    Format, Home, InputSummary, Problem, Report, Style, Verbosity, json_schema, left_out, write,
};
use std::collections::BTreeSet;

fn rendered(fixture: &str, format: Format, style: Style) -> String {
    judged(&format!("tests/fixtures/{fixture}"), &[], format, style)
}

/// Judges a file with these controls, or with all.
fn judged(path: &str, only: &[&str], format: Format, style: Style) -> String {
    let home = Home {
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
    };
    judged_at(home, path, only, format, style).0
}

/// The same, for a pipeline that says so much of where stacks go; and what was left out.
fn judged_at(
    home: Home,
    path: &str,
    only: &[&str],
    format: Format,
    style: Style,
) -> (String, Option<String>) {
    let loaded = lockfast_iac::load(&[path.to_owned()], &lockfast_iac::ReadOptions::default());
    let mut config = Config::default();
    for control in lockfast_policy::controls() {
        if !only.is_empty() && !only.contains(&control.id) {
            config
                .control
                .entry(control.id.to_owned())
                .or_default()
                .enabled = Some(false);
        }
    }
    let run = evaluate(&loaded.inventory, &config, "2026-11-23");
    let report = Report {
        run: &run,
        input: InputSummary {
            files_read: loaded.files_read,
            passed_over: loaded.passed_over.clone(),
            templates: loaded.inventory.stacks().len(),
            resources: loaded.inventory.resources().len(),
            problems: loaded
                .problems
                .iter()
                .map(|problem| Problem {
                    path: problem.path.clone(),
                    line: problem.at.map(|at| at.line),
                    column: problem.at.map(|at| at.column),
                    message: problem.message.clone(),
                })
                .collect(),
            ..InputSummary::default()
        },
        known: BTreeSet::new(),
        version: "0.0.0".into(),
        breaks_from: Some(lockfast_policy::Severity::Low),
        made: "2026-11-23T12:00:00Z".parse().expect("a time"),
        home,
    };
    let mut out = Vec::new();
    write(&report, format, &style, &mut out).expect("writing to memory");
    let text = String::from_utf8(out).expect("reports are UTF-8");
    (text, left_out(&report, format))
}

const FORMATS: [Format; 11] = [
    Format::Terminal,
    Format::Json,
    Format::Sarif,
    Format::Junit,
    Format::Github,
    Format::Gitlab,
    Format::Csv,
    Format::Html,
    Format::Markdown,
    Format::Ocsf,
    Format::Asff,
];

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
        .find(|r| r["ruleId"] == "dedicated-keys" && r["kind"] == "fail")
        .and_then(|r| r["codeFlows"][0]["threadFlows"][0]["locations"].as_array())
        .expect("the table's key is reached in hops");
    assert!(results.iter().all(|r| r["kind"] != "pass"));
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
        (Format::Ocsf, "storage is not encrypted when Env=dev"),
        (Format::Asff, "storage is not encrypted when Env=dev"),
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

#[test]
fn formats_for_other_tools_read_well() {
    let only = ["rds-storage-encrypted", "data-classified"];
    for format in [
        Format::Junit,
        Format::Github,
        Format::Gitlab,
        Format::Csv,
        Format::Markdown,
    ] {
        let text = judged("tests/fixtures/shop.yaml", &only, format, PLAIN);
        insta::assert_snapshot!(format!("{format}"), text);
    }
}

const WEBSHOP: &str = "../../examples/webshop/cdk.out";

fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn findings_for_security_products_read_well() {
    let only = ["rds-storage-encrypted", "rds-aes-256", "data-classified"];
    for format in [Format::Ocsf, Format::Asff] {
        let text = judged("tests/fixtures/shop.yaml", &only, format, PLAIN);
        // One finding of each verdict says enough.
        let document = parsed(&text);
        let findings = match format {
            Format::Asff => &document["Findings"],
            _ => &document,
        };
        let mut seen = BTreeSet::new();
        let few: Vec<_> = findings
            .as_array()
            .expect("a list")
            .iter()
            .filter(|finding| {
                let verdict = match format {
                    Format::Asff => &finding["ProductFields"]["lockfast/Verdict"],
                    _ => &finding["status_code"],
                };
                seen.insert(verdict.to_string())
            })
            .collect();
        assert_eq!(seen.len(), 4, "{seen:?}");
        let pretty = serde_json::to_string_pretty(&few).expect("it is JSON");
        insta::assert_snapshot!(format!("{format}"), pretty);
    }
}

#[test]
fn ocsf_events_are_compliance_findings_of_their_version_and_of_later_ones() {
    let schemas = [
        include_str!("schemas/ocsf-compliance-finding-1.5.0.json"),
        include_str!("schemas/ocsf-compliance-finding-1.8.0.json"),
    ]
    .map(|event| serde_json::json!({ "type": "array", "items": parsed(event), "minItems": 1 }));
    for path in ["tests/fixtures", WEBSHOP] {
        let text = judged(path, &[], Format::Ocsf, PLAIN);
        // References inside the class are from its own root.
        for schema in &schemas {
            assert_valid(schema, &text);
        }
        let events = parsed(&text);
        let events = events.as_array().expect("events");
        let mut uids = BTreeSet::new();
        for event in events {
            assert_eq!(event["type_uid"], 200_301);
            assert_eq!(event["time"], 1_795_435_200_000_u64);
            assert!(
                uids.insert(event["finding_info"]["uid"].to_string()),
                "{event}"
            );
            let expected = match event["status_code"].as_str() {
                Some("fail") => (3, 1),
                Some("unknown") => (2, 1),
                Some("waived") => (3, 3),
                Some("pass") => (1, 4),
                other => panic!("{other:?} is no verdict to tell"),
            };
            assert_eq!(event["compliance"]["status_id"], expected.0, "{event}");
            assert_eq!(event["status_id"], expected.1, "{event}");
        }
    }
    let events = parsed(&judged(WEBSHOP, &[], Format::Ocsf, PLAIN));
    let stated = events
        .as_array()
        .and_then(|events| {
            events
                .iter()
                .find(|event| !event["cloud"]["account"].is_null())
        })
        .expect("an assembly names its accounts");
    assert_eq!(stated["cloud"]["region"], stated["resources"][0]["region"]);
}

#[test]
fn asff_is_what_security_hub_imports() {
    let schema = parsed(include_str!("schemas/asff.json"));
    for path in ["tests/fixtures", WEBSHOP] {
        let text = judged(path, &[], Format::Asff, PLAIN);
        assert_valid(&schema, &text);
        let document = parsed(&text);
        let findings = document["Findings"].as_array().expect("findings");
        let ids: BTreeSet<_> = findings.iter().map(|f| f["Id"].to_string()).collect();
        assert_eq!(
            ids.len(),
            findings.len(),
            "every finding has an id of its own"
        );
        for finding in findings {
            let (account, region) = (&finding["AwsAccountId"], &finding["Resources"][0]["Region"]);
            let (account, region) = (account.as_str(), region.as_str());
            let (account, region) = account.zip(region).expect("an account and a region");
            assert_eq!(
                finding["ProductArn"],
                format!("arn:aws:securityhub:{region}:{account}:product/{account}/default")
            );
            let size = finding.to_string().len();
            assert!(size < 240_000, "{size} bytes: {finding}");
        }
    }
}

#[test]
fn asff_leaves_out_what_belongs_to_no_account() {
    let asff = |home: Home, path: &str| judged_at(home, path, &[], Format::Asff, PLAIN);
    let (text, said) = asff(Home::default(), "tests/fixtures/shop.yaml");
    assert_eq!(parsed(&text)["Findings"], serde_json::json!([]));
    let said = said.expect("it says so");
    assert!(said.contains("findings left out"), "{said}");
    let (text, _) = asff(Home::default(), WEBSHOP);
    let document = parsed(&text);
    let findings = document["Findings"].as_array().expect("findings");
    assert!(
        !findings.is_empty(),
        "the assembly names accounts and regions"
    );
    assert!(
        findings
            .iter()
            .all(|f| f["ProductFields"]["lockfast/AccountAndRegionFrom"] == "the stack")
    );
    let home = Home {
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
    };
    assert_eq!(asff(home, "tests/fixtures/shop.yaml").1, None);
}

#[test]
fn texts_for_security_hub_are_cut_to_its_lengths() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "schlüssel".repeat(200);
    let template = format!(
        "Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Metadata: {{'aws:cdk:path': '{long}'}}\n    Properties: {{StorageEncrypted: false}}\n"
    );
    std::fs::write(folder.path().join("t.yaml"), template).expect("a file");
    let text = judged(&folder.path().to_string_lossy(), &[], Format::Asff, PLAIN);
    assert_valid(&parsed(include_str!("schemas/asff.json")), &text);
    let document = parsed(&text);
    let cut = document["Findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["Description"].as_str())
        .filter(|text| text.ends_with('…'))
        .inspect(|text| assert_eq!(text.chars().count(), 1024))
        .count();
    assert!(cut > 0, "{text}");
}

#[test]
fn no_report_prints_a_secret() {
    let verbose = Style {
        verbosity: Verbosity::Verbose,
        ..PLAIN
    };
    let secrets = [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI",
        "hunter2plain",
        "correct-horse",
        "battery-staple",
        "open-sesame-1234",
        "swordfish99",
    ];
    // The controls that find secrets may be switched off: their neighbours must not tell either.
    let few = [
        "no-plain-http",
        "rds-storage-encrypted",
        "connection-strings-encrypted",
    ];
    for format in FORMATS {
        for only in [&[] as &[&str], &few] {
            for fixture in ["secrets.yaml", "one-line.json"] {
                let text = judged(&format!("tests/fixtures/{fixture}"), only, format, verbose);
                for secret in secrets {
                    let at = text.find(secret).map(|at| {
                        text[..at]
                            .lines()
                            .rev()
                            .take(3)
                            .collect::<Vec<_>>()
                            .join(" < ")
                    });
                    assert_eq!(at, None, "{format} of {fixture} prints {secret}");
                }
            }
        }
    }
    let terminal = rendered("secrets.yaml", Format::Terminal, verbose);
    assert!(
        terminal.contains("SECRET_ACCESS_KEY: ••••••••"),
        "{terminal}"
    );
}

#[test]
fn a_long_line_is_shown_around_the_place() {
    let text = judged(
        "tests/fixtures/one-line.json",
        &["rds-storage-encrypted"],
        Format::Terminal,
        PLAIN,
    );
    let lines: Vec<&str> = text.lines().collect();
    let below = lines
        .iter()
        .position(|l| l.contains("^^^^^"))
        .expect("an underline");
    let column = lines[below].chars().take_while(|c| *c != '^').count();
    let above: String = lines[below - 1].chars().skip(column).take(5).collect();
    assert_eq!(above, "false");
    assert!(lines.iter().all(|l| l.chars().count() <= 100), "{text}");
    let document = std::fs::read_to_string("tests/fixtures/one-line.json").expect("a fixture");
    let place = format!(
        "one-line.json:1:{}",
        document.rfind("false").expect("a value") + 1
    );
    assert!(lines.iter().any(|l| l.ends_with(&place)), "{place}: {text}");
}

#[test]
fn a_file_name_cannot_steer_what_a_person_sees() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder
        .path()
        .join("x\u{1b}]0;owned\u{7}\n::error::y\u{202e}.json");
    std::fs::copy("tests/fixtures/one-line.json", &path).expect("a copy");
    std::fs::write(
        folder.path().join("broken\u{1b}[31m.json"),
        "{\"Resources\":{",
    )
    .expect("a file");
    for format in [
        Format::Terminal,
        Format::Github,
        Format::Csv,
        Format::Html,
        Format::Junit,
        Format::Markdown,
        Format::Ocsf,
        Format::Asff,
    ] {
        let text = judged(&folder.path().to_string_lossy(), &[], format, PLAIN);
        assert!(text.contains("::error::y"), "{format} names the file");
        assert!(
            !text.lines().any(|l| l.starts_with("::error::")),
            "{format}: the name begins no line"
        );
        let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        let found = text.lines().find(|l| l.contains(steering));
        assert_eq!(found, None, "{format}");
    }
}
