//! Servers, certificates and the binary.

mod dns;
mod gate;
mod nginx;
mod pki;
mod run;
mod s_server;

pub use dns::Dns;
pub use gate::Gate;
pub use nginx::{MENDED, Nginx, OLD, Site};
pub use pki::Pki;
pub use run::{Ran, lockfast, run, watched, watched_with};
pub use s_server::SServer;

use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

/// Whether the programs that these tests need are here. If not, fails where `CI` is set, and says so everywhere else.
pub fn ready() -> bool {
    let there = |program: &str| {
        let mut folders = std::env::var("PATH").unwrap_or_default();
        folders.push_str(":/usr/sbin:/usr/local/sbin");
        folders
            .split(':')
            .any(|folder| Path::new(folder).join(program).is_file())
    };
    let missing: Vec<_> = ["nginx", "openssl", "kill"]
        .into_iter()
        .filter(|program| !there(program))
        .collect();
    if missing.is_empty() {
        return true;
    }
    let said = format!("{} not installed", missing.join(" and "));
    assert!(std::env::var_os("CI").is_none(), "{said}");
    eprintln!("SKIPPED: {said}");
    false
}

/// A port of 127.0.0.1 where nothing listens, from below those that the system gives to outgoing connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % 199) as u16 * 100;
    for _ in 0..2000 {
        let port = 10_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
