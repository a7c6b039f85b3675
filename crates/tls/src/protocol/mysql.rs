//! MySQL and MariaDB (MySQL source documentation, "Client/Server Protocol", section "Connection Phase"; MariaDB
//! documentation, "Connecting").

use super::wire::{Wire, malformed, printable};
use crate::{Channel, Login, Plaintext, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// Capability flags (MySQL source, `include/mysql_com.h`).
const CLIENT_LONG_PASSWORD: u32 = 1;
const CLIENT_PROTOCOL_41: u32 = 0x200;
const CLIENT_SSL: u32 = 0x800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x8_0000;
const CLIENT_CONNECT_ATTRS: u32 = 0x10_0000;

/// What the client also speaks.
const OPTIONAL: u32 = CLIENT_LONG_PASSWORD | CLIENT_PLUGIN_AUTH | CLIENT_CONNECT_ATTRS;

/// ER_SECURE_TRANSPORT_REQUIRED (MySQL error reference; MariaDB has the same number).
const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
/// ER_ACCESS_DENIED_ERROR, and the same for accounts of another method and for a database.
const ACCESS_DENIED: [u16; 3] = [1045, 1698, 1044];

/// What a greeting without CLIENT_SSL says.
const NO_TLS: &str = "the capability CLIENT_SSL is not offered";

/// What the client says it takes in one packet.
const MAX_PACKET: u32 = 1 << 24;
/// utf8mb4_general_ci.
const CHARSET: u8 = 45;

/// First bytes of packets.
const OK: u8 = 0;
const AUTH_MORE_DATA: u8 = 1;
const AUTH_SWITCH: u8 = 0xFE;
const ERR: u8 = 0xFF;

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let offered = greeting(wire).await?;
    if offered & CLIENT_SSL == 0 {
        return Ok(Upgrade::Refused(NO_TLS.to_owned()));
    }
    wire.send(&packet(1, &start(offered, CLIENT_SSL))).await?;
    Ok(Upgrade::Ready)
}

/// A login without a password. A stranger's seldom tells: MySQL 5.7 and 8 and MariaDB check the password first and
/// require_secure_transport after it (`acl_authenticate` in MySQL's `sql/auth/sql_authentication.cc`), and MariaDB 10
/// then gives the same answer to both. Proxies ask for TLS at once.
pub(crate) async fn login<S>(
    wire: &mut Wire<S>,
    channel: Channel,
    login: &Login,
) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Over TLS the greeting and SSLRequest, packets 0 and 1, are over.
    let (mut body, sequence, offered) = match channel {
        Channel::Tls => (start(OPTIONAL, CLIENT_SSL), 2, OPTIONAL),
        Channel::Plain => {
            let offered = greeting(wire).await?;
            if offered & CLIENT_SSL == 0 {
                return Ok(Plaintext::Accepted {
                    answer: NO_TLS.to_owned(),
                });
            }
            (start(offered, 0), 1, offered)
        }
    };
    body.extend(login.user.bytes().filter(|byte| *byte != 0));
    // The end of the name, and an answer to the challenge of no bytes: no password.
    body.extend([0, 0]);
    if offered & CLIENT_PLUGIN_AUTH != 0 {
        body.extend(b"mysql_native_password\0");
    }
    if offered & CLIENT_CONNECT_ATTRS != 0 {
        // None.
        body.push(0);
    }
    wire.send(&packet(sequence, &body)).await?;
    let (sequence, body) = read_packet(wire).await?;
    let (kind, rest) = body.split_first().ok_or(malformed("packet of MySQL"))?;
    match *kind {
        AUTH_SWITCH | AUTH_MORE_DATA => {
            // Broken off here, it would count towards max_connect_errors, after which the server shuts the address out.
            wire.send(&packet(sequence.wrapping_add(1), &[])).await?;
            let (_, body) = read_packet(wire).await?;
            let (kind, rest) = body.split_first().ok_or(malformed("packet of MySQL"))?;
            outcome(wire, *kind, rest).await
        }
        kind => outcome(wire, kind, rest).await,
    }
}

/// What the packet means that ends a login.
async fn outcome<S>(wire: &mut Wire<S>, kind: u8, rest: &[u8]) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match kind {
        ERR => Ok(judge(rest)),
        OK => {
            // COM_QUIT.
            let _ = wire.send(&packet(0, &[1])).await;
            Ok(Plaintext::Accepted {
                answer: "lets in without a password".to_owned(),
            })
        }
        _ => Err(malformed("answer to a login")),
    }
}

/// What an ERR packet says, behind its first byte.
fn judge(body: &[u8]) -> Plaintext {
    let (number, answer) = error(body);
    match number {
        SECURE_TRANSPORT_REQUIRED => Plaintext::Refused { answer },
        number if ACCESS_DENIED.contains(&number) => Plaintext::Unknown(Why::LoginFirst(answer)),
        _ => Plaintext::Unknown(Why::TurnedAway(answer)),
    }
}

/// Number and words of an ERR packet, behind its first byte.
fn error(body: &[u8]) -> (u16, String) {
    let number = match *body {
        [low, high, ..] => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    let rest = body.get(2..).unwrap_or_default();
    // `#` and five characters of SQLSTATE; not there before the client has said what it speaks.
    let words = match rest.strip_prefix(b"#") {
        Some(rest) => rest.get(5..).unwrap_or_default(),
        None => rest,
    };
    (number, format!("{number}: {}", printable(words)))
}

/// The capabilities in the server's first packet (Protocol::HandshakeV10).
async fn greeting<S>(wire: &mut Wire<S>) -> Result<u32, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (_, body) = read_packet(wire).await?;
    match body.split_first() {
        Some((&ERR, rest)) => Err(Why::TurnedAway(error(rest).1)),
        Some((10, rest)) => capabilities(rest)
            .filter(|offered| offered & CLIENT_PROTOCOL_41 != 0)
            .ok_or(malformed("greeting of MySQL")),
        _ => Err(malformed("greeting of MySQL")),
    }
}

/// Behind the version: its name, a thread id (4 bytes), half of the challenge (8), a filler, and then the lower half of
/// the flags, the character set, the status (2) and the upper half.
fn capabilities(rest: &[u8]) -> Option<u32> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let rest = rest.get(end + 1 + 4 + 8 + 1..)?;
    let upper = match rest.get(5..7) {
        Some(&[low, high]) => [low, high],
        _ => [0, 0],
    };
    match rest.get(..2) {
        Some(&[low, high]) => Some(u32::from_le_bytes([low, high, upper[0], upper[1]])),
        _ => None,
    }
}

/// The part that SSLRequest and HandshakeResponse41 begin with.
fn start(offered: u32, with: u32) -> Vec<u8> {
    let flags = (OPTIONAL & offered) | CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION | with;
    let mut out = flags.to_le_bytes().to_vec();
    out.extend(MAX_PACKET.to_le_bytes());
    out.push(CHARSET);
    out.extend([0; 23]);
    out
}

/// A packet: its length in three bytes, its number, its body, which here is always short.
fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_le_bytes().to_vec();
    out.truncate(3);
    out.push(sequence);
    out.extend(body);
    out
}

async fn read_packet<S>(wire: &mut Wire<S>) -> Result<(u8, Vec<u8>), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let header = wire.exact(4).await?;
    match header[..] {
        [a, b, c, sequence] => {
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            Ok((sequence, wire.exact(length).await?))
        }
        _ => Err(malformed("packet of MySQL")),
    }
}
