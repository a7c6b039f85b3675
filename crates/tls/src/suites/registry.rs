//! Numbers, names and defining documents of cipher suites.

use std::sync::LazyLock;

/// The suites of GOST, which `tls-parser` does not have (IANA tls-parameters-4; RFC 9189, section 8, and RFC 9367,
/// section 5).
const GOST: [(u16, &str); 7] = [
    (0xC100, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC"),
    (0xC101, "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC"),
    (0xC102, "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT"),
    (0xC103, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L"),
    (0xC104, "TLS_GOSTR341112_256_WITH_MAGMA_MGM_L"),
    (0xC105, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_S"),
    (0xC106, "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S"),
];

static IDS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut ids: Vec<u16> = tls_parser::CIPHERS
        .keys()
        .copied()
        .chain(GOST.iter().map(|row| row.0))
        .filter(|id| !super::CipherSuite(*id).is_signal())
        .collect();
    ids.sort_unstable();
    ids
});

/// All suites, signals left out, in the order of their numbers.
pub(super) fn ids() -> &'static [u16] {
    &IDS
}

/// The name in the registry.
pub(super) fn name(id: u16) -> Option<&'static str> {
    match tls_parser::TlsCipherSuite::from_id(id) {
        Some(suite) => Some(suite.name),
        None => GOST.iter().find(|row| row.0 == id).map(|row| row.1),
    }
}

/// The defining document.
pub(super) fn reference(id: u16) -> Option<&'static str> {
    name(id)?;
    let row = REFERENCES.iter().find(|row| (row.0..=row.1).contains(&id));
    row.map(|row| row.2)
}

/// First and last number of a run, and the document that defines it (column "Reference" of IANA tls-parameters-4 as
/// `tls-parser` 0.12.2 took it over, the first where several are named). Drafts among them never became standards, but
/// servers have them.
#[rustfmt::skip]
const REFERENCES: &[(u16, u16, &str)] = &[
    (0x0000, 0x0002, "RFC 5246"),
    (0x0003, 0x0003, "RFC 4346"),
    (0x0004, 0x0005, "RFC 5246"),
    (0x0006, 0x0006, "RFC 4346"),
    (0x0007, 0x0007, "RFC 8996"),
    (0x0008, 0x0008, "RFC 4346"),
    (0x0009, 0x0009, "RFC 8996"),
    (0x000A, 0x000A, "RFC 5246"),
    (0x000B, 0x000B, "RFC 4346"),
    (0x000C, 0x000C, "RFC 8996"),
    (0x000D, 0x000D, "RFC 5246"),
    (0x000E, 0x000E, "RFC 4346"),
    (0x000F, 0x000F, "RFC 8996"),
    (0x0010, 0x0010, "RFC 5246"),
    (0x0011, 0x0011, "RFC 4346"),
    (0x0012, 0x0012, "RFC 8996"),
    (0x0013, 0x0013, "RFC 5246"),
    (0x0014, 0x0014, "RFC 4346"),
    (0x0015, 0x0015, "RFC 8996"),
    (0x0016, 0x0016, "RFC 5246"),
    (0x0017, 0x0017, "RFC 4346"),
    (0x0018, 0x0018, "RFC 5246"),
    (0x0019, 0x0019, "RFC 4346"),
    (0x001A, 0x001A, "RFC 8996"),
    (0x001B, 0x001B, "RFC 5246"),
    (0x001E, 0x002B, "RFC 2712"),
    (0x002C, 0x002E, "RFC 4785"),
    (0x002F, 0x0040, "RFC 5246"),
    (0x0041, 0x0046, "RFC 5932"),
    (0x0060, 0x0061, "draft-ietf-tls-56-bit-ciphersuites-00"),
    (0x0062, 0x0066, "draft-ietf-tls-56-bit-ciphersuites-01"),
    (0x0067, 0x006D, "RFC 5246"),
    (0x0084, 0x0089, "RFC 5932"),
    (0x008A, 0x0095, "RFC 4279"),
    (0x0096, 0x009B, "RFC 4162"),
    (0x009C, 0x00A7, "RFC 5288"),
    (0x00A8, 0x00B9, "RFC 5487"),
    (0x00BA, 0x00C5, "RFC 5932"),
    (0x00C6, 0x00C7, "RFC 8998"),
    (0x00FF, 0x00FF, "RFC 5746"),
    (0x1301, 0x1305, "RFC 8446"),
    (0x1306, 0x1307, "draft-irtf-cfrg-aegis-aead-08"),
    (0x5600, 0x5600, "RFC 7507"),
    (0xC001, 0xC019, "RFC 8422"),
    (0xC01A, 0xC022, "RFC 5054"),
    (0xC023, 0xC032, "RFC 5289"),
    (0xC033, 0xC03B, "RFC 5489"),
    (0xC03C, 0xC071, "RFC 6209"),
    (0xC072, 0xC09B, "RFC 6367"),
    (0xC09C, 0xC0AB, "RFC 6655"),
    (0xC0AC, 0xC0AF, "RFC 7251"),
    (0xC0B0, 0xC0B3, "RFC 8492"),
    (0xC0B4, 0xC0B5, "RFC 9150"),
    (0xC100, 0xC102, "RFC 9189"),
    (0xC103, 0xC106, "RFC 9367"),
    (0xCCA8, 0xCCAE, "RFC 7905"),
    (0xD001, 0xD005, "RFC 8442"),
];
