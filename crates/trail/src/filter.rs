//! What the filters of a query say about which files and which bytes need to be looked at.
//!
//! All of it is a first look: DataFusion applies every filter to the rows again, so it may let too much through and never too
//! little.

use crate::tables::Table;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use lockfast_cloudtrail::Place;

/// Columns whose text stands in the record as it is, the one that fewest records hold first. Where a column's text may be made
/// up of others' (an account's root, a path with a slash added) it is not here, or is looked at in [`needle`].
const NARROW: [&str; 14] = [
    "event_id",
    "shared_event_id",
    "access_key_id",
    "principal_arn",
    "key",
    "principal",
    "secret",
    "source_ip",
    "vpc_endpoint_id",
    "event_name",
    "error_code",
    "event_source",
    "tls_version",
    "account",
];

/// What to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Records that hold one of these; all when there are none.
    pub(crate) needles: Vec<String>,
    /// Files of these accounts; of all when none are named.
    accounts: Option<Vec<String>>,
    /// Files of these regions.
    regions: Option<Vec<String>>,
    /// Files of days not before.
    from: Option<Date>,
    /// Files of days not after.
    until: Option<Date>,
}

impl Look {
    /// What these filters, all of which hold, let through of a table.
    pub(crate) fn new(table: Table, filters: &[Expr]) -> Look {
        let mut look = Look {
            needles: table.needles().iter().map(|&n| n.to_owned()).collect(),
            ..Look::default()
        };
        let mut rank = match table {
            Table::Events => NARROW.len(),
            // As narrow as the name of a service or of a call.
            Table::KeyUses | Table::SecretReads => 9,
            Table::Problems => 0,
        };
        for filter in filters {
            look.hear(table, filter, &mut rank);
        }
        look
    }

    /// Whether a file can hold anything. One whose path tells nothing can.
    pub(crate) fn wants(&self, place: Option<&Place>) -> bool {
        let Some(place) = place else { return true };
        let among = |names: &Option<Vec<String>>, name: &str| {
            names
                .as_ref()
                .is_none_or(|names| names.iter().any(|own| own == name))
        };
        among(&self.accounts, &place.account)
            && among(&self.regions, &place.region)
            && self.from.is_none_or(|from| place.date >= from)
            && self.until.is_none_or(|until| place.date <= until)
    }

    fn hear(&mut self, table: Table, filter: &Expr, rank: &mut usize) {
        if let Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) = filter
        {
            self.hear(table, left, rank);
            self.hear(table, right, rank);
            return;
        }
        if let Some((column, day, op)) = of_day(filter) {
            self.days(column, day, op);
            return;
        }
        if let Some((column, values)) = one_of(filter) {
            match column {
                "account" => narrow(&mut self.accounts, &values),
                "region" => narrow(&mut self.regions, &values),
                _ => {}
            }
        }
        if let Some((place, needles)) = stands(table, filter).filter(|(place, _)| place < rank) {
            *rank = place;
            self.needles = needles;
        }
    }

    /// Files are named after the day of delivery, which comes up to a day after the event's; and clocks differ.
    fn days(&mut self, column: &str, day: Date, op: Operator) {
        if !matches!(column, "event_time" | "event_day") {
            return;
        }
        if matches!(op, Operator::Gt | Operator::GtEq | Operator::Eq) {
            let from = day.saturating_sub(1.day());
            self.from = Some(self.from.map_or(from, |own| own.max(from)));
        }
        if matches!(op, Operator::Lt | Operator::LtEq | Operator::Eq) {
            let until = day.saturating_add(1.day());
            self.until = Some(self.until.map_or(until, |own| own.min(until)));
        }
    }
}

fn narrow(names: &mut Option<Vec<String>>, values: &[String]) {
    *names = Some(match names.take() {
        Some(own) => own
            .into_iter()
            .filter(|name| values.contains(name))
            .collect(),
        None => values.to_vec(),
    });
}

/// Bytes of which every record that a condition holds for has one, and how narrow that is; none where nothing is sure.
fn stands(table: Table, filter: &Expr) -> Option<(usize, Vec<String>)> {
    if let Some((column, values)) = one_of(filter) {
        let place = NARROW.iter().position(|narrow| *narrow == column)?;
        let needles: Option<Vec<String>> = values
            .iter()
            .map(|value| needle(table, column, value))
            .collect();
        return Some((place, needles?));
    }
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return None;
    };
    match (op, stands(table, left), stands(table, right)) {
        // Either, whatever it is of.
        (Operator::Or, Some((a, mut needles)), Some((b, more))) => {
            needles.extend(more);
            Some((a.max(b), needles))
        }
        (Operator::And, Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (Operator::And, one, other) => one.or(other),
        _ => None,
    }
}

/// The bytes that a record holds where a column has this text; none where that is not sure.
fn needle(table: Table, column: &str, value: &str) -> Option<String> {
    // Whatever JSON may write in several ways is not searched for.
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '<' | '>' | '&' | '\'');
    if value.len() < 3 || !value.chars().all(plain) {
        return None;
    }
    match column {
        // Of an account that is all that is known, its root is made up.
        "principal" if value.ends_with(":root") => None,
        "principal" if !value.starts_with("arn:") && !value.ends_with(".amazonaws.com") => None,
        // A path's slash may be added; and a refusal names the key in a message.
        "secret" if value.ends_with('/') => None,
        "key" => Some(value.to_owned()),
        "secret" | "principal" => Some(value.to_owned()),
        // The halves of ReEncrypt are called otherwise in the record.
        "event_name" if table != Table::Events => None,
        _ => Some(format!("\"{value}\"")),
    }
}

