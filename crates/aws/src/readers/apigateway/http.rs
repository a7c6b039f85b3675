//! HTTP and WebSocket APIs.

use super::super::prelude::*;
use super::{GET, arn};
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{Api, Integration, Stage};

pub(super) const API: &str = "AWS::ApiGatewayV2::Api";
pub(super) const STAGE: &str = "AWS::ApiGatewayV2::Stage";
pub(super) const INTEGRATION: &str = "AWS::ApiGatewayV2::Integration";

/// What a page holds at most.
const PAGE: &str = "500";

/// The next page of a list: its items, and the token of the page after it.
type Page<T> = Result<(Vec<T>, Option<String>), Failure>;

/// Reads a list to its end, for which the SDK knows no pages: its items, and why it breaks off if it does.
async fn all<T, F: Future<Output = Page<T>>>(
    mut next: impl FnMut(Option<String>) -> F,
) -> (Vec<T>, Option<Failure>) {
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    loop {
        match next(token.clone()).await {
            Ok((page, after)) => {
                items.extend(page);
                // The same token again would never come to an end.
                if after.is_none() || after == token {
                    return (items, None);
                }
                token = after;
            }
            Err(failure) => return (items, Some(failure)),
        }
    }
}

pub(super) async fn read(cx: &Cx) {
    let client = &Client::new(&cx.config());
    let (apis, failure) = all(|token| async {
        let request = client.get_apis().max_results(PAGE).set_next_token(token);
        let answer = cx.get(GET, request.send()).await?;
        Ok((answer.items.unwrap_or_default(), answer.next_token))
    })
    .await;
    if let Some(failure) = failure {
        cx.gap(&[API, STAGE, INTEGRATION], &failure);
    }
    cx.each(apis, |item| async move {
        if let Some(id) = item.api_id() {
            api(cx, &item, id);
            futures::join!(stages(cx, client, id), integrations(cx, client, id));
        }
    })
    .await;
}

fn api(cx: &Cx, api: &Api, id: &str) {
    let props = Props::of(GET)
        .put("ApiId", id)
        .put("Name", api.name())
        .put("Description", api.description())
        .put(
            "ProtocolType",
            api.protocol_type().map(|protocol| protocol.as_str()),
        )
        .put(
            "DisableExecuteApiEndpoint",
            api.disable_execute_api_endpoint(),
        )
        .put("ApiEndpoint", api.api_endpoint())
        .put(
            "ApiKeySelectionExpression",
            api.api_key_selection_expression(),
        )
        .put(
            "IpAddressType",
            api.ip_address_type().map(|kind| kind.as_str()),
        )
        .put("ApiGatewayManaged", api.api_gateway_managed())
        .put("CreatedDate", api.created_date());
    cx.emit(API, id, Some(&arn(cx, &format!("/apis/{id}"))), props);
}

async fn stages(cx: &Cx, client: &Client, api: &str) {
    let (stages, failure) = all(|token| async {
        let request = client
            .get_stages()
            .api_id(api)
            .max_results(PAGE)
            .set_next_token(token);
        let answer = cx.get(GET, request.send()).await?;
        Ok((answer.items.unwrap_or_default(), answer.next_token))
    })
    .await;
    for item in &stages {
        stage(cx, item, api);
    }
    if let Some(failure) = failure {
        let props = Props::of(GET)
            .put("ApiId", api)
            .put("StageName", failure.clone())
            .put("AccessLogSettings", failure.clone())
            .put("DefaultRouteSettings", failure);
        cx.emit(STAGE, &format!("{api}/*"), None, props);
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
    let routes = stage.default_route_settings().map(|routes| {
        Props::new()
            .put(
                "LoggingLevel",
                routes.logging_level().map(|level| level.as_str()),
            )
            .put("DataTraceEnabled", routes.data_trace_enabled())
            .put("DetailedMetricsEnabled", routes.detailed_metrics_enabled())
    });
    let props = Props::of(GET)
        .put("ApiId", api)
        .put("StageName", name)
        .put("AutoDeploy", stage.auto_deploy())
        .put("AccessLogSettings", log)
        .put("DefaultRouteSettings", routes)
        .put("ClientCertificateId", stage.client_certificate_id())
        .put("DeploymentId", stage.deployment_id())
        .put("CreatedDate", stage.created_date())
        .put("LastUpdatedDate", stage.last_updated_date());
    let arn = arn(cx, &format!("/apis/{api}/stages/{name}"));
    cx.emit(STAGE, &format!("{api}/{name}"), Some(&arn), props);
}

async fn integrations(cx: &Cx, client: &Client, api: &str) {
    let (integrations, failure) = all(|token| async {
        let request = client
            .get_integrations()
            .api_id(api)
            .max_results(PAGE)
            .set_next_token(token);
        let answer = cx.get(GET, request.send()).await?;
        Ok((answer.items.unwrap_or_default(), answer.next_token))
    })
    .await;
    for item in &integrations {
        integration(cx, item, api);
    }
    if let Some(failure) = failure {
        let props = Props::of(GET)
            .put("ApiId", api)
            .put("IntegrationType", failure.clone())
            .put("IntegrationUri", failure);
        cx.emit(INTEGRATION, &format!("{api}/*"), None, props);
    }
}

fn integration(cx: &Cx, integration: &Integration, api: &str) {
    let Some(id) = integration.integration_id() else {
        return;
    };
    // That there is a configuration means TLS, even when it names no server.
    let tls = integration.tls_config().map(|tls| {
        Value::Object(
            Props::new()
                .put("ServerNameToVerify", tls.server_name_to_verify())
                .map,
        )
    });
    let uri = integration
        .integration_uri()
        .map(|uri| cx.cover("IntegrationUri", uri));
    let props = Props::of(GET)
        .put("ApiId", api)
        .put("IntegrationId", id)
        .put(
            "IntegrationType",
            integration.integration_type().map(|kind| kind.as_str()),
        )
        .put("IntegrationSubtype", integration.integration_subtype())
        .put("IntegrationUri", uri)
        .put("IntegrationMethod", integration.integration_method())
        .put(
            "ConnectionType",
            integration.connection_type().map(|kind| kind.as_str()),
        )
        .put("ConnectionId", integration.connection_id())
        .put("CredentialsArn", integration.credentials_arn())
        .put("PayloadFormatVersion", integration.payload_format_version())
        .put("TlsConfig", tls);
    let arn = arn(cx, &format!("/apis/{api}/integrations/{id}"));
    cx.emit(INTEGRATION, &format!("{api}/{id}"), Some(&arn), props);
}
