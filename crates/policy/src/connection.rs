//! Connection strings and URLs, of which parts may be unknown.

mod forms;
mod place;
mod tls;
mod url;

pub(crate) use place::{Zones, is_aws_api, is_private, stays_on_host};
pub(crate) use tls::{Tls, known_sslmode, sslmode};

use lockfast_facts::{Part, Reference, Text, Why};
use std::sync::Arc;

/// A connection string or URL, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The scheme in lower case, without the driver (`postgres`, `https`); empty when the string
    /// has none, `*` when it is not known.
    pub scheme: String,
    /// The host, with `*` for what is not known, without the port.
    pub host: String,
    /// What the host is an attribute of.
    pub host_of: Option<Reference>,
    /// Why the host is not known.
    pub host_unknown: Option<Arc<Why>>,
    /// The string as it may be shown: scheme, host and port, `*` for what is not known. A user, a
    /// path (of a webhook) and settings may be secrets.
    pub shown: String,
    /// The database or broker that it is for.
    pub engine: Option<Engine>,
    /// True when a JDBC driver reads it.
    jdbc: bool,
    /// Names in lower case without `-`, `_` and spaces; values in lower case.
    settings: Vec<(String, String)>,
    /// True when settings may hide in a part that is not known.
    open: bool,
}

/// What is at the other end, as far as its settings of encryption differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Amqp,
    Clickhouse,
    Dax,
    Memcached,
    Mongodb,
    Mysql,
    Nats,
    Neo4j,
    Oracle,
    Postgres,
    Redis,
    Redshift,
    /// A string that drivers of several engines read.
    Sql,
    SqlServer,
}

impl Engine {
    /// Its name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Amqp => "AMQP",
            Engine::Clickhouse => "ClickHouse",
            Engine::Dax => "DAX",
            Engine::Memcached => "Memcached",
            Engine::Mongodb => "MongoDB",
            Engine::Mysql => "MySQL",
            Engine::Nats => "NATS",
            Engine::Neo4j => "Bolt",
            Engine::Oracle => "Oracle",
            Engine::Postgres => "PostgreSQL",
            Engine::Redis => "Redis",
            Engine::Redshift => "Redshift",
            Engine::Sql => "database",
            Engine::SqlServer => "SQL Server",
        }
    }

    fn of_scheme(scheme: &str) -> Option<Engine> {
        Some(match scheme {
            "postgres" | "postgresql" | "postgis" | "cockroachdb" | "pgsql" | "psql" | "ecto" => {
                Engine::Postgres
            }
            "mysql" | "mysql2" | "mariadb" | "mysqlx" => Engine::Mysql,
            "mongodb" | "mongodb+srv" => Engine::Mongodb,
            "sqlserver" | "mssql" | "sqlsrv" => Engine::SqlServer,
            "redis" | "rediss" | "valkey" | "valkeys" => Engine::Redis,
            "redshift" => Engine::Redshift,
            "amqp" | "amqps" => Engine::Amqp,
            "oracle" => Engine::Oracle,
            "nats" | "tls+nats" => Engine::Nats,
            "memcached" | "memcache" => Engine::Memcached,
            "clickhouse" | "clickhouses" | "ch" => Engine::Clickhouse,
            "dax" | "daxs" => Engine::Dax,
            "bolt" | "bolt+s" | "bolt+ssc" | "neo4j" | "neo4j+s" | "neo4j+ssc" => Engine::Neo4j,
            _ => return None,
        })
    }
}

/// A string in which each part that is not known is one character.
struct Whole<'t> {
    text: String,
    parts: Vec<&'t Part>,
}

/// The first character that stands for a part: they lie in Unicode's private use area.
const HOLES: u32 = 0xE000;

fn is_hole(c: char) -> bool {
    (HOLES..HOLES + 0x1000).contains(&u32::from(c))
}

impl<'t> Whole<'t> {
    fn of(text: &'t Text) -> Self {
        match text {
            Text::Plain(text) => Whole {
                text: text.trim().to_owned(),
                parts: Vec::new(),
            },
            Text::Parts(all) => {
                let mut whole = Whole {
                    text: String::new(),
                    parts: Vec::new(),
                };
                for part in all.iter() {
                    match part {
                        Part::Literal(text) => whole.text.push_str(text),
                        part => {
                            let hole =
                                HOLES + u32::try_from(whole.parts.len()).unwrap_or(0).min(0xFFF);
                            whole.text.extend(char::from_u32(hole));
                            whole.parts.push(part);
                        }
                    }
                }
                whole.text = whole.text.trim().to_owned();
                whole
            }
        }
    }

