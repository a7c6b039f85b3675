//! `lockfast scan`.

use crate::cli::Scan;
use anyhow::Result;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the policy file, or why there is nothing to scan.
#[cfg(not(feature = "aws"))]
pub fn run(_args: &Scan) -> Result<u8> {
    anyhow::bail!(
        "this lockfast was built without the AWS SDK: build it with `cargo build --release --features aws` (or `full`). \
         Snapshots that another one made are judged by `lockfast judge`"
    )
}

#[cfg(feature = "aws")]
pub(super) use live::enter;
#[cfg(feature = "aws")]
pub use live::run;

#[cfg(feature = "aws")]
mod live {
    use super::{Result, Scan};
    use crate::cli::Access;
    use crate::commands::judging::Ready;
    use crate::commands::{judge, print, send};
    use crate::exit;
    use indicatif::{ProgressBar, ProgressStyle};
    use lockfast_aws::{AccountRole, Mfa, Progress, Retries, ScanOptions};
    use lockfast_report::clean;
    use std::io::IsTerminal;
    use std::path::PathBuf;
    use std::time::Duration;

    /// Runs the command and gives its exit code.
    ///
    /// # Errors
    /// What is wrong with the command line or the policy file, or why there is nothing to scan.
    pub fn run(args: &Scan) -> Result<u8> {
        if args.print_iam_policy {
            let management =
                (args.organization || !args.account.is_empty()).then_some(&*args.access.role);
            let sends = args.sending.send.is_some();
            let policy = lockfast_aws::iam_policy(
                &args.service,
                management,
                args.sample_objects.is_some(),
                sends,
            );
            return print(&format!("{}\n", serde_json::to_string_pretty(&policy)?));
        }
        if args.print_role_template {
            return print(&lockfast_aws::stack_set_template(&args.access.role));
        }
        send::check(&args.sending)?;
        // A report that cannot be written should be known of before an hour's scan.
        let ready = Ready::new(&args.judging, &[PathBuf::from(".")])?.with_ledger();
        let options = options(args);
        let progress = Progress::default();
        let runtime = crate::commands::runtime()?;
        let outcome = runtime.block_on(async {
            let shown = tokio::spawn(show(progress.clone()));
            let outcome = lockfast_aws::scan(options.clone(), progress.clone()).await;
            shown.abort();
            outcome
        })?;
        let counts = outcome.counts;
        if !args.judging.quiet {
            anstream::eprintln!(
                "wrote {}: {} resources, {} requests{}{}{}",
                outcome.snapshot.display(),
                counts.resources,
                counts.requests,
                told(counts.replayed, "answered before"),
                told(counts.throttled, "throttled"),
                told(counts.failed, "calls without an answer"),
            );
        }
        if args.no_judge {
            if counts.failed > 0 {
                let loaded = lockfast_snapshot::load_all(std::slice::from_ref(&outcome.snapshot))?;
                for problem in judge::summary(&loaded).problems {
                    anstream::eprintln!("{}: {}", clean(&problem.place()), clean(&problem.message));
                }
            }
            return Ok(match counts.failed {
                0 => exit::KEPT,
                _ => exit::UNREADABLE,
            });
        }
        let only = ready.only();
        judge::snapshots(ready, &[outcome.snapshot], |loaded, report| {
            match args.sending.send {
                None => Ok(None),
                Some(_) => {
                    let session = || async { Ok(outcome.session) };
                    send::send(
                        &args.sending,
                        &options,
                        session,
                        &runtime,
                        loaded,
                        report,
                        only,
                    )
                }
            }
        })
    }

    fn told(n: u64, what: &str) -> String {
        match n {
            0 => String::new(),
            n => format!(", {n} {what}"),
        }
    }

    fn options(args: &Scan) -> ScanOptions {
        let now = jiff::Timestamp::now();
        // Whole seconds, and no colons in a file's name.
        let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
        let taken = now.to_string();
        let output = args
            .resume
            .clone()
            .or_else(|| args.snapshot.clone())
            .unwrap_or_else(|| {
                format!("lockfast-{}.snapshot", taken.replace([':', '-'], "")).into()
            });
        let mut options = ScanOptions::new(output, taken, lockfast_policy::secrets::cover_value);
        enter(&mut options, &args.access);
        options.regions.clone_from(&args.region);
        options.services.clone_from(&args.service);
        options.accounts.clone_from(&args.account);
        options.organization = args.organization;
        options.keep_budgets = args.access.keep_budgets;
        options.max_pages = args.max_pages;
        options.sample_objects = args.sample_objects.unwrap_or(0);
        options.key_last_use = args.key_last_use;
        options.resume = args.resume.is_some();
        options
    }

    /// How to get into accounts.
    pub(in crate::commands) fn enter(options: &mut ScanOptions, access: &Access) {
        options.profile.clone_from(&access.profile);
        options.role = AccountRole {
            name: access.role.clone(),
            external_id: access.external_id.clone(),
        };
        options.mfa = access
            .mfa_serial
            .clone()
            .zip(access.mfa_code.clone())
            .map(|(serial, code)| Mfa { serial, code });
        options.endpoint_url.clone_from(&access.endpoint_url);
        options.max_rps = access.max_rps;
        options.retries = Retries {
            attempts: access.attempts,
            initial_backoff: Duration::from_millis(access.backoff),
            attempt_timeout: Duration::from_secs(access.timeout),
        };
    }

    /// Shows a person how far the scan is: units, calls, throttles, and the estimated rest.
    async fn show(progress: Progress) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {pos}/{len} accounts × regions × services, {msg}, {elapsed} (about {eta} more)",
        ) {
            bar.set_style(style);
        }
        let _clear = Clear(bar.clone());
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let counts = progress.counts();
            bar.set_length(counts.units);
            bar.set_position(counts.units_done);
            bar.set_message(format!(
                "{} resources, {} requests, {} throttled, {} without an answer",
                counts.resources, counts.requests, counts.throttled, counts.failed
            ));
        }
    }

    /// Takes the bar away when the task that draws it is stopped.
    struct Clear(ProgressBar);

    impl Drop for Clear {
        fn drop(&mut self) {
            self.0.finish_and_clear();
        }
    }
}
