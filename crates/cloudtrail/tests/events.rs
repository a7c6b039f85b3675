//! What is read of records, and which keys they use.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_cloudtrail::kms::{KeyName, KeyUse, is_cryptographic, uses};
use lockfast_cloudtrail::{Event, Unreadable};
use shared::{NAMES, record};

const KEY_A: &str = "arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-0000-4000-8000-00000000aaaa";
const KEY_B: &str = "arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-0000-4000-8000-00000000bbbb";

fn principal(record: &str) -> Option<String> {
    let event = Event::parse(record.as_bytes()).unwrap();
    event.principal().map(|it| it.into_owned())
}

fn used(record: &str) -> Vec<KeyUse> {
    uses(&Event::parse(record.as_bytes()).unwrap())
}

fn used_by(name: &str) -> KeyUse {
    let mut used = used(&record(name));
    assert_eq!(used.len(), 1, "{name}");
    used.remove(0)
}

fn context(used: &KeyUse) -> Vec<(&str, &str)> {
    let pairs = used.encryption_context.iter();
    pairs.map(|(key, value)| (&key[..], &value[..])).collect()
}

#[test]
fn every_field() {
    let text = record("decrypt-by-lambda");
    let event = Event::parse(text.as_bytes()).unwrap();
    assert_eq!(
        event.id.as_deref(),
        Some("0f3c1a52-7b1e-4c1d-9d0b-2f6a8a4e9c11")
    );
    assert!(matches!(event.id, Some(std::borrow::Cow::Borrowed(_))));
    assert_eq!(event.time, Some("2026-03-01T10:15:42Z".parse().unwrap()));
    assert_eq!(event.source.as_deref(), Some("kms.amazonaws.com"));
    assert_eq!(event.name.as_deref(), Some("Decrypt"));
    assert_eq!(event.region.as_deref(), Some("eu-west-1"));
    assert_eq!(event.recipient_account_id.as_deref(), Some("111122223333"));
    assert_eq!(
        event.source_ip_address.as_deref(),
        Some("lambda.amazonaws.com")
    );
    assert_eq!(event.user_agent.as_deref(), Some("lambda.amazonaws.com"));
    assert_eq!((event.error_code, event.error_message), (None, None));
    assert_eq!(
        (event.read_only, event.management_event),
        (Some(true), Some(true))
    );
    assert_eq!(
        event.shared_event_id.as_deref(),
        Some("1b8ed34a-94de-4a34-8a5f-6f14a5d59f63")
    );
    assert_eq!(event.category.as_deref(), Some("Management"));
    assert!(
        event
            .request_parameters
            .unwrap()
            .get()
            .starts_with("{\"encryptionAlgorithm\"")
    );
    assert!(event.response_elements.is_none(), "null is absent");
    assert!(
        event
            .additional_event_data
            .unwrap()
            .get()
            .contains("keyMaterialId")
    );
    let tls = event.tls.unwrap();
    assert_eq!(tls.version.as_deref(), Some("TLSv1.3"));
    assert_eq!(tls.cipher_suite.as_deref(), Some("TLS_AES_256_GCM_SHA384"));
    assert_eq!(tls.host.as_deref(), Some("kms.eu-west-1.amazonaws.com"));
    let [resource] = &event.resources.unwrap()[..] else {
        panic!("one resource");
    };
    assert_eq!(resource.kind.as_deref(), Some("AWS::KMS::Key"));
    assert_eq!(resource.account_id.as_deref(), Some("111122223333"));
    let identity = event.identity.unwrap();
    assert_eq!(identity.kind.as_deref(), Some("AssumedRole"));
    assert_eq!(
        identity.principal_id.as_deref(),
        Some("AROA4EXAMPLEORDERS00:orders-worker")
    );
    assert_eq!(
        identity.access_key_id.as_deref(),
        Some("ASIA4EXAMPLEORDERS00")
    );
    assert_eq!(identity.account_id.as_deref(), Some("111122223333"));
    assert_eq!(identity.invoked_by.as_deref(), Some("lambda.amazonaws.com"));
    assert_eq!(identity.user_name, None);

    let text = record("re-encrypt");
    let identity = Event::parse(text.as_bytes()).unwrap().identity.unwrap();
    let source = identity.session_context.unwrap().source_identity;
    assert_eq!(source.as_deref(), Some("anna@example.com"));
    let text = record("get-secret-value");
    let endpoint = Event::parse(text.as_bytes()).unwrap().vpc_endpoint_id;
    assert_eq!(endpoint.as_deref(), Some("vpce-0a1b2c3d4e5f60718"));
}

