//! What a key policy says, apart from how it is written.

use crate::prelude::*;
use lockfast_access::{
    Account, Condition, Effect, Entry, Policy, PrincipalPattern, Principals, Selection, Statement, Three,
};
use lockfast_facts::{Part, Place, StackId, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A policy as a set of statements, each with whether all of it is known.
pub(super) struct Shape {
    /// As they are written.
    written: BTreeMap<String, bool>,
    /// With the key's own account and region as those of any key.
    statements: BTreeMap<String, bool>,
}

impl Shape {
    /// The policy of a key or replica.
    pub(super) fn of(cx: &Cx<'_>, subject: Subject<'_>) -> Self {
        let policy = Policy::from_read(subject.at("KeyPolicy"));
        let statements: Vec<Statement> = policy.into_iter().flat_map(|policy| policy.statements).collect();
        let write = |place: &Place| {
            let mut writer = Writer {
                stack: subject.resource.stack,
                resource: subject.id(),
                place,
                certain: true,
                unlike: 0,
            };
            let statements = statements.iter().map(|statement| {
                writer.certain = true;
                (writer.statement(statement), writer.certain)
            });
            statements.collect()
        };
        Shape {
            written: write(&Place::default()),
            statements: write(&cx.inventory.stack_of(subject.resource).place),
        }
    }

    /// Whether both say the same, word by word or each of its own region.
    pub(super) fn same(&self, other: &Shape) -> Three {
        same(&self.written, &other.written).max(same(&self.statements, &other.statements))
    }
}

/// Statements that are not known may be each other.
fn same(one: &BTreeMap<String, bool>, other: &BTreeMap<String, bool>) -> Three {
    let only = |of: &BTreeMap<String, bool>, than: &BTreeMap<String, bool>| -> Vec<bool> {
        let left = of.iter().filter(|(text, _)| !than.contains_key(*text));
        left.map(|(_, certain)| *certain).collect()
    };
    let differing = [only(one, other), only(other, one)];
    match differing.iter().flatten().all(|certain| *certain) {
        _ if differing.iter().all(Vec::is_empty) => Three::Yes,
        true => Three::No,
        false => Three::Maybe,
    }
}

struct Writer<'p> {
    stack: StackId,
    resource: ResourceId,
    place: &'p Place,
    certain: bool,
    unlike: usize,
}

impl Writer<'_> {
    fn statement(&mut self, statement: &Statement) -> String {
        let effect = match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
            Effect::Unknown => {
                self.certain = false;
                "?"
            }
        };
        let principals = match &statement.principals {
            Principals::Holder => "nobody".to_owned(),
            Principals::These(these) => self.set(these, Self::principal),
            Principals::AllBut(these) => format!("but {}", self.set(these, Self::principal)),
        };
        let actions = self.selection(&statement.actions).to_lowercase();
        let resources = self.selection(&statement.resources);
        let conditions = self.set(&statement.conditions, Self::condition);
        format!("{effect} {principals} {actions} {resources} {conditions}")
    }

    fn set<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T) -> String) -> String {
        let written: BTreeSet<String> = items.iter().map(|item| write(self, item)).collect();
        format!("{written:?}")
    }

    fn selection(&mut self, selection: &Selection) -> String {
        match selection {
            Selection::Everything => "everything".to_owned(),
            Selection::These(entries) => self.set(entries, Self::entry),
            Selection::AllBut(entries) => format!("but {}", self.set(entries, Self::entry)),
        }
    }

    fn entry(&mut self, entry: &Entry) -> String {
        match entry {
            Entry::Pattern(text) => self.text(text),
            Entry::Unknown(why) => self.unknown(why),
        }
    }

    fn principal(&mut self, pattern: &PrincipalPattern) -> String {
        match pattern {
            PrincipalPattern::Anyone => "*".to_owned(),
            PrincipalPattern::Account(Account::Own) => OWN_ACCOUNT.to_owned(),
            PrincipalPattern::Account(Account::Id(id)) => self.text(&Text::Plain(id.clone())),
            PrincipalPattern::Account(Account::Unknown) => {
                self.certain = false;
                "an account".to_owned()
            }
            PrincipalPattern::Resource(id) => format!("resource {}", id.0),
            PrincipalPattern::Arn(text)
            | PrincipalPattern::Service(text)
            | PrincipalPattern::Federated(text)
            | PrincipalPattern::CanonicalUser(text) => self.text(text),
            PrincipalPattern::UniqueId(id) => id.to_string(),
            PrincipalPattern::Unknown(why) => self.unknown(why),
        }
    }

    fn condition(&mut self, condition: &Condition) -> String {
        let values = match &condition.values {
            Some(values) => self.set(values, Self::text),
            None => {
                self.certain = false;
                "?".to_owned()
            }
        };
        format!("{} {} {values}", condition.operator.name, condition.key.to_lowercase())
    }

    /// A text in which the key's own account and region are those of any other key.
    fn text(&mut self, text: &Text) -> String {
        let mut written = String::new();
        for part in text.parts() {
            match part {
                Part::Literal(s) => written.push_str(&s),
                Part::Reference(to) => {
                    written.push_str(&format!("{}.{}", to.target.0, to.attribute.as_deref().unwrap_or_default()));
                }
                Part::Unknown(why) => written.push_str(&self.unknown(&why)),
                Part::Dynamic(dynamic) => written.push_str(&self.unknown(&dynamic.why)),
            }
        }
        let own = [(&self.place.account, OWN_ACCOUNT), (&self.place.region, OWN_REGION)];
        own.into_iter().fold(written, |written, (known, own)| match known {
            Some(known) => written.replace(&**known, own),
            None => written,
        })
    }

    /// What is not known is itself within one stack.
    fn unknown(&mut self, why: &Why) -> String {
        match why {
            Why::Runtime(what) if what == "AWS::AccountId" => OWN_ACCOUNT.to_owned(),
            Why::Runtime(what) if what == "AWS::Region" => OWN_REGION.to_owned(),
            Why::Parameter(_) | Why::Runtime(_) | Why::Import(_) => {
                self.certain = false;
                format!("{}: {why}", self.stack.0)
            }
            // Nothing tells two of these apart.
            why => {
                self.certain = false;
                self.unlike += 1;
                format!("{}.{}: {why}", self.resource.0, self.unlike)
            }
        }
    }
}

const OWN_ACCOUNT: &str = "the key's account";
const OWN_REGION: &str = "the key's region";
