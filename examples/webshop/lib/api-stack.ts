import { Duration, Stack, StackProps } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import * as integrations from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as events from 'aws-cdk-lib/aws-events';
import * as eventTargets from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import type { DataStack } from './data-stack';
import { EncryptedLogGroup } from './encrypted-log-group';
import type { KeysStack } from './keys-stack';
import type { MessagingStack } from './messaging-stack';
import type { NetworkStack } from './network-stack';

export interface ApiStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
  readonly network: NetworkStack;
  readonly data: DataStack;
  readonly messaging: MessagingStack;
}

const HANDLER = `exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify({ received: true }) });`;

/** The partners' REST API, the app's HTTP API, and the functions behind them. */
export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, props);
    const { config, keys, network, data, messaging } = props;

    // ---- functions ---------------------------------------------------------------------------------------------
    const checkout = this.function('Checkout', props, {
      // made by hand during the incident in May, before EncryptedLogGroup existed
      logGroup:
        config.name === 'prod'
          ? new logs.LogGroup(this, 'CheckoutLogGroup', {
              logGroupName: `/webshop/${config.name}/functions/checkout`,
              retention: config.logRetentionDays,
            })
          : undefined,
      environment: { ORDERS_TABLE: data.orders.tableName, ORDER_TOPIC_ARN: messaging.orderTopic.topicArn },
    });
    data.orders.grantReadWriteData(checkout);
    messaging.orderTopic.grantPublish(checkout);

    const shipping = this.function('Shipping', props, {
      environment: { SHIPPING_WEBHOOK_URL: config.shippingWebhook, ORDERS_TABLE: data.orders.tableName },
    });
    data.orders.grantReadData(shipping);
    shipping.addEventSource(new sources.SqsEventSource(messaging.orderQueue, { batchSize: 10 }));

    const invoicing = this.function('Invoicing', props, {
      vpc: network.vpc,
      securityGroups: [network.functionGroup],
      environment: {
        INVOICES_BUCKET: data.invoices.bucketName,
        DATABASE_SECRET_ARN: data.reportingSecret.secretArn,
        PGSSLMODE: 'require',
      },
    });
    data.invoices.grantPut(invoicing);
    data.reportingSecret.grantRead(invoicing);
    new events.Rule(this, 'InvoicingSchedule', {
      schedule: events.Schedule.rate(Duration.hours(1)),
      targets: [new eventTargets.LambdaFunction(invoicing)],
    });

    const feed = this.function('ProductFeed', props, {
      logGroup:
        config.name === 'staging'
          ? new logs.LogGroup(this, 'ProductFeedLogGroup', {
              logGroupName: `/webshop/${config.name}/functions/product-feed`,
              encryptionKey: keys.logs,
              retention: logs.RetentionDays.INFINITE,
            })
          : undefined,
      environment: {
        MARKETPLACE_URL: 'https://feeds.marketplace.example.org/v1',
        ...(config.name === 'dev'
          ? {
              // the marketplace's sandbox; AWS' documentation example credentials
              MARKETPLACE_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
              MARKETPLACE_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
            }
          : {}),
      },
    });
    data.assets.grantRead(feed);

    // ---- REST API for partners -----------------------------------------------------------------------------------
    const zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: config.hostedZoneId,
      zoneName: config.domainName,
    });
    const certificate = new acm.Certificate(this, 'Certificate', {
      domainName: `api.${config.domainName}`,
      subjectAlternativeNames: [`app-api.${config.domainName}`],
      validation: acm.CertificateValidation.fromDns(zone),
    });
    const accessLogs = new EncryptedLogGroup(this, 'AccessLogGroup', {
      config,
      key: keys.logs,
      logGroupName: `/webshop/${config.name}/partner-api`,
    });
    const rest = new apigateway.RestApi(this, 'PartnerApi', {
      restApiName: `webshop-${config.name}-partners`,
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      disableExecuteApiEndpoint: true,
      deployOptions: {
        stageName: 'v1',
        accessLogDestination: new apigateway.LogGroupLogDestination(accessLogs),
        accessLogFormat: apigateway.AccessLogFormat.jsonWithStandardFields(),
        cachingEnabled: config.name === 'prod',
        cacheClusterEnabled: config.name === 'prod',
        cacheDataEncrypted: config.name === 'prod' ? true : undefined,
      },
      domainName: {
        domainName: `api.${config.domainName}`,
        certificate,
        endpointType: apigateway.EndpointType.REGIONAL,
        securityPolicy: config.name === 'dev' ? apigateway.SecurityPolicy.TLS_1_0 : apigateway.SecurityPolicy.TLS_1_2,
      },
    });
    const orders = rest.root.addResource('orders');
    orders.addMethod('POST', new apigateway.LambdaIntegration(checkout), { apiKeyRequired: true });
    orders
      .addResource('{orderId}')
      .addMethod('GET', new apigateway.LambdaIntegration(shipping), { apiKeyRequired: true });
    const plan = rest.addUsagePlan('Partners', { apiStages: [{ api: rest, stage: rest.deploymentStage }] });
    plan.addApiKey(rest.addApiKey('PartnerKey', { apiKeyName: `webshop-${config.name}-partner` }));

    // ---- HTTP API for the app --------------------------------------------------------------------------------------
    const http = new apigatewayv2.HttpApi(this, 'AppApi', {
      apiName: `webshop-${config.name}-app`,
      disableExecuteApiEndpoint: true,
      defaultDomainMapping: {
        domainName: new apigatewayv2.DomainName(this, 'AppDomain', {
          domainName: `app-api.${config.domainName}`,
          certificate,
          securityPolicy: apigatewayv2.SecurityPolicy.TLS_1_2,
        }),
      },
    });
    http.addRoutes({
      path: '/checkout',
      methods: [apigatewayv2.HttpMethod.POST],
      integration: new integrations.HttpLambdaIntegration('CheckoutIntegration', checkout),
    });
    http.addRoutes({
      path: '/reviews/{proxy+}',
      methods: [apigatewayv2.HttpMethod.GET],
      integration: new integrations.HttpUrlIntegration('ReviewsIntegration', 'https://reviews.example.org/webshop/{proxy}'),
    });
    classify(http, 'confidential');
    classify(rest, 'confidential');
  }

  /** A function with the environment's defaults: its variables under the confidential key, its log group encrypted. */
  private function(id: string, props: ApiStackProps, own: Partial<lambda.FunctionProps>): lambda.Function {
    const { config, keys } = props;
    const name = id.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
    const logGroup =
      own.logGroup ??
      new EncryptedLogGroup(this, `${id}LogGroup`, {
        config,
        key: keys.logs,
        logGroupName: `/webshop/${config.name}/functions/${name}`,
      });
    classify(logGroup, 'confidential');
    const fn = new lambda.Function(this, id, {
      functionName: `webshop-${config.name}-${name}`,
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromInline(HANDLER),
      timeout: Duration.seconds(30),
      environmentEncryption: keys.confidential,
      ...own,
      logGroup,
    });
    classify(fn, 'confidential');
    return fn;
  }
}
