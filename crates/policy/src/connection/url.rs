//! URLs, alone, quoted or in a list.

use super::forms::{pairs, settings};
use super::{Connection, Engine, Whole, is_hole, shown};

/// A URL in a text: where its scheme begins, and where it ends.
pub(super) struct Url<'t> {
    before: &'t str,
    scheme: &'t str,
    rest: &'t str,
}

/// Every URL in a text that is one, or a list of them.
pub(super) fn urls(text: &str) -> Vec<Url<'_>> {
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

/// Reads a URL, also one whose password has characters in it that should have been escaped.
pub(super) fn from_url(whole: &Whole<'_>, url: Url<'_>) -> Connection {
    let (scheme, engine, jdbc) = scheme(&url);
    let (rest, is_only_at) = without_user(url.rest);
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = match rest.split_once(['?', ';']) {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let mut settings = settings(query.unwrap_or_default().split(['&', ';']));
    if url.before.to_ascii_lowercase().starts_with("r2dbcs:") {
        // R2DBC's scheme with TLS; a setting of its own still counts.
        settings.insert(0, ("ssl".to_owned(), "true".to_owned()));
    }
    let authority = place.split('/').next().unwrap_or_default();
    // `jdbc:mysql://(host=db,port=3306)/shop`, `jdbc:mysql://address=(host=db)/shop`.
    let authority = match authority.split_once("host=") {
        Some((_, rest)) => rest.split([',', ')']).next().unwrap_or_default(),
        None => authority,
    };
    let hidden = query.is_some_and(|query| {
        query
            .split(['&', ';'])
            .any(|pair| match pair.split_once('=') {
                Some((name, _)) => name.contains(is_hole),
                None => pair.contains(is_hole),
            })
    });
    let mut connection = Connection {
        shown: String::new(),
        scheme,
        host: String::new(),
        host_of: None,
        host_unknown: None,
        engine,
        jdbc,
        settings,
        open: hidden || (query.is_none() && tail_may_hold_settings(whole, place)),
    };
    // SQLAlchemy passes a whole ODBC string on.
    if let Some(odbc) = connection.setting("odbcconnect")
        && let Some(mut odbc) = pairs(whole, &decoded(odbc))
    {
        odbc.engine = engine.or(odbc.engine);
        odbc.shown = format!("{}://{}", connection.scheme, odbc.host);
        return odbc;
    }
    let named = ["host", "servername", "server", "unixsocket", "socket"]
        .iter()
        .find_map(|name| connection.setting(name))
        .map(decoded);
    let authority = match (authority, &named) {
        ("", Some(host)) => host.as_str(),
        (authority, _) => authority,
    };
    connection.shown = format!("{}://{}", connection.scheme, address(authority, is_only_at));
    connection.at(whole, &decoded(authority));
    connection
}

/// The scheme without its driver, the engine, and whether a JDBC driver reads the URL.
fn scheme(url: &Url<'_>) -> (String, Option<Engine>, bool) {
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
    if scheme.contains(is_hole) {
        scheme = "*".to_owned();
    }
    (scheme, engine, jdbc)
}

/// What ends the authority of a URL, unless it stands in a password.
const ENDS: [char; 4] = ['/', '?', '#', ';'];

/// What is behind the user information, which is nobody's business, and whether no other `@` follows,
/// which could belong to it.
fn without_user(rest: &str) -> (&str, bool) {
    let end = |text: &str| text.find(ENDS).unwrap_or(text.len());
    let authority = &rest[..end(rest)];
    let from = match authority.rfind('@') {
        Some(at) => at + 1,
        None if is_place(authority) => 0,
        // A password goes on behind what looks like the end.
        None => match rest.find('@') {
            Some(first) => {
                let behind = &rest[first + 1..];
                let more = behind[..end(behind)].rfind('@').map_or(0, |at| at + 1);
                first + 1 + more
            }
            None => 0,
        },
    };
    (&rest[from..], !rest[from..].contains('@'))
}

/// True for hosts with their ports and for nothing that could be a user with a password.
fn is_place(authority: &str) -> bool {
    let is_port = |c: char| c.is_ascii_digit() || is_hole(c);
    authority.split(',').all(|one| {
        let port = match one.split_once(']') {
            Some((_, port)) => port.strip_prefix(':'),
            None => one.split_once(':').map(|(_, port)| port),
        };
        port.is_none_or(|port| !port.is_empty() && port.chars().all(is_port))
            && !one.contains(['(', '='])
    })
}

/// An authority as it may be shown: not when it may be something else, and without the ports when
/// these may be a password.
fn address(authority: &str, is_only_at: bool) -> String {
    if !is_place(authority) {
        return "*".to_owned();
    }
    if is_only_at {
        return shown(authority);
    }
    let hosts = authority.split(',').map(|one| match one.split_once(']') {
        Some((v6, _)) => format!("{v6}]"),
        None => one.split(':').next().unwrap_or_default().to_owned(),
    });
    shown(&hosts.collect::<Vec<_>>().join(","))
}

/// Without percent-encoding, in which a plus is a space.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let hex = |n: u8| {
            char::from(n)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        let ahead = rest.as_slice();
        match (
            byte,
            ahead.first().copied().and_then(hex),
            ahead.get(1).copied().and_then(hex),
        ) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest.nth(1);
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether settings may follow inside the part that ends a URL without a query: behind a name
/// (`shop${Options}`) or as the whole rest, but not where a name itself is expected (`/${Name}`).
pub(super) fn tail_may_hold_settings(whole: &Whole<'_>, place: &str) -> bool {
    let Some(last) = place.chars().next_back().filter(|c| is_hole(*c)) else {
        return false;
    };
    let before = place[..place.len() - last.len_utf8()].chars().next_back();
    !whole.is_reference(last) && !matches!(before, Some('/' | ':'))
}
