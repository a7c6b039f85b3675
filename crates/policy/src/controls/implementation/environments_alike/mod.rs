use super::counterpart;
use super::level::Level;
use super::settings::{self, AWS_KEY, CUSTOMER_KEY, Settings};
use crate::cx::{EnvironmentName, bare, chooses_environment};
use crate::live::is_gap;
use crate::prelude::*;
use lockfast_facts::Guard;
use lockfast_facts::tables::storage_type;
use std::collections::BTreeMap;

control! {
    /// Pairs the resources of the environments of one system: same type, and the same construct path
    /// (or stack and logical id) once the environment's words are taken out, so `Prod/Data/Orders` is
    /// `Staging/Data/Orders`. A template that one parameter turns into several environments
    /// (`Env=dev`, `Env=prod`) is compared with itself. What is compared: whether and with whose key
    /// each store is encrypted, what each listener, distribution and API is encrypted with, whether a bucket
    /// refuses plain HTTP, the `sslmode` of connection strings, and switches such as `rds.force_ssl`, key
    /// rotation and transit encryption (the table `switches.toml`, with what AWS does without them). Each
    /// environment is held against the one nearest to production; every setting that differs is one
    /// finding, at the environment that is weaker, or at the other one where neither is.
    ///
    /// Outside production, a key of AWS may stand where production has a customer managed key: the
    /// policy allows that, and a note says so. What exists in one environment only is not judged. A setting
    /// that is known only at deployment, in either environment, is unknown.
    id: "environments-alike",
    title: "The environments of a system have the same encryption settings",
    clauses: ["ENV-3"],
    severity: Medium,
    fix: "Set the weaker one as in the other environment, best by taking the setting out of the environment's configuration altogether.",
    cloudformation: r#"Type: AWS::RDS::DBParameterGroup
Properties:
  Family: postgres17
  Parameters: {rds.force_ssl: "1"} # in every environment
"#,
    cdk: r#"for (const env of [prod, staging, dev]) {
  new ShopStage(app, env.name, { env }); // sizes and counts differ by environment, encryption does not
}
"#,
}

/// A resource of an environment, with the number of its variant.
type Named<'a> = (EnvironmentName, Subject<'a>, usize);

/// A resource of an environment, and its settings.
struct Member<'a> {
    environment: EnvironmentName,
    subject: Subject<'a>,
    settings: Settings,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    // Most inputs hold one environment, and then there is nothing to read.
    if !several_environments(cx) {
        return;
    }
    let mut families: BTreeMap<(Option<Arc<str>>, String), Vec<Named<'_>>> = BTreeMap::new();
    for resource in cx.inventory.resources() {
        // What could not be listed in one environment is no counterpart of what was in another.
        if is_gap(resource) {
            if let (true, Read::Unknown(why, _)) = (storage_type(&resource.kind).is_some(), resource.at("")) {
                out.push(Judgement::cannot_tell(resource, "whether the environments are alike", &why));
            }
            continue;
        }
        for (index, subject) in cx.inventory.variants_of(resource.id).enumerate() {
            let Some(environment) = environment(cx, subject) else {
                continue;
            };
            let key = counterpart::key(cx, subject, &environment);
            let system = cx
                .environment_name(resource.id)
                .value()
                .and_then(|e| e.system.clone());
            let named = (environment, subject, index);
            families.entry((system, key)).or_default().push(named);
        }
    }
    let mut found = settings::Found::new(cx);
    for named in families.into_values() {
        // Most are alone, and settings of all at once would take more room than the facts.
        if named.iter().all(|(environment, ..)| *environment == named[0].0) {
            continue;
        }
        let members: Vec<Member<'_>> = named
            .into_iter()
            .map(|(environment, subject, index)| Member {
                environment,
                subject,
                settings: found.settings(cx, subject, index),
            })
            .collect();
        // What leaves everything to AWS has no settings of its own, and may yet differ from one that has.
        if members.iter().any(|member| !member.settings.is_empty()) {
            compare(cx, out, members);
        }
    }
}

fn several_environments(cx: &Cx<'_>) -> bool {
    let mut found: Option<EnvironmentName> = None;
    let subjects = cx
        .inventory
        .resources()
        .iter()
        .flat_map(|r| cx.inventory.variants_of(r.id));
    for name in subjects.filter_map(|subject| environment(cx, subject)) {
        match &found {
            Some(first) if name != *first => return true,
            Some(_) => {}
            None => found = Some(name),
        }
    }
    false
}

/// The environment of a variant, when it is one's own: what is made alike for each needs no comparing.
fn environment(cx: &Cx<'_>, subject: Subject<'_>) -> Option<EnvironmentName> {
    match &*cx.environments(subject, &subject.variant.when) {
        [(environment, when)] if when.is_always() => environment.value().cloned(),
        _ => None,
    }
}

