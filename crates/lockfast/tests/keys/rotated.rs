//! Keys and secrets rotated, recovered and last used in an account.

use crate::operated::verify;
use crate::run;
use crate::servers::Account;
use serde_json::{Value, json};

#[test]
fn rotation_is_brought_in_order_and_again_changes_nothing() {
    let account = Account::start();
    let key = account.key(json!({}));
    let hmac = account.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    account.call(
        "CreateAlias",
        json!({"AliasName": "alias/tokens", "TargetKeyId": hmac}),
    );
    account.people(0);
    // Years later, in the account and here.
    account.control("clock", Some(json!({"advance_seconds": 800 * 86_400})));
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(800 * 24);
    let later = later.strftime("%Y-%m-%d").to_string();
    let rotate = |more: &[&str]| {
        run(account
            .lockfast()
            .args([
                "keys",
                "rotate",
                "--from",
                "now.snapshot",
                "--today",
                &later,
            ])
            .args(more))
    };
    let plan = rotate(&[]);
    assert!(
        plan.out.contains("kms:RotateKeyOnDemand") && plan.out.contains("by hand"),
        "{}",
        plan.out
    );
    assert_eq!(account.count("EnableKeyRotation"), 0);
    let applied = rotate(&["--apply", "--replace"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let status = account.call("GetKeyRotationStatus", json!({"KeyId": key}));
    assert_eq!(
        (
            &status["KeyRotationEnabled"],
            &status["RotationPeriodInDays"]
        ),
        (&json!(true), &json!(180))
    );
    assert_eq!(account.count("RotateKeyOnDemand"), 1);
    // The alias leads to a new key, which is like the old one.
    let moved = account.call("DescribeKey", json!({"KeyId": "alias/tokens"}));
    assert_ne!(moved["KeyMetadata"]["Arn"], Value::from(hmac.clone()));
    assert_eq!(moved["KeyMetadata"]["KeySpec"], "HMAC_256");
    assert_eq!(account.state(&hmac), "Enabled");
    let made = account.count("CreateKey");
    let again = rotate(&["--apply", "--replace"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert_eq!(account.count("CreateKey"), made);
    assert_eq!(account.count("EnableKeyRotation"), 1);
    assert_eq!(verify(&account).code, 0);
}

#[test]
fn a_drill_reads_in_another_region_what_a_key_encrypted() {
    let account = Account::start();
    let key = account.key(json!({"MultiRegion": true}));
    let alone = account.key(json!({}));
    account.call(
        "ReplicateKey",
        json!({"KeyId": key, "ReplicaRegion": "eu-west-1"}),
    );
    account.people(0);
    let drill = |key: &str| run(account.lockfast().args(["keys", "recovery-drill", key]));
    let recovered = drill(&key);
    assert_eq!(recovered.code, 0, "{}{}", recovered.out, recovered.err);
    assert!(
        recovered.out.contains("eu-west-1") && recovered.out.contains("due again"),
        "{}",
        recovered.out
    );
    assert_eq!(drill(&alone).code, 2);
    // By whatever name AWS KMS knows it.
    account.call(
        "CreateAlias",
        json!({"AliasName": "alias/orders", "TargetKeyId": key}),
    );
    let id = key.rsplit('/').next().expect("an id");
    let whole = key.replace(&format!("key/{id}"), "alias/orders");
    for name in ["alias/orders", id, &whole] {
        let by_name = drill(name);
        assert_eq!(by_name.code, 0, "{name}: {}{}", by_name.out, by_name.err);
    }
    let none = drill("alias/other");
    assert_eq!(none.code, 2);
    assert!(none.err.contains("no such key"), "{}", none.err);
    // Whoever judges the account knows of it, and when it is due again.
    let judged = || {
        let judge = ["judge", "now.snapshot", "--format", "json"];
        let told = run(account.lockfast().args(judge)).json();
        let mut found = told["findings"].as_array().expect("findings").iter();
        let id = key.rsplit('/').next().expect("an id");
        let of_key = |finding: &&Value| {
            finding["control"] == "key-recoverable" && finding["resource"].to_string().contains(id)
        };
        let finding = found.find(of_key).expect("a finding").clone();
        (finding["verdict"].clone(), finding["message"].to_string())
    };
    let recovery = |today: &str| {
        let list = [
            "keys",
            "recovery",
            "--from",
            "now.snapshot",
            "--format",
            "json",
        ];
        let told = run(account.lockfast().args(list).args(["--today", today]));
        let mut rows = told.json();
        let rows = rows.as_array_mut().expect("rows");
        rows.retain(|row| row["arn"] == key.as_str());
        (told.code, rows[0]["lacks"].clone())
    };
    assert_eq!(judged().0, "pass", "{}", judged().1);
    assert_eq!(recovery("2026-12-01").1, Value::Null);
    assert_eq!(recovery("2036-12-01"), (1, json!("the drill is due again")));
    // A replica that cannot decrypt is no recovery, and that is written down too.
    account.control(
        "faults",
        Some(json!({"operation": "Decrypt", "times": 9, "mode": "KeyUnavailableException"})),
    );
    assert_eq!(drill(&key).code, 1);
    let (verdict, said) = judged();
    assert_eq!(verdict, "fail");
    assert!(said.contains("KeyUnavailable"), "{said}");
    // Imported material is recovered from where somebody keeps it.
    let imported = account.imported_key();
    account.snapshot();
    let lacks = || {
        let list = [
            "keys",
            "recovery",
            "--from",
            "now.snapshot",
            "--format",
            "json",
        ];
        let rows = run(account.lockfast().args(list)).json();
        let mut rows = rows.as_array().expect("rows").iter();
        let row = rows.find(|row| row["arn"] == imported.as_str());
        row.expect("the key")["lacks"].clone()
    };
    assert_eq!(lacks(), "no copy of its material is known");
    let escrow = run(account
        .lockfast()
        .args(["keys", "escrow", &imported])
        .args(["--place", "safe 2, envelope 14", "--by", "anna"]));
    assert_eq!(escrow.code, 0, "{}", escrow.err);
    assert_eq!(lacks(), Value::Null);
    let entries = run(account
        .lockfast()
        .args(["ledger", "show", "--format", "json"]))
    .json();
    let drills: Vec<_> = entries
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["kind"] == "recovery-drill")
        .map(|entry| entry["body"]["recovered"].clone())
        .collect();
    assert_eq!(
        drills,
        [true, true, true, true, false].map(|went| json!(went))
    );
}

#[test]
fn a_key_that_was_used_is_told_and_one_that_was_not_hangs_on_what_was_asked() {
    let account = Account::start();
    let used = account.key(json!({}));
    let idle = account.key(json!({}));
    account.call("Encrypt", json!({"KeyId": used, "Plaintext": "b3JkZXI="}));
    let scan = run(account.lockfast().args([
        "scan",
        "--region",
        "eu-central-1",
        "--service",
        "kms,iam",
        "--key-last-use",
        "--no-judge",
        "--snapshot",
        "now.snapshot",
    ]));
    assert_eq!(scan.code, 0, "{}", scan.err);
    let unused = ["keys", "unused", "--from", "now.snapshot", "--format"];
    let ran = run(account.lockfast().args(unused).arg("json"));
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let rows = ran.json();
    let of = |arn: &str| {
        let mut rows = rows.as_array().expect("rows").iter();
        let row = rows.find(|row| row["arn"] == arn).expect("the key");
        (row["use"].clone(), row["because"].to_string())
    };
    let (is, because) = of(&used);
    assert_eq!(is, "used");
    assert!(because.contains("it was used on"), "{because}");
    // Nothing used it; but what databases keep under it, nobody asked.
    let (is, because) = of(&idle);
    assert_eq!(is, "unknown");
    assert!(
        because.contains("not asked what they keep under it"),
        "{because}"
    );
    assert!(because.contains("rds"), "{because}");
    assert!(!because.contains("whether it was used"), "{because}");
}

/// One of each that a call points at another key, and one that none does.
const USERS: &str = "
import boto3, sys
key = sys.argv[1]
boto3.client('s3').create_bucket(Bucket='orders', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
boto3.client('s3').put_bucket_encryption(Bucket='orders', ServerSideEncryptionConfiguration={'Rules': [
    {'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key}, 'BucketKeyEnabled': True}]})
boto3.client('sqs').create_queue(QueueName='orders', Attributes={'KmsMasterKeyId': key})
boto3.client('sns').create_topic(Name='orders', Attributes={'KmsMasterKeyId': key})
boto3.client('secretsmanager').create_secret(Name='orders', SecretString='s', KmsKeyId=key)
boto3.client('dynamodb').create_table(TableName='orders', BillingMode='PAY_PER_REQUEST',
    KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}], AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}],
    SSESpecification={'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': key})
trust = '{\"Version\": \"2012-10-17\", \"Statement\": []}'
role = boto3.client('iam').create_role(RoleName='orders', AssumeRolePolicyDocument=trust)['Role']['Arn']
boto3.client('lambda').create_function(FunctionName='orders', Runtime='python3.12', Role=role, Handler='a.b', Code={'ZipFile': b'x'},
    Environment={'Variables': {'A': 'b'}}, KMSKeyArn=key)
boto3.client('efs').create_file_system(CreationToken='orders', Encrypted=True, KmsKeyId=key)
";

/// What names which key.
const NAMED: &str = "
import boto3, json
rule = boto3.client('s3').get_bucket_encryption(Bucket='orders')['ServerSideEncryptionConfiguration']['Rules'][0]
sqs = boto3.client('sqs')
url = sqs.get_queue_url(QueueName='orders')['QueueUrl']
topic = boto3.client('sns').list_topics()['Topics'][0]['TopicArn']
print(json.dumps([
    rule['ApplyServerSideEncryptionByDefault']['KMSMasterKeyID'],
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['KmsMasterKeyId'])['Attributes']['KmsMasterKeyId'],
    boto3.client('sns').get_topic_attributes(TopicArn=topic)['Attributes']['KmsMasterKeyId'],
    boto3.client('secretsmanager').describe_secret(SecretId='orders')['KmsKeyId'],
    boto3.client('dynamodb').describe_table(TableName='orders')['Table']['SSEDescription']['KMSMasterKeyArn'],
    boto3.client('lambda').get_function_configuration(FunctionName='orders')['KMSKeyArn'],
    rule['BucketKeyEnabled'],
]))
";

#[test]
fn a_key_that_rotates_by_hand_is_replaced_and_what_uses_it_is_pointed_at_the_new_one() {
    let account = Account::start();
    let key = account.imported_key();
    let alias = json!({"AliasName": "alias/orders", "TargetKeyId": key});
    account.call("CreateAlias", alias);
    account.people(0);
    account.python(USERS, &[&key]);
    run(account
        .lockfast()
        .args(["scan", "--region", "eu-central-1", "--no-judge"])
        .args([
            "--service",
            "kms,s3,sqs,sns,secretsmanager,dynamodb,lambda,elasticfilesystem",
        ])
        .args([
            "--attempts",
            "2",
            "--backoff",
            "20",
            "--snapshot",
            "now.snapshot",
        ]));
    let rotate = |more: &[&str]| {
        let all = [
            "keys",
            "rotate",
            "--from",
            "now.snapshot",
            "--today",
            "2036-01-01",
        ];
        run(account.lockfast().args(all).arg("--replace").args(more))
    };
    let plan = rotate(&[]);
    for call in [
        "s3:PutEncryptionConfiguration",
        "sqs:SetQueueAttributes",
        "it takes a copy",
    ] {
        assert!(plan.out.contains(call), "{call}: {}{}", plan.out, plan.err);
    }
    assert_eq!(account.count("CreateKey"), 1);
    let applied = rotate(&["--apply"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let new = account.call("DescribeKey", json!({"KeyId": "alias/orders"}));
    let new = &new["KeyMetadata"]["Arn"];
    assert_ne!(*new, Value::from(key.clone()));
    let named: Value = serde_json::from_str(&account.python(NAMED, &[])).expect("JSON");
    for (index, what) in ["bucket", "queue", "topic", "secret", "table", "function"]
        .iter()
        .enumerate()
    {
        assert_eq!(named[index], *new, "{what}: {}", applied.out);
    }
    // What else the bucket asks for stays.
    assert_eq!(named[6], true);
    // The file system cannot change its key, which stays enabled for it.
    assert_eq!(account.state(&key), "Enabled");
    assert!(applied.out.contains("file-system"), "{}", applied.out);
    let again = rotate(&["--apply"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("names it already"), "{}", again.out);
    assert_eq!(account.count("CreateKey"), 2);
    let ledger = run(account
        .lockfast()
        .args(["ledger", "show", "--format", "json"]));
    assert!(ledger.out.contains("under_the_old_key"), "{}", ledger.out);
    assert_eq!(verify(&account).code, 0);
}

/// A secret that a function could rotate and does not, and one that nothing rotates.
const SECRETS: &str = "
import boto3, json
iam = boto3.client('iam')
trust = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]})
role = iam.create_role(RoleName='rotate', AssumeRolePolicyDocument=trust)['Role']['Arn']
function = boto3.client('lambda').create_function(FunctionName='rotate', Runtime='python3.12', Role=role, Handler='a.b', Code={'ZipFile': b'x'})
client = boto3.client('secretsmanager')
client.create_secret(Name='database', SecretString='first-database')
client.rotate_secret(SecretId='database', RotationLambdaARN=function['FunctionArn'], RotationRules={'AutomaticallyAfterDays': 30})
client.cancel_rotate_secret(SecretId='database')
client.create_secret(Name='supplier', SecretString='first-supplier')
";

/// The current and the previous value of the supplier's secret, and how the database's rotates.
const VALUES: &str = "
import boto3, json
client = boto3.client('secretsmanager')
value = lambda stage: client.get_secret_value(SecretId='supplier', VersionStage=stage)['SecretString']
told = client.describe_secret(SecretId='database')
print(json.dumps([value('AWSCURRENT'), value('AWSPREVIOUS'), told['RotationEnabled'], told['RotationRules']['AutomaticallyAfterDays']]))
";

#[test]
fn secrets_rotate_by_their_function_or_by_hand_and_no_value_is_told() {
    let account = Account::start();
    account.people(0);
    account.python(SECRETS, &[]);
    let scan = run(account.lockfast().args([
        "scan",
        "--region",
        "eu-central-1",
        "--service",
        "secretsmanager",
        "--no-judge",
        "--snapshot",
        "now.snapshot",
    ]));
    assert_eq!(scan.code, 0, "{}", scan.err);
    let secrets = |more: &[&str], value: &str| {
        let from = ["secrets", "--from", "now.snapshot", "--today", "2036-01-01"];
        run(account
            .lockfast()
            .args(from)
            .args(more)
            .write_stdin(value.to_owned()))
    };
    let plan = secrets(&[], "");
    assert_eq!(plan.code, 1, "{}{}", plan.out, plan.err);
    assert!(plan.out.contains(", by hand"), "{}", plan.out);
    assert!(plan.out.contains("--value-from -"), "{}", plan.out);
    let applied = secrets(&["--apply"], "");
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    // A function's secret is its function's to rotate; and no value is no value.
    let value = ["--apply", "--value-from", "-"];
    let with = |name: &'static str| [&[name][..], &value].concat();
    assert_eq!(secrets(&with("database"), "second").code, 2);
    assert_eq!(secrets(&with("supplier"), "\n").code, 2);
    assert_eq!(secrets(&value, "second").code, 2);
    let by_hand = secrets(&with("supplier"), "second-supplier\n");
    assert_eq!(by_hand.code, 0, "{}{}", by_hand.out, by_hand.err);
    let told: Value = serde_json::from_str(&account.python(VALUES, &[])).expect("JSON");
    assert_eq!(told[0], "second-supplier");
    assert_eq!(told[1], "first-supplier");
    assert_eq!(told[2], true);
    assert_eq!(told[3], 180, "as it was asked for");
    let ledger = run(account
        .lockfast()
        .args(["ledger", "show", "--format", "json"]));
    for said in [&by_hand.out, &by_hand.err, &ledger.out, &applied.out] {
        assert!(!said.contains("-supplier"), "{said}");
    }
    assert!(ledger.out.contains("by hand"), "{}", ledger.out);
    // The ledger knows of it: it is not late tomorrow.
    let tomorrow = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24))
        .strftime("%Y-%m-%d")
        .to_string();
    let list = run(account.lockfast().args([
        "secrets",
        "supplier",
        "--from",
        "now.snapshot",
        "--today",
        &tomorrow,
        "--format",
        "json",
    ]));
    assert_eq!(list.json()[0]["age_days"], 1, "{}", list.out);
    assert_eq!(verify(&account).code, 0);
}
