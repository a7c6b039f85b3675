//! Data in transit.

use crate::control::chapter;

mod certificate;
mod tls_minimum;

chapter! {
    public_listener_tls,
    http_redirects_to_https,
    listener_certificate_from_acm,
    listener_forward_secrecy,
    api_endpoint_tls,
    api_domain_certificate_from_acm,
    api_integrations_encrypted,
}
