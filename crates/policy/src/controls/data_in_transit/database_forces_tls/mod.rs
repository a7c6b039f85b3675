use crate::live::is_gap;
use crate::prelude::*;
use lockfast_facts::Loc;
use lockfast_facts::nouns::find_database;
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// Looks at every RDS instance and cluster, DocumentDB and Neptune cluster: its engine and version
    /// give the parameter that forces TLS and what it is by default (the table `database-ssl.toml`,
    /// with AWS's documents); its parameter group, followed in the templates, may set it otherwise.
    /// A parameter group that is not in the input leaves it unknown, as does an engine version that
    /// nobody states where the default differs between versions, and the engine of a snapshot or source
    /// that is not in the input. A replica without a group of its own has its source's. RDS Proxy, Redshift, OpenSearch, ElastiCache, MemoryDB and MSK have settings of their own (the table `stores.toml`).
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

#[derive(Deserialize)]
struct Stores {
    store: Vec<Store>,
}

/// A row of `stores.toml`.
#[derive(Deserialize)]
struct Store {
    r#type: String,
    property: String,
    on: Vec<String>,
    default: String,
    #[serde(default)]
    also: String,
    #[serde(default)]
    also_off: Vec<String>,
    #[serde(default)]
    versions: String,
    #[serde(default)]
    versions_old: Vec<String>,
    /// True when the service takes no other connections, whatever a template says.
    #[serde(default)]
    always: bool,
    doc: String,
}

fn stores() -> &'static [Store] {
    static ROWS: OnceLock<Vec<Store>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let file: Stores = toml::from_str(include_str!("stores.toml")).expect("stores.toml is exercised by the fixtures");
        file.store
    })
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
        if let (true, Read::Unknown(why, _)) = (is_gap(subject.resource), subject.at("")) {
            out.push(Judgement::cannot_tell(subject, "whether TLS is forced", &why));
            continue;
        }
        // A member has its cluster's parameters, a replica's source may lie anywhere.
        if !subject.at("DBClusterIdentifier").is_absent() && subject.kind().ends_with("DBInstance") {
            continue;
        }
        out.extend(by_settings(cx, subject, subject, CHAIN));
    }
    for row in stores() {
        for subject in cx.subjects(&[&row.r#type]) {
            out.push(by_property(subject, row));
        }
    }
    for subject in cx.subjects(&["AWS::Redshift::Cluster"]) {
        out.extend(redshift(cx, subject));
    }
    for subject in cx.subjects(&["AWS::RedshiftServerless::Workgroup"]) {
        let parameters = subject.each("ConfigParameters.*");
        out.push(match require_ssl(parameters, "ParameterKey", subject.resource.loc) {
            Read::Absent(loc) => Judgement::unknown(
                subject,
                "cannot tell whether TLS is forced: nothing states require_ssl, and AWS documents no default of it for workgroups",
            )
            .at(loc),
            read => by_require_ssl(subject, read),
        });
    }
}

/// Whose parameter group a database has.
enum Settings<'a> {
    Own,
    /// Those of these databases, or of what they in turn replicate.
    Of(Vec<Subject<'a>>),
    /// Those of a source that is not in the input.
    NotGiven(Loc),
}

/// A replica in its source's region has the source's parameter group unless it names one (Amazon RDS
/// API Reference, CreateDBInstanceReadReplica); in another region, the engine's default one.
fn settings_of<'a>(cx: &Cx<'a>, subject: Subject<'a>) -> Settings<'a> {
    let (value, loc) = match subject.at("SourceDBInstanceIdentifier") {
        Read::Absent(_) => return Settings::Own,
        Read::Unknown(_, loc) => return Settings::NotGiven(loc),
        Read::Found(value, loc) => (value, loc),
    };
    if !subject.at("DBParameterGroupName").is_absent() {
        return Settings::Own;
    }
    let Some(source) = find_database(cx.inventory, subject.resource, value, "DBInstance") else {
        return Settings::NotGiven(loc);
    };
    let region = |resource: &Resource| cx.inventory.stack_of(resource).place.region.clone();
    match (region(source), region(subject.resource)) {
        (Some(there), Some(here)) if there != here => Settings::Own,
        _ => Settings::Of(
            cx.inventory
                .variants_of(source.id)
                .filter(|source| source.variant.when.compatible(&subject.variant.when))
                .collect(),
        ),
    }
}

/// How far a chain of replicas is followed: Amazon RDS makes none longer.
const CHAIN: usize = 4;

