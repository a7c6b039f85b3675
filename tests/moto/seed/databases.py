"""Databases and caches: RDS and its relatives, DynamoDB, DAX, Timestream, ElastiCache, MemoryDB, OpenSearch, Redshift, DMS."""

from __future__ import annotations

import json
from typing import Any

from .shop import (
    DEV,
    PASSWORD,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_RESTRICTED,
    STAGING,
    STRANGER_ACCOUNT,
    UNTAGGED,
    Label,
    allow,
    bulk,
    document,
)
from .site import Site

# ---------------------------------------------------------------- RDS

FAMILIES = {
    "postgres": ("postgres16", "16.3"),
    "mysql": ("mysql8.0", "8.0.39"),
    "mariadb": ("mariadb10.11", "10.11.8"),
    "sqlserver-se": ("sqlserver-se-15.0", "15.00"),
}


def parameter_groups(site: Site) -> None:
    """Groups that force TLS and groups that do not; instances take one of them."""
    for engine, parameter, on, off in (
        ("postgres", "rds.force_ssl", "1", "0"),
        ("mysql", "require_secure_transport", "ON", "OFF"),
        ("mariadb", "require_secure_transport", "1", "0"),
        ("sqlserver-se", "rds.force_ssl", "1", "0"),
    ):
        for suffix, value in (("tls", on), ("plain", off)):
            name = f"shop-{engine}-{suffix}"
            site.attempt(
                "rds.create_db_parameter_group",
                DBParameterGroupName=name,
                DBParameterGroupFamily=FAMILIES[engine][0],
                Description=f"{engine}, {suffix}",
                Tags=PROD_INTERNAL.pairs(),
            )
            site.attempt(
                "rds.modify_db_parameter_group",
                DBParameterGroupName=name,
                Parameters=[{"ParameterName": parameter, "ParameterValue": value, "ApplyMethod": "pending-reboot"}],
            )


def cluster_parameter_groups(site: Site) -> None:
    for family, parameter, on, off in (
        ("aurora-postgresql16", "rds.force_ssl", "1", "0"),
        ("aurora-mysql8.0", "require_secure_transport", "ON", "OFF"),
        ("docdb5.0", "tls", "enabled", "disabled"),
        ("neptune1.3", "neptune_enforce_ssl", "1", "0"),
    ):
        for suffix, value in (("tls", on), ("plain", off)):
            name = f"shop-{family.replace('.', '')}-{suffix}"
            site.attempt(
                "rds.create_db_cluster_parameter_group",
                DBClusterParameterGroupName=name,
                DBParameterGroupFamily=family,
                Description=f"{family}, {suffix}",
            )
            site.attempt(
                "rds.modify_db_cluster_parameter_group",
                DBClusterParameterGroupName=name,
                Parameters=[{"ParameterName": parameter, "ParameterValue": value, "ApplyMethod": "pending-reboot"}],
            )


def make_instance(site: Site, name: str, label: Label, engine: str, **more: Any) -> str:
    arguments: dict[str, Any] = {
        "DBInstanceIdentifier": name,
        "DBInstanceClass": "db.m6g.large",
        "Engine": engine,
        "EngineVersion": FAMILIES[engine][1],
        "AllocatedStorage": 20,
        "MasterUsername": "shop",
        "DBSubnetGroupName": site.made["db_subnets"],
        "DBParameterGroupName": f"shop-{engine}-plain",
        **more,
    }
    if "ManageMasterUserPassword" not in more:
        arguments["MasterUserPassword"] = PASSWORD
    return str(site.call("rds.create_db_instance", Tags=label.pairs(), **arguments)["DBInstance"]["DBInstanceArn"])


def subnet_group(site: Site) -> None:
    site.call(
        "rds.create_db_subnet_group",
        DBSubnetGroupName="shop-db",
        DBSubnetGroupDescription="the shop's databases",
        SubnetIds=site.made["subnets"],
    )
    site.made["db_subnets"] = "shop-db"


