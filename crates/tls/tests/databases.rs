//! PostgreSQL and MariaDB themselves: TLS behind their own preambles, and whether they refuse plaintext. Where they are
//! not installed there is nothing to test against.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    Channel, Fact, Login, Pace, Plaintext, Protocol, ProtocolVersion, Settings, Why, begin_login,
    compare, plaintext, scan,
};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{patient, rsa, target};

/// A database of one's own, ended when dropped.
struct Database {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Drop for Database {
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
fn program(paths: &[&str]) -> Option<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI needs {}", paths[0]);
        eprintln!("skipped: no {}", paths[0]);
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The program, as another user where root would be turned away.
fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}

/// A directory of the user's own, with certificate and key in it.
fn directory(user: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (from, to) in [
        (&rsa().certificate, "server.pem"),
        (&rsa().key, "server.key"),
    ] {
        let to = directory.path().join(to);
        std::fs::copy(from, &to).unwrap();
        std::fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).unwrap();
    }
    if is_root() {
        let own = Command::new("chown")
            .args(["-R", user])
            .arg(directory.path())
            .status();
        assert!(own.unwrap().success());
    }
    directory
}

/// Waits until somebody listens.
fn wait_for(child: &mut Child, address: SocketAddr) {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "the server ended");
        assert!(started.elapsed() < Duration::from_secs(120), "no server");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn postgres(hba: &str) -> Option<Database> {
    let initdb = program(&[
        "/usr/lib/postgresql/17/bin/initdb",
        "/usr/lib/postgresql/16/bin/initdb",
        "/usr/lib/postgresql/15/bin/initdb",
        "/usr/bin/initdb",
    ])?;
    let directory = directory("postgres");
    let data = directory.path().join("data");
    let made = as_user("postgres", &initdb)
        .args([
            "--auth=scram-sha-256",
            "--no-sync",
            "--no-locale",
            "-E",
            "UTF8",
            "-D",
        ])
        .arg(&data)
        .args(["-U", "admin", "--pwfile"])
        // The password is nobody's: no test logs in.
        .arg(directory.path().join("server.pem"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let setting = |name: &str, value: &str| format!("{name}={value}");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let mut command = as_user("postgres", &initdb.with_file_name("postgres"));
    command.arg("-D").arg(&data);
    for setting in [
        setting("listen_addresses", "127.0.0.1"),
        setting("port", &address.port().to_string()),
        setting("unix_socket_directories", ""),
        setting("ssl", "on"),
        setting("ssl_cert_file", &path("server.pem")),
        setting("ssl_key_file", &path("server.key")),
        setting("fsync", "off"),
    ] {
        command.args(["-c", &setting]);
    }
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    Some(started(child, address, directory))
}

/// An account that nobody has to know a password for.
const ACCOUNT: &str = "CREATE USER lockfast;";

/// One that runs these statements first.
fn mariadb(arguments: &[&str], statements: &str) -> Option<Database> {
    let server = program(&["/usr/sbin/mariadbd", "/usr/sbin/mysqld"])?;
    let directory = directory("mysql");
    let data = directory.path().join("data");
    let install = program(&["/usr/bin/mariadb-install-db", "/usr/bin/mysql_install_db"])?;
    let made = as_user("mysql", &install)
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        // A server that starts clears the directory for temporary tables, be they another's.
        .arg(format!("--tmpdir={}", directory.path().display()))
        // What the kernel has of it, others may have taken.
        .arg("--innodb-use-native-aio=0")
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{words}");
    let statements_file = directory.path().join("statements.sql");
    std::fs::write(&statements_file, format!("{statements}\n")).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let child = as_user("mysql", &server)
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--port={}", address.port()))
        .arg(format!(
            "--socket={}",
            directory.path().join("socket").display()
        ))
        .arg(format!(
            "--ssl-cert={}",
            directory.path().join("server.pem").display()
        ))
        .arg(format!(
            "--ssl-key={}",
            directory.path().join("server.key").display()
        ))
        .arg(format!("--init-file={}", statements_file.display()))
        .arg(format!("--tmpdir={}", directory.path().display()))
        .args(["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M"])
        .arg("--innodb-use-native-aio=0")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Some(started(child, address, directory))
}

fn started(child: Child, address: SocketAddr, directory: tempfile::TempDir) -> Database {
    let mut database = Database {
        child,
        address,
        directory,
    };
    wait_for(&mut database.child, address);
    assert!(database.directory.path().exists());
    database
}

/// The same login over TLS, which `openssl s_client` makes.
async fn over_tls(database: &Database, starttls: &str, protocol: Protocol) -> Plaintext {
    let mut client = tokio::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-starttls", starttls, "-connect"])
        .arg(database.address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let stream = tokio::io::join(client.stdout.take().unwrap(), client.stdin.take().unwrap());
    let login = Login::default();
    begin_login(protocol, stream, Channel::Tls, &login, patient()).await
}

async fn ask(database: &Database, protocol: Protocol) -> Plaintext {
    let target = target(database.address).speaking(protocol);
    let (login, pace) = (Login::default(), Pace::per_second(0));
    loop {
        let outcome = plaintext(&target, &login, patient(), &pace).await;
        // cannot_connect_now: it listens, and is not ready.
        match &outcome {
            Plaintext::Unknown(Why::TurnedAway(answer)) if answer.contains("57P03") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            _ => return outcome,
        }
    }
}

/// Modern versions alone are spoken, and plaintext is what it is.
async fn is_scanned(database: &Database, protocol: Protocol) {
    let target = target(database.address).speaking(protocol);
    let settings = Settings {
        limits: patient(),
        ..Settings::default()
    };
    let scan = scan(&target, settings, &Pace::per_second(0)).await;
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        assert_eq!(scan.versions[&version], Fact::Known(true), "{version}");
    }
    assert_eq!(scan.versions[&ProtocolVersion::Ssl3], Fact::Known(false));
    assert!(scan.broken.value().is_some(), "{:?}", scan.broken);
}

#[tokio::test]
async fn postgresql_that_wants_tls() {
    let Some(database) = postgres("hostssl all all 127.0.0.1/32 scram-sha-256\n") else {
        return;
    };
    is_scanned(&database, Protocol::PostgreSql).await;
    let plain = ask(&database, Protocol::PostgreSql).await;
    let Plaintext::Unknown(Why::TurnedAway(answer)) = &plain else {
        panic!("{plain:?}");
    };
    assert!(
        answer.starts_with("FATAL 28000: no pg_hba.conf entry"),
        "{answer}"
    );
    assert!(answer.contains("no encryption"), "{answer}");
    let over_tls = over_tls(&database, "postgres", Protocol::PostgreSql).await;
    assert!(
        matches!(&over_tls, Plaintext::Accepted { answer } if answer.contains("SCRAM")),
        "{over_tls:?}"
    );
    let outcome = compare(Protocol::PostgreSql, plain.clone(), &over_tls);
    assert!(matches!(outcome, Plaintext::Refused { .. }), "{outcome:?}");
}

#[tokio::test]
async fn postgresql_that_takes_plaintext() {
    let Some(database) = postgres("host all all 127.0.0.1/32 scram-sha-256\n") else {
        return;
    };
    let plain = ask(&database, Protocol::PostgreSql).await;
    assert!(matches!(plain, Plaintext::Accepted { .. }), "{plain:?}");
}

#[tokio::test]
async fn postgresql_that_lets_nobody_in() {
    let Some(database) = postgres("host other all 127.0.0.1/32 scram-sha-256\n") else {
        return;
    };
    let plain = ask(&database, Protocol::PostgreSql).await;
    let outcome = compare(
        Protocol::PostgreSql,
        plain.clone(),
        &over_tls(&database, "postgres", Protocol::PostgreSql).await,
    );
    assert_eq!(outcome, plain);
    assert!(matches!(outcome, Plaintext::Unknown(Why::TurnedAway(_))));
}

#[tokio::test]
async fn mariadb_that_wants_tls() {
    let Some(database) = mariadb(&["--require-secure-transport=ON"], ACCOUNT) else {
        return;
    };
    let plain = ask(&database, Protocol::MySql).await;
    let over_tls = over_tls(&database, "mysql", Protocol::MySql).await;
    assert!(
        matches!(over_tls, Plaintext::Accepted { .. }),
        "{over_tls:?}"
    );
    let outcome = compare(Protocol::MySql, plain, &over_tls);
    assert!(matches!(outcome, Plaintext::Refused { .. }), "{outcome:?}");
    is_scanned(&database, Protocol::MySql).await;
}

/// What it would say to who has a password is not known.
#[tokio::test]
async fn mariadb_does_not_tell_strangers() {
    let Some(database) = mariadb(&["--require-secure-transport=ON"], "") else {
        return;
    };
    let plain = ask(&database, Protocol::MySql).await;
    let over_tls = over_tls(&database, "mysql", Protocol::MySql).await;
    let outcome = compare(Protocol::MySql, plain, &over_tls);
    assert!(
        matches!(&outcome, Plaintext::Unknown(Why::LoginFirst(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn mariadb_that_takes_plaintext() {
    let Some(database) = mariadb(&[], ACCOUNT) else {
        return;
    };
    let plain = ask(&database, Protocol::MySql).await;
    assert!(matches!(plain, Plaintext::Accepted { .. }), "{plain:?}");
}
