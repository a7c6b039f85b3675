//! `lockfast secrets`: which secrets rotate, when, and their rotation brought in order.

use crate::cli::{Secrets, TableFormat};
use crate::commands::catalogue::table;
use crate::commands::facts::Read;
use crate::commands::print;
use crate::exit;
use anyhow::{Result, bail};
use lockfast_facts::{Read as Found, Resource};
use lockfast_policy::Cx;
use lockfast_report::clean;
use serde_json::json;

/// A secret's rotation.
struct Secret<'a> {
    resource: &'a Resource,
    label: String,
    asked_days: Option<i64>,
    on: Option<bool>,
    function: bool,
    every_days: Option<i64>,
    age_days: Option<i64>,
}

impl Secret<'_> {
    fn is_late(&self) -> bool {
        matches!((self.age_days, self.asked_days), (Some(age), Some(asked)) if age > asked)
    }

    fn state(&self) -> String {
        match (self.is_late(), self.on) {
            (true, _) => {
                let over = self.age_days.unwrap_or_default() - self.asked_days.unwrap_or_default();
                format!("late by {over} d")
            }
            (_, Some(false)) if self.function => "off".to_owned(),
            (_, Some(false)) => "off: no function rotates it".to_owned(),
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
    let mut secrets: Vec<Secret<'_>> = Vec::new();
    for resource in read.inventory.of_kind("AWS::SecretsManager::Secret") {
        if &*resource.name != "*" {
            secrets.push(secret(&cx, &read, resource, today));
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
                    "late": secret.is_late(), "state": secret.state(),
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
    print(&format!(
        "{table}\n\n{} secrets, {late} late.\n",
        secrets.len()
    ))?;
    Ok(code)
}

fn secret<'a>(
    cx: &Cx<'a>,
    read: &'a Read,
    resource: &'a Resource,
    today: jiff::civil::Date,
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
    let age = last.and_then(|last| today.since((jiff::Unit::Day, last)).ok());
    let class = cx.classification(resource.id).value().copied();
    Secret {
        label: cx.label(resource),
        asked_days: class.map(|class| i64::from(cx.config.asks(class).rotation_days)),
        on,
        function: schedule.is_some() || !own("RotationLambdaARN").is_absent(),
        every_days: every_days.or_else(|| rules.and_then(Found::found)),
        age_days: age.map(|span| i64::from(span.get_days())),
        resource,
    }
}

#[cfg(not(feature = "aws"))]
fn apply(args: &Secrets, _: &Read, _: &[Secret<'_>]) -> Result<u8> {
    super::live::Connection::new(args.profile.clone(), args.endpoint_url.clone())?;
    Ok(exit::KEPT)
}

/// Turns rotation on where a function is there to rotate, and rotates what is late; each is looked at before and after.
#[cfg(feature = "aws")]
fn apply(args: &Secrets, read: &Read, secrets: &[Secret<'_>]) -> Result<u8> {
    use super::live::Connection;
    use super::{ledger_file, open};
    let mut ledger = open(&ledger_file(
        args.ledger.as_deref(),
        &read.config.approvals,
        read.config_file.as_deref(),
    ))?;
    let at = Connection::new(args.profile.clone(), args.endpoint_url.clone())?;
    let mut failed = 0;
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
            continue;
        }
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
    Ok(match failed {
        0 => exit::KEPT,
        _ => exit::UNREADABLE,
    })
}
