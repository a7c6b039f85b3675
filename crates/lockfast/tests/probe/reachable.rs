//! Endpoints that do not answer.

use crate::support::free_port;
use crate::verdicts::pair;

#[test]
fn where_nobody_listens_that_is_told_and_nothing_passes() {
    let Some(pair) = pair() else { return };
    let nobody = format!("127.0.0.1:{}", free_port());
    let ran = pair.probe(&nobody, &["-f", "json"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let report = ran.json();
    let problems = report["input"]["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0]["path"], nobody.as_str());
    let said = problems[0]["message"].as_str().unwrap_or_default();
    assert!(said.contains("refused"), "{said}");
    assert_eq!(report["summary"]["pass"], 0);
    assert_eq!(report["summary"]["fail"], 0);
    assert_ne!(report["summary"]["unknown"], 0);
    let card = pair.probe(&nobody, &[]);
    assert!(
        card.out.contains(&nobody) && card.out.contains("refused"),
        "{}",
        card.out
    );
}

#[test]
fn half_of_two_endpoints_down_leaves_the_other_judged() {
    let Some(pair) = pair() else { return };
    let nobody = format!("127.0.0.1:{}", free_port());
    let (roots, port) = (pair.pki.roots(), pair.http_port());
    let ran = pair.probe(
        &pair.mended(),
        &[
            &nobody,
            "--roots",
            &roots,
            "--http-port",
            &port,
            "-f",
            "json",
        ],
    );
    assert_eq!(ran.code, 3, "{}", ran.err);
    let report = ran.json();
    assert_eq!(report["input"]["endpoints"], 2);
    let verdicts = ran.verdicts("endpoint-tls-minimum");
    assert!(
        verdicts
            .iter()
            .any(|v| v.starts_with(&pair.mended()) && v.ends_with("pass")),
        "{verdicts:?}"
    );
    assert!(
        verdicts
            .iter()
            .any(|v| v.starts_with(&nobody) && v.ends_with("unknown")),
        "{verdicts:?}"
    );
    // What is broken counts more than what was not reached.
    let ran = pair.probe(&pair.old(), &[&nobody]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains(&format!("{nobody}: ")), "{}", ran.out);
}
