//! The roots that chains may lead to.

use crate::certificate::{Certificate, Malformed};
use crate::read::{ReadError, read};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::Serialize;
use std::collections::HashMap;

/// Whose root a chain leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// A root of the platform's store.
    Public,
    /// A root that was given, and none of the platform's.
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
    pub anchor: TrustAnchor<'static>,
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
        let mut roots = Roots {
            unreadable: loaded.errors.len(),
            ..Roots::default()
        };
        for der in &loaded.certs {
            if roots.add(der, Authority::Public, 0).is_err() {
                roots.unreadable += 1;
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

    /// Roots out of certificates, as the platform's (public) or as given ones (private).
    ///
    /// # Errors
    /// When one of them is no certificate.
    pub fn of(certificates: Vec<Vec<u8>>, authority: Authority) -> Result<Self, RootsError> {
        let mut roots = Roots::default();
        for (index, der) in certificates.iter().enumerate() {
            roots.add(der, authority, index + 1)?;
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

    fn add(&mut self, der: &[u8], authority: Authority, number: usize) -> Result<(), RootsError> {
        let malformed = |error| RootsError::Malformed { number, error };
        let certificate = Certificate::parse(der).map_err(malformed)?;
        let owned = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&owned)
            .map_err(|error| RootsError::NoAnchor {
                number,
                error: error.to_string(),
            })?
            .to_owned();
        self.push(Root {
            certificate,
            authority,
            anchor,
        });
        Ok(())
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
            .filter(|root| given_too || root.authority == Authority::Public)
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
        let trusted = self
            .roots
            .iter()
            .filter(|root| given_too || root.authority == Authority::Public);
        trusted.map(|root| root.anchor.clone()).collect()
    }
}
