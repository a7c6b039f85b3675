import { Tags } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Classification } from './config';

/** Says how sensitive the data in `scope` is. The nearest enclosing word wins. */
export function classify(scope: IConstruct, classification: Classification): void {
  Tags.of(scope).add('DataClassification', classification);
}