def instances(site: Site) -> None:
    encrypted = {"StorageEncrypted": True, "KmsKeyId": site.key()}
    make_instance(
        site,
        "orders-prod",
        PROD_CONFIDENTIAL,
        "postgres",
        **encrypted,
        DBParameterGroupName="shop-postgres-tls",
        BackupRetentionPeriod=14,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=site.key(),
        EnableIAMDatabaseAuthentication=True,
        DeletionProtection=True,
        MultiAZ=True,
    )
    make_instance(site, "customers-prod", PROD_RESTRICTED, "mysql")  # neither encrypted nor TLS
    make_instance(site, "reviews-staging", STAGING, "mariadb", StorageEncrypted=True)  # aws/rds
    make_instance(
        site, "ledger-legacy", UNTAGGED, "sqlserver-se", LicenseModel="license-included", PubliclyAccessible=True
    )
    site.attempt(
        "rds.create_db_instance_read_replica",
        DBInstanceIdentifier="orders-prod-replica",
        SourceDBInstanceIdentifier="orders-prod",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    for name, label, i in bulk(3 * site.scale):
        make_instance(
            site,
            f"bulk-{name}",
            label,
            ("postgres", "mysql")[i % 2],
            **(encrypted if i % 3 else {}),
            DBParameterGroupName=f"shop-{('postgres', 'mysql')[i % 2]}-{('tls', 'plain')[i % 3 == 0]}",
        )


def instance_snapshots(site: Site) -> None:
    for source, name in (
        ("orders-prod", "orders-2026"),
        ("customers-prod", "customers-2026"),
        ("customers-prod", "customers-open"),
    ):
        site.attempt(
            "rds.create_db_snapshot",
            DBSnapshotIdentifier=name,
            DBInstanceIdentifier=source,
            Tags=PROD_CONFIDENTIAL.pairs(),
        )
    site.attempt(
        "rds.copy_db_snapshot",
        SourceDBSnapshotIdentifier="customers-2026",
        TargetDBSnapshotIdentifier="customers-2026-encrypted",
        KmsKeyId=site.key(),
    )
    share = "rds.modify_db_snapshot_attribute"
    site.attempt(share, DBSnapshotIdentifier="customers-2026", AttributeName="restore", ValuesToAdd=[STRANGER_ACCOUNT])
    site.attempt(share, DBSnapshotIdentifier="customers-open", AttributeName="restore", ValuesToAdd=["all"])


def clusters(site: Site) -> None:
    def make(name: str, label: Label, engine: str, **more: Any) -> None:
        site.attempt(
            "rds.create_db_cluster",
            DBClusterIdentifier=name,
            Engine=engine,
            MasterUsername="shop",
            DBSubnetGroupName="shop-db",
            Tags=label.pairs(),
            **more,
        )

    encrypted = {"StorageEncrypted": True, "KmsKeyId": site.key()}
    make(
        "payments-prod",
        PROD_CONFIDENTIAL,
        "aurora-postgresql",
        **encrypted,
        EngineVersion="16.4",
        DBClusterParameterGroupName="shop-aurora-postgresql16-tls",
        BackupRetentionPeriod=14,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=site.key(),
    )
    make(
        "loyalty-dev",
        DEV,
        "aurora-mysql",
        MasterUserPassword=PASSWORD,
        EngineVersion="8.0.mysql_aurora.3.05.2",
        DBClusterParameterGroupName="shop-aurora-mysql80-plain",
    )
    site.attempt(
        "rds.create_db_instance",
        DBInstanceIdentifier="payments-prod-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="payments-prod",
    )
    site.attempt(
        "rds.create_db_cluster_snapshot",
        DBClusterSnapshotIdentifier="payments-2026",
        DBClusterIdentifier="payments-prod",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        "rds.create_db_cluster_snapshot", DBClusterSnapshotIdentifier="loyalty-open", DBClusterIdentifier="loyalty-dev"
    )
    site.attempt(
        "rds.modify_db_cluster_snapshot_attribute",
        DBClusterSnapshotIdentifier="loyalty-open",
        AttributeName="restore",
        ValuesToAdd=["all"],
    )


def relatives(site: Site) -> None:
    """DocumentDB and Neptune, which speak the RDS API under names of their own."""
    for service, good_group, bad_group in (
        ("docdb", "shop-docdb50-tls", "shop-docdb50-plain"),
        ("neptune", "shop-neptune13-tls", "shop-neptune13-plain"),
    ):
        user: dict[str, Any] = {"MasterUsername": "shop", "MasterUserPassword": PASSWORD} if service == "docdb" else {}
        site.attempt(
            f"{service}.create_db_cluster",
            "InvalidParameterValue",
            DBClusterIdentifier=f"catalogue-{service}",
            Engine=service,
            StorageEncrypted=True,
            KmsKeyId=site.key(),
            DBClusterParameterGroupName=good_group,
            Tags=PROD_CONFIDENTIAL.pairs(),
            **user,
        )
        site.attempt(
            f"{service}.create_db_cluster",
            "InvalidParameterValue",
            DBClusterIdentifier=f"search-{service}",
            Engine=service,
            StorageEncrypted=False,
            DBClusterParameterGroupName=bad_group,
            **user,
        )


def proxies(site: Site) -> None:
    for name, tls, secret in (("orders-proxy", True, "secret_prod"), ("customers-proxy", False, "secret_staging")):
        site.attempt(
            "rds.create_db_proxy",
            DBProxyName=name,
            EngineFamily="POSTGRESQL",
            RequireTLS=tls,
            RoleArn=site.role("rds-proxy"),
            VpcSubnetIds=site.made["subnets"],
            Auth=[{"AuthScheme": "SECRETS", "SecretArn": site.made[secret], "IAMAuth": "DISABLED"}],
        )


# ---------------------------------------------------------------- DynamoDB and DAX

HASH = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def make_table(site: Site, name: str, label: Label, key: str = "", **more: Any) -> None:
    sse = (
        {"SSESpecification": {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key != "aws" else {})}}
        if key
        else {}
    )
    site.call("dynamodb.create_table", TableName=name, Tags=label.pairs(), **HASH, **sse, **more)


