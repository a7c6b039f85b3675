use crate::own_data::{has_own_data, takes_a_key};
use crate::controls::data_at_rest::inherited::effective;
use crate::cx::EnvironmentName;
use crate::prelude::*;

control! {
    /// Staging and development may use AWS managed and AWS owned keys instead of customer managed
    /// ones, which cost money: every customer managed key is charged by the month, and again for its
    /// first and second rotation (AWS Key Management Service pricing). Looks at every store outside
    /// production: one that nothing encrypts fails, any key passes. What classified data needs, its
    /// classification decides elsewhere. Every key of such an environment passes with a note of what
    /// it costs, and of how many stores use it, so that keys nobody needs show.
    ///
    /// A store that nothing encrypts and whose environment nothing tells is unknown.
    id: "other-environments-encrypted",
    title: "Outside production data is encrypted, with any key",
    clauses: ["ENV-2"],
    severity: Medium,
    fix: "Switch encryption at rest on; outside production an AWS managed key is enough.",
    cloudformation: r#"Type: AWS::EFS::FileSystem
Properties:
  Encrypted: true
"#,
    cdk: r#"new efs.FileSystem(this, 'Files', { vpc, encrypted: true });
"#,
    by_type: true,
}

/// Dollars a month for a customer managed key, and again for each of its first two rotations (AWS Key
/// Management Service pricing, read 2026-11-23).
const MONTHLY: usize = 1;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        let mut environments = cx.environments(store.subject(cx.inventory), &store.when);
        environments.retain(|(environment, _)| {
            environment
                .value()
                .is_none_or(|e| e.kind != EnvironmentKind::Production)
        });
        if environments.is_empty() || !takes_a_key(store) || !has_own_data(cx, store) {
            continue;
        }
        let protection = effective(cx, store);
        for (environment, when) in environments {
            out.push(
                decide(store, &protection, &environment)
                    .when(&when)
                    .fact_as("key", &protection, |p| p.label(cx.inventory))
                    .fact_as("environment", &environment, |e| e.kind.to_string()),
            );
        }
    }
    keys(cx, out);
}

fn decide(
    store: &Store,
    protection: &Known<Protection>,
    environment: &Known<EnvironmentName>,
) -> Judgement {
    if protection.unknown_key().is_some() {
        return Judgement::pass(store, "it has a key, which is enough outside production");
    }
    let protection = match protection {
        Known::Unknown(why, _) => {
            return Judgement::cannot_tell(store, "whether it is encrypted", why);
        }
        Known::Stated(protection, _) | Known::Default(protection, ..) => protection,
    };
    match (protection, environment) {
        (Protection::None, Known::Unknown(why, _)) => Judgement::cannot_tell(
            store,
            "whether it is outside production, where any key will do",
            why,
        ),
        (Protection::None, _) => Judgement::fail(
            store,
            "it is not encrypted; outside production any key will do, but one there must be",
        ),
        (Protection::Customer(key), _) => {
            Judgement::pass(store, "it has a customer managed key").key(key)
        }
        _ => Judgement::pass(store, "a key of AWS is enough outside production"),
    }
}

/// What customer managed keys outside production cost.
fn keys(cx: &Cx<'_>, out: &mut Out) {
    let users = crate::key_users::by_key(cx);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let other = cx.environments(subject, &subject.variant.when).into_iter().find(|(environment, _)| {
            environment
                .value()
                .is_some_and(|e| e.kind != EnvironmentKind::Production)
        });
        let Some((environment, when)) = other else {
            continue;
        };
        let stores = users
            .get(&KeyTarget::Resource(subject.id()))
            .map_or(0, Vec::len);
        let stores = match stores {
            0 => "no store given uses it".to_owned(),
            1 => "one store uses it".to_owned(),
            n => format!("{n} stores use it"),
        };
        out.push(
            Judgement::pass(subject, "a customer managed key is allowed outside production")
                .part("cost")
                .when(&when)
                .fact_as("environment", &environment, |e| e.kind.to_string())
                .note(format!(
                    "it costs {MONTHLY} USD a month, and {MONTHLY} more after each of its first two rotations; {stores}"
                )),
        );
    }
}
