use super::*;
use crate::incident::{IncidentId, IncidentKind};
use crate::plan::How;
use lockfast_facts::{
    Guard, Inventory, Loc, Origin, Part, Place, Reference, Resource, ResourceId, Source, Stack,
    StackId, Text, Variant,
};
use lockfast_keys::Ring;
use lockfast_policy::{Config, Cx};
use serde_json::json;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/0a1b";
const CI: &str = "arn:aws:iam::111122223333:role/Ci";

fn incident(compromised: Compromised) -> Incident {
    Incident {
        id: IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a]),
        kind: IncidentKind::KeyCompromise,
        subject: KEY.into(),
        opened_at: "2026-11-28T03:00:00Z".parse().expect("a time"),
        opened_by: "erin".into(),
        reason: "a build log had credentials in it".into(),
        compromised: Some(compromised),
        suspects: vec![
            CI.into(),
            "arn:aws:sts::111122223333:assumed-role/Ci/build-7".into(),
        ],
        rehearsal: false,
    }
}

fn on(kind: &str, name: &str) -> DependentFacts {
    DependentFacts {
        kind: kind.into(),
        name: name.into(),
        arn: Some(format!("arn:aws:x:eu-central-1:111122223333:{name}")),
        label: name.into(),
        region: Some("eu-central-1".into()),
        account: Some("111122223333".into()),
        ..DependentFacts::default()
    }
}

fn key() -> KeyFacts {
    KeyFacts {
        arn: KEY.into(),
        label: "alias/app".into(),
        aliases: vec!["alias/app".into()],
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
        spec: "SYMMETRIC_DEFAULT".into(),
        usage: "ENCRYPT_DECRYPT".into(),
        origin: "AWS_KMS".into(),
        tags: [("classification".to_owned(), "confidential".to_owned())].into(),
        policy: Some(json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
            {"Sid": "Ci", "Effect": "Allow", "Principal": {"AWS": CI}, "Action": "kms:Decrypt", "Resource": "*"},
        ]})),
        grants: Some(vec![
            GrantFacts {
                id: "g1".into(),
                grantee: CI.into(),
                operations: None,
            },
            GrantFacts {
                id: "g2".into(),
                grantee: "arn:aws:iam::111122223333:role/App".into(),
                operations: None,
            },
            GrantFacts {
                id: "g3".into(),
                grantee: "rds.eu-central-1.amazonaws.com".into(),
                operations: None,
            },
        ]),
        dependents: [
            ("AWS::S3::Bucket", "invoices"),
            ("AWS::DynamoDB::Table", "orders"),
            ("AWS::SecretsManager::Secret", "db"),
            ("AWS::Logs::LogGroup", "/app/a b"),
            ("AWS::RDS::DBInstance", "main"),
            ("AWS::Nobody::Knows", "thing"),
        ]
        .map(|(kind, name)| on(kind, name))
        .into(),
        unknowns: vec!["AWS::SQS::Queue could not be listed: access denied".into()],
        ..KeyFacts::default()
    }
}

fn made(compromised: Compromised, key: &KeyFacts, used: &[UsedBy], choices: &Choices) -> Plan {
    let incident = incident(compromised);
    let plan = plan(&Input {
        incident: &incident,
        key,
        used,
        choices,
        version: 1,
    });
    plan.check().expect("a sound plan");
    plan
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    let found = plan.step(&id.into());
    found.unwrap_or_else(|| panic!("{id} is not among {:#?}", ids(plan)))
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn everything_is_in_the_plan_and_in_its_order() {
    let used = [
        UsedBy {
            resource: "arn:aws:s3:::other".into(),
            service: "s3.amazonaws.com".into(),
            last_seen: None,
        },
        UsedBy {
            resource: "app=billing\nrm".into(),
            service: String::new(),
            last_seen: None,
        },
    ];
    let plan = made(Compromised::Use, &key(), &used, &Choices::default());
    assert_eq!(
        ids(&plan),
        [
            "contain/snapshot",
            "contain/watch",
            "contain/revoke-grant/g1",
            "contain/deny/Ci",
            "contain/revoke-sessions/Ci",
            "replace/create",
            "replace/alias/app",
            "replace/repoint/s3/invoices",
            "reencrypt/s3/invoices",
            "reencrypt/dynamodb/orders",
            "reencrypt/secret/db",
            "reencrypt/logs//app/a b",
            "reencrypt/rds/main",
            "reencrypt/other/thing",
            "reencrypt/unknown/eu-central-1/1",
            "reencrypt/used/arn:aws:s3:::other",
            "reencrypt/used/app=billing rm",
            "verify/forensics",
            "verify/nothing-left",
            "close/offer-disable",
        ]
    );
    // The same input gives the same plan, and it is read as it was written.
    assert_eq!(
        plan,
        made(Compromised::Use, &key(), &used, &Choices::default())
    );
    let text = serde_json::to_string(&plan).expect("JSON");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("read"), plan);
    let nothing_left = step(&plan, NOTHING_LEFT);
    for own in &plan.steps {
        let awaited = nothing_left.needs.contains(&own.id);
        assert_eq!(
            awaited,
            matches!(own.phase, Phase::Replace | Phase::Reencrypt),
            "{}",
            own.id
        );
    }
}

