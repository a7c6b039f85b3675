//! Who asks, and whom a statement names.

use crate::Three;
use crate::pattern::{Reading, is_own_account, matches, subject_tokens};
use crate::request::ContextValue;
use lockfast_facts::{Kind, Part, ResourceId, Text, Value, Why};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An AWS account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The account that the policy at hand belongs to, when the input does not give its id.
    Own,
    /// By its twelve digits.
    Id(Arc<str>),
    /// Not known.
    Unknown,
}

impl Account {
    /// The account of a place, [`Account::Own`] when the input does not say.
    pub fn of(id: Option<&Arc<str>>) -> Account {
        id.map_or(Account::Own, |id| Account::Id(id.clone()))
    }

    /// Whether both are one account.
    pub fn same(&self, other: &Account) -> Three {
        match (self, other) {
            (Account::Own, Account::Own) => Three::Yes,
            (Account::Id(a), Account::Id(b)) => (a == b).into(),
            _ => Three::Maybe,
        }
    }

    /// Whether both are one account, seen from a policy in the account `home`.
    pub fn same_from(&self, other: &Account, home: &Account) -> Three {
        let known = |a: &Account| {
            if *a == Account::Own {
                home.clone()
            } else {
                a.clone()
            }
        };
        known(self).same(&known(other))
    }

    pub(crate) fn text(&self) -> Option<Text> {
        match self {
            Account::Own => Some(Text::Parts(Arc::new([Part::Unknown(Arc::new(
                Why::Runtime("AWS::AccountId".to_owned()),
            ))]))),
            Account::Id(id) => Some(Text::Plain(id.clone())),
            Account::Unknown => None,
        }
    }

    /// The account that a text names, if it names one.
    pub fn from_text(text: &Text) -> Option<Account> {
        match text {
            Text::Plain(s) => is_account_id(s).then(|| Account::Id(s.clone())),
            Text::Parts(parts) => match &**parts {
                [Part::Unknown(why)] if is_own_account(why) => Some(Account::Own),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Own => f.write_str("this account"),
            Account::Id(id) => write!(f, "account {id}"),
            Account::Unknown => f.write_str("an account that is not known"),
        }
    }
}

fn is_account_id(s: &str) -> bool {
    s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit())
}

/// The account in an ARN's fifth segment; for a text that starts with a reference, `None`.
pub fn account_of_arn(arn: &Text) -> Option<Account> {
    let text = account_segment(arn)?;
    Some(Account::from_text(&text).unwrap_or(Account::Unknown))
}

/// An ARN's fifth segment, unless it is empty.
pub(crate) fn account_segment(arn: &Text) -> Option<Text> {
    let mut segments: Vec<Vec<Part>> = vec![Vec::new()];
    for part in arn.parts() {
        match part {
            Part::Literal(s) => {
                for (i, piece) in s.split(':').enumerate() {
                    if i > 0 {
                        segments.push(Vec::new());
                    }
                    if let Some(last) = segments.last_mut()
                        && !piece.is_empty()
                    {
                        last.push(Part::Literal(piece.into()));
                    }
                }
            }
            other => segments.last_mut()?.push(other),
        }
    }
    let [arn, _, _, _, account, _, ..] = segments.as_slice() else {
        return None;
    };
    if !matches!(arn.as_slice(), [Part::Literal(s)] if &**s == "arn") || account.is_empty() {
        return None;
    }
    Some(Text::from_parts(account.iter().cloned()))
}

/// What kind of principal asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Anybody: what holds for it holds for every principal.
    Arbitrary,
    /// Nobody signed the request.
    Anonymous,
    /// The root user of its account.
    Root,
    /// Some role or user of its account.
    Member,
    /// A role (or user) by ARN, by its place in the inventory, or both.
    Named {
        /// The ARN of the role or user.
        arn: Option<Text>,
        /// The resource that makes it.
        id: Option<ResourceId>,
        /// Name of the session, when a role's session asks.
        session: Option<Arc<str>>,
    },
    /// An AWS service on its own behalf, such as `logging.s3.amazonaws.com`.
    Service(Arc<str>),
    /// Somebody signed in elsewhere, by the provider's name or ARN.
    Federated(Arc<str>),
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Principal {
    /// What it is.
    pub identity: Identity,
    /// The account it belongs to.
    pub account: Account,
    /// Its tags; `None` when they are not known.
    pub tags: Option<Arc<BTreeMap<String, String>>>,
}

