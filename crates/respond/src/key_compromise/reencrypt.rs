//! Everything under the old key comes under the new one; what cannot by itself is a step for people.

use super::contain::texts;
use super::{CREATE, DependentFacts, Input, KeyFacts, Making, UsedBy, simple};
use crate::incident::Compromised;
use crate::plan::{Action, Downtime, Estimate, How, OldData, Param, Phase, Ref, Step, StepId};
use crate::stores::{self, Automatic, Names, Store, Way};

/// What S3 takes of one client, by the measurements of this project and AWS's "3,500 writes a second and prefix": a plan is not
/// to promise what a prefix does not give.
const OBJECTS_A_SECOND: u64 = 250;

pub(super) fn steps(input: &Input<'_>, making: &mut Making) {
    let compromised = input.incident.compromised.unwrap_or(Compromised::Use);
    let keys = std::iter::once(input.key).chain(&input.key.family);
    for key in keys {
        let to = new_key(input.key, key);
        for on in &key.dependents {
            dependent(input, key, on, compromised, &to, making);
        }
        for (index, why) in key.unknowns.iter().enumerate() {
            unknown(key, index, why, making);
        }
    }
    for used in input.used {
        found_by_use(input, used, making);
    }
}

/// The key that takes over from one of the family, in its region.
fn new_key(primary: &KeyFacts, key: &KeyFacts) -> Param {
    let output = match (&key.region, key.arn == primary.arn) {
        (Some(region), false) => format!("key_arn:{region}"),
        _ => "key_arn".to_owned(),
    };
    Param::Ref(Ref {
        step: CREATE.into(),
        output,
    })
}

fn dependent(
    input: &Input<'_>,
    key: &KeyFacts,
    on: &DependentFacts,
    compromised: Compromised,
    to: &Param,
    making: &mut Making,
) {
    let row = stores::of(&on.kind);
    let lacking;
    let (short, way): (&str, &Way) = match row {
        Some(row) => (&row.short, row.way(compromised)),
        None => {
            lacking = stores::lacking(&on.kind);
            ("other", &lacking)
        }
    };
    let names = Names {
        kind: &on.kind,
        name: &on.name,
        arn: on.arn.as_deref(),
        account: on.account.as_deref(),
        region: on.region.as_deref(),
        old_key: &key.arn,
    };
    let part = match on.part.as_str() {
        "" => String::new(),
        part => format!(" ({part})"),
    };
    let service = row.map_or(on.kind.as_str(), |row| &row.service);
    let name = making.free(&format!("reencrypt/{short}/{}", on.name), on);
    let mut needs: Vec<StepId> = vec![CREATE.into()];
    let by_hand = input.choices.manual.contains(short)
        || input.choices.manual.contains(&on.kind)
        || on.unsure.is_some();
    // What stands for a part of a store is not what the table's row does to the store.
    let whole = on.part.is_empty() || row.is_some_and(|row| names_the_key(row, &on.part));
    let action = match way.automatic {
        Some(automatic) if !by_hand && whole => automatic_action(input, automatic, key, on, to),
        _ => Action::Manual {
            kind: on.kind.clone(),
            resource: on.arn.clone().unwrap_or_else(|| on.name.clone()),
            why: match (&way.note, &on.unsure) {
                (_, Some(why)) => why.clone(),
                (Some(note), None) => note.clone(),
                (None, None) if way.automatic.is_some() => "it was asked for by hand".into(),
                (None, None) => "its key cannot be changed in place".into(),
            },
            to: Some(to.clone()),
        },
    };
    if let (Some(repoint), false) = (
        row.and_then(|row| row.repoint.as_ref()),
        action.is_for_people(),
    ) {
        needs.push(making.add(Step {
            calls: repoint.calls.clone(),
            verified_by: repoint.verified_by.clone(),
            needs: vec![CREATE.into()],
            ..simple(
                making.free(&format!("replace/repoint/{short}/{}", on.name), on),
                Phase::Replace,
                format!(
                    "Have {service} use the new key for what comes to {}",
                    on.label
                ),
                Action::RepointStore {
                    kind: on.kind.clone(),
                    resource: on.name.clone(),
                    part: on.part.clone(),
                    from: key.arn.clone(),
                    to: to.clone(),
                },
                "KCR-2",
            )
        }));
    }
    let automatic = !action.is_for_people();
    let step = Step {
        needs,
        calls: way.calls.clone(),
        downtime: way.downtime.clone(),
        old_data: way.old_data,
        estimate: estimate(way, on),
        stays: stays(input, way, on),
        verified_by: way.verified_by.clone(),
        manual: (!automatic).then(|| commands(way, &names, key, input.key)),
        unsure: on.unsure.clone().or_else(|| {
            row.is_none()
                .then(|| format!("Lockfast's table of stores does not have {}", on.kind))
        }),
        ..simple(
            name,
            Phase::Reencrypt,
            format!("Bring {} of {service}{part} under the new key", on.label),
            action,
            if on.kind.starts_with("AWS::RDS::") {
                "RDS-2"
            } else {
                "KCR-2"
            },
        )
    };
    let done = making.add(step);
    if let (Compromised::Plaintext, Some(row)) = (compromised, row)
        && !row.new_values.is_empty()
    {
        new_values(row, on, &names, (done, to), making);
    }
}

