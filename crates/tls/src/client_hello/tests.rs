use super::*;
use proptest::prelude::*;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn bare_hello_byte_for_byte() {
    let mut hello = ClientHello::new(
        ProtocolVersion::Ssl3,
        vec![CipherSuite(0x0005), CipherSuite(0x00FF)],
    );
    hello.random = [0x11; 32];
    let mut expected = hex("16 0300 002f 01 00002b 0300");
    expected.extend([0x11; 32]);
    expected.extend(hex("00 0004 0005 00ff 01 00"));
    assert_eq!(hello.to_records().unwrap(), expected);
}

#[test]
fn every_extension_byte_for_byte() {
    let cases: [(Extension, &str); 16] = [
        (
            Extension::ServerName("a.bc".into()),
            "0000 0009 0007 00 0004 612e6263",
        ),
        (Extension::StatusRequest, "0005 0005 01 0000 0000"),
        (
            Extension::SupportedGroups(vec![NamedGroup::X25519, NamedGroup::X25519_MLKEM768]),
            "000a 0006 0004 001d 11ec",
        ),
        (Extension::EcPointFormats(vec![0]), "000b 0002 01 00"),
        (
            Extension::SignatureAlgorithms(vec![0x0403]),
            "000d 0004 0002 0403",
        ),
        (
            Extension::Alpn(vec![b"h2".to_vec(), b"http/1.1".to_vec()]),
            "0010 000e 000c 02 6832 08 687474702f312e31",
        ),
        (Extension::SignedCertificateTimestamp, "0012 0000"),
        (Extension::Padding(3), "0015 0003 000000"),
        (Extension::ExtendedMasterSecret, "0017 0000"),
        (Extension::SessionTicket, "0023 0000"),
        (
            Extension::SupportedVersions(vec![ProtocolVersion::Tls13, ProtocolVersion::Tls12]),
            "002b 0005 04 0304 0303",
        ),
        (Extension::PskKeyExchangeModes, "002d 0002 01 01"),
        (Extension::KeyShare(vec![]), "0033 0002 0000"),
        (
            Extension::KeyShare(vec![(NamedGroup::X25519, vec![9, 9])]),
            "0033 0008 0006 001d 0002 0909",
        ),
        (Extension::RenegotiationInfo, "ff01 0001 00"),
        (Extension::Other(15, vec![1]), "000f 0001 01"),
    ];
    for (extension, bytes) in cases {
        let mut out = Vec::new();
        extension.write(&mut out).unwrap();
        assert_eq!(out, hex(bytes), "{extension:?}");
    }
}

#[test]
fn ssl2_byte_for_byte() {
    let hello = ssl2_client_hello(&[Ssl2CipherKind(0x07_00C0), Ssl2CipherKind(0x01_0080)]).unwrap();
    assert_eq!(
        hello[..17],
        hex("801f 01 0002 0006 0000 0010 0700c0 010080")
    );
    assert_eq!(hello.len(), 2 + 0x1F);
    let most = vec![Ssl2CipherKind(0x01_0080); 20_000];
    assert_eq!(
        ssl2_client_hello(&most).unwrap_err().field,
        "CIPHER-SPECS-DATA"
    );
}

#[test]
fn tls13_hides_behind_tls12() {
    let hello = ClientHello::new(ProtocolVersion::Tls13, vec![]);
    assert_eq!((hello.record_version, hello.version), (0x0301, 0x0303));
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let mut hello = ClientHello::new(ProtocolVersion::Tls12, vec![]);
    hello.session_id = vec![0; 33];
    assert_eq!(hello.to_records().unwrap_err().field, "session_id");
    hello.session_id.clear();
    hello.extensions = vec![Extension::Padding(usize::MAX)];
    assert_eq!(hello.to_records().unwrap_err().field, "extension");
    hello.extensions = vec![Extension::Padding(40_000), Extension::Padding(40_000)];
    assert_eq!(hello.to_records().unwrap_err().field, "extensions");
    hello.extensions = vec![Extension::Alpn(vec![vec![0; 256]])];
    let error = hello.to_records().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ProtocolName takes 256 bytes, and at most 255 can be said"
    );
}

#[test]
fn long_hellos_take_several_records() {
    let mut hello = ClientHello::new(ProtocolVersion::Tls12, vec![CipherSuite(0x002F)]);
    hello.extensions.push(Extension::Padding(20_000));
    let message = hello.to_message().unwrap();
    let records = hello.to_records().unwrap();
    assert_eq!(records.len(), message.len() + 10);
    assert_eq!(records[..5], [22, 3, 1, 0x40, 0]);
    assert_eq!(records[5 + MAX_FRAGMENT..][..3], [22, 3, 1]);
}

#[test]
fn padding_leaves_the_bad_range() {
    for suites in 0..400 {
        let mut hello = ClientHello::new(ProtocolVersion::Tls12, vec![CipherSuite(5); suites]);
        hello.extensions.push(Extension::RenegotiationInfo);
        hello.pad().unwrap();
        let length = hello.to_message().unwrap().len();
        assert!(!(256..512).contains(&length), "{suites} suites: {length}");
    }
}

#[test]
fn randoms_differ() {
    assert_ne!(random(), random());
    assert_ne!(x25519_share(), x25519_share());
}