/// Holds every environment against the one nearest to production.
fn compare(cx: &Cx<'_>, out: &mut Out, mut members: Vec<Member<'_>>) {
    members.sort_by(|a, b| {
        a.environment
            .cmp(&b.environment)
            .then(a.subject.id().cmp(&b.subject.id()))
    });
    let Some(first) = members.first() else {
        return;
    };
    let reference = first.environment.clone();
    let (models, others): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|m| m.environment == reference);
    for other in &others {
        // Under conditions an environment has several variants of a resource; like is held against like.
        let Some(model) = models
            .iter()
            .find(|m| alike(&m.subject.variant.when, &other.subject.variant.when))
        else {
            continue;
        };
        let mut differs = false;
        let names: std::collections::BTreeSet<&String> =
            model.settings.keys().chain(other.settings.keys()).collect();
        for name in names {
            if let Some(judgement) = difference(cx, model, other, name) {
                differs = true;
                out.push(judgement);
            }
        }
        if !differs {
            out.push(
                Judgement::pass(
                    other.subject,
                    format!(
                        "its encryption settings are those of {}",
                        model.environment.name
                    ),
                )
                .step(
                    format!(
                        "{} in {}",
                        model.subject.resource.name, model.environment.name
                    ),
                    model.subject.resource.loc,
                ),
            );
        }
    }
}

/// True when two conditions differ in nothing but the environment.
fn alike(a: &Guard, b: &Guard) -> bool {
    a.choices().iter().all(|(name, value)| {
        chooses_environment(bare(name))
            || b.choices()
                .iter()
                .all(|(n, v)| bare(n) != bare(name) || v == value)
    })
}

fn difference(
    cx: &Cx<'_>,
    model: &Member<'_>,
    other: &Member<'_>,
    name: &str,
) -> Option<Judgement> {
    let (a, b) = (model.settings.get(name), other.settings.get(name));
    // A replica, device or listener that only one of them has is a difference in size, not in encryption.
    if a.or(b).is_some_and(|s| s.optional) && (a.is_none() || b.is_none()) {
        return None;
    }
    let there = a.map_or_else(|| settings::absent(model.subject, name), |s| s.value.clone());
    let here = b.map_or_else(|| settings::absent(other.subject, name), |s| s.value.clone());
    let (reference, environment) = (&model.environment.name, &other.environment.name);
    let differs = |member: &Member<'_>, own: &Level, (than, wanted): (&Arc<str>, &Level)| {
        let own_name = &member.environment.name;
        Judgement::fail(member.subject, format!("{name} differs: {own} in {own_name}, {wanted} in {than}")).fix(format!(
            "Set {name} in {own_name} as in {than} ({wanted}), best by taking the setting out of the environment's configuration altogether."
        ))
    };
    let judgement = match (there.value(), here.value()) {
        (Some(x), Some(y)) if x.same(y) => return None,
        // Where neither says anything, AWS does the same in both, whatever that is.
        (None, None) if unsaid(&there) && there.why() == here.why() => return None,
        // The policy lets other environments save the cost of a key of their own.
        (Some(x), Some(y)) if a.or(b).is_some_and(|s| s.is_key) && x.to_string() == CUSTOMER_KEY && y.to_string() == AWS_KEY
            && model.environment.kind == EnvironmentKind::Production =>
        {
            Judgement::pass(other.subject, format!("{environment} has a key of AWS where {reference} has a customer managed key, which the policy allows"))
                .note("whose key differs between the environments")
        }
        // The weaker of the two is where to mend it, be it the one nearest to production.
        (Some(x), Some(y)) if x.is_weaker(y) => {
            return Some(
                differs(model, x, (environment, y))
                    .at(there.loc())
                    .part(format!("{name} beside {environment}"))
                    .fact(format!("{name} in {reference}"), &there)
                    .fact(format!("{name} in {environment}"), &here)
                    .step(format!("{} in {environment}", cx.label(other.subject.resource)), here.loc()),
            );
        }
        (Some(x), Some(y)) => differs(other, y, (reference, x)),
        (x, _) => {
            let (known, why) = if x.is_none() { (reference, there.why()) } else { (environment, here.why()) };
            let what = format!("whether {name} is the same in {reference} and {environment} ({known} is not known)");
            match why {
                Some(why) => Judgement::cannot_tell(other.subject, &what, why),
                None => Judgement::unknown(other.subject, format!("cannot tell {what}")),
            }
        }
    };
    let label = cx.label(model.subject.resource);
    Some(
        judgement
            .at(here.loc())
            .part(name.to_owned())
            .fact(format!("{name} in {environment}"), &here)
            .fact(format!("{name} in {reference}"), &there)
            .step(format!("{label} in {reference}"), there.loc()),
    )
}

/// True for what a template leaves to AWS, whose documents do not say what it does then.
fn unsaid(level: &Known<Level>) -> bool {
    level.why().is_some_and(|why| matches!(**why, Why::Unsupported(_)))
}
