//! Instances and launch templates. User data is neither asked for nor kept: it may hold anything.

use super::super::prelude::*;
use super::{PAGE, tags_of};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Instance, InstanceStateName, LaunchTemplateBlockDeviceMapping, LaunchTemplateVersion,
};

pub(super) const INSTANCES: &str = "ec2:DescribeInstances";
pub(super) const TEMPLATES: &str = "ec2:DescribeLaunchTemplateVersions";

pub(super) const INSTANCE: &str = "AWS::EC2::Instance";
pub(super) const TEMPLATE: &str = "AWS::EC2::LaunchTemplate";

/// What a page of versions holds at most (EC2 API Reference, DescribeLaunchTemplateVersions).
const VERSIONS: i32 = 200;

pub(super) async fn read(cx: &Cx, client: &Client) {
    futures::join!(instances(cx, client), templates(cx, client));
}

async fn instances(cx: &Cx, client: &Client) {
    let request = client.describe_instances().max_results(PAGE);
    for reservation in cx.list(INSTANCES, &[INSTANCE], items!(request)).await {
        for item in reservation.instances() {
            instance(cx, item);
        }
    }
}

/// Its disks are volumes, which say of themselves how they are encrypted: as in a template that attaches them, they
/// stand in `Volumes`, and nothing is said in `BlockDeviceMappings` that would count them twice.
fn instance(cx: &Cx, instance: &Instance) {
    let Some(id) = instance.instance_id() else {
        return;
    };
    let state = instance.state().and_then(|state| state.name());
    if state == Some(&InstanceStateName::Terminated) {
        return;
    }
    let mappings = instance.block_device_mappings();
    let devices: Vec<Value> = mappings
        .iter()
        .map(|mapping| Value::Object(Props::new().put("DeviceName", mapping.device_name()).map))
        .collect();
    let volumes: Vec<Props> = mappings
        .iter()
        .filter_map(|mapping| {
            let volume = mapping.ebs()?.volume_id()?;
            Some(
                Props::new()
                    .put("Device", mapping.device_name())
                    .put("VolumeId", volume),
            )
        })
        .collect();
    let groups: Vec<String> = instance
        .security_groups()
        .iter()
        .filter_map(|group| group.group_id().map(str::to_owned))
        .collect();
    let profile = instance
        .iam_instance_profile()
        .and_then(|profile| profile.arn());
    let options = instance.metadata_options().map(|options| {
        Props::new()
            .put(
                "HttpTokens",
                options.http_tokens().map(|tokens| tokens.as_str()),
            )
            .put(
                "HttpEndpoint",
                options.http_endpoint().map(|state| state.as_str()),
            )
    });
    let props = Props::of(INSTANCES)
        .put("InstanceId", id)
        .put("ImageId", instance.image_id())
        .put(
            "InstanceType",
            instance.instance_type().map(|kind| kind.as_str()),
        )
        .put("SubnetId", instance.subnet_id())
        .put("VpcId", instance.vpc_id())
        .put("SecurityGroupIds", groups)
        .put("IamInstanceProfile", profile)
        .put("BlockDeviceMappings", Value::Array(devices))
        .put("Volumes", volumes)
        .put("MetadataOptions", options)
        .put("PublicIpAddress", instance.public_ip_address())
        .put("State", state.map(|state| state.as_str()))
        .put("LaunchTime", instance.launch_time())
        .put("Tags", tags_of(instance.tags()));
    let arn = cx.arn("ec2", &format!("instance/{id}"));
    cx.emit(INSTANCE, id, Some(&arn), props);
}

async fn templates(cx: &Cx, client: &Client) {
    let request = client
        .describe_launch_template_versions()
        .versions("$Default")
        .versions("$Latest")
        .max_results(VERSIONS);
    for version in cx.list(TEMPLATES, &[TEMPLATE], items!(request)).await {
        template(cx, &version);
    }
}

/// The default version is the template. A later one, which groups of instances may follow instead, stands beside it
/// under its number, and has no ARN of its own.
fn template(cx: &Cx, version: &LaunchTemplateVersion) {
    let Some(id) = version.launch_template_id() else {
        return;
    };
    let data = version.launch_template_data();
    let data = data.map(|data| {
        let devices: Vec<Props> = data.block_device_mappings().iter().map(device).collect();
        let profile = data.iam_instance_profile().map(|profile| {
            Props::new()
                .put("Arn", profile.arn())
                .put("Name", profile.name())
        });
        let options = data.metadata_options().map(|options| {
            Props::new()
                .put(
                    "HttpTokens",
                    options.http_tokens().map(|tokens| tokens.as_str()),
                )
                .put(
                    "HttpEndpoint",
                    options.http_endpoint().map(|state| state.as_str()),
                )
        });
        let data = Props::new()
            .put("ImageId", data.image_id())
            .put(
                "InstanceType",
                data.instance_type().map(|kind| kind.as_str()),
            )
            .put("SecurityGroupIds", data.security_group_ids())
            .put("IamInstanceProfile", profile)
            .put("MetadataOptions", options)
            .put("BlockDeviceMappings", devices);
        Value::Object(data.map)
    });
    let props = Props::of(TEMPLATES)
        .put("LaunchTemplateName", version.launch_template_name())
        .put("VersionNumber", version.version_number())
        .put("DefaultVersion", version.default_version())
        .put("CreateTime", version.create_time())
        .put("LaunchTemplateData", data);
    if version.default_version() == Some(false) {
        let number = version.version_number().unwrap_or_default();
        cx.emit(TEMPLATE, &format!("{id}:{number}"), None, props);
        return;
    }
    let arn = cx.arn("ec2", &format!("launch-template/{id}"));
    cx.emit(TEMPLATE, id, Some(&arn), props);
}

fn device(mapping: &LaunchTemplateBlockDeviceMapping) -> Props {
    let ebs = mapping.ebs().map(|ebs| {
        let ebs = Props::new()
            .put("Encrypted", ebs.encrypted())
            .put("KmsKeyId", ebs.kms_key_id())
            .put("SnapshotId", ebs.snapshot_id())
            .put("VolumeSize", ebs.volume_size())
            .put("VolumeType", ebs.volume_type().map(|kind| kind.as_str()))
            .put("DeleteOnTermination", ebs.delete_on_termination());
        // A disk of which nothing is said is a disk all the same.
        Value::Object(ebs.map)
    });
    Props::new()
        .put("DeviceName", mapping.device_name())
        .put("VirtualName", mapping.virtual_name())
        .put("NoDevice", mapping.no_device())
        .put("Ebs", ebs)
}
