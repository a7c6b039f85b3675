//! Comparing values by their type: numbers, dates, booleans, addresses, ARNs.

use crate::Three;
use crate::pattern::{Reading, matches};
use ipnet::IpNet;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lockfast_facts::{Part, Text};
use std::net::IpAddr;

/// How two ordered values are to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The context's value equals the policy's.
    Equal,
    /// It is less.
    Less,
    /// It is less, or equal.
    LessOrEqual,
    /// It is greater.
    Greater,
    /// It is greater, or equal.
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, context: &T, policy: &T) -> bool {
        match self {
            Order::Equal => context == policy,
            Order::Less => context < policy,
            Order::LessOrEqual => context <= policy,
            Order::Greater => context > policy,
            Order::GreaterOrEqual => context >= policy,
        }
    }
}

/// Both as typed values; a maybe when a text is not fully known, no when one is not of the type.
fn typed<T>(
    value: &Text,
    context: &Text,
    read: impl Fn(&str) -> Option<T>,
    holds: impl Fn(&T, &T) -> bool,
) -> Three {
    let read = |text: &Text| match text.plain() {
        Some(s) => Ok(read(s.trim())),
        None => Err(()),
    };
    match (read(value), read(context)) {
        // Something that is not of the type matches nothing, whatever the other is.
        (Ok(None), _) | (_, Ok(None)) => Three::No,
        (Ok(Some(v)), Ok(Some(c))) => holds(&c, &v).into(),
        _ => Three::Maybe,
    }
}

pub(crate) fn number(value: &Text, context: &Text, order: Order) -> Three {
    let read = |s: &str| s.parse::<f64>().ok().filter(|n| n.is_finite());
    typed(value, context, read, |c, v| order.holds(c, v))
}

pub(crate) fn date(value: &Text, context: &Text, order: Order) -> Three {
    typed(value, context, instant, |c, v| order.holds(c, v))
}

/// A date in W3C's profile of ISO 8601, or seconds since 1970.
fn instant(s: &str) -> Option<SignedDuration> {
    if let Ok(seconds) = s.parse::<i64>() {
        // A bare year is read as one by W3C's profile; epoch seconds that small are not meant.
        return match s.len() {
            4 => civil(Date::new(s.parse().ok()?, 1, 1).ok()?),
            _ => Some(SignedDuration::from_secs(seconds)),
        };
    }
    if let Ok(timestamp) = s.parse::<Timestamp>() {
        return Some(timestamp.as_duration());
    }
    if let Ok(date) = s.parse::<Date>() {
        return civil(date);
    }
    let time: DateTime = s.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_duration())
}

fn civil(date: Date) -> Option<SignedDuration> {
    Some(
        TimeZone::UTC
            .to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
            .ok()?
            .as_duration(),
    )
}

pub(crate) fn bool(value: &Text, context: &Text) -> Three {
    let read = |s: &str| match s.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    typed(value, context, read, |c, v| c == v)
}

pub(crate) fn ip(value: &Text, context: &Text) -> Three {
    let read = |s: &str| {
        s.parse::<IpNet>()
            .ok()
            .or_else(|| s.parse::<IpAddr>().ok().map(IpNet::from))
    };
    typed(value, context, read, |c, v| v.trunc().contains(c))
}

/// "Each of the six colon-delimited components of the ARN is checked separately and each can include
/// multi-character match wildcards (*) or single-character match wildcards (?)".
pub(crate) fn arn(value: &Text, context: &Text, reading: Reading<'_>) -> Three {
    let reading = Reading {
        wild: true,
        arn: true,
        ..reading
    };
    let found = matches(value, context, reading);
    let surely_arn = context.known_prefix().starts_with("arn:")
        || matches!(context.parts().first(), Some(Part::Reference(_)));
    match context.plain() {
        _ if surely_arn => found,
        Some(_) => Three::No,
        // What is not known may be no ARN at all, which nothing matches.
        None => found.and(Three::Maybe),
    }
}
