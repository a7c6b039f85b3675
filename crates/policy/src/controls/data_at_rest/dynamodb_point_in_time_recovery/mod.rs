use crate::prelude::*;

control! {
    /// Point-in-time recovery keeps its data under the table's own key. Looks at tables and at each
    /// replica of a global table (Amazon DynamoDB Developer Guide, "Point-in-time backups for
    /// DynamoDB"); absent means off.
    id: "dynamodb-point-in-time-recovery",
    title: "DynamoDB tables have point-in-time recovery, under the table's key",
    clauses: ["DDB-3"],
    severity: Medium,
    fix: "Switch point-in-time recovery on; its backups are encrypted with the table's key.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  PointInTimeRecoverySpecification:
    PointInTimeRecoveryEnabled: true
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Orders', {
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
});
"#,
}

const OFF: ServiceDefault = ServiceDefault {
    doc: "Amazon DynamoDB Developer Guide: Point-in-time backups for DynamoDB",
    since: "",
};
const SETTING: &str = "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::DynamoDB::Table"]) {
        let enabled = subject.at(SETTING).bool().or_default(false, OFF);
        out.push(verdict(subject, enabled));
    }
    for subject in cx.subjects(&["AWS::DynamoDB::GlobalTable"]) {
        match subject.at("Replicas").list() {
            Read::Found(replicas, _) => {
                for (i, replica) in replicas.iter().enumerate() {
                    let region = replica.at("Region").string().found();
                    let enabled = replica.at(SETTING).bool().or_default(false, OFF);
                    out.push(
                        verdict(subject, enabled)
                            .part(region.unwrap_or_else(|| format!("replica {}", i + 1))),
                    );
                }
            }
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "which replicas it has", &why).at(loc));
            }
            Read::Absent(_) => {}
        }
    }
}

fn verdict(subject: Subject<'_>, enabled: Known<bool>) -> Judgement {
    match &enabled {
        Known::Unknown(why, _) => {
            Judgement::cannot_tell(subject, "whether point-in-time recovery is on", why)
        }
        known if known.value() == Some(&true) => {
            Judgement::pass(subject, "point-in-time recovery is on, under the table's key")
        }
        _ => Judgement::fail(subject, "point-in-time recovery is off"),
    }
    .fact("PointInTimeRecoveryEnabled", &enabled)
}
