//! Amazon RDS, Aurora, Amazon DocumentDB and Amazon Neptune: one API tells of all four, and the engine says which it is.

mod backups;
mod clusters;
mod instances;
mod parameters;

use super::prelude::*;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbProxy, Integration, MasterUserSecret, VpcSecurityGroupMembership};

pub(super) static READER: Reader = Reader {
    service: "rds",
    scope: Scope::Regional,
    kinds: &[
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBCluster",
        "AWS::RDS::GlobalCluster",
        "AWS::RDS::DBSnapshot",
        "AWS::RDS::ClusterSnapshot",
        "AWS::RDS::DBInstanceAutomatedBackupsReplication",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBClusterParameterGroup",
        "AWS::RDS::DBProxy",
        "AWS::RDS::Integration",
        "AWS::DocDB::DBInstance",
        "AWS::DocDB::DBCluster",
        "AWS::DocDB::GlobalCluster",
        "AWS::DocDB::DBClusterParameterGroup",
        "AWS::Neptune::DBInstance",
        "AWS::Neptune::DBCluster",
        "AWS::Neptune::GlobalCluster",
        "AWS::Neptune::DBClusterParameterGroup",
    ],
    calls: &[
        "rds:DescribeDBInstances",
        "rds:DescribeDBClusters",
        "rds:DescribeGlobalClusters",
        "rds:DescribeDBSnapshots",
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBInstanceAutomatedBackups",
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:DescribeDBClusterParameterGroups",
        "rds:DescribeDBClusterParameters",
        "rds:DescribeDBProxies",
        "rds:DescribeIntegrations",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let groups = parameters::Groups::default();
    futures::join!(
        async {
            // Both say which parameter groups are in use.
            futures::join!(
                instances::read(&cx, &client, &groups),
                clusters::read(&cx, &client, &groups)
            );
            groups.read(&cx, &client).await;
        },
        clusters::global(&cx, &client),
        backups::snapshots(&cx, &client),
        backups::cluster_snapshots(&cx, &client),
        backups::replicated(&cx, &client),
        proxies(&cx, &client),
        integrations(&cx, &client),
    );
}

/// The service that an engine, or the family of a parameter group, belongs to.
fn service(engine: Option<&str>) -> &'static str {
    match engine {
        Some(engine) if engine.starts_with("docdb") => "DocDB",
        Some(engine) if engine.starts_with("neptune") => "Neptune",
        _ => "RDS",
    }
}

/// The type of a resource of an engine, such as `AWS::DocDB::DBCluster`.
fn kind(engine: Option<&str>, of: &str) -> String {
    format!("AWS::{}::{of}", service(engine))
}

/// The region that an ARN names.
fn region_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?
        .split(':')
        .nth(2)
        .filter(|region| !region.is_empty())
}

/// The region of a source that is named by its ARN, where that is another one than the unit's.
fn source_region(cx: &Cx, source: Option<&str>) -> Option<String> {
    region_of(source?)
        .filter(|region| *region != cx.endpoint_region())
        .map(str::to_owned)
}

fn group_ids(groups: &[VpcSecurityGroupMembership]) -> Vec<String> {
    groups
        .iter()
        .filter_map(|group| group.vpc_security_group_id())
        .map(str::to_owned)
        .collect()
}

/// Where the master user's password is kept: the API names a secret exactly when RDS manages it.
fn master_password(props: Props, secret: Option<&MasterUserSecret>) -> Props {
    let shape = secret.map(|secret| {
        Props::new()
            .put("SecretArn", secret.secret_arn())
            .put("KmsKeyId", secret.kms_key_id())
            .put("SecretStatus", secret.secret_status())
    });
    props
        .put("ManageMasterUserPassword", secret.is_some())
        .put("MasterUserSecret", shape)
}

async fn proxies(cx: &Cx, client: &Client) {
    let proxies = cx
        .list(
            "rds:DescribeDBProxies",
            &["AWS::RDS::DBProxy"],
            items!(client.describe_db_proxies()),
        )
        .await;
    for proxy in &proxies {
        if let Some(name) = proxy.db_proxy_name() {
            cx.emit(
                "AWS::RDS::DBProxy",
                name,
                proxy.db_proxy_arn(),
                proxy_props(proxy),
            );
        }
    }
}

fn proxy_props(proxy: &DbProxy) -> Props {
    let auth = proxy.auth().iter().map(|auth| {
        Props::new()
            .put(
                "AuthScheme",
                auth.auth_scheme().map(|scheme| scheme.as_str()),
            )
            .put("SecretArn", auth.secret_arn())
            .put("IAMAuth", auth.iam_auth().map(|mode| mode.as_str()))
            .put(
                "ClientPasswordAuthType",
                auth.client_password_auth_type().map(|kind| kind.as_str()),
            )
    });
    Props::of("rds:DescribeDBProxies")
        .put("DBProxyName", proxy.db_proxy_name())
        .put("EngineFamily", proxy.engine_family())
        .put("RequireTLS", proxy.require_tls())
        .put("DebugLogging", proxy.debug_logging())
        .put("DefaultAuthScheme", proxy.default_auth_scheme())
        .put("Auth", auth.collect::<Vec<_>>())
        .put("RoleArn", proxy.role_arn())
        .put("VpcSecurityGroupIds", proxy.vpc_security_group_ids())
        .put("VpcSubnetIds", proxy.vpc_subnet_ids())
        .put("Endpoint", proxy.endpoint())
        .put("Status", proxy.status().map(|status| status.as_str()))
}

async fn integrations(cx: &Cx, client: &Client) {
    let integrations = cx
        .list(
            "rds:DescribeIntegrations",
            &["AWS::RDS::Integration"],
            items!(client.describe_integrations()),
        )
        .await;
    for integration in &integrations {
        if let Some(name) = integration.integration_name() {
            let props = integration_props(integration);
            cx.emit(
                "AWS::RDS::Integration",
                name,
                integration.integration_arn(),
                props,
            );
        }
    }
}

fn integration_props(integration: &Integration) -> Props {
    Props::of("rds:DescribeIntegrations")
        .put("IntegrationName", integration.integration_name())
        .put("SourceArn", integration.source_arn())
        .put("TargetArn", integration.target_arn())
        .put("KMSKeyId", integration.kms_key_id())
        .put(
            "AdditionalEncryptionContext",
            integration.additional_encryption_context(),
        )
        .put("DataFilter", integration.data_filter())
        .put("Status", integration.status().map(|status| status.as_str()))
        .put("Tags", tags!(integration.tags()))
}
