//! AWS Security Finding Format (ASFF), version 2018-10-08: what Security Hub's `BatchImportFindings`
//! takes, a finding for each verdict and for each input that could not be read.
//!
//! A finding of Security Hub belongs to an account and a region. A template without an environment
//! names neither, and a made-up account would be a lie that Security Hub refuses: such findings take
//! what the pipeline says ([`crate::Home`]), and are left out where it says nothing.

use crate::clean;
use crate::model::{Home, Report, headline, judged, place, waived};
use crate::wire::{POLICY, compact, fit, home_region, partition};
use lockfast_policy::{Finding, ResourceView, Severity, Verdict};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{Result, Write};
use std::sync::OnceLock;

/// The lengths that the API takes, in characters.
const LONGEST_ID: usize = 512;
const LONGEST_TITLE: usize = 256;
const LONGEST_DESCRIPTION: usize = 1024;
const LONGEST_TEXT: usize = 512;
const LONGEST_PRODUCT_FIELD: usize = 2048;
const LONGEST_OTHER_DETAIL: usize = 1024;
const MOST_REQUIREMENTS: usize = 32;
const MOST_PRODUCT_FIELDS: usize = 50;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"{\"Findings\":[")?;
    let findings = findings(report).filter_map(|finding| {
        let owner = Owner::of(&finding.resource, report)?;
        Some(entry(report, &clean::finding(finding), &owner))
    });
    for (i, entry) in findings.enumerate() {
        out.write_all(if i == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &entry)?;
    }
    out.write_all(b"\n]}\n")
}

/// How many findings no account and region is known for.
pub(crate) fn left_out(report: &Report<'_>) -> usize {
    findings(report)
        .filter(|finding| Owner::of(&finding.resource, report).is_none())
        .count()
}

fn findings(report: &Report<'_>) -> impl Iterator<Item = Finding> {
    report
        .listed()
        .filter(|finding| finding.verdict != Verdict::NotApplicable)
        .chain(report.unread())
}

/// The findings of a report as Security Hub takes them, one at a time: for whoever sends them.
pub struct Asff<'r, 'a> {
    report: &'r Report<'a>,
    unread: Vec<Finding>,
}

/// Which finding goes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsffEntry {
    /// What [`Asff::finding`] knows it by.
    pub index: usize,
    /// The account that it belongs to.
    pub account: String,
    /// The region that it belongs to.
    pub region: String,
    /// Its `Id`, the same in every run.
    pub id: String,
    /// A failure that a baseline knows: it stands, and is not told again.
    pub known: bool,
}

impl<'r, 'a> Asff<'r, 'a> {
    /// The findings of a report.
    pub fn of(report: &'r Report<'a>) -> Self {
        Asff {
            report,
            unread: report.unread().collect(),
        }
    }

    /// Every finding that belongs to an account and a region.
    pub fn entries(&self) -> impl Iterator<Item = AsffEntry> {
        let judged = self
            .report
            .run
            .findings()
            .map(|finding| {
                let known = self.report.is_known_failure(&finding);
                (finding, known)
            })
            .chain(self.unread.iter().map(|finding| (finding.clone(), false)));
        judged.enumerate().filter_map(|(index, (finding, known))| {
            if finding.verdict == Verdict::NotApplicable {
                return None;
            }
            let owner = Owner::of(&finding.resource, self.report)?;
            Some(AsffEntry {
                index,
                id: id(&finding, &owner),
                account: owner.account,
                region: owner.region,
                known,
            })
        })
    }

    /// The finding of an entry.
    pub fn finding(&self, entry: &AsffEntry) -> Value {
        let judged = self.report.run.len();
        let finding = match entry.index.checked_sub(judged) {
            None => self.report.run.finding(entry.index),
            Some(unread) => self.unread[unread].clone(),
        };
        match Owner::of(&finding.resource, self.report) {
            Some(owner) => self::entry(self.report, &clean::finding(finding), &owner),
            None => Value::Null,
        }
    }

    /// What names a resource in a finding, by its ARN or by the name that Lockfast has for it.
    pub fn resource_id(name: &str) -> String {
        fit(&clean::clean(name), LONGEST_ID)
    }
}

