//! Files as AWS Config writes them, good and bad, through to the snapshot.
#![allow(clippy::unwrap_used)]

use lockfast_config_source::{Options, Outcome, convert};
use lockfast_snapshot::{Found, Reader, Record, Unit};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

fn cover(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.contains("password") || name.contains("api-key") {
        true => "(covered)".into(),
        false => value.to_owned(),
    }
}

struct Converted {
    outcome: Outcome,
    units: Vec<Unit>,
    found: Vec<Found>,
}

fn converted(paths: &[PathBuf]) -> Converted {
    let options = Options {
        made_by: "test".into(),
        now: "2026-11-27T00:00:00Z".into(),
        cover,
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot");
    let out = std::fs::File::create(&file).unwrap();
    let outcome = convert(paths, &options, out).unwrap();
    let (mut units, mut found) = (Vec::new(), Vec::new());
    for record in Reader::open(&file).unwrap() {
        match record.unwrap() {
            Record::Unit(unit) => units.push(unit),
            Record::Resource(one) => found.push(one),
            _ => {}
        }
    }
    Converted {
        outcome,
        units,
        found,
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

impl Converted {
    fn of(&self, kind: &str, name: &str) -> &Value {
        let found = self
            .found
            .iter()
            .find(|one| one.kind == kind && one.name == name);
        match found {
            Some(found) => &found.properties,
            None => {
                let there: Vec<_> = self
                    .found
                    .iter()
                    .filter(|one| one.kind == kind)
                    .map(|one| &one.name)
                    .collect();
                panic!("no {kind} {name}; there are {there:?}")
            }
        }
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.found
            .iter()
            .any(|one| one.kind == kind && one.name == name)
    }
}

fn is_unknown(value: &Value) -> bool {
    value["$unknown"]["call"] == "AWS Config"
}

#[test]
fn items_become_what_a_scan_would_find() {
    let all = converted(&[fixture("snapshot.json")]);
    assert_eq!(all.outcome.problems, []);
    assert_eq!(all.outcome.taken, "2026-11-20T08:15:30Z");
    let key = "arn:aws:kms:eu-central-1:111111111111:key/11111111-1111-4111-8111-111111111111";
    let cases = [
        (
            "AWS::KMS::Key",
            "11111111-1111-4111-8111-111111111111",
            "/EnableKeyRotation",
            json!(true),
        ),
        (
            "AWS::KMS::Key",
            "22222222-2222-4222-8222-222222222222",
            "/EnableKeyRotation",
            json!(false),
        ),
        (
            "AWS::KMS::Key",
            "22222222-2222-4222-8222-222222222222",
            "/KeyPolicy/Statement/0/Sid",
            json!("Admin"),
        ),
        (
            "AWS::KMS::ManagedKey",
            "33333333-3333-4333-8333-333333333333",
            "/KeyManager",
            json!("AWS"),
        ),
        (
            "AWS::KMS::Alias",
            "alias/shop",
            "/TargetKeyId",
            json!("11111111-1111-4111-8111-111111111111"),
        ),
        (
            "AWS::S3::Bucket",
            "shop-orders",
            "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault",
            json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}),
        ),
        (
            "AWS::S3::Bucket",
            "shop-images",
            "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault",
            json!({"SSEAlgorithm": "AES256"}),
        ),
        (
            "AWS::S3::Bucket",
            "shop-images",
            "/PublicAccessBlockConfiguration/BlockPublicAcls",
            json!(true),
        ),
        (
            "AWS::S3::BucketPolicy",
            "shop-orders",
            "/PolicyDocument/Statement/0/Effect",
            json!("Deny"),
        ),
        (
            "AWS::EC2::Volume",
            "vol-0bbbbbbbbbbbbbbb2",
            "/Encrypted",
            json!(false),
        ),
        (
            "AWS::EC2::Volume",
            "vol-0aaaaaaaaaaaaaaa1",
            "/KmsKeyId",
            json!(key),
        ),
        (
            "AWS::EC2::Volume",
            "vol-0aaaaaaaaaaaaaaa1",
            "/State",
            json!("in-use"),
        ),
        (
            "AWS::EC2::Volume",
            "vol-0aaaaaaaaaaaaaaa1",
            "/Tags",
            json!([{"Key": "Env", "Value": "prod"}]),
        ),
        (
            "AWS::EC2::Instance",
            "i-0123456789abcdef0",
            "/Volumes",
            json!([{"Device": "/dev/xvda", "VolumeId": "vol-0aaaaaaaaaaaaaaa1"}]),
        ),
        (
            "AWS::EC2::SecurityGroup",
            "sg-0123456789abcdef0",
            "/SecurityGroupIngress/1",
            json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv6": "::/0"}),
        ),
        (
            "AWS::EC2::SecurityGroup",
            "sg-0123456789abcdef0",
            "/SecurityGroupEgress",
            json!([]),
        ),
        (
            "AWS::EC2::FlowLog",
            "fl-0123456789abcdef0",
            "/ResourceType",
            json!("VPC"),
        ),
        (
            "AWS::RDS::DBInstance",
            "legacy",
            "/StorageEncrypted",
            json!(false),
        ),
        (
            "AWS::RDS::DBInstance",
            "orders",
            "/DBParameterGroupName",
            json!("default.postgres17"),
        ),
        (
            "AWS::RDS::DBSnapshot",
            "orders-before-upgrade",
            "/SharedWith",
            json!(["222222222222"]),
        ),
        (
            "AWS::DynamoDB::Table",
            "sessions",
            "/SSESpecification",
            json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key}),
        ),
        (
            "AWS::DynamoDB::Table",
            "carts",
            "/SSESpecification",
            json!({"SSEEnabled": false}),
        ),
        (
            "AWS::DynamoDB::Table",
            "carts",
            "/PointInTimeRecoverySpecification",
            json!({"PointInTimeRecoveryEnabled": false}),
        ),
        (
            "AWS::Lambda::Function",
            "checkout",
            "/Environment/Variables",
            json!({"TABLE": "carts", "DB_PASSWORD": "(covered)"}),
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "shop",
            "/Scheme",
            json!("internet-facing"),
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            "app/shop/0123456789abcdef/0000000000000050",
            "/Protocol",
            json!("HTTP"),
        ),
        (
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "old",
            "/Listeners/0/PolicyNames",
            json!(["tls"]),
        ),
        (
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "old",
            "/Policies/0/Attributes/0/Value",
            json!("ELBSecurityPolicy-TLS-1-2-2017-01"),
        ),
        (
            "AWS::CertificateManager::Certificate",
            "shop.example.com",
            "/KeyAlgorithm",
            json!("RSA_2048"),
        ),
        (
            "AWS::CloudTrail::Trail",
            "audit",
            "/EnableLogFileValidation",
            json!(false),
        ),
        (
            "AWS::SNS::TopicPolicy",
            "open",
            "/Topics",
            json!(["arn:aws:sns:eu-central-1:111111111111:open"]),
        ),
        (
            "AWS::SQS::Queue",
            "jobs",
            "/SqsManagedSseEnabled",
            json!(false),
        ),
        (
            "AWS::IAM::Role",
            "app",
            "/AssumeRolePolicyDocument/Statement/0/Action",
            json!("sts:AssumeRole"),
        ),
        (
            "AWS::IAM::Role",
            "app",
            "/Policies/0/PolicyDocument/Statement/0/Action",
            json!("kms:*"),
        ),
        (
            "AWS::IAM::ManagedPolicy",
            "deploy",
            "/PolicyDocument/Statement/0/Effect",
            json!("Allow"),
        ),
        ("AWS::SecretsManager::Secret", "db", "/KmsKeyId", json!(key)),
        (
            "AWS::SecretsManager::RotationSchedule",
            "db",
            "/RotationRules",
            json!({"AutomaticallyAfterDays": 30}),
        ),
        (
            "AWS::EFS::FileSystem",
            "fs-0123456789abcdef0",
            "/Encrypted",
            json!(false),
        ),
        (
            "AWS::Redshift::Cluster",
            "warehouse",
            "/Encrypted",
            json!(true),
        ),
        (
            "AWS::CloudFront::Distribution",
            "E0123456789ABC",
            "/DistributionConfig/Origins/0/CustomOriginConfig",
            json!({"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only", "OriginSSLProtocols": ["TLSv1.2"]}),
        ),
        (
            "AWS::CloudFront::Distribution",
            "E0123456789ABC",
            "/DistributionConfig/Origins/0/OriginCustomHeaders/0/HeaderValue",
            json!("(covered)"),
        ),
        (
            "AWS::CloudFront::Distribution",
            "E0123456789ABC",
            "/DistributionConfig/Aliases",
            json!(["www.example.com"]),
        ),
        (
            "AWS::ApiGateway::Stage",
            "abc123/prod",
            "/MethodSettings/0/CacheDataEncrypted",
            json!(false),
        ),
        (
            "AWS::ApiGateway::Stage",
            "abc123/prod",
            "/RestApiId",
            json!("abc123"),
        ),
        (
            "AWS::ECS::TaskDefinition",
            "web:7",
            "/Volumes/0/EFSVolumeConfiguration/FilesystemId",
            json!("fs-0123456789abcdef0"),
        ),
        (
            "AWS::ECS::TaskDefinition",
            "web:7",
            "/ContainerDefinitions/0/Environment/0/Value",
            json!("(covered)"),
        ),
        (
            "AWS::Elasticsearch::Domain",
            "search",
            "/DomainEndpointOptions",
            json!({"EnforceHTTPS": false, "TLSSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"}),
        ),
        (
            "AWS::Backup::BackupVault",
            "vault",
            "/EncryptionKeyArn",
            json!(key),
        ),
        ("AWS::DMS::Endpoint", "source", "/SslMode", json!("none")),
        ("AWS::CloudWatch::Alarm", "kms", "/Threshold", json!(1.0)),
    ];
    for (kind, name, at, wanted) in cases {
        assert_eq!(
            all.of(kind, name).pointer(at),
            Some(&wanted),
            "{kind} {name} {at}"
        );
    }
}

