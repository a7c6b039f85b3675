//! Connections to databases that environment variables set up: whole strings, or settings apart.

use crate::connection::{Connection, Engine, Tls, sslmode, stays_on_host};
use crate::prelude::*;
use lockfast_facts::nouns::Variable;
use lockfast_facts::{Guard, Loc};
use std::collections::HashMap;

/// A connection that a variable sets up.
pub(super) struct Database<'a> {
    /// What runs with it.
    pub subject: Subject<'a>,
    /// The variable.
    pub part: String,
    /// Where it stands.
    pub loc: Loc,
    /// What it connects to; `None` when the variable is for a database of any kind.
    pub engine: Option<Engine>,
    /// How it is protected.
    pub tls: Tls,
    /// Why that is not known, where the environment hides it.
    pub why: Option<Arc<Why>>,
    /// The string without its secrets, or the setting.
    pub shown: String,
    /// Who asks for which mode, as the beginning of a sentence; `None` when nobody does.
    pub asks: Option<String>,
    /// It never leaves the host.
    pub local: bool,
}

/// The environment's `PGSSLMODE`: given, and known.
type Mode = Option<Option<String>>;

/// Every one of them, variable by variable, and those of AWS's own services.
pub(super) fn databases<'a>(cx: &Cx<'a>) -> Vec<Database<'a>> {
    let mut modes: HashMap<_, Option<String>> = HashMap::new();
    for variable in cx.variables().iter().chain(cx.secrets_passed()) {
        if variable.name == "PGSSLMODE" {
            modes.insert(environment(variable), plain(variable));
        }
    }
    let mode_of = |variable| modes.get(&environment(variable)).cloned();
    let mut found = Vec::new();
    for variable in cx.variables() {
        of_variable(variable, mode_of(variable), &mut found);
    }
    for variable in cx.secrets_passed() {
        let name = variable.name.to_ascii_uppercase();
        // Most secrets are no connections, and a password must not be taken for one.
        if names_connection(&name) || setting(&name).is_some() {
            of_variable(variable, mode_of(variable), &mut found);
        }
    }
    super::service_connections::collect(cx, &mut found);
    found
}

/// What shares its variables: a container, under a condition.
fn environment<'v>(variable: &'v Variable<'_>) -> (ResourceId, &'v Guard, &'v str) {
    (
        variable.subject.id(),
        &variable.subject.variant.when,
        variable.container.as_str(),
    )
}

fn plain(variable: &Variable<'_>) -> Option<String> {
    match &variable.value {
        Read::Found(text, _) => text.plain().map(str::to_owned),
        _ => None,
    }
}

