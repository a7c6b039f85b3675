//! All that an inventory tells about who may do what: identities with everything that hangs on them, the organisation over
//! their accounts, and resources with their own policies.

mod actor;
mod bounds;
mod organization;
mod target;

pub use actor::{Actor, Attached, Origin as Attachment};
pub use bounds::Bounds;
pub use target::{On, endpoint, policy_of};

use crate::Three;
use crate::access::{Access, PolicySet, evaluate_access, may};
use crate::evaluate::Decision;
use crate::identities::is_of_aws;
use crate::policy::{Policy, Principals};
use crate::principal::{Account, Identity, Principal, PrincipalPattern};
use crate::request::{ContextValue, Request};
use lockfast_facts::{Inventory, Kind, Loc, ResourceId, Text, Value, Why};
use organization::Limits;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Everybody and everything that an inventory tells of, ready to be asked.
pub struct World<'a> {
    inventory: &'a Inventory,
    actors: Vec<Actor<'a>>,
    by_id: HashMap<ResourceId, usize>,
    limits: Limits,
    unread: Vec<String>,
}

/// Who was asked about.
#[derive(Clone)]
pub struct Who<'w> {
    /// A name for people: an ARN, a construct path, a service's name.
    pub label: String,
    /// The principal.
    pub principal: Principal,
    /// The identity among the facts; `None` for one that a policy or grant only names.
    pub actor: Option<&'w Actor<'w>>,
}

/// What may be done, and why.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer: yes, possible or no.
    pub may: Three,
    /// What the policies decided.
    pub access: Access,
    /// The policies that were heard, in the order of `access.reasons`' indices by kind.
    pub heard: Heard,
}

/// Names and places of the policies that an [`Answer`]'s reasons count.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Those of the identity and its groups.
    pub identity: Vec<(String, Loc)>,
    /// The boundary.
    pub boundary: Option<(String, Loc)>,
    /// Service control policies, levels flattened.
    pub scps: Vec<(String, Loc)>,
    /// Resource control policies, levels flattened.
    pub rcps: Vec<(String, Loc)>,
    /// The resource's own.
    pub resource: Option<(String, Loc)>,
    /// Grants, by id.
    pub grants: Vec<(String, Loc)>,
    /// Those passed when the session began.
    pub session: Vec<(String, Loc)>,
    /// That of the VPC endpoint.
    pub endpoint: Option<(String, Loc)>,
}

/// What is known of a request beside the facts.
#[derive(Clone, Default)]
pub struct Circumstances {
    /// Condition keys with their values, or that the request does not have them.
    pub context: Vec<(String, ContextValue)>,
    /// Policies passed when the session began.
    pub session: Vec<Attached>,
    /// The policy of the VPC endpoint that the request comes through.
    pub endpoint: Option<Attached>,
}

/// What is not known of a principal that is only named.
static NOT_READ: LazyLock<Policy> = LazyLock::new(|| {
    let why = Why::NotGiven("the identity".to_owned());
    Policy::from_value(&Value::new(Kind::Unknown(Arc::new(why)), Loc::default()))
});

impl<'a> World<'a> {
    /// Reads the identities and organisations of an inventory.
    pub fn new(inventory: &'a Inventory) -> Self {
        let actors = actor::all(inventory);
        let limits = Limits::of(inventory);
        let mut unread: Vec<String> = limits.unread().collect();
        for gap in inventory.gaps() {
            if gap.kind.starts_with("AWS::IAM::") {
                let account = inventory.stack_of(gap).place.account.as_deref();
                let account = account.unwrap_or("an account");
                unread.push(match gap.at("") {
                    lockfast_facts::Read::Unknown(why, _) => {
                        format!("{} of {account} could not be listed: {why}", gap.kind)
                    }
                    _ => format!("{} of {account} could not be listed", gap.kind),
                });
            }
        }
        unread.sort();
        unread.dedup();
        let by_id = actors.iter().enumerate();
        let by_id = by_id.map(|(index, actor)| (actor.resource.id, index));
        World {
            inventory,
            by_id: by_id.collect(),
            actors,
            limits,
            unread,
        }
    }