#[test]
fn what_an_item_does_not_tell_is_unknown() {
    let all = converted(&[fixture("snapshot.json")]);
    for (kind, name, property) in [
        (
            "AWS::KMS::Key",
            "11111111-1111-4111-8111-111111111111",
            "RotationPeriodInDays",
        ),
        (
            "AWS::KMS::Key",
            "11111111-1111-4111-8111-111111111111",
            "Grants",
        ),
        ("AWS::S3::Bucket", "shop-untold", "BucketEncryption"),
        ("AWS::S3::BucketPolicy", "shop-untold", "PolicyDocument"),
        ("AWS::RDS::DBCluster", "catalogue", "StorageEncrypted"),
        ("AWS::CloudTrail::Trail", "audit", "IsLogging"),
        ("AWS::CloudTrail::Trail", "audit", "EventSelectors"),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "shop",
            "LoadBalancerAttributes",
        ),
        ("AWS::ECR::Repository", "web", "EncryptionConfiguration"),
        (
            "AWS::EFS::FileSystem",
            "fs-0123456789abcdef0",
            "FileSystemPolicy",
        ),
        (
            "AWS::SecretsManager::ResourcePolicy",
            "db",
            "ResourcePolicy",
        ),
        ("AWS::IAM::Role", "app", "RoleLastUsed"),
    ] {
        let value = &all.of(kind, name)[property];
        assert!(is_unknown(value), "{kind} {name} {property}: {value}");
    }
    // What it tells there is none of is not unknown.
    for (kind, name, property) in [
        ("AWS::EC2::Volume", "vol-0bbbbbbbbbbbbbbb2", "KmsKeyId"),
        ("AWS::S3::Bucket", "shop-images", "LoggingConfiguration"),
        ("AWS::Kinesis::Stream", "clicks", "StreamEncryption"),
        ("AWS::ApiGateway::RestApi", "abc123", "Policy"),
        ("AWS::Redshift::Cluster", "warehouse", "LoggingProperties"),
    ] {
        assert_eq!(
            all.of(kind, name).get(property),
            None,
            "{kind} {name} {property}"
        );
    }
    assert!(!all.has("AWS::S3::BucketPolicy", "shop-images"));
    assert!(
        !all.has("AWS::SNS::TopicPolicy", "alerts"),
        "the one that AWS gives"
    );
    assert!(!all.has("AWS::SQS::QueuePolicy", "jobs"));
    assert!(
        !all.has("AWS::EC2::Volume", "vol-0ccccccccccccccc3"),
        "deleted"
    );
}

