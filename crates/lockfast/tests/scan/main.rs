//! `lockfast scan` against moto, a server that answers as AWS does, filled by `tests/moto/seed.py`; against what AWS documents
//! where moto is wrong; and against what may go wrong on the way. `cargo xtask test` installs moto and says where it is.
#![cfg(feature = "aws")]

mod cbor;
mod clauses;
mod documented;
mod fake_hub;
mod faults;
mod moto;
mod proxy;
mod security_hub;
mod seeded;
