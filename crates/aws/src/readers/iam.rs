//! AWS IAM: roles, users, groups, their policies, and server certificates. Once an account.
//!
//! One list tells all identities with all their policies. AWS's own policies are given too where something in the account
//! has them, as `AWS::IAM::ManagedPolicy` under their own ARNs (`arn:aws:iam::aws:policy/…`), since what an identity may do
//! is not known without them; those that nobody has are left out.

use super::prelude::*;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{
    AttachedPermissionsBoundary, AttachedPolicy, GroupDetail, ManagedPolicyDetail, PolicyDetail,
    RoleDetail, UserDetail,
};
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, HashSet};

const DETAILS: &str = "iam:GetAccountAuthorizationDetails";
const CERTIFICATES: &str = "iam:ListServerCertificates";

/// What one call answers at most (IAM API Reference, GetAccountAuthorizationDetails).
const MOST: i32 = 1000;

pub(super) static READER: Reader = Reader {
    service: "iam",
    scope: Scope::Global,
    kinds: &[
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::IAM::Group",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ServerCertificate",
    ],
    calls: &[DETAILS, CERTIFICATES],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(identities(&cx, &client), certificates(&cx, &client));
}

async fn identities(cx: &Cx, client: &Client) {
    let kinds = [
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::IAM::Group",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::InstanceProfile",
    ];
    let request = client.get_account_authorization_details().max_items(MOST);
    let answers = cx.list(DETAILS, &kinds, pages!(request)).await;
    // AWS's own policies stand in the answers whether anybody has them or not.
    let named: HashSet<&str> = answers
        .iter()
        .flat_map(|answer| {
            let roles = answer.role_detail_list().iter();
            let users = answer.user_detail_list().iter();
            let groups = answer.group_detail_list().iter();
            let roles = roles.map(|role| {
                (
                    role.attached_managed_policies(),
                    role.permissions_boundary(),
                )
            });
            let users = users.map(|user| {
                (
                    user.attached_managed_policies(),
                    user.permissions_boundary(),
                )
            });
            let groups = groups.map(|group| (group.attached_managed_policies(), None));
            roles.chain(users).chain(groups)
        })
        .flat_map(|(policies, limit)| {
            let policies = policies.iter().filter_map(|policy| policy.policy_arn());
            policies.chain(boundary(limit))
        })
        .collect();
    // A profile stands in the answer for each role that it holds.
    let mut profiles: BTreeMap<String, Props> = BTreeMap::new();
    for answer in &answers {
        for detail in answer.role_detail_list() {
            role(cx, detail);
            for profile in detail.instance_profile_list() {
                let roles: Vec<String> = profile
                    .roles()
                    .iter()
                    .map(|role| role.role_name().to_owned())
                    .collect();
                let props = Props::of(DETAILS)
                    .put("InstanceProfileName", profile.instance_profile_name())
                    .put("Path", profile.path())
                    .put("Roles", roles);
                profiles.insert(profile.arn().to_owned(), props);
            }
        }
        for detail in answer.user_detail_list() {
            user(cx, detail);
        }
        for detail in answer.group_detail_list() {
            group(cx, detail);
        }
        for detail in answer.policies() {
            let is_aws = detail.arn().is_some_and(|arn| arn.contains(":iam::aws:"));
            if !is_aws || detail.arn().is_some_and(|arn| named.contains(arn)) {
                policy(cx, detail);
            }
        }
    }
    for (arn, props) in profiles {
        let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
        cx.emit("AWS::IAM::InstanceProfile", &name, Some(&arn), props);
    }
}

fn role(cx: &Cx, role: &RoleDetail) {
    let (Some(name), Some(arn)) = (role.role_name(), role.arn()) else {
        return;
    };
    // A role that was never used has an empty object here, which is not the same as nothing known.
    let used = role.role_last_used().map(|used| {
        let used = Props::new()
            .put("LastUsedDate", used.last_used_date())
            .put("Region", used.region());
        Value::Object(used.map)
    });
    let props = Props::of(DETAILS)
        .put("RoleName", name)
        .put("Path", role.path())
        .put("RoleId", role.role_id())
        .put("CreateDate", role.create_date())
        .put(
            "AssumeRolePolicyDocument",
            role.assume_role_policy_document().map(decoded),
        )
        .put("Policies", inline(role.role_policy_list()))
        .put(
            "ManagedPolicyArns",
            attached(role.attached_managed_policies()),
        )
        .put("PermissionsBoundary", boundary(role.permissions_boundary()))
        .put("RoleLastUsed", used)
        .put("Tags", tags!(role.tags()));
    cx.emit("AWS::IAM::Role", name, Some(arn), props);
}

