//! The forms that connection strings are written in.

use super::{Connection, Engine, Whole, is_hole, shown};
use lockfast_facts::Part;

/// Every connection in a text.
pub(super) fn read(whole: &Whole<'_>) -> Vec<Connection> {
    let text = whole.text.as_str();
    let one = oracle(whole)
        .or_else(|| go_mysql(whole))
        .or_else(|| pdo(whole))
        .or_else(|| keywords(whole))
        .or_else(|| pairs(whole))
        .or_else(|| stack_exchange(whole));
    match one {
        Some(connection) => vec![connection],
        None => urls(text)
            .into_iter()
            .map(|url| from_url(whole, url))
            .collect(),
    }
}

/// A URL in a text: where its scheme begins, and where it ends.
struct Url<'t> {
    before: &'t str,
    scheme: &'t str,
    rest: &'t str,
}

fn urls(text: &str) -> Vec<Url<'_>> {
    let mut found: Vec<Url<'_>> = Vec::new();
    let mut end = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find("://").map(|i| i + from) {
        from = at + 3;
        let scheme_at = text[..at]
            .char_indices()
            .rev()
            .take_while(|(_, c)| {
                c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.') || is_hole(*c)
            })
            .last()
            .map_or(at, |(i, _)| i);
        let scheme = &text[scheme_at..at];
        let whole_hole = !scheme.is_empty() && scheme.chars().all(is_hole);
        if !whole_hole
            && (scheme.len() > 32 || !scheme.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            continue;
        }
        let before = &text[..scheme_at];
        // Alone, behind a flag or a driver's name, quoted, or the next of a list.
        let begins = match before.chars().next_back() {
            None | Some('"' | '\'') => true,
            Some('=' | ':') => found.is_empty(),
            Some(',' | ';' | '|') => !found.is_empty(),
            Some(c) if c.is_whitespace() => {
                !found.is_empty()
                    && before[end.min(before.len())..]
                        .trim_matches([',', ';', '|'])
                        .trim()
                        .is_empty()
            }
            _ => false,
        };
        if !begins {
            continue;
        }
        if let Some(last) = found.last_mut() {
            let keep = last
                .rest
                .len()
                .min(scheme_at.saturating_sub(end - last.rest.len()));
            last.rest = last.rest[..keep].trim_end_matches([',', ';', '|']);
        }
        let rest = &text[from..];
        let stop = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '`'))
            .unwrap_or(rest.len());
        let quoted = before
            .chars()
            .next_back()
            .filter(|c| matches!(c, '"' | '\''));
        let stop = quoted
            .and_then(|q| rest.find(q))
            .map_or(stop, |q| q.min(stop));
        end = from + stop;
        found.push(Url {
            before,
            scheme,
            rest: &rest[..stop],
        });
    }
    found
}

