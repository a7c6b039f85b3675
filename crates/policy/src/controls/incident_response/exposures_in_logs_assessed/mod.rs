use crate::logs::{self, Level, about_either};
use crate::prelude::*;

control! {
    /// An exposure that nobody notices is assessed by nobody. For each account and region of which
    /// CloudTrail's log files were given, somebody must have looked for anomalies in them (`Analysed`); where
    /// nobody did, or they lack days or files, it is unknown. An alert of severity high or above about a key,
    /// a secret or a parameter may be an exposure: it passes when an incident in `lockfast.toml`
    /// (`[[incident]]`) names the key or resource, so that `exposed-data-assessed` judges how its data is
    /// encrypted, or when somebody quieted it with the reason. One that stands open otherwise fails.
    id: "exposures-in-logs-assessed",
    title: "What may be an exposure in the logs is assessed",
    clauses: ["DER-1"],
    sources: [Trail],
    severity: High,
    fix: "Look at what the alert names at once: declare an incident in lockfast.toml with the keys and resources, or quiet the alert with the reason why it is none.",
    cloudformation: r#"# In lockfast.toml:
# [[incident]]
# id = "2026-11-secrets-read"
# kind = "data-exposed"
# resources = ["arn:aws:secretsmanager:eu-central-1:111111111111:secret:orders-db-AbCdEf"]
# since = 2026-11-18
"#,
    cdk: r#"// In lockfast.toml: [[incident]] with what was exposed and the day it began
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether anything was exposed";
    logs::looked_through(cx, out, what, "somebody looked for what may be an exposure");
    logs::open(cx, out, (about_either, Level::High), what, |alert| match alert.incident(cx) {
        Some(incident) => Judgement::pass(
            alert.subject,
            format!("\"{}\" is assessed as incident {}", alert.title(), incident.id),
        ),
        None => {
            let why = alert.why();
            let message = format!("\"{}\" may be an exposure, and nobody assessed it: {why}", alert.title());
            Judgement::fail(alert.subject, message)
        }
    });
}
