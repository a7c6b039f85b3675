//! What is wrong with the certificates of endpoints without breaking any control: the notes of their records.

use crate::clean::clean;
use lockfast_facts::{ENDPOINT, Inventory, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remark on a certificate that an endpoint showed, or that a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Lint {
    /// The endpoint or file.
    endpoint: String,
    /// The certificate's subject.
    certificate: String,
    /// The SHA-256 of the certificate, in lower-case hexadecimal.
    fingerprint: String,
    /// The lint's name.
    lint: String,
    /// What it found.
    message: String,
    /// The rule that it stands for.
    source: String,
}

/// All of them, each once however many addresses show the certificate.
pub(crate) fn lints(inventory: &Inventory) -> Vec<Lint> {
    let mut lints = Vec::new();
    for endpoint in inventory.of_kind(ENDPOINT) {
        let before = lints.len();
        let addresses = list(endpoint.at("Addresses").list().found());
        let chains = addresses.flat_map(|address| list(address.at("Certificates").list().found()));
        let links = chains.flat_map(|certificate| list(certificate.at("Chain").list().found()));
        for link in links {
            for lint in list(link.at("Lints").list().found()) {
                let lint = Lint {
                    endpoint: clean(&endpoint.name),
                    certificate: text(link, "Subject"),
                    fingerprint: text(link, "Fingerprint"),
                    lint: text(lint, "Lint"),
                    message: text(lint, "Message"),
                    source: text(lint, "Source"),
                };
                if !lints[before..].contains(&lint) {
                    lints.push(lint);
                }
            }
        }
    }
    lints
}

fn list(values: Option<&[Value]>) -> impl Iterator<Item = &Value> {
    values.unwrap_or_default().iter()
}

fn text(value: &Value, name: &str) -> String {
    clean(&value.at(name).string().found().unwrap_or_default())
}
