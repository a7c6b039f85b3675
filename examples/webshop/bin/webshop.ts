import { App } from 'aws-cdk-lib';
import { environments } from '../lib/config';
import { WebshopStage } from '../lib/webshop-stage';

const app = new App();
for (const config of environments) {
  new WebshopStage(app, config);
}
app.synth();
