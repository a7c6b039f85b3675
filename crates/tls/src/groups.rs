//! Named groups of the key exchange.

use std::fmt;

/// What the key exchange over a group rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// An elliptic curve.
    EllipticCurve,
    /// A finite field (RFC 7919).
    FiniteField,
    /// A post-quantum key encapsulation with an elliptic curve beside it: it holds while either does.
    Hybrid,
    /// A post-quantum key encapsulation alone.
    PostQuantum,
}

/// A named group, by its number in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedGroup(pub u16);

impl From<u16> for NamedGroup {
    fn from(number: u16) -> Self {
        NamedGroup(number)
    }
}

impl NamedGroup {
    /// secp256r1.
    pub const SECP256R1: NamedGroup = NamedGroup(23);
    /// x25519.
    pub const X25519: NamedGroup = NamedGroup(29);
    /// ffdhe2048.
    pub const FFDHE2048: NamedGroup = NamedGroup(256);
    /// SecP256r1MLKEM768.
    pub const SECP256R1_MLKEM768: NamedGroup = NamedGroup(4587);
    /// X25519MLKEM768.
    pub const X25519_MLKEM768: NamedGroup = NamedGroup(4588);
    /// SecP384r1MLKEM1024.
    pub const SECP384R1_MLKEM1024: NamedGroup = NamedGroup(4589);

    /// All groups of the registry.
    pub fn all() -> impl Iterator<Item = NamedGroup> {
        GROUPS.iter().map(|row| NamedGroup(row.0))
    }

    /// The groups to offer in TLS 1.3, post-quantum ones first so that a server without a preference of its own takes
    /// one. GOST's are left out: the TLS 1.3 suites they belong to are not offered.
    pub fn for_tls13() -> Vec<NamedGroup> {
        let mut groups: Vec<_> = Self::all().filter(|g| g.is_post_quantum()).collect();
        groups.extend((29..=30).chain(23..=25).map(NamedGroup));
        groups.extend((31..=33).chain([41]).map(NamedGroup));
        groups.extend((256..=260).map(NamedGroup));
        groups
    }

    /// The groups to offer up to TLS 1.2.
    pub fn up_to_tls12() -> Vec<NamedGroup> {
        let strong = (29..=30).chain(23..=28);
        strong
            .chain(1..=22)
            .chain(256..=260)
            .map(NamedGroup)
            .collect()
    }

    /// Its name in the registry.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.1)
    }

    /// What it rests on.
    pub fn kind(self) -> Option<GroupKind> {
        self.row().map(|row| row.2)
    }

    /// The document that defines it.
    pub fn reference(self) -> Option<&'static str> {
        self.row().map(|row| row.3)
    }

    /// Whether a quantum computer would not read what was recorded.
    pub fn is_post_quantum(self) -> bool {
        matches!(
            self.kind(),
            Some(GroupKind::Hybrid | GroupKind::PostQuantum)
        )
    }

    fn row(self) -> Option<&'static Row> {
        GROUPS.iter().find(|row| row.0 == self.0)
    }
}

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "group 0x{:04X}", self.0),
        }
    }
}

type Row = (u16, &'static str, GroupKind, &'static str);

use GroupKind::{EllipticCurve, FiniteField, Hybrid, PostQuantum};

