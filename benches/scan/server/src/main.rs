//! A synthetic AWS for the benchmark of `lockfast scan`: accounts of an organization, each with the same number of
//! resources in each region, whose every property is a function of where it stands. It keeps nothing but the times of requests.

mod counts;
mod ec2;
mod json;
mod world;

use anyhow::{Result, anyhow};
use clap::Parser;
use counts::Counts;
use std::io::Cursor;
use std::sync::Arc;
use tiny_http::{Header, Request, Response, Server};
use world::{Place, World};

/// Requests answered at once: as many as a scan has under way.
const WORKERS: usize = 64;

/// A synthetic AWS. `GET /_total` tells how many requests came, `GET /_requests` when each came, `POST /_reset` forgets.
#[derive(Parser)]
struct Args {
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 5900)]
    port: u16,
    /// The accounts of the organization, the first of which is that of unknown access keys.
    #[arg(long, default_value_t = 200)]
    accounts: u64,
    /// Resources in each account and region.
    #[arg(long, default_value_t = 1000)]
    resources: u64,
    /// Of each hundred resources so many are another way, so that two servers differ.
    #[arg(long, default_value_t = 0)]
    changed: u64,
}

/// A request, as far as the answer depends on it.
pub struct Asked {
    /// Of the credential scope.
    pub service: String,
    /// The operation's name.
    pub operation: String,
    /// JSON, or a form.
    pub body: String,
}

/// An answer.
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    /// In a protocol of JSON.
    pub fn json(body: String) -> Self {
        Answer {
            status: 200,
            kind: "application/x-amz-json-1.1",
            body,
        }
    }

    /// In a protocol of XML.
    pub fn xml(body: String) -> Self {
        Answer {
            status: 200,
            kind: "text/xml",
            body,
        }
    }

    /// An error of a protocol of JSON.
    pub fn error(code: &str) -> Self {
        Answer {
            status: 400,
            ..Answer::json(format!(r#"{{"__type":"{code}","message":"no"}}"#))
        }
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let server = Server::http(("127.0.0.1", args.port)).map_err(|error| anyhow!("{error}"))?;
    let world = Arc::new(World {
        accounts: args.accounts,
        resources: args.resources,
        changed: args.changed,
    });
    let (server, counts) = (Arc::new(server), Arc::new(Counts::default()));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (server, world, counts) = (server.clone(), world.clone(), counts.clone());
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    // Who went away needs no answer.
                    let _ = serve(request, &world, &counts);
                }
            })
        })
        .collect();
    for worker in workers {
        let _ = worker.join();
    }
    Ok(())
}

fn serve(mut request: Request, world: &World, counts: &Counts) -> std::io::Result<()> {
    let mut body = String::new();
    request.as_reader().read_to_string(&mut body)?;
    let answer = match request.url() {
        "/_total" => Answer::json(counts.total().to_string()),
        "/_requests" => Answer::json(counts.requests()),
        "/_reset" => {
            counts.reset();
            Answer::json("{}".into())
        }
        _ => {
            let (place, asked) = asked(&request, body, world);
            counts.add(&place, &asked);
            answer(&place, &asked, world)
        }
    };
    request.respond(response(answer))
}

fn response(answer: Answer) -> Response<Cursor<Vec<u8>>> {
    let mut response = Response::from_string(answer.body).with_status_code(answer.status);
    if let Ok(header) = Header::from_bytes("content-type", answer.kind) {
        response.add_header(header);
    }
    response
}

fn header<'r>(request: &'r Request, name: &'static str) -> Option<&'r str> {
    let mut named = request.headers().iter().filter(|h| h.field.equiv(name));
    named.next().map(|header| header.value.as_str())
}

/// Where and what a request asks. The account is that of the access key.
fn asked(request: &Request, body: String, world: &World) -> (Place, Asked) {
    let scope = header(request, "Authorization").unwrap_or_default();
    let scope = scope.split("Credential=").nth(1).unwrap_or_default();
    let mut scope = scope.split('/');
    let account = world.account_of_key(scope.next().unwrap_or_default());
    let region = scope.nth(1).unwrap_or_default().to_owned();
    let service = scope.next().unwrap_or_default().to_owned();
    let named = || {
        body.split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
    };
    let operation = header(request, "X-Amz-Target")
        .and_then(|target| target.rsplit('.').next())
        .or_else(named)
        .unwrap_or_default()
        .to_owned();
    let place = Place { account, region };
    let asked = Asked {
        service,
        operation,
        body,
    };
    (place, asked)
}

fn answer(place: &Place, asked: &Asked, world: &World) -> Answer {
    match &*asked.service {
        "sts" => ec2::sts(place, asked),
        "ec2" => ec2::answer(place, asked, world),
        _ => json::answer(place, asked, world),
    }
}
