//! Servers for tests: OpenSSL's, and such as no library would make. All on 127.0.0.1.
#![allow(dead_code)]

use lockfast_tls::{Limits, Pace, Scan, Settings, Target, scan};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// A certificate and its key, made once for each type.
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

pub fn rsa() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| make("rsa", &["-newkey", "rsa:2048"]))
}

pub fn ecdsa() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        make(
            "ecdsa",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        )
    })
}

pub fn p384() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        make(
            "p384",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        )
    })
}

fn directory() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

fn make(name: &str, kind: &[&str]) -> Certificate {
    let certificate = directory().join(format!("{name}.pem"));
    let key = directory().join(format!("{name}.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(kind)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    Certificate { certificate, key }
}

/// An `openssl s_server`, ended when dropped.
pub struct OpenSsl {
    child: Child,
    pub address: SocketAddr,
}

impl OpenSsl {
    /// One with these certificates and arguments.
    pub fn start(certificates: &[&Certificate], arguments: &[&str]) -> OpenSsl {
        let mut command = Command::new("openssl");
        // Port 0: the system chooses, and s_server says which.
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www"]);
        for (at, certificate) in certificates.iter().enumerate() {
            let [cert, key] = [["-cert", "-key"], ["-dcert", "-dkey"]][at];
            command.arg(cert).arg(&certificate.certificate);
            command.arg(key).arg(&certificate.key);
        }
        if certificates.is_empty() {
            command.arg("-nocert");
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accept = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ACCEPT 127"))
            .expect("s_server says where it listens");
        // What it prints later must not fill the pipe and stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = accept.trim_start_matches("ACCEPT").trim().parse().unwrap();
        OpenSsl { child, address }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that treats each connection as `answer` says, once the client's first bytes are there. It lives as long as
/// the test.
pub fn serve(answer: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || answer(stream, count));
        }
    });
    address
}

/// Reads what a client sends at first.
pub fn take_hello(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).unwrap();
    let length = match header[0] {
        22 => usize::from(u16::from_be_bytes([header[3], header[4]])),
        _ => usize::from(u16::from_be_bytes([header[0] & 0x7F, header[1]])) - 3,
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    [header.to_vec(), body].concat()
}

pub fn target(address: SocketAddr) -> Target {
    Target::new(address, Some("localhost".to_owned()))
}

/// Time enough for a loaded machine: it is waited for only where a server never answers.
pub fn patient() -> Limits {
    Limits {
        connect: Duration::from_secs(60),
        answer: Duration::from_secs(60),
        ..Limits::default()
    }
}

pub fn impatient() -> Limits {
    Limits {
        answer: Duration::from_millis(150),
        ..patient()
    }
}

pub async fn measure(
    address: SocketAddr,
    full: impl Into<lockfast_tls::Full>,
    limits: Limits,
) -> Scan {
    let settings = Settings {
        limits,
        full: full.into(),
        ..Settings::default()
    };
    scan(&target(address), settings, &Pace::per_second(0)).await
}
