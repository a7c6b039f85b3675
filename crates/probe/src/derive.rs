//! The endpoints that templates or scanned accounts declare.

use crate::{Declared, Host, Role, Target};
use lockfast_facts::nouns::{Channel, ChannelKind, Exposure, Transport, variables};
use lockfast_facts::{Inventory, Kind, Read, Resource, ResourceId, Subject, Text, Value};
use lockfast_tls::Protocol;
use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

/// Endpoints, and what declares some but does not say where.
#[derive(Debug, Default)]
pub struct Derived {
    /// The endpoints, by name; one that is declared twice stands once, and promises what all its declarations do.
    pub targets: Vec<Target>,
    /// What is not among the endpoints, or not compared with them, and why.
    pub left_out: Vec<(String, Cow<'static, str>)>,
}

const NO_NAME: &str = "its name is known only after deployment, and no DNS record given is for it";
const NO_PORT: &str = "its port is known only after deployment";
const WILDCARD: &str = "a wildcard stands for names that are not told";
const NO_BALANCER: &str = "its load balancer is not among what was read";
const PASSED_ON: &str = "it passes on what it gets: TLS is spoken by what stands behind it";
const REDIRECT: &str = "it only redirects to HTTPS, and is looked at from the endpoint at port 443";
const UNSPOKEN: &str = "what it speaks is not spoken here";
const INSIDE: &str = "it is reached from inside its VPC only (--internal measures it all the same)";

/// The endpoints of an inventory: load balancers, distributions, APIs and their names, databases, DAX, and the APIs of others
/// in environment variables. Those that the internet does not reach are left out unless `internal`.
pub fn derive(inventory: &Inventory, internal: bool) -> Derived {
    let mut finder = Finder {
        inventory,
        internal,
        records: records(inventory),
        targets: BTreeMap::new(),
        left_out: Vec::new(),
    };
    for channel in inventory.channels() {
        finder.channel(channel);
    }
    finder.databases();
    finder.outside();
    // A listener is there once for each of its conditions.
    let mut told = HashSet::new();
    finder
        .left_out
        .retain(|left_out| told.insert(left_out.clone()));
    Derived {
        targets: finder.targets.into_values().collect(),
        left_out: finder.left_out,
    }
}

struct Finder<'a> {
    inventory: &'a Inventory,
    internal: bool,
    records: Vec<Record>,
    targets: BTreeMap<String, Target>,
    left_out: Vec<(String, Cow<'static, str>)>,
}

impl Finder<'_> {
    fn channel(&mut self, channel: &Channel) {
        let subject = channel.subject(self.inventory);
        let (role, names, port) = match channel.kind {
            ChannelKind::Listener => {
                let Some(balancer) = balancer(self.inventory, subject) else {
                    return self.leave_out(subject, NO_BALANCER);
                };
                (
                    Role::LoadBalancer,
                    self.names(balancer, "DNSName"),
                    channel.part.parse().ok(),
                )
            }
            ChannelKind::ClassicListener => (
                Role::LoadBalancer,
                self.names(subject, "DNSName"),
                channel.part.parse().ok(),
            ),
            ChannelKind::Viewer => {
                let mut names = strings(subject.at("DistributionConfig.Aliases"));
                if names.is_empty() {
                    names = self.names(subject, "DomainName");
                }
                (Role::Distribution, names, Some(443))
            }
            ChannelKind::ApiEndpoint => (Role::Api, self.default_endpoint(subject), Some(443)),
            ChannelKind::ApiDomain => (Role::Api, strings_of(subject.at("DomainName")), Some(443)),
            ChannelKind::Origin | ChannelKind::LatticeListener | ChannelKind::SearchDomain => {
                return;
            }
        };
        let protocol = match channel.transport.value() {
            // What is passed on may be anything.
            Some(Transport::PassThrough) => return self.leave_out(subject, PASSED_ON),
            Some(Transport::Redirect) => return self.leave_out(subject, REDIRECT),
            Some(Transport::Plain) => Protocol::Http,
            None if port == Some(80) => Protocol::Http,
            // TLS with whatever in it, which is HTTP at the port of HTTPS alone.
            _ if port != Some(443) && is_bare_tls(subject, channel.kind, port) => Protocol::Tls,
            _ => Protocol::Https,
        };
        if channel.exposure.value() == Some(&Exposure::Internal) && !self.internal {
            return self.leave_out(subject, INSIDE);
        }
        if names.is_empty() {
            return self.leave_out(subject, NO_NAME);
        }
        let Some(port) = port else {
            return self.leave_out(subject, NO_PORT);
        };
        let mut declared = self.declared(subject);
        match channel.transport.value() {
            Some(Transport::Policy(policy)) => {
                declared.security_policy = Some(policy.name.to_string());
                declared.minimum_version = policy.row.map(|row| row.oldest().to_owned());
                declared.forward_secrecy = policy.row.map(|row| row.forward_secrecy);
            }
            Some(Transport::AtLeast(version)) => {
                declared.minimum_version = Some(version.to_string())
            }
            _ => {}
        }
        declared.certificate_arn = match channel.kind {
            ChannelKind::ClassicListener => classic_listener(subject, port)
                .and_then(|listener| listener.at("SSLCertificateId").string().found()),
            _ => certificate(subject),
        };
        // A distribution answers by the name that CloudFront gave it, too, with CloudFront's certificate and not by its policy.
        let own = subject.at("DomainName").string().found();
        if let (ChannelKind::Viewer, Some(own)) = (channel.kind, own)
            && !names.contains(&own)
        {
            self.add(&own, port, protocol, role, self.declared(subject));
        }
        // A load balancer by the name that AWS gave it: the same listeners, but rules may be for other hosts.
        let of_aws = match channel.kind {
            ChannelKind::Listener => balancer(self.inventory, subject),
            ChannelKind::ClassicListener => Some(subject),
            _ => None,
        };
        let own = of_aws.and_then(|balancer| balancer.at("DNSName").string().found());
        if let Some(own) = own.map(|own| own.to_ascii_lowercase())
            && !names.iter().any(|name| canonical(name) == canonical(&own))
            && let Some(asked) = names.iter().find(|name| !name.starts_with('*'))
        {
            let certified = self.certified(subject, &declared);
            let asked = certified.unwrap_or(asked.trim_end_matches('.').to_owned());
            self.add(&own, port, protocol, role, declared.clone());
            if let Some(target) = self.targets.get_mut(&format!("{own}:{port}")) {
                target.server_name.get_or_insert(asked);
            }
        }
        for name in names {
            // Nobody asks a load balancer by the name that AWS gives it, and its certificate does not carry that.
            let asked = match Role::of_name(&name) {
                Some(Role::LoadBalancer) => self.certified(subject, &declared),
                _ => None,
            };
            self.add(&name, port, protocol, role, declared.clone());
            let key = format!("{}:{port}", name.trim_end_matches('.').to_ascii_lowercase());
            if let (Some(asked), Some(target)) = (asked, self.targets.get_mut(&key)) {
                target.server_name.get_or_insert(asked);
            }
        }
    }