/// `column = 'text'` and `column IN ('text', …)`.
fn one_of(filter: &Expr) -> Option<(&str, Vec<String>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => {
            let (column, value) = match (&**left, &**right) {
                (Expr::Column(column), value) | (value, Expr::Column(column)) => (column, value),
                _ => return None,
            };
            Some((&column.name, vec![text(value)?]))
        }
        // DataFusion writes short lists so.
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let (column, mut values) = one_of(left)?;
            let (other, more) = one_of(right)?;
            values.extend(more);
            (column == other).then_some((column, values))
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = &*list.expr else {
                return None;
            };
            let values: Option<Vec<String>> = list.list.iter().map(text).collect();
            Some((&column.name, values?))
        }
        _ => None,
    }
}

fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

/// A comparison of a column with a time, as the day of it, turned so that the column is on the left.
fn of_day(filter: &Expr) -> Option<(&str, Date, Operator)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return None;
    };
    match (&**left, &**right) {
        (Expr::Column(column), Expr::Literal(value, _)) => Some((&column.name, day(value)?, *op)),
        (Expr::Literal(value, _), Expr::Column(column)) => {
            Some((&column.name, day(value)?, op.swap()?))
        }
        _ => None,
    }
}

fn day(value: &ScalarValue) -> Option<Date> {
    let time = match value {
        ScalarValue::TimestampMillisecond(Some(at), _) => Timestamp::from_millisecond(*at).ok()?,
        ScalarValue::TimestampSecond(Some(at), _) => Timestamp::from_second(*at).ok()?,
        ScalarValue::TimestampMicrosecond(Some(at), _) => Timestamp::from_microsecond(*at).ok()?,
        ScalarValue::TimestampNanosecond(Some(at), _) => {
            Timestamp::from_nanosecond(i128::from(*at)).ok()?
        }
        ScalarValue::Date32(Some(days)) => {
            Timestamp::from_second(i64::from(*days) * 86_400).ok()?
        }
        _ => return None,
    };
    Some(jiff::tz::TimeZone::UTC.to_datetime(time).date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};
    use jiff::civil::date;

    fn place(account: &str, region: &str, day: Date) -> Place {
        Place {
            organization: None,
            account: account.into(),
            region: region.into(),
            date: day,
        }
    }

    #[test]
    fn the_narrowest_condition_is_searched_for() {
        let filters = [
            col("event_source").eq(lit("kms.amazonaws.com")),
            col("access_key_id").eq(lit("AKIAIOSFODNN7EXAMPLE")),
            col("region").eq(lit("eu-central-1")),
        ];
        let look = Look::new(Table::Events, &filters);
        assert_eq!(look.needles, ["\"AKIAIOSFODNN7EXAMPLE\""]);
        assert!(look.wants(Some(&place("1", "eu-central-1", date(2026, 1, 1)))));
        assert!(!look.wants(Some(&place("1", "eu-west-1", date(2026, 1, 1)))));
        assert!(look.wants(None));
    }

    #[test]
    fn what_is_not_sure_is_not_searched_for() {
        let all = |filter: Expr| Look::new(Table::Events, &[filter]).needles;
        assert!(all(col("principal").eq(lit("arn:aws:iam::111122223333:root"))).is_empty());
        assert!(all(col("event_name").eq(lit("De\"crypt"))).is_empty());
        assert!(all(col("user_agent").eq(lit("aws-cli"))).is_empty());
        assert!(all(col("event_name").not_eq(lit("Decrypt"))).is_empty());
        let either = col("event_name")
            .eq(lit("Decrypt"))
            .or(col("read_only").eq(lit(true)));
        assert!(all(either).is_empty());
        let either = col("event_name")
            .eq(lit("Decrypt"))
            .or(col("access_key_id").eq(lit("AKIAIOSFODNN7EXAMPLE")));
        assert_eq!(all(either), ["\"Decrypt\"", "\"AKIAIOSFODNN7EXAMPLE\""]);
        let either = col("event_name")
            .eq(lit("Decrypt"))
            .or(col("event_name").eq(lit("Encrypt")));
        assert_eq!(all(either), ["\"Decrypt\"", "\"Encrypt\""]);
    }

    #[test]
    fn days_are_widened_by_one() {
        let at = |text: &str| {
            let time: Timestamp = text.parse().expect("a time");
            lit(ScalarValue::TimestampMillisecond(
                Some(time.as_millisecond()),
                Some("UTC".into()),
            ))
        };
        let filters = [
            col("event_time").gt_eq(at("2026-03-10T00:00:00Z")),
            at("2026-03-12T00:00:00Z").gt(col("event_time")),
        ];
        let look = Look::new(Table::KeyUses, &filters);
        assert_eq!(look.needles, ["\"kms.amazonaws.com\""]);
        let on = |day| look.wants(Some(&place("1", "r", date(2026, 3, day))));
        assert_eq!([8, 9, 10, 13, 14].map(on), [false, true, true, true, false]);
    }
}
