//! The records of what uses keys: Amazon S3, AWS Secrets Manager, Systems Manager and others, and of AWS KMS as they ask it.

use crate::call::{Call, Who};
use crate::draft::{Draft, Facts, spoken_time, uuid_text};
use crate::kms;
use crate::ordinary::object;
use crate::world::{Actor, Key, Site};

/// How S3 is known to AWS KMS, and other services of old.
pub(crate) const INTERNAL: &str = "AWS Internal";

/// An object is read or written that is encrypted with the site's key; the second record is what S3 asks of AWS KMS.
pub(crate) fn s3_object(draft: &mut Draft, call: &Call, site: &Site, write: bool) -> [u128; 2] {
    let object = object(&mut draft.random);
    let (bucket, region, arn) = (&site.bucket, call.region, &site.key.arn);
    let bytes = draft.random.below(9_000_000);
    let (sent, got) = if write { (bytes, 0) } else { (0, bytes) };
    let host = format!("{bucket}.s3.{region}.amazonaws.com");
    let asked = match write {
        true => format!(
            r#","x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"{arn}""#
        ),
        false => String::new(),
    };
    let parameters =
        format!(r#"{{"bucketName":"{bucket}","Host":"{host}","key":"{object}"{asked}}}"#);
    let response = match write {
        true => format!(
            r#"{{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"{arn}"}}"#
        ),
        false => "null".into(),
    };
    let id = s3(
        draft,
        call,
        &Object {
            name: if write { "PutObject" } else { "GetObject" },
            bucket,
            object: &object,
            parameters: &parameters,
            response: &response,
            encryption: "SSE_KMS",
            bytes: (sent, got),
        },
    );
    let context = format!(r#""aws:s3:arn":"arn:aws:s3:::{bucket}/{object}""#);
    let name = if write { "GenerateDataKey" } else { "Decrypt" };
    let asked = kms::used(draft, &call.through(INTERNAL), name, &site.key, &context);
    [id, asked]
}

/// A request about an object.
pub(crate) struct Object<'a> {
    pub(crate) name: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) object: &'a str,
    pub(crate) parameters: &'a str,
    pub(crate) response: &'a str,
    /// `SSEApplied`
    pub(crate) encryption: &'a str,
    /// Sent and got.
    pub(crate) bytes: (u64, u64),
}

