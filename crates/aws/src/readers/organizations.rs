//! AWS Organizations: the organisation, its accounts, and the policies over them (SCPs and RCPs). Once an account.
//!
//! Only the management account and those that it delegates to may list; any other account is denied, and what holds over it
//! is then not known. An account outside of every organisation has none of this (`AWSOrganizationsNotInUseException`).

use super::prelude::*;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{Account, PolicySummary, PolicyType};

const ORGANIZATION: &str = "organizations:DescribeOrganization";
const ACCOUNTS: &str = "organizations:ListAccounts";
const POLICIES: &str = "organizations:ListPolicies";
const CONTENT: &str = "organizations:DescribePolicy";
const TARGETS: &str = "organizations:ListTargetsForPolicy";

const KIND: &str = "AWS::Organizations::Organization";
const ACCOUNT: &str = "AWS::Organizations::Account";
const POLICY: &str = "AWS::Organizations::Policy";

pub(super) static READER: Reader = Reader {
    service: "organizations",
    scope: Scope::Global,
    kinds: &[KIND, ACCOUNT, POLICY],
    calls: &[ORGANIZATION, ACCOUNTS, POLICIES, CONTENT, TARGETS],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let answer = cx
        .get_unless(
            ORGANIZATION,
            &["AWSOrganizationsNotInUseException"],
            client.describe_organization().send(),
        )
        .await;
    match answer {
        Ok(None) => return,
        Ok(Some(answer)) => {
            if let Some((organization, id)) =
                answer.organization().and_then(|of| Some((of, of.id()?)))
            {
                let props = Props::of(ORGANIZATION)
                    .put("Id", id)
                    .put(
                        "FeatureSet",
                        organization.feature_set().map(|set| set.as_str()),
                    )
                    .put("ManagementAccountId", organization.master_account_id())
                    .put("ManagementAccountArn", organization.master_account_arn());
                cx.emit(KIND, id, organization.arn(), props);
            }
        }
        Err(failure) => cx.gap(&[KIND], &failure),
    }
    futures::join!(
        accounts(&cx, &client),
        policies(&cx, &client, PolicyType::ServiceControlPolicy),
        policies(&cx, &client, PolicyType::ResourceControlPolicy),
    );
}

async fn accounts(cx: &Cx, client: &Client) {
    let answers = cx
        .list(ACCOUNTS, &[ACCOUNT], pages!(client.list_accounts()))
        .await;
    for item in answers.iter().flat_map(|answer| answer.accounts()) {
        account(cx, item);
    }
}

fn account(cx: &Cx, account: &Account) {
    let Some(id) = account.id() else {
        return;
    };
    // Whose mail address it is, no question asks.
    let props = Props::of(ACCOUNTS)
        .put("AccountId", id)
        .put("AccountName", account.name())
        .put("State", account.state().map(|state| state.as_str()))
        .put("Paths", account.paths())
        .put(
            "JoinedMethod",
            account.joined_method().map(|method| method.as_str()),
        )
        .put("JoinedTimestamp", account.joined_timestamp());
    cx.emit(ACCOUNT, id, account.arn(), props);
}

async fn policies(cx: &Cx, client: &Client, kind: PolicyType) {
    let request = client.list_policies().filter(kind);
    let answers = cx.list(POLICIES, &[POLICY], pages!(request)).await;
    let policies = answers
        .into_iter()
        .flat_map(|answer| answer.policies.unwrap_or_default());
    cx.each(policies.collect::<Vec<_>>(), |item| async move {
        policy(cx, client, &item).await;
    })
    .await;
}

async fn policy(cx: &Cx, client: &Client, policy: &PolicySummary) {
    let Some(id) = policy.id() else {
        return;
    };
    let stream = pages!(client.list_targets_for_policy().policy_id(id));
    let (content, (targets, failure)) = futures::join!(
        cx.get(CONTENT, client.describe_policy().policy_id(id).send()),
        cx.try_list(TARGETS, stream),
    );
    let content = content.map(|answer| {
        let text = answer.policy()?.content()?;
        Some(document(CONTENT, text))
    });
    // A policy without targets holds over nothing: an empty list says so.
    let targets = targets.iter().flat_map(|answer| answer.targets());
    let targets: Value = targets
        .filter_map(|target| target.target_id().map(|id| Value::String(id.to_owned())))
        .collect();
    let targets = match failure {
        Some(failure) => Err(failure),
        None => Ok(targets),
    };
    let props = Props::of(POLICIES)
        .put("PolicyId", id)
        .put("Name", policy.name())
        .put("Description", policy.description())
        .put("Type", policy.r#type().map(|kind| kind.as_str()))
        .put("AwsManaged", policy.aws_managed())
        .from(CONTENT)
        .put("Content", content)
        .from(TARGETS)
        .put("TargetIds", targets);
    cx.emit(POLICY, id, policy.arn(), props);
}
