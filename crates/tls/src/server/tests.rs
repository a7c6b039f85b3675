use super::hello::RETRY_RANDOM;
use super::*;
use proptest::prelude::*;

const LIMIT: usize = 64 << 10;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 3, 3];
    out.extend((content.len() as u16).to_be_bytes());
    out.extend(content);
    out
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out[0] = kind;
    out.extend(body);
    out
}

fn hello(version: u16, random: [u8; 32], suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(random);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if !extensions.is_empty() {
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

fn read(bytes: &[u8]) -> Answer {
    read_as(ReadTo::EndOfFlight, bytes, End::Fin)
}

fn read_as(read_to: ReadTo, bytes: &[u8], end: End) -> Answer {
    let mut flight = FirstFlight::new(read_to, LIMIT);
    flight.feed(bytes).unwrap_or_else(|| flight.end(end))
}

fn read_bytewise(bytes: &[u8]) -> Answer {
    let mut flight = FirstFlight::new(ReadTo::EndOfFlight, LIMIT);
    let answer = bytes.iter().find_map(|byte| flight.feed(&[*byte]));
    answer.unwrap_or_else(|| flight.end(End::Fin))
}

/// ServerHello, Certificate, ServerKeyExchange and ServerHelloDone of TLS 1.2 with ECDHE over x25519.
fn flight(certificate: usize) -> Vec<u8> {
    let extensions = [
        0xFF, 1, 0, 1, 0, 0, 16, 0, 5, 0, 3, 2, b'h', b'2', 0, 23, 0, 0,
    ];
    let mut all = hello(0x0303, [1; 32], 0xC02F, &extensions);
    all.extend(message(11, &vec![0; certificate]));
    all.extend(message(12, &[3, 0, 29, 32, 1, 2, 3]));
    all.extend(message(14, &[]));
    all
}

fn is_that_flight(answer: &Answer) -> bool {
    let Answer::Hello(hello) = answer else {
        panic!("{answer:?}");
    };
    hello.version == ProtocolVersion::Tls12
        && hello.suite == CipherSuite(0xC02F)
        && hello.group == Some(NamedGroup::X25519)
        && hello.alpn.as_deref() == Some(b"h2")
        && hello.extensions == [0xFF01, 16, 23]
        && hello.is_secure_renegotiation()
        && hello.aborted.is_none()
}

#[test]
fn one_record_or_many() {
    let all = flight(3000);
    assert!(is_that_flight(&read(&record(22, &all))));
    for size in [1, 2, 3, 7, 100, 1000] {
        let records: Vec<u8> = all.chunks(size).flat_map(|part| record(22, part)).collect();
        assert!(is_that_flight(&read(&records)), "{size}");
        assert!(is_that_flight(&read_bytewise(&records)), "{size}");
    }
}

#[test]
fn hello_counts_though_the_rest_is_cut_off() {
    let bytes = record(22, &flight(3000)[..500]);
    for end in [End::Fin, End::Reset, End::TimedOut] {
        let answer = read_as(ReadTo::EndOfFlight, &bytes, end);
        assert!(matches!(answer, Answer::Hello(hello) if hello.group.is_none()));
    }
    let long = record(22, &flight(200_000)[..16_000]);
    let endless: Vec<u8> = long
        .into_iter()
        .chain(record(22, &[0; 16_000]).repeat(9))
        .collect();
    assert!(matches!(read(&endless), Answer::Hello(hello) if hello.group.is_none()));
    let mut aborted = record(22, &flight(3000)[..500]);
    aborted.extend(record(21, &[2, 80]));
    let Answer::Hello(hello) = read(&aborted) else {
        panic!()
    };
    assert_eq!(hello.aborted.unwrap().to_string(), "internal_error");
}

#[test]
fn group_or_prime_of_every_exchange() {
    for (suite, body, group, bits) in [
        (0xC02F_u16, &[3, 0, 23][..], Some(23), None),
        (0xC035, &[0, 2, 9, 9, 3, 0, 24], Some(24), None),
        (0x0033, &[0, 3, 0, 1, 0, 0], None, Some(9)),
        (0x0090, &[0, 1, 9, 0, 2, 0x80, 0], None, Some(16)),
        (0x0033, &[0, 2, 0, 0], None, None),
        (0x0033, &[255, 255, 0], None, None),
        (0xC02F, &[1, 0, 23], None, None),
        (0xC02F, &[], None, None),
    ] {
        let mut all = hello(0x0303, [1; 32], suite, &[]);
        all.extend(message(12, body));
        all.extend(message(14, &[]));
        let Answer::Hello(hello) = read(&record(22, &all)) else {
            panic!()
        };
        assert_eq!(hello.group.map(|g| g.0), group, "{body:?}");
        assert_eq!(hello.dh_bits, bits, "{body:?}");
    }
}

#[test]
fn tls13_is_told_by_its_extension() {
    let extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 6, 0, 29, 0, 2, 7, 7];
    let Answer::Hello(hello) = read(&record(22, &hello(0x0303, [1; 32], 0x1301, &extensions)))
    else {
        panic!()
    };
    assert_eq!(hello.version, ProtocolVersion::Tls13);
    assert_eq!(hello.group, Some(NamedGroup::X25519));
}

#[test]
fn retry_request_is_told_by_its_random() {
    let extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0x11, 0xEC];
    let bytes = record(22, &hello(0x0303, RETRY_RANDOM, 0x1302, &extensions));
    assert_eq!(
        read(&bytes),
        Answer::RetryRequest(RetryRequest {
            suite: CipherSuite(0x1302),
            group: Some(NamedGroup::X25519_MLKEM768),
        })
    );
}