#[test]
fn types_that_nothing_tells_of_are_gaps() {
    let all = converted(&[fixture("snapshot.json")]);
    for kind in [
        "AWS::Logs::LogGroup",
        "AWS::EC2::Snapshot",
        "AWS::EC2::EbsEncryptionByDefault",
        "AWS::IAM::User",
        "AWS::Lambda::Url",
    ] {
        assert!(is_unknown(all.of(kind, "*")), "{kind}");
    }
    for kind in [
        "AWS::EC2::Volume",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::RDS::DBInstance",
        "AWS::KMS::ReplicaKey",
        "AWS::IAM::Role",
    ] {
        assert!(!all.has(kind, "*"), "{kind}");
    }
    let services = all.units.iter().map(|unit| (&*unit.region, &*unit.service));
    let services: Vec<_> = services.collect();
    assert!(services.contains(&("global", "iam")) && services.contains(&("eu-central-1", "kms")));
    assert!(services.is_sorted());
    let kms = all.units.iter().find(|unit| unit.service == "kms").unwrap();
    assert_eq!(kms.calls["config:DeliverConfigSnapshot"].answered, 4);
    let volume = all
        .found
        .iter()
        .find(|one| one.kind == "AWS::EC2::Volume")
        .unwrap();
    assert_eq!(
        volume.from[""],
        "config:DeliverConfigSnapshot of 2026-11-20T08:15:30Z"
    );
}

