//! URLs and connection strings, of which parts may be unknown.

use lockfast_facts::{Part, Text};

/// A connection string or URL, as far as it is known.
pub(crate) struct Connection {
    /// The scheme in lower case (`postgres`, `https`); empty for the keyword form.
    pub scheme: String,
    /// The host, with `*` for what is not known.
    pub host: String,
    /// The whole text with unknown parts as `*` and user information removed.
    pub shown: String,
    /// Settings of the query or keyword form, names in lower case.
    settings: Vec<(String, String)>,
    /// True when a part of the settings is not known.
    open: bool,
}

/// Stands for what is not known.
const HOLE: char = '\u{1}';

impl Connection {
    /// Reads a text that is a URL (`scheme://…`, also behind `jdbc:`) or a libpq keyword string
    /// (`host=… sslmode=…`); `None` for anything else.
    pub(crate) fn parse(text: &Text) -> Option<Connection> {
        let whole = text.render(|part| match part {
            Part::Literal(s) => s.to_string(),
            _ => HOLE.to_string(),
        });
        let whole = whole.trim();
        let url = whole.strip_prefix("jdbc:").unwrap_or(whole);
        match url.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => Some(from_url(scheme, rest)),
            _ if whole.contains("host=") && whole.contains(' ') => Some(from_keywords(whole)),
            _ => None,
        }
    }

    /// A setting's value.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// True when more settings may hide in an unknown part.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The database engine its scheme names.
    pub(crate) fn engine(&self) -> Option<&'static str> {
        match self.scheme.as_str() {
            "postgres"
            | "postgresql"
            | "postgresql+psycopg2"
            | "postgresql+psycopg"
            | "postgresql+asyncpg"
            | "postgis"
            | "cockroachdb" => Some("postgres"),
            "" => Some("postgres"),
            "mysql" | "mysql2" | "mariadb" | "mysql+pymysql" => Some("mysql"),
            "mongodb" | "mongodb+srv" => Some("mongodb"),
            "sqlserver" | "mssql" => Some("sqlserver"),
            "redis" | "rediss" => Some("redis"),
            "amqp" | "amqps" => Some("amqp"),
            _ => None,
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() < 32
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn from_url(scheme: &str, rest: &str) -> Connection {
    let (place, query) = match rest.split_once(['?', ';']) {
        Some((place, query)) => (place, query),
        None => (rest, ""),
    };
    // Whoever is before the last `@` is nobody's business.
    let place = place.rsplit_once('@').map_or(place, |(_, after)| after);
    let host = place.split('/').next().unwrap_or_default();
    let settings: Vec<(String, String)> = query
        .split(['&', ';'])
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_ascii_lowercase()))
        .collect();
    let open = query.contains(HOLE)
        && settings
            .iter()
            .all(|(n, v)| !n.contains(HOLE) && !v.contains(HOLE))
        || rest.ends_with(HOLE) && query.is_empty() && rest.matches('/').count() == 0
        || settings.iter().any(|(n, _)| n.contains(HOLE));
    let scheme = scheme.to_ascii_lowercase();
    Connection {
        shown: format!("{scheme}://{}", place.replace(HOLE, "*")),
        host: host.replace(HOLE, "*"),
        scheme,
        settings,
        open,
    }
}

fn from_keywords(text: &str) -> Connection {
    let settings: Vec<(String, String)> = text
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_ascii_lowercase()))
        .collect();
    let host = settings
        .iter()
        .find(|(n, _)| n == "host")
        .map_or("*", |(_, v)| v)
        .replace(HOLE, "*");
    Connection {
        scheme: String::new(),
        shown: format!("host={host}"),
        host,
        open: text.ends_with(HOLE),
        settings,
    }
}

/// True when a host is inside: loopback, link-local, a private name or address, or not known.
pub(crate) fn is_inside(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name.starts_with("127.")
        || name.starts_with("10.")
        || name.starts_with("192.168.")
        || name.starts_with("169.254.")
        || [".local", ".internal", ".svc", ".localdomain"]
            .iter()
            .any(|end| name.ends_with(end))
        || !name.contains(['.', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Connection {
        Connection::parse(&Text::Plain(text.into())).expect("a connection")
    }

    #[test]
    fn user_information_is_never_kept() {
        let connection = parse("postgres://app:hunter2@db.example.com:5432/shop?sslmode=require");
        assert_eq!(connection.shown, "postgres://db.example.com:5432/shop");
        assert_eq!(connection.setting("sslmode"), Some("require"));
    }

    #[test]
    fn keywords_are_a_connection_too() {
        let connection = parse("host=db port=5432 sslmode=disable");
        assert_eq!(connection.engine(), Some("postgres"));
        assert_eq!(connection.setting("sslmode"), Some("disable"));
        assert!(Connection::parse(&Text::Plain("hello world".into())).is_none());
    }
}
