//! Servers in this process, such as no library would make. They live as long as the test.

use super::authority::Pair;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Counts connections.
pub type Count = Arc<AtomicUsize>;

/// One that treats each connection as `answer` says.
pub async fn serve<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> (SocketAddr, Count)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Count::default();
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream));
        }
    });
    (address, count)
}

/// The same behind TLS; what fails to shake hands is let go.
pub async fn serve_tls<F>(
    pair: &Pair,
    answer: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_tls_counted(pair, answer).await.0
}

/// The same, and counts connections.
pub async fn serve_tls_counted<F>(
    pair: &Pair,
    answer: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> (SocketAddr, Count)
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_tls_as(pair.server(), answer).await
}

/// The same as this configuration says.
pub async fn serve_tls_as<F>(
    config: rustls::ServerConfig,
    answer: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> (SocketAddr, Count)
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let answer = move |stream| {
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream).await;
            }
        }
    };
    serve(answer).await
}

/// One that answers the head of every request over HTTP with these bytes.
pub async fn http(answer: impl Into<Vec<u8>>) -> (SocketAddr, Count) {
    let answer: Arc<Vec<u8>> = Arc::new(answer.into());
    serve(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            take_head(&mut stream).await;
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}

/// Reads the head of a request.
pub async fn take_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Resets the connection instead of closing it.
pub fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
