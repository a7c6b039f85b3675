//! PostgreSQL (documentation of version 17, chapter "Frontend/Backend Protocol", sections "Message Flow" and "Message
//! Formats").

use super::wire::{Wire, malformed, printable};
use crate::{Login, Plaintext, Reason, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// Asks for TLS, and is eight bytes long.
const SSL_REQUEST: u32 = 80_877_103;

/// Protocol 3.0, which begins a StartupMessage.
const PROTOCOL: u32 = 196_608;

/// The longest message that is read: errors before the login are a few hundred bytes.
const MAX_MESSAGE: usize = 8192;

/// Codes of errors that come once a login is looked at: invalid_password and invalid_catalog_name (documentation,
/// appendix "PostgreSQL Error Codes").
const LOGIN_LOOKED_AT: [&str; 2] = ["28P01", "3D000"];

/// What poolers and clouds say where they want TLS, whoever logs in: PgBouncer, Amazon RDS Proxy, Azure, Neon. The
/// server's own "no encryption" is not among them: it says so to everyone without TLS whom no line of pg_hba.conf lets in.
const WANT_TLS: [&str; 4] = [
    "ssl required",
    "requires tls",
    "ssl connection is required",
    "connection is insecure",
];

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = [8_u32.to_be_bytes(), SSL_REQUEST.to_be_bytes()].concat();
    wire.send(&request).await?;
    match wire.exact(1).await?[..] {
        [b'S'] => Ok(Upgrade::Ready),
        [b'N'] => Ok(Upgrade::Refused("N, to SSLRequest".to_owned())),
        // No process could be had, or it is a server from before SSLRequest.
        [b'E'] => Err(Why::TurnedAway(error(wire).await?.to_string())),
        [byte] => Err(Why::Garbage(Reason::NotTls(vec![byte]))),
        _ => Err(malformed("answer to SSLRequest")),
    }
}

pub(crate) async fn login<S>(wire: &mut Wire<S>, login: &Login) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(&startup(login)).await?;
    // A notice or two may come first (NoticeResponse, NegotiateProtocolVersion).
    for _ in 0..8 {
        match wire.exact(1).await?[..] {
            [b'R'] => {
                let body = body(wire).await?;
                let kind = body.get(..4).and_then(|kind| kind.try_into().ok());
                let kind = u32::from_be_bytes(kind.ok_or(malformed("Authentication"))?);
                // Terminate. The login is over whether it arrives or not.
                let _ = wire.send(&[b'X', 0, 0, 0, 4]).await;
                let answer = authentication(kind).to_owned();
                return Ok(Plaintext::Accepted { answer });
            }
            [b'E'] => return Ok(judge(&error(wire).await?)),
            [b'N' | b'v'] => drop(body(wire).await?),
            _ => return Err(malformed("answer to StartupMessage")),
        }
    }
    Err(malformed("answer to StartupMessage"))
}

fn judge(error: &ErrorResponse) -> Plaintext {
    let answer = error.to_string();
    let lower = error.message.to_lowercase();
    if LOGIN_LOOKED_AT.contains(&error.code.as_str()) {
        return Plaintext::Accepted { answer };
    }
    if WANT_TLS.iter().any(|words| lower.contains(words)) {
        return Plaintext::Refused { answer };
    }
    // 28000 above all: no line of pg_hba.conf lets in. All others are of servers that are full, or starting.
    Plaintext::Unknown(Why::TurnedAway(answer))
}

fn startup(login: &Login) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", &login.user, "database", &login.database] {
        // A zero would end the word, and what follows it would be another.
        body.extend(word.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    body.push(0);
    let length = (body.len() + 4) as u32;
    [length.to_be_bytes().to_vec(), body].concat()
}

/// What a server asks for by an Authentication message.
fn authentication(kind: u32) -> &'static str {
    match kind {
        0 => "lets in without a password (AuthenticationOk)",
        3 => "asks for the password in clear (AuthenticationCleartextPassword)",
        5 => "asks for the password's MD5 (AuthenticationMD5Password)",
        7 => "asks for GSSAPI (AuthenticationGSS)",
        9 => "asks for SSPI (AuthenticationSSPI)",
        10 => "asks for SCRAM (AuthenticationSASL)",
        _ => "asks for authentication",
    }
}

/// What of an ErrorResponse matters.
struct ErrorResponse {
    severity: String,
    code: String,
    message: String,
}

impl std::fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = format!("{} {}: {}", self.severity, self.code, self.message);
        f.write_str(&printable(words.as_bytes()))
    }
}

/// The rest of an ErrorResponse, behind its type.
async fn error<S>(wire: &mut Wire<S>) -> Result<ErrorResponse, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let body = body(wire).await?;
    let field = |kind: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let field = fields.find_map(|field| field.strip_prefix(&[kind]));
        field.map(printable).unwrap_or_default()
    };
    Ok(ErrorResponse {
        severity: field(b'S'),
        code: field(b'C'),
        message: field(b'M'),
    })
}

/// The rest of a message, behind its type.
async fn body<S>(wire: &mut Wire<S>) -> Result<Vec<u8>, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = wire.exact(4).await?;
    let length = u32::from_be_bytes(length.try_into().unwrap_or_default()) as usize;
    match length.checked_sub(4) {
        Some(length) if length <= MAX_MESSAGE => wire.exact(length).await,
        _ => Err(malformed("message of PostgreSQL")),
    }
}
