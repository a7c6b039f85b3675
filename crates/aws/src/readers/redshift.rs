//! Amazon Redshift: clusters, the parameter groups that they use, snapshots.

use super::prelude::*;
use aws_sdk_redshift::Client;
use aws_sdk_redshift::types::{Cluster, ClusterParameterGroup};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) static READER: Reader = Reader {
    service: "redshift",
    scope: Scope::Regional,
    kinds: &[
        "AWS::Redshift::Cluster",
        "AWS::Redshift::ClusterParameterGroup",
        "AWS::Redshift::Snapshot",
    ],
    calls: &[
        "redshift:DescribeClusters",
        "redshift:DescribeLoggingStatus",
        "redshift:DescribeClusterParameterGroups",
        "redshift:DescribeClusterParameters",
        "redshift:DescribeClusterSnapshots",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(clusters(&cx, &client), snapshots(&cx, &client));
}

async fn clusters(cx: &Cx, client: &Client) {
    let clusters = cx
        .list(
            "redshift:DescribeClusters",
            &["AWS::Redshift::Cluster"],
            items!(client.describe_clusters()),
        )
        .await;
    let used: BTreeSet<String> = clusters
        .iter()
        .flat_map(|cluster| cluster.cluster_parameter_groups())
        .filter_map(|group| group.parameter_group_name().map(str::to_owned))
        .collect();
    cx.each(clusters, |cluster| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &cluster).await }
    })
    .await;
    groups(cx, client, used).await;
}

async fn one(cx: &Cx, client: &Client, cluster: &Cluster) {
    let Some(id) = cluster.cluster_identifier() else {
        return;
    };
    let request = client.describe_logging_status().cluster_identifier(id);
    let logging = cx
        .get("redshift:DescribeLoggingStatus", request.send())
        .await;
    let props = of_cluster(cluster).from("redshift:DescribeLoggingStatus");
    let props = match logging {
        Ok(status) => {
            let on = status.logging_enabled() == Some(true);
            let logging = on.then(|| {
                Props::new()
                    .put("BucketName", status.bucket_name())
                    .put("S3KeyPrefix", status.s3_key_prefix())
                    .put(
                        "LogDestinationType",
                        status.log_destination_type().map(|kind| kind.as_str()),
                    )
                    .put("LogExports", status.log_exports())
            });
            props
                .put("LoggingProperties", logging)
                .put("LoggingEnabled", status.logging_enabled())
                .put(
                    "LastSuccessfulDeliveryTime",
                    status.last_successful_delivery_time(),
                )
                .put("LastFailureTime", status.last_failure_time())
        }
        Err(failure) => props
            .put("LoggingProperties", failure.clone())
            .put("LoggingEnabled", failure),
    };
    let arn = cx.arn("redshift", &format!("cluster:{id}"));
    cx.emit("AWS::Redshift::Cluster", id, Some(&arn), props);
}

fn of_cluster(cluster: &Cluster) -> Props {
    let groups = cluster.cluster_parameter_groups();
    let security = cluster.vpc_security_groups().iter();
    let security = security.filter_map(|group| group.vpc_security_group_id().map(str::to_owned));
    let roles = cluster.iam_roles().iter();
    let roles = roles.filter_map(|role| role.iam_role_arn().map(str::to_owned));
    let applied = groups.iter().map(|group| {
        Props::new()
            .put("ParameterGroupName", group.parameter_group_name())
            .put("ParameterApplyStatus", group.parameter_apply_status())
    });
    let copies = cluster.cluster_snapshot_copy_status().map(|copy| {
        Props::new()
            .put("DestinationRegion", copy.destination_region())
            .put("SnapshotCopyGrantName", copy.snapshot_copy_grant_name())
            .put("RetentionPeriod", copy.retention_period())
            .put(
                "ManualSnapshotRetentionPeriod",
                copy.manual_snapshot_retention_period(),
            )
    });
    Props::of("redshift:DescribeClusters")
        .put("ClusterIdentifier", cluster.cluster_identifier())
        .put("Encrypted", cluster.encrypted())
        .put("KmsKeyId", cluster.kms_key_id())
        .put("PubliclyAccessible", cluster.publicly_accessible())
        .put("EnhancedVpcRouting", cluster.enhanced_vpc_routing())
        .put("DBName", cluster.db_name())
        .put("MasterUsername", cluster.master_username())
        // Only a password that the service manages has a secret.
        .put(
            "ManageMasterPassword",
            cluster.master_password_secret_arn().is_some(),
        )
        .put(
            "MasterPasswordSecretArn",
            cluster.master_password_secret_arn(),
        )
        .put(
            "MasterPasswordSecretKmsKeyId",
            cluster.master_password_secret_kms_key_id(),
        )
        .put(
            "ClusterParameterGroupName",
            groups
                .first()
                .and_then(|group| group.parameter_group_name()),
        )
        .put("ClusterParameterGroups", applied.collect::<Vec<_>>())
        .put(
            "ClusterSubnetGroupName",
            cluster.cluster_subnet_group_name(),
        )
        .put("VpcSecurityGroupIds", security.collect::<Vec<_>>())
        .put("IamRoles", roles.collect::<Vec<_>>())
        .put("SnapshotCopyConfiguration", copies)
        .put(
            "AutomatedSnapshotRetentionPeriod",
            cluster.automated_snapshot_retention_period(),
        )
        .put("NodeType", cluster.node_type())
        .put("NumberOfNodes", cluster.number_of_nodes())
        .put("ClusterVersion", cluster.cluster_version())
        .put("VpcId", cluster.vpc_id())
        .put(
            "Endpoint",
            cluster.endpoint().map(|endpoint| {
                Props::new()
                    .put("Address", endpoint.address())
                    .put("Port", endpoint.port())
            }),
        )
        .put("CustomDomainName", cluster.custom_domain_name())
        .put(
            "CustomDomainCertificateArn",
            cluster.custom_domain_certificate_arn(),
        )
        .put("ClusterStatus", cluster.cluster_status())
        .put("ClusterCreateTime", cluster.cluster_create_time())
        .put("Tags", tags!(cluster.tags()))
}

