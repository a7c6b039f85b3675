//! Running every control over the facts.

use crate::clause::Kind as SourceKind;
use crate::config::Config;
use crate::control::{Control, Severity};
use crate::cx::{Cx, POLICY_FILE, label};
use crate::finding::{FactView, Finding, FixView, Location, ResourceView, StepView, WaiverView};
use crate::judgement::{About, Certainty, Fact, Judgement, Out, Verdict};
use crate::waiver::{self, Waivers};
use lockfast_facts::{Guard, Inventory, Loc, Origin, Read, Step};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The outcome of judging an inventory.
pub struct Run<'a> {
    cx: Cx<'a>,
    rows: Vec<Row>,
}

/// A judgement that stands, after merging and waiving. There are many, most of them passes with a fact
/// or two, so what few of them have stands apart.
struct Row {
    control: &'static Control,
    severity: Severity,
    verdict: Verdict,
    about: About,
    part: Cow<'static, str>,
    message: Message,
    loc: Option<Loc>,
    facts: Arc<[Fact]>,
    rest: Option<Arc<Rest>>,
    when: Option<Arc<str>>,
    /// Few are waived, so the others need not have room for it.
    waiver: Option<Box<WaiverView>>,
}

/// Why, in one sentence.
enum Message {
    /// Lockfast's own words.
    Own(&'static str),
    /// With words of what was read.
    Made(Arc<str>),
}

/// What few judgements have.
#[derive(PartialEq, Eq, Hash)]
struct Rest {
    steps: Vec<Step>,
    notes: Vec<Cow<'static, str>>,
    fix: Option<String>,
}

/// Judges everything with every enabled control. `today` (`YYYY-MM-DD`) decides which waivers
/// still hold, and how old things are. The result does not depend on the number of threads.
pub fn evaluate<'a>(inventory: &'a Inventory, config: &'a Config, today: &str) -> Run<'a> {
    let cx = Cx::new(inventory, config, today);
    let waivers = Waivers::new(&cx, config, today);
    let conditions = Conditions::default();
    // Derived once before the threads start, or each would wait for the first.
    inventory.stores();
    let source = match inventory.origin() {
        Origin::Templates => SourceKind::Iac,
        Origin::Live => SourceKind::Live,
    };
    let controls: Vec<&'static Control> = crate::control::all()
        .filter(|control| control.sources.contains(&source))
        .filter(|control| {
            config
                .control
                .get(control.id)
                .and_then(|c| c.enabled)
                .unwrap_or(true)
        })
        .collect();
    let by_control: Vec<Vec<Row>> = controls
        .par_iter()
        .map(|control| {
            let mut out = Out::default();
            (control.judge)(&cx, &mut out);
            let judgements = of_account(inventory, out.0);
            rows_of(&cx, config, control, judgements, &waivers, &conditions)
        })
        .collect();
    // Moved one control at a time into a list of the right size: a list that grows would hold twice
    // as many for a moment, and that moment would be the run's peak.
    let mut rows: Vec<Row> = Vec::with_capacity(by_control.iter().map(Vec::len).sum());
    for of_control in by_control {
        rows.extend(of_control);
    }
    let of_waivers = waivers.judgements.iter().cloned();
    rows.extend(rows_of(
        &cx,
        config,
        &waiver::CONTROL,
        of_waivers.chain(waivers.unused(&cx)).collect(),
        &waivers,
        &conditions,
    ));
    Run { cx, rows }
}

/// What is said of a live account: in its words, and nothing certain of what could not be listed. That which
/// stands for such a list has nothing of its own that could keep or break a clause.
fn of_account(inventory: &Inventory, mut judgements: Vec<Judgement>) -> Vec<Judgement> {
    if inventory.origin() == Origin::Templates {
        return judgements;
    }
    for judgement in &mut judgements {
        if let About::Resource(id) = judgement.about
            && let resource = inventory.resource(id)
            && crate::live::is_gap(resource)
            && matches!(judgement.verdict, Verdict::Pass | Verdict::Fail)
        {
            let why = match resource.at("") {
                Read::Unknown(why, _) => why.to_string(),
                _ => "they could not be listed".to_owned(),
            };
            let unlisted = format!("cannot tell of what there is: {why}");
            *judgement = Judgement::unknown(judgement.about, unlisted);
        }
        judgement.message =
            crate::wording::worded(inventory, std::mem::take(&mut judgement.message));
        for note in &mut judgement.notes {
            *note = crate::wording::worded(inventory, std::mem::take(note));
        }
    }
    judgements
}

/// Merges what a control said of the same thing under different conditions, and applies waivers.
fn rows_of(
    cx: &Cx<'_>,
    config: &Config,
    control: &'static Control,
    mut judgements: Vec<Judgement>,
    waivers: &Waivers,
    conditions: &Conditions,
) -> Vec<Row> {
    let severity = config
        .control
        .get(control.id)
        .and_then(|c| c.severity)
        .unwrap_or(control.severity);
    judgements.sort_by(|a, b| {
        (a.about, &a.part)
            .cmp(&(b.about, &b.part))
            .then(b.verdict.cmp(&a.verdict))
    });
    let mut copies = Copies::new(cx.inventory.origin());
    let mut rows: Vec<Row> = Vec::with_capacity(judgements.len());
    let mut judgements = judgements.into_iter().peekable();
    while let Some(mut worst) = judgements.next() {
        let mut when: Vec<Guard> = vec![worst.when.clone()];
        // What is as bad for another reason, under other conditions.
        let mut others: BTreeMap<Cow<'static, str>, Vec<Guard>> = BTreeMap::new();
        while let Some(next) =
            judgements.next_if(|j| j.about == worst.about && j.part == worst.part)
        {
            if next.verdict != worst.verdict {
                continue;
            }
            if worst.verdict == Verdict::Pass || next.message == worst.message {
                when.push(next.when);
            } else if next.when != worst.when {
                others.entry(next.message).or_default().push(next.when);
            }
        }
        for (message, when) in others {
            let also = match conditions.text(cx, when) {
                Some(when) => format!("also: {message} when {when}"),
                None => format!("also: {message}"),
            };
            worst.notes.push(also.into());
        }
        let waiver = (worst.verdict == Verdict::Fail)
            .then(|| waivers.find(cx, control.id, worst.about))
            .flatten()
            .map(Box::new);
        rows.push(Row {
            control,
            severity,
            when: conditions.text(cx, when),
            verdict: worst.verdict,
            about: worst.about,
            part: worst.part,
            message: copies.message(worst.message),
            loc: worst.loc,
            facts: copies.facts(worst.facts),
            rest: copies.rest(Rest {
                steps: worst.steps,
                notes: worst.notes,
                fix: worst.fix,
            }),
            waiver,
        });
    }
    rows.shrink_to_fit();
    rows
}

/// One copy of what a control says of many resources. In live accounts it often says the same of all that are under
/// one key in one region; in templates every place is another, so looking for the same would cost and find nothing.
struct Copies {
    live: bool,
    facts: HashSet<Arc<[Fact]>>,
    rests: HashSet<Arc<Rest>>,
    messages: HashSet<Arc<str>>,
}

impl Copies {
    fn new(origin: Origin) -> Self {
        Copies {
            live: origin == Origin::Live,
            facts: HashSet::new(),
            rests: HashSet::new(),
            messages: HashSet::new(),
        }
    }

