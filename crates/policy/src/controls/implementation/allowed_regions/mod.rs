use crate::prelude::*;

control! {
    /// Collects where data and its copies lie: each store's stack, replicas of global tables and
    /// secrets, replication destinations of buckets. They must lie in the regions allowed by
    /// `residency.regions`, by the classification's `regions`, or by the regions of the store's
    /// environment in `lockfast.toml`. With none of these, data must at least stay in its own
    /// geography: a copy of `eu-…` data in `us-…` fails.
    id: "allowed-regions",
    title: "Data and its copies stay in the regions allowed",
    clauses: ["RES-3"],
    severity: High,
    fix: "Move the store or its copy to an allowed region, or allow the region in lockfast.toml.",
    cloudformation: r#"Replicas:
  - Region: eu-central-1
  - Region: eu-west-1
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Orders', { replicas: [{ region: 'eu-west-1' }] });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut last = None;
    for store in cx.inventory.stores() {
        if last == Some((store.resource, store.variant)) {
            continue;
        }
        last = Some((store.resource, store.variant));
        let subject = store.subject(cx.inventory);
        let home = cx.inventory.stack_of(subject.resource).place.region.clone();
        let allowed = allowed(cx, store);
        if let Some(home) = &home
            && !allowed.is_empty()
        {
            out.push(verdict(subject, home, Some(home), &allowed));
        }
        for (what, read) in copies(cx, subject) {
            match read {
                Read::Found(region, loc) => {
                    out.push(verdict(subject, &region, home.as_deref(), &allowed).part(what).at(loc));
                }
                Read::Unknown(why, loc) => {
                    out.push(Judgement::cannot_tell(subject, &format!("the region of {what}"), &why).part(what).at(loc));
                }
                Read::Absent(_) => {}
            }
        }
    }
}

/// The regions allowed for a store; empty when nobody said.
fn allowed(cx: &Cx<'_>, store: &Store) -> Vec<String> {
    if let Some(classification) = cx.classification(store.resource).value() {
        let asked = cx.config.asks(*classification).regions;
        if !asked.is_empty() {
            return asked;
        }
    }
    if !cx.config.residency.regions.is_empty() {
        return cx.config.residency.regions.clone();
    }
    let environment = cx.environment_name(store.resource).value();
    cx.config
        .customer
        .iter()
        .flat_map(|customer| customer.system.iter().map(move |system| (customer, system)))
        .filter(|(customer, system)| {
            environment.is_some_and(|e| {
                e.system.as_deref() == Some(&*format!("{}/{}", customer.name, system.name))
            })
        })
        .flat_map(|(_, system)| &system.environment)
        .filter(|e| environment.is_some_and(|own| *own.name == *e.name))
        .flat_map(|e| e.regions.clone())
        .collect()
}

/// The copies a store makes of itself, with their regions.
fn copies(cx: &Cx<'_>, subject: Subject<'_>) -> Vec<(String, Read<String>)> {
    let lists = match subject.kind() {
        "AWS::DynamoDB::GlobalTable" => "Replicas.*.Region",
        "AWS::SecretsManager::Secret" => "ReplicaRegions.*.Region",
        "AWS::S3::Bucket" => "ReplicationConfiguration.Rules.*.Destination.Bucket",
        _ => return Vec::new(),
    };
    subject
        .each(lists)
        .into_iter()
        .enumerate()
        .map(|(i, read)| {
            let region = match (&read, subject.kind()) {
                (Read::Found(value, loc), "AWS::S3::Bucket") => match cx.inventory.target(value) {
                    Some((bucket, _)) => match &cx.inventory.stack_of(bucket).place.region {
                        Some(region) => Read::Found(region.to_string(), *loc),
                        None => Read::Unknown(
                            Arc::new(Why::NotGiven(format!("the region of bucket {}", bucket.name))),
                            *loc,
                        ),
                    },
                    None => Read::Unknown(Arc::new(Why::NotGiven("the destination bucket".into())), *loc),
                },
                _ => read.string(),
            };
            let name = match &region {
                Read::Found(region, _) => format!("copy in {region}"),
                _ => format!("copy {}", i + 1),
            };
            (name, region)
        })
        .collect()
}

fn verdict<'a>(subject: Subject<'a>, region: &str, home: Option<&str>, allowed: &[String]) -> Judgement {
    let geography = |r: &str| r.split('-').next().unwrap_or_default().to_owned();
    if !allowed.is_empty() {
        return if allowed.iter().any(|a| a == region) {
            Judgement::pass(subject, format!("{region} is allowed"))
        } else {
            Judgement::fail(subject, format!("its data lies in {region}; allowed are {}", allowed.join(", ")))
        };
    }
    match home {
        Some(home) if geography(home) != geography(region) => {
            Judgement::fail(subject, format!("a copy of data of {home} leaves its geography for {region}"))
        }
        Some(_) => Judgement::pass(subject, format!("its copy in {region} stays in its geography")),
        None => Judgement::unknown(
            subject,
            format!("cannot tell whether {region} is allowed: neither lockfast.toml nor the stack's region says"),
        ),
    }
}
