use crate::judgement::About;
use crate::live::{listed, unread};
use crate::monitors::{Group, Near, Reach, gaps, groups, is_near, searched};
use crate::prelude::*;
use lockfast_facts::Guard;
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// For each service in the input that AWS Config has managed encryption rules for (the table
    /// beside this file), at least one must be deployed in the same account and region, as a rule, for
    /// the organisation or in a conformance pack, and a recorder there must record the type. A custom
    /// rule whose scope names the type, Security Hub's standards, which deploy rules of their own, and
    /// packs kept elsewhere are unknown. An organisation that deploys its rules from another account
    /// gives those templates too, or waives this.
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
    let deployed = Deployed::of(cx);
    let recorders = Recorder::all(cx);
    for row in rows() {
        let kinds: Vec<&str> = row.types.iter().map(String::as_str).collect();
        let service = row.types[0].split("::").nth(1).unwrap_or_default();
        for group in groups(cx, listed(cx, &kinds)) {
            let part = match group.label.is_empty() {
                true => service.to_owned(),
                false => format!("{service} in {}", group.label),
            };
            for when in &group.whens {
                let judgements = judged(cx, row, &part, (&group, when), &deployed, &recorders);
                out.extend(judgements.into_iter().map(|j| j.part(part.clone())));
            }
        }
    }
}

