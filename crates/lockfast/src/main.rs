//! The `lockfast` binary.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = lockfast::cli::Cli::parse();
    match lockfast::commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if is_broken_pipe(&error) {
                return ExitCode::from(lockfast::exit::KEPT);
            }
            anstream::eprintln!(
                "{}error{}: {error:#}",
                lockfast::commands::ERROR.render(),
                lockfast::commands::ERROR.render_reset()
            );
            ExitCode::from(lockfast::exit::USAGE)
        }
    }
}

/// A reader that stops early (`lockfast check … | head`) is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
