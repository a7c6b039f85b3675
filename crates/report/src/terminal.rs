//! The report for a person at a terminal.

use crate::clean::{self, clean};
use crate::excerpt::Excerpts;
use crate::model::{
    InputSummary, Report, ScanSummary, Style, Verbosity, headline, judged as name, place, plural,
    waived,
};
use anstyle::{AnsiColor, Style as Paint};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use lockfast_policy::{Control, Finding, Location, Severity, SourceKind, Verdict};
use std::io::{Result, Write};

/// How many findings of a control are shown unless everything is asked for.
const FIRST: usize = 3;

pub(crate) fn write(report: &Report<'_>, style: &Style, out: &mut dyn Write) -> Result<()> {
    let view = View {
        report,
        style,
        color: style.color,
    };
    if style.verbosity > Verbosity::Quiet {
        let excerpts = Excerpts::new(report.run, style.color, style.width.max(40) - 2);
        for (severity, control, indices) in report.failures() {
            view.control(out, &excerpts, severity, control, &indices)?;
        }
        view.unknowns(out)?;
        if style.verbosity == Verbosity::Verbose {
            view.compact(out, Verdict::Waived, "Waived")?;
            view.compact(out, Verdict::Pass, "Passed")?;
        }
    }
    view.problems(out)?;
    view.summary(out)
}

struct View<'v, 'r> {
    report: &'v Report<'r>,
    style: &'v Style,
    color: bool,
}

fn paint_of(severity: Severity) -> Paint {
    match severity {
        Severity::Critical | Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default().bold(),
        Severity::Low | Severity::Info => AnsiColor::Cyan.on_default().bold(),
    }
}

