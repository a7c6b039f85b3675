//! `lockfast trail anomalies` and `feedback`.

use super::ask::{finish, options, progress, threads};
use super::drawn;
use crate::cli::{Anomalies, FeedbackArgs, TableFormat, Usual};
use crate::commands::{print, read_small, write_whole};
use crate::exit;
use anyhow::{Context, Result, bail};
use jiff::tz::Offset;
use lockfast_anomalies::{Alert, Entry, Feedback, Report, Tuning};
use lockfast_report::{Chart, clean};
use lockfast_trail::questions::About;
use lockfast_trail::unusual::unusual;
use lockfast_trail::{Trail, shorten};
use std::fmt::Write;
use std::path::Path;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the tuning, the feedback or the logs.
pub(super) fn run(args: &Anomalies) -> Result<u8> {
    if args.print_tuning {
        return print(&Tuning::documented());
    }
    let (tuning, feedback) = usual(&args.usual)?;
    let runtime = crate::commands::runtime()?;
    let (mut report, code) = runtime.block_on(async {
        let trail = Trail::open(&args.paths, &threads(None)).await?;
        let bar = progress(trail.input());
        let report = unusual(&trail, &About::default(), tuning, feedback).await;
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>((
            report?,
            finish(&trail.input().problems, &trail.report().await?),
        ))
    })?;
    if let Some(since) = args.since {
        report.alerts.retain(|alert| alert.from >= since);
    }
    if let Some(file) = &args.chart {
        let mut chart = Chart::new("Anomalies by severity");
        for alert in &report.alerts {
            let day = Offset::UTC.to_datetime(alert.from).date();
            chart.add(alert.severity.name(), Some(day), 1);
        }
        drawn::write(&chart, file)?;
    }
    match args.format {
        TableFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        TableFormat::Table => print(&text(&report))?,
    };
    Ok(match report.alerts.is_empty() {
        true => code,
        false => exit::BROKEN,
    })
}

/// Marks an anomaly.
///
/// # Errors
/// That there is none of this id, or what is wrong with the files.
pub(super) fn feedback(args: &FeedbackArgs) -> Result<u8> {
    let (tuning, mut known) = usual(&args.usual)?;
    let runtime = crate::commands::runtime()?;
    let report = runtime.block_on(async {
        let trail = Trail::open(&args.asking.paths, &options(&args.asking)).await?;
        let bar = progress(trail.input());
        let report = unusual(&trail, &About::default(), tuning, known.clone()).await;
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>(report?)
    })?;
    let Some(alert) = report.alerts.iter().find(|alert| alert.id == args.id) else {
        bail!(
            "{}: these logs have no anomaly of that id; `lockfast trail anomalies` lists them",
            args.id
        );
    };
    let today = jiff::tz::TimeZone::UTC
        .to_datetime(jiff::Timestamp::now())
        .date();
    known
        .entries
        .extend(Entry::of(alert, &args.reason, &args.by, today, args.until));
    let file = &args.usual.feedback;
    let text = known.to_toml()?;
    write_whole(file, |out| Ok(out.write_all(text.as_bytes())?))?;
    print(&format!(
        "{}: {} by {} is quiet{}\n",
        file.display(),
        alert.what.title(),
        clean(&alert.principal),
        args.until
            .map_or_else(String::new, |day| format!(" until {day}")),
    ))
}

/// The tuning and the feedback that the command line names.
pub(super) fn usual(args: &Usual) -> Result<(Tuning, Feedback)> {
    let read =
        |file: &Path| read_small(file).with_context(|| format!("cannot read {}", file.display()));
    let tuning = match &args.tuning {
        Some(file) => {
            Tuning::from_toml(&read(file)?).with_context(|| file.display().to_string())?
        }
        None => Tuning::default(),
    };
    let feedback = match args.feedback.exists() {
        true => Feedback::from_toml(&read(&args.feedback)?)
            .with_context(|| args.feedback.display().to_string())?,
        false => Feedback::default(),
    };
    Ok((tuning, feedback))
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for alert in &report.alerts {
        let _ = writeln!(out, "{}", said(alert));
    }
    let learned = match (report.learned_from, report.learned_until) {
        (Some(from), Some(until)) => format!(", learned from {from} to {until}"),
        _ => String::new(),
    };
    let quieted = match report.quieted {
        0 => String::new(),
        count => format!(", {count} more marked as no cause for worry"),
    };
    let _ = writeln!(
        out,
        "{} anomalies{quieted} among {} pairs of a principal and a key or secret{learned}.",
        report.alerts.len(),
        report.pairs
    );
    out
}

fn said(alert: &Alert) -> String {
    let also: Vec<&str> = alert.also.iter().map(|what| what.title()).collect();
    let also = match also.is_empty() {
        true => String::new(),
        false => format!(" (and {})", also.join(", ").to_lowercase()),
    };
    let subject = match alert.subject.as_str() {
        "" => "several keys or secrets".to_owned(),
        subject => shorten(&clean(subject)).into_owned(),
    };
    format!(
        "{} {:?}: {}{also}\n    {} on {subject}\n    {}\n    {} events until {}; ATT&CK {}; id {}",
        alert.from,
        alert.severity,
        alert.what.title(),
        shorten(&clean(&alert.principal)),
        clean(&alert.why),
        alert.events,
        alert.until,
        alert.what.technique(),
        alert.id,
    )
}
