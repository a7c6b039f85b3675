use crate::prelude::*;
use lockfast_facts::Loc;

control! {
    /// Restricted data asks for enhanced monitoring of its key (`monitoring` of
    /// `[classification.asks]` in `lockfast.toml`). Something in the stacks given must watch the use or
    /// the management of the key and tell somebody: an enabled EventBridge rule with targets whose
    /// pattern asks for events of KMS, a metric filter on `kms.amazonaws.com` records with an alarm that
    /// has actions, or an alarm on a metric of the key in `AWS/KMS`. A watcher counts for the keys of
    /// its own account and region, since that is where their events arrive. Whether it catches each
    /// event that matters is for the controls of KEY-9 and MON-2.
    ///
    /// Keys that no template given makes are unknown, and so is a rule whose pattern is known only at
    /// deployment.
    id: "restricted-key-monitored",
    title: "Keys of restricted data are watched",
    clauses: ["CLS-4"],
    severity: Medium,
    fix: "Add an EventBridge rule on aws.kms events, or a metric filter with an alarm, in the key's account and region, and send it to somebody.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern:
    source: [aws.kms]
    detail-type: [AWS API Call via CloudTrail, KMS CMK Rotation, KMS CMK Deletion]
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"new events.Rule(this, 'KeyEvents', {
  eventPattern: { source: ['aws.kms'] },
  targets: [new targets.SnsTopic(securityTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let watchers = Watchers::of(cx);
    for (key, stores) in crate::key_users::by_key(cx) {
        let Some((store, class)) = stores.iter().find_map(|store| {
            let class = *cx.classification(store.resource).value()?;
            cx.config.asks(class).monitoring.then_some((*store, class))
        }) else {
            continue;
        };
        let id = match key {
            KeyTarget::Resource(id) => id,
            KeyTarget::External(name) => {
                out.push(
                    Judgement::unknown(
                        store,
                        format!("cannot tell whether {name}, the key of this {class} data, is watched: no template given makes it"),
                    )
                    .part(name),
                );
                continue;
            }
            KeyTarget::AwsManaged(_) => continue,
        };
        for subject in cx.inventory.variants_of(id) {
            out.push(watchers.judge(cx, subject, class));
        }
    }
}

/// What watches keys.
struct Watchers<'a> {
    /// Rules, filters and alarms, and the one key they are about (any, when `None`).
    found: Vec<(Subject<'a>, Option<ResourceId>, &'static str)>,
    unknown: Vec<(Subject<'a>, Arc<Why>, Loc)>,
}

impl<'a> Watchers<'a> {
    fn of(cx: &Cx<'a>) -> Self {
        let mut watchers = Watchers {
            found: Vec::new(),
            unknown: Vec::new(),
        };
        for rule in cx.subjects(&["AWS::Events::Rule"]) {
            watchers.rule(rule);
        }
        let alarms: Vec<Subject<'a>> = cx
            .subjects(&["AWS::CloudWatch::Alarm"])
            .into_iter()
            .filter(|alarm| {
                !matches!(alarm.at("AlarmActions").list(), Read::Absent(_))
                    && alarm
                        .at("AlarmActions")
                        .list()
                        .found()
                        .is_none_or(|actions| !actions.is_empty())
                    && alarm.at("ActionsEnabled").bool().found() != Some(false)
            })
            .collect();
        for filter in cx.subjects(&["AWS::Logs::MetricFilter"]) {
            let of_kms = matches!(filter.at("FilterPattern").text(), Read::Found(text, _)
                if text.render(|_| String::new()).contains("kms.amazonaws.com"));
            let metric = |subject: Subject<'_>, at: &str| subject.at(at).string().found();
            let name = metric(filter, "MetricTransformations.0.MetricName");
            if of_kms
                && name.is_some()
                && alarms.iter().any(|alarm| {
                    metric(*alarm, "MetricName") == name
                        && metric(*alarm, "Namespace")
                            == metric(filter, "MetricTransformations.0.MetricNamespace")
                })
            {
                watchers
                    .found
                    .push((filter, None, "metric filter with an alarm"));
            }
        }
        for alarm in alarms {
            if alarm.at("Namespace").string().found().as_deref() == Some("AWS/KMS") {
                for value in alarm
                    .each("Dimensions.*.Value")
                    .into_iter()
                    .filter_map(Read::found)
                {
                    if let Some((key, _)) = cx.inventory.target(value) {
                        watchers
                            .found
                            .push((alarm, Some(key.id), "alarm on the key"));
                    }
                }
            }
        }
        watchers
    }

    fn rule(&mut self, rule: Subject<'a>) {
        if rule.at("State").string().found().as_deref() == Some("DISABLED")
            || rule.at("Targets").is_absent()
        {
            return;
        }
        let mut sources = rule.each("EventPattern.source.*");
        sources.extend(rule.each("EventPattern.detail.eventSource.*"));
        for source in sources {
            match source.string() {
                Read::Found(name, _) if name == "aws.kms" || name == "kms.amazonaws.com" => {
                    self.found.push((rule, None, "EventBridge rule"));
                    return;
                }
                Read::Unknown(why, loc) => self.unknown.push((rule, why, loc)),
                _ => {}
            }
        }
    }

    fn judge(&self, cx: &Cx<'_>, key: Subject<'_>, class: Classification) -> Judgement {
        let near = |watcher: Subject<'_>| {
            let (a, b) = (
                cx.inventory.stack_of(watcher.resource),
                cx.inventory.stack_of(key.resource),
            );
            let differs = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| matches!((a, b), (Some(a), Some(b)) if a != b);
            !differs(&a.place.account, &b.place.account)
                && !differs(&a.place.region, &b.place.region)
                && watcher.variant.when.compatible(&key.variant.when)
        };
        let watcher = self
            .found
            .iter()
            .find(|(watcher, only, _)| only.is_none_or(|only| only == key.id()) && near(*watcher));
        if let Some((watcher, _, what)) = watcher {
            return Judgement::pass(
                key,
                format!("this key of {class} data is watched by an {what}")
                    .replace("an metric", "a metric"),
            )
            .step(
                format!("{what} {}", watcher.resource.name),
                watcher.resource.loc,
            );
        }
        if let Some((_, why, loc)) = self.unknown.iter().find(|(watcher, ..)| near(*watcher)) {
            return Judgement::cannot_tell(
                key,
                &format!("whether this key of {class} data is watched"),
                why,
            )
            .at(*loc);
        }
        let searched = match cx.inventory.stacks().len() {
            1 => "the one stack given".to_owned(),
            n => format!("all {n} stacks given"),
        };
        Judgement::fail(
            key,
            format!("nothing watches this key of {class} data (searched {searched})"),
        )
    }
}
