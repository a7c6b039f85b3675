//! Data on the move: where connections are accepted or made, and what they are encrypted with.

mod cloudfront;

use crate::tls::{self, SecurityPolicy};
use crate::{Guard, Inventory, Known, Loc, Read, ResourceId, Subject, Value, Why};
use std::sync::Arc;

/// What kind of channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKind {
    /// A listener of an Application or Network Load Balancer.
    Listener,
    /// A listener of a Classic Load Balancer.
    ClassicListener,
    /// A listener of VPC Lattice.
    LatticeListener,
    /// CloudFront towards viewers.
    Viewer,
    /// CloudFront towards an origin.
    Origin,
    /// The default endpoint of an API.
    ApiEndpoint,
    /// A custom domain name of APIs.
    ApiDomain,
    /// The endpoint of an Amazon OpenSearch Service domain.
    SearchDomain,
}

/// From where it can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// From the internet.
    Internet,
    /// From inside the VPC only.
    Internal,
}

/// What it is encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Nothing: plain HTTP or TCP that carries requests.
    Plain,
    /// Plain HTTP that only redirects to HTTPS.
    Redirect,
    /// Packets are passed on; what they carry is the target's affair.
    PassThrough,
    /// TLS by a named security policy.
    Policy(SecurityPolicyName),
    /// TLS with a lowest version, and no say in cipher suites.
    AtLeast(Arc<str>),
}

/// A security policy and the row of its table, if the table has it.
#[derive(Clone, Debug)]
pub struct SecurityPolicyName {
    /// Its name.
    pub name: Arc<str>,
    /// Its row.
    pub row: Option<&'static SecurityPolicy>,
}

impl PartialEq for SecurityPolicyName {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for SecurityPolicyName {}

impl Transport {
    /// What it is, for people.
    pub fn label(&self) -> String {
        match self {
            Transport::Plain => "not encrypted".into(),
            Transport::Redirect => "redirect to HTTPS".into(),
            Transport::PassThrough => "passed through".into(),
            Transport::Policy(policy) => policy.name.to_string(),
            Transport::AtLeast(version) => format!("{version} or later"),
        }
    }
}

/// A place where connections are accepted or made.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The resource that says so.
    pub resource: ResourceId,
    /// Which of its variants.
    pub variant: usize,
    /// When this variant holds.
    pub when: Guard,
    /// The part of the resource: an origin's id, a port.
    pub part: String,
    /// What kind it is.
    pub kind: ChannelKind,
    /// From where it can be reached.
    pub exposure: Known<Exposure>,
    /// What it is encrypted with.
    pub transport: Known<Transport>,
}

impl Channel {
    /// The resource under this variant.
    pub fn subject<'a>(&self, inventory: &'a Inventory) -> Subject<'a> {
        let resource = inventory.resource(self.resource);
        Subject {
            resource,
            variant: &resource.variants[self.variant],
        }
    }
}

/// Finds every channel, ordered by resource.
pub(crate) fn derive_channels(inventory: &Inventory) -> Vec<Channel> {
    let mut channels = Vec::new();
    for resource in inventory.resources() {
        if !(resource.kind.starts_with("AWS::ElasticLoadBalancing")
            || resource.kind.starts_with("AWS::CloudFront::")
            || resource.kind.starts_with("AWS::ApiGateway")
            || resource.kind.starts_with("AWS::VpcLattice::")
            || resource.kind.ends_with("::Domain"))
        {
            continue;
        }
        for (variant, v) in resource.variants.iter().enumerate() {
            let subject = Subject {
                resource,
                variant: v,
            };
            let found = match subject.kind() {
                "AWS::ElasticLoadBalancingV2::Listener" => {
                    channels.extend(listener(inventory, subject).into_iter().map(
                        |(when, exposure, transport)| Channel {
                            resource: resource.id,
                            variant,
                            when,
                            part: subject.at("Port").string().found().unwrap_or_default(),
                            kind: ChannelKind::Listener,
                            exposure,
                            transport,
                        },
                    ));
                    continue;
                }
                "AWS::ElasticLoadBalancing::LoadBalancer" => classic(subject),
                "AWS::VpcLattice::Listener" => lattice(subject),
                "AWS::CloudFront::Distribution" => cloudfront::distribution(inventory, subject),
                "AWS::ApiGateway::RestApi" => rest_api(subject),
                "AWS::ApiGatewayV2::Api" => http_api(subject),
                "AWS::ApiGateway::DomainName" => {
                    vec![domain(subject.at("SecurityPolicy"), subject)]
                }
                "AWS::ApiGateway::DomainNameV2" => private_domain(subject),
                "AWS::ApiGatewayV2::DomainName" => domains(subject),
                "AWS::OpenSearchService::Domain" | "AWS::Elasticsearch::Domain" => {
                    vec![search_domain(subject)]
                }
                _ => continue,
            };
            channels.extend(
                found
                    .into_iter()
                    .map(|(kind, part, exposure, transport)| Channel {
                        resource: resource.id,
                        variant,
                        when: v.when.clone(),
                        part,
                        kind,
                        exposure,
                        transport,
                    }),
            );
        }
    }
    channels
}

