//! Which clauses are decided, by which controls, from which sources: generated from the controls
//! and the fixtures beside them.

use crate::clause::{Kind, clauses};
use crate::control::Control;
use schemars::JsonSchema;
use serde::Serialize;

/// Fixtures beside the controls: control path, verdict, file.
static FIXTURES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// A clause and a source it can be decided from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CoverageRow {
    /// The clause's id.
    pub clause: String,
    /// The source.
    pub source: Kind,
    /// The controls that decide it from that source.
    pub controls: Vec<String>,
    /// True when at least one control decides it with passing, failing and unknown cases in the tests.
    pub decided: bool,
}

/// The fixtures of a control: verdict and file name.
pub fn fixtures(control: &Control) -> impl Iterator<Item = (&'static str, &'static str)> {
    let path = control.path;
    FIXTURES
        .iter()
        .filter(move |(module, ..)| *module == path)
        .map(|(_, verdict, file)| (*verdict, *file))
}

/// A row per clause and source, in the policy's order.
pub fn coverage() -> Vec<CoverageRow> {
    clauses()
        .iter()
        .flat_map(|clause| clause.sources.iter().map(move |source| (clause, *source)))
        .map(|(clause, source)| {
            let controls: Vec<&Control> = crate::control::all()
                .filter(|c| c.clauses.contains(&clause.id.as_str()) && c.sources.contains(&source))
                .collect();
            CoverageRow {
                clause: clause.id.clone(),
                source,
                decided: controls.iter().any(|control| has_fixtures(control, source)),
                controls: controls.iter().map(|c| c.id.to_owned()).collect(),
            }
        })
        .collect()
}

/// Whether a control has passing, failing and unknown fixtures of a source. Those of templates are `pass.yaml` and
/// the like; those of other sources carry the source's name (`pass.live.jsonl`).
pub fn has_fixtures(control: &Control, source: Kind) -> bool {
    ["pass", "fail", "unknown"].iter().all(|wanted| {
        fixtures(control).any(|(verdict, file)| {
            verdict == *wanted
                && match source {
                    Kind::Iac => {
                        !file.contains(".live.")
                            && !file.contains(".trail.")
                            && !file.contains(".probe.")
                    }
                    other => file.contains(&format!(".{other}.")),
                }
        })
    })
}
