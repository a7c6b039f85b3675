//! Elastic Load Balancing: Application, Network and Gateway Load Balancers here, Classic ones in [`classic`].
//!
//! Listeners, rules and target groups are named by ARNs whose ends are ids; here they have the names that people know them
//! by: `webshop:443`, `webshop:443/10`. Conditions of rules on headers and query strings may hold what CloudFront shows to
//! prove itself, so their values are left out and the call counts as one that tells secrets.

mod classic;

use super::prelude::*;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, Listener, LoadBalancer, LoadBalancerTypeEnum, ProtocolEnum, Rule, RuleCondition,
    TargetGroup, TargetTypeEnum,
};

const BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";
const ATTRIBUTES: &str = "elasticloadbalancing:DescribeLoadBalancerAttributes";
const LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
const CERTIFICATES: &str = "elasticloadbalancing:DescribeListenerCertificates";
const RULES: &str = "elasticloadbalancing:DescribeRules";
const GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
const TARGETS: &str = "elasticloadbalancing:DescribeTargetHealth";
const POLICIES: &str = "elasticloadbalancing:DescribeLoadBalancerPolicies";

const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const CERTIFICATE: &str = "AWS::ElasticLoadBalancingV2::ListenerCertificate";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

pub(super) static READER: Reader = Reader {
    service: "elasticloadbalancing",
    scope: Scope::Regional,
    kinds: &[
        BALANCER,
        LISTENER,
        CERTIFICATE,
        RULE,
        GROUP,
        "AWS::ElasticLoadBalancing::LoadBalancer",
    ],
    calls: &[
        BALANCERS,
        ATTRIBUTES,
        LISTENERS,
        CERTIFICATES,
        GROUPS,
        TARGETS,
        POLICIES,
    ],
    secret_calls: &[RULES],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        balancers(&cx, &client),
        groups(&cx, &client),
        classic::read(&cx)
    );
}

