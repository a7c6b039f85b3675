//! What a policy lets somebody do who has nothing to do with the account.

use lockfast_access::{Account, Policy, Principal, Request, Resource, Three};

/// An account that is nobody's here.
const STRANGER: &str = "000000000000";

/// A request of a role of another account and organisation, over TLS, from the internet.
pub(crate) fn request(action: &str, resource: Resource) -> Request {
    Request::new(
        Principal::arn(&format!("arn:aws:iam::{STRANGER}:role/stranger")),
        action,
        resource,
    )
    .with("aws:PrincipalAccount", STRANGER)
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

/// Whether a policy allows a request, its denials considered.
pub(crate) fn allows(policy: &Policy, request: &Request) -> Three {
    let outcome = policy.evaluate(request);
    outcome.allowed.and(!outcome.denied)
}
