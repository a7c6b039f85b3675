//! The comparison as findings.

use crate::join::{Join, Status};
use crate::live::{Live, LiveStack};
use crate::model::{
    AccessWhat, Drift, Finding, FindingKind, LiveView, SCHEMA_VERSION, Scanned, Setting, Summary,
    TemplateView,
};
use crate::policies::{self, Attached};
use crate::settings;
use crate::tables::{attached_policies, clause, concerns, is_made_by_aws, live_kind, maker_tags};
use crate::words::Words;
use lockfast_facts::{Inventory, Resource, ResourceId};
use lockfast_snapshot::GAP;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Everything that is said of a joined input.
pub(crate) fn drift(live: &Live<'_>, templates: &Inventory, join: &Join) -> Drift {
    let mut report = Report {
        live,
        templates,
        join,
        attached: Attached::new(live.inventory, templates),
        findings: Vec::new(),
        compared: 0,
    };
    report.template_side();
    report.live_side();
    let (mut findings, compared) = (report.findings, report.compared);
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut drift = Drift {
        schema_version: SCHEMA_VERSION,
        snapshot: scanned(live),
        stacks: join
            .instances
            .iter()
            .map(|instance| instance.view(live, templates))
            .collect(),
        findings,
        problems: Vec::new(),
        summary: Summary::default(),
    };
    drift.summary = summary(&drift, compared);
    drift
}

fn order(finding: &Finding) -> impl Ord {
    let place = |of: &Option<LiveView>| {
        of.as_ref()
            .map(|l| (l.account.clone(), l.region.clone(), l.name.clone()))
    };
    (
        finding.kind,
        finding
            .template
            .as_ref()
            .map(|t| (t.stack.clone(), t.logical_id.clone())),
        place(&finding.live),
        finding.resource_type.clone(),
        finding.message.clone(),
    )
}

fn scanned(live: &Live<'_>) -> Scanned {
    let headers = &live.loaded.headers;
    let distinct = |names: Vec<&String>| {
        names
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect()
    };
    Scanned {
        taken: headers
            .iter()
            .map(|h| h.taken.clone())
            .min()
            .unwrap_or_default(),
        accounts: distinct(
            headers
                .iter()
                .flat_map(|h| &h.accounts)
                .map(|a| &a.id)
                .collect(),
        ),
        regions: distinct(headers.iter().flat_map(|h| &h.regions).collect()),
        services: distinct(headers.iter().flat_map(|h| &h.services).collect()),
    }
}

fn summary(drift: &Drift, compared: usize) -> Summary {
    let count = |kind| drift.of_kind(kind).count();
    let gains = |finding: &&Finding| {
        let access = finding.policy.iter().flat_map(|policy| &policy.access);
        access
            .into_iter()
            .any(|change| change.what == AccessWhat::Gained)
    };
    Summary {
        compared,
        undefined: count(FindingKind::Undefined),
        missing: count(FindingKind::Missing),
        differs: count(FindingKind::Differs),
        policies: count(FindingKind::Policy),
        access_gained: drift.findings.iter().filter(gains).count(),
        not_in_effect: count(FindingKind::NotInEffect),
        unknown: count(FindingKind::Unknown),
    }
}

struct Report<'a> {
    live: &'a Live<'a>,
    templates: &'a Inventory,
    join: &'a Join,
    attached: Attached,
    findings: Vec<Finding>,
    compared: usize,
}

impl<'a> Report<'a> {
    fn finding(&self, kind: FindingKind, of: &str, message: String) -> Finding {
        Finding {
            kind,
            clause: clause(of).to_owned(),
            resource_type: of.to_owned(),
            message,
            live: None,
            template: None,
            setting: None,
            policy: None,
        }
    }

    fn of_template(&self, kind: FindingKind, template: &Resource, message: String) -> Finding {
        Finding {
            template: Some(TemplateView::of(self.templates, template)),
            ..self.finding(kind, &template.kind, message)
        }
    }

    fn of_pair(
        &self,
        kind: FindingKind,
        template: &Resource,
        live: &Resource,
        message: String,
    ) -> Finding {
        Finding {
            live: Some(self.live_view(live)),
            ..self.of_template(kind, template, message)
        }
    }

