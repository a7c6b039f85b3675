//! `lockfast scan` against moto, a server that answers as AWS does, filled by `tests/moto/seed.py`; and against what may go
//! wrong between the two. `cargo xtask test` installs moto and says where it is.
#![cfg(feature = "aws")]

mod fake_hub;
mod faults;
mod moto;
mod proxy;
mod security_hub;
mod seeded;
