use super::caa::AMAZON;
use crate::controls::keys::certificate_facts::{ACM, is_issued, record_stands, record_values, user, validation};
use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// In an emergency a certificate for the same names must be had within minutes. ACM issues one at
    /// once when each name's validation record stands already: it asks for the same CNAME record again
    /// for as long as the account is the same (AWS Certificate Manager User Guide, "DNS validation"),
    /// and when no CAA record keeps Amazon from issuing ("Certification Authority Authorization"). So,
    /// of each certificate that something uses, the validation records are looked for in the hosted
    /// zones scanned, and the CAA records of each name and of the domains above it.
    ///
    /// A certificate that was imported, or validated by e-mail, fails: its replacement waits for people
    /// outside AWS. Where the zone is not among those scanned it is unknown. Quotas, and who may request
    /// and attach a certificate, are not looked at.
    id: "certificate-issuable-at-once",
    title: "A certificate can be issued in an emergency",
    clauses: ["CER-2"],
    sources: [Live],
    severity: Low,
    fix: "Validate by DNS, leave the validation record in its zone, and let CAA records admit amazon.com.",
    cloudformation: r#"Type: AWS::Route53::RecordSet
Properties:
  HostedZoneId: !Ref Zone
  Name: shop.example.com
  Type: CAA
  TTL: "300"
  ResourceRecords: ['0 issue "amazon.com"']
"#,
    cdk: r#"new route53.CaaAmazonRecord(this, 'Caa', { zone });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for certificate in listed_or_unknown(cx, &[ACM], "which certificates there are to replace", out) {
        let used = user(cx, certificate);
        let private = certificate.at("Type").string().found().as_deref() == Some("PRIVATE");
        if is_issued(certificate) && !private && !matches!(used, Known::Stated(None, _)) {
            out.push(one(cx, certificate));
        }
    }
}

fn one(cx: &Cx<'_>, certificate: Subject<'_>) -> Judgement {
    if certificate.at("Type").string().found().as_deref() == Some("IMPORTED") {
        let message = "it was imported: its replacement waits for its authority, outside AWS";
        return Judgement::fail(certificate, message).at(certificate.at("Type").loc());
    }
    match validation(certificate) {
        Read::Found(method, _) if method == "DNS" => {}
        Read::Found(_, loc) => {
            let message = "its domain is validated by e-mail: its replacement waits for somebody to answer";
            return Judgement::fail(certificate, message).at(loc);
        }
        Read::Unknown(why, loc) => {
            return Judgement::cannot_tell(certificate, "how its domain is validated", &why).at(loc);
        }
        Read::Absent(loc) => {
            let message = "cannot tell how its domain is validated: the account does not say";
            return Judgement::unknown(certificate, message).at(loc);
        }
    }
    let mut unknown = None;
    for option in certificate.each("DomainValidationOptions.*") {
        let option = match option {
            Read::Found(option, _) => option,
            Read::Unknown(why, loc) => {
                return Judgement::cannot_tell(certificate, "its validation records", &why).at(loc);
            }
            Read::Absent(_) => continue,
        };
        let domain = option.at("DomainName").string().found().unwrap_or_default();
        if let Some(caa) = refusing(cx, &domain) {
            let message = format!("the CAA record of {caa} does not let Amazon issue for {domain}");
            return Judgement::fail(certificate, message).at(option.loc);
        }
        let name = option.at("ResourceRecord.Name").string().found();
        let kind = option.at("ResourceRecord.Type").string().found();
        let kind = kind.unwrap_or_else(|| "CNAME".into());
        match name.as_deref().and_then(|name| record_stands(cx, name, &kind)) {
            Some(true) => {}
            Some(false) => {
                let message = format!("the validation record of {domain} is not in its zone any more");
                return Judgement::fail(certificate, message).at(option.loc);
            }
            None => {
                unknown.get_or_insert((domain, option.loc));
            }
        }
    }
    match unknown {
        Some((domain, loc)) => Judgement::unknown(
            certificate,
            format!("cannot tell whether the validation record of {domain} stands: its zone is not among those scanned"),
        )
        .at(loc),
        None => Judgement::pass(
            certificate,
            "its validation records stand, so ACM issues another for its names at once",
        ),
    }
}

/// The name whose CAA record keeps Amazon from issuing for a domain. The nearest one decides (RFC 8659).
fn refusing(cx: &Cx<'_>, domain: &str) -> Option<String> {
    let wildcard = domain.starts_with("*.");
    let mut name = domain.trim_start_matches("*.");
    loop {
        let values = record_values(cx, name, "CAA").unwrap_or_default();
        let of = |tag: &str| -> Vec<&String> {
            let tagged = values.iter().filter(|value| value.split_whitespace().nth(1) == Some(tag));
            tagged.collect()
        };
        let issue = match (wildcard, of("issuewild")) {
            (true, wild) if !wild.is_empty() => wild,
            _ => of("issue"),
        };
        if !values.is_empty() {
            let admits = |value: &&String| AMAZON.iter().any(|amazon| value.contains(amazon));
            let refuses = !issue.is_empty() && !issue.iter().any(admits);
            return refuses.then(|| name.to_owned());
        }
        (_, name) = name.split_once('.')?;
    }
}
