//! A chain as a server sent it, judged.

use crate::certificate::{Certificate, SERVER_AUTH, clean};
use crate::chain::{End, Path};
use crate::fact::Fact;
use crate::key::KeyType;
use crate::lints::{self, Finding};
use crate::log_list::LogList;
use crate::ocsp::{Ocsp, Status};
use crate::problem::{Problem, ProblemKind};
use crate::roots::{Authority, Roots};
use crate::transparency::{self, Transparency};
use crate::verifier::Verifier;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName};
use serde::{Serialize, Serializer};

/// How many certificates of a chain are looked at. A server may send ten thousand; no real path has more than five.
pub const MAX_CERTIFICATES: usize = 16;

/// What a chain is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'a> {
    /// The DNS name or IP address that the server was asked for; None leaves names aside.
    pub host: Option<&'a str>,
    /// The roots.
    pub roots: &'a Roots,
    /// Whether given roots count beside the platform's.
    pub given_roots_too: bool,
    /// The time.
    pub now: Timestamp,
    /// The OCSPResponse that was stapled (RFC 6066, section 8; RFC 8446, section 4.4.2.1), DER.
    pub stapled_ocsp: Option<&'a [u8]>,
    /// Whether one could have been: a server showed the chain to who asked for it. Nothing is stapled to a file.
    pub may_staple: bool,
    /// The SignedCertificateTimestampList of the TLS extension (RFC 6962, section 3.3.1).
    pub tls_scts: Option<&'a [u8]>,
    /// The logs, such as [`LogList::pinned`].
    pub logs: &'a LogList,
}

/// What was seen of a chain. Serialises as an entry of `Certificates`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Seen {
    /// What kind of certificate was asked for: `RSA`, `ECDSA` or `any`. [`judge`] sets it by the key; who asked knows better.
    pub r#for: String,
    /// Whether the chain as sent leads to a root, in time, for the name, for server authentication.
    pub valid: Fact<bool>,
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
    /// Whose root it leads to.
    pub authority: Authority,
    /// The certificates as sent, the server's own first; where more were sent than are looked at, these are one unknown at the end.
    pub chain: Vec<Fact<Link>>,
    /// Its signed certificate timestamps.
    pub transparency: Fact<Transparency>,
    /// Its stapled OCSP response.
    pub ocsp: Ocsp,
    /// Whether it asks for a stapled OCSP response (RFC 7633).
    pub must_staple: Fact<bool>,
}

/// A certificate of a chain with what the lints say of it. Serialises as an entry of `Chain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The certificate.
    pub certificate: Certificate,
    /// Whether it is on the path to the root; unknown where none was found, but of the server's own.
    pub on_path: Fact<bool>,
    /// What the lints found.
    pub lints: Vec<Finding>,
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.certificate.serialize_with(serializer, Some(self))
    }
}

/// Judges a chain as a server sent it: DER, its own certificate first.
pub fn judge(chain: &[Vec<u8>], checks: &Checks<'_>) -> Seen {
    let looked_at = &chain[..chain.len().min(MAX_CERTIFICATES)];
    let mut problems = Vec::new();
    let parsed: Vec<_> = looked_at
        .iter()
        .map(|der| Certificate::parse(der))
        .collect();
    for (index, parsed) in parsed.iter().enumerate() {
        if let Err(error) = parsed {
            let message = format!("certificate {} of {}: {error}", index + 1, chain.len());
            problems.push(ProblemKind::Malformed.because(message));
        }
    }
    let unreadable: Vec<_> = (parsed.iter().enumerate())
        .map(|(index, parsed)| {
            parsed
                .as_ref()
                .err()
                .map(|error| (index, error.to_string()))
        })
        .collect();
    let sent: Vec<Option<Certificate>> = parsed.into_iter().map(Result::ok).collect();
    let Some(Some(leaf)) = sent.first() else {
        if chain.is_empty() {
            problems.push(ProblemKind::Malformed.because("no certificate was sent"));
        }
        return no_leaf(&sent, &unreadable, chain.len(), problems, checks);
    };
    let path = Path::find(&sent, checks.roots, checks.given_roots_too, checks.now);
    let authority = path
        .anchor
        .map_or(Authority::Unknown, |root| root.authority);
    let issuer = path.issuer(&sent);
    let ocsp = Ocsp::read(checks.stapled_ocsp, leaf, issuer, checks.now);
    let lists = transparency::Lists {
        embedded: leaf.timestamps.as_deref(),
        tls: checks.tls_scts,
        ocsp: ocsp.timestamps.as_deref(),
    };
    let transparency =
        transparency::judge(leaf, issuer, &lists, authority, checks.logs, checks.now);

    let verifier = Verifier::new(leaf, &sent, checks);
    if !verifier.finds_a_path() {
        problems.extend(times(&sent, &path, checks.now));
        problems.extend(weak_signatures(&sent, &path));
        problems.extend(end(&sent, &path, checks.roots));
    }
    if !leaf.is_for(SERVER_AUTH) {
        let message = "extKeyUsage does not list serverAuth";
        problems.push(ProblemKind::WrongUsage.because(message));
    }
    if let Some(host) = checks.host {
        problems.extend(name(leaf, host));
    }
    if let Fact::Known(Status::Revoked { at, reason }) = &ocsp.status {
        let reason = reason.map_or(String::new(), |reason| format!(", for the reason {reason}"));
        problems.push(ProblemKind::Revoked.because(format!("revoked on {at}{reason}")));
    }
    let starts = of_path(&sent, &path).map(|(_, certificate)| certificate.not_before.as_second());
    problems.extend(verifier.says(starts.max().unwrap_or_default(), &problems));
    if checks.may_staple && leaf.must_staple && !ocsp.stapled {
        let message = "it asks for a stapled OCSP response, and none is stapled";
        problems.push(ProblemKind::MissingStaple.because(message));
    }
    problems.sort_by_key(|problem| problem.kind);
    let valid = match (
        problems.is_empty(),
        checks.roots.is_empty() && path.anchor.is_none(),
    ) {
        (false, _) => Fact::Known(false),
        (true, true) => Fact::unknown("Valid", "there are no roots to judge it by"),
        (true, false) => Fact::Known(true),
    };
    Seen {
        r#for: match leaf.key.key_type {
            KeyType::Rsa => "RSA",
            KeyType::Ec => "ECDSA",
            _ => "any",
        }
        .into(),
        valid,
        problems,
        authority,
        must_staple: Fact::Known(leaf.must_staple),
        chain: links(&sent, &unreadable, chain.len(), authority, &path, &ocsp),
        transparency: Fact::Known(transparency),
        ocsp,
    }
}

