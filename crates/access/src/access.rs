//! All policies together: whether a request is allowed.
//!
//! Sources: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic"; AWS KMS
//! Developer Guide, "Determining access to AWS KMS keys".

use crate::Three;
use crate::evaluate::{DecidedBy, Decision, Outcome, Through, decide};
use crate::kms;
use crate::policy::Policy;
use crate::principal::{Identity, PrincipalPattern};
use crate::request::Request;

/// How a resource's policy and the identities' policies go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Within an account, either is enough (S3, SQS, Secrets Manager, …).
    #[default]
    Either,
    /// The resource's policy must name the principal, or name its account and the identity's
    /// policies allow: KMS keys and role trust policies.
    ResourceFirst,
}

/// A grant on a KMS key.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who holds it.
    pub grantee: PrincipalPattern,
    /// The operations, such as `Decrypt`.
    pub operations: Vec<String>,
    /// True when it has constraints on the encryption context: then it only may match.
    pub constrained: bool,
}

/// Everything that speaks to a request.
#[derive(Clone, Default)]
pub struct PolicySet<'a> {
    /// Policies of the identity and its groups.
    pub identity: Vec<&'a Policy>,
    /// The identity's permissions boundary.
    pub boundary: Option<&'a Policy>,
    /// Policies passed when the session began.
    pub session: Vec<&'a Policy>,
    /// The resource's policy.
    pub resource: Option<&'a Policy>,
    /// How it goes together with the identity's.
    pub trust: Trust,
    /// Grants on a KMS key.
    pub grants: &'a [Grant],
    /// Service control policies of the caller's account, level by level from the root; each level
    /// must allow. None when the account is in no organisation, or is the management account.
    pub scps: Vec<Vec<&'a Policy>>,
    /// Resource control policies of the resource's account, level by level.
    pub rcps: Vec<Vec<&'a Policy>>,
    /// The policy of the VPC endpoint that the request comes through.
    pub endpoint: Option<&'a Policy>,
}

/// The decision of all policies, with the reasons.
#[derive(Clone, Debug)]
pub struct Access {
    /// The answer.
    pub decision: Decision,
    /// Which policy says what, in the order of evaluation.
    pub reasons: Vec<Reason>,
}

/// What one policy said.
#[derive(Clone, Debug)]
pub struct Reason {
    /// Which kind of policy.
    pub kind: PolicyKind,
    /// Its index among those of its kind (levels flattened).
    pub index: usize,
    /// Its answer.
    pub decision: Decision,
    /// Its statements that decide.
    pub decided_by: Vec<DecidedBy>,
}

/// Which kind of policy spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
    /// A VPC endpoint's policy.
    Endpoint,
    /// The resource's policy.
    Resource,
    /// An identity's policy.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
}

/// Collects what policies say.
struct Hearing<'a> {
    request: &'a Request,
    denied: Three,
    if_allowed: Vec<String>,
    unless: Vec<String>,
    reasons: Vec<Reason>,
}

impl Hearing<'_> {
    fn hear(&mut self, kind: PolicyKind, index: usize, policy: &Policy) -> Outcome {
        let outcome = policy.evaluate(self.request);
        self.denied = self.denied.or(outcome.denied);
        self.if_allowed.extend(outcome.if_allowed.iter().cloned());
        self.unless.extend(outcome.unless_denied.iter().cloned());
        self.reasons.push(Reason {
            kind,
            index,
            decision: outcome.decision.clone(),
            decided_by: outcome.decided_by.clone(),
        });
        outcome
    }

    fn any(&mut self, kind: PolicyKind, policies: &[&Policy]) -> Three {
        let mut allowed = Three::No;
        for (index, policy) in policies.iter().enumerate() {
            allowed = allowed.or(self.hear(kind, index, policy).allowed);
        }
        allowed
    }

    fn levels(&mut self, kind: PolicyKind, levels: &[Vec<&Policy>]) -> Three {
        let mut allowed = Three::Yes;
        let mut index = 0;
        for level in levels {
            let mut here = Three::No;
            for policy in level {
                here = here.or(self.hear(kind, index, policy).allowed);
                index += 1;
            }
            allowed = allowed.and(here);
        }
        allowed
    }
}

