//! One column's values, some rows at a time.

use super::pages::{Budget, Pages, VALUE, wrong};
use super::source::Source;
use super::tree::{Node, Step, Unfit};
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::{AsBytes, ByteArray, FixedLenByteArray, Int96};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;
use serde_json::Value;

/// A column of a row group.
pub(super) struct Column {
    steps: Vec<Step>,
    reader: ColumnReader,
    meaning: Meaning,
    max_definition: i16,
    max_repetition: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
    /// The places in the lists that it is in, of the row that is put together.
    counts: Vec<usize>,
    /// The next of the levels and of the values.
    level: usize,
    value: usize,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Itself,
    Date,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

enum Values {
    None,
    Bools(Vec<bool>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Times(Vec<Int96>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Column {
    pub(super) fn of(
        steps: Vec<Step>,
        source: &Source,
        about: &ColumnChunkMetaData,
        most: usize,
        budget: &Budget,
    ) -> Result<Self> {
        let descriptor = about.column_descr_ptr();
        let max_repetition = descriptor.max_rep_level();
        // One record may have all that a column has, and only when it was read is known how much that is.
        let values = usize::try_from(about.num_values()).unwrap_or_default();
        if max_repetition > 0 && values.saturating_mul(VALUE) > most {
            return Err(wrong(&format!(
                "a list's column has {values} values: refused"
            )));
        }
        let pages = Pages::of(source, about, budget)?;
        Ok(Column {
            steps,
            meaning: Meaning::of(&descriptor),
            max_definition: descriptor.max_def_level(),
            max_repetition,
            reader: get_column_reader(descriptor, Box::new(pages)),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            values: Values::None,
            counts: vec![0; usize::try_from(max_repetition).unwrap_or_default() + 1],
            level: 0,
            value: 0,
        })
    }

    /// Reads the next rows, at most so many, and gives how many they are.
    pub(super) fn read(&mut self, rows: usize) -> Result<usize> {
        (self.level, self.value) = (0, 0);
        self.definitions.clear();
        self.repetitions.clear();
        macro_rules! read {
            ($reader:ident, $kind:ident) => {{
                let mut values = Vec::new();
                let levels = (&mut self.definitions, &mut self.repetitions);
                let (read, ..) =
                    $reader.read_records(rows, Some(levels.0), Some(levels.1), &mut values)?;
                self.values = Values::$kind(values);
                read
            }};
        }
        Ok(match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => read!(reader, Bools),
            ColumnReader::Int32ColumnReader(reader) => read!(reader, Ints),
            ColumnReader::Int64ColumnReader(reader) => read!(reader, Longs),
            ColumnReader::Int96ColumnReader(reader) => read!(reader, Times),
            ColumnReader::FloatColumnReader(reader) => read!(reader, Floats),
            ColumnReader::DoubleColumnReader(reader) => read!(reader, Doubles),
            ColumnReader::ByteArrayColumnReader(reader) => read!(reader, Bytes),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => read!(reader, Fixed),
        })
    }

    /// Puts what the next row has of this column into it. All of it is gone over even when it does not fit, so that the row after
    /// is at its place. Text that is none is noted.
    pub(super) fn row(
        &mut self,
        row: &mut Node,
        left: &mut usize,
        lossy: &mut bool,
    ) -> std::result::Result<(), Unfit> {
        self.counts.fill(0);
        let mut fits = Ok(());
        let mut first = true;
        loop {
            let repetition = match self.max_repetition {
                0 if first => 0,
                0 => return fits,
                _ => match self.repetitions.get(self.level) {
                    Some(0) if !first => return fits,
                    Some(repetition) => *repetition,
                    None => return fits,
                },
            };
            let definition = match self.max_definition {
                0 => 0,
                _ => self
                    .definitions
                    .get(self.level)
                    .copied()
                    .ok_or(Unfit::Levels)?,
            };
            // A row that begins within a list is none.
            if first && repetition != 0 {
                fits = Err(Unfit::Levels);
            }
            first = false;
            self.level += 1;
            let index = self.value;
            let there = definition == self.max_definition;
            self.value += usize::from(there);
            if fits.is_ok() {
                let value = match there {
                    true => self.values.get(index, self.meaning, *left, lossy),
                    false => Ok(None),
                };
                let levels = (repetition, definition);
                fits = value
                    .and_then(|value| row.put(&self.steps, levels, &mut self.counts, left, value));
            }
        }
    }

    /// How much of memory what was read takes.
    pub(super) fn held(&self) -> usize {
        self.repetitions.len().saturating_mul(VALUE)
    }
}

impl Meaning {
    fn of(column: &ColumnDescriptor) -> Self {
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(time)), _) => match time.unit {
                TimeUnit::MILLIS => Meaning::Milliseconds,
                TimeUnit::MICROS => Meaning::Microseconds,
                TimeUnit::NANOS => Meaning::Nanoseconds,
            },
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Meaning::Date,
            (_, ConvertedType::TIMESTAMP_MILLIS) => Meaning::Milliseconds,
            (_, ConvertedType::TIMESTAMP_MICROS) => Meaning::Microseconds,
            _ => Meaning::Itself,
        }
    }

