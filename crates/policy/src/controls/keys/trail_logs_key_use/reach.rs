//! Which accounts and regions the trails reach.

use crate::prelude::*;
use crate::trails::{covers, same};
use std::collections::BTreeMap;

/// An account and a region, as far as the input says.
type Spot = (Option<Arc<str>>, Option<Arc<str>>);

/// Judges each account and region that has keys.
pub(super) fn coverage(cx: &Cx<'_>, trails: &[(Subject<'_>, crate::Verdict)], out: &mut Out) {
    let mut places: BTreeMap<Spot, Subject<'_>> = BTreeMap::new();
    for key in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let place = &cx.inventory.stack_of(key.resource).place;
        places
            .entry((place.account.clone(), place.region.clone()))
            .or_insert(key);
    }
    for ((account, region), key) in &places {
        let shown = match (account, region) {
            (Some(account), Some(region)) => format!("account {account}, {region}"),
            (None, Some(region)) => region.to_string(),
            (Some(account), None) => format!("account {account}"),
            (None, None) => "the account".to_owned(),
        };
        let covering: Vec<_> = trails
            .iter()
            .filter(|(trail, _)| covers(cx, *trail, account, region) == Some(true))
            .collect();
        let judged = crate::judgement::About::Input;
        let sound = covering
            .iter()
            .find(|(_, verdict)| *verdict == crate::Verdict::Pass);
        if sound.is_none() && !covering.is_empty() {
            // What is wrong with them is said of the trails themselves.
            continue;
        }
        let judgement = if let Some((trail, _)) = sound {
            Judgement::pass(judged, format!("a trail covers the keys of {shown}"))
                .step(format!("trail {}", trail.resource.name), trail.resource.loc)
        } else if let Some((trail, _)) = trails
            .iter()
            .find(|(t, _)| covers(cx, *t, account, region).is_none())
        {
            Judgement::unknown(
                judged,
                format!(
                    "cannot tell whether trail {} covers the keys of {shown}",
                    trail.resource.name
                ),
            )
            .at(trail.resource.loc)
        } else if trails
            .iter()
            .any(|(trail, _)| same_account(cx, *trail, account))
        {
            Judgement::fail(
                judged,
                format!("the account's trails cover other regions only, not the keys of {shown} (searched {})", searched(cx)),
            )
            .at(key.resource.loc)
        } else {
            Judgement::unknown(
                judged,
                format!(
                    "cannot tell whether a trail records what is done with the keys of {shown}: none is in {}, and it may be the organisation's",
                    searched(cx)
                ),
            )
            .at(key.resource.loc)
        };
        out.push(judgement.part(format!("keys of {shown}")));
    }
}

fn same_account(cx: &Cx<'_>, trail: Subject<'_>, account: &Option<Arc<str>>) -> bool {
    same(
        &cx.inventory.stack_of(trail.resource).place.account,
        account,
    )
}

fn searched(cx: &Cx<'_>) -> String {
    match cx.inventory.deployments() {
        1 => "the one stack given".to_owned(),
        n => format!("all {n} stacks given"),
    }
}
