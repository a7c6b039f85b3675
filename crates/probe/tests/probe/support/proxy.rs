//! Proxies in this process, which write down where they were asked to go.

use super::server::{serve, take_head};
use base64::Engine;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

/// What they were asked for, as `host:port`.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// What they do with who has the right password.
#[derive(Clone, Copy)]
pub enum Does {
    /// Connects to this address, whatever it was asked for.
    Forward(SocketAddr),
    /// Says no.
    Refuse,
    /// Takes the first bytes, and says nothing.
    Hang,
}

pub const USER: &str = "me";
pub const PASSWORD: &str = "hunter2";

/// SOCKS5 with username and password (RFC 1928, RFC 1929).
pub async fn socks(does: Does) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let (address, _) = serve(move |stream| {
        let asked = Arc::clone(&noted);
        async move {
            let _ = converse(stream, does, asked).await;
        }
    })
    .await;
    (address, asked)
}

async fn converse(mut stream: TcpStream, does: Does, asked: Asked) -> std::io::Result<()> {
    let [_, methods] = array(&mut stream).await?;
    let methods = bytes(&mut stream, methods).await?;
    if matches!(does, Does::Hang) {
        let _ = stream.read_to_end(&mut Vec::new()).await;
        return Ok(());
    }
    if !methods.contains(&2) {
        return stream.write_all(&[5, 0xFF]).await;
    }
    stream.write_all(&[5, 2]).await?;
    let [_, length] = array(&mut stream).await?;
    let user = bytes(&mut stream, length).await?;
    let [length] = array(&mut stream).await?;
    let password = bytes(&mut stream, length).await?;
    if user != USER.as_bytes() || password != PASSWORD.as_bytes() {
        return stream.write_all(&[1, 1]).await;
    }
    stream.write_all(&[1, 0]).await?;
    let [_, _, _, kind] = array(&mut stream).await?;
    let host = match kind {
        1 => IpAddr::from(Ipv4Addr::from(array::<4>(&mut stream).await?)).to_string(),
        4 => IpAddr::from(Ipv6Addr::from(array::<16>(&mut stream).await?)).to_string(),
        _ => {
            let [length] = array(&mut stream).await?;
            String::from_utf8_lossy(&bytes(&mut stream, length).await?).into_owned()
        }
    };
    let port = stream.read_u16().await?;
    asked.lock().unwrap().push(format!("{host}:{port}"));
    let answer = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let Does::Forward(to) = does else {
        // Not allowed by ruleset.
        return stream.write_all(&answer(2)).await;
    };
    let Ok(origin) = TcpStream::connect(to).await else {
        return stream.write_all(&answer(5)).await;
    };
    join(stream, origin, &answer(0)).await
}

/// HTTP CONNECT with basic authentication.
pub async fn connect(does: Does) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let (address, _) = serve(move |mut stream| {
        let asked = Arc::clone(&noted);
        async move {
            let head = take_head(&mut stream).await;
            let login = base64::prelude::BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
            if !head.contains(&format!("Proxy-Authorization: Basic {login}\r\n")) {
                let no = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                let _ = stream.write_all(no.as_bytes()).await;
                return;
            }
            let to = head.split(' ').nth(1).unwrap_or_default().to_owned();
            asked.lock().unwrap().push(to);
            let _ = match does {
                Does::Forward(to) => match TcpStream::connect(to).await {
                    Ok(origin) => join(stream, origin, b"HTTP/1.1 200 OK\r\n\r\n").await,
                    Err(_) => stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await,
                },
                Does::Refuse => stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await,
                Does::Hang => stream.read_to_end(&mut Vec::new()).await.map(drop),
            };
        }
    })
    .await;
    (address, asked)
}

/// Passes on in both directions. The first words of a server that speaks first go out in one piece with the answer.
async fn join(mut stream: TcpStream, mut origin: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut first = vec![0; 4096];
    let wait = std::time::Duration::from_millis(30);
    let greeting = match tokio::time::timeout(wait, origin.read(&mut first)).await {
        Ok(read) => &first[..read?],
        Err(_) => &[],
    };
    stream.write_all(&[answer, greeting].concat()).await?;
    copy_bidirectional(&mut stream, &mut origin).await.map(drop)
}

async fn array<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut array = [0; N];
    stream.read_exact(&mut array).await?;
    Ok(array)
}

async fn bytes(stream: &mut TcpStream, length: u8) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
