//! How the command line gets to endpoints.

use crate::cli::Reach;
use anyhow::{Context, Result, bail};
use lockfast_certificate::Roots;
use lockfast_probe::{
    DnsSettings, Family, Handshakes, Identity, Prober, Resolver, Route, Settings, Tightening,
};
use lockfast_tls::{Full, Limits, Pace};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// What a prober needs, as the command line says it.
pub(in crate::commands) struct Wanted {
    /// How TLS is scanned.
    pub(in crate::commands) full: Full,
    pub(in crate::commands) weaknesses: bool,
    pub(in crate::commands) simulate: Option<Tightening>,
    pub(in crate::commands) max_connections: usize,
    pub(in crate::commands) http_port: Option<u16>,
    pub(in crate::commands) certificates_only: bool,
}

/// The prober that the command line asks for.
pub(in crate::commands) fn prober(reach: &Reach, wanted: &Wanted) -> Result<Prober> {
    let limits = Limits {
        connect: Duration::from_secs(reach.connect_timeout),
        answer: Duration::from_secs(reach.timeout),
        ..Limits::default()
    };
    let route = match &reach.proxy {
        Some(proxy) => proxy
            .parse::<Route>()
            .map_err(anyhow::Error::msg)
            .context("--proxy")?,
        None => Route::default(),
    };
    Ok(Prober {
        settings: Settings {
            scan: lockfast_tls::Settings {
                limits,
                max_connections: wanted.max_connections,
                full: wanted.full,
                weaknesses: wanted.weaknesses,
            },
            route,
            http_port: wanted.http_port,
            certificates_only: wanted.certificates_only,
            simulate: wanted.simulate,
        },
        resolver: Resolver::new(dns(reach)?),
        pace: Pace::per_second(reach.pace),
        handshakes: Handshakes::new(identity(reach)?),
        roots: roots(reach)?,
    })
}

fn dns(reach: &Reach) -> Result<DnsSettings> {
    let server = match &reach.dns {
        None => None,
        Some(text) => Some(match (text.parse::<SocketAddr>(), text.parse::<IpAddr>()) {
            (Ok(server), _) => server,
            (_, Ok(ip)) => SocketAddr::new(ip, 53),
            _ => bail!("--dns {text}: write an address, or ADDRESS:PORT"),
        }),
    };
    let mut instead: HashMap<(String, u16), Vec<IpAddr>> = HashMap::new();
    for text in &reach.resolve {
        let wrong = || format!("--resolve {text}: write HOST:PORT:ADDRESS[,ADDRESS]");
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next())
        else {
            bail!(wrong());
        };
        let port = port.parse().with_context(wrong)?;
        let parse = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>();
        let addresses: Result<Vec<IpAddr>, _> = addresses.split(',').map(parse).collect();
        let addresses = addresses.with_context(wrong)?;
        instead.insert((host.to_ascii_lowercase(), port), addresses);
    }
    Ok(DnsSettings {
        server,
        family: match (reach.ipv4, reach.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        },
        instead,
        timeout: Duration::from_secs(reach.connect_timeout),
    })
}

/// The client certificate and its key. What is wrong with them is told without a word of the key.
fn identity(reach: &Reach) -> Result<Option<Identity>> {
    let (Some(certificate), Some(key)) = (&reach.client_cert, &reach.client_key) else {
        return Ok(None);
    };
    let text = read(certificate)?;
    let chain = Identity::read(&text, &read(key)?).map_err(anyhow::Error::msg);
    chain.map(Some).with_context(|| {
        format!(
            "--client-cert {} and --client-key {}",
            certificate.display(),
            key.display()
        )
    })
}

pub(in crate::commands) fn roots(reach: &Reach) -> Result<Roots> {
    let mut roots = Roots::platform();
    for file in &reach.roots {
        let pem = read(file)?;
        let own = Roots::from_pem(&pem).map_err(anyhow::Error::msg);
        roots = roots.and(own.with_context(|| format!("--roots {}", file.display()))?);
    }
    Ok(roots)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let text = crate::commands::read_small(file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.into_bytes())
}