#[test]
fn the_latest_item_counts_and_a_history_tells_of_no_others() {
    let all = converted(&[fixture("snapshot.json"), fixture("history.json")]);
    assert!(
        !all.has("AWS::EC2::Volume", "vol-0bbbbbbbbbbbbbbb2"),
        "deleted since"
    );
    assert_eq!(
        all.of("AWS::EC2::Volume", "vol-0ddddddddddddddd4")["Encrypted"],
        true
    );
    assert!(
        !all.has("AWS::EC2::Volume", "*"),
        "the snapshot tells of all"
    );
    let alone = converted(&[fixture("history.json")]);
    assert_eq!(
        alone.of("AWS::EC2::Volume", "vol-0ddddddddddddddd4")["Encrypted"],
        true
    );
    assert!(is_unknown(alone.of("AWS::EC2::Volume", "*")));
}

#[test]
fn answers_of_an_aggregator_are_read_in_every_form() {
    let lines = std::fs::read_to_string(fixture("aggregate.jsonl")).unwrap();
    let items: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<&str> = lines.lines().collect();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, serde_json::to_vec_pretty(value).unwrap()).unwrap();
        path
    };
    for (path, pages) in [
        (fixture("aggregate.jsonl"), 0),
        (write("list.json", &json!(items)), 0),
        (
            write(
                "select.json",
                &json!({"Results": texts, "QueryInfo": {"SelectFields": []}}),
            ),
            0,
        ),
        (
            write(
                "batch.json",
                &json!({"BaseConfigurationItems": items, "UnprocessedResourceIdentifiers": []}),
            ),
            0,
        ),
        (
            write("more.json", &json!({"Results": texts, "NextToken": "abc"})),
            1,
        ),
    ] {
        let all = converted(std::slice::from_ref(&path));
        assert_eq!(
            all.outcome.problems.len(),
            pages,
            "{} {:?}",
            path.display(),
            all.outcome.problems
        );
        assert_eq!(
            all.of("AWS::RDS::DBInstance", "ledger")["StorageEncrypted"],
            false
        );
        assert_eq!(all.of("AWS::S3::Bucket", "ledger-files").pointer("/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm"), Some(&json!("AES256")));
        assert_eq!(
            all.has("AWS::RDS::DBInstance", "*"),
            pages > 0,
            "{}",
            path.display()
        );
    }
}

#[test]
fn an_extract_of_an_item_tells_no_absence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("extract.json");
    let item = json!({"accountId": "111111111111", "awsRegion": "eu-central-1", "resourceType": "AWS::EC2::Volume", "resourceId": "vol-1",
        "configuration": {"encrypted": true}});
    let other = json!({"accountId": "111111111111", "awsRegion": "eu-central-1", "resourceType": "AWS::RDS::DBInstance", "resourceId": "db-1"});
    std::fs::write(&path, json!([item, other]).to_string()).unwrap();
    let all = converted(&[path]);
    let volume = all.of("AWS::EC2::Volume", "vol-1");
    assert_eq!(volume["Encrypted"], true);
    assert!(is_unknown(&volume["KmsKeyId"]) && is_unknown(&volume["Tags"]));
    assert!(is_unknown(all.of("AWS::RDS::DBInstance", "db-1")));
}

