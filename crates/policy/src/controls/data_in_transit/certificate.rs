//! Where a certificate comes from.

use crate::prelude::*;
use lockfast_facts::Part;

/// Who keeps a certificate.
pub(super) enum Keeper {
    /// AWS Certificate Manager; the certificate in the inventory, when it is there.
    Acm,
    /// IAM's server certificate store.
    Iam,
    /// Something else, named.
    Other(String),
    /// Not knowable.
    Unknown(Arc<Why>),
}

/// Follows a certificate property.
pub(super) fn keeper(cx: &Cx<'_>, value: &Value) -> Keeper {
    let text = match &value.kind {
        Kind::Text(text) => text,
        Kind::Unknown(why) => return Keeper::Unknown(why.clone()),
        _ => return Keeper::Other(value.kind_name().into()),
    };
    if let Some((resource, _)) = cx.inventory.target(value) {
        return match &*resource.kind {
            "AWS::CertificateManager::Certificate" => Keeper::Acm,
            "AWS::IAM::ServerCertificate" => Keeper::Iam,
            // CDK's DnsValidatedCertificate and cross-region certificates are custom resources
            // that ask ACM, but only their code says so.
            kind => Keeper::Unknown(Arc::new(Why::Runtime(format!(
                "the certificate of {} ({kind})",
                resource.name
            )))),
        };
    }
    let shown = text.render(|part| match part {
        Part::Literal(s) => s.to_string(),
        _ => "*".into(),
    });
    if shown.contains(":acm:") {
        Keeper::Acm
    } else if shown.contains(":iam:") {
        Keeper::Iam
    } else if let Some(why) = text.first_unknown() {
        Keeper::Unknown(why.clone())
    } else {
        Keeper::Other(shown)
    }
}

/// Judges a certificate property: it must lead to ACM.
pub(super) fn judge(
    cx: &Cx<'_>,
    subject: Subject<'_>,
    read: Read<&Value>,
    what: &str,
) -> Option<Judgement> {
    Some(match read {
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => {
            Judgement::cannot_tell(subject, &format!("where {what}'s certificate comes from"), &why).at(loc)
        }
        Read::Found(value, loc) => match keeper(cx, value) {
            Keeper::Acm => Judgement::pass(subject, format!("{what}'s certificate comes from ACM")),
            Keeper::Iam => Judgement::fail(
                subject,
                format!("{what}'s certificate lies in IAM, which neither renews it nor warns of its expiry"),
            ),
            Keeper::Other(other) => Judgement::fail(subject, format!("{what}'s certificate is {other}, not one of ACM")),
            Keeper::Unknown(why) => {
                Judgement::cannot_tell(subject, &format!("where {what}'s certificate comes from"), &why)
            }
        }
        .at(loc),
    })
}
