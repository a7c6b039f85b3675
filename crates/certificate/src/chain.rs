//! The way from the server's certificate to a root, with every signature on it checked, whatever else is wrong with it.
//!
//! Whether the path holds is webpki's to say. It stops at the first thing that is wrong: this walk finds the path
//! also when a certificate on it has expired or is weakly signed, so that all of that can be told.

use crate::certificate::Certificate;
use crate::roots::{Root, Roots};
use crate::signature::Checked;
use jiff::Timestamp;
use std::collections::VecDeque;

/// Signatures that are checked at most: 16 certificates of one name would take 256, and a root store has few of a name.
const MAX_CHECKS: usize = 512;

/// A path from the server's certificate upwards.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    /// Indices of what was sent, from the server's own upwards.
    pub links: Vec<usize>,
    /// The root that it leads to.
    pub anchor: Option<&'a Root>,
    /// Why it goes no further.
    pub end: End,
}

/// Why a path goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A root.
    Anchored,
    /// Its last certificate is its own issuer, and no root.
    SelfSigned,
    /// Nobody has the issuer's certificate.
    NoIssuer,
    /// Its issuer's certificate is there by name, and did not make the signature.
    BadSignature,
    /// Its issuer's certificate is there by name, and the signature is of a kind that cannot be checked.
    Uncheckable,
}

impl<'a> Path<'a> {
    /// The shortest path to a public root, or to a given one, or else the longest there is.
    pub(crate) fn find(
        sent: &[Option<Certificate>],
        roots: &'a Roots,
        given_roots_too: bool,
        now: Timestamp,
    ) -> Self {
        // Of two certificates of one issuer's key, an old one is left behind in many chains: the better one is taken first.
        let mut by_worth: Vec<usize> = (0..sent.len()).collect();
        by_worth.sort_by_key(|index| {
            sent[*index].as_ref().map(|certificate| {
                let in_time = (certificate.not_before..=certificate.not_after).contains(&now);
                let broken = certificate
                    .signature
                    .hash
                    .is_none_or(|hash| hash.is_broken());
                (!in_time, broken)
            })
        });
        let mut reached_from = vec![None; sent.len()];
        let mut queue = VecDeque::from([0]);
        let mut anchored: Option<(usize, &Root)> = None;
        let mut last = (0, End::NoIssuer);
        let mut checks = 0;
        while let Some(index) = queue.pop_front() {
            let Some(certificate) = &sent[index] else {
                continue;
            };
            let mut end = if certificate.may_be_self_signed() {
                End::SelfSigned
            } else {
                End::NoIssuer
            };
            let mut better = |root: &'a Root| {
                if anchored.is_none_or(|(_, found)| root.authority < found.authority) {
                    anchored = Some((index, root));
                }
            };
            if let Some(root) = roots.holds(certificate, given_roots_too) {
                better(root);
            }
            let mut check = |issuer: &Certificate| {
                checks += 1;
                let checked = if checks > MAX_CHECKS {
                    Checked::Uncheckable
                } else {
                    certificate.check_issued_by(&issuer.key)
                };
                match checked {
                    Checked::Good => return true,
                    // A root that names itself did sign itself: another of its name is no accusation.
                    _ if certificate.may_be_self_signed() => {}
                    Checked::Bad if end == End::NoIssuer && certificate.names_as_issuer(issuer) => {
                        end = End::BadSignature
                    }
                    Checked::Bad => {}
                    Checked::Uncheckable => end = End::Uncheckable,
                }
                false
            };
            for root in roots.named(&certificate.raw.issuer, given_roots_too) {
                if check(&root.certificate) {
                    better(root);
                }
            }
            let mut leads_on = false;
            for issuer_index in by_worth.iter().copied() {
                let Some(issuer) = &sent[issuer_index] else {
                    continue;
                };
                let fresh = issuer_index != 0 && reached_from[issuer_index].is_none();
                if issuer_index != index
                    && fresh
                    && issuer.raw.subject == certificate.raw.issuer
                    && check(issuer)
                {
                    reached_from[issuer_index] = Some(index);
                    queue.push_back(issuer_index);
                    leads_on = true;
                }
            }
            if !leads_on {
                last = (index, end);
            }
        }
        let (top, anchor, end) = match anchored {
            Some((index, root)) => (index, Some(root), End::Anchored),
            None => (last.0, None, last.1),
        };
        let mut links = vec![top];
        while let Some(below) = links.last().and_then(|index| reached_from[*index]) {
            links.push(below);
        }
        links.reverse();
        Path { links, anchor, end }
    }

    /// The certificate whose key made the server's certificate's signature.
    pub(crate) fn issuer<'c>(&self, sent: &'c [Option<Certificate>]) -> Option<&'c Certificate>
    where
        'a: 'c,
    {
        let sent_issuer = self.links.get(1).and_then(|index| sent[*index].as_ref());
        sent_issuer.or(match self.links.len() {
            1 => self.anchor.map(|root| &root.certificate),
            _ => None,
        })
    }
}
