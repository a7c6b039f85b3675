//! Well-known clients, and whom of them a server would serve.

mod simulation;

pub use simulation::{Accepts, Failure, Outcome, simulate};

use crate::{
    CipherSuite, ClientHello, Extension, NamedGroup, ProtocolVersion, offer, x25519_share,
};
use serde::{Deserialize, Deserializer};
use std::sync::LazyLock;

/// A client, by what its ClientHello says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name and version.
    pub name: String,
    /// The versions it takes, the oldest first.
    #[serde(deserialize_with = "versions")]
    pub versions: Vec<ProtocolVersion>,
    /// The suites it offers, in its order.
    #[serde(deserialize_with = "numbers")]
    pub suites: Vec<CipherSuite>,
    /// The groups it offers, in its order; empty for a client that says nothing of them.
    #[serde(default, deserialize_with = "numbers")]
    pub groups: Vec<NamedGroup>,
    /// Whether it names the server (SNI).
    #[serde(default = "yes")]
    pub sni: bool,
    /// The largest Diffie-Hellman prime it computes with, in bits, where that is less than servers have.
    #[serde(default)]
    pub max_dh_bits: Option<usize>,
    /// Where this is known from.
    pub source: String,
}

/// All clients of the table, by their names.
pub fn clients() -> &'static [Client] {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        client: Vec<Client>,
    }
    static CLIENTS: LazyLock<Vec<Client>> = LazyLock::new(|| {
        let table: Result<Table, _> = toml::from_str(include_str!("clients.toml"));
        table.expect("the table is tested").client
    });
    &CLIENTS
}

impl Client {
    /// Its ClientHello, as far as what decides about the connection goes: extensions that do not are left out.
    pub fn hello(&self, server_name: Option<&str>) -> ClientHello {
        let highest = self.versions.iter().max().copied();
        let highest = highest.unwrap_or(ProtocolVersion::Tls12);
        let mut hello = ClientHello::new(highest, self.suites.clone());
        hello
            .suites
            .push(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV);
        if highest == ProtocolVersion::Ssl3 {
            return hello;
        }
        let name = server_name.filter(|_| self.sni);
        let add = &mut hello.extensions;
        add.extend(name.map(|name| Extension::ServerName(name.to_owned())));
        if !self.groups.is_empty() {
            add.push(Extension::SupportedGroups(self.groups.clone()));
            add.push(Extension::EcPointFormats(vec![0]));
        }
        if highest >= ProtocolVersion::Tls12 {
            add.push(Extension::SignatureAlgorithms(offer::SIGNATURES.to_vec()));
        }
        if highest == ProtocolVersion::Tls13 {
            let versions = self.versions.iter().rev().copied().collect();
            add.push(Extension::SupportedVersions(versions));
            add.push(Extension::PskKeyExchangeModes);
            let share = self.groups.contains(&NamedGroup::X25519);
            let shares = share.then(x25519_share).into_iter().collect();
            add.push(Extension::KeyShare(shares));
            hello.session_id = hello.random.iter().rev().copied().collect();
        }
        hello
    }
}

fn yes() -> bool {
    true
}

fn versions<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ProtocolVersion>, D::Error> {
    let keys: Vec<String> = Vec::deserialize(from)?;
    let version = |key: String| {
        ProtocolVersion::from_key(&key)
            .ok_or_else(|| serde::de::Error::custom(format!("no version `{key}`")))
    };
    keys.into_iter().map(version).collect()
}

/// Numbers of a registry in hexadecimal, parted by spaces.
fn numbers<'de, D: Deserializer<'de>, T: From<u16>>(from: D) -> Result<Vec<T>, D::Error> {
    let words = String::deserialize(from)?;
    let number = |word| u16::from_str_radix(word, 16).map(T::from);
    let numbers: Result<_, _> = words.split_whitespace().map(number).collect();
    numbers.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
