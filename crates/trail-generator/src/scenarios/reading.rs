//! Keys are used as they were not before.

use super::{ATTACKER, ATTACKERS_SCRIPT, call_at, decrypts};
use crate::background::usual_context;
use crate::call::Tls;
use crate::kms;
use crate::random::Random;
use crate::services;
use crate::stage::{Stage, stolen};
use crate::world::{Kind, PYTHON, Spec, Where, key};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

pub(super) fn decrypt_burst(stage: &mut Stage) {
    let actor = stage.somebody("customers-prod");
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 12, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let (from, count) = (stage.time(0.7), stage.many(&actor, 15.0, 900));
    let times = stage.times(from, HOUR, count);
    decrypts(stage, (&actor, site), &site.key, &context, &times);
}

pub(super) fn new_principal(stage: &mut Stage) {
    let owner = stage.somebody("payments-prod");
    let site = &owner.sites[0];
    let context = usual_context(&owner, site);
    stage.usually((&owner, site), 8, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let spec = Spec {
        name: "debug-shell",
        kind: Kind::Batch,
        agent: PYTHON,
        place: Where::Home,
        weight: 0.0,
        tls: Tls::Modern,
    };
    let intruder = stage.world.actor(stage.account(), &spec, 0);
    let own = &intruder.sites[0];
    stage.by(&intruder.arn, Some(&site.key.arn));
    let from = stage.time(0.74);
    let times = stage.times(from, 5 * HOUR, 45);
    decrypts(stage, (&intruder, own), &site.key, &context, &times);
}

pub(super) fn new_network(stage: &mut Stage) {
    let actor = stage.somebody("orders-worker");
    let site = &actor.sites[0];
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 10, |draft, call| {
        services::secret(draft, call, &site.key, &site.secrets[0]);
    });
    let from = stage.time(0.78);
    for (at, time) in stage.times(from, 2 * HOUR, 30).into_iter().enumerate() {
        let call = call_at(&actor, site, time);
        let call = stolen(&call, ATTACKER, ATTACKERS_SCRIPT);
        let context = usual_context(&actor, site);
        stage.own(|draft| match at % 3 {
            0 => {
                let secret = &site.secrets[at / 3 % site.secrets.len()];
                services::secret(draft, &call, &site.key, secret);
            }
            _ => {
                kms::used(draft, &call, "Decrypt", &site.key, &context);
            }
        });
    }
}

pub(super) fn new_region(stage: &mut Stage) {
    let actor = stage.somebody("catalogue-prod");
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    stage.usually((&actor, site), 8, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let mut there = site.clone();
    there.region = unused_region(stage, 0).into();
    let mut random = Random::of(actor.seed, "replica", 0);
    there.key = key(&mut random, &actor.account, &there.region, "replica");
    there.endpoint = None;
    stage.by(&actor.arn, Some(&there.key.arn));
    let from = stage.time(0.66);
    for time in stage.times(from, 3 * HOUR, 40) {
        stage.own(|draft| {
            let call = call_at(&actor, &there, time);
            kms::used(draft, &call, "Decrypt", &there.key, &context);
        });
    }
}

/// A region that the plan does not have.
pub(super) fn unused_region(stage: &Stage, number: usize) -> &'static str {
    const REGIONS: [&str; 6] = [
        "ap-southeast-1",
        "sa-east-1",
        "me-south-1",
        "af-south-1",
        "ap-northeast-3",
        "il-central-1",
    ];
    let unused = REGIONS
        .into_iter()
        .filter(|region| !stage.world.regions.iter().any(|it| it == region));
    unused.cycle().nth(number).unwrap_or(REGIONS[0])
}

pub(super) fn after_silence(stage: &mut Stage) {
    let spec = Spec {
        name: "archive-restore",
        kind: Kind::Batch,
        agent: PYTHON,
        place: Where::Home,
        weight: 0.0,
        tls: Tls::Modern,
    };
    let actor = stage.world.actor(stage.account(), &spec, 0);
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    stage.by(&actor.arn, Some(&site.key.arn));
    let early = stage.start + (stage.end - stage.start) / 10;
    stage.usually_until(early, (&actor, site), 14, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let from = stage.time(0.88);
    let times = stage.times(from, HOUR, 12);
    decrypts(stage, (&actor, site), &site.key, &context, &times);
}

pub(super) fn new_context(stage: &mut Stage) {
    let actor = stage.somebody("invoices-worker");
    let site = &actor.sites[0];
    let usual = usual_context(&actor, site);
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 12, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &usual);
    });
    let from = stage.time(0.81);
    for time in stage.times(from, 2 * HOUR, 20) {
        stage.own(|draft| {
            let context = r#""tenant":"acme-gmbh","purpose":"payroll""#;
            kms::used(
                draft,
                &call_at(&actor, site, time),
                "Decrypt",
                &site.key,
                context,
            );
        });
    }
}

pub(super) fn no_service_use(stage: &mut Stage) {
    let actor = stage.somebody("warehouse-load");
    let site = &actor.sites[0];
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 12, |draft, call| {
        services::s3_object(draft, call, site, false);
    });
    let from = stage.time(0.84);
    for time in stage.times(from, 2 * HOUR, 60) {
        stage.own(|draft| {
            let object = draft.random.hex(16);
            let bucket = &site.bucket;
            let context = format!(r#""aws:s3:arn":"arn:aws:s3:::{bucket}/documents/{object}""#);
            let call = call_at(&actor, site, time);
            kms::used(draft, &call, "Decrypt", &site.key, &context);
        });
    }
}

pub(super) fn slow_exfiltration(stage: &mut Stage) {
    let actor = stage.somebody("search-prod");
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 8, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let step = stage.many(&actor, 0.5, 8);
    let mut from = stage.start + ((stage.end - stage.start) as f64 * 0.61) as i64;
    let mut count = step;
    while from < stage.end - 60 {
        let times = stage.times(from, DAY, count);
        decrypts(stage, (&actor, site), &site.key, &context, &times);
        count += step;
        from += DAY;
    }
}