    /// The facts it was read from.
    pub fn inventory(&self) -> &'a Inventory {
        self.inventory
    }

    /// Every role and user.
    pub fn actors(&self) -> &[Actor<'a>] {
        &self.actors
    }

    /// The role or user that a resource makes.
    pub fn actor(&self, id: ResourceId) -> Option<&Actor<'a>> {
        self.by_id.get(&id).map(|index| &self.actors[*index])
    }

    /// What could not be read of identities and organisations: an answer stands on all else.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Roles and users that may be found by this: an ARN, a name, a logical id or a construct path.
    pub fn find(&self, name: &str) -> Vec<&Actor<'a>> {
        let wanted = name.trim();
        let arn = session_of(wanted);
        let hits = |actor: &&Actor<'a>| {
            let resource = actor.resource;
            let named = ["RoleName", "UserName"].iter();
            let path = resource.variants.first();
            let path = path.and_then(|_| resource.written().construct_path.clone());
            resource.arn.as_deref() == Some(&*arn)
                || &*resource.name == wanted
                || named
                    .filter_map(|property| resource.at(property).string().found())
                    .any(|own| own == wanted)
                || path.is_some_and(|path| path.trim_end_matches("/Resource") == wanted)
        };
        self.actors.iter().filter(hits).collect()
    }

    /// Whom the policy and the grants of a resource name that is not among the identities: other accounts, services, roles
    /// that other inputs make, everybody.
    pub fn strangers(&self, on: &On<'a>) -> Vec<Who<'_>> {
        let mut patterns: Vec<&PrincipalPattern> = Vec::new();
        for policy in on.policy.iter() {
            for statement in &policy.statements {
                if let (Principals::These(these), false) = (
                    &statement.principals,
                    statement.effect == crate::Effect::Deny,
                ) {
                    patterns.extend(these);
                }
            }
        }
        patterns.extend(on.grants.iter().map(|grant| &grant.grantee));
        patterns.extend(on.grants.iter().filter_map(|grant| grant.retiring.as_ref()));
        let mut found: Vec<Who<'_>> = Vec::new();
        for pattern in patterns {
            let principal = match pattern {
                PrincipalPattern::Anyone => Principal::arbitrary(),
                PrincipalPattern::Account(account) => match account.same(&on.account) {
                    Three::Yes => continue,
                    _ if *account == Account::Own => continue,
                    _ => Principal::member(account.clone()),
                },
                PrincipalPattern::Arn(Text::Plain(arn)) => {
                    let principal = Principal::arn(arn);
                    let known = self.actors.iter().any(|actor| {
                        let named = pattern.matches(&actor.principal, &on.account);
                        named.is_yes() || arn.contains(":assumed-role/") && !named.is_no()
                    });
                    if known {
                        continue;
                    }
                    principal
                }
                PrincipalPattern::Service(Text::Plain(name)) => Principal::service(name.clone()),
                PrincipalPattern::Federated(Text::Plain(name)) => {
                    Principal::federated(name.clone())
                }
                PrincipalPattern::Unknown(_) | PrincipalPattern::CanonicalUser(_) => {
                    Principal::arbitrary()
                }
                PrincipalPattern::Resource(id) if self.by_id.contains_key(id) => continue,
                PrincipalPattern::Resource(_) => continue,
                PrincipalPattern::UniqueId(_) => continue,
                PrincipalPattern::Arn(_)
                | PrincipalPattern::Service(_)
                | PrincipalPattern::Federated(_) => Principal::arbitrary(),
            };
            let label = match pattern {
                PrincipalPattern::Account(account) => format!("identities of {account}"),
                _ => pattern.to_string(),
            };
            if !found.iter().any(|who| who.label == label) {
                found.push(Who {
                    label,
                    principal,
                    actor: None,
                });
            }
        }
        found
    }

    /// A role or user, to be asked about.
    pub fn who<'w>(&'w self, actor: &'w Actor<'a>) -> Who<'w> {
        Who {
            label: actor.label.clone(),
            principal: actor.principal.clone(),
            actor: Some(actor),
        }
    }

    /// A request of somebody's, with what the facts tell of its circumstances.
    pub fn request(&self, who: &Principal, action: &str, on: &On<'a>) -> Request {
        let mut request =
            Request::new(who.clone(), action, on.resource.clone()).in_account(on.account.clone());
        for (key, value) in &on.context {
            request = request.with_value(key, value.clone());
        }
        if let Some(tags) = &on.tags {
            request = request.with_resource_tags(tags);
        }
        if let Some(id) = self.limits.organization_of(&who.account)
            && !matches!(who.identity, Identity::Service(_) | Identity::Anonymous)
        {
            request = request.with_value(
                "aws:PrincipalOrgID",
                ContextValue::Known(vec![Text::Plain(id)]),
            );
        }
        request
    }

    /// Whether somebody may do something to a resource, in the circumstances given.
    pub fn may(&self, who: &Who<'_>, action: &str, on: &On<'a>, given: &Circumstances) -> Answer {
        let mut request = self.request(&who.principal, action, on);
        for (key, value) in &given.context {
            request = request.with_value(key, value.clone());
        }
        self.decide(who, &request, on, given)
    }

    /// The same, of a request that is made already.
    pub fn decide(
        &self,
        who: &Who<'_>,
        request: &Request,
        on: &On<'a>,
        given: &Circumstances,
    ) -> Answer {
        let named = |attached: &Attached| (attached.label.clone(), attached.policy.loc);
        let mut heard = Heard {
            resource: on
                .policy
                .as_ref()
                .map(|policy| (on.policy_label.clone(), policy.loc)),
            grants: on
                .grants
                .iter()
                .map(|g| (g.id.to_string(), g.loc))
                .collect(),
            ..Heard::default()
        };
        let mut set = PolicySet {
            resource: on.policy.as_deref(),
            trust: on.trust,
            grants: &on.grants,
            key: on.key.clone(),
            ..PolicySet::default()
        };
        match who.actor {
            Some(actor) => {
                set.identity = actor.policies.iter().map(|held| &*held.policy).collect();
                set.boundary = actor.boundary.as_ref().map(|held| &*held.policy);
                heard.identity = actor.policies.iter().map(named).collect();
                heard.boundary = actor.boundary.as_ref().map(named);
            }
            // Services and who did not sign have none.
            None if matches!(
                who.principal.identity,
                Identity::Service(_) | Identity::Anonymous | Identity::Federated(_)
            ) => {}
            None => {
                set.identity.push(&NOT_READ);
                heard.identity.push((
                    "its own policies, which were not read".to_owned(),
                    Loc::default(),
                ));
            }
        }
        set.session = given.session.iter().map(|held| &*held.policy).collect();
        set.endpoint = given.endpoint.as_ref().map(|held| &*held.policy);
        heard.session = given.session.iter().map(named).collect();
        heard.endpoint = given.endpoint.as_ref().map(named);
        let scps = self.limits.scps(&who.principal.account);
        let rcps = self.limits.rcps(&on.account);
        heard.scps = scps.iter().flatten().map(named).collect();
        heard.rcps = rcps.iter().flatten().map(named).collect();
        set.scps = levels(scps);
        set.rcps = levels(rcps);
        let access = evaluate_access(request, &set);
        let may = match (&access.refused_by_key, &access.decision) {
            (Some(_), _) => Three::No,
            (None, Decision::Allow) => Three::Yes,
            (None, Decision::Possible(_)) => Three::Maybe,
            (None, _) => Three::No,
        };
        Answer { may, access, heard }
    }

    /// The roles that somebody may become, by one `sts:AssumeRole`.
    pub fn assumes(&self, who: &Who<'_>) -> Vec<(&Actor<'a>, Answer)> {
        let roles = self.actors.iter().filter(|actor| actor.trust.is_some());
        let others = roles.filter(|role| {
            who.actor
                .is_none_or(|own| own.resource.id != role.resource.id)
        });
        others
            .filter_map(|role| {
                let on = On::role(self.inventory, role);
                let answer = self.may(who, "sts:AssumeRole", &on, &Circumstances::default());
                (!answer.may.is_no()).then_some((role, answer))
            })
            .collect()
    }

    /// Every role and user that may do this, for certain or possibly; those that AWS's services made for themselves last.
    pub fn who_can(
        &self,
        action: &str,
        on: &On<'a>,
        given: &Circumstances,
    ) -> Vec<(Who<'_>, Answer)> {
        let strangers = self.strangers(on);
        let everybody = self
            .actors
            .iter()
            .map(|actor| self.who(actor))
            .chain(strangers);
        let mut found: Vec<_> = everybody
            .map(|who| {
                let answer = self.may(&who, action, on, given);
                (who, answer)
            })
            .filter(|(_, answer)| !answer.may.is_no())
            .collect();
        found.sort_by(|(a, x), (b, y)| {
            let linked = |who: &Who<'_>| who.actor.is_some_and(|actor| is_of_aws(actor.resource));
            (linked(a), y.may, &a.label).cmp(&(linked(b), x.may, &b.label))
        });
        found
    }
}

