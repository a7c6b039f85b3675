//! Amazon Timestream for LiveAnalytics: databases and tables.

use super::prelude::*;
use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::config::Builder;
use aws_sdk_timestreamwrite::types::{MagneticStoreWriteProperties, S3Configuration, Table};

pub(super) static READER: Reader = Reader {
    service: "timestream",
    scope: Scope::Regional,
    kinds: &[DATABASE, TABLE],
    calls: &[
        "timestream:DescribeEndpoints",
        "timestream:ListDatabases",
        "timestream:ListTables",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const DATABASE: &str = "AWS::Timestream::Database";
const TABLE: &str = "AWS::Timestream::Table";

async fn read(cx: Cx) {
    let client = match client(&cx).await {
        Ok(client) => client,
        Err(failure) => return cx.gap(&[DATABASE, TABLE], &failure),
    };
    let databases = cx
        .list(
            "timestream:ListDatabases",
            &[DATABASE],
            pages!(client.list_databases()),
        )
        .await;
    for database in databases.iter().flat_map(|page| page.databases()) {
        let Some(name) = database.database_name() else {
            continue;
        };
        let props = Props::of("timestream:ListDatabases")
            .put("DatabaseName", name)
            .put("KmsKeyId", database.kms_key_id())
            .put("CreationTime", database.creation_time());
        cx.emit(DATABASE, name, database.arn(), props);
    }
    // Without a database the list has the tables of all.
    let tables = cx
        .list(
            "timestream:ListTables",
            &[TABLE],
            pages!(client.list_tables()),
        )
        .await;
    for table in tables.iter().flat_map(|page| page.tables()) {
        if let (Some(database), Some(name)) = (table.database_name(), table.table_name()) {
            let name = format!("{database}|{name}");
            cx.emit(TABLE, &name, table.arn(), props(table));
        }
    }
}

/// Timestream answers at an endpoint that it names first, which another endpoint than AWS's own stands for itself.
/// The SDK's own way to ask for it is outside of a reader's calls and may panic.
async fn client(cx: &Cx) -> Result<Client, Failure> {
    let config = cx.config();
    let client = Client::new(&config);
    if cx.has_own_endpoint() {
        return Ok(client);
    }
    const ACTION: &str = "timestream:DescribeEndpoints";
    let answer = cx.get(ACTION, client.describe_endpoints().send()).await?;
    match answer.endpoints().first() {
        Some(endpoint) => {
            let url = format!("https://{}", endpoint.address());
            Ok(Client::from_conf(
                Builder::from(&config).endpoint_url(url).build(),
            ))
        }
        None => Err(Failure {
            call: ACTION.into(),
            error: "no endpoint named".into(),
        }),
    }
}

fn props(table: &Table) -> Props {
    let retention = table.retention_properties().map(|retention| {
        // Text in the schema, numbers in the API.
        Props::new()
            .put(
                "MemoryStoreRetentionPeriodInHours",
                retention
                    .memory_store_retention_period_in_hours()
                    .to_string(),
            )
            .put(
                "MagneticStoreRetentionPeriodInDays",
                retention
                    .magnetic_store_retention_period_in_days()
                    .to_string(),
            )
    });
    Props::of("timestream:ListTables")
        .put("DatabaseName", table.database_name())
        .put("TableName", table.table_name())
        .put("RetentionProperties", retention)
        .put(
            "MagneticStoreWriteProperties",
            table.magnetic_store_write_properties().map(magnetic_store),
        )
        .put(
            "TableStatus",
            table.table_status().map(|status| status.as_str()),
        )
        .put("CreationTime", table.creation_time())
}

fn magnetic_store(properties: &MagneticStoreWriteProperties) -> Props {
    let location = properties
        .magnetic_store_rejected_data_location()
        .and_then(|location| location.s3_configuration())
        .map(|config| Props::new().put("S3Configuration", rejected(config)));
    Props::new()
        .put(
            "EnableMagneticStoreWrites",
            properties.enable_magnetic_store_writes(),
        )
        .put("MagneticStoreRejectedDataLocation", location)
}

fn rejected(config: &S3Configuration) -> Props {
    Props::new()
        .put("BucketName", config.bucket_name())
        .put("ObjectKeyPrefix", config.object_key_prefix())
        .put(
            "EncryptionOption",
            config.encryption_option().map(|option| option.as_str()),
        )
        .put("KmsKeyId", config.kms_key_id())
}
