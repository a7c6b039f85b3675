//! Whether somebody is told of what happens to one key.

use super::{Alarms, Seen, Watch, groups};
use crate::cx::Cx;
use crate::judgement::{Judgement, Verdict};
use crate::patterns::{Event, key_deleted, key_events, key_use, of_key, rotation};
use lockfast_facts::{Place, ResourceId, Subject};
use std::collections::HashMap;

/// Of each account and region that has keys: whether somebody is told when one is disabled, deleted or opened to others. Where
/// that is not known, the place is not told.
pub fn keys_watched(cx: &Cx<'_>) -> Vec<(Place, bool)> {
    let keys = cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]);
    let groups = groups(cx, keys);
    let told = groups.into_iter().filter_map(|group| {
        let judgements = key_events().into_iter().flat_map(|(name, event)| {
            let seen = cx.monitors().see(cx, &[event]);
            seen.judge(cx, &group, name)
        });
        let verdicts: Vec<Verdict> = judgements.map(|judgement| judgement.verdict).collect();
        let watched = match verdicts.contains(&Verdict::Fail) {
            true => false,
            false if verdicts.iter().all(|verdict| *verdict == Verdict::Pass) => true,
            false => return None,
        };
        Some((group.place().clone(), watched))
    });
    told.collect()
}

/// What watches keys: monitors that match any of their events, and alarms on the metrics of one.
pub(crate) struct KeyWatch<'a> {
    events: Vec<Event>,
    seen: Seen<'a>,
    alarms: HashMap<ResourceId, Vec<(Subject<'a>, Watch)>>,
}

impl<'a> KeyWatch<'a> {
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        let events: Vec<Event> = key_events()
            .into_iter()
            .map(|(_, event)| event)
            .chain(rotation())
            .chain([key_use(), key_deleted()])
            .collect();
        let all = Alarms::of(cx);
        KeyWatch {
            seen: cx.monitors().see(cx, &events),
            events,
            alarms: Alarms::by_resource(cx, all.of_namespace("AWS/KMS")),
        }
    }

    /// Judges whether a key is watched; `what` is how a message calls it.
    pub(crate) fn judge(&self, cx: &Cx<'a>, key: ResourceId, what: &str) -> Vec<Judgement> {
        let seen = self.seen.with_alarms(cx, self.alarms.get(&key));
        cx.inventory
            .variants_of(key)
            .flat_map(|subject| seen.judge_one(cx, subject, what))
            .collect()
    }

    /// The same; of monitors that name keys, those count that name this one.
    pub(crate) fn judge_by_name(&self, cx: &Cx<'a>, key: ResourceId, what: &str) -> Vec<Judgement> {
        let general = self.judge(cx, key, what);
        if general
            .iter()
            .all(|judgement| judgement.verdict == Verdict::Pass)
        {
            return general;
        }
        let events: Vec<Event> = self.events.iter().map(|event| of_key(event, key)).collect();
        let own = KeyWatch {
            seen: cx.monitors().see(cx, &events),
            alarms: self.alarms.clone(),
            events,
        };
        own.judge(cx, key, what)
    }
}
