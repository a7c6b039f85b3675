//! Running every control over the facts.

use crate::clause::Kind as SourceKind;
use crate::config::Config;
use crate::control::{Control, Severity};
use crate::cx::{Cx, POLICY_FILE, label};
use crate::finding::{FactView, Finding, FixView, Location, ResourceView, StepView};
use crate::judgement::{About, Certainty, Judgement, Out, Verdict};
use crate::rows::{Judged, Pool, Row, Rows, Said, index_of};
use crate::waiver::{self, Waivers};
use lockfast_facts::{Guard, Inventory, Loc, Read};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The outcome of judging an inventory.
pub struct Run<'a> {
    cx: Cx<'a>,
    by_control: Vec<Judged>,
    /// How many rows come before each control's.
    starts: Vec<usize>,
}

/// Judges everything with every enabled control. `today` (`YYYY-MM-DD`) decides which waivers
/// still hold, and how old things are. The result does not depend on the number of threads.
pub fn evaluate<'a>(inventory: &'a Inventory, config: &'a Config, today: &str) -> Run<'a> {
    let cx = Cx::new(inventory, config, today);
    let waivers = Waivers::new(&cx, config, today);
    let conditions = Conditions::default();
    // Derived once before the threads start, or each would wait for the first.
    inventory.stores();
    let sources: Vec<SourceKind> = inventory.origins().map(SourceKind::from).collect();
    let controls: Vec<&'static Control> = crate::control::all()
        .filter(|control| control.sources.iter().any(|own| sources.contains(own)))
        .filter(|control| {
            config
                .control
                .get(control.id)
                .and_then(|c| c.enabled)
                .unwrap_or(true)
        })
        .collect();
    // Nothing is under conditions but in templates.
    let pool = (!sources.contains(&SourceKind::Iac)).then(Arc::<Pool>::default);
    let mut by_control: Vec<Judged> = controls
        .par_iter()
        .map(|control| {
            let severity = severity_of(config, control);
            let rows = pool.clone().map(|pool| Rows::new(Some(pool)));
            let mut out = Out {
                judgements: Vec::new(),
                rows: rows.map(|rows| (rows, *control, severity)),
            };
            (control.judge)(&cx, &mut out);
            let judged = match out.rows {
                Some((rows, ..)) => of_account(&cx, rows),
                None => merged(&cx, control, severity, out.judgements, &conditions),
            };
            waived(&cx, &waivers, judged)
        })
        .collect();
    let of_waivers = waivers.judgements.iter().cloned();
    by_control.push(merged(
        &cx,
        &waiver::CONTROL,
        severity_of(config, &waiver::CONTROL),
        of_waivers.chain(waivers.unused(&cx)).collect(),
        &conditions,
    ));
    let mut before = 0;
    let starts = by_control.iter().map(|judged| {
        let start = before;
        before += judged.rows.len();
        start
    });
    Run {
        cx,
        starts: starts.collect(),
        by_control,
    }
}

fn severity_of(config: &Config, control: &Control) -> Severity {
    let settings = config.control.get(control.id);
    settings
        .and_then(|settings| settings.severity)
        .unwrap_or(control.severity)
}

/// What is said of a live account: in its words, and nothing certain of what could not be listed. That which
/// stands for such a list has nothing of its own that could keep or break a clause. Nothing is under conditions
/// there, so of what is said of the same thing the worst stands.
fn of_account(cx: &Cx<'_>, rows: Rows) -> Judged {
    let Judged { mut rows, mut said } = rows.done();
    for row in &mut rows {
        let own = &said[row.said as usize];
        if let About::Resource(id) = row.about
            && let resource = cx.inventory.resource(id)
            && crate::live::is_gap(resource)
            && matches!(own.verdict, Verdict::Pass | Verdict::Fail)
        {
            let why = match resource.at("") {
                Read::Unknown(why, _) => why.to_string(),
                _ => "they could not be listed".to_owned(),
            };
            let unknown = Said {
                verdict: Verdict::Unknown,
                message: format!("cannot tell of what there is: {why}").into(),
                part: "".into(),
                loc: None,
                rest: None,
                ..own.clone()
            };
            *row = Row::bare(row.about, said.len());
            said.push(unknown);
        }
    }
    for said in &mut said {
        let worded = |text: &mut Cow<'static, str>| {
            *text = crate::wording::worded(cx.inventory, std::mem::take(text));
        };
        worded(&mut said.message);
        if let Some(rest) = &mut said.rest {
            rest.notes.iter_mut().for_each(worded);
        }
    }
    let of = |row: &Row| &said[row.said as usize];
    rows.sort_by(|a, b| {
        (a.about, &of(a).part)
            .cmp(&(b.about, &of(b).part))
            .then(of(b).verdict.cmp(&of(a).verdict))
    });
    rows.dedup_by(|next, worst| next.about == worst.about && of(next).part == of(worst).part);
    rows.shrink_to_fit();
    Judged { rows, said }
}

/// Merges what a control said of the same thing under different conditions.
fn merged(
    cx: &Cx<'_>,
    control: &'static Control,
    severity: Severity,
    mut judgements: Vec<Judgement>,
    conditions: &Conditions,
) -> Judged {
    judgements.sort_by(|a, b| {
        (a.about, &a.part)
            .cmp(&(b.about, &b.part))
            .then(b.verdict.cmp(&a.verdict))
    });
    let mut rows = Rows::new(None);
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
        rows.push(control, severity, worst, conditions.text(cx, when));
    }
    rows.done()
}

