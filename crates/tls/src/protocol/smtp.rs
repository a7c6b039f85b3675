//! SMTP (RFC 5321, section 4.2 for replies), STARTTLS (RFC 3207) and AUTH (RFC 4954).

use super::wire::{Wire, has_word, malformed, printable};
use crate::{Channel, Plaintext, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greeting(wire).await?;
    let hello = command(wire, "EHLO").await?;
    if !hello.offers("STARTTLS") {
        return Ok(Upgrade::Refused("STARTTLS is not offered".to_owned()));
    }
    let reply = command(wire, "STARTTLS").await?;
    match reply.code {
        220 => Ok(Upgrade::Ready),
        // 454: not now (RFC 3207, section 4).
        400..500 => Err(Why::TurnedAway(reply.words())),
        500..600 => Ok(Upgrade::Refused(reply.words())),
        _ => Err(malformed("answer to STARTTLS")),
    }
}

/// Whether AUTH is taken, which needs no name: a server that takes it asks for more.
pub(crate) async fn login<S>(wire: &mut Wire<S>, channel: Channel) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if channel == Channel::Plain {
        greeting(wire).await?;
    }
    let hello = command(wire, "EHLO").await?;
    let outcome = match hello.line("AUTH") {
        Some(line) => Plaintext::Accepted {
            answer: printable(line),
        },
        None => {
            let reply = command(wire, "AUTH PLAIN").await?;
            let answer = reply.words();
            match reply.code {
                334 => {
                    // Calls it off.
                    let _ = wire.send(b"*\r\n").await;
                    Plaintext::Accepted { answer }
                }
                // "Must issue a STARTTLS command first" (RFC 3207, section 4), and "encryption required" (RFC 4954,
                // section 6).
                530 | 538 => Plaintext::Refused { answer },
                _ => Plaintext::Unknown(Why::TurnedAway(answer)),
            }
        }
    };
    let _ = wire.send(b"QUIT\r\n").await;
    Ok(outcome)
}

async fn greeting<S>(wire: &mut Wire<S>) -> Result<(), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reply = reply(wire).await?;
    match reply.code {
        220 => Ok(()),
        _ => Err(Why::TurnedAway(reply.words())),
    }
}

/// Sends a command. EHLO names us by an address, which every server has to take (RFC 5321, section 4.1.3).
async fn command<S>(wire: &mut Wire<S>, command: &str) -> Result<Reply, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let argument = if command == "EHLO" {
        " [127.0.0.1]"
    } else {
        ""
    };
    wire.send(format!("{command}{argument}\r\n").as_bytes())
        .await?;
    reply(wire).await
}

/// A reply: three digits, and lines that all begin with them.
struct Reply {
    code: u16,
    lines: Vec<Vec<u8>>,
}

impl Reply {
    fn words(&self) -> String {
        self.lines
            .last()
            .map(|line| printable(line))
            .unwrap_or_default()
    }

    /// The line that offers an extension, if it was 250 that answered. Ancient servers write `AUTH=LOGIN`.
    fn line(&self, extension: &str) -> Option<&[u8]> {
        let lines = self.lines.iter().skip(1).map(Vec::as_slice);
        let mut lines = lines.filter(|_| self.code == 250);
        lines.find(|line| {
            let offer = line.get(4..).unwrap_or_default();
            let name = offer.split(|byte| matches!(byte, b' ' | b'=')).next();
            has_word(name.unwrap_or_default(), extension)
        })
    }

    fn offers(&self, extension: &str) -> bool {
        self.line(extension).is_some()
    }
}

async fn reply<S>(wire: &mut Wire<S>) -> Result<Reply, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let lines = wire.lines_to(|line| line.get(3) != Some(&b'-')).await?;
    let first = lines.first().and_then(|line| line.get(..3));
    let same = lines.iter().all(|line| line.get(..3) == first);
    let code = first.filter(|_| same).and_then(|code| {
        let digits = code.iter().all(u8::is_ascii_digit);
        let code = std::str::from_utf8(code).ok().filter(|_| digits);
        code.and_then(|code| code.parse().ok())
    });
    match code {
        Some(code) => Ok(Reply { code, lines }),
        None => Err(malformed("reply of SMTP")),
    }
}
