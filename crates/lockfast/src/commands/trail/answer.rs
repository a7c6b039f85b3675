//! Writing an answer: for people, or for machines.

use super::drawn::Drawn;
use crate::cli::AnswerFormat;
use crate::commands::catalogue::table;
use crate::commands::width;
use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, ContentArrangement};
use futures::StreamExt;
use lockfast_report::clean;
use lockfast_trail::arrow::array::RecordBatch;
use lockfast_trail::arrow::datatypes::SchemaRef;
use lockfast_trail::arrow::util::display::{ArrayFormatter, FormatOptions};
use lockfast_trail::arrow::{csv, json};
use lockfast_trail::parquet::arrow::ArrowWriter;
use lockfast_trail::{DataFrame, shorten};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

/// So many rows are shown to people; all are written for machines.
const SHOWN: usize = 200;

/// Columns that are shown to people with --wide only.
const DETAILS: [&str; 8] = [
    "a_context",
    "contexts",
    "services",
    "a_host",
    "an_address",
    "user_agents",
    "first_seen",
    "file_offset",
];

/// How wide a table is made where it is not for a terminal.
const WIDE: usize = 160;

/// How an answer is written.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) format: AnswerFormat,
    pub(super) wide: bool,
    pub(super) output: Option<&'a Path>,
    /// Where it is drawn, and what it is called there.
    pub(super) chart: Option<(&'a Path, &'a str)>,
}

impl<'a> How<'a> {
    /// As the command line says; `title` is what a chart of it is called.
    pub(super) fn of(answer: &'a crate::cli::Answer, title: &'a str) -> How<'a> {
        How {
            format: answer.format,
            wide: answer.wide,
            output: answer.output.as_deref(),
            chart: answer.chart.as_deref().map(|file| (file, title)),
        }
    }

    /// For people, on standard output.
    pub(super) const SHOWN: How<'static> = How {
        format: AnswerFormat::Table,
        wide: true,
        output: None,
        chart: None,
    };
}

/// What was written.
pub(super) struct Told {
    pub(super) rows: usize,
    /// What is to be shown on standard output.
    pub(super) shown: Option<String>,
}

/// Runs a query and writes its answer, batch by batch.
///
/// # Errors
/// What is wrong with the query, or with where it is written to.
pub(super) async fn write(
    frame: DataFrame,
    How {
        format,
        wide,
        output,
        chart,
    }: How<'_>,
) -> Result<Told> {
    if format == AnswerFormat::Parquet && output.is_none() {
        bail!("Parquet is no text: name a file with --output");
    }
    let mut batches = frame
        .execute_stream()
        .await
        .map_err(lockfast_trail::Error::from)?;
    let schema = batches.schema();
    let mut drawn = chart.map(|(_, title)| Drawn::new(title, &schema));
    let mut writer = match format {
        AnswerFormat::Table => Writer::Table(Rows::new(schema, wide)),
        _ => Writer::new(format, schema, output)?,
    };
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(lockfast_trail::Error::from)?;
        rows += batch.num_rows();
        writer.write(&batch)?;
        if let Some(drawn) = &mut drawn {
            drawn.add(&batch)?;
        }
    }
    let shown = writer.close()?;
    let shown = match (shown, output) {
        (Some(text), Some(file)) => {
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
            None
        }
        (shown, _) => shown,
    };
    if let (Some(drawn), Some((file, _))) = (drawn, chart) {
        drawn.write(file)?;
    }
    Ok(Told { rows, shown })
}

/// Shows what is to be shown.
///
/// # Errors
/// When standard output is closed.
pub(super) fn said(told: &Told, how: How<'_>) -> Result<()> {
    let How { format, output, .. } = how;
    if let Some(text) = &told.shown {
        crate::commands::print(text)?;
    }
    if let Some(file) = output {
        anstream::eprintln!("wrote {}: {} rows", file.display(), told.rows);
    } else if format == AnswerFormat::Table {
        let more = match told.rows > SHOWN {
            true => format!(", the first {SHOWN} shown; --format json, csv and parquet have all"),
            false => String::new(),
        };
        crate::commands::print(&format!("\n{} rows{more}\n", told.rows))?;
    }
    Ok(())
}

type Out = BufWriter<Box<dyn Write + Send>>;

enum Writer {
    Table(Rows),
    Json(Box<json::ArrayWriter<Out>>),
    Csv(Box<csv::Writer<Out>>),
    Parquet(Box<ArrowWriter<Out>>),
}

