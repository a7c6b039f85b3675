//! Where monitors stand, and which resources stand in the same place.

use super::Watch;
use crate::cx::Cx;
use lockfast_facts::{Guard, Place, StackId, Subject};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Resources of one account and region, or, where the input does not say which, of one environment.
pub(crate) struct Group<'a> {
    /// How a report calls it; empty when nothing is known of it.
    pub label: String,
    /// The resources.
    pub members: Vec<Subject<'a>>,
    /// The conditions under which they are made, each once.
    pub whens: Vec<Guard>,
    place: Place,
    environment: Option<Arc<str>>,
    stacks: BTreeSet<StackId>,
}

impl<'a> Group<'a> {
    /// Where they are.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The group of one resource alone.
    pub(crate) fn of(cx: &Cx<'a>, subject: Subject<'a>) -> Self {
        let place = cx.inventory.stack_of(subject.resource).place.clone();
        let environment = environment(cx, subject);
        Group {
            label: label(&place, environment.as_deref()),
            members: vec![subject],
            whens: vec![subject.variant.when.clone()],
            place,
            environment,
            stacks: [subject.resource.stack].into(),
        }
    }
}

fn environment(cx: &Cx<'_>, subject: Subject<'_>) -> Option<Arc<str>> {
    cx.environment_name(subject.id())
        .value()
        .map(|e| e.name.clone())
}

fn label(place: &Place, environment: Option<&str>) -> String {
    match (&place.account, &place.region, environment) {
        (Some(account), Some(region), _) => format!("{account}/{region}"),
        (Some(account), None, Some(environment)) => format!("{account} ({environment})"),
        (None, Some(region), Some(environment)) => format!("{region} ({environment})"),
        (Some(only), None, None) | (None, Some(only), None) => only.to_string(),
        (None, None, environment) => environment.unwrap_or_default().to_owned(),
    }
}

/// Puts resources together that the same monitors can watch, in a fixed order.
pub(crate) fn groups<'a>(cx: &Cx<'a>, subjects: Vec<Subject<'a>>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for subject in subjects {
        let one = Group::of(cx, subject);
        match groups.get_mut(&one.label) {
            Some(group) => {
                group.members.push(subject);
                group.stacks.extend(one.stacks);
                if !group.whens.contains(&subject.variant.when) {
                    group.whens.push(subject.variant.when.clone());
                }
            }
            None => {
                groups.insert(one.label.clone(), one);
            }
        }
    }
    groups.into_values().collect()
}

/// How far a monitor sees beyond its own account and region.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    pub regions: bool,
    pub accounts: bool,
}

/// Whether a monitor sees what happens to a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Near {
    /// It stands elsewhere.
    No,
    /// The input does not say whether it is the same account and region.
    Maybe,
    /// It does.
    Yes,
}

/// A monitor in its place.
#[derive(Clone)]
pub(crate) struct Placed<'a> {
    pub subject: Subject<'a>,
    pub watch: Watch,
    reach: Reach,
    place: Place,
    environment: Option<Arc<str>>,
}

/// Monitors, found by where they stand.
#[derive(Clone, Default)]
pub(crate) struct ByPlace<'a> {
    all: Vec<Placed<'a>>,
    /// Those that see one known account and region only.
    fixed: HashMap<(Arc<str>, Arc<str>), Vec<usize>>,
    others: Vec<usize>,
}

impl<'a> ByPlace<'a> {
    pub(super) fn add(&mut self, cx: &Cx<'a>, subject: Subject<'a>, reach: Reach, watch: Watch) {
        let placed = Placed::new(cx, subject, reach, watch);
        let index = self.all.len();
        match (&placed.place.account, &placed.place.region, reach) {
            (
                Some(account),
                Some(region),
                Reach {
                    regions: false,
                    accounts: false,
                },
            ) => {
                self.fixed
                    .entry((account.clone(), region.clone()))
                    .or_default()
                    .push(index);
            }
            _ => self.others.push(index),
        }
        self.all.push(placed);
    }

