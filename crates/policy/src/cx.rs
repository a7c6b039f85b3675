//! What a control is given: the facts, the policy file, and what the file says of each resource.

use crate::config::{Classification, Config, EnvironmentKind};
use crate::connection::Zones;
use crate::monitors::Monitors;
use crate::per_resource::PerResource;
use globset::{Glob, GlobSet, GlobSetBuilder};
use jiff::civil::Date;
use lockfast_access::world::Bounds;
use lockfast_facts::nouns::{Protection, Store, Unread, Variable, variables};
use lockfast_facts::trail::is_told_by_logs;
use lockfast_facts::{
    ENDPOINT, Guard, Inventory, Known, Loc, Origin, Place, Pos, Read, Resource, ResourceId,
    SourceId, Stack, Subject, Value, Why,
};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// The context of a judgement.
pub struct Cx<'a> {
    /// The facts.
    pub inventory: &'a Inventory,
    /// The policy file.
    pub config: &'a Config,
    today: Option<Date>,
    environments: PerResource<EnvironmentName>,
    classifications: PerResource<Classification>,
    environment_variables: OnceLock<EnvironmentVariables<'a>>,
    monitors: OnceLock<Monitors<'a>>,
    access_logs: OnceLock<HashSet<ResourceId>>,
    bounds: OnceLock<Bounds<'a>>,
    zones: OnceLock<Zones>,
}

/// An environment: its kind and the name people use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnvironmentName {
    /// The kind.
    pub kind: EnvironmentKind,
    /// `customer/system/environment` of the policy file, or the word found in the stack's name.
    pub name: Arc<str>,
    /// Which system it is an environment of, if the policy file says.
    pub system: Option<Arc<str>>,
}

/// The environment variables of everything that runs code.
struct EnvironmentVariables<'a> {
    plain: Vec<Variable<'a>>,
    secrets: Vec<Variable<'a>>,
    unread: Vec<Unread<'a>>,
}

impl<'a> Cx<'a> {
    /// Works out environment and classification of everything in the inventory. `today` (`YYYY-MM-DD`) is the
    /// day on which ages are judged.
    pub fn new(inventory: &'a Inventory, config: &'a Config, today: &str) -> Self {
        let rules = EnvironmentRules::new(config);
        let mut by_stack: Vec<_> = inventory
            .stacks()
            .iter()
            .map(|stack| rules.of_stack(stack))
            .collect();
        for (index, stack) in inventory.stacks().iter().enumerate() {
            let around = std::iter::successors(stack.parent, |id| inventory.stack(*id).parent);
            let known = around
                .take(inventory.stacks().len())
                .find(|id| by_stack[id.0 as usize].value().is_some());
            if let (None, Some(known)) = (by_stack[index].value(), known) {
                by_stack[index] = by_stack[known.0 as usize].clone();
            }
        }
        let environments = inventory
            .resources()
            .iter()
            .map(|resource| match &by_stack[resource.stack.0 as usize] {
                Known::Unknown(..) => rules.of_resource(resource),
                known => known.clone(),
            })
            .collect();
        let classifier = Classifier::new(config);
        let classifications = inventory
            .resources()
            .iter()
            .map(|resource| classifier.classify(inventory, resource))
            .collect();
        Cx {
            inventory,
            config,
            today: day(today),
            environments,
            classifications,
            environment_variables: OnceLock::new(),
            monitors: OnceLock::new(),
            access_logs: OnceLock::new(),
            bounds: OnceLock::new(),
            zones: OnceLock::new(),
        }
    }

    /// How many days ago a moment was, as AWS writes it (RFC 3339); negative for one that is still to come.
    pub(crate) fn days_since(&self, moment: Read<&Value>) -> Read<i64> {
        moment.string().then(
            |text, loc| match day(&text).and_then(|day| self.days_from(day)) {
                Some(days) => Read::Found(days, loc),
                None => Read::Unknown(
                    Arc::new(Why::Unsupported(format!("`{text}` is no moment"))),
                    loc,
                ),
            },
        )
    }