#[test]
fn folders_and_compressed_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let day = folder
        .path()
        .join("AWSLogs/111111111111/Config/eu-central-1/2026/11/20/ConfigSnapshot");
    std::fs::create_dir_all(&day).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(&std::fs::read(fixture("snapshot.json")).unwrap())
        .unwrap();
    std::fs::write(day.join("snapshot.json.gz"), packed.finish().unwrap()).unwrap();
    std::fs::write(
        folder.path().join("package.json"),
        r#"{"name": "something else"}"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("ConfigWritabilityCheckFile"), "").unwrap();
    let all = converted(&[folder.path().to_owned()]);
    assert_eq!(
        (all.outcome.files, all.outcome.problems.as_slice()),
        (1, [].as_slice())
    );
    assert!(all.has("AWS::EC2::Volume", "vol-0aaaaaaaaaaaaaaa1"));
}

#[test]
fn what_is_wrong_is_said_once_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixture("snapshot.json")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    let lines = std::fs::read_to_string(fixture("aggregate.jsonl")).unwrap();
    let mut bad_line: Vec<&str> = lines.lines().collect();
    bad_line[1] = "{\"accountId\": ";
    let utf16: Vec<u8> = "\u{feff}{}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let deep = format!("[{}1{}]", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("[{{\"resourceType\": \"{}", "x".repeat(17 << 20));
    for (name, bytes, says, still) in [
        (
            "cut.json",
            whole[..whole.len() / 2].to_vec(),
            "the file ends early",
            Some("vol-0aaaaaaaaaaaaaaa1"),
        ),
        (
            "cut.json.gz",
            packed[..packed.len() / 2].to_vec(),
            "after ",
            None,
        ),
        (
            "broken.json.gz",
            [&packed[..10], b"nothing that was ever packed"].concat(),
            "",
            None,
        ),
        (
            "line.jsonl",
            bad_line.join("\n").into_bytes(),
            "ends early",
            None,
        ),
        ("utf16.json", utf16, "UTF-16", None),
        (
            "latin.json",
            b"[{\"resourceType\": \"\xe4\"}]".to_vec(),
            "",
            None,
        ),
        ("deep.json", deep.into_bytes(), "recursion limit", None),
        ("long.json", long.into_bytes(), "more than 16 MiB", None),
        ("empty.json", Vec::new(), "empty", None),
        (
            "other.json",
            b"{\"Records\": [1, 2]}".to_vec(),
            "no configuration items",
            None,
        ),
        ("numbers.json", b"[1, 2]".to_vec(), "item 1: ", None),
        ("text.json", b"hello".to_vec(), "", None),
        ("zip.json", b"PK\x03\x04".to_vec(), "zip archive", None),
        (
            "ours.snapshot",
            vec![0x28, 0xb5, 0x2f, 0xfd, 0],
            "without --from-config",
            None,
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let all = converted(&[path, fixture("history.json")]);
        let problems = &all.outcome.problems;
        assert!(
            !problems.is_empty() && problems.len() <= 2,
            "{name}: {problems:?}"
        );
        assert!(problems[0].path.ends_with(name), "{name}: {problems:?}");
        assert!(problems[0].message.contains(says), "{name}: {problems:?}");
        assert!(
            all.has("AWS::EC2::Volume", "vol-0ddddddddddddddd4"),
            "{name}"
        );
        if let Some(still) = still {
            assert!(all.has("AWS::EC2::Volume", still), "{name}");
            // What was cut off may have held more of any type.
            assert!(all.has("AWS::EC2::Volume", "*"), "{name}");
            let config = all
                .units
                .iter()
                .find(|unit| unit.service == "config")
                .unwrap();
            assert!(
                !config.calls["config:DeliverConfigSnapshot"]
                    .failed
                    .is_empty(),
                "{name}"
            );
        }
    }
    let line = folder.path().join("line.jsonl");
    let all = converted(&[line, folder.path().join("missing.json")]);
    assert_eq!(all.outcome.problems.len(), 2);
    assert_eq!(all.outcome.problems[1].line, Some(2));
    assert!(
        all.has("AWS::RDS::DBInstance", "ledger") && all.has("AWS::S3::Bucket", "ledger-files")
    );
}
