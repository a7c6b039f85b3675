//! Columns, and batches of them that are filled row by row.

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Int64Builder, ListBuilder, StringBuilder,
    StringViewBuilder, TimestampMillisecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;

const UTC: &str = "UTC";

/// So many rows make a batch, as DataFusion has them.
const ROWS: usize = 8192;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A time in UTC, to the millisecond.
    Time,
    /// A day in UTC.
    Day,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// Several texts.
    Texts,
}

impl Kind {
    /// The type in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Time => "timestamp",
            Kind::Day => "date",
            Kind::Flag => "boolean",
            Kind::Number => "bigint",
            Kind::Texts => "text[]",
        }
    }

    /// The type in Arrow.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8View,
            Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
            Kind::Day => DataType::Date32,
            Kind::Flag => DataType::Boolean,
            Kind::Number => DataType::Int64,
            Kind::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }
}

/// A column: its name, what it holds, and what that means.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in SQL.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What that means.
    pub doc: &'static str,
}

impl Column {
    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.kind.data_type(), true)
    }
}

/// What a row has in a column.
pub(crate) enum Cell<'a> {
    Text(Option<Cow<'a, str>>),
    Time(Option<Timestamp>),
    Day(Option<Timestamp>),
    Flag(Option<bool>),
    Number(Option<i64>),
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: Option<&'a str>) -> Self {
        Cell::Text(text.map(Cow::Borrowed))
    }
}

/// A row of a table.
pub(crate) trait Row {
    /// What it has in the column of this number.
    fn cell(&self, column: usize) -> Cell<'_>;
}

/// Declares a table's columns with how each is had from a row.
macro_rules! table {
    ($row:ident: $( $name:literal $kind:ident $doc:literal => $get:expr, )*) => {
        pub(super) const COLUMNS: &[$crate::tables::Column] = &[
            $( $crate::tables::Column {
                name: $name,
                kind: $crate::tables::Kind::$kind,
                doc: $doc,
            }, )*
        ];

        impl $crate::tables::columns::Row for $row<'_> {
            fn cell(&self, column: usize) -> $crate::tables::columns::Cell<'_> {
                type Get = for<'a, 'b> fn(&'a $row<'b>) -> $crate::tables::columns::Cell<'a>;
                const GET: &[Get] = &[$( $get, )*];
                GET[column](self)
            }
        }
    };
}
pub(super) use table;

enum Builder {
    Text(StringViewBuilder),
    Time(TimestampMillisecondBuilder),
    Day(Date32Builder),
    Flag(BooleanBuilder),
    Number(Int64Builder),
    Texts(ListBuilder<StringBuilder>),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Builder::Text(StringViewBuilder::new()),
            Kind::Time => Builder::Time(TimestampMillisecondBuilder::new().with_timezone(UTC)),
            Kind::Day => Builder::Day(Date32Builder::new()),
            Kind::Flag => Builder::Flag(BooleanBuilder::new()),
            Kind::Number => Builder::Number(Int64Builder::new()),
            Kind::Texts => Builder::Texts(ListBuilder::new(StringBuilder::new())),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Builder::Text(into), Cell::Text(text)) => into.append_option(text),
            (Builder::Time(into), Cell::Time(time)) => {
                into.append_option(time.map(Timestamp::as_millisecond));
            }
            (Builder::Day(into), Cell::Day(time)) => into.append_option(time.map(day)),
            (Builder::Flag(into), Cell::Flag(flag)) => into.append_option(flag),
            (Builder::Number(into), Cell::Number(number)) => into.append_option(number),
            (Builder::Texts(into), Cell::Texts(texts)) => {
                into.append_value(texts.into_iter().map(Some));
            }
            // A test fills every column of every table.
            _ => unreachable!("a column is declared with another kind than it is filled with"),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(into) => Arc::new(into.finish()),
            Builder::Time(into) => Arc::new(into.finish()),
            Builder::Day(into) => Arc::new(into.finish()),
            Builder::Flag(into) => Arc::new(into.finish()),
            Builder::Number(into) => Arc::new(into.finish()),
            Builder::Texts(into) => Arc::new(into.finish()),
        }
    }
}

/// Days since the epoch.
fn day(time: Timestamp) -> i32 {
    i32::try_from(time.as_second().div_euclid(86_400)).unwrap_or_default()
}

/// Batches of some of a table's columns.
pub(crate) struct Batches {
    schema: SchemaRef,
    columns: Vec<(usize, Builder)>,
    rows: usize,
    ready: Vec<RecordBatch>,
}

impl Batches {
    /// Of these columns; `schema` is theirs.
    pub(crate) fn new(all: &[Column], projection: &[usize], schema: SchemaRef) -> Self {
        let columns = projection
            .iter()
            .map(|index| (*index, Builder::new(all[*index].kind)));
        Batches {
            schema,
            columns: columns.collect(),
            rows: 0,
            ready: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, row: &dyn Row) {
        for (index, builder) in &mut self.columns {
            builder.push(row.cell(*index));
        }
        self.rows += 1;
        if self.rows == ROWS {
            self.flush();
        }
    }

    /// Makes a batch of what there is.
    pub(crate) fn flush(&mut self) {
        if self.rows == 0 {
            return;
        }
        let columns = self.columns.iter_mut().map(|(_, builder)| builder.finish());
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch: Result<_, ArrowError> =
            RecordBatch::try_new_with_options(self.schema.clone(), columns.collect(), &options);
        self.ready
            .push(batch.expect("all columns are of the schema and as long as each other"));
        self.rows = 0;
    }

    /// Takes what is full.
    pub(crate) fn take(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.ready)
    }
}
