//! Three-valued facts: stated, a service default, or unknown with the reason.

use crate::Loc;
use std::fmt;
use std::sync::Arc;

/// What AWS does when a property is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceDefault {
    /// Title of the AWS document that says so.
    pub doc: &'static str,
    /// Date it took effect (ISO 8601), or empty when it always was so.
    pub since: &'static str,
}

/// Why a fact cannot be known from what was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// A template parameter without a value.
    Parameter(String),
    /// AWS chooses it when the resource is made.
    Runtime(String),
    /// An export that no given stack makes.
    Import(String),
    /// A macro or transform rewrites this part of the template.
    Macro(String),
    /// A dynamic reference: its service and name, never its value.
    DynamicReference(String),
    /// It refers to something the given input does not hold.
    NotGiven(String),
    /// The value has a type that the property cannot have.
    WrongType {
        /// What the property takes.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// References go round in a circle.
    Cycle(String),
    /// More combinations of conditions than are explored.
    TooManyConditions(usize),
    /// Conditions of the template decide it, and the question is about all of them.
    Conditions,
    /// A key protects it, and which one is not known, because.
    WhichKey(Arc<Why>),
    /// A call to AWS gave no answer.
    Call {
        /// The IAM action that the call needs, such as `kms:GetKeyPolicy`.
        action: String,
        /// What came back instead: `AccessDeniedException`.
        error: String,
    },
    /// Something this version does not understand.
    Unsupported(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Parameter(name) => write!(f, "parameter {name} has no value before deployment"),
            Why::Runtime(what) => write!(f, "{what} is known only after deployment"),
            Why::Import(name) => write!(f, "export {name} is made by no stack given"),
            Why::Macro(name) => write!(f, "macro {name} decides it at deployment"),
            Why::DynamicReference(name) => {
                write!(f, "dynamic reference {name} is resolved at deployment")
            }
            Why::NotGiven(what) => write!(f, "{what} is not in what was given"),
            Why::WrongType { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            Why::Cycle(what) => write!(f, "{what} refers to itself"),
            Why::Conditions => f.write_str("it differs between conditions of the template"),
            Why::WhichKey(why) => write!(f, "{why}"),
            Why::TooManyConditions(limit) => {
                write!(f, "more than {limit} combinations of conditions decide it")
            }
            Why::Call { action, error } => write!(f, "{action} gave no answer ({error})"),
            Why::Unsupported(what) => write!(f, "{what}"),
        }
    }
}

/// A fact and how sure it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Known<T> {
    /// Somebody wrote it, here.
    Stated(T, Loc),
    /// Nobody wrote it; AWS does this. The place is where it could have been written.
    Default(T, ServiceDefault, Loc),
    /// It cannot be known, because.
    Unknown(Arc<Why>, Loc),
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Known::Stated(v, _) | Known::Default(v, _, _) => Some(v),
            Known::Unknown(..) => None,
        }
    }

    /// Why it is unknown, if it is.
    pub fn why(&self) -> Option<&Arc<Why>> {
        match self {
            Known::Unknown(why, _) => Some(why),
            _ => None,
        }
    }

    /// Where it was read, or could have been.
    pub fn loc(&self) -> Loc {
        match self {
            Known::Stated(_, loc) | Known::Default(_, _, loc) | Known::Unknown(_, loc) => *loc,
        }
    }

    /// True when somebody wrote it.
    pub fn is_stated(&self) -> bool {
        matches!(self, Known::Stated(..))
    }

    /// The same certainty about another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Stated(v, loc) => Known::Stated(f(v), loc),
            Known::Default(v, source, loc) => Known::Default(f(v), source, loc),
            Known::Unknown(why, loc) => Known::Unknown(why, loc),
        }
    }

    /// Goes on with another fact that depends on this one; an unknown stays unknown.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Known<U>) -> Known<U> {
        match self {
            Known::Stated(v, _) | Known::Default(v, _, _) => f(v),
            Known::Unknown(why, loc) => Known::Unknown(why, loc),
        }
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Known::Stated(v, loc) => Known::Stated(v, *loc),
            Known::Default(v, source, loc) => Known::Default(v, *source, *loc),
            Known::Unknown(why, loc) => Known::Unknown(why.clone(), *loc),
        }
    }
}
