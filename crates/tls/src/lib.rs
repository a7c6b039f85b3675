//! What a TLS endpoint accepts, measured from outside.
//!
//! A ClientHello of our own making ([`ClientHello`]) goes out, the first flight of the server comes back
//! ([`FirstFlight`]), and the connection is dropped: no keys, no certificates checked, no cryptography. That is enough
//! to tell which protocol versions, cipher suites and groups the server takes, also those that no TLS library will
//! negotiate any more. [`scan`] asks the questions a policy has in about ten connections, and enumerates on request.
//!
//! Every fact is three-valued ([`Fact`]): a connection that was reset or never answered says nothing about what the
//! server accepts, so it is unknown and never "refused".
#![deny(missing_docs)]

mod ask;
mod client_hello;
mod clients;
mod connection;
mod dial;
mod enumerate;
mod fact;
mod groups;
mod json;
mod offer;
mod plaintext;
mod protocol;
mod scan;
mod server;
mod shown;
mod starttls;
mod suites;
mod target;
mod versions;
mod weaknesses;

pub use ask::Pick;
pub use client_hello::{ClientHello, Extension, TooLong, ssl2_client_hello, x25519_share};
pub use clients::{Accepts, Client, Failure, Outcome, clients, simulate};
pub use connection::{Limits, Pace, exchange, exchange_over};
pub use dial::{BoxStream, Dial, Dialing, Direct, Stream};
pub use enumerate::{Enumeration, Listing};
pub use fact::{Fact, Why};
pub use groups::{GroupKind, NamedGroup};
pub use plaintext::{Channel, Login, Plaintext, begin_login, compare, plaintext};
pub use protocol::{Protocol, UnknownProtocol};
pub use scan::{Full, Scan, Settings, scan};
pub use server::{Alert, Answer, End, FirstFlight, ReadTo, Reason, RetryRequest, ServerHello};
pub use shown::{Shown, shown};
pub use starttls::{Upgrade, upgrade};
pub use suites::{
    Authentication, CipherSuite, Encryption, KeyExchange, Mode, Ssl2CipherKind, Weakness,
    offered_suites,
};
pub use target::{Target, Unready};
pub use versions::ProtocolVersion;
