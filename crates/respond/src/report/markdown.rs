//! A post-mortem in Markdown.

use super::{Report, ReportError, shown};
use crate::markdown::{code, fenced, plain};
use std::fmt::Write;

impl Report {
    /// In Markdown.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_markdown(&self) -> Result<String, ReportError> {
        let mut text = String::new();
        match self.write_markdown(&mut text) {
            Ok(()) => Ok(text),
            Err(error) => Err(ReportError::Write(error.to_string())),
        }
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        let own = &self.incident;
        writeln!(out, "# Incident {}\n", own.id)?;
        if own.rehearsal {
            writeln!(
                out,
                "**An exercise: nothing of this happened to a real key.**\n"
            )?;
        }
        writeln!(out, "## What happened\n")?;
        writeln!(
            out,
            "{} opened it on {}: {}.\n",
            plain(&own.opened_by),
            shown(Some(own.opened_at)),
            plain(&own.reason)
        )?;
        writeln!(out, "- About: {}, {}", own.kind, code(&own.subject))?;
        if let Some(compromised) = own.compromised {
            writeln!(out, "- Compromised: {compromised}")?;
        }
        for suspect in &own.suspects {
            writeln!(out, "- Suspect: {}", code(suspect))?;
        }
        writeln!(out, "- Status: **{}**", self.status.as_str())?;
        writeln!(
            out,
            "- Steps of plan {}: {}",
            self.plan_version,
            self.counted()
        )?;
        for note in &self.notes {
            writeln!(out, "- {}", plain(note))?;
        }

        writeln!(
            out,
            "\n## Timeline\n\n| time | step | what |\n|---|---|---|"
        )?;
        for moment in &self.timeline {
            let step = moment.step.as_ref().map(|step| code(step.as_str()));
            let step = step.unwrap_or_default();
            writeln!(
                out,
                "| {} | {step} | {} |",
                shown(Some(moment.at)),
                plain(&moment.text)
            )?;
        }

        writeln!(out, "\n## What was touched\n")?;
        writeln!(
            out,
            "| step | what | standing | changed | seen afterwards | began | ended | retries | clause |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
        for own in &self.touched {
            let why = own.why.as_ref().map(|why| format!(" ({})", plain(why)));
            writeln!(
                out,
                "| {} | {} | {}{} | {} | {} | {} | {} | {} | {} |",
                code(own.step.as_str()),
                plain(&own.title),
                own.standing,
                why.unwrap_or_default(),
                plain(&own.effects.join("; ")),
                plain(&own.verification.join("; ")),
                shown(own.began_at),
                shown(own.ended_at),
                own.retries,
                own.clause,
            )?;
        }
        self.write_evidence(out)?;

        if self.has_old_key() {
            writeln!(out, "\n## What stays under the old key\n")?;
        }
        if self.has_old_key() && self.stays.is_empty() {
            writeln!(out, "Nothing.")?;
        }
        for own in &self.stays {
            let accounted = own
                .accounted
                .as_ref()
                .map_or("nobody said what became of it".into(), |said| plain(said));
            writeln!(
                out,
                "- {}: {} – {accounted}",
                code(own.step.as_str()),
                plain(&own.what)
            )?;
        }
        writeln!(out, "\n## Open points\n")?;
        if self.open.is_empty() {
            writeln!(out, "None.")?;
        }
        for own in &self.open {
            writeln!(out, "- {}", plain(own))?;
        }
        if !self.remarks.is_empty() {
            writeln!(out, "\n## Remarks\n")?;
            for own in &self.remarks {
                writeln!(out, "- {}: {}", plain(&own.by), plain(&own.text))?;
            }
        }
        if let Some(facts) = self.facts_text() {
            writeln!(out, "\n## Findings\n")?;
            fenced(out, "json", &facts)?;
        }
        writeln!(out, "\n## Lessons")?;
        for lesson in &self.lessons {
            writeln!(out, "\n### {lesson}\n\n…")?;
        }
        Ok(())
    }

    fn write_evidence(&self, out: &mut String) -> std::fmt::Result {
        let own = &self.evidence;
        writeln!(out, "\n## Evidence\n")?;
        if let Some(head) = &own.head {
            writeln!(
                out,
                "- Journal: entry {} of {}, SHA-256 `{}`",
                head.seq,
                shown(Some(head.at)),
                head.hash
            )?;
        }
        let whole = if own.whole {
            "is whole"
        } else {
            "**is not whole: entries were altered**"
        };
        writeln!(out, "- The chain of its {} entries {whole}", own.entries)?;
        writeln!(out, "- Plan: SHA-256 `{}`", own.plan_sha256)?;
        for given in &own.authorized {
            let how = serde_json::to_string(&given.authority).unwrap_or_default();
            writeln!(
                out,
                "- Plan {} was authorized by {}: {}",
                given.version,
                plain(&given.by),
                code(&how)
            )?;
        }
        for said in &own.confirmed {
            writeln!(
                out,
                "- {} confirmed {}: {}",
                plain(&said.by),
                code(said.step.as_str()),
                plain(&said.evidence)
            )?;
        }
        for kept in &own.before {
            writeln!(
                out,
                "\nBefore anything was changed, {} of {} (SHA-256 `{}`):\n",
                plain(&kept.name),
                code(kept.step.as_str()),
                kept.sha256
            )?;
            fenced(out, "json", &kept.text)?;
        }
        Ok(())
    }
}
