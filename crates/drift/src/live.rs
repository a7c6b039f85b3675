//! The live side: resources by their names, the stacks that made them, and what the scan could read.

use crate::tables::{live_kind, scanned_by};
use lockfast_facts::{Inventory, Kind, Read, Resource, ResourceId, Text, Value};
use lockfast_snapshot::{GAP, Loaded, is_global};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The type of stacks.
const STACK: &str = "AWS::CloudFormation::Stack";
/// The tags that CloudFormation puts on what it makes.
const STACK_NAME: &str = "aws:cloudformation:stack-name";
const LOGICAL_ID: &str = "aws:cloudformation:logical-id";

/// Account and region; no region for what has none.
pub(crate) type PlaceKey = (String, Option<String>);

/// A live stack.
pub(crate) struct LiveStack {
    pub name: String,
    pub arn: Option<String>,
    pub account: String,
    pub region: String,
    pub status: Option<String>,
    /// What it made, by logical id.
    pub made: BTreeMap<String, Made>,
    /// Why what it made is not known in full; none when it is.
    pub open: Option<String>,
}

/// What a stack made.
pub(crate) struct Made {
    pub kind: String,
    pub physical: Physical,
    pub status: Option<String>,
}

/// What a stack says its resource is.
#[derive(Clone)]
pub(crate) enum Physical {
    /// It did not say.
    None,
    /// A name or id that nothing in the snapshot goes by.
    Text(String),
    /// This.
    Live(ResourceId),
}

