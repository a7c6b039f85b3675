/**
 * What differs between the environments. Everything a stack decides by environment is a field here, so that a
 * difference between staging and prod is always a line in this file.
 */
export type Classification = 'public' | 'internal' | 'confidential' | 'restricted';

export type EnvironmentName = 'prod' | 'staging' | 'dev';

export interface EnvironmentConfig {
  readonly name: EnvironmentName;
  /** Name of the CDK stage, the first part of every construct path and stack name. */
  readonly stageId: string;
  readonly account: string;
  readonly region: string;
  /** Region of the disaster recovery copy of the orders table. */
  readonly replicaRegion?: string;
  readonly domainName: string;
  readonly hostedZoneId: string;
  readonly database: {
    readonly encrypted: boolean;
    readonly forceSsl: boolean;
    readonly sslMode: 'disable' | 'prefer' | 'require' | 'verify-full';
    readonly multiAz: boolean;
    readonly readReplica: boolean;
    readonly backupDays: number;
  };
  readonly service: { readonly cpu: number; readonly memory: number; readonly desiredCount: number };
  readonly logRetentionDays: number;
  readonly natGateways: number;
  /** Where orders are announced to the shipping partner. */
  readonly shippingWebhook: string;
}

const prod: EnvironmentConfig = {
  name: 'prod',
  stageId: 'Prod',
  account: '111111111111',
  region: 'eu-central-1',
  replicaRegion: 'eu-west-1',
  domainName: 'shop.example.com',
  hostedZoneId: 'Z0111111PROD',
  database: { encrypted: true, forceSsl: true, sslMode: 'verify-full', multiAz: true, readReplica: true, backupDays: 35 },
  service: { cpu: 1024, memory: 2048, desiredCount: 4 },
  logRetentionDays: 365,
  natGateways: 2,
  shippingWebhook: 'https://hooks.parcels.example.net/webshop',
};

const staging: EnvironmentConfig = {
  name: 'staging',
  stageId: 'Staging',
  account: '222222222222',
  region: 'eu-central-1',
  replicaRegion: 'eu-west-1',
  domainName: 'staging.shop.example.com',
  hostedZoneId: 'Z0222222STAGING',
  database: { encrypted: true, forceSsl: false, sslMode: 'prefer', multiAz: false, readReplica: false, backupDays: 7 },
  service: { cpu: 512, memory: 1024, desiredCount: 2 },
  logRetentionDays: 90,
  natGateways: 1,
  shippingWebhook: 'http://sandbox.parcels.example.net/webshop',
};

const dev: EnvironmentConfig = {
  name: 'dev',
  stageId: 'Dev',
  account: '333333333333',
  region: 'eu-central-1',
  domainName: 'dev.shop.example.com',
  hostedZoneId: 'Z0333333DEV',
  database: { encrypted: false, forceSsl: true, sslMode: 'disable', multiAz: false, readReplica: false, backupDays: 1 },
  service: { cpu: 256, memory: 512, desiredCount: 1 },
  logRetentionDays: 14,
  natGateways: 1,
  shippingWebhook: 'https://sandbox.parcels.example.net/webshop',
};

export const environments: readonly EnvironmentConfig[] = [prod, staging, dev];

/** CloudFront takes its certificate from this region alone. */
export const EDGE_REGION = 'us-east-1';
