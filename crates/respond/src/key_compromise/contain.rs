//! Whoever should not use the key cannot any more. Nothing here takes it from anybody else.

use super::{DependentFacts, Input, KeyFacts, Making, simple};
use crate::key_policy::{account_of_root, role_of};
use crate::plan::{Action, Downtime, Phase, Step, StepId};
use crate::stores::quoted;

/// Containing the key itself, and the same key in other regions: each has a policy and grants of its own.
pub(super) fn steps(input: &Input<'_>, making: &mut Making) {
    // Two sessions of a role are one principal.
    let mut principals: Vec<String> = Vec::new();
    for suspect in &input.incident.suspects {
        let principal = role_of(suspect);
        if !principals.contains(&principal) {
            principals.push(principal);
        }
    }
    let keys = std::iter::once(input.key).chain(&input.key.family);
    for key in keys {
        let place = match key.arn == input.key.arn {
            true => String::new(),
            false => format!("/{}", key.region.as_deref().unwrap_or(&key.arn)),
        };
        let kept = snapshot(key, &place, making);
        watch(input, key, &place, making);
        grants(input, key, &place, &kept, making);
        for (index, principal) in principals.iter().enumerate() {
            deny(input, key, (index, principal), &place, &kept, making);
        }
    }
    // A role's sessions are one matter, however many keys it could use.
    for principal in &principals {
        revoke_sessions(input, principal, making);
        access_keys(principal, making);
    }
}

fn snapshot(key: &KeyFacts, place: &str, making: &mut Making) -> StepId {
    let action = Action::SnapshotPolicies {
        key: key.arn.clone(),
    };
    making.add(Step {
        calls: texts(&["kms:GetKeyPolicy", "kms:ListGrants", "kms:DescribeKey"]),
        verified_by: "the policy's hash is in the journal".into(),
        ..simple(
            format!("contain/snapshot{place}"),
            Phase::Contain,
            format!("Keep what policy and grants of {} are", key.label),
            action,
            "KCR-4",
        )
    })
}

fn watch(input: &Input<'_>, key: &KeyFacts, place: &str, making: &mut Making) {
    if !input.choices.watch {
        return;
    }
    let action = Action::Watch {
        key: key.arn.clone(),
        principals: input.incident.suspects.clone(),
    };
    making.add(Step {
        calls: texts(&[
            "events:PutRule",
            "events:PutTargets",
            "cloudwatch:PutMetricAlarm",
        ]),
        verified_by: "DescribeRule: the rule is ENABLED and has a target".into(),
        ..simple(
            format!("contain/watch{place}"),
            Phase::Contain,
            format!("Tell of every use of {}", key.label),
            action,
            "DER-2",
        )
    });
}

fn grants(input: &Input<'_>, key: &KeyFacts, place: &str, kept: &StepId, making: &mut Making) {
    let Some(grants) = &key.grants else {
        let region = key.region.as_deref().map_or("\"$REGION\"".into(), quoted);
        let arn = quoted(&key.arn);
        making.add(Step {
            manual: Some(vec![
                format!("aws kms list-grants --key-id {arn} --region {region}"),
                format!("aws kms revoke-grant --key-id {arn} --grant-id \"$GRANT\" --region {region}   # each that a suspect holds"),
            ]),
            unsure: Some("its grants could not be read: a suspect may hold one".into()),
            needs: vec![kept.clone()],
            calls: texts(&["kms:ListGrants", "kms:RevokeGrant"]),
            verified_by: "ListGrants shows none of a suspect".into(),
            ..simple(
                format!("contain/grants{place}"),
                Phase::Contain,
                format!("Look through the grants of {}", key.label),
                Action::Manual {
                    kind: "AWS::KMS::Grant".into(),
                    resource: key.arn.clone(),
                    why: "the grants could not be read".into(),
                    to: None,
                },
                "KCR-1",
            )
        });
        return;
    };
    for grant in grants {
        let named = input.choices.revoke_grants.contains(&grant.id);
        let held = role_of(&grant.grantee);
        let of_suspect = input.incident.suspects.iter().any(|suspect| {
            role_of(suspect) == held
                || account_of_root(suspect)
                    .is_some_and(|account| held.split(':').nth(4) == Some(account))
        });
        if !named && !of_suspect {
            continue;
        }
        let downtime =
            match held.contains("amazonaws.com") || held.contains(":role/aws-service-role/") {
                true => Downtime::Brief(format!(
                    "{held} may need it: what it encrypts for others stops"
                )),
                false => Downtime::None,
            };
        making.add(Step {
            downtime,
            needs: vec![kept.clone()],
            calls: texts(&["kms:RevokeGrant", "kms:ListGrants"]),
            verified_by: "ListGrants does not show it".into(),
            ..simple(
                format!("contain/revoke-grant{place}/{}", grant.id),
                Phase::Contain,
                format!("Revoke the grant of {held}"),
                Action::RevokeGrant {
                    key: key.arn.clone(),
                    grant_id: grant.id.clone(),
                },
                "KCR-1",
            )
        });
    }
}

