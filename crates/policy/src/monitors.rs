//! What watches events and tells somebody: EventBridge rules, metric filters with their alarms.
//!
//! A monitor sees the events of its own account and region, so what is watched is judged place by
//! place ([`Group`]), and under the conditions that the monitor is made under.

mod alarms;
mod key_watch;
mod near;
mod topics;

pub(crate) use alarms::Alarms;
pub(crate) use key_watch::KeyWatch;
pub use key_watch::keys_watched;
pub(crate) use near::{Group, Near, Reach, gaps, groups, is_near};

use crate::cx::Cx;
use crate::judgement::{About, Judgement, Verdict};
use crate::live::{is_gap, unread};
use crate::patterns::{Event, event_matches, json_of, metric_matches, placed, violation};
use lockfast_facts::{Guard, Kind, Origin, Place, Read, ResourceId, Subject, Why};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;
use topics::{Sender, Topics};

/// Why it is not known what watches an account and region; `None` when everything that may was told.
pub(crate) fn unread_monitors(cx: &Cx<'_>, place: &Place) -> Option<Arc<Why>> {
    const MADE_OF: [(&str, &str); 3] = [
        ("events", "AWS::Events::Rule"),
        ("logs", "AWS::Logs::MetricFilter"),
        ("cloudwatch", "AWS::CloudWatch::Alarm"),
    ];
    let mut unread = MADE_OF
        .iter()
        .map(|(service, kind)| unread(cx, service, &[kind], place));
    unread.find_map(|why| why)
}

/// Whether a monitor sees an event and tells somebody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Watch {
    /// It does not match.
    No,
    /// It matches, but nobody is told, because.
    Silent(&'static str),
    /// It may see it and tell somebody; what decides that is not known.
    Unknown(&'static str),
    /// It matches and tells somebody.
    Yes,
}

/// Everything in the input that watches events.
pub(crate) struct Monitors<'a> {
    monitors: Vec<Monitor<'a>>,
}

struct Monitor<'a> {
    subject: Subject<'a>,
    sees: Sees,
    /// Its pattern names Config rules.
    names_rule: bool,
    /// It also gets the management events that only read.
    reads: bool,
    /// What becomes of an event that it matches.
    then: Watch,
    /// It also sees the events of other regions, or of other accounts.
    reach: near::Reach,
}

enum Sees {
    /// Events that match any of these patterns; `None` for a pattern that cannot be read.
    Events(Option<Json>),
    /// Records that match a filter pattern.
    Records(Option<String>),
}

impl<'a> Monitors<'a> {
    /// Finds the monitors of the input.
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        let mut monitors = Vec::new();
        let topics = Topics::of(cx);
        for rule in cx.subjects(&["AWS::Events::Rule"]) {
            monitors.extend(of_rule(cx, &topics, rule));
        }
        for function in cx.subjects(&["AWS::Serverless::Function", "AWS::Serverless::StateMachine"])
        {
            for event in function
                .each("Events.*")
                .into_iter()
                .filter_map(Read::found)
            {
                let of = event.at("Type").string().found();
                if matches!(of.as_deref(), Some("EventBridgeRule" | "CloudWatchEvent"))
                    && let Some(pattern) = pattern_of(event.at("Properties.Pattern"))
                {
                    monitors.push(Monitor {
                        subject: function,
                        names_rule: names_rule(pattern.as_ref()),
                        reads: false,
                        sees: Sees::Events(pattern),
                        then: bus(event.at("Properties.EventBusName")).unwrap_or(Watch::Yes),
                        reach: near::Reach::default(),
                    });
                }
            }
        }
        let alarms = Alarms::of(cx);
        let trails = trails(cx);
        for filter in cx.subjects(&["AWS::Logs::MetricFilter"]) {
            let sees = match filter.at("FilterPattern").string() {
                Read::Found(pattern, _) => Some(pattern),
                Read::Absent(_) => continue,
                Read::Unknown(..) => None,
            };
            let (reads, reach) = read_by(cx, filter, &trails);
            monitors.push(Monitor {
                subject: filter,
                names_rule: false,
                reads: true,
                sees: Sees::Records(sees),
                then: match alarms.over(cx, filter) {
                    Watch::Yes => reads,
                    silent => silent,
                },
                reach,
            });
        }
        Monitors { monitors }
    }

    /// What each monitor makes of events of which any one is enough.
    pub(crate) fn see(&self, cx: &Cx<'a>, events: &[Event]) -> Seen<'a> {
        let mut seen = Seen::default();
        for monitor in &self.monitors {
            monitor.add_to(cx, &mut seen, events);
        }
        seen
    }
}

