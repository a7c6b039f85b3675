//! What a TLS endpoint accepts, measured from outside.
//!
//! A ClientHello of our own making ([`ClientHello`]) goes out, the first flight of the server comes back
//! (`FirstFlight`), and the connection is dropped: no keys, no certificates checked, no cryptography. That is enough
//! to tell which protocol versions, cipher suites and groups the server takes, also those that no TLS library will
//! negotiate any more. `scan` asks the questions a policy has in about ten connections, and enumerates on request.
//!
//! Every fact is three-valued (`Fact`): a connection that was reset or never answered says nothing about what the
//! server accepts, so it is unknown and never "refused".
#![deny(missing_docs)]

mod client_hello;
mod groups;
mod suites;
mod versions;

pub use client_hello::{ClientHello, Extension, TooLong, ssl2_client_hello, x25519_share};
pub use groups::{GroupKind, NamedGroup};
pub use suites::{
    Authentication, CipherSuite, Encryption, KeyExchange, Mode, Ssl2CipherKind, Weakness,
    offered_suites,
};
pub use versions::ProtocolVersion;
