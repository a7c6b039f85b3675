//! What comes back: the first flight of a server, read with bounded memory.
//!
//! [`FirstFlight`] is fed bytes as they arrive and knows no sockets, so that tests and fuzzers feed it too. It keeps at
//! most one record and one message that matters (ServerHello, ServerKeyExchange); certificates pass through uncounted
//! but for a limit.

mod hello;

use crate::{CipherSuite, NamedGroup, ProtocolVersion, Ssl2CipherKind, Why};
use hello::{Parsed, parse_server_hello, parse_server_key_exchange};
use std::fmt;
use std::io::ErrorKind;

/// A record's length at most: what it carries and what encryption may add (RFC 5246, section 6.2.3).
const MAX_RECORD: usize = crate::client_hello::MAX_FRAGMENT + 2048;

/// The longest message that is kept; RFC 8446 allows a ServerHello of 64 KiB, and nobody sends one.
const MAX_MESSAGE: usize = 32 << 10;

/// What a server did with a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It goes on with the handshake.
    Hello(ServerHello),
    /// It speaks TLS 1.3 and wants a share for another group.
    RetryRequest(RetryRequest),
    /// It speaks SSLv2 and takes these ciphers.
    Ssl2Hello(Vec<Ssl2CipherKind>),
    /// It speaks SSLv2 and says an error (Hickman 1995, section 2.7).
    Ssl2Error(u16),
    /// It ended the handshake with an alert.
    Alert(Alert),
    /// It closed the connection in order (FIN) without a word.
    Closed,
    /// The connection was reset: by the server, or by whatever stands between.
    Reset,
    /// It did not say enough in the time it had.
    TimedOut,
    /// It said something that is no first flight.
    Garbage(Reason),
    /// There was no connection to ask over, because of this.
    NotConnected(ErrorKind),
    /// It has no TLS, and said so before there could be a hello (see [`crate::upgrade`]).
    NoTls(String),
    /// The talk that leads to TLS failed, because of this.
    NotReady(Why),
}

/// The ServerHello, and what of the rest of its flight matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version it picked.
    pub version: ProtocolVersion,
    /// The suite it picked.
    pub suite: CipherSuite,
    /// The group of the key exchange, when it was said: in key_share (TLS 1.3) or in ServerKeyExchange (before).
    pub group: Option<NamedGroup>,
    /// The size of the Diffie-Hellman prime in ServerKeyExchange, in bits.
    pub dh_bits: Option<usize>,
    /// The compression method it picked: 0 is none.
    pub compression: u8,
    /// The numbers of the extensions it answers, in its order.
    pub extensions: Vec<u16>,
    /// The application protocol it picked.
    pub alpn: Option<Vec<u8>>,
    /// The fatal alert that came after it in the same flight: the server picked what it then could not do.
    pub aborted: Option<Alert>,
}

impl ServerHello {
    /// Whether it answers an extension.
    pub fn has_extension(&self, number: u16) -> bool {
        self.extensions.contains(&number)
    }

    /// The name of the application protocol it picked, if it is a name that is printable.
    pub fn alpn_name(&self) -> Option<String> {
        let name = String::from_utf8(self.alpn.clone()?).ok()?;
        Some(name).filter(|name| !name.contains(char::is_control))
    }

    /// Whether it renegotiates securely (RFC 5746).
    pub fn is_secure_renegotiation(&self) -> bool {
        self.has_extension(0xFF01)
    }
}

/// A HelloRetryRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRequest {
    /// The suite it picked.
    pub suite: CipherSuite,
    /// The group it wants; none when it wants another thing, a cookie alone.
    pub group: Option<NamedGroup>,
}

/// An alert (RFC 8446, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// 1 is a warning, 2 is fatal.
    pub level: u8,
    /// What it says, by number.
    pub description: u8,
}