    /// How many days ago a day of the policy file was.
    pub(crate) fn days_since_day(&self, day: &toml::value::Datetime) -> Option<i64> {
        self.days_from(self::day(&day.to_string())?)
    }

    fn days_from(&self, day: Date) -> Option<i64> {
        Some(i64::from(day.until(self.today?).ok()?.get_days()))
    }

    /// The kind of environment a resource belongs to.
    pub fn environment(&self, id: ResourceId) -> Known<EnvironmentKind> {
        self.environments.of(id).as_ref().map(|e| e.kind)
    }

    /// The environment a resource belongs to, by name.
    pub fn environment_name(&self, id: ResourceId) -> &Known<EnvironmentName> {
        self.environments.of(id)
    }

    /// The environments a resource may belong to under these conditions, and when it belongs to each: the
    /// one that the context knows or, where it knows none, those that an environment parameter of its
    /// stack chooses (`Env=dev`). None when the variant is not made in its environment.
    pub fn environments(
        &self,
        subject: Subject<'_>,
        when: &Guard,
    ) -> Vec<(Known<EnvironmentName>, Guard)> {
        let known = self.environment_name(subject.id());
        let chosen = when.choices().iter().find_map(|(parameter, value)| {
            chooses_environment(bare(parameter)).then(|| named(value))?
        });
        let always = Guard::default;
        if let Some(environment) = known.value() {
            return match chosen {
                Some(chosen) if chosen.kind != environment.kind => Vec::new(),
                _ => vec![(known.clone(), always())],
            };
        }
        if let Some(chosen) = chosen {
            return vec![(Known::Stated(chosen, subject.resource.loc), always())];
        }
        let stack = self.inventory.stack_of(subject.resource);
        let parameter = stack.parameters.iter().find(|parameter| {
            chooses_environment(&parameter.name)
                && parameter.values.iter().any(|value| named(value).is_some())
        });
        let Some(parameter) = parameter else {
            return vec![(known.clone(), always())];
        };
        parameter
            .values
            .iter()
            .map(|value| {
                let environment = named(value).map_or_else(
                    || known.clone(),
                    |chosen| Known::Stated(chosen, subject.resource.loc),
                );
                let guard = Guard::new([(parameter.shown.clone(), value.clone())]);
                (environment, guard)
            })
            .filter(|(_, guard)| guard.compatible(when))
            .collect()
    }

    /// A resource's classification; unknown when nothing classifies it.
    pub fn classification(&self, id: ResourceId) -> &Known<Classification> {
        self.classifications.of(id)
    }

