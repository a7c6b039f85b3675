//! Connections to databases that AWS's own services make.

use super::databases::Database;
use crate::connection::{Connection, Engine, Tls};
use crate::prelude::*;
use lockfast_facts::Loc;

pub(super) fn collect<'a>(cx: &Cx<'a>, found: &mut Vec<Database<'a>>) {
    for subject in cx.subjects(&["AWS::Glue::Connection"]) {
        found.extend(glue(subject));
    }
    for subject in cx.subjects(&["AWS::QuickSight::DataSource"]) {
        found.extend(quicksight(subject));
    }
}

fn database<'a>(subject: Subject<'a>, part: &str, loc: Loc, tls: Tls) -> Database<'a> {
    Database {
        subject,
        part: part.to_owned(),
        loc,
        engine: None,
        tls,
        why: None,
        shown: part.to_owned(),
        asks: None,
        local: false,
    }
}

/// `JDBC_ENFORCE_SSL`, or what the URL itself asks for (AWS Glue Developer Guide, "AWS Glue connection
/// properties").
fn glue(subject: Subject<'_>) -> Option<Database<'_>> {
    const PROPERTIES: &str = "ConnectionInput.ConnectionProperties";
    const HIDDEN: Tls = Tls::Unknown("its properties are known only at deployment");
    let url = match subject.at(&format!("{PROPERTIES}.JDBC_CONNECTION_URL")) {
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => {
            return Some(Database {
                why: Some(why),
                ..database(subject, "JDBC_CONNECTION_URL", loc, HIDDEN)
            });
        }
        url => url,
    };
    let url = url.text().found().and_then(|text| Connection::first(&text));
    let (part, enforced) = (
        "JDBC_ENFORCE_SSL",
        subject.at(&format!("{PROPERTIES}.JDBC_ENFORCE_SSL")),
    );
    let of_url = url.as_ref().and_then(|url| url.tls(None));
    let found = match enforced.bool() {
        Read::Unknown(why, loc) => Database {
            why: Some(why),
            ..database(subject, part, loc, HIDDEN)
        },
        Read::Found(true, loc) => database(subject, part, loc, Tls::Encrypted),
        // Glue does not insist, so the driver does what its URL says.
        enforced => Database {
            asks: matches!(enforced, Read::Found(..)).then(|| format!("{part} is false")),
            ..database(subject, part, enforced.loc(), of_url.unwrap_or(HIDDEN))
        },
    };
    Some(Database {
        engine: url.as_ref().and_then(|url| url.engine),
        shown: url.map_or_else(|| part.to_owned(), |url| url.shown),
        ..found
    })
}

/// `SslProperties.DisableSsl` (Amazon QuickSight API Reference, "SslProperties").
fn quicksight(subject: Subject<'_>) -> Option<Database<'_>> {
    const PART: &str = "SslProperties.DisableSsl";
    let engine = match subject.at("Type").string().found()?.as_str() {
        "POSTGRESQL" | "AURORA_POSTGRESQL" => Engine::Postgres,
        "MYSQL" | "MARIADB" | "AURORA" => Engine::Mysql,
        "SQLSERVER" => Engine::SqlServer,
        "REDSHIFT" => Engine::Redshift,
        "ORACLE" => Engine::Oracle,
        _ => return None,
    };
    let found = match subject.at(PART).bool() {
        Read::Absent(loc) | Read::Found(false, loc) => database(subject, PART, loc, Tls::Verified),
        Read::Found(true, loc) => Database {
            asks: Some("DisableSsl is true".to_owned()),
            ..database(subject, PART, loc, Tls::Plain)
        },
        Read::Unknown(why, loc) => Database {
            why: Some(why),
            ..database(
                subject,
                PART,
                loc,
                Tls::Unknown("its value is known only at deployment"),
            )
        },
    };
    Some(Database {
        engine: Some(engine),
        ..found
    })
}
