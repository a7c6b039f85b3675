//! What is done with stolen sessions: looked around, taken, and held to ransom.

use super::{ATTACKER, ATTACKERS_SCRIPT, ATTACKERS_TOOL, OTHER_ATTACKER, call_at};
use crate::background::usual_context;
use crate::call::{Call, Session, Tls, Who};
use crate::kms::{self, Refusal};
use crate::random::Random;
use crate::services::{self, INTERNAL, Object};
use crate::stage::{Stage, stolen};
use crate::world::{Actor, BROWSER, Kind, Site, Spec, Where, key, outside_account};

const HOUR: i64 = 3_600;

/// What there is in the account and region, and is not theirs.
fn others(stage: &Stage, region: &str) -> Vec<Site> {
    let account = &stage.account().id;
    let actors = stage.world.actors.iter();
    let works = |kind| matches!(kind, Kind::Task | Kind::Function | Kind::Batch);
    actors
        .filter(|it| it.account == *account && works(it.kind))
        .flat_map(|it| &it.sites)
        .filter(|site| site.region == region)
        .cloned()
        .collect()
}

pub(super) fn enumeration(stage: &mut Stage) {
    let actor = stage.somebody("thumbnails");
    let site = &actor.sites[0];
    let all = others(stage, &site.region);
    stage.by(&actor.arn, None);
    let mut time = stage.time(0.69);
    let asked = [
        "DescribeKey",
        "GetKeyPolicy",
        "GetKeyRotationStatus",
        "ListGrants",
    ];
    stage.own(|draft| {
        for list in ["ListKeys", "ListAliases"] {
            time += 2;
            let call = call_at(&actor, site, time);
            let agent = format!("{ATTACKERS_TOOL}kms.{list}");
            kms::listed(draft, &stolen(&call, ATTACKER, &agent), list);
        }
        for (at, there) in all.iter().cycle().take(all.len().max(10)).enumerate() {
            for name in asked {
                time += 1 + i64::from(draft.random.below(3) == 0);
                let call = call_at(&actor, site, time);
                let agent = format!("{ATTACKERS_TOOL}kms.{name}");
                let call = stolen(&call, ATTACKER, &agent);
                match name == "DescribeKey" && at % 4 == 0 {
                    true => kms::described(draft, &call, name, &there.key),
                    false => kms::refused(draft, &call, name, &there.key, Refusal::Denied),
                };
            }
        }
    });
}

pub(super) fn denied_spike(stage: &mut Stage) {
    let actor = stage.somebody("webhooks");
    let site = &actor.sites[0];
    let all = others(stage, &site.region);
    stage.by(&actor.arn, None);
    let (from, count) = (stage.time(0.72), stage.many(&actor, 4.0, 240));
    for (at, time) in stage.times(from, HOUR / 2, count).into_iter().enumerate() {
        let there = &all[at % all.len()];
        stage.own(|draft| {
            let call = call_at(&actor, site, time);
            kms::refused(draft, &call, "Decrypt", &there.key, Refusal::Denied);
        });
    }
}

pub(super) fn data_key_harvest(stage: &mut Stage) {
    let actor = stage.somebody("checkout-prod");
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 4, |draft, call| {
        kms::used(draft, call, "GenerateDataKey", &site.key, &context);
    });
    let (from, count) = (stage.time(0.76), stage.many(&actor, 25.0, 3_000));
    for time in stage.times(from, 2 * HOUR, count) {
        stage.own(|draft| {
            let call = call_at(&actor, site, time);
            kms::used(draft, &call, "GenerateDataKey", &site.key, &context);
        });
    }
}

