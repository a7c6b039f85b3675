//! One policy, one request.

use crate::Three;
use crate::pattern::{Reading, matches, starts_with_reference};
use crate::policy::{Effect, Entry, Policy, Principals, Selection, Statement};
use crate::principal::{Account, Identity, Principal, PrincipalPattern, shown};
use crate::request::{ContextValue, Request, Resource};
use lockfast_facts::{Loc, Text};
use std::sync::Arc;

/// What a policy, or several together, say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement denies it.
    ExplicitDeny,
    /// Allowed.
    Allow,
    /// No statement allows it.
    ImplicitDeny,
    /// Allowed, if all of this holds.
    Possible(Vec<String>),
}

/// A statement that took part in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedBy {
    /// Its index in the policy.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<Arc<str>>,
    /// Where it stands.
    pub loc: Loc,
    /// Whether it certainly matches.
    pub matches: Three,
}

/// What one policy says to a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer.
    pub decision: Decision,
    /// Whether a statement denies it.
    pub denied: Three,
    /// Whether a statement allows it, denials aside.
    pub allowed: Three,
    /// The statements that decide.
    pub decided_by: Vec<DecidedBy>,
    /// Through which kind of principal a resource policy allows.
    pub through: Through,
    /// What has to hold for a possible allow, alternative by alternative; denials that may apply.
    pub(crate) if_allowed: Vec<String>,
    pub(crate) unless_denied: Vec<String>,
}

/// How far a resource policy's allow reaches, by the principal it names. They differ in what limits
/// them (IAM User Guide, "Policy evaluation logic"; AWS KMS Developer Guide, "Default key policy").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// It names the account, which hands the decision to the identity's policies.
    pub account: Three,
    /// It names the role, which boundaries and session policies limit.
    pub role: Three,
    /// It names the user, the session, the service, or everybody.
    pub direct: Three,
}

impl Through {
    /// Not at all.
    pub const NONE: Through = Through {
        account: Three::No,
        role: Three::No,
        direct: Three::No,
    };
}

/// Whether a policy denies a request, whatever else allows it. With [`Principal::arbitrary`], yes means
/// that it denies it to every principal.
pub fn denies(policy: &Policy, request: &Request) -> Three {
    policy.evaluate(request).denied
}

/// What identity policies allow: a request by whoever holds them, with only `action` and `resource` known.
pub fn identity_allows(policies: &[&Policy], action: &str, resource: &Resource) -> Decision {
    let request = Request::new(Principal::member(Account::Own), action, resource.clone());
    together(
        policies
            .iter()
            .map(|p| p.evaluate(&request))
            .collect::<Vec<_>>()
            .iter(),
    )
}

/// The decision of policies of one kind taken together, such as all that hang on a role.
pub(crate) fn together<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Decision {
    let denied = Three::any(outcomes.clone().map(|o| o.denied));
    let allowed = Three::any(outcomes.clone().map(|o| o.allowed));
    decide(
        denied,
        allowed,
        outcomes
            .clone()
            .flat_map(|o| o.if_allowed.iter().cloned())
            .collect(),
        outcomes
            .flat_map(|o| o.unless_denied.iter().cloned())
            .collect(),
    )
}

pub(crate) fn decide(
    denied: Three,
    allowed: Three,
    if_allowed: Vec<String>,
    unless: Vec<String>,
) -> Decision {
    match (denied, allowed) {
        (Three::Yes, _) => Decision::ExplicitDeny,
        (_, Three::No) => Decision::ImplicitDeny,
        (Three::No, Three::Yes) => Decision::Allow,
        _ => {
            let mut conditions = Vec::new();
            if allowed == Three::Maybe && !if_allowed.is_empty() {
                conditions.push(if_allowed.join(", or "));
            }
            conditions.extend(unless);
            Decision::Possible(conditions)
        }
    }
}

