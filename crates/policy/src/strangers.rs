//! What a policy lets somebody do who has nothing to do with the account.

use lockfast_access::world::Bounds;
use lockfast_access::{Account, Policy, Principal, Request, Resource, Three, limits_leave};
use lockfast_facts::{Part, ResourceId, Text, Why};

/// A resource that no input makes: a key, a role of which no policy says anything in particular.
pub(crate) const UNMADE: ResourceId = ResourceId(u32::MAX);

/// The names of keys that no policy knows, of one Region and of many: AWS chooses them when keys are made.
pub(crate) const UNMADE_KEY: &str = "key/00000000-0000-4000-8000-000000000000";
pub(crate) const UNMADE_MULTI_REGION_KEY: &str = "key/mrk-00000000000040008000000000000000";

/// An account that is nobody's here.
const STRANGER: &str = "000000000000";

/// Some account that is not the stranger's.
const HOME: &str = "111122223333";

/// A request of a role of another account and organisation, over TLS, from the internet.
pub(crate) fn request(action: &str, resource: Resource) -> Request {
    request_of(
        &format!("arn:aws:iam::{STRANGER}:role/stranger"),
        STRANGER,
        action,
        resource,
    )
}

/// The same of a principal of this account.
fn request_of(arn: &str, account: &str, action: &str, resource: Resource) -> Request {
    Request::new(Principal::arn(arn), action, resource)
        .with("aws:PrincipalAccount", account)
        .with("aws:PrincipalOrgID", "o-0000000000")
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:PrincipalType", "AssumedRole")
        .with("aws:SecureTransport", "true")
        .with("aws:SourceIp", "198.51.100.1")
        .without("aws:SourceArn")
        .without("aws:SourceAccount")
        .without("aws:SourceOrgID")
        .without("aws:SourceOwner")
        .without("aws:SourceVpc")
        .without("aws:SourceVpce")
}

/// The same, for a resource of the stranger's own account.
pub(crate) fn request_for_own(action: &str) -> Request {
    let service = action.split(':').next().unwrap_or_default();
    let arn = match service {
        "s3" => "arn:aws:s3:::strangers-bucket/object".to_owned(),
        service => format!("arn:aws:{service}:eu-central-1:{STRANGER}:strangers/resource"),
    };
    request(action, Resource::arn(arn))
        .in_account(Account::Id(STRANGER.into()))
        .with("aws:ResourceAccount", STRANGER)
        .with("aws:ResourceOrgID", "o-0000000000")
}

/// Whether a policy lets somebody of another account do something: of any, or of the one given, perhaps
/// as one of its principals.
/// The resource control policies over the resource's account may take it back.
pub(crate) fn lets_in(
    policy: &Policy,
    principal: Option<(&str, Option<&str>)>,
    action: &str,
    resource: Resource,
    bounds: &Bounds<'_>,
) -> Three {
    let (account, arn) = principal.unwrap_or((STRANGER, None));
    let role = format!("arn:aws:iam::{account}:role/stranger");
    let policy = settled(policy);
    let request = request_of(arn.unwrap_or(&role), account, action, resource);
    let request = request.in_account(policy.account.clone());
    let request = in_organization(request, bounds);
    allows(&policy, &request).and(limits_leave(&request, &bounds.over(&policy.account)))
}

/// Whether resource control policies leave it open to principals of another account to do something to an account's resource.
pub(crate) fn leave_to_account(
    stranger: &str,
    action: &str,
    resource: Resource,
    account: &Account,
    bounds: &Bounds<'_>,
) -> Three {
    let role = format!("arn:aws:iam::{stranger}:role/stranger");
    let request = request_of(&role, stranger, action, resource).in_account(account.clone());
    limits_leave(&in_organization(request, bounds), &bounds.over(account))
}

/// The same request, of a member of the organisation that its account is of.
fn in_organization(request: Request, bounds: &Bounds<'_>) -> Request {
    match bounds.organization_of(&request.principal.account) {
        Some(organization) => request.with("aws:PrincipalOrgID", organization),
        None => request,
    }
}

/// Whether resource control policies leave it open to a service to do something to an account's resource for another customer.
pub(crate) fn leave_to_deputy(
    service: &str,
    action: &str,
    resource: Resource,
    account: &Account,
    bounds: &Bounds<'_>,
) -> Three {
    let request = Request::new(Principal::service(service), action, resource)
        .in_account(account.clone())
        .with("aws:PrincipalIsAWSService", "true")
        .with("aws:SecureTransport", "true")
        .with("aws:SourceAccount", STRANGER)
        .with("aws:SourceOrgID", "o-0000000000");
    limits_leave(&request, &bounds.over(account))
}

/// The same policy in an account with an id: to a stranger, it does not matter which.
fn settled(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    if policy.account != Account::Own {
        return policy;
    }
    policy.account = Account::Id(HOME.into());
    for condition in policy.statements.iter_mut().flat_map(|s| &mut s.conditions) {
        for text in condition.values.iter_mut().flatten() {
            *text = Text::from_parts(text.parts().into_iter().map(|part| match &part {
                Part::Unknown(why)
                    if matches!(&**why, Why::Runtime(what) if what == "AWS::AccountId") =>
                {
                    Part::Literal(HOME.into())
                }
                _ => part,
            }));
        }
    }
    policy
}

/// Whether a policy allows a request, its denials considered.
pub(crate) fn allows(policy: &Policy, request: &Request) -> Three {
    let outcome = policy.evaluate(request);
    outcome.allowed.and(!outcome.denied)
}
