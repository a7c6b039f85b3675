//! What logs did not tell is never taken for an answer: whatever is taken out of a record of theirs, no verdict gets better.
//! And what logs tell beside templates or accounts changes nothing of what is said of those.

mod support;

use lockfast_facts::Inventory;
use lockfast_facts::trail::{LOGS, is_told_by_logs};
use lockfast_policy::{Config, Control, SourceKind, Verdict, controls, evaluate, fixtures};
use lockfast_snapshot::{Found, Reader, Record, load, with_logs};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::paths;

/// A resource with its account and region.
type Told = (String, String, Found);

fn of_logs(control: &Control) -> bool {
    control.sources.contains(&SourceKind::Trail)
}

/// The fixtures of logs, with what they tell and the policy file beside them.
fn all() -> Vec<(PathBuf, Vec<Told>, Config)> {
    let mut found = Vec::new();
    for control in controls().filter(|control| of_logs(control)) {
        let folder = Path::new("src/controls").join(control.path.replace("::", "/"));
        for (_, file) in fixtures(control) {
            let path = folder.join(file);
            let stem = file
                .split('.')
                .next()
                .expect("a name starts with something");
            let config = match std::fs::read_to_string(folder.join(format!("{stem}.toml"))) {
                Ok(text) => Config::parse(&text).expect("the fixture's lockfast.toml is valid"),
                Err(_) => Config::default(),
            };
            found.push((path.clone(), told(&path), config));
        }
    }
    found
}

fn told(path: &Path) -> Vec<Told> {
    let mut told = Vec::new();
    let mut place = (String::new(), String::new());
    for record in Reader::open(path).expect("the fixture is a snapshot") {
        match record.expect("the fixture is whole") {
            Record::Unit(unit) => place = (unit.account, unit.region),
            Record::Resource(found) if is_told_by_logs(&found.kind) => {
                told.push((place.0.clone(), place.1.clone(), found));
            }
            _ => {}
        }
    }
    told
}

/// The worst verdict of a control on everything told.
fn verdict(told: &[Told], config: &Config, control: &str) -> Option<Verdict> {
    let templates = Inventory::new(Vec::new(), Vec::new(), Vec::new());
    let inventory = with_logs(templates, told.iter().cloned()).only_logs();
    let run = evaluate(&inventory, config, "2026-11-23");
    let own = run.verdicts().filter(|(own, ..)| own.id == control);
    own.map(|(.., verdict)| verdict).max()
}

/// What may happen to a piece of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    Unknown,
    WrongType,
    Missing,
}

/// The properties without one piece; nothing where that would leave what says something else.
fn without(properties: &Value, path: &str, loss: Loss) -> Option<Value> {
    let mut properties = properties.clone();
    let piece = properties.pointer_mut(path)?;
    match (loss, &piece) {
        (Loss::Unknown, _) => {
            *piece = json!({"$unknown": {"call": "it", "error": "taken out by a test"}});
        }
        (Loss::WrongType, Value::String(_)) => *piece = json!({"x": 1}),
        (Loss::WrongType, Value::Object(_)) => *piece = json!(7),
        (Loss::WrongType, _) => *piece = json!("x"),
        (Loss::Missing, _) => {
            let (above, name) = path.rsplit_once('/')?;
            // A call without an error succeeded, and an alert without a key is about none.
            if matches!(name, "Error" | "Key") {
                return None;
            }
            // What a list does not hold did not happen: only names of properties go missing.
            let above = properties.pointer_mut(above)?.as_object_mut()?;
            above.remove(name);
        }
    }
    Some(properties)
}

#[test]
fn no_verdict_gets_better_when_less_is_known() {
    let mut wrong = Vec::new();
    for (path, told, config) in all() {
        let control = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        let control = control.expect("a control has a folder").replace('_', "-");
        let before = verdict(&told, &config, &control);
        assert!(before.is_some(), "{} says nothing", path.display());
        for index in 0..told.len() {
            let mut all = Vec::new();
            paths(&told[index].2.properties, "", &[], &mut all);
            for place in all {
                for loss in [Loss::Unknown, Loss::WrongType, Loss::Missing] {
                    let Some(poorer) = without(&told[index].2.properties, &place, loss) else {
                        continue;
                    };
                    let mut told = told.clone();
                    told[index].2.properties = poorer;
                    let after = verdict(&told, &config, &control);
                    // Less is known, so a verdict stays or is not known any more. What is missing may also leave a
                    // control nothing to say, or an alert that nobody is known to have quieted.
                    let right = match loss {
                        Loss::Missing => {
                            after != Some(Verdict::Pass) || before == Some(Verdict::Pass)
                        }
                        _ => after == before || after == Some(Verdict::Unknown),
                    };
                    if !right {
                        let kind = &told[index].2.kind;
                        wrong.push(format!(
                            "{}: {kind}{place} {loss:?}: {before:?} became {after:?}",
                            path.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn that_nothing_happened_only_logs_tell() {
    for (path, mut told, config) in all() {
        told.retain(|(.., found)| found.kind != LOGS);
        let templates = Inventory::new(Vec::new(), Vec::new(), Vec::new());
        let inventory = with_logs(templates, told).only_logs();
        let run = evaluate(&inventory, &config, "2026-11-23");
        for finding in run
            .findings()
            .filter(|finding| finding.verdict == Verdict::Pass)
        {
            // What an event itself says needs no other: an approval, a rotation, an alert that was quieted.
            let rests_on_absence = [
                "KEY-3", "KEY-6", "LOG-1", "DDBL-1", "DDBL-2", "LAM-1", "REG-2",
            ];
            let named = rests_on_absence
                .iter()
                .any(|clause| finding.clauses.iter().any(|own| own == clause));
            let is_alert = finding.resource.kind == lockfast_facts::trail::ALERT;
            assert!(!named || is_alert, "{}: {finding:?}", path.display());
        }
    }
}

#[test]
fn logs_change_nothing_of_what_is_said_of_an_account() {
    let config = Config::default();
    let findings = |inventory: &Inventory| -> Vec<_> {
        evaluate(inventory, &config, "2026-11-23")
            .findings()
            .collect()
    };
    let read = || match load(Path::new(
        "src/controls/keys/key_deletion_guarded/fail.live.jsonl",
    )) {
        Ok(loaded) => loaded.inventory,
        Err(error) => panic!("{error}"),
    };
    let of_trail = |id: &str| lockfast_policy::control(id).is_some_and(of_logs);
    let alone = findings(&read());
    assert!(alone.iter().all(|finding| !of_trail(&finding.control)));
    let told: Vec<Told> = all().into_iter().flat_map(|(_, told, _)| told).collect();
    let beside = findings(&with_logs(read(), told.clone()));
    let (trail, others): (Vec<_>, Vec<_>) = beside
        .into_iter()
        .partition(|finding| of_trail(&finding.control));
    assert!(!trail.is_empty());
    assert_eq!(alone, others);
    let only = findings(&with_logs(read(), told).only_logs());
    assert_eq!(only, trail);
}
