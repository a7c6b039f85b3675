import { Stack, StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { EnvironmentConfig } from './config';
import { EncryptedLogGroup } from './encrypted-log-group';
import type { KeysStack } from './keys-stack';

export interface NetworkStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
}

export class NetworkStack extends Stack {
  readonly vpc: ec2.Vpc;
  readonly loadBalancerGroup: ec2.SecurityGroup;
  readonly serviceGroup: ec2.SecurityGroup;
  readonly functionGroup: ec2.SecurityGroup;
  readonly dataGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkStackProps) {
    super(scope, id, props);
    const { config, keys } = props;

    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr('10.20.0.0/16'),
      availabilityZones: [`${config.region}a`, `${config.region}b`],
      natGateways: config.natGateways,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24 },
        { name: 'Service', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
        { name: 'Data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
    });

    const flowLogGroup = new EncryptedLogGroup(this, 'FlowLogGroup', {
      config,
      key: keys.logs,
      logGroupName: `/webshop/${config.name}/vpc-flow-logs`,
    });
    this.vpc.addFlowLog('FlowLog', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(flowLogGroup),
      trafficType: ec2.FlowLogTrafficType.ALL,
    });

    this.vpc.addGatewayEndpoint('S3Endpoint', { service: ec2.GatewayVpcEndpointAwsService.S3 });
    this.vpc.addGatewayEndpoint('DynamoEndpoint', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
    if (config.name !== 'dev') {
      const endpointGroup = this.group('EndpointGroup', 'the endpoints of AWS services');
      for (const [endpointId, service] of [
        ['SecretsEndpoint', ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER],
        ['KmsEndpoint', ec2.InterfaceVpcEndpointAwsService.KMS],
        ['LogsEndpoint', ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS],
        ['EcrEndpoint', ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER],
      ] as const) {
        this.vpc.addInterfaceEndpoint(endpointId, { service, securityGroups: [endpointGroup] });
      }
    }

    this.loadBalancerGroup = this.group('LoadBalancerGroup', 'the public load balancer');
    this.serviceGroup = this.group('ServiceGroup', 'the shop service');
    this.functionGroup = this.group('FunctionGroup', 'Lambda functions in the network');
    this.dataGroup = this.group('DataGroup', 'cache and file system');

    this.loadBalancerGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'shoppers');
    this.loadBalancerGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(80), 'shoppers, redirected');
    this.loadBalancerGroup.addEgressRule(this.serviceGroup, ec2.Port.tcp(8443), 'to the service');
    this.serviceGroup.addIngressRule(this.loadBalancerGroup, ec2.Port.tcp(8443), 'from the load balancer');
    for (const group of [this.serviceGroup, this.functionGroup]) {
      group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS and partners, over TLS');
      for (const [port, what] of [[5432, 'database'], [6379, 'cache'], [2049, 'files']] as const) {
        group.addEgressRule(ec2.Peer.ipv4(this.vpc.vpcCidrBlock), ec2.Port.tcp(port), what);
        if (what !== 'database') this.dataGroup.addIngressRule(group, ec2.Port.tcp(port), what);
      }
    }
  }

  private group(id: string, what: string): ec2.SecurityGroup {
    return new ec2.SecurityGroup(this, id, { vpc: this.vpc, description: what, allowAllOutbound: false });
  }
}