impl Writer {
    fn new(format: AnswerFormat, schema: SchemaRef, output: Option<&Path>) -> Result<Writer> {
        let out: Box<dyn Write + Send> = match output {
            Some(file) => Box::new(
                File::create(file).with_context(|| format!("cannot write {}", file.display()))?,
            ),
            None => Box::new(std::io::stdout()),
        };
        let out = BufWriter::new(out);
        Ok(match format {
            AnswerFormat::Csv => Writer::Csv(Box::new(csv::Writer::new(out))),
            AnswerFormat::Parquet => {
                Writer::Parquet(Box::new(ArrowWriter::try_new(out, schema, None)?))
            }
            _ => Writer::Json(Box::new(
                json::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<_, json::writer::JsonArray>(out),
            )),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Writer::Table(rows) => rows.add(batch)?,
            Writer::Json(out) => out.write(batch)?,
            Writer::Csv(out) => out.write(batch)?,
            Writer::Parquet(out) => out.write(batch)?,
        }
        Ok(())
    }

    /// Ends what is written; of a table gives the text.
    fn close(self) -> Result<Option<String>> {
        match self {
            Writer::Table(rows) => return Ok(Some(rows.text())),
            Writer::Json(mut out) => {
                out.finish()?;
                let mut out = out.into_inner();
                writeln!(out)?;
                out.flush()?;
            }
            Writer::Csv(out) => out.into_inner().flush()?,
            Writer::Parquet(out) => {
                out.into_inner()?.flush()?;
            }
        }
        Ok(None)
    }
}

/// The first rows of an answer.
struct Rows {
    schema: SchemaRef,
    wide: bool,
    rows: Vec<Vec<String>>,
}

impl Rows {
    fn new(schema: SchemaRef, wide: bool) -> Rows {
        Rows {
            schema,
            wide,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::new()
            .with_null("-")
            .with_timestamp_format(Some("%Y-%m-%d %H:%M"))
            .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M"));
        let columns = batch.columns().iter();
        let columns: Result<Vec<_>, _> = columns
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect();
        let columns = columns?;
        let left = SHOWN.saturating_sub(self.rows.len());
        for row in 0..batch.num_rows().min(left) {
            let cells = columns.iter();
            self.rows.push(
                cells
                    .map(|column| shorten(&clean(&column.value(row).to_string())).into_owned())
                    .collect(),
            );
        }
        Ok(())
    }

    /// Columns that say the same in every row are told once, above: what is left fits on a screen more often.
    fn text(&self) -> String {
        let fields = self.schema.fields();
        let same = |column: usize| {
            let mut cells = self.rows.iter().map(|row| &row[column]);
            let first = cells.next();
            self.rows.len() > 2 && cells.all(|cell| Some(cell) == first)
        };
        let is_wanted =
            |column: &usize| self.wide || !DETAILS.contains(&fields[*column].name().as_str());
        let (told, shown): (Vec<usize>, Vec<usize>) = (0..fields.len())
            .filter(is_wanted)
            .partition(|column| same(*column));
        let mut out = String::new();
        for column in told {
            out.push_str(&format!(
                "{}: {}\n",
                fields[column].name(),
                self.rows[0][column]
            ));
        }
        let heads: Vec<String> = shown
            .iter()
            .map(|column| fields[*column].name().to_uppercase().replace('_', " "))
            .collect();
        let widest = |place: usize| {
            let cells = self
                .rows
                .iter()
                .map(|row| row[shown[place]].chars().count());
            cells
                .max()
                .unwrap_or_default()
                .max(heads[place].chars().count())
        };
        let mut widths: Vec<usize> = (0..shown.len()).map(widest).collect();
        let is_text = |place: usize| {
            let kind = fields[shown[place]].data_type();
            kind.is_string() || kind.is_nested()
        };
        let most = match std::io::stdout().is_terminal() {
            true => width(),
            false => WIDE,
        };
        fit(
            &mut widths,
            is_text,
            if self.wide { usize::MAX } else { most },
        );
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut shown_rows = table(&heads);
        // Names are cut and not broken: a row stays a line.
        shown_rows.set_content_arrangement(ContentArrangement::Disabled);
        for row in &self.rows {
            let cells = shown.iter().zip(&widths);
            shown_rows.add_row(cells.map(|(column, width)| cut(&row[*column], *width)));
        }
        for (place, column) in shown.iter().enumerate() {
            let is_number = fields[*column].data_type().is_numeric();
            if let Some(column) = shown_rows.column_mut(place).filter(|_| is_number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!("{out}{shown_rows}\n")
    }
}

/// Narrower than this no column is made: what it holds would say nothing.
const NARROWEST: usize = 14;

/// Makes the widest columns of text narrower until all fit, each with a space on either side.
fn fit(widths: &mut [usize], is_text: impl Fn(usize) -> bool, width: usize) {
    while widths.iter().map(|own| own + 2).sum::<usize>() > width {
        let texts = (0..widths.len()).filter(|place| is_text(*place));
        match texts.max_by_key(|place| widths[*place]) {
            Some(widest) if widths[widest] > NARROWEST => widths[widest] -= 1,
            _ => return,
        }
    }
}

/// A name of at most so many characters: what is cut is in its middle, for ARNs begin alike and end with what they name.
fn cut(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let head = (width - 1) / 3;
    let tail = width - 1 - head;
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{begin}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_in_the_middle() {
        assert_eq!(cut("iam::111122223333:role/orders", 14), "iam:…le/orders");
        assert_eq!(cut("short", 14), "short");
        let mut widths = [60, 5, 40];
        fit(&mut widths, |place| place != 1, 80);
        assert_eq!(widths.iter().sum::<usize>(), 74);
        assert_eq!(widths[1], 5);
        fit(&mut widths, |_| false, 10);
        assert_eq!(widths[1], 5);
    }
}
