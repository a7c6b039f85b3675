//! CloudFront: towards viewers, and towards origins (Amazon CloudFront Developer Guide, "Requiring
//! HTTPS for communication between CloudFront and your custom origin").

use super::{ChannelKind, Exposure, Found, Transport, policy};
use crate::{Inventory, Known, Read, Subject, Value, Why, tls};
use std::sync::Arc;

pub(super) fn distribution(inventory: &Inventory, subject: Subject<'_>) -> Vec<Found> {
    let internet = || Known::Stated(Exposure::Internet, subject.resource.loc);
    let mut found = Vec::new();
    let (name, default) = tls::cloudfront_default();
    let certificate = subject.at("DistributionConfig.ViewerCertificate");
    // Without a certificate of one's own, what else is said of it does not count.
    let own = ["AcmCertificateArn", "IamCertificateId"]
        .iter()
        .any(|name| !certificate.clone().then(|c, _| c.at(name)).is_absent());
    let uses_default = match subject
        .at("DistributionConfig.ViewerCertificate.CloudFrontDefaultCertificate")
        .bool()
    {
        Read::Found(true, _) => true,
        _ => !own && !matches!(certificate, Read::Unknown(..)),
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
    let viewers = viewers_use_https(subject);
    // The older form has one origin.
    if let Read::Found(config, _) = subject.at("DistributionConfig.CustomOrigin") {
        let transport = by_config(config, &viewers);
        found.push((
            ChannelKind::Origin,
            "CustomOrigin".into(),
            internet(),
            transport,
        ));
    }
    match subject.at("DistributionConfig.Origins").list() {
        Read::Found(origins, _) => {
            for (i, origin) in origins.iter().enumerate() {
                let id = origin
                    .at("Id")
                    .string()
                    .found()
                    .unwrap_or_else(|| format!("origin {}", i + 1));
                if let Some(transport) = origin_transport(inventory, origin, &viewers) {
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

/// Whether viewers reach every behaviour over HTTPS only.
fn viewers_use_https(subject: Subject<'_>) -> Read<bool> {
    let mut behaviours =
        vec![subject.at("DistributionConfig.DefaultCacheBehavior.ViewerProtocolPolicy")];
    if !subject.at("DistributionConfig.CacheBehaviors").is_absent() {
        behaviours.extend(subject.each("DistributionConfig.CacheBehaviors.*.ViewerProtocolPolicy"));
    }
    let mut answer = Read::Found(true, subject.resource.loc);
    for policy in behaviours {
        match policy.string() {
            Read::Found(policy, _) if policy != "allow-all" => {}
            Read::Unknown(why, loc) => answer = Read::Unknown(why, loc),
            other => return Read::Found(false, other.loc()),
        }
    }
    answer
}

/// Custom and VPC origins say how they are reached; S3 origins are reached as the viewer asked,
/// which the viewer protocol policy decides.
fn origin_transport(
    inventory: &Inventory,
    origin: &Value,
    viewers: &Read<bool>,
) -> Option<Known<Transport>> {
    match origin.at("CustomOriginConfig") {
        Read::Found(config, _) => return Some(by_config(config, viewers)),
        Read::Unknown(why, loc) => return Some(Known::Unknown(why, loc)),
        Read::Absent(_) => {}
    }
    let (id, loc) = match origin.at("VpcOriginConfig.VpcOriginId") {
        Read::Found(id, loc) => (id, loc),
        Read::Unknown(why, loc) => return Some(Known::Unknown(why, loc)),
        Read::Absent(_) => return None,
    };
    let config = inventory
        .target(id)
        .map(|(origin, _)| origin.at("VpcOriginEndpointConfig"));
    Some(match config {
        Some(Read::Found(config, _)) => by_config(config, viewers),
        Some(Read::Unknown(why, loc)) => Known::Unknown(why, loc),
        _ => Known::Unknown(Arc::new(Why::NotGiven("the VPC origin".into())), loc),
    })
}

/// `match-viewer` is HTTPS where viewers cannot come with anything else.
fn by_config(config: &Value, viewers: &Read<bool>) -> Known<Transport> {
    match config.at("OriginProtocolPolicy").string() {
        Read::Found(p, loc) if p == "http-only" => Known::Stated(Transport::Plain, loc),
        Read::Found(p, loc) if p == "match-viewer" && !matches!(viewers, Read::Found(true, _)) => {
            match viewers {
                Read::Unknown(why, loc) => Known::Unknown(why.clone(), *loc),
                _ => Known::Stated(Transport::Plain, loc),
            }
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
    }
}