async fn balancers(cx: &Cx, client: &Client) {
    let kinds = [BALANCER, LISTENER, CERTIFICATE, RULE];
    let balancers = cx
        .list(BALANCERS, &kinds, items!(client.describe_load_balancers()))
        .await;
    cx.each(balancers, |balancer| async move {
        if let (Some(arn), Some(name)) =
            (balancer.load_balancer_arn(), balancer.load_balancer_name())
        {
            futures::join!(
                one(cx, client, &balancer, arn, name),
                listeners(cx, client, &balancer, arn, name)
            );
        }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, balancer: &LoadBalancer, arn: &str, name: &str) {
    let attributes = cx
        .get(
            ATTRIBUTES,
            client
                .describe_load_balancer_attributes()
                .load_balancer_arn(arn)
                .send(),
        )
        .await
        .map(|answer| {
            let attributes = answer.attributes().iter();
            let attributes = attributes.map(|attribute| {
                Props::new()
                    .put("Key", attribute.key())
                    .put("Value", attribute.value())
            });
            attributes.collect::<Vec<_>>()
        });
    let subnets: Vec<String> = balancer
        .availability_zones()
        .iter()
        .filter_map(|zone| zone.subnet_id().map(str::to_owned))
        .collect();
    let props = Props::of(BALANCERS)
        .put("Name", name)
        .put("Scheme", balancer.scheme().map(|scheme| scheme.as_str()))
        .put("Type", balancer.r#type().map(|kind| kind.as_str()))
        .put("Subnets", subnets)
        .put("SecurityGroups", balancer.security_groups())
        .put(
            "IpAddressType",
            balancer.ip_address_type().map(|kind| kind.as_str()),
        )
        .put("VpcId", balancer.vpc_id())
        .put("DNSName", balancer.dns_name())
        .put("CreatedTime", balancer.created_time())
        .put(
            "State",
            balancer
                .state()
                .and_then(|state| state.code())
                .map(|code| code.as_str()),
        )
        .from(ATTRIBUTES)
        .put("LoadBalancerAttributes", attributes);
    cx.emit(BALANCER, name, Some(arn), props);
}

async fn listeners(cx: &Cx, client: &Client, balancer: &LoadBalancer, arn: &str, name: &str) {
    let stream = items!(client.describe_listeners().load_balancer_arn(arn));
    let (listeners, failure) = cx.try_list(LISTENERS, stream).await;
    if let Some(failure) = failure {
        // Some of this balancer's, of which nothing is known but where they stand.
        let mut props = Props::of(LISTENERS).put("LoadBalancerArn", arn);
        for property in [
            "Protocol",
            "Port",
            "SslPolicy",
            "Certificates",
            "DefaultActions",
        ] {
            props.set(property, failure.clone());
        }
        cx.emit(LISTENER, &format!("{name}:*"), None, props);
    }
    let has_rules = balancer.r#type() == Some(&LoadBalancerTypeEnum::Application);
    cx.each(&listeners, |item| async move {
        let Some(arn) = item.listener_arn() else {
            return;
        };
        // Those of Gateway Load Balancers have no port.
        let name = match item.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        listener(cx, item, arn, &name);
        if matches!(
            item.protocol(),
            Some(ProtocolEnum::Https | ProtocolEnum::Tls)
        ) {
            more_certificates(cx, client, arn, &name).await;
        }
        if has_rules {
            rules(cx, client, arn, &name).await;
        }
    })
    .await;
}

fn listener(cx: &Cx, listener: &Listener, arn: &str, name: &str) {
    let certificates: Vec<Props> = listener
        .certificates()
        .iter()
        .map(|certificate| Props::new().put("CertificateArn", certificate.certificate_arn()))
        .collect();
    let mutual = listener.mutual_authentication().map(|mutual| {
        Props::new()
            .put("Mode", mutual.mode())
            .put("TrustStoreArn", mutual.trust_store_arn())
            .put(
                "IgnoreClientCertificateExpiry",
                mutual.ignore_client_certificate_expiry(),
            )
    });
    let props = Props::of(LISTENERS)
        .put("LoadBalancerArn", listener.load_balancer_arn())
        .put("Port", listener.port())
        .put(
            "Protocol",
            listener.protocol().map(|protocol| protocol.as_str()),
        )
        .put("SslPolicy", listener.ssl_policy())
        .put("Certificates", certificates)
        .put("AlpnPolicy", listener.alpn_policy())
        .put("MutualAuthentication", mutual)
        .put("DefaultActions", actions(listener.default_actions()));
    cx.emit(LISTENER, name, Some(arn), props);
}

/// A listener names its default certificate; the others have a call of their own.
async fn more_certificates(cx: &Cx, client: &Client, listener: &str, name: &str) {
    let stream = items!(
        client
            .describe_listener_certificates()
            .listener_arn(listener)
    );
    let (certificates, failure) = cx.try_list(CERTIFICATES, stream).await;
    let more: Vec<Props> = certificates
        .iter()
        .filter(|certificate| certificate.is_default() != Some(true))
        .map(|certificate| Props::new().put("CertificateArn", certificate.certificate_arn()))
        .collect();
    let certificates = match failure {
        Some(failure) => Err(failure),
        None if more.is_empty() => return,
        None => Ok(more),
    };
    let props = Props::of(CERTIFICATES)
        .put("ListenerArn", listener)
        .put("Certificates", certificates);
    cx.emit(CERTIFICATE, &format!("{name}/certificates"), None, props);
}

async fn rules(cx: &Cx, client: &Client, listener: &str, name: &str) {
    let stream = items!(client.describe_rules().listener_arn(listener));
    let (rules, failure) = cx.try_list(RULES, stream).await;
    // The default rule is the listener's default action.
    for rule in rules.iter().filter(|rule| rule.is_default() != Some(true)) {
        let name = format!("{name}/{}", rule.priority().unwrap_or("rule"));
        let props = rule_of(rule, listener);
        cx.emit(RULE, &name, rule.rule_arn(), props);
    }
    if let Some(failure) = failure {
        let props = Props::of(RULES)
            .put("ListenerArn", listener)
            .put("Conditions", failure.clone())
            .put("Actions", failure);
        cx.emit(RULE, &format!("{name}/*"), None, props);
    }
}

fn rule_of(rule: &Rule, listener: &str) -> Props {
    let priority = rule
        .priority()
        .and_then(|priority| priority.parse::<i32>().ok());
    let conditions: Vec<Props> = rule.conditions().iter().map(condition).collect();
    Props::of(RULES)
        .put("ListenerArn", listener)
        .put("Priority", priority)
        .put("Conditions", conditions)
        .put("Actions", actions(rule.actions()))
}

fn condition(condition: &RuleCondition) -> Props {
    let hosts = condition
        .host_header_config()
        .map(|config| Props::new().put("Values", config.values()));
    let paths = condition
        .path_pattern_config()
        .map(|config| Props::new().put("Values", config.values()));
    let header = condition
        .http_header_config()
        .map(|config| Props::new().put("HttpHeaderName", config.http_header_name()));
    Props::new()
        .put("Field", condition.field())
        .put("HostHeaderConfig", hosts)
        .put("PathPatternConfig", paths)
        .put("HttpHeaderConfig", header)
}

fn actions(actions: &[Action]) -> Vec<Props> {
    actions.iter().map(action).collect()
}

fn action(action: &Action) -> Props {
    let redirect = action.redirect_config().map(|redirect| {
        Props::new()
            .put("Protocol", redirect.protocol())
            .put("Port", redirect.port())
            .put("Host", redirect.host())
            .put("Path", redirect.path())
            .put(
                "StatusCode",
                redirect.status_code().map(|code| code.as_str()),
            )
    });
    let fixed = action.fixed_response_config().map(|fixed| {
        Props::new()
            .put("StatusCode", fixed.status_code())
            .put("ContentType", fixed.content_type())
    });
    let forward = action.forward_config().map(|forward| {
        let groups = forward.target_groups().iter().map(|group| {
            Props::new()
                .put("TargetGroupArn", group.target_group_arn())
                .put("Weight", group.weight())
        });
        Props::new().put("TargetGroups", groups.collect::<Vec<_>>())
    });
    // Secrets are not told, parameters of one's own may be some.
    let oidc = action.authenticate_oidc_config().map(|oidc| {
        Props::new()
            .put("Issuer", oidc.issuer())
            .put("AuthorizationEndpoint", oidc.authorization_endpoint())
            .put("TokenEndpoint", oidc.token_endpoint())
            .put("UserInfoEndpoint", oidc.user_info_endpoint())
            .put("ClientId", oidc.client_id())
    });
    let cognito = action.authenticate_cognito_config().map(|cognito| {
        Props::new()
            .put("UserPoolArn", cognito.user_pool_arn())
            .put("UserPoolClientId", cognito.user_pool_client_id())
            .put("UserPoolDomain", cognito.user_pool_domain())
    });
    let jwt = action.jwt_validation_config().map(|jwt| {
        Props::new()
            .put("Issuer", jwt.issuer())
            .put("JwksEndpoint", jwt.jwks_endpoint())
    });
    Props::new()
        .put("Type", action.r#type().map(|kind| kind.as_str()))
        .put("Order", action.order())
        .put("TargetGroupArn", action.target_group_arn())
        .put("RedirectConfig", redirect)
        .put("FixedResponseConfig", fixed)
        .put("ForwardConfig", forward)
        .put("AuthenticateOidcConfig", oidc)
        .put("AuthenticateCognitoConfig", cognito)
        .put("JwtValidationConfig", jwt)
}

async fn groups(cx: &Cx, client: &Client) {
    let groups = cx
        .list(GROUPS, &[GROUP], items!(client.describe_target_groups()))
        .await;
    cx.each(groups, |item| async move {
        if let (Some(arn), Some(name)) = (item.target_group_arn(), item.target_group_name()) {
            group(cx, client, &item, arn, name).await;
        }
    })
    .await;
}

async fn group(cx: &Cx, client: &Client, group: &TargetGroup, arn: &str, name: &str) {
    let mut props = Props::of(GROUPS)
        .put("Name", name)
        .put(
            "Protocol",
            group.protocol().map(|protocol| protocol.as_str()),
        )
        .put("ProtocolVersion", group.protocol_version())
        .put("Port", group.port())
        .put("TargetType", group.target_type().map(|kind| kind.as_str()))
        .put("VpcId", group.vpc_id())
        .put(
            "HealthCheckProtocol",
            group
                .health_check_protocol()
                .map(|protocol| protocol.as_str()),
        )
        .put("LoadBalancerArns", group.load_balancer_arns());
    // Only behind another load balancer it matters which one the target is.
    if group.target_type() == Some(&TargetTypeEnum::Alb) {
        let targets = cx
            .get(
                TARGETS,
                client.describe_target_health().target_group_arn(arn).send(),
            )
            .await
            .map(|answer| {
                let targets = answer
                    .target_health_descriptions()
                    .iter()
                    .filter_map(|health| health.target());
                let targets = targets.map(|target| {
                    Props::new()
                        .put("Id", target.id())
                        .put("Port", target.port())
                });
                targets.collect::<Vec<_>>()
            });
        props = props.from(TARGETS).put("Targets", targets);
    }
    cx.emit(GROUP, name, Some(arn), props);
}