    /// A name that the declared certificate is for, where it is among the facts.
    fn certified(&self, subject: Subject<'_>, declared: &Declared) -> Option<String> {
        let referred = subject.at("Certificates.0.CertificateArn").found();
        let referred = referred.and_then(|value| self.inventory.target(value));
        let certificate = referred.map(|(certificate, _)| certificate).or_else(|| {
            let arn = declared.certificate_arn.as_deref()?;
            let mut all = self
                .inventory
                .of_kind("AWS::CertificateManager::Certificate");
            all.find(|certificate| certificate.arn.as_deref() == Some(arn))
        })?;
        let domain = certificate.at("DomainName").string().found();
        let more = strings(certificate.at("SubjectAlternativeNames"));
        domain
            .into_iter()
            .chain(more)
            .find(|name| !name.starts_with('*'))
    }

    fn databases(&mut self) {
        // Where the endpoint stands, where its port, and whether the internet may reach it.
        let kinds = [
            ("AWS::RDS::DBInstance", "Endpoint", "PubliclyAccessible"),
            ("AWS::RDS::DBCluster", "Endpoint", "PubliclyAccessible"),
            ("AWS::Redshift::Cluster", "Endpoint", "PubliclyAccessible"),
            ("AWS::RDS::DBProxy", "", ""),
            ("AWS::DAX::Cluster", "ClusterDiscoveryEndpoint", ""),
        ];
        for (kind, endpoint, public) in kinds {
            for subject in self.inventory.subjects(&[kind]) {
                let Some(protocol) = protocol(subject) else {
                    self.leave_out(subject, UNSPOKEN);
                    continue;
                };
                let (address, port) = match endpoint {
                    "" => (subject.at("Endpoint").string().found(), None),
                    at => (
                        subject.at(&format!("{at}.Address")).string().found(),
                        subject.at(&format!("{at}.Port")).string().found(),
                    ),
                };
                let reachable =
                    !public.is_empty() && subject.at(public).bool().found() == Some(true);
                if !reachable && !self.internal {
                    self.leave_out(subject, INSIDE);
                    continue;
                }
                let Some(address) = address.filter(|address| !address.contains('/')) else {
                    self.leave_out(subject, NO_NAME);
                    continue;
                };
                let port = port.or_else(|| subject.at("Port").string().found());
                let usual = protocol.ports().first().copied().unwrap_or(443);
                let port = port.and_then(|port| port.parse().ok()).unwrap_or(usual);
                let declared = self.declared(subject);
                self.add(&address, port, protocol, Role::Database, declared);
            }
        }
    }

