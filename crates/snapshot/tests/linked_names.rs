//! Strings of AWS's answers become references to the resources that they name.

use lockfast_facts::{Inventory, Read};
use lockfast_snapshot::{Account, Found, Header, Record, Unit, Writer, compress_frame, load};
use serde_json::{Value, json};

fn found(kind: &str, name: &str, arn: Option<&str>, properties: Value) -> Record {
    Record::Resource(Found {
        kind: kind.into(),
        name: name.into(),
        arn: arn.map(Into::into),
        properties,
        ..Found::default()
    })
}

fn inventory(resources: Vec<Record>) -> Inventory {
    let header = Header {
        format: 1,
        made_by: "test".into(),
        taken: "2026-11-27T00:00:00Z".into(),
        accounts: vec![Account {
            id: "111111111111".into(),
            name: None,
            partition: "aws".into(),
        }],
        regions: vec!["eu-central-1".into()],
        services: vec!["logs".into()],
    };
    let unit = Record::Unit(Unit {
        account: "111111111111".into(),
        region: "eu-central-1".into(),
        service: "logs".into(),
        ..Unit::default()
    });
    let count = resources.len() as u64;
    let records: Vec<Record> = std::iter::once(unit).chain(resources).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = Writer::new(file, header).expect("a header");
    let frame = compress_frame(&records).expect("a frame");
    writer.frame(&frame, count).expect("written");
    writer.end().expect("an end");
    load(&path).expect("a snapshot").inventory
}

fn target(inventory: &Inventory, kind: &str, path: &str) -> Option<String> {
    let resource = inventory.of_kind(kind).next()?;
    let Read::Found(value, _) = resource.at(path) else {
        return None;
    };
    let (target, _) = inventory.target(value)?;
    Some(target.name.to_string())
}

#[test]
fn a_log_group_is_meant_with_and_without_its_streams() {
    let arn = "arn:aws:logs:eu-central-1:111111111111:log-group:/trail";
    let group = found(
        "AWS::Logs::LogGroup",
        "/trail",
        Some(arn),
        json!({"LogGroupName": "/trail"}),
    );
    let trail = found(
        "AWS::CloudTrail::Trail",
        "all",
        None,
        json!({"CloudWatchLogsLogGroupArn": format!("{arn}:*")}),
    );
    let rule = found(
        "AWS::Events::Rule",
        "keys",
        None,
        json!({"Targets": [{"Id": "t", "Arn": arn}]}),
    );
    let inventory = inventory(vec![group, trail, rule]);
    let of = |kind, path| target(&inventory, kind, path);
    assert_eq!(
        of("AWS::CloudTrail::Trail", "CloudWatchLogsLogGroupArn").as_deref(),
        Some("/trail")
    );
    assert_eq!(
        of("AWS::Events::Rule", "Targets.0.Arn").as_deref(),
        Some("/trail")
    );
}

#[test]
fn queues_and_parameters_are_meant_by_name() {
    let queue = found(
        "AWS::SQS::Queue",
        "orders",
        None,
        json!({"QueueName": "orders"}),
    );
    let policy = found(
        "AWS::SQS::QueuePolicy",
        "orders",
        None,
        json!({"Queues": ["orders"]}),
    );
    let parameter = found(
        "AWS::SSM::Parameter",
        "/shop/url",
        None,
        json!({"Name": "/shop/url"}),
    );
    let task = found(
        "AWS::ECS::TaskDefinition",
        "web:1",
        None,
        json!({"ContainerDefinitions": [{"Secrets": [{"Name": "URL", "ValueFrom": "/shop/url"}]}]}),
    );
    let inventory = inventory(vec![queue, policy, parameter, task]);
    let of = |kind, path| target(&inventory, kind, path);
    assert_eq!(
        of("AWS::SQS::QueuePolicy", "Queues.0").as_deref(),
        Some("orders")
    );
    let from = "ContainerDefinitions.0.Secrets.0.ValueFrom";
    assert_eq!(
        of("AWS::ECS::TaskDefinition", from).as_deref(),
        Some("/shop/url")
    );
}

#[test]
fn a_part_of_a_secret_means_the_secret() {
    let arn = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:shop/db-AbCdEf";
    let secret = found(
        "AWS::SecretsManager::Secret",
        "shop/db",
        Some(arn),
        json!({"Name": "shop/db"}),
    );
    let secrets = ["", ":password::", ":password:AWSCURRENT:0f1e2d3c"]
        .map(|part| json!({"Name": "PASSWORD", "ValueFrom": format!("{arn}{part}")}));
    let task = found(
        "AWS::ECS::TaskDefinition",
        "web:1",
        None,
        json!({"ContainerDefinitions": [{"Secrets": secrets}]}),
    );
    let inventory = inventory(vec![secret, task]);
    for index in 0..3 {
        let path = format!("ContainerDefinitions.0.Secrets.{index}.ValueFrom");
        let meant = target(&inventory, "AWS::ECS::TaskDefinition", &path);
        assert_eq!(meant.as_deref(), Some("shop/db"), "{path}");
    }
}