/// Who is told of what AWS Config finds.
pub(crate) struct Violations<'a>(Seen<'a>);

impl<'a> Violations<'a> {
    /// Finds what tells of violations whichever rule finds them: monitors, and delivery channels
    /// with a topic, to which AWS Config sends every change of compliance.
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        let mut seen = cx.monitors().see(cx, &violation(None));
        for channel in cx.subjects(&["AWS::Config::DeliveryChannel"]) {
            let watch = match crate::live::is_gap(channel.resource) {
                true => Watch::Unknown("the delivery channels of AWS Config could not be listed"),
                false => Watch::Yes,
            };
            if !channel.at("SnsTopicARN").is_absent() {
                seen.also(cx, channel, watch);
            }
        }
        Violations(seen)
    }

    /// Judges whether somebody is told of what the rules of a group find.
    pub(crate) fn judge(&self, cx: &Cx<'a>, group: &Group<'a>) -> Vec<Judgement> {
        let what = "compliance";
        let general = self.0.judge(cx, group, what);
        let by_rule = cx.monitors().monitors.iter().any(|m| m.names_rule);
        if !by_rule || general.iter().all(|j| j.verdict == Verdict::Pass) {
            return general;
        }
        group
            .members
            .iter()
            .flat_map(|rule| self.own(cx, *rule).judge_one(cx, *rule, what))
            .collect()
    }

    /// Judges whether somebody is told of what any rule finds in the place of a group.
    pub(crate) fn told_in(&self, cx: &Cx<'a>, group: &Group<'a>) -> Judgement {
        let mut judgements = self.0.judge(cx, group, "compliance");
        judgements.sort_by_key(|judgement| std::cmp::Reverse(judgement.verdict));
        judgements.into_iter().next().unwrap_or_else(|| {
            Judgement::fail(About::Input, "nothing tells of what AWS Config finds")
        })
    }

    /// Whether somebody is told of what one rule finds.
    pub(crate) fn told_of(&self, cx: &Cx<'a>, rule: Subject<'a>) -> Watch {
        let group = Group::of(cx, rule);
        let told = match self.0.told(cx, &group, &rule.variant.when) {
            Watch::Yes => Watch::Yes,
            _ => self.own(cx, rule).told(cx, &group, &rule.variant.when),
        };
        match told {
            Watch::No => {
                Watch::Silent("a Config rule checks it, and nothing sends on what it finds")
            }
            told => told,
        }
    }

    /// What tells of any violation, and what is for this rule alone.
    fn own(&self, cx: &Cx<'a>, rule: Subject<'a>) -> Seen<'a> {
        let mut seen = self.0.clone();
        let events = violation(Some(rule));
        for monitor in cx.monitors().monitors.iter().filter(|m| m.names_rule) {
            monitor.add_to(cx, &mut seen, &events);
        }
        seen
    }
}

impl<'a> Monitor<'a> {
    fn add_to(&self, cx: &Cx<'a>, seen: &mut Seen<'a>, events: &[Event]) {
        let watch = self.watch(cx, events);
        if watch != Watch::No {
            seen.monitors.add(cx, self.subject, self.reach, watch);
        }
    }

    fn watch(&self, cx: &Cx<'_>, events: &[Event]) -> Watch {
        let place = &cx.inventory.stack_of(self.subject.resource).place;
        let matched = events.iter().map(|event| match &self.sees {
            Sees::Events(pattern) => match (pattern, &event.bridged) {
                (_, None) => Some(false),
                (_, Some(event)) if event["detail"]["readOnly"] == true && !self.reads => {
                    Some(false)
                }
                (Some(pattern), Some(event)) => event_matches(pattern, &placed(event, place)),
                (None, Some(_)) => None,
            },
            Sees::Records(pattern) => match (pattern, &event.record) {
                (_, None) => Some(false),
                (Some(pattern), Some(record)) => metric_matches(pattern, &placed(record, place)),
                (None, Some(_)) => None,
            },
        });
        match (crate::patterns::any(matched), &self.then) {
            (Some(true), then) | (None, then @ Watch::Silent(_)) => then.clone(),
            (Some(false), _) => Watch::No,
            (None, _) if is_gap(self.subject.resource) => {
                Watch::Unknown("not all that watches there could be read")
            }
            (None, _) => {
                Watch::Unknown("its pattern is known only at deployment, or not understood")
            }
        }
    }
}

