//! The forms that connection strings are written in.

use super::place::stays_on_host;
use super::url::{from_url, tail_may_hold_settings, urls};
use super::{Connection, Engine, Whole, is_hole, shown};
use lockfast_facts::{Part, Why};
use std::sync::Arc;

/// Every connection in a text.
pub(super) fn read(whole: &Whole<'_>) -> Vec<Connection> {
    let text = whole.text.as_str();
    let one = oracle(whole)
        .or_else(|| go_mysql(whole))
        .or_else(|| pdo(whole))
        .or_else(|| keywords(whole))
        .or_else(|| pairs(whole, text))
        .or_else(|| stack_exchange(whole));
    match one {
        Some(connection) => vec![connection],
        None => urls(text)
            .into_iter()
            .map(|url| from_url(whole, url))
            .collect(),
    }
}

impl Connection {
    fn of(engine: Engine, pairs: Vec<(String, String)>) -> Self {
        Connection {
            scheme: String::new(),
            host: String::new(),
            host_of: None,
            host_unknown: None,
            shown: String::new(),
            engine: Some(engine),
            jdbc: false,
            settings: pairs,
            open: false,
        }
    }

    /// Notes the host of an authority: `tcp:host:port`, `host,port`, `[::1]:8080`.
    pub(super) fn at(&mut self, whole: &Whole<'_>, authority: &str) {
        let place = authority.strip_prefix("tcp:").unwrap_or(authority);
        let mut hosts = place.split(',').map(host);
        let first = hosts.next().unwrap_or_default();
        // Of several, one that leaves the host decides; behind SQL Server's comma stands a port.
        let is_other = |host: &&str| {
            !stays_on_host(host) && !host.is_empty() && !host.chars().all(|c| c.is_ascii_digit())
        };
        let host = match stays_on_host(first) {
            true => hosts.find(is_other).unwrap_or(first),
            false => first,
        };
        self.host = shown(host).to_ascii_lowercase();
        let mut chars = host.chars();
        if let (Some(hole), None) = (chars.next().filter(|c| is_hole(*c)), chars.next())
            && let Some(Part::Reference(reference)) = whole.part(hole)
        {
            self.host_of = Some(reference.clone());
        }
        self.host_unknown = host.chars().find_map(|c| match whole.part(c) {
            Some(Part::Unknown(why)) => Some(why.clone()),
            Some(Part::Dynamic(dynamic)) => Some(dynamic.why.clone()),
            _ => None,
        });
        if self.shown.is_empty() {
            self.shown = format!("host={}", self.host);
        }
    }
}

/// The host of `host:port`, `[::1]:port`, `host\instance`.
fn host(place: &str) -> &str {
    match place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((v6, _)) => v6,
        None => place.split([':', '\\']).next().unwrap_or_default(),
    }
}

pub(super) fn settings<'t>(pairs: impl Iterator<Item = &'t str>) -> Vec<(String, String)> {
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let name: String = name
                .trim()
                .chars()
                .filter(|c| !matches!(c, '-' | '_' | ' '))
                .collect();
            let value = value.trim().trim_matches(['"', '\'']).replace("%20", " ");
            (name.to_ascii_lowercase(), value.to_ascii_lowercase())
        })
        .collect()
}

/// `host=db port=5432 sslmode=require`: libpq's keywords, all of them `name=value`.
fn keywords(whole: &Whole<'_>) -> Option<Connection> {
    /// What no other list of such pairs has two of.
    const TELLING: [&str; 9] = [
        "host",
        "hostaddr",
        "dbname",
        "sslmode",
        "user",
        "password",
        "port",
        "sslrootcert",
        "passfile",
    ];
    let (pairs, open) = libpq(&whole.text)?;
    let telling: Vec<&str> = pairs
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| TELLING.contains(name))
        .collect();
    // A host with a port alone is where some server listens.
    let is_libpq = telling
        .iter()
        .any(|name| matches!(*name, "host" | "hostaddr" | "dbname" | "sslmode"));
    if telling.len() < 2 || !is_libpq || telling == ["host", "port"] {
        return None;
    }
    let host = ["host", "hostaddr"]
        .iter()
        .find_map(|name| pairs.iter().rfind(|(n, _)| n == name))
        .map(|(_, value)| value.clone());
    let mut connection = Connection::of(Engine::Postgres, pairs);
    connection.open = open;
    connection.at(whole, host.as_deref().unwrap_or_default());
    if host.is_none() {
        // The environment or the code may name it.
        connection.host_unknown = Some(Arc::new(Why::NotGiven("the host".to_owned())));
    }
    Some(connection)
}