    /// Boundaries and the organisation's policies.
    pub(crate) fn bounds(&self) -> &Bounds<'a> {
        self.bounds.get_or_init(|| Bounds::of(self.inventory))
    }

    /// Where what an identity is let do may lie: its own place or, of one that belongs to no region, each region of its account
    /// that the facts speak of.
    pub(crate) fn reach(&self, identity: &Resource) -> Vec<Place> {
        let own = &self.inventory.stack_of(identity).place;
        if own.region.is_some() || self.inventory.origin() != Origin::Live {
            return vec![own.clone()];
        }
        let places = self.inventory.stacks().iter().map(|stack| &stack.place);
        let here = places.filter(|place| place.account == own.account && place.region.is_some());
        let mut regions: Vec<Place> = here.cloned().collect();
        regions.sort_by(|a, b| a.region.cmp(&b.region));
        regions.dedup();
        match regions.is_empty() {
            true => vec![own.clone()],
            false => regions,
        }
    }

    /// True for a store that has SSE-S3 since AWS delivers access logs to no other bucket.
    pub(crate) fn holds_access_logs(&self, store: &Store) -> bool {
        store.protection.value() == Some(&Protection::SseS3)
            && self
                .access_logs
                .get_or_init(|| crate::access_logs::destinations(self))
                .contains(&store.resource)
    }

    /// The stores of a kind of the storage table (`database`, `bucket`, …).
    pub fn stores(&self, noun: &str) -> impl Iterator<Item = &'a Store> {
        self.inventory
            .stores()
            .iter()
            .filter(move |store| store.spec.noun == noun)
    }

    /// Every environment variable, resource by resource, read once.
    pub fn variables(&self) -> &[Variable<'a>] {
        &self.environment_variables().plain
    }

    /// Every environment variable that a secret or parameter is passed in.
    pub fn secrets_passed(&self) -> &[Variable<'a>] {
        &self.environment_variables().secrets
    }

    /// The environments whose variables cannot be read: a control that passes what has no variable of some
    /// kind cannot tell here.
    pub fn unread_variables(&self) -> &[Unread<'a>] {
        &self.environment_variables().unread
    }

    fn environment_variables(&self) -> &EnvironmentVariables<'a> {
        self.environment_variables.get_or_init(|| {
            let found = variables(self.inventory);
            let (secrets, plain) = found.read.into_iter().partition(|v| v.from_secret);
            EnvironmentVariables {
                plain,
                secrets,
                unread: found.unread,
            }
        })
    }

    /// The names that only private networks resolve, found once.
    pub(crate) fn zones(&self) -> &Zones {
        self.zones.get_or_init(|| Zones::of(self.inventory))
    }

    /// What watches events, found once.
    pub(crate) fn monitors(&self) -> &Monitors<'a> {
        self.monitors.get_or_init(|| Monitors::of(self))
    }

    /// Every resource of these types, once per variant.
    pub fn subjects(&self, kinds: &[&str]) -> Vec<Subject<'a>> {
        self.inventory.subjects(kinds)
    }

    /// A resource's name for people: its construct path, `stack/logical id`, or an endpoint's `host:port`.
    pub fn label(&self, resource: &Resource) -> String {
        label(self.inventory, resource)
    }
}

/// The day of a moment.
fn day(moment: &str) -> Option<Date> {
    moment.get(..10)?.parse().ok()
}

pub(crate) fn label(inventory: &Inventory, resource: &Resource) -> String {
    match &resource.written().construct_path {
        Some(path) => path.trim_end_matches("/Resource").to_owned(),
        // The name of an endpoint, or of what logs tell, says all of where it is.
        None if &*resource.kind == ENDPOINT || is_told_by_logs(&resource.kind) => {
            resource.name.to_string()
        }
        None => format!("{}/{}", inventory.stack_of(resource).path, resource.name),
    }
}

/// Compiles globs; a bad one matches itself literally.
pub(crate) fn globs<'s>(patterns: impl IntoIterator<Item = &'s str>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        match Glob::new(pattern) {
            Ok(glob) => builder.add(glob),
            Err(_) => match Glob::new(&globset::escape(pattern)) {
                Ok(glob) => builder.add(glob),
                Err(_) => continue,
            },
        };
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// The policy file, in the place of facts that it decides: it is none of the inventory's sources.
pub(crate) const POLICY_FILE: SourceId = SourceId(u32::MAX);

struct EnvironmentRules {
    rows: Vec<EnvironmentRule>,
}

/// An environment of the policy file.
struct EnvironmentRule {
    name: EnvironmentName,
    stacks: GlobSet,
    accounts: Vec<String>,
    /// Where the policy file says so.
    loc: Loc,
}

impl EnvironmentRule {
    fn known(&self) -> Known<EnvironmentName> {
        Known::Stated(self.name.clone(), self.loc)
    }
}

impl EnvironmentRules {
    fn new(config: &Config) -> Self {
        let mut rows = Vec::new();
        for customer in &config.customer {
            for system in &customer.system {
                for environment in &system.environment {
                    let at = Pos {
                        line: environment.line,
                        column: 1,
                    };
                    rows.push(EnvironmentRule {
                        name: EnvironmentName {
                            kind: environment.kind,
                            name: environment.name.as_str().into(),
                            system: Some(format!("{}/{}", customer.name, system.name).into()),
                        },
                        stacks: globs(environment.stacks.iter().map(String::as_str)),
                        accounts: environment.accounts.clone(),
                        loc: Loc {
                            source: POLICY_FILE,
                            start: at,
                            end: at,
                        },
                    });
                }
            }
        }
        EnvironmentRules { rows }
    }

