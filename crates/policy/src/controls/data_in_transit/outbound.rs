//! URLs that the system calls: environment variables, API destinations, subscriptions, webhooks.

use crate::connection::{Connection, is_aws_api};
use crate::prelude::*;
use lockfast_facts::Loc;

/// A URL that is called.
pub(super) struct Called<'a> {
    /// What calls it.
    pub subject: Subject<'a>,
    /// Which property or variable.
    pub part: String,
    /// Where it stands.
    pub loc: Loc,
    /// The URL; why it is not known otherwise.
    pub url: Result<Connection, Arc<Why>>,
}

/// Properties that hold an address, or a list of them, that AWS calls.
const PROPERTIES: [(&str, &str); 8] = [
    ("AWS::Events::ApiDestination", "InvocationEndpoint"),
    ("AWS::SNS::Subscription", "Endpoint"),
    (
        "AWS::Events::Connection",
        "AuthParameters.OAuthParameters.AuthorizationEndpoint",
    ),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "HttpEndpointDestinationConfiguration.EndpointConfiguration.Url",
    ),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "SplunkDestinationConfiguration.HECEndpoint",
    ),
    ("AWS::AppSync::DataSource", "HttpConfig.Endpoint"),
    ("AWS::CodeBuild::Project", "Source.Location"),
    (
        "AWS::Budgets::Budget",
        "NotificationsWithSubscribers.*.Subscribers.*.Address",
    ),
];

/// How an address is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// With TLS.
    Encrypted,
    /// In the clear.
    Plain,
    /// In the clear at first; TLS may start later.
    Upgradable,
    /// Not known.
    Unknown,
}

/// How a URL is called; `None` for what is no call (IANA, "Uniform Resource Identifier Schemes").
pub(super) fn scheme(url: &Connection) -> Option<Scheme> {
    Some(match url.scheme.as_str() {
        "https" | "wss" | "ftps" | "sftp" | "mqtts" | "ldaps" | "smtps" | "imaps" => {
            Scheme::Encrypted
        }
        "http" | "ws" | "ftp" | "mqtt" | "telnet" => Scheme::Plain,
        "ldap" | "smtp" | "imap" => Scheme::Upgradable,
        "*" => Scheme::Unknown,
        _ => return None,
    })
}

/// Names of variables that hold no address that is called: proxies, which `CONNECT` passes through
/// encrypted, origins that browsers come from, and names of XML and of claims.
fn is_no_call(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY")
        || ["ORIGIN", "CORS", "NAMESPACE", "XMLNS", "AUDIENCE"]
            .iter()
            .any(|word| name.contains(word))
}

/// Every address that is called, AWS's own APIs aside.
pub(super) fn called<'a>(cx: &Cx<'a>) -> Vec<Called<'a>> {
    let mut found = Vec::new();
    for variable in cx.variables().iter().filter(|v| !is_no_call(&v.name)) {
        let Read::Found(text, _) = &variable.value else {
            continue;
        };
        for url in Connection::all(text) {
            if scheme(&url).is_some() && !is_name(&url) {
                found.push(Called {
                    subject: variable.subject,
                    part: variable.part(),
                    loc: variable.loc,
                    url: Ok(url),
                });
            }
        }
    }
    for (kind, property) in PROPERTIES {
        for (subject, read) in cx.subjects(&[kind]).into_iter().flat_map(|subject| {
            subject
                .each(property)
                .into_iter()
                .map(move |read| (subject, read))
        }) {
            let protocol = subject.at("Protocol").string().found();
            if kind == "AWS::SNS::Subscription" {
                // The protocol decides, and SNS takes no address of another.
                if let Some(scheme @ ("http" | "https")) = protocol.as_deref() {
                    found.push(by_protocol(subject, scheme, read));
                }
                continue;
            }
            let (loc, url) = match read.text() {
                Read::Absent(_) => continue,
                Read::Unknown(why, loc) => (loc, Err(why)),
                Read::Found(text, loc) => match Connection::first(&text) {
                    Some(url) if scheme(&url).is_some() => (loc, Ok(url)),
                    Some(_) => continue,
                    None => match text.first_unknown() {
                        Some(why) => (loc, Err(why.clone())),
                        None => continue,
                    },
                },
            };
            found.push(Called {
                subject,
                part: property.rsplit('.').next().unwrap_or(property).to_owned(),
                loc,
                url,
            });
        }
    }
    found
}

/// A subscription: its protocol is known, and perhaps the address.
fn by_protocol<'a>(subject: Subject<'a>, protocol: &str, read: Read<&'a Value>) -> Called<'a> {
    let loc = read.loc();
    let known = match read.text() {
        Read::Found(text, _) => Connection::first(&text).filter(|url| url.scheme == protocol),
        _ => None,
    };
    Called {
        subject,
        part: "Endpoint".to_owned(),
        loc,
        url: Ok(known.unwrap_or_else(|| Connection::somewhere(protocol))),
    }
}

/// Well-known names that look like addresses and are never called.
fn is_name(url: &Connection) -> bool {
    matches!(
        url.host.as_str(),
        "www.w3.org" | "schemas.xmlsoap.org" | "schemas.microsoft.com" | "purl.org" | "xmlns.com"
    ) || is_aws_api(&url.host)
}
