use super::databases::databases;
use crate::connection::{Engine, Tls};
use crate::prelude::*;
use lockfast_facts::Origin;

control! {
    /// Reads connections to databases, caches and brokers of every engine in environment variables:
    /// URLs, JDBC and Oracle strings, libpq's keywords, ADO.NET, ODBC, PDO and Go data source names,
    /// and settings that stand apart (`DB_SSLMODE`, `REDIS_TLS`, `KAFKA_SECURITY_PROTOCOL`). Each is
    /// read as its driver reads it; what says nothing is judged by the driver's default, which is
    /// rarely to insist on encryption, and is unknown where that hangs on the driver's version.
    /// Connections to the host itself pass. Strings that come from a secret are unknown, unless the
    /// secret's value stands in the templates. AWS Glue's JDBC connections (`JDBC_ENFORCE_SSL`) and
    /// Amazon QuickSight's data sources (`DisableSsl`) are read as well.
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
    if cx.inventory.origin() == Origin::Live {
        super::environment::unread(cx, out, &[], "whether it connects to a database, and encrypted");
    }
    for found in databases(cx) {
        let engine = found.engine.map_or("database", Engine::name);
        let judgement = match (found.local, found.tls, &found.why) {
            (true, ..) => Judgement::pass(found.subject, format!("the {engine} connection does not leave the host")),
            (_, Tls::Verified, _) => Judgement::pass(found.subject, format!("the {engine} connection is encrypted")),
            (_, Tls::Encrypted, _) => Judgement::pass(found.subject, format!("the {engine} connection is encrypted"))
                .note("nothing makes it verify the server (EXT-2)"),
            (_, Tls::Unknown(_), Some(why)) => Judgement::cannot_tell(found.subject, "whether the connection is encrypted", why),
            (_, Tls::Unknown(why), None) => {
                Judgement::unknown(found.subject, format!("cannot tell whether the {engine} connection is encrypted: {why}"))
            }
            (_, Tls::Plain, _) => Judgement::fail(found.subject, format!("nothing makes the {engine} connection encrypted")),
        };
        out.push(judgement.part(found.part).stated("connection", found.shown, found.loc).at(found.loc));
    }
}
