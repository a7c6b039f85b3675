//! access
#![deny(missing_docs)]

mod compare;
mod condition;
mod evaluate;
mod json;
mod pattern;
mod policy;
mod principal;
mod request;
mod three;

#[cfg(test)]
mod tests;

pub use compare::Order;
pub use condition::{Base, Condition, Operator, SetOperator};
pub use evaluate::{DecidedBy, Decision, Outcome, Through, denies, identity_allows};
pub use policy::{Effect, Entry, Policy, Principals, Selection, Statement};
pub use principal::{Account, Identity, Principal, PrincipalPattern, account_of_arn};
pub use request::{ContextValue, Request, Resource};
pub use three::Three;
