//! The identities whose own policies let them both administer and use keys.

use super::both;
use crate::strangers::{UNMADE, UNMADE_KEY, UNMADE_MULTI_REGION_KEY};
use lockfast_access::identities::{Home, arn, identities, of_identity};
use crate::prelude::*;
use lockfast_access::{Account, Policy, Request, Resource as Target, Three, may};
use lockfast_facts::Place;
use std::collections::{BTreeSet, HashMap};

/// Where a key lies.
type Region = (Home, Option<Arc<str>>);

/// A policy tells keys apart only by naming them, so each identity is asked once of every key it names and
/// once of all others.
#[derive(Default)]
pub(super) struct Identities<'a> {
    policies: HashMap<ResourceId, Vec<Policy>>,
    /// Over the keys of a region that they do not name.
    general: HashMap<Region, Vec<(&'a Resource, Three)>>,
    /// Over keys they name.
    named: HashMap<ResourceId, Vec<(&'a Resource, Three)>>,
}

impl<'a> Identities<'a> {
    /// Asks every identity of the input whose policies speak of keys.
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut found = Identities::default();
        let mut regions: HashMap<Home, BTreeSet<AccountAndRegion>> = HashMap::new();
        for key in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
            let place = &cx.inventory.stack_of(key.resource).place;
            let of_home = regions.entry(Home::of(cx.inventory, key.resource)).or_default();
            of_home.insert((place.account.clone(), place.region.clone()));
        }
        for identity in identities(cx.inventory) {
            let home = Home::of(cx.inventory, identity);
            // What a user holds by its groups is its own.
            let groups = cx.bounds().groups_of(identity);
            let holders = std::iter::once(identity).chain(groups);
            let mut held: Vec<_> = holders.flat_map(|holder| of_identity(cx.inventory, holder)).collect();
            held.retain(|held| held.mentions("kms:"));
            if held.is_empty() {
                continue;
            }
            let policies: Vec<Policy> = held.iter().map(|held| held.policy()).collect();
            let account = Account::of(cx.inventory.stack_of(identity).place.account.as_ref());
            let mut limited = cx.bounds().within(Some(identity.id), &account);
            limited.identity = policies.iter().collect();
            let caller = cx.bounds().principal(identity);
            let does_both = |target: &Target| {
                both(|action| {
                    let request = Request::new(caller.clone(), action, target.clone());
                    may(&request.in_account(account.clone()), &limited)
                })
            };
            let mut names: BTreeSet<ResourceId> = BTreeSet::new();
            for held in &held {
                held.document.walk(&mut |_, value| {
                    if let Kind::Text(text) = &value.kind {
                        names.extend(text.references().map(|r| r.target));
                    }
                });
            }
            for id in names {
                let key = cx.inventory.resource(id);
                if matches!(&*key.kind, "AWS::KMS::Key" | "AWS::KMS::ReplicaKey") {
                    let does = does_both(&found.key(cx, key));
                    found.named.entry(id).or_default().push((identity, does));
                }
            }
            for (account, region) in regions.get(&home).into_iter().flatten() {
                let place = Place { account: account.clone(), region: region.clone() };
                let target = Target::id(UNMADE).also(arn("kms", &place, UNMADE_KEY));
                let does = does_both(&target);
                if !does.is_no() {
                    let of_region = found.general.entry((home.clone(), region.clone())).or_default();
                    of_region.push((identity, does));
                }
            }
            found.policies.insert(identity.id, policies);
        }
        found
    }

    /// A key as policies may name it.
    pub(super) fn key(&self, cx: &Cx<'_>, key: &Resource) -> Target {
        let id = match key.at("MultiRegion").bool() {
            Read::Absent(_) | Read::Found(false, _) if &*key.kind == "AWS::KMS::Key" => UNMADE_KEY,
            _ => UNMADE_MULTI_REGION_KEY,
        };
        Target::id(key.id).also(arn("kms", &cx.inventory.stack_of(key).place, id))
    }

    /// The policies of an identity that speak of keys.
    pub(super) fn policies(&self, id: ResourceId) -> &[Policy] {
        self.policies.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Those that do, or may do, both to a key.
    pub(super) fn over(&self, cx: &Cx<'a>, key: &Resource) -> Vec<(&'a Resource, Three)> {
        let home = Home::of(cx.inventory, key);
        let region = cx.inventory.stack_of(key).place.region.clone();
        let named = self.named.get(&key.id).map(Vec::as_slice).unwrap_or_default();
        let general = self.general.get(&(home.clone(), region)).into_iter().flatten();
        let mut over: Vec<(&Resource, Three)> = general
            .filter(|(identity, _)| !named.iter().any(|(other, _)| other.id == identity.id))
            .chain(named.iter().filter(|(identity, _)| Home::of(cx.inventory, identity) == home))
            .filter(|(_, does)| !does.is_no())
            .copied()
            .collect();
        over.sort_by_key(|(identity, _)| identity.id);
        over
    }
}

/// The account and region of a place, in order.
type AccountAndRegion = (Option<Arc<str>>, Option<Arc<str>>);