/// The pairs of libpq's form (PostgreSQL documentation, "Keyword/Value Connection Strings"), and whether
/// a part that is not known may hold more of them.
fn libpq(text: &str) -> Option<(Vec<(String, String)>, bool)> {
    let mut pairs = Vec::new();
    let mut open = false;
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if is_hole(first) {
            open = true;
            rest = rest[first.len_utf8()..].trim_start();
            continue;
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return None;
        }
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('\'') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '\'' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if value.contains(';') && !name.eq_ignore_ascii_case("password") {
            return None;
        }
        pairs.extend(settings([format!("{name}={value}").as_str()].into_iter()));
        rest = after.trim_start();
    }
    Some((pairs, open))
}

/// `Server=…;Database=…`: ADO.NET and ODBC.
pub(super) fn pairs(whole: &Whole<'_>, text: &str) -> Option<Connection> {
    if !text.contains(';') || text.contains("://") {
        return None;
    }
    let fields: Vec<&str> = fields(text)
        .into_iter()
        .filter(|field| !field.trim().is_empty())
        .collect();
    let is_hidden = |field: &&&str| !field.contains('=') && field.trim().starts_with(is_hole);
    let hidden = fields.iter().filter(is_hidden).count();
    let pairs = settings(fields.iter().copied());
    if pairs.len() < 2 || pairs.len() + hidden < fields.len() {
        return None;
    }
    let of = |names: &[&str]| {
        pairs
            .iter()
            .find(|(n, _)| names.contains(&n.as_str()))
            .map(|(_, v)| v.clone())
    };
    let host = of(&[
        "server",
        "datasource",
        "host",
        "address",
        "addr",
        "networkaddress",
    ])?;
    let others = [
        "database",
        "initialcatalog",
        "userid",
        "uid",
        "username",
        "user",
        "pwd",
        "password",
        "port",
        "sslmode",
        "encrypt",
        "trustedconnection",
        "integratedsecurity",
        "driver",
        "dbname",
    ];
    of(&others)?;
    let engine = engine_of_pairs(&pairs, &host);
    let mut connection = Connection::of(engine, pairs);
    connection.open = hidden > 0;
    connection.at(whole, &host);
    Some(connection)
}

/// Which driver reads the pairs: the one that it names, or whose own names stand among them.
fn engine_of_pairs(pairs: &[(String, String)], host: &str) -> Engine {
    let value = |name: &str| pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v);
    let has = |names: &[&str]| pairs.iter().any(|(n, _)| names.contains(&n.as_str()));
    let (driver, port) = (value("driver"), value("port"));
    let npgsql = has(&["host"]) && has(&["username"])
        || has(&["sslmode"]) && has(&["trustservercertificate"]);
    if driver.contains("postgres") {
        Engine::Postgres
    } else if driver.contains("mysql") || driver.contains("mariadb") {
        Engine::Mysql
    } else if driver.contains("redshift") {
        Engine::Redshift
    } else if driver.contains("sql server") || host.starts_with("tcp:") || host.ends_with(",1433") {
        Engine::SqlServer
    } else if port == "3306" {
        Engine::Mysql
    } else if port == "5432" || npgsql {
        Engine::Postgres
    } else if has(&[
        "encrypt",
        "initialcatalog",
        "trustservercertificate",
        "multipleactiveresultsets",
        "integratedsecurity",
    ]) {
        Engine::SqlServer
    } else if has(&["sslmode"]) && has(&["server"]) {
        Engine::Mysql
    } else if has(&["host"]) {
        Engine::Postgres
    } else {
        Engine::Sql
    }
}

