"""Where files and blocks lie: S3, EBS, EFS, FSx, ECR, and their copies in Backup."""

from __future__ import annotations

from typing import Any

from .shop import (
    DEV,
    PASSWORD,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_PUBLIC,
    PROD_RESTRICTED,
    STAGING,
    STRANGER_ACCOUNT,
    UNTAGGED,
    Label,
    allow,
    bulk,
    deny,
    document,
    root,
)
from .site import Site

INSECURE = {"Bool": {"aws:SecureTransport": "false"}}


def bucket_name(site: Site, name: str) -> str:
    return f"shop-{name}-{site.account[:3]}-{site.region}"


def make_bucket(site: Site, name: str, label: Label) -> str:
    bucket = bucket_name(site, name)
    # us-east-1 refuses to be named as a location.
    where: dict[str, Any] = (
        {} if site.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": site.region}}
    )
    site.call("s3.create_bucket", Bucket=bucket, **where)
    if label.map():
        site.attempt("s3.put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": label.pairs()})
    return bucket


def encrypt(site: Site, bucket: str, algorithm: str, key: str = "", bucket_key: bool = True) -> None:
    default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
    site.attempt(
        "s3.put_bucket_encryption",
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}]
        },
    )


def strict_bucket_policy(bucket: str, key: str) -> str:
    """Refuses plain HTTP, unencrypted uploads and uploads under another key."""
    everything, objects = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], f"arn:aws:s3:::{bucket}/*"
    return document(
        deny("s3:*", everything, Sid="HttpsOnly", Principal="*", Condition=INSECURE),
        deny("s3:*", everything, Sid="Tls12", Principal="*", Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        deny(
            "s3:PutObject",
            objects,
            Sid="KmsOnly",
            Principal="*",
            Condition={
                "Null": {"s3:x-amz-server-side-encryption": "false"},
                "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
            },
        ),
        deny(
            "s3:PutObject",
            objects,
            Sid="OurKeyOnly",
            Principal="*",
            Condition={"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}},
        ),
    )


def block_public_access(site: Site, bucket: str) -> None:
    site.attempt(
        "s3.put_public_access_block",
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def log_bucket(site: Site) -> None:
    """Comes before all else: trails, logging and delivery point at it."""
    bucket = make_bucket(site, "logs", PROD_INTERNAL)
    encrypt(site, bucket, "AES256")
    block_public_access(site, bucket)
    site.attempt(
        "s3.put_bucket_ownership_controls",
        Bucket=bucket,
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
    )
    site.attempt("s3.put_bucket_acl", Bucket=bucket, ACL="log-delivery-write")
    site.attempt(
        "s3.put_bucket_policy",
        Bucket=bucket,
        Policy=document(
            allow(
                "s3:PutObject",
                f"arn:aws:s3:::{bucket}/AWSLogs/{site.account}/*",
                Principal={"Service": "cloudtrail.amazonaws.com"},
                Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            ),
            allow("s3:GetBucketAcl", f"arn:aws:s3:::{bucket}", Principal={"Service": "cloudtrail.amazonaws.com"}),
            # Not "*": moto's PutBucketLogging reads this policy and breaks on a principal that is a string.
            deny(
                "s3:*",
                [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                Principal={"AWS": "*"},
                Condition=INSECURE,
            ),
        ),
    )
    site.made["log_bucket"] = bucket


def put_objects(site: Site, bucket: str, key: str) -> None:
    for number, encryption in enumerate(
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}, {"ServerSideEncryption": "AES256"}, {})
    ):
        site.attempt("s3.put_object", Bucket=bucket, Key=f"2026/{number}.json", Body=b"{}", **encryption)


def good_bucket(site: Site) -> None:
    bucket, key = make_bucket(site, "orders", PROD_CONFIDENTIAL), site.key()
    encrypt(site, bucket, "aws:kms", key)
    block_public_access(site, bucket)
    # Before the policy: afterwards nobody could write them. A bucket whose default is right still holds older objects.
    put_objects(site, bucket, key)
    site.attempt("s3.put_bucket_policy", Bucket=bucket, Policy=strict_bucket_policy(bucket, key))
    site.attempt("s3.put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    site.attempt(
        "s3.put_bucket_logging",
        Bucket=bucket,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": site.made["log_bucket"], "TargetPrefix": "orders/"}},
    )
    site.attempt(
        "s3.put_bucket_inventory_configuration",
        Bucket=bucket,
        Id="encryption",
        InventoryConfiguration={
            "Id": "encryption",
            "IsEnabled": True,
            "IncludedObjectVersions": "Current",
            "Schedule": {"Frequency": "Daily"},
            "OptionalFields": ["EncryptionStatus", "BucketKeyStatus"],
            "Destination": {
                "S3BucketDestination": {
                    "Bucket": f"arn:aws:s3:::{site.made['log_bucket']}",
                    "Format": "CSV",
                    "Prefix": "inventory/",
                    "Encryption": {"SSES3": {}},
                }
            },
        },
    )
    site.attempt(
        "s3.put_bucket_lifecycle_configuration",
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old-versions",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                }
            ]
        },
    )


