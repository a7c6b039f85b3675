//! Every report, written to a file and sane.

use crate::support::{lockfast, run};
use crate::verdicts::pair;
use std::path::Path;

const FORMATS: [&str; 11] = [
    "json",
    "sarif",
    "junit",
    "html",
    "csv",
    "markdown",
    "github",
    "gitlab",
    "ocsf",
    "openmetrics",
    "terminal",
];

#[test]
fn every_format_is_written_and_the_json_keeps_its_schema() {
    let Some(pair) = pair() else { return };
    let outputs: Vec<String> = FORMATS.iter().map(|f| format!("{f}={f}.out")).collect();
    let mut args = vec!["--snapshot", "endpoints.jsonl"];
    args.extend(outputs.iter().flat_map(|output| ["-o", output.as_str()]));
    let ran = pair.probe(&pair.old(), &args);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let text = |format: &str| {
        let file = pair.pki.path(&format!("{format}.out"));
        std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{format}: {e}"))
    };
    for format in FORMATS {
        let text = text(format);
        assert!(
            ["endpoint-tls-minimum", "TLS 1.2 or later"]
                .iter()
                .any(|said| text.contains(said)),
            "{format}: {text}"
        );
        assert!(
            text.contains(&pair.old()) || format == "gitlab",
            "{format}: {text}"
        );
        let odd = text
            .chars()
            .find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
        assert_eq!(odd, None, "{format}");
    }
    for format in ["json", "sarif", "gitlab", "ocsf"] {
        serde_json::from_str::<serde_json::Value>(&text(format))
            .unwrap_or_else(|e| panic!("{format}: {e}"));
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/report.json");
    let schema = std::fs::read_to_string(schema).expect("`cargo xtask docs` wrote it");
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let document = serde_json::from_str(&text("json")).expect("JSON");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(text("junit").starts_with("<?xml"));
    assert!(
        text("html")
            .to_ascii_lowercase()
            .starts_with("<!doctype html>")
    );
    metrics(&pair.old(), &text("openmetrics"));
    // Judged again, the same snapshot gives the same bytes.
    for _ in 0..2 {
        let again = run(lockfast(pair.pki.folder.path()).args([
            "judge",
            "endpoints.jsonl",
            "-f",
            "openmetrics",
        ]));
        assert_eq!(again.out, text("openmetrics"));
    }
}

/// OpenMetrics 1.0: each family is described before its samples, and the text ends with its mark.
fn metrics(endpoint: &str, text: &str) {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let sample = text
        .lines()
        .find(|line| line.starts_with("lockfast_certificate_not_after_seconds{"))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        sample.contains(&format!("endpoint=\"{endpoint}\"")),
        "{sample}"
    );
    let value = sample
        .rsplit(' ')
        .next()
        .and_then(|value| value.parse::<i64>().ok());
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let days = (value.expect("a number") - now.as_secs() as i64) / 86_400;
    assert!((363..=365).contains(&days), "{sample}");
    let mut described = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            described = rest.split(' ').next().unwrap_or_default();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(described), "{line} after {described}");
        }
    }
    assert!(
        text.contains("lockfast_endpoint_version_accepted{")
            && text.contains("lockfast_certificate_valid{")
    );
}