fn id(finding: &Finding, owner: &Owner) -> String {
    format!(
        "lockfast/{}/{}/{}",
        owner.region, owner.account, finding.fingerprint
    )
}

/// Where a finding belongs.
struct Owner {
    account: String,
    region: String,
    /// What says so.
    source: &'static str,
}

impl Owner {
    fn of(resource: &ResourceView, report: &Report<'_>) -> Option<Owner> {
        match (&report.input.scan, &resource.account) {
            (Some(scan), Some(_)) => Owner::live(resource, &scan.regions),
            _ => Owner::planned(resource, &report.home),
        }
    }

    /// A scan knows the account of each resource. What has no region is kept where the partition's global services are, as
    /// AWS's own findings about it are; the environment has no say, so that one finding never has two ids.
    fn live(resource: &ResourceView, scanned: &[String]) -> Option<Owner> {
        let account = resource.account.clone().filter(|text| is_account(text))?;
        let region = resource.region.clone().filter(|text| is_region(text));
        let source = match region {
            Some(_) => "the stack",
            None => "the stack's account; what is global is told in the region of global services",
        };
        let region = region.unwrap_or_else(|| {
            let arn = resource
                .arn
                .as_deref()
                .and_then(|arn| arn.split(':').nth(1));
            let scanned = || scanned.first().map_or("aws", |region| partition(region));
            home_region(arn.unwrap_or_else(scanned)).to_owned()
        });
        Some(Owner {
            account,
            region,
            source,
        })
    }

    fn planned(resource: &ResourceView, home: &Home) -> Option<Owner> {
        let account = resource.account.as_ref().filter(|text| is_account(text));
        let region = resource.region.as_ref().filter(|text| is_region(text));
        let source = match (account, region) {
            (Some(_), Some(_)) => "the stack",
            (None, None) => "AWS_ACCOUNT_ID and AWS_REGION",
            (None, Some(_)) => "AWS_ACCOUNT_ID and the stack's region",
            (Some(_), None) => "the stack's account and AWS_REGION",
        };
        let account = account.or(home.account.as_ref().filter(|text| is_account(text)))?;
        let region = region.or(home.region.as_ref().filter(|text| is_region(text)))?;
        Some(Owner {
            account: account.clone(),
            region: region.clone(),
            source,
        })
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=16).contains(&text.len()) && text.bytes().all(plain)
}

fn entry(report: &Report<'_>, finding: &Finding, owner: &Owner) -> Value {
    let Owner {
        account, region, ..
    } = owner;
    let partition = partition(region);
    let made = format!("{:.3}", report.made);
    let severity = json!({
        "Label": label(finding),
        "Original": finding.severity.to_string(),
    });
    let types = ["Software and Configuration Checks/Industry and Regulatory Standards"];
    let place = place(finding);
    let at = if place.is_empty() {
        String::new()
    } else {
        format!(" ({place})")
    };
    let requirements: Vec<String> = finding
        .clauses
        .iter()
        .take(MOST_REQUIREMENTS)
        .map(|clause| format!("{POLICY}/{clause}"))
        .collect();
    compact(json!({
        "SchemaVersion": "2018-10-08",
        "Id": id(finding, owner),
        "ProductArn": format!(
            "arn:{partition}:securityhub:{region}:{account}:product/{account}/default"
        ),
        "ProductName": "Lockfast",
        "CompanyName": "Lockfast",
        "GeneratorId": fit(&format!("lockfast/{}", finding.control), LONGEST_ID),
        "AwsAccountId": account,
        "Types": types,
        "CreatedAt": made,
        "UpdatedAt": made,
        "Severity": severity,
        // Where providers give what customers may change on the finding itself.
        "FindingProviderFields": { "Severity": severity, "Types": types },
        "Title": fit(&finding.title, LONGEST_TITLE),
        "Description": fit(
            &format!("{}: {}{at}", judged(finding), headline(finding)),
            LONGEST_DESCRIPTION,
        ),
        "Remediation": finding.fix.as_ref().map(|fix| json!({
            "Recommendation": { "Text": fit(&fix.text, LONGEST_TEXT) },
        })),
        "ProductFields": product_fields(report, finding, owner),
        "Resources": [resource(finding, region, partition)],
        "Compliance": {
            "Status": match finding.verdict {
                Verdict::Pass => "PASSED",
                Verdict::Fail | Verdict::Waived => "FAILED",
                // "Some information is missing", in the words of the API.
                Verdict::Unknown => "WARNING",
                Verdict::NotApplicable => "NOT_AVAILABLE",
            },
            "SecurityControlId": finding.control,
            "RelatedRequirements": requirements,
        },
        "Workflow": {
            "Status": match finding.verdict {
                Verdict::Fail | Verdict::Unknown => "NEW",
                Verdict::Waived => "SUPPRESSED",
                // As Security Hub has it for what its own controls find passed.
                Verdict::Pass | Verdict::NotApplicable => "RESOLVED",
            },
        },
        "RecordState": "ACTIVE",
        "Note": finding.waiver.as_ref().map(|waiver| json!({
            "Text": fit(&format!("Waived: {}", waived(waiver)), LONGEST_TEXT),
            "UpdatedBy": waiver.owner.as_deref().filter(|owner| !owner.trim().is_empty())
                .unwrap_or("Lockfast"),
            "UpdatedAt": made,
        })),
    }))
}

