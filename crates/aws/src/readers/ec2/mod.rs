//! Amazon EC2: disks and their snapshots here, instances and launch templates in [`compute`], the network in [`network`].
//!
//! Whether a region encrypts new disks by default is no resource of CloudFormation's; it is given as one of type
//! `AWS::EC2::EbsEncryptionByDefault`, one a region, with `EbsEncryptionByDefault`, `EbsDefaultKmsKeyId` and `SseType`. So is a
//! snapshot, as `AWS::EC2::Snapshot`, with the names of the API; `CreateVolumePermissions` says with whom it is shared
//! (an empty list: with nobody).

mod compute;
mod network;

use super::prelude::*;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Snapshot, SnapshotAttributeName, Tag, Volume};

const VOLUMES: &str = "ec2:DescribeVolumes";
const SNAPSHOTS: &str = "ec2:DescribeSnapshots";
const SHARING: &str = "ec2:DescribeSnapshotAttribute";
const BY_DEFAULT: &str = "ec2:GetEbsEncryptionByDefault";
const DEFAULT_KEY: &str = "ec2:GetEbsDefaultKmsKeyId";

const VOLUME: &str = "AWS::EC2::Volume";
const SNAPSHOT: &str = "AWS::EC2::Snapshot";
const DEFAULTS: &str = "AWS::EC2::EbsEncryptionByDefault";

/// What a page holds at most; without a limit EC2 tries to answer with everything at once.
const PAGE: i32 = 1000;

pub(super) static READER: Reader = Reader {
    service: "ec2",
    scope: Scope::Regional,
    kinds: &[
        VOLUME,
        SNAPSHOT,
        DEFAULTS,
        compute::INSTANCE,
        compute::TEMPLATE,
        network::VPC,
        network::SUBNET,
        network::ENDPOINT,
        network::FLOW_LOG,
        network::GROUP,
        network::VPN,
    ],
    calls: &[
        VOLUMES,
        SNAPSHOTS,
        SHARING,
        BY_DEFAULT,
        DEFAULT_KEY,
        compute::INSTANCES,
        network::VPCS,
        network::SUBNETS,
        network::ENDPOINTS,
        network::FLOW_LOGS,
        network::GROUPS,
        network::VPNS,
    ],
    secret_calls: &[compute::TEMPLATES],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        defaults(&cx, &client),
        volumes(&cx, &client),
        snapshots(&cx, &client),
        compute::read(&cx, &client),
        network::read(&cx, &client),
    );
}

/// The lists tell all tags: an empty list says that there are none.
fn tags_of(tags: &[Tag]) -> Value {
    let tags = tags!(tags).into_iter().map(|tag| Value::Object(tag.map));
    Value::Array(tags.collect())
}

async fn defaults(cx: &Cx, client: &Client) {
    let (on, key) = futures::join!(
        cx.get(BY_DEFAULT, client.get_ebs_encryption_by_default().send()),
        cx.get(DEFAULT_KEY, client.get_ebs_default_kms_key_id().send()),
    );
    let props = Props::of(BY_DEFAULT);
    let props = match on {
        Ok(on) => props
            .put("EbsEncryptionByDefault", on.ebs_encryption_by_default())
            .put("SseType", on.sse_type().map(|kind| kind.as_str())),
        Err(failure) => props.put("EbsEncryptionByDefault", failure),
    };
    let key = key.map(|answer| answer.kms_key_id);
    let props = props.from(DEFAULT_KEY).put("EbsDefaultKmsKeyId", key);
    cx.emit(DEFAULTS, cx.endpoint_region(), None, props);
}

async fn volumes(cx: &Cx, client: &Client) {
    let request = client.describe_volumes().max_results(PAGE);
    for item in cx.list(VOLUMES, &[VOLUME], items!(request)).await {
        volume(cx, &item);
    }
}

fn volume(cx: &Cx, volume: &Volume) {
    let Some(id) = volume.volume_id() else {
        return;
    };
    let attachments: Vec<Props> = volume
        .attachments()
        .iter()
        .map(|attachment| {
            Props::new()
                .put("InstanceId", attachment.instance_id())
                .put("Device", attachment.device())
        })
        .collect();
    let props = Props::of(VOLUMES)
        .put("VolumeId", id)
        .put("Encrypted", volume.encrypted())
        .put("KmsKeyId", volume.kms_key_id())
        .put("Size", volume.size())
        .put("VolumeType", volume.volume_type().map(|kind| kind.as_str()))
        .put("AvailabilityZone", volume.availability_zone())
        .put("SnapshotId", volume.snapshot_id())
        .put("MultiAttachEnabled", volume.multi_attach_enabled())
        .put("State", volume.state().map(|state| state.as_str()))
        .put("CreateTime", volume.create_time())
        .put("Attachments", attachments)
        .put("Tags", tags_of(volume.tags()));
    let arn = cx.arn("ec2", &format!("volume/{id}"));
    cx.emit(VOLUME, id, Some(&arn), props);
}

async fn snapshots(cx: &Cx, client: &Client) {
    let request = client
        .describe_snapshots()
        .owner_ids("self")
        .max_results(PAGE);
    let snapshots = cx.list(SNAPSHOTS, &[SNAPSHOT], items!(request)).await;
    // The list cannot say with whom they are shared, and no call tells it of several.
    cx.each(snapshots, |item| async move {
        snapshot(cx, client, &item).await;
    })
    .await;
}

async fn snapshot(cx: &Cx, client: &Client, snapshot: &Snapshot) {
    let Some(id) = snapshot.snapshot_id() else {
        return;
    };
    let request = client
        .describe_snapshot_attribute()
        .snapshot_id(id)
        .attribute(SnapshotAttributeName::CreateVolumePermission);
    let shared = cx.get(SHARING, request.send()).await.map(|answer| {
        let permissions = answer.create_volume_permissions().iter();
        let permissions = permissions.map(|permission| {
            let with = Props::new()
                .put("UserId", permission.user_id())
                .put("Group", permission.group().map(|group| group.as_str()));
            Value::Object(with.map)
        });
        Value::Array(permissions.collect())
    });
    let props = Props::of(SNAPSHOTS)
        .put("SnapshotId", id)
        .put("VolumeId", snapshot.volume_id())
        .put("Encrypted", snapshot.encrypted())
        .put("KmsKeyId", snapshot.kms_key_id())
        .put("VolumeSize", snapshot.volume_size())
        .put("State", snapshot.state().map(|state| state.as_str()))
        .put(
            "StorageTier",
            snapshot.storage_tier().map(|tier| tier.as_str()),
        )
        .put("StartTime", snapshot.start_time())
        .put("Description", snapshot.description())
        .put("Tags", tags_of(snapshot.tags()))
        .from(SHARING)
        .put("CreateVolumePermissions", shared);
    // The ARN of a snapshot names no account (Service Authorization Reference, Amazon EC2).
    let arn = format!(
        "arn:{}:ec2:{}::snapshot/{id}",
        cx.partition(),
        cx.endpoint_region()
    );
    cx.emit(SNAPSHOT, id, Some(&arn), props);
}
