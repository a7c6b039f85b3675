use crate::key_users::by_key;
use crate::prelude::*;
use lockfast_facts::{Guard, Origin};
use std::collections::BTreeMap;

control! {
    /// A deleted key takes all its data with it, so it must be possible to step back: the waiting
    /// period before deletion has to be long (`PendingWindowInDays`, 7 to 30 days, 30 when absent;
    /// AWS KMS Developer Guide, "Delete an AWS KMS key"), and removing the resource from the
    /// template must not schedule the deletion in production (`DeletionPolicy: Retain`). A key with
    /// imported material (`Origin: EXTERNAL`) is only as recoverable as the copy of that material,
    /// so it must be tagged with where its escrow record is. Of a live key the waiting period is chosen when its
    /// deletion is scheduled: there a key must not be about to be deleted while data hangs on it. Of a live key with replicas in
    /// other regions the ledger has to tell of a recovery drill (`lockfast keys recovery-drill`) that went well and is not due
    /// again; without a ledger that is unknown. The ledger may tell of an escrow (`lockfast keys escrow`) in the tag's place.
    id: "key-recoverable",
    title: "Keys can be recovered: long deletion windows, retained keys, escrow for imported material",
    clauses: ["BP-8"],
    severity: Medium,
    fix: "Set PendingWindowInDays to 30 and DeletionPolicy to Retain; tag keys with imported material with EscrowRecord.",
    cloudformation: r#"DataKey:
  Type: AWS::KMS::Key
  DeletionPolicy: Retain
  UpdateReplacePolicy: Retain
  Properties:
    PendingWindowInDays: 30
"#,
    cdk: r#"new kms.Key(this, 'DataKey', {
  pendingWindow: cdk.Duration.days(30),
  removalPolicy: cdk.RemovalPolicy.RETAIN,
});
"#,
}

/// The shortest window that leaves time to notice.
const SHORTEST: i64 = 14;
const THIRTY: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Developer Guide: Delete an AWS KMS key",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let users = by_key(cx);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        if cx.inventory.origin() == Origin::Live {
            out.push(of_live(cx, subject, &users));
            continue;
        }
        let window = subject.at("PendingWindowInDays").int().or_default(30, THIRTY);
        let imported = subject.at("Origin").string().found().as_deref() == Some("EXTERNAL");
        let escrow = subject.variant.tag("EscrowRecord");
        let judgement = match (&window, &escrow) {
            (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "how long a deletion waits", why),
            (known, _) if known.value().is_some_and(|days| *days < SHORTEST) => Judgement::fail(
                subject,
                format!("a deletion waits {} days only", known.value().copied().unwrap_or_default()),
            ),
            (_, Known::Unknown(why, _)) if imported => {
                Judgement::cannot_tell(subject, "where the imported material's escrow record is", why)
            }
            (_, known) if imported && known.value().is_none_or(Option::is_none) => no_escrow(subject),
            _ => {
                out.extend(retained(cx, subject).into_iter().map(|j| j.fact("PendingWindowInDays", &window)));
                continue;
            }
        };
        out.push(judgement.fact("PendingWindowInDays", &window));
    }
}

/// A live key: whoever schedules its deletion chooses how long it waits, so what counts is whether one is scheduled while
/// data hangs on the key, and whether imported material can be had again.
fn of_live(cx: &Cx<'_>, subject: Subject<'_>, users: &BTreeMap<KeyTarget, Vec<&Store>>) -> Judgement {
    if let Read::Unknown(why, _) = subject.at("KeyState") {
        return Judgement::cannot_tell(subject, "whether it is about to be deleted", &why);
    }
    if let Read::Found(state, loc) = subject.at("KeyState").string()
        && state.ends_with("Deletion")
    {
        let user = users.get(&KeyTarget::Resource(subject.id())).and_then(|stores| stores.first());
        let judgement = match user {
            Some(store) => Judgement::fail(
                subject,
                format!(
                    "the key is about to be deleted, and {} hangs on it",
                    cx.label(cx.inventory.resource(store.resource))
                ),
            )
            .fix("Cancel the deletion (kms:CancelKeyDeletion, then kms:EnableKey), and re-encrypt what hangs on the key before it is scheduled again."),
            None => Judgement::pass(subject, "the key is about to be deleted, and nothing that was scanned hangs on it"),
        };
        let judgement = judgement.at(loc).stated("KeyState", state, loc);
        return match subject.at("DeletionDate").string() {
            Read::Found(date, loc) => judgement.stated("DeletionDate", date, loc),
            _ => judgement,
        };
    }
    let imported = subject.at("Origin").string().found().as_deref() == Some("EXTERNAL");
    let arn = subject.resource.arn.as_deref().unwrap_or_default();
    let evidence = &cx.config.evidence;
    let escrowed = match (subject.variant.tag("EscrowRecord"), evidence.escrow.get(arn)) {
        (_, Some(escrow)) => Some(Judgement::pass(
            subject,
            format!("the copy of its material is kept at {} ({}, entry {} of the ledger)", escrow.place, escrow.by, escrow.entry),
        )),
        (Known::Unknown(why, _), None) if imported => {
            return Judgement::cannot_tell(subject, "where the imported material's escrow record is", &why);
        }
        (tag, None) if imported && tag.value().is_none_or(Option::is_none) => return no_escrow(subject),
        _ => None,
    };
    drilled(cx, subject, arn).or(escrowed).unwrap_or_else(|| Judgement::pass(subject, "the key can be recovered"))
}

