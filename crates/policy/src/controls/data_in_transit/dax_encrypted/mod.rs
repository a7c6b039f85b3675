use crate::prelude::*;

control! {
    /// A DAX cluster must encrypt at rest (`SSESpecification.SSEEnabled`) and towards its clients
    /// (`ClusterEndpointEncryptionType: TLS`); both are off when nothing is said, and both can only
    /// be set at creation (Amazon DynamoDB Developer Guide, "DAX encryption at rest" and "DAX
    /// encryption in transit").
    id: "dax-encrypted",
    title: "DAX clusters encrypt at rest and in transit",
    clauses: ["DDBL-3"],
    severity: High,
    fix: "Create a new cluster with both settings and move the clients to its daxs:// endpoint.",
    cloudformation: r#"Type: AWS::DAX::Cluster
Properties:
  ClusterEndpointEncryptionType: TLS
  SSESpecification: {SSEEnabled: true}
"#,
    cdk: r#"new dax.CfnCluster(this, 'Dax', { clusterEndpointEncryptionType: 'TLS', sseSpecification: { sseEnabled: true }, /* … */ });
"#,
}

const AT_REST: ServiceDefault = ServiceDefault {
    doc: "Amazon DynamoDB Developer Guide: DAX encryption at rest",
    since: "",
};
const IN_TRANSIT: ServiceDefault = ServiceDefault {
    doc: "Amazon DynamoDB Developer Guide: DAX encryption in transit",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::DAX::Cluster"]) {
        let rest = subject.at("SSESpecification.SSEEnabled").bool().or_default(false, AT_REST);
        out.push(
            match &rest {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether it encrypts at rest", why),
                known if known.value() == Some(&true) => Judgement::pass(subject, "it encrypts at rest"),
                _ => Judgement::fail(subject, "it does not encrypt at rest"),
            }
            .part("at rest")
            .fact("SSEEnabled", &rest),
        );
        let transit = subject.at("ClusterEndpointEncryptionType").string().or_default("NONE".to_owned(), IN_TRANSIT);
        out.push(
            match &transit {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether it encrypts in transit", why),
                known if known.value().is_some_and(|v| v == "TLS") => Judgement::pass(subject, "clients reach it over TLS"),
                _ => Judgement::fail(subject, "clients reach it in the clear"),
            }
            .part("in transit")
            .fact("ClusterEndpointEncryptionType", &transit),
        );
    }
}