fn extension() -> impl Strategy<Value = Extension> {
    let short = || prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        "[a-z0-9.-]{1,60}".prop_map(Extension::ServerName),
        Just(Extension::StatusRequest),
        prop::collection::vec(any::<u16>().prop_map(NamedGroup), 1..50)
            .prop_map(Extension::SupportedGroups),
        short().prop_map(Extension::EcPointFormats),
        prop::collection::vec(any::<u16>(), 1..50).prop_map(Extension::SignatureAlgorithms),
        prop::collection::vec(short(), 1..5).prop_map(Extension::Alpn),
        Just(Extension::SignedCertificateTimestamp),
        (0_usize..600).prop_map(Extension::Padding),
        Just(Extension::ExtendedMasterSecret),
        Just(Extension::SessionTicket),
        prop::collection::vec(prop::sample::select(ProtocolVersion::ALL.to_vec()), 1..6)
            .prop_map(Extension::SupportedVersions),
        Just(Extension::PskKeyExchangeModes),
        prop::collection::vec((any::<u16>().prop_map(NamedGroup), short()), 0..3)
            .prop_map(Extension::KeyShare),
        Just(Extension::RenegotiationInfo),
    ]
}

/// What `tls-parser` reads must be what was meant.
fn assert_same(ours: &Extension, theirs: &TlsExtension<'_>) {
    match (ours, theirs) {
        (Extension::ServerName(name), TlsExtension::SNI(names)) => {
            assert_eq!(names.len(), 1);
            assert_eq!(names[0].1, name.as_bytes());
        }
        (Extension::StatusRequest, TlsExtension::StatusRequest(Some((kind, rest)))) => {
            assert_eq!((kind.0, *rest), (1, &[0_u8; 4][..]));
        }
        (Extension::SupportedGroups(groups), TlsExtension::EllipticCurves(read)) => {
            assert!(groups.iter().map(|g| g.0).eq(read.iter().map(|g| g.0)));
        }
        (Extension::EcPointFormats(formats), TlsExtension::EcPointFormats(read)) => {
            assert_eq!(formats, read);
        }
        (Extension::SignatureAlgorithms(schemes), TlsExtension::SignatureAlgorithms(read)) => {
            assert_eq!(schemes, read);
        }
        (Extension::Alpn(protocols), TlsExtension::ALPN(read)) => assert_eq!(protocols, read),
        (Extension::SignedCertificateTimestamp, TlsExtension::SignedCertificateTimestamp(None))
        | (Extension::ExtendedMasterSecret, TlsExtension::ExtendedMasterSecret)
        | (Extension::SessionTicket, TlsExtension::SessionTicket([]))
        | (Extension::RenegotiationInfo, TlsExtension::RenegotiationInfo([])) => {}
        (Extension::Padding(zeros), TlsExtension::Padding(read)) => {
            assert_eq!(*zeros, read.len());
        }
        (Extension::SupportedVersions(versions), TlsExtension::SupportedVersions(read)) => {
            assert!(
                versions
                    .iter()
                    .map(|v| v.wire())
                    .eq(read.iter().map(|v| v.0))
            );
        }
        (Extension::PskKeyExchangeModes, TlsExtension::PskExchangeModes(modes)) => {
            assert_eq!(modes, &[1]);
        }
        (Extension::KeyShare(shares), TlsExtension::KeyShare(read)) => {
            let length = shares
                .iter()
                .map(|(_, share)| share.len() + 4)
                .sum::<usize>();
            assert_eq!(read.len(), 2 + length);
        }
        (ours, theirs) => panic!("{ours:?} was read as {theirs:?}"),
    }
}

proptest! {
    #[test]
    fn tls_parser_reads_what_was_meant(
        version in prop::sample::select(ProtocolVersion::ALL[1..].to_vec()),
        suites in prop::collection::vec(any::<u16>().prop_map(CipherSuite), 1..400),
        session_id in prop::collection::vec(any::<u8>(), 0..=32),
        compression in prop::collection::vec(any::<u8>(), 1..4),
        extensions in prop::collection::vec(extension(), 0..12),
    ) {
        let mut hello = ClientHello::new(version, suites);
        hello.session_id = session_id;
        hello.compression = compression;
        hello.extensions = extensions;
        let bytes = hello.to_records().unwrap();
        let (rest, record) = tls_parser::parse_tls_plaintext(&bytes).unwrap();
        prop_assert!(rest.is_empty());
        let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(read))] = &record.msg[..] else {
            panic!("{record:?}");
        };
        prop_assert_eq!(read.version.0, hello.version);
        prop_assert_eq!(read.random, &hello.random[..]);
        prop_assert_eq!(read.session_id.unwrap_or_default(), &hello.session_id[..]);
        prop_assert!(read.ciphers.iter().map(|c| c.0).eq(hello.suites.iter().map(|s| s.0)));
        prop_assert!(read.comp.iter().map(|c| c.0).eq(hello.compression.iter().copied()));
        let (rest, extensions) =
            tls_parser::parse_tls_client_hello_extensions(read.ext.unwrap_or_default()).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(extensions.len(), hello.extensions.len());
        for (ours, theirs) in hello.extensions.iter().zip(&extensions) {
            assert_same(ours, theirs);
        }
    }

    #[test]
    fn any_content_is_bytes_or_an_error(
        lengths in prop::collection::vec(0_usize..70_000, 0..4),
        suites in 0_usize..40_000,
    ) {
        let mut hello = ClientHello::new(ProtocolVersion::Tls12, vec![CipherSuite(5); suites]);
        hello.extensions = lengths.iter().map(|n| Extension::Other(7, vec![0; *n])).collect();
        if let Ok(records) = hello.to_records() {
            prop_assert!(records.len() > 5);
        }
    }
}
