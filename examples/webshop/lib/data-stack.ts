import { Duration, RemovalPolicy, Stack, StackProps } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { AnalyticsStack } from './analytics-nested-stack';
import { denyOtherKeys } from './bucket-policy';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import { EncryptedLogGroup } from './encrypted-log-group';
import type { KeysStack } from './keys-stack';
import type { NetworkStack } from './network-stack';

export interface DataStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
  readonly network: NetworkStack;
}

export class DataStack extends Stack {
  readonly database: rds.DatabaseInstance;
  readonly databaseSecret: secretsmanager.ISecret;
  readonly reportingSecret: secretsmanager.Secret;
  readonly customers: dynamodb.Table;
  readonly carts: dynamodb.Table;
  readonly orders: dynamodb.TableV2;
  readonly assets: s3.Bucket;
  readonly invoices: s3.Bucket;
  readonly logs: s3.Bucket;
  readonly files: efs.FileSystem;
  readonly sessionEndpoint: string;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, props);
    const { config, keys, network } = props;
    const isProd = config.name === 'prod';
    const isDev = config.name === 'dev';
    const removalPolicy = isProd ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const dataSubnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };

    // ---- PostgreSQL ------------------------------------------------------------------------------------------
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.of('16.9', '16') });
    const parameterGroup = new rds.ParameterGroup(this, 'DatabaseParameters', {
      engine,
      description: `webshop ${config.name}`,
      parameters: { 'rds.force_ssl': config.database.forceSsl ? '1' : '0', log_statement: 'ddl' },
    });
    new EncryptedLogGroup(this, 'DatabaseLogGroup', {
      config,
      key: keys.logs,
      logGroupName: `/aws/rds/instance/webshop-${config.name}/postgresql`,
    });
    const databaseGroup = new ec2.SecurityGroup(this, 'DatabaseGroup', {
      vpc: network.vpc,
      description: 'the database',
      allowAllOutbound: false,
    });
    for (const group of [network.serviceGroup, network.functionGroup]) {
      databaseGroup.addIngressRule(group, ec2.Port.tcp(5432), 'shop and functions');
    }
    this.database = new rds.DatabaseInstance(this, 'Database', {
      instanceIdentifier: `webshop-${config.name}`,
      engine,
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.R6G, isProd ? ec2.InstanceSize.XLARGE : ec2.InstanceSize.LARGE),
      vpc: network.vpc,
      vpcSubnets: dataSubnets,
      securityGroups: [databaseGroup],
      databaseName: 'shop',
      credentials: rds.Credentials.fromGeneratedSecret('shop_admin', {
        secretName: `webshop/${config.name}/database/admin`,
        encryptionKey: keys.secrets,
      }),
      parameterGroup,
      multiAz: config.database.multiAz,
      storageEncrypted: config.database.encrypted,
      storageEncryptionKey: config.database.encrypted ? keys.database : undefined,
      enablePerformanceInsights: isProd,
      performanceInsightEncryptionKey: isProd ? keys.database : undefined,
      caCertificate: rds.CaCertificate.RDS_CA_RSA2048_G1,
      iamAuthentication: true,
      backupRetention: Duration.days(config.database.backupDays),
      cloudwatchLogsExports: ['postgresql'],
      deletionProtection: isProd,
      copyTagsToSnapshot: true,
      removalPolicy,
    });
    classify(this.database, 'restricted');
    this.databaseSecret = this.database.secret!;
    classify(this.databaseSecret, 'confidential');
    this.database.addRotationSingleUser({
      automaticallyAfter: Duration.days(30),
      securityGroup: network.functionGroup,
    });

    if (config.database.readReplica) {
      const replica = new rds.DatabaseInstanceReadReplica(this, 'DatabaseReplica', {
        sourceDatabaseInstance: this.database,
        instanceType: ec2.InstanceType.of(ec2.InstanceClass.R6G, ec2.InstanceSize.LARGE),
        vpc: network.vpc,
        vpcSubnets: dataSubnets,
        securityGroups: [databaseGroup],
        parameterGroup,
        deletionProtection: true,
        removalPolicy,
      });
      classify(replica, 'restricted');
    }

    // The reporting user came with the BI tool, after the rotation of the others was set up.
    this.reportingSecret = new secretsmanager.Secret(this, 'ReportingUserSecret', {
      secretName: `webshop/${config.name}/database/reporting`,
      encryptionKey: keys.secrets,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: 'reporting', engine: 'postgres', dbname: 'shop' }),
        generateStringKey: 'password',
        excludePunctuation: true,
      },
    });
    classify(this.reportingSecret, 'confidential');
    if (!isProd) {
      this.reportingSecret.addRotationSchedule('Rotation', {
        automaticallyAfter: Duration.days(30),
        hostedRotation: secretsmanager.HostedRotation.postgreSqlSingleUser({
          vpc: network.vpc,
          securityGroups: [network.functionGroup],
        }),
      });
    }
    if (isDev) {
      new ssm.StringParameter(this, 'DatabasePasswordParameter', {
        parameterName: '/webshop/dev/database/password',
        description: 'for the seed script',
        stringValue: 'not-a-real-password-Tr0ub4dor',
      });
    }
    new ssm.StringParameter(this, 'DatabaseHostParameter', {
      parameterName: `/webshop/${config.name}/database/host`,
      stringValue: this.database.dbInstanceEndpointAddress,
    });

    // ---- DynamoDB --------------------------------------------------------------------------------------------
    this.customers = new dynamodb.Table(this, 'CustomersTable', {
      tableName: `webshop-${config.name}-customers`,
      partitionKey: { name: 'customerId', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: keys.customers,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: isProd,
      removalPolicy,
    });
    classify(this.customers, 'restricted');

    this.carts = new dynamodb.Table(this, 'CartsTable', {
      tableName: `webshop-${config.name}-carts`,
      partitionKey: { name: 'cartId', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expires',
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      ...(isDev
        ? { encryption: dynamodb.TableEncryption.AWS_MANAGED }
        : { encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED, encryptionKey: keys.internal }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy,
    });
    classify(this.carts, 'internal');

    if (isProd) {
      // The loyalty programme started in March and took over the customers' key.
      const loyalty = new dynamodb.Table(this, 'LoyaltyTable', {
        tableName: `webshop-${config.name}-loyalty`,
        partitionKey: { name: 'customerId', type: dynamodb.AttributeType.STRING },
        billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryptionKey: keys.customers,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: true,
        removalPolicy,
      });
      classify(loyalty, 'restricted');
    }

    // The multi-region key has the same key id in the replica's region; that one is rolled out by the landing zone.
    const replicaKeyId = 'mrk-0f3c9b7a5d1e4826a9c04d7be1f25c83';
    const replicaKeyRegion = config.name === 'staging' ? config.region : config.replicaRegion;
    this.orders = new dynamodb.TableV2(this, 'OrdersTable', {
      tableName: `webshop-${config.name}-orders`,
      partitionKey: { name: 'orderId', type: dynamodb.AttributeType.STRING },
      billing: dynamodb.Billing.onDemand(),
      dynamoStream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      encryption: config.replicaRegion
        ? dynamodb.TableEncryptionV2.customerManagedKey(keys.orders, {
            [config.replicaRegion]: `arn:aws:kms:${replicaKeyRegion}:${config.account}:key/${replicaKeyId}`,
          })
        : dynamodb.TableEncryptionV2.customerManagedKey(keys.orders),
      replicas: config.replicaRegion ? [{ region: config.replicaRegion }] : [],
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: isProd,
      removalPolicy,
    });
    classify(this.orders, 'confidential');

    // ---- S3 --------------------------------------------------------------------------------------------------
    this.logs = new s3.Bucket(this, 'LogsBucket', {
      bucketName: `webshop-${config.name}-logs-${config.account}`,
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      // TODO enforceSSL, once the load balancer's log delivery has been tried with it
      enforceSSL: !isProd,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: Duration.days(config.logRetentionDays) }],
      removalPolicy,
    });
    classify(this.logs, 'internal');

    this.assets = new s3.Bucket(this, 'AssetsBucket', {
      bucketName: `webshop-${config.name}-assets-${config.account}`,
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      serverAccessLogsBucket: this.logs,
      serverAccessLogsPrefix: 'assets/',
      removalPolicy,
    });
    classify(this.assets, 'public');
    this.assets.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'CloudFrontReads',
        principals: [new iam.ServicePrincipal('cloudfront.amazonaws.com')],
        actions: ['s3:GetObject'],
        resources: [this.assets.arnForObjects('*')],
        conditions: { StringEquals: { 'aws:SourceAccount': config.account } },
      }),
    );

    this.invoices = new s3.Bucket(this, 'InvoicesBucket', {
      bucketName: `webshop-${config.name}-invoices-${config.account}`,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: keys.invoices,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      serverAccessLogsBucket: this.logs,
      serverAccessLogsPrefix: 'invoices/',
      removalPolicy,
    });
    classify(this.invoices, 'restricted');
    this.invoices.addToResourcePolicy(denyOtherKeys(this.invoices, keys.invoices));

    // ---- files, sessions ---------------------------------------------------------------------------------------
    this.files = new efs.FileSystem(this, 'Files', {
      vpc: network.vpc,
      vpcSubnets: dataSubnets,
      securityGroup: network.dataGroup,
      encrypted: !isDev,
      kmsKey: isDev ? undefined : keys.confidential,
      lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
      enableAutomaticBackups: isProd,
      removalPolicy,
    });
    classify(this.files, 'confidential');

    const cacheSubnets = new elasticache.CfnSubnetGroup(this, 'SessionSubnets', {
      description: 'sessions',
      subnetIds: network.vpc.selectSubnets(dataSubnets).subnetIds,
    });
    const sessions = new elasticache.CfnReplicationGroup(this, 'Sessions', {
      replicationGroupDescription: `webshop ${config.name} sessions`,
      engine: 'valkey',
      engineVersion: '8.0',
      cacheNodeType: 'cache.t4g.small',
      numCacheClusters: isProd ? 2 : 1,
      automaticFailoverEnabled: isProd,
      cacheSubnetGroupName: cacheSubnets.ref,
      securityGroupIds: [network.dataGroup.securityGroupId],
      atRestEncryptionEnabled: true,
      kmsKeyId: isDev ? undefined : keys.internal.keyArn,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
    });
    this.sessionEndpoint = sessions.attrPrimaryEndPointAddress;

    // ---- click stream, in a nested stack -------------------------------------------------------------------------
    new AnalyticsStack(this, 'Analytics', { config, key: keys.internal });

    // ---- backups -------------------------------------------------------------------------------------------------
    if (!isDev) {
      const vault = new backup.BackupVault(this, 'Vault', {
        backupVaultName: `webshop-${config.name}`,
        encryptionKey: keys.backups,
        removalPolicy,
      });
      classify(vault, 'restricted');
      const plan = new backup.BackupPlan(this, 'BackupPlan', {
        backupVault: vault,
        backupPlanRules: [
          new backup.BackupPlanRule({
            ruleName: 'daily',
            scheduleExpression: events.Schedule.cron({ hour: '3', minute: '0' }),
            deleteAfter: Duration.days(35),
          }),
        ],
      });
      plan.addSelection('Stores', {
        resources: [
          backup.BackupResource.fromDynamoDbTable(this.customers),
          backup.BackupResource.fromEfsFileSystem(this.files),
          backup.BackupResource.fromRdsDatabaseInstance(this.database),
        ],
      });
    }
  }
}