fn judged<'a>(
    cx: &Cx<'a>,
    row: &Row,
    service: &str,
    (group, when): (&Group<'a>, &Guard),
    deployed: &Deployed<'a>,
    recorders: &[Recorder<'a>],
) -> Vec<Judgement> {
    let whole = Reach { regions: false, accounts: true };
    let near = |subject: Subject<'a>| {
        let reach = match subject.kind().contains("::Organization") {
            true => whole,
            false => Reach::default(),
        };
        is_near(cx, group, subject, reach)
    };
    let mut open: Option<(String, Subject<'a>)> = None;
    let mut found: Vec<(&str, Subject<'a>)> = Vec::new();
    for (subject, what) in &deployed.0 {
        let near = near(*subject);
        if near == Near::No || !subject.variant.when.compatible(when) {
            continue;
        }
        let mut unsure = |why: String| {
            open.get_or_insert((why, *subject));
        };
        match what {
            What::Managed(text) => {
                if let Some(identifier) = row.identifiers.iter().find(|i| text.contains(i.as_str())) {
                    match near {
                        Near::Yes => found.push((identifier, *subject)),
                        _ => unsure(format!("{identifier} stands in another stack, and the input does not say whether that is the same account and region")),
                    }
                }
            }
            What::Custom(types) => {
                if types.is_empty() || types.iter().any(|t| row.types.contains(t)) {
                    unsure("a custom rule looks at it, and what it checks is not in the template".into());
                }
            }
            What::Unknown(why) => unsure((*why).into()),
        }
    }
    let guards: Vec<&Guard> = found.iter().map(|(_, rule)| &rule.variant.when).collect();
    let gaps = gaps(cx, when, &guards);
    let mut judgements: Vec<Judgement> = found
        .iter()
        .map(|(identifier, rule)| {
            let placed: Vec<_> = recorders.iter().map(|r| (near(r.subject), r)).collect();
            let mut judgement = recorded(row, service, identifier, &placed).step(
                format!("{} {}", rule.resource.kind, rule.resource.name),
                rule.resource.loc,
            );
            judgement.when = rule.variant.when.and(when);
            judgement
        })
        .collect();
    judgements.truncate(if gaps.is_empty() { 1 } else { 64 });
    judgements.extend(gaps.into_iter().map(|gap| {
        let unread = unread(cx, "config", &["AWS::Config::ConfigRule"], group.place());
        let mut judgement = match (&open, unread) {
            (None, Some(why)) => {
                Judgement::cannot_tell(About::Input, &format!("whether a Config rule watches the encryption of {service}"), &why)
            }
            _ => unwatched(cx, row, service, open.as_ref()),
        };
        judgement.when = gap;
        judgement
    }));
    judgements
}

/// A rule watches the service: whether what it judges is recorded.
fn recorded(row: &Row, service: &str, identifier: &str, placed: &[(Near, &Recorder<'_>)]) -> Judgement {
    let records = |recorder: &Recorder<'_>| row.types.iter().all(|kind| recorder.records(kind));
    let mut here = placed.iter().filter(|(near, _)| *near == Near::Yes).map(|(_, r)| r);
    if here.clone().any(|recorder| records(recorder)) {
        return Judgement::pass(About::Input, format!("{identifier} watches {service}"));
    }
    if let Some((_, recorder)) = placed.iter().find(|(near, r)| *near == Near::Maybe && records(r)) {
        return Judgement::unknown(
            About::Input,
            format!("{identifier} watches {service}, and the input does not say whether the recorder stands in the same account and region"),
        )
        .step("AWS::Config::ConfigurationRecorder", recorder.subject.resource.loc);
    }
    match here.next() {
        None => Judgement::unknown(
            About::Input,
            format!("{identifier} watches {service}, but no recorder stands in the stacks given"),
        ),
        Some(recorder) if recorder.subject.at("Recording").bool().found() == Some(false) => Judgement::fail(
            About::Input,
            format!("{identifier} watches {service}, but the recorder is stopped"),
        )
        .step("AWS::Config::ConfigurationRecorder", recorder.subject.resource.loc),
        Some(recorder) => Judgement::fail(
            About::Input,
            format!("{identifier} watches {service}, but the recorder does not record {}", row.types[0]),
        )
        .step("AWS::Config::ConfigurationRecorder", recorder.subject.resource.loc),
    }
}

/// No rule is known to watch the service.
fn unwatched(cx: &Cx<'_>, row: &Row, service: &str, open: Option<&(String, Subject<'_>)>) -> Judgement {
    if let Some((why, subject)) = open {
        return Judgement::unknown(
            About::Input,
            format!("cannot tell whether a Config rule watches the encryption of {service}: {why}"),
        )
        .step(format!("{} {}", subject.resource.kind, subject.resource.name), subject.resource.loc);
    }
    Judgement::fail(
        About::Input,
        format!(
            "no Config rule watches the encryption of {service} (searched {}); deploy {}",
            searched(cx),
            row.identifiers[0]
        ),
    )
}

/// What checks resources, and how it is known.
struct Deployed<'a>(Vec<(Subject<'a>, What)>);

enum What {
    /// Identifiers of managed rules, in whatever text.
    Managed(String),
    /// A rule of one's own, and the types it is for; none for all.
    Custom(Vec<String>),
    Unknown(&'static str),
}

impl<'a> Deployed<'a> {
    fn of(cx: &Cx<'a>) -> Self {
        let mut found = Vec::new();
        for rule in cx.subjects(&["AWS::Config::ConfigRule", "AWS::Config::OrganizationConfigRule"]) {
            let managed = match rule.at("Source.SourceIdentifier") {
                Read::Absent(_) => rule.at("OrganizationManagedRuleMetadata.RuleIdentifier"),
                read => read,
            };
            let own = !rule.at("OrganizationCustomPolicyRuleMetadata").is_absent()
                || !rule.at("OrganizationCustomRuleMetadata").is_absent()
                || rule.at("Source.Owner").string().found().is_some_and(|o| o.starts_with("CUSTOM"));
            let what = match managed.string() {
                _ if own => What::Custom(
                    rule.each("Scope.ComplianceResourceTypes.*")
                        .into_iter()
                        .filter_map(|read| read.string().found())
                        .collect(),
                ),
                Read::Found(identifier, _) => What::Managed(identifier),
                _ => What::Unknown("which rule is deployed is known only at deployment"),
            };
            found.push((rule, what));
        }
        for pack in cx.subjects(&["AWS::Config::ConformancePack", "AWS::Config::OrganizationConformancePack"]) {
            let what = match pack.at("TemplateBody").text() {
                Read::Found(text, _) => What::Managed(text.render(|_| String::new())),
                _ => What::Unknown("a conformance pack is kept outside the stacks given"),
            };
            found.push((pack, what));
        }
        for standard in cx.subjects(&["AWS::SecurityHub::Standard"]) {
            found.push((standard, What::Unknown("a standard of Security Hub deploys rules of its own")));
        }
        Deployed(found)
    }
}

/// A recorder and what it records (AWS CloudFormation Template Reference,
/// "AWS::Config::ConfigurationRecorder RecordingGroup"); everything when it does not say.
struct Recorder<'a> {
    subject: Subject<'a>,
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl<'a> Recorder<'a> {
    fn all(cx: &Cx<'a>) -> Vec<Self> {
        let list = |subject: Subject<'_>, at: &str| -> Vec<String> {
            subject.each(at).into_iter().filter_map(|read| read.string().found()).collect()
        };
        cx.subjects(&["AWS::Config::ConfigurationRecorder"])
            .into_iter()
            .map(|subject| {
                let only = list(subject, "RecordingGroup.ResourceTypes.*");
                Recorder {
                    subject,
                    only: (!only.is_empty()).then_some(only),
                    without: list(subject, "RecordingGroup.ExclusionByResourceTypes.ResourceTypes.*"),
                }
            })
            .collect()
    }

    fn records(&self, kind: &str) -> bool {
        // Only a live recorder tells whether it runs.
        if self.subject.at("Recording").bool().found() == Some(false) {
            return false;
        }
        let listed = |list: &[String]| list.iter().any(|k| k == kind);
        self.only.as_deref().is_none_or(listed) && !listed(&self.without)
    }
}
