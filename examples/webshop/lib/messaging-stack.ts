import { Duration, Stack, StackProps } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as eventTargets from 'aws-cdk-lib/aws-events-targets';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { classify } from './classify';
import type { EnvironmentConfig } from './config';
import type { KeysStack } from './keys-stack';

export interface MessagingStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
}

/** Orders on their way: queue, topic, event bus, and the payment partner's secret. */
export class MessagingStack extends Stack {
  readonly orderQueue: sqs.Queue;
  readonly orderTopic: sns.Topic;
  readonly paymentSecret: secretsmanager.Secret;

  constructor(scope: Construct, id: string, props: MessagingStackProps) {
    super(scope, id, props);
    const { config, keys } = props;
    const isDev = config.name === 'dev';

    const queueEncryption = isDev
      ? { encryption: sqs.QueueEncryption.UNENCRYPTED }
      : { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: keys.confidential };
    const deadLetters = new sqs.Queue(this, 'OrderDeadLetters', {
      queueName: `webshop-${config.name}-orders-dead`,
      encryption: sqs.QueueEncryption.KMS,
      encryptionMasterKey: keys.confidential,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.orderQueue = new sqs.Queue(this, 'OrderQueue', {
      queueName: `webshop-${config.name}-orders`,
      ...queueEncryption,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(5),
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
    });

    // dev had no key of its own when the topic was made
    const topicKey: kms.IKey = isDev
      ? kms.Key.fromKeyArn(
          this,
          'TopicKey',
          'arn:aws:kms:eu-central-1:222222222222:key/8d1f6f0a-5c43-4f0e-9a77-2b6f1c0de934',
        )
      : keys.confidential;
    this.orderTopic = new sns.Topic(this, 'OrderTopic', {
      topicName: `webshop-${config.name}-orders`,
      masterKey: topicKey,
      enforceSSL: true,
    });
    this.orderTopic.addSubscription(new subscriptions.SqsSubscription(this.orderQueue, { rawMessageDelivery: true }));

    const bus = new events.EventBus(this, 'Bus', {
      eventBusName: `webshop-${config.name}`,
      kmsKey: isDev ? undefined : keys.confidential,
    });
    const paid = new events.Rule(this, 'OrderPaid', {
      eventBus: bus,
      eventPattern: { source: ['webshop.checkout'], detailType: ['OrderPaid'] },
      targets: [new eventTargets.SnsTopic(this.orderTopic)],
    });

    this.paymentSecret = new secretsmanager.Secret(this, 'PaymentApiSecret', {
      secretName: `webshop/${config.name}/payment-api`,
      description: 'rotated by the payment provider through its own agent',
      encryptionKey: keys.secrets,
    });

    for (const scope_ of [deadLetters, this.orderQueue, this.orderTopic, bus, paid, this.paymentSecret]) {
      classify(scope_, 'confidential');
    }
  }
}
