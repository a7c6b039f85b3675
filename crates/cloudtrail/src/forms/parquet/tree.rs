//! Rows put together from the levels of their columns (Melnik and others, "Dremel: Interactive Analysis of Web-Scale Datasets",
//! 2010, section 4.3).
//!
//! Not by the parquet crate's rows: those take the schema's and the levels' word for everything, and make a row in memory whatever
//! its size.

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an element of a row takes beside its text.
const ELEMENT: usize = 64;

/// A step from the row to a column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field, which is there from this definition level on.
    Field(Arc<str>, i16),
    /// What has no name of its own, as a list's element.
    There(i16),
    /// An element of a list: its repetition level, and the definition level from which on there is one.
    Element(i16, i16),
    /// The key of a map's entry, likewise.
    Key(i16, i16),
    /// The value of a map's entry, likewise.
    Value(i16, i16),
}

/// The steps to every column, in the columns' order.
pub(super) fn columns(root: &Type) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    if root.is_group() {
        for field in root.get_fields() {
            node(field, Some(field.name()), 0, 0, &[], &mut found);
        }
    }
    found
}

/// A column or group, of which `name` is what it is called in the row. The schema's depth was bounded before.
fn node(
    of: &Type,
    name: Option<&str>,
    definition: i16,
    repetition: i16,
    steps: &[Step],
    found: &mut Vec<Vec<Step>>,
) {
    let mut steps = steps.to_vec();
    let info = of.get_basic_info();
    let how = match info.has_repetition() {
        true => info.repetition(),
        false => Repetition::REQUIRED,
    };
    let definition = definition + i16::from(how != Repetition::REQUIRED);
    let own = definition - i16::from(how == Repetition::REPEATED);
    if let Some(name) = name {
        steps.push(Step::Field(name.into(), own));
    } else {
        steps.push(Step::There(own));
    }
    let mut repetition = repetition;
    if how == Repetition::REPEATED {
        repetition += 1;
        steps.push(Step::Element(repetition, definition));
    }
    if of.is_primitive() {
        found.push(steps);
        return;
    }
    let list = info.converted_type() == ConvertedType::LIST
        || info.logical_type_ref() == Some(&LogicalType::List);
    let map = matches!(
        info.converted_type(),
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
    ) || info.logical_type_ref() == Some(&LogicalType::Map);
    let within = match of.get_fields() {
        [within] if within.get_basic_info().has_repetition() => Some(within)
            .filter(|within| within.get_basic_info().repetition() == Repetition::REPEATED),
        _ => None,
    };
    match within {
        Some(within) if map && within.is_group() && within.get_fields().len() == 2 => {
            let levels = (repetition + 1, definition + 1);
            let sides = [
                Step::Key(levels.0, levels.1),
                Step::Value(levels.0, levels.1),
            ];
            for (field, step) in within.get_fields().iter().zip(sides) {
                let steps = [&steps[..], &[step]].concat();
                node(field, None, definition + 1, repetition + 1, &steps, found);
            }
        }
        Some(within) if list => {
            steps.push(Step::Element(repetition + 1, definition + 1));
            // Lists have three levels, and old ones two (Parquet's LogicalTypes.md, "Lists", backward-compatibility rules).
            let three = within.is_group()
                && within.get_fields().len() == 1
                && within.name() != "array"
                && !within.name().ends_with("_tuple");
            if within.is_primitive() {
                found.push(steps);
            } else {
                for field in within.get_fields() {
                    let name = Some(field.name()).filter(|_| !three);
                    node(field, name, definition + 1, repetition + 1, &steps, found);
                }
            }
        }
        _ => {
            for field in of.get_fields() {
                node(
                    field,
                    Some(field.name()),
                    definition,
                    repetition,
                    &steps,
                    found,
                );
            }
        }
    }
}

