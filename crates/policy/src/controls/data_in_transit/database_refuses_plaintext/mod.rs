use crate::endpoints::{self, Address, Endpoint, Role, unsupported};
use crate::prelude::*;

control! {
    /// Looks at the endpoints of databases: those that a template or account declares as one, and those that
    /// speak a database's protocol (PostgreSQL, MySQL, Redis, MongoDB, DAX). The server must offer TLS, and refuse
    /// a client that goes on without: the probe begins a session in the clear, and what the server answers is a
    /// fact of the verdict. A setting such as `rds.force_ssl` is judged where it is declared
    /// (`database-forces-tls`); this shows that it works.
    ///
    /// A PostgreSQL server decides by user and database (`pg_hba.conf`), and the probe asks with a user that does not
    /// exist. That this one is refused says nothing of others, so it is unknown, unless the answer asks everyone for
    /// TLS (PgBouncer, RDS Proxy), or the server is one of Amazon RDS, where AWS keeps `pg_hba.conf` and has a
    /// single rule.
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
        _ => match refuses_everyone(address) {
            Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether it refuses every client without TLS", &why).note(
                "pg_hba.conf refuses everybody without TLS when its lines for the network are all hostssl, or the first is `hostnossl all all all reject`",
            ),
            _ => Judgement::pass(subject, "it offers TLS and refuses clients without it"),
        },
    };
    let judgement = judgement.fact("plaintext refused", &refused).fact("TLS offered", &tls);
    match address.at("Plaintext.Answer").string() {
        Read::Found(answer, loc) => judgement.stated("answer without TLS", answer, loc),
        _ => judgement,
    }
}

/// What poolers and clouds answer that want TLS whoever logs in: PgBouncer, Amazon RDS Proxy, Azure, Neon.
const WANT_TLS: [&str; 4] = ["ssl required", "requires tls", "ssl connection is required", "connection is insecure"];

/// Where the names of servers lie whose `pg_hba.conf` is AWS's own.
const RDS: [&str; 2] = [".rds.amazonaws.com", ".rds.amazonaws.com.cn"];

/// Known when the refusal is not of the user alone that was tried.
fn refuses_everyone(address: Address<'_>) -> Known<()> {
    let everyone = Known::Stated((), address.loc());
    let postgresql = address.endpoint.protocol().map(|name| name == "postgresql");
    postgresql.and_then(|postgresql| {
        if !postgresql || is_of_rds(address.endpoint) {
            return everyone;
        }
        let answer = endpoints::asked(address.at("Plaintext.Answer").string(), "what it said to a client without TLS");
        answer.and_then(|answer| {
            let answer = answer.to_lowercase();
            match WANT_TLS.iter().any(|words| answer.contains(words)) {
                true => everyone,
                false => Known::Unknown(
                    unsupported("it refused the user that the probe made up, and pg_hba.conf may let in other users, or to other databases"),
                    address.loc(),
                ),
            }
        })
    })
}

/// By the name that was asked for, or one that DNS leads it to.
fn is_of_rds(endpoint: Endpoint<'_>) -> bool {
    let names = endpoint.subject.each("CanonicalNames.*").into_iter();
    let mut names = names.chain([endpoint.subject.at("Host")]).filter_map(|name| name.string().found());
    names.any(|name| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        RDS.iter().any(|domain| name.ends_with(domain))
    })
}