/// `INFORMATIONAL` is "no issue was found", in the words of the API.
fn label(finding: &Finding) -> &'static str {
    match (finding.verdict, finding.severity) {
        (Verdict::Pass, _) | (_, Severity::Info) => "INFORMATIONAL",
        (_, Severity::Low) => "LOW",
        (_, Severity::Medium) => "MEDIUM",
        (_, Severity::High) => "HIGH",
        (_, Severity::Critical) => "CRITICAL",
    }
}

fn resource(finding: &Finding, region: &str, partition: &str) -> Value {
    let resource = &finding.resource;
    // The API knows the isolated partitions by other names than ARNs do, and not all of them.
    let partition = match partition {
        "aws" | "aws-cn" | "aws-us-gov" => Some(partition),
        "aws-iso" => Some("aws-us-iso"),
        "aws-iso-b" => Some("aws-us-iso-b"),
        _ => None,
    };
    let mut details = Map::new();
    for (name, value) in [
        ("Type", Some(&resource.kind)),
        ("Part", Some(&resource.part)),
        ("LogicalId", resource.logical_id.as_ref()),
        ("ConstructPath", resource.construct_path.as_ref()),
        ("CreationSite", resource.creation_site.as_ref()),
        ("Stack", resource.stack.as_ref()),
        ("Environment", resource.environment.as_ref()),
        ("Classification", resource.classification.as_ref()),
    ] {
        put(&mut details, name, value, LONGEST_OTHER_DETAIL);
    }
    json!({
        "Type": type_name(&resource.kind),
        "Id": fit(resource.arn.as_ref().unwrap_or(&resource.id), LONGEST_ID),
        "Partition": partition,
        "Region": region,
        "Details": { "Other": details },
    })
}

/// What the format has no field for, as far as it has room; the facts come last.
fn product_fields(report: &Report<'_>, finding: &Finding, owner: &Owner) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut field = |name: &str, value: Option<&String>| {
        let name = format!("lockfast/{name}");
        put(&mut fields, &name, value, LONGEST_PRODUCT_FIELD);
    };
    field("Version", Some(&report.version));
    field("Verdict", Some(&finding.verdict.to_string()));
    field("Fingerprint", Some(&finding.fingerprint));
    field("When", finding.when.as_ref());
    field("Origin", Some(&place(finding)));
    // Tells a later scan's finding from one of an earlier scan that is judged again.
    field(
        "ScanTaken",
        report.input.scan.as_ref().map(|scan| &scan.taken),
    );
    field("AccountAndRegionFrom", Some(&owner.source.to_owned()));
    field("PolicyFile", report.input.policy.as_ref());
    let room = MOST_PRODUCT_FIELDS - fields.len() - 1;
    for (i, fact) in finding.facts.iter().take(room).enumerate() {
        let mut text = format!("{} = {} ({}", fact.name, fact.value, fact.certainty);
        if let Some(because) = &fact.because {
            text.push_str(&format!(": {because}"));
        }
        text.push(')');
        let name = format!("lockfast/Fact/{}", i + 1);
        put(&mut fields, &name, Some(&text), LONGEST_PRODUCT_FIELD);
    }
    if finding.facts.len() > room {
        let more = (finding.facts.len() - room).to_string();
        put(
            &mut fields,
            "lockfast/FactsLeftOut",
            Some(&more),
            LONGEST_PRODUCT_FIELD,
        );
    }
    fields
}

