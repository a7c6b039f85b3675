use crate::prelude::*;
use std::collections::{HashMap, HashSet};

control! {
    /// AWS's SDKs call DynamoDB over HTTPS unless told otherwise, which happens through the
    /// environment: `AWS_ENDPOINT_URL_DYNAMODB` and variables like it must be `https://`. Functions
    /// and containers that set none use the SDK's default, and only those that refer to a table are
    /// listed as passing, or as unknown where their variables cannot be read. The Amazon DynamoDB endpoints also answer on plain HTTP, so a wrong
    /// scheme works unnoticed.
    id: "dynamodb-over-https",
    title: "DynamoDB is called over HTTPS",
    clauses: ["DDBL-1"],
    sources: [Iac],
    severity: High,
    fix: "Remove the endpoint override, or write https://.",
    cloudformation: r#"AWS_ENDPOINT_URL_DYNAMODB: !Sub "https://dynamodb.${AWS::Region}.amazonaws.com"
"#,
    cdk: r#"environment: { TABLE: table.tableName }, // no endpoint override
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::endpoints::judge(cx, out, "DYNAMO", "DynamoDB");
    let overridden: HashSet<ResourceId> = super::endpoints::overrides(cx, "DYNAMO").iter().map(|o| o.subject.id()).collect();
    let unread: HashMap<ResourceId, _> = cx.unread_variables().iter().map(|u| (u.subject.id(), u)).collect();
    let mut seen: HashSet<ResourceId> = HashSet::new();
    for table in cx.inventory.of_kind("AWS::DynamoDB::Table").chain(cx.inventory.of_kind("AWS::DynamoDB::GlobalTable")) {
        for user in cx.inventory.referrers(table.id) {
            if matches!(&*user.kind, "AWS::Lambda::Function" | "AWS::ECS::TaskDefinition")
                && !overridden.contains(&user.id)
                && seen.insert(user.id)
            {
                out.push(match unread.get(&user.id) {
                    Some(unread) => Judgement::cannot_tell(unread.subject, "how DynamoDB is reached", &unread.why).at(unread.loc),
                    None => Judgement::pass(user, "the SDK calls DynamoDB over HTTPS, and nothing overrides its endpoint"),
                });
            }
        }
    }
}
