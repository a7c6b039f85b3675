//! `--simulate-clients`: who would still connect.

use super::card::version;
use crate::commands::{catalogue::table, width};
use anyhow::{Result, bail};
use lockfast_probe::Tightening;
use lockfast_snapshot::Found;
use serde_json::Value;
use std::io::Write;

/// What the option asks for.
pub(super) fn tightening(policy: Option<&str>) -> Result<Option<Tightening>> {
    match policy {
        None => Ok(None),
        Some("") => Ok(Some(Tightening::Own)),
        Some(name) => match Tightening::named(name) {
            Some(tightening) => Ok(Some(tightening)),
            None => bail!(
                "--simulate-clients {name}: that is no security policy of load balancers, CloudFront or API Gateway, such as \
                 ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
            ),
        },
    }
}

/// A table for each address: clients that would be lost, and how the others connect.
pub(super) fn print(found: impl Iterator<Item = Found>) -> Result<()> {
    let mut out = anstream::stdout().lock();
    for found in found {
        let addresses = found.properties.get("Addresses").and_then(Value::as_array);
        for address in addresses.into_iter().flatten() {
            let Some(clients) = address.get("Clients") else {
                continue;
            };
            let place = address
                .get("Address")
                .and_then(Value::as_str)
                .unwrap_or_default();
            writeln!(out, "Clients of {} at {place}", found.name)?;
            let Some(rows) = clients.as_array() else {
                let why = clients["$unknown"]["error"].as_str().unwrap_or_default();
                writeln!(out, "  cannot be told: {why}\n")?;
                continue;
            };
            let mut table = table(&["CLIENT", "NOW", "AFTER"]);
            let mut lost = Vec::new();
            for row in rows {
                let client = row["Client"].as_str().unwrap_or_default();
                let (now, after) = (&row["Now"], &row["After"]);
                if now["Suite"].is_string() && after["Failure"].is_string() {
                    lost.push(client);
                }
                let after = match now == after {
                    true => "the same".to_owned(),
                    false => said(after),
                };
                table.add_row([client, &said(now), &after]);
            }
            writeln!(out, "{table}")?;
            let sum = format!(
                "{} of {} clients that are known would be lost",
                lost.len(),
                rows.len()
            );
            let sum = match lost.is_empty() {
                true => format!("{sum}."),
                false => format!("{sum}: {}.", lost.join("; ")),
            };
            writeln!(out, "{}\n", textwrap::fill(&sum, width().max(40)))?;
        }
    }
    Ok(())
}

/// `TLS 1.2 ECDHE_RSA AES_128_GCM_SHA256`: short enough for two columns, and broken between words.
fn said(outcome: &Value) -> String {
    match outcome["Failure"].as_str() {
        Some(failure) => format!("no: {failure}"),
        None => {
            let text = |name: &str| outcome[name].as_str().unwrap_or_default();
            let suite = text("Suite").replacen("_WITH_", " ", 1);
            let suite = suite.strip_prefix("TLS_").unwrap_or(&suite);
            format!("{} {suite}", version(text("Version")))
        }
    }
}