/// IANA "TLS Supported Groups" (tls-parameters-8), each with the document that defines it. The last row is a draft
/// that was deployed before there was a standard.
#[rustfmt::skip]
const GROUPS: &[Row] = &[
    (1, "sect163k1", EllipticCurve, "RFC 4492"),
    (2, "sect163r1", EllipticCurve, "RFC 4492"),
    (3, "sect163r2", EllipticCurve, "RFC 4492"),
    (4, "sect193r1", EllipticCurve, "RFC 4492"),
    (5, "sect193r2", EllipticCurve, "RFC 4492"),
    (6, "sect233k1", EllipticCurve, "RFC 4492"),
    (7, "sect233r1", EllipticCurve, "RFC 4492"),
    (8, "sect239k1", EllipticCurve, "RFC 4492"),
    (9, "sect283k1", EllipticCurve, "RFC 4492"),
    (10, "sect283r1", EllipticCurve, "RFC 4492"),
    (11, "sect409k1", EllipticCurve, "RFC 4492"),
    (12, "sect409r1", EllipticCurve, "RFC 4492"),
    (13, "sect571k1", EllipticCurve, "RFC 4492"),
    (14, "sect571r1", EllipticCurve, "RFC 4492"),
    (15, "secp160k1", EllipticCurve, "RFC 4492"),
    (16, "secp160r1", EllipticCurve, "RFC 4492"),
    (17, "secp160r2", EllipticCurve, "RFC 4492"),
    (18, "secp192k1", EllipticCurve, "RFC 4492"),
    (19, "secp192r1", EllipticCurve, "RFC 4492"),
    (20, "secp224k1", EllipticCurve, "RFC 4492"),
    (21, "secp224r1", EllipticCurve, "RFC 4492"),
    (22, "secp256k1", EllipticCurve, "RFC 4492"),
    (23, "secp256r1", EllipticCurve, "RFC 8422"),
    (24, "secp384r1", EllipticCurve, "RFC 8422"),
    (25, "secp521r1", EllipticCurve, "RFC 8422"),
    (26, "brainpoolP256r1", EllipticCurve, "RFC 7027"),
    (27, "brainpoolP384r1", EllipticCurve, "RFC 7027"),
    (28, "brainpoolP512r1", EllipticCurve, "RFC 7027"),
    (29, "x25519", EllipticCurve, "RFC 8446"),
    (30, "x448", EllipticCurve, "RFC 8446"),
    (31, "brainpoolP256r1tls13", EllipticCurve, "RFC 8734"),
    (32, "brainpoolP384r1tls13", EllipticCurve, "RFC 8734"),
    (33, "brainpoolP512r1tls13", EllipticCurve, "RFC 8734"),
    (34, "GC256A", EllipticCurve, "RFC 9189"),
    (35, "GC256B", EllipticCurve, "RFC 9189"),
    (36, "GC256C", EllipticCurve, "RFC 9189"),
    (37, "GC256D", EllipticCurve, "RFC 9189"),
    (38, "GC512A", EllipticCurve, "RFC 9189"),
    (39, "GC512B", EllipticCurve, "RFC 9189"),
    (40, "GC512C", EllipticCurve, "RFC 9189"),
    (41, "curveSM2", EllipticCurve, "RFC 8998"),
    (256, "ffdhe2048", FiniteField, "RFC 7919"),
    (257, "ffdhe3072", FiniteField, "RFC 7919"),
    (258, "ffdhe4096", FiniteField, "RFC 7919"),
    (259, "ffdhe6144", FiniteField, "RFC 7919"),
    (260, "ffdhe8192", FiniteField, "RFC 7919"),
    (512, "MLKEM512", PostQuantum, "draft-ietf-tls-mlkem"),
    (513, "MLKEM768", PostQuantum, "draft-ietf-tls-mlkem"),
    (514, "MLKEM1024", PostQuantum, "draft-ietf-tls-mlkem"),
    (4587, "SecP256r1MLKEM768", Hybrid, "draft-ietf-tls-ecdhe-mlkem"),
    (4588, "X25519MLKEM768", Hybrid, "draft-ietf-tls-ecdhe-mlkem"),
    (4589, "SecP384r1MLKEM1024", Hybrid, "draft-ietf-tls-ecdhe-mlkem"),
    (4590, "curveSM2MLKEM768", Hybrid, "draft-yang-tls-hybrid-sm2-mlkem"),
    (25497, "X25519Kyber768Draft00", Hybrid, "draft-tls-westerbaan-xyber768d00"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_sorted_and_agree_with_tls_parser() {
        assert!(GROUPS.is_sorted_by(|a, b| a.0 < b.0));
        for group in NamedGroup::all() {
            let theirs = format!("{:?}", tls_parser::NamedGroup(group.0)).to_lowercase();
            let ours = group.to_string().to_lowercase();
            assert!(
                theirs.contains(&ours)
                    || theirs == format!("ecdh{ours}")
                    || ours == format!("curve{theirs}")
                    || theirs.starts_with("namedgroup("),
                "{ours} is {theirs} to tls-parser"
            );
        }
    }

    #[test]
    fn offers_are_of_known_groups() {
        for group in [NamedGroup::for_tls13(), NamedGroup::up_to_tls12()].concat() {
            assert!(group.name().is_some(), "{group}");
        }
        assert!(NamedGroup::X25519_MLKEM768.is_post_quantum());
        assert_eq!(
            NamedGroup::SECP256R1_MLKEM768.to_string(),
            "SecP256r1MLKEM768"
        );
        assert_eq!(
            NamedGroup::SECP384R1_MLKEM1024.to_string(),
            "SecP384r1MLKEM1024"
        );
        assert!(!NamedGroup::FFDHE2048.is_post_quantum());
        assert_eq!(NamedGroup(0x9999).to_string(), "group 0x9999");
    }
}
