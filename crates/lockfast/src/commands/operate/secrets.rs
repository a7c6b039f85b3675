//! `lockfast secrets`: which secrets rotate, when, and their rotation brought in order.

#[cfg(feature = "aws")]
use super::open_named;
use super::{evidence, ledger_file};
use crate::cli::{Secrets, TableFormat};
use crate::commands::catalogue::table;
use crate::commands::facts::Read;
use crate::commands::print;
use crate::exit;
#[cfg(feature = "aws")]
use anyhow::Context;
use anyhow::{Result, bail};
use lockfast_facts::{Read as Found, Resource};
use lockfast_policy::{Cx, Evidence};
use lockfast_report::clean;
use serde_json::json;
use std::fmt::Write;
#[cfg(feature = "aws")]
use std::io::Read as _;
use std::path::Path;

/// A secret's rotation.
struct Secret<'a> {
    resource: &'a Resource,
    label: String,
    asked_days: Option<i64>,
    on: Option<bool>,
    function: bool,
    every_days: Option<i64>,
    age_days: Option<i64>,
    /// What reads it, by what the input says, and has to read the new value when it is rotated by hand.
    consumers: Vec<String>,
}

impl Secret<'_> {
    fn is_late(&self) -> bool {
        matches!((self.age_days, self.asked_days), (Some(age), Some(asked)) if age > asked)
    }

    fn state(&self) -> String {
        match (self.is_late(), self.on) {
            (true, _) => {
                let over = self.age_days.unwrap_or_default() - self.asked_days.unwrap_or_default();
                match self.function {
                    true => format!("late by {over} d"),
                    false => format!("late by {over} d, by hand"),
                }
            }
            (_, Some(false)) if self.function => "off".to_owned(),
            (_, Some(false)) => "by hand".to_owned(),
            (_, Some(true)) => "on time".to_owned(),
            (_, None) => "?".to_owned(),
        }
    }
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub fn run(args: &Secrets) -> Result<u8> {
    let read = Read::new(&args.facts)?;
    let cx = read.cx();
    let today: jiff::civil::Date = read.today.parse()?;
    let evidence = evidence::read(&ledger_file(
        args.acting.ledger.as_deref(),
        &read.config.approvals,
        read.config_file.as_deref(),
    ));
    if let Some(why) = &evidence.unread {
        bail!("{why}");
    }
    let mut secrets: Vec<Secret<'_>> = Vec::new();
    for resource in read.inventory.of_kind("AWS::SecretsManager::Secret") {
        if &*resource.name != "*" {
            secrets.push(secret(&cx, &read, resource, today, &evidence));
        }
    }
    if !args.secrets.is_empty() {
        let named = |secret: &Secret<'_>, name: &String| {
            secret.resource.arn.as_deref() == Some(name)
                || &*secret.resource.name == name.as_str()
                || &secret.label == name
                || secret.resource.at("Name").string().found().as_ref() == Some(name)
        };
        for name in &args.secrets {
            if !secrets.iter().any(|secret| named(secret, name)) {
                bail!("there is no secret `{name}`; `lockfast secrets` lists them");
            }
        }
        secrets.retain(|secret| args.secrets.iter().any(|name| named(secret, name)));
    }
    secrets.sort_by(|a, b| (b.is_late(), &a.label).cmp(&(a.is_late(), &b.label)));
    match (&args.value_from, secrets.as_slice()) {
        (Some(file), [secret]) if args.secrets.len() == 1 => {
            return by_hand(args, &read, secret, file);
        }
        (Some(_), _) => bail!("--value-from takes one secret: name it"),
        (None, _) => {}
    }
    if args.apply {
        return apply(args, &read, &secrets);
    }
    let late = secrets.iter().filter(|secret| secret.is_late()).count();
    let code = match late {
        0 => read.code(),
        _ => exit::BROKEN,
    };
    if args.facts.format == TableFormat::Json {
        let rows: Vec<_> = secrets
            .iter()
            .map(|secret| {
                json!({
                    "secret": secret.label, "arn": secret.resource.arn.as_deref(), "asked_days": secret.asked_days,
                    "rotation": secret.on, "every_days": secret.every_days, "age_days": secret.age_days,
                    "late": secret.is_late(), "state": secret.state(), "consumers": secret.consumers,
                    "place": read.inventory.place(secret.resource.loc),
                })
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(code);
    }
    let mut table = table(&["SECRET", "ASKED", "ROTATES", "AGE", "STATE"]);
    let days = |days: Option<i64>| days.map_or_else(|| "-".to_owned(), |days| format!("{days} d"));
    for secret in &secrets {
        table.add_row([
            clean(&secret.label),
            days(secret.asked_days),
            match secret.on {
                Some(true) => secret
                    .every_days
                    .map_or_else(|| "on".to_owned(), |days| format!("every {days} d")),
                Some(false) => "off".to_owned(),
                None => "?".to_owned(),
            },
            days(secret.age_days),
            secret.state(),
        ]);
    }
    let mut out = format!("{table}\n\n{} secrets, {late} late.\n", secrets.len());
    for secret in secrets.iter().filter(|s| s.is_late() && !s.function) {
        let _ = writeln!(
            out,
            "{}: change it where it is asked for, then `lockfast secrets {} --apply --value-from -`{}",
            clean(&secret.label),
            clean(secret.resource.arn.as_deref().unwrap_or(&secret.label)),
            match secret.consumers.is_empty() {
                true => String::new(),
                false => format!("; read by {}", clean(&secret.consumers.join(", "))),
            }
        );
    }
    print(&out)?;
    Ok(code)
}

fn secret<'a>(
    cx: &Cx<'a>,
    read: &'a Read,
    resource: &'a Resource,
    today: jiff::civil::Date,
    evidence: &Evidence,
) -> Secret<'a> {
    let own = |at: &str| resource.at(at);
    // In a template a schedule beside it turns rotation on.
    let schedule = read
        .inventory
        .referrers(resource.id)
        .find(|other| &*other.kind == "AWS::SecretsManager::RotationSchedule");
    let on = match own("RotationEnabled").bool() {
        Found::Found(on, _) => Some(on),
        Found::Absent(_) => Some(schedule.is_some()),
        Found::Unknown(..) => None,
    };
    let rules = schedule.map(|schedule| schedule.at("RotationRules.AutomaticallyAfterDays").int());
    let every_days = own("RotationRules.AutomaticallyAfterDays").int().found();
    let last = ["LastRotatedDate", "CreatedDate"]
        .into_iter()
        .find_map(|at| own(at).string().found());
    let last: Option<jiff::civil::Date> = last.and_then(|last| last.get(..10)?.parse().ok());
    // AWS does not count a value that somebody put as a rotation; the ledger knows of those put here.
    let put = resource
        .arn
        .as_deref()
        .and_then(|arn| evidence.by_hand.get(arn));
    let last = last.max(put.and_then(|day| day.parse().ok()));
    let age = last.and_then(|last| today.since((jiff::Unit::Day, last)).ok());
    let class = cx.classification(resource.id).value().copied();
    Secret {
        label: cx.label(resource),
        asked_days: class.map(|class| i64::from(cx.config.asks(class).rotation_days)),
        on,
        // What another service owns, that service rotates (AWS Secrets Manager User Guide, "Managed rotation").
        function: schedule.is_some()
            || !own("RotationLambdaARN").is_absent()
            || !own("OwningService").is_absent(),
        every_days: every_days.or_else(|| rules.and_then(Found::found)),
        age_days: age.map(|span| i64::from(span.get_days())),
        consumers: consumers(cx, read, resource),
        resource,
    }
}

