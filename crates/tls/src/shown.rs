//! What a server shows of its certificates in plaintext, as all do up to TLS 1.2: also at versions that no library shakes
//! hands with any more, and with the extensions that libraries leave out.

use crate::offer::{Offer, Shape};
use crate::{Alert, CipherSuite, Limits, Pace, ProtocolVersion, Target, Unready, Why};
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// What a server shows before anything is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its certificates in DER, as it sent them (RFC 5246, section 7.4.2).
    pub chain: Vec<Vec<u8>>,
    /// The OCSP response that it stapled (RFC 6066, section 8).
    pub ocsp: Option<Vec<u8>>,
    /// The list of signed certificate timestamps in its ServerHello (RFC 6962, section 3.3.1).
    pub timestamps: Option<Vec<u8>>,
}

/// Certificates that are kept of one server.
const MOST_CERTIFICATES: usize = 64;
/// The level of an alert that ends nothing.
const WARNING: u8 = 1;
const HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

/// Offers these suites at a version up to TLS 1.2, and reads what the server shows.
///
/// # Errors
/// Why it showed nothing; whether that was a no is [`Why::is_refusal`]'s to say.
pub async fn shown(
    target: &Target,
    version: ProtocolVersion,
    suites: Vec<CipherSuite>,
    limits: Limits,
    pace: &Pace,
) -> Result<Shown, Why> {
    let offer = Offer::of(version.min(ProtocolVersion::Tls12), suites);
    let name = target.server_name.as_deref();
    let alpn = target.protocol.alpn();
    let records = offer.records(Shape::Full, &offer.suites, name, alpn)?;
    pace.wait(target.address.ip()).await;
    let mut stream = target.open(limits).await.map_err(|unready| match unready {
        Unready::NotConnected(kind) => Why::NotConnected(kind),
        Unready::NoTls(words) => Why::TurnedAway(words),
        Unready::Failed(why) => why,
    })?;
    let mut flight = Flight::default();
    let mut read = 0;
    let exchange = async {
        // Failed to send: the server may have shown something before it closed.
        let _ = stream.write_all(&records).await;
        let mut buffer = [0; 4096];
        while read < limits.bytes && !flight.done {
            match stream.read(&mut buffer).await {
                Ok(0) => return Why::Closed,
                Err(_) => return Why::Reset,
                Ok(length) => {
                    read += length;
                    flight.feed(buffer.get(..length).unwrap_or_default());
                }
            }
        }
        Why::NoCertificate
    };
    let end = timeout(limits.answer, exchange).await;
    match (flight.shown.chain.is_empty(), flight.alert) {
        (false, _) => Ok(flight.shown),
        (true, Some(alert)) => Err(Why::Alert(alert)),
        (true, None) => Err(end.unwrap_or(Why::TimedOut)),
    }
}

/// The first flight as it comes in.
#[derive(Debug, Default)]
struct Flight {
    /// Bytes of records that are not whole.
    records: Vec<u8>,
    /// Bytes of handshake messages that are not whole.
    messages: Vec<u8>,
    shown: Shown,
    /// What ended it.
    alert: Option<Alert>,
    done: bool,
}

impl Flight {
    fn feed(&mut self, bytes: &[u8]) {
        self.records.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(&[kind, _, _, high, low]) = self.records.get(at..at + HEADER) {
            let end = at + HEADER + usize::from(u16::from_be_bytes([high, low]));
            let Some(fragment) = self.records.get(at + HEADER..end) else {
                break;
            };
            match kind {
                22 => self.messages.extend_from_slice(fragment),
                // A warning ends nothing.
                21 => {
                    if let &[level, description] = fragment
                        && level != WARNING
                    {
                        self.alert = Some(Alert { level, description });
                        self.done = true;
                    }
                }
                // Whatever else is no part of a first flight.
                _ => self.done = true,
            }
            at = end;
        }
        self.records.drain(..at);
        self.take_messages();
    }

