//! A policy document, read from a [`Value`] of which parts may be unknown.

use crate::Three;
use crate::condition::Condition;
use crate::principal::{Account, PrincipalPattern};
use lockfast_facts::{Kind, Loc, Map, Read, Text, Value, Why};
use std::sync::Arc;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
    /// Not known.
    Unknown,
}

/// A list of patterns: what matches, or everything but what matches.
#[derive(Clone, Debug)]
pub enum Selection {
    /// The element is not there at all.
    Everything,
    /// `Action`, `Resource`.
    These(Vec<Entry>),
    /// `NotAction`, `NotResource`.
    AllBut(Vec<Entry>),
}

/// One entry of a list.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A pattern.
    Pattern(Text),
    /// Not known, because; it may be several.
    Unknown(Arc<Why>),
}

/// Whom a statement is about.
#[derive(Clone, Debug)]
pub enum Principals {
    /// The policy hangs on an identity (no `Principal` element).
    Holder,
    /// `Principal`.
    These(Vec<PrincipalPattern>),
    /// `NotPrincipal`.
    AllBut(Vec<PrincipalPattern>),
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// `Sid`.
    pub sid: Option<Arc<str>>,
    /// What it does.
    pub effect: Effect,
    /// Whom it is about.
    pub principals: Principals,
    /// Which actions.
    pub actions: Selection,
    /// Which resources.
    pub resources: Selection,
    /// Under which conditions: all of them.
    pub conditions: Vec<Condition>,
    /// Where it stands.
    pub loc: Loc,
}

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// Whether `${…}` are variables: only in version 2012-10-17 (IAM User Guide, "IAM JSON policy
    /// elements: Version").
    pub variables: Three,
    /// The account it belongs to.
    pub account: Account,
    /// What in it is not a policy, for people.
    pub problems: Vec<(String, Loc)>,
    /// Where it stands.
    pub loc: Loc,
}

impl Policy {
    /// Reads a policy: an object, or JSON text in a string. What cannot be known stays unknown and
    /// matches *maybe*; what is malformed is listed in [`Policy::problems`] and is unknown too.
    pub fn from_value(value: &Value) -> Policy {
        let mut policy = Policy {
            statements: Vec::new(),
            variables: Three::No,
            account: Account::Own,
            problems: Vec::new(),
            loc: value.loc,
        };
        match &value.kind {
            Kind::Text(text) => match text.json(value.loc, "a policy document") {
                Ok(parsed) => policy.read(&parsed),
                Err(why) => policy.unknown(&why, value.loc),
            },
            _ => policy.read(value),
        }
        policy
    }

    /// The policy of a Value that may not be there.
    pub fn from_read(read: Read<&Value>) -> Option<Policy> {
        match read {
            Read::Absent(_) => None,
            Read::Found(value, _) => Some(Policy::from_value(value)),
            Read::Unknown(why, loc) => {
                Some(Policy::from_value(&Value::new(Kind::Unknown(why), loc)))
            }
        }
    }

    /// The same policy, in this account.
    #[must_use]
    pub fn in_account(mut self, account: Account) -> Policy {
        self.account = account;
        self
    }

    /// True when everything that decides is known.
    pub fn is_certain(&self) -> bool {
        self.statements.iter().all(Statement::is_certain)
    }

    /// The same policy, without the statements that are not about an action.
    #[must_use]
    pub fn about(&self, action: &str) -> Policy {
        let statements = self.statements.iter();
        Policy {
            statements: statements
                .filter(|statement| !crate::evaluate::names_this(statement, action).is_no())
                .cloned()
                .collect(),
            variables: self.variables,
            account: self.account.clone(),
            problems: Vec::new(),
            loc: self.loc,
        }
    }

    fn read(&mut self, value: &Value) {
        let Kind::Map(_) = &value.kind else {
            if let Kind::Unknown(why) = &value.kind {
                self.unknown(&why.clone(), value.loc);
            } else {
                self.malformed(value, "a policy document");
            }
            return;
        };
        match value.at("Version").string() {
            Read::Found(version, _) => self.variables = (version == "2012-10-17").into(),
            Read::Unknown(..) => self.variables = Three::Maybe,
            Read::Absent(_) => {}
        }
        match value.at("Statement") {
            Read::Absent(_) => {}
            Read::Unknown(why, loc) => self.unknown(&why, loc),
            Read::Found(found, _) => match &found.kind {
                Kind::List(items) => items.iter().for_each(|item| self.statement(item)),
                _ => self.statement(found),
            },
        }
    }

    fn malformed(&mut self, value: &Value, expected: &'static str) {
        let found = value.kind_name();
        self.problems
            .push((format!("expected {expected}, found {found}"), value.loc));
        let why = Arc::new(Why::WrongType { expected, found });
        self.unknown(&why, value.loc);
    }