/// Judges a database by the engine and settings of another, or of itself.
fn by_settings<'a>(cx: &Cx<'a>, subject: Subject<'a>, of: Subject<'a>, chain: usize) -> Vec<Judgement> {
    match settings_of(cx, of) {
        Settings::Of(sources) if chain > 0 => sources
            .into_iter()
            .flat_map(|source| {
                by_settings(cx, subject, source, chain - 1).into_iter().map(move |mut judgement| {
                    judgement.when = judgement.when.and(&source.variant.when);
                    judgement
                })
            })
            .collect(),
        Settings::NotGiven(loc) => vec![
            Judgement::unknown(
                subject,
                "cannot tell whether TLS is forced: a replica has the parameter group of its source, which is not in the input",
            )
            .at(loc),
        ],
        _ => by_engine(cx, subject, of),
    }
}

fn by_engine<'a>(cx: &Cx<'a>, subject: Subject<'a>, of: Subject<'a>) -> Vec<Judgement> {
    let engine = match of.kind() {
        "AWS::DocDB::DBCluster" => "docdb".to_owned(),
        "AWS::Neptune::DBCluster" => "neptune".to_owned(),
        _ => match of.at("Engine").string() {
            // Amazon RDS takes an engine's name in any case.
            Read::Found(engine, _) => engine.to_ascii_lowercase(),
            Read::Unknown(why, loc) => return vec![Judgement::cannot_tell(subject, "its engine", &why).at(loc)],
            Read::Absent(_) => match of_source(cx, of) {
                Some(engine) => engine,
                None => {
                    return vec![Judgement::unknown(
                        subject,
                        "cannot tell whether TLS is forced: its engine is that of a snapshot or source that is not in the input",
                    )];
                }
            },
        },
    };
    let version = of.at("EngineVersion").string();
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
    judge_rows(cx, subject, of, &engine, &matching)
}

/// A store that one of its own properties makes refuse plaintext.
fn by_property(subject: Subject<'_>, row: &'static Store) -> Judgement {
    if row.always {
        return Judgement::pass(subject, "the service makes every connection use TLS").note(format!("see {}", row.doc));
    }
    let setting = subject.at(&row.property).string().or_default(
        row.default.clone(),
        ServiceDefault {
            doc: &row.doc,
            since: "",
        },
    );
    let on = |value: &str| row.on.iter().any(|on| on.eq_ignore_ascii_case(value));
    let part = row.property.rsplit('.').next().unwrap_or_default();
    let also = match row.also.is_empty() {
        true => Read::Absent(subject.resource.loc),
        false => subject.at(&row.also).string(),
    };
    let judgement = match (&setting, also) {
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "whether it refuses plaintext", why),
        (known, Read::Found(value, loc)) if known.value().is_some_and(|v| on(v)) && row.also_off.contains(&value) => {
            Judgement::fail(subject, format!("{} is {value}: clients may connect in the clear", row.also)).at(loc)
        }
        (known, Read::Unknown(why, loc)) if known.value().is_some_and(|v| on(v)) => {
            Judgement::cannot_tell(subject, "whether it refuses plaintext", &why).at(loc)
        }
        (known, _) if known.value().is_some_and(|v| on(v)) => {
            Judgement::pass(subject, format!("{part} makes every connection use TLS"))
        }
        _ => Judgement::fail(subject, format!("{part} does not force TLS, so clients may connect in the clear")),
    };
    let judgement = judgement.fact(part, &setting);
    match subject.at(&row.versions).string() {
        Read::Found(policy, _) if row.versions_old.contains(&policy) => {
            judgement.note(format!("{policy} still accepts versions of TLS before 1.2 (REG-2)"))
        }
        _ => judgement,
    }
}

/// `require_ssl` of the cluster's parameter group (Amazon Redshift Management Guide, "Configuring
/// security options for connections"); what the default group says depends on its family.
fn redshift<'a>(cx: &Cx<'a>, subject: Subject<'a>) -> Vec<Judgement> {
    let group = match subject.at("ClusterParameterGroupName") {
        Read::Found(value, loc) => cx.inventory.target(value).map(|(group, _)| group).ok_or(loc),
        other => Err(other.loc()),
    };
    let group = match group {
        Ok(group) => group,
        Err(loc) => {
            return vec![
                Judgement::unknown(subject, "cannot tell whether TLS is forced: the parameter group with require_ssl is not in the input")
                    .at(loc),
            ];
        }
    };
    cx.inventory
        .variants_of(group.id)
        .filter(|group| group.variant.when.compatible(&subject.variant.when))
        .map(|group| {
            let read = require_ssl(group.each("Parameters.*"), "ParameterName", group.resource.loc);
            let mut judgement = by_require_ssl(subject, read);
            judgement.when = group.variant.when.and(&subject.variant.when);
            judgement
        })
        .collect()
}

