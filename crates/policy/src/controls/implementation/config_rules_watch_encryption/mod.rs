use crate::judgement::About;
use crate::live::{listed, unread};
use crate::monitors::{Group, Near, Reach, gaps, groups, is_near, searched};
use crate::prelude::*;
use lockfast_facts::{Guard, Origin};
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// For each service in the input that AWS Config has managed encryption rules for (the table
    /// beside this file), at least one must be deployed in the same account and region, as a rule, for
    /// the organisation or in a conformance pack, and a recorder there must record the type. A custom
    /// rule whose scope names the type, a managed rule that looks only at what bears a tag, Security Hub's
    /// standards, which deploy rules of their own, and packs kept elsewhere are unknown. A live account
    /// lists the rules of its packs among its own; its recorder must be known to run. An organisation that
    /// deploys its rules from another account gives those templates too, or waives this.
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
            let mut judgement = recorded(cx, group, row, service, identifier, &placed).step(
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
fn recorded(
    cx: &Cx<'_>,
    group: &Group<'_>,
    row: &Row,
    service: &str,
    identifier: &str,
    placed: &[(Near, &Recorder<'_>)],
) -> Judgement {
    const KIND: &str = "AWS::Config::ConfigurationRecorder";
    let mut here: Option<Judgement> = None;
    let mut elsewhere: Option<Judgement> = None;
    for (near, recorder) in placed {
        let at = recorder.subject.resource.loc;
        let judgement = match (near, recorder.records(cx, row)) {
            (Near::No, _) => continue,
            (Near::Yes, Records::Yes) => {
                return Judgement::pass(About::Input, format!("{identifier} watches {service}"));
            }
            (Near::Yes, Records::Unknown(why)) => Judgement::cannot_tell(
                About::Input,
                &format!("whether what {identifier} watches of {service} is recorded"),
                &why,
            ),
            (Near::Yes, Records::No(why)) => {
                Judgement::fail(About::Input, format!("{identifier} watches {service}, but {why}"))
            }
            (Near::Maybe, Records::No(_)) => continue,
            (Near::Maybe, _) => {
                let judgement = Judgement::unknown(
                    About::Input,
                    format!("{identifier} watches {service}, and the input does not say whether the recorder stands in the same account and region"),
                );
                elsewhere.get_or_insert(judgement.step(KIND, at));
                continue;
            }
        };
        // One that may record is better than one that does not.
        if here.as_ref().is_none_or(|best| judgement.verdict < best.verdict) {
            here = Some(judgement.step(KIND, at));
        }
    }
    if let Some(judgement) = elsewhere.or(here) {
        return judgement;
    }
    let none = format!("{identifier} watches {service}, but no recorder stands in the stacks given");
    match (cx.inventory.origin(), unread(cx, "config", &[KIND], group.place())) {
        (Origin::Live, None) => Judgement::fail(About::Input, format!("{identifier} watches {service}, but there is no recorder")),
        (_, Some(why)) if cx.inventory.origin() == Origin::Live => {
            Judgement::cannot_tell(About::Input, &format!("whether what {identifier} watches of {service} is recorded"), &why)
        }
        _ => Judgement::unknown(About::Input, none),
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
            if rule.at("ConfigRuleState").string().found().is_some_and(|state| state.starts_with("DELETING")) {
                continue;
            }
            let what = match managed.string() {
                _ if own => match types_of(rule) {
                    Some(types) => What::Custom(types),
                    None => What::Unknown("for which types a custom rule is, is known only at deployment"),
                },
                Read::Found(..) if NARROWING.iter().any(|at| !rule.at(at).is_absent()) => {
                    What::Unknown("a rule looks only at one resource, or at those that bear a tag")
                }
                Read::Found(identifier, _) => What::Managed(identifier),
                _ => What::Unknown("which rule is deployed is known only at deployment"),
            };
            found.push((rule, what));
        }
        // What a pack deploys in a live account is among the account's rules.
        let packs: &[&str] = match cx.inventory.origin() {
            Origin::Templates => &["AWS::Config::ConformancePack", "AWS::Config::OrganizationConformancePack"],
            Origin::Live | Origin::Network | Origin::Logs => &[],
        };
        for pack in cx.subjects(packs) {
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

/// Scopes that leave out resources of the types that a rule is for.
const NARROWING: [&str; 4] = [
    "Scope.ComplianceResourceId",
    "Scope.TagKey",
    "OrganizationManagedRuleMetadata.ResourceIdScope",
    "OrganizationManagedRuleMetadata.TagKeyScope",
];

/// The types that a rule of one's own is for; none for all; `None` when one of them is not known.
fn types_of(rule: Subject<'_>) -> Option<Vec<String>> {
    let reads = rule.each("Scope.ComplianceResourceTypes.*");
    let listed = reads.into_iter().filter(|read| !read.is_absent());
    listed.map(|read| read.string().found()).collect()
}

/// A recorder and what it records (AWS CloudFormation Template Reference,
/// "AWS::Config::ConfigurationRecorder RecordingGroup"); everything when it does not say.
struct Recorder<'a> {
    subject: Subject<'a>,
    only: Types,
    without: Types,
}

/// A list of types, and why one of them is not known.
struct Types {
    known: Vec<String>,
    unknown: Option<Arc<Why>>,
}

impl Types {
    fn of(subject: Subject<'_>, at: &str) -> Self {
        let mut types = Types { known: Vec::new(), unknown: None };
        for read in subject.each(at) {
            match read.string() {
                Read::Found(kind, _) => types.known.push(kind),
                Read::Unknown(why, _) => types.unknown = Some(why),
                Read::Absent(_) => {}
            }
        }
        types
    }

    fn has(&self, kind: &str) -> bool {
        self.known.iter().any(|known| known == kind)
    }
}

/// Whether a recorder records types; why not, or why that is not known.
enum Records {
    Yes,
    No(String),
    Unknown(Arc<Why>),
}

impl<'a> Recorder<'a> {
    fn all(cx: &Cx<'a>) -> Vec<Self> {
        let mut recorders = listed(cx, &["AWS::Config::ConfigurationRecorder"]);
        // A recorder that an AWS service keeps for itself feeds no rules of others.
        recorders.retain(|r| r.at("RecordingScope").string().found().as_deref() != Some("INTERNAL"));
        let of = |subject: Subject<'a>| Recorder {
            subject,
            only: Types::of(subject, "RecordingGroup.ResourceTypes.*"),
            without: Types::of(subject, "RecordingGroup.ExclusionByResourceTypes.ResourceTypes.*"),
        };
        recorders.into_iter().map(of).collect()
    }

    /// Whether it records every type of a row.
    fn records(&self, cx: &Cx<'_>, row: &Row) -> Records {
        let mut unknown = None;
        // Only a live recorder tells whether it runs.
        match self.subject.at("Recording").bool() {
            Read::Found(false, _) => return Records::No("the recorder is stopped".to_owned()),
            Read::Found(true, _) => {}
            Read::Unknown(why, _) => unknown = Some(why),
            Read::Absent(_) if cx.inventory.origin() == Origin::Live => {
                unknown = Some(Arc::new(Why::NotGiven("whether the recorder runs".to_owned())));
            }
            Read::Absent(_) => {}
        }
        for kind in &row.types {
            let of_others = !self.only.known.is_empty() && !self.only.has(kind);
            if self.without.has(kind) || of_others && self.only.unknown.is_none() {
                return Records::No(format!("the recorder does not record {kind}"));
            }
            if !self.only.has(kind) {
                unknown = unknown.or_else(|| self.only.unknown.clone());
            }
            unknown = unknown.or_else(|| self.without.unknown.clone());
        }
        unknown.map_or(Records::Yes, Records::Unknown)
    }
}
