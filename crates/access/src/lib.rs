//! Who can do what: IAM, resource and key policies evaluated over documents of which parts may be
//! unknown. Pure functions, no I/O.
//!
//! A [`Policy`] is read from a property's [`Value`](lockfast_facts::Value); a [`Request`] says who asks for
//! what and what is known of the circumstances; the answer has three values ([`Three`]). Context keys that a
//! request does not state, and that do not follow from its principal, are *unknown*: they never decide, they
//! show up as conditions of [`Decision::Possible`].
//!
//! # Is plain HTTP refused to everybody?
//! ```
//! use lockfast_access::{Policy, Principal, Request, Resource, Three, denies};
//! use lockfast_facts::{Loc, ResourceId, Value};
//!
//! let document = r#"{"Version": "2012-10-17", "Statement": [{
//!     "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
//!     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;
//! let policy = Policy::from_value(&Value::string(document, Loc::default()));
//! let object = Resource::bucket(ResourceId(7), None).any_object();
//! // Yes: for every principal. Maybe: for some, or if something holds. No: for nobody.
//! let plain = Request::new(Principal::arbitrary(), "s3:GetObject", object.clone())
//!     .with("aws:SecureTransport", "false");
//! assert_eq!(denies(&policy, &plain), Three::Yes);
//! // An upload without the header, over TLS:
//! let upload = Request::new(Principal::arbitrary(), "s3:PutObject", object)
//!     .with("aws:SecureTransport", "true")
//!     .without("s3:x-amz-server-side-encryption");
//! assert_eq!(denies(&policy, &upload), Three::No);
//! ```
//! A value that refers to a resource goes in with [`Request::with_value`] and
//! [`ContextValue::Known`], as a `Text` with the reference in it.
//!
//! # Who may do something by a key's policy?
//! ```
//! use lockfast_access::{Account, Policy, Resource, Scope, Three, allowed_principals, kms};
//! use lockfast_facts::{Loc, Value};
//!
//! let document = r#"{"Version": "2012-10-17", "Statement": [
//!     {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
//!      "Condition": {"StringEquals": {"kms:CallerAccount": "111111111111"}}},
//!     {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}]}"#;
//! let policy = Policy::from_value(&Value::string(document, Loc::default()))
//!     .in_account(Account::Id("111111111111".into()));
//! let who = allowed_principals(&policy, "kms:Decrypt", &Resource::any());
//! assert_eq!(who[0].scope(), Scope::Accounts(vec![Account::Id("111111111111".into())]));
//! assert_eq!(who[0].is_foreign(), Three::No);
//! assert!(matches!(who[1].scope(), Scope::Service { guarded: Three::No, .. }));
//! // Who both administers and uses the key:
//! assert_eq!(kms::administer_and_use(&policy).len(), 1);
//! ```
//!
//! # What may a role do?
//! [`identity_allows`] judges the identity policies alone; [`evaluate_access`] takes all policies together
//! ([`PolicySet`]), with the rules of KMS keys under [`Trust::ResourceFirst`].
//!
//! # Limits
//! - A `Ref AWS::AccountId` without a value is [`Account::Own`]. Two of them are taken to be one account, as
//!   stacks without an environment are deployed to the same one.
//! - A document that is no policy is unknown, never empty: see [`Policy::problems`].
#![deny(missing_docs)]

mod access;
mod compare;
mod condition;
mod evaluate;
mod grant;
mod grantee;
pub mod identities;
pub mod kms;
mod pattern;
mod policy;
mod principal;
mod request;
mod three;
pub mod world;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_access;

pub use access::{
    Access, KeyFacts, PolicyKind, PolicySet, Reason, Refusal, Trust, evaluate_access, limits_leave,
    may,
};
pub use compare::Order;
pub use condition::{Base, Condition, Operator, SetOperator};
pub use evaluate::{DecidedBy, Decision, Outcome, Through, denies, identity_allows};
pub use grant::{Grant, Pairs, grants_of};
pub use grantee::{Grantee, Scope, allowed_principals};
pub use policy::{Effect, Entry, Policy, Principals, Selection, Statement};
pub use principal::{Account, Identity, Principal, PrincipalPattern, account_of_arn};
pub use request::{ContextValue, Request, Resource};
pub use three::Three;
