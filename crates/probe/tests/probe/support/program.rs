//! Servers that are programs of their own, ended when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program under way, and its folder.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to stop, it takes its own processes with it.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of these programs that is there; in CI, one must be.
pub fn program(paths: &[&str]) -> Option<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI needs {}", paths[0]);
        eprintln!("skipped: no {}", paths[0]);
    }
    found
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts it, and waits until it listens.
pub fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Running {
    let log = std::fs::File::create(folder.path().join("stderr")).unwrap();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut running = Running {
        child,
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        folder,
    };
    let started = Instant::now();
    while TcpStream::connect(running.address).is_err() {
        let log = || std::fs::read_to_string(running.folder.path().join("stderr"));
        let ended = running.child.try_wait().unwrap().is_some();
        assert!(!ended, "{command:?} ended: {:?}", log());
        let late = started.elapsed() > Duration::from_secs(60);
        assert!(!late, "{command:?} does not listen: {:?}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

/// An nginx with these lines in its `http` block; `{port}` is where it is waited for.
pub fn nginx(port: u16, http: &str) -> Option<Running> {
    let nginx = program(&["/usr/sbin/nginx", "/usr/local/sbin/nginx"])?;
    let folder = folder();
    let at = folder.path().display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path {at}/{kind};\n"))
        .collect();
    // As root it would give its workers to another user, who could not enter the folder.
    let user = if is_root() { "user root;\n" } else { "" };
    let config = format!(
        "{user}daemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n{paths}{http}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(nginx);
    command.arg("-e").arg("stderr").arg("-p").arg(folder.path());
    command.arg("-c").arg(file);
    Some(start(command, port, folder))
}

/// An HAProxy with these lines behind its own.
pub fn haproxy(port: u16, config: &str) -> Option<Running> {
    let haproxy = program(&["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"])?;
    let folder = folder();
    let file = folder.path().join("haproxy.cfg");
    let own = "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n";
    std::fs::write(&file, format!("{own}{config}\n")).unwrap();
    let mut command = Command::new(haproxy);
    command.arg("-db").arg("-f").arg(file);
    Some(start(command, port, folder))
}

/// An `openssl s_server` with these arguments, that answers as a web server.
pub fn openssl(arguments: &[&str]) -> Running {
    let (port, folder) = (free_port(), folder());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
    command.args(arguments);
    start(command, port, folder)
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The program, as another user where root would be turned away.
pub fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
