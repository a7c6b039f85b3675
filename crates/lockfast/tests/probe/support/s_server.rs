//! `openssl s_server`, in the folder of the certificates.

use super::{Pki, free_port};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It serves until it is dropped.
pub struct SServer {
    child: Child,
    pub port: u16,
}

impl SServer {
    /// With `NAME.pem` and `NAME.key`, and more arguments. It answers HTTP.
    pub fn start(pki: &Pki, name: &str, arguments: &str) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let child = Command::new("openssl")
                .current_dir(&pki.folder)
                .args(["s_server", "-quiet", "-www", "-accept"])
                .arg(format!("127.0.0.1:{port}"))
                .args([
                    "-cert",
                    &format!("{name}.pem"),
                    "-key",
                    &format!("{name}.key"),
                ])
                .args(arguments.split_whitespace())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("openssl runs");
            let mut server = SServer { child, port };
            if server.is_up() {
                return server;
            }
        }
        panic!("openssl s_server does not start");
    }

    fn is_up(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
