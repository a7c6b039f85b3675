//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format").

use crate::model::{Report, headline, waived};
use lockfast_policy::{Control, Finding, Location, Severity, Verdict, controls};
use serde_json::{Value, json};
use std::io::{Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let rules: Vec<&Control> = controls().collect();
    let rule_index = |id: &str| rules.iter().position(|c| c.id == id);
    let driver = json!({
        "name": "Lockfast",
        "semanticVersion": report.version,
        "informationUri": "https://github.com/lockfast/lockfast",
        "rules": rules.iter().map(|c| rule(c)).collect::<Vec<_>>(),
    });
    let notifications: Vec<Value> = report
        .input
        .problems
        .iter()
        .map(|problem| {
            let mut location = json!({ "artifactLocation": { "uri": uri(&problem.path) } });
            if let (Some(line), Some(column)) = (problem.line, problem.column) {
                location["region"] = json!({ "startLine": line, "startColumn": column });
            }
            json!({
                "level": "error",
                "message": { "text": problem.message },
                "locations": [{ "physicalLocation": location }],
            })
        })
        .collect();
    let invocation = json!({
        "executionSuccessful": true,
        "toolExecutionNotifications": notifications,
    });
    writeln!(out, "{{")?;
    writeln!(
        out,
        "  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\","
    )?;
    writeln!(out, "  \"version\": \"2.1.0\",\n  \"runs\": [{{")?;
    writeln!(out, "    \"tool\": {{ \"driver\": {driver} }},")?;
    writeln!(out, "    \"invocations\": [{invocation}],")?;
    writeln!(
        out,
        "    \"automationDetails\": {{ \"id\": \"lockfast/check/\" }},"
    )?;
    writeln!(out, "    \"columnKind\": \"unicodeCodePoints\",")?;
    write!(out, "    \"results\": [")?;
    // What passes is left out: code scanning shows every result as an alert, whatever its kind, and
    // takes 25,000 at most. Failures that a baseline knows are listed too: as unchanged.
    let listed = |(index, (_, _, verdict))| {
        matches!(verdict, Verdict::Fail | Verdict::Waived | Verdict::Unknown).then_some(index)
    };
    let indices = report.run.verdicts().enumerate().filter_map(listed);
    for (i, finding) in indices.map(|index| report.run.finding(index)).enumerate() {
        let known = finding.verdict == Verdict::Fail && report.known.contains(&finding.fingerprint);
        out.write_all(if i == 0 { b"\n      " } else { b",\n      " })?;
        let base = (!report.known.is_empty()).then_some(if known { "unchanged" } else { "new" });
        serde_json::to_writer(
            &mut *out,
            &result(&finding, rule_index(&finding.control), base),
        )?;
    }
    writeln!(out, "\n    ]\n  }}]\n}}")
}

fn rule(control: &Control) -> Value {
    let help = format!(
        "{}\n\nFix: {}\n\nCloudFormation:\n\n```yaml\n{}\n```\n\nCDK:\n\n```ts\n{}\n```\n",
        control.doc.trim(),
        control.fix,
        control.cloudformation.trim_end(),
        control.cdk.trim_end()
    );
    json!({
        "id": control.id,
        "name": control.id,
        "shortDescription": { "text": control.title },
        "fullDescription": { "text": first_sentences(control.doc.trim()) },
        "help": { "text": format!("{}\n\nFix: {}", control.doc.trim(), control.fix), "markdown": help },
        "defaultConfiguration": { "level": level(control.severity) },
        "properties": {
            "tags": control.clauses.iter().copied().chain(["security"]).collect::<Vec<_>>(),
            "security-severity": security_severity(control.severity),
        },
    })
}

/// As many sentences as fit: code scanning takes 1,024 characters here, and the help has them all.
fn first_sentences(text: &str) -> &str {
    const MOST: usize = 1000;
    let Some((cut, _)) = text.char_indices().nth(MOST) else {
        return text;
    };
    match text[..cut].rfind(". ").or_else(|| text[..cut].rfind(".\n")) {
        Some(end) => &text[..=end],
        None => &text[..cut],
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub's scale: over 9 critical, over 7 high, over 4 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}

fn result(finding: &Finding, rule_index: Option<usize>, base: Option<&str>) -> Value {
    let (kind, level) = match finding.verdict {
        Verdict::Fail | Verdict::Waived => ("fail", level(finding.severity)),
        Verdict::Unknown => ("open", "none"),
        Verdict::Pass => ("pass", "none"),
        Verdict::NotApplicable => ("notApplicable", "none"),
    };
    let mut location = json!({
        "logicalLocations": [{
            "fullyQualifiedName": finding.resource.id,
            "name": finding.resource.logical_id.as_deref().unwrap_or(&finding.resource.id),
            "kind": "resource",
        }],
    });
    if let Some(origin) = &finding.origin {
        location["physicalLocation"] = physical(origin);
    }
    let mut result = json!({
        "ruleId": finding.control,
        "kind": kind,
        "level": level,
        "message": { "text": format!("{}: {}", finding.resource.id, headline(finding)) },
        "locations": [location],
        "partialFingerprints": { "lockfast/v1": finding.fingerprint },
        "properties": { "clauses": finding.clauses, "facts": finding.facts },
    });
    if let Some(index) = rule_index {
        result["ruleIndex"] = json!(index);
    }
    if let Some(base) = base {
        result["baselineState"] = json!(base);
    }
    let related: Vec<Value> = finding
        .facts
        .iter()
        .filter_map(|fact| {
            let origin = fact.origin.as_ref()?;
            Some(json!({
                "physicalLocation": physical(origin),
                "message": { "text": format!("{} = {} ({})", fact.name, fact.value, fact.certainty) },
            }))
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    if !finding.steps.is_empty() {
        let mut steps: Vec<Value> = Vec::new();
        if let Some(origin) = &finding.origin {
            steps.push(step(origin, "the property"));
        }
        steps.extend(finding.steps.iter().map(|s| step(&s.origin, &s.what)));
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    if let Some(waiver) = &finding.waiver {
        let in_source = waiver.origin != "lockfast.toml";
        result["suppressions"] = json!([{
            "kind": if in_source { "inSource" } else { "external" },
            "status": "accepted",
            "justification": waived(waiver),
        }]);
    }
    result
}

fn step(at: &Location, text: &str) -> Value {
    json!({ "location": { "physicalLocation": physical(at), "message": { "text": text } } })
}

fn physical(at: &Location) -> Value {
    if !at.has_lines() {
        return json!({ "artifactLocation": { "uri": uri(&at.file) } });
    }
    let mut region = json!({ "startLine": at.line, "startColumn": at.column });
    if (at.end_line, at.end_column) >= (at.line, at.column) {
        region["endLine"] = json!(at.end_line);
        region["endColumn"] = json!(at.end_column);
    }
    json!({ "artifactLocation": { "uri": uri(&at.file) }, "region": region })
}

/// A path as a URI reference (RFC 3986): what is not unreserved or `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
