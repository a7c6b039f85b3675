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
const PROPERTIES: [(&str, &str); 7] = [
    ("AWS::Events::ApiDestination", "InvocationEndpoint"),
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
    for subject in cx.subjects(&["AWS::SNS::Subscription"]) {
        found.extend(subscription(
            subject,
            &subject.variant.properties,
            "Endpoint",
        ));
    }
    for subject in cx.subjects(&["AWS::SNS::Topic"]) {
        for (i, read) in subject.each("Subscription.*").into_iter().enumerate() {
            let part = format!("Subscription {}", i + 1);
            match read {
                Read::Found(value, _) => found.extend(subscription(subject, value, &part)),
                Read::Absent(_) => {}
                Read::Unknown(why, loc) => found.push(Called {
                    subject,
                    part,
                    loc,
                    url: Err(why),
                }),
            }
        }
    }
    found
}

/// A subscription: the protocol decides, and SNS takes no address of another.
fn subscription<'a>(subject: Subject<'a>, value: &'a Value, part: &str) -> Option<Called<'a>> {
    let endpoint = value.at("Endpoint");
    let loc = endpoint.loc();
    let text = endpoint.text().found();
    let known = text
        .as_deref()
        .and_then(Connection::first)
        .filter(|url| matches!(url.scheme.as_str(), "http" | "https"));
    let url = match (value.at("Protocol").string(), known) {
        (Read::Found(protocol, _), known) if matches!(protocol.as_str(), "http" | "https") => {
            Ok(known
                .filter(|url| url.scheme == protocol)
                .unwrap_or_else(|| Connection::somewhere(&protocol)))
        }
        (Read::Unknown(..), Some(url)) => Ok(url),
        // A queue, a function, an address of mail: no URL.
        (Read::Unknown(why, _), None) if text.is_none_or(|text| text.first_unknown().is_some()) => {
            Err(why)
        }
        _ => return None,
    };
    Some(Called {
        subject,
        part: part.to_owned(),
        loc,
        url,
    })
}

/// Well-known names that look like addresses and are never called.
fn is_name(url: &Connection) -> bool {
    matches!(
        url.host.as_str(),
        "www.w3.org" | "schemas.xmlsoap.org" | "schemas.microsoft.com" | "purl.org" | "xmlns.com"
    ) || is_aws_api(&url.host)
}