impl Policy {
    /// What this policy alone says to a request.
    pub fn evaluate(&self, request: &Request) -> Outcome {
        let mut denied = Three::No;
        let mut allowed = Three::No;
        let mut through = Through::NONE;
        let mut if_allowed = Vec::new();
        let mut unless_denied = Vec::new();
        let mut took_part = Vec::new();
        for (index, statement) in self.statements.iter().enumerate() {
            let found = self.matching(statement, request);
            if found.all.is_no() {
                continue;
            }
            let certain = match statement.effect {
                Effect::Unknown => Three::Maybe,
                _ => Three::Yes,
            };
            let by = DecidedBy {
                statement: index,
                sid: statement.sid.clone(),
                loc: statement.loc,
                matches: found.all.and(certain),
            };
            if statement.effect != Effect::Allow {
                denied = denied.or(by.matches);
                if by.matches == Three::Maybe && !request.quiet {
                    unless_denied.push(format!("unless {}", found.open_questions()));
                }
            }
            if statement.effect != Effect::Deny {
                allowed = allowed.or(by.matches);
                through.account = through.account.or(found.through.account.and(certain));
                through.role = through.role.or(found.through.role.and(certain));
                through.direct = through.direct.or(found.through.direct.and(certain));
                if by.matches == Three::Maybe && !request.quiet {
                    if_allowed.push(format!("if {}", found.open_questions()));
                }
            }
            if !request.quiet {
                took_part.push((statement.effect, by));
            }
        }
        let decision = decide(denied, allowed, if_allowed.clone(), unless_denied.clone());
        let decided_by = took_part
            .into_iter()
            .filter(|(effect, by)| match decision {
                Decision::ExplicitDeny => *effect == Effect::Deny && by.matches.is_yes(),
                Decision::Allow => *effect == Effect::Allow && by.matches.is_yes(),
                Decision::ImplicitDeny => false,
                Decision::Possible(_) => true,
            })
            .map(|(_, by)| by)
            .collect();
        Outcome {
            decision,
            denied,
            allowed,
            decided_by,
            through,
            if_allowed,
            unless_denied,
        }
    }

    /// Whether a statement is about the request's action and resource.
    pub(crate) fn concerns(&self, statement: &Statement, request: &Request) -> Three {
        names_action(statement, request).and(self.names_resource(statement, request))
    }

    fn matching(&self, statement: &Statement, request: &Request) -> Matching {
        let nothing = Matching {
            all: Three::No,
            through: Through::NONE,
            open: Vec::new(),
        };
        if let Some(why) = statement.unknown() {
            return Matching {
                all: Three::Maybe,
                through: Through {
                    account: Three::Maybe,
                    role: Three::Maybe,
                    direct: Three::Maybe,
                },
                open: vec![format!("a policy that is not known says so: {why}")],
            };
        }
        let mut open = Vec::new();
        // Everything but the principal, which is kept apart: it may match in several ways.
        let mut rest = Three::Yes;
        let mut take = |found: Three, question: &dyn Fn() -> String| {
            if found == Three::Maybe && !request.quiet {
                open.push(question());
            }
            rest = rest.and(found);
            !found.is_no()
        };
        let action = names_action(statement, request);
        let goes_on = take(action, &|| "its action is the one asked for".to_owned())
            && take(self.names_resource(statement, request), &|| {
                let open = unknown_variables(&statement.resources, request);
                let by = if open.is_empty() { "" } else { ", by " };
                format!(
                    "its resource is the one asked for{by}{}",
                    open.join(" and ")
                )
            })
            && statement.conditions.iter().all(|condition| {
                let holds = self.read_either_way(|variables| condition.holds(request, variables));
                take(holds, &|| condition.to_string())
            });
        if !goes_on {
            return nothing;
        }
        let (who, by) = self.names_principal(statement, &request.principal);
        if who.is_no() {
            return nothing;
        }
        if who == Three::Maybe && !request.quiet {
            open.push(named(&statement.principals));
        }
        let all = rest.and(who);
        let through = Through {
            account: by.account.and(rest),
            role: by.role.and(rest),
            direct: by.direct.and(rest),
        };
        Matching { all, through, open }
    }

    /// What holds however the document's version, where it is not known, has `${…}` read.
    fn read_either_way(&self, found: impl Fn(bool) -> Three) -> Three {
        match self.variables {
            Three::Yes => found(true),
            Three::No => found(false),
            Three::Maybe => match (found(true), found(false)) {
                (a, b) if a == b => a,
                _ => Three::Maybe,
            },
        }
    }

    fn names_resource(&self, statement: &Statement, request: &Request) -> Three {
        self.read_either_way(|variables| self.names_resource_with(statement, request, variables))
    }

    fn names_resource_with(
        &self,
        statement: &Statement,
        request: &Request,
        variables: bool,
    ) -> Three {
        let names = request.resource.names();
        if names.is_empty() {
            return Three::Yes;
        }
        selects(&statement.resources, |pattern| {
            let reading = Reading {
                wild: true,
                variables: variables.then_some(request),
                fold: false,
                arn: true,
            };
            // A resource of the inventory is compared by reference with references and by ARN with
            // ARNs, so that a reference to another resource is surely another resource.
            let by_reference = starts_with_reference(pattern);
            let mut alike = names
                .iter()
                .filter(|name| starts_with_reference(name) == by_reference)
                .peekable();
            if alike.peek().is_some() {
                Three::any(alike.map(|name| matches(pattern, name, reading)))
            } else {
                Three::any(names.iter().map(|name| matches(pattern, name, reading)))
            }
        })
    }

