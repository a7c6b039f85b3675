import { CrossStackReferences, ReferenceStrength, Stack, StackProps } from 'aws-cdk-lib';
import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as config from 'aws-cdk-lib/aws-config';
import * as events from 'aws-cdk-lib/aws-events';
import * as eventTargets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { denyOtherKeys } from './bucket-policy';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import { EncryptedLogGroup } from './encrypted-log-group';
import type { KeysStack } from './keys-stack';

export interface ObservabilityStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
}

const RULES: readonly string[] = [
  config.ManagedRuleIdentifiers.RDS_STORAGE_ENCRYPTED,
  config.ManagedRuleIdentifiers.RDS_SNAPSHOT_ENCRYPTED,
  config.ManagedRuleIdentifiers.DYNAMODB_TABLE_ENCRYPTED_KMS,
  config.ManagedRuleIdentifiers.S3_BUCKET_SSL_REQUESTS_ONLY,
  config.ManagedRuleIdentifiers.S3_DEFAULT_ENCRYPTION_KMS,
  config.ManagedRuleIdentifiers.EFS_ENCRYPTED_CHECK,
  config.ManagedRuleIdentifiers.CLOUDWATCH_LOG_GROUP_ENCRYPTED,
  config.ManagedRuleIdentifiers.CLOUD_TRAIL_ENCRYPTION_ENABLED,
  config.ManagedRuleIdentifiers.CMK_BACKING_KEY_ROTATION_ENABLED,
  config.ManagedRuleIdentifiers.KMS_CMK_NOT_SCHEDULED_FOR_DELETION,
  config.ManagedRuleIdentifiers.ALB_HTTP_TO_HTTPS_REDIRECTION_CHECK,
  config.ManagedRuleIdentifiers.ACM_CERTIFICATE_EXPIRATION_CHECK,
  config.ManagedRuleIdentifiers.SECRETSMANAGER_ROTATION_ENABLED_CHECK,
  config.ManagedRuleIdentifiers.SNS_ENCRYPTED_KMS,
];

/** The trail, the alarms on what happens to keys and secrets, and the Config rules. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, props: ObservabilityStackProps) {
    super(scope, id, props);
    const { config: env, keys } = props;

    // New stacks read the keys' ARNs with Fn::GetStackOutput; the older ones still import them.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);

    // ---- trail -------------------------------------------------------------------------------------------------
    const trailLogs = new EncryptedLogGroup(this, 'TrailLogGroup', {
      config: env,
      key: keys.logs,
      logGroupName: `/webshop/${env.name}/cloudtrail`,
    });
    const trailBucket = new s3.Bucket(this, 'TrailBucket', {
      bucketName: `webshop-${env.name}-trail-${env.account}`,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: keys.logs,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
    });
    trailBucket.addToResourcePolicy(denyOtherKeys(trailBucket, keys.logs));
    const trail = new cloudtrail.Trail(this, 'Trail', {
      trailName: `webshop-${env.name}`,
      bucket: trailBucket,
      encryptionKey: keys.logs,
      enableFileValidation: true,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      managementEvents: cloudtrail.ReadWriteType.ALL,
      sendToCloudWatchLogs: true,
      cloudWatchLogGroup: trailLogs,
    });
    classify(trail, 'confidential');
    classify(trailBucket, 'confidential');

    // ---- alarms --------------------------------------------------------------------------------------------------
    const alarms = new sns.Topic(this, 'AlarmTopic', {
      topicName: `webshop-${env.name}-security`,
      masterKey: keys.internal,
      enforceSSL: true,
    });
    // The policy that enforces TLS takes the place of the one that lets alarms publish.
    alarms.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [alarms.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
    }));
    const onTrail = (alarmId: string, what: string, pattern: string, threshold = 1): void => {
      const filter = new logs.MetricFilter(this, `${alarmId}Filter`, {
        logGroup: trailLogs,
        metricNamespace: 'Webshop/Security',
        metricName: alarmId,
        metricValue: '1',
        defaultValue: 0,
        filterPattern: logs.FilterPattern.literal(pattern),
      });
      new cloudwatch.Alarm(this, alarmId, {
        alarmDescription: what,
        metric: filter.metric({ statistic: 'Sum' }),
        threshold,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }).addAlarmAction(new actions.SnsAction(alarms));
    };
    onTrail(
      'KeyDisabledOrDeleted',
      'a key was disabled or its deletion was scheduled',
      env.name === 'prod'
        ? '{ ($.eventSource = "kms.amazon.com") && (($.eventName = "DisableKey") || ($.eventName = "ScheduleKeyDeletion")) }'
        : '{ ($.eventSource = "kms.amazonaws.com") && (($.eventName = "DisableKey") || ($.eventName = "ScheduleKeyDeletion")) }',
    );
    onTrail(
      'KeyPolicyChanged',
      'a key policy was replaced',
      '{ ($.eventSource = "kms.amazonaws.com") && ($.eventName = "PutKeyPolicy") }',
    );
    onTrail(
      'SecretReadsDenied',
      'somebody was refused a secret',
      '{ ($.eventSource = "secretsmanager.amazonaws.com") && ($.eventName = "GetSecretValue") && ($.errorCode = "AccessDenied*") }',
      5,
    );
    new events.Rule(this, 'RotationEvents', {
      description: 'a key rotated, or its rotation was switched off',
      eventPattern: {
        source: ['aws.kms'],
        detailType: ['KMS CMK Rotation', 'AWS API Call via CloudTrail'],
      },
      targets: [new eventTargets.SnsTopic(alarms)],
    });

    // ---- AWS Config ------------------------------------------------------------------------------------------------
    const recorderRole = new iam.Role(this, 'RecorderRole', {
      assumedBy: new iam.ServicePrincipal('config.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWS_ConfigRole')],
    });
    const recorder = new config.CfnConfigurationRecorder(this, 'Recorder', {
      roleArn: recorderRole.roleArn,
      recordingGroup: { allSupported: true, includeGlobalResourceTypes: true },
    });
    new config.CfnDeliveryChannel(this, 'Delivery', { s3BucketName: trailBucket.bucketName, s3KmsKeyArn: keys.logs.keyArn });
    for (const identifier of RULES) {
      const rule = new config.ManagedRule(this, `Rule-${identifier}`, { identifier });
      rule.node.addDependency(recorder);
    }
    new events.Rule(this, 'NonCompliant', {
      description: 'a Config rule found something',
      eventPattern: {
        source: ['aws.config'],
        detailType: ['Config Rules Compliance Change'],
        detail: { newEvaluationResult: { complianceType: ['NON_COMPLIANT'] } },
      },
      targets: [new eventTargets.SnsTopic(alarms)],
    });
  }
}
