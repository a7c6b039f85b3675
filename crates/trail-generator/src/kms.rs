//! The records of AWS KMS. Their fields are those of the examples in the AWS KMS Developer Guide, "Examples of AWS KMS log
//! entries".

use crate::call::{Call, Who};
use crate::draft::{Draft, Facts};
use crate::world::Key;
use std::fmt::Write;

const SOURCE: &str = "kms.amazonaws.com";

/// The record of a use of a key. The context is the members of its object, in JSON.
pub(crate) fn used(draft: &mut Draft, call: &Call, name: &str, key: &Key, context: &str) -> u128 {
    let mut parameters = String::with_capacity(256);
    let (arn, id) = (&key.arn, &key.id);
    let context = match context {
        "" => String::new(),
        members => format!(",\"encryptionContext\":{{{members}}}"),
    };
    // `Decrypt` need not name its key, and mostly does not.
    let written = match name {
        "Decrypt" if call.invoked_by.is_some() || draft.random.below(10) < 6 => write!(
            parameters,
            r#"{{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"{context}}}"#
        ),
        "Decrypt" | "Encrypt" => write!(
            parameters,
            r#"{{"keyId":"{arn}","encryptionAlgorithm":"SYMMETRIC_DEFAULT"{context}}}"#
        ),
        "GenerateDataKeyWithoutPlaintext" => write!(
            parameters,
            r#"{{"keyId":"{arn}","numberOfBytes":64{context}}}"#
        ),
        _ if draft.random.below(4) == 0 => write!(
            parameters,
            r#"{{"keyId":"{id}","keySpec":"AES_256"{context}}}"#
        ),
        _ => write!(
            parameters,
            r#"{{"keyId":"{arn}","keySpec":"AES_256"{context}}}"#
        ),
    };
    // A string takes whatever is written.
    let _ = written;
    let additional = format!(r#"{{"keyMaterialId":"{}"}}"#, key.material);
    let resources = resources(&[key]);
    let shared = (key.account != call.account || call.invoked_by.is_some_and(is_foreign))
        .then(|| draft.random.uuid());
    let facts = Facts {
        source: SOURCE,
        name,
        parameters: &parameters,
        additional: &additional,
        resources: &resources,
        shared,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// Services that call from an account of their own.
fn is_foreign(service: &str) -> bool {
    matches!(service, "lambda.amazonaws.com" | "dynamodb.amazonaws.com")
}

/// A use in the account that the key is of, by another account's principal. The other account has a record of it, too, when
/// it is one of the organisation's; both have the same `sharedEventID`.
pub(crate) fn used_by_outsider(
    draft: &mut Draft,
    call: &Call,
    name: &str,
    key: &Key,
    context: &str,
) -> u128 {
    let shared = draft.random.uuid();
    across(draft, call, name, key, context, shared)
}

/// A use of another account's key, in both accounts: that of the caller, and that of the key.
pub(crate) fn used_across(
    draft: &mut Draft,
    call: &Call,
    principal: &str,
    name: &str,
    key: &Key,
    context: &str,
) {
    let shared = draft.random.uuid();
    across(draft, call, name, key, context, shared);
    let of_key = Call {
        account: &key.account,
        who: Who::Outsider {
            account: call.account,
            principal,
        },
        endpoint: None,
        ..call.clone()
    };
    across(draft, &of_key, name, key, context, shared);
}

fn across(
    draft: &mut Draft,
    call: &Call,
    name: &str,
    key: &Key,
    context: &str,
    shared: u128,
) -> u128 {
    // Another account's key is named by its ARN, or not at all.
    let parameters = format!(
        r#"{{"keyId":"{}","encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{{{context}}}}}"#,
        key.arn
    );
    let additional = format!(r#"{{"keyMaterialId":"{}"}}"#, key.material);
    let resources = resources(&[key]);
    let facts = Facts {
        source: SOURCE,
        name,
        parameters: &parameters,
        additional: &additional,
        resources: &resources,
        shared: Some(shared),
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// Why a use was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Denied,
    Disabled,
    PendingDeletion,
    PendingImport,
}

/// The record of a request that was refused.
pub(crate) fn refused(draft: &mut Draft, call: &Call, name: &str, key: &Key, why: Refusal) -> u128 {
    let arn = &key.arn;
    let (code, message) = match why {
        Refusal::Denied => (
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: kms:{name} on resource: {arn} because no identity-based policy allows the kms:{name} action",
                call.caller()
            ),
        ),
        Refusal::Disabled => ("DisabledException", format!("{arn} is disabled.")),
        Refusal::PendingDeletion => (
            "KMSInvalidStateException",
            format!("{arn} is pending deletion."),
        ),
        Refusal::PendingImport => (
            "KMSInvalidStateException",
            format!("{arn} is pending import."),
        ),
    };
    let resources = resources(&[key]);
    let denied = matches!(why, Refusal::Denied);
    let facts = Facts {
        source: SOURCE,
        name,
        error: Some((code, &message)),
        parameters: match (denied, name) {
            (false, "Decrypt") => r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
            _ => "null",
        },
        resources: if denied { "" } else { &resources },
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// The record of `ReEncrypt` from one key to another.
pub(crate) fn reencrypted(
    draft: &mut Draft,
    call: &Call,
    from: &Key,
    to: &Key,
    context: &str,
) -> u128 {
    let parameters = format!(
        r#"{{"sourceEncryptionAlgorithm":"SYMMETRIC_DEFAULT","sourceEncryptionContext":{{{context}}},"sourceKeyId":"{}","destinationEncryptionAlgorithm":"SYMMETRIC_DEFAULT","destinationEncryptionContext":{{{context}}},"destinationKeyId":"{}"}}"#,
        from.arn, to.arn
    );
    let additional = format!(
        r#"{{"sourceKeyMaterialId":"{}","destinationKeyMaterialId":"{}"}}"#,
        from.material, to.material
    );
    let resources = resources(&[from, to]);
    let facts = Facts {
        source: SOURCE,
        name: "ReEncrypt",
        parameters: &parameters,
        additional: &additional,
        resources: &resources,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// The record of a request that manages a key or asks about it.
pub(crate) fn managed(
    draft: &mut Draft,
    call: &Call,
    name: &str,
    key: &Key,
    parameters: &str,
    response: &str,
) -> u128 {
    let resources = resources(&[key]);
    let reads = name.starts_with("Describe") || name.starts_with("Get") || name.starts_with("List");
    let facts = Facts {
        source: SOURCE,
        name,
        read_only: reads,
        parameters,
        response,
        resources: &resources,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// The record of a list, which is of no key.
pub(crate) fn listed(draft: &mut Draft, call: &Call, name: &str) -> u128 {
    let facts = Facts {
        source: SOURCE,
        name,
        parameters: r#"{"limit":100}"#,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// The record of `DescribeKey`, `GetKeyPolicy` or `GetKeyRotationStatus`.
pub(crate) fn described(draft: &mut Draft, call: &Call, name: &str, key: &Key) -> u128 {
    let parameters = match name {
        "GetKeyPolicy" => format!(r#"{{"keyId":"{}","policyName":"default"}}"#, key.id),
        _ if draft.random.below(3) == 0 => format!(r#"{{"keyId":"{}"}}"#, key.alias),
        _ => format!(r#"{{"keyId":"{}"}}"#, key.arn),
    };
    managed(draft, call, name, key, &parameters, "null")
}

/// The record of `CreateGrant`; gives the grant's identifier, too.
pub(crate) fn granted(
    draft: &mut Draft,
    call: &Call,
    key: &Key,
    grantee: &str,
    operations: &str,
    constraints: &str,
) -> (u128, String) {
    let grant = draft.random.hex(64);
    let parameters = format!(
        r#"{{"keyId":"{}","granteePrincipal":"{grantee}","operations":[{operations}]{constraints}}}"#,
        key.arn
    );
    let response = format!(r#"{{"grantId":"{grant}","keyId":"{}"}}"#, key.arn);
    let id = managed(draft, call, "CreateGrant", key, &parameters, &response);
    (id, grant)
}

/// The record of `RetireGrant`: the grant stands beside.
pub(crate) fn retired(draft: &mut Draft, call: &Call, key: &Key, grant: &str) -> u128 {
    let additional = format!(r#"{{"grantId":"{grant}"}}"#);
    let response = format!(r#"{{"keyId":"{}"}}"#, key.arn);
    let resources = resources(&[key]);
    let facts = Facts {
        source: SOURCE,
        name: "RetireGrant",
        read_only: false,
        response: &response,
        additional: &additional,
        resources: &resources,
        ..Facts::default()
    };
    draft.record(call, &facts)
}

/// The record of a rotation that AWS KMS did by itself.
pub(crate) fn rotated(draft: &mut Draft, call: &Call, key: &Key) -> u128 {
    let details = format!(
        r#"{{"rotationType":"AUTOMATIC","keyOrigin":"AWS_KMS","keyId":"{}","previousKeyMaterialId":"{}","currentKeyMaterialState":"CURRENT"}}"#,
        key.id, key.material
    );
    let resources = resources(&[key]);
    let facts = Facts {
        source: SOURCE,
        name: "RotateKey",
        read_only: false,
        resources: &resources,
        details: &details,
        kind: "AwsServiceEvent",
        ..Facts::default()
    };
    draft.record(call, &facts)
}

fn resources(keys: &[&Key]) -> String {
    let mut text = String::with_capacity(160 * keys.len());
    for (at, key) in keys.iter().enumerate() {
        text.push_str(if at == 0 { "[" } else { "," });
        text.push_str(r#"{"accountId":""#);
        text.push_str(&key.account);
        text.push_str(r#"","type":"AWS::KMS::Key","ARN":""#);
        text.push_str(&key.arn);
        text.push_str("\"}");
    }
    text.push(']');
    text
}
