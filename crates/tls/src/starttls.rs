//! From a fresh connection to the point where a ClientHello may be sent.

use crate::protocol::wire::Wire;
use crate::protocol::{imap, ldap, mysql, pop3, postgresql, smtp};
use crate::{Limits, Protocol, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// What came of asking for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// The ClientHello is what the server waits for.
    Ready,
    /// The server has no TLS here, in these words of its own or ours.
    Refused(String),
    /// Whether it has could not be learned.
    Unknown(Why),
}

/// Asks for TLS as the protocol has it; nothing is sent where TLS comes from the first byte.
///
/// What the server sends after its consent and before the ClientHello would be read as if TLS had protected it (the
/// client's side of CVE-2011-0411; CVE-2021-23222 for PostgreSQL): such a connection is not used.
pub async fn upgrade<S>(protocol: Protocol, stream: &mut S, limits: Limits) -> Upgrade
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire::new(stream, limits);
    let upgraded = match protocol {
        Protocol::PostgreSql => postgresql::upgrade(&mut wire).await,
        Protocol::MySql => mysql::upgrade(&mut wire).await,
        Protocol::Smtp => smtp::upgrade(&mut wire).await,
        Protocol::Imap => imap::upgrade(&mut wire).await,
        Protocol::Pop3 => pop3::upgrade(&mut wire).await,
        Protocol::Ldap => ldap::upgrade(&mut wire).await,
        _ => Ok(Upgrade::Ready),
    };
    match upgraded {
        Ok(Upgrade::Ready) if wire.surplus() > 0 => {
            Upgrade::Unknown(Why::BufferedPlaintext(wire.surplus()))
        }
        Ok(upgraded) => upgraded,
        Err(why) => Upgrade::Unknown(why),
    }
}
