//! Data in transit.

use crate::control::chapter;

mod behaviours;
mod behind;
mod callers_of_dynamodb;
mod certificate;
mod databases;
mod endpoints;
mod environment;
mod integrations;
mod outbound;
mod service_connections;
mod tls_minimum;

chapter! {
    public_listener_tls,
    balancer_served_over_tls,
    http_redirects_to_https,
    balancer_http_only_redirects,
    listener_certificate_from_acm,
    listener_forward_secrecy,
    balancer_forward_secret,
    api_endpoint_tls,
    api_served_over_tls,
    api_domain_certificate_from_acm,
    api_integrations_encrypted,
    api_refuses_plain_http,
    cloudfront_https_only,
    cloudfront_redirects_to_https,
    distribution_refuses_plain_http,
    cloudfront_tls_minimum,
    distribution_served_over_tls,
    cloudfront_own_certificate,
    internal_balancer_encrypted,
    service_tokens_encrypted,
    replication_encrypted,
    connection_string_sslmode,
    database_connections_encrypted,
    database_refuses_plaintext,
    database_forces_tls,
    certificate_validation_enforced,
    external_calls_encrypted,
    outside_endpoint_tls,
    no_plaintext_outside,
    dynamodb_over_https,
    dynamodb_callers_use_tls,
    dynamodb_callers_tls_minimum,
    aws_calls_encrypted,
    function_calls_use_tls,
    vpc_endpoints_policy,
    function_secrets_encrypted,
    dax_encrypted,
}
