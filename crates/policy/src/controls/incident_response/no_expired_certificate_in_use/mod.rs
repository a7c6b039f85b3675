use crate::controls::keys::certificate_facts::{ACM, IAM, days_left, is_issued, user};
use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// Service is restored after a certificate expired when nothing serves an expired one. Looks at every
    /// certificate of ACM and IAM that something uses (`InUseBy`, or a resource that refers to it): it
    /// must be valid on the day of the run, and not revoked. Whether the endpoint really serves the new
    /// one, a probe sees. What IAM's certificates are used by AWS does not tell: those that nothing
    /// scanned refers to are not judged.
    id: "no-expired-certificate-in-use",
    title: "No certificate in use has expired",
    clauses: ["CER-3"],
    sources: [Live],
    severity: Critical,
    fix: "Request a certificate for the same names (its validation record still stands), attach it where the expired one is, and look at the endpoint again.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Certificates: [{CertificateArn: !Ref NewCertificate}]
"#,
    cdk: r#"balancer.addListener('Https', { port: 443, certificates: [newCertificate] });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for certificate in listed_or_unknown(cx, &[ACM, IAM], "whether an expired certificate is in use", out) {
        if !is_issued(certificate) {
            continue;
        }
        let left = days_left(cx, certificate);
        let revoked = certificate.at("Status").string().found().as_deref() == Some("REVOKED");
        let valid = !revoked && matches!(left, Read::Found(0.., _));
        let user = match user(cx, certificate) {
            Known::Stated(Some(user), loc) | Known::Default(Some(user), _, loc) => Known::Stated(user, loc),
            Known::Unknown(why, loc) if !valid => {
                out.push(Judgement::cannot_tell(certificate, "what uses it", &why).at(loc));
                continue;
            }
            _ => continue,
        };
        let by = user.value().map(String::as_str).unwrap_or_default();
        let judgement = match left {
            _ if revoked => Judgement::fail(certificate, format!("{by} uses it although it was revoked")),
            Read::Found(days, loc) if days < 0 => {
                Judgement::fail(certificate, format!("{by} uses it although it expired {} days ago", -days)).at(loc)
            }
            Read::Found(days, loc) => {
                Judgement::pass(certificate, format!("{by} uses it, and it is valid for {days} days")).at(loc)
            }
            Read::Unknown(why, loc) => Judgement::cannot_tell(certificate, "whether it has expired", &why).at(loc),
            Read::Absent(loc) => {
                Judgement::unknown(certificate, "cannot tell whether it has expired: the account does not say").at(loc)
            }
        };
        out.push(judgement.step(format!("used by {by}"), user.loc()));
    }
}
