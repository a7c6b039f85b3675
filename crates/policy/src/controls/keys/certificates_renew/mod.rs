use super::certificate_facts::{ACM, IAM, is_issued, record_stands, user, validation};
use crate::live::{listed, listed_or_unknown};
use crate::prelude::*;

control! {
    /// ACM renews by itself what it issued, if it can validate the domain without anybody's help: the
    /// certificate is in use (`InUseBy`, `RenewalEligibility`) and each domain is validated by a DNS
    /// record that still stands (AWS Certificate Manager User Guide, "Managed certificate renewal"). A
    /// certificate fails that was imported, to ACM or to IAM, since AWS renews neither; that is validated
    /// by e-mail, since somebody must answer; whose renewal failed or waits for validation
    /// (`RenewalSummary`); whose validation record is not in its zone any more, where the zone was
    /// scanned; or that nothing uses, which ACM does not renew either.
    ///
    /// Certificates that were never issued, were revoked or have expired are not judged here.
    id: "certificates-renew",
    title: "Certificates renew automatically",
    clauses: ["ACM-2"],
    sources: [Live],
    severity: Medium,
    fix: "Request the certificate from ACM with DNS validation, leave the validation record in its zone, and use it; delete certificates that nothing uses.",
    cloudformation: r#"Certificate:
  Type: AWS::CertificateManager::Certificate
  Properties:
    DomainName: shop.example.com
    ValidationMethod: DNS
    DomainValidationOptions: [{DomainName: shop.example.com, HostedZoneId: !Ref Zone}]
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for certificate in listed_or_unknown(cx, &[ACM], "which certificates there are", out) {
        let status = certificate.at("Status").string().found();
        if is_issued(certificate) && !matches!(status.as_deref(), Some("EXPIRED" | "REVOKED" | "INACTIVE")) {
            out.push(of_acm(cx, certificate));
        }
    }
    for certificate in listed(cx, &[IAM]) {
        out.push(Judgement::fail(certificate, "it was uploaded to IAM, and AWS never renews it"));
    }
}

fn of_acm(cx: &Cx<'_>, certificate: Subject<'_>) -> Judgement {
    let kind = match certificate.at("Type").string() {
        Read::Found(kind, _) => kind,
        Read::Unknown(why, loc) => {
            return Judgement::cannot_tell(certificate, "whether it was requested from ACM or imported", &why).at(loc);
        }
        Read::Absent(loc) => {
            let message = "cannot tell whether it was requested from ACM or imported: the account does not say";
            return Judgement::unknown(certificate, message).at(loc);
        }
    };
    if kind == "IMPORTED" {
        let loc = certificate.at("Type").loc();
        return Judgement::fail(certificate, "it was imported, and ACM never renews imported certificates").at(loc);
    }
    if let Read::Found(status, loc) = certificate.at("RenewalSummary.RenewalStatus").string() {
        let reason = certificate.at("RenewalSummary.RenewalStatusReason").string().found();
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        match status.as_str() {
            "FAILED" => return Judgement::fail(certificate, format!("its last renewal failed{reason}")).at(loc),
            "PENDING_VALIDATION" => {
                let message = format!("its renewal waits for somebody to validate its domain{reason}");
                return Judgement::fail(certificate, message).at(loc);
            }
            _ => {}
        }
    }
    if let Read::Unknown(why, loc) = certificate.at("RenewalSummary") {
        return Judgement::cannot_tell(certificate, "what came of its last renewal", &why).at(loc);
    }
    // A private certificate needs no validation.
    if kind != "PRIVATE"
        && let Some(judgement) = not_validated(cx, certificate)
    {
        return judgement;
    }
    match (certificate.at("RenewalEligibility").string(), user(cx, certificate)) {
        (Read::Found(told, loc), Known::Stated(None, _)) if told == "INELIGIBLE" => {
            Judgement::fail(certificate, "nothing uses it, so ACM does not renew it").at(loc)
        }
        (Read::Found(told, loc), _) if told == "INELIGIBLE" => {
            Judgement::fail(certificate, "ACM says that it cannot renew it").at(loc)
        }
        (Read::Found(_, loc), _) => Judgement::pass(certificate, "ACM renews it by itself").at(loc),
        (Read::Unknown(why, loc), _) => {
            Judgement::cannot_tell(certificate, "whether ACM renews it", &why).at(loc)
        }
        (Read::Absent(loc), _) => Judgement::unknown(
            certificate,
            "cannot tell whether ACM renews it: the account does not say",
        )
        .at(loc),
    }
}

/// What keeps ACM from validating a domain again by itself; `None` when nothing does.
fn not_validated(cx: &Cx<'_>, certificate: Subject<'_>) -> Option<Judgement> {
    match validation(certificate) {
        Read::Found(method, loc) if method == "EMAIL" => {
            let message = "its domain is validated by e-mail: at each renewal somebody must answer";
            return Some(Judgement::fail(certificate, message).at(loc));
        }
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(certificate, "how its domain is validated", &why).at(loc));
        }
        _ => {}
    }
    certificate.each("DomainValidationOptions.*.ResourceRecord").into_iter().find_map(|record| {
        let record = record.found()?;
        let name = record.at("Name").string().found()?;
        let kind = record.at("Type").string().found().unwrap_or_else(|| "CNAME".into());
        (record_stands(cx, &name, &kind) == Some(false)).then(|| {
            let message = format!("its validation record {name} is not in its zone any more, so ACM cannot renew it");
            Judgement::fail(certificate, message).at(record.loc)
        })
    })
}
