//! What is known, and why the rest is not.

use crate::{Alert, CipherSuite, NamedGroup, Reason, TooLong};
use std::io::ErrorKind;

/// Known, or unknown because.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// The server showed it.
    Known(T),
    /// It did not, because.
    Unknown(Why),
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown(_) => None,
        }
    }

    /// Why it is unknown, if it is.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Fact::Known(_) => None,
            Fact::Unknown(why) => Some(why),
        }
    }

    /// The same certainty about something else.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(with(value)),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }
}

/// Why a fact about an endpoint is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// There was no connection.
    #[error("no connection: {0}")]
    NotConnected(ErrorKind),
    /// There was no connection, in the words of what makes them, such as a proxy.
    #[error("no connection: {0}")]
    NoWay(String),
    /// The connection was reset, by the server or by what stands before it.
    #[error("the connection was reset")]
    Reset,
    /// The connection was closed without an alert, and nothing shows that a TLS server did it.
    #[error("the connection was closed without an answer")]
    Closed,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// An alert.
    #[error("the server answered with the alert {0}")]
    Alert(Alert),
    /// An answer that is no first flight.
    #[error("{0}")]
    Garbage(Reason),
    /// A first flight without a certificate, as where the suite has none.
    #[error("the server showed no certificate")]
    NoCertificate,
    /// The server picked what was not offered.
    #[error("the server picked {0}, which was not offered")]
    NotOffered(CipherSuite),
    /// The server picked a group that was not offered.
    #[error("the server picked the group {0}, which was not offered")]
    GroupNotOffered(NamedGroup),
    /// As many connections as were allowed are used up.
    #[error("the {0} connections allowed are used up")]
    TooManyConnections(usize),
    /// The talk before the ClientHello failed.
    #[error("TLS could not be begun: {0}")]
    NotReady(Box<Why>),
    /// The server turned us away, in these words, and what it would do with others is not known.
    #[error("the server turned us away: {0}")]
    TurnedAway(String),
    /// The server turned the login away, in these words, and would look at what it came over only after that.
    #[error("the server looks at the password before it looks for TLS: {0}")]
    LoginFirst(String),
    /// So many bytes of plaintext came after the server's consent to TLS and before the ClientHello, and would be taken
    /// for protected (the client's side of CVE-2011-0411).
    #[error("{0} bytes of plaintext came between the consent to TLS and the handshake")]
    BufferedPlaintext(usize),
    /// The server refused what it accepted before.
    #[error("the server refused what it accepted before")]
    Inconsistent,
    /// What the answer would hang on is unknown or absent.
    #[error("not asked: {0}")]
    NotAsked(&'static str),
    /// The question cannot be put in a ClientHello.
    #[error("not asked: {0}")]
    TooLong(#[from] TooLong),
}

impl Why {
    /// Whether it is the server's no to what was offered, by an alert that says just that. A connection that is closed, reset or
    /// silent says no such thing.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Why::Alert(alert) if alert.is_refusal())
    }

    /// Whether a shorter hello may be answered where this one was not (RFC 8701 and RFC 7685 tell of such servers).
    pub(crate) fn may_be_intolerance(&self) -> bool {
        match self {
            Why::Reset | Why::Closed | Why::TimedOut | Why::Alert(_) => true,
            Why::Garbage(reason) => !matches!(reason, Reason::NotTls(_)),
            _ => false,
        }
    }

    /// Whether it is a no from a server that accepts another offer, given to hellos of every shape: an orderly end without
    /// a word, or internal_error. The latter is how OpenSSL 3 answers TLS 1.0 and 1.1 where its security level leaves it
    /// no signature algorithm for them. From a server that accepts nothing at all, either may mean that it is broken.
    pub(crate) fn is_no_once_greeted(&self) -> bool {
        match self {
            Why::Closed => true,
            Why::Alert(alert) => alert.name() == Some("internal_error"),
            _ => false,
        }
    }
}
