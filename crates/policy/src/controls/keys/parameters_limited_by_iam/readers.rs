//! Who may read which parameters.

use crate::live::unlisted_identities as unlisted;
use lockfast_access::identities::{Held, Home, arn, attachments, holders, written};
use lockfast_access::world::Bounds;
use crate::prelude::*;
use lockfast_access::{
    Account, Effect, Entry, Policy, Principal, Request, Resource as Target, Selection, Three,
};
use lockfast_facts::{Part, Place, Text};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The actions that give a parameter's value (Service Authorization Reference, "Actions, resources, and
/// condition keys for AWS Systems Manager").
const ACTIONS: [&str; 4] = [
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:GetParameterHistory",
];

/// A parameter that no application has: who may read it may read any.
const ANY: &str = "parameter/lockfast/of-nobody";

/// A policy that lets somebody read parameters.
struct Reader<'a> {
    subject: Subject<'a>,
    label: String,
    policy: Policy,
    holders: Vec<Option<ResourceId>>,
}

/// Every policy that does, found by what it names, so that a parameter is put to those only that may
/// name it.
#[derive(Default)]
pub(super) struct Readers<'a> {
    all: Vec<Reader<'a>>,
    /// Those of every parameter.
    wide: HashMap<Home, Vec<usize>>,
    /// By the known start of the names.
    by_name: BTreeMap<(Home, String), Vec<usize>>,
    by_reference: HashMap<ResourceId, Vec<usize>>,
}

impl<'a> Readers<'a> {
    /// Judges what a holder of policies may read, and remembers it.
    pub(super) fn holder(&mut self, cx: &Cx<'a>, subject: Subject<'a>) -> Option<Judgement> {
        let mut worst: Option<Judgement> = None;
        let place = &cx.inventory.stack_of(subject.resource).place;
        let holders = holders(cx.inventory, subject.resource);
        if holders.is_empty() {
            return None;
        }
        let limits = Limits { bounds: cx.bounds(), holders: &holders };
        for held in written(cx.inventory, subject) {
            if !held.mentions("ssm:") {
                continue;
            }
            let policy = held.policy();
            if may(&policy, &Target::any(), place, &[], None).is_no() {
                continue;
            }
            let every = of_every(&policy, cx.reach(subject.resource), &limits);
            Judgement::keep_worst(&mut worst, judge_held(subject, &held, every));
            self.remember(cx, subject, policy, &holders, every);
        }
        worst
    }

    fn remember(&mut self, cx: &Cx<'a>, subject: Subject<'a>, policy: Policy, holders: &[Option<ResourceId>], every: Three) {
        let index = self.all.len();
        let home = Home::of(cx.inventory, subject.resource);
        if every.is_yes() {
            self.wide.entry(home).or_default().push(index);
        } else {
            let mut names: BTreeSet<String> = BTreeSet::new();
            for text in resources(&policy) {
                match text.map_or(Named::Start(String::new()), named) {
                    Named::Reference(id) => self.by_reference.entry(id).or_default().push(index),
                    Named::Start(start) => {
                        names.insert(start);
                    }
                }
            }
            for name in names {
                self.by_name.entry((home.clone(), name)).or_default().push(index);
            }
        }
        let to = attachments(cx.inventory, subject.resource).flatten().next();
        self.all.push(Reader {
            subject,
            label: cx.label(to.unwrap_or(subject.resource)),
            policy,
            holders: holders.to_vec(),
        });
    }

