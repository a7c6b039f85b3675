//! Whether an endpoint can be used without TLS.
//!
//! A login is begun without TLS, under a made-up name and without a password, and the answer tells: does the server go
//! on to ask for the password, or does it want TLS first? Some answers say only that the login is turned away. What
//! the same login gets over TLS then decides ([`compare`]).

use crate::protocol::wire::Wire;
use crate::protocol::{imap, ldap, mongodb, mysql, pop3, postgresql, redis, smtp};
use crate::{Limits, Pace, Protocol, Target, Unready, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// Whether plaintext is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// The server wants TLS first.
    Refused {
        /// Its own words, printable, 200 characters at most.
        answer: String,
    },
    /// It goes on without TLS.
    Accepted {
        /// Its own words, or what they mean where they are not for people.
        answer: String,
    },
    /// It showed neither.
    Unknown(Why),
}

/// Under which name to begin a login; a password there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user. PostgreSQL decides by it and by the database whether TLS is asked for.
    pub user: String,
    /// The database (PostgreSQL).
    pub database: String,
}

impl Default for Login {
    fn default() -> Self {
        Login {
            user: "lockfast".to_owned(),
            database: "lockfast".to_owned(),
        }
    }
}

/// What a login goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A connection on which nothing was said yet.
    Plain,
    /// TLS, begun as the protocol has it ([`crate::upgrade`]): where that takes words, the server's greeting is over.
    Tls,
}

/// Connects, and begins a login without TLS.
pub async fn plaintext(target: &Target, login: &Login, limits: Limits, pace: &Pace) -> Plaintext {
    if !target.protocol.has_plaintext() {
        return Plaintext::Unknown(NO_PLAINTEXT);
    }
    pace.wait(target.address.ip()).await;
    match target.connect(limits).await {
        Ok(stream) => begin_login(target.protocol, stream, Channel::Plain, login, limits).await,
        Err(Unready::NotConnected(kind)) => Plaintext::Unknown(Why::NotConnected(kind)),
        Err(Unready::NoTls(words)) => Plaintext::Unknown(Why::TurnedAway(words)),
        Err(Unready::Failed(why)) => Plaintext::Unknown(why),
    }
}

/// Begins a login over a stream. Over TLS it tells [`compare`] what the server has against the login itself.
pub async fn begin_login<S>(
    protocol: Protocol,
    stream: S,
    channel: Channel,
    login: &Login,
    limits: Limits,
) -> Plaintext
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire::new(stream, limits);
    let outcome = match (protocol, channel) {
        (Protocol::PostgreSql, _) => postgresql::login(&mut wire, login).await,
        (Protocol::MySql, channel) => mysql::login(&mut wire, channel, login).await,
        (Protocol::Smtp, channel) => smtp::login(&mut wire, channel).await,
        (Protocol::Imap, channel) => imap::login(&mut wire, channel).await,
        (Protocol::Pop3, channel) => pop3::login(&mut wire, channel, login).await,
        (Protocol::Ldap, _) => ldap::login(&mut wire).await,
        (Protocol::Redis, _) => redis::login(&mut wire).await,
        (Protocol::MongoDb, _) => mongodb::login(&mut wire).await,
        _ => Err(NO_PLAINTEXT),
    };
    outcome.unwrap_or_else(Plaintext::Unknown)
}

/// What an answer without TLS means, beside the answer to the same over TLS.
///
/// Turned away without TLS and let in with it: plaintext is refused. Turned away both times: it is this user or this
/// address that is refused, and of others nothing is known. A closed connection is how servers of MongoDB and Redis
/// refuse plaintext; there the scan's word that TLS is spoken, given as [`Plaintext::Accepted`], does as well.
pub fn compare(protocol: Protocol, plain: Plaintext, over_tls: &Plaintext) -> Plaintext {
    let silent = matches!(protocol, Protocol::MongoDb | Protocol::Redis);
    match (plain, over_tls) {
        (
            Plaintext::Unknown(Why::TurnedAway(answer) | Why::LoginFirst(answer)),
            Plaintext::Accepted { .. },
        ) => Plaintext::Refused { answer },
        (Plaintext::Unknown(Why::Closed), Plaintext::Accepted { .. }) if silent => {
            Plaintext::Refused {
                answer: "the connection was closed without a word".to_owned(),
            }
        }
        (plain, _) => plain,
    }
}

const NO_PLAINTEXT: Why = Why::NotAsked("the protocol is not spoken without TLS there");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_decides_what_the_words_leave_open() {
        let answer = "FATAL 28000: no pg_hba.conf entry".to_owned();
        let away = Plaintext::Unknown(Why::TurnedAway(answer.clone()));
        let accepted = Plaintext::Accepted {
            answer: String::new(),
        };
        let refused = Plaintext::Refused { answer };
        let closed = Plaintext::Unknown(Why::Closed);
        let postgres =
            |plain: &Plaintext, tls: &Plaintext| compare(Protocol::PostgreSql, plain.clone(), tls);
        assert_eq!(postgres(&away, &accepted), refused);
        assert_eq!(postgres(&away, &away), away);
        assert_eq!(postgres(&away, &closed), away);
        assert_eq!(postgres(&accepted, &away), accepted);
        assert_eq!(postgres(&refused, &closed), refused);
        assert_eq!(postgres(&closed, &accepted), closed);
        let mongo =
            |plain: &Plaintext, tls: &Plaintext| compare(Protocol::MongoDb, plain.clone(), tls);
        assert!(matches!(
            mongo(&closed, &accepted),
            Plaintext::Refused { .. }
        ));
        let reset = Plaintext::Unknown(Why::Reset);
        assert_eq!(mongo(&reset, &accepted), reset);
    }
}