    /// A statement of which nothing is known.
    fn unknown(&mut self, why: &Arc<Why>, loc: Loc) {
        self.statements.push(Statement {
            sid: None,
            effect: Effect::Unknown,
            principals: Principals::These(vec![PrincipalPattern::Unknown(why.clone())]),
            actions: Selection::These(vec![Entry::Unknown(why.clone())]),
            resources: Selection::These(vec![Entry::Unknown(why.clone())]),
            conditions: Vec::new(),
            loc,
        });
    }

    fn statement(&mut self, value: &Value) {
        let map = match &value.kind {
            Kind::Map(map) => map,
            Kind::Unknown(why) => return self.unknown(&why.clone(), value.loc),
            Kind::Null => return,
            _ => return self.malformed(value, "a statement"),
        };
        if let Some(Kind::Unknown(why)) = map.get("Fn::Transform").map(|v| &v.kind) {
            return self.unknown(&why.clone(), value.loc);
        }
        let effect = match value.at("Effect").string() {
            Read::Found(s, _) if s == "Allow" => Effect::Allow,
            Read::Found(s, _) if s == "Deny" => Effect::Deny,
            Read::Unknown(..) => Effect::Unknown,
            Read::Found(..) | Read::Absent(_) => {
                self.problems.push((
                    "a statement without Effect Allow or Deny".to_owned(),
                    value.loc,
                ));
                Effect::Unknown
            }
        };
        let principals = match (map.get("Principal"), map.get("NotPrincipal")) {
            (Some(principal), _) => Principals::These(principals(principal)),
            (None, Some(not)) => Principals::AllBut(principals(not)),
            (None, None) => Principals::Holder,
        };
        self.statements.push(Statement {
            sid: value.at("Sid").string().found().map(Arc::from),
            effect,
            principals,
            actions: selection(map, "Action", "NotAction"),
            resources: selection(map, "Resource", "NotResource"),
            conditions: map
                .get("Condition")
                .map(Condition::read_all)
                .unwrap_or_default(),
            loc: value.loc,
        });
    }
}

impl Statement {
    /// Why nothing at all is known of it, where that is so.
    pub(crate) fn unknown(&self) -> Option<&Why> {
        match (&self.effect, &self.actions) {
            (Effect::Unknown, Selection::These(entries)) => match entries.as_slice() {
                [Entry::Unknown(why)] => Some(why),
                _ => None,
            },
            _ => None,
        }
    }

    /// True when effect, principals, actions, resources and conditions are all known.
    pub fn is_certain(&self) -> bool {
        let known = |selection: &Selection| match selection {
            Selection::Everything => true,
            Selection::These(entries) | Selection::AllBut(entries) => {
                entries.iter().all(|e| matches!(e, Entry::Pattern(_)))
            }
        };
        let principals = match &self.principals {
            Principals::Holder => true,
            Principals::These(list) | Principals::AllBut(list) => !list
                .iter()
                .any(|p| matches!(p, PrincipalPattern::Unknown(_))),
        };
        self.effect != Effect::Unknown
            && principals
            && known(&self.actions)
            && known(&self.resources)
            && self.conditions.iter().all(Condition::is_certain)
    }
}

/// The items of a list, or the one value.
pub(crate) fn items(value: &Value) -> &[Value] {
    match &value.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(value),
    }
}

fn selection(map: &Map, these: &str, all_but: &str) -> Selection {
    match (map.get(these), map.get(all_but)) {
        (Some(value), _) => Selection::These(entries(value)),
        (None, Some(value)) => Selection::AllBut(entries(value)),
        (None, None) => Selection::Everything,
    }
}

fn entries(value: &Value) -> Vec<Entry> {
    items(value)
        .iter()
        .map(|item| match &item.kind {
            Kind::Text(text) => Entry::Pattern(text.clone()),
            Kind::Unknown(why) => Entry::Unknown(why.clone()),
            _ => Entry::Unknown(Arc::new(Why::WrongType {
                expected: "a string",
                found: item.kind_name(),
            })),
        })
        .collect()
}

fn principals(value: &Value) -> Vec<PrincipalPattern> {
    let Kind::Map(map) = &value.kind else {
        // `"Principal": "*"`; anything else bare is no valid principal.
        return items(value)
            .iter()
            .map(|item| PrincipalPattern::from_value("AWS", item))
            .collect();
    };
    map.iter()
        .flat_map(|(kind, named)| {
            items(named)
                .iter()
                .map(|item| PrincipalPattern::from_value(kind, item))
        })
        .collect()
}