/// What the monitors of the input make of an event.
#[derive(Clone, Default)]
pub(crate) struct Seen<'a> {
    monitors: near::ByPlace<'a>,
    /// Rules of AWS Config count too.
    by_config: bool,
}

impl<'a> Seen<'a> {
    /// Adds what else tells somebody of the event.
    pub(crate) fn also(&mut self, cx: &Cx<'a>, subject: Subject<'a>, watch: Watch) {
        self.monitors
            .add(cx, subject, near::Reach::default(), watch);
    }

    /// Adds the rules of AWS Config with this identifier, as far as somebody is told of what they find.
    pub(crate) fn also_by_config(&mut self, cx: &Cx<'a>, identifier: &str) {
        let violations = Violations::of(cx);
        self.by_config = true;
        for rule in cx.subjects(&["AWS::Config::ConfigRule"]) {
            let managed = rule.at("Source.SourceIdentifier").string().found();
            if managed.as_deref() == Some(identifier) {
                self.also(cx, rule, violations.told_of(cx, rule));
            }
        }
    }

    /// The same with the alarms that are on one resource; itself when there are none.
    pub(crate) fn with_alarms(
        &self,
        cx: &Cx<'a>,
        alarms: Option<&Vec<(Subject<'a>, Watch)>>,
    ) -> Cow<'_, Self> {
        let Some(alarms) = alarms else {
            return Cow::Borrowed(self);
        };
        let mut seen = self.clone();
        for (alarm, told) in alarms {
            seen.also(cx, *alarm, told.clone());
        }
        Cow::Owned(seen)
    }

    /// Judges whether what happens to a group of resources is watched: one judgement, or one for
    /// each condition under which it is not. `what` is the event (`ScheduleKeyDeletion`).
    pub(crate) fn judge(&self, cx: &Cx<'a>, group: &Group<'a>, what: &str) -> Vec<Judgement> {
        let part = match group.label.is_empty() {
            true => what.to_owned(),
            false => format!("{what} in {}", group.label),
        };
        group
            .whens
            .iter()
            .flat_map(|when| self.over(cx, group, when, About::Input, what))
            .map(|judgement| judgement.part(part.clone()))
            .collect()
    }

    /// The same of one resource.
    pub(crate) fn judge_one(
        &self,
        cx: &Cx<'a>,
        subject: Subject<'a>,
        what: &str,
    ) -> Vec<Judgement> {
        let group = Group::of(cx, subject);
        self.over(
            cx,
            &group,
            &subject.variant.when,
            About::Resource(subject.id()),
            what,
        )
    }

    /// The weakest watch over a group within these conditions.
    fn told(&self, cx: &Cx<'a>, group: &Group<'a>, when: &Guard) -> Watch {
        let near = self.monitors.near(group);
        gaps_of(cx, &near, when)
            .iter()
            .map(|gap| match strongest(&near, gap) {
                None => Watch::No,
                Some((of, _)) => match &of.watch {
                    Watch::Yes => Watch::Unknown(ELSEWHERE),
                    other => other.clone(),
                },
            })
            .min()
            .unwrap_or(Watch::Yes)
    }

    fn over(
        &self,
        cx: &Cx<'a>,
        group: &Group<'a>,
        when: &Guard,
        about: About,
        what: &str,
    ) -> Vec<Judgement> {
        let near = self.monitors.near(group);
        let gaps = gaps_of(cx, &near, when);
        let mut judgements: Vec<Judgement> = near
            .iter()
            .filter(|(of, near)| of.tells(*near) && of.subject.variant.when.compatible(when))
            .map(|(of, _)| {
                let message = format!("{what} is watched, and somebody is told");
                let mut judgement = step(Judgement::pass(about, message), Some(&of.subject));
                judgement.when = of.subject.variant.when.and(when);
                judgement
            })
            .collect();
        judgements.truncate(if gaps.is_empty() { 1 } else { 64 });
        judgements.extend(gaps.into_iter().map(|gap| {
            let unread = unread_near(cx, group, self.by_config);
            let mut judgement = open(cx, about, strongest(&near, &gap), what);
            if let (Verdict::Fail, Some(why)) = (judgement.verdict, unread) {
                judgement =
                    Judgement::cannot_tell(about, &format!("whether {what} is watched"), &why);
            }
            judgement.when = gap;
            judgement
        }));
        judgements
    }
}

