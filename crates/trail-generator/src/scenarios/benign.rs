//! What looks like an attack and is none.

use super::{call_at, decrypts};
use crate::background::usual_context;
use crate::call::Tls;
use crate::kms;
use crate::services;
use crate::stage::Stage;
use crate::world::{Kind, PYTHON, Spec, Where};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

pub(super) fn release(stage: &mut Stage) {
    let actor = stage.somebody("catalogue-prod");
    let site = &actor.sites[0];
    let context = usual_context(&actor, site);
    let usual = stage.many(&actor, 1.0, 40);
    stage.by(&actor.arn, Some(&site.key.arn));
    stage.usually((&actor, site), 40, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    let from = stage.time(0.75);
    // The working day's rest and the evening.
    let times = stage.times(from, 10 * HOUR, usual);
    decrypts(stage, (&actor, site), &site.key, &context, &times);
}

pub(super) fn new_deployment(stage: &mut Stage) {
    let old = stage.somebody("payments-prod");
    let ci = stage.somebody("ci-deploy");
    let spec = Spec {
        name: "payments-prod-TaskRole",
        kind: Kind::Task,
        agent: "",
        place: Where::Home,
        weight: 0.0,
        tls: Tls::Modern,
    };
    let mut new = stage.world.actor(stage.account(), &spec, 1);
    // The stack is the same but for the role.
    new.sites.clone_from(&old.sites);
    new.agent.clone_from(&old.agent);
    let site = &new.sites[0];
    let context = usual_context(&old, site);
    stage.by(&new.arn, Some(&site.key.arn));
    let from = stage.time(0.67);
    stage.usually_until(from, (&old, site), 16, |draft, call| {
        kms::used(draft, call, "Decrypt", &site.key, &context);
    });
    stage.own(|draft| {
        let call = call_at(&ci, &ci.sites[0], from - 180);
        services::assumed(draft, &call, "cloudformation-execution", "payments-prod");
    });
    let mut day = from;
    while day < stage.end - 60 {
        for (at, time) in stage.times(day, DAY, 16).into_iter().enumerate() {
            stage.own(|draft| {
                let call = call_at(&new, site, time);
                match at % 4 {
                    0 => {
                        services::secret(draft, &call, &site.key, &site.secrets[0]);
                    }
                    _ => {
                        kms::used(draft, &call, "Decrypt", &site.key, &context);
                    }
                }
            });
        }
        day += DAY;
    }
}

pub(super) fn monthly_batch(stage: &mut Stage) {
    let spec = Spec {
        name: "month-end-close",
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
    // Once a month, on the first days, and again when the period ends.
    let last = stage.time(0.95);
    let mut run = stage.start + 2 * HOUR;
    while run < last - 20 * DAY {
        for time in stage.times(run, HOUR, 400) {
            let call = call_at(&actor, site, time);
            kms::used(&mut stage.draft, &call, "Decrypt", &site.key, &context);
        }
        run += 30 * DAY;
    }
    let times = stage.times(last, HOUR, 400);
    decrypts(stage, (&actor, site), &site.key, &context, &times);
}
