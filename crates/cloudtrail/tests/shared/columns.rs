//! Parquet files of rows that are JSON: columns by the schema, fields in whatever case, what is no column left out.
#![allow(clippy::unwrap_used)]

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use serde_json::Value;
use std::sync::Arc;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub compression: Compression,
    pub version: WriterVersion,
    pub dictionary: bool,
    /// How many rows a row group has.
    pub group: usize,
    /// How many rows a page has, about.
    pub page: usize,
}

impl Default for How {
    fn default() -> Self {
        How {
            compression: Compression::SNAPPY,
            version: WriterVersion::PARQUET_1_0,
            dictionary: true,
            group: 1000,
            page: 1000,
        }
    }
}

#[derive(Debug, Default)]
struct Column {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<Value>,
}

/// A file of these rows.
pub fn parquet(schema: &str, rows: &[Value], how: How) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(how.compression)
        .set_writer_version(how.version)
        .set_dictionary_enabled(how.dictionary)
        .set_data_page_row_count_limit(how.page)
        .set_write_batch_size(1)
        .build();
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema.clone(), Arc::new(properties)).unwrap();
    for rows in rows.chunks(how.group) {
        let mut columns: Vec<Column> = Vec::new();
        columns.resize_with(leaves(&schema), Column::default);
        for row in rows {
            let mut next = 0;
            for field in schema.get_fields() {
                shred(
                    field,
                    row.as_object().and_then(|row| get(row, field.name())),
                    (0, 0, 0),
                    &mut next,
                    &mut columns,
                );
            }
        }
        let mut group = writer.next_row_group().unwrap();
        for column in &columns {
            let mut to = group.next_column().unwrap().unwrap();
            let levels = (Some(&column.definitions[..]), Some(&column.repetitions[..]));
            macro_rules! write {
                ($kind:ty, $value:expr) => {{
                    let values: Vec<_> = column.values.iter().map($value).collect();
                    to.typed::<$kind>()
                        .write_batch(&values, levels.0, levels.1)
                        .unwrap();
                }};
            }
            match physical(to.untyped()) {
                Physical::BOOLEAN => write!(BoolType, |value| value.as_bool().unwrap()),
                Physical::INT32 => write!(Int32Type, |value| value.as_i64().unwrap() as i32),
                Physical::INT64 => write!(Int64Type, milliseconds),
                Physical::DOUBLE => write!(DoubleType, |value| value.as_f64().unwrap()),
                Physical::INT96 => write!(Int96Type, |value| {
                    let time = milliseconds(value);
                    let (day, rest) = (
                        time.div_euclid(86_400_000),
                        time.rem_euclid(86_400_000) * 1_000_000,
                    );
                    let mut int96 = Int96::new();
                    int96.set_data(rest as u32, (rest >> 32) as u32, (day + 2_440_588) as u32);
                    int96
                }),
                _ => write!(ByteArrayType, |value| ByteArray::from(text(value).as_str())),
            }
            to.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn physical(column: &parquet::column::writer::ColumnWriter) -> Physical {
    use parquet::column::writer::ColumnWriter::*;
    match column {
        BoolColumnWriter(_) => Physical::BOOLEAN,
        Int32ColumnWriter(_) => Physical::INT32,
        Int64ColumnWriter(_) => Physical::INT64,
        Int96ColumnWriter(_) => Physical::INT96,
        DoubleColumnWriter(_) => Physical::DOUBLE,
        _ => Physical::BYTE_ARRAY,
    }
}

fn milliseconds(value: &Value) -> i64 {
    match value {
        Value::String(time) => time.parse::<jiff::Timestamp>().unwrap().as_millisecond(),
        other => other.as_i64().unwrap(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn get<'a>(object: &'a serde_json::Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

fn leaves(of: &Type) -> usize {
    match of.is_primitive() {
        true => 1,
        false => of.get_fields().iter().map(|field| leaves(field)).sum(),
    }
}

/// The levels are the definition, the repetition and the deepest repetition so far.
fn shred(
    of: &Type,
    value: Option<&Value>,
    (definition, repetition, deepest): (i16, i16, i16),
    next: &mut usize,
    columns: &mut [Column],
) {
    let optional = of.get_basic_info().repetition() == Repetition::OPTIONAL;
    let Some(value) = value.filter(|value| !value.is_null()) else {
        for _ in 0..leaves(of) {
            columns[*next].definitions.push(definition);
            columns[*next].repetitions.push(repetition);
            *next += 1;
        }
        return;
    };
    let definition = definition + i16::from(optional);
    if of.is_primitive() {
        columns[*next].definitions.push(definition);
        columns[*next].repetitions.push(repetition);
        columns[*next].values.push(value.clone());
        *next += 1;
        return;
    }
    let repeated = of
        .get_fields()
        .first()
        .filter(|field| field.get_basic_info().repetition() == Repetition::REPEATED);
    let Some(repeated) = repeated else {
        for field in of.get_fields() {
            let value = value
                .as_object()
                .and_then(|object| get(object, field.name()));
            shred(
                field,
                value,
                (definition, repetition, deepest),
                next,
                columns,
            );
        }
        return;
    };
    let elements: Vec<Value> = match of.get_basic_info().converted_type() {
        ConvertedType::MAP => {
            let entries = value.as_object().unwrap().iter();
            entries
                .map(|(key, value)| serde_json::json!({"key": key, "value": value}))
                .collect()
        }
        _ => value.as_array().unwrap().clone(),
    };
    let start = *next;
    if elements.is_empty() {
        shred(
            repeated,
            None,
            (definition, repetition, deepest),
            next,
            columns,
        );
    }
    for (index, element) in elements.iter().enumerate() {
        *next = start;
        let repetition = if index == 0 { repetition } else { deepest + 1 };
        let levels = (definition + 1, repetition, deepest + 1);
        let map = of.get_basic_info().converted_type() == ConvertedType::MAP;
        if repeated.is_primitive() {
            shred(repeated, Some(element), levels, next, columns);
            continue;
        }
        for field in repeated.get_fields() {
            let value = match map {
                true => get(element.as_object().unwrap(), field.name()),
                false => Some(element),
            };
            shred(field, value, levels, next, columns);
        }
    }
}

/// Athena's table, as Hive's writer has it.
pub const ATHENA: &str = "message hive_schema {
  optional binary eventversion (UTF8);
  optional group useridentity {
    optional binary type (UTF8);
    optional binary principalid (UTF8);
    optional binary arn (UTF8);
    optional binary accountid (UTF8);
    optional binary invokedby (UTF8);
    optional binary accesskeyid (UTF8);
    optional binary username (UTF8);
    optional binary identityprovider (UTF8);
    optional binary credentialid (UTF8);
    optional group onbehalfof {
      optional binary userid (UTF8);
      optional binary identitystorearn (UTF8);
    }
    optional group sessioncontext {
      optional group attributes {
        optional binary mfaauthenticated (UTF8);
        optional binary creationdate (UTF8);
      }
      optional group sessionissuer {
        optional binary type (UTF8);
        optional binary principalid (UTF8);
        optional binary arn (UTF8);
        optional binary accountid (UTF8);
        optional binary username (UTF8);
      }
      optional binary ec2roledelivery (UTF8);
      optional group webidfederationdata {
        optional binary federatedprovider (UTF8);
        optional group attributes (MAP) {
          repeated group key_value { required binary key (UTF8); optional binary value (UTF8); }
        }
      }
      optional binary sourceidentity (UTF8);
    }
  }
  optional binary eventtime (UTF8);
  optional binary eventsource (UTF8);
  optional binary eventname (UTF8);
  optional binary awsregion (UTF8);
  optional binary sourceipaddress (UTF8);
  optional binary useragent (UTF8);
  optional binary errorcode (UTF8);
  optional binary errormessage (UTF8);
  optional binary requestparameters (UTF8);
  optional binary responseelements (UTF8);
  optional binary additionaleventdata (UTF8);
  optional binary requestid (UTF8);
  optional binary eventid (UTF8);
  optional group resources (LIST) {
    repeated group bag {
      optional group array_element {
        optional binary arn (UTF8);
        optional binary accountid (UTF8);
        optional binary type (UTF8);
      }
    }
  }
  optional binary eventtype (UTF8);
  optional binary apiversion (UTF8);
  optional binary readonly (UTF8);
  optional binary managementevent (UTF8);
  optional binary recipientaccountid (UTF8);
  optional binary serviceeventdetails (UTF8);
  optional binary sharedeventid (UTF8);
  optional binary vpcendpointid (UTF8);
  optional binary vpcendpointaccountid (UTF8);
  optional binary eventcategory (UTF8);
  optional binary sessioncredentialfromconsole (UTF8);
  optional group tlsdetails {
    optional binary tlsversion (UTF8);
    optional binary ciphersuite (UTF8);
    optional binary clientprovidedhostheader (UTF8);
  }
}";

/// Athena's table without its lists and maps.
pub fn without_lists() -> String {
    let (before, rest) = ATHENA.split_once("  optional group resources").unwrap();
    let (_, after) = rest.split_once("  optional binary eventtype").unwrap();
    let schema = format!("{before}  optional binary eventtype{after}");
    let map = "optional group attributes (MAP) {
          repeated group key_value { required binary key (UTF8); optional binary value (UTF8); }
        }";
    assert!(schema.contains(map));
    schema.replace(map, "")
}

/// A record without the list that it has.
pub fn without_resources(record: &Value) -> Value {
    let mut record = record.clone();
    record.as_object_mut().unwrap().remove("resources");
    record
}

/// The same as CloudTrail Lake has it: times of SQL's, what is true or false, and maps. The names as they are in a record.
pub fn lake() -> String {
    let map = |name: &str| {
        format!(
            "optional group {name} (MAP) {{ repeated group key_value {{ required binary key (UTF8); optional binary value (UTF8); }} }}"
        )
    };
    let mut schema = ATHENA
        .replace(
            "optional binary eventtime (UTF8)",
            "optional int96 eventTime",
        )
        .replace(
            "optional binary creationdate (UTF8)",
            "optional int64 creationDate (TIMESTAMP_MILLIS)",
        )
        .replace(
            "optional binary readonly (UTF8)",
            "optional boolean readOnly",
        )
        .replace(
            "optional binary managementevent (UTF8)",
            "optional boolean managementEvent",
        )
        .replace("repeated group bag", "repeated group list")
        .replace("optional group array_element", "optional group element");
    for name in [
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "serviceEventDetails",
    ] {
        let was = format!("optional binary {} (UTF8);", name.to_lowercase());
        assert!(schema.contains(&was));
        schema = schema.replace(&was, &map(name));
    }
    for name in [
        "userIdentity",
        "sessionContext",
        "sessionIssuer",
        "eventName",
        "eventID",
        "sourceIPAddress",
        "tlsDetails",
    ] {
        schema = schema.replace(&name.to_lowercase(), name);
    }
    schema
}

/// Security Lake's, as far as CloudTrail's events fill it.
pub const OCSF: &str = "message spark_schema {
  optional group metadata {
    optional group product {
      optional binary version (UTF8);
      optional binary name (UTF8);
      optional binary vendor_name (UTF8);
      optional group feature { optional binary name (UTF8); }
    }
    optional binary event_code (UTF8);
    optional binary uid (UTF8);
    optional group profiles (LIST) { repeated group list { optional binary element (UTF8); } }
    optional binary version (UTF8);
  }
  optional int64 time;
  optional int64 time_dt (TIMESTAMP_MICROS);
  optional group cloud {
    optional binary region (UTF8);
    optional group account { optional binary uid (UTF8); }
    optional binary provider (UTF8);
  }
  optional group api {
    optional group response { optional binary error (UTF8); optional binary message (UTF8); optional binary data (UTF8); }
    optional binary operation (UTF8);
    optional binary version (UTF8);
    optional group service { optional binary name (UTF8); }
    optional group request { optional binary data (UTF8); optional binary uid (UTF8); }
  }
  optional group actor {
    optional group user {
      optional binary type (UTF8);
      optional binary name (UTF8);
      optional binary uid_alt (UTF8);
      optional binary uid (UTF8);
      optional group account { optional binary uid (UTF8); }
      optional binary credential_uid (UTF8);
    }
    optional group session {
      optional int64 created_time_dt (TIMESTAMP_MILLIS);
      optional boolean is_mfa;
      optional binary issuer (UTF8);
    }
    optional binary invoked_by (UTF8);
    optional group idp { optional binary name (UTF8); optional binary uid (UTF8); }
  }
  optional group src_endpoint { optional binary uid (UTF8); optional binary ip (UTF8); optional binary domain (UTF8); }
  optional group http_request { optional binary user_agent (UTF8); }
  optional group resources (LIST) {
    repeated group list {
      optional group element {
        optional binary uid (UTF8);
        optional group owner { optional group account { optional binary uid (UTF8); } }
        optional binary type (UTF8);
      }
    }
  }
  optional group tls { optional binary version (UTF8); optional binary cipher (UTF8); optional binary sni (UTF8); }
  optional binary class_name (UTF8);
  optional int32 class_uid;
  optional int32 severity_id;
  optional boolean is_mfa;
  optional group dst_endpoint { optional binary svc_name (UTF8); }
  optional binary status (UTF8);
  optional group unmapped (MAP) { repeated group key_value { required binary key (UTF8); optional binary value (UTF8); } }
}";