/// The live side.
pub(crate) struct Live<'a> {
    pub loaded: &'a Loaded,
    pub inventory: &'a Inventory,
    pub stacks: Vec<LiveStack>,
    /// By live resource: the stack that made it, and its logical id there.
    pub made_by: HashMap<ResourceId, (usize, String)>,
    by_arn: HashMap<&'a str, ResourceId>,
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<ResourceId>>,
    gaps: HashMap<&'a str, Vec<&'a Resource>>,
    units: HashSet<(&'a str, &'a str, &'a str)>,
    services: HashSet<&'a str>,
    regions: HashSet<&'a str>,
    partitions: HashMap<&'a str, &'a str>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(loaded: &'a Loaded) -> Self {
        let inventory = &loaded.inventory;
        let headers = &loaded.headers;
        let accounts = headers.iter().flat_map(|header| &header.accounts);
        let mut live = Live {
            loaded,
            inventory,
            stacks: Vec::new(),
            made_by: HashMap::new(),
            by_arn: HashMap::new(),
            by_name: HashMap::new(),
            gaps: HashMap::new(),
            units: loaded
                .units
                .iter()
                .map(|unit| (&*unit.account, &*unit.region, &*unit.service))
                .collect(),
            services: headers
                .iter()
                .flat_map(|h| &h.services)
                .map(String::as_str)
                .collect(),
            regions: headers
                .iter()
                .flat_map(|h| &h.regions)
                .map(String::as_str)
                .collect(),
            partitions: accounts
                .map(|a| (a.id.as_str(), a.partition.as_str()))
                .collect(),
        };
        for resource in inventory.resources() {
            if &*resource.name == GAP {
                live.gaps.entry(&resource.kind).or_default().push(resource);
                continue;
            }
            if let Some(arn) = &resource.arn {
                live.by_arn.insert(arn, resource.id);
            }
            if let Some(account) = account_of(inventory, resource) {
                let name = (&*resource.kind, account, &*resource.name);
                live.by_name.entry(name).or_default().push(resource.id);
            }
        }
        live.read_stacks();
        live
    }

    /// The partition of an account: `aws`, unless the scan says another.
    pub(crate) fn partition(&self, account: &str) -> &str {
        self.partitions.get(account).copied().unwrap_or("aws")
    }

    fn read_stacks(&mut self) {
        let mut stacks: Vec<LiveStack> = Vec::new();
        for resource in self.inventory.of_kind(STACK).filter(|r| &*r.name != GAP) {
            let place = &self.inventory.stack_of(resource).place;
            let (Some(account), Some(region)) = (&place.account, &place.region) else {
                continue;
            };
            let mut made = BTreeMap::new();
            let mut open = None;
            match resource.at("Resources").list() {
                Read::Found(items, _) => {
                    for item in items {
                        let text = |name: &str| item.at(name).string().found();
                        if let (Some(logical), Some(kind)) =
                            (text("LogicalResourceId"), text("ResourceType"))
                        {
                            let physical = self.physical(
                                &kind,
                                account,
                                region,
                                item.at("PhysicalResourceId"),
                            );
                            let status = text("ResourceStatus");
                            made.insert(
                                logical,
                                Made {
                                    kind,
                                    physical,
                                    status,
                                },
                            );
                        }
                    }
                }
                Read::Absent(_) => {
                    open = Some("the snapshot does not list what it made".to_owned())
                }
                Read::Unknown(why, _) => open = Some(why.to_string()),
            }
            stacks.push(LiveStack {
                name: resource
                    .at("StackName")
                    .string()
                    .found()
                    .unwrap_or_else(|| resource.name.to_string()),
                arn: resource.arn.as_deref().map(str::to_owned),
                account: account.to_string(),
                region: region.to_string(),
                status: resource.at("StackStatus").string().found(),
                made,
                open,
            });
        }
        self.read_tags(&mut stacks);
        for (index, stack) in stacks.iter().enumerate() {
            for (logical, made) in &stack.made {
                if let Physical::Live(id) = made.physical {
                    self.made_by.insert(id, (index, logical.clone()));
                }
            }
        }
        self.stacks = stacks;
    }

    /// CloudFormation tags what it makes: that says what a list of stacks would, where there is none.
    fn read_tags(&self, stacks: &mut Vec<LiveStack>) {
        let tag = |resource: &Resource, name: &str| resource.tag(name).value().cloned().flatten();
        for resource in self.inventory.resources() {
            let Some(name) = tag(resource, STACK_NAME) else {
                continue;
            };
            let Some(logical) = tag(resource, LOGICAL_ID) else {
                continue;
            };
            let place = &self.inventory.stack_of(resource).place;
            let Some(account) = place.account.as_deref() else {
                continue;
            };
            // What has no region is tagged by a stack that has one.
            let region = place.region.as_deref();
            let is_it = |stack: &LiveStack| {
                stack.name == name
                    && stack.account == account
                    && region.is_none_or(|region| stack.region == region)
            };
            let at = stacks.iter().position(is_it).unwrap_or_else(|| {
                stacks.push(LiveStack {
                    name: name.clone(),
                    arn: tag(resource, "aws:cloudformation:stack-id"),
                    account: account.to_owned(),
                    region: region.unwrap_or_default().to_owned(),
                    status: None,
                    made: BTreeMap::new(),
                    open: Some("it is known by the tags of what it made alone".to_owned()),
                });
                stacks.len() - 1
            });
            let made = stacks[at].made.entry(logical).or_insert_with(|| Made {
                kind: resource.kind.to_string(),
                physical: Physical::None,
                status: None,
            });
            if !matches!(made.physical, Physical::Live(_))
                && live_kind(&made.kind) == &*resource.kind
            {
                made.physical = Physical::Live(resource.id);
            }
        }
    }

    /// What a stack's physical id names.
    fn physical(&self, kind: &str, account: &str, region: &str, read: Read<&Value>) -> Physical {
        let Read::Found(value, _) = read else {
            return Physical::None;
        };
        let Kind::Text(text) = &value.kind else {
            return Physical::None;
        };
        // The snapshot's reader has followed ARNs and AWS's own ids already.
        if let Some(reference) = text.reference() {
            let target = self.inventory.resource(reference.target);
            if &*target.kind == live_kind(kind) {
                return Physical::Live(target.id);
            }
        }
        let text = match text {
            Text::Plain(text) => text.to_string(),
            other => other.render(|part| match part {
                lockfast_facts::Part::Reference(r) => {
                    self.inventory.resource(r.target).name.to_string()
                }
                _ => "…".into(),
            }),
        };
        match self.find(kind, account, Some(region), &text) {
            Some(id) => Physical::Live(id),
            None => Physical::Text(text),
        }
    }

    /// The live resource of a template's type that goes by this name, id, URL or ARN in an account and region.
    pub(crate) fn find(
        &self,
        kind: &str,
        account: &str,
        region: Option<&str>,
        text: &str,
    ) -> Option<ResourceId> {
        let kind = live_kind(kind);
        if let Some(id) = self.by_arn.get(text)
            && *self.inventory.resource(*id).kind == *kind
        {
            return Some(*id);
        }
        // Databases are kept in lower case; queues go by a URL, and others by an ARN, that ends in the name.
        let lower = text.to_ascii_lowercase();
        let last = text.rsplit(['/', ':']).next().unwrap_or(text);
        [text, &lower, last].into_iter().find_map(|name| {
            let found = self.by_name.get(&(kind, account, name))?;
            let mut here = found.iter().filter(|id| self.is_in(**id, region));
            match (here.next(), here.next()) {
                (Some(only), None) => Some(*only),
                _ => None,
            }
        })
    }

    /// The accounts in which a resource of a template's type has this name.
    pub(crate) fn places_of(
        &self,
        kind: &str,
        name: &str,
        region: Option<&str>,
    ) -> Vec<ResourceId> {
        let mut accounts: Vec<&str> = self.partitions.keys().copied().collect();
        accounts.sort_unstable();
        let kind = live_kind(kind);
        let in_account = |account| {
            self.by_name
                .get(&(kind, account, name))
                .into_iter()
                .flatten()
                .copied()
        };
        accounts
            .into_iter()
            .flat_map(in_account)
            .filter(|id| self.is_in(*id, region))
            .collect()
    }

    fn is_in(&self, id: ResourceId, region: Option<&str>) -> bool {
        let resource = self.inventory.resource(id);
        let own = self.inventory.stack_of(resource).place.region.as_deref();
        is_global(&resource.kind)
            || own.is_none()
            || region.is_none_or(|region| own == Some(region))
    }

    /// Whether the scan would have told of a resource of a template's type, in this account and region or, where they
    /// are not known, wherever it scanned.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn would_tell(
        &self,
        kind: &str,
        account: Option<&str>,
        region: Option<&str>,
    ) -> Result<(), String> {
        let Some(service) = scanned_by(kind) else {
            return Err(format!("a scan does not read {kind}"));
        };
        if !self.services.contains(service) {
            return Err(format!("the scan left out the service {service}"));
        }
        if let Some(account) = account
            && !self.partitions.contains_key(account)
        {
            return Err(format!("account {account} was not scanned"));
        }
        let global = is_global(kind)
            || self
                .units
                .iter()
                .any(|(_, r, s)| *s == service && *r == "global");
        if let Some(region) = region
            && !global
            && !self.regions.contains(region)
        {
            return Err(format!("region {region} was not scanned"));
        }
        let units = self.units.iter().filter(|(a, r, s)| {
            *s == service
                && account.is_none_or(|account| *a == account)
                && (global || region.is_none_or(|region| *r == region))
        });
        if units.count() == 0 {
            return Err(format!(
                "the scan did not get to the service {service} there"
            ));
        }
        let gaps = self.gaps.get(live_kind(kind)).into_iter().flatten();
        for gap in gaps {
            let place = &self.inventory.stack_of(gap).place;
            let here = |own: Option<&str>, asked: Option<&str>| {
                own.is_none() || asked.is_none() || own == asked
            };
            if here(place.account.as_deref(), account) && here(place.region.as_deref(), region) {
                let why = match gap.at("") {
                    Read::Unknown(why, _) => why.to_string(),
                    _ => "the list could not be read".to_owned(),
                };
                return Err(why);
            }
        }
        Ok(())
    }

    /// Account and region of a live resource.
    pub(crate) fn place_of(&self, id: ResourceId) -> PlaceKey {
        let place = &self.inventory.stack_of(self.inventory.resource(id)).place;
        let account = place.account.as_deref().unwrap_or_default().to_owned();
        (account, place.region.as_deref().map(str::to_owned))
    }
}

fn account_of<'a>(inventory: &'a Inventory, resource: &Resource) -> Option<&'a str> {
    inventory.stack_of(resource).place.account.as_deref()
}

impl LiveStack {
    /// True while what it made may change under the reader's eyes.
    pub(crate) fn is_moving(&self) -> bool {
        self.status
            .as_deref()
            .is_some_and(|status| status.ends_with("_IN_PROGRESS"))
    }

    /// True when the last attempt to make, change or roll it back did not succeed.
    pub(crate) fn has_failed(&self) -> bool {
        let status = self.status.as_deref().unwrap_or_default();
        status.ends_with("_FAILED") || status.ends_with("ROLLBACK_COMPLETE")
    }
}