#[test]
fn the_arn_that_people_think_in() {
    let told = NAMES.map(|name| principal(&record(name)).unwrap());
    assert_eq!(
        told,
        [
            "arn:aws:iam::444455556666:root",
            "lambda.amazonaws.com",
            "arn:aws:iam::111122223333:root",
            "arn:aws:sts::111122223333:federated-user/ci",
            "arn:aws:iam::111122223333:role/service-role/orders-worker",
            "s3.amazonaws.com",
            "arn:aws:iam::111122223333:user/anna",
            "arn:aws:iam::111122223333:role/service-role/orders-worker",
            "arn:aws:iam::111122223333:role/rotation",
        ]
    );
    let china =
        r#"{"awsRegion":"cn-north-1","userIdentity":{"type":"AWSAccount","accountId":"1"}}"#;
    assert_eq!(principal(china).as_deref(), Some("arn:aws-cn:iam::1:root"));
    let unknown = r#"{"userIdentity":{"type":"Unknown"}}"#;
    assert_eq!(principal(unknown).as_deref(), Some("Unknown"));
    assert_eq!(principal("{}"), None);
}

#[test]
fn no_field_spoils_the_others() {
    let text = r#"{"eventID":7,"eventTime":"yesterday","eventName":"De\u0063rypt","awsRegion":null,"readOnly":"true",
        "userIdentity":{"type":["AssumedRole"],"arn":"a","sessionContext":"none"},"resources":[1,{"ARN":"r","type":{}},null],
        "event\u0053ource":"kms.amazonaws.com","tlsDetails":[],"errorCode":{"a":[{}]},"unknown":{"eventName":"x"},
        "eventCategory":"Data","eventCategory":"Management","\ud800":1,"sourceIPAddress":"\ud800"}"#;
    let event = Event::parse(text.as_bytes()).unwrap();
    assert_eq!((event.id, event.time, event.region), (None, None, None));
    assert_eq!((event.read_only, event.error_code), (None, None));
    assert_eq!(event.source_ip_address, None, "half of a character");
    assert_eq!(event.name.as_deref(), Some("Decrypt"));
    assert_eq!(event.source.as_deref(), Some("kms.amazonaws.com"));
    assert_eq!(
        event.category.as_deref(),
        Some("Management"),
        "the last one"
    );
    assert!(event.tls.is_none());
    let identity = event.identity.unwrap();
    assert_eq!(identity.arn.as_deref(), Some("a"));
    assert!(identity.kind.is_none() && identity.session_context.is_none());
    let resources = event.resources.unwrap();
    assert_eq!(resources.len(), 1);
    assert_eq!(resources[0].arn.as_deref(), Some("r"));
}

#[test]
fn what_is_no_record_is_an_error() {
    assert_eq!(
        Event::parse(b"{\"a\":\"\xff\"}").unwrap_err(),
        Unreadable::NotUtf8(6)
    );
    for text in ["", "1", "[]", "null", "{", "{}}", "{\"a\":}"] {
        let error = Event::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, Unreadable::Json(_)), "{text}");
    }
}

