//! `lockfast cluster`: scheduler and executors.

use crate::cli::Cluster;
use anyhow::Result;

/// Says that this binary has none.
///
/// # Errors
/// Always.
#[cfg(not(feature = "cluster"))]
pub fn run(_: &Cluster) -> Result<u8> {
    anyhow::bail!(
        "this lockfast was built without Apache Ballista: build it with `cargo build --release --features cluster` (or `full`)"
    )
}

/// Runs until it is ended.
///
/// # Errors
/// What is wrong with the addresses, or that it cannot listen or reach the scheduler.
#[cfg(feature = "cluster")]
pub fn run(args: &Cluster) -> Result<u8> {
    use anyhow::Context;
    use lockfast_trail::cluster::{Executor, executor, scheduler};
    let runtime = crate::commands::runtime()?;
    let _ = log::set_logger(&ToStandardError).map(|()| log::set_max_level(log::LevelFilter::Warn));
    runtime.block_on(async {
        match args {
            Cluster::Scheduler { listen } => {
                anstream::eprintln!("scheduler at df://{listen}; anybody who reaches it can ask: keep it within your network");
                scheduler(*listen).await?;
            }
            Cluster::Executor {
                scheduler,
                listen,
                control_port,
                threads,
                work_folder,
            } => {
                let (host, port) = scheduler
                    .rsplit_once(':')
                    .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
                    .with_context(|| format!("--scheduler {scheduler}: write HOST:PORT"))?;
                let processors = std::thread::available_parallelism().map_or(1, usize::from);
                anstream::eprintln!("executor at {listen} for {scheduler}");
                executor(Executor {
                    scheduler: (host, port),
                    listen: *listen,
                    control_port: control_port.unwrap_or(listen.port().wrapping_add(1)),
                    threads: threads.map_or(processors, usize::from),
                    work_folder: work_folder.clone(),
                })
                .await?;
            }
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(crate::exit::KEPT)
}

/// What goes wrong in a cluster is told where it is run.
#[cfg(feature = "cluster")]
struct ToStandardError;

#[cfg(feature = "cluster")]
impl log::Log for ToStandardError {
    fn enabled(&self, about: &log::Metadata<'_>) -> bool {
        about.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let said = lockfast_report::clean(&record.args().to_string());
            anstream::eprintln!("{} {}: {said}", jiff::Timestamp::now(), record.level());
        }
    }

    fn flush(&self) {}
}