/// The fields between semicolons; a value may be quoted, or in braces, and hold semicolons itself.
fn fields(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut until = None;
    let mut before = ';';
    for (i, c) in text.char_indices() {
        match (c, until) {
            (c, Some(end)) if c == end => until = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) if before == '=' => until = Some(c),
            ('{', None) if before == '=' => until = Some('}'),
            (';', None) => {
                found.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    found.push(&text[from..]);
    found
}

/// `pgsql:host=…;dbname=…`: PHP's PDO.
fn pdo(whole: &Whole<'_>) -> Option<Connection> {
    let (driver, rest) = whole.text.split_once(':')?;
    if !matches!(driver, "pgsql" | "mysql" | "sqlsrv") || rest.starts_with("//") {
        return None;
    }
    let pairs = settings(rest.split([';', ' ']));
    let host = pairs
        .iter()
        .find(|(n, _)| n == "host" || n == "server")?
        .1
        .clone();
    let mut connection = Connection::of(Engine::of_scheme(driver)?, pairs);
    connection.at(whole, &host);
    Some(connection)
}

/// `user:password@tcp(host:3306)/name?tls=true`: Go's driver for MySQL.
fn go_mysql(whole: &Whole<'_>) -> Option<Connection> {
    let (_, rest) = whole.text.rsplit_once("@tcp(")?;
    let (host, rest) = rest.split_once(')')?;
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let mut connection = Connection::of(Engine::Mysql, settings(query.split('&')));
    connection.open = query
        .split('&')
        .any(|pair| !pair.contains('=') && pair.contains(is_hole))
        || (query.is_empty() && tail_may_hold_settings(whole, rest));
    connection.at(whole, host);
    Some(connection)
}

/// `jdbc:oracle:thin:@tcps://…`, `…@//host:1521/name`, `…@(DESCRIPTION=…)`.
fn oracle(whole: &Whole<'_>) -> Option<Connection> {
    let lower = whole.text.to_ascii_lowercase();
    let is_jdbc = lower.starts_with("jdbc:oracle:");
    if !is_jdbc && !lower.starts_with("(description") {
        return None;
    }
    let place = match is_jdbc {
        true => lower.rsplit_once('@')?.1,
        false => lower.as_str(),
    };
    let field = |name: &str| {
        let (_, rest) = place.split_once(name)?;
        rest.split(')').next().map(|v| v.trim().to_owned())
    };
    let (protocol, host) = if place.starts_with('(') {
        (
            field("protocol=").unwrap_or_default(),
            field("host=").unwrap_or_default(),
        )
    } else {
        let (protocol, rest) = place.split_once("//").unwrap_or(("", place));
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        (protocol.trim_end_matches(':').to_owned(), host.to_owned())
    };
    let mut connection = Connection::of(Engine::Oracle, vec![("protocol".to_owned(), protocol)]);
    connection.jdbc = is_jdbc;
    connection.at(whole, &host);
    Some(connection)
}

/// `cache:6380,ssl=True,password=…`: the .NET client for Redis.
fn stack_exchange(whole: &Whole<'_>) -> Option<Connection> {
    const KNOWN: [&str; 6] = [
        "ssl",
        "abortconnect",
        "password",
        "defaultdatabase",
        "sslprotocols",
        "connectretry",
    ];
    let mut tokens = whole.text.split(',');
    let host = tokens
        .next()
        .filter(|h| !h.is_empty() && !h.contains(['=', '/', ' ', '{', '"']))?;
    let pairs = settings(tokens);
    if !pairs.iter().any(|(name, _)| KNOWN.contains(&name.as_str())) {
        return None;
    }
    let mut connection = Connection::of(Engine::Redis, pairs);
    connection.at(whole, host);
    Some(connection)
}
