//! The nouns the policy speaks of, derived from resources the same way whatever their source.

mod key;
mod store;

pub use key::{KeyTarget, KeyUse, resolve_key};
pub use store::{Protection, Store};
pub(crate) use store::derive_stores;
