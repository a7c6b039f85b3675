//! Amazon DynamoDB Accelerator: clusters.

use super::prelude::*;
use aws_sdk_dax::Client;
use aws_sdk_dax::types::{Cluster, SseStatus};

pub(super) static READER: Reader = Reader {
    service: "dax",
    scope: Scope::Regional,
    kinds: &[CLUSTER],
    calls: &["dax:DescribeClusters"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const CLUSTER: &str = "AWS::DAX::Cluster";

/// The list has no pages of the SDK's own.
async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let mut token = None;
    loop {
        let page = cx
            .get(
                "dax:DescribeClusters",
                client
                    .describe_clusters()
                    .set_next_token(token.take())
                    .send(),
            )
            .await;
        let page = match page {
            Ok(page) => page,
            Err(failure) => return cx.gap(&[CLUSTER], &failure),
        };
        for cluster in page.clusters() {
            if let Some(name) = cluster.cluster_name() {
                cx.emit(CLUSTER, name, cluster.cluster_arn(), props(cluster));
            }
        }
        token = page.next_token;
        if token.is_none() {
            return;
        }
    }
}

fn props(cluster: &Cluster) -> Props {
    // DAX encrypts when a cluster is made or never, so there is no way in between.
    let encryption = cluster
        .sse_description()
        .and_then(|sse| sse.status())
        .map(|status| Props::new().put("SSEEnabled", *status == SseStatus::Enabled));
    let endpoint = cluster.cluster_discovery_endpoint().map(|endpoint| {
        Props::new()
            .put("Address", endpoint.address())
            .put("Port", endpoint.port())
            .put("URL", endpoint.url())
    });
    let groups = cluster.security_groups().iter();
    let groups = groups.filter_map(|group| group.security_group_identifier());
    Props::of("dax:DescribeClusters")
        .put("ClusterName", cluster.cluster_name())
        .put("Description", cluster.description())
        .put("SSESpecification", encryption)
        .put(
            "ClusterEndpointEncryptionType",
            cluster
                .cluster_endpoint_encryption_type()
                .map(|kind| kind.as_str()),
        )
        .put("ClusterDiscoveryEndpoint", endpoint)
        .put("NodeType", cluster.node_type())
        .put("ReplicationFactor", cluster.total_nodes())
        .put("IAMRoleARN", cluster.iam_role_arn())
        .put("SubnetGroupName", cluster.subnet_group())
        .put(
            "SecurityGroupIds",
            groups.map(str::to_owned).collect::<Vec<_>>(),
        )
        .put(
            "ParameterGroupName",
            cluster
                .parameter_group()
                .and_then(|group| group.parameter_group_name()),
        )
        .put("Status", cluster.status())
}
