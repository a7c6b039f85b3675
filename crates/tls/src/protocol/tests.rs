//! Conversations from the RFCs and from servers in use; and bytes that are none.

use super::*;
use crate::{Channel, Limits, Login, Plaintext, Reason, Upgrade, Why, begin_login, upgrade};
use proptest::prelude::*;

/// A greeting of MySQL 8 with these capabilities.
fn mysql_greeting(capabilities: u32) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut body = b"\x0a8.0.36\0".to_vec();
    body.extend([8, 0, 0, 0]);
    body.extend(b"abcdefgh\0");
    body.extend([a, b, 0xFF, 2, 0, c, d, 21]);
    body.extend([0; 10]);
    body.extend(b"ijklmnopqrst\0mysql_native_password\0");
    mysql_packet(0, &body)
}

fn mysql_packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8, 0, 0, sequence], body].concat()
}

fn mysql_error(sequence: u8, number: u16, words: &str) -> Vec<u8> {
    let [low, high] = number.to_le_bytes();
    let body = [&[0xFF, low, high], &b"#HY000"[..], words.as_bytes()].concat();
    mysql_packet(sequence, &body)
}

fn postgres_error(code: &str, words: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{words}\0Fauth.c\0\0");
    let length = (fields.len() + 4) as u32;
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

fn ldap(tag: u8, code: u8, words: &str) -> Vec<u8> {
    let result = [
        &[0x0A, 1, code, 4, 0, 4, words.len() as u8],
        words.as_bytes(),
    ]
    .concat();
    let message = [&[2, 1, 1, tag, result.len() as u8], &result[..]].concat();
    [&[0x30, message.len() as u8], &message[..]].concat()
}

const CAPABLE: u32 = 0x0008_8A01;
/// MySQL's without CLIENT_SSL.
const NO_SSL: u32 = CAPABLE & !0x800;

async fn upgraded(protocol: Protocol, answers: &[u8]) -> (Upgrade, Vec<u8>) {
    let mut sent = Vec::new();
    let mut stream = tokio::io::join(answers, &mut sent);
    let upgraded = upgrade(protocol, &mut stream, Limits::default()).await;
    (upgraded, sent)
}

async fn begun(protocol: Protocol, channel: Channel, answers: &[u8]) -> (Plaintext, Vec<u8>) {
    let mut sent = Vec::new();
    let stream = tokio::io::join(answers, &mut sent);
    let login = Login::default();
    let begun = begin_login(protocol, stream, channel, &login, Limits::default()).await;
    (begun, sent)
}

#[tokio::test]
async fn consents_to_tls() {
    let smtp = b"220-mx.example ESMTP\r\n220 ready\r\n250-mx.example\r\n250-SIZE 1000\r\n250-starttls\r\n250 \
        HELP\r\n220 2.0.0 go ahead\r\n";
    let long_ldap = [
        b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07".as_slice(),
        b"\x0a\x01\0\x04\0\x04\0",
    ]
    .concat();
    for (protocol, answers, last) in [
        (
            Protocol::PostgreSql,
            b"S".to_vec(),
            &b"\x04\xd2\x16\x2f"[..],
        ),
        (Protocol::MySql, mysql_greeting(CAPABLE), &[0; 23]),
        (
            Protocol::Smtp,
            smtp.to_vec(),
            b"EHLO [127.0.0.1]\r\nSTARTTLS\r\n",
        ),
        (
            Protocol::Imap,
            b"* OK [CAPABILITY IMAP4rev1] hi\r\n* 1 EXISTS\r\na OK Begin TLS\r\n".to_vec(),
            b"a STARTTLS\r\n",
        ),
        (
            Protocol::Pop3,
            b"+OK POP3 ready\r\n+OK Begin TLS\r\n".to_vec(),
            b"STLS\r\n",
        ),
        (Protocol::Ldap, ldap(0x78, 0, ""), b"1.3.6.1.4.1.1466.20037"),
        (Protocol::Ldap, long_ldap, b"1.3.6.1.4.1.1466.20037"),
        (Protocol::Https, Vec::new(), b""),
        (Protocol::Smtps, Vec::new(), b""),
        (Protocol::Redis, Vec::new(), b""),
    ] {
        let (upgrade, sent) = upgraded(protocol, &answers).await;
        assert_eq!(upgrade, Upgrade::Ready, "{protocol}");
        assert!(sent.ends_with(last), "{protocol}: {sent:?}");
        // Whoever goes on talking before the hello is not to be believed.
        if protocol.inner() == protocol && !last.is_empty() {
            let more = [&answers[..], b"+OK injected\r\n"].concat();
            let (upgrade, _) = upgraded(protocol, &more).await;
            let why = Why::BufferedPlaintext(14);
            assert_eq!(upgrade, Upgrade::Unknown(why), "{protocol}");
        }
    }
}

#[tokio::test]
async fn refusals_of_tls() {
    let no_starttls = b"220 mx\r\n250-mx\r\n250 STARTTLSX\r\n";
    let refused = b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n502 not here\r\n";
    for (protocol, answers, words) in [
        (Protocol::PostgreSql, b"N".to_vec(), "N, to SSLRequest"),
        (
            Protocol::MySql,
            mysql_greeting(NO_SSL),
            "the capability CLIENT_SSL is not offered",
        ),
        (
            Protocol::Smtp,
            no_starttls.to_vec(),
            "STARTTLS is not offered",
        ),
        (Protocol::Smtp, refused.to_vec(), "502 not here"),
        (
            Protocol::Imap,
            b"* OK hi\r\na BAD what?\r\n".to_vec(),
            "a BAD what?",
        ),
        (
            Protocol::Pop3,
            b"+OK\r\n-ERR what?\r\n".to_vec(),
            "-ERR what?",
        ),
        (
            Protocol::Ldap,
            ldap(0x78, 2, "unsupported extended operation"),
            "2 (protocolError): unsupported extended operation",
        ),
    ] {
        let (upgrade, _) = upgraded(protocol, &answers).await;
        assert_eq!(upgrade, Upgrade::Refused(words.to_owned()), "{protocol}");
    }
}

#[tokio::test]
async fn what_is_no_consent_and_no_refusal_is_unknown() {
    let away = |words: &str| Why::TurnedAway(words.to_owned());
    for (protocol, answers, why) in [
        (
            Protocol::PostgreSql,
            postgres_error("53300", "sorry, too many clients already"),
            away("FATAL 53300: sorry, too many clients already"),
        ),
        (
            Protocol::PostgreSql,
            b"HTTP".to_vec(),
            Why::Garbage(Reason::NotTls(b"H".to_vec())),
        ),
        (Protocol::PostgreSql, Vec::new(), Why::Closed),
        (
            Protocol::MySql,
            mysql_packet(0, b"\xff\x69\x04Host is blocked"),
            away("1129: Host is blocked"),
        ),
        (
            Protocol::Smtp,
            b"554-go\r\n554 away\x1b[2J\r\n".to_vec(),
            away("554 away [2J"),
        ),
        (
            Protocol::Smtp,
            b"220 mx\r\n250 STARTTLS".to_vec(),
            Why::Closed,
        ),
        (
            Protocol::Smtp,
            b"220-mx\r\n221 other\r\n".to_vec(),
            wire::malformed("reply of SMTP"),
        ),
        (
            Protocol::Imap,
            b"* PREAUTH hi\r\n".to_vec(),
            away("* PREAUTH hi"),
        ),
        (Protocol::Pop3, b"-ERR busy\r\n".to_vec(), away("-ERR busy")),
        (Protocol::Ldap, ldap(0x78, 52, ""), away("52 (unavailable)")),
        (
            Protocol::Ldap,
            ldap(0x61, 0, ""),
            wire::malformed("message of LDAP"),
        ),
        (
            Protocol::Ldap,
            b"\x30\x84\xff\xff\xff\xff".to_vec(),
            wire::malformed("message of LDAP"),
        ),
        (
            Protocol::MySql,
            b"\xff\xff\xff\0".to_vec(),
            Why::Garbage(Reason::TooMuch(64 << 10)),
        ),
        (
            Protocol::Imap,
            vec![b'x'; 100_000],
            Why::Garbage(Reason::TooMuch(8192)),
        ),
        (
            Protocol::Smtp,
            b"220-\r\n".repeat(1000),
            wire::malformed("answer: too many lines"),
        ),
    ] {
        let (upgrade, _) = upgraded(protocol, &answers).await;
        assert_eq!(upgrade, Upgrade::Unknown(why), "{protocol}");
    }
}

#[tokio::test]
async fn logins_without_tls() {
    let no_encryption = "no pg_hba.conf entry for host \"127.0.0.1\", user \"lockfast\", database \"lockfast\", no \
        encryption";
    let secure =
        "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
    let mysql = |answer: Vec<u8>| [mysql_greeting(CAPABLE), answer].concat();
    let smtp = |rest: &str| format!("220 mx\r\n250-mx\r\n{rest}").into_bytes();
    let mongo = b"\x30\0\0\0\x09\0\0\0\x01\0\0\0\xdd\x07\0\0".to_vec();
    let alert = b"\x15\x03\x01\0\x02\x02\x46".to_vec();
    for (protocol, answers, outcome, words) in [
        (
            Protocol::PostgreSql,
            postgres_error("28000", no_encryption),
            'T',
            no_encryption,
        ),
        (
            Protocol::PostgreSql,
            postgres_error("08P01", "SSL required"),
            'R',
            "FATAL 08P01: SSL required",
        ),
        (
            Protocol::PostgreSql,
            postgres_error("3D000", "database \"lockfast\" does not exist"),
            'A',
            "does not exist",
        ),
        (
            Protocol::PostgreSql,
            b"N\0\0\0\x05\0R\0\0\0\x08\0\0\0\x0a".to_vec(),
            'A',
            "SCRAM",
        ),
        (
            Protocol::MySql,
            mysql(mysql_error(2, 3159, secure)),
            'R',
            secure,
        ),
        (
            Protocol::MySql,
            mysql(mysql_error(
                2,
                1045,
                "Access denied for user 'lockfast'@'localhost'",
            )),
            '?',
            "password before it looks for TLS: 1045: Access denied",
        ),
        (
            Protocol::MySql,
            mysql(
                [
                    mysql_packet(2, b"\xfecaching_sha2_password\0abcdefgh"),
                    mysql_error(4, 3159, secure),
                ]
                .concat(),
            ),
            'R',
            secure,
        ),
        (
            Protocol::MySql,
            mysql(mysql_error(2, 1040, "Too many connections")),
            'T',
            "1040: Too many connections",
        ),
        (
            Protocol::Smtp,
            smtp("250 AUTH PLAIN\r\n"),
            'A',
            "250 AUTH PLAIN",
        ),
        (
            Protocol::Smtp,
            smtp("250 AUTH=LOGIN\r\n"),
            'A',
            "250 AUTH=LOGIN",
        ),
        (
            Protocol::Smtp,
            smtp("250 STARTTLS\r\n530 Must issue a STARTTLS command first\r\n"),
            'R',
            "530 Must issue",
        ),
        (Protocol::Smtp, smtp("250 STARTTLS\r\n334 \r\n"), 'A', "334"),
        (
            Protocol::Smtp,
            smtp("250 STARTTLS\r\n503 AUTH not enabled\r\n"),
            'T',
            "503 AUTH not enabled",
        ),
        (
            Protocol::Imap,
            b"* OK hi\r\n* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na OK\r\n".to_vec(),
            'R',
            "LOGINDISABLED",
        ),
        (
            Protocol::Imap,
            b"* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na OK\r\n".to_vec(),
            'A',
            "AUTH=PLAIN",
        ),
        (Protocol::Pop3, b"+OK\r\n+OK\r\n".to_vec(), 'A', "+OK"),
        (
            Protocol::Pop3,
            b"+OK\r\n-ERR [AUTH] Plaintext authentication disallowed\r\n".to_vec(),
            'R',
            "disallowed",
        ),
        (
            Protocol::Pop3,
            b"+OK\r\n-ERR no\r\n".to_vec(),
            'T',
            "-ERR no",
        ),
        (
            Protocol::Ldap,
            ldap(0x61, 13, "confidentiality required"),
            'R',
            "13 (confidentialityRequired): confidentiality required",
        ),
        (Protocol::Ldap, ldap(0x61, 0, ""), 'A', "0 (success)"),
        (
            Protocol::Ldap,
            ldap(0x61, 48, "anonymous bind disallowed"),
            'T',
            "anonymous bind disallowed",
        ),
        (Protocol::Redis, b"+PONG\r\n".to_vec(), 'A', "+PONG"),
        (
            Protocol::Redis,
            b"-NOAUTH Authentication required.\r\n".to_vec(),
            'A',
            "-NOAUTH",
        ),
        (Protocol::Redis, alert.clone(), 'R', "a TLS alert"),
        (Protocol::MongoDb, mongo, 'A', "hello"),
        (Protocol::MongoDb, alert, 'R', "a TLS alert"),
    ] {
        let (plaintext, _) = begun(protocol, Channel::Plain, &answers).await;
        let (kind, said) = match &plaintext {
            Plaintext::Refused { answer } => ('R', answer.clone()),
            Plaintext::Accepted { answer } => ('A', answer.clone()),
            Plaintext::Unknown(Why::TurnedAway(answer)) => ('T', answer.clone()),
            Plaintext::Unknown(why) => ('?', why.to_string()),
        };
        assert_eq!(
            (kind, said.contains(words)),
            (outcome, true),
            "{protocol}: {plaintext:?}"
        );
    }
}

#[tokio::test]
async fn what_is_sent_has_the_right_form() {
    let (_, sent) = begun(Protocol::PostgreSql, Channel::Plain, b"").await;
    assert_eq!(
        sent,
        b"\0\0\0\x29\0\x03\0\0user\0lockfast\0database\0lockfast\0\0"
    );
    let (_, sent) = begun(Protocol::MongoDb, Channel::Plain, b"").await;
    assert_eq!(usize::from(sent[0]), sent.len());
    assert_eq!(usize::from(sent[21]), sent.len() - 21);
    let (_, sent) = upgraded(Protocol::MySql, &mysql_greeting(CAPABLE)).await;
    assert_eq!(sent.len(), 4 + 32);
    assert_eq!(sent[..4], [32, 0, 0, 1]);
    assert_ne!(sent[5] & 8, 0, "CLIENT_SSL");
    // After the switch of the method the handshake is finished, so that it does not count as an attack.
    let switch = mysql_packet(2, b"\xfecaching_sha2_password\0abcdefgh");
    let answers = [mysql_greeting(CAPABLE), switch].concat();
    let (_, sent) = begun(Protocol::MySql, Channel::Plain, &answers).await;
    assert!(sent.ends_with(&[0, 0, 0, 3]));
    assert_eq!(sent[5] & 8, 0, "no CLIENT_SSL");
    // No greeting comes after STARTTLS.
    let (login, _) = begun(
        Protocol::Smtp,
        Channel::Tls,
        b"250-mx\r\n250 AUTH PLAIN\r\n",
    )
    .await;
    assert!(matches!(login, Plaintext::Accepted { .. }));
}

#[test]
fn names_and_ports() {
    for protocol in Protocol::all() {
        assert_eq!(protocol.to_string().parse(), Ok(protocol));
        for port in protocol.ports() {
            assert_eq!(Protocol::of_port(*port), Some(protocol));
        }
    }
    assert_eq!("PostgreSQL".parse(), Ok(Protocol::PostgreSql));
    assert!("gopher".parse::<Protocol>().is_err());
    assert_eq!(Protocol::of_port(8443), None);
}

/// Answers near to real ones: pieces of conversations in any order, with any bytes between.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(mysql_greeting(CAPABLE)),
        Just(mysql_error(2, 3159, "no")),
        Just(postgres_error("28000", "no")),
        Just(ldap(0x78, 0, "words")),
        Just(ldap(0x61, 13, "words")),
        Just(b"220 mx\r\n".to_vec()),
        Just(b"250-mx\r\n250 STARTTLS\r\n".to_vec()),
        Just(b"* OK\r\n".to_vec()),
        Just(b"* CAPABILITY X\r\na OK\r\n".to_vec()),
        Just(b"+OK\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_answer_is_read_to_an_end(bytes in answers(), cut in 0_usize..200) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bytes = &bytes[..bytes.len() - cut.min(bytes.len())];
        for protocol in Protocol::all() {
            if let (Upgrade::Refused(words), _) = runtime.block_on(upgraded(protocol, bytes)) {
                prop_assert!(words.chars().count() <= 200 && !words.contains(char::is_control));
            }
            for channel in [Channel::Plain, Channel::Tls] {
                let (plaintext, _) = runtime.block_on(begun(protocol, channel, bytes));
                if let Plaintext::Refused { answer } | Plaintext::Accepted { answer } = plaintext {
                    prop_assert!(answer.chars().count() <= 200 && !answer.contains(char::is_control));
                }
            }
        }
    }
}
