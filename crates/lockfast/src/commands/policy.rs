//! `lockfast policy`.

use super::print;
use crate::cli::TableFormat;
use anyhow::{Context, Result, bail};
use lockfast_policy::{Classification, Config};
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
    let text = std::fs::read_to_string(&file)
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
        "{} is valid: {environments} environments, {} classification rules, {} waivers\n",
        file.display(),
        config.classification.rule.len(),
        config.waiver.len()
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