fn of_variable<'a>(variable: &Variable<'a>, mode: Mode, found: &mut Vec<Database<'a>>) {
    let connections = match &variable.value {
        Read::Found(text, _) => Connection::all(text),
        _ => Vec::new(),
    };
    for connection in &connections {
        if let Some(tls) = tls(connection, &mode) {
            found.push(Database {
                local: connection.stays_on_host(),
                asks: asks(&variable.name, connection, &mode),
                ..database(variable, connection.engine, tls, with_mode(connection))
            });
        }
    }
    let name = variable.name.to_ascii_uppercase();
    if !connections.is_empty() {
        if names_connection(&name)
            && let Some(other) = connections.iter().find(|c| is_unread(c))
        {
            let why = format!(
                "how connections by {} encrypt is not known here",
                other.scheme
            );
            found.push(hidden(variable, Arc::new(Why::Unsupported(why))));
        }
        return;
    }
    match (setting(&name), &variable.value) {
        (Some((engine, _)), Read::Unknown(why, _)) => found.push(Database {
            engine,
            ..hidden(variable, why.clone())
        }),
        (Some((engine, read)), Read::Found(text, _)) => match text.plain() {
            None => found.push(database(
                variable,
                engine,
                Tls::Unknown("its value is known only at deployment"),
                variable.name.clone(),
            )),
            Some(value) => {
                if let Some(tls) = read(value) {
                    let (name, value) = (&variable.name, printable(value).unwrap_or("…"));
                    found.push(Database {
                        asks: Some(format!("{name} is {value}")),
                        ..database(variable, engine, tls, format!("{name}={value}"))
                    });
                }
            }
        },
        (None, Read::Unknown(why, _)) if names_connection(&name) => {
            found.push(hidden(variable, why.clone()))
        }
        (None, Read::Found(text, _)) if names_connection(&name) => {
            let unread = || {
                Arc::new(Why::Unsupported(
                    "its value has no form that is known here".to_owned(),
                ))
            };
            match text.first_unknown() {
                Some(why) => found.push(hidden(variable, why.clone())),
                None if text.plain().is_some_and(is_file) => {}
                None => found.push(hidden(variable, unread())),
            }
        }
        (None, Read::Found(text, _))
            if name == "PGHOST" && mode.is_none_or(|mode| mode.as_deref() == Some("")) =>
        {
            let host = text.plain().unwrap_or("*");
            found.push(Database {
                local: host.is_empty() || host.starts_with('/') || stays_on_host(host),
                ..database(
                    variable,
                    Some(Engine::Postgres),
                    Tls::Plain,
                    "PGHOST without PGSSLMODE".to_owned(),
                )
            });
        }
        _ => {}
    }
}

/// How a connection is protected, with the environment's mode beside it.
fn tls(connection: &Connection, mode: &Mode) -> Option<Tls> {
    let tls = match (mode, connection.tls(None)) {
        // Without a setting of its own, libpq takes the environment's.
        (Some(None), Some(Tls::Plain)) if connection.engine == Some(Engine::Postgres) => Some(
            Tls::Unknown("PGSSLMODE, which it may take, is known only at deployment"),
        ),
        (Some(Some(mode)), _) => connection.tls(Some(mode)),
        (_, tls) => tls,
    };
    match tls {
        Some(Tls::Plain) if connection.host.is_empty() && !connection.stays_on_host() => {
            Some(Tls::Unknown("it names no host, and may not leave its own"))
        }
        tls => tls,
    }
}

/// A value that a setting of TLS may have, and no secret.
fn printable(value: &str) -> Option<&str> {
    let simple = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' '));
    (simple && !value.is_empty() && value.len() < 20).then_some(value)
}

/// The string as it may be shown, with the mode that it asks for.
fn with_mode(connection: &Connection) -> String {
    match connection.setting("sslmode").and_then(printable) {
        Some(mode) => format!("{} sslmode={mode}", connection.shown),
        None => connection.shown.clone(),
    }
}

fn asks(name: &str, connection: &Connection, mode: &Mode) -> Option<String> {
    let own = ["sslmode", "ssl"]
        .iter()
        .find_map(|setting| Some((setting, connection.setting(setting).and_then(printable)?)));
    match (own, mode) {
        (Some((setting, value)), _) => Some(format!("{name} asks for {setting}={value}")),
        (None, Some(Some(mode))) if connection.engine == Some(Engine::Postgres) => {
            Some(format!("PGSSLMODE is {}", printable(mode)?))
        }
        _ => None,
    }
}

/// A connection of which nothing is known here: neither the web's, nor one to a file.
fn is_unread(connection: &Connection) -> bool {
    connection.engine.is_none()
        && super::outbound::scheme(connection).is_none()
        && !is_file(&connection.scheme)
}

/// Databases that are files or lie in memory, and no database at all.
fn is_file(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let value = value.trim_start_matches("jdbc:");
    value.is_empty()
        || [
            "sqlite",
            "file",
            "h2:mem",
            "h2:file",
            "hsqldb:mem",
            ":memory:",
        ]
        .iter()
        .any(|start| value.starts_with(start))
}

