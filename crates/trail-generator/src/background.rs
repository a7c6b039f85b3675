//! Ordinary days: what each kind of caller does beside the ordinary calls of the table, and how often.

use crate::call::Call;
use crate::draft::{Draft, uuid_text};
use crate::kms::{self, Refusal};
use crate::ordinary::{Calls, Scratch};
use crate::services::{self, INTERNAL};
use crate::world::{Actor, Kind, Site, World};

/// What is done.
#[derive(Clone, Copy, Debug)]
enum Act {
    ReadObject,
    WriteObject,
    ReadSecret,
    ReadSecrets,
    ReadParameter,
    Decrypt,
    DataKey,
    Table,
    Environment,
    Volume,
    Database,
    Logs,
    ReEncrypt,
    Assume,
    Start,
    Login,
    Describe,
    RotationStatus,
    Policy,
    Aliases,
    Secrets,
    Rotate,
    RotateSecret,
    PutSecret,
    Retire,
    Denied,
}

use Act::*;

/// How often of ten thousand calls. One act may write several records.
#[rustfmt::skip]
const ACTS: &[(Kind, &[(Act, u64)])] = &[
    (Kind::Task, &[(ReadObject, 85), (WriteObject, 40), (ReadSecret, 110), (ReadSecrets, 4), (ReadParameter, 40), (Decrypt, 65),
        (DataKey, 25), (Table, 30), (Assume, 80)]),
    (Kind::Function, &[(ReadObject, 75), (WriteObject, 35), (ReadSecret, 100), (ReadParameter, 45), (Decrypt, 45), (Table, 30),
        (Environment, 50), (Assume, 60), (Denied, 1)]),
    (Kind::Batch, &[(ReadObject, 160), (WriteObject, 90), (ReadSecret, 25), (DataKey, 20)]),
    (Kind::Legacy, &[(ReadObject, 60), (WriteObject, 40), (Decrypt, 20)]),
    (Kind::Ci, &[(Assume, 700), (ReadSecret, 60), (ReadParameter, 120), (WriteObject, 80), (PutSecret, 8), (Describe, 20),
        (Denied, 6)]),
    (Kind::Human, &[(Describe, 130), (Aliases, 60), (Login, 70), (ReadSecret, 25), (Secrets, 40), (Decrypt, 8), (Policy, 20),
        (Denied, 12)]),
    (Kind::Monitoring, &[(Describe, 90), (RotationStatus, 50), (Aliases, 20), (Policy, 20), (Secrets, 40)]),
    (Kind::Backup, &[(Volume, 280), (Database, 120), (ReEncrypt, 60), (Retire, 80)]),
    (Kind::Service, &[(Start, 5_200), (Logs, 50), (Volume, 35), (Rotate, 1), (RotateSecret, 5), (Retire, 6)]),
];

/// Writes what this caller does once.
pub(crate) fn act(
    world: &World,
    calls: &Calls,
    draft: &mut Draft,
    scratch: &mut Scratch,
    (actor, site): (&Actor, &Site),
    time: i64,
) {
    let mut random = draft.random.clone();
    let mut call = actor.call(site, time, &mut random);
    let mut left = random.below(10_000);
    draft.random = random;
    let acts = ACTS.iter().find(|(kind, _)| *kind == actor.kind);
    for (act, often) in acts.map_or(&[][..], |(_, acts)| acts) {
        match left.checked_sub(*often) {
            Some(rest) => left = rest,
            None => return special(world, draft, *act, &call, (actor, site)),
        }
    }
    calls.write(draft, scratch, &mut call, actor, site);
}