impl Principal {
    fn new(identity: Identity, account: Account) -> Self {
        Principal {
            identity,
            account,
            tags: None,
        }
    }

    /// Anybody at all.
    pub fn arbitrary() -> Self {
        Principal::new(Identity::Arbitrary, Account::Unknown)
    }

    /// Nobody signed the request.
    pub fn anonymous() -> Self {
        Principal::new(Identity::Anonymous, Account::Unknown)
    }

    /// A role or user by ARN. A session's ARN (`arn:aws:sts::…:assumed-role/Name/session`) is a
    /// session of the role without a path.
    pub fn arn(arn: &str) -> Self {
        let account = account_of_arn(&Text::Plain(arn.into())).unwrap_or(Account::Unknown);
        if arn.contains(":iam::") && arn.ends_with(":root") {
            return Principal::root(account);
        }
        let (arn, session) = match arn.split_once(":assumed-role/") {
            Some((head, tail)) => {
                let (role, session) = tail.split_once('/').unwrap_or((tail, ""));
                let head = head.replacen(":sts:", ":iam:", 1);
                (format!("{head}:role/{role}"), Some(session.into()))
            }
            None => (arn.to_owned(), None),
        };
        Principal::new(
            Identity::Named {
                arn: Some(Text::Plain(arn.into())),
                id: None,
                session,
            },
            account,
        )
    }

    /// A role or user of the inventory.
    pub fn resource(id: ResourceId, account: Account) -> Self {
        Principal::new(
            Identity::Named {
                arn: None,
                id: Some(id),
                session: None,
            },
            account,
        )
    }

    /// Some role or user of an account.
    pub fn member(account: Account) -> Self {
        Principal::new(Identity::Member, account)
    }

    /// The root user of an account.
    pub fn root(account: Account) -> Self {
        Principal::new(Identity::Root, account)
    }

    /// An AWS service.
    pub fn service(name: impl Into<Arc<str>>) -> Self {
        Principal::new(Identity::Service(name.into()), Account::Unknown)
    }

    /// Somebody signed in elsewhere.
    pub fn federated(name: impl Into<Arc<str>>) -> Self {
        Principal::new(Identity::Federated(name.into()), Account::Unknown)
    }

