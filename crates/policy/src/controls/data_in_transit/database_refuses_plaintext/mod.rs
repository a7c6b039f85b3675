use crate::endpoints::{self, Address, Endpoint, Role};
use crate::prelude::*;

control! {
    /// Looks at the endpoints of databases: those that a template or account declares as one, and those that
    /// speak a database's protocol (PostgreSQL, MySQL, Redis, MongoDB, DAX). The server must offer TLS, and refuse
    /// a client that goes on without: the probe begins a session in the clear, and what the server answers is a
    /// fact of the verdict. A setting such as `rds.force_ssl` is judged where it is declared
    /// (`database-forces-tls`); this shows that it works.
    ///
    /// Which version TLS has is for `endpoint-tls-minimum`. On a port where TLS begins with the first byte nothing
    /// can be said in the clear, and it is enough that TLS is spoken.
    id: "database-refuses-plaintext",
    title: "Databases offer TLS and refuse clients without it",
    clauses: ["DBL-1"],
    sources: [Probe],
    severity: High,
    fix: "Turn on rds.force_ssl (PostgreSQL, SQL Server) or require_secure_transport (MySQL, MariaDB), or transit encryption of the cluster, and probe it again.",
    cloudformation: r#"Type: AWS::RDS::DBParameterGroup
Properties:
  Family: postgres17
  Description: TLS only
  Parameters: {rds.force_ssl: "1"}
"#,
    cdk: r#"new rds.ParameterGroup(this, 'TlsOnly', {
  engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
  parameters: { 'rds.force_ssl': '1' },
});
"#,
}

/// The protocols that only databases speak.
const DATABASES: [&str; 5] = ["postgresql", "mysql", "redis", "mongodb", "dax"];

/// The protocols in which TLS begins with the first byte, so that nothing can be said without it.
const TLS_FIRST: [&str; 2] = ["tls", "https"];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in endpoints::all(cx) {
        match is_database(endpoint) {
            Known::Unknown(why, _) => out.push(Judgement::cannot_tell(endpoint.subject, "whether it is a database", &why)),
            known if known.value() == Some(&true) => out.push(endpoint.each_address(cx, refuses)),
            _ => {}
        }
    }
}

/// By its role, or by its protocol when nobody said what it is.
fn is_database(endpoint: Endpoint<'_>) -> Known<bool> {
    let protocol = endpoint.protocol();
    match endpoint.role() {
        Read::Found(Role::Database, loc) => Known::Stated(true, loc),
        _ if protocol.value().is_some_and(|name| DATABASES.contains(&name.as_str())) => Known::Stated(true, protocol.loc()),
        Read::Found(_, loc) => Known::Stated(false, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(_) => protocol.map(|_| false),
    }
}

fn refuses(address: Address<'_>) -> Judgement {
    let subject = address.subject();
    let protocol = address.endpoint.protocol();
    let tls = address.speaks_tls();
    let refused = match address.at("Plaintext.Refused").bool() {
        Read::Absent(loc) if protocol.value().is_some_and(|name| TLS_FIRST.contains(&name.as_str())) => Known::Stated(true, loc),
        read => endpoints::asked(read, "a session without TLS"),
    };
    let judgement = match (&refused, &tls) {
        (Known::Stated(false, _), _) => Judgement::fail(subject, "it accepts clients without TLS"),
        (_, Known::Stated(false, _)) => Judgement::fail(subject, "it offers no TLS"),
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "whether it refuses clients without TLS", why),
        (_, Known::Unknown(why, _)) => Judgement::cannot_tell(subject, "whether it offers TLS", why),
        _ => Judgement::pass(subject, "it offers TLS and refuses clients without it"),
    };
    let judgement = judgement.fact("plaintext refused", &refused).fact("TLS offered", &tls);
    match address.at("Plaintext.Answer").string() {
        Read::Found(answer, loc) => judgement.stated("answer without TLS", answer, loc),
        _ => judgement,
    }
}