/// Whether data under a key that has replicas was read in another region, lately; `None` for a key that lies in one region, or
/// that is a replica itself: its primary is judged.
fn drilled(cx: &Cx<'_>, subject: Subject<'_>, arn: &str) -> Option<Judgement> {
    let replicas = match subject.at("ReplicaKeys").list() {
        Read::Found(replicas, _) => replicas.len(),
        _ => 0,
    };
    if replicas == 0 || &*subject.resource.kind != "AWS::KMS::Key" {
        return None;
    }
    let evidence = &cx.config.evidence;
    let mend = format!("Run `lockfast keys recovery-drill {arn}`: it reads in another region what the key encrypts, and writes that down.");
    let what = "that data under the key can be read in another region";
    Some(match (&evidence.unread, evidence.drill.get(arn)) {
        (Some(why), _) => Judgement::unknown(subject, format!("cannot tell {what}: of the ledger, {why}")),
        (None, None) if evidence.ledger.is_none() => {
            Judgement::unknown(subject, format!("cannot tell {what}: no ledger was given that tells of a recovery drill"))
        }
        (None, None) => Judgement::fail(subject, format!("the ledger tells of no recovery drill: nobody has shown {what}")).fix(mend),
        (None, Some(drill)) if !drill.recovered => {
            Judgement::fail(subject, format!("the recovery drill of {} failed: {}", drill.day, drill.said)).fix(mend)
        }
        (None, Some(drill)) => match drill.due.parse().ok().and_then(|due| cx.days_since_day(&due)) {
            Some(days) if days > 0 => {
                Judgement::fail(subject, format!("the recovery drill of {} has been due again for {days} days", drill.day)).fix(mend)
            }
            Some(_) => Judgement::pass(
                subject,
                format!("{} (recovery drill of {}, entry {} of the ledger; due again on {})", drill.said, drill.day, drill.entry, drill.due),
            ),
            None => Judgement::unknown(subject, format!("cannot tell {what}: `{}` is no day", drill.due)),
        },
    })
}

fn no_escrow(key: Subject<'_>) -> Judgement {
    Judgement::fail(key, "its material is imported, and no EscrowRecord tag says where the copy is kept")
        .fix("Tag the key with EscrowRecord: where the copy of its material is kept.")
}

/// Whether the key outlives its place in the template, under each of the conditions that decide it.
fn retained(cx: &Cx<'_>, subject: Subject<'_>) -> Vec<Judgement> {
    let written = subject.resource.written().deletion_policy.iter();
    let mut policies: Vec<(Guard, Read<String>)> =
        written.map(|(when, value)| (when.clone(), value.at("").string())).collect();
    if policies.is_empty() {
        policies.push((Guard::default(), Read::Absent(subject.resource.loc)));
    }
    policies.retain(|(when, _)| when.compatible(&subject.variant.when));
    let of_policy = |(when, policy): (Guard, Read<String>)| {
        let mut production = cx
            .environments(subject, &subject.variant.when.and(&when))
            .into_iter()
            .filter(|(environment, _)| environment.value().is_some_and(|e| e.kind == EnvironmentKind::Production));
        let judgement = match (production.next(), policy) {
            (Some(_), Read::Found(policy, _)) if matches!(policy.as_str(), "Retain" | "RetainExceptOnCreate") => {
                Judgement::pass(subject, "the key can be recovered")
            }
            (Some((_, of)), Read::Unknown(why, _)) => {
                Judgement::cannot_tell(subject, "whether removing it from the template deletes a production key", &why).when(&of)
            }
            (Some((_, of)), _) => Judgement::fail(
                subject,
                "removing it from the template schedules the deletion of a production key (no DeletionPolicy: Retain)",
            )
            .when(&of),
            (None, _) => Judgement::pass(subject, "the key can be recovered"),
        };
        judgement.when(&when)
    };
    policies.into_iter().map(of_policy).collect()
}
