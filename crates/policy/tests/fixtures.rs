//! Every control's fixtures give the verdict they are named for.
//!
//! Beside a control stand `pass*`, `fail*` and `unknown*`: a template, or a folder of them, with an
//! optional `lockfast.toml` of the same stem (`fail.toml`) and what a ledger tells (`fail.evidence.toml`), for each source that the control decides from. A passing fixture gives at least one
//! pass and nothing worse, a failing one at least one fail, an unknown one at least one unknown and
//! no fail. What each says is kept in a snapshot per control. `pass.live.jsonl` and the like are snapshots of accounts
//! as `lockfast scan` writes them, uncompressed, `pass.probe.jsonl` those of endpoints, as `lockfast probe` does, and
//! `pass.trail.jsonl` hold what CloudTrail's logs tell (`lockfast_facts::trail`); the name up to the first dot is the stem.
//!
//! `LOCKFAST_ONLY=text` runs only the controls whose path contains the text.

use lockfast_policy::{
    Config, Control, Finding, SourceKind, Verdict, controls, coverage, evaluate, fixtures,
    has_fixtures,
};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder(control: &Control) -> PathBuf {
    Path::new("src/controls").join(control.path.replace("::", "/"))
}

fn selected() -> impl Iterator<Item = &'static Control> {
    let only = std::env::var("LOCKFAST_ONLY").unwrap_or_default();
    controls().filter(move |control| control.path.contains(&only))
}

fn judge(control: &Control, file: &str) -> Vec<Finding> {
    let path = folder(control).join(file);
    let stem = file.split('.').next().unwrap_or(file);
    let mut config = match std::fs::read_to_string(folder(control).join(format!("{stem}.toml"))) {
        Ok(text) => Config::parse(&text).expect("the fixture's lockfast.toml is valid"),
        Err(_) => Config::default(),
    };
    // What the ledger tells.
    if let Ok(text) = std::fs::read_to_string(folder(control).join(format!("{stem}.evidence.toml")))
    {
        config.evidence = toml::from_str(&text).expect("the fixture's evidence is valid");
    }
    let input = path.to_str().expect("fixture paths are UTF-8").to_owned();
    let inventory = match file.ends_with(".jsonl") {
        true => match lockfast_snapshot::load(&path) {
            Ok(loaded) => loaded.inventory,
            Err(error) => panic!("{error}"),
        },
        false => {
            let loaded = lockfast_iac::load(&[input], &lockfast_iac::ReadOptions::default());
            assert!(
                loaded.problems.is_empty(),
                "{}: {:?}",
                path.display(),
                loaded.problems
            );
            loaded.inventory
        }
    };
    let run = evaluate(&inventory, &config, "2026-11-23");
    run.findings()
        .filter(|finding| finding.control == control.id)
        .collect()
}

#[test]
fn every_fixture_gives_the_verdict_it_is_named_for() {
    let mut wrong = String::new();
    for control in selected() {
        let mut snapshot = String::new();
        for (wanted, file) in fixtures(control) {
            let findings = judge(control, file);
            let has = |verdict| findings.iter().any(|f| f.verdict == verdict);
            let right = match wanted {
                "pass" => has(Verdict::Pass) && !has(Verdict::Fail) && !has(Verdict::Unknown),
                "fail" => has(Verdict::Fail),
                _ => has(Verdict::Unknown) && !has(Verdict::Fail),
            };
            let shown = show(&findings);
            if !right {
                writeln!(wrong, "{} {file}:\n{shown}", control.path).expect("string");
            }
            writeln!(snapshot, "== {file}\n{shown}").expect("string");
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(control.id, snapshot);
        });
    }
    assert!(wrong.is_empty(), "fixtures with another verdict:\n{wrong}");
}

fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let when = finding
            .when
            .as_ref()
            .map(|w| format!(" when {w}"))
            .unwrap_or_default();
        let part = if finding.resource.part.is_empty() {
            String::new()
        } else {
            format!(" [{}]", finding.resource.part)
        };
        let place = match &finding.origin {
            Some(origin) if !origin.has_lines() => format!("from {}", origin.file),
            origin => format!("at line {}", origin.as_ref().map_or(0, |o| o.line)),
        };
        writeln!(
            text,
            "{} {}{part}{when} {place}: {}",
            finding.verdict,
            finding
                .resource
                .logical_id
                .as_deref()
                .unwrap_or(&finding.resource.id),
            finding.message
        )
        .expect("string");
        for fact in &finding.facts {
            let because = fact
                .because
                .as_ref()
                .map(|b| format!(" ({b})"))
                .unwrap_or_default();
            writeln!(
                text,
                "    {} = {} [{}]{because}",
                fact.name, fact.value, fact.certainty
            )
            .expect("string");
        }
        for step in &finding.steps {
            writeln!(text, "    via {}", step.what).expect("string");
        }
        for note in &finding.notes {
            writeln!(text, "    note: {note}").expect("string");
        }
    }
    text
}

#[test]
fn every_control_is_described_and_has_its_fixtures() {
    let mut ids = std::collections::HashSet::new();
    for control in selected() {
        assert!(ids.insert(control.id), "{} stands twice", control.id);
        assert!(
            control.doc.trim().len() > 60,
            "{} says too little",
            control.id
        );
        assert!(
            !control.fix.is_empty()
                && !control.cloudformation.is_empty()
                && !control.cdk.is_empty()
        );
        for clause in control.clauses {
            assert!(
                lockfast_policy::clause(clause).is_some(),
                "{} names {clause}, which is no clause",
                control.id
            );
        }
        let first = control.sources[0];
        assert!(
            has_fixtures(control, first),
            "{} has not all three {first} fixtures",
            control.id
        );
    }
}

#[test]
fn every_control_has_fixtures_for_each_of_its_sources() {
    let missing: Vec<String> = selected()
        .flat_map(|control| control.sources.iter().map(move |source| (control, *source)))
        .filter(|(control, source)| !has_fixtures(control, *source))
        .map(|(control, source)| format!("{} {source}", control.path))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Incidents are the policy file's to declare: without one, clauses of incidents do not speak of an account.
#[test]
fn without_an_incident_there_is_nothing_to_judge() {
    let path = Path::new("src/controls/incident_response/customer_notified/pass.live.jsonl");
    let Ok(loaded) = lockfast_snapshot::load(path) else {
        panic!("{} is a snapshot", path.display())
    };
    let config = Config::default();
    let run = evaluate(&loaded.inventory, &config, "2026-11-23");
    for clause in ["KCR-1", "KCR-2", "DER-1", "DER-2", "DER-3", "DER-4"] {
        let verdicts: Vec<Verdict> = run
            .verdicts()
            .filter(|(control, ..)| control.clauses.contains(&clause))
            .map(|(.., verdict)| verdict)
            .collect();
        assert_eq!(verdicts, [Verdict::NotApplicable], "{clause}");
    }
}

/// The clauses that no control decides from a source, with all three cases.
fn open(source: SourceKind) -> Vec<String> {
    coverage()
        .into_iter()
        .filter(|row| row.source == source && !row.decided)
        .map(|row| row.clause)
        .collect()
}

#[test]
fn every_iac_clause_is_decided() {
    let open = open(SourceKind::Iac);
    assert!(open.is_empty(), "not decided: {open:?}");
}

#[test]
fn every_probe_clause_is_decided() {
    let open = open(SourceKind::Probe);
    assert!(open.is_empty(), "not decided: {open:?}");
}

#[test]
fn every_live_clause_is_decided() {
    let open = open(SourceKind::Live);
    assert!(open.is_empty(), "not decided: {open:?}");
}

#[test]
fn every_trail_clause_is_decided() {
    let open = open(SourceKind::Trail);
    assert!(open.is_empty(), "not decided: {open:?}");
}
