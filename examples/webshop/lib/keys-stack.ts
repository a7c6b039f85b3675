import { RemovalPolicy, Stack, StackProps, Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { Classification, EnvironmentConfig } from './config';

export interface ShopKeyProps {
  readonly config: EnvironmentConfig;
  readonly classification: Classification;
  /** What the key is for, the last part of its alias. */
  readonly purpose: string;
  /** AWS services through which the account's roles may use the key, such as `s3`. */
  readonly services: readonly string[];
  /** Service principals that encrypt with the key on their own behalf. */
  readonly servicePrincipals?: readonly string[];
  readonly rotate?: boolean;
  readonly multiRegion?: boolean;
}

/** A customer managed key whose administrators cannot use it and whose users cannot administer it. */
export class ShopKey extends kms.Key {
  /** The name to use where a literal is asked for, and a reference is not possible. */
  readonly keyAlias: string;
  private sealed = false;

  constructor(scope: Construct, id: string, props: ShopKeyProps) {
    const { config, classification, purpose } = props;
    const alias = `webshop/${config.name}/${classification}/${purpose}`;
    super(scope, id, {
      description: `webshop ${config.name}: ${purpose} (${classification})`,
      alias,
      enableKeyRotation: props.rotate ?? true,
      rotationPeriod: props.rotate === false ? undefined : Duration.days(classification === 'restricted' ? 180 : 365),
      multiRegion: props.multiRegion,
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new iam.PolicyDocument({
        statements: [
          new iam.PolicyStatement({
            sid: 'AdministerTheKey',
            principals: [
              new iam.ArnPrincipal(`arn:aws:iam::${config.account}:role/webshop-key-administrators`),
              new iam.ArnPrincipal(
                `arn:aws:iam::${config.account}:role/cdk-hnb659fds-cfn-exec-role-${config.account}-${config.region}`,
              ),
            ],
            actions: [
              'kms:CancelKeyDeletion',
              'kms:CreateAlias',
              'kms:DeleteAlias',
              'kms:DescribeKey',
              'kms:DisableKey',
              'kms:DisableKeyRotation',
              'kms:EnableKey',
              'kms:EnableKeyRotation',
              'kms:GetKeyPolicy',
              'kms:GetKeyRotationStatus',
              'kms:ListAliases',
              'kms:ListResourceTags',
              'kms:PutKeyPolicy',
              'kms:ScheduleKeyDeletion',
              'kms:TagResource',
              'kms:UntagResource',
              'kms:UpdateAlias',
              'kms:UpdateKeyDescription',
            ],
            resources: ['*'],
          }),
          new iam.PolicyStatement({
            sid: 'UseThroughServices',
            principals: [new iam.AccountPrincipal(config.account)],
            actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
            resources: ['*'],
            conditions: {
              StringEquals: {
                'kms:CallerAccount': config.account,
                'kms:ViaService': props.services.map((s) => `${s}.${config.region}.amazonaws.com`),
              },
            },
          }),
          new iam.PolicyStatement({
            sid: 'GrantToServices',
            principals: [new iam.AccountPrincipal(config.account)],
            actions: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
            resources: ['*'],
            conditions: {
              Bool: { 'kms:GrantIsForAWSResource': 'true' },
              StringEquals: { 'kms:CallerAccount': config.account },
            },
          }),
          ...(props.servicePrincipals ?? []).map(
            (service, i) =>
              new iam.PolicyStatement({
                sid: `ServicePrincipal${i}`,
                principals: [new iam.ServicePrincipal(service)],
                actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey*'],
                resources: ['*'],
                conditions: { StringEquals: { 'aws:SourceAccount': config.account } },
              }),
          ),
        ],
      }),
    });
    this.keyAlias = `alias/${alias}`;
    classify(this, classification);
  }

  /** From here on the policy is as KeysStack wrote it: no construct of another stack adds a statement to it. */
  seal(): void {
    this.sealed = true;
  }

  override addToResourcePolicy(statement: iam.PolicyStatement, allowNoOp?: boolean): iam.AddToResourcePolicyResult {
    return this.sealed ? { statementAdded: false } : super.addToResourcePolicy(statement, allowNoOp);
  }
}

export interface KeysStackProps extends StackProps {
  readonly config: EnvironmentConfig;
}

/** The keys of one environment: one per classification, and one more per restricted store. */
export class KeysStack extends Stack {
  readonly internal: ShopKey;
  readonly confidential: ShopKey;
  readonly logs: ShopKey;
  readonly secrets: ShopKey;
  readonly database: ShopKey;
  readonly customers: ShopKey;
  readonly invoices: ShopKey;
  readonly orders: ShopKey;
  readonly backups: ShopKey;

  constructor(scope: Construct, id: string, props: KeysStackProps) {
    super(scope, id, props);
    const { config } = props;

    this.internal = new ShopKey(this, 'InternalKey', {
      config,
      classification: 'internal',
      purpose: 'general',
      services: ['dynamodb', 'ecr', 's3', 'sqs', 'sns', 'elasticache', 'timestream'],
      servicePrincipals: ['events.amazonaws.com', 'sns.amazonaws.com', 'cloudwatch.amazonaws.com'],
    });
    if (config.name === 'staging') {
      // "temporary": the load test account needed the images
      this.internal.addToResourcePolicy(
        new iam.PolicyStatement({
          sid: 'LoadTest',
          principals: [new iam.AnyPrincipal()],
          actions: ['kms:*'],
          resources: ['*'],
        }),
      );
    }

    this.confidential = new ShopKey(this, 'ConfidentialKey', {
      config,
      classification: 'confidential',
      purpose: 'general',
      services: ['s3', 'sqs', 'sns', 'lambda', 'elasticfilesystem'],
      servicePrincipals: ['events.amazonaws.com', 'sns.amazonaws.com'],
      rotate: config.name !== 'staging',
    });
    for (const [i, actions, operations] of [
      [1, ['kms:GenerateDataKeyWithoutPlaintext'], undefined],
      [2, ['kms:CreateGrant'], ['Decrypt']],
    ] as const) {
      this.confidential.addToResourcePolicy(
        new iam.PolicyStatement({
          sid: `FargateStorage${i}`,
          principals: [new iam.ServicePrincipal('fargate.amazonaws.com')],
          actions: [...actions],
          resources: ['*'],
          conditions: {
            StringEquals: {
              'kms:EncryptionContext:aws:ecs:clusterAccount': config.account,
              'kms:EncryptionContext:aws:ecs:clusterName': `webshop-${config.name}`,
            },
            ...(operations ? { 'ForAllValues:StringEquals': { 'kms:GrantOperations': [...operations] } } : {}),
          },
        }),
      );
    }

    this.secrets = new ShopKey(this, 'SecretsKey', {
      config,
      classification: 'confidential',
      purpose: 'secrets',
      services: ['secretsmanager', 'ssm'],
    });

    this.logs = new ShopKey(this, 'LogsKey', {
      config,
      classification: 'confidential',
      purpose: 'logs',
      services: ['s3'],
    });
    this.logs.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'CloudWatchLogs',
        principals: [new iam.ServicePrincipal(`logs.${config.region}.amazonaws.com`)],
        actions: ['kms:Decrypt*', 'kms:Describe*', 'kms:Encrypt*', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        resources: ['*'],
        conditions: {
          ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${config.region}:${config.account}:log-group:*` },
        },
      }),
    );
    this.logs.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'CloudTrail',
        principals: [new iam.ServicePrincipal('cloudtrail.amazonaws.com')],
        actions: ['kms:DescribeKey', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: {
          StringEquals: { 'aws:SourceArn': `arn:aws:cloudtrail:${config.region}:${config.account}:trail/webshop-${config.name}` },
        },
      }),
    );

    this.database = new ShopKey(this, 'DatabaseKey', {
      config,
      classification: 'restricted',
      purpose: 'database',
      services: ['rds'],
    });
    this.customers = new ShopKey(this, 'CustomersKey', {
      config,
      classification: 'restricted',
      purpose: 'customers',
      services: ['dynamodb'],
    });
    this.invoices = new ShopKey(this, 'InvoicesKey', {
      config,
      classification: 'restricted',
      purpose: 'invoices',
      services: ['s3'],
    });
    this.orders = new ShopKey(this, 'OrdersKey', {
      config,
      classification: 'confidential',
      purpose: 'orders',
      services: ['dynamodb'],
      multiRegion: config.replicaRegion !== undefined,
    });
    this.backups = new ShopKey(this, 'BackupsKey', {
      config,
      classification: 'restricted',
      purpose: 'backups',
      services: ['backup'],
    });
    for (const key of this.node.children) {
      if (key instanceof ShopKey) key.seal();
    }
  }
}
