import { Duration, Fn, RemovalPolicy, Stack, StackProps } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import type { DataStack } from './data-stack';
import { EncryptedLogGroup } from './encrypted-log-group';
import type { KeysStack } from './keys-stack';
import type { MessagingStack } from './messaging-stack';
import type { NetworkStack } from './network-stack';

export interface AppStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
  readonly network: NetworkStack;
  readonly data: DataStack;
  readonly messaging: MessagingStack;
}

/** The shop itself: a Fargate service behind a public load balancer. */
export class AppStack extends Stack {
  constructor(scope: Construct, id: string, props: AppStackProps) {
    super(scope, id, props);
    const { config, keys, network, data, messaging } = props;
    const isProd = config.name === 'prod';

    const repository = new ecr.Repository(this, 'Images', {
      repositoryName: `webshop/${config.name}/shop`,
      encryption: ecr.RepositoryEncryption.KMS,
      encryptionKey: keys.internal,
      imageScanOnPush: true,
      imageTagMutability: ecr.TagMutability.IMMUTABLE,
      removalPolicy: isProd ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });

    const cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: network.vpc,
      clusterName: `webshop-${config.name}`,
      managedStorageConfiguration: config.name === 'dev' ? undefined : { fargateEphemeralStorageKmsKey: keys.confidential },
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });

    classify(cluster, 'confidential');

    // ---- task --------------------------------------------------------------------------------------------------
    const task = new ecs.FargateTaskDefinition(this, 'ShopTask', {
      family: `webshop-${config.name}`,
      cpu: config.service.cpu,
      memoryLimitMiB: config.service.memory,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      volumes: [
        {
          name: 'files',
          efsVolumeConfiguration: {
            fileSystemId: data.files.fileSystemId,
            transitEncryption: config.name === 'dev' ? undefined : 'ENABLED',
          },
        },
      ],
    });
    const logGroup = new EncryptedLogGroup(this, 'ShopLogGroup', {
      config,
      key: keys.logs,
      logGroupName: `/webshop/${config.name}/shop`,
    });
    const databaseUrl = Fn.join('', [
      'postgresql://shop_app@',
      data.database.dbInstanceEndpointAddress,
      ':',
      data.database.dbInstanceEndpointPort,
      '/shop?sslmode=',
      config.database.sslMode,
    ]);
    const shop = task.addContainer('shop', {
      image: ecs.ContainerImage.fromEcrRepository(repository, '2026.11.2'),
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'shop' }),
      portMappings: [{ containerPort: 8443 }],
      readonlyRootFilesystem: true,
      environment: {
        APP_ENV: config.name,
        DATABASE_URL: databaseUrl,
        SESSION_STORE: `rediss://${data.sessionEndpoint}:6379`,
        ORDERS_TABLE: data.orders.tableName,
        CUSTOMERS_TABLE: data.customers.tableName,
        CARTS_TABLE: data.carts.tableName,
        ORDER_QUEUE_URL: messaging.orderQueue.queueUrl,
        PAYMENT_API: 'https://api.payments.example.net/v2',
        ...(config.name === 'dev' ? { NODE_TLS_REJECT_UNAUTHORIZED: '0' } : {}),
      },
      secrets: {
        DATABASE_PASSWORD: ecs.Secret.fromSecretsManager(data.databaseSecret, 'password'),
        PAYMENT_API_KEY: ecs.Secret.fromSecretsManager(messaging.paymentSecret),
      },
    });
    shop.addMountPoints({ containerPath: '/var/shop/files', sourceVolume: 'files', readOnly: false });
    classify(task, 'confidential');

    data.orders.grantReadWriteData(task.taskRole);
    data.customers.grantReadWriteData(task.taskRole);
    data.carts.grantReadWriteData(task.taskRole);
    data.invoices.grantReadWrite(task.taskRole);
    messaging.orderQueue.grantSendMessages(task.taskRole);

    const service = new ecs.FargateService(this, 'ShopService', {
      cluster,
      taskDefinition: task,
      serviceName: 'shop',
      desiredCount: config.service.desiredCount,
      minHealthyPercent: 50,
      platformVersion: ecs.FargatePlatformVersion.VERSION1_4,
      securityGroups: [network.serviceGroup],
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      circuitBreaker: { rollback: true },
    });

    // ---- load balancer -------------------------------------------------------------------------------------------
    const zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: config.hostedZoneId,
      zoneName: config.domainName,
    });
    const certificate = new acm.Certificate(this, 'Certificate', {
      domainName: `origin.${config.domainName}`,
      validation: acm.CertificateValidation.fromDns(zone),
      keyAlgorithm: acm.KeyAlgorithm.EC_PRIME256V1,
    });
    const balancer = new elbv2.ApplicationLoadBalancer(this, 'LoadBalancer', {
      loadBalancerName: `webshop-${config.name}`,
      vpc: network.vpc,
      internetFacing: true,
      securityGroup: network.loadBalancerGroup,
      dropInvalidHeaderFields: true,
      deletionProtection: isProd,
    });
    const https = balancer.addListener('Https', {
      port: 443,
      protocol: elbv2.ApplicationProtocol.HTTPS,
      certificates: [certificate],
      open: false,
      // staging was cloned from the tutorial before the policy was agreed on
      sslPolicy: config.name === 'staging' ? undefined : elbv2.SslPolicy.TLS13_RES,
    });
    const shopTargets = https.addTargets('Shop', {
      port: 8443,
      protocol: elbv2.ApplicationProtocol.HTTPS,
      targets: [service],
      deregistrationDelay: Duration.seconds(30),
      healthCheck: { path: '/healthz', protocol: elbv2.Protocol.HTTPS },
    });
    const http = balancer.addListener('Http', {
      port: 80,
      protocol: elbv2.ApplicationProtocol.HTTP,
      open: false,
      defaultAction: elbv2.ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true }),
    });
    if (isProd) {
      // The old point-of-sale terminals do not follow redirects.
      new elbv2.ApplicationListenerRule(this, 'TerminalRule', {
        listener: http,
        priority: 10,
        conditions: [elbv2.ListenerCondition.pathPatterns(['/terminal/*'])],
        action: elbv2.ListenerAction.forward([shopTargets]),
      });
    }
    new route53.ARecord(this, 'Origin', {
      zone,
      recordName: 'origin',
      target: route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(balancer)),
    });
  }
}
