use super::certificate_facts::{ACM, IAM, LATE, days_left, is_issued, user};
use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// A certificate that expires within 30 days was not renewed in time: ACM starts to renew weeks before
    /// (AWS Certificate Manager User Guide, "Managed certificate renewal"), and AWS's own check asks for 30
    /// days (AWS Security Hub User Guide, ACM.1). Looks at `NotAfter` of ACM's certificates
    /// and `Expiration` of IAM's, on the day of the run. Expired ones fail as well, used or not:
    /// somebody should have noticed. Whether somebody is told of an expiry ahead is for
    /// `certificate-expiry-watched`.
    id: "certificates-not-expiring",
    title: "No certificate is about to expire",
    clauses: ["ACM-3", "CER-1"],
    sources: [Live],
    severity: High,
    fix: "Find out why it was not renewed (validation record, use, import), renew or replace it now, and delete what nothing uses.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties: {DomainName: shop.example.com, ValidationMethod: DNS}
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for certificate in listed_or_unknown(cx, &[ACM, IAM], "which certificates are about to expire", out) {
        if !is_issued(certificate) {
            continue;
        }
        out.push(match days_left(cx, certificate) {
            Read::Found(days, loc) => {
                let judgement = match days {
                    ..0 => Judgement::fail(certificate, format!("it expired {} days ago", -days)),
                    0..LATE => Judgement::fail(certificate, format!("it expires in {days} days, and was not renewed")),
                    _ => Judgement::pass(certificate, format!("it is valid for {days} days")),
                };
                let unused = matches!(user(cx, certificate), Known::Stated(None, _));
                match unused && days < LATE {
                    true => judgement.at(loc).note("nothing seen here uses it: delete it"),
                    false => judgement.at(loc),
                }
            }
            Read::Unknown(why, loc) => Judgement::cannot_tell(certificate, "when it expires", &why).at(loc),
            Read::Absent(loc) => {
                Judgement::unknown(certificate, "cannot tell when it expires: the account does not say").at(loc)
            }
        });
    }
}
