use crate::prelude::*;
use lockfast_access::Policy;
use lockfast_facts::Text;
use std::collections::BTreeMap;

control! {
    /// Keys and their policies belong into the same version-controlled templates as the data they
    /// protect. Looks at every KMS key and replica key: its `KeyPolicy` must be written there, since
    /// a key without one gets AWS's default policy (AWS KMS Developer Guide, "Default key policy"),
    /// which nobody reviewed. Looks also at every store's customer managed key: when it is only
    /// named (by ARN, id or alias), and no template given makes it, its policy cannot be read:
    /// unknown, until the template that makes it is given too; unknown too is a `KeyPolicy` that is no
    /// policy. A key that a CDK `AwsCustomResource`
    /// makes or whose policy it replaces by an API call is not defined anywhere: that fails.
    id: "keys-as-code",
    title: "Keys and their policies are defined in the templates",
    clauses: ["IAC-3"],
    sources: [Iac],
    severity: Medium,
    fix: "Define the key and its KeyPolicy in a template (import an existing key into a stack), refer to it instead of pasting its ARN, and give Lockfast that template too.",
    cloudformation: r#"Type: AWS::KMS::Key
Properties:
  EnableKeyRotation: true
  KeyPolicy:
    Version: "2012-10-17"
    Statement:
      - Sid: Administration
        Effect: Allow
        Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/key-administrator"}
        Action: [kms:Describe*, kms:Enable*, kms:Put*, kms:Update*, kms:TagResource, kms:ScheduleKeyDeletion]
        Resource: "*"
"#,
    cdk: r#"const key = new kms.Key(this, 'OrdersKey', { enableKeyRotation: true, admins: [keyAdministrator] });
"#,
}

const DEFAULT_POLICY: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Developer Guide: Default key policy",
    since: "",
};

/// API calls of `AwsCustomResource` that make keys or their policies.
const CALLS: [&str; 4] = [
    "createKey",
    "putKeyPolicy",
    "replicateKey",
    "importKeyMaterial",
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        out.push(policy_of(subject));
    }
    // One judgement for each key named from outside, at the first store that names it.
    let mut named: BTreeMap<&str, Vec<&Store>> = BTreeMap::new();
    for store in cx.inventory.stores() {
        if let Some(Protection::Customer(key)) = store.protection.value()
            && let KeyTarget::External(name) = &key.target
        {
            named.entry(name).or_default().push(store);
        }
    }
    for (name, stores) in named {
        let mut ids: Vec<ResourceId> = stores.iter().map(|s| s.resource).collect();
        ids.dedup();
        let mut judgement = Judgement::unknown(
            stores[0],
            format!(
                "cannot tell whether key {name} and its policy are code: no template given makes it"
            ),
        )
        .part(name.to_owned())
        .at(stores[0].protection.loc())
        .stated("key", name, stores[0].protection.loc());
        if ids.len() > 1 {
            judgement = judgement.note(format!("{} resources use this key", ids.len()));
        }
        out.push(judgement);
    }
    for subject in cx.subjects(&["Custom::AWS"]) {
        out.extend(made_by_call(subject));
    }
}

fn policy_of(subject: Subject<'_>) -> Judgement {
    match subject.at("KeyPolicy") {
        Read::Absent(loc) => {
            let default =
                Known::Default("the account's root may do everything", DEFAULT_POLICY, loc);
            Judgement::fail(
                subject,
                "its policy is not written here, so it gets AWS's default key policy",
            )
            .fact("KeyPolicy", &default)
        }
        Read::Unknown(why, loc) => Judgement::cannot_tell(subject, "its key policy", &why).at(loc),
        Read::Found(policy, loc) if !is_document(policy) => {
            let why = Why::WrongType { expected: "a policy", found: policy.kind_name() };
            Judgement::cannot_tell(subject, "its key policy", &why).at(loc)
        }
        Read::Found(policy, loc) => {
            let mut unknown = None;
            policy.walk(&mut |path, value| {
                let why = match &value.kind {
                    Kind::Unknown(why) => Some(why),
                    // A policy given whole as a string; an unknown part of a principal's ARN is still code.
                    Kind::Text(text) if path.is_empty() => text.first_unknown(),
                    _ => None,
                };
                if let Some(why) = why
                    && unknown.is_none()
                {
                    unknown = Some((path.to_owned(), why.clone(), value.loc));
                }
            });
            match unknown {
                Some((path, why, loc)) if path.is_empty() => {
                    Judgement::cannot_tell(subject, "its key policy", &why).at(loc)
                }
                Some((path, why, loc)) => {
                    Judgement::cannot_tell(subject, &format!("{path} of its key policy"), &why)
                        .at(loc)
                }
                None => Judgement::pass(
                    subject,
                    "the key and its policy are written in the template",
                )
                .at(loc),
            }
        }
    }
}

/// An object, or a text that is a policy as far as it is known.
fn is_document(policy: &Value) -> bool {
    match &policy.kind {
        Kind::Map(_) => true,
        Kind::Text(text) if text.plain().is_some() => Policy::from_value(policy).is_certain(),
        Kind::Text(text) => text.first_unknown().is_some() || rendered(text).trim_start().starts_with('{'),
        _ => false,
    }
}

/// A key or key policy that a CDK `AwsCustomResource` makes by a call.
fn made_by_call(subject: Subject<'_>) -> Option<Judgement> {
    ["Create", "Update"].iter().find_map(|property| {
        let Read::Found(text, loc) = subject.at(property).text() else {
            return None;
        };
        let compact: String = rendered(&text).chars().filter(|c| !c.is_whitespace()).collect();
        let action = CALLS.iter().find(|action| compact.contains(&format!("\"action\":\"{action}\"")))?;
        Some(
            Judgement::fail(
                subject,
                format!("it calls {action} at deployment: the key or its policy is defined in no template"),
            )
            .at(loc)
            .stated("action", *action, loc),
        )
    })
}

fn rendered(text: &Text) -> String {
    text.render(|_| "*".to_owned())
}
