//! Amazon FSx: file systems, caches, backups. Snapshots of volumes stay inside their file system.

use super::prelude::*;
use aws_sdk_fsx::Client;
use aws_sdk_fsx::types::FileSystem;

pub(super) static READER: Reader = Reader {
    service: "fsx",
    scope: Scope::Regional,
    kinds: &[
        "AWS::FSx::FileSystem",
        "AWS::FSx::FileCache",
        "AWS::FSx::Backup",
    ],
    calls: &[
        "fsx:DescribeFileSystems",
        "fsx:DescribeFileCaches",
        "fsx:DescribeBackups",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        systems(&cx, &client),
        caches(&cx, &client),
        backups(&cx, &client)
    );
}

async fn systems(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "fsx:DescribeFileSystems",
            &["AWS::FSx::FileSystem"],
            pages!(client.describe_file_systems()),
        )
        .await;
    for system in pages.iter().flat_map(|page| page.file_systems()) {
        if let Some(id) = system.file_system_id() {
            cx.emit(
                "AWS::FSx::FileSystem",
                id,
                system.resource_arn(),
                of_system(system),
            );
        }
    }
}

fn of_system(system: &FileSystem) -> Props {
    let lustre = system.lustre_configuration().map(|lustre| {
        Props::new()
            .put(
                "DeploymentType",
                lustre.deployment_type().map(|kind| kind.as_str()),
            )
            .put(
                "AutomaticBackupRetentionDays",
                lustre.automatic_backup_retention_days(),
            )
    });
    let windows = system.windows_configuration().map(|windows| {
        Props::new()
            .put(
                "DeploymentType",
                windows.deployment_type().map(|kind| kind.as_str()),
            )
            .put("ActiveDirectoryId", windows.active_directory_id())
            .put(
                "AutomaticBackupRetentionDays",
                windows.automatic_backup_retention_days(),
            )
    });
    let ontap = system.ontap_configuration().map(|ontap| {
        Props::new()
            .put(
                "DeploymentType",
                ontap.deployment_type().map(|kind| kind.as_str()),
            )
            .put(
                "AutomaticBackupRetentionDays",
                ontap.automatic_backup_retention_days(),
            )
    });
    let zfs = system.open_zfs_configuration().map(|zfs| {
        Props::new()
            .put(
                "DeploymentType",
                zfs.deployment_type().map(|kind| kind.as_str()),
            )
            .put(
                "AutomaticBackupRetentionDays",
                zfs.automatic_backup_retention_days(),
            )
    });
    Props::of("fsx:DescribeFileSystems")
        .put(
            "FileSystemType",
            system.file_system_type().map(|kind| kind.as_str()),
        )
        .put("FileSystemTypeVersion", system.file_system_type_version())
        .put("KmsKeyId", system.kms_key_id())
        .put(
            "StorageType",
            system.storage_type().map(|kind| kind.as_str()),
        )
        .put("StorageCapacity", system.storage_capacity())
        .put("SubnetIds", system.subnet_ids())
        .put("VpcId", system.vpc_id())
        .put("LustreConfiguration", lustre)
        .put("WindowsConfiguration", windows)
        .put("OntapConfiguration", ontap)
        .put("OpenZFSConfiguration", zfs)
        .put("Tags", tags!(system.tags()))
        .put("OwnerId", system.owner_id())
        .put("CreationTime", system.creation_time())
        .put("Lifecycle", system.lifecycle().map(|state| state.as_str()))
}

async fn caches(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "fsx:DescribeFileCaches",
            &["AWS::FSx::FileCache"],
            pages!(client.describe_file_caches()),
        )
        .await;
    for cache in pages.iter().flat_map(|page| page.file_caches()) {
        let Some(id) = cache.file_cache_id() else {
            continue;
        };
        let props = Props::of("fsx:DescribeFileCaches")
            .put(
                "FileCacheType",
                cache.file_cache_type().map(|kind| kind.as_str()),
            )
            .put("KmsKeyId", cache.kms_key_id())
            .put("SubnetIds", cache.subnet_ids())
            .put("VpcId", cache.vpc_id())
            .put("Lifecycle", cache.lifecycle().map(|state| state.as_str()));
        cx.emit("AWS::FSx::FileCache", id, cache.resource_arn(), props);
    }
}

async fn backups(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "fsx:DescribeBackups",
            &["AWS::FSx::Backup"],
            pages!(client.describe_backups()),
        )
        .await;
    for backup in pages.iter().flat_map(|page| page.backups()) {
        let Some(id) = backup.backup_id() else {
            continue;
        };
        let volume = backup.volume();
        let system = backup
            .file_system()
            .and_then(FileSystem::file_system_id)
            .or_else(|| volume.and_then(|volume| volume.file_system_id()));
        let props = Props::of("fsx:DescribeBackups")
            .put("BackupId", id)
            .put("KmsKeyId", backup.kms_key_id())
            .put("FileSystemId", system)
            .put("VolumeId", volume.and_then(|volume| volume.volume_id()))
            .put("Type", backup.r#type().map(|kind| kind.as_str()))
            .put("Tags", tags!(backup.tags()))
            .put("OwnerId", backup.owner_id())
            .put("SourceBackupId", backup.source_backup_id())
            .put("SourceBackupRegion", backup.source_backup_region())
            .put("CreationTime", backup.creation_time())
            .put("Lifecycle", backup.lifecycle().map(|state| state.as_str()));
        cx.emit("AWS::FSx::Backup", id, backup.resource_arn(), props);
    }
}