/// What refers to a secret, but for what rotates or guards it.
fn consumers(cx: &Cx<'_>, read: &Read, secret: &Resource) -> Vec<String> {
    let others = read.inventory.referrers(secret.id);
    let reads = |other: &&Resource| {
        !other.kind.starts_with("AWS::SecretsManager::") && !other.kind.starts_with("AWS::IAM::")
    };
    let mut found: Vec<String> = others.filter(reads).map(|other| cx.label(other)).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(not(feature = "aws"))]
fn by_hand(args: &Secrets, _: &Read, _: &Secret<'_>, _: &Path) -> Result<u8> {
    super::live::Connection::new(
        args.acting.profile.clone(),
        args.acting.endpoint_url.clone(),
    )?;
    Ok(exit::KEPT)
}

/// Gives a secret the value that a person brings, and looks whether it is the current one.
#[cfg(feature = "aws")]
fn by_hand(args: &Secrets, read: &Read, secret: &Secret<'_>, file: &Path) -> Result<u8> {
    use super::live::Connection;
    let Some(arn) = secret.resource.arn.as_deref() else {
        bail!("templates have no secrets to rotate: name a snapshot of the account with --from");
    };
    if secret.function {
        bail!("{arn} is rotated by its function: `lockfast secrets {arn} --apply` has it do that");
    }
    let value = new_value(file)?;
    let mut ledger = open_named(&args.acting, read)?;
    let at = Connection::new(
        args.acting.profile.clone(),
        args.acting.endpoint_url.clone(),
    )?;
    at.must_own(arn)?;
    let token = lockfast_operate::request::nonce()?[..32].to_owned();
    let subject = format!("rotation of {arn}");
    let about = json!({"secret": arn, "how": "by hand", "version": token});
    ledger.append("rotation-intended", &subject, &about)?;
    let went = at.runtime.block_on(async {
        let version = at.keys.put_secret_value(arn, &value, &token).await?;
        let current = at.keys.current_version(arn).await?;
        match current.as_deref() == Some(version.as_str()) {
            true => Ok(()),
            false => Err(lockfast_aws::Refused {
                call: "secretsmanager:PutSecretValue".to_owned(),
                error: "it was taken, and another version is current".to_owned(),
            }),
        }
    });
    let (code, kind, said) = match went {
        Ok(()) => (
            exit::KEPT,
            "rotation-done",
            format!("version {token} is current, read again; the one before is AWSPREVIOUS"),
        ),
        Err(error) => (exit::UNREADABLE, "rotation-failed", error.to_string()),
    };
    let told = json!({"secret": arn, "how": "by hand", "version": token, "said": said});
    ledger.append(kind, &subject, &told)?;
    let mut out = format!("{}  {}\n", clean(arn), clean(&said));
    for consumer in &secret.consumers {
        let _ = writeln!(
            out,
            "    {} reads it: see that it reads the new value",
            clean(consumer)
        );
    }
    print(&out)?;
    Ok(code)
}