    fn of_stack(&self, stack: &Stack) -> Known<EnvironmentName> {
        let loc = Loc {
            source: stack.source,
            ..Loc::default()
        };
        let names = |rule: &&EnvironmentRule| {
            rule.stacks.is_match(&stack.path) || rule.stacks.is_match(&stack.name)
        };
        if let Some(rule) = self.rows.iter().find(names) {
            return rule.known();
        }
        if let Some(account) = &stack.place.account {
            let mut of_account = self
                .rows
                .iter()
                .filter(|rule| rule.accounts.iter().any(|a| **a == **account));
            if let (Some(rule), None) = (of_account.next(), of_account.next()) {
                return rule.known();
            }
        }
        for (name, value) in &stack.tags {
            if is_environment_tag(name)
                && let Some(found) = kind_in(value)
            {
                return Known::Stated(found, loc);
            }
        }
        let given = stack.parameters.iter().find_map(|parameter| {
            let [value] = &*parameter.values else {
                return None;
            };
            chooses_environment(&parameter.name).then(|| named(value))?
        });
        match given
            .or_else(|| kind_in(&stack.path))
            .or_else(|| kind_in(&stack.name))
        {
            Some(found) => Known::Stated(found, loc),
            None => Known::Unknown(
                Arc::new(Why::NotGiven(format!(
                    "which environment stack {} belongs to",
                    stack.path
                ))),
                loc,
            ),
        }
    }

    fn of_resource(&self, resource: &Resource) -> Known<EnvironmentName> {
        // A live resource says in a tag which stack made it.
        if let Known::Stated(Some(stack), _) = resource.tag("aws:cloudformation:stack-name")
            && let Some(rule) = self.rows.iter().find(|rule| rule.stacks.is_match(&stack))
        {
            return rule.known();
        }
        for name in ["Environment", "Env", "Stage"] {
            if let Known::Stated(Some(value), loc) = resource.tag(name)
                && let Some(found) = kind_in(&value)
            {
                return Known::Stated(found, loc);
            }
        }
        Known::Unknown(
            Arc::new(Why::NotGiven(
                "the environment (name it in lockfast.toml, the stack's name or an Environment tag)"
                    .into(),
            )),
            resource.loc,
        )
    }
}

fn is_environment_tag(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "environment" | "env" | "stage"
    )
}

/// A parameter's own name: several stacks with one of that name show it as `Stack.Env`.
pub(crate) fn bare(parameter: &str) -> &str {
    parameter.rsplit('.').next().unwrap_or(parameter)
}

/// True for the name of a parameter that chooses the environment: `Env`, `EnvironmentName`, `Stage`.
pub(crate) fn chooses_environment(parameter: &str) -> bool {
    words(parameter)
        .iter()
        .any(|word| word.starts_with("env") || word == "stage")
}

/// The environment that a parameter's value stands for, by the value's own spelling.
fn named(value: &Arc<str>) -> Option<EnvironmentName> {
    if value.starts_with('≠') {
        return None;
    }
    let found = kind_in(value)?;
    Some(EnvironmentName {
        name: value.clone(),
        ..found
    })
}

/// The environment a word in a name stands for.
fn kind_in(text: &str) -> Option<EnvironmentName> {
    words(text).into_iter().find_map(|word| {
        Some(EnvironmentName {
            kind: environment_word(&word)?,
            name: word.into(),
            system: None,
        })
    })
}

/// The kind of environment that one lower-case word stands for.
pub(crate) fn environment_word(word: &str) -> Option<EnvironmentKind> {
    match word {
        "prod" | "production" | "prd" | "live" => Some(EnvironmentKind::Production),
        "staging" | "stage" | "stg" | "preprod" | "uat" => Some(EnvironmentKind::Staging),
        "dev" | "development" | "test" | "tst" | "sandbox" | "qa" => {
            Some(EnvironmentKind::Development)
        }
        _ => None,
    }
}

