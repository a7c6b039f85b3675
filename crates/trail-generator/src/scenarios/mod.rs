//! The scenarios, each a script.

mod benign;
mod management;
mod reading;
mod theft;

use crate::background::usual_context;
use crate::call::{Call, Who};
use crate::kms;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::stage::{Played, Stage};
use crate::world::{Actor, Key, Site, World};

/// Where attackers are: RFC 5737 has the range for documentation.
const ATTACKER: &str = "203.0.113.77";
const OTHER_ATTACKER: &str = "192.0.2.144";
/// With what they come.
const ATTACKERS_TOOL: &str =
    "aws-cli/2.9.19 Python/3.11.2 Linux/6.5.0-14-generic exe/x86_64.ubuntu.22 prompt/off command/";
const ATTACKERS_SCRIPT: &str =
    "Boto3/1.26.27 Python/3.11.2 Linux/6.5.0-14-generic Botocore/1.29.27";

/// Plays what the plan has.
pub(crate) fn play(world: &World, plan: &Plan, period: (i64, i64)) -> Played {
    let mut stage = Stage::new(world, plan, period);
    let mut scenarios = plan.scenarios.clone();
    scenarios.sort_unstable();
    scenarios.dedup();
    if !scenarios.is_empty() {
        stage.aside("partners", partners);
    }
    for scenario in scenarios {
        stage.play(scenario, script(scenario));
    }
    stage.finish()
}

/// Each account uses a key of the next one, all the time: not every other account is an outsider.
fn partners(stage: &mut Stage) {
    let world = stage.world;
    let customers = |account: &str| {
        let mut actors = world.actors.iter();
        actors.find(|it| it.account == account && it.name.starts_with("customers-prod"))
    };
    for pair in world.accounts.windows(2) {
        let (Some(actor), Some(owner)) = (customers(&pair[0].id), customers(&pair[1].id)) else {
            continue;
        };
        let (site, key) = (&actor.sites[0], &owner.sites[0].key);
        let context = usual_context(owner, &owner.sites[0]);
        stage.usually((actor, site), 4, |draft, call| {
            let session = match &call.who {
                Who::Session { session, .. } => session.name.as_str(),
                _ => "",
            };
            let principal = format!("{}:{session}", actor.id);
            kms::used_across(draft, call, &principal, "Decrypt", key, &context);
        });
    }
}

fn script(scenario: Scenario) -> fn(&mut Stage) {
    match scenario {
        Scenario::DecryptBurst => reading::decrypt_burst,
        Scenario::NewPrincipal => reading::new_principal,
        Scenario::NewNetwork => reading::new_network,
        Scenario::NewRegion => reading::new_region,
        Scenario::AfterSilence => reading::after_silence,
        Scenario::NewContext => reading::new_context,
        Scenario::NoServiceUse => reading::no_service_use,
        Scenario::SlowExfiltration => reading::slow_exfiltration,
        Scenario::Enumeration => theft::enumeration,
        Scenario::DeniedSpike => theft::denied_spike,
        Scenario::DataKeyHarvest => theft::data_key_harvest,
        Scenario::BulkSecrets => theft::bulk_secrets,
        Scenario::Ransomware => theft::ransomware,
        Scenario::LoginWithoutMfa => theft::login_without_mfa,
        Scenario::KeyDeletion => management::key_deletion,
        Scenario::KeyDisabled => management::key_disabled,
        Scenario::PolicyOpened => management::policy_opened,
        Scenario::OutsideGrant => management::outside_grant,
        Scenario::MaterialDeleted => management::material_deleted,
        Scenario::RotationDisabled => management::rotation_disabled,
        Scenario::TrailStopped => management::trail_stopped,
        Scenario::ForbiddenReplica => management::forbidden_replica,
        Scenario::Release => benign::release,
        Scenario::NewDeployment => benign::new_deployment,
        Scenario::MonthlyBatch => benign::monthly_batch,
    }
}

/// A call of somebody's; the draft's chance is not asked, so that it can be written to meanwhile.
fn call_at<'a>(actor: &'a Actor, site: &'a Site, time: i64) -> Call<'a> {
    let mut random = crate::random::Random::of(actor.seed, "call", time as u64);
    actor.call(site, time, &mut random)
}

/// What somebody decrypts at these times is the scenario's.
fn decrypts(
    stage: &mut Stage,
    (actor, site): (&Actor, &Site),
    key: &Key,
    context: &str,
    times: &[i64],
) {
    for time in times {
        let call = call_at(actor, site, *time);
        stage.own(|draft| {
            kms::used(draft, &call, "Decrypt", key, context);
        });
    }
}
