//! The way to an endpoint: straight, or through a proxy.

use crate::Host;
use base64::Engine;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

/// How connections are made.
#[derive(Clone, Default)]
pub struct Route {
    proxy: Option<Proxy>,
}

/// A proxy. Its password is never shown.
#[derive(Clone)]
struct Proxy {
    kind: Kind,
    host: Host,
    port: u16,
    login: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// HTTP CONNECT (RFC 9110, section 9.3.6), which resolves names.
    Http,
    /// SOCKS5 (RFC 1928); names are resolved here.
    Socks,
    /// The same; the proxy resolves names.
    SocksResolving,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(proxy) => write!(f, "through {}:{}", proxy.host, proxy.port),
            None => f.write_str("straight"),
        }
    }
}

impl FromStr for Route {
    type Err = String;

    /// `http://`, `socks5://` or `socks5h://`, then `[user:password@]host:port`; the words of curl.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        // What is wrong is told without the text, which may hold a password.
        let url = url::Url::parse(text).map_err(|error| format!("the proxy's URL: {error}"))?;
        let (kind, port) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "socks5" => (Kind::Socks, 1080),
            "socks5h" => (Kind::SocksResolving, 1080),
            scheme => {
                return Err(format!(
                    "the proxy's scheme is {scheme}; it may be http, socks5 or socks5h"
                ));
            }
        };
        let host = url.host_str().ok_or("the proxy's URL has no host")?;
        let host = host.trim_matches(['[', ']']).parse()?;
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let login = (!url.username().is_empty()).then(|| {
            let password = url.password().unwrap_or_default();
            (decoded(url.username()), decoded(password))
        });
        Ok(Route {
            proxy: Some(Proxy {
                kind,
                host,
                port: url.port().unwrap_or(port),
                login,
            }),
        })
    }
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// To this address.
    At(SocketAddr),
    /// To whatever address the proxy finds.
    Named(String, u16),
}

impl Place {
    /// The address, if it is known here.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Place::At(address) => Some(address.ip()),
            Place::Named(..) => None,
        }
    }

    fn uri(&self) -> Result<Uri> {
        let text = match self {
            Place::At(address) => address.to_string(),
            Place::Named(name, port) => format!("{name}:{port}"),
        };
        let uri = Uri::builder()
            .scheme("tcp")
            .authority(text)
            .path_and_query("/");
        uri.build()
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error))
    }
}

impl Route {
    /// Whether names are resolved at the other end.
    pub fn resolves_names(&self) -> bool {
        let proxy = self.proxy.as_ref();
        proxy.is_some_and(|proxy| proxy.kind != Kind::Socks)
    }

    /// A connection, `within` this time.
    ///
    /// # Errors
    /// What the system or the proxy said instead; of a proxy that refused, its own error.
    pub async fn open(&self, to: &Place, within: Duration) -> Result<TcpStream> {
        let opening = async {
            let Some(proxy) = &self.proxy else {
                return match to {
                    Place::At(address) => TcpStream::connect(address).await,
                    Place::Named(name, port) => TcpStream::connect((name.as_str(), *port)).await,
                };
            };
            proxy.open(to).await
        };
        let stream = timeout(within, opening)
            .await
            .map_err(|_| Error::from(ErrorKind::TimedOut))??;
        // Small messages, and nothing follows that could be sent with them. Without it, it works as well.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

impl Proxy {
    async fn open(&self, to: &Place) -> Result<TcpStream> {
        let proxy = Uri::builder()
            .scheme("http")
            .authority(format!("{}:{}", self.host, self.port))
            .path_and_query("/")
            .build()
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
        let to = to.uri()?;
        let stream = match self.kind {
            Kind::Http => {
                let mut tunnel = Tunnel::new(proxy, Direct);
                if let Some((user, password)) = &self.login {
                    let login = format!("{user}:{password}");
                    let login = base64::engine::general_purpose::STANDARD.encode(login);
                    let value = HeaderValue::from_str(&format!("Basic {login}"));
                    tunnel = tunnel.with_auth(value.map_err(Error::other)?);
                }
                tunnel.call(to).await.map_err(|e| self.failed(e))?
            }
            Kind::Socks | Kind::SocksResolving => {
                let mut socks = SocksV5::new(proxy, Direct);
                if let Some((user, password)) = &self.login {
                    socks = socks.with_auth(user.clone(), password.clone());
                }
                socks.call(to).await.map_err(|e| self.failed(e))?
            }
        };
        Ok(stream.into_inner().0)
    }

    /// A proxy that says no says it of the way, not of the endpoint: so it is no refused connection.
    fn failed(&self, error: impl fmt::Display) -> Error {
        let Proxy { host, port, .. } = self;
        Error::new(
            ErrorKind::NotConnected,
            format!("the proxy {host}:{port}: {error}"),
        )
    }
}

/// Connects to a proxy.
#[derive(Clone)]
struct Direct;

impl Service<Uri> for Direct {
    type Response = TokioIo<Sipped>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(async move {
            let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
            let port = to.port_u16().unwrap_or(80);
            let stream = TcpStream::connect((host, port)).await?;
            Ok(TokioIo::new(Sipped(stream)))
        })
    }
}

/// A connection that is read a byte at a time. What talks to proxies throws away all that it read behind the proxy's answer,
/// and that would be the greeting of a server that speaks first.
struct Sipped(TcpStream);

impl AsyncRead for Sipped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let mut byte = [0];
        let mut sip = ReadBuf::new(&mut byte);
        let read = Pin::new(&mut self.0).poll_read(context, &mut sip);
        if let Poll::Ready(Ok(())) = read {
            buffer.put_slice(sip.filled());
        }
        read
    }
}

impl AsyncWrite for Sipped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_as_curl_reads_it_and_never_shows_its_password() {
        let route: Route = "socks5h://me:hunter2@127.0.0.1:1081"
            .parse()
            .expect("a route");
        assert!(route.resolves_names());
        assert_eq!(format!("{route:?}"), "through 127.0.0.1:1081");
        assert!(
            !"socks5://[::1]"
                .parse::<Route>()
                .expect("a route")
                .resolves_names()
        );
        for wrong in ["", "ftp://a", "127.0.0.1:80", "http://me:hunter2@"] {
            let error = wrong.parse::<Route>().expect_err(wrong);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
