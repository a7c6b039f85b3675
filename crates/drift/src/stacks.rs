//! Which live stack each template is.

use crate::live::{Live, LiveStack};
use crate::model::StackView;
use crate::tables::live_kind;
use lockfast_facts::{Inventory, ResourceId, Stack, StackId};
use std::collections::HashMap;
use std::path::Path;

/// A template's stack as it was deployed once: the same template may be several stacks.
pub(crate) struct Instance {
    /// The template's stack.
    pub stack: StackId,
    /// The live one.
    pub live: Option<usize>,
    /// Why there is none.
    pub absence: Absence,
    /// Where it is, as far as that is known.
    pub account: Option<String>,
    /// Where it is, as far as that is known.
    pub region: Option<String>,
    /// How it was found.
    pub how: String,
}

/// Why a template has no live stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It has one, or it was never deployed.
    Certain,
    /// It cannot be told which it is.
    Open,
}

/// What a search for a template's live stack came to.
enum Search {
    Found(Vec<(usize, String)>),
    NotThere(String),
    Open(String),
}

/// Finds the live stack, or several, of every template.
pub(crate) fn instances(
    live: &Live<'_>,
    templates: &Inventory,
    given: &[(String, String)],
) -> Vec<Instance> {
    let mut finder = Finder {
        live,
        templates,
        given,
        resources: HashMap::new(),
        found: Vec::new(),
        done: HashMap::new(),
    };
    for resource in templates.resources() {
        let own = finder.resources.entry(resource.stack).or_default();
        own.push(resource.id);
    }
    for index in 0..templates.stacks().len() {
        finder.place(StackId(u32::try_from(index).unwrap_or(u32::MAX)), 0);
    }
    finder.found
}

struct Finder<'a> {
    live: &'a Live<'a>,
    templates: &'a Inventory,
    given: &'a [(String, String)],
    resources: HashMap<StackId, Vec<ResourceId>>,
    found: Vec<Instance>,
    /// By template's stack: its instances.
    done: HashMap<StackId, Vec<usize>>,
}

impl Finder<'_> {
    /// Parents stand before what they nest in no certain order, so each is found when it is needed.
    fn place(&mut self, id: StackId, depth: usize) {
        if self.done.contains_key(&id) || depth > 64 {
            return;
        }
        let stack = self.templates.stack(id);
        let search = match stack.parent {
            Some(parent) => {
                self.place(parent, depth + 1);
                let above = self.done.get(&parent).into_iter().flatten();
                let above = above.map(|at| &self.found[*at]);
                nested(self.live, self.templates.stack(parent), stack, above)
            }
            None => {
                let own = self.resources.get(&id).map_or(&[][..], Vec::as_slice);
                root(self.live, self.templates, self.given, stack, own)
            }
        };
        let without = |absence, how| Instance {
            stack: id,
            live: None,
            absence,
            account: stack.place.account.as_deref().map(str::to_owned),
            region: stack.place.region.as_deref().map(str::to_owned),
            how,
        };
        let instances = match search {
            Search::Found(stacks) => stacks
                .into_iter()
                .map(|(at, how)| {
                    let found = &self.live.stacks[at];
                    Instance {
                        live: Some(at),
                        account: Some(found.account.clone()),
                        region: Some(found.region.clone()).filter(|region| !region.is_empty()),
                        ..without(Absence::Certain, how)
                    }
                })
                .collect(),
            Search::NotThere(how) => vec![without(Absence::Certain, how)],
            Search::Open(how) => vec![without(Absence::Open, how)],
        };
        let first = self.found.len();
        self.done
            .insert(id, (first..first + instances.len()).collect());
        self.found.extend(instances);
    }
}

/// A nested stack is what its parent's resource is.
fn nested<'i>(
    live: &Live<'_>,
    parent: &Stack,
    stack: &Stack,
    above: impl Iterator<Item = &'i Instance>,
) -> Search {
    use crate::live::Physical;
    let logical = stack
        .path
        .strip_prefix(&parent.path)
        .map_or("", |rest| rest.trim_start_matches('/'));
    let mut stacks = Vec::new();
    let mut why = Search::NotThere(format!("the stack of {} does not have it", parent.path));
    for instance in above {
        let Some(at) = instance.live else {
            why = match instance.absence {
                Absence::Certain => Search::NotThere(instance.how.clone()),
                Absence::Open => Search::Open(instance.how.clone()),
            };
            continue;
        };
        let around = &live.stacks[at];
        match around.made.get(logical).map(|made| &made.physical) {
            Some(Physical::Live(id)) => {
                let arn = live.inventory.resource(*id).arn.as_deref();
                let nested = live
                    .stacks
                    .iter()
                    .position(|s| s.arn.is_some() && s.arn.as_deref() == arn);
                stacks.extend(nested.map(|at| (at, format!("nested in stack {}", around.name))));
            }
            Some(Physical::Text(arn)) => {
                let nested = live
                    .stacks
                    .iter()
                    .position(|s| s.arn.as_deref() == Some(arn));
                match nested {
                    Some(at) => stacks.push((at, format!("nested in stack {}", around.name))),
                    None => why = Search::Open(format!("stack {arn} is not in the snapshot")),
                }
            }
            Some(Physical::None) | None => {
                if let Some(open) = &around.open {
                    why = Search::Open(open.clone());
                }
            }
        }
    }
    match stacks.is_empty() {
        true => why,
        false => Search::Found(stacks),
    }
}

