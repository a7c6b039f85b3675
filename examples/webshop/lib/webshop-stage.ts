import { Stage, Tags } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ApiStack } from './api-stack';
import { AppStack } from './app-stack';
import { EDGE_REGION, EnvironmentConfig } from './config';
import { DataStack } from './data-stack';
import { EdgeStack } from './edge-stack';
import { KeysStack } from './keys-stack';
import { exportForLegacy, LegacyStack } from './legacy-stack';
import { MessagingStack } from './messaging-stack';
import { NetworkStack } from './network-stack';
import { ObservabilityStack } from './observability-stack';

/** One environment of the shop. */
export class WebshopStage extends Stage {
  constructor(scope: Construct, config: EnvironmentConfig) {
    super(scope, config.stageId, { env: { account: config.account, region: config.region } });

    const keys = new KeysStack(this, 'Keys', { config });
    exportForLegacy(config, keys);
    const network = new NetworkStack(this, 'Network', { config, keys });
    const data = new DataStack(this, 'Data', { config, keys, network });
    const messaging = new MessagingStack(this, 'Messaging', { config, keys });
    new AppStack(this, 'App', { config, keys, network, data, messaging });
    new ApiStack(this, 'Api', { config, keys, network, data, messaging });
    if (config.name !== 'dev') {
      new EdgeStack(this, 'Edge', { config, data, env: { account: config.account, region: EDGE_REGION } });
    }
    new ObservabilityStack(this, 'Observability', { config, keys });
    new LegacyStack(this, 'Returns', { config, keys }).addStackDependency(keys);

    // Weaker than any word said closer to the data, a template's own tags included.
    Tags.of(this).add('DataClassification', 'internal', { priority: 10 });
    Tags.of(this).add('Environment', config.name);
    Tags.of(this).add('System', 'shop');
  }
}
