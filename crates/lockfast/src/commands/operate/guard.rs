//! `lockfast keys guard`: statements by which AWS itself refuses a deletion outside the approved way.

use super::settings;
use crate::cli::Guard;
use crate::commands::print;
use anyhow::{Result, bail};
use serde_json::json;

/// What ends a key, or opens a way around.
const ENDINGS: [&str; 3] = [
    "kms:DeleteImportedKeyMaterial",
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
];

/// Prints the statements for key policies, or a service control policy.
///
/// # Errors
/// When no role is named.
pub fn run(args: &Guard) -> Result<u8> {
    let approvals = settings(args.config.as_deref())?.0.approvals;
    let Some(role) = args.broker_role.clone().or(approvals.broker_role) else {
        bail!(
            "name the role that carries deletions out with --broker-role, or as broker_role in [approvals] of lockfast.toml"
        );
    };
    if !role.starts_with("arn:") || !role.contains(":role/") {
        bail!("--broker-role {role}: that is no role's ARN");
    }
    // In an organisation the role is one of each account.
    let everywhere = match role.split_once(":iam::") {
        Some((partition, rest)) => {
            let path = rest.split_once(':').map_or(rest, |(_, path)| path);
            format!("{partition}:iam::*:{path}")
        }
        None => role.clone(),
    };
    let days = approvals.pending_window_days;
    // A service control policy has no Principal; a key policy's statement needs one.
    let (whose, mut statements) = match args.scp {
        true => (everywhere, Vec::new()),
        false => (role, Vec::new()),
    };
    let unless = json!({"ArnNotEquals": {"aws:PrincipalArn": whose}});
    let unless = match args.scp {
        // The account in it is a pattern.
        true => json!({"ArnNotLike": {"aws:PrincipalArn": whose}}),
        false => unless,
    };
    statements.push(statement(
        "LockfastDeletionByBrokerOnly",
        &ENDINGS,
        &unless,
        args.scp,
    ));
    statements.push(statement(
        "LockfastPendingWindow",
        &["kms:ScheduleKeyDeletion"],
        &json!({"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": days.to_string()}}),
        args.scp,
    ));
    statements.push(statement(
        "LockfastNoBypassOfLockoutCheck",
        &["kms:CreateKey", "kms:PutKeyPolicy"],
        &json!({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}),
        args.scp,
    ));
    if args.scp {
        statements.push(statement(
            "LockfastKeyStores",
            &["kms:DeleteCustomKeyStore", "kms:DisconnectCustomKeyStore"],
            &unless,
            true,
        ));
        // The role's own trust policy is a way in.
        let mut own = statement(
            "LockfastBrokerRole",
            &[
                "iam:AttachRolePolicy",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:PutRolePolicy",
                "iam:UpdateAssumeRolePolicy",
            ],
            &unless,
            true,
        );
        own["Resource"] = whose.into();
        statements.push(own);
    }
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    print(&format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn statement(
    sid: &str,
    actions: &[&str],
    condition: &serde_json::Value,
    scp: bool,
) -> serde_json::Value {
    match scp {
        true => {
            json!({"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition})
        }
        false => json!({
            "Sid": sid, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": actions, "Resource": "*",
            "Condition": condition,
        }),
    }
}
