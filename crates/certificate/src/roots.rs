//! The roots that chains may lead to.

use crate::certificate::{Certificate, Malformed};
use crate::read::{ReadError, read};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Whose root a chain leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// A root of the platform's store that is one of Mozilla's.
    Public,
    /// Another of the platform's store, as companies put theirs there, or one that was given.
    Private,
    /// None that is known here.
    Unknown,
}

/// The certificates that are trusted.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    roots: Vec<Root>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    unreadable: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub certificate: Certificate,
    pub authority: Authority,
    /// Whether it was given, and is not of the platform's store.
    pub given: bool,
    pub anchor: TrustAnchor<'static>,
}

/// Names and keys of Mozilla's roots. Certificates of them are made anew with the same of both.
static MOZILLAS: LazyLock<HashSet<[Vec<u8>; 2]>> = LazyLock::new(|| {
    let anchors = TLS_SERVER_ROOT_CERTS.iter();
    let anchors = anchors.filter_map(|root| webpki::anchor_from_trusted_cert(root).ok());
    anchors.map(|anchor| name_and_key(&anchor)).collect()
});

fn name_and_key(anchor: &TrustAnchor<'_>) -> [Vec<u8>; 2] {
    [
        anchor.subject.to_vec(),
        anchor.subject_public_key_info.to_vec(),
    ]
}

/// Why given roots could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// Not a file of certificates.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// One of them is none.
    #[error("certificate {number}: {error}")]
    Malformed {
        /// Which, from one.
        number: usize,
        /// What is wrong with it.
        error: Malformed,
    },
    /// One of them is of a kind that no path can be verified to, such as an X.509 version 1 certificate that is broken.
    #[error("certificate {number} cannot be a root: {error}")]
    NoAnchor {
        /// Which, from one.
        number: usize,
        /// What is wrong with it.
        error: String,
    },
}

impl Roots {
    /// The roots of the platform's store, or of `SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set. What cannot be
    /// read of it is counted ([`Roots::unreadable`]).
    pub fn platform() -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = Roots::of_store(&loaded.certs);
        roots.unreadable += loaded.errors.len();
        roots
    }

    /// Whoever trusts a store trusts all of it, but a root that only this machine has is no public one.
    fn of_store(certificates: &[CertificateDer<'_>]) -> Self {
        let mut roots = Roots::default();
        for der in certificates {
            match root(der, 0) {
                Ok(mut root) => {
                    root.given = false;
                    if MOZILLAS.contains(&name_and_key(&root.anchor)) {
                        root.authority = Authority::Public;
                    }
                    roots.push(root);
                }
                Err(_) => roots.unreadable += 1,
            }
        }
        roots
    }

    /// Roots that are trusted beside the platform's or in their place, from PEM or DER.
    ///
    /// # Errors
    /// When it is not all certificates: a root that was given and is passed over would be a surprise.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, RootsError> {
        Roots::of(read(bytes, None)?, Authority::Private)
    }

    /// Roots out of certificates, as public ones of the platform's or as given ones (private).
    ///
    /// # Errors
    /// When one of them is no certificate.
    pub fn of(certificates: Vec<Vec<u8>>, authority: Authority) -> Result<Self, RootsError> {
        let mut roots = Roots::default();
        for (index, der) in certificates.iter().enumerate() {
            roots.push(Root {
                authority,
                given: authority != Authority::Public,
                ..root(der, index + 1)?
            });
        }
        Ok(roots)
    }

    /// These and others.
    pub fn and(mut self, others: Roots) -> Self {
        self.unreadable += others.unreadable;
        for root in others.roots {
            self.push(root);
        }
        self
    }

    fn push(&mut self, root: Root) {
        let subject = root.certificate.raw.subject.clone();
        self.by_subject
            .entry(subject)
            .or_default()
            .push(self.roots.len());
        self.roots.push(root);
    }

    /// How many roots there are.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there are none: then nothing can be said of whether a chain leads to one.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// How many of the platform's could not be read.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Those whose subject is the name, public ones first.
    pub(crate) fn named(&self, subject: &[u8], given_too: bool) -> Vec<&Root> {
        let indices = self.by_subject.get(subject).map_or(&[][..], Vec::as_slice);
        let mut named: Vec<_> = (indices.iter())
            .map(|index| &self.roots[*index])
            .filter(|root| given_too || !root.given)
            .collect();
        named.sort_by_key(|root| root.authority);
        named
    }

    /// The one that is this very certificate.
    pub(crate) fn holds(&self, certificate: &Certificate, given_too: bool) -> Option<&Root> {
        let named = self.named(&certificate.raw.subject, given_too);
        named
            .into_iter()
            .find(|root| root.certificate.der == certificate.der)
    }

    pub(crate) fn anchors(&self, given_too: bool) -> Vec<TrustAnchor<'_>> {
        let trusted = self.roots.iter().filter(|root| given_too || !root.given);
        trusted.map(|root| root.anchor.clone()).collect()
    }
}

/// A root that was given.
fn root(der: &[u8], number: usize) -> Result<Root, RootsError> {
    let malformed = |error| RootsError::Malformed { number, error };
    let certificate = Certificate::parse(der).map_err(malformed)?;
    let owned = CertificateDer::from(der);
    let anchor = webpki::anchor_from_trusted_cert(&owned)
        .map_err(|error| RootsError::NoAnchor {
            number,
            error: error.to_string(),
        })?
        .to_owned();
    Ok(Root {
        certificate,
        authority: Authority::Private,
        given: true,
        anchor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A company's store: a public root, one of its own, and what is none.
    #[test]
    fn a_root_of_this_machine_alone_is_trusted_and_not_public() {
        let own = read(include_bytes!("../tests/data/root.pem"), None).expect("a root");
        let own = CertificateDer::from(own[0].as_slice());
        let public = TLS_SERVER_ROOT_CERTS[0].clone();
        let broken = CertificateDer::from(&b"\x30\x00"[..]);
        let roots = Roots::of_store(&[public.clone(), own.clone(), broken]);
        assert_eq!((roots.len(), roots.unreadable()), (2, 1));
        for (der, authority) in [(&public, Authority::Public), (&own, Authority::Private)] {
            let certificate = Certificate::parse(der).expect("a root");
            // Both are of the platform's store.
            let held = roots.holds(&certificate, false);
            assert_eq!(held.map(|root| root.authority), Some(authority));
        }
        assert_eq!(roots.anchors(false).len(), 2);
    }

    #[test]
    fn mozillas_roots_are_read() {
        assert!(MOZILLAS.len() > 100, "{}", MOZILLAS.len());
        assert_eq!(MOZILLAS.len(), TLS_SERVER_ROOT_CERTS.len());
    }
}
