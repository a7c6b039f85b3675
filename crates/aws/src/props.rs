//! Properties in CloudFormation's shape, from the SDK's types.

use lockfast_snapshot::Failure;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// An object that is built up property by property. What is absent in the answer stays absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Props {
    pub(crate) map: Map<String, Value>,
    /// By property: the action whose answer it is from.
    pub(crate) from: BTreeMap<String, String>,
    action: Option<&'static str>,
}

impl Props {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Props::default()
    }

    /// Nothing yet, of a resource that this action told of.
    pub(crate) fn of(action: &'static str) -> Self {
        let mut props = Props::default();
        props.from.insert(String::new(), action.to_owned());
        props
    }

    /// What follows is from the answer to this action.
    #[must_use]
    pub(crate) fn from(mut self, action: &'static str) -> Self {
        self.action = Some(action);
        self
    }

    /// Adds a property, unless there is nothing to add.
    #[must_use]
    pub(crate) fn put(mut self, name: &str, value: impl Put) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a property, unless there is nothing to add.
    pub(crate) fn set(&mut self, name: &str, value: impl Put) {
        if let Some(value) = value.json() {
            if let Some(action) = self.action {
                self.from.insert(name.to_owned(), action.to_owned());
            }
            self.map.insert(name.to_owned(), value);
        }
    }
}

/// What can stand in a property; `None` when there is nothing.
pub(crate) trait Put {
    /// It as JSON.
    fn json(self) -> Option<Value>;
}

impl Put for Value {
    fn json(self) -> Option<Value> {
        (!self.is_null()).then_some(self)
    }
}

impl Put for Props {
    fn json(self) -> Option<Value> {
        (!self.map.is_empty()).then_some(Value::Object(self.map))
    }
}

impl Put for Failure {
    /// The mark of what is not known since the call failed.
    fn json(self) -> Option<Value> {
        Some(self.unknown())
    }
}

impl<T: Put> Put for Option<T> {
    fn json(self) -> Option<Value> {
        self.and_then(Put::json)
    }
}

impl<T: Put> Put for Result<T, Failure> {
    fn json(self) -> Option<Value> {
        match self {
            Ok(value) => value.json(),
            Err(failure) => failure.json(),
        }
    }
}

impl Put for &str {
    fn json(self) -> Option<Value> {
        Some(Value::String(self.to_owned()))
    }
}

impl Put for String {
    fn json(self) -> Option<Value> {
        Some(Value::String(self))
    }
}

impl Put for &String {
    fn json(self) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

macro_rules! put_plain {
    ($($kind:ty)*) => {
        $(impl Put for $kind {
            fn json(self) -> Option<Value> {
                Some(self.into())
            }
        })*
    };
}
put_plain!(bool i32 i64 u32 u64 f64 f32);

impl Put for &[String] {
    /// A list of texts; nothing when it is empty, since the SDK gives an empty list for an absent one.
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.iter().cloned().map(Value::String).collect())
    }
}

impl Put for Vec<Value> {
    /// A list; nothing when it is empty.
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then_some(Value::Array(self))
    }
}

impl Put for Vec<Props> {
    /// A list of objects; nothing when it is empty.
    fn json(self) -> Option<Value> {
        let items: Vec<Value> = self
            .into_iter()
            .map(|props| Value::Object(props.map))
            .collect();
        items.json()
    }
}

impl Put for Vec<String> {
    fn json(self) -> Option<Value> {
        self.as_slice().json()
    }
}

impl Put for Option<&HashMap<String, String>> {
    fn json(self) -> Option<Value> {
        let map: BTreeMap<_, _> = self?.iter().collect();
        (!map.is_empty()).then(|| {
            map.into_iter()
                .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                .collect()
        })
    }
}

impl Put for aws_smithy_types::DateTime {
    /// A moment (RFC 3339, UTC).
    fn json(self) -> Option<Value> {
        (&self).json()
    }
}

impl Put for &aws_smithy_types::DateTime {
    fn json(self) -> Option<Value> {
        // Whole seconds are as exact as any question here.
        let whole = aws_smithy_types::DateTime::from_secs(self.secs());
        let text = whole.fmt(aws_smithy_types::date_time::Format::DateTime);
        text.ok().map(Value::String)
    }
}

/// Lists of the SDK's enumerations as texts.
macro_rules! names {
    ($list:expr) => {
        $list
            .iter()
            .map(|item| item.as_str().to_owned())
            .collect::<Vec<String>>()
    };
}
pub(crate) use names;

/// Tags of the SDK's types as CloudFormation writes them. Takes what `.tags()` gives, and for tags whose key is not
/// optional `required`.
macro_rules! tags {
    ($list:expr) => {
        $list
            .iter()
            .map(|tag| {
                $crate::props::Props::new()
                    .put("Key", tag.key())
                    .put("Value", tag.value())
            })
            .collect::<Vec<$crate::props::Props>>()
    };
}
pub(crate) use tags;

/// Tags in a map as CloudFormation writes them.
pub(crate) fn tag_map(tags: Option<&HashMap<String, String>>) -> Vec<Props> {
    let sorted: BTreeMap<_, _> = tags.into_iter().flatten().collect();
    sorted
        .into_iter()
        .map(|(key, value)| Props::new().put("Key", key).put("Value", value))
        .collect()
}

/// A policy or other document in JSON text, as an object; a mark of what is unknown when it is not JSON.
pub(crate) fn document(action: &'static str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| {
        Failure {
            call: action.to_owned(),
            error: "malformed document".into(),
        }
        .unknown()
    })
}
