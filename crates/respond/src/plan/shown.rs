//! A plan, as it is shown before anything is done.

use super::{Estimate, Phase, Plan, Step};
use crate::markdown::{code, fenced, plain};
use std::fmt::Write;

impl Plan {
    /// In Markdown: what to know, the steps phase by phase, and the commands for people.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# Plan {} of {}\n", self.version, self.incident)?;
        for note in &self.notes {
            writeln!(out, "- {}", plain(note))?;
        }
        writeln!(out, "- All together: {}", self.total())?;
        let phases = [
            Phase::Contain,
            Phase::Replace,
            Phase::Reencrypt,
            Phase::Verify,
            Phase::Close,
        ];
        for phase in phases {
            let steps: Vec<&Step> = self.steps.iter().filter(|own| own.phase == phase).collect();
            if steps.is_empty() {
                continue;
            }
            writeln!(out, "\n## {phase}\n")?;
            writeln!(
                out,
                "| step | what | by | downtime | old data | calls | takes | stays under the old key | verified by | clause |"
            )?;
            writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
            for own in &steps {
                let by = if own.is_for_people() {
                    "**people**"
                } else {
                    "Lockfast"
                };
                writeln!(
                    out,
                    "| {} | {} | {by} | {} | {} | {} | {} | {} | {} | {} |",
                    code(own.id.as_str()),
                    plain(&own.title),
                    plain(&own.downtime.to_string()),
                    own.old_data,
                    plain(&own.calls.join(", ")),
                    own.estimate,
                    plain(own.stays.as_deref().unwrap_or("")),
                    plain(&own.verified_by),
                    own.clause,
                )?;
            }
            for own in steps {
                if let Some(lines) = &own.manual {
                    writeln!(out, "\n{}: {}\n", code(own.id.as_str()), plain(&own.title))?;
                    if let Some(why) = &own.unsure {
                        writeln!(out, "Not certain: {}\n", plain(why))?;
                    }
                    fenced(out, "sh", &lines.join("\n"))?;
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = [
            self.calls.map(|calls| format!("{calls} calls")),
            self.bytes
                .filter(|bytes| *bytes > 0)
                .map(|bytes| format!("{bytes} bytes")),
            self.seconds.map(|seconds| format!("{seconds} s")),
            Some(self.note.clone()).filter(|note| !note.is_empty()),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        match known.is_empty() {
            true => f.write_str("not known"),
            false => f.write_str(&known.join(", ")),
        }
    }
}
