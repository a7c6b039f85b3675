//! Overrides of AWS's own endpoints: the SDKs read them from the environment.

use crate::connection::{Connection, is_aws_api, stays_on_host};
use crate::prelude::*;
use lockfast_facts::Loc;

/// An endpoint override.
pub(super) struct Override<'a> {
    /// What runs with it.
    pub subject: Subject<'a>,
    /// The variable.
    pub part: String,
    /// Where it stands.
    pub loc: Loc,
    /// The address; the reason when it is not known.
    pub url: Result<Connection, Arc<Why>>,
}

/// Variables such as `AWS_ENDPOINT_URL_DYNAMODB`, `DYNAMODB_ENDPOINT` (AWS SDKs and Tools Reference
/// Guide, "Service-specific endpoints"), for a service, or for any when `service` is empty.
pub(super) fn overrides<'a>(cx: &Cx<'a>, service: &str) -> Vec<Override<'a>> {
    let mut found = Vec::new();
    for variable in cx.variables() {
        let name = variable.name.to_ascii_uppercase();
        let is_override = if service.is_empty() {
            name.starts_with("AWS_ENDPOINT_URL")
                || (name.starts_with("AWS_") && name.contains("ENDPOINT"))
                || name.ends_with("_AWS_ENDPOINT")
        } else {
            name.contains(service) && (name.contains("ENDPOINT") || name.contains("URL"))
                || name == "AWS_ENDPOINT_URL"
        };
        // An address of AWS is called whatever the variable's name.
        // Other protocols (a broker's, a mail server's) are no calls of AWS's APIs.
        let by_host = |url: &Connection| {
            matches!(
                url.scheme.as_str(),
                "http" | "https" | "ws" | "wss" | "dax" | "daxs"
            ) && is_aws_api(&url.host)
                && (service.is_empty()
                    || url
                        .host
                        .starts_with(&format!("{}.", service.to_ascii_lowercase())))
        };
        let of_aws = match &variable.value {
            Read::Found(text, _) => Connection::first(text).is_some_and(|url| by_host(&url)),
            _ => false,
        };
        if !is_override && !of_aws {
            continue;
        }
        let url = match &variable.value {
            Read::Found(text, _) => match (Connection::first(text), text.first_unknown()) {
                (Some(url), _) => Ok(url),
                (None, Some(why)) => Err(why.clone()),
                (None, None) => continue,
            },
            Read::Unknown(why, _) => Err(why.clone()),
            Read::Absent(_) => continue,
        };
        found.push(Override {
            subject: variable.subject,
            part: variable.part(),
            loc: variable.loc,
            url,
        });
    }
    found
}

/// Judges overrides: they must be HTTPS.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, service: &str, what: &str) {
    for found in overrides(cx, service) {
        let judgement = match &found.url {
            Err(why) => {
                Judgement::cannot_tell(found.subject, &format!("how {what} is reached"), why)
            }
            // A local DynamoDB, the metadata of the instance: nothing goes over a network.
            Ok(url) if stays_on_host(&url.host) => continue,
            Ok(url) if matches!(url.scheme.as_str(), "https" | "wss" | "daxs") => Judgement::pass(
                found.subject,
                format!("{what} is reached over TLS: {}", url.shown),
            ),
            Ok(url) => Judgement::fail(
                found.subject,
                format!("{what} is reached in the clear: {}", url.shown),
            ),
        };
        out.push(judgement.part(found.part).at(found.loc));
    }
}
