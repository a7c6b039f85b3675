use super::databases::databases;
use crate::connection::{Engine, Tls};
use crate::prelude::*;
use lockfast_facts::Origin;

control! {
    /// Reads every environment variable of containers, functions and builds for PostgreSQL connection
    /// strings, in the forms that DBL-1's control reads, and for `PGSSLMODE`, `PGHOST` and settings
    /// such as `POSTGRES_SSLMODE`; also where `Fn::Join` or `Fn::Sub` put them together. `require`,
    /// `verify-ca` and `verify-full` keep the clause, in the string or in the `PGSSLMODE` beside it;
    /// `disable`, `allow`, `prefer` and nothing at all do not (PostgreSQL documentation, "SSL Mode
    /// Descriptions"). A string of which the settings are unknown, or that comes from a secret, is
    /// unknown, as is a value under a name for connections (`DATABASE_URL`) whose form is not known.
    /// AWS Glue's JDBC connections and Amazon QuickSight's data sources are read as well.
    id: "connection-string-sslmode",
    title: "PostgreSQL connection strings say sslmode=require or stricter",
    clauses: ["DBL-2"],
    severity: High,
    fix: "Add sslmode=verify-full and the RDS certificate bundle (sslrootcert) to the connection string; sslmode=require at least.",
    cloudformation: r#"- Name: DATABASE_URL
  Value: !Sub "postgres://shop@${Database.Endpoint.Address}:5432/shop?sslmode=verify-full&sslrootcert=/etc/ssl/rds-global-bundle.pem"
"#,
    cdk: r#"environment: {
  DATABASE_URL: `postgres://shop@${db.instanceEndpoint.socketAddress}/shop?sslmode=verify-full`,
},
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    if cx.inventory.origin() == Origin::Live {
        super::environment::unread(cx, out, &[], "whether a connection string says sslmode=require");
    }
    for found in databases(cx) {
        let judgement = match (found.engine, found.local, found.tls, &found.why) {
            // A string that nobody sees may be for PostgreSQL.
            (None, _, Tls::Unknown(_), Some(why)) => {
                Judgement::cannot_tell(found.subject, "which sslmode the connection string says, if it is one for PostgreSQL", why)
            }
            (Some(Engine::Postgres), true, ..) => Judgement::pass(found.subject, "the connection does not leave the host"),
            (Some(Engine::Postgres), _, Tls::Encrypted, _) => Judgement::pass(found.subject, "the connection is encrypted (sslmode=require)")
                .note("sslmode=require does not verify the server (EXT-2): use verify-full with the RDS certificate bundle"),
            (Some(Engine::Postgres), _, Tls::Verified, _) => {
                Judgement::pass(found.subject, "the connection is encrypted and the server verified")
            }
            (Some(Engine::Postgres), _, Tls::Unknown(_), Some(why)) => {
                Judgement::cannot_tell(found.subject, "the connection's sslmode", why)
            }
            (Some(Engine::Postgres), _, Tls::Unknown(why), None) => {
                Judgement::unknown(found.subject, format!("cannot tell the connection's sslmode: {why}"))
            }
            (Some(Engine::Postgres), _, Tls::Plain, _) => Judgement::fail(
                found.subject,
                match &found.asks {
                    Some(asks) => format!("{asks}, which does not insist on encryption"),
                    None => "nothing asks for sslmode=require or stricter: the driver's default does not insist on encryption".to_owned(),
                },
            ),
            _ => continue,
        };
        out.push(judgement.part(found.part).stated("connection", found.shown, found.loc).at(found.loc));
    }
}
