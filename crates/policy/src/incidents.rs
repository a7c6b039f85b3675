//! What the policy file says happened to keys or data, and what of the facts it is about.

use crate::config::Incident;
use crate::cx::Cx;
use crate::judgement::{About, Judgement, Out};
use crate::live::is_gap;
use lockfast_facts::nouns::{KeyTarget, Protection, Store};
use lockfast_facts::{Known, Place, Resource, ResourceId, Why};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The incidents that a control is about; when there are none, it says that there is nothing to judge.
pub(crate) fn that<'a>(
    cx: &Cx<'a>,
    out: &mut Out,
    (what, is): (&str, impl Fn(&Incident) -> bool),
) -> Vec<&'a Incident> {
    let found: Vec<_> = cx.config.incident.iter().filter(|i| is(i)).collect();
    if found.is_empty() {
        out.push(Judgement::not_applicable(
            About::Input,
            format!("lockfast.toml declares no incident {what}"),
        ));
    }
    found
}

/// The incidents in which keys are, or may be, compromised, each with a key of it.
pub(crate) fn compromised<'a>(cx: &Cx<'a>, out: &mut Out) -> Vec<(&'a Incident, &'a str)> {
    let is = |incident: &Incident| {
        incident.keys_may_be_compromised() == Some(true) && !incident.keys.is_empty()
    };
    that(cx, out, ("with a compromised key", is))
        .into_iter()
        .flat_map(|incident| {
            incident
                .keys
                .iter()
                .map(move |key| (incident, key.as_str()))
        })
        .collect()
}

/// The resource of an ARN; the bucket, where that is of objects in it.
pub(crate) fn resource<'a>(cx: &Cx<'a>, arn: &str) -> Option<&'a Resource> {
    let plain = |arn: &str| arn.trim_end_matches(":*").to_owned();
    let wanted = match arn.split_once(":s3:::") {
        Some((start, path)) => format!("{start}:s3:::{}", path.split('/').next().unwrap_or(path)),
        None => plain(arn),
    };
    let mut all = cx.inventory.resources().iter();
    all.find(|resource| {
        let own = resource.arn.as_deref();
        own.is_some_and(|own| plain(own) == wanted)
    })
}

/// What a judgement on an ARN is about.
pub(crate) fn about(resource: Option<&Resource>) -> About {
    resource.map_or(About::Input, |resource| About::Resource(resource.id))
}

/// Names the incident, and what it is about where that is not a resource of the facts.
pub(crate) fn part(incident: &Incident, arn: &str, resource: Option<&Resource>) -> String {
    match resource {
        Some(_) => incident.id.clone(),
        None => format!("{}: {arn}", incident.id),
    }
}

/// Unknown, since what the incident is about was not scanned.
pub(crate) fn not_scanned(incident: &Incident, arn: &str, what: &str) -> Judgement {
    let why = Why::NotGiven(arn.to_owned());
    Judgement::cannot_tell(About::Input, what, &why).part(part(incident, arn, None))
}

/// Where something is, by its resource or its ARN (`arn:aws:kms:eu-central-1:111111111111:key/…`).
pub(crate) fn place(cx: &Cx<'_>, arn: &str) -> Option<Place> {
    if let Some(resource) = resource(cx, arn) {
        return Some(cx.inventory.stack_of(resource).place.clone());
    }
    let mut parts = arn
        .split(':')
        .skip(3)
        .map(|part| (!part.is_empty()).then(|| part.into()));
    let (region, account): (Option<Arc<str>>, Option<Arc<str>>) = (parts.next()?, parts.next()?);
    account.is_some().then_some(Place { account, region })
}

/// What is under a key.
pub(crate) struct Under<'a> {
    /// Its stores, a resource once.
    pub stores: Vec<&'a Store>,
    /// A store of which it is not known, because.
    pub unknown: Option<(&'a Store, Arc<Why>)>,
}

/// The stores under each key, asked key by key.
pub(crate) struct Keys<'a>(BTreeMap<KeyTarget, Vec<&'a Store>>);

impl<'a> Keys<'a> {
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        Keys(crate::key_users::by_key(cx))
    }

    /// What is under the key of an ARN; `effective` says of a store whose key protects it, also where it has that from another.
    pub(crate) fn under(
        &self,
        cx: &Cx<'a>,
        arn: &str,
        effective: impl Fn(&Cx<'_>, &Store) -> Known<Protection>,
    ) -> Under<'a> {
        let id: Option<ResourceId> = resource(cx, arn).map(|key| key.id);
        let name = arn.rsplit_once(":key/").map_or(arn, |(_, id)| id);
        let is = |target: &KeyTarget| match target {
            KeyTarget::Resource(own) => Some(*own) == id,
            KeyTarget::External(own) => own == arn || own == name,
            KeyTarget::AwsManaged(_) => false,
        };
        let used = self.0.iter().filter(|(target, _)| is(target));
        let region = place(cx, arn).and_then(|place| place.region);
        let near = |store: &&Store| {
            // A key encrypts what lies in its own region.
            let own = &cx
                .inventory
                .stack_of(cx.inventory.resource(store.resource))
                .place;
            own.region.is_none() || region.is_none() || own.region == region
        };
        Under {
            stores: used.flat_map(|(_, stores)| stores).copied().collect(),
            unknown: cx
                .inventory
                .stores()
                .iter()
                .filter(near)
                .find_map(|store| Some((store, effective(cx, store).why()?.clone()))),
        }
    }
}

/// Services that keep data of most accounts: without them it is not known what a key protects.
const STORING: [&str; 10] = [
    "dynamodb",
    "ec2",
    "elasticfilesystem",
    "logs",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
];

/// Why it is not known what else is under a key there.
pub(crate) fn unread_stores(cx: &Cx<'_>, place: &Place) -> Option<Arc<Why>> {
    let service = STORING.iter().find(|s| !cx.inventory.was_asked(s, place))?;
    Some(Arc::new(Why::NotGiven(format!("what {service} has there"))))
}

/// A store's name for people, and that of a list that could not be read.
pub(crate) fn store_label(cx: &Cx<'_>, store: &Store) -> String {
    let resource = cx.inventory.resource(store.resource);
    match is_gap(resource) {
        true => format!("the list of {}", resource.kind),
        false => cx.label(resource),
    }
}
