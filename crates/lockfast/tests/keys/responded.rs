//! A compromised key: contained, replaced, and what was under it encrypted again.

use crate::run;
use crate::servers::{ACCOUNT, Account};
use serde_json::{Value, json};

/// A bucket with objects of every kind under a key, and others; and one of each store that a call points elsewhere.
const STORES: &str = "
import boto3, sys
key, other = sys.argv[1:3]
s3 = boto3.client('s3')
s3.create_bucket(Bucket='orders', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
s3.put_bucket_encryption(Bucket='orders', ServerSideEncryptionConfiguration={'Rules': [
    {'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key}, 'BucketKeyEnabled': True}]})
under = {'Bucket': 'orders', 'ServerSideEncryption': 'aws:kms'}
for n in range(1200):
    s3.put_object(Key=f'2026/order {n:04}+ä.json', Body=b'{}' * n, SSEKMSKeyId=key, Metadata={'number': str(n)},
        ContentType='application/json', StorageClass='STANDARD_IA', ChecksumAlgorithm='SHA256', **under)
s3.put_object_tagging(Bucket='orders', Key='2026/order 0007+ä.json', Tagging={'TagSet': [{'Key': 'vip', 'Value': 'yes'}]})
s3.put_object(Key='elsewhere', Body=b'x', SSEKMSKeyId=other, **under)
s3.put_object(Bucket='orders', Key='plain', Body=b'x', ServerSideEncryption='AES256')
boto3.client('sqs').create_queue(QueueName='orders', Attributes={'KmsMasterKeyId': key})
boto3.client('sns').create_topic(Name='orders', Attributes={'KmsMasterKeyId': key})
boto3.client('secretsmanager').create_secret(Name='orders', SecretString='a-value-to-keep', KmsKeyId=key)
boto3.client('ssm').put_parameter(Name='/orders/token', Value='another-value', Type='SecureString', KeyId=key)
iam = boto3.client('iam')
iam.create_role(RoleName='Stolen', AssumeRolePolicyDocument='{\"Version\":\"2012-10-17\",\"Statement\":[]}')
";

/// What became of it.
const AFTER: &str = "
import boto3, json, sys
s3 = boto3.client('s3')
under, wrong = {}, []
for page in s3.get_paginator('list_objects_v2').paginate(Bucket='orders'):
    for one in page['Contents']:
        head = s3.head_object(Bucket='orders', Key=one['Key'])
        key = head.get('SSEKMSKeyId', 'none')
        under[key] = under.get(key, 0) + 1
        if one['Key'].startswith('2026/'):
            n = int(head['Metadata']['number'])
            body = s3.get_object(Bucket='orders', Key=one['Key'])['Body'].read()
            if body != b'{}' * n or head['StorageClass'] != 'STANDARD_IA' or head['ContentType'] != 'application/json':
                wrong.append(one['Key'])
tags = s3.get_object_tagging(Bucket='orders', Key='2026/order 0007+ä.json')['TagSet']
secret = boto3.client('secretsmanager')
print(json.dumps({
    'under': under, 'wrong': wrong, 'tags': tags,
    'default': s3.get_bucket_encryption(Bucket='orders')['ServerSideEncryptionConfiguration']['Rules'][0]['ApplyServerSideEncryptionByDefault']['KMSMasterKeyID'],
    'queue': boto3.client('sqs').get_queue_attributes(QueueUrl=boto3.client('sqs').get_queue_url(QueueName='orders')['QueueUrl'], AttributeNames=['All'])['Attributes']['KmsMasterKeyId'],
    'secret': secret.describe_secret(SecretId='orders')['KmsKeyId'], 'value': secret.get_secret_value(SecretId='orders')['SecretString'],
    'parameter': boto3.client('ssm').get_parameter(Name='/orders/token', WithDecryption=True)['Parameter']['Value'],
    'sessions': boto3.client('iam').get_role_policy(RoleName='Stolen', PolicyName='AWSRevokeOlderSessions')['PolicyDocument']['Statement'][0]['Effect'],
}))";

#[test]
fn a_compromised_key_is_replaced_and_what_was_under_it_comes_under_another() {
    let account = Account::start();
    let key = account.key(json!({"Description": "orders", "Tags": [{"TagKey": "DataClassification", "TagValue": "confidential"}]}));
    let other = account.key(json!({}));
    account.call(
        "CreateAlias",
        json!({"AliasName": "alias/orders", "TargetKeyId": key}),
    );
    let stolen = format!("arn:aws:iam::{ACCOUNT}:role/Stolen");
    let grant = json!({"KeyId": key, "GranteePrincipal": stolen, "Operations": ["Decrypt"]});
    account.call("CreateGrant", grant);
    account.python(STORES, &[&key, &other]);
    let scan = run(account.lockfast().args([
        "scan",
        "--region",
        "eu-central-1",
        "--no-judge",
        "--service",
        "kms,s3,sqs,sns,secretsmanager,ssm,iam",
        "--attempts",
        "2",
        "--backoff",
        "20",
        "--snapshot",
        "now.snapshot",
    ]));
    assert!(account.path().join("now.snapshot").exists(), "{}", scan.err);
    let respond = |more: &[&str]| {
        let all = [
            "respond",
            "key-compromise",
            "alias/orders",
            "--by",
            "anna",
            "--reason",
            "its use from an unknown network",
            "--suspect",
            &stolen,
            "--current-only",
            "--from",
            "now.snapshot",
        ];
        run(account.lockfast().args(all).args(more))
    };
    // Nothing is done before it is asked for.
    let shown = respond(&[]);
    assert_eq!(shown.code, 0, "{}{}", shown.out, shown.err);
    for text in [
        "contain/deny/Stolen",
        "replace/create",
        "reencrypt/s3/orders",
        "Rotation is no remedy",
    ] {
        assert!(shown.out.contains(text), "{text}: {}", shown.out);
    }
    assert_eq!(account.count("CreateKey"), 2);
    let unasked = respond(&["--apply"]);
    assert_eq!(unasked.code, 2, "{}", unasked.err);
    assert!(unasked.err.contains("say --yes"), "{}", unasked.err);
    let applied = respond(&["--apply", "--yes"]);
    // What is for people is open, so it is not complete.
    assert_eq!(applied.code, 1, "{}{}", applied.out, applied.err);
    assert!(
        applied.out.contains(" 0 failed"),
        "{}{}",
        applied.out,
        applied.err
    );
    let new = account.call("DescribeKey", json!({"KeyId": "alias/orders"}));
    let new = new["KeyMetadata"]["Arn"]
        .as_str()
        .expect("an ARN")
        .to_owned();
    assert_ne!(new, key);
    let after: Value = serde_json::from_str(&account.python(AFTER, &[])).expect("JSON");
    assert_eq!(after["under"][&new], 1200, "{after}");
    assert_eq!(after["under"][&other], 1);
    assert_eq!(after["under"]["none"], 1);
    assert_eq!(after["wrong"], json!([]));
    assert_eq!(after["tags"], json!([{"Key": "vip", "Value": "yes"}]));
    for store in ["default", "queue", "secret"] {
        assert_eq!(after[store], new, "{store}: {after}");
    }
    assert_eq!(
        (&after["value"], &after["parameter"]),
        (&json!("a-value-to-keep"), &json!("another-value"))
    );
    assert_eq!(after["sessions"], "Deny");
    let policy = account.call(
        "GetKeyPolicy",
        json!({"KeyId": key, "PolicyName": "default"}),
    );
    assert!(
        policy["Policy"]
            .as_str()
            .is_some_and(|text| text.contains("LockfastDeny")),
        "{policy}"
    );
    assert_eq!(
        account.call("ListGrants", json!({"KeyId": key}))["Grants"],
        json!([])
    );
    assert_eq!(
        account.state(&key),
        "Enabled",
        "nothing is disabled before somebody decides it"
    );

    let listed = run(account.lockfast().args(["incident", "list", "-f", "json"])).json();
    let id = listed[0]["incident"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // Run again, it changes nothing.
    let calls =
        account.count("CreateKey") + account.count("PutKeyPolicy") + account.count("UpdateAlias");
    let again = run(account
        .lockfast()
        .args(["incident", "resume", &id, "--by", "anna"]));
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(
        again.out.contains("0 steps done, 0 failed"),
        "{}",
        again.out
    );
    assert_eq!(
        account.count("CreateKey") + account.count("PutKeyPolicy") + account.count("UpdateAlias"),
        calls
    );
    let early = run(account
        .lockfast()
        .args(["incident", "close", &id, "--by", "anna"]));
    assert_eq!(early.code, 2, "{}", early.out);
    let report = run(account.lockfast().args(["incident", "report", &id]));
    assert_eq!(report.code, 0, "{}", report.err);
    for text in [
        &id,
        "its use from an unknown network",
        "1200 put under the new key",
        &new,
    ] {
        assert!(report.out.contains(text), "{text}: {}", report.out);
    }
    for secret in ["a-value-to-keep", "another-value"] {
        assert!(
            !report.out.contains(secret)
                && !applied.out.contains(secret)
                && !applied.err.contains(secret)
        );
    }
    // What is for people, people say; what waits for that goes on then.
    for _ in 0..3 {
        let status = ["incident", "status", &id, "-f", "json"];
        let status = run(account.lockfast().args(status)).json();
        let missing = status["completeness"]["missing"].as_array().cloned();
        for own in missing
            .iter()
            .flatten()
            .filter(|own| own["lack"] != "not-done")
        {
            let step = own["step"].as_str().expect("a step");
            let said = [
                "incident",
                "confirm",
                &id,
                step,
                "--by",
                "ben",
                "--evidence",
                "looked at it",
            ];
            let said = run(account.lockfast().args(said));
            assert_eq!(said.code, 0, "{step}: {}", said.err);
        }
        run(account
            .lockfast()
            .args(["incident", "resume", &id, "--by", "anna"]));
    }
    let closed = run(account
        .lockfast()
        .args(["incident", "close", &id, "--by", "anna"]));
    assert_eq!(closed.code, 0, "{}", closed.err);
}

#[test]
fn what_cannot_be_done_is_said_and_not_passed_over() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.python(
        "import boto3, sys
key = sys.argv[1]
s3 = boto3.client('s3')
s3.create_bucket(Bucket='versions', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
s3.put_bucket_versioning(Bucket='versions', VersioningConfiguration={'Status': 'Enabled'})
s3.put_bucket_encryption(Bucket='versions', ServerSideEncryptionConfiguration={'Rules': [
    {'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key}}]})
for n in range(3):
    s3.put_object(Bucket='versions', Key='one', Body=str(n).encode(), ServerSideEncryption='aws:kms', SSEKMSKeyId=key)
s3.delete_object(Bucket='versions', Key='gone')
boto3.client('dynamodb').create_table(TableName='orders', BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}],
    AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}], SSESpecification={'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': key})
boto3.client('efs').create_file_system(CreationToken='files', Encrypted=True, KmsKeyId=key)",
        &[&key],
    );
    run(account.lockfast().args([
        "scan",
        "--region",
        "eu-central-1",
        "--no-judge",
        "--service",
        "kms,s3,dynamodb,elasticfilesystem",
        "--attempts",
        "2",
        "--backoff",
        "20",
        "--snapshot",
        "now.snapshot",
    ]));
    let ran = run(account.lockfast().args([
        "respond",
        "key-compromise",
        &key,
        "--by",
        "anna",
        "--reason",
        "leaked",
        "--from",
        "now.snapshot",
        "--apply",
        "--break-glass",
        "it is three in the morning",
    ]));
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    // Older versions are under the old key still, and files are copied by hand.
    assert!(
        ran.out.contains("3 objects are left and 0 failed"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(ran.out.contains("for you: reencrypt/efs/"), "{}", ran.out);
    assert!(
        ran.out.contains("The response is not complete"),
        "{}",
        ran.out
    );
    let templates = run(account.lockfast().current_dir(crate::root()).args([
        "respond",
        "key-compromise",
        "alias/webshop/prod/restricted/customers",
        "--by",
        "a",
        "--reason",
        "b",
        "--from",
        "examples/webshop",
    ]));
    assert_eq!(templates.code, 2);
    assert!(
        templates.err.contains("name a snapshot of the account"),
        "{}",
        templates.err
    );
    let nobody = run(account
        .lockfast()
        .args(["incident", "status", "INC-20260101-0000"]));
    assert!(
        nobody.code == 2 && nobody.err.contains("there is no such incident"),
        "{}",
        nobody.err
    );
    let stores = run(account.lockfast().args(["respond", "stores"]));
    assert!(
        stores.code == 0 && stores.out.contains("UpdateObjectEncryption"),
        "{}",
        stores.out
    );
}
