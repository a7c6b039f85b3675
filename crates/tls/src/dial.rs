//! How connections come about: straight, or however the caller makes them.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Any such stream.
pub type BoxStream = Box<dyn Stream>;

/// A connection that comes about.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>>;

/// Makes connections to one endpoint: straight ([`Direct`]), or through whatever stands between.
///
/// ```
/// use lockfast_tls::{BoxStream, Dial, Dialing};
///
/// /// A server in memory.
/// #[derive(Debug)]
/// struct InMemory;
///
/// impl Dial for InMemory {
///     fn dial(&self) -> Dialing<'_> {
///         Box::pin(async {
///             let (client, _server) = tokio::io::duplex(4096);
///             Ok(Box::new(client) as BoxStream)
///         })
///     }
/// }
/// ```
pub trait Dial: fmt::Debug + Send + Sync {
    /// A fresh connection. How long it may take, the caller says.
    fn dial(&self) -> Dialing<'_>;
}

/// Straight over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direct(pub SocketAddr);

impl Dial for Direct {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            let stream = TcpStream::connect(self.0).await?;
            // Small messages, and nothing follows that could be sent with them. Without it, it works as well.
            let _ = stream.set_nodelay(true);
            Ok(Box::new(stream) as BoxStream)
        })
    }
}
