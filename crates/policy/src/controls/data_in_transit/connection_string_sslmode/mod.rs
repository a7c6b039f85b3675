use crate::connection::Connection;
use crate::prelude::*;

control! {
    /// Reads every environment variable of containers, functions and builds for PostgreSQL connection
    /// strings: URLs (`postgres://`, also behind `jdbc:`), libpq keywords, `PGSSLMODE`; also where
    /// `Fn::Join` or `Fn::Sub` put them together. `require`, `verify-ca` and `verify-full` keep the
    /// clause; `disable`, `allow`, `prefer` and nothing at all do not (PostgreSQL documentation,
    /// "SSL Mode Descriptions"). A string of which the settings are unknown is unknown.
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
    for variable in cx.variables() {
        let text = match &variable.value {
            Read::Found(text, _) => text,
            _ => continue,
        };
        let (mode, shown, open) = if variable.name.eq_ignore_ascii_case("PGSSLMODE") {
            match text.plain() {
                Some(mode) => (Some(mode.to_ascii_lowercase()), "PGSSLMODE".to_owned(), false),
                None => (None, "PGSSLMODE".to_owned(), true),
            }
        } else {
            let Some(connection) = Connection::parse(text) else { continue };
            if connection.engine() != Some("postgres") {
                continue;
            }
            let mode = ["sslmode", "ssl-mode", "ssl"].iter().find_map(|name| connection.setting(name)).map(str::to_owned);
            let open = connection.is_open();
            (mode, connection.shown, open)
        };
        let judgement = match mode.as_deref() {
            Some("require" | "true" | "1") => Judgement::pass(variable.subject, "the connection is encrypted (sslmode=require)")
                .note("sslmode=require does not verify the server (EXT-2): use verify-full with the RDS certificate bundle"),
            Some("verify-ca" | "verify-full") => {
                Judgement::pass(variable.subject, "the connection is encrypted and the server verified")
            }
            Some(mode) if mode.contains('\u{1}') => {
                Judgement::unknown(variable.subject, "cannot tell the connection string's sslmode before deployment")
            }
            Some(mode) => Judgement::fail(
                variable.subject,
                format!("sslmode={mode} lets the connection go unencrypted"),
            ),
            None if open => Judgement::unknown(
                variable.subject,
                "cannot tell the connection string's sslmode: parts of it are known only at deployment",
            ),
            None => Judgement::fail(
                variable.subject,
                "the connection string says no sslmode, and libpq's default does not enforce encryption",
            ),
        };
        out.push(judgement.part(variable.part()).stated("connection", shown, variable.loc).at(variable.loc));
    }
}
