//! What a live account did not tell: lists that could not be read, services that were not asked. What is not
//! among the facts may be there all the same then.

use crate::cx::Cx;
use crate::judgement::{Judgement, Out, Verdict};
use lockfast_access::identities::HOLDERS;
use lockfast_facts::{Place, Read, Resource, Subject, Why};
use std::sync::Arc;

/// True for the resource that stands for a list that could not be read.
pub(crate) fn is_gap(resource: &Resource) -> bool {
    &*resource.name == "*"
}

/// The resources of these types, without those that stand for a list that could not be read.
pub(crate) fn listed<'a>(cx: &Cx<'a>, kinds: &[&str]) -> Vec<Subject<'a>> {
    let mut subjects = cx.subjects(kinds);
    subjects.retain(|subject| !is_gap(subject.resource));
    subjects
}

/// The same; of each list that could not be read, it says that this cannot be told.
pub(crate) fn listed_or_unknown<'a>(
    cx: &Cx<'a>,
    kinds: &[&str],
    what: &str,
    out: &mut Out,
) -> Vec<Subject<'a>> {
    let (gaps, listed): (Vec<_>, Vec<_>) = cx
        .subjects(kinds)
        .into_iter()
        .partition(|subject| is_gap(subject.resource));
    for gap in gaps {
        if let Read::Unknown(why, _) = gap.at("") {
            out.push(Judgement::cannot_tell(gap, what, &why));
        }
    }
    listed
}

/// Why it is not known whether there is more of these types of a service in an account and region than is among
/// the facts; `None` when everything was told.
pub(crate) fn unread(
    cx: &Cx<'_>,
    service: &str,
    kinds: &[&str],
    place: &Place,
) -> Option<Arc<Why>> {
    gap(cx, kinds, place).or_else(|| {
        (!cx.inventory.was_asked(service, place))
            .then(|| Arc::new(Why::NotGiven(format!("what {service} has there"))))
    })
}

/// Why a list of these types could not be read in an account and region; in any region where none is named.
pub(crate) fn gap(cx: &Cx<'_>, kinds: &[&str], place: &Place) -> Option<Arc<Why>> {
    let meets = |own: &Option<Arc<str>>, other: &Option<Arc<str>>| {
        own.is_none() || other.is_none() || own == other
    };
    cx.inventory.gaps().find_map(|gap| {
        let own = &cx.inventory.stack_of(gap).place;
        let here = kinds.contains(&&*gap.kind)
            && meets(&own.account, &place.account)
            && meets(&own.region, &place.region);
        match gap.at("") {
            Read::Unknown(why, _) if here => Some(why),
            _ => None,
        }
    })
}

/// A failure for want of something is none while not everything was read: this cannot be told then.
pub(crate) fn unless_unread(judgement: Judgement, unread: Option<&Why>, what: &str) -> Judgement {
    match unread {
        Some(why) if judgement.verdict == Verdict::Fail => Judgement {
            verdict: Verdict::Unknown,
            message: format!("cannot tell {what}: {why}").into(),
            ..judgement
        },
        _ => judgement,
    }
}

/// What the policy is about: every store and customer managed key, once for each variant.
pub(crate) fn of_concern<'a>(cx: &Cx<'a>) -> Vec<Subject<'a>> {
    let stores = cx.inventory.stores().iter().map(|store| store.resource);
    let mut ids: Vec<_> = listed(cx, &["AWS::KMS::Key", "AWS::KMS::ReplicaKey"])
        .iter()
        .map(Subject::id)
        .chain(stores)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .flat_map(|id| cx.inventory.variants_of(id))
        .filter(|subject| !is_gap(subject.resource))
        .collect()
}

/// Why there may be identities in the account of a resource that are not among the facts.
pub(crate) fn unlisted_identities(cx: &Cx<'_>, beside: &Resource) -> Option<Arc<Why>> {
    let place = Place {
        account: cx.inventory.stack_of(beside).place.account.clone(),
        region: None,
    };
    unread(cx, "iam", &HOLDERS, &place)
}
