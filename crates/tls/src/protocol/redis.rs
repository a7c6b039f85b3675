//! Redis and Valkey (Redis documentation, "Redis serialization protocol specification").

use super::wire::{ALERT, Wire, alert, malformed, printable};
use crate::{Plaintext, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// Asks for the sign of life that needs no login to be answered, be it by `-NOAUTH`.
pub(crate) async fn login<S>(wire: &mut Wire<S>) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(b"*1\r\n$4\r\nPING\r\n").await?;
    let first = wire.exact(1).await?;
    if first[..] == [ALERT] {
        return Ok(alert());
    }
    let line = wire.line().await?;
    match first[..] {
        [b'+' | b'-'] => {
            let answer = printable(&[first, line].concat());
            Ok(Plaintext::Accepted { answer })
        }
        _ => Err(malformed("answer of Redis")),
    }
}