def point_in_time(site: Site, table: str) -> None:
    site.attempt(
        "dynamodb.update_continuous_backups",
        TableName=table,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )


def tables(site: Site) -> None:
    make_table(site, "orders-prod", PROD_CONFIDENTIAL, site.key(), DeletionProtectionEnabled=True)
    point_in_time(site, "orders-prod")
    site.attempt("dynamodb.create_backup", TableName="orders-prod", BackupName="before-migration")
    make_table(site, "payments-prod", PROD_RESTRICTED)  # AWS owned key, no PITR
    make_table(site, "carts-staging", STAGING, "aws")
    make_table(site, "sessions-legacy", UNTAGGED)
    make_table(site, "returns-dev", DEV, site.keys["disabled"])
    site.attempt(
        "dynamodb.put_resource_policy",
        ResourceArn=site.arn("dynamodb", "table/sessions-legacy"),
        Policy=document(
            allow(
                "dynamodb:GetItem", site.arn("dynamodb", "table/sessions-legacy"), Principal={"AWS": STRANGER_ACCOUNT}
            )
        ),
    )
    for name, label, i in bulk(6 * site.scale):
        make_table(site, f"bulk-{name}", label, site.key() if i % 2 else "")
        if i % 3:
            point_in_time(site, f"bulk-{name}")