fn no_leaf(
    sent: &[Option<Certificate>],
    unreadable: &[Option<(usize, String)>],
    sent_in_all: usize,
    problems: Vec<Problem>,
    checks: &Checks<'_>,
) -> Seen {
    let why = "the server's certificate could not be read";
    let path = Path {
        links: Vec::new(),
        anchor: None,
        end: End::NoIssuer,
    };
    let ocsp = Ocsp::unread(checks.stapled_ocsp.is_some(), why);
    Seen {
        r#for: "any".into(),
        valid: Fact::Known(false),
        problems,
        authority: Authority::Unknown,
        chain: links(
            sent,
            unreadable,
            sent_in_all,
            Authority::Unknown,
            &path,
            &ocsp,
        ),
        transparency: Fact::unknown("Transparency", why),
        ocsp,
        must_staple: Fact::unknown("MustStaple", why),
    }
}

fn links(
    sent: &[Option<Certificate>],
    unreadable: &[Option<(usize, String)>],
    sent_in_all: usize,
    authority: Authority,
    path: &Path<'_>,
    ocsp: &Ocsp,
) -> Vec<Fact<Link>> {
    let mut found = lints::look(&lints::Sent {
        certificates: sent,
        in_all: sent_in_all,
        authority,
        path: &path.links,
        anchored: path.anchor.is_some(),
        stapled: ocsp.stapled,
    });
    let on_path = |index: usize| match path.anchor {
        _ if index == 0 => Fact::Known(true),
        Some(_) => Fact::Known(path.links.contains(&index)),
        None => Fact::unknown("OnPath", "no path to a root was found"),
    };
    let links = sent
        .iter()
        .enumerate()
        .map(|(index, certificate)| match certificate {
            Some(certificate) => Fact::Known(Link {
                certificate: certificate.clone(),
                on_path: on_path(index),
                lints: std::mem::take(&mut found[index]),
            }),
            None => {
                let error = unreadable[index].as_ref().map_or("", |(_, error)| error);
                Fact::unknown(format!("certificate {}", index + 1), error)
            }
        });
    let more = (sent_in_all > sent.len()).then(|| {
        let error = format!(
            "{sent_in_all} were sent, and only {} are looked at",
            sent.len()
        );
        Fact::unknown("the other certificates", error)
    });
    links.chain(more).collect()
}

/// A certificate of the path, in words.
fn called(index: usize, certificate: &Certificate) -> String {
    match index {
        0 => String::new(),
        _ => format!("the certificate of its issuer {}: ", certificate.subject),
    }
}

fn times(sent: &[Option<Certificate>], path: &Path<'_>, now: Timestamp) -> Vec<Problem> {
    let ago = |span: i64| match span / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    };
    let date = |time: Timestamp| time.to_string()[..10].to_owned();
    let mut problems = Vec::new();
    for (index, certificate) in of_path(sent, path) {
        let called = called(index, certificate);
        let (after, before) = (
            certificate.not_after.as_second(),
            certificate.not_before.as_second(),
        );
        let now = now.as_second();
        if now > after {
            problems.push(ProblemKind::Expired.because(format!(
                "{called}expired {} ago, on {}",
                ago(now.saturating_sub(after)),
                date(certificate.not_after)
            )));
        }
        if now < before {
            problems.push(ProblemKind::NotYetValid.because(format!(
                "{called}valid in {}, from {}",
                ago(before.saturating_sub(now)),
                date(certificate.not_before)
            )));
        }
    }
    problems
}