def replicated_bucket(site: Site) -> None:
    bucket = make_bucket(site, "invoices", PROD_RESTRICTED)
    encrypt(site, bucket, "aws:kms:dsse", site.key("prod", "restricted"))
    block_public_access(site, bucket)
    site.attempt("s3.put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put_objects(site, bucket, site.key("prod", "restricted"))
    copy = make_bucket(site, "invoices-copy", PROD_RESTRICTED)
    site.attempt("s3.put_bucket_versioning", Bucket=copy, VersioningConfiguration={"Status": "Enabled"})
    site.attempt(
        "s3.put_bucket_replication",
        Bucket=bucket,
        ReplicationConfiguration={
            "Role": site.role("replication"),
            "Rules": [
                {
                    "ID": "copy",
                    "Status": "Enabled",
                    "Priority": 1,
                    "Filter": {"Prefix": ""},
                    "DeleteMarkerReplication": {"Status": "Disabled"},
                    "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
                    "Destination": {
                        "Bucket": f"arn:aws:s3:::{copy}",
                        "EncryptionConfiguration": {"ReplicaKmsKeyID": site.key("prod", "restricted")},
                    },
                }
            ],
        },
    )


def bad_buckets(site: Site) -> None:
    make_bucket(site, "legacy-exports", UNTAGGED)
    wrong_key = make_bucket(site, "payments", PROD_RESTRICTED)
    encrypt(site, wrong_key, "aws:kms", site.key("dev", "internal"), bucket_key=False)
    unreadable = make_bucket(site, "returns", DEV)
    encrypt(site, unreadable, "aws:kms", site.keys["disabled"])
    managed = make_bucket(site, "customers", PROD_CONFIDENTIAL)
    encrypt(site, managed, "aws:kms")  # no key named: aws/s3
    public = make_bucket(site, "catalogue", PROD_PUBLIC)
    site.attempt(
        "s3.put_bucket_policy",
        Bucket=public,
        Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{public}/*", Principal="*")),
    )
    shared = make_bucket(site, "partner-feed", STAGING)
    site.attempt(
        "s3.put_bucket_policy",
        Bucket=shared,
        Policy=document(
            allow("s3:*", [f"arn:aws:s3:::{shared}", f"arn:aws:s3:::{shared}/*"], Principal=root(STRANGER_ACCOUNT)),
            # Looks like the refusal of plain HTTP, but lets through what it should refuse.
            deny(
                "s3:*", f"arn:aws:s3:::{shared}/*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}}
            ),
        ),
    )
    for name, label, i in bulk(5 * site.scale):
        bucket = make_bucket(site, f"bulk-{name}", label)
        if i % 2:
            encrypt(site, bucket, "aws:kms", site.key())
        if i % 3:
            block_public_access(site, bucket)


def account_public_access_block(site: Site) -> None:
    site.attempt(
        "s3control.put_public_access_block",
        AccountId=site.account,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": False,
        },
    )


def volumes(site: Site) -> None:
    zone = f"{site.region}a"

    def volume(label: Label, **encryption: Any) -> str:
        tags = [{"ResourceType": "volume", "Tags": label.pairs()}] if label.map() else []
        return str(
            site.call(
                "ec2.create_volume",
                AvailabilityZone=zone,
                Size=20,
                VolumeType="gp3",
                TagSpecifications=tags,
                **encryption,
            )["VolumeId"]
        )

    def snapshot(volume_id: str, name: str) -> str:
        return str(site.call("ec2.create_snapshot", VolumeId=volume_id, Description=name)["SnapshotId"])

    good = volume(PROD_CONFIDENTIAL, Encrypted=True, KmsKeyId=site.key())
    bad = volume(UNTAGGED, Encrypted=False)
    volume(STAGING, Encrypted=True)
    snapshot(good, "orders nightly")
    shared, public = snapshot(bad, "for the partner"), snapshot(bad, "left open")
    change = {"Attribute": "createVolumePermission", "OperationType": "add"}
    site.attempt("ec2.modify_snapshot_attribute", SnapshotId=shared, UserIds=[STRANGER_ACCOUNT], **change)
    site.attempt("ec2.modify_snapshot_attribute", SnapshotId=public, GroupNames=["all"], **change)
    for _, label, i in bulk(3 * site.scale):
        volume(label, **({"Encrypted": True, "KmsKeyId": site.key()} if i % 2 else {"Encrypted": False}))


def ebs_default(site: Site) -> None:
    if site.region != "us-east-1":  # one region is left open
        site.attempt("ec2.enable_ebs_encryption_by_default")
        site.attempt("ec2.modify_ebs_default_kms_key_id", KmsKeyId=site.key("prod", "internal"))


def efs(site: Site) -> None:
    good = site.call(
        "efs.create_file_system",
        CreationToken="orders",
        Encrypted=True,
        KmsKeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
        Backup=True,
    )
    site.made["efs"] = good["FileSystemId"]
    site.attempt(
        "efs.put_file_system_policy",
        FileSystemId=good["FileSystemId"],
        Policy=document(deny("*", good.get("FileSystemArn", "*"), Principal={"AWS": "*"}, Condition=INSECURE)),
    )
    site.attempt(
        "efs.create_access_point",
        FileSystemId=good["FileSystemId"],
        ClientToken="orders",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt("efs.create_mount_target", FileSystemId=good["FileSystemId"], SubnetId=site.made["subnets"][0])
    site.attempt("efs.create_file_system", CreationToken="legacy", Encrypted=False)
    site.attempt("efs.create_file_system", CreationToken="reports", Encrypted=True, Tags=STAGING.pairs())


def fsx(site: Site) -> None:
    subnets = site.made["subnets"][:1]
    good = site.call(
        "fsx.create_file_system",
        FileSystemType="LUSTRE",
        StorageCapacity=1200,
        SubnetIds=subnets,
        KmsKeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
        LustreConfiguration={"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 125},
    )
    site.attempt(
        "fsx.create_file_system",
        FileSystemType="LUSTRE",
        StorageCapacity=1200,
        SubnetIds=subnets,
        LustreConfiguration={"DeploymentType": "SCRATCH_2"},
    )
    site.attempt(
        "fsx.create_file_system",
        FileSystemType="WINDOWS",
        StorageCapacity=32,
        SubnetIds=subnets,
        Tags=DEV.pairs(),
        WindowsConfiguration={
            "ThroughputCapacity": 8,
            "SelfManagedActiveDirectoryConfiguration": {
                "DomainName": "shop.example.com",
                "UserName": "joiner",
                "Password": PASSWORD,
                "DnsIps": ["10.0.0.10"],
            },
        },
    )
    site.attempt("fsx.create_backup", FileSystemId=good["FileSystem"]["FileSystemId"])


def ecr(site: Site) -> None:
    make = "ecr.create_repository"
    good = site.call(
        make,
        repositoryName="shop/orders",
        tags=PROD_CONFIDENTIAL.pairs(),
        imageTagMutability="IMMUTABLE",
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": site.key()},
        imageScanningConfiguration={"scanOnPush": True},
    )
    site.made["image"] = good["repository"]["repositoryUri"] + ":1.4.2"
    site.attempt(make, repositoryName="shop/web", tags=PROD_PUBLIC.pairs())
    site.attempt(make, repositoryName="shop/legacy")
    site.attempt(
        make,
        repositoryName="shop/payments",
        tags=PROD_RESTRICTED.pairs(),
        encryptionConfiguration={"encryptionType": "AES256"},
    )
    site.attempt(
        "ecr.set_repository_policy",
        repositoryName="shop/legacy",
        policyText=document({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}),
    )


def backups(site: Site) -> None:
    good = site.call(
        "backup.create_backup_vault",
        BackupVaultName="shop-prod",
        EncryptionKeyArn=site.key(),
        BackupVaultTags=PROD_CONFIDENTIAL.map(),
    )
    site.attempt("backup.create_backup_vault", BackupVaultName="shop-default")  # no key named: aws/backup
    site.attempt(
        "backup.put_backup_vault_lock_configuration",
        BackupVaultName="shop-prod",
        MinRetentionDays=7,
        MaxRetentionDays=365,
    )
    for name, vault, copy_to in (
        ("shop-nightly", "shop-prod", ""),
        ("shop-legacy", "shop-default", "arn:aws:backup:ap-south-1:999999999999:backup-vault:elsewhere"),
    ):
        rule: dict[str, Any] = {
            "RuleName": "nightly",
            "TargetBackupVaultName": vault,
            "ScheduleExpression": "cron(0 3 * * ? *)",
        }
        if copy_to:
            rule["CopyActions"] = [{"DestinationBackupVaultArn": copy_to}]
        plan = site.call(
            "backup.create_backup_plan",
            BackupPlan={"BackupPlanName": name, "Rules": [rule]},
            BackupPlanTags=PROD_INTERNAL.map(),
        )
        site.attempt(
            "backup.create_backup_selection",
            BackupPlanId=plan["BackupPlanId"],
            BackupSelection={
                "SelectionName": "by-tag",
                "IamRoleArn": site.role("backup"),
                "ListOfTags": [
                    {"ConditionType": "STRINGEQUALS", "ConditionKey": "Environment", "ConditionValue": "prod"}
                ],
            },
        )
    site.attempt(
        "backup.put_backup_vault_access_policy",
        BackupVaultName="shop-prod",
        Policy=document(deny("backup:DeleteRecoveryPoint", good["BackupVaultArn"], Principal="*")),
    )
    site.attempt(
        "backup.start_backup_job",
        BackupVaultName="shop-prod",
        ResourceArn=site.arn("dynamodb", "table/orders-prod"),
        IamRoleArn=site.role("backup"),
    )


FOUNDATION = [log_bucket]
EVERYWHERE = [good_bucket, replicated_bucket, bad_buckets, volumes, ebs_default]
SHARED_IN_FULL_SITES = [efs, ecr]
IN_FULL_SITES = [fsx, backups]
PER_ACCOUNT = [account_public_access_block]
