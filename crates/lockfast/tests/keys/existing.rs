//! Questions about the web shop as it exists in an account, and what logs tell of its keys.

use crate::asked::{list, webshop};
use crate::{lockfast, root, run};
use serde_json::Value;

/// The account of the web shop's production as it is after the first stack: its key for orders, and one that somebody made by
/// hand.
fn half_deployed() -> String {
    account_with(&["kms"])
}

/// The same account, of which these services were asked.
fn account_with(services: &[&str]) -> String {
    let key = |id: &str, tags: Value| {
        serde_json::json!({"resource": {
            "type": "AWS::KMS::Key", "name": id, "arn": format!("arn:aws:kms:eu-central-1:111111111111:key/{id}"),
            "from": {"": "kms:DescribeKey", "KeyPolicy": "kms:GetKeyPolicy", "Tags": "kms:ListResourceTags", "Grants": "kms:ListGrants"},
            "properties": {
                "KeyPolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"}]},
                "KeyManager": "CUSTOMER", "KeyState": "Enabled", "Origin": "AWS_KMS", "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": false, "CreationDate": "2026-03-04T09:12:44Z", "Tags": tags, "Grants": [],
            },
        }})
    };
    let tag = |key: &str, value: &str| serde_json::json!({"Key": key, "Value": value});
    let mut lines = vec![
        serde_json::json!({"snapshot": {"format": 1, "made_by": "lockfast 0.1.0", "taken": "2026-11-23T06:00:00Z", "accounts": [{"id": "111111111111"}], "regions": ["eu-central-1"], "services": services}}),
    ];
    for service in services {
        lines.push(serde_json::json!({"unit": {"account": "111111111111", "region": "eu-central-1", "service": service}}));
    }
    lines.extend([
        key(
            "1b2c3d4e-0000-4000-8000-000000000001",
            serde_json::json!([
                tag("aws:cloudformation:stack-name", "Prod-Keys"),
                tag("aws:cloudformation:logical-id", "OrdersKeyAF24D47B")
            ]),
        ),
        key(
            "1b2c3d4e-0000-4000-8000-000000000002",
            serde_json::json!([]),
        ),
        serde_json::json!({"end": {"resources": 2}}),
    ]);
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    lines.concat()
}

