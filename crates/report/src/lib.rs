//! Reports for people and machines: one file per format, none of which judges anything.
//!
//! Findings are made one at a time while a report is written, so that a run of many thousand
//! verdicts needs no more memory than the verdicts themselves.
#![deny(missing_docs)]

mod asff;
mod chart;
mod clean;
mod csv;
mod excerpt;
mod github;
mod gitlab;
pub mod graph;
mod html;
mod json;
mod junit;
mod keymap;
mod lints;
mod markdown;
mod model;
mod ocsf;
mod openmetrics;
mod quarterly;
mod redact;
mod sarif;
mod terminal;
mod wire;

pub use asff::{Asff, AsffEntry};
pub use chart::{Chart, Undrawn};
pub use clean::clean;
pub use json::json_schema;
pub use model::{
    Format, Home, InputSummary, Problem, Report, ScanSummary, ServiceCalls, Style, Verbosity,
    plural,
};
pub use quarterly::{Anomaly, KeyQuarter, PrincipalQuarter, Quarterly, write_quarterly};

use std::io::{Result, Write};

/// Writes a report.
///
/// # Errors
/// Only those of `out`.
pub fn write(
    report: &Report<'_>,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> Result<()> {
    match format {
        Format::Terminal => terminal::write(report, style, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Github => github::write(report, out),
        Format::Gitlab => gitlab::write(report, out),
        Format::Csv => csv::write(report, out),
        Format::Html => html::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Ocsf => ocsf::write(report, out),
        Format::Asff => asff::write(report, out),
        Format::OpenMetrics => openmetrics::write(report, out),
    }
}

/// What a report in this format has no place for, in a sentence for standard error; nothing where it
/// holds everything.
pub fn left_out(report: &Report<'_>, format: Format) -> Option<String> {
    if format != Format::Asff {
        return None;
    }
    let count = asff::left_out(report);
    (count > 0).then(|| {
        format!(
            "{} left out, since no account and region is known for {}; AWS_ACCOUNT_ID and AWS_REGION may say \
             where stacks go that name none",
            plural(count, "finding"),
            if count == 1 { "it" } else { "them" }
        )
    })
}