    fn live_view(&self, live: &Resource) -> LiveView {
        let stack = self
            .live
            .made_by
            .get(&live.id)
            .map(|(at, _)| self.live.stacks[*at].name.clone());
        LiveView {
            stack,
            ..LiveView::of(self.live.inventory, live)
        }
    }

    /// What becomes of each resource of the templates.
    fn template_side(&mut self) {
        for (at, instance) in self.join.instances.iter().enumerate() {
            let words = Words {
                live: self.live,
                templates: self.templates,
                join: self.join,
                instance: at,
            };
            let own = self
                .templates
                .resources()
                .iter()
                .filter(|r| r.stack == instance.stack && concerns(&r.kind));
            for resource in own {
                match self.join.status.get(&(at, resource.id)) {
                    Some(Status::Joined(id)) => {
                        self.compared += 1;
                        let live = self.live.inventory.resource(*id);
                        let stack = instance.live.map(|at| &self.live.stacks[at]);
                        self.settings(&words, resource, live, stack);
                        self.policies(&words, resource, live);
                    }
                    Some(Status::Missing(why)) => {
                        let finding = self.of_template(FindingKind::Missing, resource, why.clone());
                        self.findings.push(finding);
                    }
                    Some(Status::Conditional(why) | Status::Unknown(why)) => {
                        let finding = self.of_template(FindingKind::Unknown, resource, why.clone());
                        self.findings.push(finding);
                    }
                    None => {}
                }
            }
        }
        for (policy, why) in policies::without_owner(&self.attached, self.templates) {
            let finding =
                self.of_template(FindingKind::Unknown, self.templates.resource(policy), why);
            self.findings.push(finding);
        }
    }

    fn settings(
        &mut self,
        words: &Words<'_>,
        template: &Resource,
        live: &Resource,
        stack: Option<&LiveStack>,
    ) {
        for (name, compared) in settings::compare(words, template, live) {
            let (kind, message, setting) = match compared {
                settings::Compared::Same => continue,
                settings::Compared::Unknown(setting, why) => (
                    FindingKind::Unknown,
                    format!("whether {name} is as the template says is not known: {why}"),
                    setting,
                ),
                settings::Compared::Differs {
                    setting,
                    creation_only,
                } => {
                    let (kind, message) = told(&name, &setting, creation_only, stack);
                    (kind, message, setting)
                }
            };
            let finding = Finding {
                setting: Some(setting),
                ..self.of_pair(kind, template, live, message)
            };
            self.findings.push(finding);
        }
    }

    fn policies(&mut self, words: &Words<'_>, template: &Resource, live: &Resource) {
        for compared in policies::compare(words, &self.attached, template, live) {
            let finding = match compared {
                policies::Compared::Same => continue,
                policies::Compared::Unknown(name, why) => {
                    let message =
                        format!("whether {name} is as the template says is not known: {why}");
                    self.of_pair(FindingKind::Unknown, template, live, message)
                }
                policies::Compared::Differs(diff, holder) => {
                    let gained = diff
                        .access
                        .iter()
                        .filter(|change| change.what == AccessWhat::Gained)
                        .count();
                    let message = match gained {
                        0 => format!("{} is not as the template says", diff.name),
                        _ => format!("{} allows what the template does not", diff.name),
                    };
                    let told = holder
                        .map(|id| TemplateView::of(self.templates, self.templates.resource(id)));
                    let mut finding = self.of_pair(FindingKind::Policy, template, live, message);
                    finding.policy = Some(diff);
                    // The document stands in a resource beside it.
                    finding.template = told.or(finding.template);
                    finding
                }
            };
            self.findings.push(finding);
        }
    }

