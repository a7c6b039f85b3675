//! The part of the logs that a question is about.

use crate::event::{Event, day};
use crate::place::Place;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeSet;

/// The accounts, regions and time that a question is about. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// These accounts alone; all when empty.
    pub accounts: BTreeSet<String>,
    /// These regions alone; all when empty.
    pub regions: BTreeSet<String>,
    /// Nothing before.
    pub since: Option<Timestamp>,
    /// Nothing after.
    pub until: Option<Timestamp>,
}

impl Window {
    /// False when no event of a file of this place can be within. A file's day is that of its delivery, which lags the
    /// events, and clocks differ: so a day more is read on both sides.
    pub fn may_hold(&self, place: &Place) -> bool {
        let asked = |set: &BTreeSet<String>, one| set.is_empty() || set.contains(one);
        let before = |time: Timestamp| place.date < day(time).saturating_sub(1.day());
        let after = |time: Timestamp| place.date > day(time).saturating_add(1.day());
        asked(&self.accounts, &place.account)
            && asked(&self.regions, &place.region)
            && !self.since.is_some_and(before)
            && !self.until.is_some_and(after)
    }

    /// True for an event within. One that does not say its account, region or time may be, so it is.
    pub fn holds(&self, event: &Event) -> bool {
        let asked = |set: &BTreeSet<String>, one: Option<&str>| {
            set.is_empty() || one.is_none_or(|one| set.contains(one))
        };
        let time = event.time;
        asked(&self.accounts, event.recipient_account_id.as_deref())
            && asked(&self.regions, event.region.as_deref())
            && time.is_none_or(|time| self.since.is_none_or(|since| since <= time))
            && time.is_none_or(|time| self.until.is_none_or(|until| time <= until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, date};

    fn place(date: Date) -> Place {
        Place {
            organization: None,
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            date,
        }
    }

    #[test]
    fn a_day_more_on_both_sides() {
        let window = Window {
            since: Some("2026-03-02T23:59:00Z".parse().unwrap()),
            until: Some("2026-03-04T00:01:00Z".parse().unwrap()),
            ..Window::default()
        };
        let held = (1..=8).filter(|day| window.may_hold(&place(date(2026, 3, *day))));
        assert_eq!(held.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!window.may_hold(&place(date(2026, 2, 28))));
    }

    #[test]
    fn accounts_and_regions_when_named() {
        let mut window = Window::default();
        assert!(window.may_hold(&place(Date::MIN)));
        assert!(window.may_hold(&place(Date::MAX)));
        window.regions.insert("eu-west-1".into());
        assert!(window.may_hold(&place(date(2026, 3, 1))));
        window.accounts.insert("444455556666".into());
        assert!(!window.may_hold(&place(date(2026, 3, 1))));
    }

    #[test]
    fn events_to_the_second_and_unknown_ones_too() {
        let window = Window {
            since: Some("2026-03-02T12:00:00Z".parse().unwrap()),
            accounts: ["111122223333".to_owned()].into(),
            ..Window::default()
        };
        let held = |record: &str| window.holds(&Event::parse(record.as_bytes()).unwrap());
        assert!(held(r#"{"eventTime":"2026-03-02T12:00:00Z"}"#));
        assert!(!held(r#"{"eventTime":"2026-03-02T11:59:59Z"}"#));
        assert!(!held(r#"{"recipientAccountId":"444455556666"}"#));
        assert!(held("{}"));
    }
}