    /// The same principal with these tags and no others.
    #[must_use]
    pub fn with_tags<'a>(mut self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let tags = tags
            .into_iter()
            .map(|(k, v)| (k.to_lowercase(), v.to_owned()));
        self.tags = Some(Arc::new(tags.collect()));
        self
    }

    /// `aws:PrincipalArn`: of a session, the role's ARN.
    pub(crate) fn arn_text(&self) -> Option<Text> {
        match &self.identity {
            Identity::Named { arn: Some(arn), .. } => Some(arn.clone()),
            Identity::Named { .. } => self.reference(),
            Identity::Root => {
                let account = self.account.text()?;
                Some(Text::from_parts(
                    [Part::Literal("arn:aws:iam::".into())]
                        .into_iter()
                        .chain(account.parts())
                        .chain([Part::Literal(":root".into())]),
                ))
            }
            _ => None,
        }
    }

    /// Its ARN as a reference to the resource that makes it.
    pub(crate) fn reference(&self) -> Option<Text> {
        let Identity::Named { id: Some(id), .. } = &self.identity else {
            return None;
        };
        Some(Text::Parts(Arc::new([Part::Reference(
            lockfast_facts::Reference {
                target: *id,
                attribute: Some("Arn".into()),
            },
        )])))
    }

    pub(crate) fn tag(&self, lower_name: &str) -> ContextValue {
        match &self.tags {
            None => ContextValue::Unknown,
            Some(tags) => match tags.get(lower_name) {
                Some(value) => ContextValue::Known(vec![Text::Plain(value.as_str().into())]),
                None => ContextValue::Absent,
            },
        }
    }

    /// A role that a service made for itself (IAM User Guide, "Service-linked roles").
    pub fn is_service_linked(&self) -> bool {
        match &self.identity {
            Identity::Named { arn: Some(arn), .. } => {
                shown(arn).contains(":role/aws-service-role/")
            }
            _ => false,
        }
    }

    /// Whether it is a session that GetFederationToken gave.
    pub(crate) fn is_federated_user(&self) -> bool {
        self.type_name() == Some("FederatedUser")
    }

    /// `aws:PrincipalType`, where the kind tells it.
    pub(crate) fn type_name(&self) -> Option<&'static str> {
        match &self.identity {
            Identity::Root => Some("Account"),
            Identity::Anonymous => Some("Anonymous"),
            Identity::Named { arn: Some(arn), .. } => {
                let arn = shown(arn);
                if arn.contains(":role/") {
                    Some("AssumedRole")
                } else if arn.contains(":user/") {
                    Some("User")
                } else if arn.contains(":federated-user/") {
                    Some("FederatedUser")
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    fn is_iam(&self) -> bool {
        matches!(
            self.identity,
            Identity::Root | Identity::Member | Identity::Named { .. }
        )
    }
}

/// Whom a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`: everybody, signed in or not.
    Anyone,
    /// An account: by its id, or by its root's ARN.
    Account(Account),
    /// A role, user or session by ARN, perhaps partly unknown.
    Arn(Text),
    /// A role or user of the inventory.
    Resource(ResourceId),
    /// An AWS service.
    Service(Text),
    /// An identity provider.
    Federated(Text),
    /// A canonical user id of Amazon S3.
    CanonicalUser(Text),
    /// The unique id of a principal that was deleted: nobody.
    UniqueId(Arc<str>),
    /// Not known, because.
    Unknown(Arc<Why>),
}

impl PrincipalPattern {
    /// Reads one entry of `Principal`, under its type (`AWS`, `Service`, …).
    pub fn from_value(kind: &str, value: &Value) -> PrincipalPattern {
        let text = match &value.kind {
            Kind::Text(text) => text.clone(),
            Kind::Number(n) => Text::Plain(n.clone()),
            Kind::Unknown(why) => return PrincipalPattern::Unknown(why.clone()),
            _ => {
                return PrincipalPattern::Unknown(Arc::new(Why::WrongType {
                    expected: "a string",
                    found: value.kind_name(),
                }));
            }
        };
        match kind {
            _ if text.plain() == Some("*") => PrincipalPattern::Anyone,
            "AWS" => PrincipalPattern::aws(text),
            "Service" => PrincipalPattern::Service(text),
            "Federated" => PrincipalPattern::Federated(text),
            "CanonicalUser" => PrincipalPattern::CanonicalUser(text),
            _ => PrincipalPattern::Unknown(Arc::new(Why::Unsupported(format!(
                "principal type {kind}"
            )))),
        }
    }

    fn aws(text: Text) -> PrincipalPattern {
        if let Some(account) = Account::from_text(&text) {
            return PrincipalPattern::Account(account);
        }
        let tokens = subject_tokens(&text);
        if let [crate::pattern::Token::Ref(id)] = tokens.as_slice() {
            return PrincipalPattern::Resource(*id);
        }
        if let Some(account) = account_of_arn(&text) {
            let last = text.parts();
            let is_root = matches!(last.last(), Some(Part::Literal(s)) if s.ends_with(":root"));
            return if is_root {
                PrincipalPattern::Account(account)
            } else {
                PrincipalPattern::Arn(text)
            };
        }
        match &text {
            Text::Plain(s) if s.starts_with("arn:") => PrincipalPattern::Arn(text),
            Text::Plain(s) => PrincipalPattern::UniqueId(s.clone()),
            // A parameter may hold an ARN, an account id or `*`.
            Text::Parts(_) => PrincipalPattern::Unknown(match text.first_unknown() {
                Some(why) => why.clone(),
                None => Arc::new(Why::Runtime("the principal".to_owned())),
            }),
        }
    }

    /// The account it names or belongs to, as far as it says so.
    pub fn account(&self) -> Option<Account> {
        match self {
            PrincipalPattern::Account(account) => Some(account.clone()),
            PrincipalPattern::Arn(arn) => Some(account_of_arn(arn).unwrap_or(Account::Unknown)),
            _ => None,
        }
    }

    /// Whether it names this principal, seen from a policy in the account `home`.
    pub fn matches(&self, principal: &Principal, home: &Account) -> Three {
        use Identity as I;
        if matches!(self, PrincipalPattern::Anyone) {
            return Three::Yes;
        }
        if let PrincipalPattern::UniqueId(_) = self {
            return Three::No;
        }
        if principal.identity == I::Arbitrary || matches!(self, PrincipalPattern::Unknown(_)) {
            return Three::Maybe;
        }
        let exact = |pattern: &Text, s: &Arc<str>| {
            matches(pattern, &Text::Plain(s.clone()), Reading::EXACT)
        };
        match (self, &principal.identity) {
            (PrincipalPattern::Account(account), _) if principal.is_iam() => {
                account.same_from(&principal.account, home)
            }
            (PrincipalPattern::Arn(pattern), I::Named { arn, session, .. }) => {
                let account = account_of_arn(pattern).unwrap_or(Account::Unknown);
                let Some(arn) = arn else {
                    return account
                        .same_from(&principal.account, home)
                        .and(Three::Maybe);
                };
                // What is written alike is the same, whatever its parameters turn out to be.
                let role = match pattern == arn {
                    true => Three::Yes,
                    false => matches(pattern, arn, Reading::EXACT),
                };
                role.or(session_matches(pattern, arn, session.as_deref()))
            }
            (PrincipalPattern::Arn(pattern), I::Member) => {
                let account = account_of_arn(pattern).unwrap_or(Account::Unknown);
                account
                    .same_from(&principal.account, home)
                    .and(Three::Maybe)
            }
            (
                PrincipalPattern::Resource(id),
                I::Named {
                    id: Some(other), ..
                },
            ) => (id == other).into(),
            (PrincipalPattern::Resource(_), I::Named { .. } | I::Member) => Three::Maybe,
            (PrincipalPattern::Service(pattern), I::Service(name)) => exact(pattern, name),
            (PrincipalPattern::Federated(pattern), I::Federated(name)) => exact(pattern, name),
            // A canonical id is another name of an account.
            (PrincipalPattern::CanonicalUser(_), _) if principal.is_iam() => Three::Maybe,
            _ => Three::No,
        }
    }
}

/// Whether a pattern names a session of this role.
fn session_matches(pattern: &Text, role: &Text, session: Option<&str>) -> Three {
    let (Some(pattern), Some(role)) = (pattern.plain(), role.plain()) else {
        return match pattern.known_prefix().contains(":sts:") {
            true => Three::Maybe,
            false => Three::No,
        };
    };
    let Some((head, named)) = pattern.split_once(":assumed-role/") else {
        return Three::No;
    };
    let Some((role_head, path)) = role.split_once(":role/") else {
        return Three::No;
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((named_role, named_session)) = named.split_once('/') else {
        return Three::No;
    };
    if head.replacen(":sts:", ":iam:", 1) != role_head || named_role != name {
        return Three::No;
    }
    match session {
        Some(session) => (session == named_session).into(),
        None => Three::Maybe,
    }
}

impl fmt::Display for PrincipalPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrincipalPattern::Anyone => f.write_str("everyone (*)"),
            PrincipalPattern::Account(account) => account.fmt(f),
            PrincipalPattern::Arn(text)
            | PrincipalPattern::Service(text)
            | PrincipalPattern::Federated(text)
            | PrincipalPattern::CanonicalUser(text) => f.write_str(&shown(text)),
            PrincipalPattern::Resource(_) => f.write_str("a principal of the same input"),
            PrincipalPattern::UniqueId(id) => write!(f, "deleted principal {id}"),
            PrincipalPattern::Unknown(why) => write!(f, "an unknown principal ({why})"),
        }
    }
}

/// A text for people, with `…` for what is not known.
pub(crate) fn shown(text: &Text) -> String {
    text.render(|part| match part {
        Part::Unknown(why) if is_own_account(why) => "this account".to_owned(),
        _ => "…".to_owned(),
    })
}
