//! What a certificate chain says, and whether it holds.
//!
//! DER goes in, facts come out: [`Certificate::parse`] reads one certificate (RFC 5280), [`judge`] a chain as a server
//! sent it. A chain is judged for its path to a root, its time, its name, its usage, the signed certificate timestamps
//! that come with it (RFC 6962), its stapled OCSP response (RFC 6960), and by a table of [`lints`](LINTS). [`read`]
//! takes certificates out of the files that people keep them in. Nothing is asked of the network.
//!
//! What cannot be known is said to be unknown, with the reason ([`Fact`]), and is never a pass or a failure. What a
//! server sends may be hostile: no more than [`MAX_CERTIFICATES`] are looked at, each no larger than
//! [`MAX_CERTIFICATE_BYTES`], and nothing that they hold makes this crate panic.
//!
//! ```no_run
//! use lockfast_certificate::{Checks, LogList, Roots, judge, read};
//!
//! let chain = read(&std::fs::read("chain.pem")?, None)?;
//! let roots = Roots::platform();
//! let seen = judge(&chain, &Checks {
//!     host: Some("shop.example.com"),
//!     roots: &roots,
//!     given_roots_too: true,
//!     now: jiff::Timestamp::now(),
//!     stapled_ocsp: None,
//!     may_staple: false,
//!     tls_scts: None,
//!     logs: LogList::pinned(),
//! });
//! for problem in &seen.problems {
//!     println!("{}: {}", problem.kind, problem.message);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod certificate;
mod chain;
mod der;
mod fact;
mod judge;
mod key;
mod lints;
mod log_list;
mod ocsp;
mod pkcs12;
mod problem;
mod read;
mod roots;
mod sct;
mod signature;
mod transparency;
mod verifier;

pub use certificate::{Certificate, Lifetime, MAX_CERTIFICATE_BYTES, Malformed, Name};
pub use fact::{Fact, Unknown};
pub use judge::{Checks, Link, MAX_CERTIFICATES, Seen, judge};
pub use key::{Curve, KeyType, PublicKey};
pub use lints::{About, Finding, LINTS, Lint};
pub use log_list::{BadLogList, Log, LogList};
pub use ocsp::{Ocsp, Status};
pub use pkcs12::Secret;
pub use problem::{Problem, ProblemKind};
pub use read::{ReadError, leaf_first, read};
pub use roots::{Authority, Roots, RootsError};
pub use sct::{Delivery, SctError, SignedCertificateTimestamp, parse_sct_list};
pub use signature::{Hash, SignatureAlgorithm};
pub use transparency::{Timestamp, Transparency, Verdict};