fn levels(of: &[Vec<Attached>]) -> Vec<Vec<&Policy>> {
    of.iter()
        .map(|level| level.iter().map(|held| &*held.policy).collect())
        .collect()
}

/// A session's ARN is asked for as its role's.
fn session_of(arn: &str) -> String {
    match arn.split_once(":assumed-role/") {
        Some((head, tail)) => {
            let role = tail.split('/').next().unwrap_or(tail);
            format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1))
        }
        None => arn.to_owned(),
    }
}

/// Who may do an action to which of many resources. Only what may decide it is looked at: of each policy, the statements
/// that are about the action.
pub struct Matrix<'w, 'a> {
    world: &'w World<'a>,
    action: Arc<str>,
    actors: Vec<Narrow<'w, 'a>>,
}

struct Narrow<'w, 'a> {
    actor: &'w Actor<'a>,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
}

impl<'w, 'a> Matrix<'w, 'a> {
    /// Prepares all roles and users for one action.
    pub fn new(world: &'w World<'a>, action: &str) -> Self {
        let mut narrowed: HashMap<*const Policy, Arc<Policy>> = HashMap::new();
        let mut narrow = |attached: &Attached| -> Arc<Policy> {
            let known = narrowed.entry(Arc::as_ptr(&attached.policy));
            let about = || Arc::new(attached.policy.about(action));
            known.or_insert_with(about).clone()
        };
        let actors = world.actors.iter().map(|actor| Narrow {
            actor,
            identity: actor
                .policies
                .iter()
                .map(&mut narrow)
                .filter(|policy| !policy.statements.is_empty())
                .collect(),
            boundary: actor.boundary.as_ref().map(&mut narrow),
        });
        Matrix {
            actors: actors.collect(),
            world,
            action: action.into(),
        }
    }

