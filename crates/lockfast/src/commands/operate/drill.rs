//! `lockfast keys recovery-drill`: whether what is encrypted with a key can still be read in another region.

use crate::cli::Drill;
use anyhow::Result;

/// Says that it takes AWS.
///
/// # Errors
/// Always.
#[cfg(not(feature = "aws"))]
pub fn run(args: &Drill) -> Result<u8> {
    super::live::Connection::new(
        args.account.acting.profile.clone(),
        args.account.acting.endpoint_url.clone(),
    )?;
    Ok(crate::exit::KEPT)
}

/// Encrypts a canary in the key's region and decrypts it in a replica's, with an encryption context; the result and the day
/// that the next drill is due are written to the ledger.
///
/// # Errors
/// What is wrong with the command line, the policy file or the ledger.
#[cfg(feature = "aws")]
pub fn run(args: &Drill) -> Result<u8> {
    use super::live::Connection;
    use super::{ledger_file, open, settings};
    use crate::commands::print;
    use crate::exit;
    use anyhow::{anyhow, bail};
    use jiff::ToSpan;
    use lockfast_aws::region_of;
    use serde_json::json;
    use std::collections::HashMap;

    let (config, file) = settings(args.account.config.as_deref())?;
    let at = Connection::of(&args.account)?;
    let key = at.key(&args.key)?;
    let told = at
        .runtime
        .block_on(at.keys.describe(&key))
        .map_err(|error| anyhow!("{error}"))?;
    let own = region_of(&key);
    let others: Vec<&String> = told
        .regions
        .iter()
        .filter(|region| *region != own)
        .collect();
    let region = match (&args.region, others.as_slice()) {
        (Some(region), _) => region.clone(),
        (None, [first, ..]) => (*first).clone(),
        (None, []) if told.origin == "EXTERNAL" => bail!(
            "{}: it is in one region alone; its material is imported, so a drill is importing it again from its escrow",
            key
        ),
        (None, []) => bail!(
            "{}: it is in one region alone, so what is under it is lost with the region; a multi-Region key has replicas",
            key
        ),
    };
    let there = key.replacen(&format!(":{own}:"), &format!(":{region}:"), 1);
    let mut ledger = open(&ledger_file(
        args.account.acting.ledger.as_deref(),
        &config.approvals,
        file.as_deref(),
    ))?;
    // A canary of its own each time: nothing is answered from a cache.
    let canary = lockfast_operate::request::nonce()?;
    let context = HashMap::from([
        ("lockfast".to_owned(), "recovery-drill".to_owned()),
        ("key".to_owned(), key.clone()),
    ]);
    let round = async {
        let cipher = at.keys.encrypt(&key, canary.as_bytes(), &context).await?;
        let plain = at.keys.decrypt(&there, &cipher, &context).await?;
        // Without its context nobody may read it: a replica that ignored it would be no proof.
        let without = at.keys.decrypt(&there, &cipher, &HashMap::new()).await;
        Ok::<_, lockfast_aws::Refused>((plain, without.is_err()))
    };
    let (recovered, said) = match at.runtime.block_on(round) {
        Ok((plain, true)) if plain == canary.as_bytes() => (
            true,
            format!(
                "what was encrypted in {own} was decrypted in {region}, with its encryption context and not without"
            ),
        ),
        Ok((_, false)) => (
            false,
            format!("{region} decrypted without the encryption context"),
        ),
        Ok(_) => (false, format!("{region} gave back something else")),
        Err(error) => (false, error.to_string()),
    };
    let now = ledger.now()?;
    let day = jiff::tz::TimeZone::UTC.to_datetime(now).date();
    let due = match recovered {
        true => day.checked_add(i64::from(config.approvals.drill_days).days())?,
        // One that failed is due at once.
        false => day,
    };
    ledger.append(
        super::evidence::DRILL,
        &key,
        &json!({"key": key, "replica": there, "region": region, "recovered": recovered, "said": said, "due_again": due.to_string()}),
    )?;
    print(&format!(
        "{}: {said}\n  written to the ledger; due again on {due}\n",
        match recovered {
            true => "recovered",
            false => "NOT RECOVERED",
        }
    ))?;
    Ok(match recovered {
        true => exit::KEPT,
        false => exit::BROKEN,
    })
}