impl Alert {
    /// Whether it says no to what was offered; others say that something else went wrong (RFC 8446, section 6.2).
    pub fn is_refusal(self) -> bool {
        matches!(
            self.name(),
            Some(
                "handshake_failure"
                    | "protocol_version"
                    | "insufficient_security"
                    | "illegal_parameter"
                    | "inappropriate_fallback",
            )
        )
    }

    /// What it says (IANA "TLS Alerts", tls-parameters-6; the names of RFC 8446, section 6).
    pub fn name(self) -> Option<&'static str> {
        Some(match self.description {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }

    /// Whether the connection goes on after it.
    fn is_passing(self) -> bool {
        self.level == 1 && self.description != 0
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.description),
        }
    }
}

/// Why an answer is no first flight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is not TLS at all.
    #[error("it does not speak TLS; its answer begins with {:?}", String::from_utf8_lossy(.0))]
    NotTls(Vec<u8>),
    /// A record is longer than records are.
    #[error("a record of {0} bytes")]
    RecordTooLong(usize),
    /// A message is longer than we keep.
    #[error("a handshake message of {0} bytes")]
    MessageTooLong(usize),
    /// It says more than it may before it comes to the point.
    #[error("more than {0} bytes without a ServerHello")]
    TooMuch(usize),
    /// Another type of record than a first flight has.
    #[error("a record of type {0} before the ServerHello")]
    RecordType(u8),
    /// Another message than ServerHello comes first.
    #[error("a handshake message of type {0} before the ServerHello")]
    MessageType(u8),
    /// A part that breaks the grammar.
    #[error("a malformed {0}")]
    Malformed(&'static str),
    /// It ends in the middle of a record or a message.
    #[error("an answer that ends in the middle")]
    CutShort,
    /// A version that is none.
    #[error("a version 0x{0:04X}, which does not exist")]
    Version(u16),
}

/// How far to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadTo {
    /// The ServerHello, and not a byte more.
    ServerHello,
    /// The end of the flight (ServerHelloDone): shows the group up to TLS 1.2, and whether the server can go through
    /// with what it picked. In TLS 1.3 the rest is encrypted, and the ServerHello is the end.
    EndOfFlight,
}

/// How a connection ended before the answer was whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed it in order.
    Fin,
    /// It was reset.
    Reset,
    /// The time was up.
    TimedOut,
}

/// The first flight of a server, as it comes in.
#[derive(Debug)]
pub struct FirstFlight {
    read_to: ReadTo,
    /// Bytes that it may yet send.
    budget: usize,
    limit: usize,
    /// The start of a record, until it is whole.
    record: Vec<u8>,
    /// Handshake bytes of records read, until a message is whole.
    message: Vec<u8>,
    /// Bytes of an uninteresting message yet to come.
    skip: usize,
    alert: Vec<u8>,
    warning: Option<Alert>,
    hello: Option<ServerHello>,
}

impl FirstFlight {
    /// One that may be `limit` bytes long.
    pub fn new(read_to: ReadTo, limit: usize) -> Self {
        FirstFlight {
            read_to,
            budget: limit,
            limit,
            record: Vec::new(),
            message: Vec::new(),
            skip: 0,
            alert: Vec::new(),
            warning: None,
            hello: None,
        }
    }