    /// Who may do it to one resource: each role and user with the answer, but for those that may not.
    pub fn on(&self, on: &On<'a>) -> Vec<(&'w Actor<'a>, Three)> {
        let about = |levels: &[Vec<Attached>]| -> Vec<Vec<Policy>> {
            let level = |level: &Vec<Attached>| {
                level
                    .iter()
                    .map(|held| held.policy.about(&self.action))
                    .collect()
            };
            levels.iter().map(level).collect()
        };
        fn refs(levels: &[Vec<Policy>]) -> Vec<Vec<&Policy>> {
            levels.iter().map(|level| level.iter().collect()).collect()
        }
        let policy = on.policy.as_ref().map(|policy| policy.about(&self.action));
        let rcps = about(self.world.limits.rcps(&on.account));
        let mut scps: Vec<(&Account, Vec<Vec<Policy>>)> = Vec::new();
        for narrow in &self.actors {
            let account = &narrow.actor.principal.account;
            if !scps.iter().any(|(known, _)| *known == account) {
                scps.push((account, about(self.world.limits.scps(account))));
            }
        }
        let mut found = Vec::new();
        for (account, scps) in &scps {
            let mut set = PolicySet {
                resource: policy.as_ref(),
                trust: on.trust,
                grants: &on.grants,
                scps: refs(scps),
                rcps: refs(&rcps),
                key: on.key.clone(),
                ..PolicySet::default()
            };
            let mut request: Option<Request> = None;
            for narrow in &self.actors {
                let principal = &narrow.actor.principal;
                if principal.account != **account {
                    continue;
                }
                // What follows from the account and the resource is the same for all of them.
                let request = request.get_or_insert_with(|| {
                    self.world.request(principal, &self.action, on).quietly()
                });
                request.principal.clone_from(principal);
                set.identity.clear();
                set.identity
                    .extend(narrow.identity.iter().map(|policy| &**policy));
                set.boundary = narrow.boundary.as_deref();
                let may = may(request, &set);
                if !may.is_no() {
                    found.push((narrow.actor, may));
                }
            }
        }
        found
    }
}
