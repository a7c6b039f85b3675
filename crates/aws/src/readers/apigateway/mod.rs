//! Amazon API Gateway: REST APIs and custom domain names here, HTTP and WebSocket APIs in [`http`].
//!
//! Every call of API Gateway is the action `apigateway:GET`, and some of the answers hold stage variables and static headers
//! of integrations: the action counts as one that tells secrets, and neither is given. Custom domain names are told by both
//! versions of the API alike; they are read from the first, which knows those of private APIs too. A stage is named with its
//! API, since every API has its `prod`.

mod http;

use super::prelude::*;
use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::types::{
    DomainName, EndpointConfiguration, EndpointType, Integration, Method, MethodSetting, Resource,
    RestApi, Stage,
};

const GET: &str = "apigateway:GET";

const API: &str = "AWS::ApiGateway::RestApi";
const STAGE: &str = "AWS::ApiGateway::Stage";
const METHOD: &str = "AWS::ApiGateway::Method";
const DOMAIN: &str = "AWS::ApiGateway::DomainName";
const PRIVATE_DOMAIN: &str = "AWS::ApiGateway::DomainNameV2";

/// What a page holds at most (Amazon API Gateway API Reference).
const PAGE: i32 = 500;

pub(super) static READER: Reader = Reader {
    service: "apigateway",
    scope: Scope::Regional,
    kinds: &[
        API,
        STAGE,
        METHOD,
        DOMAIN,
        PRIVATE_DOMAIN,
        http::API,
        http::STAGE,
        http::INTEGRATION,
    ],
    calls: &[],
    secret_calls: &[GET],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(apis(&cx, &client), domains(&cx, &client), http::read(&cx));
}

/// An ARN of API Gateway names no account (Amazon API Gateway Developer Guide, "Amazon API Gateway ARN reference").
fn arn(cx: &Cx, rest: &str) -> String {
    format!(
        "arn:{}:apigateway:{}::{rest}",
        cx.partition(),
        cx.endpoint_region()
    )
}

async fn apis(cx: &Cx, client: &Client) {
    let request = client.get_rest_apis().limit(PAGE);
    let apis = cx.list(GET, &[API, STAGE, METHOD], items!(request)).await;
    cx.each(apis, |item| async move {
        if let Some(id) = item.id() {
            api(cx, &item, id);
            futures::join!(stages(cx, client, id), methods(cx, client, id));
        }
    })
    .await;
}

fn api(cx: &Cx, api: &RestApi, id: &str) {
    let policy = api.policy().filter(|text| !text.is_empty());
    let props = Props::of(GET)
        .put("RestApiId", id)
        .put("Name", api.name())
        .put("Description", api.description())
        .put(
            "EndpointConfiguration",
            api.endpoint_configuration().map(endpoint),
        )
        .put(
            "DisableExecuteApiEndpoint",
            api.disable_execute_api_endpoint(),
        )
        .put(
            "SecurityPolicy",
            api.security_policy().map(|policy| policy.as_str()),
        )
        .put(
            "EndpointAccessMode",
            api.endpoint_access_mode().map(|mode| mode.as_str()),
        )
        .put("Policy", policy.map(policy_of))
        .put(
            "ApiKeySourceType",
            api.api_key_source().map(|source| source.as_str()),
        )
        .put("ApiStatus", api.api_status().map(|status| status.as_str()))
        .put("CreatedDate", api.created_date());
    cx.emit(API, id, Some(&arn(cx, &format!("/restapis/{id}"))), props);
}

fn endpoint(config: &EndpointConfiguration) -> Props {
    Props::new()
        .put("Types", names!(config.types()))
        .put("VpcEndpointIds", config.vpc_endpoint_ids())
        .put(
            "IpAddressType",
            config.ip_address_type().map(|kind| kind.as_str()),
        )
}

/// API Gateway gives a policy with its quotes escaped, as it would stand inside JSON.
fn policy_of(text: &str) -> Value {
    if serde_json::from_str::<Value>(text).is_err()
        && let Ok(plain) = serde_json::from_str::<String>(&format!("\"{text}\""))
    {
        return document(GET, &plain);
    }
    document(GET, text)
}

