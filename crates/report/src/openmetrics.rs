//! OpenMetrics 1.0: what monitoring keeps watching of endpoints, above all when certificates end.
//!
//! What is unknown has no sample, as the format wants it: a gauge that is not there cannot be taken for zero.

use crate::clean::clean;
use crate::model::Report;
use lockfast_facts::{ENDPOINT, Kind, Resource, Value};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::io::{Error, Result, Write};

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge>;

/// The versions of TLS, as the record names them.
const VERSIONS: [&str; 6] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let mut metrics = Metrics::default();
    let inventory = report.run.inventory();
    for endpoint in inventory.of_kind(ENDPOINT) {
        metrics.endpoint(endpoint);
    }
    for (control, severity, verdict) in report.run.verdicts() {
        let labels = labels([
            ("control", control.id),
            ("severity", severity.name()),
            ("verdict", &verdict.to_string()),
        ]);
        metrics.findings.get_or_create(&labels).inc();
    }
    let mut text = String::new();
    encode(&mut text, &metrics.registry()).map_err(Error::other)?;
    for line in sorted(&text) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The lines with the samples of each metric in order: a family keeps its own in none.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    for samples in lines.split_mut(|line| line.starts_with('#')) {
        samples.sort_unstable();
    }
    lines
}

#[derive(Default)]
struct Metrics {
    not_after: Gauges,
    valid: Gauges,
    versions: Gauges,
    measured: Gauges,
    findings: Gauges,
}

impl Metrics {
    fn registry(self) -> Registry {
        let mut registry = Registry::with_prefix("lockfast");
        let rows = [
            (
                "certificate_not_after_seconds",
                "When a certificate of an endpoint's chain ends, in seconds since 1970",
                self.not_after,
            ),
            (
                "certificate_valid",
                "Whether the chain is valid for the endpoint (1) or not (0)",
                self.valid,
            ),
            (
                "endpoint_version_accepted",
                "Whether the endpoint accepts a version of TLS (1) or not (0)",
                self.versions,
            ),
            (
                "endpoint_measured_seconds",
                "When the endpoint was measured, in seconds since 1970",
                self.measured,
            ),
            (
                "verdicts",
                "How many verdicts a control gave",
                self.findings,
            ),
        ];
        for (name, help, gauges) in rows {
            registry.register(name, help, gauges);
        }
        registry
    }

    fn endpoint(&mut self, endpoint: &Resource) {
        let name = &*endpoint.name;
        if let Some(time) = endpoint
            .at("Time")
            .string()
            .found()
            .and_then(|time| seconds(&time))
        {
            self.measured
                .get_or_create(&labels([("endpoint", name)]))
                .set(time);
        }
        let addresses = endpoint.at("Addresses").list().found().unwrap_or_default();
        for address in addresses {
            let ip = address.at("Address").string().found().unwrap_or_default();
            for version in VERSIONS {
                // A version's name has a dot in it, which a path would take for a step.
                let versions = address.at("Tls.Versions").found();
                let accepted = versions.and_then(|versions| member(versions, version));
                if let Some(Kind::Bool(accepted)) = accepted.map(|value| &value.kind) {
                    let labels =
                        labels([("endpoint", name), ("address", &ip), ("version", version)]);
                    self.versions.get_or_create(&labels).set((*accepted).into());
                }
            }
            let certificates = address
                .at("Certificates")
                .list()
                .found()
                .unwrap_or_default();
            for certificate in certificates {
                self.certificate(name, &ip, certificate);
            }
        }
    }

    fn certificate(&mut self, name: &str, ip: &str, certificate: &Value) {
        let kind = certificate.at("For").string().found().unwrap_or_default();
        let own = [("endpoint", name), ("address", ip), ("for", &kind)];
        if let Some(valid) = certificate.at("Valid").bool().found() {
            self.valid.get_or_create(&labels(own)).set(valid.into());
        }
        let chain = certificate.at("Chain").list().found().unwrap_or_default();
        for (depth, link) in chain.iter().enumerate() {
            let said = |property: &str| link.at(property).string().found();
            let Some(end) = said("NotAfter").and_then(|end| seconds(&end)) else {
                continue;
            };
            let (subject, issuer) = (
                said("Subject").unwrap_or_default(),
                said("Issuer").unwrap_or_default(),
            );
            let (serial, depth) = (said("SerialNumber").unwrap_or_default(), depth.to_string());
            let more = [
                ("depth", &*depth),
                ("subject", &subject),
                ("issuer", &issuer),
                ("serial_number", &serial),
            ];
            let labels = labels(own.into_iter().chain(more));
            self.not_after.get_or_create(&labels).set(end);
        }
    }
}

fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
    let own = |(name, value): (&str, &str)| (name.to_owned(), clean(value));
    pairs.into_iter().map(own).collect()
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match &value.kind {
        Kind::Map(map) => map.get(name),
        _ => None,
    }
}

fn seconds(time: &str) -> Option<i64> {
    Some(time.parse::<jiff::Timestamp>().ok()?.as_second())
}
