//! VPCs, subnets, endpoints, flow logs, security groups, Client VPN.
//!
//! What another account shares with this one is that account's affair, and left out.

use super::super::prelude::*;
use super::{PAGE, tags_of};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    ClientVpnEndpoint, FlowLog, IpPermission, SecurityGroup, State, Subnet, Vpc, VpcEndpoint,
};

pub(super) const VPCS: &str = "ec2:DescribeVpcs";
pub(super) const SUBNETS: &str = "ec2:DescribeSubnets";
pub(super) const ENDPOINTS: &str = "ec2:DescribeVpcEndpoints";
pub(super) const FLOW_LOGS: &str = "ec2:DescribeFlowLogs";
pub(super) const GROUPS: &str = "ec2:DescribeSecurityGroups";
pub(super) const VPNS: &str = "ec2:DescribeClientVpnEndpoints";

pub(super) const VPC: &str = "AWS::EC2::VPC";
pub(super) const SUBNET: &str = "AWS::EC2::Subnet";
pub(super) const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";
pub(super) const FLOW_LOG: &str = "AWS::EC2::FlowLog";
pub(super) const GROUP: &str = "AWS::EC2::SecurityGroup";
pub(super) const VPN: &str = "AWS::EC2::ClientVpnEndpoint";

pub(super) async fn read(cx: &Cx, client: &Client) {
    let (vpcs, subnets, endpoints, flow_logs, groups, vpns) = futures::join!(
        cx.list(
            VPCS,
            &[VPC],
            items!(client.describe_vpcs().max_results(PAGE))
        ),
        cx.list(
            SUBNETS,
            &[SUBNET],
            items!(client.describe_subnets().max_results(PAGE))
        ),
        cx.list(
            ENDPOINTS,
            &[ENDPOINT],
            items!(client.describe_vpc_endpoints().max_results(PAGE))
        ),
        cx.list(
            FLOW_LOGS,
            &[FLOW_LOG],
            items!(client.describe_flow_logs().max_results(PAGE))
        ),
        cx.list(
            GROUPS,
            &[GROUP],
            items!(client.describe_security_groups().max_results(PAGE))
        ),
        cx.list(
            VPNS,
            &[VPN],
            items!(client.describe_client_vpn_endpoints().max_results(PAGE))
        ),
    );
    vpcs.iter().for_each(|item| vpc(cx, item));
    subnets.iter().for_each(|item| subnet(cx, item));
    endpoints.iter().for_each(|item| endpoint(cx, item));
    flow_logs.iter().for_each(|item| flow_log(cx, item));
    groups.iter().for_each(|item| group(cx, item));
    vpns.iter().for_each(|item| vpn(cx, item));
}

fn is_shared(cx: &Cx, owner: Option<&str>) -> bool {
    owner.is_some_and(|owner| owner != cx.account())
}

fn vpc(cx: &Cx, vpc: &Vpc) {
    let Some(id) = vpc.vpc_id().filter(|_| !is_shared(cx, vpc.owner_id())) else {
        return;
    };
    let control = vpc.encryption_control().map(|control| {
        Props::new()
            .put("Mode", control.mode().map(|mode| mode.as_str()))
            .put("State", control.state().map(|state| state.as_str()))
    });
    let props = Props::of(VPCS)
        .put("VpcId", id)
        .put("CidrBlock", vpc.cidr_block())
        .put(
            "InstanceTenancy",
            vpc.instance_tenancy().map(|tenancy| tenancy.as_str()),
        )
        .put("IsDefault", vpc.is_default())
        .put("EncryptionControl", control)
        .put("Tags", tags_of(vpc.tags()));
    let arn = cx.arn("ec2", &format!("vpc/{id}"));
    cx.emit(VPC, id, Some(&arn), props);
}