/// Whether a part is only how the store names its key.
fn names_the_key(row: &Store, part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    let property = lower.contains("kms") || lower.contains("keyarn") || lower.contains("keyid");
    property
        && row.types.iter().all(|kind| {
            lockfast_facts::tables::storage_parts(kind)
                .iter()
                .all(|own| own.part != part)
        })
}

fn automatic_action(
    input: &Input<'_>,
    automatic: Automatic,
    key: &KeyFacts,
    on: &DependentFacts,
    to: &Param,
) -> Action {
    let (from, to) = (key.arn.clone(), to.clone());
    let name = on.name.clone();
    let arn = || on.arn.clone().unwrap_or_else(|| on.name.clone());
    let bucket = |how, from, to| Action::ReencryptBucket {
        bucket: on.name.clone(),
        versions: input.choices.versions,
        how,
        from,
        to,
    };
    match automatic {
        Automatic::BucketRewrap => bucket(How::Rewrap, from, to),
        Automatic::BucketCopy => bucket(How::Copy, from, to),
        Automatic::Table => {
            let replicas = on.replicas.clone();
            Action::ReencryptTable {
                table: name,
                replicas,
                from,
                to,
            }
        }
        Automatic::Secret => Action::ReencryptSecret {
            secret: arn(),
            new_version: true,
            from,
            to,
        },
        Automatic::Parameter => Action::ReencryptParameter { name, from, to },
        Automatic::Queue => Action::ReencryptQueue {
            queue: arn(),
            from,
            to,
        },
        Automatic::Topic => Action::ReencryptTopic {
            topic: arn(),
            from,
            to,
        },
        Automatic::LogGroup => Action::ReencryptLogGroup {
            group: name,
            from,
            to,
        },
        Automatic::Stream => Action::ReencryptStream {
            stream: arn(),
            from,
            to,
        },
        Automatic::Function => Action::ReencryptFunction {
            function: name,
            from,
            to,
        },
    }
}

/// The commands, with what to know before them.
fn commands(way: &Way, names: &Names<'_>, key: &KeyFacts, primary: &KeyFacts) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(way.note.iter().map(|note| format!("# {note}")));
    if let (Some(region), false) = (&key.region, key.arn == primary.arn) {
        lines.push(format!(
            "# NEW_KEY has to be the replica of the new key in {region}"
        ));
    }
    lines.extend(names.fill(&way.commands));
    lines
}

fn stays(input: &Input<'_>, way: &Way, on: &DependentFacts) -> Option<String> {
    let rewraps = way.automatic == Some(Automatic::BucketRewrap);
    match (rewraps && !input.choices.versions, &way.stays) {
        (true, _) => {
            Some("versions that are not current: only the current ones were asked for".into())
        }
        (false, stays) => {
            let replicas = match way.automatic {
                Some(Automatic::Table) if !on.replicas.is_empty() => {
                    format!(
                        "; replicas in {}, unless each was seen under a new key",
                        on.replicas.join(", ")
                    )
                }
                _ => String::new(),
            };
            stays.as_ref().map(|stays| format!("{stays}{replicas}"))
        }
    }
}

fn estimate(way: &Way, on: &DependentFacts) -> Estimate {
    let is_bucket = matches!(
        way.automatic,
        Some(Automatic::BucketRewrap | Automatic::BucketCopy)
    );
    let copies = way.old_data == OldData::Copied;
    match (is_bucket, on.count) {
        // A listing of a thousand, a look before and after, and the change itself.
        (true, Some(count)) => Estimate {
            calls: Some(count.saturating_mul(3).saturating_add(count / 1000 + 1)),
            bytes: if copies { on.bytes } else { Some(0) },
            seconds: Some(count / OBJECTS_A_SECOND + 1),
            note: format!("{count} objects at {OBJECTS_A_SECOND} in a second"),
        },
        (true, None) => Estimate {
            note: "how many objects there are was not counted".into(),
            ..Estimate::default()
        },
        (false, _) if way.automatic.is_some() => Estimate {
            calls: u64::try_from(way.calls.len()).ok(),
            bytes: Some(0),
            seconds: None,
            note: "a few calls; the service takes its time".into(),
        },
        (false, _) => Estimate {
            bytes: on.bytes,
            note: "for people: hangs on how much data there is".into(),
            ..Estimate::default()
        },
    }
}