    /// The monitors that see a group, or may.
    pub(super) fn near(&self, group: &Group<'a>) -> Vec<(&Placed<'a>, Near)> {
        let candidates: Vec<usize> = match (&group.place.account, &group.place.region) {
            (Some(account), Some(region)) => {
                let fixed = self.fixed.get(&(account.clone(), region.clone()));
                fixed
                    .into_iter()
                    .flatten()
                    .chain(&self.others)
                    .copied()
                    .collect()
            }
            _ => (0..self.all.len()).collect(),
        };
        candidates
            .into_iter()
            .map(|index| (&self.all[index], self.all[index].near(group)))
            .filter(|(_, near)| *near != Near::No)
            .collect()
    }
}

impl<'a> Placed<'a> {
    fn new(cx: &Cx<'a>, subject: Subject<'a>, reach: Reach, watch: Watch) -> Self {
        Placed {
            subject,
            watch,
            reach,
            place: cx.inventory.stack_of(subject.resource).place.clone(),
            environment: environment(cx, subject),
        }
    }

    /// Whether it tells somebody of what happens where it is this near.
    pub(super) fn tells(&self, near: Near) -> bool {
        self.watch == Watch::Yes && near == Near::Yes
    }

    fn near(&self, group: &Group<'_>) -> Near {
        let same =
            |own: &Option<Arc<str>>, other: &Option<Arc<str>>, everywhere: bool| match (own, other)
            {
                _ if everywhere => Near::Yes,
                (Some(own), Some(other)) if own == other => Near::Yes,
                (Some(_), Some(_)) => Near::No,
                _ => Near::Maybe,
            };
        let account = same(
            &self.place.account,
            &group.place.account,
            self.reach.accounts,
        );
        let region = same(&self.place.region, &group.place.region, self.reach.regions);
        if account == Near::No || region == Near::No {
            return Near::No;
        }
        // One environment is taken for one account and region where the input names none.
        if (account == Near::Yes && region == Near::Yes)
            || self.environment == group.environment
            || (group.stacks.len() == 1 && group.stacks.contains(&self.subject.resource.stack))
        {
            return Near::Yes;
        }
        Near::Maybe
    }
}

/// Whether something stands where a group does.
pub(crate) fn is_near<'a>(
    cx: &Cx<'a>,
    group: &Group<'a>,
    subject: Subject<'a>,
    reach: Reach,
) -> Near {
    Placed::new(cx, subject, reach, Watch::No).near(group)
}

/// The conditions within `when` that no guard covers; empty when the guards cover it.
pub(crate) fn gaps(cx: &Cx<'_>, when: &Guard, guards: &[&Guard]) -> Vec<Guard> {
    let guards: Vec<&Guard> = guards
        .iter()
        .copied()
        .filter(|g| g.compatible(when))
        .collect();
    let implied =
        |guard: &Guard, by: &Guard| guard.choices().iter().all(|c| by.choices().contains(c));
    if guards.iter().any(|guard| implied(guard, when)) {
        return Vec::new();
    }
    if guards.is_empty() {
        return vec![when.clone()];
    }
    let mut worlds = vec![when.clone()];
    for name in guards
        .iter()
        .flat_map(|g| g.choices())
        .map(|(name, _)| name)
    {
        // Few conditions decide over monitors; beyond that, what is covered one by one is enough.
        if worlds.len() > 64 {
            break;
        }
        worlds = worlds
            .iter()
            .flat_map(|world| {
                if world.choices().iter().any(|(n, _)| n == name) {
                    return vec![world.clone()];
                }
                let values = cx.inventory.choices(name);
                if values.is_empty() {
                    return vec![world.clone()];
                }
                values
                    .iter()
                    .map(|value| world.and(&Guard::new([(name.clone(), value.clone())])))
                    .collect()
            })
            .collect();
    }
    worlds.retain(|world| !guards.iter().any(|guard| implied(guard, world)));
    worlds
}