    fn part(&self, hole: char) -> Option<&'t Part> {
        let index = u32::from(hole).checked_sub(HOLES)?;
        self.parts.get(index as usize).copied()
    }

    /// True when what a hole stands for is an attribute of a resource: a host, a port, an id.
    fn is_reference(&self, hole: char) -> bool {
        matches!(self.part(hole), Some(Part::Reference(_)))
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if is_hole(c) { '*' } else { c })
        .collect()
}

impl Connection {
    /// Reads a text that is a URL or a list of them (also quoted inside JSON, and behind a flag), a
    /// JDBC URL, libpq's keywords, an ADO.NET, ODBC, PDO or Go data source name, or an Oracle
    /// descriptor; none for anything else.
    pub(crate) fn all(text: &Text) -> Vec<Connection> {
        forms::read(&Whole::of(text))
    }

    /// The first connection in a text.
    pub(crate) fn first(text: &Text) -> Option<Connection> {
        Connection::all(text).into_iter().next()
    }

    /// An address outside of which only the scheme is known.
    pub(crate) fn somewhere(scheme: &str) -> Connection {
        Connection {
            scheme: scheme.to_owned(),
            host: "*.".to_owned(),
            host_of: None,
            host_unknown: None,
            shown: format!("{scheme}://*"),
            engine: None,
            jdbc: false,
            settings: Vec::new(),
            open: false,
        }
    }

    /// A setting's value; the last one counts. The name is in lower case without separators.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .rfind(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Connection {
        Connection::first(&Text::Plain(text.into())).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn user_information_is_never_kept() {
        let connection = parse("postgres://app:hunter2@db.example.com:5432/shop?sslmode=require");
        assert_eq!(connection.shown, "postgres://db.example.com:5432");
        for text in [
            "Server=tcp:erp.example.com,1433;Database=erp;User Id=app;Password=hunter2;Encrypt=True",
            "app:hunter2@tcp(db.example.com:3306)/shop?tls=true",
            "host=db.example.com user=app password=hunter2 sslmode=require",
            "cache.example.com:6380,password=hunter2,ssl=True",
            "jdbc:oracle:thin:app/hunter2@//db.example.com:1521/shop",
            "jdbc:oracle:thin:app/hunter2@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=db.example.com)(PORT=2484)))",
            "redis://:hunter2@cache.example.com:6379",
            "{\"url\": \"amqp://app:hunter2@mq.example.com\"}",
            "postgresql://app:hunter2?x@db.example.com/shop?sslmode=require",
            "postgresql://app:x#hunter2@db.example.com/shop?sslmode=require",
            "mysql://app:x;hunter2@db.example.com/shop",
            "postgres://app:x/hunter2@db.example.com/shop",
            "https://app:x#hunter2@api.example.com/v1",
            "https://api.example.com/bot123:hunter2/send",
            "https://api.example.com/?mail=hunter2@example.com",
            "host=db.example.com user=app password='hunter2 x;y' sslmode=require",
            "Server=db.example.com;Database=shop;User Id=app;Password='a;hunter2';Encrypt=False",
        ] {
            let connection = parse(text);
            assert!(
                !format!("{} {}", connection.shown, connection.host).contains("hunter2"),
                "{text}"
            );
            assert!(
                connection.host.ends_with("example.com"),
                "{text}: {}",
                connection.host
            );
        }
    }