    /// Takes what arrived; the answer, once it is clear. What follows it is ignored.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Option<Answer> {
        while !bytes.is_empty() {
            if self.budget == 0 {
                return Some(self.answer_or(Answer::Garbage(Reason::TooMuch(self.limit))));
            }
            match self.feed_record(&mut bytes) {
                Ok(Some(answer)) => return Some(answer),
                Ok(None) => {}
                Err(mut reason) => {
                    if let Reason::NotTls(shown) = &mut reason {
                        // One byte was enough to tell; a person wants to see more.
                        shown.extend(bytes.iter().take(SHOWN.saturating_sub(shown.len())));
                    }
                    return Some(self.answer_or(Answer::Garbage(reason)));
                }
            }
        }
        None
    }

    /// Takes bytes to the end of the record at most, and looks at it when it is whole.
    fn feed_record(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, Reason> {
        let wanted = self.wanted()?.min(self.budget).min(bytes.len());
        let (now, later) = bytes.split_at(wanted);
        self.record.extend_from_slice(now);
        self.budget -= now.len();
        *bytes = later;
        self.take_record()
    }

    /// What to make of it when nothing more will come.
    pub fn end(&mut self, end: End) -> Answer {
        let ended = match (end, self.warning) {
            (End::Fin, Some(alert)) => Answer::Alert(alert),
            (End::Fin, None) if !self.record.is_empty() || !self.message.is_empty() => {
                Answer::Garbage(Reason::CutShort)
            }
            (End::Fin, None) => Answer::Closed,
            (End::Reset, _) => Answer::Reset,
            (End::TimedOut, _) => Answer::TimedOut,
        };
        self.answer_or(ended)
    }

    /// A ServerHello that was read is a fact, whatever follows it.
    fn answer_or(&mut self, other: Answer) -> Answer {
        match (self.hello.take(), &other) {
            (Some(mut hello), Answer::Alert(alert)) => {
                hello.aborted = Some(*alert);
                Answer::Hello(hello)
            }
            (Some(hello), _) => Answer::Hello(hello),
            (None, _) => other,
        }
    }

    /// How many bytes are missing to the next thing that can be looked at: never more than a record, so that no sender
    /// decides how much is kept.
    fn wanted(&self) -> Result<usize, Reason> {
        let have = self.record.len();
        Ok(match self.shape()? {
            Shape::Undecided => HEADER.saturating_sub(have).max(1),
            Shape::Tls { end } | Shape::Ssl2 { end, .. } => end.saturating_sub(have),
        })
    }

    /// What the bytes of `record` are.
    fn shape(&self) -> Result<Shape, Reason> {
        let not_tls = || Reason::NotTls(self.beginning());
        match self.record[..] {
            [] => Ok(Shape::Undecided),
            [20..=24, 3, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length > MAX_RECORD {
                    return Err(Reason::RecordTooLong(length));
                }
                Ok(Shape::Tls {
                    end: HEADER + length,
                })
            }
            [20..=24] | [20..=24, 3, ..] => Ok(Shape::Undecided),
            // SSLv2 with a two-byte header: SERVER-HELLO or ERROR (Hickman 1995, section 1.1).
            [first, second, kind, ..] if first & 0x80 != 0 => {
                let length = usize::from(u16::from_be_bytes([first & 0x7F, second]));
                match kind {
                    0 | 4 if length > 0 && length <= MAX_RECORD => Ok(Shape::Ssl2 {
                        end: 2 + length,
                        hello: kind == 4,
                    }),
                    _ => Err(not_tls()),
                }
            }
            [first, ..] if first & 0x80 != 0 => Ok(Shape::Undecided),
            _ => Err(not_tls()),
        }
    }

    /// Looks at the record, if it is whole.
    fn take_record(&mut self) -> Result<Option<Answer>, Reason> {
        match self.shape()? {
            Shape::Tls { end } if self.record.len() >= end => {
                let record = std::mem::take(&mut self.record);
                let fragment = record.get(HEADER..end).unwrap_or_default();
                match record.first() {
                    Some(21) => Ok(self.take_alerts(fragment)),
                    Some(22) => self.take_handshake(fragment),
                    kind => match self.hello.take() {
                        Some(hello) => Ok(Some(Answer::Hello(hello))),
                        None => Err(Reason::RecordType(kind.copied().unwrap_or_default())),
                    },
                }
            }
            Shape::Ssl2 { end, hello } if self.record.len() >= end => {
                if self.hello.is_some() {
                    return Err(Reason::NotTls(self.beginning()));
                }
                let body = self.record.get(3..end).unwrap_or_default();
                if hello {
                    hello::parse_ssl2_server_hello(body).map(Some)
                } else {
                    match *body {
                        [high, low] => Ok(Some(Answer::Ssl2Error(u16::from_be_bytes([high, low])))),
                        _ => Err(Reason::NotTls(self.beginning())),
                    }
                }
            }
            _ => Ok(None),
        }
    }

    fn take_alerts(&mut self, fragment: &[u8]) -> Option<Answer> {
        for byte in fragment {
            self.alert.push(*byte);
            if let [level, description] = self.alert[..] {
                self.alert.clear();
                let alert = Alert { level, description };
                if !alert.is_passing() {
                    return Some(self.answer_or(Answer::Alert(alert)));
                }
                // unrecognized_name as a warning is how servers with another name's certificate go on.
                self.warning = Some(alert);
            }
        }
        None
    }

    fn take_handshake(&mut self, mut fragment: &[u8]) -> Result<Option<Answer>, Reason> {
        while !fragment.is_empty() {
            if self.skip > 0 {
                let passed = self.skip.min(fragment.len());
                self.skip -= passed;
                fragment = fragment.get(passed..).unwrap_or_default();
                continue;
            }
            let [kind, a, b, c] = match self.message.get(..4) {
                Some(&[kind, a, b, c]) => [kind, a, b, c],
                _ => {
                    let (byte, rest) = fragment.split_at(1);
                    self.message.extend_from_slice(byte);
                    fragment = rest;
                    match self.message[..] {
                        [kind, a, b, c] => [kind, a, b, c],
                        _ => continue,
                    }
                }
            };
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if let Some(answer) = self.foresee(kind)? {
                return Ok(Some(answer));
            }
            if !matches!(kind, SERVER_HELLO | SERVER_KEY_EXCHANGE) {
                self.message.clear();
                self.skip = length;
                continue;
            }
            if length > MAX_MESSAGE {
                return Err(Reason::MessageTooLong(length));
            }
            let missing = (4 + length - self.message.len()).min(fragment.len());
            let (now, later) = fragment.split_at(missing);
            self.message.extend_from_slice(now);
            fragment = later;
            if self.message.len() == 4 + length {
                let message = std::mem::take(&mut self.message);
                let body = message.get(4..).unwrap_or_default();
                if let Some(answer) = self.take_message(kind, body)? {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    }

    /// What a message's type alone decides.
    fn foresee(&mut self, kind: u8) -> Result<Option<Answer>, Reason> {
        match (kind, &self.hello) {
            (SERVER_HELLO, None) | (HELLO_REQUEST, _) => Ok(None),
            (_, None) => Err(Reason::MessageType(kind)),
            (SERVER_HELLO | SERVER_HELLO_DONE, Some(_)) => Ok(self.hello.take().map(Answer::Hello)),
            (_, Some(_)) => Ok(None),
        }
    }

    fn take_message(&mut self, kind: u8, body: &[u8]) -> Result<Option<Answer>, Reason> {
        if kind == SERVER_HELLO {
            return Ok(match parse_server_hello(body)? {
                Parsed::Retry(retry) => Some(Answer::RetryRequest(retry)),
                Parsed::Hello(hello)
                    if hello.version == ProtocolVersion::Tls13
                        || self.read_to == ReadTo::ServerHello =>
                {
                    Some(Answer::Hello(hello))
                }
                Parsed::Hello(hello) => {
                    self.hello = Some(hello);
                    None
                }
            });
        }
        if let Some(hello) = &mut self.hello {
            parse_server_key_exchange(body, hello);
        }
        Ok(None)
    }

    fn beginning(&self) -> Vec<u8> {
        self.record.iter().copied().take(SHOWN).collect()
    }
}

/// Bytes of a record's header.
const HEADER: usize = 5;

/// Bytes of an answer that is not TLS that are shown.
const SHOWN: usize = 16;

const HELLO_REQUEST: u8 = 0;
const SERVER_HELLO: u8 = 2;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

/// What the bytes at hand are the start of, and where it ends.
enum Shape {
    Undecided,
    Tls { end: usize },
    Ssl2 { end: usize, hello: bool },
}

#[cfg(test)]
mod tests;
