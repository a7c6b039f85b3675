//! MongoDB (MongoDB documentation, "MongoDB Wire Protocol"; the `hello` command).

use super::wire::{ALERT, Wire, alert, malformed};
use crate::{Plaintext, Why};
use tokio::io::{AsyncRead, AsyncWrite};

const OP_REPLY: i32 = 1;
const OP_MSG: i32 = 2013;

/// The document `{hello: 1, $db: "admin"}` in BSON, which needs no login.
const HELLO: &[u8] = b"\x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// The largest message (`maxMessageSizeBytes`).
const MAX_MESSAGE: i32 = 48_000_000;

pub(crate) async fn login<S>(wire: &mut Wire<S>) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(&hello()).await?;
    let first = wire.exact(1).await?;
    // An alert's second byte is 3, and no answer to hello is 0x..0315 bytes long.
    let second = wire.exact(1).await?;
    if first[..] == [ALERT] && second[..] == [3] {
        return Ok(alert());
    }
    let header = [first, second, wire.exact(14).await?].concat();
    let field = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|it| it.try_into().ok());
        bytes.map(i32::from_le_bytes)
    };
    match (field(0), field(12)) {
        (Some(16..=MAX_MESSAGE), Some(OP_MSG | OP_REPLY)) => Ok(Plaintext::Accepted {
            answer: "answers the command hello".to_owned(),
        }),
        _ => Err(malformed("message of MongoDB")),
    }
}

/// An OP_MSG: length, request 1, in answer to none, its code, no flags, and one section of kind 0.
fn hello() -> Vec<u8> {
    let length = (16 + 4 + 1 + HELLO.len()) as i32;
    let mut out = Vec::new();
    for number in [length, 1, 0, OP_MSG, 0] {
        out.extend(number.to_le_bytes());
    }
    out.push(0);
    out.extend(HELLO);
    out
}
