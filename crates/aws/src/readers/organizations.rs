//! AWS Organizations: the organisation, its accounts, and the policies over them (SCPs and RCPs). Once an account.
//!
//! Only the management account and those that it delegates to may list; any other account is denied, and what holds over it
//! is then not known. An account outside of every organisation has none of this (`AWSOrganizationsNotInUseException`).

use super::prelude::*;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{Account, PolicySummary, PolicyType};
use std::collections::HashMap;

const ORGANIZATION: &str = "organizations:DescribeOrganization";
const ACCOUNTS: &str = "organizations:ListAccounts";
const PARENTS: &str = "organizations:ListParents";
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
    calls: &[ORGANIZATION, ACCOUNTS, PARENTS, POLICIES, CONTENT, TARGETS],
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
    let mut known = HashMap::new();
    for item in answers.iter().flat_map(|answer| answer.accounts()) {
        account(cx, client, item, &mut known).await;
    }
}

async fn account(
    cx: &Cx,
    client: &Client,
    account: &Account,
    known: &mut HashMap<String, Option<String>>,
) {
    let Some(id) = account.id() else {
        return;
    };
    // Whose mail address it is, no question asks.
    let props = Props::of(ACCOUNTS)
        .put("AccountId", id)
        .put("AccountName", account.name())
        .put("State", account.state().map(|state| state.as_str()))
        .put(
            "JoinedMethod",
            account.joined_method().map(|method| method.as_str()),
        )
        .put("JoinedTimestamp", account.joined_timestamp());
    let props = match account.paths() {
        [] => {
            let path = path(cx, client, id, known).await;
            props
                .from(PARENTS)
                .put("Paths", path.map(|path| vec![Value::String(path)]))
        }
        paths => props.put("Paths", paths),
    };
    cx.emit(ACCOUNT, id, account.arn(), props);
}

/// The path of an account where the list does not tell it, unit by unit, each asked once.
async fn path(
    cx: &Cx,
    client: &Client,
    id: &str,
    known: &mut HashMap<String, Option<String>>,
) -> Result<String, Failure> {
    let mut path = format!("{id}/");
    let mut at = id.to_owned();
    // Units nest five deep (AWS Organizations User Guide, "Quotas").
    for _ in 0..8 {
        let parent = match known.get(&at) {
            Some(parent) => parent.clone(),
            None => {
                let answer = cx
                    .get(PARENTS, client.list_parents().child_id(&at).send())
                    .await?;
                let parent = answer.parents().first().and_then(|parent| parent.id());
                let parent = parent.map(str::to_owned);
                known.insert(at, parent.clone());
                parent
            }
        };
        let Some(parent) = parent else { break };
        path = format!("{parent}/{path}");
        if parent.starts_with("r-") {
            break;
        }
        at = parent;
    }
    Ok(path)
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
