use self::shape::Shape;
use crate::prelude::*;
use lockfast_access::Three;

mod shape;

control! {
    /// A multi-Region key exists to be replicated: looks for the replica of each multi-Region key
    /// in the templates given and compares their policies, which AWS keeps apart; a replica whose
    /// policy admits others than the primary's undoes it (AWS KMS Developer Guide, "Multi-Region
    /// keys in AWS KMS"). The order of statements and their ids do not matter, and each key's own region
    /// and account are the same. Parameters of two stacks may differ, and leave it unknown. When `residency.disaster_recovery` is set in `lockfast.toml`, keys of
    /// confidential and restricted stores must be multi-Region.
    id: "keys-replicated-alike",
    title: "Keys needed for disaster recovery are replicated, with the same policy",
    clauses: ["RES-2"],
    severity: Medium,
    fix: "Make the key multi-Region and a ReplicaKey in the recovery region with the same key policy.",
    cloudformation: r#"DataKey:
  Type: AWS::KMS::Key
  Properties: {MultiRegion: true, KeyPolicy: *policy}
# in the recovery region's stack
DataKeyReplica:
  Type: AWS::KMS::ReplicaKey
  Properties: {PrimaryKeyArn: !Ref DataKeyArn, KeyPolicy: *policy}
"#,
    cdk: r#"new kms.CfnReplicaKey(recoveryStack, 'DataKeyReplica', {
  primaryKeyArn: dataKey.keyArn,
  keyPolicy: policyDocument,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let replicas = cx.subjects(&["AWS::KMS::ReplicaKey"]);
    for subject in cx.subjects(&["AWS::KMS::Key"]) {
        let multi = match subject.at("MultiRegion").bool() {
            Read::Found(multi, _) => multi,
            Read::Absent(_) => false,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "whether the key is multi-Region", &why).at(loc));
                continue;
            }
        };
        if !multi {
            if cx.config.residency.disaster_recovery && protects_sensitive(cx, subject.id()) {
                out.push(Judgement::fail(
                    subject,
                    "disaster recovery is required for its data, but the key is single-Region",
                ));
            }
            continue;
        }
        let own: Vec<_> = replicas
            .iter()
            .filter(|replica| replica.variant.when.compatible(&subject.variant.when))
            .filter(|replica| match replica.at("PrimaryKeyArn") {
                Read::Found(value, _) => cx.inventory.target(value).is_some_and(|(k, _)| k.id == subject.id()),
                _ => false,
            })
            .collect();
        let judgement = match own.as_slice() {
            [] if matches!(subject.at("ReplicaKeys").list(), Read::Found([], _)) => {
                match cx.config.residency.disaster_recovery && protects_sensitive(cx, subject.id()) {
                    true => Judgement::fail(
                        subject,
                        "disaster recovery is required for its data, but the key has no replica in any region",
                    ),
                    false => Judgement::not_applicable(subject, "the key may be replicated, and is not"),
                }
            }
            [] => Judgement::unknown(
                subject,
                "the key is multi-Region, but no template given makes a replica of it",
            ),
            several => {
                let of_key = Shape::of(cx, subject);
                let compared = several.iter().map(|replica| (of_key.same(&Shape::of(cx, **replica)), replica));
                // The one that is most certainly not the same.
                match compared.min_by_key(|(same, _)| *same) {
                    Some((Three::No, other)) => Judgement::fail(
                        subject,
                        format!("the policy of replica {} differs from the key's", cx.label(other.resource)),
                    )
                    .step(format!("replica {}", other.resource.name), other.resource.loc),
                    Some((Three::Maybe, other)) => Judgement::unknown(
                        subject,
                        format!(
                            "cannot tell whether the policy of replica {} is the key's: parts of them are known only at deployment",
                            cx.label(other.resource)
                        ),
                    )
                    .step(format!("replica {}", other.resource.name), other.resource.loc),
                    _ if several.len() == 1 => Judgement::pass(subject, "its replica has the key's policy"),
                    _ => Judgement::pass(subject, format!("its {} replicas have the key's policy", several.len())),
                }
            }
        };
        out.push(judgement);
    }
}

fn protects_sensitive(cx: &Cx<'_>, key: ResourceId) -> bool {
    crate::key_users::by_key(cx)
        .get(&KeyTarget::Resource(key))
        .into_iter()
        .flatten()
        .any(|store| cx.classification(store.resource).value().is_some_and(|c| c.is_sensitive()))
}
