//! `lockfast trail`: CloudTrail's logs, asked.

#[cfg(feature = "trail")]
mod answer;
#[cfg(feature = "trail")]
mod ask;
#[cfg(feature = "trail")]
mod forensics;

mod verify;

use crate::cli::{Trail, TrailCommand};
use anyhow::Result;

/// Runs the command and gives its exit code.
///
/// # Errors
/// Always: this binary has no Apache DataFusion.
#[cfg(not(feature = "trail"))]
pub fn run(args: &Trail) -> Result<u8> {
    // It takes no tables.
    if let TrailCommand::Verify(args) = &args.command {
        return verify::run(args);
    }
    anyhow::bail!(
        "this lockfast was built without Apache DataFusion: build it with `cargo build --release --features trail` (or `full`)"
    )
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the query, or the logs.
#[cfg(feature = "trail")]
pub fn run(args: &Trail) -> Result<u8> {
    ask::run(&args.command)
}
