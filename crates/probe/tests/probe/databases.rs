//! PostgreSQL and MariaDB: TLS behind their own preambles, and whether they refuse plaintext.

use crate::support::authority;
use crate::support::program::{Running, as_user, folder, free_port, is_root, program, start, text};
use crate::support::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A folder of the user's own, with certificate and key in it.
fn folder_of(user: &str) -> tempfile::TempDir {
    let folder = folder();
    let pair = authority::rsa();
    for (from, to) in [(&pair.certificate, "server.pem"), (&pair.key, "server.key")] {
        let to = folder.path().join(to);
        std::fs::copy(from, &to).unwrap();
        std::fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).unwrap();
    }
    if is_root() {
        let mut own = Command::new("chown");
        own.args(["-R", user]).arg(folder.path());
        assert!(own.status().unwrap().success());
    }
    folder
}

fn postgres(hba: &str) -> Option<Running> {
    let initdb = program(&[
        "/usr/lib/postgresql/17/bin/initdb",
        "/usr/lib/postgresql/16/bin/initdb",
        "/usr/lib/postgresql/15/bin/initdb",
        "/usr/bin/initdb",
    ])?;
    let folder = folder_of("postgres");
    let data = folder.path().join("data");
    let made = as_user("postgres", &initdb)
        .args(["--auth=scram-sha-256", "--no-sync", "--no-locale"])
        .args(["-E", "UTF8", "-D"])
        .arg(&data)
        .args(["-U", "admin", "--pwfile"])
        // The password is nobody's: no test logs in.
        .arg(folder.path().join("server.pem"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
    let port = free_port();
    let at = folder.path().display();
    let mut command = as_user("postgres", &initdb.with_file_name("postgres"));
    command.arg("-D").arg(&data);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={at}/server.pem"),
        format!("ssl_key_file={at}/server.key"),
        "fsync=off".to_owned(),
    ] {
        command.args(["-c", &setting]);
    }
    Some(start(command, port, folder))
}

fn mariadb(arguments: &[&str], statements: &str) -> Option<Running> {
    let server = program(&["/usr/sbin/mariadbd", "/usr/sbin/mysqld"])?;
    let install = program(&["/usr/bin/mariadb-install-db", "/usr/bin/mysql_install_db"])?;
    let folder = folder_of("mysql");
    let at = folder.path().display();
    let common = [
        "--no-defaults".to_owned(),
        format!("--datadir={at}/data"),
        // A server that starts clears the directory for temporary tables, be they another's.
        format!("--tmpdir={at}"),
        // What the kernel has of it, others may have taken.
        "--innodb-use-native-aio=0".to_owned(),
    ];
    let made = as_user("mysql", &install)
        .args(&common)
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{words}");
    let first = folder.path().join("statements.sql");
    std::fs::write(&first, format!("{statements}\n")).unwrap();
    let port = free_port();
    let mut command = as_user("mysql", &server);
    command
        .args(&common)
        .arg(format!("--port={port}"))
        .arg(format!("--socket={at}/socket"))
        .arg(format!("--ssl-cert={at}/server.pem"))
        .arg(format!("--ssl-key={at}/server.key"))
        .arg(format!("--init-file={}", text(&first)))
        .args(["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M"])
        .args(arguments);
    Some(start(command, port, folder))
}

/// What the record says, once the server is ready.
async fn asked(server: &Running, scheme: &str) -> Value {
    for _ in 0..200 {
        let port = server.address.port();
        let record = record(&prober(&[port], patient()), &shop(scheme, port)).await;
        assert_eq!(record["Role"], "Database");
        let address = only_address(&record);
        // cannot_connect_now: it listens, and is not ready.
        if !address.to_string().contains("57P03") {
            return address;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server is never ready");
}

fn speaks_tls(address: &Value) {
    let versions = &address["Tls"]["Versions"];
    assert_eq!(versions["TLSv1.2"], true, "{address:#}");
    assert_eq!(versions["SSLv3"], false);
    assert_eq!(address["Certificates"][0]["For"], "RSA");
    assert_eq!(address["Certificates"][0]["Valid"], true);
    assert!(address.get("Hsts").is_none() && address.get("Http").is_none());
}

#[tokio::test]
async fn postgresql_that_wants_tls_and_postgresql_that_does_not() {
    let Some(wants) = postgres("hostssl all all 127.0.0.1/32 scram-sha-256\n") else {
        return;
    };
    let address = asked(&wants, "postgresql").await;
    speaks_tls(&address);
    let plaintext = &address["Plaintext"];
    assert_eq!(plaintext["Refused"], true, "{plaintext}");
    let answer = plaintext["Answer"].as_str().unwrap();
    assert!(
        answer.starts_with("FATAL 28000: no pg_hba.conf entry"),
        "{answer}"
    );
    drop(wants);

    let takes = postgres("host all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    let address = asked(&takes, "postgresql").await;
    speaks_tls(&address);
    assert_eq!(address["Plaintext"]["Refused"], false);
}

/// It lets nobody in, over TLS or without: what it would say to others is not known.
#[tokio::test]
async fn postgresql_that_lets_nobody_in() {
    let Some(server) = postgres("hostssl other all 127.0.0.1/32 scram-sha-256\n") else {
        return;
    };
    let address = asked(&server, "postgresql").await;
    speaks_tls(&address);
    assert!(why(&address["Plaintext"]["Refused"]).contains("turned us away"));
}

#[tokio::test]
async fn mariadb_that_wants_tls() {
    let required = ["--require-secure-transport=ON"];
    let Some(server) = mariadb(&required, "CREATE USER lockfast;") else {
        return;
    };
    let address = asked(&server, "mysql").await;
    speaks_tls(&address);
    assert_eq!(address["Plaintext"]["Refused"], true, "{address:#}");
}

/// The server does not ask for TLS, the account does: what is said without it is that the login is wrong.
#[tokio::test]
async fn mariadb_whose_account_wants_tls() {
    let Some(server) = mariadb(&[], "CREATE USER lockfast REQUIRE SSL;") else {
        return;
    };
    let address = asked(&server, "mysql").await;
    speaks_tls(&address);
    assert_eq!(address["Plaintext"]["Refused"], true, "{address:#}");
}

#[tokio::test]
async fn mariadb_that_takes_plaintext() {
    let Some(server) = mariadb(&[], "CREATE USER lockfast;") else {
        return;
    };
    let address = asked(&server, "mysql").await;
    speaks_tls(&address);
    assert_eq!(address["Plaintext"]["Refused"], false, "{address:#}");
}