type Found = (ChannelKind, String, Known<Exposure>, Known<Transport>);

/// What a listener is under each condition that its load balancer and its rules make a difference of.
fn listener(
    inventory: &Inventory,
    subject: Subject<'_>,
) -> Vec<(Guard, Known<Exposure>, Known<Transport>)> {
    let balancers = balancers(inventory, subject);
    let transports = listener_transports(inventory, subject);
    let mut found = Vec::new();
    for (balancer, exposure) in &balancers {
        for (rule, transport) in &transports {
            if balancer.compatible(rule) {
                let when = subject.variant.when.and(balancer).and(rule);
                found.push((when, exposure.clone(), transport.clone()));
            }
        }
    }
    found
}

/// From where a listener's load balancer is reached, under each of its conditions. None for a Gateway
/// Load Balancer, which passes packets through appliances and terminates nothing.
fn balancers(inventory: &Inventory, subject: Subject<'_>) -> Vec<(Guard, Known<Exposure>)> {
    let unknown = |why, loc| vec![(Guard::default(), Known::Unknown(why, loc))];
    let missing = || Arc::new(Why::NotGiven("the listener's load balancer".into()));
    let (value, loc) = match subject.at("LoadBalancerArn") {
        Read::Found(value, loc) => (value, loc),
        Read::Unknown(why, loc) => return unknown(why, loc),
        Read::Absent(loc) => return unknown(missing(), loc),
    };
    let Some((balancer, _)) = inventory.target(value) else {
        return unknown(missing(), loc);
    };
    inventory
        .variants_of(balancer.id)
        .filter(|balancer| balancer.variant.when.compatible(&subject.variant.when))
        .filter(|balancer| balancer.at("Type").string().found().as_deref() != Some("gateway"))
        .map(|balancer| {
            let when = balancer.variant.when.clone();
            (when, exposure(balancer.at("Scheme")))
        })
        .collect()
}

/// What a listener speaks: its protocol says so and, where its default action redirects, its rules.
fn listener_transports(
    inventory: &Inventory,
    subject: Subject<'_>,
) -> Vec<(Guard, Known<Transport>)> {
    let always = |transport| vec![(Guard::default(), transport)];
    let (protocol, loc) = match subject.at("Protocol").string() {
        Read::Found(protocol, loc) => (protocol, loc),
        Read::Unknown(why, loc) => return always(Known::Unknown(why, loc)),
        // Gateway Load Balancer listeners state no protocol.
        Read::Absent(loc) => return always(Known::Stated(Transport::PassThrough, loc)),
    };
    match protocol.as_str() {
        "HTTPS" | "TLS" => return always(elb_policy(subject.at("SslPolicy"))),
        "HTTP" => {}
        _ => return always(Known::Stated(Transport::PassThrough, loc)),
    }
    let own = plain_or_redirect(subject.at("DefaultActions"), loc);
    let mut found = vec![(Guard::default(), own)];
    if found[0].1.value() != Some(&Transport::Plain) {
        found.extend(rules_that_answer(inventory, subject));
    }
    found
}

