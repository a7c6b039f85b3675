//! Everything one run knows, and how its parts refer to each other.

use crate::nouns::{Channel, Store, derive_channels, derive_stores};
use crate::trail;
use crate::{
    Kind, Loc, Part, Place, Read, Reference, Resource, ResourceId, Source, SourceId, Stack,
    StackId, Text, Value, Variant, Why,
};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The resources of all stacks given, and the nouns derived from them.
pub struct Inventory {
    sources: Vec<Source>,
    stacks: Vec<Stack>,
    resources: Vec<Resource>,
    by_kind: HashMap<Arc<str>, Vec<ResourceId>>,
    referrers: OnceLock<HashMap<ResourceId, Vec<ResourceId>>>,
    stores: OnceLock<Vec<Store>>,
    channels: OnceLock<Vec<Channel>>,
    names: RwLock<HashMap<(&'static str, &'static str), Arc<Names>>>,
    choices: Choices,
    origin: Origin,
    asked: Option<HashSet<(String, String, String)>>,
    gaps: OnceLock<Vec<ResourceId>>,
    only: Option<Origin>,
}

/// What the facts tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// What will be deployed: templates.
    #[default]
    Templates,
    /// What runs: AWS accounts.
    Live,
    /// What answers: endpoints, seen from outside.
    Network,
    /// What happened: CloudTrail's logs.
    Logs,
}

/// The type of an endpoint that was looked at over the network. CloudFormation has none for it.
pub const ENDPOINT: &str = "Lockfast::Network::Endpoint";

/// What each name in a [`crate::Guard`] may be chosen to be.
pub type Choices = HashMap<Arc<str>, Vec<Arc<str>>>;

/// The resources of a type by one of their names.
type Names = HashMap<String, Vec<ResourceId>>;

/// A resource under one of its variants: what a control judges.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// One of its variants.
    pub variant: &'a Variant,
}

impl<'a> Subject<'a> {
    /// Properties at a dotted path.
    pub fn at(&self, path: &str) -> Read<&'a Value> {
        self.variant.properties.at(path)
    }

    /// Properties at a dotted path in which `*` stands for every item.
    pub fn each(&self, path: &str) -> Vec<Read<&'a Value>> {
        self.variant.properties.each(path)
    }

    /// The resource's id.
    pub fn id(&self) -> ResourceId {
        self.resource.id
    }

    /// The CloudFormation type name.
    pub fn kind(&self) -> &'a str {
        &self.resource.kind
    }
}

impl Inventory {
    /// Builds the index over what a source read. `resources[i].id` must be `i`, and likewise stacks.
    pub fn new(sources: Vec<Source>, stacks: Vec<Stack>, resources: Vec<Resource>) -> Self {
        let mut by_kind: HashMap<Arc<str>, Vec<ResourceId>> = HashMap::new();
        for resource in &resources {
            by_kind
                .entry(resource.kind.clone())
                .or_default()
                .push(resource.id);
        }
        Inventory {
            sources,
            stacks,
            resources,
            by_kind,
            referrers: OnceLock::new(),
            stores: OnceLock::new(),
            channels: OnceLock::new(),
            names: RwLock::default(),
            choices: Choices::default(),
            origin: Origin::default(),
            asked: None,
            gaps: OnceLock::new(),
            only: None,
        }
    }

    /// Adds what another source read beside it. The ids of it go on where those that are here end.
    #[must_use]
    pub fn beside(
        mut self,
        sources: Vec<Source>,
        stacks: Vec<Stack>,
        resources: Vec<Resource>,
    ) -> Self {
        self.sources.extend(sources);
        self.stacks.extend(stacks);
        self.resources.extend(resources);
        Inventory {
            choices: self.choices,
            origin: self.origin,
            asked: self.asked,
            only: self.only,
            ..Inventory::new(self.sources, self.stacks, self.resources)
        }
    }

