use crate::cx::POLICY_FILE;
use crate::incidents;
use crate::judgement::About;
use crate::prelude::*;
use lockfast_facts::Loc;

control! {
    /// When keys may be compromised, the customer whose data they protect must be told, and the day stands
    /// in `lockfast.toml` (`customer_notified` of the `[[incident]]`). An incident of kind `key-compromised`
    /// always asks for it; exposed data does when `keys_compromised` is true, and is unknown while nobody has
    /// said. A day that is still to come is none. What the customer was told is not looked at.
    ///
    /// With no incident declared there is nothing to judge.
    id: "customer-notified",
    title: "The customer is told when keys may be compromised",
    clauses: ["DER-3"],
    sources: [Live],
    severity: High,
    fix: "Tell the customer what happened, to which data and keys, since when, and what is done; then write the day into customer_notified.",
    cloudformation: r#"# In lockfast.toml:
# [[incident]]
# customer_notified = 2026-11-21
"#,
    cdk: r#"// In lockfast.toml: customer_notified = 2026-11-21
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let loc = Loc { source: POLICY_FILE, ..Loc::default() };
    for incident in incidents::that(cx, out, ("", |_| true)) {
        let about = About::Input;
        let told = incident.customer_notified.as_ref();
        let judgement = match (incident.keys_may_be_compromised(), told) {
            (Some(false), _) => Judgement::not_applicable(about, "its keys are not compromised, lockfast.toml says"),
            (None, None) => Judgement::unknown(
                about,
                "cannot tell whether the customer must be told: lockfast.toml does not say whether keys may be compromised",
            ),
            (_, Some(day)) => match cx.days_since_day(day) {
                Some(..0) => Judgement::fail(about, format!("keys may be compromised, and the customer is to be told on {day} only")),
                _ => Judgement::pass(about, format!("the customer was told on {day}")),
            },
            (Some(true), None) => match cx.days_since_day(&incident.since) {
                Some(days) => Judgement::fail(
                    about,
                    format!("keys may be compromised for {days} days now, and nothing says that the customer was told"),
                ),
                None => Judgement::fail(about, "keys may be compromised, and nothing says that the customer was told"),
            },
        };
        out.push(judgement.part(incident.id.clone()).stated("since", incident.since.to_string(), loc));
    }
}