#[test]
fn an_account_and_its_templates_are_shown_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = folder.path().join("prod.snapshot");
    std::fs::write(&snapshot, half_deployed()).expect("written");
    let both = |args: &[&str]| {
        let from = ["--from", "examples/webshop"];
        let config = ["--config", "examples/webshop/lockfast.toml"];
        run(lockfast(root())
            .args(args)
            .args(from)
            .arg(&snapshot)
            .args(config))
    };
    let ran = both(&["keys", "list", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.json();
    let exist = list(&rows).iter().filter(|row| row["exists"] == true);
    let declared: Vec<&Value> = exist.map(|row| &row["declared"]).collect();
    assert_eq!(declared.len(), 2);
    assert!(
        declared[0]
            .to_string()
            .contains("ProdKeys76E19F6C.template.json:1037"),
        "{declared:?}"
    );
    assert!(declared[1].is_null());
    let all = webshop(&["keys", "list", "--format", "json"]).json();
    // One of the web shop's keys exists, and another that it does not know.
    assert_eq!(list(&rows).len(), list(&all).len() + 1);
    // By the name that the template gives it, one finds what exists, and what is to hang on it.
    let map = both(&["keys", "map", "Prod/Keys/OrdersKey"]);
    assert!(
        map.out.contains("├─ made by examples/webshop/cdk.out"),
        "{}",
        map.out
    );
    assert!(map.out.contains("Prod/Data/OrdersTable"), "{}", map.out);
    assert!(map.out.contains("(in the templates only)"), "{}", map.out);
    // What answers for one of them alone says so.
    let refused = both(&["keys", "blast-radius", "Prod/Keys/OrdersKey"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("take both at once"), "{}", refused.err);
}

/// A use of a key, as CloudTrail writes it.
fn decrypt(key: &str, day: &str, error: Option<&str>) -> Value {
    let arn = format!("arn:aws:kms:eu-central-1:111111111111:key/{key}");
    let mut event = serde_json::json!({
        "eventVersion": "1.11", "eventID": format!("{key}-{day}"), "eventTime": format!("{day}T10:15:30Z"),
        "eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "awsRegion": "eu-central-1",
        "sourceIPAddress": "10.0.1.7", "userAgent": "aws-sdk-rust/1.3.14", "readOnly": true, "managementEvent": true,
        "recipientAccountId": "111111111111", "eventCategory": "Management", "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111111111111:assumed-role/orders/i-0", "accountId": "111111111111",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111111111111:role/orders"}}},
        "requestParameters": {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {"orders": "1"}},
        "resources": [{"accountId": "111111111111", "type": "AWS::KMS::Key", "ARN": arn}],
    });
    if let Some(error) = error {
        event["errorCode"] = error.into();
    }
    event
}

#[test]
fn logs_of_every_day_prove_that_a_key_is_not_used_and_fewer_do_not() {
    let used = "1b2c3d4e-0000-4000-8000-000000000001";
    let idle = "1b2c3d4e-0000-4000-8000-000000000002";
    let folder = tempfile::tempdir().expect("a folder");
    let services = lockfast_facts::tables::scanned_services();
    let services: Vec<&str> = services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    std::fs::write(folder.path().join("now.snapshot"), account_with(&services)).expect("written");
    let log = |day: &str, events: Vec<Value>| {
        let [year, month, date] = day.split('-').collect::<Vec<_>>()[..] else {
            panic!("{day}")
        };
        let tail =
            format!("logs/AWSLogs/111111111111/CloudTrail/eu-central-1/{year}/{month}/{date}");
        let path = folder.path().join(tail);
        std::fs::create_dir_all(&path).expect("folders");
        let name = format!(
            "111111111111_CloudTrail_eu-central-1_{year}{month}{date}T1020Z_0a1b2c3d4e5f6071.json"
        );
        std::fs::write(
            path.join(name),
            serde_json::json!({"Records": events}).to_string(),
        )
        .expect("written");
    };
    log("2026-11-25", vec![decrypt(used, "2026-11-25", None)]);
    log(
        "2026-11-27",
        vec![decrypt(idle, "2026-11-27", Some("AccessDenied"))],
    );
    let unused = |more: &[&str]| {
        let ran = run(lockfast(folder.path())
            .args([
                "keys",
                "unused",
                "--from",
                "now.snapshot",
                "--format",
                "json",
                "--today",
                "2026-11-28",
            ])
            .args(more));
        let rows = ran.json();
        let of = |id: &str| {
            let mut rows = list(&rows).iter();
            let row = rows.find(|row| row["name"].as_str().is_some_and(|name| name.ends_with(id)));
            let row = row.expect("the key");
            (
                row["use"].as_str().expect("a word").to_owned(),
                row["because"].to_string(),
            )
        };
        (ran.code, of(used), of(idle))
    };
    let logs = ["--logs", "logs", "--days", "3"];
    let (code, (first, why), (second, lacks)) = unused(&logs);
    assert_eq!((code, &*first), (4, "used"), "{why}");
    assert!(why.contains("2026-11-25, as the logs tell"), "{why}");
    // A day is missing: the key may have been used then.
    assert_eq!(second, "unknown");
    assert!(lacks.contains("lack 2026-11-26"), "{lacks}");
    log("2026-11-26", vec![]);
    let (code, _, (second, proof)) = unused(&logs);
    assert_eq!((code, &*second), (0, "unused"), "{proof}");
    assert!(
        proof.contains("it was not used from 2026-11-25 on"),
        "{proof}"
    );
    // A shorter time asks for fewer days, and a longer one for more.
    assert_eq!(unused(&["--logs", "logs"]).2.0, "unknown");
    assert_eq!(unused(&[]).2.0, "unknown");
    // Who found the key disabled would need it.
    log(
        "2026-11-27",
        vec![decrypt(idle, "2026-11-27", Some("DisabledException"))],
    );
    assert_eq!(unused(&logs).2.0, "used");
}
