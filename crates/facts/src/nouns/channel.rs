//! Data on the move: where connections are accepted or made, and what they are encrypted with.

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
            || resource.kind.starts_with("AWS::VpcLattice::"))
        {
            continue;
        }
        for (variant, v) in resource.variants.iter().enumerate() {
            let subject = Subject {
                resource,
                variant: v,
            };
            let found = match subject.kind() {
                "AWS::ElasticLoadBalancingV2::Listener" => listener(inventory, subject),
                "AWS::ElasticLoadBalancing::LoadBalancer" => classic(subject),
                "AWS::VpcLattice::Listener" => lattice(subject),
                "AWS::CloudFront::Distribution" => distribution(subject),
                "AWS::ApiGateway::RestApi" => rest_api(subject),
                "AWS::ApiGatewayV2::Api" => http_api(subject),
                "AWS::ApiGateway::DomainName" => domain(subject, "SecurityPolicy"),
                "AWS::ApiGatewayV2::DomainName" => {
                    domain(subject, "DomainNameConfigurations.0.SecurityPolicy")
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

fn listener(inventory: &Inventory, subject: Subject<'_>) -> Vec<Found> {
    let port = subject.at("Port").string().found().unwrap_or_default();
    let exposure = match subject.at("LoadBalancerArn") {
        Read::Found(value, loc) => match inventory.target(value) {
            Some((balancer, _)) => exposure(balancer.at("Scheme"), balancer.loc),
            None => Known::Unknown(
                Arc::new(Why::NotGiven("the listener's load balancer".into())),
                loc,
            ),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(
            Arc::new(Why::NotGiven("the listener's load balancer".into())),
            loc,
        ),
    };
    let transport = match subject.at("Protocol").string() {
        Read::Found(protocol, loc) => match protocol.as_str() {
            "HTTPS" | "TLS" => elb_policy(subject.at("SslPolicy")),
            "HTTP" if redirects(subject.at("DefaultActions")) => {
                Known::Stated(Transport::Redirect, loc)
            }
            "HTTP" => Known::Stated(Transport::Plain, loc),
            _ => Known::Stated(Transport::PassThrough, loc),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        // Gateway Load Balancer listeners state no protocol.
        Read::Absent(loc) => Known::Stated(Transport::PassThrough, loc),
    };
    vec![(ChannelKind::Listener, port, exposure, transport)]
}

/// `Scheme` of a load balancer; absent means reachable from the internet (Elastic Load Balancing
/// API Reference, "CreateLoadBalancer").
fn exposure(scheme: Read<&Value>, _balancer: Loc) -> Known<Exposure> {
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

/// True when every action redirects to HTTPS. An action's protocol defaults to the request's.
fn redirects(actions: Read<&Value>) -> bool {
    match actions.list() {
        Read::Found(items, _) => {
            !items.is_empty()
                && items.iter().all(|action| {
                    action.at("Type").string().found().as_deref() == Some("redirect")
                        && action
                            .at("RedirectConfig.Protocol")
                            .string()
                            .found()
                            .as_deref()
                            == Some("HTTPS")
                })
        }
        _ => false,
    }
}

fn classic(subject: Subject<'_>) -> Vec<Found> {
    let exposure = exposure(subject.at("Scheme"), subject.resource.loc);
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

/// A classic listener names policies of the load balancer, one of which may refer to a predefined one.
fn classic_policy(subject: Subject<'_>, listener: &Value) -> Known<Transport> {
    let names: Vec<String> = match listener.at("PolicyNames").list() {
        Read::Found(items, _) => items
            .iter()
            .filter_map(|i| i.at("").string().found())
            .collect(),
        Read::Absent(_) => return elb_policy(Read::Absent(listener.loc)),
        Read::Unknown(why, loc) => return Known::Unknown(why, loc),
    };
    let Read::Found(policies, _) = subject.at("Policies").list() else {
        return elb_policy(Read::Absent(listener.loc));
    };
    for declared in policies {
        let name = declared.at("PolicyName").string().found();
        if !name.is_some_and(|n| names.contains(&n)) {
            continue;
        }
        let attributes = declared.each("Attributes.*");
        for attribute in attributes.iter().filter_map(|a| a.clone().found()) {
            if attribute.at("Name").string().found().as_deref() == Some("Reference-Security-Policy")
            {
                return elb_policy(attribute.at("Value"));
            }
        }
        return Known::Unknown(
            Arc::new(Why::Unsupported("a custom SSL negotiation policy".into())),
            declared.loc,
        );
    }
    elb_policy(Read::Absent(listener.loc))
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

fn distribution(subject: Subject<'_>) -> Vec<Found> {
    let internet = || Known::Stated(Exposure::Internet, subject.resource.loc);
    let mut found = Vec::new();
    let (name, default) = tls::cloudfront_default();
    let certificate = subject.at("DistributionConfig.ViewerCertificate");
    let uses_default = match subject
        .at("DistributionConfig.ViewerCertificate.CloudFrontDefaultCertificate")
        .bool()
    {
        Read::Found(true, _) => true,
        _ => certificate.is_absent(),
    };
    let viewer = if uses_default {
        Known::Default(
            policy(name, tls::cloudfront(name)),
            default,
            certificate.loc(),
        )
    } else {
        subject
            .at("DistributionConfig.ViewerCertificate.MinimumProtocolVersion")
            .string()
            .map(|name| policy(&name, tls::cloudfront(&name)))
            .or_default(policy(name, tls::cloudfront(name)), default)
    };
    found.push((ChannelKind::Viewer, String::new(), internet(), viewer));
    match subject.at("DistributionConfig.Origins").list() {
        Read::Found(origins, _) => {
            for (i, origin) in origins.iter().enumerate() {
                let id = origin
                    .at("Id")
                    .string()
                    .found()
                    .unwrap_or_else(|| format!("origin {}", i + 1));
                if let Some(transport) = origin_transport(origin) {
                    found.push((ChannelKind::Origin, id, internet(), transport));
                }
            }
        }
        Read::Unknown(why, loc) => {
            found.push((
                ChannelKind::Origin,
                "origins".into(),
                internet(),
                Known::Unknown(why, loc),
            ));
        }
        Read::Absent(_) => {}
    }
    found
}

/// S3 and VPC origins without a custom configuration follow the viewer's protocol, which the
/// viewer protocol policy decides; custom origins say themselves.
fn origin_transport(origin: &Value) -> Option<Known<Transport>> {
    let (config, _) = match origin.at("CustomOriginConfig") {
        Read::Found(config, loc) => (config, loc),
        Read::Unknown(why, loc) => return Some(Known::Unknown(why, loc)),
        Read::Absent(_) => return None,
    };
    Some(match config.at("OriginProtocolPolicy").string() {
        Read::Found(p, loc) if p == "http-only" || p == "match-viewer" => {
            Known::Stated(Transport::Plain, loc)
        }
        Read::Found(..) => match config.at("OriginSSLProtocols").list() {
            Read::Found(items, loc) => {
                let versions: Option<Vec<String>> =
                    items.iter().map(|i| i.at("").string().found()).collect();
                match versions {
                    Some(versions) => {
                        let oldest = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
                            .into_iter()
                            .find(|v| versions.iter().any(|w| w == v))
                            .unwrap_or("TLSv1.2");
                        Known::Stated(Transport::AtLeast(oldest.into()), loc)
                    }
                    None => {
                        Known::Unknown(Arc::new(Why::Runtime("the origin's protocols".into())), loc)
                    }
                }
            }
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            Read::Absent(loc) => Known::Default(
                Transport::AtLeast("TLSv1".into()),
                crate::ServiceDefault {
                    doc: "AWS CloudFormation Template Reference Guide: AWS::CloudFront::Distribution CustomOriginConfig",
                    since: "",
                },
                loc,
            ),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Stated(Transport::Plain, loc),
    })
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
    if let Read::Found(true, _) = subject.at("DisableExecuteApiEndpoint").bool() {
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
    if let Read::Found(true, _) = subject.at("DisableExecuteApiEndpoint").bool() {
        return Vec::new();
    }
    let exposure = Known::Stated(Exposure::Internet, subject.resource.loc);
    let transport = apigateway(Read::Absent(subject.variant.properties.loc), "http");
    vec![(ChannelKind::ApiEndpoint, String::new(), exposure, transport)]
}

fn domain(subject: Subject<'_>, path: &str) -> Vec<Found> {
    let exposure = Known::Stated(Exposure::Internet, subject.resource.loc);
    vec![(
        ChannelKind::ApiDomain,
        String::new(),
        exposure,
        apigateway(subject.at(path), "domain"),
    )]
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
