use crate::judgement::About;
use crate::prelude::*;
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// For each service in the input that AWS Config has managed encryption rules for (the table
    /// beside this file), at least one must be deployed, as a rule or in a conformance pack; and
    /// where rules are, a recorder must be. When the input has no Config rules at all it is
    /// unknown: organisations deploy them from another account.
    id: "config-rules-watch-encryption",
    title: "AWS Config rules watch encryption in every service used",
    clauses: ["MON-1"],
    severity: Low,
    fix: "Deploy the managed rules of the services used, with a recorder and delivery channel.",
    cloudformation: r#"Type: AWS::Config::ConfigRule
Properties:
  Source: {Owner: AWS, SourceIdentifier: RDS_STORAGE_ENCRYPTED}
"#,
    cdk: r#"new config.ManagedRule(this, 'RdsEncrypted', { identifier: config.ManagedRuleIdentifiers.RDS_STORAGE_ENCRYPTED });
"#,
}

#[derive(Deserialize)]
struct File {
    rule: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    types: Vec<String>,
    identifiers: Vec<String>,
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let file: File = toml::from_str(include_str!("rules.toml")).expect("rules.toml is exercised by the fixtures");
        file.rule
    })
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut deployed: Vec<String> = Vec::new();
    let mut unknown = false;
    for subject in cx.subjects(&["AWS::Config::ConfigRule", "AWS::Config::OrganizationConfigRule"]) {
        let read = match subject.at("Source.SourceIdentifier") {
            Read::Absent(_) => subject.at("OrganizationManagedRuleMetadata.RuleIdentifier"),
            read => read,
        };
        match read.string() {
            Read::Found(identifier, _) => deployed.push(identifier),
            Read::Unknown(..) => unknown = true,
            Read::Absent(_) => {}
        }
    }
    for subject in cx.subjects(&["AWS::Config::ConformancePack", "AWS::Config::OrganizationConformancePack"]) {
        match subject.at("TemplateBody").text() {
            Read::Found(text, _) => deployed.push(text.render(|_| String::new())),
            _ => unknown = true,
        }
    }
    let any = !deployed.is_empty() || unknown;
    let recorder = cx.inventory.of_kind("AWS::Config::ConfigurationRecorder").next().is_some();
    for row in rows() {
        if !row.types.iter().any(|kind| cx.inventory.of_kind(kind).next().is_some()) {
            continue;
        }
        let service = row.types[0].split("::").nth(1).unwrap_or_default().to_owned();
        let found = row.identifiers.iter().find(|i| deployed.iter().any(|d| d.contains(i.as_str())));
        let judgement = match found {
            Some(identifier) if recorder => Judgement::pass(About::Input, format!("{identifier} watches {service}")),
            Some(identifier) => Judgement::unknown(
                About::Input,
                format!("{identifier} watches {service}, but no recorder stands in the stacks given"),
            ),
            None if unknown || !any => Judgement::unknown(
                About::Input,
                format!("cannot tell whether a Config rule watches {service}: none of the stacks given says so"),
            ),
            None => Judgement::fail(
                About::Input,
                format!("no Config rule watches encryption in {service}; deploy {}", row.identifiers[0]),
            ),
        };
        out.push(judgement.part(service));
    }
}
