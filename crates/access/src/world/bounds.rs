//! What limits identities and resources beside the policies that allow: boundaries, and the organisation's policies. It is what a
//! [`World`](super::World) knows of them, without everybody's own policies.

use super::actor::{self, Attached, Groups, Policies};
use super::levels;
use super::organization::Limits;
use crate::Three;
use crate::access::{PolicySet, limits_leave};
use crate::identities::identities;
use crate::principal::{Account, Principal};
use crate::request::Request;
use lockfast_facts::{Inventory, Place, Resource, ResourceId};
use std::collections::HashMap;
use std::sync::Arc;

/// The limits of everybody and everything in an inventory.
pub struct Bounds<'a> {
    inventory: &'a Inventory,
    boundaries: HashMap<ResourceId, Attached>,
    groups: Groups<'a>,
    limits: Limits,
}

impl<'a> Bounds<'a> {
    /// Reads boundaries and organisations.
    pub fn of(inventory: &'a Inventory) -> Self {
        let mut reader = Policies::default();
        let mut boundaries = HashMap::new();
        for identity in identities(inventory) {
            let account = Account::of(inventory.stack_of(identity).place.account.as_ref());
            if let Some(boundary) = actor::boundary(inventory, identity, &account, &mut reader) {
                boundaries.insert(identity.id, boundary);
            }
        }
        Bounds {
            inventory,
            boundaries,
            groups: actor::groups(inventory),
            limits: Limits::of(inventory),
        }
    }

    /// What limits the calls of an identity of an account to resources of its own account: a set without any policy that
    /// allows. `None` is an identity that is not among the facts.
    pub fn within(&self, identity: Option<ResourceId>, account: &Account) -> PolicySet<'_> {
        let boundary = identity.and_then(|id| self.boundaries.get(&id));
        PolicySet {
            boundary: boundary.map(|held| &*held.policy),
            scps: levels(self.limits.scps(account)),
            rcps: levels(self.limits.rcps(account)),
            ..PolicySet::default()
        }
    }

    /// How far what limits the holders of a policy leaves a request open to one of them at least.
    pub fn leave(&self, holders: &[Option<ResourceId>], request: &Request) -> Three {
        let account = &request.principal.account;
        Three::any(holders.iter().map(|holder| {
            let limits = self.within(*holder, account);
            let mut request = request.clone();
            if let Some(id) = holder {
                request.principal = self.principal(self.inventory.resource(*id));
            }
            limits_leave(&request, &limits)
        }))
    }

    /// An identity as a caller: by its ARN where it has one.
    pub fn principal(&self, identity: &Resource) -> Principal {
        let account = Account::of(self.inventory.stack_of(identity).place.account.as_ref());
        match &*identity.kind {
            "AWS::IAM::Role" | "AWS::IAM::User" => {
                actor::principal(self.inventory, identity, &account)
            }
            _ => Principal::member(account),
        }
    }

    /// What limits the calls of anybody to resources of an account: its resource control policies.
    pub fn over(&self, account: &Account) -> PolicySet<'_> {
        PolicySet {
            rcps: levels(self.limits.rcps(account)),
            ..PolicySet::default()
        }
    }

    /// The organisation of an account, where that was told.
    pub fn organization_of(&self, account: &Account) -> Option<Arc<str>> {
        self.limits.organization_of(account)
    }

    /// The groups of a user.
    pub fn groups_of(&self, user: &Resource) -> Vec<&'a Resource> {
        actor::member_of(self.inventory, user, &self.groups)
    }

    /// What could not be read of the organisation's policies over an account.
    pub fn unread_over(&self, account: &Account) -> Option<String> {
        let Account::Id(id) = account else {
            return self.limits.unread_over(account);
        };
        let place = Place {
            account: Some(id.clone()),
            region: None,
        };
        match self.limits.unread_over(account) {
            // A management account among the facts tells of all its members.
            None if !self.limits.is_told(account)
                && !self.inventory.was_asked("organizations", &place) =>
            {
                Some("AWS Organizations was not asked for its policies".to_owned())
            }
            unread => unread,
        }
    }
}
