//! Which accounts and regions a scan covers, and how it gets into each.

use crate::options::ScanOptions;
use crate::scan::Error;
use crate::unit::{AccountAccess, failure};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lockfast_snapshot::{Account, Failure};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The IAM actions that finding accounts and regions needs.
pub(crate) const ACTIONS: &[&str] = &["ec2:DescribeRegions"];
/// Those that only the account of the credentials needs, to reach the others.
pub(crate) const MANAGEMENT_ACTIONS: &[&str] = &["organizations:ListAccounts", "sts:AssumeRole"];

/// An account to scan, or why it cannot be.
pub(crate) struct Target {
    pub account: Account,
    pub access: Result<(Arc<AccountAccess>, Vec<String>), Failure>,
}

/// Whom AWS knows us as, before any account is entered.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) http: SharedHttpClient,
    pub(crate) base: SdkConfig,
}

impl Session {
    /// Finds the credentials, and adds the second factor when one is given.
    ///
    /// # Errors
    /// When the second factor is refused.
    pub async fn open(options: &ScanOptions) -> Result<Session, Error> {
        let http = http_client();
        let base = base(options, http.clone()).await;
        let base = with_mfa(options, &base).await?;
        Ok(Session { http, base })
    }
}

/// What carries requests to AWS, with the library for cryptography that all else here uses too.
pub(crate) fn http_client() -> SharedHttpClient {
    HttpBuilder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
}

/// The SDK's configuration before any account is known.
async fn base(options: &ScanOptions, http: SharedHttpClient) -> SdkConfig {
    let retries = options.retries;
    let mut loader: ConfigLoader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(
            RetryConfig::adaptive()
                .with_max_attempts(retries.attempts)
                .with_initial_backoff(retries.initial_backoff),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(retries.attempt_timeout)
                .operation_attempt_timeout(retries.attempt_timeout)
                .build(),
        );
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = options.regions.first() {
        loader = loader.region(Region::new(region.clone()));
    }
    let config = loader.load().await;
    match config.region() {
        Some(_) => config,
        None => config
            .to_builder()
            .region(Region::from_static("us-east-1"))
            .build(),
    }
}

/// Finds the accounts and the regions of each.
///
/// # Errors
/// When there are no credentials, or the organisation's accounts cannot be listed.
pub(crate) async fn targets(options: &ScanOptions, base: &SdkConfig) -> Result<Vec<Target>, Error> {
    let identity = aws_sdk_sts::Client::new(base)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| Error::Call(failure("sts:GetCallerIdentity", &error)))?;
    let own = identity.account().unwrap_or_default().to_owned();
    let partition = identity
        .arn()
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or("aws")
        .to_owned();
    let mut wanted: BTreeMap<String, Option<String>> = BTreeMap::new();
    if options.organization {
        wanted.extend(organization(base).await?);
    }
    wanted.extend(options.accounts.iter().map(|id| (id.clone(), None)));
    if wanted.is_empty() {
        wanted.insert(own.clone(), None);
    }
    let mut targets = Vec::new();
    for (id, name) in wanted {
        let account = Account {
            id: id.clone(),
            name,
            partition: partition.clone(),
        };
        let access = reach(options, base, &own, &account).await;
        targets.push(Target { account, access });
    }
    Ok(targets)
}

async fn reach(
    options: &ScanOptions,
    base: &SdkConfig,
    own: &str,
    account: &Account,
) -> Result<(Arc<AccountAccess>, Vec<String>), Failure> {
    let credentials = match (account.id == own, base.credentials_provider()) {
        (true, Some(provider)) => provider,
        _ => {
            let role = format!(
                "arn:{}:iam::{}:role/{}",
                account.partition, account.id, options.role.name
            );
            let mut builder = AssumeRoleProvider::builder(role)
                .session_name("lockfast-scan")
                .configure(base);
            if let Some(id) = &options.role.external_id {
                builder = builder.external_id(id);
            }
            SharedCredentialsProvider::new(builder.build().await)
        }
    };
    // Asked now, so that a role that cannot be assumed is one failure and not one of every call.
    if credentials.provide_credentials().await.is_err() {
        return Err(Failure {
            call: "sts:AssumeRole".into(),
            error: format!("role {} cannot be assumed", options.role.name),
        });
    }
    let regions = match options.regions.is_empty() {
        false => options.regions.clone(),
        true => {
            let config = base
                .to_builder()
                .credentials_provider(credentials.clone())
                .build();
            opted_in(&config).await?
        }
    };
    let access = AccountAccess {
        id: account.id.clone(),
        partition: account.partition.clone(),
        credentials,
        tags: Default::default(),
    };
    Ok((Arc::new(access), regions))
}

/// The regions that an account has opted in to.
async fn opted_in(config: &SdkConfig) -> Result<Vec<String>, Failure> {
    let answer = aws_sdk_ec2::Client::new(config)
        .describe_regions()
        .send()
        .await
        .map_err(|error| failure("ec2:DescribeRegions", &error))?;
    let mut regions: Vec<String> = answer
        .regions()
        .iter()
        .filter_map(|region| region.region_name().map(str::to_owned))
        .collect();
    regions.sort();
    Ok(regions)
}

/// The organisation's active accounts, by id, with their names.
async fn organization(base: &SdkConfig) -> Result<BTreeMap<String, Option<String>>, Error> {
    let client = aws_sdk_organizations::Client::new(base);
    let mut accounts = BTreeMap::new();
    let mut stream = client.list_accounts().into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = stream.next().await {
        let page =
            page.map_err(|error| Error::Call(failure("organizations:ListAccounts", &error)))?;
        listed.extend(page.accounts.unwrap_or_default());
    }
    for account in listed {
        let active = account
            .state()
            .is_none_or(|state| state.as_str() == "ACTIVE");
        if let (Some(id), true) = (account.id(), active) {
            accounts.insert(id.to_owned(), account.name().map(str::to_owned));
        }
    }
    Ok(accounts)
}

/// Credentials of a session with a second factor, when one is given.
async fn with_mfa(options: &ScanOptions, base: &SdkConfig) -> Result<SdkConfig, Error> {
    let Some(mfa) = &options.mfa else {
        return Ok(base.clone());
    };
    let session = aws_sdk_sts::Client::new(base)
        .get_session_token()
        .serial_number(&mfa.serial)
        .token_code(&mfa.code)
        .send()
        .await
        .map_err(|error| Error::Call(failure("sts:GetSessionToken", &error)))?;
    let Some(given) = session.credentials() else {
        return Err(Error::Call(Failure {
            call: "sts:GetSessionToken".into(),
            error: "no credentials in the answer".into(),
        }));
    };
    let credentials = Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        std::time::SystemTime::try_from(*given.expiration()).ok(),
        "GetSessionToken",
    );
    Ok(base
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build())
}