#[test]
fn deep_parameters_are_carried_and_projected() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(
        r#"{{"eventSource":"kms.amazonaws.com","eventName":"Decrypt","unknown":{deep},"userIdentity":{{"arn":{deep},"type":"Root"}},
        "requestParameters":{{"deep":{deep},"keyId":"{KEY_A}","encryptionContext":{{"a":{deep},"b":"c"}}}}}}"#
    );
    let used = used(&text);
    assert_eq!(used[0].key, KeyName::Arn(KEY_A.into()));
    assert_eq!(used[0].principal.as_deref(), Some("Root"));
    assert_eq!(used[0].encryption_context["b"], "c");
}

#[test]
fn a_role_decrypts_through_a_service() {
    let used = used_by("decrypt-by-lambda");
    assert_eq!(used.key, KeyName::Arn(KEY_A.into()));
    assert_eq!(used.operation, "Decrypt");
    let role = "arn:aws:iam::111122223333:role/service-role/orders-worker";
    assert_eq!(used.principal.as_deref(), Some(role));
    assert_eq!(used.via.as_deref(), Some("lambda.amazonaws.com"));
    let function = "arn:aws:lambda:eu-west-1:111122223333:function:orders-worker";
    assert_eq!(context(&used), [("aws:lambda:FunctionArn", function)]);
    assert_eq!(used.failed, None);
    assert_eq!(used.time, Some("2026-03-01T10:15:42Z".parse().unwrap()));
}

#[test]
fn the_key_among_the_resources_goes_before_the_alias_that_was_asked_for() {
    let used = used_by("generate-data-key-by-s3");
    assert_eq!(used.key, KeyName::Arn(KEY_B.into()));
    assert_eq!(used.operation, "GenerateDataKey");
    assert_eq!(used.via.as_deref(), Some("AWS Internal"));
    let used = used_by("decrypt-by-service");
    assert_eq!(used.principal.as_deref(), Some("s3.amazonaws.com"));
    let object = "arn:aws:s3:::invoices-111122223333/2026/02/\"quoted\".pdf";
    assert_eq!(context(&used), [("aws:s3:arn", object)]);
}