fn from_url(whole: &Whole<'_>, url: Url<'_>) -> Connection {
    let prefix = url.before.to_ascii_lowercase();
    let jdbc = prefix.contains("jdbc:");
    let mut scheme = url.scheme.to_ascii_lowercase();
    if jdbc
        && matches!(
            scheme.as_str(),
            "aurora" | "loadbalance" | "replication" | "failover" | "sequential"
        )
    {
        // `jdbc:mysql:aurora://`: the name before is the engine's.
        let driver = prefix
            .trim_end_matches(':')
            .rsplit(':')
            .next()
            .unwrap_or_default();
        scheme = driver.to_owned();
    }
    let engine = Engine::of_scheme(&scheme).or_else(|| {
        // `postgresql+psycopg2`: the driver comes behind the plus.
        let (engine, _) = scheme.split_once('+')?;
        Engine::of_scheme(engine)
    });
    if let (Some(_), Some((base, _))) = (engine, scheme.split_once('+'))
        && Engine::of_scheme(&scheme).is_none()
    {
        scheme = base.to_owned();
    }
    let rest = url.rest.split('#').next().unwrap_or_default();
    let (place, query) = match rest.split_once(['?', ';']) {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    // Whoever is before the last `@` is nobody's business.
    let place = place.rsplit_once('@').map_or(place, |(_, after)| after);
    let settings = settings(query.unwrap_or_default().split(['&', ';']));
    let authority = place.split('/').next().unwrap_or_default();
    let hidden = query.is_some_and(|query| {
        query
            .split(['&', ';'])
            .any(|pair| match pair.split_once('=') {
                Some((name, _)) => name.contains(is_hole),
                None => pair.contains(is_hole),
            })
    });
    let open = hidden || (query.is_none() && tail_may_hold_settings(whole, place));
    let scheme = if scheme.contains(is_hole) {
        "*".to_owned()
    } else {
        scheme
    };
    let mut connection = Connection {
        shown: format!("{scheme}://{}", shown(place)),
        scheme,
        host: String::new(),
        host_of: None,
        host_unknown: None,
        engine,
        jdbc,
        settings,
        open,
    };
    let named = connection.setting("host").map(str::to_owned);
    match (authority.is_empty(), named) {
        (true, Some(host)) => connection.at(whole, &host),
        _ => connection.at(whole, authority),
    }
    connection
}

/// Whether settings may follow inside the part that ends a URL without a query: behind a name
/// (`shop${Options}`) or as the whole rest, but not where a name itself is expected (`/${Name}`).
fn tail_may_hold_settings(whole: &Whole<'_>, place: &str) -> bool {
    let Some(last) = place.chars().next_back().filter(|c| is_hole(*c)) else {
        return false;
    };
    let before = place[..place.len() - last.len_utf8()].chars().next_back();
    !whole.is_reference(last) && !matches!(before, Some('/' | ':'))
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
    fn at(&mut self, whole: &Whole<'_>, authority: &str) {
        let place = authority.strip_prefix("tcp:").unwrap_or(authority);
        let first = place.split(',').next().unwrap_or_default();
        let host = match first.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((v6, _)) => v6,
            None => first.split([':', '\\']).next().unwrap_or_default(),
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

fn settings<'t>(pairs: impl Iterator<Item = &'t str>) -> Vec<(String, String)> {
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
    const KNOWN: [&str; 16] = [
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "passfile",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "connecttimeout",
        "applicationname",
        "options",
        "targetsessionattrs",
        "gssencmode",
    ];
    if whole.text.contains(';') || !whole.text.contains("host") {
        return None;
    }
    let tokens: Vec<&str> = whole.text.split_whitespace().collect();
    // `--host=…` is a flag of something else.
    if tokens.iter().any(|token| token.starts_with('-')) {
        return None;
    }
    let open = tokens.iter().any(|t| t.starts_with(is_hole));
    let pairs = settings(tokens.iter().copied().filter(|t| !t.starts_with(is_hole)));
    let holes = tokens.iter().filter(|t| t.starts_with(is_hole)).count();
    let all = pairs.len() + holes == tokens.len() && pairs.len() > 1;
    if !all || !pairs.iter().all(|(name, _)| KNOWN.contains(&name.as_str())) {
        return None;
    }
    let host = pairs
        .iter()
        .find(|(n, _)| n == "host" || n == "hostaddr")?
        .1
        .clone();
    let mut connection = Connection::of(Engine::Postgres, pairs);
    connection.open = open;
    connection.at(whole, &host);
    Some(connection)
}

/// `Server=…;Database=…`: ADO.NET and ODBC.
fn pairs(whole: &Whole<'_>) -> Option<Connection> {
    let text = &whole.text;
    if !text.contains(';') || text.contains("://") {
        return None;
    }
    let pairs = settings(text.split(';'));
    if pairs.len() < 2 || pairs.len() < text.split(';').filter(|p| !p.trim().is_empty()).count() {
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
    let port = of(&["port"]);
    let driver = of(&["driver"]).unwrap_or_default();
    let has = |name: &str| pairs.iter().any(|(n, _)| n == name);
    let engine = if driver.contains("postgres") {
        Engine::Postgres
    } else if driver.contains("mysql") || driver.contains("mariadb") {
        Engine::Mysql
    } else if driver.contains("redshift") {
        Engine::Redshift
    } else if driver.contains("sql server")
        || host.starts_with("tcp:")
        || host.ends_with(",1433")
        || [
            "encrypt",
            "initialcatalog",
            "trustservercertificate",
            "multipleactiveresultsets",
            "integratedsecurity",
        ]
        .iter()
        .any(|name| has(name))
    {
        Engine::SqlServer
    } else if port.as_deref() == Some("3306")
        || (has("sslmode") && has("server") && port.as_deref() != Some("5432"))
    {
        Engine::Mysql
    } else if port.as_deref() == Some("5432") || has("host") {
        Engine::Postgres
    } else {
        Engine::Sql
    };
    let mut connection = Connection::of(engine, pairs);
    connection.at(whole, &host);
    Some(connection)
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
        .filter(|h| !h.contains(['=', '/', ' ', '{', '"']))?;
    let pairs = settings(tokens);
    if !pairs.iter().any(|(name, _)| KNOWN.contains(&name.as_str())) {
        return None;
    }
    let mut connection = Connection::of(Engine::Redis, pairs);
    connection.at(whole, host);
    Some(connection)
}
