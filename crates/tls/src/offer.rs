//! Offers, and the hellos that make them.

use crate::weaknesses::HEARTBEAT;
use crate::{
    CipherSuite, ClientHello, Extension, NamedGroup, ProtocolVersion, TooLong, x25519_share,
};

/// What is offered to a server, whatever the hello looks like.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) version: ProtocolVersion,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    /// Whether DEFLATE is offered too.
    pub(crate) compression: bool,
    /// Whether the client claims to have tried a higher version (RFC 7507).
    pub(crate) fallback: bool,
    /// The application protocols, if others than the target's are offered.
    pub(crate) alpn: Option<Vec<&'static str>>,
}

impl Offer {
    /// These suites at the version, with all groups.
    pub(crate) fn of(version: ProtocolVersion, suites: Vec<CipherSuite>) -> Self {
        let groups = if version == ProtocolVersion::Tls13 {
            NamedGroup::for_tls13()
        } else {
            NamedGroup::up_to_tls12()
        };
        Offer {
            version,
            suites,
            groups,
            compression: false,
            fallback: false,
            alpn: None,
        }
    }

    /// Everything the version has.
    pub(crate) fn everything(version: ProtocolVersion) -> Self {
        Offer::of(version, crate::offered_suites(version))
    }

    /// The records that offer these of the suites.
    pub(crate) fn records(
        &self,
        shape: Shape,
        suites: &[CipherSuite],
        server_name: Option<&str>,
        alpn: &[&str],
    ) -> Result<Vec<u8>, TooLong> {
        let mut hello = ClientHello::new(self.version, suites.to_vec());
        if self.compression {
            hello.compression = vec![1, 0];
        }
        hello.extensions = self.extensions(shape, server_name, alpn);
        if !hello.extensions.contains(&Extension::RenegotiationInfo)
            && self.version != ProtocolVersion::Tls13
        {
            hello
                .suites
                .push(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV);
        }
        if self.fallback {
            hello.suites.push(CipherSuite::FALLBACK_SCSV);
        }
        if self.version == ProtocolVersion::Tls13 {
            // Middleboxes let TLS 1.3 pass when it looks like a resumption (RFC 8446, section D.4).
            hello.session_id = hello.random.iter().rev().copied().collect();
        }
        hello.pad()?;
        hello.to_records()
    }

    fn extensions(&self, shape: Shape, server_name: Option<&str>, alpn: &[&str]) -> Vec<Extension> {
        // SSLv3 knows none, and its servers are of an age to fail on what they do not know.
        if self.version == ProtocolVersion::Ssl3 {
            return Vec::new();
        }
        let tls13 = self.version == ProtocolVersion::Tls13;
        let mut all: Vec<_> = server_name
            .map(|name| Extension::ServerName(name.to_owned()))
            .into_iter()
            .collect();
        if shape == Shape::Bare && !tls13 {
            return all;
        }
        let mut groups = self.groups.clone();
        if shape != Shape::Full && !tls13 {
            groups.truncate(SHORT_GROUPS);
        }
        let share = shape != Shape::Full && groups.contains(&NamedGroup::X25519);
        if !groups.is_empty() {
            all.push(Extension::SupportedGroups(groups));
        }
        if tls13 {
            all.push(Extension::SignatureAlgorithms(SIGNATURES.to_vec()));
            all.push(Extension::SupportedVersions(vec![ProtocolVersion::Tls13]));
            all.push(Extension::PskKeyExchangeModes);
            // Empty, the server names its group; but there are servers that take an empty list for an error.
            let shares = share.then(x25519_share).into_iter().collect();
            all.push(Extension::KeyShare(shares));
        } else {
            all.push(Extension::EcPointFormats(vec![0]));
            // peer_allowed_to_send: a server that does not answer it cannot have Heartbleed.
            all.push(Extension::Other(HEARTBEAT, vec![1]));
            // A client of TLS 1.1 must not send it (RFC 5246, section 7.4.1.4.1).
            if self.version == ProtocolVersion::Tls12 {
                all.push(Extension::SignatureAlgorithms(SIGNATURES.to_vec()));
            }
        }
        if shape == Shape::Full {
            if !alpn.is_empty() {
                let names = alpn.iter().map(|name| name.as_bytes().to_vec());
                all.push(Extension::Alpn(names.collect()));
            }
            all.push(Extension::StatusRequest);
            all.push(Extension::SignedCertificateTimestamp);
            if !tls13 {
                all.push(Extension::ExtendedMasterSecret);
                all.push(Extension::SessionTicket);
                all.push(Extension::RenegotiationInfo);
            }
        }
        all
    }
}

/// How much a hello says. Servers that fail on a long one are asked again with a shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// All of it.
    Full,
    /// Few suites at a time, and the extensions that the offer hangs on.
    Short,
    /// Few suites at a time, and only the server's name where the version allows.
    Bare,
}

impl Shape {
    pub(crate) const ALL: [Shape; 3] = [Shape::Full, Shape::Short, Shape::Bare];

    /// How many suites a hello carries: with 64 of them and a name the message stays under the 256 bytes of which
    /// intolerant servers are afraid.
    pub(crate) fn suites(self) -> usize {
        match self {
            Shape::Full => usize::MAX,
            Shape::Short | Shape::Bare => 64,
        }
    }
}

const SHORT_GROUPS: usize = 5;

/// Every scheme that a certificate in use may need (RFC 8446, section 4.2.3; DSA and SHA-224 from RFC 5246, section
/// 7.4.1.4.1; brainpool from RFC 8734), the broken ones last: what the server signs with is no question here.
pub(crate) const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0401,
    0x0501, 0x0601, 0x081A, 0x081B, 0x081C, 0x0303, 0x0301, 0x0402, 0x0502, 0x0602, 0x0302, 0x0203,
    0x0201, 0x0202,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn length(shape: Shape, offer: &Offer) -> usize {
        let suites: Vec<_> = offer.suites.iter().take(shape.suites()).copied().collect();
        offer
            .records(shape, &suites, Some("shop.example"), &["h2", "http/1.1"])
            .unwrap()
            .len()
            - 5
    }

    #[test]
    fn shorter_shapes_are_shorter() {
        for version in ProtocolVersion::ALL.into_iter().skip(1) {
            let offer = Offer::everything(version);
            let [full, short, bare] = Shape::ALL.map(|shape| length(shape, &offer));
            assert!(
                full >= short && short >= bare,
                "{version}: {full} {short} {bare}"
            );
            if version < ProtocolVersion::Tls13 {
                assert!(bare < 256, "{version}: {bare}");
            }
        }
    }

    #[test]
    fn a_share_is_only_of_a_group_that_is_offered() {
        let mut offer = Offer::everything(ProtocolVersion::Tls13);
        let shares = |offer: &Offer, shape| {
            let extensions = offer.extensions(shape, None, &[]);
            extensions
                .into_iter()
                .find_map(|extension| match extension {
                    Extension::KeyShare(shares) => Some(shares.len()),
                    _ => None,
                })
                .unwrap()
        };
        assert_eq!(shares(&offer, Shape::Full), 0);
        assert_eq!(shares(&offer, Shape::Short), 1);
        offer.groups = vec![NamedGroup::X25519_MLKEM768];
        assert_eq!(shares(&offer, Shape::Short), 0);
    }
}
