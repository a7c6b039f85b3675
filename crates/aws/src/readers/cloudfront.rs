//! Amazon CloudFront: distributions, their tenants, VPC origins, key value stores. Once an account.
//!
//! The list tells nearly all of a distribution's configuration; where it logs to is not in it, and nothing asks for that.
//! Values of the headers that it sends to origins prove to them who asks: they are left out, and the call counts as one that
//! tells secrets.

use super::prelude::*;
use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::types::{
    DistributionSummary, Origin, ViewerCertificate, VpcOriginEndpointConfig, VpcOriginSummary,
};

const DISTRIBUTIONS: &str = "cloudfront:ListDistributions";
const TENANTS: &str = "cloudfront:ListDistributionTenants";
const ORIGINS: &str = "cloudfront:ListVpcOrigins";
const VPC_ORIGIN: &str = "cloudfront:GetVpcOrigin";
const STORES: &str = "cloudfront:ListKeyValueStores";

const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
const TENANT: &str = "AWS::CloudFront::DistributionTenant";
const ORIGIN: &str = "AWS::CloudFront::VpcOrigin";
const STORE: &str = "AWS::CloudFront::KeyValueStore";

pub(super) static READER: Reader = Reader {
    service: "cloudfront",
    scope: Scope::Global,
    kinds: &[DISTRIBUTION, TENANT, ORIGIN, STORE],
    calls: &[TENANTS, ORIGINS, VPC_ORIGIN, STORES],
    secret_calls: &[DISTRIBUTIONS],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        distributions(&cx, &client),
        tenants(&cx, &client),
        origins(&cx, &client),
        stores(&cx, &client),
    );
}

async fn distributions(cx: &Cx, client: &Client) {
    let distributions = cx
        .list(
            DISTRIBUTIONS,
            &[DISTRIBUTION],
            items!(client.list_distributions()),
        )
        .await;
    for distribution in &distributions {
        let props = Props::of(DISTRIBUTIONS)
            .put("DistributionConfig", config(distribution))
            .put("DomainName", distribution.domain_name())
            .put("Status", distribution.status())
            .put("LastModifiedTime", distribution.last_modified_time());
        cx.emit(
            DISTRIBUTION,
            distribution.id(),
            Some(distribution.arn()),
            props,
        );
    }
}

/// A behaviour: the default one and the others are types of their own in the SDK, alike but for the path.
macro_rules! behaviour {
    ($behaviour:expr) => {{
        let behaviour = $behaviour;
        let methods = behaviour
            .allowed_methods()
            .map(|methods| names!(methods.items()));
        let groups = behaviour
            .trusted_key_groups()
            .map(|groups| groups.items().to_vec());
        let functions = behaviour.function_associations().map(|functions| {
            let functions = functions.items().iter().map(|function| {
                Props::new()
                    .put("EventType", function.event_type().as_str())
                    .put("FunctionARN", function.function_arn())
            });
            functions.collect::<Vec<_>>()
        });
        let lambdas = behaviour.lambda_function_associations().map(|functions| {
            let functions = functions.items().iter().map(|function| {
                Props::new()
                    .put("EventType", function.event_type().as_str())
                    .put("LambdaFunctionARN", function.lambda_function_arn())
                    .put("IncludeBody", function.include_body())
            });
            functions.collect::<Vec<_>>()
        });
        Props::new()
            .put("TargetOriginId", behaviour.target_origin_id())
            .put(
                "ViewerProtocolPolicy",
                behaviour.viewer_protocol_policy().as_str(),
            )
            .put("AllowedMethods", methods)
            .put("CachePolicyId", told(behaviour.cache_policy_id()))
            .put(
                "OriginRequestPolicyId",
                told(behaviour.origin_request_policy_id()),
            )
            .put(
                "ResponseHeadersPolicyId",
                told(behaviour.response_headers_policy_id()),
            )
            .put(
                "FieldLevelEncryptionId",
                told(behaviour.field_level_encryption_id()),
            )
            .put(
                "RealtimeLogConfigArn",
                told(behaviour.realtime_log_config_arn()),
            )
            .put("Compress", behaviour.compress())
            .put("TrustedKeyGroups", groups)
            .put("FunctionAssociations", functions)
            .put("LambdaFunctionAssociations", lambdas)
    }};
}