fn subnet(cx: &Cx, subnet: &Subnet) {
    let Some(id) = subnet
        .subnet_id()
        .filter(|_| !is_shared(cx, subnet.owner_id()))
    else {
        return;
    };
    let props = Props::of(SUBNETS)
        .put("SubnetId", id)
        .put("VpcId", subnet.vpc_id())
        .put("CidrBlock", subnet.cidr_block())
        .put("AvailabilityZone", subnet.availability_zone())
        .put("MapPublicIpOnLaunch", subnet.map_public_ip_on_launch())
        .put("Tags", tags_of(subnet.tags()));
    let arn = cx.arn("ec2", &format!("subnet/{id}"));
    cx.emit(SUBNET, id, subnet.subnet_arn().or(Some(&arn)), props);
}

fn endpoint(cx: &Cx, endpoint: &VpcEndpoint) {
    let Some(id) = endpoint.vpc_endpoint_id() else {
        return;
    };
    if endpoint.state() == Some(&State::Deleted) {
        return;
    }
    let groups: Vec<String> = endpoint
        .groups()
        .iter()
        .filter_map(|group| group.group_id().map(str::to_owned))
        .collect();
    let policy = endpoint.policy_document().filter(|text| !text.is_empty());
    let props = Props::of(ENDPOINTS)
        .put("VpcEndpointId", id)
        .put(
            "VpcEndpointType",
            endpoint.vpc_endpoint_type().map(|kind| kind.as_str()),
        )
        .put("VpcId", endpoint.vpc_id())
        .put("ServiceName", endpoint.service_name())
        .put(
            "PolicyDocument",
            policy.map(|text| document(ENDPOINTS, text)),
        )
        .put("PrivateDnsEnabled", endpoint.private_dns_enabled())
        .put("RouteTableIds", endpoint.route_table_ids())
        .put("SubnetIds", endpoint.subnet_ids())
        .put("SecurityGroupIds", groups)
        .put("State", endpoint.state().map(|state| state.as_str()))
        .put("CreationTimestamp", endpoint.creation_timestamp())
        .put("Tags", tags_of(endpoint.tags()));
    let arn = cx.arn("ec2", &format!("vpc-endpoint/{id}"));
    cx.emit(ENDPOINT, id, Some(&arn), props);
}

/// What a flow log records, which the API tells by the id only.
fn recorded(id: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 6] = [
        ("vpc-", "VPC"),
        ("subnet-", "Subnet"),
        ("eni-", "NetworkInterface"),
        ("tgw-attach-", "TransitGatewayAttachment"),
        ("tgw-", "TransitGateway"),
        ("nat-", "RegionalNatGateway"),
    ];
    let found = KINDS.iter().find(|(prefix, _)| id.starts_with(prefix));
    found.map(|(_, kind)| *kind)
}

fn flow_log(cx: &Cx, log: &FlowLog) {
    let Some(id) = log.flow_log_id() else {
        return;
    };
    let options = log.destination_options().map(|options| {
        Props::new()
            .put(
                "FileFormat",
                options.file_format().map(|format| format.as_str()),
            )
            .put(
                "HiveCompatiblePartitions",
                options.hive_compatible_partitions(),
            )
            .put("PerHourPartition", options.per_hour_partition())
    });
    let props = Props::of(FLOW_LOGS)
        .put("FlowLogId", id)
        .put("ResourceId", log.resource_id())
        .put("ResourceType", log.resource_id().and_then(recorded))
        .put("TrafficType", log.traffic_type().map(|kind| kind.as_str()))
        .put(
            "LogDestinationType",
            log.log_destination_type().map(|kind| kind.as_str()),
        )
        .put("LogDestination", log.log_destination())
        .put("LogGroupName", log.log_group_name())
        .put(
            "DeliverLogsPermissionArn",
            log.deliver_logs_permission_arn(),
        )
        .put("DeliverCrossAccountRole", log.deliver_cross_account_role())
        .put("LogFormat", log.log_format())
        .put("MaxAggregationInterval", log.max_aggregation_interval())
        .put("DestinationOptions", options)
        .put("FlowLogStatus", log.flow_log_status())
        .put("DeliverLogsStatus", log.deliver_logs_status())
        .put("DeliverLogsErrorMessage", log.deliver_logs_error_message())
        .put("CreationTime", log.creation_time())
        .put("Tags", tags_of(log.tags()));
    let arn = cx.arn("ec2", &format!("vpc-flow-log/{id}"));
    cx.emit(FLOW_LOG, id, Some(&arn), props);
}

