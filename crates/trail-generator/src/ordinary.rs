//! The ordinary calls, of the table `ordinary.toml`.

use crate::call::{Call, Who};
use crate::draft::{Draft, Facts, uuid_text};
use crate::plan::Error;
use crate::random::Random;
use crate::world::{Actor, Kind, Site};
use serde::Deserialize;

const TABLE: &str = include_str!("ordinary.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    call: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    by: Vec<String>,
    weight: f64,
    source: String,
    name: String,
    #[serde(default)]
    data: bool,
    #[serde(default)]
    writes: bool,
    /// Its events are in us-east-1, wherever the caller is.
    #[serde(default)]
    global: bool,
    parameters: Option<String>,
    response: Option<String>,
    #[serde(default)]
    additional: String,
    #[serde(default)]
    resources: String,
    #[serde(default)]
    host: String,
}

/// A piece of a template.
enum Piece {
    Text(String),
    Fill(Fill),
}

#[derive(Clone, Copy)]
enum Fill {
    Account,
    Region,
    Bucket,
    Table,
    Function,
    Role,
    Object,
    Hex(usize),
    Uuid,
    /// What looks like base64 of some bytes.
    Blob,
    Number,
    Small,
    Octet,
}

/// What can be filled in; the longer of two names that begin alike first.
const FILLS: [(&str, Fill); 15] = [
    ("account", Fill::Account),
    ("region", Fill::Region),
    ("bucket", Fill::Bucket),
    ("table", Fill::Table),
    ("function", Fill::Function),
    ("role", Fill::Role),
    ("object", Fill::Object),
    ("hex16", Fill::Hex(16)),
    ("hex32", Fill::Hex(32)),
    ("hex8", Fill::Hex(8)),
    ("uuid", Fill::Uuid),
    ("blob", Fill::Blob),
    ("number", Fill::Number),
    ("small", Fill::Small),
    ("octet", Fill::Octet),
];

struct Template(Vec<Piece>);

impl Template {
    fn parse(text: &str) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut parts = text.split('$');
        pieces.push(Piece::Text(parts.next().unwrap_or_default().into()));
        for part in parts {
            let fill = FILLS.iter().find(|(name, _)| part.starts_with(name));
            let Some((name, fill)) = fill else {
                return Err(Error::Plan(format!("nothing fills in ${part:.12}")));
            };
            pieces.push(Piece::Fill(*fill));
            pieces.push(Piece::Text(part[name.len()..].into()));
        }
        Ok(Template(pieces))
    }

    fn fill(&self, out: &mut String, with: &Filling) {
        out.clear();
        // The same object wherever it is named.
        let mut random = with.random.clone();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Fill(fill) => match fill {
                    Fill::Account => out.push_str(&with.actor.account),
                    Fill::Region => out.push_str(with.region),
                    Fill::Bucket => out.push_str(&with.site.bucket),
                    Fill::Table => out.push_str(&with.site.table),
                    Fill::Function => out.push_str(&with.site.function),
                    Fill::Role => out.push_str(with.role),
                    Fill::Object => out.push_str(with.object),
                    Fill::Hex(length) => hex(out, random.next(), random.next(), *length),
                    Fill::Uuid => out.push_str(&uuid_text(random.uuid())),
                    Fill::Blob => {
                        hex(out, random.next(), random.next(), 32);
                        out.push_str("Qx7fJb/2mVn+0KtZ9w==");
                    }
                    Fill::Number => out.push_str(&random.below(4_000_000).to_string()),
                    Fill::Small => out.push_str(&(1 + random.below(900)).to_string()),
                    Fill::Octet => out.push_str(&random.below(256).to_string()),
                },
            }
        }
    }
}

fn hex(out: &mut String, high: u64, low: u64, length: usize) {
    let digits = (u128::from(high) << 64) | u128::from(low);
    for nibble in 0..length {
        let digit = (digits >> (4 * nibble)) as u32 & 0xf;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

struct Filling<'a> {
    random: Random,
    actor: &'a Actor,
    site: &'a Site,
    region: &'a str,
    role: &'a str,
    object: &'a str,
}

struct Ordinary {
    row: Row,
    parameters: Template,
    response: Template,
    additional: Template,
    resources: Template,
    host: Template,
}

/// The table, and of each kind of caller what they make.
pub(crate) struct Calls {
    calls: Vec<Ordinary>,
    /// By kind: the calls, each with the weight of all up to it.
    by: Vec<(Kind, Vec<(f64, usize)>)>,
}

/// Memory for what is filled in.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    texts: [String; 5],
}

const KINDS: [(&str, Kind); 9] = [
    ("task", Kind::Task),
    ("function", Kind::Function),
    ("ci", Kind::Ci),
    ("human", Kind::Human),
    ("monitoring", Kind::Monitoring),
    ("backup", Kind::Backup),
    ("batch", Kind::Batch),
    ("legacy", Kind::Legacy),
    ("service", Kind::Service),
];

