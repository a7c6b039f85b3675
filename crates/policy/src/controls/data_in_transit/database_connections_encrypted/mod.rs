use crate::connection::Connection;
use crate::prelude::*;

control! {
    /// Reads connection strings to databases, caches and brokers of every engine in environment
    /// variables: MySQL and MariaDB (`useSSL`, `ssl-mode`, `sslMode`), SQL Server (`encrypt`),
    /// MongoDB and DocumentDB (`tls`, `ssl`), Redis (`rediss`), AMQP (`amqps`), PostgreSQL
    /// (`sslmode`). What says nothing is judged by the driver's default, which is not to insist on
    /// encryption, for all but `mongodb+srv`.
    id: "database-connections-encrypted",
    title: "Connections to databases are encrypted, whatever the engine",
    clauses: ["DBL-1"],
    severity: High,
    fix: "Use the driver's setting that insists on TLS, or the scheme that is TLS (rediss, amqps, mongodb+srv).",
    cloudformation: r#"- {Name: REDIS_URL, Value: !Sub "rediss://${Cache.PrimaryEndPoint.Address}:6379"}
"#,
    cdk: r#"environment: { REDIS_URL: `rediss://${cache.attrPrimaryEndPointAddress}:6379` },
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for variable in cx.variables() {
        let Read::Found(text, _) = &variable.value else { continue };
        let Some(connection) = Connection::parse(text) else { continue };
        let Some(engine) = connection.engine() else { continue };
        let judgement = match encrypted(&connection, engine) {
            Some(true) => Judgement::pass(variable.subject, format!("the {engine} connection is encrypted")),
            None => Judgement::unknown(
                variable.subject,
                format!("cannot tell whether the {engine} connection is encrypted: its settings are known only at deployment"),
            ),
            Some(false) => Judgement::fail(variable.subject, format!("nothing makes the {engine} connection encrypted")),
        };
        out.push(judgement.part(variable.part()).stated("connection", connection.shown.clone(), variable.loc).at(variable.loc));
    }
}

fn encrypted(connection: &Connection, engine: &str) -> Option<bool> {
    let settings: &[&str] = match engine {
        "postgres" => &["sslmode", "ssl"],
        "mysql" => &["sslmode", "ssl-mode", "usessl", "requiressl", "ssl"],
        "mongodb" => &["tls", "ssl"],
        "sqlserver" => &["encrypt"],
        _ => &[],
    };
    match connection.scheme.as_str() {
        "rediss" | "amqps" | "mongodb+srv" => return Some(true),
        "redis" | "amqp" => return Some(false),
        _ => {}
    }
    match settings.iter().find_map(|name| connection.setting(name)) {
        Some(value) if value.contains('\u{1}') => None,
        Some(value) => Some(matches!(
            value,
            "true" | "1" | "yes" | "require" | "required" | "verify-ca" | "verify-full" | "verify_ca" | "verify_identity" | "strict" | "mandatory"
        )),
        None if connection.is_open() => None,
        None => Some(false),
    }
}
