use crate::incidents;
use crate::live::unless_unread;
use crate::monitors::{KeyWatch, unread_monitors};
use crate::prelude::*;
use std::collections::BTreeSet;

control! {
    /// Judges the keys of incidents that `lockfast.toml` declares (`[[incident]]`): those it names, and those
    /// of the stores it names as exposed. Something must watch each and tell somebody: an EventBridge rule
    /// or a metric filter with an alarm, in the key's account and region, that matches its use or its
    /// management (patterns are evaluated against sample events), or an alarm on a metric of the key. Where
    /// rules, filters or alarms could not be read, or the key was not scanned, what shows nowhere is
    /// unknown. AWS's own keys cannot be compromised by their customers and are not judged.
    ///
    /// With no incident declared there is nothing to judge.
    id: "exposed-keys-watched",
    title: "Keys of exposed data are watched closely",
    clauses: ["DER-2"],
    sources: [Live],
    severity: High,
    fix: "Add an EventBridge rule on the key's events (state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, so that it sees Decrypt), and send it to whoever handles the incident.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  State: ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS
  EventPattern:
    source: [aws.kms]
    detail: {resources: {ARN: [!GetAtt OrdersKey.Arn]}}
  Targets: [{Id: incident, Arn: !Ref IncidentTopic}]
"#,
    cdk: r#"const watch = new events.Rule(this, 'OrdersKeyWatch', {
  eventPattern: { source: ['aws.kms'], detail: { resources: { ARN: [ordersKey.keyArn] } } },
  targets: [new targets.SnsTopic(incidentTopic)],
});
(watch.node.defaultChild as events.CfnRule).state = 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let incidents = incidents::that(cx, out, ("", |_| true));
    if incidents.is_empty() {
        return;
    }
    let watch = KeyWatch::of(cx);
    for incident in incidents {
        let mut keys = BTreeSet::new();
        for arn in &incident.keys {
            match incidents::resource(cx, arn) {
                Some(key) => {
                    keys.insert(key.id);
                }
                None => out.push(incidents::not_scanned(incident, arn, "whether the key is watched")),
            }
        }
        for arn in &incident.resources {
            let Some(resource) = incidents::resource(cx, arn) else {
                out.push(incidents::not_scanned(incident, arn, "which key what was exposed is under"));
                continue;
            };
            for store in cx.inventory.stores_of(resource.id) {
                let used = store.protection.value().and_then(Protection::customer_key);
                match (used.map(|key| &key.target), store.protection.why()) {
                    (Some(KeyTarget::Resource(key)), _) => {
                        keys.insert(*key);
                    }
                    (Some(KeyTarget::External(key)), _) => {
                        out.push(incidents::not_scanned(incident, key, "whether the key is watched"));
                    }
                    (_, Some(why)) => {
                        let judgement = Judgement::cannot_tell(resource, "which key is to be watched", why);
                        out.push(judgement.part(incident.id.clone()));
                    }
                    _ => {}
                }
            }
        }
        for id in keys {
            let unread = unread_monitors(cx, &cx.inventory.stack_of(cx.inventory.resource(id)).place);
            for judgement in watch.judge_by_name(cx, id, "this key") {
                let judgement = unless_unread(judgement, unread.as_deref(), "whether this key is watched");
                out.push(judgement.part(incident.id.clone()));
            }
        }
    }
}
