use super::key_policy;
use crate::prelude::*;
use crate::strangers::{leave_to_deputy, lets_in};
use lockfast_access::kms::{Class, actions};
use lockfast_access::{Resource as Target, Scope, Three, allowed_principals};
use std::collections::BTreeMap;

control! {
    /// Evaluates the policy of every key: who may effectively use the key (decrypt, sign, grant, …) or
    /// administer it, whatever wildcards, `NotPrincipal`, denials or conditions it is made of. Nobody may be
    /// let in whom no account, organisation or role bounds. Services that are
    /// admitted must be tied to a caller (`aws:SourceAccount`, `aws:SourceArn`, `kms:CallerAccount`,
    /// an encryption context), or another customer's resource can use the key through them (the
    /// confused deputy; IAM User Guide, "The confused deputy problem"). The organisation's resource control policies (RCPs)
    /// over the account are asked too where the input holds them: what they deny to strangers, or to services that act for
    /// strangers, no key policy gives.
    ///
    /// A key without a policy has AWS's default, which leaves it to the account's IAM policies.
    id: "key-policy-authorised-only",
    title: "Key policies admit authorised roles and services only",
    clauses: ["KEY-2"],
    severity: Critical,
    fix: "Name the roles that need the key instead of a wildcard, and tie services to their caller with aws:SourceAccount and aws:SourceArn.",
    cloudformation: r#"KeyPolicy:
  Version: "2012-10-17"
  Statement:
    - Sid: Use
      Effect: Allow
      Principal: {AWS: !GetAtt OrdersRole.Arn}
      Action: [kms:Decrypt, kms:GenerateDataKey]
      Resource: "*"
    - Sid: Service
      Effect: Allow
      Principal: {Service: cloudtrail.amazonaws.com}
      Action: kms:GenerateDataKey
      Resource: "*"
      Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}
"#,
    cdk: r#"key.grantEncryptDecrypt(ordersRole);
key.addToResourcePolicy(new iam.PolicyStatement({
  principals: [new iam.ServicePrincipal('cloudtrail.amazonaws.com')],
  actions: ['kms:GenerateDataKey*'],
  resources: ['*'],
  conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
}));
"#,
}

/// What a stranger must not be able to do: the worst first.
fn forbidden() -> impl Iterator<Item = &'static str> {
    let all = [Class::Use, Class::Administer].into_iter().flat_map(actions);
    ["kms:Decrypt", "kms:PutKeyPolicy"].into_iter().chain(all.map(String::as_str))
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let bounds = cx.bounds();
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let Some(policy) = key_policy::of(cx, subject) else {
            let default = Known::Default("the account's IAM policies decide", key_policy::DEFAULT, subject.resource.loc);
            out.push(
                Judgement::pass(subject, "AWS's default key policy admits nobody outside the account")
                    .fact("KeyPolicy", &default),
            );
            continue;
        };
        let target = Target::kms_key(subject.id());
        let unlimited = bounds.over(&policy.account).rcps.is_empty();
        let mut worst: Option<Judgement> = None;
        let mut services: BTreeMap<String, Option<Judgement>> = BTreeMap::new();
        for action in forbidden() {
            for grantee in allowed_principals(&policy, action, &target) {
                let unknown = |why: &str| Judgement::unknown(subject, format!("cannot tell who may call {action}: {why}"));
                let judgement = match grantee.scope() {
                    Scope::Anyone => {
                        // Denials may take it back: from somebody of another account?
                        let lets_in = match grantee.certain && unlimited {
                            true => Three::Yes,
                            false => lets_in(&policy, None, action, target.clone(), bounds),
                        };
                        match lets_in {
                            Three::Yes => {
                                Judgement::fail(subject, format!("anybody in any account may call {action}"))
                            }
                            Three::Maybe => unknown("parts of the policy are known only at deployment"),
                            Three::No => continue,
                        }
                    }
                    Scope::Unknown(why) => unknown(&why.to_string()),
                    Scope::Service { name, guarded } => {
                        let name = name.render(|_| "*".into());
                        let open = || leave_to_deputy(&name, action, target.clone(), &policy.account, bounds);
                        let guarded = guarded.or(if guarded.is_yes() { Three::Yes } else { !open() });
                        let judgement = service(subject, &name, action, guarded).at(grantee.loc);
                        Judgement::keep_worst(services.entry(name).or_default(), judgement);
                        continue;
                    }
                    _ => continue,
                };
                Judgement::keep_worst(&mut worst, judgement.at(grantee.loc));
            }
        }
        out.extend(services.into_values().flatten());
        out.push(
            worst.unwrap_or_else(|| {
                Judgement::pass(subject, "no stranger can use or administer the key").at(policy.loc)
            }),
        );
    }
}

/// A service that nothing ties to a caller uses the key for any customer who asks it to.
fn service(subject: Subject<'_>, name: &str, action: &str, guarded: Three) -> Judgement {
    let judgement = match guarded {
        Three::Yes => Judgement::pass(subject, format!("{name} uses the key for callers that the policy names only")),
        Three::No => Judgement::fail(
            subject,
            format!("{name} may call {action} for any customer: nothing ties it to a source account, resource or encryption context"),
        ),
        Three::Maybe => Judgement::unknown(subject, format!("cannot tell whether {name} is tied to a caller")),
    };
    judgement.part(name.to_owned())
}