/// The new value: one line end at its end is the editor's.
#[cfg(feature = "aws")]
fn new_value(file: &Path) -> Result<String> {
    // AWS Secrets Manager quotas: "Secret value size".
    const MOST: u64 = 65_536;
    let mut value = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().take(MOST + 2).read_to_string(&mut value),
        false => std::fs::File::open(file)
            .and_then(|opened| opened.take(MOST + 2).read_to_string(&mut value)),
    };
    read.with_context(|| format!("cannot read the new value from {}", file.display()))?;
    let value = value.strip_suffix('\n').unwrap_or(&value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    match value.len() as u64 {
        0 => bail!("the new value is empty"),
        1..=MOST => Ok(value.to_owned()),
        _ => bail!("the new value is longer than {MOST} bytes"),
    }
}

#[cfg(not(feature = "aws"))]
fn apply(args: &Secrets, _: &Read, _: &[Secret<'_>]) -> Result<u8> {
    super::live::Connection::new(
        args.acting.profile.clone(),
        args.acting.endpoint_url.clone(),
    )?;
    Ok(exit::KEPT)
}

/// Turns rotation on where a function is there to rotate, and rotates what is late; each is looked at before and after.
#[cfg(feature = "aws")]
fn apply(args: &Secrets, read: &Read, secrets: &[Secret<'_>]) -> Result<u8> {
    use super::live::Connection;
    let mut ledger = open_named(&args.acting, read)?;
    let at = Connection::new(
        args.acting.profile.clone(),
        args.acting.endpoint_url.clone(),
    )?;
    let mut failed = 0;
    let mut touched = 0;
    for secret in secrets {
        let Some(arn) = secret.resource.arn.as_deref() else {
            bail!(
                "templates have no secrets to rotate: name a snapshot of the account with --from"
            );
        };
        let every = match (secret.on, secret.asked_days) {
            (Some(false), Some(asked)) if secret.function => Some(asked.min(1000)),
            _ => None,
        };
        let late = secret.is_late() && secret.function;
        if every.is_none() && !late {
            if secret.is_late() {
                anstream::println!(
                    "{}  rotates by hand: `lockfast secrets {} --apply --value-from -`",
                    clean(arn),
                    clean(arn)
                );
            }
            continue;
        }
        touched += 1;
        at.must_own(arn)?;
        let subject = format!("rotation of {arn}");
        ledger.append(
            "rotation-intended",
            &subject,
            &json!({"secret": arn, "every_days": every, "now": late}),
        )?;
        let went = at.runtime.block_on(async {
            let (on, days, before) = at.keys.secret(arn).await?;
            let is_set = |on: bool, days: Option<i64>| {
                every.is_none_or(|every| on && days.is_some_and(|own| own <= every))
            };
            if is_set(on, days) && !late {
                return Ok("rotates as asked already".to_owned());
            }
            at.keys.rotate_secret(arn, every).await?;
            let (on, days, after) = at.keys.secret(arn).await?;
            match is_set(on, days) {
                true if after > before => Ok("rotated, read again".to_owned()),
                true => Ok("its rotation is set and was begun; it is not over yet".to_owned()),
                false => Err(lockfast_aws::Refused {
                    call: "secretsmanager:RotateSecret".to_owned(),
                    error: "it was taken, and the rotation is not as asked".to_owned(),
                }),
            }
        });
        let (kind, said) = match went {
            Ok(said) => ("rotation-done", said),
            Err(error) => {
                failed += 1;
                ("rotation-failed", error.to_string())
            }
        };
        ledger.append(kind, &subject, &json!({"secret": arn, "said": said}))?;
        anstream::println!("{}  {}", clean(arn), clean(&said));
    }
    print(&format!(
        "{touched} secrets brought in order, {failed} failed.\n"
    ))?;
    Ok(match failed {
        0 => exit::KEPT,
        _ => exit::UNREADABLE,
    })
}
