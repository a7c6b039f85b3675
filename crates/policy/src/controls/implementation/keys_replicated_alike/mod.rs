use crate::prelude::*;

control! {
    /// A multi-Region key exists to be replicated: looks for the replica of each multi-Region key
    /// in the templates given and compares their policies, which AWS keeps apart; a replica whose
    /// policy admits others than the primary's undoes it (AWS KMS Developer Guide, "Multi-Region
    /// keys in AWS KMS"). When `residency.disaster_recovery` is set in `lockfast.toml`, keys of
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
            .filter(|replica| match replica.at("PrimaryKeyArn") {
                Read::Found(value, _) => cx.inventory.target(value).is_some_and(|(k, _)| k.id == subject.id()),
                _ => false,
            })
            .collect();
        let judgement = match own.as_slice() {
            [] => Judgement::unknown(
                subject,
                "the key is multi-Region, but no template given makes a replica of it",
            ),
            several => match several.iter().find(|r| !same_policy(subject, r)) {
                Some(other) => Judgement::fail(
                    subject,
                    format!("the policy of replica {} differs from the key's", cx.label(other.resource)),
                )
                .step(format!("replica {}", other.resource.name), other.resource.loc),
                None => Judgement::pass(subject, format!("{} replicas have the key's policy", several.len())),
            },
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

/// The statements' own order and ids do not matter to what they allow, but a difference that a
/// person has to explain is a difference.
fn same_policy(key: Subject<'_>, replica: &Subject<'_>) -> bool {
    let shape = |subject: &Subject<'_>| match subject.at("KeyPolicy") {
        Read::Found(policy, _) => {
            let mut text = String::new();
            policy.walk(&mut |path, value| {
                if let Kind::Text(t) = &value.kind {
                    text.push_str(path);
                    text.push_str(&t.render(|_| "*".into()));
                    text.push('\n');
                }
            });
            text
        }
        _ => String::new(),
    };
    shape(&key) == shape(replica)
}