    fn take_messages(&mut self) {
        let mut at = 0;
        while let Some(&[_, a, b, c]) = self.messages.get(at..at + MESSAGE_HEADER) {
            let end = at + MESSAGE_HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(message) = self.messages.get(at..end) else {
                break;
            };
            // What breaks the grammar shows nothing.
            if let Ok((_, TlsMessage::Handshake(message))) =
                tls_parser::parse_tls_message_handshake(message)
            {
                take(&mut self.shown, &mut self.done, &message);
            }
            at = end;
        }
        self.messages.drain(..at);
    }
}

fn take(shown: &mut Shown, done: &mut bool, message: &TlsMessageHandshake<'_>) {
    match message {
        TlsMessageHandshake::ServerHello(hello) => {
            let extensions = hello.ext.unwrap_or_default();
            if let Ok((_, extensions)) = tls_parser::parse_tls_server_hello_extensions(extensions) {
                let list = extensions
                    .into_iter()
                    .find_map(|extension| match extension {
                        // The parser takes the list's length off.
                        TlsExtension::SignedCertificateTimestamp(Some(list)) => {
                            let length = u16::try_from(list.len()).ok()?;
                            Some([&length.to_be_bytes(), list].concat())
                        }
                        _ => None,
                    });
                shown.timestamps = list;
            }
        }
        TlsMessageHandshake::Certificate(certificates) => {
            let chain = certificates.cert_chain.iter().take(MOST_CERTIFICATES);
            shown.chain = chain.map(|certificate| certificate.data.to_vec()).collect();
        }
        TlsMessageHandshake::CertificateStatus(status) if status.status_type == 1 => {
            shown.ocsp = Some(status.blob.to_vec());
        }
        TlsMessageHandshake::ServerDone(_) => *done = true,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("short").to_be_bytes();
        [&[kind, length[1], length[2], length[3]], body].concat()
    }

    fn vector(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
        [&length[1..], bytes].concat()
    }

    fn flight() -> Vec<u8> {
        let mut hello = vec![3, 3];
        hello.extend([7; 32]);
        // No session, a suite, no compression, and an extension with a list of timestamps.
        hello.extend([0, 0xC0, 0x2F, 0, 0, 9, 0, 18, 0, 5, 0, 3, 1, 2, 3]);
        let chain = [vector(b"leaf"), vector(b"above it")].concat();
        let status = [vec![1], vector(b"good")].concat();
        [
            message(2, &hello),
            message(11, &vector(&chain)),
            message(22, &status),
            message(14, &[]),
        ]
        .concat()
    }

    fn records(messages: &[u8], size: usize) -> Vec<u8> {
        let record = |fragment: &[u8]| {
            let length = u16::try_from(fragment.len()).expect("short").to_be_bytes();
            [&[22, 3, 3, length[0], length[1]], fragment].concat()
        };
        messages.chunks(size).flat_map(record).collect()
    }

    proptest! {
        #[test]
        fn a_flight_shows_the_same_however_it_is_cut(size in 1usize..200, step in 1usize..200) {
            let mut seen = Flight::default();
            for bytes in records(&flight(), size).chunks(step) {
                prop_assert!(!seen.done);
                seen.feed(bytes);
            }
            prop_assert!(seen.done);
            prop_assert_eq!(seen.shown, Shown {
                chain: vec![b"leaf".to_vec(), b"above it".to_vec()],
                ocsp: Some(b"good".to_vec()),
                timestamps: Some(vec![0, 3, 1, 2, 3]),
            });
        }

        #[test]
        fn an_alert_that_ends_it_is_told_and_a_warning_is_not(level in 0u8..4) {
            let mut seen = Flight::default();
            seen.feed(&[21, 3, 1, 0, 2, level, 40]);
            prop_assert_eq!(seen.done, level != 1);
            let refusal = seen.alert.map(|alert| Why::Alert(alert).is_refusal());
            prop_assert_eq!(refusal, (level != 1).then_some(true));
        }

        #[test]
        fn whatever_comes_is_no_trouble(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0usize..300) {
            let mut whole = records(&flight(), 100);
            let at = at.min(whole.len());
            whole.splice(at..at, bytes);
            Flight::default().feed(&whole);
        }
    }
}