/// Where the events of global services are.
const GLOBAL: &str = "us-east-1";
const GLOBAL_ROLES: [&str; 4] = [
    "ecsTaskExecutionRole",
    "orders-worker",
    "ci-deploy",
    "thumbnails",
];

impl Calls {
    pub(crate) fn new() -> Result<Self, Error> {
        let table: Table = toml::from_str(TABLE)
            .map_err(|error| Error::Plan(format!("ordinary.toml: {error}")))?;
        let mut calls = Vec::new();
        for row in table.call {
            calls.push(Ordinary {
                parameters: Template::parse(row.parameters.as_deref().unwrap_or("null"))?,
                response: Template::parse(row.response.as_deref().unwrap_or("null"))?,
                additional: Template::parse(&row.additional)?,
                resources: Template::parse(&row.resources)?,
                host: Template::parse(&row.host)?,
                row,
            });
        }
        let mut by = Vec::new();
        for (name, kind) in KINDS {
            let mut sum = 0.0;
            let mut theirs = Vec::new();
            for (index, call) in calls.iter().enumerate() {
                if call.row.by.iter().any(|it| it == name) {
                    sum += call.row.weight;
                    theirs.push((sum, index));
                }
            }
            by.push((kind, theirs));
        }
        Ok(Calls { calls, by })
    }

    /// Writes one that this caller makes.
    pub(crate) fn write(
        &self,
        draft: &mut Draft,
        scratch: &mut Scratch,
        call: &mut Call,
        actor: &Actor,
        site: &Site,
    ) {
        let theirs = self.by.iter().find(|(kind, _)| *kind == actor.kind);
        let Some((_, theirs)) = theirs else { return };
        let all = theirs.last().map_or(0.0, |(sum, _)| *sum);
        let ordinary = loop {
            let at = draft.random.unit() * all;
            let index = theirs.partition_point(|(sum, _)| *sum <= at);
            let Some((_, index)) = theirs.get(index) else {
                return;
            };
            let ordinary = &self.calls[*index];
            if !ordinary.row.global || call.region == GLOBAL {
                break ordinary;
            }
        };
        if let Who::Service(_) = call.who {
            let services = [
                "ecs-tasks.amazonaws.com",
                "lambda.amazonaws.com",
                "ec2.amazonaws.com",
            ];
            let service = draft.random.pick(&services);
            call.who = Who::Service(service);
            (call.address, call.agent) = (service, service);
        }
        let object = object(&mut draft.random);
        let filling = Filling {
            random: draft.random.clone(),
            actor,
            site,
            region: call.region,
            role: match actor.kind {
                Kind::Service | Kind::Human | Kind::Monitoring => {
                    draft.random.pick::<&str>(&GLOBAL_ROLES)
                }
                _ => actor.name.as_str(),
            },
            object: &object,
        };
        let [parameters, response, additional, resources, host] = &mut scratch.texts;
        ordinary.parameters.fill(parameters, &filling);
        ordinary.additional.fill(additional, &filling);
        ordinary.resources.fill(resources, &filling);
        ordinary.host.fill(host, &filling);
        // What people and new deployments try is refused now and then.
        let times = match actor.kind {
            Kind::Human => 60,
            Kind::Ci => 150,
            _ => 1_500,
        };
        let denied = !matches!(call.who, Who::Service(_)) && draft.random.once_in(times);
        let message;
        let error = match denied {
            true => {
                let service = ordinary.row.source.split('.').next().unwrap_or_default();
                let name = ordinary.row.name.split("2015").next().unwrap_or_default();
                message = format!(
                    "User: {} is not authorized to perform: {service}:{name} because no identity-based policy allows the {service}:{name} action",
                    call.caller()
                );
                response.clear();
                response.push_str("null");
                Some(("AccessDenied", message.as_str()))
            }
            false => {
                ordinary.response.fill(response, &filling);
                None
            }
        };
        let facts = Facts {
            source: &ordinary.row.source,
            name: &ordinary.row.name,
            read_only: !ordinary.row.writes,
            parameters,
            response,
            additional,
            resources,
            data: ordinary.row.data,
            error,
            host,
            ..Facts::default()
        };
        draft.record(call, &facts);
    }
}

/// The name of an object, as it stands in JSON: people name them as they like.
pub(crate) fn object(random: &mut Random) -> String {
    let (day, number) = (1 + random.below(28), random.below(1_000_000));
    match random.below(50) {
        0 => format!("uploads/Rechnung \\\"{number}\\\" März.pdf"),
        1..=9 => format!("exports/2026/{day:02}/part-{number:06}.parquet"),
        10..=24 => format!("thumbnails/{:016x}/400x300.webp", random.next()),
        _ => format!("documents/{:016x}/{number}.json", random.next()),
    }
}