    /// Judges who may read a parameter.
    pub(super) fn judge(&self, cx: &Cx<'a>, parameter: Subject<'a>) -> Judgement {
        let place = &cx.inventory.stack_of(parameter.resource).place;
        let home = Home::of(cx.inventory, parameter.resource);
        let name = match parameter.at("Name").text() {
            Read::Found(name, _) => name.into_owned(),
            _ => Text::from_parts([Part::Unknown(Arc::new(Why::Runtime("the parameter's name".into())))]),
        };
        let parts = name.parts().into_iter().enumerate().map(|(i, part)| match part {
            Part::Literal(s) if i == 0 => Part::Literal(s.trim_start_matches('/').into()),
            other => other,
        });
        let known = arn("ssm", place, "parameter/");
        let target = Target::id(parameter.id()).also(Text::from_parts(known.parts().into_iter().chain(parts)));
        let reads = |index: &&usize| {
            let reader = &self.all[**index];
            match reader.subject.variant.when.compatible(&parameter.variant.when) {
                true => {
                    let limits = Limits { bounds: cx.bounds(), holders: &reader.holders };
                    may(&reader.policy, &target, place, &[], Some(&limits))
                }
                false => Three::No,
            }
        };
        let wide = self.wide.get(&home).map(Vec::as_slice).unwrap_or_default();
        if let Some(index) = wide.iter().find(|index| reads(index).is_yes()) {
            let reader = &self.all[*index];
            let message = format!("{} may read it, as it may every parameter of the account", reader.label);
            return Judgement::fail(parameter, message)
                .when(&reader.subject.variant.when)
                .stated("may read", reader.label.clone(), reader.policy.loc);
        }
        let mut certain: BTreeMap<&str, &Reader<'_>> = BTreeMap::new();
        let mut open: BTreeMap<&str, &Reader<'_>> = BTreeMap::new();
        for index in self.candidates(&home, parameter.id(), &name) {
            let reader = &self.all[index];
            match reads(&&index) {
                Three::Yes => certain.insert(&reader.label, reader),
                Three::Maybe => open.insert(&reader.label, reader),
                Three::No => None,
            };
        }
        let unlisted = unlisted(cx, parameter.resource).filter(|_| open.is_empty());
        if let Some(why) = unlisted {
            return Judgement::cannot_tell(parameter, "who may read it", &why);
        }
        let judgement = match (open.keys().next(), certain.keys().next()) {
            (Some(who), _) => Judgement::unknown(
                parameter,
                format!("cannot tell whether {who} may read it: that hangs on values known only at deployment"),
            ),
            (None, None) => Judgement::pass(parameter, "no identity of the input may read it"),
            (None, Some(who)) => match certain.len() - 1 {
                0 => Judgement::pass(parameter, format!("only {who} may read it")),
                more => Judgement::pass(parameter, format!("only {who} and {more} more may read it")),
            },
        };
        let shown = open.iter().chain(&certain).take(5);
        shown.fold(judgement, |judgement, (who, reader)| judgement.stated("may read", *who, reader.policy.loc))
    }

    /// The policies that may name a parameter, in the order read.
    fn candidates(&self, home: &Home, id: ResourceId, name: &Text) -> BTreeSet<usize> {
        let known = name.known_prefix().trim_start_matches('/');
        let starts = (0..=known.len()).filter_map(|end| known.get(..end));
        let shorter = starts.filter_map(|start| self.by_name.get(&(home.clone(), start.to_owned())));
        // Of a name that is not known to its end, what follows may be any of these.
        let from = (home.clone(), known.to_owned());
        let longer = self
            .by_name
            .range(from..)
            .take_while(|((of, start), _)| name.plain().is_none() && of == home && start.starts_with(known))
            .map(|(_, readers)| readers);
        let referring = self.by_reference.get(&id);
        shorter.chain(longer).chain(referring).flatten().copied().collect()
    }
}

fn judge_held(subject: Subject<'_>, held: &Held<'_>, every: Three) -> Judgement {
    let judgement = match (every, &held.name) {
        (Three::Yes, None) => Judgement::fail(subject, "it may read every parameter of the account"),
        (Three::Yes, Some(name)) => {
            Judgement::fail(subject, format!("it may read every parameter of the account by the policy {name}"))
        }
        (Three::Maybe, _) => Judgement::unknown(
            subject,
            "cannot tell which parameters it may read: parts of the policy are known only at deployment",
        ),
        (Three::No, _) => Judgement::pass(subject, "it may read the parameters named only"),
    };
    judgement.at(held.loc)
}

/// What may take back what a policy gives.
struct Limits<'l, 'a> {
    bounds: &'l Bounds<'a>,
    holders: &'l [Option<ResourceId>],
}

