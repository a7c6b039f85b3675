use super::cases::variants;
use crate::config::KeyAsk;
use crate::live::listed_or_unknown;
use crate::prelude::*;
use lockfast_facts::nouns::{KeyUse, resolve_key};
use std::collections::HashMap;

control! {
    /// Fargate encrypts a task's ephemeral storage from platform version 1.4.0 on (tasks launched
    /// since 28 May 2020), with an AWS owned key unless the cluster names one in its managed storage
    /// configuration (Amazon ECS Developer Guide, "Fargate task ephemeral storage"). Looks at
    /// everything that starts tasks on Fargate (services, task sets, rules of EventBridge, schedules,
    /// pipes and job definitions of AWS Batch), its platform version and its cluster. What names no
    /// launch type runs as its cluster's default capacity provider strategy says, and is unknown when
    /// the cluster is not in the input. Confidential and restricted work needs the cluster's own key,
    /// which must be a customer managed one.
    id: "ecs-fargate-storage-encrypted",
    title: "Fargate tasks have encrypted ephemeral storage, with a customer key for sensitive data",
    clauses: ["ECS-1"],
    severity: High,
    fix: "Run on platform version 1.4.0 or LATEST; for confidential and restricted services set FargateEphemeralStorageKmsKeyId in the cluster's ManagedStorageConfiguration and redeploy the service.",
    cloudformation: r#"Type: AWS::ECS::Cluster
Properties:
  Configuration:
    ManagedStorageConfiguration:
      FargateEphemeralStorageKmsKeyId: !Ref TaskStorageKey
"#,
    cdk: r#"new ecs.Cluster(this, 'Cluster', {
  vpc,
  managedStorageConfiguration: { fargateEphemeralStorageKmsKey: taskStorageKey },
});
"#,
}

const LATEST: ServiceDefault = ServiceDefault {
    doc: "Amazon ECS Developer Guide: Fargate platform versions for Amazon ECS",
    since: "2020-05-28",
};
const KEY: &str = "Configuration.ManagedStorageConfiguration.FargateEphemeralStorageKmsKeyId";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut associations: HashMap<ResourceId, Vec<Subject<'_>>> = HashMap::new();
    for subject in cx.subjects(&["AWS::ECS::ClusterCapacityProviderAssociations"]) {
        if let Some(cluster) = cluster_of(cx, subject.resource, subject.at("Cluster")) {
            associations.entry(cluster.id).or_default().push(subject);
        }
    }
    for (kind, ..) in STARTERS {
        listed_or_unknown(cx, &[kind], "what it starts on Fargate", out);
    }
    for work in works(cx) {
        let when = &work.subject.variant.when;
        let cases = match cluster_of(cx, work.subject.resource, work.cluster.clone()) {
            Some(cluster) => variants(cx, when, cluster.id),
            None => vec![(when.clone(), None)],
        };
        for (case, cluster) in cases {
            let associated = cluster.and_then(|cluster| associations.get(&cluster.id()));
            let associated = associated.into_iter().flatten();
            let strategies = associated
                .filter(|subject| subject.variant.when.compatible(&case))
                .copied()
                .chain(cluster)
                .flat_map(|subject| subject.each("DefaultCapacityProviderStrategy.*.CapacityProvider"));
            let judgement = match on_fargate(&work, cluster.map(|_| strategies.collect())) {
                Ok(false) => continue,
                Err(why) => Judgement::cannot_tell(work.subject, "whether it runs on Fargate", &why),
                Ok(true) => of_work(cx, &work, cluster),
            };
            out.push(judgement.part(work.part.clone()).when(&case));
        }
    }
}

/// What starts tasks.
struct Work<'a> {
    subject: Subject<'a>,
    part: String,
    /// The value that has `LaunchType`, `CapacityProviderStrategy` and `PlatformVersion`.
    settings: &'a Value,
    cluster: Read<&'a Value>,
}

/// Types that start tasks: where they say how, and which cluster runs them.
const STARTERS: [(&str, &str, &str, &str); 5] = [
    ("AWS::ECS::Service", "", "", "Cluster"),
    ("AWS::ECS::TaskSet", "", "", "Cluster"),
    ("AWS::Events::Rule", "Targets.*", "EcsParameters", "Arn"),
    ("AWS::Scheduler::Schedule", "Target", "EcsParameters", "Arn"),
    ("AWS::Pipes::Pipe", "", "TargetParameters.EcsTaskParameters", "Target"),
];

fn works<'a>(cx: &Cx<'a>) -> Vec<Work<'a>> {
    let mut works = Vec::new();
    for (kind, at, settings, cluster) in STARTERS {
        for subject in cx.subjects(&[kind]) {
            let starters = subject.each(at).into_iter().filter_map(Read::found);
            for (i, starter) in starters.enumerate() {
                let Some(settings) = starter.at(settings).found() else {
                    continue;
                };
                let id = || starter.at("Id").string().found();
                let part = match kind {
                    "AWS::Events::Rule" => id().unwrap_or_else(|| format!("target {}", i + 1)),
                    _ => String::new(),
                };
                works.push(Work { subject, part, settings, cluster: starter.at(cluster) });
            }
        }
    }
    for subject in cx.subjects(&["AWS::Batch::JobDefinition"]) {
        let platforms = subject.each("PlatformCapabilities.*");
        let mut platforms = platforms.into_iter().filter_map(|read| read.string().found());
        let settings = subject.at("ContainerProperties.FargatePlatformConfiguration").found();
        if platforms.any(|platform| platform == "FARGATE") {
            works.push(Work {
                subject,
                part: String::new(),
                settings: settings.unwrap_or(&subject.variant.properties),
                cluster: Read::Absent(subject.resource.loc),
            });
        }
    }
    works
}