async fn stages(cx: &Cx, client: &Client, api: &str) {
    match cx
        .get(GET, client.get_stages().rest_api_id(api).send())
        .await
    {
        Ok(answer) => answer.item().iter().for_each(|item| stage(cx, item, api)),
        Err(failure) => {
            let mut props = Props::of(GET).put("RestApiId", api);
            for name in [
                "StageName",
                "AccessLogSetting",
                "CacheClusterEnabled",
                "MethodSettings",
            ] {
                props.set(name, failure.clone());
            }
            cx.emit(STAGE, &format!("{api}/*"), None, props);
        }
    }
}

fn stage(cx: &Cx, stage: &Stage, api: &str) {
    let Some(name) = stage.stage_name() else {
        return;
    };
    let log = stage.access_log_settings().map(|log| {
        Props::new()
            .put("DestinationArn", log.destination_arn())
            .put("Format", log.format())
    });
    let mut settings: Vec<_> = stage.method_settings().into_iter().flatten().collect();
    settings.sort_by_key(|(path, _)| path.as_str());
    let settings: Vec<Props> = settings
        .iter()
        .map(|(path, of)| setting(path, of))
        .collect();
    let props = Props::of(GET)
        .put("RestApiId", api)
        .put("StageName", name)
        .put("DeploymentId", stage.deployment_id())
        .put("AccessLogSetting", log)
        .put("CacheClusterEnabled", stage.cache_cluster_enabled())
        .put(
            "CacheClusterSize",
            stage.cache_cluster_size().map(|size| size.as_str()),
        )
        .put(
            "CacheClusterStatus",
            stage.cache_cluster_status().map(|status| status.as_str()),
        )
        .put("ClientCertificateId", stage.client_certificate_id())
        .put("MethodSettings", settings)
        .put("TracingEnabled", stage.tracing_enabled())
        .put("WebAclArn", stage.web_acl_arn())
        .put("CreatedDate", stage.created_date())
        .put("LastUpdatedDate", stage.last_updated_date());
    let arn = arn(cx, &format!("/restapis/{api}/stages/{name}"));
    cx.emit(STAGE, &format!("{api}/{name}"), Some(&arn), props);
}

/// The API keys settings by path and method (`~1orders/GET`, `*/*`), CloudFormation has them beside the settings.
fn setting(key: &str, setting: &MethodSetting) -> Props {
    let (path, method) = key.rsplit_once('/').unwrap_or((key, "*"));
    let path = path.replace("~1", "/");
    let path = match path.starts_with('/') {
        true => path,
        false => format!("/{path}"),
    };
    Props::new()
        .put("ResourcePath", path)
        .put("HttpMethod", method)
        .put("CachingEnabled", setting.caching_enabled())
        .put("CacheDataEncrypted", setting.cache_data_encrypted())
        .put("LoggingLevel", setting.logging_level())
        .put("DataTraceEnabled", setting.data_trace_enabled())
        .put("MetricsEnabled", setting.metrics_enabled())
}

async fn methods(cx: &Cx, client: &Client, api: &str) {
    let request = client
        .get_resources()
        .rest_api_id(api)
        .embed("methods")
        .limit(PAGE);
    let stream = items!(request);
    let (resources, failure) = cx.try_list(GET, stream).await;
    for resource in &resources {
        let methods = resource.resource_methods().into_iter().flatten();
        for (verb, item) in methods {
            method(cx, api, resource, verb, item);
        }
    }
    if let Some(failure) = failure {
        let props = Props::of(GET)
            .put("RestApiId", api)
            .put("HttpMethod", failure.clone())
            .put("AuthorizationType", failure.clone())
            .put("Integration", failure);
        cx.emit(METHOD, &format!("{api}/*"), None, props);
    }
}

fn method(cx: &Cx, api: &str, resource: &Resource, verb: &str, method: &Method) {
    let path = resource.path().unwrap_or_default();
    let integration = method.method_integration().map(|of| integration(cx, of));
    let props = Props::of(GET)
        .put("RestApiId", api)
        .put("ResourceId", resource.id())
        .put("ResourcePath", path)
        .put("HttpMethod", verb)
        .put("AuthorizationType", method.authorization_type())
        .put("AuthorizerId", method.authorizer_id())
        .put("ApiKeyRequired", method.api_key_required())
        .put("Integration", integration);
    let arn = resource.id().map(|id| {
        arn(
            cx,
            &format!("/restapis/{api}/resources/{id}/methods/{verb}"),
        )
    });
    cx.emit(
        METHOD,
        &format!("{api}/{verb} {path}"),
        arn.as_deref(),
        props,
    );
}