/// The words of a name, in lower case: `prodOrders-db` is `prod`, `orders`, `db`.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        previous_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

struct Classifier<'a> {
    config: &'a Config,
    rules: Vec<Rule<'a>>,
}

/// The patterns of a classification rule.
struct Rule<'a> {
    paths: GlobSet,
    names: GlobSet,
    tags: Vec<(&'a str, GlobSet)>,
}

impl<'a> Classifier<'a> {
    fn new(config: &'a Config) -> Self {
        let rules = config
            .classification
            .rule
            .iter()
            .map(|rule| Rule {
                paths: globs(rule.construct_paths.iter().map(String::as_str)),
                names: globs(rule.names.iter().map(String::as_str)),
                tags: rule
                    .tags
                    .iter()
                    .map(|(name, value)| (name.as_str(), globs([value.as_str()])))
                    .collect(),
            })
            .collect();
        Classifier { config, rules }
    }

    fn classify(&self, inventory: &Inventory, resource: &Resource) -> Known<Classification> {
        let stack = inventory.stack_of(resource);
        let section = &self.config.classification;
        for (rule, patterns) in section.rule.iter().zip(&self.rules) {
            let types_match =
                rule.types.is_empty() || rule.types.iter().any(|t| **t == *resource.kind);
            let paths_match = rule.construct_paths.is_empty()
                || patterns.paths.is_match(label(inventory, resource))
                || resource
                    .written()
                    .construct_path
                    .as_ref()
                    .is_some_and(|path| patterns.paths.is_match(&**path));
            let names_match = rule.names.is_empty()
                || patterns.names.is_match(&*resource.name)
                || physical_name(resource).is_some_and(|name| patterns.names.is_match(name));
            let tags_match = patterns
                .tags
                .iter()
                .all(|(name, wanted)| match resource.tag(name) {
                    Known::Stated(Some(value), _) => wanted.is_match(value),
                    _ => stack
                        .tags
                        .iter()
                        .any(|(n, value)| n.eq_ignore_ascii_case(name) && wanted.is_match(value)),
                });
            if types_match && paths_match && names_match && tags_match {
                return Known::Stated(rule.classification, resource.loc);
            }
        }
        for tag in &section.tags {
            match resource.tag(tag) {
                Known::Stated(Some(value), loc) => {
                    return match Classification::parse(&value) {
                        Some(classification) => Known::Stated(classification, loc),
                        None => Known::Unknown(
                            Arc::new(Why::Unsupported(format!(
                                "tag {tag} is `{value}`, which is none of public, internal, confidential, restricted"
                            ))),
                            loc,
                        ),
                    };
                }
                Known::Unknown(why, loc) => return Known::Unknown(why, loc),
                _ => {}
            }
        }
        for (name, value) in &stack.tags {
            if section
                .tags
                .iter()
                .any(|tag| tag.eq_ignore_ascii_case(name))
                && let Some(classification) = Classification::parse(value)
            {
                return Known::Stated(classification, resource.loc);
            }
        }
        match section.default {
            Some(classification) => Known::Stated(classification, resource.loc),
            None => Known::Unknown(
                Arc::new(Why::NotGiven(
                    "a classification (a DataClassification tag, or a rule in lockfast.toml)"
                        .into(),
                )),
                resource.loc,
            ),
        }
    }
}

fn physical_name(resource: &Resource) -> Option<String> {
    [
        "BucketName",
        "TableName",
        "LogGroupName",
        "DBInstanceIdentifier",
        "DBClusterIdentifier",
        "QueueName",
        "TopicName",
        "Name",
        "FunctionName",
        "RepositoryName",
    ]
    .iter()
    .find_map(|property| match resource.at(property).string() {
        Read::Found(name, _) => Some(name),
        _ => None,
    })
}
