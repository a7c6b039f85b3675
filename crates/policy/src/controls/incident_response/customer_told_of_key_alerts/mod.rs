use crate::logs::{self, Level, about_keys};
use crate::prelude::*;

control! {
    /// When the logs say that a key may be compromised, the customer whose data it protects must be told. An
    /// alert of severity high or above about a key says so until somebody quiets it with the reason. It
    /// passes when an incident in `lockfast.toml` (`[[incident]]`) names the key and the day on which the
    /// customer was told (`customer_notified`), or says that keys are not compromised; it fails when there
    /// is no incident, or the day is missing or still to come. Where nobody looked for anomalies in the
    /// logs of an account and region (`Analysed`), or they lack days or files, it is unknown whether
    /// anybody must be told.
    id: "customer-told-of-key-alerts",
    title: "The customer is told when the logs say that a key may be compromised",
    clauses: ["DER-3"],
    sources: [Trail],
    severity: High,
    fix: "Look at the alert at once and quiet it with the reason when it is no matter; otherwise declare the incident, tell the customer what happened to which data and keys, and write the day into customer_notified.",
    cloudformation: r#"# In lockfast.toml:
# [[incident]]
# keys = ["arn:aws:kms:eu-central-1:111111111111:key/…"]
# customer_notified = 2026-11-21
"#,
    cdk: r#"// In lockfast.toml: customer_notified = 2026-11-21
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether the customer must be told that a key may be compromised";
    logs::looked_through(cx, out, what, "somebody looked for signs that a key may be compromised");
    logs::open(cx, out, (about_keys, Level::High), what, |alert| {
        let title = alert.title();
        let Some(incident) = alert.incident(cx) else {
            let message = format!("\"{title}\" says that a key may be compromised, and no incident in lockfast.toml names it");
            return Judgement::fail(alert.subject, message);
        };
        let judgement = match (incident.keys_may_be_compromised(), &incident.customer_notified) {
            (Some(false), _) => Judgement::pass(alert.subject, "its keys are not compromised, lockfast.toml says"),
            (_, Some(day)) => match cx.days_since_day(day) {
                Some(..0) => Judgement::fail(alert.subject, format!("\"{title}\": the customer is to be told on {day} only")),
                _ => Judgement::pass(alert.subject, format!("\"{title}\": the customer was told on {day}")),
            },
            (_, None) => {
                let message = format!("\"{title}\" says that a key may be compromised, and nothing says that the customer was told");
                Judgement::fail(alert.subject, message)
            }
        };
        judgement.note(format!("incident {}", incident.id))
    });
}
