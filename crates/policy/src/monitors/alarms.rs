//! Alarms of CloudWatch: on which metric, and whether somebody is told.

use super::topics::{Sender, Topics};
use super::{Group, Near, Reach, Watch, is_near};
use crate::cx::Cx;
use lockfast_facts::{Part, Read, ResourceId, Subject, Value};
use std::collections::{BTreeSet, HashMap};

/// Alarms with an action that somebody gets, by metric.
pub(crate) struct Alarms<'a>(HashMap<(String, String), Vec<(Subject<'a>, Watch)>>);

impl<'a> Alarms<'a> {
    /// Finds the alarms of the input.
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        let topics = Topics::of(cx);
        let told = |alarm| told(cx, &topics, alarm);
        let composites = cx.subjects(&["AWS::CloudWatch::CompositeAlarm"]);
        let mut by_metric: HashMap<_, Vec<_>> = HashMap::new();
        for alarm in cx.subjects(&["AWS::CloudWatch::Alarm"]) {
            let told = match told(alarm) {
                Watch::Yes => Watch::Yes,
                own => composites
                    .iter()
                    .filter(|composite| mentions(**composite, alarm))
                    .map(|composite| told(*composite))
                    .fold(own, Ord::max),
            };
            for (name, namespace) in metrics(alarm) {
                by_metric
                    .entry((namespace, name))
                    .or_default()
                    .push((alarm, told.clone()));
            }
        }
        Alarms(by_metric)
    }

    /// The alarms on a metric, and whether each tells somebody.
    pub(crate) fn on(&self, namespace: &str, name: &str) -> &[(Subject<'a>, Watch)] {
        self.0
            .get(&(namespace.to_owned(), name.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    /// The same, as far as they go off when the metric has the one value, and not the other.
    pub(crate) fn going_off(
        &self,
        namespace: &str,
        name: &str,
        at: f64,
        calm: f64,
    ) -> Vec<(Subject<'a>, Watch)> {
        let alarms = self.on(namespace, name).iter();
        alarms
            .map(|(alarm, told)| (*alarm, told.clone().min(goes_off(*alarm, at, calm))))
            .collect()
    }

    /// The alarms on any metric of a namespace.
    pub(crate) fn of_namespace(
        &self,
        namespace: &str,
    ) -> impl Iterator<Item = &(Subject<'a>, Watch)> {
        let mut found: Vec<_> = self
            .0
            .iter()
            .filter(|((of, _), _)| of == namespace)
            .flat_map(|(_, alarms)| alarms)
            .collect();
        found.sort_by_key(|(alarm, _)| alarm.id());
        found.into_iter()
    }

    /// Alarms by the resource that a dimension of theirs names.
    pub(crate) fn by_resource<'s>(
        cx: &Cx<'a>,
        alarms: impl IntoIterator<Item = &'s (Subject<'a>, Watch)>,
    ) -> HashMap<ResourceId, Vec<(Subject<'a>, Watch)>>
    where
        'a: 's,
    {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (alarm, told) in alarms {
            for value in alarm
                .each("Dimensions.*.Value")
                .into_iter()
                .filter_map(Read::found)
            {
                if let Some((resource, _)) = cx.inventory.target(value) {
                    found
                        .entry(resource.id)
                        .or_default()
                        .push((*alarm, told.clone()));
                }
            }
        }
        found
    }

    /// Whether somebody is told of what a metric filter counts.
    pub(super) fn over(&self, cx: &Cx<'a>, filter: Subject<'a>) -> Watch {
        let mut best: Option<Watch> = None;
        let group = Group::of(cx, filter);
        for transformation in filter.each("MetricTransformations.*") {
            let Read::Found(transformation, _) = transformation else {
                best = best.max(Some(Watch::Unknown(
                    "the metric of its filter is known only at deployment",
                )));
                continue;
            };
            let read = |name: &str| transformation.at(name).string().found();
            let (Some(namespace), Some(name)) = (read("MetricNamespace"), read("MetricName"))
            else {
                best = best.max(Some(Watch::Unknown(
                    "the metric of its filter is known only at deployment",
                )));
                continue;
            };
            // A filter may count what a field says; one event is one then.
            let counted = match read("MetricValue").map(|value| value.parse::<f64>()) {
                Some(Ok(value)) => value,
                _ => 1.0,
            };
            let otherwise = read("DefaultValue").and_then(|value| value.trim().parse().ok());
            let dimensions = names(transformation.each("Dimensions.*.Key"));
            for (alarm, told) in self.on(&namespace, &name) {
                if is_near(cx, &group, *alarm, Reach::default()) == Near::Yes
                    && alarm.variant.when.compatible(&filter.variant.when)
                {
                    let told = match is_on(*alarm, &namespace, &name, dimensions.as_ref()) {
                        true => told
                            .clone()
                            .min(goes_off(*alarm, counted, -1.0))
                            .min(of_one_event(*alarm, otherwise)),
                        false => Watch::Silent(
                            "its alarm is on dimensions that the metric of its filter does not have",
                        ),
                    };
                    best = best.max(Some(told));
                }
            }
        }
        best.unwrap_or(Watch::Silent("no alarm is on the metric of its filter"))
    }
}

/// Whether an alarm has an action, does it, and the action reaches somebody.
fn told<'a>(cx: &Cx<'a>, topics: &Topics<'a>, alarm: Subject<'a>) -> Watch {
    match (
        alarm.at("ActionsEnabled").bool(),
        alarm.at("AlarmActions.0"),
    ) {
        (Read::Found(false, _), _) => Watch::Silent("the actions of its alarm are switched off"),
        (_, Read::Absent(_)) => Watch::Silent("its alarm has no action"),
        (Read::Unknown(..), _) | (_, Read::Unknown(..)) => {
            Watch::Unknown("the actions of its alarm are known only at deployment")
        }
        _ => {
            let actions = alarm.each("AlarmActions.*").into_iter();
            let arrives = actions.map(|to| topics.arrives(cx, alarm, Sender::Alarm, to));
            arrives.max().unwrap_or(Watch::Yes)
        }
    }
}

/// Whether an alarm goes off when its metric has the one value, and not when it has the other.
fn goes_off(alarm: Subject<'_>, at: f64, calm: f64) -> Watch {
    let threshold = match alarm.at("Threshold").string() {
        Read::Found(written, _) => match written.trim().parse::<f64>() {
            Ok(threshold) => threshold,
            Err(_) => return Watch::Unknown("the threshold of its alarm is no number"),
        },
        Read::Absent(_) => {
            return Watch::Unknown("its alarm learns what is usual, or has no threshold");
        }
        Read::Unknown(..) => {
            return Watch::Unknown("the threshold of its alarm is known only at deployment");
        }
    };
    if alarm
        .each("Metrics.*.Expression")
        .iter()
        .any(|read| !read.is_absent())
    {
        return Watch::Unknown("its alarm is on an expression of several metrics");
    }
    let Read::Found(operator, _) = alarm.at("ComparisonOperator").string() else {
        return Watch::Unknown("the comparison of its alarm is known only at deployment");
    };
    let holds = |value: f64| match operator.as_str() {
        "GreaterThanOrEqualToThreshold" => value >= threshold,
        "GreaterThanThreshold" => value > threshold,
        "LessThanThreshold" => value < threshold,
        "LessThanOrEqualToThreshold" => value <= threshold,
        _ => false,
    };
    match (holds(at), holds(calm)) {
        (true, false) => Watch::Yes,
        (true, true) => Watch::Silent("its alarm is always on, whatever happens"),
        _ => Watch::Silent(COMPARISON_NEVER_HOLDS),
    }
}

/// Whether one event is enough for an alarm: one that wants several periods needs events in each of them,
/// unless what it makes of a period without any helps. `otherwise` is what the filter counts then.
fn of_one_event(alarm: Subject<'_>, otherwise: Option<f64>) -> Watch {
    let count = |name: &str| match alarm.at(name).string() {
        Read::Found(written, _) => Some(written.trim().parse::<u32>().ok()),
        Read::Unknown(..) => Some(None),
        Read::Absent(_) => None,
    };
    match count("DatapointsToAlarm").or_else(|| count("EvaluationPeriods")) {
        None | Some(Some(..=1)) => return Watch::Yes,
        Some(Some(_)) => {}
        Some(None) => {
            return Watch::Unknown("how many periods its alarm wants is known only at deployment");
        }
    }
    let calm = |value| {
        matches!(
            goes_off(alarm, value, value),
            Watch::Silent(COMPARISON_NEVER_HOLDS)
        )
    };
    let missing = alarm.at("TreatMissingData").string();
    if missing.found().as_deref() == Some("notBreaching") || otherwise.is_some_and(calm) {
        return Watch::Silent(
            "its alarm wants events in several periods, so one does not set it off",
        );
    }
    Watch::Unknown(
        "its alarm wants several periods, and what it makes of those without events decides",
    )
}

const COMPARISON_NEVER_HOLDS: &str =
    "the comparison and threshold of its alarm do not make it go off";

/// The names of dimensions; `None` when they are not known.
fn names(reads: Vec<Read<&Value>>) -> Option<BTreeSet<String>> {
    let named = reads.into_iter().filter(|read| !read.is_absent());
    named.map(|read| read.string().found()).collect()
}

/// Whether an alarm is on a metric with these dimensions: one with others is another metric.
fn is_on(
    alarm: Subject<'_>,
    namespace: &str,
    name: &str,
    dimensions: Option<&BTreeSet<String>>,
) -> bool {
    let same = |of: Read<&Value>, wanted: &str| of.string().found().as_deref() == Some(wanted);
    let is = |metric: &Value| {
        same(metric.at("Namespace"), namespace) && same(metric.at("MetricName"), name)
    };
    let of_math = alarm
        .each("Metrics.*.MetricStat.Metric")
        .into_iter()
        .filter_map(Read::found);
    let metrics = std::iter::once(&alarm.variant.properties).chain(of_math);
    metrics.filter(|metric| is(metric)).any(|metric| {
        match (names(metric.each("Dimensions.*.Name")), dimensions) {
            (Some(own), Some(wanted)) => own == *wanted,
            _ => true,
        }
    })
}

/// The metrics that an alarm is on, as `(name, namespace)`.
fn metrics(alarm: Subject<'_>) -> Vec<(String, String)> {
    let pair = |name: Read<&Value>, namespace: Read<&Value>| {
        Some((name.string().found()?, namespace.string().found()?))
    };
    let own = pair(alarm.at("MetricName"), alarm.at("Namespace"));
    let of_math = alarm
        .each("Metrics.*.MetricStat.Metric")
        .into_iter()
        .filter_map(Read::found)
        .filter_map(|metric| pair(metric.at("MetricName"), metric.at("Namespace")));
    own.into_iter().chain(of_math).collect()
}

/// Whether a composite alarm's rule speaks of an alarm, by reference or by name.
fn mentions(composite: Subject<'_>, alarm: Subject<'_>) -> bool {
    let Read::Found(text, _) = composite.at("AlarmRule").text() else {
        return false;
    };
    let name = alarm.at("AlarmName").string().found();
    text.parts().iter().any(|part| match part {
        Part::Reference(to) => to.target == alarm.id(),
        Part::Literal(text) => name.as_deref().is_some_and(|name| text.contains(name)),
        _ => false,
    })
}