/// The value of `require_ssl` in a list of parameters.
fn require_ssl(parameters: Vec<Read<&Value>>, name: &str, loc: Loc) -> Read<String> {
    let mut found = Read::Absent(loc);
    for parameter in parameters {
        match parameter {
            Read::Found(parameter, _) if parameter.at(name).string().found().as_deref() == Some("require_ssl") => {
                found = parameter.at("ParameterValue").string();
            }
            Read::Unknown(why, loc) => found = Read::Unknown(why, loc),
            _ => {}
        }
    }
    found
}

fn by_require_ssl(subject: Subject<'_>, read: Read<String>) -> Judgement {
    let value = read.or_default(
        "false".to_owned(),
        ServiceDefault {
            doc: "Amazon Redshift Management Guide: Configuring security options for connections",
            since: "",
        },
    );
    match &value {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "the value of require_ssl", why),
        known if known.value().is_some_and(|v| v.eq_ignore_ascii_case("true")) => {
            Judgement::pass(subject, "require_ssl makes every connection use TLS")
        }
        _ => Judgement::fail(subject, "require_ssl does not force TLS, so clients may connect in the clear"),
    }
    .fact("parameter", &value)
}

fn of_source(cx: &Cx<'_>, subject: Subject<'_>) -> Option<String> {
    let value = subject.at("SourceDBInstanceIdentifier").found()?;
    let (source, _) = cx.inventory.target(value)?;
    let engine = source.at("Engine").string().found()?;
    Some(engine.to_ascii_lowercase())
}

fn judge_rows<'a>(cx: &Cx<'a>, subject: Subject<'a>, of: Subject<'a>, engine: &str, rows: &[&'static Row]) -> Vec<Judgement> {
    let Some(row) = rows.iter().find(|r| r.kind == "parameter").or(rows.first()) else {
        return vec![Judgement::unknown(subject, format!("what forces TLS on engine {engine} is not known"))];
    };
    if row.kind == "always" {
        return vec![Judgement::pass(subject, format!("{engine} always uses TLS"))];
    }
    if row.kind == "none" || row.kind == "option" {
        return vec![Judgement::unknown(subject, format!("no parameter forces TLS on {engine}; an option or the client has to"))];
    }
    let group = ["DBParameterGroupName", "DBClusterParameterGroupName"].iter().find_map(|property| match of.at(property) {
        Read::Absent(_) => None,
        read => Some(read),
    });
    let absent = |loc| Read::Absent(loc);
    match group {
        None => vec![setting(subject, row, rows, absent(subject.resource.loc))],
        Some(Read::Found(value, loc)) => match cx.inventory.target(value) {
            // A group may say something else under each condition.
            Some((group, _)) => cx
                .inventory
                .variants_of(group.id)
                .filter(|group| group.variant.when.compatible(&subject.variant.when))
                .map(|group| {
                    let value = match group.at("Parameters") {
                        Read::Unknown(why, loc) => Read::Unknown(why, loc),
                        parameters => match parameters.map_value() {
                            Read::Found(map, loc) => match map.get(&row.parameter) {
                                Some(value) => value.at("").string(),
                                None if map.get("Fn::Transform").is_some() => {
                                    Read::Unknown(Arc::new(Why::Macro("Fn::Transform".into())), loc)
                                }
                                None => absent(loc),
                            },
                            Read::Unknown(why, loc) => Read::Unknown(why, loc),
                            Read::Absent(_) => absent(group.resource.loc),
                        },
                    };
                    let mut judgement = setting(subject, row, rows, value);
                    judgement.when = group.variant.when.and(&subject.variant.when);
                    judgement
                })
                .collect(),
            None if value.at("").string().found().is_some_and(|name| name.starts_with("default.")) => {
                vec![setting(subject, row, rows, absent(loc))]
            }
            None => vec![
                Judgement::unknown(
                    subject,
                    format!("cannot tell whether TLS is forced: the parameter group with {} is not in the input", row.parameter),
                )
                .at(loc),
            ],
        },
        Some(other) => {
            vec![Judgement::unknown(subject, "cannot tell which parameter group it has").at(other.loc())]
        }
    }
}

/// Judges the value that a parameter group gives, or the engine's default.
fn setting(subject: Subject<'_>, row: &'static Row, rows: &[&'static Row], value: Read<String>) -> Judgement {
    let known = match value {
        Read::Found(value, loc) => Known::Stated(value, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(from) => {
            let defaults: Vec<bool> = rows.iter().filter(|r| r.kind == row.kind).map(|r| is_on(r, &r.default)).collect();
            if defaults.windows(2).any(|pair| pair[0] != pair[1]) {
                return Judgement::unknown(
                    subject,
                    format!("cannot tell whether TLS is forced: the default of {} depends on the engine version, which nobody states", row.parameter),
                );
            }
            Known::Default(row.default.clone(), ServiceDefault { doc: &row.doc, since: "" }, from)
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