/// What plain HTTP with these actions is. An action's protocol defaults to the request's.
fn plain_or_redirect(actions: Read<&Value>, loc: Loc) -> Known<Transport> {
    let items = match actions.list() {
        Read::Found(items, _) if !items.is_empty() => items,
        Read::Unknown(why, loc) => return Known::Unknown(why, loc),
        _ => return Known::Stated(Transport::Plain, loc),
    };
    let mut unknown = None;
    for action in items {
        for (path, wanted) in [("Type", "redirect"), ("RedirectConfig.Protocol", "HTTPS")] {
            match action.at(path).string() {
                Read::Found(value, _) if value == wanted => {}
                Read::Unknown(why, loc) => unknown = Some(Known::Unknown(why, loc)),
                _ => return Known::Stated(Transport::Plain, loc),
            }
        }
    }
    unknown.unwrap_or(Known::Stated(Transport::Redirect, loc))
}

/// The rules of a listener that do something else than redirect to HTTPS, or may.
fn rules_that_answer<'a>(
    inventory: &'a Inventory,
    listener: Subject<'a>,
) -> impl Iterator<Item = (Guard, Known<Transport>)> + 'a {
    inventory
        .referrers(listener.id())
        .filter(|r| &*r.kind == "AWS::ElasticLoadBalancingV2::ListenerRule")
        .flat_map(|r| inventory.variants_of(r.id))
        .filter(move |rule| {
            rule.variant.when.compatible(&listener.variant.when)
                && matches!(rule.at("ListenerArn"), Read::Found(value, _)
                    if inventory.target(value).is_some_and(|(to, _)| to.id == listener.id()))
        })
        .map(|rule| {
            let transport = plain_or_redirect(rule.at("Actions"), rule.resource.loc);
            (rule.variant.when.clone(), transport)
        })
        .filter(|(_, transport)| transport.value() != Some(&Transport::Redirect))
}

/// `Scheme` of a load balancer; absent means reachable from the internet (Elastic Load Balancing
/// API Reference, "CreateLoadBalancer").
fn exposure(scheme: Read<&Value>) -> Known<Exposure> {
    const DEFAULT: crate::ServiceDefault = crate::ServiceDefault {
        doc: "Elastic Load Balancing API Reference: CreateLoadBalancer",
        since: "",
    };
    scheme
        .string()
        .map(|s| {
            if s == "internal" {
                Exposure::Internal
            } else {
                Exposure::Internet
            }
        })
        .or_default(Exposure::Internet, DEFAULT)
}

fn elb_policy(read: Read<&Value>) -> Known<Transport> {
    let (name, default) = tls::elb_default();
    read.string()
        .map(|name| policy(&name, tls::elb(&name)))
        .or_default(policy(name, tls::elb(name)), default)
}

fn policy(name: &str, row: Option<&'static SecurityPolicy>) -> Transport {
    Transport::Policy(SecurityPolicyName {
        name: name.into(),
        row,
    })
}

fn classic(subject: Subject<'_>) -> Vec<Found> {
    let exposure = exposure(subject.at("Scheme"));
    let listeners = match subject.at("Listeners").list() {
        Read::Found(listeners, _) => listeners,
        Read::Absent(_) => return Vec::new(),
        Read::Unknown(why, loc) => {
            return vec![(
                ChannelKind::ClassicListener,
                String::new(),
                exposure,
                Known::Unknown(why, loc),
            )];
        }
    };
    listeners
        .iter()
        .map(|listener| {
            let port = listener
                .at("LoadBalancerPort")
                .string()
                .found()
                .unwrap_or_default();
            let transport = match listener.at("Protocol").string() {
                Read::Found(p, _)
                    if p.eq_ignore_ascii_case("HTTPS") || p.eq_ignore_ascii_case("SSL") =>
                {
                    classic_policy(subject, listener)
                }
                Read::Found(p, loc) if p.eq_ignore_ascii_case("HTTP") => {
                    Known::Stated(Transport::Plain, loc)
                }
                Read::Found(_, loc) | Read::Absent(loc) => {
                    Known::Stated(Transport::PassThrough, loc)
                }
                Read::Unknown(why, loc) => Known::Unknown(why, loc),
            };
            (
                ChannelKind::ClassicListener,
                port,
                exposure.clone(),
                transport,
            )
        })
        .collect()
}

