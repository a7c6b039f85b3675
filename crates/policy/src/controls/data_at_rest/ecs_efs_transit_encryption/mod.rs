use crate::prelude::*;

control! {
    /// An EFS volume of a task definition is mounted over NFS; without `TransitEncryption: ENABLED`
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

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::ECS::TaskDefinition"]) {
        let volumes = match subject.at("Volumes").list() {
            Read::Found(volumes, _) => volumes,
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "its volumes", &why).at(loc));
                continue;
            }
        };
        for (i, volume) in volumes.iter().enumerate() {
            let configuration = volume.at("EFSVolumeConfiguration");
            if configuration.is_absent() {
                continue;
            }
            let name = volume.at("Name").string().found().unwrap_or_else(|| format!("volume {}", i + 1));
            let setting = volume
                .at("EFSVolumeConfiguration.TransitEncryption")
                .string()
                .or_default("DISABLED".into(), OFF);
            let judgement = match (setting.value().map(String::as_str), setting.why()) {
                (Some("ENABLED"), _) => Judgement::pass(subject, format!("volume {name} is mounted over TLS")),
                (Some(_), _) => Judgement::fail(subject, format!("volume {name} is mounted without encryption")),
                (None, Some(why)) => Judgement::cannot_tell(subject, &format!("how volume {name} is mounted"), why),
                (None, None) => continue,
            };
            out.push(judgement.part(name).fact("TransitEncryption", &setting));
        }
    }
}
