use crate::logs::{self, Level, about_secrets, all_or_unknown, analysed, count, list, named, text, wholeness};
use crate::prelude::*;
use lockfast_facts::trail::SECRET;

control! {
    /// Who reads secrets, how often and since when must be looked at, and what is unusual about it must be
    /// followed up. For each account and region of which CloudTrail's log files were given, somebody must
    /// have looked for anomalies in them (`Analysed`); where nobody did, or the logs hold no event of
    /// secrets or parameters at all, or lack days or files, it is unknown. An alert about a secret or a
    /// parameter that stands open fails, whatever its severity but informational; one that somebody quieted
    /// passes with the reason.
    ///
    /// A reader that is new is no fault by itself, and a remark: where it matters, there is an alert.
    id: "secret-access-analysed",
    title: "Access to secrets is analysed, and nothing unusual stands open",
    clauses: ["LOG-2"],
    sources: [Trail],
    severity: Medium,
    fix: "Look for anomalies in the logs; ask the owner of each unusual reader what it reads and why, then take its permission away and rotate the secret, or quiet the alert with the reason.",
    cloudformation: r#"# The permission that nobody explained goes out of the role's policy:
# - Effect: Allow
#   Action: secretsmanager:GetSecretValue
#   Resource: !Ref OrdersSecret
"#,
    cdk: r#"// Without ordersSecret.grantRead(role), the role cannot read it any more.
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for logs in all_or_unknown(cx, "whether access to secrets is analysed", out) {
        let mut faults = wholeness(logs);
        let looked = analysed(cx, logs);
        faults.add("whether access to secrets is analysed", looked.clone().map(|_| None));
        let counts = ["SecretsManagerEvents", "ParameterEvents"].map(|property| (property, count(logs, property)));
        let none = counts.iter().all(|(_, n)| n.value() == Some(&0));
        faults.add("who reads secrets", match counts.iter().find_map(|(_, n)| n.why()) {
            Some(why) => Known::Unknown(why.clone(), logs.resource.loc),
            None if none => {
                let why = "the logs hold no event of secrets or parameters, so either nobody reads any or the trail leaves reads out";
                Known::Unknown(Arc::new(Why::Unsupported(why.into())), logs.resource.loc)
            }
            None => Known::Stated(None, logs.resource.loc),
        });
        let judgement = faults.judgement(logs, "somebody looked at who reads secrets");
        let judgement = counts.iter().fold(judgement, |judgement, (property, n)| judgement.fact(*property, n));
        out.push(judgement.fact_as("Analysed", &looked, |(_, day)| day.clone()));
    }
    logs::open(cx, out, (about_secrets, Level::Low), "whether unusual access to a secret was looked at", |alert| {
        let why = alert.why();
        Judgement::fail(alert.subject, format!("\"{}\" stands open: {why}", alert.title()))
    });
    for secret in cx.subjects(&[SECRET]) {
        if let Known::Stated(readers, loc) = list(secret, "Readers") {
            let new = readers.iter().filter(|reader| reader.at("New").bool().found() == Some(true));
            let new: Vec<String> = new.filter_map(|reader| text(reader, "Principal")).collect();
            if !new.is_empty() {
                let judgement = Judgement::not_applicable(secret, "a reader that is new is no fault by itself");
                out.push(judgement.stated("new readers", named(new), loc));
            }
        }
    }
}
