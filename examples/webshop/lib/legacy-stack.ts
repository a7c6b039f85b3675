import { CfnOutput, Stack, StackProps } from 'aws-cdk-lib';
import * as include from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';
import * as path from 'node:path';
import type { EnvironmentConfig } from './config';
import type { KeysStack } from './keys-stack';

export interface LegacyStackProps extends StackProps {
  readonly config: EnvironmentConfig;
  readonly keys: KeysStack;
}

/**
 * The returns desk's old template, unchanged. prod and staging are given their name and a key here; everything else,
 * and all of dev, goes by the defaults of the template's own parameters.
 */
export class LegacyStack extends Stack {
  constructor(scope: Construct, id: string, props: LegacyStackProps) {
    super(scope, id, props);
    const { config, keys } = props;
    const returns = new include.CfnInclude(this, 'Returns', {
      templateFile: path.join(process.cwd(), 'lib', 'legacy', 'returns.template.json'),
    });
    if (config.name !== 'dev') {
      returns.getParameter('Env').default = config.name;
      returns.getParameter('QueueKey').default = keys.internal.keyAlias;
    }
  }
}

/** The one export the old template reads by name. */
export function exportForLegacy(config: EnvironmentConfig, keys: KeysStack): void {
  new CfnOutput(keys, 'LogsKeyForReturns', {
    value: keys.logs.keyArn,
    exportName: `webshop-${config.name}-logs-key`,
  });
}
