//! OCSF 1.5.0 (Open Cybersecurity Schema Framework), class Compliance Finding with profile Cloud: an
//! array of events, one for each verdict, and one for each input that could not be read.

use crate::clean;
use crate::model::{Report, headline, judged, waived};
use crate::wire::{POLICY, compact, partition};
use lockfast_policy::{Finding, Severity, Verdict, control};
use serde_json::{Value, json};
use std::io::{Result, Write};

/// Later readers understand it: minor versions of OCSF only add.
const VERSION: &str = "1.5.0";
/// Compliance Finding, of category 2, Findings.
const CLASS: u32 = 2003;
/// A run knows nothing of earlier ones, so that every finding is made anew; its uid says which it is.
const CREATE: u32 = 1;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"[")?;
    let findings = report
        .listed()
        .filter(|finding| finding.verdict != Verdict::NotApplicable)
        .chain(report.unread())
        .map(clean::finding);
    for (i, finding) in findings.enumerate() {
        out.write_all(if i == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &event(report, &finding))?;
    }
    out.write_all(b"\n]\n")
}

fn event(report: &Report<'_>, finding: &Finding) -> Value {
    let made = report.made.as_millisecond();
    let said = format!("{}: {}", judged(finding), headline(finding));
    let (status_id, status) = status(finding.verdict);
    // That a check passes asks nothing of anybody, however bad a failure of it would be.
    let (severity_id, severity) = match finding.verdict {
        Verdict::Pass => severity(Severity::Info),
        _ => severity(finding.severity),
    };
    let resource = &finding.resource;
    let region = resource.region.as_deref();
    compact(json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CLASS / 1000,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Compliance Finding: Create",
        "time": made,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": finding.verdict.to_string(),
        "status_detail": finding.waiver.as_ref().map(waived),
        "message": said,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "event_code": finding.control,
            "product": {
                "name": "Lockfast",
                "vendor_name": "Lockfast",
                "version": report.version,
                "url_string": "https://github.com/lockfast/lockfast",
            },
        },
        "finding_info": {
            "uid": finding.fingerprint,
            "title": finding.title,
            "desc": said,
            "types": chapter(finding).map(|chapter| [chapter]),
            "created_time": made,
            "data_sources": finding.origin.as_ref().map(|origin| [&origin.file]),
            "analytic": {
                "uid": finding.control,
                "name": finding.title,
                "type_id": 1,
                "type": "Rule",
            },
        },
        "compliance": compliance(finding),
        "cloud": {
            "provider": "AWS",
            "account": { "uid": resource.account },
            "region": region,
            "cloud_partition": region.map(partition),
        },
        "resources": [{
            "uid": resource.arn.as_ref().unwrap_or(&resource.id),
            "name": resource.logical_id.as_ref().unwrap_or(&resource.id),
            "type": resource.kind,
            "namespace": resource.stack,
            "region": region,
            "cloud_partition": region.map(partition),
            "labels": labels(finding),
            "data": {
                "part": (!resource.part.is_empty()).then_some(&resource.part),
                "construct_path": resource.construct_path,
                "creation_site": resource.creation_site,
            },
        }],
        "remediation": finding.fix.as_ref().map(|fix| json!({ "desc": fix.text })),
        "unmapped": {
            "verdict": finding.verdict.to_string(),
            "when": finding.when,
            "origin": finding.origin,
            "facts": finding.facts,
            "steps": finding.steps,
            "notes": finding.notes,
            "waiver": finding.waiver,
            "policy_file": report.input.policy,
            "fix": finding.fix.as_ref().map(|fix| json!({
                "cloudformation": fix.cloudformation,
                "cdk": fix.cdk,
            })),
        },
    }))
}

fn compliance(finding: &Finding) -> Value {
    // OCSF's Unknown is a status that nobody tells; a check that "did not yield a result due to
    // missing information" has a status of its own: Warning.
    let (status_id, status) = match finding.verdict {
        Verdict::Pass => (1, "Pass"),
        Verdict::Unknown => (2, "Warning"),
        Verdict::Fail | Verdict::Waived => (3, "Fail"),
        Verdict::NotApplicable => (0, "Unknown"),
    };
    let (severity_id, severity) = severity(finding.severity);
    json!({
        "standards": [POLICY],
        "requirements": finding.clauses,
        "control": finding.control,
        "desc": finding.title,
        "category": chapter(finding),
        "status_id": status_id,
        "status": status,
        "status_code": finding.verdict.to_string(),
        "status_details": [headline(finding)],
        "checks": [{
            "uid": finding.control,
            "name": finding.title,
            "standards": [POLICY],
            "status_id": status_id,
            "status": status,
            "severity_id": severity_id,
            "severity": severity,
        }],
    })
}

/// What there is left to do about the finding; Security Hub says the same of what passes.
fn status(verdict: Verdict) -> (u32, &'static str) {
    match verdict {
        Verdict::Fail | Verdict::Unknown => (1, "New"),
        Verdict::Waived => (3, "Suppressed"),
        Verdict::Pass => (4, "Resolved"),
        Verdict::NotApplicable => (0, "Unknown"),
    }
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// The chapter of the policy; none for an input that could not be read.
fn chapter(finding: &Finding) -> Option<String> {
    control(&finding.control).map(|control| control.chapter().replace('_', " "))
}

/// What Lockfast knows of the resource beside what AWS says; its tags are not among a verdict's facts.
fn labels(finding: &Finding) -> Vec<String> {
    let resource = &finding.resource;
    let label = |name: &str, value: &Option<String>| {
        let value = value.as_ref()?;
        Some(format!("{name}:{value}"))
    };
    [
        label("environment", &resource.environment),
        label("classification", &resource.classification),
    ]
    .into_iter()
    .flatten()
    .collect()
}