fn special(world: &World, draft: &mut Draft, act: Act, call: &Call, who: (&Actor, &Site)) {
    let (actor, site) = who;
    let key = &site.key;
    let (another, other) = neighbour(world, draft, who);
    match act {
        ReadObject | WriteObject => {
            services::s3_object(draft, call, site, matches!(act, WriteObject));
        }
        ReadSecret => {
            let secret = draft.random.below(site.secrets.len() as u64) as usize;
            services::secret(draft, call, key, &site.secrets[secret]);
        }
        ReadSecrets => {
            services::batch_of_secrets(draft, call, site);
        }
        ReadParameter => {
            services::parameter(draft, call, site);
        }
        Decrypt | DataKey => {
            let name = if matches!(act, Decrypt) {
                "Decrypt"
            } else {
                "GenerateDataKey"
            };
            let context = usual_context(actor, site);
            kms::used(draft, call, name, key, &context);
        }
        Table => {
            services::table(draft, call, site);
        }
        Environment => {
            services::function_environment(draft, call, site);
        }
        Volume => {
            services::volume(draft, call, &other.key);
        }
        Database => {
            services::database(draft, call, other);
        }
        Logs => {
            let names = ["GenerateDataKey", "Decrypt", "Decrypt"];
            let service = format!("logs.{}.amazonaws.com", site.region);
            // As the service calls itself in the region.
            let by = Call {
                address: &service,
                agent: &service,
                ..Call::of_service(
                    "logs.amazonaws.com",
                    &actor.account,
                    &site.region,
                    call.time,
                )
            };
            let name = *draft.random.pick(&names);
            services::log_group(draft, &by, other, name);
        }
        ReEncrypt => {
            let from = &other.key;
            let context = format!(r#""aws:ebs:id":"vol-0{}""#, draft.random.hex(16));
            kms::reencrypted(draft, &call.through(INTERNAL), from, key, &context);
        }
        Assume => {
            let session = draft.random.hex(12);
            let role = format!("{}-target", actor.name);
            services::assumed(draft, call, &role, &session);
        }
        Start => {
            let service = match another.kind {
                Kind::Task => "ecs-tasks.amazonaws.com",
                Kind::Function => "lambda.amazonaws.com",
                _ => "ec2.amazonaws.com",
            };
            let by = Call::of_service(service, &actor.account, &site.region, call.time);
            services::started(draft, &by, another);
        }
        Login => {
            // The sign-on asked for a second factor, and the console does not know.
            services::login(draft, call, false);
        }
        Describe | RotationStatus | Policy => {
            let name = match act {
                Describe => "DescribeKey",
                RotationStatus => "GetKeyRotationStatus",
                _ => "GetKeyPolicy",
            };
            kms::described(draft, call, name, &other.key);
        }
        Aliases => {
            kms::listed(draft, call, "ListAliases");
        }
        Secrets => {
            let parameters = r#"{"maxResults":100}"#;
            services::secrets_manager(draft, call, "ListSecrets", parameters, "null");
        }
        Rotate => {
            let by = Call::internal(INTERNAL, &actor.account, &site.region, call.time);
            kms::rotated(draft, &by, &other.key);
        }
        RotateSecret => {
            let service = "secretsmanager.amazonaws.com";
            let by = Call::of_service(service, &actor.account, &site.region, call.time);
            services::rotation(draft, &by, &other.secrets[0]);
        }
        PutSecret => {
            let secret = &site.secrets[0];
            let token = uuid_text(draft.random.uuid());
            let parameters = format!(r#"{{"secretId":"{secret}","clientRequestToken":"{token}"}}"#);
            let response = format!(r#"{{"arn":"{secret}","versionId":"{token}"}}"#);
            services::secrets_manager(draft, call, "PutSecretValue", &parameters, &response);
        }
        Denied => {
            kms::refused(draft, call, "Decrypt", &other.key, Refusal::Denied);
        }
        Retire => {
            let grant = draft.random.hex(64);
            kms::retired(draft, &call.through(INTERNAL), &other.key, &grant);
        }
    }
}

/// What somebody uses their key for by themselves.
pub(crate) fn usual_context(actor: &Actor, site: &Site) -> String {
    let name = actor.name.split('-').next().unwrap_or_default();
    format!(r#""application":"{name}","table":"{}""#, site.table)
}

/// What somebody else in the same account and region has: who looks after others, works with that.
fn neighbour<'a>(
    world: &'a World,
    draft: &mut Draft,
    (actor, site): (&'a Actor, &'a Site),
) -> (&'a Actor, &'a Site) {
    // The next that is found from anywhere on, so that nothing need be collected.
    let all = world.actors.len();
    let from = draft.random.below(all as u64) as usize;
    let near = (0..all).map(|at| &world.actors[(from + at) % all]);
    let works = |kind| matches!(kind, Kind::Task | Kind::Function | Kind::Batch);
    near.filter(|it| it.account == actor.account && works(it.kind))
        .find_map(|it| {
            let there = it.sites.iter().find(|there| there.region == site.region);
            there.map(|there| (it, there))
        })
        .unwrap_or((actor, site))
}
