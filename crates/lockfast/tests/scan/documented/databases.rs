//! Databases and caches: RDS and its relatives, DynamoDB, ElastiCache, Timestream, DMS.

use super::{Answer, Call, How, Row, row, template, xml};
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[
    row(
        "rds",
        "DescribeDBParameterGroups",
        &["MaxRecords", "Marker"],
        How::Text(groups),
    ),
    row(
        "rds",
        "DescribeDBClusterParameterGroups",
        &["MaxRecords", "Marker"],
        How::Text(cluster_groups),
    ),
    row(
        "rds",
        "DescribeDBParameters",
        &["DBParameterGroupName", "Filters", "Marker"],
        How::Mend(parameters),
    ),
    row(
        "rds",
        "DescribeDBClusterParameters",
        &["DBClusterParameterGroupName", "Filters", "Marker"],
        How::Mend(parameters),
    ),
    row(
        "rds",
        "DescribeDBInstances",
        &["Marker", "MaxRecords"],
        How::Text(instances),
    ),
    row(
        "rds",
        "DescribeDBClusters",
        &["Marker", "MaxRecords"],
        How::Text(clusters),
    ),
    row(
        "rds",
        "DescribeDBSnapshots",
        &["Marker", "MaxRecords"],
        How::Text(|call, text| {
            xml::each(&text, "DBSnapshot", |one| {
                key_of_aws(call, one, "Encrypted")
            })
        }),
    ),
    row(
        "rds",
        "DescribeDBClusterSnapshots",
        &["Marker", "MaxRecords"],
        How::Text(|call, text| {
            xml::each(&text, "DBClusterSnapshot", |one| {
                key_of_aws(call, one, "StorageEncrypted")
            })
        }),
    ),
    row(
        "rds",
        "DescribeIntegrations",
        &["Marker", "MaxRecords"],
        How::Recorded("DescribeIntegrations"),
    ),
    row(
        "dynamodb",
        "DescribeTable",
        &["TableName"],
        How::Json(table),
    ),
    row(
        "elasticache",
        "DescribeCacheClusters",
        &["Marker", "MaxRecords"],
        How::Text(cache_clusters),
    ),
    row(
        "elasticache",
        "DescribeServerlessCaches",
        &["NextToken", "MaxResults"],
        How::Recorded("DescribeServerlessCaches"),
    ),
    row(
        "elasticache",
        "DescribeServerlessCacheSnapshots",
        &["NextToken", "MaxResults"],
        How::Recorded("DescribeServerlessCacheSnapshots"),
    ),
    row(
        "elasticache",
        "DescribeGlobalReplicationGroups",
        &["ShowMemberInfo", "Marker", "MaxRecords"],
        How::Recorded("DescribeGlobalReplicationGroups"),
    ),
    row(
        "timestream",
        "ListDatabases",
        &["MaxResults", "NextToken"],
        How::Json(timestream),
    ),
    row(
        "timestream-influxdb",
        "ListDbBackups",
        &["maxResults", "nextToken"],
        How::Recorded("ListDbBackups"),
    ),
    row(
        "timestream-influxdb",
        "GetDbInstance",
        &["identifier"],
        How::Json(influx),
    ),
    row(
        "dms",
        "DescribeReplicationInstances",
        &["Marker", "MaxRecords"],
        How::Json(replication_instances),
    ),
    row(
        "dms",
        "DescribeReplicationConfigs",
        &["Marker", "MaxRecords"],
        How::Recorded("DescribeReplicationConfigs"),
    ),
    row(
        "dms",
        "DescribeDataProviders",
        &["Marker", "MaxRecords"],
        How::Recorded("DescribeDataProviders"),
    ),
    row(
        "dms",
        "DescribeInstanceProfiles",
        &["Marker", "MaxRecords"],
        How::Recorded("DescribeInstanceProfiles"),
    ),
];

/// The families of the seed's groups, by what their names hold; of two that fit the first.
const FAMILIES: [(&str, &str); 8] = [
    ("aurora-postgresql", "aurora-postgresql16"),
    ("aurora-mysql", "aurora-mysql8.0"),
    ("mariadb", "mariadb10.11"),
    ("mysql", "mysql8.0"),
    ("postgres", "postgres16"),
    ("sqlserver", "sqlserver-se-15.0"),
    ("docdb", "docdb5.0"),
    ("neptune", "neptune1.3"),
];