#[test]
fn nothing_can_disable_the_old_key_before_nothing_is_left() {
    for compromised in [
        Compromised::Use,
        Compromised::DataKeys,
        Compromised::Plaintext,
    ] {
        let choices = Choices {
            decrypt_only_for: vec!["arn:aws:iam::111122223333:role/Broker".into()],
            ..Choices::default()
        };
        let plan = made(compromised, &key(), &[], &choices);
        let text = |step: &Step| format!("{:?} {:?}", step.calls, step.manual).to_lowercase();
        for own in plan.steps.iter().filter(|step| step.phase < Phase::Close) {
            assert!(!own.action.may_disable(), "{}", own.id);
            for word in ["disablekey", "disable-key", "schedule", "deleteimported"] {
                assert!(!text(own).contains(word), "{}: {word}", own.id);
            }
        }
        let closing: Vec<&str> = plan
            .steps
            .iter()
            .filter(|own| own.action.may_disable())
            .map(|own| own.id.as_str())
            .collect();
        assert_eq!(closing, ["close/decrypt-only", "close/offer-disable"]);
    }
}

#[test]
fn what_was_compromised_chooses() {
    let how = |compromised| {
        let plan = made(compromised, &key(), &[], &Choices::default());
        let Action::ReencryptBucket {
            how,
            versions: true,
            ..
        } = step(&plan, "reencrypt/s3/invoices").action
        else {
            panic!("no bucket");
        };
        (
            how,
            step(&plan, "reencrypt/dynamodb/orders").is_for_people(),
            plan,
        )
    };
    let (wrapped, by_hand, plan) = how(Compromised::Use);
    assert_eq!((wrapped, by_hand), (How::Rewrap, false));
    assert!(plan.notes[0].contains("Rotation is no remedy"));
    let (copied, by_hand, plan) = how(Compromised::DataKeys);
    assert_eq!((copied, by_hand), (How::Copy, true));
    assert!(step(&plan, "reencrypt/s3/invoices").stays.is_some());
    assert!(plan.step(&"reencrypt/secret/db/new-value".into()).is_none());
    let (copied, _, plan) = how(Compromised::Plaintext);
    assert_eq!(copied, How::Copy);
    let new_value = step(&plan, "reencrypt/secret/db/new-value");
    assert!(new_value.is_for_people() && new_value.needs.contains(&"reencrypt/secret/db".into()));
    assert!(plan.notes.iter().any(|note| note.contains("does not undo")));
}

#[test]
fn what_is_not_certain_is_for_people() {
    let mut own = key();
    own.grants = None;
    own.dependents[0].unsure = Some("it is there only under a condition (Env=prod)".into());
    let plan = made(Compromised::Use, &own, &[], &Choices::default());
    let bucket = step(&plan, "reencrypt/s3/invoices");
    assert!(bucket.is_for_people() && bucket.unsure.is_some());
    assert!(step(&plan, "contain/grants").is_for_people());
    let other = step(&plan, "reencrypt/other/thing");
    assert!(
        other
            .unsure
            .as_ref()
            .is_some_and(|why| why.contains("AWS::Nobody::Knows"))
    );
    assert!(
        other
            .manual
            .as_ref()
            .is_some_and(|lines| lines.iter().any(|line| line.contains("AWS::Nobody::Knows")))
    );
    let choices = Choices {
        manual: ["s3".to_owned(), "AWS::DynamoDB::Table".to_owned()].into(),
        ..Choices::default()
    };
    let plan = made(Compromised::Use, &key(), &[], &choices);
    assert!(step(&plan, "reencrypt/s3/invoices").is_for_people());
    assert!(step(&plan, "reencrypt/dynamodb/orders").is_for_people());
}

