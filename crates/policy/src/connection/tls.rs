//! Whether a connection is encrypted, as its driver reads its settings.

use super::{Connection, Engine, is_hole};

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Encrypted, and the server must prove who it is.
    Verified,
    /// Encrypted, with whoever answers.
    Encrypted,
    /// Nothing insists on encryption.
    Plain,
    /// It cannot be told, because.
    Unknown(&'static str),
}

const HIDDEN: &str = "its settings are known only at deployment";

impl Connection {
    /// How it is protected; `None` when the string is no connection to a database or broker.
    /// `pgsslmode` is what the environment says for libpq, where it is read.
    pub(crate) fn tls(&self, pgsslmode: Option<&str>) -> Option<Tls> {
        let engine = self.engine?;
        if self
            .settings
            .iter()
            .any(|(name, value)| value.contains(is_hole) && decides(name))
        {
            return Some(Tls::Unknown(HIDDEN));
        }
        let said = match engine {
            Engine::Postgres => self.postgres(pgsslmode),
            Engine::Redshift => self.postgres(None).or(Some(Tls::Unknown(
                "without a setting the version of the driver decides",
            ))),
            Engine::Mysql => self.mysql(),
            Engine::Mongodb => self.mongodb(),
            Engine::SqlServer | Engine::Sql => self.sql_server(),
            Engine::Redis => self.by_scheme(&["rediss", "valkeys"]),
            Engine::Amqp => self.by_scheme(&["amqps"]),
            Engine::Nats => self.by_scheme(&["tls+nats"]),
            Engine::Clickhouse => self.by_scheme(&["clickhouses"]),
            Engine::Dax => self.by_scheme(&["daxs"]),
            Engine::Memcached => self.by_scheme(&[]),
            Engine::Neo4j if self.scheme.ends_with("+ssc") => Some(Tls::Encrypted),
            Engine::Neo4j => self.by_scheme(&["bolt+s", "neo4j+s"]),
            Engine::Oracle => Some(match self.setting("protocol") {
                Some("tcps") => Tls::Verified,
                _ => Tls::Unknown("native network encryption is settled outside the string"),
            }),
        };
        Some(match said {
            Some(tls) => tls,
            None if self.open => Tls::Unknown(HIDDEN),
            None => Tls::Plain,
        })
    }

    /// libpq's `sslmode` (PostgreSQL documentation, "SSL Mode Descriptions"), pgjdbc's and
    /// node-postgres's `ssl`.
    fn postgres(&self, environment: Option<&str>) -> Option<Tls> {
        let said = self.setting("sslmode").or_else(|| match self.jdbc {
            true => None,
            false => environment.filter(|_| self.setting("ssl").is_none()),
        });
        let said = said
            .and_then(sslmode)
            .or_else(|| match self.setting("ssl")? {
                "true" | "1" | "yes" | "" => Some(Tls::Verified),
                "require" | "allow-unverified" => Some(Tls::Encrypted),
                "false" | "0" | "no" => Some(Tls::Plain),
                mode => sslmode(mode),
            });
        let is_blind = self
            .setting("sslfactory")
            .is_some_and(|factory| factory.ends_with(".nonvalidatingfactory"));
        match said {
            Some(Tls::Verified) if is_blind => Some(Tls::Encrypted),
            None if self.scheme == "ecto" => {
                Some(Tls::Unknown("Ecto's configuration in the code decides"))
            }
            said => said,
        }
    }

    /// MySQL Connector/J (`sslMode`, and the older `useSSL` with `requireSSL`), MariaDB Connector/J,
    /// the MySQL client (`ssl-mode`), Prisma, PyMySQL, Go and Node drivers.
    fn mysql(&self) -> Option<Tls> {
        let on = |name: &str| {
            self.setting(name)
                .map(|v| matches!(v, "true" | "1" | "yes"))
        };
        if on("ssldisabled") == Some(true) {
            return Some(Tls::Plain);
        }
        let mode = self.setting("sslmode").and_then(sslmode);
        let go = self.setting("tls").map(|tls| match tls {
            "false" | "preferred" => Tls::Plain,
            "skip-verify" => Tls::Encrypted,
            _ => Tls::Verified,
        });
        let prisma = self.setting("sslaccept").map(|accept| match accept {
            "strict" => Tls::Verified,
            _ => Tls::Encrypted,
        });
        let authority = self.setting("sslca").or(self.setting("sslrootcert"));
        let profile = self.setting("ssl").map(|ssl| match ssl {
            "false" | "0" | "no" | "off" => Tls::Plain,
            ssl if ssl.contains("\"rejectunauthorized\":false") => Tls::Encrypted,
            _ => Tls::Verified,
        });
        let legacy = || match (
            on("usessl")?,
            on("requiressl"),
            on("verifyservercertificate"),
        ) {
            (true, _, Some(true)) => Some(Tls::Verified),
            (true, Some(true), _) => Some(Tls::Encrypted),
            // MariaDB's driver insists; MySQL's falls back to plaintext.
            (true, ..) if self.scheme == "mariadb" => Some(Tls::Verified),
            _ => Some(Tls::Plain),
        };
        mode.or(go)
            .or(prisma)
            .or(authority.map(|_| Tls::Verified))
            .or(profile)
            .or_else(legacy)
    }

