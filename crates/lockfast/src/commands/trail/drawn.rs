//! Answers as pictures.

use anyhow::{Context, Result};
use jiff::civil::Date;
use lockfast_report::Chart;
use lockfast_trail::arrow::array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use lockfast_trail::arrow::compute::cast;
use lockfast_trail::arrow::datatypes::{DataType, Date32Type, Schema, UInt64Type};
use lockfast_trail::arrow::util::display::{ArrayFormatter, FormatOptions};
use lockfast_trail::shorten;
use std::path::Path;

/// What counts are called, the likeliest first; of another query the first number is one.
const COUNTS: [&str; 5] = ["uses", "reads", "calls", "events", "count"];

/// So many columns of text name what is counted, where nothing is told by day.
const NAMES: usize = 3;

/// A chart of an answer, made while the answer is written.
pub(super) struct Drawn {
    chart: Chart,
    day: Option<usize>,
    names: Vec<usize>,
    count: Option<usize>,
}

impl Drawn {
    /// What of an answer with these columns is drawn: its counts, by day where it has one and the first text beside it, else by
    /// its first texts. Where nothing is counted, rows are.
    pub(super) fn new(title: &str, schema: &Schema) -> Drawn {
        let fields = schema.fields();
        let day = fields
            .iter()
            .position(|field| field.data_type() == &DataType::Date32);
        let named = COUNTS
            .iter()
            .find_map(|name| fields.iter().position(|field| field.name() == name));
        let count = named.or_else(|| {
            fields
                .iter()
                .position(|field| field.data_type().is_integer())
        });
        let before = count.unwrap_or(fields.len());
        let most = if day.is_some() { 1 } else { NAMES };
        let names = (0..before)
            .filter(|column| fields[*column].data_type().is_string())
            .take(most)
            .collect();
        let what = count.map_or("rows", |column| fields[column].name());
        Drawn {
            chart: Chart::new(format!("{title}: {}", what.replace('_', " "))),
            day,
            names,
            count,
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::new().with_null("-");
        let names: Vec<_> = self
            .names
            .iter()
            .map(|column| ArrayFormatter::try_new(batch.column(*column), &options))
            .collect::<Result<_, _>>()?;
        let counts = self.count.map(|column| numbers(batch.column(column)));
        let counts = counts.transpose()?;
        let counts = counts.as_ref().map(|all| all.as_primitive::<UInt64Type>());
        let days = self.day.map(|column| batch.column(column));
        let days = days.map(|all| all.as_primitive::<Date32Type>());
        for row in 0..batch.num_rows() {
            let name: Vec<String> = names
                .iter()
                .map(|name| shorten(&name.value(row).to_string()).into_owned())
                .collect();
            let count = match counts {
                Some(counts) if counts.is_null(row) => 0,
                Some(counts) => counts.value(row),
                None => 1,
            };
            let day = days.filter(|days| !days.is_null(row));
            let day = day.and_then(|days| date(days.value(row)));
            self.chart.add(&name.join("  ·  "), day, count);
        }
        Ok(())
    }

    /// Writes it.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        write(&self.chart, file)
    }
}

/// Writes a chart.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(chart: &Chart, file: &Path) -> Result<()> {
    std::fs::write(file, chart.svg()?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    anstream::eprintln!("drew {}", file.display());
    Ok(())
}

/// A count below nothing is none.
fn numbers(column: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(column, &DataType::UInt64)?)
}

/// A day as Arrow counts them: from 1970 on.
fn date(days: i32) -> Option<Date> {
    let first = jiff::civil::date(1970, 1, 1);
    first.checked_add(jiff::Span::new().days(days)).ok()
}