/// Whether `--stack NAME=FILE` means a template's file: by its path, or by the end of it.
pub fn is_file(given: &str, file: &str) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    plain(given) == plain(file) || Path::new(file).ends_with(Path::new(given))
}

/// A stack of its own: by the name that is given or that its assembly knows, or by its logical ids.
fn root(
    live: &Live<'_>,
    templates: &Inventory,
    given: &[(String, String)],
    stack: &Stack,
    own: &[ResourceId],
) -> Search {
    let file = templates.source(stack.source).name();
    let names: Vec<&str> = given
        .iter()
        .filter(|(_, f)| is_file(f, file))
        .map(|(name, _)| name.as_str())
        .collect();
    if !names.is_empty() {
        return by_name(live, stack, &names, "--stack");
    }
    if stack.name != file {
        return by_name(live, stack, &[&stack.name], "the assembly");
    }
    by_logical_ids(live, templates, stack, own)
}

fn is_here(stack: &Stack, candidate: &LiveStack) -> bool {
    let fits =
        |own: Option<&str>, there: &str| own.is_none_or(|own| there.is_empty() || own == there);
    fits(stack.place.account.as_deref(), &candidate.account)
        && fits(stack.place.region.as_deref(), &candidate.region)
}

fn candidates<'l>(
    live: &'l Live<'_>,
    stack: &Stack,
) -> impl Iterator<Item = (usize, &'l LiveStack)> {
    live.stacks
        .iter()
        .enumerate()
        .filter(move |(_, candidate)| is_here(stack, candidate))
}

fn by_name(live: &Live<'_>, stack: &Stack, names: &[&str], said_by: &str) -> Search {
    let of_name = |candidate: &LiveStack| {
        names
            .iter()
            .any(|name| *name == candidate.name || Some(*name) == candidate.arn.as_deref())
    };
    let found: Vec<(usize, String)> = candidates(live, stack)
        .filter(|(_, candidate)| of_name(candidate))
        .map(|(at, candidate)| (at, format!("named {} by {said_by}", candidate.name)))
        .collect();
    if !found.is_empty() {
        return Search::Found(found);
    }
    let told = live.would_tell(
        "AWS::CloudFormation::Stack",
        stack.place.account.as_deref(),
        stack.place.region.as_deref(),
    );
    let names = names.join(" or ");
    match told {
        Ok(()) => Search::NotThere(format!("there is no stack {names}")),
        Err(why) => Search::Open(format!(
            "whether there is a stack {names} is not known: {why}"
        )),
    }
}

/// The stack that made at least half of what the template has, under the same logical ids and types.
fn by_logical_ids(
    live: &Live<'_>,
    templates: &Inventory,
    stack: &Stack,
    own: &[ResourceId],
) -> Search {
    let score = |candidate: &LiveStack| {
        let made = |id: &&ResourceId| {
            let resource = templates.resource(**id);
            let made = candidate.made.get(&*resource.name);
            made.is_some_and(|made| live_kind(&made.kind) == live_kind(&resource.kind))
        };
        own.iter().filter(made).count()
    };
    let scored: Vec<(usize, usize)> = candidates(live, stack)
        .map(|(at, s)| (score(s), at))
        .collect();
    let best = scored
        .iter()
        .map(|(score, _)| *score)
        .max()
        .unwrap_or_default();
    let enough = |at: usize| {
        // Tags are on what can be tagged and was scanned: one of them says as much as half of a list.
        live.stacks[at].status.is_none() || best * 2 >= own.len()
    };
    let taken: Vec<usize> = scored
        .iter()
        .filter(|(score, at)| *score == best && best > 0 && enough(*at))
        .map(|(_, at)| *at)
        .collect();
    match taken.as_slice() {
        [only] => {
            let how = format!(
                "{best} of its {} logical ids are in stack {}",
                own.len(),
                live.stacks[*only].name
            );
            Search::Found(vec![(*only, how)])
        }
        [] => {
            let told = live.would_tell(
                "AWS::CloudFormation::Stack",
                stack.place.account.as_deref(),
                stack.place.region.as_deref(),
            );
            let open =
                candidates(live, stack).find(|(_, s)| s.open.is_some() && s.status.is_some());
            match (told, open) {
                (Err(why), _) => Search::Open(format!("which stack it is, is not known: {why}")),
                (_, Some((_, s))) => Search::Open(format!(
                    "it may be stack {}, of which {}",
                    s.name,
                    s.open.as_deref().unwrap_or_default()
                )),
                _ => Search::NotThere("no stack of the snapshot has its logical ids".into()),
            }
        }
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|at| &live.stacks[*at])
                .map(|s| format!("{} ({}/{})", s.name, s.account, s.region))
                .collect();
            let first = &live.stacks[several[0]].name;
            Search::Open(format!(
                "its logical ids are in {}: say which with --stack {first}={}",
                names.join(" and "),
                templates.source(stack.source).name()
            ))
        }
    }
}

impl Instance {
    /// It for people.
    pub(crate) fn view(&self, live: &Live<'_>, templates: &Inventory) -> StackView {
        let stack = templates.stack(self.stack);
        let of = self.live.map(|at| &live.stacks[at]);
        StackView {
            template: templates.source(stack.source).name().to_owned(),
            name: stack.path.clone(),
            stack: of.map(|s| s.name.clone()),
            status: of.and_then(|s| s.status.clone()),
            account: self.account.clone(),
            region: self.region.clone(),
            how: self.how.clone(),
        }
    }
}