/// Whether work runs on Fargate. `default` is what its cluster does for work that says nothing of it,
/// if the cluster is given.
fn on_fargate(
    work: &Work<'_>,
    default: Option<Vec<Read<&Value>>>,
) -> Result<bool, Arc<Why>> {
    match work.subject.kind() {
        "AWS::Batch::JobDefinition" => return Ok(true),
        // Its task sets say what it runs on.
        "AWS::ECS::Service" if says(work.subject, "DeploymentController.Type", "EXTERNAL") => {
            return Ok(false);
        }
        "AWS::ECS::Service" if says(work.subject, "SchedulingStrategy", "DAEMON") => {
            return Ok(false);
        }
        _ => {}
    }
    match work.settings.at("LaunchType").string() {
        Read::Found(launch, _) => return Ok(launch == "FARGATE"),
        Read::Unknown(why, _) => return Err(why),
        Read::Absent(_) => {}
    }
    let own = work.settings.each("CapacityProviderStrategy.*.CapacityProvider");
    let providers = match (own.iter().all(Read::is_absent), default) {
        (false, _) => own,
        (true, Some(default)) => default,
        (true, None) => {
            let cluster = "its cluster, whose default capacity provider strategy decides it,";
            return Err(Arc::new(Why::NotGiven(cluster.into())));
        }
    };
    // Without a strategy the launch type is EC2.
    let mut answer = Ok(false);
    for provider in providers {
        match provider.string() {
            Read::Found(name, _) if name.starts_with("FARGATE") => return Ok(true),
            Read::Unknown(why, _) => answer = Err(why),
            Read::Found(..) | Read::Absent(_) => {}
        }
    }
    answer
}

fn says(subject: Subject<'_>, property: &str, value: &str) -> bool {
    subject.at(property).string().found().as_deref() == Some(value)
}

fn of_work(cx: &Cx<'_>, work: &Work<'_>, cluster: Option<Subject<'_>>) -> Judgement {
    let subject = work.subject;
    let version = work
        .settings
        .at("PlatformVersion")
        .string()
        .or_default("LATEST".to_owned(), LATEST);
    let judgement = match &version {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "its platform version", why),
        known => match known.value().filter(|version| is_old(version)) {
            Some(version) => Judgement::fail(
                subject,
                format!("platform version {version} does not encrypt ephemeral storage"),
            ),
            None => with_key(cx, subject, cluster),
        },
    };
    judgement
        .fact("PlatformVersion", &version)
        .fact("classification", cx.classification(subject.id()))
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) < (1, 4),
        _ => false,
    }
}

/// The cluster in the inventory that a value names.
fn cluster_of<'a>(cx: &Cx<'a>, user: &Resource, value: Read<&Value>) -> Option<&'a Resource> {
    let value = value.found()?;
    if let Some((cluster, _)) = cx.inventory.target(value) {
        return (&*cluster.kind == "AWS::ECS::Cluster").then_some(cluster);
    }
    let text = value.at("").text().found()?;
    let name = cx.inventory.written_name(user.stack, &text)?;
    cx.inventory
        .named("AWS::ECS::Cluster", "ClusterName", name.rsplit('/').next()?)
        .find(|cluster| cx.inventory.same_place(user, cluster) != Some(false))
}

fn with_key(cx: &Cx<'_>, subject: Subject<'_>, cluster: Option<Subject<'_>>) -> Judgement {
    let sensitive = cx
        .classification(subject.id())
        .value()
        .is_some_and(|c| cx.config.asks(*c).key >= KeyAsk::Customer);
    let encrypted = "ephemeral storage is encrypted";
    let Some(cluster) = cluster else {
        return if sensitive {
            Judgement::unknown(
                subject,
                "cannot tell whether its cluster has a key for ephemeral storage: the cluster is not in the input",
            )
        } else {
            Judgement::pass(subject, encrypted)
        };
    };
    let key = match cluster.at(KEY) {
        Read::Absent(_) => None,
        Read::Unknown(why, _) => Some(Err(why)),
        Read::Found(key, _) => Some(resolve_key(cx.inventory, cluster.resource, key)),
    };
    let customers = |key: &KeyUse| !matches!(key.target, KeyTarget::AwsManaged(_));
    match key {
        Some(Ok(key)) if customers(&key) => {
            Judgement::pass(subject, "ephemeral storage is encrypted with the cluster's customer managed key")
                .step(format!("cluster {}", cluster.resource.name), cluster.resource.loc)
                .key(&key)
        }
        Some(Err(why)) if sensitive => {
            Judgement::cannot_tell(subject, "the cluster's key for ephemeral storage", &why)
                .at(cluster.at(KEY).loc())
        }
        _ if sensitive => Judgement::fail(
            subject,
            "its data is sensitive, and its cluster names no customer managed key for ephemeral storage",
        )
        .step(format!("cluster {}", cluster.resource.name), cluster.resource.loc),
        _ => Judgement::pass(subject, encrypted),
    }
}
