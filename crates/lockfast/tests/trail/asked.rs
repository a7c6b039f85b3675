//! Questions.

use crate::{copied, files, lockfast, path, run, trail};
use serde_json::Value;

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn uses_are_told_in_every_form_and_say_the_same() {
    let json = trail(&["usage", "logs", "-f", "json"]);
    assert_eq!(json.code, 0, "{}", json.err);
    let rows = json.json();
    let sum = |rows: &Value| -> i64 {
        list(rows)
            .iter()
            .map(|row| row["uses"].as_i64().expect("n"))
            .sum()
    };
    assert!(list(&rows).len() > 50);
    let first = &list(&rows)[0];
    assert!(
        first["key"]
            .as_str()
            .is_some_and(|key| key.starts_with("arn:aws:kms:")),
        "{first}"
    );
    assert!(first["first_seen"].as_str() <= first["last_seen"].as_str());
    let csv = trail(&["usage", "logs", "-f", "csv"]);
    assert_eq!(csv.out.lines().count(), list(&rows).len() + 1);
    let file = path().join("usage.parquet");
    let parquet = trail(&["usage", "logs", "-f", "parquet", "-o", "usage.parquet"]);
    assert_eq!(parquet.code, 0, "{}", parquet.err);
    assert!(std::fs::read(&file).expect("written").starts_with(b"PAR1"));
    assert_eq!(trail(&["usage", "logs", "-f", "parquet"]).code, 2);
    // Counted by something else it is as much.
    let by_key = trail(&["usage", "logs", "--by", "key", "-f", "json"]).json();
    assert_eq!(sum(&by_key), sum(&rows));
    let key = first["key"].as_str().expect("a key");
    let one = trail(&["usage", "logs", "--by", "key", "--key", key, "-f", "json"]).json();
    assert_eq!(list(&one).len(), 1);
    let table = trail(&["usage", "logs", "--by", "key"]);
    assert!(
        table.out.contains("USES") && table.out.contains("rows"),
        "{}",
        table.out
    );
    // Two halves of the time are the whole.
    let half = |flag: &str| {
        sum(&trail(&[
            "usage",
            "logs",
            "--by",
            "key",
            flag,
            "2026-06-14T12:00:00Z",
            "-f",
            "json",
        ])
        .json())
    };
    assert_eq!(half("--since") + half("--until"), sum(&rows));
}