/// A row, or a part of it, as far as its columns were read.
#[derive(Clone, Debug, Default)]
pub(super) enum Node {
    #[default]
    Null,
    Value(Value),
    Group(Vec<(Arc<str>, Node)>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Why a row cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Columns of one list disagree on how long it is, or levels are what they cannot be.
    Levels,
    /// It has more than may be held.
    TooLarge,
}

impl Node {
    /// Puts a column's next value where its levels say. `counts` are the places in the lists that it is in, of this column and
    /// row; `left` is what may yet be held.
    pub(super) fn put(
        &mut self,
        steps: &[Step],
        (repetition, definition): (i16, i16),
        counts: &mut [usize],
        left: &mut usize,
        value: Option<Value>,
    ) -> Result<(), Unfit> {
        let text = value.as_ref().and_then(Value::as_str).map_or(0, str::len);
        *left = left.checked_sub(ELEMENT + text).ok_or(Unfit::TooLarge)?;
        let mut node = self;
        for step in steps {
            node = match step {
                Step::Field(name, there) => {
                    let field = node.field(name);
                    if definition < *there {
                        return Ok(());
                    }
                    field
                }
                Step::There(there) if definition < *there => return Ok(()),
                Step::There(_) => node,
                Step::Element(of, there) => {
                    if !matches!(node, Node::List(_)) {
                        *node = Node::List(Vec::new());
                    }
                    let Node::List(list) = node else {
                        return Err(Unfit::Levels);
                    };
                    if definition < *there {
                        return Ok(());
                    }
                    at(list, place(counts, *of, repetition)?)?
                }
                Step::Key(of, there) | Step::Value(of, there) => {
                    if !matches!(node, Node::Map(_)) {
                        *node = Node::Map(Vec::new());
                    }
                    let Node::Map(entries) = node else {
                        return Err(Unfit::Levels);
                    };
                    if definition < *there {
                        return Ok(());
                    }
                    let entry = at(entries, place(counts, *of, repetition)?)?;
                    match step {
                        Step::Key(..) => &mut entry.0,
                        _ => &mut entry.1,
                    }
                }
            };
        }
        if let Some(value) = value {
            *node = Node::Value(value);
        }
        Ok(())
    }

    fn field(&mut self, name: &Arc<str>) -> &mut Node {
        if !matches!(self, Node::Group(_)) {
            *self = Node::Group(Vec::new());
        }
        // Always so, after that.
        let Node::Group(fields) = self else {
            return self;
        };
        // Columns come in the fields' order, so that it mostly is the last one.
        let known = fields.iter().rposition(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            fields.push((name.clone(), Node::Null));
            fields.len() - 1
        });
        &mut fields[index].1
    }

    /// The row's fields. What is null is absent.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        match self.into_value() {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    fn into_value(self) -> Option<Value> {
        match self {
            Node::Null => None,
            Node::Value(value) => Some(value),
            Node::Group(fields) => {
                let fields = fields
                    .into_iter()
                    .filter_map(|(name, node)| Some((name.to_string(), node.into_value()?)));
                let fields: Map<String, Value> = fields.collect();
                // Tables have every struct in every row; one without anything was not in the record.
                (!fields.is_empty()).then_some(Value::Object(fields))
            }
            Node::List(list) => {
                let list = list.into_iter();
                Some(
                    list.map(|node| node.into_value().unwrap_or_default())
                        .collect(),
                )
            }
            Node::Map(entries) => {
                let entries = entries.into_iter().filter_map(|(key, value)| {
                    let key = match key.into_value()? {
                        Value::String(key) => key,
                        other => other.to_string(),
                    };
                    Some((key, value.into_value().unwrap_or_default()))
                });
                Some(Value::Object(entries.collect()))
            }
        }
    }
}

/// Where in the list of a repetition level a value is.
fn place(counts: &mut [usize], of: i16, repetition: i16) -> Result<usize, Unfit> {
    let count = usize::try_from(of).ok().and_then(|of| counts.get_mut(of));
    let count = count.ok_or(Unfit::Levels)?;
    match of.cmp(&repetition) {
        // A list farther out has gone on, so that this is another one.
        std::cmp::Ordering::Greater => *count = 0,
        std::cmp::Ordering::Equal => *count += 1,
        std::cmp::Ordering::Less => {}
    }
    Ok(*count)
}

fn at<T: Default>(list: &mut Vec<T>, index: usize) -> Result<&mut T, Unfit> {
    if index == list.len() {
        list.push(T::default());
    }
    list.get_mut(index).ok_or(Unfit::Levels)
}
