//! TLS security policies of AWS's front doors, from the tables.

use crate::ServiceDefault;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A named security policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityPolicy {
    /// AWS's name of it.
    pub name: String,
    /// The load balancers it is for (`application`, `network`, `classic`); empty outside ELB.
    #[serde(default)]
    pub load_balancers: Vec<String>,
    /// Protocols, the oldest first, as AWS writes them (`TLSv1.2`).
    pub protocols: Vec<String>,
    /// Cipher suites by their OpenSSL names.
    pub ciphers: Vec<String>,
    /// True when every cipher suite it offers is forward secret.
    pub forward_secrecy: bool,
    /// True when it offers a post-quantum hybrid key exchange.
    pub post_quantum: bool,
    /// True when it uses a FIPS validated module only.
    pub fips: bool,
    /// Title of the AWS document.
    pub source: String,
}

impl SecurityPolicy {
    /// The oldest protocol it accepts.
    pub fn oldest(&self) -> &str {
        self.protocols.first().map_or("", String::as_str)
    }

    /// The cipher suites that are not forward secret.
    pub fn without_forward_secrecy(&self) -> impl Iterator<Item = &str> {
        self.ciphers.iter().map(String::as_str).filter(|c| {
            !(c.starts_with("TLS_") || c.starts_with("ECDHE-") || c.starts_with("DHE-"))
        })
    }
}

/// The policy that holds when none is stated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultPolicy {
    name: String,
    doc: String,
    since: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    default: Option<DefaultPolicy>,
    #[serde(default)]
    defaults: HashMap<String, String>,
    policy: Vec<SecurityPolicy>,
}

struct Table {
    default: Option<DefaultPolicy>,
    defaults: HashMap<String, String>,
    by_name: HashMap<String, SecurityPolicy>,
}

fn table(text: &str) -> Table {
    let file: File = toml::from_str(text).expect("the TLS tables are checked by a test");
    Table {
        default: file.default,
        defaults: file.defaults,
        by_name: file
            .policy
            .into_iter()
            .map(|policy| (policy.name.clone(), policy))
            .collect(),
    }
}

fn elb_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| table(include_str!("../tables/tls-elb.toml")))
}

fn cloudfront_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| table(include_str!("../tables/tls-cloudfront.toml")))
}

fn apigateway_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| table(include_str!("../tables/tls-apigateway.toml")))
}

/// A security policy of Elastic Load Balancing, by name.
pub fn elb(name: &str) -> Option<&'static SecurityPolicy> {
    elb_table().by_name.get(name)
}

/// What a listener made by CloudFormation, CDK or the API gets when it names no policy.
pub fn elb_default() -> (&'static str, ServiceDefault) {
    default_of(elb_table())
}

/// A security policy of CloudFront, by name.
pub fn cloudfront(name: &str) -> Option<&'static SecurityPolicy> {
    cloudfront_table().by_name.get(name)
}

/// What a distribution with the default certificate gets.
pub fn cloudfront_default() -> (&'static str, ServiceDefault) {
    default_of(cloudfront_table())
}

fn default_of(table: &'static Table) -> (&'static str, ServiceDefault) {
    match &table.default {
        Some(default) => (
            &default.name,
            ServiceDefault {
                doc: &default.doc,
                since: &default.since,
            },
        ),
        None => ("", ServiceDefault { doc: "", since: "" }),
    }
}

/// A security policy of API Gateway, by name.
pub fn apigateway(name: &str) -> Option<&'static SecurityPolicy> {
    apigateway_table().by_name.get(name)
}

/// What API Gateway takes when nothing is stated: `kind` is a REST API's endpoint type
/// (`REGIONAL`, `EDGE`, `PRIVATE`), `domain` or `http`.
pub fn apigateway_default(kind: &str) -> Option<(&'static str, ServiceDefault)> {
    let table = apigateway_table();
    let name = table.defaults.get(kind)?;
    let doc = table.defaults.get("doc").map_or("", String::as_str);
    Some((name, ServiceDefault { doc, since: "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound() {
        for table in [elb_table(), cloudfront_table(), apigateway_table()] {
            for policy in table.by_name.values() {
                assert!(
                    !policy.ciphers.is_empty() && !policy.protocols.is_empty(),
                    "{}",
                    policy.name
                );
                assert_eq!(
                    policy.forward_secrecy,
                    policy.without_forward_secrecy().next().is_none(),
                    "{}",
                    policy.name
                );
            }
        }
        assert_eq!(elb_default().0, "ELBSecurityPolicy-2016-08");
        assert_eq!(
            elb("ELBSecurityPolicy-2016-08").map(SecurityPolicy::oldest),
            Some("TLSv1")
        );
        assert_eq!(apigateway_default("REGIONAL").map(|d| d.0), Some("TLS_1_0"));
    }
}
