//! POP3 (RFC 1939) and STLS (RFC 2595, section 4).

use super::wire::{Wire, begins_with, malformed, printable};
use crate::{Channel, Login, Plaintext, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// What a refusal speaks of when it is about plaintext and not about the user ("Plaintext authentication disallowed on
/// non-secure (SSL/TLS) connections" is Dovecot's).
const ABOUT_TLS: [&str; 4] = ["tls", "ssl", "plaintext", "stls"];

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greeting(wire).await?;
    Ok(match command(wire, "STLS").await? {
        (true, _) => Upgrade::Ready,
        (false, words) => Upgrade::Refused(words),
    })
}

/// Whether USER is taken.
pub(crate) async fn login<S>(
    wire: &mut Wire<S>,
    channel: Channel,
    login: &Login,
) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if channel == Channel::Plain {
        greeting(wire).await?;
    }
    let user = login.user.chars().filter(|c| !c.is_control() && *c != ' ');
    let user: String = user.take(40).collect();
    let (taken, answer) = command(wire, &format!("USER {user}")).await?;
    let _ = wire.send(b"QUIT\r\n").await;
    let lower = answer.to_lowercase();
    Ok(match taken {
        true => Plaintext::Accepted { answer },
        false if ABOUT_TLS.iter().any(|word| lower.contains(word)) => Plaintext::Refused { answer },
        false => Plaintext::Unknown(Why::TurnedAway(answer)),
    })
}

async fn greeting<S>(wire: &mut Wire<S>) -> Result<(), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match status(wire).await? {
        (true, _) => Ok(()),
        (false, words) => Err(Why::TurnedAway(words)),
    }
}

async fn command<S>(wire: &mut Wire<S>, command: &str) -> Result<(bool, String), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(format!("{command}\r\n").as_bytes()).await?;
    status(wire).await
}

/// Whether the status is `+OK`, and the whole line (RFC 1939, section 3).
async fn status<S>(wire: &mut Wire<S>) -> Result<(bool, String), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = wire.line().await?;
    match () {
        () if begins_with(&line, "+OK") => Ok((true, printable(&line))),
        () if begins_with(&line, "-ERR") => Ok((false, printable(&line))),
        () => Err(malformed("answer of POP3")),
    }
}
