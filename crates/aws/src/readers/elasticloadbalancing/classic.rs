//! Classic Load Balancers.

use super::super::prelude::*;
use super::{ATTRIBUTES, BALANCERS, POLICIES};
use aws_sdk_elasticloadbalancing::Client;
use aws_sdk_elasticloadbalancing::types::{ListenerDescription, LoadBalancerDescription};

const BALANCER: &str = "AWS::ElasticLoadBalancing::LoadBalancer";

pub(super) async fn read(cx: &Cx) {
    let client = Client::new(&cx.config());
    let balancers = cx
        .list(
            BALANCERS,
            &[BALANCER],
            items!(client.describe_load_balancers()),
        )
        .await;
    cx.each(balancers, |balancer| {
        let client = &client;
        async move {
            if let Some(name) = balancer.load_balancer_name() {
                one(cx, client, &balancer, name).await;
            }
        }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, balancer: &LoadBalancerDescription, name: &str) {
    let listeners = balancer.listener_descriptions();
    let policies = match listeners.iter().any(negotiates) {
        true => policies(cx, client, name).await,
        false => Ok(Vec::new()),
    };
    let listeners: Vec<Props> = listeners
        .iter()
        .map(|item| listener(item, policies.as_ref().err()))
        .collect();
    let log = cx
        .get(
            ATTRIBUTES,
            client
                .describe_load_balancer_attributes()
                .load_balancer_name(name)
                .send(),
        )
        .await
        .map(|answer| {
            let log = answer.load_balancer_attributes()?.access_log()?;
            Some(
                Props::new()
                    .put("Enabled", log.enabled())
                    .put("S3BucketName", log.s3_bucket_name())
                    .put("S3BucketPrefix", log.s3_bucket_prefix())
                    .put("EmitInterval", log.emit_interval()),
            )
        });
    let props = Props::of(BALANCERS)
        .put("LoadBalancerName", name)
        .put("Scheme", balancer.scheme())
        .put("Listeners", listeners)
        .put("Subnets", balancer.subnets())
        .put("SecurityGroups", balancer.security_groups())
        .put("VPCId", balancer.vpc_id())
        .put("DNSName", balancer.dns_name())
        .put("CreatedTime", balancer.created_time())
        .from(POLICIES)
        .put("Policies", policies)
        .from(ATTRIBUTES)
        .put("AccessLoggingPolicy", log);
    let arn = cx.arn("elasticloadbalancing", &format!("loadbalancer/{name}"));
    cx.emit(BALANCER, name, Some(&arn), props);
}

fn negotiates(listener: &ListenerDescription) -> bool {
    let protocol = listener.listener().map(|listener| listener.protocol());
    protocol
        .is_some_and(|protocol| matches!(protocol.to_ascii_uppercase().as_str(), "HTTPS" | "SSL"))
}

/// What its listeners negotiate is in policies that they name; when those are not known, neither are the names of use.
fn listener(description: &ListenerDescription, failure: Option<&Failure>) -> Props {
    let Some(listener) = description.listener() else {
        return Props::new();
    };
    let names = match failure.filter(|_| negotiates(description)) {
        Some(failure) => Err(failure.clone()),
        None => Ok(description.policy_names().to_vec()),
    };
    Props::new()
        .put(
            "LoadBalancerPort",
            listener.load_balancer_port().to_string(),
        )
        .put("Protocol", listener.protocol())
        .put("InstancePort", listener.instance_port().to_string())
        .put("InstanceProtocol", listener.instance_protocol())
        .put("SSLCertificateId", listener.ssl_certificate_id())
        .put("PolicyNames", names)
}

async fn policies(cx: &Cx, client: &Client, name: &str) -> Result<Vec<Props>, Failure> {
    let answer = cx
        .get(
            POLICIES,
            client
                .describe_load_balancer_policies()
                .load_balancer_name(name)
                .send(),
        )
        .await?;
    let policies = answer.policy_descriptions().iter().map(|policy| {
        let attributes = policy.policy_attribute_descriptions().iter();
        let attributes = attributes.map(|attribute| {
            Props::new()
                .put("Name", attribute.attribute_name())
                .put("Value", attribute.attribute_value())
        });
        Props::new()
            .put("PolicyName", policy.policy_name())
            .put("PolicyType", policy.policy_type_name())
            .put("Attributes", attributes.collect::<Vec<_>>())
    });
    Ok(policies.collect())
}