const ELSEWHERE: &str = "what watches it stands in another stack, and the input does not say whether that is the same account and region";

type Candidate<'p, 'a> = (&'p near::Placed<'a>, Near);

/// The conditions within `when` under which nobody is told.
fn gaps_of(cx: &Cx<'_>, near: &[Candidate<'_, '_>], when: &Guard) -> Vec<Guard> {
    let guards: Vec<&Guard> = near
        .iter()
        .filter(|(of, near)| of.tells(*near))
        .map(|(of, _)| &of.subject.variant.when)
        .collect();
    near::gaps(cx, when, &guards)
}

/// Why there may be monitors beside a group that are not among the facts.
fn unread_near(
    cx: &Cx<'_>,
    group: &Group<'_>,
    by_config: bool,
) -> Option<std::sync::Arc<lockfast_facts::Why>> {
    const LISTS: [(&str, &str); 4] = [
        ("events", "AWS::Events::Rule"),
        ("logs", "AWS::Logs::MetricFilter"),
        ("cloudwatch", "AWS::CloudWatch::Alarm"),
        ("config", "AWS::Config::ConfigRule"),
    ];
    let mut lists = LISTS
        .iter()
        .filter(|(service, _)| by_config || *service != "config");
    lists.find_map(|(service, kind)| crate::live::unread(cx, service, &[kind], group.place()))
}

/// What comes closest to telling somebody under these conditions.
fn strongest<'n, 'p, 'a>(
    near: &'n [Candidate<'p, 'a>],
    gap: &Guard,
) -> Option<&'n Candidate<'p, 'a>> {
    near.iter()
        .filter(|(of, _)| of.subject.variant.when.compatible(gap))
        // Those that tell are elsewhere, or only tell under some of these conditions.
        .max_by(|(a, _), (b, _)| {
            a.watch
                .cmp(&b.watch)
                .then(b.subject.id().cmp(&a.subject.id()))
        })
}

/// How much was looked through, for a verdict that says something is nowhere in it.
pub(crate) fn searched(cx: &Cx<'_>) -> String {
    match (cx.inventory.origin(), cx.inventory.deployments()) {
        (Origin::Live, 1) => "the one account and region scanned".to_owned(),
        (Origin::Live, n) => format!("the {n} accounts and regions scanned"),
        // No control that looks for something asks a network or logs.
        (_, 1) => "the one stack given".to_owned(),
        (_, n) => format!("the {n} stacks given"),
    }
}

/// A judgement on what nobody is told of.
fn open(cx: &Cx<'_>, about: About, closest: Option<&Candidate<'_, '_>>, what: &str) -> Judgement {
    let Some((of, near)) = closest else {
        return Judgement::fail(
            about,
            format!("nothing watches {what} (searched {})", searched(cx)),
        );
    };
    let judgement = match &of.watch {
        Watch::Yes if *near == Near::Maybe => Judgement::unknown(
            about,
            format!("cannot tell whether {what} is watched: {ELSEWHERE}"),
        ),
        Watch::Yes => Judgement::fail(
            about,
            format!("{what} is not always watched: what watches it is made under other conditions"),
        ),
        Watch::Unknown(why) => Judgement::unknown(
            about,
            format!("cannot tell whether {what} is watched: {why}"),
        ),
        Watch::Silent(why) => Judgement::fail(
            about,
            format!("{what} is matched, but nobody is told: {why}"),
        ),
        Watch::No => Judgement::fail(about, format!("nothing watches {what}")),
    };
    step(judgement, Some(&of.subject))
}

fn step(judgement: Judgement, subject: Option<&Subject<'_>>) -> Judgement {
    match subject {
        Some(s) => judgement.step(
            format!("{} {}", s.resource.kind, s.resource.name),
            s.resource.loc,
        ),
        None => judgement,
    }
}

