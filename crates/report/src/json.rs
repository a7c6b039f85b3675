//! Lockfast's own JSON.

use crate::lints::{Lint, lints};
use crate::model::{ClauseRow, Counts, InputSummary, Report};
use lockfast_policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{Result, Write};

/// Grows when a field changes its meaning or goes away; new fields do not count.
const SCHEMA_VERSION: u32 = 1;

/// The shape of the report, for the published schema.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Lockfast report")]
#[allow(dead_code)]
struct Document {
    /// Version of this schema.
    schema_version: u32,
    /// `lockfast`.
    tool: String,
    /// Lockfast's version.
    version: String,
    /// What was read, and what was not.
    input: InputSummary,
    /// How many verdicts there are of each kind.
    summary: Counts,
    /// The same, clause by clause.
    clauses: Vec<ClauseRow>,
    /// What is wrong with the certificates of endpoints without breaking any control; left out when there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lints: Vec<Lint>,
    /// Every verdict.
    findings: Vec<Finding>,
}

/// The JSON schema of the report.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let summary = report.summary();
    // Findings are written as they are made; the rest is small.
    let mut head = String::from("{\n");
    let mut field = |name: &str, value: serde_json::Result<String>| -> Result<()> {
        head.push_str(&format!(
            "  \"{name}\": {},\n",
            value.map_err(std::io::Error::other)?
        ));
        Ok(())
    };
    field("schema_version", serde_json::to_string(&SCHEMA_VERSION))?;
    field("tool", serde_json::to_string("lockfast"))?;
    field("version", serde_json::to_string(&report.version))?;
    field("input", serde_json::to_string(&report.input))?;
    field("summary", serde_json::to_string(&summary.total))?;
    field("clauses", serde_json::to_string(&summary.clauses))?;
    let lints = lints(report.run.inventory());
    if !lints.is_empty() {
        field("lints", serde_json::to_string(&lints))?;
    }
    out.write_all(head.as_bytes())?;
    out.write_all(b"  \"findings\": [")?;
    for (i, finding) in report.listed().enumerate() {
        out.write_all(if i == 0 { b"\n    " } else { b",\n    " })?;
        serde_json::to_writer(&mut *out, &finding)?;
    }
    out.write_all(b"\n  ]\n}\n")
}
