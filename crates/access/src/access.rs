//! All policies together: whether a request is allowed.
//!
//! Sources: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic"; AWS KMS
//! Developer Guide, "Determining access to AWS KMS keys".

use crate::Three;
use crate::evaluate::{DecidedBy, Decision, Outcome, Through, decide};
use crate::grant::Grant;
use crate::kms;
use crate::policy::Policy;
use crate::principal::Identity;
use crate::request::Request;
use std::sync::Arc;

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

/// What a key itself says to a request, before any policy.
#[derive(Clone, Debug, Default)]
pub struct KeyFacts {
    /// `KeyState`, such as `Enabled`; `None` where that is not known.
    pub state: Option<Arc<str>>,
    /// `KeyUsage`, such as `ENCRYPT_DECRYPT`; `None` where that is not known.
    pub usage: Option<Arc<str>>,
    /// Whether AWS manages it: resource control policies leave such keys out.
    pub aws_managed: bool,
}

/// Why a key refuses an action, whatever policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is in this state.
    State(Arc<str>),
    /// It is for this usage.
    Usage(Arc<str>),
}

impl KeyFacts {
    /// Why it surely refuses an action, where it does.
    pub fn refuses(&self, action: &str) -> Option<Refusal> {
        let by_state = |state: &&Arc<str>| kms::state_refuses(state, action).is_yes();
        let by_usage = |usage: &&Arc<str>| kms::usage_refuses(usage, action).is_yes();
        let state = self.state.as_ref().filter(by_state).cloned();
        let usage = self.usage.as_ref().filter(by_usage).cloned();
        state.map(Refusal::State).or(usage.map(Refusal::Usage))
    }
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
    /// The KMS key; `None` where the resource is none.
    pub key: Option<KeyFacts>,
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
    /// What the policies answer.
    pub decision: Decision,
    /// Why the key refuses the action whatever policies say, where it does.
    pub refused_by_key: Option<Refusal>,
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
    /// Whether a resource's policy names the caller's account only, and so leaves it to the account's own policies.
    pub delegates: bool,
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
    /// A grant on a KMS key.
    Grant,
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
            delegates: kind == PolicyKind::Resource
                && !outcome.through.account.is_no()
                && outcome.through.role.or(outcome.through.direct).is_no(),
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