#[test]
fn retry_request_is_of_tls13() {
    let bytes = record(22, &hello(0x0303, RETRY_RANDOM, 0x1302, &[]));
    assert_eq!(
        read(&bytes),
        Answer::Garbage(Reason::Malformed("HelloRetryRequest"))
    );
    let ssl2 = record(22, &hello(0x0303, [1; 32], 0x1302, &[0, 43, 0, 2, 0, 2]));
    assert_eq!(read(&ssl2), Answer::Garbage(Reason::Version(2)));
}

#[test]
fn old_versions() {
    for version in [0x0300, 0x0301, 0x0302] {
        let bytes = record(22, &hello(version, [1; 32], 5, &[]));
        let answer = read_as(ReadTo::ServerHello, &bytes, End::TimedOut);
        assert!(matches!(answer, Answer::Hello(hello) if hello.version.wire() == version));
    }
    for (extensions, secure) in [(&[0xFF, 1, 0, 1, 0][..], true), (&[9, 9, 9], false)] {
        let bytes = record(22, &hello(0x0300, [1; 32], 5, extensions));
        let Answer::Hello(hello) = read(&bytes) else {
            panic!()
        };
        assert_eq!(hello.is_secure_renegotiation(), secure);
    }
    for version in [0x0304_u16, 0x0002, 0x7F12, 0x0305] {
        let bytes = record(22, &hello(version, [1; 32], 5, &[]));
        assert_eq!(read(&bytes), Answer::Garbage(Reason::Version(version)));
    }
}

#[test]
fn alerts() {
    let alert = |level, description| Answer::Alert(Alert { level, description });
    assert_eq!(read(&record(21, &[2, 70])), alert(2, 70));
    assert_eq!(read(&record(21, &[1, 0])), alert(1, 0));
    // In halves, and a warning before the answer.
    let halves = [record(21, &[2]), record(21, &[40])].concat();
    assert_eq!(read(&halves), alert(2, 40));
    let warned = [record(21, &[1, 112]), record(22, &flight(10))].concat();
    assert!(is_that_flight(&read(&warned)));
    // A warning that ends the connection was the answer; a reset or the clock is none.
    assert_eq!(read(&record(21, &[1, 112])), alert(1, 112));
    let warning = record(21, &[1, 112]);
    assert_eq!(
        read_as(ReadTo::ServerHello, &warning, End::Reset),
        Answer::Reset
    );
    assert_eq!(
        read_as(ReadTo::ServerHello, &warning, End::TimedOut),
        Answer::TimedOut
    );
}