    /// Says what the facts tell of; templates, unless said.
    #[must_use]
    pub fn of(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// What the facts tell of; where endpoints or logs were added to templates or accounts, those.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Says that only the endpoints are judged: what else is here explains them.
    #[must_use]
    pub fn only_endpoints(mut self) -> Self {
        self.only = Some(Origin::Network);
        self
    }

    /// Says that only what logs tell is judged: what else is here explains it.
    #[must_use]
    pub fn only_logs(mut self) -> Self {
        self.only = Some(Origin::Logs);
        self
    }

    /// What is to be judged: templates or accounts, endpoints, logs, or several of these.
    pub fn origins(&self) -> impl Iterator<Item = Origin> {
        let is_among = |origin: Origin| match origin {
            Origin::Templates | Origin::Live => self.origin == origin,
            Origin::Network => self.origin == origin || self.by_kind.contains_key(ENDPOINT),
            Origin::Logs => {
                self.origin == origin
                    || trail::KINDS
                        .iter()
                        .any(|kind| self.by_kind.contains_key(*kind))
            }
        };
        let all = [
            Origin::Templates,
            Origin::Live,
            Origin::Network,
            Origin::Logs,
        ];
        all.into_iter().filter(move |origin| match self.only {
            Some(only) => only == *origin,
            None => is_among(*origin),
        })
    }

    /// How many stacks, or accounts and regions, there are: endpoints lie in none, and logs are no deployment.
    pub fn deployments(&self) -> usize {
        let is_observed = |kind: &str| kind == ENDPOINT || trail::is_told_by_logs(kind);
        let mut observed: HashSet<StackId> = HashSet::new();
        for kind in trail::KINDS.into_iter().chain([ENDPOINT]) {
            observed.extend(self.of_kind(kind).map(|resource| resource.stack));
        }
        if !observed.is_empty() {
            for resource in self
                .resources
                .iter()
                .filter(|resource| !is_observed(&resource.kind))
            {
                observed.remove(&resource.stack);
            }
        }
        self.stacks.len() - observed.len()
    }

    /// Says which services were asked for what they have: account, region (`global` for a service that has
    /// none) and IAM prefix.
    #[must_use]
    pub fn asked(mut self, units: impl IntoIterator<Item = (String, String, String)>) -> Self {
        self.asked = Some(units.into_iter().collect());
        self
    }

    /// Whether a service was asked for what it has in an account and region, so that what is not among the
    /// facts is not there. Templates are asked for nothing: they say all they say.
    pub fn was_asked(&self, service: &str, place: &Place) -> bool {
        let Some(asked) = &self.asked else {
            return true;
        };
        let account = place.account.as_deref().unwrap_or_default();
        let regions = [place.region.as_deref().unwrap_or("global"), "global"];
        regions.iter().any(|region| {
            asked.contains(&(account.to_owned(), (*region).to_owned(), service.to_owned()))
        })
    }

    /// The resources that stand for a list that could not be read, found once: they are few among many.
    pub fn gaps(&self) -> impl Iterator<Item = &Resource> {
        let gaps = self.gaps.get_or_init(|| {
            let unlisted = self
                .resources
                .iter()
                .filter(|resource| self.origin == Origin::Live && &*resource.name == "*");
            unlisted.map(|resource| resource.id).collect()
        });
        gaps.iter().map(|id| self.resource(*id))
    }

    /// Adds what each name in guards may be chosen to be: all of its values, and one that starts
    /// with `≠` for every other when there are others.
    #[must_use]
    pub fn with_choices(mut self, choices: Choices) -> Self {
        self.choices = choices;
        self
    }

    /// All that a name in guards may be chosen to be; empty when the source does not say.
    pub fn choices(&self, name: &str) -> &[Arc<str>] {
        self.choices.get(name).map_or(&[], Vec::as_slice)
    }

    /// All resources, in the order read.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// All stacks, in the order read.
    pub fn stacks(&self) -> &[Stack] {
        &self.stacks
    }

    /// All sources, in the order read.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A resource by its id.
    pub fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[id.0 as usize]
    }

    /// A stack by its id.
    pub fn stack(&self, id: StackId) -> &Stack {
        &self.stacks[id.0 as usize]
    }

    /// The stack a resource belongs to.
    pub fn stack_of(&self, resource: &Resource) -> &Stack {
        self.stack(resource.stack)
    }

    /// A source by its id.
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// `file:line:column` of a place, or the call.
    pub fn place(&self, loc: Loc) -> String {
        if !self.source(loc.source).has_lines() {
            return self.source(loc.source).name().to_owned();
        }
        format!(
            "{}:{}:{}",
            self.source(loc.source).name(),
            loc.start.line,
            loc.start.column
        )
    }

    /// The distinct resource types, unordered.
    pub fn kinds(&self) -> impl Iterator<Item = (&Arc<str>, &[ResourceId])> {
        self.by_kind.iter().map(|(k, v)| (k, v.as_slice()))
    }

