//! The network's edge: CloudFront, VPN endpoints.

use super::{Call, How, Row, row, xml};

pub const ROWS: &[Row] = &[
    row(
        "cloudfront",
        "GET /2020-05-31/distribution",
        &["MaxItems", "Marker"],
        How::Text(distributions),
    ),
    row(
        "cloudfront",
        "POST /2020-05-31/distribution-tenants",
        &["MaxItems", "Marker"],
        How::Recorded("ListDistributionTenants"),
    ),
    row(
        "cloudfront",
        "GET /2020-05-31/vpc-origin",
        &["MaxItems", "Marker"],
        How::Recorded("ListVpcOrigins"),
    ),
    row(
        "ec2",
        "DescribeClientVpnEndpoints",
        &["MaxResults", "NextToken"],
        How::Recorded("DescribeClientVpnEndpoints"),
    ),
];

/// A distribution with a certificate of its own does not use CloudFront's.
fn distributions(_: &Call<'_>, text: String) -> String {
    xml::each(&text, "ViewerCertificate", |certificate| {
        let has = |name: &str| xml::value(certificate, name).is_some_and(|value| !value.is_empty());
        let source = match (has("ACMCertificateArn"), has("IAMCertificateId")) {
            (true, _) => "acm",
            (_, true) => "iam",
            _ => return certificate.to_owned(),
        };
        let own = xml::set(certificate, "CloudFrontDefaultCertificate", "false");
        xml::set(&own, "CertificateSource", source)
    })
}
