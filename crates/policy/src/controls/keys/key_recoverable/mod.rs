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
    /// deletion is scheduled: there a key must not be about to be deleted while data hangs on it.
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
    match subject.variant.tag("EscrowRecord") {
        Known::Unknown(why, _) if imported => {
            Judgement::cannot_tell(subject, "where the imported material's escrow record is", &why)
        }
        tag if imported && tag.value().is_none_or(Option::is_none) => no_escrow(subject),
        _ => Judgement::pass(subject, "the key can be recovered"),
    }
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
