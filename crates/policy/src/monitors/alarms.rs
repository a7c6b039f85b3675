//! Alarms of CloudWatch: on which metric, and whether somebody is told.

use super::{Group, Near, Reach, Watch, is_near};
use crate::cx::Cx;
use lockfast_facts::{Part, Read, ResourceId, Subject, Value};
use std::collections::HashMap;

/// Alarms with an action that somebody gets, by metric.
pub(crate) struct Alarms<'a>(HashMap<(String, String), Vec<(Subject<'a>, Watch)>>);

impl<'a> Alarms<'a> {
    /// Finds the alarms of the input.
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
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
        let mut best = Watch::Silent("no alarm is on the metric of its filter");
        let group = Group::of(cx, filter);
        for transformation in filter.each("MetricTransformations.*") {
            let Read::Found(transformation, _) = transformation else {
                best = best.max(Watch::Unknown(
                    "the metric of its filter is known only at deployment",
                ));
                continue;
            };
            let read = |name: &str| transformation.at(name).string().found();
            let (Some(namespace), Some(name)) = (read("MetricNamespace"), read("MetricName"))
            else {
                best = best.max(Watch::Unknown(
                    "the metric of its filter is known only at deployment",
                ));
                continue;
            };
            for (alarm, told) in self.on(&namespace, &name) {
                if is_near(cx, &group, *alarm, Reach::default()) == Near::Yes
                    && alarm.variant.when.compatible(&filter.variant.when)
                {
                    best = best.max(told.clone());
                }
            }
        }
        best
    }
}

/// Whether an alarm has an action, and does it.
fn told(alarm: Subject<'_>) -> Watch {
    match (
        alarm.at("ActionsEnabled").bool(),
        alarm.at("AlarmActions.0"),
    ) {
        (Read::Found(false, _), _) => Watch::Silent("the actions of its alarm are switched off"),
        (_, Read::Absent(_)) => Watch::Silent("its alarm has no action"),
        (Read::Unknown(..), _) | (_, Read::Unknown(..)) => {
            Watch::Unknown("the actions of its alarm are known only at deployment")
        }
        _ => Watch::Yes,
    }
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