fn group(cx: &Cx, group: &SecurityGroup) {
    let Some(id) = group
        .group_id()
        .filter(|_| !is_shared(cx, group.owner_id()))
    else {
        return;
    };
    let ingress = rules(
        group.ip_permissions(),
        "SourcePrefixListId",
        "SourceSecurityGroupId",
    );
    let egress = rules(
        group.ip_permissions_egress(),
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
    );
    let props = Props::of(GROUPS)
        .put("GroupId", id)
        .put("GroupName", group.group_name())
        .put("GroupDescription", group.description())
        .put("VpcId", group.vpc_id())
        .put("SecurityGroupIngress", ingress)
        .put("SecurityGroupEgress", egress)
        .put("Tags", tags_of(group.tags()));
    let arn = cx.arn("ec2", &format!("security-group/{id}"));
    cx.emit(GROUP, id, group.security_group_arn().or(Some(&arn)), props);
}

/// A rule for each range, list or group, as CloudFormation has them. No rule lets nothing through, while a template without
/// the property lets everything out: an empty list says so.
fn rules(permissions: &[IpPermission], list: &str, group: &str) -> Value {
    let mut rules = Vec::new();
    for permission in permissions {
        let mut add = |name: &str, value: Option<&str>, description: Option<&str>| {
            let rule = Props::new()
                .put("IpProtocol", permission.ip_protocol())
                .put("FromPort", permission.from_port())
                .put("ToPort", permission.to_port())
                .put(name, value)
                .put("Description", description);
            rules.push(Value::Object(rule.map));
        };
        for range in permission.ip_ranges() {
            add("CidrIp", range.cidr_ip(), range.description());
        }
        for range in permission.ipv6_ranges() {
            add("CidrIpv6", range.cidr_ipv6(), range.description());
        }
        for prefixes in permission.prefix_list_ids() {
            add(list, prefixes.prefix_list_id(), prefixes.description());
        }
        for pair in permission.user_id_group_pairs() {
            add(group, pair.group_id(), pair.description());
        }
    }
    Value::Array(rules)
}

fn vpn(cx: &Cx, vpn: &ClientVpnEndpoint) {
    let Some(id) = vpn.client_vpn_endpoint_id() else {
        return;
    };
    let log = vpn.connection_log_options().map(|log| {
        Props::new()
            .put("Enabled", log.enabled())
            .put("CloudwatchLogGroup", log.cloudwatch_log_group())
            .put("CloudwatchLogStream", log.cloudwatch_log_stream())
    });
    let props = Props::of(VPNS)
        .put("ClientVpnEndpointId", id)
        .put("Description", vpn.description())
        .put("ServerCertificateArn", vpn.server_certificate_arn())
        .put(
            "TransportProtocol",
            vpn.transport_protocol().map(|protocol| protocol.as_str()),
        )
        .put("VpcId", vpn.vpc_id())
        .put("SecurityGroupIds", vpn.security_group_ids())
        .put("ConnectionLogOptions", log)
        .put("Tags", tags_of(vpn.tags()));
    let arn = cx.arn("ec2", &format!("client-vpn-endpoint/{id}"));
    cx.emit(VPN, id, Some(&arn), props);
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::IpRange;

    #[test]
    fn a_group_without_rules_says_so() {
        assert_eq!(rules(&[], "a", "b"), json!([]));
        let everywhere =
            ["0.0.0.0/0", "10.0.0.0/8"].map(|cidr| IpRange::builder().cidr_ip(cidr).build());
        let permission = IpPermission::builder()
            .ip_protocol("-1")
            .set_ip_ranges(Some(everywhere.to_vec()))
            .build();
        let expected = json!([
            {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"},
            {"IpProtocol": "-1", "CidrIp": "10.0.0.0/8"},
        ]);
        assert_eq!(rules(&[permission], "a", "b"), expected);
    }
}
