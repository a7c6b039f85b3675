//! URLs that the system calls: environment variables, API destinations, subscriptions, webhooks.

use crate::connection::{Connection, is_inside};
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
    /// The URL; `None` when it is not known, with the reason.
    pub url: Result<Connection, Arc<Why>>,
}

const PROPERTIES: [(&str, &str); 6] = [
    ("AWS::Events::ApiDestination", "InvocationEndpoint"),
    ("AWS::SNS::Subscription", "Endpoint"),
    ("AWS::CodePipeline::Webhook", "RegisterWithThirdParty"),
    (
        "AWS::Events::Connection",
        "AuthParameters.OAuthParameters.AuthorizationEndpoint",
    ),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "HttpEndpointDestinationConfiguration.EndpointConfiguration.Url",
    ),
    ("AWS::AppSync::DataSource", "HttpConfig.Endpoint"),
];

/// Every URL with scheme http, https, ws or wss that is called from outside AWS's own APIs.
pub(super) fn called<'a>(cx: &Cx<'a>) -> Vec<Called<'a>> {
    let mut found = Vec::new();
    for variable in cx.variables() {
        if let Read::Found(text, _) = &variable.value
            && let Some(url) = Connection::parse(text)
            && is_web(&url)
        {
            found.push(Called {
                subject: variable.subject,
                part: variable.part(),
                loc: variable.loc,
                url: Ok(url),
            });
        }
    }
    for (kind, property) in PROPERTIES {
        for subject in cx.subjects(&[kind]) {
            if kind == "AWS::SNS::Subscription"
                && !subject
                    .at("Protocol")
                    .string()
                    .found()
                    .is_some_and(|p| p.starts_with("http"))
            {
                continue;
            }
            let (loc, url) = match subject.at(property).text() {
                Read::Absent(_) => continue,
                Read::Unknown(why, loc) => (loc, Err(why)),
                Read::Found(text, loc) => match Connection::parse(&text) {
                    Some(url) if is_web(&url) => (loc, Ok(url)),
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

fn is_web(url: &Connection) -> bool {
    matches!(url.scheme.as_str(), "http" | "https" | "ws" | "wss")
}

/// True when a URL is plaintext.
pub(super) fn is_plain(url: &Connection) -> bool {
    matches!(url.scheme.as_str(), "http" | "ws")
}

/// True when it leads outside.
pub(super) fn is_outside(url: &Connection) -> bool {
    !is_inside(&url.host)
}