/// Blank values are no values to the API.
fn put(fields: &mut Map<String, Value>, name: &str, value: Option<&String>, most: usize) {
    if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
        fields.insert(name.to_owned(), json!(fit(value, most)));
    }
}

/// Security Hub's name of a resource type.
fn type_name(kind: &str) -> &'static str {
    names().get(kind).map_or("Other", String::as_str)
}

fn names() -> &'static HashMap<String, String> {
    #[derive(Deserialize)]
    struct File {
        types: HashMap<String, String>,
    }
    static NAMES: OnceLock<HashMap<String, String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let file: File = toml::from_str(include_str!("../tables/asff-types.toml"))
            .expect("tables/asff-types.toml is checked by a test");
        file.types
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_one_of_security_hub() {
        let schema: Value = serde_json::from_str(include_str!("../tests/schemas/asff.json"))
            .expect("the schema is JSON");
        let types = &schema["properties"]["Findings"]["items"]["properties"]["Resources"]["items"]
            ["properties"]["Type"]["enum"];
        let types = types.as_array().expect("a list of types");
        for (kind, name) in names() {
            assert!(types.contains(&json!(name)), "{kind}: {name}");
            assert!(
                kind == "stack"
                    || kind.starts_with("AWS::Serverless::")
                    || lockfast_facts::tables::is_known_type(kind),
                "{kind} is no known type"
            );
        }
        assert_eq!(type_name("AWS::S3::Bucket"), "AwsS3Bucket");
        assert_eq!(type_name("AWS::Logs::LogGroup"), "Other");
    }

    #[test]
    fn an_account_that_nobody_names_is_not_made_up() {
        let owner = |account: Option<&str>, region: Option<&str>, home: &Home| {
            let view = ResourceView {
                account: account.map(str::to_owned),
                region: region.map(str::to_owned),
                ..crate::model::input("t.yaml")
            };
            Owner::planned(&view, home).map(|owner| (owner.account, owner.region, owner.source))
        };
        let live = |region: Option<&str>, arn: Option<&str>, scanned: &str| {
            let view = ResourceView {
                account: Some("111111111111".into()),
                region: region.map(str::to_owned),
                arn: arn.map(str::to_owned),
                ..crate::model::input("t.yaml")
            };
            Owner::live(&view, &[scanned.to_owned()]).map(|owner| owner.region)
        };
        assert_eq!(
            live(Some("eu-west-1"), None, "eu-west-1").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(live(None, None, "eu-west-1").as_deref(), Some("us-east-1"));
        assert_eq!(
            live(None, None, "cn-north-1").as_deref(),
            Some("cn-north-1")
        );
        assert_eq!(
            live(
                None,
                Some("arn:aws-us-gov:iam::111111111111:role/a"),
                "eu-west-1"
            )
            .as_deref(),
            Some("us-gov-west-1")
        );
        let home = Home {
            account: Some("444444444444".into()),
            region: Some("eu-west-1".into()),
        };
        let nowhere = Home::default();
        assert_eq!(owner(None, None, &nowhere), None);
        assert_eq!(owner(Some("111111111111"), None, &nowhere), None);
        assert_eq!(
            owner(Some("AWS_ACCOUNT_ID"), Some("eu-central-1"), &nowhere),
            None
        );
        let stated = owner(Some("111111111111"), Some("eu-central-1"), &home);
        let expected = ("111111111111", "eu-central-1", "the stack");
        assert_eq!(
            stated,
            Some((expected.0.into(), expected.1.into(), expected.2))
        );
        let filled = owner(Some("111111111111"), None, &home);
        assert_eq!(
            filled,
            Some((
                "111111111111".into(),
                "eu-west-1".into(),
                "the stack's account and AWS_REGION"
            ))
        );
    }
}