fn deny(
    input: &Input<'_>,
    key: &KeyFacts,
    (index, principal): (usize, &str),
    place: &str,
    kept: &StepId,
    making: &mut Making,
) {
    let name = free(making, &format!("contain/deny{place}"), principal);
    // Denying the key's own account everything would take it from everybody at once, its administrators too.
    let own_account =
        account_of_root(principal).is_some_and(|own| key.account.as_deref() == Some(own));
    if account_of_root(principal).is_some() {
        let region = key.region.as_deref().map_or("\"$REGION\"".into(), quoted);
        let arn = quoted(&key.arn);
        let why = match own_account {
            true => {
                "it is the key's own account: denied, nobody could use or administer the key any more; name the principals in it"
            }
            false => {
                "it is an account: its statements are taken out by hand, so that nothing else breaks"
            }
        };
        making.add(Step {
            manual: Some(vec![
                format!("aws kms get-key-policy --key-id {arn} --policy-name default --query Policy --output text --region {region} > policy.json"),
                format!("aws kms put-key-policy --key-id {arn} --policy-name default --policy file://policy.json --region {region}   # without what lets it in"),
            ]),
            needs: vec![kept.clone()],
            calls: texts(&["kms:GetKeyPolicy", "kms:PutKeyPolicy"]),
            verified_by: "GetKeyPolicy: nothing lets it in".into(),
            ..simple(
                name,
                Phase::Contain,
                format!("Take {principal} out of the policy of {}", key.label),
                Action::Manual {
                    kind: "AWS::KMS::Key".into(),
                    resource: key.arn.clone(),
                    why: why.into(),
                    to: None,
                },
                "KCR-1",
            )
        });
        return;
    }
    let digits = input.incident.id.as_str().replace('-', "");
    making.add(Step {
        downtime: Downtime::Brief(format!(
            "whatever rightly runs as {principal} is refused from then on"
        )),
        needs: vec![kept.clone()],
        calls: texts(&["kms:GetKeyPolicy", "kms:PutKeyPolicy"]),
        verified_by: "GetKeyPolicy has the statement".into(),
        ..simple(
            name,
            Phase::Contain,
            format!("Deny {principal} the use of {}", key.label),
            Action::DenyPrincipal {
                key: key.arn.clone(),
                principal: principal.to_owned(),
                sid: format!("LockfastDeny{digits}N{}", index + 1),
            },
            "KCR-1",
        )
    });
}

fn revoke_sessions(input: &Input<'_>, role: &str, making: &mut Making) {
    if !role.contains(":role/") || role.contains(":role/aws-service-role/") {
        return;
    }
    let name = free(making, "contain/revoke-sessions", role);
    // A role of the same name in the key's account is somebody else.
    if role.split(':').nth(4) != input.key.account.as_deref() {
        making.add(Step {
            calls: texts(&["iam:PutRolePolicy"]),
            verified_by: "its sessions that began before are refused".into(),
            manual: Some(vec![format!(
                "# with credentials of its own account: IAM console, {}, Revoke sessions",
                quoted(role)
            )]),
            ..simple(
                name,
                Phase::Contain,
                format!("Have the sessions of {role} revoked in its account"),
                Action::Manual {
                    kind: "AWS::IAM::Role".into(),
                    resource: role.to_owned(),
                    why: "it is of another account than the key".into(),
                    to: None,
                },
                "KCR-1",
            )
        });
        return;
    }
    making.add(Step {
        downtime: Downtime::Brief(format!(
            "sessions of {role} that began before are refused; new ones are not"
        )),
        calls: texts(&["iam:PutRolePolicy", "iam:GetRolePolicy"]),
        verified_by: "GetRolePolicy: AWSRevokeOlderSessions denies by aws:TokenIssueTime".into(),
        ..simple(
            name,
            Phase::Contain,
            format!("Revoke the sessions of {role}"),
            Action::RevokeSessions {
                role: role.to_owned(),
                before: input.incident.opened_at.to_string(),
            },
            "KCR-1",
        )
    });
}

/// A user's access keys outlive every session. Which of them is in the wrong hands, somebody has to say: a user who rightly
/// works with another would be cut off.
fn access_keys(user: &str, making: &mut Making) {
    let Some((_, name)) = user.split_once(":user/") else {
        return;
    };
    let name = quoted(name.rsplit('/').next().unwrap_or(name));
    making.add(Step {
        downtime: Downtime::Brief(format!("whatever uses the access key of {user} is refused")),
        calls: texts(&["iam:ListAccessKeys", "iam:UpdateAccessKey"]),
        verified_by: "ListAccessKeys: those in the wrong hands are Inactive".into(),
        manual: Some(vec![
            format!("aws iam list-access-keys --user-name {name}"),
            format!("aws iam update-access-key --user-name {name} --access-key-id \"$ACCESS_KEY_ID\" --status Inactive"),
        ]),
        ..simple(
            free(making, "contain/access-keys", user),
            Phase::Contain,
            format!("Deactivate the access keys of {user}"),
            Action::Manual {
                kind: "AWS::IAM::AccessKey".into(),
                resource: user.to_owned(),
                why: "somebody has to say which of them is in the wrong hands".into(),
                to: None,
            },
            "KCR-1",
        )
    });
}

/// A name that no step has: roles of two accounts may be called alike.
fn free(making: &Making, before: &str, principal: &str) -> String {
    let on = DependentFacts {
        account: principal.split(':').nth(4).map(str::to_owned),
        ..DependentFacts::default()
    };
    making.free(&format!("{before}/{}", tail(principal)), &on)
}

/// The last part of an ARN, for a step's name.
fn tail(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let name = resource.split_once('/').map_or(resource, |(_, name)| name);
    match name {
        "root" => arn.split(':').nth(4).unwrap_or(name).to_owned(),
        name => name.to_owned(),
    }
}

pub(super) fn texts(calls: &[&str]) -> Vec<String> {
    calls.iter().map(|call| (*call).to_owned()).collect()
}