/// Applies waivers.
fn waived(cx: &Cx<'_>, waivers: &Waivers, judged: Judged) -> Judged {
    let Judged { mut rows, mut said } = judged;
    for row in &mut rows {
        let own = &said[row.said as usize];
        if own.verdict == Verdict::Fail
            && let Some(waiver) = waivers.find(cx, own.control.id, row.about)
        {
            let mut own = own.clone();
            own.rest.get_or_insert_default().waiver = Some(waiver);
            row.said = index_of(said.len());
            said.push(own);
        }
    }
    said.shrink_to_fit();
    Judged { rows, said }
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

impl<'a> Run<'a> {
    /// How many verdicts there are.
    pub fn len(&self) -> usize {
        self.by_control.iter().map(|judged| judged.rows.len()).sum()
    }

    /// True when nothing was judged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        self.rows()
            .map(|(_, said)| (said.control, said.severity, said.stands()))
    }

    /// Fingerprint and verdict of each row, without the rest of the finding, in the order of [`Run::findings`].
    pub fn fingerprints(&self) -> impl Iterator<Item = (String, Verdict)> {
        self.rows().map(|(row, said)| {
            let (kind, id) = self.identity(row.about);
            let fingerprint = hash(&[said.control.id, &kind, &id, &said.part]);
            (fingerprint, said.stands())
        })
    }

    /// Every verdict with all that explains it, made one at a time: by control, then resource.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.rows().map(|(row, said)| self.made(row, said))
    }

    fn rows(&self) -> impl Iterator<Item = (&Row, &Said)> {
        let by_control = self.by_control.iter();
        by_control.flat_map(|judged| {
            let rows = judged.rows.iter();
            rows.map(|row| (row, &judged.said[row.said as usize]))
        })
    }

    /// The verdict of a row, with all that explains it. `index` must be below [`Run::len`].
    pub fn finding(&self, index: usize) -> Finding {
        let control = self.starts.partition_point(|start| *start <= index) - 1;
        let judged = &self.by_control[control];
        let row = &judged.rows[index - self.starts[control]];
        self.made(row, &judged.said[row.said as usize])
    }

    fn made(&self, row: &Row, said: &Said) -> Finding {
        let control = said.control;
        let verdict = said.stands();
        let mut resource = self.resource_view(row.about);
        resource.part = said.part.to_string();
        let rest = said.rest.as_deref();
        Finding {
            control: control.id.into(),
            clauses: control.clauses.iter().map(|&c| c.into()).collect(),
            title: control.title.into(),
            severity: said.severity,
            verdict,
            message: match &said.message {
                // Lockfast's own words hold no secret.
                Cow::Borrowed(own) => (*own).to_owned(),
                Cow::Owned(text) => crate::secrets::covered(text.clone()),
            },
            when: rest.and_then(|rest| rest.when.as_deref().map(str::to_owned)),
            origin: self.origin(row, said),
            facts: row
                .facts()
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
                        value: crate::secrets::covered(fact.value.to_string()),
                        certainty: certainty.into(),
                        because,
                        origin: fact.loc.and_then(|loc| self.location(loc)),
                    }
                })
                .collect(),
            steps: row
                .steps()
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
                .then(|| self.fix(row, said)),
            fingerprint: hash(&[control.id, &resource.kind, &resource.id, &resource.part]),
            resource,
            waiver: said.waiver().cloned(),
        }
    }

    fn fix(&self, row: &Row, said: &Said) -> FixView {
        let control = said.control;
        let own = match row.about {
            About::Resource(id) if control.by_type => {
                crate::snippet::encrypting(self.cx.inventory.resource(id), &said.part)
            }
            _ => None,
        };
        let (cloudformation, cdk) =
            own.unwrap_or_else(|| (control.cloudformation.into(), control.cdk.into()));
        FixView {
            text: said
                .rest
                .as_ref()
                .and_then(|rest| rest.fix.clone())
                .unwrap_or_else(|| control.fix.into()),
            cloudformation,
            cdk,
        }
    }

    fn origin(&self, row: &Row, said: &Said) -> Option<Location> {
        let loc = said.loc.or(match row.about {
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

    /// Type and name of what was judged. With the control and the part they make two findings the same across runs, line
    /// moves and machines.
    fn identity(&self, about: About) -> (Cow<'a, str>, Cow<'a, str>) {
        let inventory = self.cx.inventory;
        match about {
            About::Input => ("input".into(), "everything given".into()),
            About::Stack(id) => ("stack".into(), inventory.stack(id).path.as_str().into()),
            About::Resource(id) => {
                let resource = inventory.resource(id);
                ((&*resource.kind).into(), label(inventory, resource).into())
            }
        }
    }

    fn resource_view(&self, about: About) -> ResourceView {
        let (kind, id) = self.identity(about);
        let mut view = ResourceView {
            id: id.into_owned(),
            kind: kind.into_owned(),
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
            About::Stack(id) => self.cx.inventory.stack(id),
            About::Resource(id) => {
                let resource = self.cx.inventory.resource(id);
                view.logical_id = Some(resource.name.to_string());
                view.arn = resource.arn.as_ref().map(|arn| arn.to_string());
                view.construct_path = resource
                    .written()
                    .construct_path
                    .as_ref()
                    .map(|p| p.to_string());
                view.creation_site = resource
                    .written()
                    .creation_site
                    .as_ref()
                    .map(|p| p.to_string());
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