    #[test]
    fn encryption_is_read_as_each_driver_reads_it() {
        use Tls::{Encrypted, Plain, Unknown, Verified};
        for (text, expected) in [
            (
                "postgres://db.example.com/shop?sslmode=verify-full",
                Verified,
            ),
            (
                "postgres://db.example.com/shop?sslmode=prefer&sslmode=require",
                Encrypted,
            ),
            (
                "postgres://db.example.com/shop?sslmode=no-verify",
                Encrypted,
            ),
            ("postgres://db.example.com/shop?sslmode=allow#x", Plain),
            ("postgres://db.example.com/shop", Plain),
            (
                "postgresql:///shop?host=db.example.com&sslmode=require",
                Encrypted,
            ),
            ("postgresql+pg8000://db.example.com/shop", Plain),
            ("jdbc:postgresql://db.example.com/shop?ssl=true", Verified),
            (
                "jdbc:postgresql://db.example.com/shop?ssl=false&sslmode=require",
                Encrypted,
            ),
            (
                "jdbc:aws-wrapper:postgresql://db.example.com:5432/shop?sslmode=disable",
                Plain,
            ),
            ("host=db.example.com port=5432 sslmode='require'", Encrypted),
            (
                "pgsql:host=db.example.com;port=5432;dbname=shop;sslmode=disable",
                Plain,
            ),
            (
                "Host=db.example.com;Port=5432;Username=app;SSL Mode=VerifyFull",
                Verified,
            ),
            ("Host=db.example.com;Port=5432;Username=app", Plain),
            ("mysql://db.example.com/shop", Plain),
            (
                "mysql://db.example.com/shop?useSSL=true&requireSSL=false",
                Plain,
            ),
            (
                "jdbc:mysql:aurora://db.example.com/shop?useSSL=false",
                Plain,
            ),
            (
                "jdbc:mysql://db.example.com/shop?sslMode=DISABLED&useSSL=true",
                Plain,
            ),
            (
                "jdbc:mysql://db.example.com/shop?sslMode=VERIFY_IDENTITY",
                Verified,
            ),
            (
                "jdbc:mariadb://db.example.com/shop?sslMode=trust",
                Encrypted,
            ),
            (
                "mysql+pymysql://db.example.com/shop?ssl_ca=/etc/rds.pem",
                Verified,
            ),
            ("mysql://db.example.com/shop?sslaccept=strict", Verified),
            ("mysql://db.example.com/shop?ssl=Amazon%20RDS", Verified),
            (
                "mysql://db.example.com/shop?ssl={\"rejectUnauthorized\":true}",
                Verified,
            ),
            (
                "mysql+mysqlconnector://db.example.com/shop?ssl_disabled=true",
                Plain,
            ),
            (
                "app@tcp(db.example.com:3306)/shop?tls=skip-verify",
                Encrypted,
            ),
            ("app@tcp(db.example.com:3306)/shop?tls=false", Plain),
            (
                "Server=db.example.com;Port=3306;Database=shop;Uid=app;SslMode=VerifyCA",
                Verified,
            ),
            (
                "mongodb://db.example.com/shop?tls=true&tlsInsecure=true",
                Encrypted,
            ),
            ("mongodb+srv://db.example.com/shop", Verified),
            ("mongodb+srv://db.example.com/shop?tls=false", Plain),
            (
                "Server=tcp:erp.example.com,1433;Database=erp;User Id=app;Encrypt=False",
                Plain,
            ),
            (
                "jdbc:sqlserver://db.example.com:1433;databaseName=x;encrypt=true;trustServerCertificate=true",
                Encrypted,
            ),
            (
                "jdbc:sqlserver://db.example.com:1433;databaseName=x",
                Unknown(""),
            ),
            ("mssql+pyodbc://db.example.com/shop?Encrypt=no", Plain),
            ("valkey://cache.example.com:6379", Plain),
            (
                "rediss://cache.example.com:6379?ssl_cert_reqs=none",
                Encrypted,
            ),
            (
                "cache.example.com:6379,password=x,abortConnect=False",
                Plain,
            ),
            ("cache.example.com:6380,password=x,ssl=True", Verified),
            ("amqp://mq.example.com", Plain),
            (
                "jdbc:oracle:thin:@tcps://db.example.com:2484/shop",
                Verified,
            ),
            (
                "jdbc:oracle:thin:@tcp://db.example.com:1521/shop",
                Unknown(""),
            ),
            ("jdbc:redshift://wh.example.com:5439/dev?ssl=false", Plain),
            (
                "host=db.example.com user=app dbname=shop port=5432 sslmode=disable TimeZone=UTC",
                Plain,
            ),
            (
                "host=db.example.com dbname=shop sslmode = require keepalives=1 channel_binding=prefer",
                Encrypted,
            ),
            ("r2dbcs:postgresql://db.example.com/shop", Verified),
            ("ecto://db.example.com/shop", Unknown("")),
            ("ecto://db.example.com/shop?ssl=true", Verified),
            (
                "postgresql://app:x?y#z@db.example.com/shop?sslmode=require",
                Encrypted,
            ),
            (
                "jdbc:postgresql://db.example.com/shop?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
                Encrypted,
            ),
            (
                "Host=db.example.com;Database=shop;Username=app;SSL Mode=Prefer;Trust Server Certificate=true",
                Plain,
            ),
            (
                "Server=db.example.com;Database=shop;User Id=app;Password='a;b';Encrypt=False",
                Plain,
            ),
            (
                "jdbc:sqlserver://;serverName=db.example.com;databaseName=x;encrypt=false",
                Plain,
            ),
            (
                "mssql+pyodbc:///?odbc_connect=Driver%3D%7BODBC+Driver+17+for+SQL+Server%7D%3BServer%3Ddb.example.com%3BEncrypt%3Dno",
                Plain,
            ),
            ("neo4j+s://graph.example.com:7687", Verified),
            ("bolt://graph.example.com:7687", Plain),
            ("dax://cache.example.com:8111", Plain),
        ] {
            let found = parse(text).tls(None);
            let same = match (found, expected) {
                (Some(Unknown(_)), Unknown(_)) => true,
                (found, expected) => found == Some(expected),
            };
            assert!(same, "{text}: {found:?}, not {expected:?}");
        }
        let connection = parse("postgres://db.example.com/shop");
        assert_eq!(connection.tls(Some("verify-full")), Some(Verified));
        assert!(parse("postgres://localhost/shop").stays_on_host());
        for (text, local) in [
            ("postgres://localhost.example.com/shop", false),
            ("postgresql:///shop?host=/var/run/postgresql", true),
            ("postgresql://%2Fvar%2Frun%2Fpostgresql/shop", true),
            ("jdbc:mysql:///shop", true),
            ("postgres://localhost,db.example.com:5432/shop", false),
            ("postgres://localhost,127.0.0.1:5432/shop", true),
            ("Server=localhost,1433;Database=shop;Encrypt=False", true),
            ("jdbc:mysql://(host=db.example.com,port=3306)/shop", false),
            ("jdbc:sqlserver://;databaseName=x;encrypt=false", false),
            (
                "jdbc:sqlserver://;serverName=db.example.com;encrypt=false",
                false,
            ),
            ("dbname=shop sslmode=disable", false),
        ] {
            assert_eq!(parse(text).stays_on_host(), local, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_may_hide_settings() {
        let part = |text: &str| Part::Literal(text.into());
        let hole = || Part::Unknown(Arc::new(Why::Parameter("Opt".into())));
        let url = |parts: Vec<Part>| Connection::first(&Text::Parts(parts.into()));
        let tls = |parts| url(parts).expect("a connection").tls(None);
        assert!(matches!(
            tls(vec![part("postgres://db.example.com/shop"), hole()]),
            Some(Tls::Unknown(_))
        ));
        assert!(matches!(
            tls(vec![part("postgres://db.example.com/shop?"), hole()]),
            Some(Tls::Unknown(_))
        ));
        assert!(matches!(
            tls(vec![
                part("postgres://db.example.com/shop?sslmode="),
                hole()
            ]),
            Some(Tls::Unknown(_))
        ));
        // A name of a database is no place for settings.
        assert_eq!(
            tls(vec![part("postgres://db.example.com/"), hole()]),
            Some(Tls::Plain)
        );
        let scheme = url(vec![hole(), part("://partner.example.com")]).expect("a URL");
        assert_eq!(
            (scheme.scheme.as_str(), scheme.host.as_str()),
            ("*", "partner.example.com")
        );
    }

    #[test]
    fn lists_and_quotes_hold_several_and_prose_none() {
        let all = |text: &str| -> Vec<String> {
            Connection::all(&Text::Plain(text.into()))
                .into_iter()
                .map(|c| c.shown)
                .collect()
        };
        assert_eq!(
            all("https://a.example.com,http://b.example.com/x"),
            ["https://a.example.com", "http://b.example.com"]
        );
        assert_eq!(
            all("mongodb://h1.example.com,h2.example.com/shop"),
            ["mongodb://h1.example.com,h2.example.com"]
        );
        assert_eq!(
            all("{\"a\": \"http://a.example.com\", \"b\": 1}"),
            ["http://a.example.com"]
        );
        assert_eq!(
            all("--url=https://a.example.com --verbose"),
            ["https://a.example.com"]
        );
        assert_eq!(
            all("https://a.example.com/?next=http://b.example.com"),
            ["https://a.example.com"]
        );
        for text in [
            "see http://docs.example.com for more",
            "hello world",
            "-Dserver.host=0.0.0.0 -Xmx512m",
            "--host=0.0.0.0 --port=8080",
            "host=0.0.0.0 port=8080",
            "a=b;c=d",
            "://",
            "",
        ] {
            assert!(all(text).is_empty(), "{text}");
        }
    }
}
