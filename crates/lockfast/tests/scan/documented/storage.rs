//! Buckets, volumes, file systems, vaults, repositories.

use super::{Answer, Call, How, Row, row, xml};
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[
    row("s3", "GET /*?encryption", &[], How::Mend(encryption)),
    row(
        "s3",
        "GET /*?versioning",
        &[],
        How::Text(|_, text| {
            xml::rename(
                &text,
                "GetBucketVersioningResponse",
                "VersioningConfiguration",
            )
        }),
    ),
    row(
        "s3",
        "GET /*?inventory",
        &["continuation-token"],
        How::Text(inventory),
    ),
    row(
        "s3",
        "GET /*?replication",
        &[],
        How::Text(|_, text| {
            xml::each(&text, "Rule", |rule| {
                xml::set(
                    rule,
                    "SourceSelectionCriteria",
                    "<SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>",
                )
            })
        }),
    ),
    row(
        "ec2",
        "GetEbsDefaultKmsKeyId",
        &[],
        How::Recorded("GetEbsDefaultKmsKeyId"),
    ),
    row(
        "ec2",
        "DescribeSnapshots",
        &["Owner", "MaxResults", "NextToken"],
        How::Text(snapshots),
    ),
    row(
        "elasticfilesystem",
        "GET /2015-02-01/file-systems",
        &["Marker", "MaxItems"],
        How::Json(|call, answer| {
            for system in answer["FileSystems"].as_array_mut().into_iter().flatten() {
                if system["Encrypted"] == true && system["KmsKeyId"].is_null() {
                    system["KmsKeyId"] = json!(call.key("aws/elasticfilesystem"));
                }
            }
        }),
    ),
    row(
        "elasticfilesystem",
        "GET /2015-02-01/file-systems/replication-configurations",
        &["FileSystemId", "NextToken", "MaxResults"],
        How::Recorded("DescribeReplicationConfigurations"),
    ),
    row(
        "fsx",
        "DescribeFileSystems",
        &["MaxResults", "NextToken"],
        How::Json(file_systems),
    ),
    row(
        "fsx",
        "DescribeFileCaches",
        &["MaxResults", "NextToken"],
        How::Recorded("DescribeFileCaches"),
    ),
    row(
        "fsx",
        "DescribeBackups",
        &["MaxResults", "NextToken"],
        How::Json(backups),
    ),
    row(
        "backup",
        "GET /backup-vaults",
        &["maxResults", "nextToken"],
        How::Json(vaults),
    ),
    row(
        "ecr",
        "DescribeRepositoryCreationTemplates",
        &["maxResults", "nextToken"],
        How::Recorded("DescribeRepositoryCreationTemplates"),
    ),
];

/// Since January 2023 every bucket has a rule (Amazon S3 User Guide, "Setting default server-side encryption behavior for
/// Amazon S3 buckets").
fn encryption(_: &Call<'_>, answer: Answer) -> Answer {
    if answer.status != 404
        || !answer
            .text()
            .contains("ServerSideEncryptionConfigurationNotFoundError")
    {
        return answer;
    }
    Answer::of(
        200,
        "application/xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
         <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
         <BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
    )
}

fn inventory(_: &Call<'_>, text: String) -> String {
    let text = xml::rename(
        &text,
        "ListBucketInventoryConfigurationsResponse",
        "ListInventoryConfigurationsResult",
    );
    xml::each(&text, "InventoryConfiguration", |one| {
        let one = xml::set(
            one,
            "OptionalFields",
            "<Field>EncryptionStatus</Field><Field>BucketKeyStatus</Field>",
        );
        let one = xml::set(&one, "IncludedObjectVersions", "Current");
        xml::set(&one, "Encryption", "<SSE-S3/>")
    })
}

/// Those of encrypted volumes are under the volumes' key.
fn snapshots(call: &Call<'_>, text: String) -> String {
    text.replace(
        "<encrypted>true</encrypted>",
        &format!(
            "<encrypted>true</encrypted><kmsKeyId>{}</kmsKeyId><sseType>sse-kms</sseType>",
            call.key("shop/prod/confidential")
        ),
    )
}

fn file_systems(call: &Call<'_>, answer: &mut Value) {
    for system in answer["FileSystems"].as_array_mut().into_iter().flatten() {
        system["Lifecycle"] = json!("AVAILABLE");
        system["OwnerId"] = json!(call.account);
        // Scratch file systems are under a key of FSx's own (Amazon FSx for Lustre User Guide, "Data encryption").
        let scratch = system["LustreConfiguration"]["DeploymentType"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("SCRATCH"));
        if system["KmsKeyId"].is_null() && !scratch {
            system["KmsKeyId"] = json!(call.key("aws/fsx"));
        }
    }
}

fn vaults(call: &Call<'_>, answer: &mut Value) {
    for vault in answer["BackupVaultList"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        vault["VaultType"] = json!("BACKUP_VAULT");
        if vault["EncryptionKeyArn"].is_null() {
            vault["EncryptionKeyArn"] = json!(call.key("aws/backup"));
        }
    }
}

/// A backup is under its file system's key.
fn backups(call: &Call<'_>, answer: &mut Value) {
    for backup in answer["Backups"].as_array_mut().into_iter().flatten() {
        let key = call.key("shop/prod/confidential");
        backup["Lifecycle"] = json!("AVAILABLE");
        backup["Type"] = json!("USER_INITIATED");
        backup["FileSystem"] = json!({
            "FileSystemId": backup["FileSystemId"],
            "FileSystemType": "LUSTRE",
            "OwnerId": call.account,
            "KmsKeyId": key,
        });
        backup["KmsKeyId"] = json!(key);
    }
}
