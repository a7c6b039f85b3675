//! `lockfast policy`.

use super::print;
use crate::cli::TableFormat;
use anyhow::{Context, Result, bail};
use lockfast_policy::{Classification, Config};
use lockfast_report::plural;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The policy file to start from, which documents itself.
const TEMPLATE: &str = include_str!("../../lockfast.template.toml");

/// Finds and reads the policy file: the one named, else `lockfast.toml` in one of the folders,
/// else the built-in policy.
///
/// # Errors
/// The file cannot be read, or says something the schema does not know: with file, line and column.
pub(super) fn load(named: Option<&Path>, folders: &[PathBuf]) -> Result<(Config, Option<PathBuf>)> {
    let found = match named {
        Some(file) => Some(file.to_owned()),
        None => folders
            .iter()
            .map(|folder| match folder.as_os_str() {
                here if here == "." => PathBuf::from("lockfast.toml"),
                _ => folder.join("lockfast.toml"),
            })
            .find(|file| file.is_file()),
    };
    let Some(file) = found else {
        return Ok((Config::default(), None));
    };
    let text = super::read_small(&file)
        .with_context(|| format!("cannot read the policy file {}", file.display()))?;
    match Config::parse(&text) {
        Ok(config) => Ok((config, Some(file))),
        Err(lockfast_policy::ConfigError::Invalid {
            line,
            column,
            message,
        }) => bail!("{}:{line}:{column}: {message}", file.display()),
    }
}

pub(super) fn init(file: &Path, force: bool) -> Result<u8> {
    if file.exists() && !force {
        bail!("{} is there already; --force overwrites it", file.display());
    }
    std::fs::write(file, TEMPLATE).with_context(|| format!("cannot write {}", file.display()))?;
    print(&format!(
        "wrote {}; change it, then run `lockfast policy validate`\n",
        file.display()
    ))
}

pub(super) fn validate(file: &Path) -> Result<u8> {
    let (config, _) = load(Some(file), &[])?;
    let environments: usize = config
        .customer
        .iter()
        .flat_map(|customer| &customer.system)
        .map(|system| system.environment.len())
        .sum();
    print(&format!(
        "{} is valid: {}, {}, {}\n",
        file.display(),
        plural(environments, "environment"),
        plural(config.classification.rule.len(), "classification rule"),
        plural(config.waiver.len(), "waiver")
    ))
}

pub(super) fn show(named: Option<&Path>, format: TableFormat) -> Result<u8> {
    let (config, file) = load(named, &[PathBuf::from(".")])?;
    if format == TableFormat::Json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&config)?));
    }
    let mut text = match file {
        Some(file) => format!("Policy: {}\n\n", file.display()),
        None => String::from("Policy: built in (no lockfast.toml here)\n\n"),
    };
    let mut table =
        super::catalogue::table(&["CLASSIFICATION", "KEY", "ROTATION", "MONITORING", "REGIONS"]);
    for classification in Classification::ALL {
        let asks = config.asks(classification);
        table.add_row([
            classification.to_string(),
            serde_json::to_value(asks.key)?
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            format!("{} days", asks.rotation_days),
            if asks.monitoring { "required" } else { "-" }.to_owned(),
            if asks.regions.is_empty() {
                "any".to_owned()
            } else {
                asks.regions.join(" ")
            },
        ]);
    }
    writeln!(text, "{table}\n")?;
    writeln!(
        text,
        "TLS: {} or higher{}\n",
        config.tls.minimum,
        if config.tls.forward_secrecy {
            ", with forward secrecy"
        } else {
            ""
        }
    )?;
    what_the_file_says(&mut text, &config)?;
    let mut table = super::catalogue::table(&["CLAUSE", "SOURCES", "ASKS"]);
    for clause in lockfast_policy::clauses() {
        table.add_row([
            clause.id.clone(),
            clause
                .sources
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            clause.asks.clone(),
        ]);
    }
    writeln!(text, "{table}")?;
    print(&text)
}

/// What no policy has unless its file says so: environments, limits, incidents, changed
/// controls, waivers.
fn what_the_file_says(text: &mut String, config: &Config) -> Result<()> {
    let mut table =
        super::catalogue::table(&["ENVIRONMENT", "KIND", "ACCOUNTS", "REGIONS", "STACKS"]);
    for (customer, system) in config
        .customer
        .iter()
        .flat_map(|customer| customer.system.iter().map(move |system| (customer, system)))
    {
        for environment in &system.environment {
            table.add_row([
                format!("{}/{}/{}", customer.name, system.name, environment.name),
                serde_json::to_value(environment.kind)?
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                environment.accounts.join(" "),
                environment.regions.join(" "),
                environment.stacks.join(" "),
            ]);
        }
    }
    if !table.is_empty() {
        writeln!(text, "{table}\n")?;
    }
    for (what, values) in [
        ("Regions allowed", &config.residency.regions),
        ("Accounts trusted", &config.access.trusted_accounts),
        ("Key administrators", &config.access.key_administrators),
    ] {
        if !values.is_empty() {
            writeln!(text, "{what}: {}\n", values.join(" "))?;
        }
    }
    let tags = &config.iac.managed_tags;
    if !tags.is_empty() {
        let tags: Vec<String> = tags
            .iter()
            .map(|(tag, value)| format!("{tag}={value}"))
            .collect();
        writeln!(text, "Tags of code: {}\n", tags.join(" "))?;
    }
    let mut table = super::catalogue::table(&[
        "INCIDENT",
        "KIND",
        "SINCE",
        "CUSTOMER TOLD",
        "KEYS AND RESOURCES",
    ]);
    for incident in &config.incident {
        let told = incident.customer_notified.as_ref();
        table.add_row([
            incident.id.clone(),
            serde_json::to_value(incident.kind)?
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            incident.since.to_string(),
            told.map_or_else(|| "no".to_owned(), ToString::to_string),
            [incident.keys.join(" "), incident.resources.join(" ")]
                .join(" ")
                .trim()
                .to_owned(),
        ]);
    }
    if !table.is_empty() {
        writeln!(text, "{table}\n")?;
    }
    let mut table = super::catalogue::table(&["CONTROL CHANGED", "RUNS", "SEVERITY", "BUILT IN"]);
    for (id, changed) in &config.control {
        let built_in =
            lockfast_policy::control(id).map_or_else(String::new, |c| c.severity.to_string());
        table.add_row([
            id.clone(),
            if changed.enabled == Some(false) {
                "no"
            } else {
                "yes"
            }
            .to_owned(),
            changed
                .severity
                .map_or_else(|| built_in.clone(), |severity| severity.to_string()),
            built_in,
        ]);
    }
    if !table.is_empty() {
        writeln!(text, "{table}\n")?;
    }
    let mut table = super::catalogue::table(&["WAIVED", "OF", "REASON", "OWNER", "UNTIL"]);
    for waiver in &config.waiver {
        table.add_row([
            waiver.control.clone(),
            waiver.resource.clone(),
            waiver.reason.clone(),
            waiver.owner.clone(),
            waiver.expires.to_string(),
        ]);
    }
    if !table.is_empty() {
        writeln!(text, "{table}\n")?;
    }
    Ok(())
}

pub(super) fn schema() -> Result<u8> {
    print(&format!(
        "{}\n",
        serde_json::to_string_pretty(&config_schema())?
    ))
}

/// The JSON schema of `lockfast.toml`.
pub fn config_schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}