#[test]
fn commands_are_pasted_as_they_are() {
    let plan = made(
        Compromised::Use,
        &key(),
        &[],
        &Choices {
            manual: ["logs".to_owned()].into(),
            ..Choices::default()
        },
    );
    let logs = step(&plan, "reencrypt/logs//app/a b");
    let mut outputs = crate::plan::Outputs::default();
    assert_eq!(logs.commands(&outputs).len(), 1);
    outputs.take(
        &CREATE.into(),
        &[("key_arn".to_owned(), "arn:new".to_owned())].into(),
    );
    assert_eq!(
        logs.commands(&outputs),
        [
            "NEW_KEY=arn:new",
            r#"aws logs associate-kms-key --log-group-name '/app/a b' --kms-key-id "$NEW_KEY" --region eu-central-1"#,
        ]
    );
}

#[test]
fn a_part_of_a_store_is_not_the_store() {
    let mut own = key();
    own.dependents = vec![
        on("AWS::DynamoDB::Table", "orders"),
        on("AWS::S3::Bucket", "invoices"),
    ];
    own.dependents[0].part = "stream copy".into();
    own.dependents[1].part = "KMSMasterKeyID".into();
    let plan = made(Compromised::Use, &own, &[], &Choices::default());
    assert!(step(&plan, "reencrypt/dynamodb/orders").is_for_people());
    assert!(!step(&plan, "reencrypt/s3/invoices").is_for_people());
}

#[test]
fn a_key_of_several_regions_is_contained_in_each() {
    let mut own = key();
    own.multi_region = true;
    own.family = vec![KeyFacts {
        arn: KEY.replace("eu-central-1", "eu-west-1"),
        region: Some("eu-west-1".into()),
        grants: Some(Vec::new()),
        dependents: vec![on("AWS::S3::Bucket", "invoices")],
        ..key()
    }];
    let plan = made(Compromised::Use, &own, &[], &Choices::default());
    for id in [
        "contain/snapshot/eu-west-1",
        "contain/deny/eu-west-1/Ci",
        "reencrypt/s3/invoices/eu-central-1",
    ] {
        step(&plan, id);
    }
    let second = &step(&plan, "reencrypt/s3/invoices/eu-central-1").action;
    assert!(
        matches!(second, Action::ReencryptBucket { to: Param::Ref(own), .. } if own.output == "key_arn:eu-west-1")
    );
    assert!(
        matches!(&step(&plan, CREATE).action, Action::CreateReplacement { replicas, multi_region: true, .. } if replicas == &["eu-west-1"])
    );
}

#[test]
fn the_own_account_is_never_denied() {
    let root = "arn:aws:iam::111122223333:root".to_owned();
    let incident = Incident {
        suspects: vec![root],
        ..incident(Compromised::Use)
    };
    let key = key();
    let input = Input {
        incident: &incident,
        key: &key,
        used: &[],
        choices: &Choices::default(),
        version: 1,
    };
    let plan = plan(&input);
    plan.check().expect("sound");
    assert!(
        plan.steps
            .iter()
            .all(|own| !matches!(own.action, Action::DenyPrincipal { .. }))
    );
    assert!(step(&plan, "contain/deny/111122223333").is_for_people());
}

/// With a reference to the key where its ARN stands between bars.
fn value(json: serde_json::Value) -> lockfast_facts::Value {
    let own = Reference {
        target: ResourceId(0),
        attribute: Some("Arn".into()),
    };
    let json = json.to_string();
    let text = match json.split_once("|KEY|") {
        Some((before, after)) => Text::Parts(
            vec![
                Part::Literal(before.into()),
                Part::Reference(own),
                Part::Literal(after.into()),
            ]
            .into(),
        ),
        None => Text::Plain(json.into()),
    };
    text.json(Loc::default(), "JSON").expect("a value")
}

fn resource(id: u32, kind: &str, name: &str, arn: &str, properties: serde_json::Value) -> Resource {
    Resource {
        id: ResourceId(id),
        stack: StackId(0),
        kind: kind.into(),
        name: name.into(),
        arn: (!arn.is_empty()).then(|| arn.into()),
        loc: Loc::default(),
        body: Loc::default(),
        variants: vec![Variant {
            when: Guard::default(),
            properties: value(properties),
        }],
        written: None,
    }
}

