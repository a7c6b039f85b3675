use super::region::{allowed, same_geography};
use crate::judgement::About;
use crate::logs::{Gaps, all_or_unknown, count, list, text};
use crate::prelude::*;
use lockfast_facts::trail::KEY;
use std::collections::HashMap;

control! {
    /// Looks at where keys were used and copied, as CloudTrail's logs tell: a key that was used in a region
    /// that is not allowed protects data there, and a replica that was made there can. A region in which
    /// data events were recorded holds data, too. Which regions are allowed, `allowed-regions` says:
    /// `residency.regions`, the classification's, or those of the environment in `lockfast.toml`. With none
    /// of these a replica must at least stay in its key's geography, and where keys are used is
    /// unknown. Where data events were not counted, or the logs lack days or files, it is unknown as well.
    ///
    /// Management events alone say nothing of data: whoever lists keys in every region makes some in each.
    id: "keys-used-in-allowed-regions",
    title: "Keys were used and copied in the regions allowed only",
    clauses: ["RES-3"],
    sources: [Trail],
    severity: High,
    fix: "Move the data and its key to an allowed region and delete the replica, or allow the region in lockfast.toml; deny others with aws:RequestedRegion.",
    cloudformation: r#"- Sid: AllowedRegionsOnly
  Effect: Deny
  Action: [kms:*]
  Resource: "*"
  Condition: {StringNotEquals: {aws:RequestedRegion: [eu-central-1, eu-west-1]}}
"#,
    cdk: r#"new iam.PolicyStatement({
  effect: iam.Effect.DENY,
  actions: ['kms:*'],
  resources: ['*'],
  conditions: { StringNotEquals: { 'aws:RequestedRegion': ['eu-central-1', 'eu-west-1'] } },
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let logs = all_or_unknown(cx, "in which regions keys are used", out);
    let gaps = Gaps::of(cx);
    let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
    let keys = kinds.into_iter().flat_map(|kind| cx.inventory.of_kind(kind));
    let keys: HashMap<&str, ResourceId> = keys.filter_map(|key| Some((key.arn.as_deref()?, key.id))).collect();
    let mut undecided = false;
    for key in cx.subjects(&[KEY]) {
        // A key that is known by more than logs is classified by that.
        let arn = key.at("Arn").string().found();
        let known = arn.as_deref().and_then(|arn| keys.get(arn));
        let allowed = allowed(cx, known.copied().unwrap_or(key.id()));
        let home = arn.as_deref().and_then(|arn| arn.split(':').nth(3)).filter(|region| !region.is_empty());
        undecided |= allowed.is_empty();
        if !allowed.is_empty() {
            let what = "whether the key is used in a region allowed";
            let uses = count(key, "Uses");
            let judgement = match (home, &uses) {
                (None, _) => Judgement::cannot_tell(key, what, &Why::NotGiven("the key's ARN".into())),
                (Some(region), _) if allowed.iter().any(|own| own == region) => {
                    Judgement::pass(key, format!("{region} is allowed"))
                }
                (Some(_), Known::Unknown(why, _)) => Judgement::cannot_tell(key, what, why),
                (Some(region), uses) if uses.value() == Some(&0) => {
                    let judgement = Judgement::pass(key, format!("nobody used the key in {region}, which is not allowed"));
                    gaps.unless(cx, key.resource, judgement, what)
                }
                (Some(region), _) => {
                    Judgement::fail(key, format!("the key was used in {region}; allowed are {}", allowed.join(", ")))
                }
            };
            out.push(judgement.fact("Uses", &uses));
        }
        judge_replicas(key, home, &allowed, out);
    }
    for logs in logs {
        let allowed = allowed(cx, logs.id());
        undecided |= allowed.is_empty();
        let place = &cx.inventory.stack_of(logs.resource).place;
        if let (Some(region), false) = (&place.region, allowed.is_empty()) {
            out.push(judge_region(&gaps, cx, logs, region, &allowed));
        }
    }
    if undecided {
        let why = Why::NotGiven("which regions lockfast.toml allows".into());
        out.push(Judgement::cannot_tell(About::Input, "whether keys are used in regions allowed", &why));
    }
}

fn judge_replicas(key: Subject<'_>, home: Option<&str>, allowed: &[String], out: &mut Out) {
    let replicas = match list(key, "Replicas") {
        Known::Unknown(why, _) => {
            out.push(Judgement::cannot_tell(key, "where the key was copied", &why).part("replicas"));
            return;
        }
        known => known.value().copied().unwrap_or_default(),
    };
    for (index, replica) in replicas.iter().enumerate() {
        let Read::Found(region, loc) = replica.at("Region").string() else {
            let part = format!("replica {}", index + 1);
            let why = Why::NotGiven("its region".into());
            out.push(Judgement::cannot_tell(key, "where the key was copied", &why).part(part));
            continue;
        };
        let who = text(replica, "Principal").unwrap_or_else(|| "somebody".into());
        let judgement = match (allowed.is_empty(), home) {
            (false, _) if allowed.contains(&region) => Judgement::pass(key, format!("its replica in {region} is allowed")),
            (false, _) => Judgement::fail(
                key,
                format!("{who} made a replica of the key in {region}; allowed are {}", allowed.join(", ")),
            ),
            (true, Some(home)) if same_geography(home, &region) => {
                Judgement::pass(key, format!("its replica in {region} stays in its geography"))
            }
            (true, Some(home)) => {
                Judgement::fail(key, format!("{who} made a replica of a key of {home} in {region}, out of its geography"))
            }
            (true, None) => {
                let why = Why::NotGiven("the key's ARN".into());
                Judgement::cannot_tell(key, &format!("whether {region} is allowed"), &why)
            }
        };
        let mut judgement = judgement.part(format!("replica in {region}")).stated("Region", region, loc);
        for property in ["Time", "EventId"] {
            if let Read::Found(value, loc) = replica.at(property).string() {
                judgement = judgement.stated(property, value, loc);
            }
        }
        out.push(judgement);
    }
}

/// Whether the logs of a region tell of data there.
fn judge_region(gaps: &Gaps, cx: &Cx<'_>, logs: Subject<'_>, region: &str, allowed: &[String]) -> Judgement {
    let events = count(logs, "DataEvents");
    let management = count(logs, "ManagementEvents");
    let what = format!("whether there is data in {region}");
    let judgement = match (&events, &management) {
        _ if allowed.iter().any(|own| own == region) => Judgement::pass(logs, format!("{region} is allowed")),
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(logs, &what, why),
        (events, _) if events.value() == Some(&0) => {
            let judgement = Judgement::pass(logs, format!("no data event was recorded in {region}, which is not allowed"))
                .note("a trail records data events only where it is told to");
            gaps.unless(cx, logs.resource, judgement, &what)
        }
        _ => Judgement::fail(logs, format!("data was worked with in {region}; allowed are {}", allowed.join(", "))),
    };
    judgement.fact("DataEvents", &events).fact("ManagementEvents", &management)
}