impl View<'_, '_> {
    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.color {
            format!("{paint}{text}{paint:#}")
        } else {
            text.to_owned()
        }
    }

    fn bold(&self, text: &str) -> String {
        self.paint(Paint::new().bold(), text)
    }

    fn faint(&self, text: &str) -> String {
        self.paint(Paint::new().dimmed(), text)
    }

    fn wrapped(&self, text: &str, indent: &str) -> String {
        textwrap::fill(
            text,
            textwrap::Options::new(self.style.width.max(40))
                .initial_indent(indent)
                .subsequent_indent(indent)
                .break_words(false)
                // Names and paths have hyphens, and are copied whole.
                .word_splitter(textwrap::WordSplitter::NoHyphenation),
        )
    }

    fn control(
        &self,
        out: &mut dyn Write,
        excerpts: &Excerpts<'_>,
        severity: Severity,
        control: &Control,
        indices: &[usize],
    ) -> Result<()> {
        let level = severity.to_string().to_uppercase();
        let tail = format!("[{}] {}", control.id, control.clauses.join(" "));
        // One line where it fits, else the ids below the title.
        let fits = level.len() + control.title.len() + tail.len() + 2 <= self.style.width;
        writeln!(
            out,
            "{} {}{}{}",
            self.paint(paint_of(severity), &level),
            self.bold(&self.wrapped(control.title, "")),
            if fits { " " } else { "\n" },
            self.faint(&tail)
        )?;
        let shown = if self.style.verbosity == Verbosity::Verbose {
            indices.len()
        } else {
            FIRST
        };
        for index in indices.iter().take(shown) {
            self.finding(out, excerpts, control, &self.finding_of(*index))?;
        }
        if indices.len() > shown {
            writeln!(out, "\n  … and {} more:", indices.len() - shown)?;
            for index in indices.iter().skip(shown).take(12) {
                let finding = self.finding_of(*index);
                writeln!(
                    out,
                    "    {}  {}",
                    name(&finding),
                    self.faint(&place(&finding))
                )?;
            }
            if indices.len() > shown + 12 {
                writeln!(
                    out,
                    "    and {} more (--verbose shows all)",
                    indices.len() - shown - 12
                )?;
            }
        }
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            self.wrapped(&format!("Fix: {}", control.fix), "  ")
        )?;
        let mut shown: Vec<(String, String)> = Vec::new();
        for index in indices {
            let Some(fix) = self.report.run.finding(*index).fix else {
                continue;
            };
            let snippets = (fix.cloudformation, fix.cdk);
            if !shown.contains(&snippets) && shown.len() < FIRST {
                self.snippets(out, &snippets)?;
                shown.push(snippets);
            }
            // The snippets of a control are one and the same, unless they are made for each type.
            if !control.by_type {
                break;
            }
        }
        writeln!(out)
    }

    fn snippets(&self, out: &mut dyn Write, (yaml, cdk): &(String, String)) -> Result<()> {
        for (label, snippet) in [("CloudFormation", yaml), ("CDK", cdk)] {
            writeln!(out, "  {}", self.faint(label))?;
            for line in snippet.trim_end().lines() {
                writeln!(out, "    {}", clean(line))?;
            }
        }
        Ok(())
    }

    /// Ready to be shown.
    fn finding_of(&self, index: usize) -> Finding {
        clean::finding(self.report.run.finding(index))
    }

    fn finding(
        &self,
        out: &mut dyn Write,
        excerpts: &Excerpts<'_>,
        control: &Control,
        finding: &Finding,
    ) -> Result<()> {
        writeln!(out)?;
        let resource = &finding.resource;
        let mut about = vec![resource.kind.clone()];
        // A construct path does not say what the template calls it.
        if let (Some(_), Some(id)) = (&resource.construct_path, &resource.logical_id) {
            about[0] = format!("{} {id}", resource.kind);
        }
        about.extend(resource.environment.clone());
        about.extend(resource.classification.clone());
        about.extend(resource.region.clone());
        let about = format!("({})", about.join(", "));
        let fits = name(finding).chars().count() + about.chars().count() + 3 <= self.style.width;
        writeln!(
            out,
            "  {}{}{}",
            self.bold(&name(finding)),
            if fits { " " } else { "\n    " },
            self.faint(&about)
        )?;
        writeln!(out, "{}", self.wrapped(&headline(finding), "  "))?;
        // One wrong line breaks several controls; it is drawn for the first of them.
        let drawn = finding
            .origin
            .as_ref()
            .filter(|at| excerpts.first_time(at))
            .and_then(|at| excerpts.draw(at));
        match drawn {
            Some(text) => {
                for line in text.lines() {
                    writeln!(out, "  {}", line.trim_end())?;
                }
            }
            None if finding.origin.is_some() => writeln!(out, "    at {}", place(finding))?,
            None => {}
        }
        self.facts(out, finding)?;
        if let Some(site) = &resource.creation_site {
            writeln!(out, "    made at {site}")?;
        }
        for note in &finding.notes {
            writeln!(out, "{}", self.wrapped(&format!("note: {note}"), "    "))?;
        }
        if let Some(fix) = finding.fix.as_ref().filter(|fix| fix.text != control.fix) {
            writeln!(
                out,
                "{}",
                self.wrapped(&format!("fix: {}", fix.text), "    ")
            )?;
        }
        writeln!(
            out,
            "    {}",
            self.faint(&format!("lockfast explain {}", finding.fingerprint))
        )
    }

    fn facts(&self, out: &mut dyn Write, finding: &Finding) -> Result<()> {
        for fact in &finding.facts {
            let certainty = match (fact.certainty.as_str(), &fact.because) {
                ("stated", _) => fact
                    .origin
                    .as_ref()
                    .filter(|o| Some(*o) != finding.origin.as_ref())
                    .map(|o| format!(" ({})", line_of(o)))
                    .unwrap_or_default(),
                ("default", Some(because)) => format!(" (default: {because})"),
                // The value says already that it is.
                ("unknown", Some(because)) if fact.value == "unknown" => format!(" ({because})"),
                (other, Some(because)) => format!(" ({other}: {because})"),
                (other, None) => format!(" ({other})"),
            };
            let line = format!("{} = {}{certainty}", fact.name, fact.value);
            writeln!(out, "{}", self.wrapped(&line, "    "))?;
        }
        for step in &finding.steps {
            let place = line_of(&step.origin);
            let line = match step.what.contains(&place) {
                true => format!("→ {}", step.what),
                false => format!("→ {} ({place})", step.what),
            };
            writeln!(out, "{}", self.wrapped(&line, "    "))?;
        }
        Ok(())
    }

    fn unknowns(&self, out: &mut dyn Write) -> Result<()> {
        self.compact(out, Verdict::Unknown, "Cannot be decided")
    }

    /// One line per finding, by control.
    fn compact(&self, out: &mut dyn Write, verdict: Verdict, title: &str) -> Result<()> {
        let groups = self.report.grouped(verdict);
        if groups.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.bold(title))?;
        for (_, control, indices) in groups {
            writeln!(
                out,
                "  {} {}",
                control.title,
                self.faint(&format!("[{}]", control.id))
            )?;
            let shown = if self.style.verbosity == Verbosity::Verbose {
                indices.len()
            } else {
                FIRST
            };
            for index in indices.iter().take(shown) {
                let finding = self.finding_of(*index);
                let mut line = format!("{}: {}", name(&finding), headline(&finding));
                if let Some(waiver) = &finding.waiver {
                    line.push_str(&format!("; waived: {}", waived(waiver)));
                }
                writeln!(out, "{}", self.wrapped(&line, "    "))?;
            }
            if indices.len() > shown {
                writeln!(
                    out,
                    "    … and {} more (--verbose shows all)",
                    indices.len() - shown
                )?;
            }
        }
        writeln!(out)
    }

    fn problems(&self, out: &mut dyn Write) -> Result<()> {
        if self.report.input.problems.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "{}",
            self.paint(
                AnsiColor::Yellow.on_default().bold(),
                "Not read, or only in part"
            )
        )?;
        for problem in &self.report.input.problems {
            let line = format!("{}: {}", problem.place(), problem.message);
            writeln!(out, "{}", self.wrapped(&clean(&line), "  "))?;
        }
        writeln!(out)
    }

    fn summary(&self, out: &mut dyn Write) -> Result<()> {
        let summary = self.report.summary();
        let known = summary.total.known > 0;
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(self.style.width).unwrap_or(u16::MAX))
            .set_header(
                ["CLAUSE", "", "FAIL", "UNKNOWN", "PASS", "WAIVED"]
                    .into_iter()
                    .chain(known.then_some("KNOWN")),
            );
        let number = |n: usize| {
            Cell::new(if n == 0 {
                "·".to_owned()
            } else {
                n.to_string()
            })
            .set_alignment(CellAlignment::Right)
        };
        let mut rows = 0;
        for row in &summary.clauses {
            if self.style.verbosity == Verbosity::Quiet && row.counts.fail == 0 {
                continue;
            }
            rows += 1;
            let mut cells = vec![
                Cell::new(&row.clause),
                Cell::new(&row.title),
                number(row.counts.fail),
                number(row.counts.unknown),
                number(row.counts.pass),
                number(row.counts.waived),
            ];
            if known {
                cells.push(number(row.counts.known));
            }
            table.add_row(cells);
        }
        if rows > 0 {
            writeln!(out, "{table}\n")?;
        }
        let input = &self.report.input;
        if self.style.verbosity > Verbosity::Quiet {
            let line = match &input.scan {
                Some(scan) => scanned(input, scan),
                None if input.is_probe() => {
                    let done = if input.endpoints > 0 {
                        "Measured"
                    } else {
                        "Read"
                    };
                    let problems = plural(input.problems.len(), "problem");
                    format!("{done} {}, {problems}.", input.judged())
                }
                None => files(input),
            };
            writeln!(out, "{}", self.wrapped(&clean(&line), ""))?;
            let judged = summary.clauses.len();
            let mut line = format!(
                "Judged by {judged} of {} clauses that {} decide",
                judged + summary.unjudged.len(),
                deciding(&self.report.sources()),
            );
            if !summary.unjudged.is_empty() {
                line.push_str(&format!(
                    "; nothing given is about {}",
                    summary.unjudged.join(", ")
                ));
            }
            writeln!(out, "{}", self.wrapped(&format!("{line}."), ""))?;
            if !input.unknown_types.is_empty() {
                let types: Vec<String> = input
                    .unknown_types
                    .iter()
                    .map(|(t, n)| format!("{t} ({n})"))
                    .collect();
                writeln!(
                    out,
                    "{}",
                    self.wrapped(
                        &clean(&format!("Types not known: {}", types.join(", "))),
                        ""
                    )
                )?;
            }
        }
        let total = summary.total;
        let (outcome, sentence) = self.report.outcome(&total);
        let color = match outcome {
            "broken" => AnsiColor::Red,
            "open" => AnsiColor::Yellow,
            _ => AnsiColor::Green,
        };
        let verdict = self.paint(color.on_default().bold(), &sentence);
        let known = if total.known > 0 {
            format!(", {} known before", total.known)
        } else {
            String::new()
        };
        writeln!(
            out,
            "{verdict}: {} fail, {} unknown, {} pass, {} waived{known}.",
            total.fail, total.unknown, total.pass, total.waived
        )?;
        if self.style.verbosity > Verbosity::Quiet && total.fail + total.unknown > 0 {
            writeln!(
                out,
                "{}",
                self.faint("More of any control, clause or finding: lockfast explain ID")
            )?;
        }
        Ok(())
    }
}