/// A classic listener names policies of the load balancer; the one of SSL negotiation refers to a
/// predefined one, or lists the protocols itself.
fn classic_policy(subject: Subject<'_>, listener: &Value) -> Known<Transport> {
    let mut names: Vec<String> = Vec::new();
    let mut unknown = None;
    match listener.at("PolicyNames").list() {
        Read::Found(items, _) => {
            for item in items {
                match item.at("").string() {
                    Read::Found(name, _) => names.push(name),
                    Read::Unknown(why, loc) => unknown = Some(Known::Unknown(why, loc)),
                    Read::Absent(_) => {}
                }
            }
        }
        Read::Absent(_) => {}
        Read::Unknown(why, loc) => return Known::Unknown(why, loc),
    }
    let declared = subject.at("Policies").list().found().unwrap_or_default();
    for policy in declared {
        let is = |path: &str, wanted: &dyn Fn(&str) -> bool| {
            policy
                .at(path)
                .string()
                .found()
                .is_some_and(|found| wanted(&found))
        };
        if is("PolicyName", &|name| names.iter().any(|n| n == name))
            && is("PolicyType", &|kind| kind == "SSLNegotiationPolicyType")
        {
            return negotiation(policy);
        }
    }
    unknown.unwrap_or_else(|| elb_policy(Read::Absent(listener.loc)))
}

/// The attributes of a policy of SSL negotiation (Elastic Load Balancing User Guide for Classic Load
/// Balancers, "SSL negotiation configurations").
fn negotiation(policy: &Value) -> Known<Transport> {
    let custom = Known::Unknown(
        Arc::new(Why::Unsupported("a custom SSL negotiation policy".into())),
        policy.loc,
    );
    let attribute = |wanted: &str| {
        let attributes = policy.each("Attributes.*");
        let found = attributes.into_iter().filter_map(Read::found);
        let mut values = found.filter_map(|attribute| {
            let name = attribute.at("Name").string().found()?;
            (name == wanted).then(|| attribute.at("Value"))
        });
        values.next()
    };
    if let Some(reference) = attribute("Reference-Security-Policy") {
        return elb_policy(reference);
    }
    for version in ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"] {
        match attribute(&format!("Protocol-{version}")).map(Read::bool) {
            Some(Read::Found(true, loc)) => {
                return Known::Stated(Transport::AtLeast(version.into()), loc);
            }
            Some(Read::Unknown(why, loc)) => return Known::Unknown(why, loc),
            _ => {}
        }
    }
    custom
}

