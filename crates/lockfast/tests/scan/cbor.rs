//! The little of CBOR (RFC 8949) that the protocol `rpc-v2-cbor` needs, to and from JSON.
//!
//! Timestamps are tag 1 with a number (Smithy RPC v2 CBOR protocol, "Timestamps"); in JSON they are written `{"$time": …}`.

use serde_json::{Map, Number, Value, json};

/// Writes a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    match number {
        0..24 => out.push(major << 5 | number as u8),
        24..0x100 => out.extend([major << 5 | 24, number as u8]),
        0x100..0x1_0000 => {
            out.push(major << 5 | 25);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major << 5 | 26);
            out.extend((number as u32).to_be_bytes());
        }
        _ => {
            out.push(major << 5 | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => head(0, number, out),
            (None, Some(number), _) => head(1, (-1 - number) as u64, out),
            (None, None, number) => {
                out.push(0xfb);
                out.extend(number.unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Object(map) => {
            if let (1, Some(time)) = (map.len(), map.get("$time")) {
                out.push(0xc1);
                return write(time, out);
            }
            head(5, map.len() as u64, out);
            for (name, value) in map {
                write(&json!(name), out);
                write(value, out);
            }
        }
    }
}

/// Reads a value; nothing, where it is none, or holds what no request holds (bytes, half floats).
pub fn decode(mut bytes: &[u8]) -> Option<Value> {
    match read(&mut bytes)? {
        Item::Value(value) if bytes.is_empty() => Some(value),
        _ => None,
    }
}

enum Item {
    Value(Value),
    /// The end of what has no length.
    Break,
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn read(bytes: &mut &[u8]) -> Option<Item> {
    let first = *take(bytes, 1)?.first()?;
    let (major, short) = (first >> 5, first & 31);
    if first == 0xff {
        return Some(Item::Break);
    }
    // Without a length: up to the break.
    let number = match short {
        0..24 => Some(u64::from(short)),
        24..28 => {
            let big_endian = take(bytes, 1 << (short - 24))?;
            Some(
                big_endian
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            )
        }
        31 => None,
        _ => return None,
    };
    let more = |have: usize| number.is_none_or(|number| (have as u64) < number);
    let value = match major {
        0 => json!(number?),
        1 => json!(-1 - i64::try_from(number?).ok()?),
        3 => json!(std::str::from_utf8(take(bytes, usize::try_from(number?).ok()?)?).ok()?),
        4 => {
            let mut items = Vec::new();
            while more(items.len()) {
                match read(bytes)? {
                    Item::Value(item) => items.push(item),
                    Item::Break => break,
                }
            }
            Value::Array(items)
        }
        5 => {
            let mut map = Map::new();
            while more(map.len()) {
                let Item::Value(Value::String(name)) = read(bytes)? else {
                    break;
                };
                let Item::Value(value) = read(bytes)? else {
                    return None;
                };
                map.insert(name, value);
            }
            Value::Object(map)
        }
        6 => match read(bytes)? {
            Item::Value(time) if number == Some(1) => json!({ "$time": time }),
            _ => return None,
        },
        7 => match short {
            20 => json!(false),
            21 => json!(true),
            22 => Value::Null,
            26 => Value::Number(Number::from_f64(f64::from(f32::from_bits(number? as u32)))?),
            27 => Value::Number(Number::from_f64(f64::from_bits(number?))?),
            _ => return None,
        },
        _ => return None,
    };
    Some(Item::Value(value))
}

#[test]
fn what_is_written_is_read_again() {
    let value = json!({
        "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
        "MaxRecords": 100,
        "Threshold": -2.5,
        "Below": -300,
        "On": true,
        "None": null,
        "At": {"$time": 1795797748.481},
        "Long": "x".repeat(70_000),
    });
    assert_eq!(decode(&encode(&value)), Some(value));
    // {_ "a": [_ 1]}, of lengths that are not told.
    let open = [0xbf, 0x61, b'a', 0x9f, 1, 0xff, 0xff];
    assert_eq!(decode(&open), Some(json!({"a": [1]})));
}