fn integration(cx: &Cx, integration: &Integration) -> Props {
    let tls = integration
        .tls_config()
        .map(|tls| Props::new().put("InsecureSkipVerification", tls.insecure_skip_verification()));
    Props::new()
        .put("Type", integration.r#type().map(|kind| kind.as_str()))
        .put("Uri", integration.uri().map(|uri| cx.cover("Uri", uri)))
        .put("IntegrationHttpMethod", integration.http_method())
        .put(
            "ConnectionType",
            integration.connection_type().map(|kind| kind.as_str()),
        )
        .put("ConnectionId", integration.connection_id())
        .put("IntegrationTarget", integration.integration_target())
        .put("Credentials", integration.credentials())
        .put("TlsConfig", tls)
}

async fn domains(cx: &Cx, client: &Client) {
    let request = client.get_domain_names().limit(PAGE);
    for item in cx
        .list(GET, &[DOMAIN, PRIVATE_DOMAIN], items!(request))
        .await
    {
        domain(cx, &item);
    }
}

fn domain(cx: &Cx, domain: &DomainName) {
    let Some(name) = domain.domain_name() else {
        return;
    };
    let types = domain
        .endpoint_configuration()
        .map(EndpointConfiguration::types);
    let is_private = types.unwrap_or_default().contains(&EndpointType::Private);
    let mutual = domain.mutual_tls_authentication().map(|mutual| {
        Props::new()
            .put("TruststoreUri", mutual.truststore_uri())
            .put("TruststoreVersion", mutual.truststore_version())
    });
    let policy = domain.policy().filter(|text| !text.is_empty());
    let props = Props::of(GET)
        .put("DomainName", name)
        .put("DomainNameId", domain.domain_name_id())
        .put("CertificateArn", domain.certificate_arn())
        .put("CertificateName", domain.certificate_name())
        .put("CertificateUploadDate", domain.certificate_upload_date())
        .put("RegionalCertificateArn", domain.regional_certificate_arn())
        .put(
            "SecurityPolicy",
            domain.security_policy().map(|policy| policy.as_str()),
        )
        .put(
            "EndpointAccessMode",
            domain.endpoint_access_mode().map(|mode| mode.as_str()),
        )
        .put(
            "EndpointConfiguration",
            domain.endpoint_configuration().map(endpoint),
        )
        .put("MutualTlsAuthentication", mutual)
        .put(
            "RoutingMode",
            domain.routing_mode().map(|mode| mode.as_str()),
        )
        .put("Policy", policy.map(policy_of))
        .put("RegionalDomainName", domain.regional_domain_name())
        .put("DistributionDomainName", domain.distribution_domain_name())
        .put(
            "DomainNameStatus",
            domain.domain_name_status().map(|status| status.as_str()),
        );
    let own = arn(cx, &format!("/domainnames/{name}"));
    let kind = match is_private {
        true => PRIVATE_DOMAIN,
        false => DOMAIN,
    };
    cx.emit(kind, name, domain.domain_name_arn().or(Some(&own)), props);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_with_its_quotes_escaped_or_not() {
        let policy = json!({"Statement": []});
        assert_eq!(policy_of(r#"{\"Statement\":[]}"#), policy);
        assert_eq!(policy_of(r#"{"Statement":[]}"#), policy);
        assert!(policy_of("{").get("$unknown").is_some());
    }

    #[test]
    fn settings_have_paths_like_those_of_cloudformation() {
        let of = MethodSetting::builder().cache_data_encrypted(true).build();
        let path = |key| {
            (
                setting(key, &of).map["ResourcePath"].clone(),
                setting(key, &of).map["HttpMethod"].clone(),
            )
        };
        assert_eq!(path("*/*"), (json!("/*"), json!("*")));
        assert_eq!(
            path("~1orders~1{id}/GET"),
            (json!("/orders/{id}"), json!("GET"))
        );
    }
}
