use crate::prelude::*;
use lockfast_facts::{Part, Text};

control! {
    /// Amazon ECR encrypts every repository, with AES-256 unless it names KMS (Amazon ECR User
    /// Guide, "Encryption at rest"). So the question is whether a task's images lie in ECR at all,
    /// and under which key: follows each container's image to its repository. Images in Amazon ECR
    /// Public (`public.ecr.aws`) are ECR's too. An image from another registry (Docker Hub, GHCR, a
    /// registry on a host of one's own, …) lies where nothing here can be shown. Repositories are
    /// judged too.
    id: "ecs-images-in-ecr",
    title: "Container images are stored in Amazon ECR, encrypted with AES-256 or KMS",
    clauses: ["ECS-3"],
    severity: Medium,
    fix: "Push the image to an ECR repository (or a pull-through cache) and name it in the task definition.",
    cloudformation: r#"Type: AWS::ECR::Repository
Properties:
  RepositoryName: shop/checkout
  EncryptionConfiguration:
    EncryptionType: KMS
    KmsKey: !GetAtt ImageKey.Arn
"#,
    cdk: r#"new ecr.Repository(this, 'Checkout', {
  encryption: ecr.RepositoryEncryption.KMS,
  encryptionKey: imageKey,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("repository").filter(|s| s.spec.name == "AWS::ECR::Repository") {
        let judgement = match &store.protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "the repository's key", why),
            known if known.value() == Some(&Protection::None) => {
                Judgement::fail(store, "the repository is not encrypted")
            }
            _ => Judgement::pass(store, "the repository is encrypted"),
        };
        out.push(judgement.fact_as("encryption", &store.protection, |p| p.label(cx.inventory)));
    }
    for subject in cx.subjects(&["AWS::ECS::TaskDefinition"]) {
        let containers = match subject.at("ContainerDefinitions").list() {
            Read::Found(containers, _) => containers,
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "where its images lie", &why).at(loc));
                continue;
            }
        };
        for (i, container) in containers.iter().enumerate() {
            let name = container.at("Name").string().found().unwrap_or_else(|| format!("container {}", i + 1));
            let judgement = match container.at("Image").text() {
                Read::Absent(_) => continue,
                Read::Unknown(why, loc) => {
                    Judgement::cannot_tell(subject, &format!("where {name}'s image lies"), &why).at(loc)
                }
                Read::Found(image, loc) => match registry(cx, &image) {
                    Registry::Ecr => Judgement::pass(subject, format!("{name}'s image lies in Amazon ECR")).at(loc),
                    Registry::Other(host) => Judgement::fail(
                        subject,
                        format!("{name}'s image comes from {host}, not from Amazon ECR"),
                    )
                    .at(loc),
                    Registry::Unknown => Judgement::unknown(
                        subject,
                        format!("cannot tell where {name}'s image lies: its name is known only at deployment"),
                    )
                    .at(loc),
                },
            };
            out.push(judgement.part(name));
        }
    }
}

enum Registry {
    Ecr,
    Other(String),
    Unknown,
}

/// The registry of an image name, whose host is the part before the first `/` when it has a dot or
/// a port (the rule of `docker pull`); ECR's hosts are `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
fn registry(cx: &Cx<'_>, image: &Text) -> Registry {
    let shown = image.render(|part| match part {
        Part::Literal(s) => s.to_string(),
        _ => "\u{1}".into(),
    });
    let (host, rest) = shown.split_once('/').unwrap_or((&shown, ""));
    if host.contains(".dkr.ecr.") || host.contains(".dkr-ecr.") || host == "public.ecr.aws" {
        return Registry::Ecr;
    }
    if let Some(Part::Reference(first)) = image.parts().first() {
        let resource = cx.inventory.resource(first.target);
        return match &*resource.kind {
            "AWS::ECR::Repository" => Registry::Ecr,
            "AWS::EC2::Instance"
            | "AWS::ElasticLoadBalancing::LoadBalancer"
            | "AWS::ElasticLoadBalancingV2::LoadBalancer"
            | "AWS::Route53::RecordSet" => Registry::Other(format!("a registry at {}", resource.name)),
            _ => Registry::Unknown,
        };
    }
    if host.contains('\u{1}') {
        return Registry::Unknown;
    }
    if !rest.is_empty() && (host.contains('.') || host.contains(':') || host == "localhost") {
        return Registry::Other(host.to_owned());
    }
    Registry::Other("Docker Hub".into())
}
