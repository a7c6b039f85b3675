use super::*;
use tls_parser::{TlsCipherAu, TlsCipherKx, TlsCipherMac, TlsCipherSuite};

fn named(name: &str) -> CipherSuite {
    CipherSuite::all()
        .find(|suite| suite.name() == Some(name))
        .unwrap_or_else(|| panic!("no suite {name}"))
}

/// The properties read from the names agree with tls-parser's columns, but for the errors known there.
#[test]
fn names_agree_with_tls_parsers_columns() {
    for suite in CipherSuite::all() {
        let Some(theirs) = TlsCipherSuite::from_id(suite.0) else {
            assert!((0xC100..=0xC106).contains(&suite.0), "{suite}");
            continue;
        };
        let aead =
            theirs.mac == TlsCipherMac::Aead || suite.encryption() == Some(Encryption::Aegis);
        assert_eq!(suite.is_aead(), aead, "{suite}");
        let ephemeral = matches!(
            theirs.kx,
            TlsCipherKx::Dhe
                | TlsCipherKx::Ecdhe
                | TlsCipherKx::Eccpwd
                | TlsCipherKx::Srp
                | TlsCipherKx::Tls13
        );
        let swapped = theirs.au == TlsCipherAu::Dhe;
        let anonymous = theirs.au == TlsCipherAu::Null && theirs.kx != TlsCipherKx::Null;
        assert_eq!(
            suite.is_forward_secret(),
            ephemeral || swapped || anonymous,
            "{suite}"
        );
        assert_eq!(
            suite.encryption() == Some(Encryption::Null),
            theirs.enc == tls_parser::TlsCipherEnc::Null,
            "{suite}"
        );
        assert_eq!(
            suite.authentication() == Some(Authentication::Anonymous),
            theirs.au == TlsCipherAu::Null,
            "{suite}"
        );
    }
}

#[test]
fn every_suite_is_told_apart() {
    assert_eq!(CipherSuite::all().count(), 357);
    for suite in CipherSuite::all() {
        assert!(suite.reference().is_some(), "{suite} has no reference");
        assert!(suite.key_exchange().is_some(), "{suite}");
        assert!(suite.authentication().is_some(), "{suite}");
        assert!(suite.encryption().is_some(), "{suite}");
        assert!(suite.mode().is_some(), "{suite}");
    }
    assert!(registry_is_sorted());
}

fn registry_is_sorted() -> bool {
    let ids: Vec<_> = CipherSuite::all().collect();
    ids.is_sorted_by(|a, b| a < b)
}

#[test]
fn well_known_suites() {
    use Weakness::*;
    for (name, secret, aead, weak) in [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", true, true, vec![]),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", false, true, vec![]),
        (
            "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
            false,
            true,
            vec![],
        ),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", true, false, vec![]),
        ("TLS_PSK_DHE_WITH_AES_128_CCM_8", true, true, vec![]),
        ("TLS_AES_128_CCM_8_SHA256", true, true, vec![]),
        ("TLS_AEGIS_256_SHA512", true, true, vec![]),
        ("TLS_SHA256_SHA256", true, false, vec![Null]),
        ("TLS_RSA_WITH_RC4_128_MD5", false, false, vec![Rc4, Md5]),
        (
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
            false,
            false,
            vec![Export, Des],
        ),
        (
            "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5",
            true,
            false,
            vec![Anonymous, Export, Rc4, Md5],
        ),
        (
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            false,
            false,
            vec![TripleDes],
        ),
        ("TLS_ECDHE_ECDSA_WITH_NULL_SHA", true, false, vec![Null]),
    ] {
        let suite = named(name);
        assert_eq!(
            (
                suite.is_forward_secret(),
                suite.is_aead(),
                suite.weaknesses()
            ),
            (secret, aead, weak),
            "{name}"
        );
    }
    assert_eq!(CipherSuite(0x0A0A).to_string(), "suite 0x0A0A");
    assert!(!CipherSuite(0x0A0A).is_forward_secret());
    assert_eq!(CipherSuite(0x0005).reference(), Some("RFC 5246"));
    assert_eq!(CipherSuite(0xC101).reference(), Some("RFC 9189"));
    assert_eq!(CipherSuite::FALLBACK_SCSV.key_exchange(), None);
}

#[test]
fn versions_have_their_suites() {
    let of = |version| offered_suites(version);
    assert!(of(ProtocolVersion::Tls13).contains(&CipherSuite(0x1301)));
    assert!(!of(ProtocolVersion::Tls12).contains(&CipherSuite(0x1301)));
    assert!(of(ProtocolVersion::Tls12).contains(&CipherSuite(0xC02F)));
    assert!(!of(ProtocolVersion::Tls11).contains(&CipherSuite(0xC02F)));
    assert!(of(ProtocolVersion::Tls10).contains(&named("TLS_RSA_WITH_AES_128_CBC_SHA")));
    assert!(of(ProtocolVersion::Tls10).contains(&named("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256")));
    assert!(of(ProtocolVersion::Ssl2).is_empty());
    for version in ProtocolVersion::ALL {
        assert!(!of(version).contains(&CipherSuite(0)), "{version}");
        assert!(of(version).iter().all(|suite| !suite.is_signal()));
    }
    let best = of(ProtocolVersion::Tls12)[0];
    assert!(
        best.is_forward_secret() && best.is_aead() && !best.is_broken(),
        "{best}"
    );
}

#[test]
fn ssl2_kinds_are_named() {
    assert!(Ssl2CipherKind::ALL.iter().all(|kind| kind.name().is_some()));
    assert_eq!(Ssl2CipherKind(1).name(), None);
}
