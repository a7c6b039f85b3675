//! Answers, row by row.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, TimestampMillisecondType};
use jiff::Timestamp;

/// A row of an answer, whose columns are read by their number. What is null, or of another type, is absent.
pub(crate) struct Row<'b> {
    batch: &'b RecordBatch,
    at: usize,
}

/// The rows of an answer.
pub(crate) fn each(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    let of_batch = |batch| (0..RecordBatch::num_rows(batch)).map(move |at| Row { batch, at });
    batches.iter().flat_map(of_batch)
}

impl<'b> Row<'b> {
    pub(crate) fn str(&self, column: usize) -> Option<&'b str> {
        let column = self.batch.column(column);
        if column.is_null(self.at) {
            return None;
        }
        Some(match column.as_string_view_opt() {
            Some(texts) => texts.value(self.at),
            None => column.as_string_opt::<i32>()?.value(self.at),
        })
    }

    pub(crate) fn text(&self, column: usize) -> Option<String> {
        self.str(column).map(str::to_owned)
    }

    pub(crate) fn time(&self, column: usize) -> Option<Timestamp> {
        let column = self.batch.column(column);
        let times = column.as_primitive_opt::<TimestampMillisecondType>()?;
        let at = times.is_valid(self.at).then(|| times.value(self.at))?;
        Timestamp::from_millisecond(at).ok()
    }

    pub(crate) fn flag(&self, column: usize) -> Option<bool> {
        let flags = self.batch.column(column).as_boolean_opt()?;
        flags.is_valid(self.at).then(|| flags.value(self.at))
    }

    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        let numbers = self.batch.column(column).as_primitive_opt::<Int64Type>()?;
        numbers.is_valid(self.at).then(|| numbers.value(self.at))
    }

    pub(crate) fn count(&self, column: usize) -> u64 {
        let number = self.number(column).unwrap_or_default();
        u64::try_from(number).unwrap_or_default()
    }
}