    fn grants(&mut self, grants: &[Grant]) -> Three {
        let mut allowed = Three::No;
        for (index, grant) in grants.iter().enumerate() {
            let answer = grant.answers(self.request);
            allowed = allowed.or(answer.allows);
            let decision = match answer.allows {
                Three::No => continue,
                Three::Yes => Decision::Allow,
                Three::Maybe => {
                    let open = format!("if {}", answer.open.join(" and "));
                    self.if_allowed.push(open.clone());
                    Decision::Possible(vec![open])
                }
            };
            self.reasons.push(Reason {
                kind: PolicyKind::Grant,
                index,
                decision,
                decided_by: Vec::new(),
                delegates: false,
            });
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
    let is_kms = is_kms(request);
    let retires = retires(request);
    let key = policies.key.as_ref();
    let refused_by_key = key.and_then(|key| key.refuses(&request.action));
    let mut hearing = Hearing {
        request,
        denied: Three::No,
        if_allowed: Vec::new(),
        unless: Vec::new(),
        reasons: Vec::new(),
    };
    let mut limits = Three::Yes;
    let (scps, rcps) = organization(request, policies);
    limits = limits.and(hearing.levels(PolicyKind::Scp, scps));
    limits = limits.and(hearing.levels(PolicyKind::Rcp, rcps));
    if let Some(endpoint) = policies.endpoint {
        limits = limits.and(hearing.hear(PolicyKind::Endpoint, 0, endpoint).allowed);
    }
    // A key policy has no say in who retires a grant (AWS KMS Developer Guide, "Retiring and revoking grants").
    let resource = policies
        .resource
        .filter(|_| !retires)
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
    // "If you do not pass a policy, the resulting session has no permissions" but what names the session (AWS STS API
    // Reference, GetFederationToken).
    if policies.session.is_empty() && principal.is_federated_user() {
        bounds = Three::No;
    } else if !policies.session.is_empty() {
        bounds = bounds.and(hearing.any(PolicyKind::Session, &policies.session));
    }
    let by_grant = match is_kms {
        true => hearing.grants(policies.grants),
        false => Three::No,
    };

    let ways = Ways {
        resource,
        identity,
        bounds,
        by_grant,
    };
    let (allowed, by_accounts) = ways.allow(request, policies.trust);
    if by_accounts {
        hearing.if_allowed.push(format!(
            "if the caller ({}) and the resource ({}) are of the right accounts",
            principal.account, request.resource_account
        ));
    }
    let allowed = allowed.and(limits);
    Access {
        decision: decide(hearing.denied, allowed, hearing.if_allowed, hearing.unless),
        refused_by_key,
        reasons: hearing.reasons,
    }
}

/// The ways by which a request may be let through, before denials and limits.
struct Ways {
    resource: Through,
    identity: Three,
    bounds: Three,
    by_grant: Three,
}

impl Ways {
    /// Whether one of them lets it through; and whether that hangs on accounts that are not known.
    fn allow(&self, request: &Request, trust: Trust) -> (Three, bool) {
        let Ways {
            resource,
            identity,
            bounds,
            by_grant,
        } = *self;
        let principal = &request.principal;
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
        let within = match trust {
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
        let reachable = !is_kms(request) || kms::works_across_accounts(&request.action);
        let across = any_way.and(by_identity).and(reachable.into());
        let (within, across) = match retires(request) {
            // The account that a grant was made in may retire it, by its root user.
            true => {
                let owner = principal.identity == Identity::Root;
                (by_grant.or(owner.into()), by_grant)
            }
            false => (within, across),
        };
        match same {
            Three::Yes => (within, false),
            Three::No => (across, false),
            Three::Maybe => {
                let either = within.agree(across);
                (either, either == Three::Maybe)
            }
        }
    }
}

/// The levels of service and resource control policies that limit a request.
fn organization<'p, 'a>(
    request: &Request,
    policies: &'p PolicySet<'a>,
) -> (&'p [Vec<&'a Policy>], &'p [Vec<&'a Policy>]) {
    let principal = &request.principal;
    // Service-linked roles are beyond what an organisation limits (AWS Organizations User Guide, "Service control policies",
    // "Resource control policies").
    if principal.is_service_linked() {
        return (&[], &[]);
    }
    // "SCPs affect only IAM users and roles that are managed by accounts that are part of the
    // organization" (AWS Organizations User Guide, "Service control policies"): services and
    // strangers are not.
    let scps: &[_] = match principal.identity {
        Identity::Service(_) | Identity::Anonymous => &[],
        _ => &policies.scps,
    };
    let aws_managed = policies.key.as_ref().is_some_and(|key| key.aws_managed);
    let rcps: &[_] = match retires(request) || aws_managed {
        true => &[],
        false => &policies.rcps,
    };
    (scps, rcps)
}

fn is_kms(request: &Request) -> bool {
    let service = request.action.get(..4);
    service.is_some_and(|p| p.eq_ignore_ascii_case("kms:"))
}

fn retires(request: &Request) -> bool {
    request.action.eq_ignore_ascii_case("kms:RetireGrant")
}

/// Whether one of the policies allows a request, and whether one denies it.
fn any_of(policies: &[&Policy], request: &Request) -> (Three, Three) {
    let (mut allowed, mut denied) = (Three::No, Three::No);
    for policy in policies {
        let outcome = policy.evaluate(request);
        allowed = allowed.or(outcome.allowed);
        denied = denied.or(outcome.denied);
    }
    (allowed, denied)
}

/// Whether what only limits leaves a request open: service and resource control policies, and the boundary. It allows
/// nothing by itself.
pub fn limits_leave(request: &Request, policies: &PolicySet<'_>) -> Three {
    let (scps, rcps) = organization(request, policies);
    let boundary: Vec<Vec<&Policy>> = policies
        .boundary
        .map(|policy| vec![policy])
        .into_iter()
        .collect();
    let mut open = Three::Yes;
    for level in scps.iter().chain(rcps).chain(&boundary) {
        let (allowed, denied) = any_of(level, request);
        open = open.and(allowed).and(!denied);
        if open.is_no() {
            break;
        }
    }
    open
}

/// Whether all policies together allow a request, without the reasons: what cannot change the answer any more is not looked at.
/// It is what [`evaluate_access`] comes to.
pub fn may(request: &Request, policies: &PolicySet<'_>) -> Three {
    let principal = &request.principal;
    let key = policies.key.as_ref();
    if key.is_some_and(|key| key.refuses(&request.action).is_some()) {
        return Three::No;
    }
    let mut denied = Three::No;
    let mut ways = Ways {
        resource: Through::NONE,
        identity: Three::Yes,
        bounds: Three::Yes,
        by_grant: Three::No,
    };
    if let Some(policy) = policies.resource.filter(|_| !retires(request)) {
        let outcome = policy.evaluate(request);
        denied = outcome.denied;
        ways.resource = outcome.through;
    }
    if is_kms(request) {
        let grants = policies.grants.iter();
        ways.by_grant = Three::any(grants.map(|grant| grant.answers(request).allows));
    }
    // As far as identities' policies may reach.
    if denied.is_yes() || ways.allow(request, policies.trust).0.is_no() {
        return Three::No;
    }
    if principal.identity != Identity::Root {
        let (allowed, refused) = any_of(&policies.identity, request);
        ways.identity = allowed;
        denied = denied.or(refused);
    }
    if denied.is_yes() || ways.allow(request, policies.trust).0.is_no() {
        return Three::No;
    }
    if let Some(boundary) = policies.boundary {
        let outcome = boundary.evaluate(request);
        denied = denied.or(outcome.denied);
        ways.bounds = outcome.allowed;
    }
    if policies.session.is_empty() && principal.is_federated_user() {
        ways.bounds = Three::No;
    } else if !policies.session.is_empty() {
        let (by_session, refused) = any_of(&policies.session, request);
        ways.bounds = ways.bounds.and(by_session);
        denied = denied.or(refused);
    }
    let mut allowed = ways.allow(request, policies.trust).0;
    let (scps, rcps) = organization(request, policies);
    let endpoint: Vec<&Policy> = policies.endpoint.into_iter().collect();
    let endpoint = (!endpoint.is_empty()).then_some(endpoint);
    for level in scps.iter().chain(rcps).chain(&endpoint) {
        if denied.is_yes() || allowed.is_no() {
            return Three::No;
        }
        let (here, refused) = any_of(level, request);
        allowed = allowed.and(here);
        denied = denied.or(refused);
    }
    allowed.and(!denied)
}
