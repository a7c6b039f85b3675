//! `lockfast probe` and `lockfast cert`, as people and pipelines call them, against real servers on 127.0.0.1.
//!
//! They need nginx and openssl. Where these are missing the tests fail if `CI` is set, and say loudly that they were skipped if not.

mod support;

mod certificates;
mod changes;
mod clients;
mod declared;
mod formats;
mod hostile;
mod journal;
mod names;
mod reachable;
mod shown;
mod single;
mod verdicts;
mod wrong;
