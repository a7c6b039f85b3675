//! Bytes that are the same wherever a value is written: JSON by RFC 8785.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// RFC 8785 writes numbers as doubles: of larger whole numbers, two would be the same bytes.
const LARGEST: u64 = (1 << 53) - 1;

/// Why a value has no canonical bytes.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// It is not JSON.
    #[error("a value cannot be written as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A number that is not the same in every reader of JSON.
    #[error(
        "the number {0} is beyond what JSON keeps exactly (2^53 - 1): write it as a string, or drop it"
    )]
    Number(String),
}

/// A value's canonical bytes.
///
/// # Errors
/// When it is no JSON, or holds a whole number beyond 2^53 - 1.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value)?;
    check(&value)?;
    Ok(serde_json_canonicalizer::to_vec(&value)?)
}

/// The same as text.
pub(crate) fn canonical_text<T: Serialize + ?Sized>(value: &T) -> Result<String, CanonicalError> {
    let value = serde_json::to_value(value)?;
    check(&value)?;
    Ok(serde_json_canonicalizer::to_string(&value)?)
}

fn check(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let whole = match number.as_u64() {
                Some(number) => Some(number),
                None => number.as_i64().map(i64::unsigned_abs),
            };
            match whole {
                Some(whole) if whole > LARGEST => Err(CanonicalError::Number(number.to_string())),
                _ => Ok(()),
            }
        }
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(values) => values.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// SHA-256 as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_members_does_not_matter() {
        let one = canonical(&json!({"b": 1, "a": [true, null, "é\u{1}"]})).expect("JSON");
        let other = canonical(&json!({"a": [true, null, "é\u{1}"], "b": 1.0})).expect("JSON");
        assert_eq!(one, other);
        assert_eq!(one, "{\"a\":[true,null,\"é\\u0001\"],\"b\":1}".as_bytes());
    }

    #[test]
    fn numbers_that_would_be_rounded_are_refused() {
        for number in [json!(1u64 << 53), json!([{"a": -(1i64 << 53)}])] {
            let error = canonical(&number).expect_err("too large");
            assert!(error.to_string().contains("9007199254740992"), "{error}");
        }
        canonical(&json!([(1u64 << 53) - 1, 0.5])).expect("exact");
    }
}
