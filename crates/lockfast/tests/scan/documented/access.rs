//! Who may do what: IAM.

use super::template::{in_days, written};
use super::{Call, How, Row, row, xml};

pub const ROWS: &[Row] = &[
    row(
        "iam",
        "ListServerCertificates",
        &["PathPrefix", "Marker", "MaxItems"],
        How::Text(certificates),
    ),
    row(
        "iam",
        "GetAccountAuthorizationDetails",
        &["Filter", "MaxItems", "Marker"],
        How::Text(details),
    ),
];

/// Each certificate has its own id and moments: one expires in ten days.
fn certificates(_: &Call<'_>, text: String) -> String {
    xml::each(&text, "member", |one| {
        let name = xml::value(one, "ServerCertificateName").unwrap_or_default();
        let days = if name.contains("expiring") { 10 } else { 300 };
        let one = xml::set(
            one,
            "ServerCertificateId",
            &format!("ASCA{}", name.to_uppercase().replace('-', "X")),
        );
        let one = xml::set(&one, "UploadDate", &written(in_days(-100)));
        xml::set(&one, "Expiration", &written(in_days(days)))
    })
}

/// Managed policies have names.
fn details(_: &Call<'_>, text: String) -> String {
    let Some((before, policies)) = text.split_once("<Policies>") else {
        return text;
    };
    let mut out = format!("{before}<Policies>");
    let mut parts = policies.split("<Arn>");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let arn = part.split("</Arn>").next().unwrap_or_default();
        let name = arn.rsplit('/').next().unwrap_or_default();
        out.push_str(&format!(
            "<PolicyName>{name}</PolicyName><PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount><Arn>{part}"
        ));
    }
    out
}