/// Whether all policies together allow a request.
pub fn evaluate_access(request: &Request, policies: &PolicySet<'_>) -> Access {
    let principal = &request.principal;
    let is_kms = request
        .action
        .get(..4)
        .is_some_and(|p| p.eq_ignore_ascii_case("kms:"));
    let mut hearing = Hearing {
        request,
        denied: Three::No,
        if_allowed: Vec::new(),
        unless: Vec::new(),
        reasons: Vec::new(),
    };
    let mut limits = Three::Yes;
    // "SCPs affect only IAM users and roles that are managed by accounts that are part of the
    // organization" (AWS Organizations User Guide, "Service control policies"): services and
    // strangers are not.
    if !matches!(
        principal.identity,
        Identity::Service(_) | Identity::Anonymous
    ) {
        limits = limits.and(hearing.levels(PolicyKind::Scp, &policies.scps));
    }
    limits = limits.and(hearing.levels(PolicyKind::Rcp, &policies.rcps));
    if let Some(endpoint) = policies.endpoint {
        limits = limits.and(hearing.hear(PolicyKind::Endpoint, 0, endpoint).allowed);
    }
    let resource = policies
        .resource
        .map(|policy| hearing.hear(PolicyKind::Resource, 0, policy).through)
        .unwrap_or(Through::NONE);
    // The root user needs no policy in its own account.
    let identity = match principal.identity {
        Identity::Root => Three::Yes,
        _ => hearing.any(PolicyKind::Identity, &policies.identity),
    };
    let mut bounds = match policies.boundary {
        Some(boundary) => hearing.hear(PolicyKind::Boundary, 0, boundary).allowed,
        None => Three::Yes,
    };
    if !policies.session.is_empty() {
        bounds = bounds.and(hearing.any(PolicyKind::Session, &policies.session));
    }
    let by_grant = if is_kms {
        granted(request, policies)
    } else {
        Three::No
    };
    if by_grant == Three::Maybe {
        hearing
            .if_allowed
            .push("if a grant's constraints are met".to_owned());
    }

    // A boundary's implicit deny limits what a role's ARN is given, not what a user's, a session's
    // or everybody is given.
    let named = resource.direct.or(resource.role.and(bounds));
    let by_identity = identity.and(bounds);
    let outsider = matches!(
        principal.identity,
        Identity::Service(_) | Identity::Anonymous | Identity::Federated(_)
    );
    let same = match outsider {
        // They have no identity policies: what names them is enough.
        true => Three::Yes,
        false => principal.account.same(&request.resource_account),
    };
    let within = match policies.trust {
        _ if outsider => resource.direct,
        Trust::Either => named.or(by_identity),
        Trust::ResourceFirst => named.or(resource.account.and(by_identity)),
    }
    .or(by_grant);
    let any_way = resource
        .direct
        .or(resource.role)
        .or(resource.account)
        .or(by_grant);
    let reachable = !is_kms || kms::works_across_accounts(&request.action);
    let across = any_way.and(by_identity).and(reachable.into());
    let allowed = match same {
        Three::Yes => within,
        Three::No => across,
        Three::Maybe => {
            let either = within.agree(across);
            if either == Three::Maybe {
                hearing.if_allowed.push(format!(
                    "if the caller ({}) and the resource ({}) are of the right accounts",
                    principal.account, request.resource_account
                ));
            }
            either
        }
    }
    .and(limits);
    Access {
        decision: decide(hearing.denied, allowed, hearing.if_allowed, hearing.unless),
        reasons: hearing.reasons,
    }
}

fn granted(request: &Request, policies: &PolicySet<'_>) -> Three {
    let operation = &request.action[4..];
    Three::any(policies.grants.iter().map(|grant| {
        if !grant
            .operations
            .iter()
            .any(|o| o.eq_ignore_ascii_case(operation))
        {
            return Three::No;
        }
        let found = grant
            .grantee
            .matches(&request.principal, &request.resource_account);
        if grant.constrained {
            found.and(Three::Maybe)
        } else {
            found
        }
    }))
}
