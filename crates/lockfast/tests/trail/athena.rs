//! What is written for Amazon Athena, run on a stand-in: sqlglot reads every statement in Athena's dialect and gives it to DuckDB.

use crate::{lockfast, path, run, trail};
use std::process::Command;

fn python() -> String {
    std::env::var("LOCKFAST_ATHENA_PYTHON").expect(
        "LOCKFAST_ATHENA_PYTHON names no Python with sqlglot and DuckDB: run `cargo xtask test`, which installs them",
    )
}

#[test]
fn athena_answers_as_lockfast_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sql, answers) = (folder.path().join("sql"), folder.path().join("answers"));
    std::fs::create_dir_all(&sql).expect("a folder");
    std::fs::create_dir_all(&answers).expect("a folder");
    let setup = [
        "athena",
        "--location",
        "s3://example-trail/AWSLogs/",
        "--account",
        "111122223333",
        "--region",
        "eu-central-1",
        "--since",
        "2025-01-01",
    ];
    let setup = trail(&setup);
    assert_eq!(setup.code, 0, "{}", setup.err);
    std::fs::write(sql.join("setup.sql"), setup.out).expect("written");
    for question in [
        "usage",
        "secrets",
        "tls",
        "new-pairs",
        "decryptors",
        "denied",
    ] {
        let query = trail(&["athena", "--question", question]);
        assert_eq!(query.code, 0, "{}", query.err);
        std::fs::write(sql.join(format!("{question}.sql")), query.out).expect("written");
    }
    for question in ["usage", "secrets", "tls"] {
        let answer = trail(&[question, "logs", "-f", "json"]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        std::fs::write(answers.join(format!("{question}.json")), answer.out).expect("written");
    }
    for table in ["key_uses", "secret_reads"] {
        let rows = trail(&[
            "sql",
            &format!("SELECT * FROM {table}"),
            "logs",
            "-f",
            "json",
        ]);
        std::fs::write(answers.join(format!("{table}.json")), rows.out).expect("written");
    }
    let checked = Command::new(python())
        .arg(crate::common::root().join("tests/athena/check.py"))
        .arg("--sql")
        .arg(&sql)
        .arg("--logs")
        .arg(path().join("logs"))
        .arg("--answers")
        .arg(&answers)
        .output()
        .expect("Python runs");
    let (out, err) = (
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr),
    );
    assert!(checked.status.success(), "{out}{err}");
}

#[test]
fn what_would_break_out_of_a_statement_is_refused() {
    let wrong = |args: &[&str]| run(lockfast(&path()).args(["trail", "athena"]).args(args));
    let location = [
        "--location",
        "s3://logs/'; DROP TABLE x",
        "--account",
        "111122223333",
        "--region",
        "eu-central-1",
    ];
    let location = wrong(&location);
    assert_eq!(location.code, 2);
    assert!(
        location
            .err
            .contains("is no location: write s3://BUCKET/PREFIX/AWSLogs/"),
        "{}",
        location.err
    );
    let table = wrong(&["--question", "usage", "--table", "a b"]);
    assert!(
        table.code == 2 && table.err.contains("is no name of a table"),
        "{}",
        table.err
    );
    let nothing = wrong(&[]);
    assert!(
        nothing.code == 2 && nothing.err.contains("--location"),
        "{}",
        nothing.err
    );
}