/// What was read of files.
fn files(input: &InputSummary) -> String {
    let mut line = format!(
        "Read {} with {} from {}; ",
        plural(input.templates, "template"),
        plural(input.resources, "resource"),
        plural(input.files_read, "file"),
    );
    let reasons: Vec<String> = input
        .passed_over
        .iter()
        .map(|(reason, n)| format!("{n} {reason}"))
        .collect();
    let passed_over: usize = input.passed_over.values().sum();
    line.push_str(&plural(passed_over, "other file"));
    line.push_str(" passed over");
    if !reasons.is_empty() {
        line.push_str(&format!(" ({})", reasons.join(", ")));
    }
    line.push_str(&format!(", {}.", plural(input.problems.len(), "problem")));
    line
}

/// What decides clauses.
fn deciding(sources: &[SourceKind]) -> String {
    let name = |source: &SourceKind| match source {
        SourceKind::Iac => "templates",
        SourceKind::Live => "live accounts",
        SourceKind::Probe => "endpoints",
        SourceKind::Trail => "trails",
        SourceKind::Attest => "statements",
    };
    let names: Vec<&str> = sources.iter().map(name).collect();
    names.join(" and ")
}

/// What was read of accounts.
fn scanned(input: &InputSummary, scan: &ScanSummary) -> String {
    let answered: u64 = scan.services.iter().map(|s| s.answered).sum();
    let failed: u64 = scan.services.iter().map(|s| s.failed).sum();
    let mut line = format!(
        "Scanned {} at {}: {} of {}; {answered} calls answered, {failed} did not",
        input.judged(),
        scan.taken,
        plural(input.resources, "resource"),
        plural(scan.services.len(), "service"),
    );
    let broken: Vec<String> = scan
        .services
        .iter()
        .filter(|s| s.failed > 0)
        .map(|s| format!("{} {} of {}", s.service, s.failed, s.failed + s.answered))
        .collect();
    if !broken.is_empty() {
        line.push_str(&format!(" ({})", broken.join(", ")));
    }
    line.push('.');
    line
}

/// `file:line`, or the call.
fn line_of(at: &Location) -> String {
    match at.has_lines() {
        true => format!("{}:{}", at.file, at.line),
        false => at.file.clone(),
    }
}