/// Encryption does not take back what somebody read.
fn new_values(
    row: &Store,
    on: &DependentFacts,
    names: &Names<'_>,
    (done, to): (StepId, &Param),
    making: &mut Making,
) {
    let short = &row.short;
    let name = making.free(&format!("reencrypt/{short}/{}/new-value", on.name), on);
    making.add(Step {
        needs: vec![done, CREATE.into()],
        downtime: Downtime::Brief("whoever uses the value has to read it anew".into()),
        old_data: OldData::NewOnly,
        calls: texts(&[
            "secretsmanager:RotateSecret",
            "secretsmanager:PutSecretValue",
            "ssm:PutParameter",
        ]),
        stays: Some("the value before, wherever it is still accepted".into()),
        verified_by: "the value before is refused where it was used".into(),
        manual: Some(names.fill(&row.new_values)),
        ..simple(
            name,
            Phase::Reencrypt,
            format!("Give {} a value that nobody knows", on.label),
            Action::Manual {
                kind: on.kind.clone(),
                resource: on.arn.clone().unwrap_or_else(|| on.name.clone()),
                why: "its plaintext may be known: encryption does not undo that".into(),
                to: Some(to.clone()),
            },
            "KCR-2",
        )
    });
}

/// Why there may be more: somebody looks, and says what they saw.
fn unknown(key: &KeyFacts, index: usize, why: &str, making: &mut Making) {
    let place = key.region.as_deref().unwrap_or("key");
    let region = key
        .region
        .as_deref()
        .map_or("\"$REGION\"".into(), stores::quoted);
    making.add(Step {
        needs: vec![CREATE.into()],
        old_data: OldData::Immutable,
        unsure: Some(why.to_owned()),
        verified_by: "somebody looked, and says what they saw".into(),
        manual: Some(vec![
            format!("# {}", one_line(why)),
            format!("lockfast scan --region {region}   # with the rights that were missing; then plan again"),
            format!("lockfast trail forensics --key {} LOGS   # who used the key for what", stores::quoted(&key.arn)),
        ]),
        ..simple(
            format!("reencrypt/unknown/{place}/{}", index + 1),
            Phase::Reencrypt,
            format!("Find out: {}", one_line(why)),
            Action::Manual {
                kind: "unknown".into(),
                resource: key.arn.clone(),
                why: why.to_owned(),
                to: None,
            },
            "KCR-2",
        )
    });
}

/// What CloudTrail shows under the key and the map lacks: a store of another account, of a service that nobody scanned, an
/// application's own envelopes.
fn found_by_use(input: &Input<'_>, used: &UsedBy, making: &mut Making) {
    let envelope = stores::of("Lockfast::ClientSide::Envelope");
    let of_application = used.service.is_empty();
    let compromised = input.incident.compromised.unwrap_or(Compromised::Use);
    let way = envelope
        .filter(|_| of_application)
        .map(|row| row.way(compromised));
    let names = Names {
        kind: "Lockfast::ClientSide::Envelope",
        name: &used.resource,
        arn: None,
        account: input.key.account.as_deref(),
        region: input.key.region.as_deref(),
        old_key: &input.key.arn,
    };
    let who = match of_application {
        true => "an application".to_owned(),
        false => used.service.clone(),
    };
    let seen = used
        .last_seen
        .map_or(String::new(), |at| format!(", last at {at}"));
    let why = format!(
        "CloudTrail shows that {who} used the key for {}{seen}; the key map does not have it",
        one_line(&used.resource)
    );
    let manual = match way {
        Some(way) => commands(way, &names, input.key, input.key),
        None => vec![
            format!("# {why}"),
            format!(
                "aws cloudtrail lookup-events --lookup-attributes AttributeKey=ResourceName,AttributeValue={}",
                stores::quoted(&input.key.arn)
            ),
            "lockfast respond stores   # what its service takes; bring it under \"$NEW_KEY\""
                .into(),
        ],
    };
    let name = format!("reencrypt/used/{}", one_line(&used.resource));
    let name = making.free(&name, &DependentFacts::default());
    making.add(Step {
        needs: vec![CREATE.into()],
        calls: way.map(|way| way.calls.clone()).unwrap_or_default(),
        old_data: way.map_or(OldData::Immutable, |way| way.old_data),
        stays: way.and_then(|way| way.stays.clone()),
        verified_by: way.map_or_else(
            || "CloudTrail shows no further use of the old key for it".into(),
            |way| way.verified_by.clone(),
        ),
        unsure: Some(why.clone()),
        manual: Some(manual),
        ..simple(
            name,
            Phase::Reencrypt,
            format!("Bring {} under the new key", one_line(&used.resource)),
            Action::Manual {
                kind: who,
                resource: used.resource.clone(),
                why,
                to: Some(new_key(input.key, input.key)),
            },
            "KCR-2",
        )
    });
}

/// A text that another chose, on one line: it goes into a comment of a command.
fn one_line(text: &str) -> String {
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.collect::<String>().trim().to_owned()
}
