//! IMAP (RFC 9051; STARTTLS in section 6.2.1, LOGINDISABLED in section 6.2.3).

use super::wire::{Wire, begins_with, has_word, malformed, printable};
use crate::{Channel, Plaintext, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greeting(wire).await?;
    let lines = command(wire, "STARTTLS").await?;
    let answer = lines.last().map(Vec::as_slice).unwrap_or_default();
    match () {
        () if says(answer, "OK") => Ok(Upgrade::Ready),
        // The command is not known, or TLS is there already.
        () if says(answer, "BAD") => Ok(Upgrade::Refused(printable(answer))),
        () => Err(Why::TurnedAway(printable(answer))),
    }
}

/// Whether LOGIN is taken: every server that does not take it has to say so.
pub(crate) async fn login<S>(wire: &mut Wire<S>, channel: Channel) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if channel == Channel::Plain {
        greeting(wire).await?;
    }
    let lines = command(wire, "CAPABILITY").await?;
    let mut all = lines.iter();
    let capabilities = all
        .find(|line| begins_with(line, "* CAPABILITY"))
        .ok_or(malformed("answer to CAPABILITY"))?;
    let _ = wire.send(b"b LOGOUT\r\n").await;
    let answer = printable(capabilities);
    Ok(if has_word(capabilities, "LOGINDISABLED") {
        Plaintext::Refused { answer }
    } else {
        Plaintext::Accepted { answer }
    })
}

async fn greeting<S>(wire: &mut Wire<S>) -> Result<(), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = wire.line().await?;
    match () {
        () if begins_with(&line, "* OK") => Ok(()),
        // Logged in already, or not let in: no TLS from here.
        () if begins_with(&line, "* PREAUTH") || begins_with(&line, "* BYE") => {
            Err(Why::TurnedAway(printable(&line)))
        }
        () => Err(malformed("greeting of IMAP")),
    }
}

/// Sends a command under the tag `a`, and reads to the line with the tag.
async fn command<S>(wire: &mut Wire<S>, command: &str) -> Result<Vec<Vec<u8>>, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(format!("a {command}\r\n").as_bytes()).await?;
    wire.lines_to(|line| line.starts_with(b"a ")).await
}

/// Whether a tagged line says this.
fn says(line: &[u8], word: &str) -> bool {
    let mut words = line.split(|byte| *byte == b' ').skip(1);
    words
        .next()
        .is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
}
