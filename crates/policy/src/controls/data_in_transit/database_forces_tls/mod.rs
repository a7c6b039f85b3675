use crate::prelude::*;
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// Looks at every RDS instance and cluster, DocumentDB and Neptune cluster: its engine and version
    /// give the parameter that forces TLS and what it is by default (the table `database-ssl.toml`,
    /// with AWS's documents); its parameter group, followed in the templates, may set it otherwise.
    /// A parameter group that is not in the input leaves it unknown, as does an engine version that
    /// nobody states where the default differs between versions.
    id: "database-forces-tls",
    title: "Databases force TLS on every connection",
    clauses: ["DBL-3"],
    severity: High,
    fix: "Set the engine's parameter (rds.force_ssl, require_secure_transport, tls) in a parameter group of your own and name it in the database.",
    cloudformation: r#"Parameters:
  Type: AWS::RDS::DBParameterGroup
  Properties:
    Family: postgres16
    Parameters: {rds.force_ssl: "1"}
"#,
    cdk: r#"new rds.ParameterGroup(this, 'Parameters', { engine, parameters: { 'rds.force_ssl': '1' } });
"#,
}

#[derive(Deserialize)]
struct File {
    engine: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    engine: String,
    versions: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    parameter: String,
    #[serde(default)]
    default: String,
    #[serde(default)]
    on_values: Vec<String>,
    doc: String,
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let text = include_str!("../../../../../facts/tables/database-ssl.toml");
        let file: File = toml::from_str(text).expect("database-ssl.toml is exercised by the fixtures");
        file.engine
    })
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"]) {
        // A member has its cluster's parameters, a replica's source may lie anywhere.
        if !subject.at("DBClusterIdentifier").is_absent() && subject.kind().ends_with("DBInstance") {
            continue;
        }
        let engine = match subject.kind() {
            "AWS::DocDB::DBCluster" => "docdb".to_owned(),
            "AWS::Neptune::DBCluster" => "neptune".to_owned(),
            _ => match subject.at("Engine").string() {
                Read::Found(engine, _) => engine,
                Read::Unknown(why, loc) => {
                    out.push(Judgement::cannot_tell(subject, "its engine", &why).at(loc));
                    continue;
                }
                Read::Absent(_) => match of_source(cx, subject) {
                    Some(engine) => engine,
                    None => continue,
                },
            },
        };
        let version = subject.at("EngineVersion").string();
        let matching: Vec<&'static Row> = rows()
            .iter()
            .filter(|row| {
                (row.engine == engine || (row.engine.starts_with("sqlserver") && engine.starts_with("sqlserver")) || (row.engine.starts_with("oracle") && engine.starts_with("oracle")))
                    && match &version {
                        Read::Found(v, _) => covers(&row.versions, v),
                        _ => true,
                    }
            })
            .collect();
        out.push(judge_rows(cx, subject, &engine, &matching));
    }
}

fn of_source(cx: &Cx<'_>, subject: Subject<'_>) -> Option<String> {
    let value = subject.at("SourceDBInstanceIdentifier").found()?;
    let (source, _) = cx.inventory.target(value)?;
    source.at("Engine").string().found()
}

fn judge_rows(cx: &Cx<'_>, subject: Subject<'_>, engine: &str, rows: &[&'static Row]) -> Judgement {
    let Some(row) = rows.iter().find(|r| r.kind == "parameter").or(rows.first()) else {
        return Judgement::unknown(subject, format!("what forces TLS on engine {engine} is not known"));
    };
    if row.kind == "always" {
        return Judgement::pass(subject, format!("{engine} always uses TLS"));
    }
    if row.kind == "none" || row.kind == "option" {
        return Judgement::unknown(subject, format!("no parameter forces TLS on {engine}; an option or the client has to"));
    }
    let group = ["DBParameterGroupName", "DBClusterParameterGroupName"].iter().find_map(|property| match subject.at(property) {
        Read::Absent(_) => None,
        read => Some(read),
    });
    let default = ServiceDefault { doc: &row.doc, since: "" };
    let (setting, from) = match group {
        None => (None, subject.resource.loc),
        Some(Read::Found(value, loc)) => match cx.inventory.target(value) {
            Some((group, _)) => match group.at("Parameters").map_value() {
                Read::Found(map, loc) => (map.get(&row.parameter).map(|v| (v.at("").string(), v.loc)), loc),
                _ => (None, group.loc),
            },
            None if value.at("").string().found().is_some_and(|name| name.starts_with("default.")) => (None, loc),
            None => {
                return Judgement::unknown(
                    subject,
                    format!("cannot tell whether TLS is forced: the parameter group with {} is not in the input", row.parameter),
                )
                .at(loc);
            }
        },
        Some(other) => {
            return Judgement::unknown(subject, "cannot tell which parameter group it has").at(other.loc());
        }
    };
    let known = match setting {
        Some((Read::Found(value, loc), _)) => Known::Stated(value, loc),
        Some((Read::Unknown(why, loc), _)) => Known::Unknown(why, loc),
        _ => {
            let defaults: Vec<bool> = rows.iter().filter(|r| r.kind == row.kind).map(|r| is_on(r, &r.default)).collect();
            if defaults.windows(2).any(|pair| pair[0] != pair[1]) {
                return Judgement::unknown(
                    subject,
                    format!("cannot tell whether TLS is forced: the default of {} depends on the engine version, which nobody states", row.parameter),
                );
            }
            Known::Default(row.default.clone(), default, from)
        }
    };
    match &known {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, &format!("the value of {}", row.parameter), why),
        value if value.value().is_some_and(|v| is_on(row, v)) => {
            Judgement::pass(subject, format!("{} makes every connection use TLS", row.parameter))
        }
        _ => Judgement::fail(subject, format!("{} does not force TLS, so clients may connect in the clear", row.parameter)),
    }
    .fact("parameter", &known)
}

fn is_on(row: &Row, value: &str) -> bool {
    row.on_values.iter().any(|on| on.eq_ignore_ascii_case(value))
}

/// `15+`, `<15`, `5.7..9.6`, `*`, or an exact family.
fn covers(range: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').map_while(|n| n.parse().ok()).collect() };
    let own = numbers(version);
    let upto = |limit: &[u32]| own.iter().take(limit.len()).copied().collect::<Vec<_>>();
    if range == "*" {
        true
    } else if let Some(from) = range.strip_suffix('+') {
        let from = numbers(from);
        upto(&from) >= from
    } else if let Some(before) = range.strip_prefix('<') {
        let before = numbers(before);
        upto(&before) < before
    } else if let Some((from, to)) = range.split_once("..") {
        let (from, to) = (numbers(from), numbers(to));
        upto(&from) >= from && upto(&to) <= to
    } else {
        version.starts_with(range)
    }
}
