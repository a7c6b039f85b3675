//! Connections to databases that environment variables set up: whole strings, or settings apart.

use crate::connection::{Connection, Engine, Tls, sslmode};
use crate::prelude::*;
use lockfast_facts::Loc;
use lockfast_facts::nouns::Variable;
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
    /// It never leaves the host.
    pub local: bool,
}

/// Every one of them, variable by variable.
pub(super) fn databases<'a>(cx: &Cx<'a>) -> Vec<Database<'a>> {
    let mut modes: HashMap<(ResourceId, &str), Option<String>> = HashMap::new();
    for variable in cx.variables() {
        if variable.name == "PGSSLMODE" {
            let mode = plain(variable);
            modes.insert((variable.subject.id(), variable.container.as_str()), mode);
        }
    }
    let mut found = Vec::new();
    for variable in cx.variables() {
        let mode = modes.get(&(variable.subject.id(), variable.container.as_str()));
        of_variable(variable, mode.cloned(), &mut found);
    }
    for variable in cx.secrets_passed() {
        if names_connection(&variable.name)
            && let Read::Unknown(why, _) = &variable.value
        {
            found.push(hidden(variable, why.clone()));
        }
    }
    found
}

/// The string as it may be shown, with the mode that it asks for.
fn with_mode(connection: &Connection) -> String {
    match connection.setting("sslmode") {
        Some(mode) if mode.is_ascii() && mode.len() < 20 => {
            format!("{} sslmode={mode}", connection.shown)
        }
        _ => connection.shown.clone(),
    }
}

fn plain(variable: &Variable<'_>) -> Option<String> {
    match &variable.value {
        Read::Found(text, _) => text.plain().map(str::to_owned),
        _ => None,
    }
}

/// `mode` is the environment's `PGSSLMODE`: given, and known.
fn of_variable<'a>(
    variable: &Variable<'a>,
    mode: Option<Option<String>>,
    found: &mut Vec<Database<'a>>,
) {
    let connections = match &variable.value {
        Read::Found(text, _) => Connection::all(text),
        _ => Vec::new(),
    };
    let of = |engine, tls, shown| Database {
        subject: variable.subject,
        part: variable.part(),
        loc: variable.loc,
        engine,
        tls,
        why: None,
        shown,
        local: false,
    };
    for connection in &connections {
        let tls = match (&mode, connection.tls(None)) {
            // Without a setting of its own, libpq takes the environment's.
            (Some(None), Some(Tls::Plain)) if connection.engine == Some(Engine::Postgres) => Some(
                Tls::Unknown("PGSSLMODE, which it may take, is known only at deployment"),
            ),
            (Some(Some(mode)), _) => connection.tls(Some(mode)),
            (_, tls) => tls,
        };
        if let Some(tls) = tls {
            found.push(Database {
                local: connection.stays_on_host(),
                ..of(connection.engine, tls, with_mode(connection))
            });
        }
    }
    if !connections.is_empty() {
        return;
    }
    let name = variable.name.to_ascii_uppercase();
    let setting = setting(&name);
    match (&setting, &variable.value) {
        (Some(_), Read::Absent(_)) => {}
        (Some((engine, _)), Read::Unknown(why, _)) => found.push(Database {
            engine: *engine,
            ..hidden(variable, why.clone())
        }),
        (Some((engine, read)), Read::Found(text, _)) => match text.plain() {
            None => found.push(of(
                *engine,
                Tls::Unknown("its value is known only at deployment"),
                variable.name.clone(),
            )),
            Some(value) => {
                if let Some(tls) = read(value) {
                    found.push(of(*engine, tls, format!("{}={value}", variable.name)));
                }
            }
        },
        (None, Read::Unknown(why, _)) if names_connection(&variable.name) => {
            found.push(hidden(variable, why.clone()));
        }
        (None, Read::Found(text, _)) => {
            if names_connection(&variable.name)
                && let Some(why) = text.first_unknown()
            {
                found.push(hidden(variable, why.clone()));
            } else if name == "PGHOST" && mode.is_none() {
                let local = text.plain().is_some_and(|host| {
                    host.is_empty()
                        || host.starts_with('/')
                        || crate::connection::stays_on_host(host)
                });
                found.push(Database {
                    local,
                    ..of(
                        Some(Engine::Postgres),
                        Tls::Plain,
                        "PGHOST without PGSSLMODE".to_owned(),
                    )
                });
            }
        }
        _ => {}
    }
}

fn hidden<'a>(variable: &Variable<'a>, why: Arc<Why>) -> Database<'a> {
    Database {
        subject: variable.subject,
        part: variable.part(),
        loc: variable.loc,
        engine: None,
        tls: Tls::Unknown("its value is known only at deployment"),
        why: Some(why),
        shown: variable.name.clone(),
        local: false,
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

/// Names under which whole connection strings are passed.
fn names_connection(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
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
