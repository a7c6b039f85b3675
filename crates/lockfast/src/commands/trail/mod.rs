//! `lockfast trail`: CloudTrail's logs, asked.

#[cfg(feature = "trail")]
mod answer;
#[cfg(feature = "trail")]
mod approved;
#[cfg(feature = "trail")]
mod ask;
#[cfg(feature = "trail")]
mod athena;
#[cfg(feature = "trail")]
mod check;
#[cfg(feature = "trail")]
mod detections;
#[cfg(feature = "trail")]
mod drawn;
#[cfg(feature = "trail")]
mod forensics;
#[cfg(feature = "trail")]
mod quarterly;
#[cfg(feature = "trail")]
mod unusual;

mod brought;
mod generate;
mod verify;

use crate::cli::Trail;
#[cfg(not(feature = "trail"))]
use crate::cli::TrailCommand;
use anyhow::Result;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the logs; and that this binary has no Apache DataFusion, of what takes it.
#[cfg(not(feature = "trail"))]
pub fn run(mut args: Trail) -> Result<u8> {
    let _kept = brought::bring(&mut args.command)?;
    match &args.command {
        TrailCommand::Verify(args) => verify::run(args),
        TrailCommand::Generate(args) => generate::run(args),
        _ => anyhow::bail!(
            "this lockfast was built without Apache DataFusion: build it with `cargo build --release --features trail` (or `full`)"
        ),
    }
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the query, or the logs.
#[cfg(feature = "trail")]
pub fn run(mut args: Trail) -> Result<u8> {
    let _kept = brought::bring(&mut args.command)?;
    ask::run(&args.command)
}
