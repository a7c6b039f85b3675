//! The nouns the policy speaks of, derived from resources the same way whatever their source.

mod channel;
mod key;
mod store;
mod variable;

pub(crate) use channel::derive_channels;
pub use channel::{Channel, ChannelKind, Exposure, SecurityPolicyName, Transport};
pub use key::{KeyTarget, KeyUse, resolve_key};
pub(crate) use store::derive_stores;
pub use store::{Protection, Store, find_database};
pub use variable::{Unread, Variable, Variables, variables};
