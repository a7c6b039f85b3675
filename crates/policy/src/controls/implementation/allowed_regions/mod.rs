use crate::Verdict;
use super::region::{ArnRegion, allowed, is_own_region, of_arn, same_geography};
use crate::prelude::*;
use lockfast_facts::Loc;

control! {
    /// Collects where data and its copies lie: each store's stack, and every property that sends copies
    /// elsewhere (the table beside this file): replicas of tables, secrets and file systems, replication
    /// of buckets and registries, and backups and snapshots that are copied to another region. They must
    /// lie in the regions allowed by `residency.regions`, by the classification's `regions`, or by the
    /// regions of the store's environment in `lockfast.toml`. With none of these, data must at least
    /// stay in its own geography: a copy of `eu-…` data in `us-…` fails.
    ///
    /// A bucket elsewhere lies where the key of its replicas does; with neither known, it is unknown. A
    /// replication rule that is disabled copies nothing.
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

/// What sends copies elsewhere: type, path, and what stands there (AWS CloudFormation Template Reference,
/// each type's page).
const COPIES: [(&str, &str, Names); 20] = [
    ("AWS::Backup::BackupPlan", "BackupPlan.BackupPlanRule.*.CopyActions.*.DestinationBackupVaultArn", Names::Resource),
    ("AWS::Cassandra::Keyspace", "ReplicationSpecification.RegionList.*", Names::Region),
    ("AWS::DLM::LifecyclePolicy", "CrossRegionCopyTargets.*.TargetRegion", Names::Region),
    ("AWS::DLM::LifecyclePolicy", "PolicyDetails.Actions.*.CrossRegionCopy.*.Target", Names::RegionOrOutpost),
    ("AWS::DLM::LifecyclePolicy", "PolicyDetails.CrossRegionCopyTargets.*.TargetRegion", Names::Region),
    ("AWS::DLM::LifecyclePolicy", "PolicyDetails.Schedules.*.CrossRegionCopyRules.*.Target", Names::RegionOrOutpost),
    ("AWS::DLM::LifecyclePolicy", "PolicyDetails.Schedules.*.CrossRegionCopyRules.*.TargetRegion", Names::Region),
    ("AWS::DSQL::Cluster", "MultiRegionProperties.Clusters.*", Names::Resource),
    ("AWS::DSQL::Cluster", "MultiRegionProperties.WitnessRegion", Names::Region),
    // A live table tells its replicas, which a template says of a global table.
    ("AWS::DynamoDB::Table", "Replicas.*.Region", Names::Region),
    ("AWS::DynamoDB::GlobalTable", "Replicas.*.Region", Names::Region),
    // A live replica is a table of its own; beside itself it names the others.
    ("AWS::DynamoDB::Table", "Replicas.*.Region", Names::Region),
    ("AWS::ECR::ReplicationConfiguration", "ReplicationConfiguration.Rules.*.Destinations.*.Region", Names::Region),
    ("AWS::EFS::FileSystem", "ReplicationConfiguration.Destinations.*.Region", Names::Region),
    ("AWS::RDS::DBInstance", "AutomaticBackupReplicationRegion", Names::Region),
    ("AWS::Redshift::Cluster", "DestinationRegion", Names::Region),
    ("AWS::Redshift::Cluster", "SnapshotCopyConfiguration.DestinationRegion", Names::Region),
    ("AWS::S3::Bucket", "ReplicationConfiguration.Rules.*", Names::Rule),
    ("AWS::SSMIncidents::ReplicationSet", "Regions.*.RegionName", Names::Region),
    ("AWS::SecretsManager::Secret", "ReplicaRegions.*.Region", Names::Region),
];

/// What stands at such a path.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Region,
    /// A region, or the ARN of an Outpost.
    RegionOrOutpost,
    /// A resource or its ARN.
    Resource,
    /// A rule that replicates a bucket: its destination is a bucket, and perhaps a key.
    Rule,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut last = None;
    for store in cx.inventory.stores() {
        if last.replace((store.resource, store.variant)) == Some((store.resource, store.variant)) {
            continue;
        }
        let subject = store.subject(cx.inventory);
        let allowed = allowed(cx, store.resource);
        if let Some(home) = home(cx, subject)
            && !allowed.is_empty()
        {
            out.push(verdict(subject, home, Some(home), &allowed));
        }
    }
    let mut kinds = COPIES.map(|(kind, ..)| kind).to_vec();
    kinds.dedup();
    for subject in cx.subjects(&kinds) {
        let allowed = allowed(cx, subject.id());
        let home = home(cx, subject);
        let rows = COPIES.iter().filter(|(kind, ..)| *kind == subject.kind());
        let copies = rows.flat_map(|(_, path, names)| subject.each(path).into_iter().map(|read| (read, *names)));
        for (index, (read, names)) in copies.enumerate() {
            let status = match (&read, names) {
                (Read::Found(rule, _), Names::Rule) => rule.at("Status").string(),
                (read, _) => Read::Absent(read.loc()),
            };
            if matches!(&status, Read::Found(status, _) if &**status == "Disabled") {
                continue;
            }
            let judgement = match region(cx, read, names) {
                Read::Found(region, loc) => verdict(subject, &region, home, &allowed)
                    .part(format!("copy in {region}"))
                    .at(loc),
                // Where the stack itself lies is judged with its stores.
                Read::Unknown(why, _) if is_own_region(&why) => continue,
                Read::Unknown(why, loc) => {
                    let what = format!("copy {}", index + 1);
                    Judgement::cannot_tell(subject, &format!("the region of {what}"), &why).part(what).at(loc)
                }
                Read::Absent(_) => continue,
            };
            out.push(match status {
                // Only a copy that breaks the clause hangs on whether it is made.
                Read::Unknown(why, loc) if judgement.verdict == Verdict::Fail => {
                    let part = judgement.part.clone();
                    Judgement::cannot_tell(subject, &format!("whether the rule of the {part} is enabled"), &why)
                        .part(part)
                        .at(loc)
                }
                _ => judgement,
            });
        }
    }
}