    /// The APIs of others, by the URLs in environment variables and API destinations.
    fn outside(&mut self) {
        let mut urls = Vec::new();
        for variable in variables(self.inventory).read {
            if let Read::Found(text, _) = variable.value {
                urls.push((variable.subject, text.into_owned()));
            }
        }
        for subject in self.inventory.subjects(&["AWS::Events::ApiDestination"]) {
            if let Read::Found(text, _) = subject.at("InvocationEndpoint").text() {
                urls.push((subject, text.into_owned()));
            }
        }
        for (subject, text) in urls {
            // The name must be known, whatever follows it.
            let Text::Plain(_) = text else {
                let known = text.known_prefix();
                let after = known.find("://").map_or(0, |at| at + 3);
                if known[after..].contains('/') {
                    self.url(subject, known);
                }
                continue;
            };
            self.url(subject, text.known_prefix());
        }
    }

    fn url(&mut self, subject: Subject<'_>, text: &str) {
        if !(text.starts_with("https://") || text.starts_with("http://")) {
            return;
        }
        let Ok(target) = text.parse::<Target>() else {
            return;
        };
        let Host::Name(name) = &target.host else {
            return;
        };
        // AWS's own are no API of others, and a name without a dot is of the inside.
        const NOT_OUTSIDE: [&str; 4] =
            [".amazonaws.com", ".amazonaws.com.cn", ".internal", ".local"];
        let own = NOT_OUTSIDE.iter().any(|end| name.ends_with(end)) || !name.contains('.');
        if !own && !self.targets.contains_key(&target.name()) {
            let declared = self.declared(subject);
            self.add(
                &name.clone(),
                target.port,
                target.protocol,
                Role::Outside,
                declared,
            );
        }
    }

