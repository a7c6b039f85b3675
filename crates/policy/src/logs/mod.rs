//! What CloudTrail's logs tell (`lockfast_facts::trail`), read with what they could not tell.
//!
//! What is not in a record was not counted or looked for, and that is not known: nothing here takes silence for an answer. A
//! verdict that rests on nothing having happened holds only where the logs are whole.

mod alerts;
mod callers;

pub(crate) use alerts::{Alert, Level, about_either, about_keys, about_secrets, open};
pub(crate) use callers::{Caller, callers};

use crate::cx::Cx;
use crate::judgement::{About, Judgement, Out, Verdict};
use crate::trails::Faults;
use lockfast_facts::trail::LOGS;
use lockfast_facts::{Known, Place, Read, Resource, Subject, Value, Why};
use std::collections::HashMap;
use std::sync::Arc;

/// The logs of every account and region. Where there are none, `out` is told that this cannot be told: `what`.
pub(crate) fn all_or_unknown<'a>(cx: &Cx<'a>, what: &str, out: &mut Out) -> Vec<Subject<'a>> {
    let all = cx.subjects(&[LOGS]);
    if all.is_empty() {
        let why = Why::NotGiven("a log file of CloudTrail".into());
        out.push(Judgement::cannot_tell(About::Input, what, &why));
    }
    all
}

/// What the logs tell; what is missing was not counted, or not looked for.
pub(crate) fn told<T>(read: Read<T>, what: &str) -> Known<T> {
    match read {
        Read::Found(value, loc) => Known::Stated(value, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(Arc::new(Why::NotGiven(what.to_owned())), loc),
    }
}

/// How many there are of something.
pub(crate) fn count(subject: Subject<'_>, property: &str) -> Known<i64> {
    told(
        subject.at(property).int(),
        &format!("the number of {property}"),
    )
}

/// A list that is always written.
pub(crate) fn list<'a>(subject: Subject<'a>, property: &str) -> Known<&'a [Value]> {
    told(
        subject.at(property).list(),
        &format!("the list of {property}"),
    )
}

/// A text of an item, for people.
pub(crate) fn text(item: &Value, property: &str) -> Option<String> {
    item.at(property).string().found()
}

/// `the first, the second and 3 more`: names what there is, without telling all of much.
pub(crate) fn named(names: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 3;
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    match all.len() {
        0 => "none".to_owned(),
        1..=SHOWN => all.join(", "),
        more => format!("{} and {} more", all[..SHOWN].join(", "), more - SHOWN),
    }
}