fn user(cx: &Cx, user: &UserDetail) {
    let (Some(name), Some(arn)) = (user.user_name(), user.arn()) else {
        return;
    };
    let props = Props::of(DETAILS)
        .put("UserName", name)
        .put("Path", user.path())
        .put("UserId", user.user_id())
        .put("CreateDate", user.create_date())
        .put("Groups", user.group_list())
        .put("Policies", inline(user.user_policy_list()))
        .put(
            "ManagedPolicyArns",
            attached(user.attached_managed_policies()),
        )
        .put("PermissionsBoundary", boundary(user.permissions_boundary()))
        .put("Tags", tags!(user.tags()));
    cx.emit("AWS::IAM::User", name, Some(arn), props);
}

fn group(cx: &Cx, group: &GroupDetail) {
    let (Some(name), Some(arn)) = (group.group_name(), group.arn()) else {
        return;
    };
    let props = Props::of(DETAILS)
        .put("GroupName", name)
        .put("Path", group.path())
        .put("GroupId", group.group_id())
        .put("CreateDate", group.create_date())
        .put("Policies", inline(group.group_policy_list()))
        .put(
            "ManagedPolicyArns",
            attached(group.attached_managed_policies()),
        );
    cx.emit("AWS::IAM::Group", name, Some(arn), props);
}

fn policy(cx: &Cx, policy: &ManagedPolicyDetail) {
    let Some(arn) = policy.arn() else {
        return;
    };
    let name = policy.policy_name().or_else(|| arn.rsplit('/').next());
    let name = name.unwrap_or(arn);
    let default = policy
        .policy_version_list()
        .iter()
        .find(|version| version.is_default_version());
    let document = match default.and_then(|version| version.document()) {
        Some(text) => decoded(text),
        None => malformed(DETAILS).unknown(),
    };
    // To whom it is attached, the identities say.
    let props = Props::of(DETAILS)
        .put("ManagedPolicyName", name)
        .put("Path", policy.path())
        .put("Description", policy.description())
        .put("PolicyDocument", document)
        .put("DefaultVersionId", policy.default_version_id())
        .put("AttachmentCount", policy.attachment_count())
        .put(
            "PermissionsBoundaryUsageCount",
            policy.permissions_boundary_usage_count(),
        )
        .put("CreateDate", policy.create_date())
        .put("UpdateDate", policy.update_date());
    cx.emit("AWS::IAM::ManagedPolicy", name, Some(arn), props);
}

fn inline(policies: &[PolicyDetail]) -> Vec<Props> {
    let policies = policies.iter().map(|policy| {
        Props::new()
            .put("PolicyName", policy.policy_name())
            .put("PolicyDocument", policy.policy_document().map(decoded))
    });
    policies.collect()
}

fn attached(policies: &[AttachedPolicy]) -> Vec<String> {
    let arns = policies.iter().filter_map(|policy| policy.policy_arn());
    arns.map(str::to_owned).collect()
}

fn boundary(boundary: Option<&AttachedPermissionsBoundary>) -> Option<&str> {
    boundary?.permissions_boundary_arn()
}

/// IAM writes documents as URLs are written (IAM API Reference, PolicyDetail: RFC 3986).
fn decoded(text: &str) -> Value {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => document(DETAILS, &text),
        Err(_) => malformed(DETAILS).unknown(),
    }
}

async fn certificates(cx: &Cx, client: &Client) {
    let certificates = cx
        .list(
            CERTIFICATES,
            &["AWS::IAM::ServerCertificate"],
            items!(client.list_server_certificates()),
        )
        .await;
    for certificate in certificates {
        let props = Props::of(CERTIFICATES)
            .put(
                "ServerCertificateName",
                certificate.server_certificate_name(),
            )
            .put("Path", certificate.path())
            .put("ServerCertificateId", certificate.server_certificate_id())
            .put("UploadDate", certificate.upload_date())
            .put("Expiration", certificate.expiration());
        cx.emit(
            "AWS::IAM::ServerCertificate",
            certificate.server_certificate_name(),
            Some(certificate.arn()),
            props,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_like_urls() {
        let text = "%7B%22Statement%22%3A%5B%7B%22Resource%22%3A%22a%2Bb%2F%2A%22%7D%5D%7D";
        assert_eq!(decoded(text), json!({"Statement": [{"Resource": "a+b/*"}]}));
        assert!(decoded("%7B").get("$unknown").is_some());
    }
}