/// The endpoint of a search domain (Amazon OpenSearch Service API Reference, "DomainEndpointOptions").
fn search_domain(subject: Subject<'_>) -> Found {
    let exposure = match subject.at("VPCOptions") {
        Read::Found(_, loc) => Known::Stated(Exposure::Internal, loc),
        Read::Absent(loc) => Known::Stated(Exposure::Internet, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
    };
    let transport = match subject
        .at("DomainEndpointOptions.TLSSecurityPolicy")
        .string()
    {
        Read::Found(name, loc) => match name.as_str() {
            "Policy-Min-TLS-1-0-2019-07" => Known::Stated(Transport::AtLeast("TLSv1".into()), loc),
            name if name.starts_with("Policy-Min-TLS-1-2-") => {
                Known::Stated(Transport::AtLeast("TLSv1.2".into()), loc)
            }
            name => Known::Stated(policy(name, None), loc),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(
            Arc::new(Why::Unsupported(
                "nothing states TLSSecurityPolicy, and AWS documents no default of it".into(),
            )),
            loc,
        ),
    };
    (
        ChannelKind::SearchDomain,
        String::new(),
        exposure,
        transport,
    )
}

fn lattice(subject: Subject<'_>) -> Vec<Found> {
    let exposure = Known::Stated(Exposure::Internal, subject.resource.loc);
    let transport = match subject.at("Protocol").string() {
        Read::Found(p, loc) if p == "HTTPS" => {
            Known::Stated(Transport::AtLeast("TLSv1.2".into()), loc)
        }
        Read::Found(p, loc) if p == "TLS_PASSTHROUGH" => Known::Stated(Transport::PassThrough, loc),
        Read::Found(_, loc) | Read::Absent(loc) => Known::Stated(Transport::Plain, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
    };
    vec![(
        ChannelKind::LatticeListener,
        String::new(),
        exposure,
        transport,
    )]
}

fn rest_api(subject: Subject<'_>) -> Vec<Found> {
    let types = subject.each("EndpointConfiguration.Types.*");
    let kind = types.iter().find_map(|t| t.clone().string().found());
    let unknown = types.iter().find_map(|t| match t {
        Read::Unknown(why, loc) => Some((why.clone(), *loc)),
        _ => None,
    });
    // Edge is what a REST API is when nothing says otherwise.
    let kind = kind.as_deref().unwrap_or("EDGE");
    let exposure = match (&unknown, kind) {
        (Some((why, loc)), _) => Known::Unknown(why.clone(), *loc),
        (None, "PRIVATE") => Known::Stated(Exposure::Internal, subject.resource.loc),
        _ => Known::Stated(Exposure::Internet, subject.resource.loc),
    };
    if has_no_endpoint(subject) {
        return Vec::new();
    }
    vec![(
        ChannelKind::ApiEndpoint,
        String::new(),
        exposure,
        apigateway(subject.at("SecurityPolicy"), kind),
    )]
}

fn http_api(subject: Subject<'_>) -> Vec<Found> {
    if has_no_endpoint(subject) {
        return Vec::new();
    }
    let exposure = Known::Stated(Exposure::Internet, subject.resource.loc);
    let transport = apigateway(Read::Absent(subject.variant.properties.loc), "http");
    vec![(ChannelKind::ApiEndpoint, String::new(), exposure, transport)]
}

fn domain(policy: Read<&Value>, subject: Subject<'_>) -> Found {
    (
        ChannelKind::ApiDomain,
        String::new(),
        Known::Stated(Exposure::Internet, subject.resource.loc),
        apigateway(policy, "domain"),
    )
}

/// One name may have a configuration for each kind of endpoint.
fn domains(subject: Subject<'_>) -> Vec<Found> {
    let configurations = match subject.at("DomainNameConfigurations").list() {
        Read::Found(items, _) => items,
        Read::Absent(loc) => return vec![domain(Read::Absent(loc), subject)],
        Read::Unknown(why, loc) => return vec![domain(Read::Unknown(why, loc), subject)],
    };
    let several = configurations.len() > 1;
    configurations
        .iter()
        .enumerate()
        .map(|(i, configuration)| {
            let mut found = domain(configuration.at("SecurityPolicy"), subject);
            if several {
                found.1 = match configuration.at("EndpointType").string() {
                    Read::Found(kind, _) => kind,
                    _ => format!("configuration {}", i + 1),
                };
            }
            found
        })
        .collect()
}

fn private_domain(subject: Subject<'_>) -> Vec<Found> {
    let mut found = domain(subject.at("SecurityPolicy"), subject);
    found.2 = Known::Stated(Exposure::Internal, subject.resource.loc);
    vec![found]
}

/// Whether an API's default endpoint is switched off, by itself or by its OpenAPI definition.
fn has_no_endpoint(subject: Subject<'_>) -> bool {
    [
        "DisableExecuteApiEndpoint",
        "Body.x-amazon-apigateway-endpoint-configuration.disableExecuteApiEndpoint",
    ]
    .iter()
    .any(|path| matches!(subject.at(path).bool(), Read::Found(true, _)))
}

fn apigateway(read: Read<&Value>, kind: &str) -> Known<Transport> {
    let stated = read
        .string()
        .map(|name| policy(&name, tls::apigateway(&name)));
    match tls::apigateway_default(kind) {
        Some((name, default)) => stated.or_default(policy(name, tls::apigateway(name)), default),
        None => match stated {
            Read::Found(transport, loc) => Known::Stated(transport, loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            Read::Absent(loc) => Known::Unknown(
                Arc::new(Why::Unsupported(format!("endpoint type {kind}"))),
                loc,
            ),
        },
    }
}