/// `1 call`, `2 calls`.
pub(crate) fn plural(n: i64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// How many days ago something was done, and the day; not known for a day that is still to come.
pub(crate) fn age(cx: &Cx<'_>, read: Read<&Value>, what: &str) -> Known<(i64, String)> {
    let days = cx.days_since(read.clone());
    let day = read.string().found().unwrap_or_default();
    match told(days, what) {
        Known::Stated(..0, loc) => Known::Unknown(
            Arc::new(Why::Unsupported(format!("{day} is still to come"))),
            loc,
        ),
        known => known.map(|days| (days, day)),
    }
}

/// When anomalies were last looked for in these logs: how many days ago, and the day.
pub(crate) fn analysed(cx: &Cx<'_>, logs: Subject<'_>) -> Known<(i64, String)> {
    age(
        cx,
        logs.at("Analysed.On"),
        "a search of these logs for anomalies",
    )
}

/// Judges of the logs of every account and region that they are whole and somebody looked for anomalies in them. `what` cannot
/// be told otherwise.
pub(crate) fn looked_through(cx: &Cx<'_>, out: &mut Out, what: &'static str, sound: &'static str) {
    for logs in all_or_unknown(cx, what, out) {
        let mut faults = wholeness(logs);
        let looked = analysed(cx, logs);
        faults.add(what, looked.clone().map(|_| None));
        let judgement = faults.judgement(logs, sound);
        out.push(judgement.fact_as("Analysed", &looked, |(_, day)| day.clone()));
    }
}

/// Whether these logs lack anything: files that could not be read, or days without any. CloudTrail writes no file for a day
/// without an event, so such a day is no fault; that it had none is not known.
pub(crate) fn wholeness(logs: Subject<'_>) -> Faults {
    let mut faults = Faults::default();
    let unread = count(logs, "UnreadFiles").map(|n| {
        (n > 0).then(|| {
            format!(
                "{} could not be read: nobody knows what they hold",
                plural(n, "log file")
            )
        })
    });
    faults.add("whether every log file could be read", unread);
    faults.add("whether the logs hold every day", days_missing(logs));
    faults
}

fn days_missing(logs: Subject<'_>) -> Known<Option<String>> {
    match list(logs, "MissingDays") {
        Known::Stated(days, loc) if !days.is_empty() => {
            let shown = named(
                days.iter()
                    .map(|day| day.at("").string().found().unwrap_or_else(|| "?".into())),
            );
            Known::Unknown(
                Arc::new(Why::NotGiven(format!("a log file of {shown}"))),
                loc,
            )
        }
        known => known.map(|_| None),
    }
}

/// What these logs lack, for verdicts that rest on nothing having happened.
fn lacks(logs: Subject<'_>) -> Option<Arc<Why>> {
    let unread = match count(logs, "UnreadFiles") {
        Known::Stated(0, _) => None,
        Known::Unknown(why, _) => Some(why),
        known => {
            let n = known.value().copied().unwrap_or_default();
            Some(Arc::new(Why::Unsupported(format!(
                "{} could not be read",
                plural(n, "log file")
            ))))
        }
    };
    unread.or_else(|| days_missing(logs).why().cloned())
}

/// What the logs of each account and region lack.
pub(crate) struct Gaps {
    by_place: HashMap<Place, Option<Arc<Why>>>,
}

impl Gaps {
    pub(crate) fn of(cx: &Cx<'_>) -> Self {
        let mut by_place: HashMap<Place, Option<Arc<Why>>> = HashMap::new();
        for logs in cx.subjects(&[LOGS]) {
            let place = cx.inventory.stack_of(logs.resource).place.clone();
            let known = by_place.entry(place).or_default();
            if known.is_none() {
                *known = lacks(logs);
            }
        }
        Gaps { by_place }
    }

    /// Why what logs do not tell there may have happened all the same; `None` where they are whole.
    pub(crate) fn at(&self, place: &Place) -> Option<Arc<Why>> {
        if let Some(known) = self.by_place.get(place) {
            return known.clone();
        }
        let meets = |own: &Option<Arc<str>>, other: &Option<Arc<str>>| {
            own.is_none() || other.is_none() || own == other
        };
        let mut here = self.by_place.iter().filter(|(own, _)| {
            meets(&own.account, &place.account) && meets(&own.region, &place.region)
        });
        let Some((_, first)) = here.next() else {
            let shown: Vec<&str> = [&place.account, &place.region]
                .into_iter()
                .flatten()
                .map(|part| &**part)
                .collect();
            return Some(Arc::new(Why::NotGiven(format!(
                "what the logs of {} hold",
                shown.join("/")
            ))));
        };
        first
            .clone()
            .or_else(|| here.find_map(|(_, why)| why.clone()))
    }

    /// A judgement that passes since nothing happened, where the logs are whole; unknown elsewhere.
    pub(crate) fn unless(
        &self,
        cx: &Cx<'_>,
        beside: &Resource,
        judgement: Judgement,
        what: &str,
    ) -> Judgement {
        if judgement.verdict != Verdict::Pass {
            return judgement;
        }
        match self.at(&cx.inventory.stack_of(beside).place) {
            None => judgement,
            Some(why) => Judgement {
                verdict: Verdict::Unknown,
                message: format!("cannot tell {what}: {why}").into(),
                ..judgement
            },
        }
    }
}