fn home<'a>(cx: &Cx<'a>, subject: Subject<'a>) -> Option<&'a str> {
    cx.inventory.stack_of(subject.resource).place.region.as_deref()
}

/// The region that a copy goes to; unknown as the own region is when it is that one.
fn region(cx: &Cx<'_>, read: Read<&Value>, names: Names) -> Read<String> {
    let destination = match (read, names) {
        (Read::Found(rule, _), Names::Rule) => match rule.at("Destination") {
            Read::Found(value, loc) => return of_bucket(cx, value, loc),
            read => read,
        },
        (read, Names::Region) => return read.string(),
        (read, _) => read,
    };
    match destination {
        Read::Found(value, loc) => match of_resource(cx, value, loc) {
            Read::Absent(_) => match value.at("").string() {
                // No ARN, so it is the region itself.
                Read::Found(region, loc) if !region.starts_with("arn:") => Read::Found(region, loc),
                Read::Unknown(why, loc) => Read::Unknown(why, loc),
                _ => open("the region of the destination", loc),
            },
            known => known,
        },
        Read::Unknown(why, loc) => Read::Unknown(why, loc),
        Read::Absent(loc) => Read::Absent(loc),
    }
}

/// Where a resource lies, by its stack or its ARN; absent when neither says.
fn of_resource(cx: &Cx<'_>, value: &Value, loc: Loc) -> Read<String> {
    if let Some((resource, _)) = cx.inventory.target(value) {
        return match &cx.inventory.stack_of(resource).place.region {
            Some(region) => Read::Found(region.to_string(), loc),
            None => open(&format!("the region of {}", resource.name), loc),
        };
    }
    let Read::Found(text, _) = value.at("").text() else {
        return Read::Absent(loc);
    };
    match of_arn(&text) {
        ArnRegion::Named(region) => Read::Found(region, loc),
        ArnRegion::Own => Read::Unknown(Arc::new(Why::Runtime("AWS::Region".into())), loc),
        ArnRegion::Open => Read::Absent(loc),
    }
}

/// A bucket's ARN has no region, but the key of the replicas lies where the bucket does.
fn of_bucket(cx: &Cx<'_>, destination: &Value, loc: Loc) -> Read<String> {
    let places = ["Bucket", "EncryptionConfiguration.ReplicaKmsKeyID"].map(|path| match destination.at(path) {
        Read::Found(value, _) => of_resource(cx, value, loc),
        Read::Unknown(why, _) => Read::Unknown(why, loc),
        Read::Absent(_) => Read::Absent(loc),
    });
    let [bucket, key] = places;
    match (bucket, key) {
        (known @ Read::Found(..), _) | (_, known @ Read::Found(..)) => known,
        (unknown @ Read::Unknown(..), _) => unknown,
        (_, Read::Unknown(why, _)) if is_own_region(&why) => Read::Unknown(why, loc),
        _ => open("the destination bucket", loc),
    }
}

fn open(what: &str, loc: Loc) -> Read<String> {
    Read::Unknown(Arc::new(Why::NotGiven(what.to_owned())), loc)
}

fn verdict<'a>(subject: Subject<'a>, region: &str, home: Option<&str>, allowed: &[String]) -> Judgement {
    if !allowed.is_empty() {
        return if allowed.iter().any(|a| a == region) {
            Judgement::pass(subject, format!("{region} is allowed"))
        } else {
            Judgement::fail(subject, format!("its data lies in {region}; allowed are {}", allowed.join(", ")))
        };
    }
    match home {
        Some(home) if !same_geography(home, region) => {
            Judgement::fail(subject, format!("a copy of data of {home} leaves its geography for {region}"))
        }
        Some(_) => Judgement::pass(subject, format!("its copy in {region} stays in its geography")),
        None => Judgement::unknown(
            subject,
            format!("cannot tell whether {region} is allowed: neither lockfast.toml nor the stack's region says"),
        ),
    }
}