fn of_rule<'a>(cx: &Cx<'a>, topics: &Topics<'a>, rule: Subject<'a>) -> Option<Monitor<'a>> {
    let pattern = pattern_of(rule.at("EventPattern"))?;
    let state = rule.at("State").string().found();
    let then = if state.as_deref() == Some("DISABLED") {
        Watch::Silent("the rule is disabled")
    } else {
        match rule.at("Targets.0") {
            Read::Absent(_) => Watch::Silent("the rule has no target"),
            Read::Unknown(..) => {
                Watch::Unknown("the targets of a rule are known only at deployment")
            }
            Read::Found(..) => {
                let targets = rule.each("Targets.*").into_iter();
                let arrives = targets.map(|target| match target.found() {
                    // Its role may do what a topic and its key do not let EventBridge.
                    Some(target) if !target.at("RoleArn").is_absent() => Watch::Yes,
                    Some(target) => topics.arrives(cx, rule, Sender::Rule, target.at("Arn")),
                    None => Watch::Unknown("a target of a rule is known only at deployment"),
                });
                let arrives = arrives.max().unwrap_or(Watch::Yes);
                bus(rule.at("EventBusName")).map_or(arrives.clone(), |bus| bus.min(arrives))
            }
        }
    };
    Some(Monitor {
        subject: rule,
        names_rule: names_rule(pattern.as_ref()),
        reads: state.as_deref() == Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
        sees: Sees::Events(pattern),
        then,
        reach: near::Reach::default(),
    })
}

fn names_rule(pattern: Option<&Json>) -> bool {
    pattern.is_none_or(|pattern| pattern.pointer("/detail/configRuleName").is_some())
}

/// A pattern; `Some(None)` when it cannot be read, `None` when there is none (a schedule).
fn pattern_of(read: Read<&lockfast_facts::Value>) -> Option<Option<Json>> {
    match read {
        Read::Absent(_) => None,
        Read::Unknown(..) => Some(None),
        // CloudFormation takes the pattern as an object or as JSON text.
        Read::Found(value, _) => Some(match &value.kind {
            Kind::Text(text) => text.plain().and_then(|t| serde_json::from_str(t).ok()),
            _ => Some(json_of(value)),
        }),
    }
}

/// AWS services send their events to the default bus; what reaches another is not known.
fn bus(read: Read<&lockfast_facts::Value>) -> Option<Watch> {
    match read.string() {
        Read::Absent(_) => None,
        Read::Found(name, _) if name == "default" || name.ends_with(":event-bus/default") => None,
        _ => Some(Watch::Unknown(
            "a rule is on an event bus of its own, and nothing given says that events of AWS services are sent there",
        )),
    }
}

/// The trails of the input, by the log group that they write to.
fn trails<'a>(cx: &Cx<'a>) -> Vec<(Subject<'a>, Option<ResourceId>, Option<String>)> {
    cx.subjects(&["AWS::CloudTrail::Trail"])
        .into_iter()
        .filter_map(|trail| {
            let group = trail.at("CloudWatchLogsLogGroupArn").found()?;
            let to = cx.inventory.target(group).map(|(resource, _)| resource.id);
            let name = trail
                .at("CloudWatchLogsLogGroupArn")
                .string()
                .found()
                .and_then(|arn| {
                    let (_, name) = arn.split_once(":log-group:")?;
                    Some(name.trim_end_matches(":*").to_owned())
                });
            Some((trail, to, name))
        })
        .collect()
}

/// Whether a trail writes to the log group of a filter, and how far that trail reaches.
fn read_by(
    cx: &Cx<'_>,
    filter: Subject<'_>,
    trails: &[(Subject<'_>, Option<ResourceId>, Option<String>)],
) -> (Watch, near::Reach) {
    let group = filter.at("LogGroupName").found();
    let target = group.and_then(|g| cx.inventory.target(g)).map(|(r, _)| r);
    let name = group
        .and_then(|_| filter.at("LogGroupName").string().found())
        .or_else(|| target.and_then(|group| group.at("LogGroupName").string().found()));
    let trail = trails.iter().find(|(_, to, called)| {
        (to.is_some() && *to == target.map(|t| t.id)) || (called.is_some() && *called == name)
    });
    let on = |trail: Subject<'_>, setting: &str| trail.at(setting).bool().found() == Some(true);
    match trail {
        Some((trail, ..)) => (
            match trail.at("IsLogging").bool() {
                Read::Found(false, _) => {
                    Watch::Silent("the trail that writes to its log group does not run")
                }
                Read::Unknown(..) => Watch::Unknown(
                    "whether the trail that writes to its log group runs is not known",
                ),
                _ => Watch::Yes,
            },
            near::Reach {
                regions: on(*trail, "IsMultiRegionTrail"),
                accounts: on(*trail, "IsOrganizationTrail"),
            },
        ),
        None => (
            Watch::Unknown("no trail given writes to the log group that its filter reads"),
            near::Reach::default(),
        ),
    }
}
