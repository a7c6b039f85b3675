//! Certificates as the services of the templates use them.

use crate::prelude::*;
use lockfast_facts::certificate_users::{CertificateStore, certificate_users};
use lockfast_facts::{Loc, Part};

/// A property that names a certificate.
pub(super) struct CertificateUse<'a> {
    /// The service's resource.
    pub(super) subject: Subject<'a>,
    /// Tells several certificates of one resource apart.
    pub(super) part: String,
    /// Where the property stands.
    pub(super) loc: Loc,
    /// Where the certificate comes from.
    pub(super) from: From<'a>,
}

/// Where a certificate comes from.
pub(super) enum From<'a> {
    /// Requested from ACM by a template given.
    Made(&'a Resource),
    /// In ACM, by an ARN; requested or imported is not seen.
    Acm(String),
    /// IAM's server certificate store.
    Iam,
    /// Not knowable.
    Unknown(Arc<Why>),
}

/// Every use of a certificate.
pub(super) fn uses<'a>(cx: &Cx<'a>) -> Vec<CertificateUse<'a>> {
    let mut found = Vec::new();
    for user in certificate_users() {
        for subject in cx.subjects(&[&user.r#type]) {
            for (i, read) in subject.each(&user.path).into_iter().enumerate() {
                let (from, loc) = match read {
                    Read::Absent(_) => continue,
                    Read::Unknown(why, loc) => (From::Unknown(why), loc),
                    Read::Found(_, loc) if user.kind == CertificateStore::Iam => (From::Iam, loc),
                    Read::Found(value, loc) => (follow(cx, value), loc),
                };
                let property = user.path.rsplit('.').find(|step| *step != "*");
                let part = match (i, property) {
                    (0, Some(name)) => name.to_owned(),
                    (_, name) => format!("{} {}", name.unwrap_or_default(), i + 1),
                };
                found.push(CertificateUse {
                    subject,
                    part,
                    loc,
                    from,
                });
            }
        }
    }
    found
}

/// Follows a certificate property to what it names.
pub(super) fn follow<'a>(cx: &Cx<'a>, value: &Value) -> From<'a> {
    let text = match &value.kind {
        Kind::Text(text) => text,
        Kind::Unknown(why) => return From::Unknown(why.clone()),
        _ => {
            return From::Unknown(Arc::new(Why::WrongType {
                expected: "a certificate's ARN",
                found: value.kind_name(),
            }));
        }
    };
    if let Some((resource, _)) = cx.inventory.target(value) {
        return match &*resource.kind {
            "AWS::CertificateManager::Certificate" => From::Made(resource),
            "AWS::IAM::ServerCertificate" => From::Iam,
            // CDK's DnsValidatedCertificate asks ACM too, but only its function's code says so.
            kind => From::Unknown(Arc::new(Why::Runtime(format!(
                "the certificate of {} ({kind})",
                resource.name
            )))),
        };
    }
    let shown = text.render(|part| match part {
        Part::Literal(s) => s.to_string(),
        _ => "*".into(),
    });
    if shown.contains(":iam:") {
        From::Iam
    } else if let Some(why) = text.first_unknown()
        && !shown.contains(":acm:")
    {
        From::Unknown(why.clone())
    } else {
        From::Acm(shown)
    }
}
