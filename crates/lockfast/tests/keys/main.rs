//! `lockfast keys`, `who-can`, `can`, `secrets` and `ledger`: on the web shop's templates, and on an account of moto with this
//! project's own strict fake of AWS KMS (tests/kms-fake).

mod asked;
mod existing;
#[cfg(feature = "aws")]
mod operated;
mod responded;
mod rotated;
#[cfg(feature = "aws")]
mod servers;

#[path = "../common/mod.rs"]
mod common;

use common::{Ran, lockfast, root, run};