pub(super) fn bulk_secrets(stage: &mut Stage) {
    let actor = stage.somebody("mei.tanaka");
    let site = &actor.sites[0];
    let all = others(stage, &site.region);
    stage.by(&actor.arn, None);
    let mut time = stage.time(0.79);
    stage.own(|draft| {
        let list = call_at(&actor, site, time);
        let agent = format!("{ATTACKERS_TOOL}secretsmanager.list-secrets");
        let list = stolen(&list, ATTACKER, &agent);
        services::secrets_manager(draft, &list, "ListSecrets", r#"{"maxResults":100}"#, "null");
        for (at, there) in all.iter().enumerate() {
            time += 3;
            let call = call_at(&actor, site, time);
            let agent = format!("{ATTACKERS_TOOL}secretsmanager.get-secret-value");
            let call = stolen(&call, ATTACKER, &agent);
            if at % 2 == 0 {
                services::batch_of_secrets(draft, &call, there);
                continue;
            }
            for secret in &there.secrets {
                time += 1;
                services::secret(
                    draft,
                    &Call {
                        time,
                        ..call.clone()
                    },
                    &there.key,
                    secret,
                );
            }
        }
    });
}

pub(super) fn ransomware(stage: &mut Stage) {
    let actor = stage.somebody("backup-service");
    let site = &actor.sites[0];
    let foreign = outside_account(actor.seed, 1);
    let foreign = key(
        &mut Random::of(actor.seed, "ransom", 0),
        &foreign,
        &site.region,
        "r",
    );
    let victim = others(stage, &site.region).remove(0);
    let bucket = &victim.bucket;
    stage.by(&actor.arn, Some(&foreign.arn));
    let (from, count) = (stage.time(0.9), stage.many(&actor, 10.0, 400));
    for (at, time) in stage.times(from, 3 * HOUR, count).into_iter().enumerate() {
        stage.own(|draft| {
            let call = call_at(&actor, site, time);
            let call = stolen(&call, OTHER_ATTACKER, ATTACKERS_SCRIPT);
            let object = format!("documents/{:05}.json", at / 2);
            let host = format!("{bucket}.s3.{}.amazonaws.com", site.region);
            let source = format!("{bucket}/{object}");
            let bytes = (0, draft.random.below(4_000_000));
            let about = |name, parameters: &str, response: &str, encryption, draft: &mut _| {
                let object = object.as_str();
                services::s3(draft, &call, &Object { name, bucket, object, parameters, response, encryption, bytes })
            };
            let customers = r#""x-amz-server-side-encryption-customer-algorithm":"AES256""#;
            match at % 2 {
                // Over itself, under a key that can be taken away.
                0 => {
                    let under = format!(
                        r#""x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"{}""#,
                        foreign.arn
                    );
                    let parameters = format!(
                        r#"{{"bucketName":"{bucket}","Host":"{host}","key":"{object}","x-amz-copy-source":"{source}",{under}}}"#
                    );
                    about("CopyObject", &parameters, &format!("{{{under}}}"), "SSE_KMS", draft);
                    let asks = call.through(INTERNAL);
                    let context = format!(r#""aws:s3:arn":"arn:aws:s3:::{source}""#);
                    kms::used(draft, &asks, "Decrypt", &victim.key, &context);
                    kms::used(draft, &asks, "GenerateDataKey", &foreign, &context);
                }
                // With a key that AWS does not keep.
                _ => {
                    let parameters = format!(
                        r#"{{"bucketName":"{bucket}","Host":"{host}","key":"{object}","x-amz-copy-source":"{source}",{customers}}}"#
                    );
                    about("CopyObject", &parameters, &format!("{{{customers}}}"), "SSE_C", draft);
                }
            }
        });
    }
    let note = stage.times(from + 3 * HOUR, 120, 1)[0];
    stage.own(|draft| {
        let call = call_at(&actor, site, note);
        let call = stolen(&call, OTHER_ATTACKER, ATTACKERS_SCRIPT);
        let host = format!("{bucket}.s3.{}.amazonaws.com", site.region);
        let object = "HOW_TO_DECRYPT.txt";
        let parameters = format!(r#"{{"bucketName":"{bucket}","Host":"{host}","key":"{object}"}}"#);
        let response = r#"{"x-amz-server-side-encryption":"AES256"}"#;
        services::s3(
            draft,
            &call,
            &Object {
                name: "PutObject",
                bucket,
                object,
                parameters: &parameters,
                response,
                encryption: "Default_SSE_S3",
                bytes: (812, 0),
            },
        );
    });
}

pub(super) fn login_without_mfa(stage: &mut Stage) {
    // A user of IAM: of those who come by the sign-on, the console never knows.
    let spec = Spec {
        name: "emergency-access",
        kind: Kind::Legacy,
        agent: BROWSER,
        place: Where::Home,
        weight: 0.0,
        tls: Tls::Modern,
    };
    let actor = stage.world.actor(stage.account(), &spec, 0);
    let site = &actor.sites[0];
    let victim = stage.somebody("customers-prod");
    let there = &victim.sites[0];
    let context = usual_context(&victim, there);
    stage.by(&actor.arn, Some(&there.key.arn));
    stage.usually((&actor, site), 1, |draft, call| {
        let call = in_console(call, &actor, None);
        services::login(draft, &call, true);
    });
    let from = stage.time(0.86);
    stage.own(|draft| {
        let call = in_console(&call_at(&actor, site, from), &actor, None);
        services::login(draft, &stolen(&call, OTHER_ATTACKER, BROWSER), false);
    });
    let session = Session {
        started: from,
        ..actor.session(from, 0)
    };
    for time in stage.times(from + 240, HOUR, 25) {
        stage.own(|draft| {
            let call = in_console(&call_at(&actor, site, time), &actor, Some(session.clone()));
            let call = Call {
                console: true,
                ..stolen(&call, OTHER_ATTACKER, BROWSER)
            };
            kms::used(draft, &call, "Decrypt", &there.key, &context);
        });
    }
}

/// The same user's call in the console.
fn in_console<'a>(call: &Call<'a>, actor: &'a Actor, session: Option<Session>) -> Call<'a> {
    Call {
        who: Who::InConsole { actor, session },
        address: "198.51.100.9",
        ..call.clone()
    }
}
