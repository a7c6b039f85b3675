//! Grants on KMS keys: whom they let do what, and under which encryption context.
//!
//! Sources: AWS KMS Developer Guide, "Grants in AWS KMS", "Using grant constraints", "Granting CreateGrant permission";
//! AWS KMS API Reference, "GrantConstraints", "RetireGrant".

use crate::Three;
use crate::kms;
use crate::principal::PrincipalPattern;
use crate::request::{ContextValue, Request};
use lockfast_facts::{Inventory, Kind, Known, Loc, Origin, Read, Resource, Text, Value, Why};
use std::sync::Arc;

/// A grant on a KMS key.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: Arc<str>,
    /// Who holds it.
    pub grantee: PrincipalPattern,
    /// Who may retire it, beside its account and a grantee that may `RetireGrant`.
    pub retiring: Option<PrincipalPattern>,
    /// The operations, such as `Decrypt`; `None` when they are not known.
    pub operations: Option<Vec<String>>,
    /// The encryption context must be just this.
    pub equals: Option<Pairs>,
    /// The encryption context must hold this.
    pub subset: Option<Pairs>,
    /// Where it was read.
    pub loc: Loc,
}

/// The grants of a key, as a scan records them; unknown where they could not be read. Templates cannot know them: grants are made at
/// run time.
pub fn grants_of(inventory: &Inventory, key: &Resource) -> Known<Vec<Grant>> {
    match key.at("Grants") {
        Read::Found(value, loc) => match value.at("").list() {
            Read::Found(items, _) => {
                Known::Stated(items.iter().map(Grant::from_value).collect(), loc)
            }
            _ => Known::Stated(Vec::new(), loc),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        // A scan records none where there are none, unless the key itself could not be described.
        Read::Absent(loc) if inventory.origin() == Origin::Live => match key.at("KeyManager") {
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            _ => Known::Stated(Vec::new(), loc),
        },
        Read::Absent(loc) => Known::Unknown(Arc::new(Why::Runtime("grants".to_owned())), loc),
    }
}

/// Names and values of an encryption context; `None` when they are not known.
pub type Pairs = Option<Vec<(String, String)>>;

/// What a grant says to a request.
pub(crate) struct Answer {
    pub(crate) allows: Three,
    /// What has to hold, where that is not known.
    pub(crate) open: Vec<String>,
}

const CONTEXT: &str = "kms:encryptioncontext:";

impl Grant {
    /// One of the `Grants` that a scan records of a key.
    pub fn from_value(value: &Value) -> Grant {
        let principal = |at: &str| match value.at(at) {
            Read::Absent(_) => None,
            Read::Found(found, _) => Some(principal(found)),
            Read::Unknown(why, _) => Some(PrincipalPattern::Unknown(why)),
        };
        let pairs = |at: &str| match value.at(at) {
            Read::Absent(_) => None,
            Read::Unknown(..) => Some(None),
            Read::Found(found, _) => match &found.kind {
                Kind::Null => None,
                Kind::Map(map) => Some(
                    map.iter()
                        .map(|(name, value)| match &value.kind {
                            Kind::Text(Text::Plain(text)) => {
                                Some((name.to_string(), text.to_string()))
                            }
                            _ => None,
                        })
                        .collect(),
                ),
                _ => Some(None),
            },
        };
        let operations = match value.at("Operations").list() {
            Read::Found(items, _) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::Text(Text::Plain(text)) => Some(text.to_string()),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let nobody =
            || PrincipalPattern::Unknown(Arc::new(Why::NotGiven("its grantee".to_owned())));
        Grant {
            id: value
                .at("GrantId")
                .string()
                .found()
                .unwrap_or_default()
                .into(),
            grantee: principal("GranteePrincipal").unwrap_or_else(nobody),
            retiring: principal("RetiringPrincipal"),
            operations,
            equals: pairs("Constraints.EncryptionContextEquals"),
            subset: pairs("Constraints.EncryptionContextSubset"),
            loc: value.loc,
        }
    }

    /// Whether it lets this request through.
    pub(crate) fn answers(&self, request: &Request) -> Answer {
        let mut answer = Answer {
            allows: Three::Yes,
            open: Vec::new(),
        };
        let operation = &request.action[4..];
        let is = |name: &str| operation.eq_ignore_ascii_case(name);
        let listed = self.lists(operation);
        let holds = self.holds(&self.grantee, request);
        if is("RetireGrant") {
            let retires = match &self.retiring {
                Some(retiring) => self.holds(retiring, request),
                None => Three::No,
            };
            answer.take(retires.or(holds.and(listed)), || {
                format!("the caller may retire grant {}", self.id)
            });
            return answer;
        }
        answer.take(listed, || format!("grant {} is for {operation}", self.id));
        answer.take(holds, || format!("the caller is {}", self.grantee));
        if is("CreateGrant") {
            self.is_not_widened(request, &mut answer);
        } else if kms::is_cryptography(&request.action) {
            self.context_fits(request, &mut answer);
        }
        answer
    }

    fn holds(&self, who: &PrincipalPattern, request: &Request) -> Three {
        who.matches(&request.principal, &request.resource_account)
    }

    fn lists(&self, operation: &str) -> Three {
        match &self.operations {
            None => Three::Maybe,
            Some(all) => all.iter().any(|o| o.eq_ignore_ascii_case(operation)).into(),
        }
    }

    fn context_fits(&self, request: &Request, answer: &mut Answer) {
        for constraint in [&self.equals, &self.subset].into_iter().flatten() {
            has_pairs(constraint, request, answer);
        }
        if let Some(equals) = &self.equals {
            has_no_others(equals, request, answer);
        }
    }

    /// What a grantee passes on gives at most what was given to it.
    fn is_not_widened(&self, request: &Request, answer: &mut Answer) {
        let wanted = request.lookup("kms:grantoperations");
        answer.take(
            match &wanted {
                ContextValue::Absent => Three::No,
                ContextValue::Unknown => Three::Maybe,
                ContextValue::Known(wanted) => {
                    Three::all(wanted.iter().map(|operation| match operation.plain() {
                        Some(operation) => self.lists(operation),
                        None => Three::Maybe,
                    }))
                }
            },
            || "kms:GrantOperations are among those of the grant".to_owned(),
        );
        if self.equals.is_none() && self.subset.is_none() {
            return;
        }
        let kind = request.lookup("kms:grantconstrainttype");
        let wanted = self.equals.is_some().then_some("EncryptionContextEquals");
        let fits = match &kind {
            ContextValue::Absent => Three::No,
            ContextValue::Unknown => Three::Maybe,
            ContextValue::Known(kinds) => {
                Three::any(kinds.iter().map(|kind| match (kind.plain(), wanted) {
                    (Some(kind), Some(wanted)) => (kind == wanted).into(),
                    (Some(_), None) => Three::Yes,
                    (None, _) => Three::Maybe,
                }))
            }
        };
        answer.take(fits, || {
            "kms:GrantConstraintType is as strict as the grant's".to_owned()
        });
        self.context_fits(request, answer);
    }
}

impl Answer {
    fn take(&mut self, found: Three, question: impl FnOnce() -> String) {
        self.allows = self.allows.and(found);
        if found == Three::Maybe {
            self.open.push(question());
        }
    }
}

/// A grantee is an ARN or a service's name.
fn principal(value: &Value) -> PrincipalPattern {
    let is_service = match &value.kind {
        Kind::Text(Text::Plain(text)) => text.ends_with(".amazonaws.com") && !text.contains(':'),
        _ => false,
    };
    PrincipalPattern::from_value(if is_service { "Service" } else { "AWS" }, value)
}

/// The names of a constraint do not tell their case, the values do.
fn has_pairs(pairs: &Pairs, request: &Request, answer: &mut Answer) {
    let Some(pairs) = pairs else {
        return answer.take(Three::Maybe, || {
            "the grant's constraints are met".to_owned()
        });
    };
    for (name, value) in pairs {
        let found = match request.lookup(&format!("{CONTEXT}{}", name.to_lowercase())) {
            ContextValue::Absent => Three::No,
            ContextValue::Unknown => Three::Maybe,
            ContextValue::Known(values) => Three::any(values.iter().map(|own| match own.plain() {
                Some(own) => (own == value).into(),
                None => Three::Maybe,
            })),
        };
        answer.take(found, || format!("kms:EncryptionContext:{name} is {value}"));
    }
}

fn has_no_others(pairs: &Pairs, request: &Request, answer: &mut Answer) {
    let Some(pairs) = pairs else { return };
    let named = |key: &str| pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
    let mut others = Three::No;
    for (key, value) in request.stated() {
        let Some(name) = key.strip_prefix(CONTEXT) else {
            continue;
        };
        if !named(name) {
            others = others.or(match value {
                ContextValue::Known(_) => Three::Yes,
                ContextValue::Unknown => Three::Maybe,
                ContextValue::Absent => Three::No,
            });
        }
    }
    others = others.or(match request.lookup("kms:encryptioncontextkeys") {
        ContextValue::Known(keys) => Three::any(keys.iter().map(|key| match key.plain() {
            Some(key) => (!named(key)).into(),
            None => Three::Maybe,
        })),
        ContextValue::Absent => Three::No,
        ContextValue::Unknown => Three::Maybe,
    });
    answer.take(!others, || {
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        format!("kms:EncryptionContextKeys are just {}", names.join(", "))
    });
}
