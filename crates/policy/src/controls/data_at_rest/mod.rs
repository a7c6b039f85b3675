//! Data at rest.

use crate::control::chapter;

mod aes_256;
mod log_group;
mod working_key;

chapter! {
    rds_storage_encrypted,
    rds_encryption_at_creation,
    rds_copies_keep_encryption,
    rds_aes_256,
    ecs_fargate_storage_encrypted,
    ecs_efs_transit_encryption,
    ecs_logs_encrypted,
    ecs_images_in_ecr,
    dynamodb_encrypted,
    dynamodb_key_as_asked,
    dynamodb_point_in_time_recovery,
    backup_vault_key,
    timestream_encrypted,
    timestream_aes_256,
    timestream_stores_encrypted,
}