    fn value(self, number: i64) -> Value {
        let time = match self {
            Meaning::Itself => None,
            Meaning::Date => {
                let day = i32::try_from(number).ok().and_then(|days| {
                    let days = jiff::Span::new().try_days(days).ok()?;
                    Date::constant(1970, 1, 1).checked_add(days).ok()
                });
                return day.map_or_else(|| number.into(), |day| day.to_string().into());
            }
            Meaning::Milliseconds => Timestamp::from_millisecond(number).ok(),
            Meaning::Microseconds => Timestamp::from_microsecond(number).ok(),
            Meaning::Nanoseconds => Timestamp::from_nanosecond(number.into()).ok(),
        };
        time.map_or_else(|| number.into(), |time| time.to_string().into())
    }
}

impl Values {
    /// A value, unless it is larger than what may yet be held.
    fn get(
        &self,
        index: usize,
        meaning: Meaning,
        left: usize,
        lossy: &mut bool,
    ) -> std::result::Result<Option<Value>, Unfit> {
        let mut text = |bytes: &[u8]| {
            if bytes.len() > left {
                return Err(Unfit::TooLarge);
            }
            let text = String::from_utf8_lossy(bytes);
            *lossy |= matches!(text, std::borrow::Cow::Owned(_));
            Ok(Value::String(text.into_owned()))
        };
        let value = match self {
            Values::None => None,
            Values::Bools(values) => values.get(index).map(|value| Ok((*value).into())),
            Values::Ints(values) => values
                .get(index)
                .map(|value| Ok(meaning.value((*value).into()))),
            Values::Longs(values) => values.get(index).map(|value| Ok(meaning.value(*value))),
            Values::Times(values) => values.get(index).map(|value| {
                let [low, high, day] = value.data() else {
                    return Err(Unfit::Levels);
                };
                // A day of Julius Scaliger's, and the nanoseconds of it.
                let nanoseconds = i128::from(*low) | (i128::from(*high) << 32);
                let days = i128::from(*day) - 2_440_588;
                let time = Timestamp::from_nanosecond(days * 86_400_000_000_000 + nanoseconds);
                Ok(time.map_or(Value::Null, |time| time.to_string().into()))
            }),
            Values::Floats(values) => values.get(index).map(|value| Ok((*value).into())),
            Values::Doubles(values) => values.get(index).map(|value| Ok((*value).into())),
            Values::Bytes(values) => values.get(index).map(|value| text(value.as_bytes())),
            Values::Fixed(values) => values.get(index).map(|value| text(value.as_bytes())),
        };
        value.transpose()?.map(Some).ok_or(Unfit::Levels)
    }
}