    /// Resources of a CloudFormation type, in the order read.
    pub fn of_kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Resource> + use<'a> {
        self.by_kind
            .get(kind)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(|id| self.resource(*id))
    }

    /// Every resource of these types, once for each of its variants, in the order read.
    pub fn subjects<'a>(&'a self, kinds: &[&str]) -> Vec<Subject<'a>> {
        let mut ids: Vec<ResourceId> = kinds
            .iter()
            .flat_map(|kind| self.by_kind.get(*kind).into_iter().flatten().copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .flat_map(|id| self.variants_of(id))
            .collect()
    }

    /// A resource once for each of its variants.
    pub fn variants_of(&self, id: ResourceId) -> impl Iterator<Item = Subject<'_>> {
        let resource = self.resource(id);
        resource
            .variants
            .iter()
            .map(move |variant| Subject { resource, variant })
    }

    /// The data stores, derived once from the resources.
    pub fn stores(&self) -> &[Store] {
        self.stores.get_or_init(|| derive_stores(self))
    }

    /// Where connections are accepted or made, derived once from the resources.
    pub fn channels(&self) -> &[Channel] {
        self.channels.get_or_init(|| derive_channels(self))
    }

    /// A name as it is written in a stack, so that two that are written alike are the same though a
    /// parameter in them has no value yet. A known name is itself. `None` when what is not known of it
    /// may differ from one place to the next.
    pub fn written_name(&self, stack: StackId, text: &Text) -> Option<String> {
        if let Text::Plain(name) = text {
            return Some(name.to_string());
        }
        let around = std::iter::successors(Some(stack), |id| self.stack(*id).parent);
        let root = around.take(self.stacks.len()).last().unwrap_or(stack).0;
        let mut written = String::new();
        for part in text.parts() {
            // No name of AWS has a control character in it.
            match part {
                Part::Literal(literal) => written.push_str(&literal),
                Part::Reference(Reference { target, attribute }) => {
                    let attribute = attribute.as_deref().unwrap_or_default();
                    written.push_str(&format!("\u{1}{}.{attribute}\u{1}", target.0));
                }
                Part::Dynamic(dynamic) => {
                    let (service, name) = (&dynamic.service, &dynamic.name);
                    written.push_str(&format!("\u{1}{service}:{name}\u{1}"));
                }
                Part::Unknown(why) => match &*why {
                    Why::Parameter(name) => written.push_str(&format!("\u{1}{root}:{name}\u{1}")),
                    Why::Runtime(what) => {
                        written.push_str(&format!("\u{1}{}:{what}\u{1}", stack.0));
                    }
                    _ => return None,
                },
            }
        }
        Some(written)
    }

    /// The resources of a type whose property is this name, as [`Inventory::written_name`] gives it, in
    /// the order read. Identifiers (`DBInstanceIdentifier`) are the same in any case, as AWS keeps them
    /// in lower case.
    pub fn named(
        &self,
        kind: &'static str,
        property: &'static str,
        name: &str,
    ) -> impl Iterator<Item = &Resource> {
        let same = |name: &str| match property.ends_with("Identifier") {
            true => name.to_ascii_lowercase(),
            false => name.to_owned(),
        };
        let index = (kind, property);
        let ready = self
            .names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&index)
            .cloned();
        let names = ready.unwrap_or_else(|| {
            let mut names = Names::new();
            for subject in self.subjects(&[kind]) {
                if let Read::Found(name, _) = subject.at(property).text()
                    && let Some(name) = self.written_name(subject.resource.stack, &name)
                {
                    let ids = names.entry(same(&name)).or_default();
                    if ids.last() != Some(&subject.id()) {
                        ids.push(subject.id());
                    }
                }
            }
            let names = Arc::new(names);
            self.names
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(index, names.clone());
            names
        });
        let ids = names.get(&same(name)).cloned().unwrap_or_default();
        ids.into_iter().map(|id| self.resource(id))
    }

    /// The stores that a resource is or holds.
    pub fn stores_of(&self, id: ResourceId) -> impl Iterator<Item = &Store> {
        let stores = self.stores();
        let start = stores.partition_point(|s| s.resource < id);
        stores[start..].iter().take_while(move |s| s.resource == id)
    }

    /// The resource that a value refers to as a whole (`Ref`, `Fn::GetAtt`, or a string that
    /// holds exactly one reference, such as an ARN built around it).
    pub fn target<'a>(&'a self, value: &Value) -> Option<(&'a Resource, Option<Arc<str>>)> {
        let Kind::Text(text) = &value.kind else {
            return None;
        };
        let mut references = text.references();
        let Reference { target, attribute } = references.next()?;
        if references.next().is_some() {
            return None;
        }
        Some((self.resource(*target), attribute.clone()))
    }

    /// Every resource whose properties refer to this one, in the order read.
    pub fn referrers(&self, id: ResourceId) -> impl Iterator<Item = &Resource> {
        self.referrers
            .get_or_init(|| {
                let mut map: HashMap<ResourceId, Vec<ResourceId>> = HashMap::new();
                for resource in &self.resources {
                    let mut targets = Vec::new();
                    for variant in &resource.variants {
                        variant.properties.walk(&mut |_, value| {
                            if let Kind::Text(text) = &value.kind {
                                targets.extend(text.references().map(|r| r.target));
                            }
                        });
                    }
                    targets.sort_unstable();
                    targets.dedup();
                    for target in targets {
                        map.entry(target).or_default().push(resource.id);
                    }
                }
                map
            })
            .get(&id)
            .into_iter()
            .flatten()
            .map(|id| self.resource(*id))
    }

    /// Whether two resources lie in one account and region, where a name means the same thing;
    /// `None` when the input does not say.
    pub fn same_place(&self, a: &Resource, b: &Resource) -> Option<bool> {
        if a.stack == b.stack {
            return Some(true);
        }
        let (a, b) = (&self.stack_of(a).place, &self.stack_of(b).place);
        let same = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| Some(a.as_ref()? == b.as_ref()?);
        match (same(&a.account, &b.account), same(&a.region, &b.region)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}
