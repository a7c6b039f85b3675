//! Keys and what they guard: KMS, ACM, Secrets Manager.

use super::template::in_days;
use super::{Call, How, Row, row};
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[
    row(
        "kms",
        "ListKeys",
        &["Limit", "Marker"],
        How::Json(list_keys),
    ),
    row(
        "kms",
        "ListAliases",
        &["Limit", "Marker"],
        How::Json(list_aliases),
    ),
    row(
        "kms",
        "DescribeKey",
        &["KeyId"],
        How::Mend(
            |call, answer| match managed(call, &call.asked.parameter("KeyId")) {
                Some((alias, id)) => managed_key(call, &alias, &id),
                None => call.json(answer, describe_key),
            },
        ),
    ),
    row(
        "kms",
        "GetKeyRotationStatus",
        &["KeyId"],
        How::Json(rotation_status),
    ),
    row(
        "kms",
        "ListGrants",
        &["KeyId", "Limit", "Marker"],
        How::Json(list_grants),
    ),
    row(
        "acm",
        "DescribeCertificate",
        &["CertificateArn"],
        How::Json(certificate),
    ),
    row(
        "secretsmanager",
        "ListSecrets",
        &["IncludePlannedDeletion", "MaxResults", "NextToken"],
        How::Json(list_secrets),
    ),
    row(
        "secretsmanager",
        "DescribeSecret",
        &["SecretId"],
        How::Json(secret),
    ),
    row(
        "secretsmanager",
        "GetResourcePolicy",
        &["SecretId"],
        How::Mend(|call, answer| {
            // moto refuses it for replicas; AWS answers with the replica's policy.
            match answer.status {
                200 => answer,
                _ => call.recorded("GetResourcePolicy"),
            }
        }),
    ),
];

/// The alias and id of an AWS managed key.
fn managed(call: &Call<'_>, key: &str) -> Option<(String, String)> {
    let id = key.rsplit('/').next().unwrap_or(key);
    let aliases = call.aliases();
    let mut own = aliases
        .iter()
        .filter(|(alias, _)| alias.starts_with("aws/"));
    let found = own.find(|(alias, own)| *own == id || key == format!("alias/{alias}"));
    found.map(|(alias, id)| (alias.clone(), id.clone()))
}

/// An AWS managed key (AWS KMS API Reference, KeyMetadata). The one of Lambda is out of order in the main region.
fn managed_key(call: &Call<'_>, alias: &str, id: &str) -> super::Answer {
    let off = alias == "aws/lambda" && call.asked.region == "eu-central-1";
    let service = alias.trim_start_matches("aws/");
    let key = json!({"KeyMetadata": {
        "AWSAccountId": call.account,
        "Arn": call.key(alias),
        "CreationDate": in_days(-900),
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Description": format!("Default key that protects my {service} data when no other key is defined"),
        "Enabled": !off,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyId": id,
        "KeyManager": "AWS",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": if off { "Unavailable" } else { "Enabled" },
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": false,
        "Origin": "AWS_KMS",
    }});
    super::Answer::of(200, "application/x-amz-json-1.1", key.to_string())
}

/// AWS managed keys are listed too.
fn list_keys(call: &Call<'_>, answer: &mut Value) {
    let mut ids: Vec<String> = call
        .aliases()
        .iter()
        .filter(|(alias, _)| alias.starts_with("aws/"))
        .map(|(_, id)| id.clone())
        .collect();
    ids.sort();
    let Some(keys) = answer["Keys"].as_array_mut() else {
        return;
    };
    for id in ids {
        let arn = format!(
            "arn:aws:kms:{}:{}:key/{id}",
            call.asked.region, call.account
        );
        keys.push(json!({"KeyId": id, "KeyArn": arn}));
    }
}

fn list_aliases(call: &Call<'_>, answer: &mut Value) {
    let aliases = call.aliases();
    let mut own: Vec<_> = aliases
        .iter()
        .filter(|(alias, _)| alias.starts_with("aws/"))
        .collect();
    own.sort();
    if let Some(list) = answer["Aliases"].as_array_mut() {
        list.retain(|alias| {
            alias["AliasName"]
                .as_str()
                .is_some_and(|name| !name.starts_with("alias/aws/"))
        });
        list.extend(own.into_iter().map(|(alias, id)| {
            let arn = format!(
                "arn:aws:kms:{}:{}:alias/{alias}",
                call.asked.region, call.account
            );
            json!({"AliasName": format!("alias/{alias}"), "AliasArn": arn, "TargetKeyId": id})
        }));
    }
    for alias in answer["Aliases"].as_array_mut().into_iter().flatten() {
        alias["CreationDate"] = json!(in_days(-900));
        alias["LastUpdatedDate"] = json!(in_days(-900));
    }
}

/// A multi-Region key says which it is; keys whose material is imported say whether they have any, and until when.
fn describe_key(_: &Call<'_>, answer: &mut Value) {
    let key = &mut answer["KeyMetadata"];
    // moto turns the primary into a replica when it replicates it.
    if key["MultiRegionConfiguration"].is_object() {
        let is_primary = key["MultiRegionConfiguration"]["PrimaryKey"]["Arn"] == key["Arn"];
        let kind = if is_primary { "PRIMARY" } else { "REPLICA" };
        key["MultiRegionConfiguration"]["MultiRegionKeyType"] = json!(kind);
    }
    if key["Origin"] != "EXTERNAL" {
        return;
    }
    if key["Description"]
        .as_str()
        .unwrap_or_default()
        .contains("with-material")
    {
        key["ExpirationModel"] = json!("KEY_MATERIAL_EXPIRES");
        key["ValidTo"] = json!(in_days(100));
    } else {
        key["Enabled"] = json!(false);
        key["KeyState"] = json!("PendingImport");
    }
}

