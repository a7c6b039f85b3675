//! Lints of how a chain is sent.

use super::Look;
use crate::certificate::Certificate;
use crate::judge::MAX_CERTIFICATES;

/// The certificates that were sent before this one.
fn before<'a>(look: &'a Look<'_>) -> impl Iterator<Item = &'a Certificate> {
    look.sent.certificates[..look.index].iter().flatten()
}

pub(super) fn no_staple(look: &Look<'_>) -> Option<String> {
    (look.certificate.must_staple && !look.sent.stapled)
        .then(|| "it asks for a stapled OCSP response, and none is stapled".into())
}

pub(super) fn too_many(look: &Look<'_>) -> Option<String> {
    let all = look.sent.in_all;
    (all > MAX_CERTIFICATES)
        .then(|| format!("{all} certificates were sent, and only {MAX_CERTIFICATES} are looked at"))
}

fn is_twice(look: &Look<'_>) -> bool {
    before(look).any(|other| other.der == look.certificate.der)
}

pub(super) fn twice(look: &Look<'_>) -> Option<String> {
    is_twice(look).then(|| "the same certificate was sent before".into())
}

pub(super) fn out_of_order(look: &Look<'_>) -> Option<String> {
    let previous = look
        .sent
        .certificates
        .get(look.index.checked_sub(1)?)?
        .as_ref()?;
    (look.sent.path.contains(&look.index) && previous.raw.issuer != look.certificate.raw.subject)
        .then(|| {
            format!(
                "it is not the issuer of the certificate before it, {}",
                previous.subject
            )
        })
}

pub(super) fn root(look: &Look<'_>) -> Option<String> {
    (look.index > 0 && look.certificate.may_be_self_signed() && !is_twice(look))
        .then(|| "a root need not be sent: who trusts it has it".into())
}

pub(super) fn superfluous(look: &Look<'_>) -> Option<String> {
    (look.sent.anchored
        && !look.sent.path.contains(&look.index)
        && !look.certificate.may_be_self_signed()
        && !is_twice(look))
    .then(|| "it is not on the path to the root".into())
}
