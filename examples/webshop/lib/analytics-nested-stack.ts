import { NestedStack, NestedStackProps, RemovalPolicy } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as timestream from 'aws-cdk-lib/aws-timestream';
import { Construct } from 'constructs';
import { denyOtherKeys } from './bucket-policy';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';

export interface AnalyticsStackProps extends NestedStackProps {
  readonly config: EnvironmentConfig;
  readonly key: kms.IKey;
}

/** What shoppers click on, in Timestream. */
export class AnalyticsStack extends NestedStack {
  constructor(scope: Construct, id: string, props: AnalyticsStackProps) {
    super(scope, id, props);
    const { config, key } = props;

    const rejected = new s3.Bucket(this, 'RejectedBucket', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    rejected.addToResourcePolicy(denyOtherKeys(rejected, key));
    const database = new timestream.CfnDatabase(this, 'Clicks', {
      databaseName: `webshop-${config.name}`,
      kmsKeyId: config.name === 'dev' ? undefined : key.keyArn,
    });
    const table = new timestream.CfnTable(this, 'PageViews', {
      databaseName: database.ref,
      tableName: 'page-views',
      retentionProperties: { MemoryStoreRetentionPeriodInHours: '24', MagneticStoreRetentionPeriodInDays: '365' },
      magneticStoreWriteProperties: {
        EnableMagneticStoreWrites: true,
        MagneticStoreRejectedDataLocation: {
          S3Configuration: {
            BucketName: rejected.bucketName,
            EncryptionOption: 'SSE_KMS',
            KmsKeyId: key.keyArn,
            ObjectKeyPrefix: 'page-views/',
          },
        },
      },
    });
    for (const store of [rejected, database, table]) {
      classify(store, 'internal');
    }
  }
}
