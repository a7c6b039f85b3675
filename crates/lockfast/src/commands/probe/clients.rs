//! `--simulate-clients`: who would still connect.

use crate::commands::catalogue::table;
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
pub(super) fn print(found: &[Found]) -> Result<()> {
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
            let mut lost = 0;
            for row in rows {
                lost += usize::from(
                    row["Now"]["Suite"].is_string() && row["After"]["Failure"].is_string(),
                );
                let client = row["Client"].as_str().unwrap_or_default();
                table.add_row([client, &said(&row["Now"]), &said(&row["After"])]);
            }
            writeln!(out, "{table}")?;
            writeln!(
                out,
                "{lost} of {} clients that are known would be lost.\n",
                rows.len()
            )?;
        }
    }
    Ok(())
}

fn said(outcome: &Value) -> String {
    match outcome["Failure"].as_str() {
        Some(failure) => format!("no: {failure}"),
        None => {
            let text = |name: &str| outcome[name].as_str().unwrap_or_default();
            format!("{} {}", text("Version"), text("Suite"))
        }
    }
}
