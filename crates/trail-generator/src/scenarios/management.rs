//! Keys, grants and the trail itself are changed.

use super::reading::unused_region;
use super::{ATTACKER, ATTACKERS_TOOL, OTHER_ATTACKER, call_at};
use crate::background::usual_context;
use crate::call::{Call, Tls, Who};
use crate::draft::spoken_time;
use crate::kms::{self, Refusal};
use crate::random::Random;
use crate::services;
use crate::stage::{Stage, stolen};
use crate::world::{Actor, CLI, Key, PYTHON, key, outside_account};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A key that only this scenario is about, so that nobody uses it on ordinary days after what is done to it; until then,
/// its owner does.
fn doomed(stage: &mut Stage, owner: &Actor, alias: &str, until: i64) -> Key {
    let site = &owner.sites[0];
    let mut random = Random::of(owner.seed, alias, 0);
    let key = key(&mut random, &owner.account, &site.region, alias);
    let context = usual_context(owner, site);
    stage.usually_until(until, (owner, site), 10, |draft, call| {
        kms::used(draft, call, "Decrypt", &key, &context);
    });
    key
}

pub(super) fn key_deletion(stage: &mut Stage) {
    let victim = stage.somebody("payments-prod");
    let site = &victim.sites[0];
    let thief = stage.somebody("ci-deploy");
    let own = &thief.sites[0];
    let from = stage.time(0.87);
    let key = &doomed(stage, &victim, "payments/archive", from);
    stage.by(&thief.arn, Some(&key.arn));
    let agent = format!("{ATTACKERS_TOOL}kms.schedule-key-deletion");
    stage.own(|draft| {
        let call = call_at(&thief, own, from);
        kms::described(draft, &stolen(&call, ATTACKER, &agent), "DescribeKey", key);
        let call = call_at(&thief, own, from + 21);
        let parameters = format!(r#"{{"keyId":"{}","pendingWindowInDays":7}}"#, key.arn);
        let date = spoken_time(from + 21 + 7 * DAY);
        let response = format!(
            r#"{{"keyId":"{}","keyState":"PendingDeletion","deletionDate":"{date}","pendingWindowInDays":7}}"#,
            key.arn
        );
        let call = stolen(&call, ATTACKER, &agent);
        kms::managed(draft, &call, "ScheduleKeyDeletion", key, &parameters, &response);
    });
    // What uses it fails, until somebody looks.
    for time in stage.times(from + 60, HOUR, 20) {
        stage.own(|draft| {
            let call = call_at(&victim, site, time);
            kms::refused(draft, &call, "Decrypt", key, Refusal::PendingDeletion);
        });
    }
}

pub(super) fn key_disabled(stage: &mut Stage) {
    let victim = stage.somebody("orders-worker");
    let site = &victim.sites[0];
    let person = stage.somebody("anna.schmidt");
    let own = &person.sites[0];
    let from = stage.time(0.83);
    let key = &doomed(stage, &victim, "orders/exports", from);
    stage.by(&person.arn, Some(&key.arn));
    stage.own(|draft| {
        let call = call_at(&person, own, from);
        let parameters = format!(r#"{{"keyId":"{}"}}"#, key.id);
        let response = format!(r#"{{"keyId":"{}"}}"#, key.arn);
        kms::managed(draft, &call, "DisableKey", key, &parameters, &response);
    });
    for time in stage.times(from + 20, HOUR, 30) {
        stage.own(|draft| {
            let call = call_at(&victim, site, time);
            kms::refused(draft, &call, "Decrypt", key, Refusal::Disabled);
        });
    }
}

/// A call of somebody outside, as it is told in the account that owns the key.
fn outsider<'a>(
    stage: &Stage<'a>,
    account: &'a str,
    principal: &'a str,
    region: &'a str,
    time: i64,
) -> Call<'a> {
    Call {
        time,
        account: &stage.account().id,
        region,
        who: Who::Outsider { account, principal },
        invoked_by: None,
        address: OTHER_ATTACKER,
        agent: PYTHON,
        tls: Tls::Modern,
        endpoint: None,
        console: false,
    }
}

pub(super) fn policy_opened(stage: &mut Stage) {
    let victim = stage.somebody("customers-prod");
    let site = &victim.sites[0];
    let key = &site.key;
    let person = stage.somebody("anna.schmidt");
    let own = &person.sites[0];
    let (account, outside) = (&stage.account().id, outside_account(victim.seed, 2));
    stage.by(&person.arn, Some(&key.arn));
    let from = stage.time(0.64);
    stage.own(|draft| {
        let call = call_at(&person, own, from);
        let agent = format!("{CLI} md/command#kms.put-key-policy");
        let call = Call { agent: &agent, ..call };
        let policy = format!(
            r#"{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Sid\":\"Enable IAM User Permissions\",\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::{account}:root\"}},\"Action\":\"kms:*\",\"Resource\":\"*\"}},{{\"Sid\":\"partner\",\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::{outside}:root\"}},\"Action\":[\"kms:Decrypt\",\"kms:DescribeKey\",\"kms:CreateGrant\"],\"Resource\":\"*\"}}]}}"#
        );
        let parameters = format!(
            r#"{{"keyId":"{}","policyName":"default","policy":"{policy}","bypassPolicyLockoutSafetyCheck":false}}"#,
            key.arn
        );
        let response = format!(r#"{{"keyId":"{}"}}"#, key.arn);
        kms::managed(draft, &call, "PutKeyPolicy", key, &parameters, &response);
    });
    let principal = "AROA7PARTNERIMPORT4QX:nightly-import";
    let context = usual_context(&victim, site);
    for time in stage.times(from + HOUR, 6 * HOUR, 30) {
        let call = outsider(stage, &outside, principal, &site.region, time);
        stage.own(|draft| {
            kms::used_by_outsider(draft, &call, "Decrypt", key, &context);
        });
    }
}

pub(super) fn outside_grant(stage: &mut Stage) {
    let victim = stage.somebody("payments-prod");
    let site = &victim.sites[0];
    let key = &site.key;
    let thief = stage.somebody("ci-deploy");
    let own = &thief.sites[0];
    let outside = outside_account(victim.seed, 3);
    stage.by(&thief.arn, Some(&key.arn));
    let from = stage.time(0.71);
    stage.own(|draft| {
        let call = call_at(&thief, own, from);
        let grantee = format!("arn:aws:iam::{outside}:role/etl");
        let operations = r#""Decrypt","DescribeKey","RetireGrant""#;
        let name = r#","name":"etl""#;
        kms::granted(draft, &call, key, &grantee, operations, name);
    });
    let principal = "AROA3OUTSIDEETLROLE5B:etl";
    let context = usual_context(&victim, site);
    for time in stage.times(from + 600, 4 * HOUR, 30) {
        let call = outsider(stage, &outside, principal, &site.region, time);
        stage.own(|draft| {
            kms::used_by_outsider(draft, &call, "Decrypt", key, &context);
        });
    }
}

pub(super) fn material_deleted(stage: &mut Stage) {
    let victim = stage.somebody("invoices-worker");
    let site = &victim.sites[0];
    let person = stage.somebody("anna.schmidt");
    let own = &person.sites[0];
    let from = stage.time(0.77);
    let key = &doomed(stage, &victim, "invoices/imported", from);
    stage.by(&person.arn, Some(&key.arn));
    let parameters = format!(r#"{{"keyId":"{}"}}"#, key.arn);
    let response = format!(
        r#"{{"keyId":"{}","keyMaterialId":"{}"}}"#,
        key.arn, key.material
    );
    stage.own(|draft| {
        let call = call_at(&person, own, from);
        kms::managed(
            draft,
            &call,
            "DeleteImportedKeyMaterial",
            key,
            &parameters,
            &response,
        );
    });
    for time in stage.times(from + 30, HOUR, 15) {
        stage.own(|draft| {
            let call = call_at(&victim, site, time);
            kms::refused(draft, &call, "Decrypt", key, Refusal::PendingImport);
        });
    }
    // Old ciphertexts stay lost: it is other material.
    stage.own(|draft| {
        let (day, wrapped) = (spoken_time(from + DAY), r#""wrappingAlgorithm":"RSAES_OAEP_SHA_256""#);
        let call = call_at(&person, own, from + HOUR + 90);
        let import = format!(r#"{{"keyId":"{}",{wrapped},"wrappingKeySpec":"RSA_4096"}}"#, key.arn);
        let answer = format!(r#"{{"keyId":"{}","parametersValidTo":"{day}"}}"#, key.arn);
        kms::managed(draft, &call, "GetParametersForImport", key, &import, &answer);
        let call = call_at(&person, own, from + HOUR + 140);
        let import = format!(
            r#"{{"keyId":"{}","validTo":"{day}","expirationModel":"KEY_MATERIAL_EXPIRES","importType":"NEW_KEY_MATERIAL"}}"#,
            key.arn
        );
        kms::managed(draft, &call, "ImportKeyMaterial", key, &import, &response);
    });
}

pub(super) fn rotation_disabled(stage: &mut Stage) {
    let person = stage.somebody("anna.schmidt");
    let own = &person.sites[0];
    let victims = ["customers-prod", "payments-prod", "checkout-prod"];
    let victims = victims.map(|name| stage.somebody(name));
    stage.by(&person.arn, Some(&victims[0].sites[0].key.arn));
    let from = stage.time(0.68);
    for (at, victim) in victims.iter().enumerate() {
        let (site, time) = (&victim.sites[0], from + 35 * at as i64);
        let secret = &site.secrets[0];
        stage.own(|draft| {
            let call = call_at(&person, own, time);
            let Key { arn, id, .. } = &site.key;
            let parameters = format!(r#"{{"keyId":"{id}"}}"#);
            let response = format!(r#"{{"keyId":"{arn}"}}"#);
            kms::managed(
                draft,
                &call,
                "DisableKeyRotation",
                &site.key,
                &parameters,
                &response,
            );
            if at == 0 {
                let parameters = format!(r#"{{"secretId":"{secret}"}}"#);
                let response = format!(r#"{{"arn":"{secret}"}}"#);
                services::secrets_manager(
                    draft,
                    &call,
                    "CancelRotateSecret",
                    &parameters,
                    &response,
                );
            }
        });
    }
}

pub(super) fn trail_stopped(stage: &mut Stage) {
    let thief = stage.somebody("ci-deploy");
    let own = &thief.sites[0];
    let trail = format!(
        "arn:aws:cloudtrail:{}:{}:trail/security-trail",
        own.region,
        stage.account().id
    );
    stage.by(&thief.arn, Some(&trail));
    let from = stage.time(0.92);
    let agent = format!("{ATTACKERS_TOOL}cloudtrail");
    stage.own(|draft| {
        let call = call_at(&thief, own, from);
        let parameters = format!(
            r#"{{"trailName":"{trail}","eventSelectors":[{{"readWriteType":"WriteOnly","includeManagementEvents":true,"dataResources":[],"excludeManagementEventSources":["kms.amazonaws.com","rdsdata.amazonaws.com"]}}]}}"#
        );
        let call = stolen(&call, ATTACKER, &agent);
        services::trail(draft, &call, "PutEventSelectors", &parameters);
        let call = call_at(&thief, own, from + 75);
        let call = stolen(&call, ATTACKER, &agent);
        services::trail(draft, &call, "StopLogging", &format!(r#"{{"name":"{trail}"}}"#));
    });
}

pub(super) fn forbidden_replica(stage: &mut Stage) {
    let victim = stage.somebody("checkout-prod");
    let site = &victim.sites[0];
    let person = stage.somebody("anna.schmidt");
    let own = &person.sites[0];
    let there = unused_region(stage, 1);
    // Multi-Region keys have one identifier everywhere.
    let id = format!("mrk-{}", site.key.id.replace('-', ""));
    let account = site.key.account.as_str();
    let key = Key {
        arn: format!("arn:aws:kms:{}:{account}:key/{id}", site.region),
        id: id.clone(),
        ..site.key.clone()
    };
    let replica = Key {
        arn: format!("arn:aws:kms:{there}:{account}:key/{id}"),
        ..key.clone()
    };
    stage.by(&person.arn, Some(&key.arn));
    let context = usual_context(&victim, site);
    stage.usually((&victim, site), 4, |draft, call| {
        kms::used(draft, call, "Decrypt", &key, &context);
    });
    let from = stage.time(0.8);
    let metadata = format!(
        r#"{{"aWSAccountId":"{account}","keyId":"{id}","arn":"{}","creationDate":"{}","enabled":false,"description":"","keyUsage":"ENCRYPT_DECRYPT","keyState":"Creating","origin":"AWS_KMS","keyManager":"CUSTOMER","customerMasterKeySpec":"SYMMETRIC_DEFAULT","keySpec":"SYMMETRIC_DEFAULT","encryptionAlgorithms":["SYMMETRIC_DEFAULT"],"multiRegion":true,"multiRegionConfiguration":{{"multiRegionKeyType":"REPLICA","primaryKey":{{"arn":"{}","region":"{}"}},"replicaKeys":[{{"arn":"{}","region":"{there}"}}]}}}}"#,
        replica.arn,
        spoken_time(from),
        key.arn,
        site.region,
        replica.arn
    );
    stage.own(|draft| {
        let call = call_at(&person, own, from);
        let parameters = format!(
            r#"{{"keyId":"{id}","replicaRegion":"{there}","bypassPolicyLockoutSafetyCheck":false,"description":""}}"#
        );
        let response = format!(r#"{{"replicaKeyMetadata":{metadata}}}"#);
        kms::managed(draft, &call, "ReplicateKey", &key, &parameters, &response);
        // AWS KMS creates it there in the caller's name.
        let call = call_at(&person, own, from + 1);
        let call = Call { region: there, ..call.through(services::INTERNAL) };
        let parameters = format!(r#"{{"multiRegion":true,"origin":"AWS_KMS","keyId":"{id}"}}"#);
        let response = format!(r#"{{"keyMetadata":{metadata}}}"#);
        kms::managed(draft, &call, "CreateKey", &replica, &parameters, &response);
    });
    for time in stage.times(from + 300, 2 * HOUR, 15) {
        stage.own(|draft| {
            let call = call_at(&person, own, time);
            let call = Call {
                region: there,
                ..call
            };
            kms::used(draft, &call, "Decrypt", &replica, &context);
        });
    }
}
