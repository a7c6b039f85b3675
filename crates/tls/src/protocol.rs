//! The protocols that TLS stands under, and how each comes to it.

use std::fmt;
use std::str::FromStr;

pub(crate) mod imap;
pub(crate) mod ldap;
pub(crate) mod mongodb;
pub(crate) mod mysql;
pub(crate) mod pop3;
pub(crate) mod postgresql;
pub(crate) mod redis;
pub(crate) mod smtp;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

/// What is spoken at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP over TLS (RFC 9110, section 4.2.2).
    Https,
    /// TLS from the first byte, with whatever in it.
    Tls,
    /// HTTP without TLS.
    Http,
    /// PostgreSQL, where an SSLRequest asks for TLS (PostgreSQL documentation, "Message Flow", section "SSL Session
    /// Encryption"). From version 17 on a server also takes TLS from the first byte, if ALPN says `postgresql`.
    PostgreSql,
    /// MySQL and MariaDB, where an SSLRequest goes out instead of the login (MySQL internals, "Protocol::SSLRequest").
    MySql,
    /// SMTP with STARTTLS (RFC 3207).
    Smtp,
    /// SMTP over TLS (RFC 8314, section 3.3).
    Smtps,
    /// IMAP with STARTTLS (RFC 9051, section 6.2.1).
    Imap,
    /// IMAP over TLS (RFC 8314, section 3.2).
    Imaps,
    /// POP3 with STLS (RFC 2595, section 4).
    Pop3,
    /// POP3 over TLS (RFC 8314, section 3.1).
    Pop3s,
    /// LDAP with the StartTLS operation (RFC 4511, section 4.14).
    Ldap,
    /// LDAP over TLS, which no document defines.
    Ldaps,
    /// Redis and Valkey, where a port speaks either TLS or not.
    Redis,
    /// MongoDB, where a port takes TLS, or not, or both.
    MongoDb,
    /// Amazon DynamoDB Accelerator.
    Dax,
}

use Protocol::*;

/// Name and ports (IANA "Service Name and Transport Protocol Port Number
/// Registry"; 8111 and 9111 without and with TLS from AWS's documentation, "DAX encryption in transit").
const ROWS: &[(Protocol, &str, &[u16])] = &[
    (Https, "https", &[443]),
    (Tls, "tls", &[]),
    (Http, "http", &[80, 8080]),
    (PostgreSql, "postgresql", &[5432]),
    (MySql, "mysql", &[3306]),
    (Smtp, "smtp", &[25, 587]),
    (Smtps, "smtps", &[465]),
    (Imap, "imap", &[143]),
    (Imaps, "imaps", &[993]),
    (Pop3, "pop3", &[110]),
    (Pop3s, "pop3s", &[995]),
    (Ldap, "ldap", &[389]),
    (Ldaps, "ldaps", &[636]),
    (Redis, "redis", &[6379]),
    (MongoDb, "mongodb", &[27017]),
    (Dax, "dax", &[9111, 8111]),
];

impl Protocol {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Protocol> {
        ROWS.iter().map(|row| row.0)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        self.row().map_or("tls", |row| row.1)
    }

    /// The ports it has by custom, the first of which is the usual one; none for [`Protocol::Tls`].
    pub fn ports(self) -> &'static [u16] {
        self.row().map_or(&[], |row| row.2)
    }

    /// What is spoken at a port by custom.
    pub fn of_port(port: u16) -> Option<Protocol> {
        let mut rows = ROWS.iter();
        rows.find(|row| row.2.contains(&port)).map(|row| row.0)
    }

    /// The protocol itself, for those named after having TLS around them: `smtp` of `smtps`.
    pub fn inner(self) -> Protocol {
        match self {
            Smtps => Smtp,
            Imaps => Imap,
            Pop3s => Pop3,
            Ldaps => Ldap,
            other => other,
        }
    }

    /// Whether it can be spoken without TLS at the same port, so that there is a question whether plaintext is refused.
    pub fn has_plaintext(self) -> bool {
        matches!(
            self,
            PostgreSql | MySql | Smtp | Imap | Pop3 | Ldap | Redis | MongoDb
        )
    }

    /// What to offer in ALPN (IANA "TLS ALPN Protocol IDs"). A server of PostgreSQL 17 turns away who offers anything
    /// else than its own name, and most of the others never heard of it.
    pub fn alpn(self) -> &'static [&'static str] {
        match self {
            Https | Tls => &["h2", "http/1.1"],
            PostgreSql => &["postgresql"],
            _ => &[],
        }
    }

    /// How many connections an address should get at most. MySQL and MariaDB count handshakes that are broken off, as all of a
    /// scan's are, and shut an address out after `max_connect_errors` of them (100 unless set otherwise; not where
    /// `skip_name_resolve` is on). They forget only when a login from there succeeds: a scan a day adds up.
    pub fn max_connections(self) -> usize {
        match self {
            MySql => 25,
            _ => usize::MAX,
        }
    }

    fn row(self) -> Option<&'static (Protocol, &'static str, &'static [u16])> {
        ROWS.iter().find(|row| row.0 == self)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Protocol`]'s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no protocol that is known here")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        let lower = name.to_ascii_lowercase();
        let lower = match lower.as_str() {
            "postgres" | "postgresqls" => "postgresql",
            "mariadb" => "mysql",
            "rediss" | "valkey" => "redis",
            "mongo" => "mongodb",
            same => same,
        };
        let mut rows = ROWS.iter();
        let row = rows.find(|row| row.1 == lower);
        row.map(|row| row.0)
            .ok_or_else(|| UnknownProtocol(name.to_owned()))
    }
}