    /// MongoDB documentation, "Connection string options": `mongodb+srv` has TLS by default.
    fn mongodb(&self) -> Option<Tls> {
        let said = self.setting("tls").or(self.setting("ssl"));
        let srv = self.scheme == "mongodb+srv";
        match said {
            Some("true" | "1") => {}
            None if srv => {}
            None => return None,
            Some(_) => return Some(Tls::Plain),
        }
        let blind = [
            "tlsinsecure",
            "tlsallowinvalidcertificates",
            "tlsallowinvalidhostnames",
        ];
        Some(
            match blind.iter().any(|name| self.setting(name) == Some("true")) {
                true => Tls::Encrypted,
                false => Tls::Verified,
            },
        )
    }

    /// Microsoft documentation, "Connection string syntax" and JDBC's "Connection properties".
    fn sql_server(&self) -> Option<Tls> {
        let trusting = matches!(
            self.setting("trustservercertificate"),
            Some("true" | "yes" | "1")
        );
        Some(match (self.setting("encrypt"), self.setting("sslmode")) {
            (Some("strict"), _) => Tls::Verified,
            (Some("true" | "yes" | "mandatory" | "1"), _) if trusting => Tls::Encrypted,
            (Some("true" | "yes" | "mandatory" | "1"), _) => Tls::Verified,
            (Some(_), _) => Tls::Plain,
            (None, Some(mode)) => return sslmode(mode),
            (None, None) => Tls::Unknown("without a setting the driver and its version decide"),
        })
    }

    /// Where the scheme, or a plain switch, decides.
    fn by_scheme(&self, encrypted: &[&str]) -> Option<Tls> {
        let switch = ["ssl", "tls", "secure", "usessl"]
            .iter()
            .find_map(|n| self.setting(n));
        let on = encrypted.contains(&self.scheme.as_str())
            || switch.is_some_and(|v| matches!(v, "true" | "1" | "yes" | "required"));
        let blind = matches!(self.setting("sslcertreqs"), Some("none" | "cert_none"))
            || matches!(self.setting("verify"), Some("verify_none"));
        match (on, blind) {
            (true, true) => Some(Tls::Encrypted),
            (true, false) => Some(Tls::Verified),
            // A scheme without TLS stays without, whatever its unknown settings say.
            (false, _) if !self.scheme.is_empty() || switch.is_some() => Some(Tls::Plain),
            _ => None,
        }
    }
}

/// The settings that decide over encryption.
fn decides(name: &str) -> bool {
    name.contains("ssl")
        || name.contains("tls")
        || matches!(name, "encrypt" | "secure" | "protocol")
}

/// The modes of libpq, MySQL and their descendants, in any spelling; `None` for an empty one.
pub(crate) fn sslmode(mode: &str) -> Option<Tls> {
    let plain: String = mode
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    Some(match plain.as_str() {
        "" => return None,
        "verifyfull" | "verifyca" | "verifyidentity" => Tls::Verified,
        "require" | "required" | "noverify" | "trust" | "true" | "1" => Tls::Encrypted,
        _ => Tls::Plain,
    })
}

/// The same, of words that say nothing else.
pub(crate) fn known_sslmode(mode: &str) -> Option<Tls> {
    matches!(
        mode,
        "disable"
            | "allow"
            | "prefer"
            | "preferred"
            | "require"
            | "required"
            | "verify-ca"
            | "verify-full"
            | "no-verify"
    )
    .then(|| sslmode(mode))
    .flatten()
}