def global_table(site: Site) -> None:
    make_table(
        site,
        "catalogue-global",
        PROD_CONFIDENTIAL,
        site.key(),
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    site.attempt(
        "dynamodb.update_table", TableName="catalogue-global", ReplicaUpdates=[{"Create": {"RegionName": "us-east-1"}}]
    )


def dax(site: Site) -> None:
    make = "dax.create_cluster"
    base = {"NodeType": "dax.r5.large", "ReplicationFactor": 3, "IamRoleArn": site.role("dax")}
    site.attempt(
        make,
        ClusterName="orders",
        **base,
        SSESpecification={"Enabled": True},
        ClusterEndpointEncryptionType="TLS",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        make, ClusterName="catalogue", **base, SSESpecification={"Enabled": False}, ClusterEndpointEncryptionType="NONE"
    )


# ---------------------------------------------------------------- Timestream


def timestream(site: Site) -> None:
    rejected = {
        "EnableMagneticStoreWrites": True,
        "MagneticStoreRejectedDataLocation": {
            "S3Configuration": {
                "BucketName": site.made["log_bucket"],
                "EncryptionOption": "SSE_KMS",
                "KmsKeyId": site.key(),
            }
        },
    }
    site.call(
        "timestream-write.create_database",
        DatabaseName="shop-metrics",
        KmsKeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        "timestream-write.create_table",
        DatabaseName="shop-metrics",
        TableName="clicks",
        MagneticStoreWriteProperties=rejected,
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.call("timestream-write.create_database", DatabaseName="legacy-metrics")  # aws/timestream
    # AWS refuses both keys when a database is made; disabled, a key is later.
    for name, key in (("returns-metrics", "disabled"), ("search-metrics", "signing")):
        site.attempt("timestream-write.create_database", DatabaseName=name, KmsKeyId=site.keys[key], Tags=DEV.pairs())
    rejected["MagneticStoreRejectedDataLocation"] = {
        "S3Configuration": {"BucketName": site.made["log_bucket"], "EncryptionOption": "SSE_S3"}
    }
    site.attempt(
        "timestream-write.create_table",
        DatabaseName="legacy-metrics",
        TableName="clicks",
        MagneticStoreWriteProperties=rejected,
    )
    # Under the database's key everything but the records that were refused.
    site.attempt(
        "timestream-write.create_table",
        DatabaseName="shop-metrics",
        TableName="late-clicks",
        MagneticStoreWriteProperties=rejected,
        Tags=PROD_CONFIDENTIAL.pairs(),
    )


def timestream_influxdb(site: Site) -> None:
    for name, label in (("shop-metrics", PROD_CONFIDENTIAL), ("shop-metrics-dev", UNTAGGED)):
        site.attempt(
            "timestream-influxdb.create_db_instance",
            name=name,
            username="shop",
            password=PASSWORD,
            organization="shop",
            bucket="metrics",
            dbInstanceType="db.influx.medium",
            vpcSubnetIds=site.made["subnets"][:1],
            vpcSecurityGroupIds=[site.made["group"]],
            allocatedStorage=100,
            dbStorageType="InfluxIOIncludedT1",
            publiclyAccessible=not label.map(),
            tags=label.map(),
            **({"kmsKeyId": site.key()} if label.map() else {}),
        )


# ---------------------------------------------------------------- caches, search, warehouse, migration


def elasticache(site: Site) -> None:
    make = "elasticache.create_replication_group"
    base: dict[str, Any] = {
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.r6g.large",
        "NumNodeGroups": 1,
        "ReplicasPerNodeGroup": 1,
        "AutomaticFailoverEnabled": True,
    }
    site.attempt(
        make,
        ReplicationGroupId="carts",
        ReplicationGroupDescription="carts",
        AtRestEncryptionEnabled=True,
        TransitEncryptionEnabled=True,
        TransitEncryptionMode="required",
        KmsKeyId=site.key(),
        AuthToken="EXAMPLE-token-0123456789",
        Tags=PROD_CONFIDENTIAL.pairs(),
        **base,
    )
    site.attempt(
        make,
        ReplicationGroupId="sessions",
        ReplicationGroupDescription="sessions",
        AtRestEncryptionEnabled=False,
        TransitEncryptionEnabled=False,
        **base,
    )
    cluster = "elasticache.create_cache_cluster"
    site.attempt(
        cluster,
        CacheClusterId="pages",
        Engine="memcached",
        CacheNodeType="cache.t3.micro",
        NumCacheNodes=1,
        TransitEncryptionEnabled=True,
        Tags=PROD_INTERNAL.pairs(),
    )
    site.attempt(
        cluster, CacheClusterId="pages-legacy", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1
    )
    site.attempt(
        "elasticache.create_snapshot", SnapshotName="carts-2026", ReplicationGroupId="carts", KmsKeyId=site.key()
    )
    site.attempt(
        "elasticache.create_serverless_cache", ServerlessCacheName="prices", Engine="valkey", KmsKeyId=site.key()
    )


def memorydb(site: Site) -> None:
    make = "memorydb.create_cluster"
    site.attempt(
        make,
        ClusterName="orders",
        NodeType="db.r6g.large",
        ACLName="orders-only",
        TLSEnabled=True,
        KmsKeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(make, ClusterName="legacy", NodeType="db.r6g.large", ACLName="open-access", TLSEnabled=False)
    site.attempt("memorydb.create_snapshot", ClusterName="orders", SnapshotName="orders-2026", KmsKeyId=site.key())


def opensearch(site: Site) -> None:
    make, https = "opensearch.create_domain", "Policy-Min-TLS-1-2-PFS-2023-10"
    site.attempt(
        make,
        DomainName="shop-search",
        EngineVersion="OpenSearch_2.13",
        EncryptionAtRestOptions={"Enabled": True, "KmsKeyId": site.key()},
        NodeToNodeEncryptionOptions={"Enabled": True},
        DomainEndpointOptions={"EnforceHTTPS": True, "TLSSecurityPolicy": https},
        TagList=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        make,
        DomainName="shop-logs",
        EngineVersion="OpenSearch_1.3",
        EncryptionAtRestOptions={"Enabled": False},
        NodeToNodeEncryptionOptions={"Enabled": False},
        DomainEndpointOptions={"EnforceHTTPS": False, "TLSSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"},
    )
    site.attempt(
        "es.create_elasticsearch_domain",
        DomainName="shop-legacy",
        ElasticsearchVersion="7.10",
        EncryptionAtRestOptions={"Enabled": False},
    )
    policy, rules = (
        "opensearchserverless.create_security_policy",
        [{"ResourceType": "collection", "Resource": ["collection/shop"]}],
    )
    site.attempt(
        policy,
        name="shop",
        type="encryption",
        policy=json.dumps({"Rules": rules, "AWSOwnedKey": False, "KmsARN": site.key()}),
    )
    site.attempt(
        "opensearchserverless.create_collection", name="shop", type="SEARCH", tags=PROD_INTERNAL.pairs("key", "value")
    )


def redshift(site: Site) -> None:
    for suffix, value in (("tls", "true"), ("plain", "false")):
        site.attempt(
            "redshift.create_cluster_parameter_group",
            ParameterGroupName=f"shop-{suffix}",
            ParameterGroupFamily="redshift-1.0",
            Description=suffix,
        )
        site.attempt(
            "redshift.modify_cluster_parameter_group",
            ParameterGroupName=f"shop-{suffix}",
            Parameters=[{"ParameterName": "require_ssl", "ParameterValue": value}],
        )
    make, base = (
        "redshift.create_cluster",
        {
            "NodeType": "ra3.xlplus",
            "MasterUsername": "shop",
            "MasterUserPassword": PASSWORD,
            "ClusterType": "single-node",
        },
    )
    site.attempt(
        make,
        ClusterIdentifier="sales",
        Encrypted=True,
        KmsKeyId=site.key(),
        ClusterParameterGroupName="shop-tls",
        Tags=PROD_CONFIDENTIAL.pairs(),
        **base,
    )
    site.attempt(
        make,
        ClusterIdentifier="sales-legacy",
        Encrypted=False,
        ClusterParameterGroupName="shop-plain",
        PubliclyAccessible=True,
        **base,
    )
    site.attempt(
        "redshift.create_cluster_snapshot",
        SnapshotIdentifier="sales-2026",
        ClusterIdentifier="sales",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt("redshift.create_snapshot_copy_grant", SnapshotCopyGrantName="sales-copy", KmsKeyId=site.key())
    site.attempt("redshift-serverless.create_namespace", namespaceName="shop", kmsKeyId=site.key())


def dms(site: Site) -> None:
    site.attempt(
        "dms.create_replication_subnet_group",
        ReplicationSubnetGroupIdentifier="shop",
        ReplicationSubnetGroupDescription="shop",
        SubnetIds=site.made["subnets"],
    )
    for name, label, key in (("orders", PROD_CONFIDENTIAL, site.key()), ("legacy", UNTAGGED, "")):
        site.attempt(
            "dms.create_replication_instance",
            ReplicationInstanceIdentifier=name,
            ReplicationInstanceClass="dms.t3.medium",
            Tags=label.pairs(),
            PubliclyAccessible=not key,
            **({"KmsKeyId": key} if key else {}),
        )
    for name, ssl, label in (("orders-source", "verify-full", PROD_CONFIDENTIAL), ("legacy-source", "none", UNTAGGED)):
        site.attempt(
            "dms.create_endpoint",
            EndpointIdentifier=name,
            EndpointType="source",
            EngineName="postgres",
            Username="shop",
            Password=PASSWORD,
            ServerName=f"{name}.db.example.com",
            Port=5432,
            DatabaseName="shop",
            SslMode=ssl,
            KmsKeyId=site.key(),
            Tags=label.pairs(),
        )


FOUNDATION: list[Any] = []
EVERYWHERE = [tables]
# Snapshots and replicas need the instances before them, so these run one after another.
RDS = [
    subnet_group,
    parameter_groups,
    cluster_parameter_groups,
    instances,
    instance_snapshots,
    clusters,
    relatives,
    proxies,
]
IN_FULL_SITES = [dax, timestream, timestream_influxdb, elasticache, memorydb, opensearch, redshift, dms]
MAIN_ONLY = [global_table]