    fn add(&mut self, name: &str, port: u16, protocol: Protocol, role: Role, of: Declared) {
        if name.starts_with('*') {
            return self.left_out.push((name.to_owned(), WILDCARD.into()));
        }
        let Ok(host) = name.parse::<Host>() else {
            return;
        };
        let target = Target {
            host,
            port,
            protocol,
            server_name: None,
            role: Some(role),
            of: Some(of),
        };
        let known_as = target.name();
        let first = match self.targets.entry(known_as.clone()) {
            Entry::Vacant(none) => {
                none.insert(target);
                return;
            }
            Entry::Occupied(first) => first.into_mut(),
        };
        let (Some(first), Some(other)) = (&mut first.of, target.of) else {
            return;
        };
        // Unless it is one resource under another of its conditions, records share the name, as weighted ones do: which of them led to what
        // was measured nobody knows.
        if first.r#where != other.r#where || first.name != other.name {
            let also = format!("also declared by {}, which is not compared", other.name);
            self.left_out.push((known_as, also.into()));
        }
        agree(&mut first.security_policy, &other.security_policy);
        agree(&mut first.minimum_version, &other.minimum_version);
        agree(&mut first.forward_secrecy, &other.forward_secrecy);
        agree(&mut first.certificate_arn, &other.certificate_arn);
    }

    fn leave_out(&mut self, subject: Subject<'_>, why: &'static str) {
        self.left_out.push((self.label(subject), why.into()));
    }

    /// The names that a resource is reached by: those of the DNS records that are aliases of it, or its own.
    fn names(&self, subject: Subject<'_>, own: &str) -> Vec<String> {
        let own = subject.at(own).string().found();
        let known = own.as_deref().map(canonical);
        let leads_here = |record: &&Record| match &record.to {
            To::Resource(id) => *id == subject.id(),
            To::Name(name) => Some(name) == known.as_ref(),
        };
        let records = self.records.iter().filter(leads_here);
        let mut names: Vec<_> = records.map(|record| record.name.clone()).collect();
        names.sort();
        names.dedup();
        match names.is_empty() {
            true => own.into_iter().collect(),
            false => names,
        }
    }

    fn default_endpoint(&self, subject: Subject<'_>) -> Vec<String> {
        let place = &self.inventory.stack_of(subject.resource).place;
        let id = subject
            .resource
            .arn
            .as_deref()
            .and_then(|arn| arn.rsplit('/').next());
        match (id, &place.region) {
            (Some(id), Some(region)) => {
                let china = if region.starts_with("cn-") { ".cn" } else { "" };
                vec![format!("{id}.execute-api.{region}.amazonaws.com{china}")]
            }
            _ => Vec::new(),
        }
    }

    fn declared(&self, subject: Subject<'_>) -> Declared {
        Declared {
            r#type: subject.kind().to_owned(),
            name: subject.resource.name.to_string(),
            arn: subject.resource.arn.as_deref().map(str::to_owned),
            r#where: self.inventory.place(subject.resource.loc),
            ..Declared::default()
        }
    }

    fn label(&self, subject: Subject<'_>) -> String {
        let stack = self.inventory.stack_of(subject.resource);
        format!("{}/{}", stack.path, subject.resource.name)
    }
}

/// Keeps a promise that another declaration makes as well.
fn agree<T: PartialEq>(promise: &mut Option<T>, other: &Option<T>) {
    if promise != other {
        *promise = None;
    }
}

/// A DNS record of an address, or of another name that has one.
struct Record {
    name: String,
    to: To,
}

enum To {
    Name(String),
    Resource(ResourceId),
}

fn records(inventory: &Inventory) -> Vec<Record> {
    let mut records = Vec::new();
    for subject in inventory.subjects(&["AWS::Route53::RecordSet"]) {
        record(&|path| subject.at(path), &mut records);
    }
    for subject in inventory.subjects(&["AWS::Route53::RecordSetGroup"]) {
        let group = subject.at("RecordSets").list().found();
        for item in group.unwrap_or_default() {
            record(&|path| item.at(path), &mut records);
        }
    }
    records
}

