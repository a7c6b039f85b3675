//! AWS AppSync: GraphQL APIs with their caches and data sources, and custom domain names.

use super::prelude::*;
use aws_sdk_appsync::Client;
use aws_sdk_appsync::types::{DataSource, GraphqlApi};

const APIS: &str = "appsync:ListGraphqlApis";
const CACHES: &str = "appsync:GetApiCache";
const SOURCES: &str = "appsync:ListDataSources";
const DOMAINS: &str = "appsync:ListDomainNames";

const API: &str = "AWS::AppSync::GraphQLApi";
const CACHE: &str = "AWS::AppSync::ApiCache";
const SOURCE: &str = "AWS::AppSync::DataSource";
const DOMAIN: &str = "AWS::AppSync::DomainName";

pub(super) static READER: Reader = Reader {
    service: "appsync",
    scope: Scope::Regional,
    kinds: &[API, CACHE, SOURCE, DOMAIN],
    calls: &[APIS, CACHES, SOURCES, DOMAINS],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(apis(&cx, &client), domains(&cx, &client));
}

async fn apis(cx: &Cx, client: &Client) {
    let apis = cx
        .list(
            APIS,
            &[API, CACHE, SOURCE],
            items!(client.list_graphql_apis()),
        )
        .await;
    cx.each(apis, |item| async move {
        if let Some(id) = item.api_id() {
            api(cx, &item, id);
            futures::join!(cache(cx, client, id), sources(cx, client, id));
        }
    })
    .await;
}

fn api(cx: &Cx, api: &GraphqlApi, id: &str) {
    let log = api.log_config().map(|log| {
        Props::new()
            .put("FieldLogLevel", log.field_log_level().as_str())
            .put("CloudWatchLogsRoleArn", log.cloud_watch_logs_role_arn())
            .put("ExcludeVerboseContent", log.exclude_verbose_content())
    });
    let providers = api
        .additional_authentication_providers()
        .iter()
        .map(|provider| {
            let kind = provider.authentication_type().map(|kind| kind.as_str());
            Props::new().put("AuthenticationType", kind)
        });
    let props = Props::of(APIS)
        .put("ApiId", id)
        .put("Name", api.name())
        .put("ApiType", api.api_type().map(|kind| kind.as_str()))
        .put(
            "AuthenticationType",
            api.authentication_type().map(|kind| kind.as_str()),
        )
        .put(
            "AdditionalAuthenticationProviders",
            providers.collect::<Vec<_>>(),
        )
        .put(
            "Visibility",
            api.visibility().map(|visibility| visibility.as_str()),
        )
        .put("LogConfig", log)
        .put("XrayEnabled", api.xray_enabled())
        .put("Uris", api.uris());
    let arn = cx.arn("appsync", &format!("apis/{id}"));
    cx.emit(API, id, api.arn().or(Some(&arn)), props);
}

async fn cache(cx: &Cx, client: &Client, api: &str) {
    // The API was just listed: what is not found is its cache.
    let answer = cx
        .get_unless(
            CACHES,
            &["NotFoundException"],
            client.get_api_cache().api_id(api).send(),
        )
        .await;
    let props = Props::of(CACHES).put("ApiId", api);
    let props = match answer {
        Ok(None) => return,
        Ok(Some(answer)) => {
            let Some(cache) = answer.api_cache else {
                return;
            };
            props
                .put(
                    "ApiCachingBehavior",
                    cache.api_caching_behavior().map(|of| of.as_str()),
                )
                .put(
                    "AtRestEncryptionEnabled",
                    cache.at_rest_encryption_enabled(),
                )
                .put(
                    "TransitEncryptionEnabled",
                    cache.transit_encryption_enabled(),
                )
                .put("Ttl", cache.ttl())
                .put("Type", cache.r#type().map(|kind| kind.as_str()))
                .put("Status", cache.status().map(|status| status.as_str()))
        }
        Err(failure) => props
            .put("AtRestEncryptionEnabled", failure.clone())
            .put("TransitEncryptionEnabled", failure),
    };
    cx.emit(CACHE, api, None, props);
}

async fn sources(cx: &Cx, client: &Client, api: &str) {
    let stream = items!(client.list_data_sources().api_id(api));
    let (sources, failure) = cx.try_list(SOURCES, stream).await;
    for item in &sources {
        source(cx, item, api);
    }
    if let Some(failure) = failure {
        let props = Props::of(SOURCES)
            .put("ApiId", api)
            .put("Type", failure.clone())
            .put("HttpConfig", failure);
        cx.emit(SOURCE, &format!("{api}/*"), None, props);
    }
}

fn source(cx: &Cx, source: &DataSource, api: &str) {
    let Some(name) = source.name() else {
        return;
    };
    let http = source.http_config().map(|http| {
        let kind = http
            .authorization_config()
            .map(|config| config.authorization_type().as_str());
        Props::new()
            .put(
                "Endpoint",
                http.endpoint().map(|url| cx.cover("Endpoint", url)),
            )
            .put(
                "AuthorizationConfig",
                Props::new().put("AuthorizationType", kind),
            )
    });
    let props = Props::of(SOURCES)
        .put("ApiId", api)
        .put("Name", name)
        .put("Type", source.r#type().map(|kind| kind.as_str()))
        .put("ServiceRoleArn", source.service_role_arn())
        .put("HttpConfig", http);
    cx.emit(
        SOURCE,
        &format!("{api}/{name}"),
        source.data_source_arn(),
        props,
    );
}

async fn domains(cx: &Cx, client: &Client) {
    for domain in cx
        .list(DOMAINS, &[DOMAIN], items!(client.list_domain_names()))
        .await
    {
        let Some(name) = domain.domain_name() else {
            continue;
        };
        let props = Props::of(DOMAINS)
            .put("DomainName", name)
            .put("CertificateArn", domain.certificate_arn())
            .put("AppSyncDomainName", domain.appsync_domain_name());
        let arn = cx.arn("appsync", &format!("domainnames/{name}"));
        cx.emit(DOMAIN, name, domain.domain_name_arn().or(Some(&arn)), props);
    }
}