#[test]
fn re_encrypting_uses_two_keys() {
    let halves = used(&record("re-encrypt"));
    let told: Vec<_> = halves
        .iter()
        .map(|used| (used.operation.as_str(), used.key.to_string(), context(used)))
        .collect();
    assert_eq!(
        told,
        [
            ("ReEncryptFrom", KEY_A.to_owned(), vec![("tenant", "old")]),
            ("ReEncryptTo", KEY_B.to_owned(), vec![("tenant", "new")]),
        ]
    );
    // Without parameters, AWS's order; the same key twice; one of them another account's.
    let event = |parameters: &str, resources: &[&str]| {
        let resources: Vec<_> = resources
            .iter()
            .map(|arn| format!(r#"{{"ARN":"{arn}","type":"AWS::KMS::Key"}}"#))
            .collect();
        let text = format!(
            r#"{{"eventSource":"kms.amazonaws.com","eventName":"ReEncrypt","requestParameters":{parameters},"resources":[{}]}}"#,
            resources.join(",")
        );
        let told = used(&text).into_iter();
        told.map(|used| format!("{} {}", used.operation, used.key))
            .collect::<Vec<_>>()
    };
    let (from_a, to_a) = (
        format!("ReEncryptFrom {KEY_A}"),
        format!("ReEncryptTo {KEY_A}"),
    );
    let to_b = format!("ReEncryptTo {KEY_B}");
    assert_eq!(
        event("null", &[KEY_A, KEY_B]),
        [from_a.clone(), to_b.clone()]
    );
    assert_eq!(
        event("null", &[KEY_A, KEY_A]),
        [from_a.clone(), to_a.clone()]
    );
    let same = format!(r#"{{"sourceKeyId":"{KEY_A}","destinationKeyId":"{KEY_A}"}}"#);
    assert_eq!(event(&same, &[KEY_A]), [from_a.clone(), to_a]);
    let both = format!(r#"{{"sourceKeyId":"{KEY_A}","destinationKeyId":"{KEY_B}"}}"#);
    assert_eq!(event(&both, &[]), [from_a.clone(), to_b.clone()]);
    assert_eq!(
        event(&both, &[KEY_B, KEY_A]),
        [from_a.clone(), to_b.clone()]
    );
    assert_eq!(event(&both, &[KEY_A]), [from_a.clone(), to_b.clone()]);
    assert_eq!(event(&both, &[KEY_B]), [from_a, to_b.clone()]);
    let destination = format!(r#"{{"destinationKeyId":"{KEY_B}"}}"#);
    assert_eq!(event(&destination, &[KEY_B]), [to_b]);
    assert_eq!(event("null", &[KEY_A]), [format!("ReEncrypt {KEY_A}")]);
    assert_eq!(event("{}", &[]), [""; 0]);
}

#[test]
fn a_refused_request_tells_its_key_in_words() {
    let used = used_by("access-denied");
    assert_eq!(used.key, KeyName::Arn(KEY_A.into()));
    assert_eq!(used.failed.as_deref(), Some("AccessDenied"));
    assert_eq!(used.via, None);
    let untold = record("access-denied").replace(
        &format!("on resource: {KEY_A}"),
        "on the resource associated with this ciphertext",
    );
    assert_eq!(used_of_len(&untold), 0);
}

fn used_of_len(record: &str) -> usize {
    used(record).len()
}

#[test]
fn what_is_no_use_of_a_key_is_none() {
    for name in [
        "assume-role",
        "console-login",
        "create-grant",
        "get-secret-value",
    ] {
        assert_eq!(used(&record(name)), [], "{name}");
    }
    assert_eq!(used("{}"), []);
    for operation in [
        "GenerateDataKeyPairWithoutPlaintext",
        "ReEncrypt",
        "VerifyMac",
        "DeriveSharedSecret",
        "Sign",
    ] {
        assert!(is_cryptographic(operation), "{operation}");
    }
    for operation in [
        "CreateGrant",
        "DescribeKey",
        "GenerateRandom",
        "GetPublicKey",
        "decrypt",
        "",
    ] {
        assert!(!is_cryptographic(operation), "{operation}");
    }
}

#[test]
fn by_whichever_name() {
    let parsed = |name: &str| KeyName::parse(name).unwrap();
    let alias_arn = "arn:aws:kms:eu-west-1:111122223333:alias/orders";
    let id = "1a2b3c4d-0000-4000-8000-00000000aaaa";
    assert_eq!(parsed(KEY_A), KeyName::Arn(KEY_A.into()));
    assert_eq!(parsed(id), KeyName::Id(id.into()));
    assert_eq!(parsed("mrk-1234"), KeyName::Id("mrk-1234".into()));
    assert_eq!(
        parsed("alias/orders"),
        KeyName::Alias("alias/orders".into())
    );
    assert_eq!(parsed(alias_arn), KeyName::Alias(alias_arn.into()));
    for no_key in [
        "",
        "alias/",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::1:role/x",
        "arn:aws:kms",
    ] {
        assert_eq!(KeyName::parse(no_key), None, "{no_key}");
    }
    let none: [&str; 0] = [];
    assert!(parsed(KEY_A).matches(KEY_A, &none));
    assert!(!parsed(KEY_A).matches(KEY_B, &none));
    assert!(parsed(id).matches(KEY_A, &none));
    assert!(!parsed("aaaa").matches(KEY_A, &none));
    for aliases in [["alias/orders"], [alias_arn]] {
        assert!(parsed("alias/orders").matches(KEY_A, &aliases));
        assert!(parsed(alias_arn).matches(KEY_A, &aliases));
        assert!(!parsed("alias/order").matches(KEY_A, &aliases));
        // Another region has another key of that name.
        let elsewhere = alias_arn.replace("eu-west-1", "eu-west-2");
        assert!(!parsed(&elsewhere).matches(KEY_A, &aliases));
    }
    assert!(!parsed("alias/orders").matches(KEY_A, &none));
}
