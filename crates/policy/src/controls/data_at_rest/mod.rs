//! Data at rest.

use crate::control::chapter;

mod aes_256;
mod asked_rotation;
mod bucket_policy;
mod cases;
mod function_logs;
pub(super) mod inherited;
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
    s3_default_encryption,
    s3_key_as_asked,
    s3_bucket_key,
    s3_objects_as_asked,
    s3_refuses_plain_http,
    s3_refuses_wrong_uploads,
    cwl_log_group_encrypted,
    application_logs_encrypted,
    vpc_flow_logs_encrypted,
    log_retention,
    encryption_as_code,
    every_store_encrypted,
    live_stores_as_code,
    keys_as_code,
    live_keys_as_code,
    managed_keys_rotate,
    key_rotation,
    hand_rotated_keys_age,
    aes_256_at_rest,
}