/// What the engine does where nobody sets a parameter: those that `tables/database-ssl.toml` (crate facts) names, with its
/// sources.
fn defaults(family: &str) -> Vec<(&'static str, &'static str)> {
    let (engine, version) = family.split_at(
        family
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(family.len()),
    );
    let version: f32 = version.parse().unwrap_or_default();
    let on = |from: f32| if version >= from { "1" } else { "0" };
    match engine {
        "postgres" => vec![
            ("rds.force_ssl", on(15.0)),
            ("ssl_min_protocol_version", "TLSv1.2"),
        ],
        "aurora-postgresql" => vec![
            ("rds.force_ssl", on(17.0)),
            ("ssl_min_protocol_version", "TLSv1.2"),
        ],
        "mysql" => vec![
            ("require_secure_transport", on(9.7)),
            ("tls_version", "TLSv1.2,TLSv1.3"),
        ],
        "mariadb" => vec![
            ("require_secure_transport", on(11.8)),
            ("tls_version", "TLSv1.2,TLSv1.3"),
        ],
        "aurora-mysql" => vec![
            ("require_secure_transport", "OFF"),
            ("tls_version", "TLSv1.2,TLSv1.3"),
        ],
        "docdb" => vec![("tls", "enabled")],
        "neptune" => vec![("neptune_enforce_ssl", "1")],
        _ if engine.starts_with("sqlserver") => vec![("rds.force_ssl", "0")],
        _ => Vec::new(),
    }
}

/// Of every family there is a default group, listed among the others.
fn default_groups(text: &str, element: &str) -> String {
    let families = [
        "postgres16",
        "postgres9.3",
        "mysql8.0",
        "mariadb10.11",
        "docdb5.0",
        "neptune1.3",
        "aurora-postgresql16",
        "aurora-mysql8.0",
    ];
    let groups: String = families
        .iter()
        .map(|family| {
            format!(
                "<{element}><{element}Name>default.{family}</{element}Name><DBParameterGroupFamily>{family}</DBParameterGroupFamily>\
                 <Description>Default parameter group for {family}</Description></{element}>"
            )
        })
        .collect();
    xml::push(text, &format!("{element}s"), &groups)
}

fn groups(_: &Call<'_>, text: String) -> String {
    default_groups(&text, "DBParameterGroup")
}

fn cluster_groups(_: &Call<'_>, text: String) -> String {
    default_groups(&text, "DBClusterParameterGroup")
}

/// All parameters of the family, those of the user among them; also of `default.*`, which moto does not have.
fn parameters(call: &Call<'_>, answer: Answer) -> Answer {
    let operation = &call.asked.operation;
    let name = match operation.contains("Cluster") {
        true => call.asked.parameter("DBClusterParameterGroupName"),
        false => call.asked.parameter("DBParameterGroupName"),
    };
    let family = name.strip_prefix("default.").unwrap_or_else(|| {
        let mut families = FAMILIES.iter().filter(|(part, _)| name.contains(part));
        families.next().map_or("", |(_, family)| family)
    });
    let own = answer.text();
    let own: Vec<&str> = own.split("<Parameter>").skip(1).collect();
    let of_user = |name: &str| {
        let mut own = own
            .iter()
            .filter(|one| xml::value(one, "ParameterName") == Some(name));
        own.next().and_then(|one| xml::value(one, "ParameterValue"))
    };
    let parameters: String = defaults(family)
        .iter()
        .map(|(name, default)| {
            let (value, source) = match of_user(name) {
                Some(value) => (value, "user"),
                None => (*default, "system"),
            };
            format!(
                "<Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue><Source>{source}</Source>\
                 <ApplyType>dynamic</ApplyType><DataType>string</DataType><IsModifiable>true</IsModifiable></Parameter>"
            )
        })
        .collect();
    let body = format!(
        "<{operation}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><{operation}Result><Parameters>{parameters}</Parameters>\
         </{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
    );
    Answer::of(200, "text/xml", body)
}

/// Where no key was named there is that of AWS, and where nothing is encrypted none.
fn key_of_aws(call: &Call<'_>, element: &str, encrypted: &str) -> String {
    match (
        xml::value(element, "KmsKeyId"),
        xml::value(element, encrypted),
    ) {
        (Some("default_kms_key_id"), Some("true")) => {
            xml::set(element, "KmsKeyId", &call.key("aws/rds"))
        }
        (Some("default_kms_key_id"), _) => xml::without(element, "KmsKeyId"),
        _ => element.to_owned(),
    }
}