    fn facts(&mut self, facts: Vec<Fact>) -> Arc<[Fact]> {
        match self.facts.get(&*facts) {
            Some(known) => known.clone(),
            None => kept(&mut self.facts, self.live, facts.into()),
        }
    }

    fn rest(&mut self, rest: Rest) -> Option<Arc<Rest>> {
        if rest.steps.is_empty() && rest.notes.is_empty() && rest.fix.is_none() {
            return None;
        }
        Some(match self.rests.get(&rest) {
            Some(known) => known.clone(),
            None => kept(&mut self.rests, self.live, rest.into()),
        })
    }

    fn message(&mut self, message: Cow<'static, str>) -> Message {
        let text = match message {
            Cow::Borrowed(own) => return Message::Own(own),
            Cow::Owned(text) => text,
        };
        Message::Made(match self.messages.get(&*text) {
            Some(known) => known.clone(),
            None => kept(&mut self.messages, self.live, text.into()),
        })
    }
}

fn kept<T: Hash + Eq + ?Sized>(known: &mut HashSet<Arc<T>>, live: bool, new: Arc<T>) -> Arc<T> {
    if live {
        known.insert(new.clone());
    }
    new
}

/// What was said of conditions: several controls judge the same resource under the same ones.
#[derive(Default)]
struct Conditions(Mutex<HashMap<Vec<Guard>, Option<Arc<str>>>>);

impl Conditions {
    /// `Env=dev or Env=test`; nothing when it is so in every case.
    fn text(&self, cx: &Cx<'_>, guards: Vec<Guard>) -> Option<Arc<str>> {
        if guards.iter().any(Guard::is_always) {
            return None;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = known.get(&guards) {
            return text.clone();
        }
        drop(known);
        let text: Option<Arc<str>> = conditions(cx, &guards).map(Into::into);
        known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(guards, text.clone());
        text
    }
}

fn conditions(cx: &Cx<'_>, guards: &[Guard]) -> Option<String> {
    let guards = Guard::simplified(guards, |name| cx.inventory.choices(name));
    if guards.iter().any(Guard::is_always) {
        return None;
    }
    let several = guards.len() > 1;
    let mut texts: Vec<String> = guards
        .iter()
        .map(|guard| match guard.choices().len() {
            2.. if several => format!("({guard})"),
            _ => guard.to_string(),
        })
        .collect();
    texts.sort();
    texts.dedup();
    // A few say what to look at; a long list says nothing.
    const SHOWN: usize = 3;
    if texts.len() > SHOWN {
        let rest = texts.len() - SHOWN;
        texts.truncate(SHOWN);
        texts.push(format!("{rest} more combinations"));
    }
    Some(texts.join(" or "))
}

impl Row {
    fn verdict(&self) -> Verdict {
        if self.waiver.is_some() {
            Verdict::Waived
        } else {
            self.verdict
        }
    }
}

impl<'a> Run<'a> {
    /// How many verdicts there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when nothing was judged.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was judged.
    pub fn inventory(&self) -> &'a Inventory {
        self.cx.inventory
    }

