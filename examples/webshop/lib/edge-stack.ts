import { Annotations, Stack, StackProps } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import type { DataStack } from './data-stack';

export interface EdgeStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly data: DataStack;
}

/** CloudFront and its certificate. Lives in us-east-1, its origins are in the region of the shop. */
export class EdgeStack extends Stack {
  constructor(scope: Construct, id: string, props: EdgeStackProps) {
    super(scope, id, props);
    const { config, data } = props;

    const zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: config.hostedZoneId,
      zoneName: config.domainName,
    });
    const certificate = new acm.Certificate(this, 'Certificate', {
      domainName: config.domainName,
      subjectAlternativeNames: [`www.${config.domainName}`],
      validation: acm.CertificateValidation.fromDns(zone),
    });
    const assets = s3.Bucket.fromBucketAttributes(this, 'Assets', {
      bucketName: data.assets.bucketName,
      region: config.region,
    });
    const shopOrigin = new origins.HttpOrigin(`origin.${config.domainName}`, {
      protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
      originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
    });

    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: `webshop ${config.name}`,
      domainNames: [config.domainName, `www.${config.domainName}`],
      certificate,
      minimumProtocolVersion:
        config.name === 'staging'
          ? cloudfront.SecurityPolicyProtocol.TLS_V1 // an old handheld scanner in the warehouse
          : cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
      defaultBehavior: {
        origin: shopOrigin,
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
        cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
        originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER,
      },
      additionalBehaviors: {
        '/assets/*': {
          origin: origins.S3BucketOrigin.withOriginAccessControl(assets),
          viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
          cachePolicy: cloudfront.CachePolicy.CACHING_OPTIMIZED,
        },
      },
    });
    Annotations.of(distribution).acknowledgeWarning(
      '@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac',
      'the Data stack admits CloudFront in the bucket policy',
    );
    classify(distribution, 'public');
  }
}