/// CloudFront writes an empty element for what there is not.
fn told(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn config(distribution: &DistributionSummary) -> Props {
    let aliases = distribution
        .aliases()
        .map(|aliases| aliases.items())
        .unwrap_or_default();
    let origins = distribution
        .origins()
        .map(|origins| origins.items())
        .unwrap_or_default();
    let behaviours = distribution
        .cache_behaviors()
        .map(|all| all.items())
        .unwrap_or_default();
    let behaviours: Vec<Props> = behaviours
        .iter()
        .map(|behaviour| behaviour!(behaviour).put("PathPattern", behaviour.path_pattern()))
        .collect();
    Props::new()
        .put("Enabled", distribution.enabled())
        .put("Staging", distribution.staging())
        .put("Comment", distribution.comment())
        .put("Aliases", aliases)
        .put(
            "HttpVersion",
            distribution.http_version().as_str().to_ascii_lowercase(),
        )
        .put("IPV6Enabled", distribution.is_ipv6_enabled())
        .put("PriceClass", distribution.price_class().as_str())
        .put("WebACLId", told(Some(distribution.web_acl_id())))
        .put(
            "ConnectionMode",
            distribution.connection_mode().map(|mode| mode.as_str()),
        )
        .put("Origins", origins.iter().map(origin).collect::<Vec<_>>())
        .put(
            "DefaultCacheBehavior",
            distribution
                .default_cache_behavior()
                .map(|behaviour| behaviour!(behaviour)),
        )
        .put("CacheBehaviors", behaviours)
        .put(
            "ViewerCertificate",
            distribution.viewer_certificate().map(certificate),
        )
}

fn certificate(certificate: &ViewerCertificate) -> Props {
    Props::new()
        .put(
            "CloudFrontDefaultCertificate",
            certificate.cloud_front_default_certificate(),
        )
        .put("AcmCertificateArn", told(certificate.acm_certificate_arn()))
        .put("IamCertificateId", told(certificate.iam_certificate_id()))
        .put(
            "MinimumProtocolVersion",
            certificate
                .minimum_protocol_version()
                .map(|version| version.as_str()),
        )
        .put(
            "SslSupportMethod",
            certificate
                .ssl_support_method()
                .map(|method| method.as_str()),
        )
}

fn origin(origin: &Origin) -> Props {
    let headers = origin.custom_headers().map(|headers| {
        let headers = headers.items().iter();
        let headers = headers.map(|header| Props::new().put("HeaderName", header.header_name()));
        headers.collect::<Vec<_>>()
    });
    let s3 = origin
        .s3_origin_config()
        .map(|s3| Props::new().put("OriginAccessIdentity", s3.origin_access_identity()));
    let custom = origin.custom_origin_config().map(|custom| {
        let protocols = custom
            .origin_ssl_protocols()
            .map(|protocols| names!(protocols.items()));
        Props::new()
            .put("HTTPPort", custom.http_port())
            .put("HTTPSPort", custom.https_port())
            .put(
                "OriginProtocolPolicy",
                custom.origin_protocol_policy().as_str(),
            )
            .put("OriginSSLProtocols", protocols)
    });
    let vpc = origin.vpc_origin_config().map(|vpc| {
        Props::new()
            .put("VpcOriginId", vpc.vpc_origin_id())
            .put("OwnerAccountId", vpc.owner_account_id())
    });
    Props::new()
        .put("Id", origin.id())
        .put("DomainName", origin.domain_name())
        .put("OriginPath", told(origin.origin_path()))
        .put(
            "OriginAccessControlId",
            told(origin.origin_access_control_id()),
        )
        .put("OriginCustomHeaders", headers)
        .put("S3OriginConfig", s3)
        .put("CustomOriginConfig", custom)
        .put("VpcOriginConfig", vpc)
}

async fn tenants(cx: &Cx, client: &Client) {
    let tenants = cx
        .list(
            TENANTS,
            &[TENANT],
            items!(client.list_distribution_tenants()),
        )
        .await;
    for tenant in tenants {
        let domains: Vec<String> = tenant
            .domains()
            .iter()
            .map(|domain| domain.domain().to_owned())
            .collect();
        let own = tenant.customizations().and_then(|of| of.certificate());
        let own = own.map(|certificate| Props::new().put("Arn", certificate.arn()));
        let props = Props::of(TENANTS)
            .put("Name", tenant.name())
            .put("DistributionId", tenant.distribution_id())
            .put("Domains", domains)
            .put("Enabled", tenant.enabled())
            .put("Status", tenant.status())
            .put("Customizations", Props::new().put("Certificate", own));
        cx.emit(TENANT, tenant.id(), Some(tenant.arn()), props);
    }
}

async fn origins(cx: &Cx, client: &Client) {
    let mut marker: Option<String> = None;
    let mut found = Vec::new();
    loop {
        let request = client.list_vpc_origins().set_marker(marker.clone());
        match cx.get(ORIGINS, request.send()).await {
            Ok(answer) => {
                let Some(list) = answer.vpc_origin_list else {
                    break;
                };
                found.extend(list.items.unwrap_or_default());
                // The same marker again would never come to an end.
                if list.next_marker.is_none() || list.next_marker == marker {
                    break;
                }
                marker = list.next_marker;
            }
            Err(failure) => {
                cx.gap(&[ORIGIN], &failure);
                break;
            }
        }
    }
    cx.each(found, |summary| async move {
        vpc_origin(cx, client, &summary).await
    })
    .await;
}

async fn vpc_origin(cx: &Cx, client: &Client, summary: &VpcOriginSummary) {
    let endpoint = cx
        .get(VPC_ORIGIN, client.get_vpc_origin().id(summary.id()).send())
        .await
        .map(|answer| Some(endpoint(answer.vpc_origin()?.vpc_origin_endpoint_config()?)));
    let props = Props::of(ORIGINS)
        .put("Name", summary.name())
        .put("Status", summary.status())
        .put("AccountId", summary.account_id())
        .put("CreatedTime", summary.created_time())
        .from(VPC_ORIGIN)
        .put("VpcOriginEndpointConfig", endpoint);
    cx.emit(ORIGIN, summary.id(), Some(summary.arn()), props);
}

fn endpoint(config: &VpcOriginEndpointConfig) -> Props {
    let protocols = config
        .origin_ssl_protocols()
        .map(|protocols| names!(protocols.items()));
    Props::new()
        .put("Name", config.name())
        .put("Arn", config.arn())
        .put("HTTPPort", config.http_port())
        .put("HTTPSPort", config.https_port())
        .put(
            "OriginProtocolPolicy",
            config.origin_protocol_policy().as_str(),
        )
        .put("OriginSSLProtocols", protocols)
}

async fn stores(cx: &Cx, client: &Client) {
    for store in cx
        .list(STORES, &[STORE], items!(client.list_key_value_stores()))
        .await
    {
        let props = Props::of(STORES)
            .put("Name", store.name())
            .put("Id", store.id())
            .put("Comment", store.comment())
            .put("Status", store.status())
            .put("LastModifiedTime", store.last_modified_time());
        cx.emit(STORE, store.name(), Some(store.arn()), props);
    }
}
