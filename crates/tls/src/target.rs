//! What is scanned, and how it is reached.

use crate::dial::{BoxStream, Dial, Direct};
use crate::{Answer, Limits, Protocol, Upgrade, Why, upgrade};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::timeout;

/// What is scanned, and how it is reached.
///
/// ```
/// use lockfast_tls::{Protocol, Target};
///
/// let address = "192.0.2.7:5432".parse()?;
/// let target = Target::new(address, Some("db.example.com".to_owned())).speaking(Protocol::PostgreSql);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is. All that has one IP address shares its turns ([`crate::Pace`]), however it is reached.
    pub address: SocketAddr,
    /// The name to ask for (SNI); none for an address without one.
    pub server_name: Option<String>,
    /// What is spoken there, which decides how TLS begins.
    pub protocol: Protocol,
    /// What makes the connections.
    pub dial: Arc<dyn Dial>,
}

/// Why there is no connection that waits for a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// There was no connection.
    #[error("no connection: {0}")]
    NotConnected(ErrorKind),
    /// The server has no TLS there, and said so.
    #[error("the server has no TLS: {0}")]
    NoTls(String),
    /// The talk before TLS failed.
    #[error("{0}")]
    Failed(Why),
}

impl From<Unready> for Answer {
    fn from(unready: Unready) -> Answer {
        match unready {
            Unready::NotConnected(kind) => Answer::NotConnected(kind),
            Unready::NoTls(words) => Answer::NoTls(words),
            Unready::Failed(why) => Answer::NotReady(why),
        }
    }
}

impl Target {
    /// An address with TLS from the first byte, reached straight over TCP.
    pub fn new(address: SocketAddr, server_name: Option<String>) -> Target {
        Target {
            address,
            server_name,
            protocol: Protocol::Tls,
            dial: Arc::new(Direct(address)),
        }
    }

    /// The same with another protocol.
    pub fn speaking(self, protocol: Protocol) -> Target {
        Target { protocol, ..self }
    }

    /// The same, reached by these means.
    pub fn through(self, dial: Arc<dyn Dial>) -> Target {
        Target { dial, ..self }
    }

    /// A connection on which nothing was said yet.
    pub async fn connect(&self, limits: Limits) -> Result<BoxStream, Unready> {
        match timeout(limits.connect, self.dial.dial()).await {
            Ok(Ok(stream)) => Ok(stream),
            // The system's errors are their kind; whatever else dials has words of its own.
            Ok(Err(error)) => Err(match error.get_ref() {
                Some(words) => Unready::Failed(Why::NoWay(words.to_string())),
                None => Unready::NotConnected(error.kind()),
            }),
            Err(_) => Err(Unready::NotConnected(ErrorKind::TimedOut)),
        }
    }

    /// A connection on which the server waits for a ClientHello.
    pub async fn open(&self, limits: Limits) -> Result<BoxStream, Unready> {
        let mut stream = self.connect(limits).await?;
        match upgrade(self.protocol, &mut stream, limits).await {
            Upgrade::Ready => Ok(stream),
            Upgrade::Refused(words) => Err(Unready::NoTls(words)),
            Upgrade::Unknown(why) => Err(Unready::Failed(why)),
        }
    }
}
