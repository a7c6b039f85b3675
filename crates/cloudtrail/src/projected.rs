//! Objects of which some fields are read, and no field can spoil the others.
//!
//! `serde`'s derived reading stops at the first field of an unexpected type, and at a key that is there twice. A record
//! must not be lost for either: what cannot be read of it is absent, and of two equal keys the last one counts, as in most
//! readers of JSON.

use jiff::Timestamp;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What may be read from a JSON value, or be absent.
pub(crate) trait Lenient<'a>: Sized {
    /// None for a value of another type.
    fn lenient(raw: &'a RawValue) -> Option<Self>;
}

impl<'a> Lenient<'a> for Cow<'a, str> {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        let text = raw.get();
        let inner = text.strip_prefix('"')?.strip_suffix('"')?;
        // Few have escapes, and those that have none are what they stand for.
        match memchr::memchr(b'\\', inner.as_bytes()) {
            None => Some(Cow::Borrowed(inner)),
            Some(_) => serde_json::from_str(text).ok().map(Cow::Owned),
        }
    }
}

impl<'a> Lenient<'a> for bool {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        match raw.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

impl<'a> Lenient<'a> for Timestamp {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        Cow::lenient(raw)?.parse().ok()
    }
}

impl<'a> Lenient<'a> for &'a RawValue {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        (raw.get() != "null").then_some(raw)
    }
}

impl<'a, T: Lenient<'a>> Lenient<'a> for Vec<T> {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
        Some(elements.into_iter().filter_map(T::lenient).collect())
    }
}

/// Declares an object with the keys of its fields.
macro_rules! projected {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident<'a> {
            $( $(#[$about_field:meta])* $field:ident: $type:ty = $key:literal, )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default)]
        $visible struct $name<'a> {
            $( $(#[$about_field])* $visible $field: Option<$type>, )*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        use $crate::projected::Lenient;
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<&'de serde_json::value::RawValue>()? {
                            let key = std::borrow::Cow::lenient(key);
                            match key.as_deref() {
                                $( Some($key) => read.$field = Lenient::lenient(map.next_value()?), )*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(read)
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }

        impl<'a> $crate::projected::Lenient<'a> for $name<'a> {
            fn lenient(raw: &'a serde_json::value::RawValue) -> Option<Self> {
                serde_json::from_str(raw.get()).ok()
            }
        }
    };
}
pub(crate) use projected;
