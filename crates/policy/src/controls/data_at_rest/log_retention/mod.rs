use super::function_logs::{FunctionLogs, Group, is_helper};
use crate::prelude::*;

control! {
    /// Every log group states how long it keeps its events, within the bounds of `lockfast.toml`
    /// (`[logs]`; built in: any period will do). Without `RetentionInDays` a group keeps everything
    /// for ever (Amazon CloudWatch Logs User Guide, "Change log data retention in CloudWatch Logs").
    /// Looks at log groups, at CDK's `Custom::LogRetention`, and at Lambda functions whose group no
    /// template makes: Lambda makes it, and it keeps everything. Only the periods that CloudWatch
    /// Logs knows can be deployed. Groups of the class `DELIVERY` have a fixed, short retention.
    id: "log-retention",
    title: "Log groups have a retention that the policy accepts",
    clauses: ["CWL-3"],
    severity: Low,
    fix: "Set RetentionInDays on the log group (in a template, make a function's group too, so that there is one to set it on).",
    cloudformation: r#"Type: AWS::Logs::LogGroup
Properties:
  RetentionInDays: 90
"#,
    cdk: r#"new logs.LogGroup(this, 'Checkout', { retention: logs.RetentionDays.THREE_MONTHS });
"#,
}

const FOR_EVER: ServiceDefault = ServiceDefault {
    doc: "Amazon CloudWatch Logs User Guide: Change log data retention in CloudWatch Logs",
    since: "",
};

/// The periods that `PutRetentionPolicy` takes (Amazon CloudWatch Logs API Reference).
const PERIODS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::Logs::LogGroup", "Custom::LogRetention"]) {
        out.push(of_group(cx, subject));
    }
    let logs = FunctionLogs::of(cx);
    for function in cx.subjects(&["AWS::Lambda::Function"]) {
        if !is_helper(function.resource)
            && matches!(logs.group(cx, function), Group::MadeByLambda(None))
        {
            out.push(
                Judgement::fail(
                    function,
                    "no template given makes its log group: Lambda makes it on the first call, and it keeps everything for ever",
                )
                .fact("RetentionInDays", &Known::Default("for ever", FOR_EVER, function.resource.loc)),
            );
        }
    }
}

fn of_group(cx: &Cx<'_>, subject: Subject<'_>) -> Judgement {
    if let Read::Found(class, loc) = subject.at("LogGroupClass").string()
        && class == "DELIVERY"
    {
        return Judgement::pass(
            subject,
            "groups of the class DELIVERY have a fixed, short retention",
        )
        .stated("LogGroupClass", class, loc);
    }
    let days = subject
        .at("RetentionInDays")
        .int()
        .map(Some)
        .or_default(None, FOR_EVER);
    let shortest = i64::from(cx.config.logs.minimum_retention_days);
    let longest = i64::from(cx.config.logs.maximum_retention_days);
    let judgement = match &days {
        Known::Unknown(why, _) => {
            Judgement::cannot_tell(subject, "how long it keeps its events", why)
        }
        known => match known.value().copied().flatten() {
            None => Judgement::fail(subject, "it keeps its events for ever"),
            Some(days) if !PERIODS.contains(&days) => Judgement::fail(
                subject,
                format!("{days} days is no period that CloudWatch Logs takes"),
            ),
            Some(days) if days < shortest => Judgement::fail(
                subject,
                format!(
                    "it keeps its events for {days} days, the policy asks for {shortest} at least"
                ),
            ),
            Some(days) if longest > 0 && days > longest => Judgement::fail(
                subject,
                format!("it keeps its events for {days} days, the policy allows {longest} at most"),
            ),
            Some(days) => Judgement::pass(subject, format!("it keeps its events for {days} days")),
        },
    };
    judgement.fact_as("RetentionInDays", &days, |days| match days {
        Some(days) => days.to_string(),
        None => "for ever".to_owned(),
    })
}