/// The groups in use, with their parameters; AWS's own are among them.
async fn groups(cx: &Cx, client: &Client, used: BTreeSet<String>) {
    if used.is_empty() {
        return;
    }
    let stream = items!(client.describe_cluster_parameter_groups());
    let (found, failure) = cx
        .try_list("redshift:DescribeClusterParameterGroups", stream)
        .await;
    let found = Arc::new((found, failure));
    cx.each(used, |name| {
        let (cx, client, found) = (cx.clone(), client.clone(), found.clone());
        async move {
            let known = found
                .0
                .iter()
                .find(|group| group.parameter_group_name() == Some(&*name));
            group(&cx, &client, &name, known, found.1.as_ref()).await;
        }
    })
    .await;
}

async fn group(
    cx: &Cx,
    client: &Client,
    name: &str,
    known: Option<&ClusterParameterGroup>,
    failure: Option<&Failure>,
) {
    let stream = items!(
        client
            .describe_cluster_parameters()
            .parameter_group_name(name)
    );
    let (parameters, broken) = cx
        .try_list("redshift:DescribeClusterParameters", stream)
        .await;
    let parameters = match broken {
        Some(failure) => Err(failure),
        None => Ok(parameters
            .iter()
            .map(|parameter| {
                Props::new()
                    .put("ParameterName", parameter.parameter_name())
                    .put("ParameterValue", parameter.parameter_value())
            })
            .collect::<Vec<_>>()),
    };
    let family = match (known, failure) {
        (None, Some(failure)) => Err(failure.clone()),
        (known, _) => Ok(known.and_then(|group| group.parameter_group_family())),
    };
    let props = Props::of("redshift:DescribeClusterParameterGroups")
        .put("ParameterGroupName", name)
        .put("ParameterGroupFamily", family)
        .put("Description", known.and_then(|group| group.description()))
        .put("Tags", known.map(|group| tags!(group.tags())))
        .from("redshift:DescribeClusterParameters")
        .put("Parameters", parameters);
    let arn = cx.arn("redshift", &format!("parametergroup:{name}"));
    cx.emit(
        "AWS::Redshift::ClusterParameterGroup",
        name,
        Some(&arn),
        props,
    );
}

async fn snapshots(cx: &Cx, client: &Client) {
    let snapshots = cx
        .list(
            "redshift:DescribeClusterSnapshots",
            &["AWS::Redshift::Snapshot"],
            items!(client.describe_cluster_snapshots()),
        )
        .await;
    for snapshot in &snapshots {
        let Some(id) = snapshot.snapshot_identifier() else {
            continue;
        };
        let shared = snapshot.accounts_with_restore_access().iter();
        let shared = shared.filter_map(|account| account.account_id().map(str::to_owned));
        let props = Props::of("redshift:DescribeClusterSnapshots")
            .put("SnapshotIdentifier", id)
            .put("ClusterIdentifier", snapshot.cluster_identifier())
            .put("Encrypted", snapshot.encrypted())
            .put("KmsKeyId", snapshot.kms_key_id())
            .put("SnapshotType", snapshot.snapshot_type())
            .put("AccountsWithRestoreAccess", shared.collect::<Vec<_>>())
            .put("OwnerAccount", snapshot.owner_account())
            .put("SourceRegion", snapshot.source_region())
            .put("SnapshotCreateTime", snapshot.snapshot_create_time())
            .put("Status", snapshot.status())
            .put("Tags", tags!(snapshot.tags()));
        cx.emit(
            "AWS::Redshift::Snapshot",
            id,
            snapshot.snapshot_arn(),
            props,
        );
    }
}
