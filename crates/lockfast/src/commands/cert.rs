//! `lockfast cert`: certificates judged, wherever they are.

use super::judging::{Ready, spinner, unknown_types};
use super::probe::reach::{self, Wanted};
use super::probe::{now, show, unmeasured};
use super::runtime;
use crate::cli::Cert;
use anyhow::{Context, Result, anyhow, bail};
use lockfast_certificate::{Checks, LogList, ReadError, Roots, Secret, judge, leaf_first};
use lockfast_facts::{ENDPOINT, Inventory, Origin};
use lockfast_probe::Target;
use lockfast_report::InputSummary;
use lockfast_snapshot::{Found, with_endpoints};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A larger file holds no certificates.
const MOST: u64 = 16 << 20;

/// What certificates alone decide; nothing else is asked of an endpoint.
const CLAUSES: [&str; 6] = ["CERT-1", "CERT-2", "CERT-3", "ACM-3", "CER-1", "CER-3"];

/// What `-` is called.
const INPUT: &str = "standard input";

/// How the names of files of certificates and keys end.
const ENDINGS: [&str; 9] = [
    ".pem", ".crt", ".cer", ".der", ".p12", ".pfx", ".p7b", ".p7c", ".key",
];

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the policy file, or with a file of certificates.
pub fn run(args: &Cert) -> Result<u8> {
    let mut judging = args.judging.clone();
    if judging.only.is_empty() {
        judging.only = CLAUSES.map(str::to_owned).to_vec();
    }
    let ready = Ready::new(&judging, &[PathBuf::from(".")])?;
    let roots = reach::roots(&args.reach)?;
    let mut password = None;
    let mut found = Vec::new();
    let mut judged = 0;
    let mut prober = None;
    let runtime = runtime()?;
    for what in &args.what {
        if what.starts_with("arn:") {
            let chain = runtime.block_on(of_acm(args, what))?;
            found.push(record(what, args.name.as_deref(), &chain, &roots));
            judged += 1;
            continue;
        }
        if what == "-" {
            let chain = of_input(args)?;
            found.push(record(INPUT, args.name.as_deref(), &chain, &roots));
            judged += 1;
            continue;
        }
        // A file that is there is meant, whatever else its name could be.
        if Path::new(what).is_file() {
            let chain = of_file(args, what, &mut password)?;
            found.push(record(what, args.name.as_deref(), &chain, &roots));
            judged += 1;
            continue;
        }
        // A name that can only be a file's is no host to look for.
        let ends = |with: &&str| what.to_ascii_lowercase().ends_with(*with);
        if Path::new(what).is_dir() {
            bail!("{what} is a folder; give the files in it");
        } else if ENDINGS.iter().any(ends) || is_path(what) {
            bail!("{what}: there is no such file");
        }
        let mut target: Target = what
            .parse()
            // The text may hold a password, which the error that it stands on leaves out.
            .context("that is no file, no ARN and no endpoint")?;
        target.server_name.clone_from(&args.reach.sni);
        let prober = match &mut prober {
            Some(prober) => &*prober,
            none => &*none.insert(reach::prober(
                &args.reach,
                &Wanted {
                    full: lockfast_tls::Full::Never,
                    weaknesses: false,
                    simulate: None,
                    max_connections: 20,
                    http_port: None,
                    certificates_only: true,
                },
            )?),
        };
        found.push(runtime.block_on(prober.measure(&target)));
    }
    show(&ready, &args.judging, found.iter().cloned())?;
    let count = found.len();
    let empty = Inventory::new(Vec::new(), Vec::new(), Vec::new()).of(Origin::Network);
    let inventory = with_endpoints(empty, found);
    let input = InputSummary {
        files_read: judged,
        resources: count,
        endpoints: count - judged,
        certificates: judged,
        unknown_types: unknown_types(&inventory),
        problems: unmeasured(&inventory),
        ..InputSummary::default()
    };
    ready.judge(&inventory, input, &spinner())
}

/// Whether a text has a slash and is no URL.
fn is_path(text: &str) -> bool {
    text.contains(std::path::is_separator) && !text.contains("://")
}

/// The certificates of a file, in DER.
fn of_file(args: &Cert, file: &str, password: &mut Option<Secret>) -> Result<Vec<Vec<u8>>> {
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {file}"))?;
    let bytes = read(opened, file)?;
    if let (None, Some(at)) = (&password, &args.password_file) {
        *password = Some(secret(at)?);
    }
    certificates(&bytes, password.as_ref(), file)
}

/// Those of standard input, such as what `openssl s_client -showcerts` prints.
fn of_input(args: &Cert) -> Result<Vec<Vec<u8>>> {
    let password = match args.password_file.as_deref() {
        Some(at) if at == Path::new("-") => {
            bail!("standard input is either the certificates or their password")
        }
        Some(at) => Some(secret(at)?),
        None => None,
    };
    let bytes = read(std::io::stdin(), INPUT)?;
    certificates(&bytes, password.as_ref(), INPUT)
}

fn read(from: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(MOST + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MOST {
        bail!(
            "{name} is larger than {} MiB: it holds no certificates",
            MOST >> 20
        );
    }
    Ok(bytes)
}

/// The first line of a file, or of standard input.
fn secret(at: &Path) -> Result<Secret> {
    let mut text = String::new();
    let read = match at == Path::new("-") {
        true => std::io::stdin().take(4096).read_to_string(&mut text),
        false => std::fs::File::open(at).and_then(|file| file.take(4096).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read {}", at.display()))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Secret::new(line.to_owned()))
}

fn certificates(bytes: &[u8], password: Option<&Secret>, name: &str) -> Result<Vec<Vec<u8>>> {
    let read = lockfast_certificate::read(bytes, password).map(leaf_first);
    read.map_err(|error| match error {
        ReadError::PasswordMissing => anyhow!("{name}: {error}; --password-file gives it"),
        _ => anyhow!("{name}: {error}"),
    })
}

/// The record of certificates that no endpoint showed.
fn record(name: &str, carries: Option<&str>, chain: &[Vec<u8>], roots: &Roots) -> Found {
    let time = now();
    let seen = judge(
        chain,
        &Checks {
            host: carries,
            roots,
            given_roots_too: true,
            now: jiff::Timestamp::now(),
            stapled_ocsp: None,
            may_staple: false,
            tls_scts: None,
            logs: LogList::pinned(),
        },
    );
    Found {
        kind: ENDPOINT.into(),
        name: name.to_owned(),
        from: BTreeMap::from([(String::new(), format!("{name} at {time}"))]),
        properties: json!({
            "Host": name,
            "Protocol": "certificate",
            "NameAsked": carries.is_some(),
            "Time": time,
            "Addresses": [{ "Address": name, "Certificates": [seen] }],
        }),
        ..Found::default()
    }
}

/// The certificates that ACM keeps under an ARN, in DER.
#[cfg(feature = "aws")]
async fn of_acm(args: &Cert, arn: &str) -> Result<Vec<Vec<u8>>> {
    let pem = lockfast_aws::certificate(arn, args.profile.clone(), args.endpoint_url.clone()).await;
    let pem = pem
        .map_err(anyhow::Error::msg)
        .with_context(|| arn.to_owned())?;
    lockfast_certificate::read(pem.as_bytes(), None).with_context(|| arn.to_owned())
}

#[cfg(not(feature = "aws"))]
async fn of_acm(_: &Cert, arn: &str) -> Result<Vec<Vec<u8>>> {
    bail!(
        "{arn}: this lockfast was built without the AWS SDK; build it with `cargo build --release --features aws` (or `full`)"
    )
}