fn instances(call: &Call<'_>, text: String) -> String {
    xml::each(&text, "DBInstance", |one| {
        key_of_aws(call, one, "StorageEncrypted")
    })
}

/// Beside moto's, in the main region, the DocumentDB clusters that it cannot hold.
fn clusters(call: &Call<'_>, text: String) -> String {
    let text = xml::each(&text, "DBCluster", |one| {
        key_of_aws(call, one, "StorageEncrypted")
    });
    match &*call.asked.region {
        "eu-central-1" => xml::push(
            &text,
            "DBClusters",
            call.recorded("DocumentDB").text().trim(),
        ),
        _ => text,
    }
}

/// The global table has its replicas; one of them lies where no data may lie.
fn table(_: &Call<'_>, answer: &mut Value) {
    let table = &mut answer["Table"];
    if table["TableName"] == "catalogue-global" {
        table["GlobalTableVersion"] = json!("2019.11.21");
        table["Replicas"] = json!([
            {"RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE"},
            {"RegionName": "ap-south-1", "ReplicaStatus": "ACTIVE"},
        ]);
    }
}

/// The members of replication groups are clusters too, and each says how it is encrypted.
fn cache_clusters(call: &Call<'_>, text: String) -> String {
    let text = xml::each(&text, "CacheCluster", |cluster| {
        let (version, group) = match xml::value(cluster, "Engine") {
            Some("memcached") => ("1.6.22", "default.memcached1.6"),
            _ => ("7.1.0", "default.redis7"),
        };
        let mut cluster = xml::set(cluster, "EngineVersion", version);
        for flag in ["AtRestEncryptionEnabled", "TransitEncryptionEnabled"] {
            let value = xml::value(&cluster, flag).unwrap_or("false").to_owned();
            cluster = xml::set(&cluster, flag, &value);
        }
        let group = format!("<CacheParameterGroupName>{group}</CacheParameterGroupName>");
        xml::set(&cluster, "CacheParameterGroup", &group)
    });
    let groups = call.ask_query(
        "elasticache",
        "Action=DescribeReplicationGroups&Version=2015-02-02",
    );
    let members = groups.split("<ReplicationGroup>").skip(1).filter_map(|group| {
        let id = xml::value(group, "ReplicationGroupId")?;
        let (rest, transit) = (
            xml::value(group, "AtRestEncryptionEnabled").unwrap_or("false"),
            xml::value(group, "TransitEncryptionEnabled").unwrap_or("false"),
        );
        Some(format!(
            "<CacheCluster><CacheClusterId>{id}-001</CacheClusterId><ReplicationGroupId>{id}</ReplicationGroupId><Engine>redis</Engine>\
             <EngineVersion>7.1.0</EngineVersion><CacheClusterStatus>available</CacheClusterStatus>\
             <CacheParameterGroup><CacheParameterGroupName>default.redis7</CacheParameterGroupName></CacheParameterGroup>\
             <AtRestEncryptionEnabled>{rest}</AtRestEncryptionEnabled><TransitEncryptionEnabled>{transit}</TransitEncryptionEnabled>\
             <ARN>arn:aws:elasticache:{}:{}:cluster:{id}-001</ARN></CacheCluster>",
            call.asked.region, call.account
        ))
    });
    xml::push(&text, "CacheClusters", &members.collect::<String>())
}

fn timestream(call: &Call<'_>, answer: &mut Value) {
    for database in answer["Databases"].as_array_mut().into_iter().flatten() {
        if database["KmsKeyId"]
            .as_str()
            .is_some_and(|key| key.ends_with("/default_key"))
        {
            database["KmsKeyId"] = json!(call.key("aws/timestream"));
        }
    }
}

/// moto forgets the key that it was given.
fn influx(call: &Call<'_>, answer: &mut Value) {
    answer["status"] = json!("AVAILABLE");
    answer["kmsKeyId"] = json!(call.key("shop/prod/confidential"));
}

/// The moment as a number, as the SDK of a strict language needs it.
fn replication_instances(call: &Call<'_>, answer: &mut Value) {
    for instance in answer["ReplicationInstances"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        instance["InstanceCreateTime"] = json!(template::in_days(-30));
        instance["EngineVersion"] = json!("3.5.4");
        if instance["KmsKeyId"].is_null() {
            instance["KmsKeyId"] = json!(call.key("aws/dms"));
        }
        if let Some(instance) = instance.as_object_mut() {
            instance.retain(|_, value| !value.is_null());
        }
    }
}