    /// What becomes of each live resource that no template's was joined with.
    fn live_side(&mut self) {
        let given: HashSet<usize> = self
            .join
            .instances
            .iter()
            .filter_map(|instance| instance.live)
            .collect();
        let open = self.open_candidates();
        let mut found = Vec::new();
        for resource in self.live.inventory.resources() {
            let kind = &*resource.kind;
            let is_policy = attached_policies().any(|row| row.r#type == kind);
            let skipped = &*resource.name == GAP
                || !concerns(kind)
                || is_policy
                || is_made_by_aws(kind, &resource.name);
            if skipped
                || self.join.defined.contains_key(&resource.id)
                || self.is_part_of_another(resource)
            {
                continue;
            }
            let (kind_of, message) = self.undefined(resource, &given, &open);
            found.push(Finding {
                live: Some(self.live_view(resource)),
                ..self.finding(kind_of, kind, message)
            });
        }
        self.findings.append(&mut found);
    }

    /// Template resources of which it is not known what they are, by live type.
    fn open_candidates(&self) -> HashMap<&'a str, Vec<(usize, ResourceId)>> {
        let mut open: HashMap<&str, Vec<(usize, ResourceId)>> = HashMap::new();
        for ((at, id), status) in &self.join.status {
            if matches!(status, Status::Unknown(_)) {
                let kind = live_kind(&self.templates.resource(*id).kind);
                open.entry(kind).or_default().push((*at, *id));
            }
        }
        open.values_mut()
            .for_each(|candidates| candidates.sort_unstable());
        open
    }

    /// An instance's own disks are defined where the instance is.
    fn is_part_of_another(&self, resource: &Resource) -> bool {
        let mut attached = resource
            .variants
            .iter()
            .filter(|_| &*resource.kind == "AWS::EC2::Volume")
            .flat_map(|variant| variant.properties.each("Attachments.*.InstanceId"));
        attached.any(|read| {
            let target = read
                .found()
                .and_then(|value| self.live.inventory.target(value));
            target.is_some_and(|(instance, _)| self.join.defined.contains_key(&instance.id))
        })
    }

    fn undefined(
        &self,
        resource: &Resource,
        given: &HashSet<usize>,
        open: &HashMap<&str, Vec<(usize, ResourceId)>>,
    ) -> (FindingKind, String) {
        let (account, region) = self.live.place_of(resource.id);
        if let Some((at, logical)) = self.live.made_by.get(&resource.id) {
            let stack = &self.live.stacks[*at].name;
            return match given.contains(at) {
                true => (
                    FindingKind::Undefined,
                    format!("stack {stack} made it as {logical}, which its template does not have"),
                ),
                false => (
                    FindingKind::Unknown,
                    format!(
                        "stack {stack} made it as {logical}, and no template given is that stack's"
                    ),
                ),
            };
        }
        let tag = |name: &str| resource.tag(name).value().cloned().flatten();
        if let Some((maker, name)) =
            maker_tags().find_map(|(name, maker)| Some((maker, tag(name)?)))
        {
            let why =
                format!("{maker} {name} made it; whether a template defines that is not known");
            return (FindingKind::Unknown, why);
        }
        let fits = |own: &Option<String>, there: Option<&str>| {
            own.is_none() || there.is_none() || own.as_deref() == there
        };
        let candidate = open
            .get(&*resource.kind)
            .into_iter()
            .flatten()
            .find(|(at, _)| {
                let instance = &self.join.instances[*at];
                fits(&instance.account, Some(&account)) && fits(&instance.region, region.as_deref())
            });
        match candidate {
            Some((_, id)) => {
                let template = self.templates.resource(*id);
                let stack = &self.templates.stack_of(template).path;
                let why = format!(
                    "it may be {} of {stack}, of which the live resource is not known",
                    template.name
                );
                (FindingKind::Unknown, why)
            }
            None => (
                FindingKind::Undefined,
                "no template given defines it".to_owned(),
            ),
        }
    }
}

/// What kind of difference a setting's is, in a sentence.
fn told(
    name: &str,
    setting: &Setting,
    creation_only: bool,
    stack: Option<&LiveStack>,
) -> (FindingKind, String) {
    let both = format!(
        "{name}: {} live, {} by the template",
        setting.live.value, setting.template.value
    );
    if creation_only {
        let why = "AWS sets it only when the resource is made, so what the template says never took effect";
        return (FindingKind::NotInEffect, format!("{both}: {why}"));
    }
    match stack.filter(|stack| stack.has_failed()) {
        Some(stack) => {
            let status = stack.status.as_deref().unwrap_or_default();
            let why = format!("the last update of stack {} failed ({status})", stack.name);
            (FindingKind::NotInEffect, format!("{both}: {why}"))
        }
        None => (FindingKind::Differs, both),
    }
}