#[test]
fn a_ring_tells_what_a_plan_is_made_of() {
    let place = Place {
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
    };
    let stack = Stack {
        name: "live".into(),
        path: "live".into(),
        place,
        source: lockfast_facts::SourceId(0),
        parent: None,
        tags: Vec::new(),
        parameters: Vec::new(),
    };
    let source = Source::Call {
        name: "111122223333/eu-central-1/kms:ListKeys".into(),
    };
    let resources = vec![
        resource(
            0,
            "AWS::KMS::Key",
            "0a1b",
            KEY,
            json!({
                "Description": "app", "KeySpec": "SYMMETRIC_DEFAULT", "Origin": "AWS_KMS", "Tags": [{"Key": "owner", "Value": "team-a"}],
                "KeyPolicy": {"Version": "2012-10-17", "Statement": []},
                "Grants": [{"GrantId": "g1", "GranteePrincipal": CI, "Operations": ["Decrypt"]}],
            }),
        ),
        resource(
            1,
            "AWS::S3::Bucket",
            "invoices",
            "arn:aws:s3:::invoices",
            json!({
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "|KEY|"}}]},
            }),
        ),
    ];
    let inventory = Inventory::new(vec![source], vec![stack], resources).of(Origin::Live);
    let config = Config::default();
    let cx = Cx::new(&inventory, &config, "2026-11-28");
    let ring = Ring::new(&cx, &inventory);
    let facts = KeyFacts::of(&ring, ring.find(KEY)[0]);
    assert_eq!(facts.arn, KEY);
    assert_eq!(facts.tags["owner"], "team-a");
    assert!(facts.policy.is_some());
    let grants = facts.grants.as_deref().expect("grants");
    assert_eq!(
        (grants[0].id.as_str(), grants[0].grantee.as_str()),
        ("g1", CI)
    );
    let kinds: Vec<(&str, &str)> = facts
        .dependents
        .iter()
        .map(|on| (on.kind.as_str(), on.name.as_str()))
        .collect();
    assert_eq!(kinds, [("AWS::S3::Bucket", "invoices")], "{facts:#?}");
    assert_eq!(facts.dependents[0].unsure, None);
    let plan = made(Compromised::Use, &facts, &[], &Choices::default());
    assert!(!step(&plan, "reencrypt/s3/invoices").is_for_people());
    step(&plan, "contain/revoke-grant/g1");
}

#[test]
fn commands_name_the_new_key_of_their_own_region() {
    let mut own = key();
    own.multi_region = true;
    own.family = vec![KeyFacts {
        arn: KEY.replace("eu-central-1", "eu-west-1"),
        region: Some("eu-west-1".into()),
        grants: Some(Vec::new()),
        dependents: vec![on("AWS::RDS::DBInstance", "second")],
        ..key()
    }];
    let plan = made(Compromised::Use, &own, &[], &Choices::default());
    let mut outputs = crate::plan::Outputs::default();
    let given = [
        ("key_arn".to_owned(), "arn:new".to_owned()),
        ("key_arn:eu-west-1".to_owned(), "arn:new-west".to_owned()),
    ];
    outputs.take(&CREATE.into(), &given.into());
    assert_eq!(
        step(&plan, "reencrypt/rds/main").commands(&outputs)[0],
        "NEW_KEY=arn:new"
    );
    assert_eq!(
        step(&plan, "reencrypt/rds/second").commands(&outputs)[0],
        "NEW_KEY=arn:new-west"
    );
}

#[test]
fn a_user_has_access_keys_and_no_sessions() {
    let user = "arn:aws:iam::111122223333:user/people/mallory".to_owned();
    let incident = Incident {
        suspects: vec![user],
        ..incident(Compromised::Use)
    };
    let key = key();
    let plan = plan(&Input {
        incident: &incident,
        key: &key,
        used: &[],
        choices: &Choices::default(),
        version: 1,
    });
    plan.check().expect("sound");
    let own = step(&plan, "contain/access-keys/people/mallory");
    assert!(
        own.manual
            .as_ref()
            .is_some_and(|lines| lines[0].ends_with("--user-name mallory"))
    );
    assert!(
        !ids(&plan)
            .iter()
            .any(|id| id.starts_with("contain/revoke-sessions"))
    );
    let total = plan.total();
    assert!(total.calls.is_some() && total.note.contains("not known how long"));
}

#[test]
fn a_plan_is_shown_whole() {
    let plan = made(Compromised::DataKeys, &key(), &[], &Choices::default());
    let text = plan.to_markdown();
    for step in &plan.steps {
        assert!(text.contains(step.id.as_str()), "{}", step.id);
        for line in step.manual.iter().flatten() {
            assert!(text.contains(line.as_str()), "{line}");
        }
    }
    assert!(text.contains("Rotation is no remedy"));
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    for row in rows {
        assert_eq!(row.replace(r"\|", "").matches('|').count(), 11, "{row}");
    }
}