fn database<'a>(
    variable: &Variable<'a>,
    engine: Option<Engine>,
    tls: Tls,
    shown: String,
) -> Database<'a> {
    Database {
        subject: variable.subject,
        part: variable.part(),
        loc: variable.loc,
        engine,
        tls,
        why: None,
        shown,
        asks: None,
        local: false,
    }
}

fn hidden<'a>(variable: &Variable<'a>, why: Arc<Why>) -> Database<'a> {
    let tls = Tls::Unknown("its value is known only at deployment");
    Database {
        why: Some(why),
        ..database(variable, None, tls, variable.name.clone())
    }
}

type Reader = fn(&str) -> Option<Tls>;

/// A variable that holds one setting of a connection: of which engine, and how its value reads.
fn setting(name: &str) -> Option<(Option<Engine>, Reader)> {
    let engine = [
        ("PG", Engine::Postgres),
        ("POSTGRES", Engine::Postgres),
        ("MYSQL", Engine::Mysql),
        ("MARIADB", Engine::Mysql),
        ("REDIS", Engine::Redis),
        ("VALKEY", Engine::Redis),
        ("MONGO", Engine::Mongodb),
        ("DOCDB", Engine::Mongodb),
        ("AMQP", Engine::Amqp),
        ("RABBITMQ", Engine::Amqp),
    ]
    .into_iter()
    .find(|(word, _)| name.split('_').any(|part| part.starts_with(word)))
    .map(|(_, engine)| engine);
    if name.ends_with("SECURITY_PROTOCOL") {
        return Some((None, kafka));
    }
    if name.ends_with("SSLMODE") || name.ends_with("SSL_MODE") {
        return Some((engine, sslmode));
    }
    let database = engine.is_some()
        || [
            "DB",
            "DATABASE",
            "RDS",
            "AURORA",
            "CACHE",
            "ELASTICACHE",
            "TYPEORM",
            "SQL",
        ]
        .iter()
        .any(|word| name.split('_').any(|part| part == *word));
    let switch = [
        "_SSL",
        "_TLS",
        "_USE_SSL",
        "_USE_TLS",
        "_SSL_ENABLED",
        "_TLS_ENABLED",
        "_ENABLE_SSL",
        "_ENABLE_TLS",
    ]
    .iter()
    .any(|end| name.ends_with(end));
    (database && switch).then_some((engine, on_off as Reader))
}

fn on_off(value: &str) -> Option<Tls> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "enabled" => Some(Tls::Encrypted),
        "false" | "0" | "no" | "off" | "disabled" => Some(Tls::Plain),
        other => crate::connection::known_sslmode(other),
    }
}

/// Apache Kafka documentation, `security.protocol`.
fn kafka(value: &str) -> Option<Tls> {
    match value.trim().to_ascii_uppercase().as_str() {
        "SSL" | "SASL_SSL" => Some(Tls::Verified),
        "PLAINTEXT" | "SASL_PLAINTEXT" => Some(Tls::Plain),
        _ => None,
    }
}

/// Names, in upper case, under which whole connection strings are passed.
fn names_connection(name: &str) -> bool {
    let ends = [
        "DATABASE_URL",
        "DATABASE_URI",
        "DB_URL",
        "DB_URI",
        "DATASOURCE_URL",
        "JDBC_URL",
        "_DSN",
        "CONNECTION_STRING",
        "CONNECTIONSTRING",
        "CONN_STR",
        "POSTGRES_URL",
        "POSTGRESQL_URL",
        "PG_URL",
        "MYSQL_URL",
        "REDIS_URL",
        "VALKEY_URL",
        "MONGO_URL",
        "MONGO_URI",
        "MONGODB_URL",
        "MONGODB_URI",
        "AMQP_URL",
        "RABBITMQ_URL",
        "BROKER_URL",
    ];
    // A DSN of Sentry is an address of a web service.
    (ends.iter().any(|end| name.ends_with(end)) || name.starts_with("CONNECTIONSTRINGS__"))
        && !name.starts_with("SENTRY")
}