#[test]
fn nothing_at_all() {
    assert_eq!(read(&[]), Answer::Closed);
    assert_eq!(read_as(ReadTo::ServerHello, &[], End::Reset), Answer::Reset);
    assert_eq!(
        read_as(ReadTo::ServerHello, &[], End::TimedOut),
        Answer::TimedOut
    );
    assert_eq!(
        read_as(ReadTo::ServerHello, &[22, 3], End::TimedOut),
        Answer::TimedOut
    );
}

#[test]
fn ssl2() {
    let mut body = vec![4, 0, 1, 0, 2, 0, 3, 0, 6, 0, 2, 1, 1, 1];
    body.extend([7, 0, 0xC0, 1, 0, 0x80, 5, 5]);
    let mut bytes = vec![0x80, body.len() as u8];
    bytes.extend(&body);
    let kinds = vec![Ssl2CipherKind(0x07_00C0), Ssl2CipherKind(0x01_0080)];
    assert_eq!(read(&bytes), Answer::Ssl2Hello(kinds.clone()));
    assert_eq!(read_bytewise(&bytes), Answer::Ssl2Hello(kinds));
    assert_eq!(read(&[0x80, 3, 0, 0, 1]), Answer::Ssl2Error(1));
    assert!(matches!(read(&[0x80, 3, 4, 0, 1]), Answer::Garbage(_)));
    assert!(matches!(read(&[0x80, 0, 4, 0, 1]), Answer::Garbage(_)));
}

#[test]
fn garbage() {
    let http = read(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let Answer::Garbage(reason) = http else {
        panic!()
    };
    assert!(reason.to_string().contains("HTTP/1.1"), "{reason}");
    let of = |bytes: &[u8]| match read(bytes) {
        Answer::Garbage(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&[22, 3, 3, 255, 255]), Reason::RecordTooLong(65_535));
    assert_eq!(of(&record(23, b"data")), Reason::RecordType(23));
    assert_eq!(of(&record(22, &message(11, &[]))), Reason::MessageType(11));
    assert_eq!(
        of(&record(22, &[2, 255, 0, 0])),
        Reason::MessageTooLong(0xFF_0000)
    );
    assert_eq!(
        of(&record(22, &message(2, &[3]))),
        Reason::Malformed("ServerHello")
    );
    assert_eq!(
        of(&record(22, &hello(0x0303, [0; 32], 5, &[0, 1, 0, 9]))),
        Reason::Malformed("extension")
    );
    assert_eq!(of(&record(22, &[]).repeat(LIMIT)), Reason::TooMuch(LIMIT));
    assert_eq!(
        of(&record(22, &message(0, &[0; 9])).repeat(LIMIT)),
        Reason::TooMuch(LIMIT)
    );
    assert_eq!(of(&[22, 3, 3]), Reason::CutShort);
    assert_eq!(of(&record(22, &[2, 0])), Reason::CutShort);
    assert_eq!(of(&[22, 9]), Reason::NotTls(vec![22, 9]));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_one_answer(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        kind in prop::option::of(20_u8..=24),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let bytes = kind.map_or(bytes.clone(), |kind| record(kind, &bytes));
        let whole = read(&bytes);
        let mut flight = FirstFlight::new(ReadTo::EndOfFlight, LIMIT);
        let mut rest = &bytes[..];
        let mut answer = None;
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            answer = flight.feed(now);
            rest = later;
            if answer.is_some() || rest.is_empty() {
                break;
            }
        }
        let pieces = answer.unwrap_or_else(|| flight.end(End::Fin));
        // How much of what is no TLS had arrived is shown, and differs.
        match (&whole, &pieces) {
            (Answer::Garbage(Reason::NotTls(_)), Answer::Garbage(Reason::NotTls(_))) => {}
            _ => prop_assert_eq!(whole, pieces),
        }
    }

    #[test]
    fn a_changed_flight_never_panics(
        changes in prop::collection::vec((0_usize..150, any::<u8>()), 1..6),
    ) {
        let mut bytes = record(22, &flight(40));
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let _ = read(&bytes);
        let _ = read_bytewise(&bytes);
    }
}
