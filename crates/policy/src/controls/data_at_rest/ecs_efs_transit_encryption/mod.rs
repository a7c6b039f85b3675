use crate::prelude::*;

control! {
    /// An EFS volume of a task definition, or of a job definition of AWS Batch, is mounted over NFS; without `TransitEncryption: ENABLED`
    /// the traffic is in the clear, however well the file system is encrypted (Amazon ECS
    /// Developer Guide, "Specify an Amazon EFS file system in an Amazon ECS task definition";
    /// absent means DISABLED).
    id: "ecs-efs-transit-encryption",
    title: "EFS volumes of task definitions are mounted with encryption in transit",
    clauses: ["ECS-1"],
    severity: High,
    fix: "Set TransitEncryption to ENABLED on the volume.",
    cloudformation: r#"Type: AWS::ECS::TaskDefinition
Properties:
  Volumes:
    - Name: media
      EFSVolumeConfiguration:
        FilesystemId: !Ref MediaFileSystem
        TransitEncryption: ENABLED
"#,
    cdk: r#"taskDefinition.addVolume({
  name: 'media',
  efsVolumeConfiguration: { fileSystemId: media.fileSystemId, transitEncryption: 'ENABLED' },
});
"#,
}

const OFF: ServiceDefault = ServiceDefault {
    doc: "Amazon ECS API Reference: EFSVolumeConfiguration",
    since: "",
};

/// Where types list volumes, and the property of a volume that says it is EFS's.
const VOLUMES: [(&str, &str, &str); 4] = [
    ("AWS::ECS::TaskDefinition", "Volumes.*", "EFSVolumeConfiguration"),
    ("AWS::Batch::JobDefinition", "ContainerProperties.Volumes.*", "EfsVolumeConfiguration"),
    ("AWS::Batch::JobDefinition", "EcsProperties.TaskProperties.*.Volumes.*", "EfsVolumeConfiguration"),
    (
        "AWS::Batch::JobDefinition",
        "NodeProperties.NodeRangeProperties.*.Container.Volumes.*",
        "EfsVolumeConfiguration",
    ),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for (kind, path, efs) in VOLUMES {
        for subject in cx.subjects(&[kind]) {
            for (i, volume) in subject.each(path).into_iter().enumerate() {
                match volume {
                    Read::Absent(_) => {}
                    Read::Unknown(why, loc) => {
                        out.push(Judgement::cannot_tell(subject, "its volumes", &why).at(loc));
                    }
                    Read::Found(volume, _) => out.extend(of_volume(subject, volume, efs, i + 1)),
                }
            }
        }
    }
}

fn of_volume(subject: Subject<'_>, volume: &Value, efs: &str, number: usize) -> Option<Judgement> {
    let configuration = match volume.at(efs) {
        Read::Absent(_) => return None,
        Read::Found(configuration, _) => configuration,
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(subject, "its volumes", &why).at(loc));
        }
    };
    let name = volume.at("Name").string().found().unwrap_or_else(|| format!("volume {number}"));
    let setting = configuration
        .at("TransitEncryption")
        .string()
        .or_default("DISABLED".into(), OFF);
    let judgement = match &setting {
        Known::Unknown(why, _) => {
            Judgement::cannot_tell(subject, &format!("how volume {name} is mounted"), why)
        }
        known if known.value().is_some_and(|setting| setting == "ENABLED") => {
            Judgement::pass(subject, format!("volume {name} is mounted over TLS"))
        }
        _ => Judgement::fail(subject, format!("volume {name} is mounted without encryption")),
    };
    Some(judgement.part(name).fact("TransitEncryption", &setting))
}