#[test]
fn an_index_answers_as_the_logs_do() {
    let made = trail(&["index", "logs", "--into", "index"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    for question in [
        &["usage"][..],
        &["secrets"],
        &["usage", "--by", "principal", "--all"],
    ] {
        let ask = |of: &str| trail(&[question, &[of, "-f", "json"]].concat());
        let (logs, index) = (ask("logs"), ask("index"));
        assert_eq!(logs.out, index.out, "{question:?} {}", index.err);
    }
    let again = trail(&["index", "logs", "--into", "index"]);
    assert!(again.out.contains("0 files read"), "{}", again.out);
    // It has not every event: what is judged by all of them is not answered by it.
    for question in ["check", "detections"] {
        let refused = trail(&[question, "index"]);
        assert_eq!(refused.code, 2, "{question}");
        assert!(refused.err.contains("name the logs"), "{}", refused.err);
    }
}

#[test]
fn sql_asks_anything_and_writes_nothing() {
    let told = trail(&[
        "sql",
        "SELECT event_name, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC LIMIT 3",
        "logs",
        "-f",
        "json",
    ]);
    assert_eq!(list(&told.json()).len(), 3, "{}", told.err);
    for wrong in ["DROP TABLE events", "SELECT nothing FROM events", "SELEC"] {
        let refused = trail(&["sql", wrong, "logs"]);
        assert_eq!(refused.code, 2, "{wrong}");
        assert!(
            !refused.err.contains("caused by") && refused.err.lines().count() < 8,
            "{}",
            refused.err
        );
    }
    let mut shell = lockfast(&path());
    shell.args(["trail", "shell", "logs"]).write_stdin(
        "SELECT count(*) AS all_of_them FROM events;\nSELEC;\nSELECT 1 AS one;\nexit\n",
    );
    let told = run(&mut shell);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out.contains("ALL OF THEM") && told.out.contains("ONE"),
        "{}",
        told.out
    );
    let tables = trail(&["tables", "-f", "json"]).json();
    let names: Vec<&str> = list(&tables)
        .iter()
        .filter_map(|table| table["table"].as_str())
        .collect();
    assert_eq!(names, ["events", "key_uses", "secret_reads", "problems"]);
    let none = trail(&["usage", "nowhere"]);
    assert_eq!(none.code, 2);
    std::fs::create_dir_all(path().join("empty")).expect("a folder");
    let empty = trail(&["usage", "empty"]);
    assert_eq!(empty.code, 2);
    assert!(empty.err.contains("no log file"), "{}", empty.err);
}

#[test]
fn damage_is_named_and_the_rest_is_told() {
    let own = copied();
    let all = files(&own.path().join("logs"), "_CloudTrail_");
    let torn = &all[3];
    let bytes = std::fs::read(torn).expect("a file");
    std::fs::write(torn, &bytes[..bytes.len() / 2]).expect("written");
    let told =
        run(lockfast(own.path()).args(["trail", "usage", "logs", "--by", "key", "-f", "json"]));
    assert_eq!(told.code, 3, "{}", told.err);
    let name = torn
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(told.err.contains(&name), "{}", told.err);
    assert!(!list(&told.json()).is_empty());
    // An index remembers what it lacks.
    let indexed = run(lockfast(own.path()).args(["trail", "index", "logs", "--into", "index"]));
    assert_eq!(indexed.code, 3, "{}", indexed.err);
    let of_index = run(lockfast(own.path()).args(["trail", "usage", "index", "--by", "key"]));
    assert_eq!(of_index.code, 3, "{}", of_index.err);
    assert!(of_index.err.contains(&name), "{}", of_index.err);
    let problems = run(lockfast(own.path()).args([
        "trail",
        "sql",
        "SELECT file, what FROM problems",
        "logs",
        "-f",
        "json",
    ]))
    .json();
    assert!(
        list(&problems)[0]["file"]
            .as_str()
            .is_some_and(|file| file.contains(&name)),
        "{problems}"
    );
}

#[test]
fn weak_callers_are_told_before_others() {
    let told = trail(&["tls", "logs", "-f", "json"]).json();
    let verdicts: Vec<&str> = list(&told)
        .iter()
        .filter_map(|row| row["verdict"].as_str())
        .collect();
    assert!(verdicts.contains(&"no forward secrecy"), "{verdicts:?}");
    assert!(!verdicts.contains(&"ok"));
    let all = trail(&["tls", "logs", "--all", "-f", "json"]).json();
    assert!(list(&all).iter().any(|row| row["verdict"] == "ok"));
}

#[test]
fn answers_are_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let draw = |name: &str, args: &[&str]| {
        let file = folder.path().join(name);
        let ran = trail(&[args, &["--chart", file.to_str().expect("a name")]].concat());
        assert!(ran.err.contains("drew "), "{}{}", ran.out, ran.err);
        (std::fs::read_to_string(file).expect("a chart"), ran)
    };
    let (by_day, ran) = draw("usage.svg", &["usage", "logs", "-f", "json"]);
    let rows = ran.json();
    let total: u64 = list(&rows)
        .iter()
        .filter_map(|row| row["uses"].as_u64())
        .sum();
    assert!(
        by_day.contains("Uses of keys: uses") && by_day.contains("2026-06-"),
        "{by_day}"
    );
    // What the names below count is what the answer counts.
    let counted: u64 = by_day
        .lines()
        .filter_map(|line| line.trim().rsplit_once(": "))
        .filter_map(|(_, count)| count.replace(' ', "").parse::<u64>().ok())
        .sum();
    assert_eq!(counted, total);
    let (side_by_side, _) = draw("secrets.svg", &["secrets", "logs"]);
    assert!(side_by_side.contains("Readers of secrets: reads"));
    for (name, args) in [
        ("tls.svg", &["tls", "logs"][..]),
        ("anomalies.svg", &["anomalies", "logs"]),
        ("detections.svg", &["detections", "logs"]),
        (
            "sql.svg",
            &[
                "sql",
                "SELECT event_name, CAST(event_time AS DATE) AS day FROM events",
                "logs",
            ],
        ),
    ] {
        let (svg, _) = draw(name, args);
        assert!(
            svg.starts_with("<svg") && svg.matches("<rect").count() > 3,
            "{name}: {svg}"
        );
    }
    let nowhere = trail(&["tls", "logs", "--chart", "none/there.svg"]);
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere.err.contains("cannot write none/there.svg"),
        "{}",
        nowhere.err
    );
}
