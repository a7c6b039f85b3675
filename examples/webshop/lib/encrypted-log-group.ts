import { RemovalPolicy } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';

export interface EncryptedLogGroupProps {
  readonly config: EnvironmentConfig;
  readonly key: kms.IKey;
  readonly logGroupName?: string;
}

/** A log group under the environment's log key, kept as long as the environment asks. */
export class EncryptedLogGroup extends logs.LogGroup {
  constructor(scope: Construct, id: string, props: EncryptedLogGroupProps) {
    super(scope, id, {
      logGroupName: props.logGroupName,
      encryptionKey: props.key,
      retention: props.config.logRetentionDays,
      removalPolicy: props.config.name === 'prod' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    classify(this, 'confidential');
  }
}