fn of_path<'a>(
    sent: &'a [Option<Certificate>],
    path: &'a Path<'_>,
) -> impl Iterator<Item = (usize, &'a Certificate)> {
    let links = path.links.iter();
    links.filter_map(|index| {
        sent[*index]
            .as_ref()
            .map(|certificate| (*index, certificate))
    })
}

fn weak_signatures(sent: &[Option<Certificate>], path: &Path<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let links: Vec<_> = of_path(sent, path).collect();
    for (at, (index, certificate)) in links.iter().enumerate() {
        // What a root says of itself proves nothing and need not.
        if certificate.may_be_self_signed() {
            continue;
        }
        let called = called(*index, certificate);
        if let Some(hash) = certificate.signature.hash.filter(|hash| hash.is_broken()) {
            let name = &certificate.signature.name;
            let message = format!("{called}signed with {name}, and {hash} is broken");
            problems.push(ProblemKind::WeakSignature.because(message));
        }
        let above = links.get(at + 1).map(|(_, issuer)| *issuer);
        let issuer = above.or(path.anchor.map(|root| &root.certificate));
        let size = issuer
            .filter(|issuer| issuer.key.key_type == KeyType::Rsa)
            .and_then(|issuer| issuer.key.size);
        if let Some(size) = size.filter(|size| *size < 2048) {
            let message =
                format!("{called}signed with an RSA key of {size} bits, and 2048 is the least");
            problems.push(ProblemKind::WeakSignature.because(message));
        }
    }
    problems
}

/// Why the path does not lead to a root.
fn end(sent: &[Option<Certificate>], path: &Path<'_>, roots: &Roots) -> Option<Problem> {
    let (index, last) = of_path(sent, path).last()?;
    let issuer = &last.issuer;
    Some(match path.end {
        End::Anchored => return None,
        End::SelfSigned if index == 0 => ProblemKind::SelfSigned.because(format!(
            "{issuer} issued it to itself, and is not among the roots"
        )),
        End::BadSignature => ProblemKind::BadSignature.because(format!(
            "{}its signature was not made by the key of its issuer {issuer}",
            called(index, last)
        )),
        // That it is weak is said, and that it leads nowhere follows from it.
        End::Uncheckable if last.signature.hash.is_some_and(|hash| hash.is_broken()) => {
            return None;
        }
        End::Uncheckable => ProblemKind::BadSignature.because(format!(
            "{}signed with {}, which cannot be verified with the key of its issuer",
            called(index, last),
            last.signature.name
        )),
        // Without any roots nobody's issuer is known.
        _ if roots.is_empty() => return None,
        End::SelfSigned => ProblemKind::UnknownIssuer.because(format!(
            "it leads to {issuer}, which is not among the roots"
        )),
        // Whoever has it published by its issuer's address is not the issuer of a root's own.
        End::NoIssuer if index == 0 && !last.issuer_urls.is_empty() => {
            ProblemKind::MissingIntermediate.because(format!(
                "the certificate of its issuer {issuer} was not sent; it is at {}",
                last.issuer_urls[0]
            ))
        }
        End::NoIssuer => ProblemKind::UnknownIssuer.because(format!(
            "the certificate of {} {issuer} was not sent, and is not among the roots",
            if index == 0 {
                "its issuer"
            } else {
                "the last issuer"
            }
        )),
    })
}

fn name(leaf: &Certificate, host: &str) -> Option<Problem> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    let mismatch = |message: String| Some(ProblemKind::NameMismatch.because(message));
    let Ok(server_name) = ServerName::try_from(host) else {
        return mismatch(format!(
            "{} is no name that a certificate could have",
            clean(host)
        ));
    };
    let der = CertificateDer::from(leaf.der.as_slice());
    let matches = match webpki::EndEntityCert::try_from(&der) {
        Ok(certificate) => certificate
            .verify_is_valid_for_subject_name(&server_name)
            .is_ok(),
        // It is refused for its form, and that is said. What it names can be told all the same.
        Err(_) => leaf
            .names
            .iter()
            .any(|name| same_name(&name.to_string(), host)),
    };
    if matches {
        return None;
    }
    let names = match &leaf.names[..] {
        [] => "it has no subjectAltName".to_owned(),
        names => {
            let first: Vec<_> = names.iter().take(5).map(ToString::to_string).collect();
            let more = match names.len() - first.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("it is for {}{more}", first.join(", "))
        }
    };
    mismatch(format!("not for {host}: {names}"))
}

/// Whether a presented name is the host, or its wildcard covers it (RFC 9525, section 6.3).
fn same_name(presented: &str, host: &str) -> bool {
    match (presented.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((_, of_host))) => parent.eq_ignore_ascii_case(of_host),
        _ => presented.eq_ignore_ascii_case(host),
    }
}