/// Whether a policy lets its holder read what is asked for, over TLS and without these context keys, as far as limits leave it.
fn may(policy: &Policy, target: &Target, place: &Place, without: &[&str], limits: Option<&Limits<'_, '_>>) -> Three {
    let account = Account::of(place.account.as_ref());
    Three::any(ACTIONS.iter().map(|action| {
        let mut request =
            Request::new(Principal::member(account.clone()), *action, target.clone())
                .in_account(account.clone())
                .with("aws:SecureTransport", "true");
        for key in without {
            request = request.without(key);
        }
        if let Some(region) = &place.region {
            request = request.with("aws:RequestedRegion", region.clone());
        }
        let outcome = policy.evaluate(&request);
        let allowed = outcome.allowed.and(!outcome.denied);
        match limits {
            Some(limits) if !allowed.is_no() => allowed.and(limits.bounds.leave(limits.holders, &request)),
            _ => allowed,
        }
    }))
}

/// Whether a policy lets its holder read every parameter of a region: one of these places, or one that it names.
fn of_every(policy: &Policy, mut places: Vec<Place>, limits: &Limits<'_, '_>) -> Three {
    let own = places.first().cloned().unwrap_or_default();
    for text in resources(policy).flatten() {
        let shown = text.render(|_| "*".to_owned());
        if let [_, _, "ssm", region, account, _] = shown.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            let literal = |s: &str| (!s.contains(['*', '?'])).then(|| Arc::from(s));
            let place = Place {
                region: literal(region).or_else(|| own.region.clone()),
                account: literal(account).or_else(|| own.account.clone()),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    let mut policy = policy.clone();
    let mut tags: BTreeSet<Arc<str>> = BTreeSet::new();
    for statement in &mut policy.statements {
        if let Selection::These(entries) | Selection::AllBut(entries) = &mut statement.resources {
            for entry in entries {
                if let Entry::Pattern(text) = entry {
                    *text = with_names(text);
                }
            }
        }
        let of_tags = statement.conditions.iter().map(|condition| &condition.key);
        tags.extend(of_tags.filter(|key| key.to_ascii_lowercase().contains(":resourcetag/")).cloned());
    }
    let tags: Vec<&str> = tags.iter().map(|tag| &**tag).collect();
    Three::any(
        places
            .iter()
            .map(|place| may(&policy, &Target::text(arn("ssm", place, ANY)), place, &tags, Some(limits))),
    )
}

/// What a policy may allow something on; `None` for what it does not name.
fn resources(policy: &Policy) -> impl Iterator<Item = Option<&Text>> {
    let allowing = policy
        .statements
        .iter()
        .filter(|s| s.effect != Effect::Deny);
    allowing.flat_map(|statement| {
        let entries = match &statement.resources {
            Selection::These(entries) => entries.as_slice(),
            _ => &[],
        };
        let open = entries.is_empty().then_some(None);
        let named = entries.iter().map(|entry| match entry {
            Entry::Pattern(text) => Some(text),
            Entry::Unknown(_) => None,
        });
        named.chain(open)
    })
}

/// The same ARN with a name for what is not known of it: that is one parameter, or one application's.
fn with_names(text: &Text) -> Text {
    let mut in_name = false;
    Text::from_parts(text.parts().into_iter().map(|part| {
        in_name |= matches!(&part, Part::Literal(s) if s.contains(":parameter"));
        match part {
            Part::Literal(_) => part,
            Part::Unknown(_) | Part::Dynamic(_) if !in_name => part,
            _ => Part::Literal("x".into()),
        }
    }))
}

/// What an ARN names.
enum Named {
    /// A parameter of the input.
    Reference(ResourceId),
    /// Those whose name, without a slash in front, starts so.
    Start(String),
}

fn named(text: &Text) -> Named {
    let mut start = String::new();
    for part in text.parts() {
        match part {
            Part::Literal(s) => start.push_str(&s),
            Part::Reference(to) if start.ends_with(":parameter") || start.ends_with(":parameter/") => {
                return Named::Reference(to.target);
            }
            _ => start.push('*'),
        }
    }
    let name = start.split_once(":parameter").map_or("", |(_, name)| name);
    let end = name.find(['*', '?', '$']).unwrap_or(name.len());
    Named::Start(name[..end].trim_start_matches('/').to_owned())
}