fn record<'a>(at: &dyn Fn(&str) -> Read<&'a Value>, records: &mut Vec<Record>) {
    let text = |path| at(path).string().found();
    let of_address = matches!(text("Type").as_deref(), Some("A" | "AAAA" | "CNAME") | None);
    let Some(name) = text("Name").filter(|_| of_address) else {
        return;
    };
    // As the API of Route 53 writes an asterisk.
    let name = name.replace("\\052", "*");
    let alias = at("AliasTarget.DNSName").found();
    let values = at("ResourceRecords").list().found().unwrap_or_default();
    for value in alias.into_iter().chain(values) {
        let Kind::Text(text) = &value.kind else {
            continue;
        };
        let plain = text.plain().map(|to| To::Name(canonical(to)));
        let referred = text.references().map(|to| To::Resource(to.target));
        records.extend(plain.into_iter().chain(referred).map(|to| Record {
            name: name.clone(),
            to,
        }));
    }
}

fn canonical(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_prefix("dualstack.")
        .map(str::to_owned)
        .unwrap_or(name)
}

fn strings(read: Read<&Value>) -> Vec<String> {
    let items = read.list().found().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.at("").string().found())
        .collect()
}

fn strings_of(read: Read<&Value>) -> Vec<String> {
    read.string().found().into_iter().collect()
}

fn balancer<'a>(inventory: &'a Inventory, listener: Subject<'a>) -> Option<Subject<'a>> {
    let value = listener.at("LoadBalancerArn").found()?;
    let (resource, _): (&Resource, _) = inventory.target(value)?;
    inventory.variants_of(resource.id).next()
}

/// The certificate that is shown, where its ARN is known.
fn certificate(subject: Subject<'_>) -> Option<String> {
    let paths = [
        "Certificates.0.CertificateArn",
        "DistributionConfig.ViewerCertificate.AcmCertificateArn",
        "RegionalCertificateArn",
        "CertificateArn",
        "DomainNameConfigurations.0.CertificateArn",
    ];
    let mut found = paths
        .iter()
        .filter_map(|path| subject.at(path).string().found());
    found.next()
}

/// Whether a listener has TLS and no say in what it carries.
fn is_bare_tls(subject: Subject<'_>, kind: ChannelKind, port: Option<u16>) -> bool {
    let protocol = match (kind, port) {
        (ChannelKind::Listener, _) => subject.at("Protocol").string().found(),
        (ChannelKind::ClassicListener, Some(port)) => classic_listener(subject, port)
            .and_then(|listener| listener.at("Protocol").string().found()),
        _ => None,
    };
    let protocol = protocol.map(|protocol| protocol.to_ascii_uppercase());
    matches!(protocol.as_deref(), Some("TLS" | "SSL"))
}

/// The listener of a Classic Load Balancer at a port.
fn classic_listener(subject: Subject<'_>, port: u16) -> Option<&Value> {
    let listeners = subject.at("Listeners").list().found()?;
    listeners.iter().find(|listener| {
        let found = listener.at("LoadBalancerPort").string().found();
        found.and_then(|found| found.parse().ok()) == Some(port)
    })
}

/// What a database speaks.
fn protocol(subject: Subject<'_>) -> Option<Protocol> {
    match subject.kind() {
        "AWS::DAX::Cluster" => return Some(Protocol::Dax),
        "AWS::Redshift::Cluster" => return Some(Protocol::PostgreSql),
        _ => {}
    }
    let named = |path| subject.at(path).string().found();
    let engine = named("Engine").or_else(|| named("EngineFamily"))?;
    let engine = engine.to_ascii_lowercase();
    if engine.contains("postgres") {
        Some(Protocol::PostgreSql)
    } else if engine.contains("mysql") || engine.contains("mariadb") || engine == "aurora" {
        Some(Protocol::MySql)
    } else {
        None
    }
}
