//! Keys that exist, and those that templates make, side by side.

use super::super::facts::Read;
use super::one;
use anyhow::Result;
use lockfast_facts::Inventory;
use lockfast_keys::{Dependent, Key, Ring, Twins};
use lockfast_policy::Cx;

/// The keys of what was read: of the snapshots, or of the templates; with those of the templates beside snapshots.
pub(super) struct Sides<'a> {
    pub(super) cx: Cx<'a>,
    pub(super) ring: Ring<'a>,
    pub(super) templates: Option<Other<'a>>,
}

/// The templates beside snapshots.
pub(super) struct Other<'a> {
    pub(super) cx: Cx<'a>,
    pub(super) ring: Ring<'a>,
    twins: Twins,
}

impl<'a> Sides<'a> {
    pub(super) fn new(read: &'a Read) -> Self {
        let cx = read.cx();
        let other = |templates: &'a Inventory| {
            let cx = Cx::new(templates, &read.config, &read.today);
            Other {
                ring: Ring::new(&cx, templates),
                twins: Twins::new(&read.inventory, templates),
                cx,
            }
        };
        Sides {
            ring: Ring::new(&cx, &read.inventory),
            templates: read.templates.as_ref().map(other),
            cx,
        }
    }

    /// The key in the templates that made this one.
    pub(super) fn twin(&self, key: &Key<'a>) -> Option<&Key<'a>> {
        let other = self.templates.as_ref()?;
        let id = other.twins.declared(key.resource.id)?;
        other.ring.keys.iter().find(|key| key.resource.id == id)
    }

    /// What the templates hang on a key, and does not exist.
    pub(super) fn planned(&self, key: &Key<'a>) -> Vec<&Dependent<'a>> {
        let Some((twin, other)) = self.twin(key).zip(self.templates.as_ref()) else {
            return Vec::new();
        };
        let dependents = twin.dependents.iter();
        dependents
            .filter(|on| !other.twins.exists(on.resource.id))
            .collect()
    }

    /// The keys of the templates that do not exist.
    pub(super) fn not_made(&self) -> impl Iterator<Item = &Key<'a>> {
        let others = self.templates.iter();
        others.flat_map(|other| {
            let keys = other.ring.keys.iter();
            keys.filter(|key| !other.twins.exists(key.resource.id))
        })
    }

    /// The one key that a name means, and whether it stands in the templates only.
    ///
    /// # Errors
    /// That there is none, or several.
    pub(super) fn one(&self, name: &str) -> Result<(&Key<'a>, bool)> {
        if let (true, Some(other)) = (self.ring.find(name).is_empty(), &self.templates)
            && !other.ring.find(name).is_empty()
        {
            let declared = one(&other.ring, name)?;
            let live = other.twins.existing(declared.resource.id);
            let live = live.and_then(|id| self.ring.keys.iter().find(|key| key.resource.id == id));
            return Ok(match live {
                Some(key) => (key, false),
                None => (declared, true),
            });
        }
        Ok((one(&self.ring, name)?, false))
    }
}
