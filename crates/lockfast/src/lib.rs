//! The `lockfast` command: arguments in, the rooms called in order, exit code out.
#![deny(missing_docs)]

pub mod cli;
pub mod commands;
pub mod exit;
