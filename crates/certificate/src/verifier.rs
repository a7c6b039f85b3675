//! webpki's word on a chain: it is the verifier that rustls has, and decides whether a path holds.

use crate::certificate::Certificate;
use crate::judge::Checks;
use crate::problem::{Problem, ProblemKind};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;

/// A chain as webpki takes it.
pub(crate) struct Verifier<'a> {
    leaf: CertificateDer<'a>,
    others: Vec<CertificateDer<'a>>,
    anchors: Vec<TrustAnchor<'a>>,
    /// The server's certificate is itself among the roots, and needs no path.
    trusted: bool,
    now: i64,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(
        leaf: &'a Certificate,
        sent: &'a [Option<Certificate>],
        checks: &Checks<'a>,
    ) -> Self {
        let der = |certificate: &'a Certificate| CertificateDer::from(certificate.der.as_slice());
        Verifier {
            leaf: der(leaf),
            others: sent.iter().skip(1).flatten().map(der).collect(),
            anchors: checks.roots.anchors(checks.given_roots_too),
            trusted: checks.roots.holds(leaf, checks.given_roots_too).is_some(),
            now: checks.now.as_second(),
        }
    }

    /// Whether it finds a path that holds now: then what is wrong with another path does not matter.
    pub(crate) fn finds_a_path(&self) -> bool {
        !self.trusted && self.verify(self.now).is_ok()
    }

    fn verify(&self, seconds: i64) -> Result<(), webpki::Error> {
        let certificate = webpki::EndEntityCert::try_from(&self.leaf)?;
        if self.trusted {
            return Ok(());
        }
        let seconds = Duration::from_secs(seconds.try_into().unwrap_or(0));
        let verified = certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            &self.others,
            UnixTime::since_unix_epoch(seconds),
            webpki::KeyUsage::server_auth(),
            None,
            None,
        );
        verified.map(drop)
    }

    /// What webpki says, in so far as nothing of it was said. `start` is when all of the path that was found had begun.
    pub(crate) fn says(&self, start: i64, said: &[Problem]) -> Option<Problem> {
        let mut error = self.verify(self.now).err()?;
        use webpki::Error::{CertExpired, CertNotValidYet};
        if matches!(error, CertExpired { .. } | CertNotValidYet { .. }) {
            error = self.verify(start).err()?;
        }
        let problem = of_webpki(&error);
        let nowhere = problem.kind == ProblemKind::UnknownIssuer;
        let explained = said.iter().any(|said| {
            said.kind == problem.kind
                || matches!(said.kind, ProblemKind::SelfSigned)
                || nowhere
                    && said.kind > ProblemKind::NameMismatch
                    && said.kind != ProblemKind::Revoked
                || problem.kind == ProblemKind::BadSignature
                    && matches!(
                        said.kind,
                        ProblemKind::WeakSignature
                            | ProblemKind::MissingIntermediate
                            | ProblemKind::UnknownIssuer
                    )
        });
        let explained = explained || nowhere && self.anchors.is_empty();
        (!explained).then_some(problem)
    }
}

fn of_webpki(error: &webpki::Error) -> Problem {
    use webpki::Error;
    let (kind, message) = match error {
        Error::CertExpired { .. } => (
            ProblemKind::Expired,
            "a certificate of the path has expired",
        ),
        Error::CertNotValidYet { .. } => (
            ProblemKind::NotYetValid,
            "a certificate of the path is not valid yet",
        ),
        Error::CertNotValidForName(_) => (ProblemKind::NameMismatch, "not for this name"),
        Error::CertRevoked => (ProblemKind::Revoked, "revoked"),
        Error::CertDistrusted => (ProblemKind::UnknownIssuer, "its key is distrusted"),
        Error::UnknownIssuer => (ProblemKind::UnknownIssuer, "it leads to no root"),
        Error::CaUsedAsEndEntity => (
            ProblemKind::WrongUsage,
            "an authority's certificate is used as a server's",
        ),
        Error::EndEntityUsedAsCa => (
            ProblemKind::WrongUsage,
            "its issuer's certificate is not one of an authority (basicConstraints; RFC 5280, section 4.2.1.9)",
        ),
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => (
            ProblemKind::WrongUsage,
            "a certificate of the path is not for server authentication (extKeyUsage; RFC 5280, section 4.2.1.12)",
        ),
        Error::NameConstraintViolation => (
            ProblemKind::WrongUsage,
            "an issuer is not allowed to issue for this name (nameConstraints; RFC 5280, section 4.2.1.10)",
        ),
        Error::PathLenConstraintViolated => (
            ProblemKind::WrongUsage,
            "an issuer is not allowed so many authorities below it (pathLenConstraint; RFC 5280, section 4.2.1.9)",
        ),
        Error::InvalidSignatureForPublicKey => (
            ProblemKind::BadSignature,
            "a signature of the path is wrong",
        ),
        Error::SignatureAlgorithmMismatch => (
            ProblemKind::BadSignature,
            "a certificate names two different signature algorithms (RFC 5280, section 4.1.1.2)",
        ),
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => (
            ProblemKind::BadSignature,
            "a signature of the path is of a kind that cannot be verified",
        ),
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => (
            ProblemKind::UnknownIssuer,
            "the paths are too many to look at",
        ),
        Error::UnsupportedCertVersion => (
            ProblemKind::Malformed,
            "not an X.509 version 3 certificate, and verifiers take no other",
        ),
        Error::UnsupportedCriticalExtension => (
            ProblemKind::Malformed,
            "a critical extension that verifiers do not know, so they must refuse it (RFC 5280, section 4.2)",
        ),
        Error::InvalidSerialNumber => (
            ProblemKind::Malformed,
            "its serial number is not one of RFC 5280, section 4.1.2.2",
        ),
        Error::InvalidCertValidity => (ProblemKind::Malformed, "it ends before it begins"),
        other => return ProblemKind::Malformed.because(format!("verifiers refuse it: {other}")),
    };
    kind.because(message)
}
