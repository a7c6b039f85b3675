import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';

/** Refuses an upload that asks for another key than the bucket's own. One that asks for nothing gets the bucket's. */
export function denyOtherKeys(bucket: s3.IBucket, key: kms.IKey): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: 'DenyOtherKeys',
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects('*')],
    conditions: { StringNotEqualsIfExists: { 's3:x-amz-server-side-encryption-aws-kms-key-id': key.keyArn } },
  });
}
