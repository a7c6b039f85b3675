//! A trail of an organisation shows in every account of it.

use lockfast_facts::Inventory;
use lockfast_snapshot::load;
use serde_json::{Value, json};

const OWNER: &str = "222222222222";

/// A snapshot of these accounts, each of which tells of the trail of `OWNER`.
fn inventory(accounts: &[&str]) -> Inventory {
    let mut lines: Vec<Value> = vec![json!({"snapshot": {
        "format": 1, "made_by": "test", "taken": "2026-11-27T00:00:00Z",
        "accounts": accounts.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
        "regions": ["eu-central-1"], "services": ["cloudtrail"],
    }})];
    for account in accounts {
        let arn = format!("arn:aws:cloudtrail:eu-central-1:{OWNER}:trail/all");
        lines.push(json!({"unit": {"account": account, "region": "eu-central-1", "service": "cloudtrail"}}));
        lines.push(json!({"resource": {
            "type": "AWS::CloudTrail::Trail", "name": "all", "arn": arn,
            "properties": {"TrailName": "all", "IsOrganizationTrail": true},
        }}));
        lines.push(json!({"resource": {
            "type": "AWS::Events::Rule", "name": "of-trail", "properties": {"Targets": [{"Arn": arn}]},
        }}));
    }
    lines.push(json!({"end": {"resources": 2 * accounts.len()}}));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.jsonl");
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&path, text.join("\n") + "\n").expect("written");
    load(&path).expect("a snapshot").inventory
}

/// The accounts whose word on a trail counts.
fn told_by(inventory: &Inventory) -> Vec<&str> {
    let trails = inventory.of_kind("AWS::CloudTrail::Trail");
    let places = trails.map(|trail| &inventory.stack_of(trail).place);
    places
        .filter_map(|place| place.account.as_deref())
        .collect()
}

#[test]
fn it_is_one_trail_of_the_account_that_has_it() {
    for accounts in [
        ["111111111111", OWNER, "333333333333"],
        [OWNER, "111111111111", "333333333333"],
    ] {
        let inventory = inventory(&accounts);
        assert_eq!(told_by(&inventory), [OWNER]);
        for rule in inventory.of_kind("AWS::Events::Rule") {
            let target = rule.at("Targets.0.Arn").found();
            let target = target.and_then(|value| inventory.target(value));
            let kind = target.map(|(trail, _)| trail.kind.to_string());
            assert_eq!(kind.as_deref(), Some("AWS::CloudTrail::Trail"));
        }
    }
}

#[test]
fn it_is_one_trail_where_its_own_account_was_not_scanned() {
    let inventory = inventory(&["111111111111", "333333333333"]);
    assert_eq!(told_by(&inventory), ["111111111111"]);
}
