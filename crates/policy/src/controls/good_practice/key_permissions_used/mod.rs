use crate::logs::{list, named, text};
use crate::prelude::*;
use lockfast_facts::trail::KEY;

control! {
    /// Compares who may do what with a key, by the policies of a snapshot, with who did it, by CloudTrail's
    /// logs (`UnusedPermissions`). A permission on a key that nobody used for as many days as were asked about
    /// fails, named with its principal and action. Without a snapshot, or with logs of fewer days, it is
    /// unknown: what was not used in the time of short logs may be used every month. A try that was refused is
    /// no use. Which permissions are too wide by their text, `key-permissions-least-privilege` asks.
    id: "key-permissions-used",
    title: "Nobody holds a permission on a key that goes unused",
    clauses: ["BP-5"],
    sources: [Trail],
    severity: Medium,
    fix: "Take the permission out of the role's policy, the key policy or the grant that gives it; keep what is for emergencies by a waiver that says so.",
    cloudformation: r#"- Effect: Allow
  Action: [kms:Decrypt]
  Resource: !GetAtt OrdersKey.Arn
"#,
    cdk: r#"ordersKey.grantDecrypt(role); // and not grantEncryptDecrypt, where it only reads
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for key in cx.subjects(&[KEY]) {
        let unused = list(key, "UnusedPermissions");
        let judgement = match &unused {
            Known::Unknown(why, _) if key.at("UnusedPermissions").is_absent() => {
                let why = Why::Unsupported(format!("{why}: it takes a snapshot of policies, and logs of as many days as are asked about"));
                Judgement::cannot_tell(key, "which permissions on the key go unused", &why)
            }
            Known::Unknown(why, _) => Judgement::cannot_tell(key, "which permissions on the key go unused", why),
            known => match known.value().copied().unwrap_or_default() {
                [] => Judgement::pass(key, "every permission on the key was used"),
                all => Judgement::fail(key, format!("permissions on the key go unused: {}", named(all.iter().map(shown)))),
            },
        };
        out.push(judgement.fact_as("UnusedPermissions", &unused, |all| all.len().to_string()));
    }
}

/// `kms:Decrypt of arn:aws:iam::111111111111:role/reports for 90 days`.
fn shown(permission: &Value) -> String {
    let of = |property: &str| text(permission, property).unwrap_or_else(|| "?".into());
    format!("{} of {} for {} days", of("Action"), of("Principal"), of("Days"))
}