    /// The context of the judgement: environments and classifications.
    pub fn cx(&self) -> &Cx<'a> {
        &self.cx
    }

    /// Control and verdict of each row, cheaply, in the order of [`Run::findings`].
    pub fn verdicts(&self) -> impl Iterator<Item = (&'static Control, Severity, Verdict)> {
        self.rows
            .iter()
            .map(|row| (row.control, row.severity, row.verdict()))
    }

    /// Every verdict with all that explains it, made one at a time: by control, then resource.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        (0..self.rows.len()).map(|index| self.finding(index))
    }

    /// The verdict of a row, with all that explains it. `index` must be below [`Run::len`].
    pub fn finding(&self, index: usize) -> Finding {
        let row = &self.rows[index];
        let verdict = row.verdict();
        let mut resource = self.resource_view(row.about);
        resource.part = row.part.to_string();
        let rest = row.rest.as_deref();
        Finding {
            control: row.control.id.into(),
            clauses: row.control.clauses.iter().map(|&c| c.into()).collect(),
            title: row.control.title.into(),
            severity: row.severity,
            verdict,
            message: match &row.message {
                // Lockfast's own words hold no secret.
                Message::Own(own) => (*own).to_owned(),
                Message::Made(text) => crate::secrets::covered(text.to_string()),
            },
            when: row.when.as_deref().map(str::to_owned),
            origin: self.origin(row),
            facts: row
                .facts
                .iter()
                .map(|fact| {
                    let (certainty, because) = match &fact.certainty {
                        Certainty::Stated => ("stated", None),
                        Certainty::Default(default) => (
                            "default",
                            Some(if default.since.is_empty() {
                                default.doc.to_owned()
                            } else {
                                format!("{} (since {})", default.doc, default.since)
                            }),
                        ),
                        Certainty::Unknown(why) => ("unknown", Some(why.to_string())),
                    };
                    FactView {
                        name: fact.name.to_string(),
                        value: crate::secrets::covered(fact.value.clone()),
                        certainty: certainty.into(),
                        because,
                        origin: fact.loc.and_then(|loc| self.location(loc)),
                    }
                })
                .collect(),
            steps: rest
                .map_or(&[][..], |rest| &rest.steps)
                .iter()
                .filter_map(|step| {
                    Some(StepView {
                        what: step.what.clone(),
                        origin: self.location(step.loc)?,
                    })
                })
                .collect(),
            notes: rest
                .map_or(&[][..], |rest| &rest.notes)
                .iter()
                .map(|n| n.to_string())
                .collect(),
            fix: (!matches!(verdict, Verdict::Pass | Verdict::NotApplicable))
                .then(|| self.fix(row)),
            fingerprint: fingerprint(row.control.id, &resource),
            resource,
            waiver: row.waiver.as_deref().cloned(),
        }
    }

    fn fix(&self, row: &Row) -> FixView {
        let control = row.control;
        let own = match row.about {
            About::Resource(id) if control.by_type => {
                crate::snippet::encrypting(self.cx.inventory.resource(id), &row.part)
            }
            _ => None,
        };
        let (cloudformation, cdk) =
            own.unwrap_or_else(|| (control.cloudformation.into(), control.cdk.into()));
        FixView {
            text: row
                .rest
                .as_ref()
                .and_then(|rest| rest.fix.clone())
                .unwrap_or_else(|| control.fix.into()),
            cloudformation,
            cdk,
        }
    }

    fn origin(&self, row: &Row) -> Option<Location> {
        let loc = row.loc.or(match row.about {
            About::Resource(id) => Some(self.cx.inventory.resource(id).loc),
            About::Stack(id) => Some(Loc {
                source: self.cx.inventory.stack(id).source,
                ..Loc::default()
            }),
            About::Input => None,
        })?;
        self.location(loc)
    }

    fn location(&self, loc: Loc) -> Option<Location> {
        let file = match loc.source {
            POLICY_FILE => "lockfast.toml",
            source => {
                let source = self.cx.inventory.sources().get(source.0 as usize)?;
                if !source.has_lines() {
                    return Some(Location::call(source.name()));
                }
                source.name()
            }
        };
        Some(Location {
            file: file.to_owned(),
            line: loc.start.line.max(1),
            column: loc.start.column.max(1),
            end_line: loc.end.line.max(1),
            end_column: loc.end.column.max(1),
        })
    }

    fn resource_view(&self, about: About) -> ResourceView {
        let mut view = ResourceView {
            id: "everything given".into(),
            kind: "input".into(),
            part: String::new(),
            logical_id: None,
            arn: None,
            construct_path: None,
            creation_site: None,
            stack: None,
            account: None,
            region: None,
            environment: None,
            classification: None,
        };
        let stack = match about {
            About::Input => return view,
            About::Stack(id) => {
                let stack = self.cx.inventory.stack(id);
                view.id = stack.path.clone();
                view.kind = "stack".into();
                stack
            }
            About::Resource(id) => {
                let resource = self.cx.inventory.resource(id);
                view.id = label(self.cx.inventory, resource);
                view.kind = resource.kind.to_string();
                view.logical_id = Some(resource.name.to_string());
                view.arn = resource.arn.as_ref().map(|arn| arn.to_string());
                view.construct_path = resource.construct_path.as_ref().map(|p| p.to_string());
                view.creation_site = resource.creation_site.as_ref().map(|p| p.to_string());
                view.environment = self
                    .cx
                    .environment_name(id)
                    .value()
                    .map(|environment| environment.name.to_string());
                view.classification = self.cx.classification(id).value().map(|c| c.to_string());
                self.cx.inventory.stack_of(resource)
            }
        };
        view.stack = Some(stack.path.clone());
        view.account = stack.place.account.as_ref().map(|a| a.to_string());
        view.region = stack.place.region.as_ref().map(|r| r.to_string());
        view
    }
}

/// What makes two findings the same across runs, line moves and machines: control, resource, part.
fn fingerprint(control: &str, resource: &ResourceView) -> String {
    hash(&[control, &resource.kind, &resource.id, &resource.part])
}

/// The first 80 bits of SHA-256 over some texts, in hexadecimal.
pub fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(10)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
