//! Amazon OpenSearch Service: domains, also those that run Elasticsearch, and applications.

use super::prelude::*;
use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::types::DomainStatus;
use std::collections::BTreeMap;

pub(super) static READER: Reader = Reader {
    service: "es",
    scope: Scope::Regional,
    kinds: &[
        "AWS::OpenSearchService::Domain",
        "AWS::OpenSearchService::Application",
    ],
    calls: &[
        "es:ListDomainNames",
        "es:DescribeDomains",
        "es:ListApplications",
        "es:GetApplication",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

/// Domains that one call describes at most.
const AT_ONCE: usize = 5;

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(domains(&cx, &client), applications(&cx, &client));
}

async fn domains(cx: &Cx, client: &Client) {
    let names: Vec<String> = match cx
        .get("es:ListDomainNames", client.list_domain_names().send())
        .await
    {
        Ok(answer) => answer
            .domain_names
            .unwrap_or_default()
            .into_iter()
            .filter_map(|domain| domain.domain_name)
            .collect(),
        Err(failure) => return cx.gap(&["AWS::OpenSearchService::Domain"], &failure),
    };
    for names in names.chunks(AT_ONCE) {
        let request = client
            .describe_domains()
            .set_domain_names(Some(names.to_vec()));
        let described = match cx.get("es:DescribeDomains", request.send()).await {
            Ok(answer) => answer.domain_status_list,
            Err(failure) => {
                for name in names {
                    unread(cx, name, &failure);
                }
                continue;
            }
        };
        for domain in &described {
            let props = of_domain(domain);
            cx.emit(
                "AWS::OpenSearchService::Domain",
                domain.domain_name(),
                Some(domain.arn()),
                props,
            );
        }
    }
}

/// A domain of which only the name is known.
fn unread(cx: &Cx, name: &str, failure: &Failure) {
    let mut props = Props::of("es:DescribeDomains").put("DomainName", name);
    for property in [
        "EncryptionAtRestOptions",
        "NodeToNodeEncryptionOptions",
        "DomainEndpointOptions",
        "VPCOptions",
        "AccessPolicies",
        "LogPublishingOptions",
        "AdvancedSecurityOptions",
        "EngineVersion",
    ] {
        props.set(property, failure.clone());
    }
    let arn = cx.arn("es", &format!("domain/{name}"));
    cx.emit("AWS::OpenSearchService::Domain", name, Some(&arn), props);
}

fn of_domain(domain: &DomainStatus) -> Props {
    let at_rest = domain.encryption_at_rest_options().map(|options| {
        Props::new()
            .put("Enabled", options.enabled())
            .put("KmsKeyId", options.kms_key_id())
            .put(
                "EncryptionMode",
                options.encryption_mode().map(|mode| mode.as_str()),
            )
    });
    let between = domain
        .node_to_node_encryption_options()
        .map(|options| Props::new().put("Enabled", options.enabled()));
    let endpoint = domain.domain_endpoint_options().map(|options| {
        Props::new()
            .put("EnforceHTTPS", options.enforce_https())
            .put(
                "TLSSecurityPolicy",
                options.tls_security_policy().map(|policy| policy.as_str()),
            )
            .put("CustomEndpointEnabled", options.custom_endpoint_enabled())
            .put("CustomEndpoint", options.custom_endpoint())
            .put(
                "CustomEndpointCertificateArn",
                options.custom_endpoint_certificate_arn(),
            )
    });
    let vpc = domain.vpc_options().map(|options| {
        Props::new()
            .put("VPCId", options.vpc_id())
            .put("SubnetIds", options.subnet_ids())
            .put("SecurityGroupIds", options.security_group_ids())
    });
    let security = domain.advanced_security_options().map(|options| {
        Props::new()
            .put("Enabled", options.enabled())
            .put(
                "InternalUserDatabaseEnabled",
                options.internal_user_database_enabled(),
            )
            .put("AnonymousAuthEnabled", options.anonymous_auth_enabled())
    });
    let cognito = domain.cognito_options().map(|options| {
        Props::new()
            .put("Enabled", options.enabled())
            .put("UserPoolId", options.user_pool_id())
            .put("IdentityPoolId", options.identity_pool_id())
            .put("RoleArn", options.role_arn())
    });
    // An empty text stands for no policy.
    let policies = domain
        .access_policies()
        .filter(|text| !text.trim().is_empty());
    Props::of("es:DescribeDomains")
        .put("DomainName", domain.domain_name())
        .put("DomainId", domain.domain_id())
        .put("EngineVersion", domain.engine_version())
        .put("EncryptionAtRestOptions", at_rest)
        .put("NodeToNodeEncryptionOptions", between)
        .put("DomainEndpointOptions", endpoint)
        .put("VPCOptions", vpc)
        .put(
            "AccessPolicies",
            policies.map(|text| document("es:DescribeDomains", text)),
        )
        .put("LogPublishingOptions", logs(domain))
        .put("AdvancedSecurityOptions", security)
        .put("CognitoOptions", cognito)
        .put("Endpoint", domain.endpoint())
        .put("Deleted", domain.deleted())
        .put("Processing", domain.processing())
}

/// What it writes to log groups. An option that is off names its group all the same, and nothing is written there.
fn logs(domain: &DomainStatus) -> Props {
    let options: BTreeMap<_, _> = domain
        .log_publishing_options()
        .into_iter()
        .flatten()
        .collect();
    let mut props = Props::new();
    for (kind, option) in options {
        let off = option.enabled() == Some(false);
        let group = option.cloud_watch_logs_log_group_arn().filter(|_| !off);
        let one = Props::new()
            .put("CloudWatchLogsLogGroupArn", group)
            .put("Enabled", option.enabled());
        props.set(kind.as_str(), one);
    }
    props
}

async fn applications(cx: &Cx, client: &Client) {
    let applications = cx
        .list(
            "es:ListApplications",
            &["AWS::OpenSearchService::Application"],
            items!(client.list_applications()),
        )
        .await;
    cx.each(applications, |application| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let (Some(id), Some(arn)) = (application.id(), application.arn()) else {
                return;
            };
            let key = cx
                .get("es:GetApplication", client.get_application().id(id).send())
                .await
                .map(|found| found.kms_key_arn);
            let name = application.name().unwrap_or(id);
            let props = Props::of("es:ListApplications")
                .put("Name", application.name())
                .put("Endpoint", application.endpoint())
                .put("Status", application.status().map(|status| status.as_str()))
                .from("es:GetApplication")
                .put("KmsKeyArn", key);
            cx.emit(
                "AWS::OpenSearchService::Application",
                name,
                Some(arn),
                props,
            );
        }
    })
    .await;
}