    fn names_principal(&self, statement: &Statement, principal: &Principal) -> (Three, Through) {
        let mut through = Through::NONE;
        match &statement.principals {
            Principals::Holder => {
                through.direct = Three::Yes;
                (Three::Yes, through)
            }
            Principals::These(patterns) => {
                for pattern in patterns {
                    let found = pattern.matches(principal, &self.account);
                    let way = match (pattern, &principal.identity) {
                        // The root user is its account.
                        (PrincipalPattern::Account(_), Identity::Root) => &mut through.direct,
                        (PrincipalPattern::Account(_), _) => &mut through.account,
                        // A boundary limits what is given to a role's ARN, not to a user's.
                        (PrincipalPattern::Resource(_), _)
                            if principal.type_name() != Some("User") =>
                        {
                            &mut through.role
                        }
                        (PrincipalPattern::Arn(arn), _) if shown(arn).contains(":role/") => {
                            &mut through.role
                        }
                        _ => &mut through.direct,
                    };
                    *way = way.or(found);
                }
                let all = through.account.or(through.role).or(through.direct);
                (all, through)
            }
            Principals::AllBut(patterns) => {
                let excluded = self.excluded(patterns, statement.effect, principal);
                through.direct = !excluded;
                (!excluded, through)
            }
        }
    }

    /// Whether `NotPrincipal` leaves a principal out. A denial looks at the account, the role and
    /// the session one after the other, so it spares only those that are listed with their account
    /// (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
    fn excluded(
        &self,
        patterns: &[PrincipalPattern],
        effect: Effect,
        principal: &Principal,
    ) -> Three {
        let listed = Three::any(patterns.iter().map(|p| p.matches(principal, &self.account)));
        let spares_by_name = matches!(
            principal.identity,
            Identity::Named { .. } | Identity::Member
        );
        let everyone = patterns.contains(&PrincipalPattern::Anyone);
        if effect == Effect::Allow || everyone || !spares_by_name {
            return listed;
        }
        let by = |account: bool| {
            let patterns = patterns
                .iter()
                .filter(|p| matches!(p, PrincipalPattern::Account(_)) == account);
            Three::any(patterns.map(|p| p.matches(principal, &self.account)))
        };
        by(true).agree(by(false))
    }
}

/// How a statement meets a request.
struct Matching {
    all: Three,
    through: Through,
    open: Vec<String>,
}

impl Matching {
    fn open_questions(&self) -> String {
        match self.open.is_empty() {
            true => "its effect is not known".to_owned(),
            false => self.open.join(" and "),
        }
    }
}

fn named(principals: &Principals) -> String {
    let list = |patterns: &[PrincipalPattern]| {
        let names: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        names.join(" or ")
    };
    match principals {
        Principals::Holder => "the caller holds the policy".to_owned(),
        Principals::These(patterns) => format!("the caller is {}", list(patterns)),
        Principals::AllBut(patterns) => format!("the caller is not {}", list(patterns)),
    }
}

/// The variables in patterns of which nothing is known.
fn unknown_variables(selection: &Selection, request: &Request) -> Vec<String> {
    let (Selection::These(entries) | Selection::AllBut(entries)) = selection else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let Entry::Pattern(pattern) = entry else {
            continue;
        };
        let text = shown(pattern);
        for piece in text.split("${").skip(1) {
            let variable = piece.split(['}', ',']).next().unwrap_or_default().trim();
            let is_open = request.lookup(&variable.to_lowercase()) == ContextValue::Unknown;
            if is_open && !found.iter().any(|known| known == variable) {
                found.push(variable.to_owned());
            }
        }
    }
    found
}

fn names_action(statement: &Statement, request: &Request) -> Three {
    names_this(statement, &request.action)
}

/// Whether a statement is about an action.
pub(crate) fn names_this(statement: &Statement, action: &str) -> Three {
    let reading = Reading {
        wild: true,
        fold: true,
        ..Reading::EXACT
    };
    let action = Text::Plain(action.into());
    selects(&statement.actions, |pattern| {
        matches(pattern, &action, reading)
    })
}

fn selects(selection: &Selection, matches: impl Fn(&Text) -> Three) -> Three {
    let any = |entries: &[Entry]| {
        Three::any(entries.iter().map(|entry| match entry {
            Entry::Pattern(pattern) => matches(pattern),
            Entry::Unknown(_) => Three::Maybe,
        }))
    };
    match selection {
        Selection::Everything => Three::Yes,
        Selection::These(entries) => any(entries),
        Selection::AllBut(entries) => !any(entries),
    }
}