/// The seed writes the period that it asked for into the description, since moto forgets it.
fn rotation_status(call: &Call<'_>, answer: &mut Value) {
    let key = call.ask(
        "kms",
        "TrentService.DescribeKey",
        &json!({"KeyId": call.asked.parameter("KeyId")}),
    );
    let key = &key["KeyMetadata"];
    answer["KeyId"] = key["Arn"].clone();
    if answer["KeyRotationEnabled"] == true {
        let text = key["Description"].as_str().unwrap_or_default();
        let told = text
            .split_once("every ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let days: i64 = told.unwrap_or(365);
        answer["RotationPeriodInDays"] = json!(days);
        answer["NextRotationDate"] = json!(in_days(days));
    }
}

fn list_grants(call: &Call<'_>, answer: &mut Value) {
    for grant in answer["Grants"].as_array_mut().into_iter().flatten() {
        grant["IssuingAccount"] = json!(format!("arn:aws:iam::{}:root", call.account));
        grant["CreationDate"] = json!(in_days(-30));
        let id = grant["KeyId"].as_str().unwrap_or_default();
        let id = id.rsplit('/').next().unwrap_or_default().to_owned();
        grant["KeyId"] = json!(format!(
            "arn:aws:kms:{}:{}:key/{id}",
            call.asked.region, call.account
        ));
    }
}

/// What ACM issues is RSA 2048 or as asked, signed with SHA-256, and renewed when it is in use. The shop's own domain's has been
/// renewed; that of `pay` waits for its validation record; that of `mail` was validated by e-mail, nobody answered,
/// and it has expired in use;
/// `soon` was signed with SHA-1.
fn certificate(_: &Call<'_>, answer: &mut Value) {
    let certificate = &mut answer["Certificate"];
    let name = certificate["DomainName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if let Some(algorithm) = certificate["KeyAlgorithm"].as_str() {
        // ACM API Reference, CertificateDetail: described with a hyphen.
        certificate["KeyAlgorithm"] = json!(algorithm.replacen("RSA_", "RSA-", 1));
    }
    if name == "soon.example.com" {
        certificate["SignatureAlgorithm"] = json!("SHA1WITHRSA");
    }
    if certificate["Type"] != "AMAZON_ISSUED" {
        return;
    }
    certificate["SignatureAlgorithm"] = json!("SHA256WITHRSA");
    certificate["KeyUsages"] = json!([{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]);
    let renewal = |certificate: &mut Value, status: &str, validation: &str| {
        let mut options = certificate["DomainValidationOptions"].clone();
        for option in options.as_array_mut().into_iter().flatten() {
            option["ValidationStatus"] = json!(validation);
        }
        certificate["RenewalEligibility"] = json!("ELIGIBLE");
        certificate["RenewalSummary"] = json!({
            "RenewalStatus": status,
            "DomainValidationOptions": options,
            "UpdatedAt": in_days(-2),
        });
    };
    match &*name {
        "shop.example.com" => {
            certificate["KeyAlgorithm"] = json!("EC_prime256v1");
            certificate["SignatureAlgorithm"] = json!("SHA256WITHECDSA");
            renewal(certificate, "SUCCESS", "SUCCESS");
        }
        "pay.example.com" => {
            certificate["NotAfter"] = json!(in_days(20));
            certificate["InUseBy"] =
                json!(["arn:aws:cloudfront::111111111111:distribution/EXAMPLE"]);
            renewal(certificate, "PENDING_VALIDATION", "PENDING_VALIDATION");
            certificate["RenewalSummary"]["RenewalStatusReason"] = json!("CAA_ERROR");
        }
        "mail.example.com" => {
            certificate["NotAfter"] = json!(in_days(-5));
            certificate["Status"] = json!("EXPIRED");
            certificate["InUseBy"] =
                json!(["arn:aws:cloudfront::111111111111:distribution/EXAMPLE"]);
            for option in certificate["DomainValidationOptions"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                option["ValidationMethod"] = json!("EMAIL");
                option["ValidationEmails"] = json!(["admin@mail.example.com"]);
                option
                    .as_object_mut()
                    .map(|option| option.remove("ResourceRecord"));
            }
        }
        _ => {}
    }
}

fn list_secrets(call: &Call<'_>, answer: &mut Value) {
    for one in answer["SecretList"].as_array_mut().into_iter().flatten() {
        secret(call, one);
    }
}

/// When a secret was rotated last, and is next: the production database's on time, that of staging two years late. Secrets that
/// RDS manages are rotated by RDS every seven days.
fn secret(_: &Call<'_>, secret: &mut Value) {
    let name = secret["Name"].as_str().unwrap_or_default().to_owned();
    if secret["OwningService"] == "rds" {
        secret["RotationEnabled"] = json!(true);
        secret["RotationRules"] = json!({"AutomaticallyAfterDays": 7});
        secret["LastRotatedDate"] = json!(in_days(-3));
        secret["NextRotationDate"] = json!(in_days(4));
    } else if name == "shop/prod/orders-db" {
        secret["LastRotatedDate"] = json!(in_days(-10));
        secret["NextRotationDate"] = json!(in_days(20));
        let stages = secret["SecretVersionsToStages"].as_object_mut();
        if let Some(stages) = stages {
            stages.retain(|_, stages| stages != &json!(["AWSPENDING"]));
        }
    } else if name == "shop/staging/orders-db" {
        secret["LastRotatedDate"] = json!(in_days(-800));
        secret["NextRotationDate"] = json!(in_days(-435));
    }
    if !name.is_empty() {
        secret["LastAccessedDate"] = json!(in_days(-1));
    }
}
