use crate::config::KeyAsk;
use crate::prelude::*;

control! {
    /// Fargate encrypts a task's ephemeral storage from platform version 1.4.0 on (tasks launched
    /// since 28 May 2020), with an AWS owned key unless the cluster names one in its managed storage
    /// configuration (Amazon ECS Developer Guide, "Fargate task ephemeral storage"). Looks at
    /// every service that runs on Fargate, its platform version and its cluster. Confidential and
    /// restricted services need the cluster's own key.
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
    for subject in cx.subjects(&["AWS::ECS::Service"]) {
        match on_fargate(subject) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                out.push(Judgement::unknown(subject, "cannot tell whether it runs on Fargate"));
                continue;
            }
        }
        let version = subject.at("PlatformVersion").string().or_default("LATEST".to_owned(), LATEST);
        let judgement = match version.value() {
            None => Judgement::unknown(subject, "cannot tell its platform version"),
            Some(v) if is_old(v) => Judgement::fail(
                subject,
                format!("platform version {v} does not encrypt ephemeral storage"),
            ),
            Some(_) => with_key(cx, subject),
        };
        out.push(
            judgement
                .fact("PlatformVersion", &version)
                .fact("classification", cx.classification(subject.id())),
        );
    }
}

/// Whether a service runs on Fargate; `None` when a cluster default or an unknown value decides.
fn on_fargate(subject: Subject<'_>) -> Option<bool> {
    match subject.at("LaunchType").string() {
        Read::Found(launch, _) => return Some(launch == "FARGATE"),
        Read::Unknown(..) => return None,
        Read::Absent(_) => {}
    }
    let providers = subject.each("CapacityProviderStrategy.*.CapacityProvider");
    if providers.iter().all(Read::is_absent) {
        // The default launch type is EC2.
        return Some(false);
    }
    let names: Vec<_> = providers.into_iter().map(|p| p.string().found()).collect();
    if names.iter().flatten().any(|n| n.starts_with("FARGATE")) {
        Some(true)
    } else if names.iter().any(Option::is_none) {
        None
    } else {
        Some(false)
    }
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) < (1, 4),
        _ => false,
    }
}

fn with_key(cx: &Cx<'_>, subject: Subject<'_>) -> Judgement {
    let sensitive = cx
        .classification(subject.id())
        .value()
        .is_some_and(|c| cx.config.asks(*c).key >= KeyAsk::Customer);
    let encrypted = "ephemeral storage is encrypted";
    let cluster = match subject.at("Cluster") {
        Read::Found(value, _) => cx.inventory.target(value).map(|(r, _)| r).or_else(|| {
            let text = value.at("").text().found()?;
            let name = cx.inventory.written_name(subject.resource.stack, &text)?;
            let name = name.rsplit('/').next()?;
            cx.inventory
                .named("AWS::ECS::Cluster", "ClusterName", name)
                .find(|cluster| cx.inventory.same_place(subject.resource, cluster) != Some(false))
        }),
        _ => None,
    };
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
    match cluster.at(KEY) {
        Read::Found(_, loc) => {
            Judgement::pass(subject, "ephemeral storage is encrypted with the cluster's customer managed key")
                .step(format!("cluster {}", cluster.name), cluster.loc)
                .stated("FargateEphemeralStorageKmsKeyId", "set", loc)
        }
        Read::Unknown(why, loc) if sensitive => {
            Judgement::cannot_tell(subject, "the cluster's key for ephemeral storage", &why).at(loc)
        }
        _ if sensitive => Judgement::fail(
            subject,
            "its data is sensitive, and its cluster names no customer managed key for ephemeral storage",
        )
        .step(format!("cluster {}", cluster.name), cluster.loc),
        _ => Judgement::pass(subject, encrypted),
    }
}