/// A data event of S3.
pub(crate) fn s3(draft: &mut Draft, call: &Call, about: &Object) -> u128 {
    let (account, bucket, object) = (call.account, about.bucket, about.object);
    let (sent, got) = about.bytes;
    let suite = "TLS_AES_128_GCM_SHA256";
    let (trace, encryption) = (draft.random.alphanumeric(43), about.encryption);
    let additional = format!(
        r#"{{"SignatureVersion":"SigV4","CipherSuite":"{suite}","bytesTransferredIn":{sent},"SSEApplied":"{encryption}","AuthenticationMethod":"AuthHeader","x-amz-id-2":"{trace}=","bytesTransferredOut":{got}}}"#
    );
    let resources = format!(
        r#"[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{bucket}/{object}"}},{{"accountId":"{account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#
    );
    let host = format!("{bucket}.s3.{}.amazonaws.com", call.region);
    let facts = Facts {
        source: "s3.amazonaws.com",
        name: about.name,
        read_only: about.name == "GetObject",
        parameters: about.parameters,
        response: about.response,
        additional: &additional,
        resources: &resources,
        data: true,
        host: &host,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// A secret is read; the second record is what Secrets Manager asks of AWS KMS.
pub(crate) fn secret(draft: &mut Draft, call: &Call, key: &Key, secret: &str) -> [u128; 2] {
    // By its ARN, or by its name, which is its last part without the suffix.
    let name = secret.rsplit(':').next().unwrap_or_default();
    let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
    let asked = if draft.random.below(3) == 0 {
        name
    } else {
        secret
    };
    let parameters = format!(r#"{{"secretId":"{asked}"}}"#);
    let id = secrets_manager(draft, call, "GetSecretValue", &parameters, "null");
    [id, secret_key(draft, call, key, secret)]
}

/// What Secrets Manager asks of AWS KMS for a secret.
pub(crate) fn secret_key(draft: &mut Draft, call: &Call, key: &Key, secret: &str) -> u128 {
    let version = uuid_text(draft.random.uuid());
    let context = format!(r#""SecretARN":"{secret}","SecretVersionId":"{version}""#);
    let by = call.through("secretsmanager.amazonaws.com");
    kms::used(draft, &by, "Decrypt", key, &context)
}

/// A request to Secrets Manager.
pub(crate) fn secrets_manager(
    draft: &mut Draft,
    call: &Call,
    name: &str,
    parameters: &str,
    response: &str,
) -> u128 {
    let reads = ["Get", "BatchGet", "List", "Describe"];
    let facts = Facts {
        source: "secretsmanager.amazonaws.com",
        name,
        read_only: reads.iter().any(|start| name.starts_with(start)),
        parameters,
        response,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// All secrets of a site are read at once.
pub(crate) fn batch_of_secrets(draft: &mut Draft, call: &Call, site: &Site) -> Vec<u128> {
    let list = site.secrets.join("\",\"");
    let parameters = format!(r#"{{"secretIdList":["{list}"]}}"#);
    let mut ids = vec![secrets_manager(
        draft,
        call,
        "BatchGetSecretValue",
        &parameters,
        "null",
    )];
    for secret in &site.secrets {
        ids.push(secret_key(draft, call, &site.key, secret));
    }
    ids
}

/// A secret is rotated: asked for, begun and done.
pub(crate) fn rotation(draft: &mut Draft, call: &Call, secret: &str) {
    let parameters = format!(r#"{{"secretId":"{secret}","rotateImmediately":true}}"#);
    let version = uuid_text(draft.random.uuid());
    let response = format!(r#"{{"arn":"{secret}","versionId":"{version}"}}"#);
    secrets_manager(draft, call, "RotateSecret", &parameters, &response);
    let additional = format!(r#"{{"SecretId":"{secret}"}}"#);
    for (name, after) in [("RotationStarted", 1), ("RotationSucceeded", 9)] {
        let service = "secretsmanager.amazonaws.com";
        let told = Call::internal(service, call.account, call.region, call.time + after);
        let facts = Facts {
            source: service,
            name,
            read_only: false,
            additional: &additional,
            kind: "AwsServiceEvent",
            ..Facts::default()
        };
        draft.record(&told, &facts);
    }
}

/// A parameter is read and decrypted; the second record is what Systems Manager asks of AWS KMS.
pub(crate) fn parameter(draft: &mut Draft, call: &Call, site: &Site) -> [u128; 2] {
    let arn = &site.parameter;
    let name = arn.split_once(":parameter").map_or("", |(_, name)| name);
    let (operation, parameters) = match draft.random.below(4) {
        0 => (
            "GetParametersByPath",
            format!(
                r#"{{"path":"{}","recursive":true,"withDecryption":true,"maxResults":10}}"#,
                name.rsplit_once('/').map_or(name, |(path, _)| path)
            ),
        ),
        1 => (
            "GetParameters",
            format!(r#"{{"names":["{name}"],"withDecryption":true}}"#),
        ),
        _ => (
            "GetParameter",
            format!(r#"{{"name":"{name}","withDecryption":true}}"#),
        ),
    };
    let resources = format!(r#"[{{"accountId":"{}","ARN":"{arn}"}}]"#, call.account);
    let facts = Facts {
        source: "ssm.amazonaws.com",
        name: operation,
        parameters: &parameters,
        resources: &resources,
        ..Facts::default()
    };
    let id = draft.record(call, &facts);
    let context = format!(r#""PARAMETER_ARN":"{arn}""#);
    let by = call.through("ssm.amazonaws.com");
    [id, kms::used(draft, &by, "Decrypt", &site.key, &context)]
}

/// The environment of a function is decrypted when it starts.
pub(crate) fn function_environment(draft: &mut Draft, call: &Call, site: &Site) -> u128 {
    let context = format!(r#""aws:lambda:FunctionArn":"{}""#, site.function);
    let by = call.through("lambda.amazonaws.com");
    kms::used(draft, &by, "Decrypt", &site.key, &context)
}

/// A table's key is decrypted, once in five minutes at most for each caller.
pub(crate) fn table(draft: &mut Draft, call: &Call, site: &Site) -> u128 {
    let context = format!(
        r#""aws:dynamodb:tableName":"{}","aws:dynamodb:subscriberId":"{}""#,
        site.table, call.account
    );
    let by = call.through("dynamodb.amazonaws.com");
    kms::used(draft, &by, "Decrypt", &site.key, &context)
}

/// A volume's data key is made for an instance or a copy.
pub(crate) fn volume(draft: &mut Draft, call: &Call, key: &Key) -> u128 {
    let context = format!(r#""aws:ebs:id":"vol-0{}""#, draft.random.hex(16));
    let by = match call.who {
        Who::Service(_) => call.clone(),
        _ => call.through(INTERNAL),
    };
    kms::used(draft, &by, "GenerateDataKeyWithoutPlaintext", key, &context)
}

/// A database's service is granted its key.
pub(crate) fn database(draft: &mut Draft, call: &Call, site: &Site) -> u128 {
    let grantee = format!("rds.{}.amazonaws.com", call.region);
    let constraints = format!(
        r#","retiringPrincipal":"{grantee}","constraints":{{"encryptionContextSubset":{{"aws:rds:db-id":"{}"}}}}"#,
        site.database
    );
    let operations = r#""Decrypt","Encrypt","GenerateDataKey","GenerateDataKeyWithoutPlaintext","ReEncryptFrom","ReEncryptTo","CreateGrant","RetireGrant","DescribeKey""#;
    let by = call.through("rds.amazonaws.com");
    kms::granted(draft, &by, &site.key, &grantee, operations, &constraints).0
}

/// A log group's key is used by the service for itself.
pub(crate) fn log_group(draft: &mut Draft, call: &Call, site: &Site, name: &str) -> u128 {
    let context = format!(r#""aws:logs:arn":"{}""#, site.log_group);
    kms::used(draft, call, name, &site.key, &context)
}

/// A role is assumed.
pub(crate) fn assumed(draft: &mut Draft, call: &Call, role: &str, session: &str) -> u128 {
    let account = call.account;
    let parameters = format!(
        r#"{{"roleArn":"arn:aws:iam::{account}:role/{role}","roleSessionName":"{session}","durationSeconds":3600}}"#
    );
    let (key, id) = (draft.random.base32(16), draft.random.base32(17));
    let expires = spoken_time(call.time + 3_600);
    let response = format!(
        r#"{{"credentials":{{"accessKeyId":"ASIA{key}","sessionToken":"HIDDEN_DUE_TO_SECURITY_REASONS","expiration":"{expires}"}},"assumedRoleUser":{{"assumedRoleId":"AROA{id}:{session}","arn":"arn:aws:sts::{account}:assumed-role/{role}/{session}"}}}}"#
    );
    let resources = format!(
        r#"[{{"accountId":"{account}","type":"AWS::IAM::Role","ARN":"arn:aws:iam::{account}:role/{role}"}}]"#
    );
    let facts = Facts {
        source: "sts.amazonaws.com",
        name: "AssumeRole",
        parameters: &parameters,
        response: &response,
        resources: &resources,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// A service assumes a role, for what it starts: the session that then calls.
pub(crate) fn started(draft: &mut Draft, call: &Call, actor: &Actor) -> u128 {
    let number = draft.random.below(3);
    let session = actor.session(call.time, number);
    let (account, arn, role, id) = (call.account, &actor.arn, &actor.name, &actor.id);
    let (name, key) = (&session.name, &session.access_key);
    let parameters = format!(r#"{{"roleArn":"{arn}","roleSessionName":"{name}"}}"#);
    let expires = spoken_time(call.time + 6 * 3_600);
    let response = format!(
        r#"{{"credentials":{{"accessKeyId":"{key}","sessionToken":"HIDDEN_DUE_TO_SECURITY_REASONS","expiration":"{expires}"}},"assumedRoleUser":{{"assumedRoleId":"{id}:{name}","arn":"arn:aws:sts::{account}:assumed-role/{role}/{name}"}}}}"#
    );
    let resources =
        format!(r#"[{{"accountId":"{account}","type":"AWS::IAM::Role","ARN":"{arn}"}}]"#);
    let facts = Facts {
        source: "sts.amazonaws.com",
        name: "AssumeRole",
        parameters: &parameters,
        response: &response,
        resources: &resources,
        shared: Some(draft.random.uuid()),
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// Somebody signs in to the console.
pub(crate) fn login(draft: &mut Draft, call: &Call, mfa: bool) -> u128 {
    let used = if mfa { "Yes" } else { "No" };
    let region = call.region;
    let additional = format!(
        r#"{{"LoginTo":"https://{region}.console.aws.amazon.com/console/home?region={region}","MobileVersion":"No","MFAUsed":"{used}"}}"#
    );
    let host = format!("{region}.signin.aws.amazon.com");
    let facts = Facts {
        source: "signin.amazonaws.com",
        name: "ConsoleLogin",
        read_only: false,
        response: r#"{"ConsoleLogin":"Success"}"#,
        additional: &additional,
        kind: "AwsConsoleSignIn",
        host: &host,
        ..Facts::default()
    };
    // The session begins with it.
    let call = Call {
        console: false,
        ..call.clone()
    };
    draft.record(&call, &facts)
}

/// A request to CloudTrail itself.
pub(crate) fn trail(draft: &mut Draft, call: &Call, name: &str, parameters: &str) -> u128 {
    let facts = Facts {
        source: "cloudtrail.amazonaws.com",
        name,
        read_only: false,
        parameters,
        response: if name == "StopLogging" {
            "null"
        } else {
            parameters
        },
        ..Facts::default()
    };
    draft.record(call, &facts)
}
