//! `lockfast keys rotate`: the rotation of keys brought in order, step by step, each looked at before and after.

use crate::cli::Rotate;
use anyhow::Result;

/// Says that it takes AWS.
///
/// # Errors
/// Always.
#[cfg(not(feature = "aws"))]
pub fn run(args: &Rotate) -> Result<u8> {
    super::live::Connection::new(
        args.acting.profile.clone(),
        args.acting.endpoint_url.clone(),
    )?;
    Ok(crate::exit::KEPT)
}

#[cfg(feature = "aws")]
pub use live::run;

#[cfg(feature = "aws")]
mod live {
    use super::super::live::Connection;
    use super::super::open_named;
    use super::{Result, Rotate};
    use crate::commands::facts::Read;
    use crate::commands::keys::one;
    use crate::commands::print;
    use crate::exit;
    use anyhow::bail;
    use lockfast_aws::{Keys, Repointed, region_of, repoints};
    use lockfast_facts::Origin;
    use lockfast_keys::{Dependent, Due, Key, Mend, Ring, RotationKind, rotation};
    use lockfast_operate::ledger::Ledger;
    use lockfast_report::clean;
    use serde_json::json;
    use std::fmt::Write;

    /// A tag by which the key that takes another's place is found again.
    const MARKER: &str = "lockfast:replaces";

    /// One step of the plan.
    struct Step<'k, 'a> {
        key: &'k Key<'a>,
        mend: Mend,
        asked_days: i64,
        /// Whether it rotates by itself already.
        on: bool,
    }

    /// How a step went.
    enum Went {
        Done(String),
        Found(String),
        Failed(String),
    }

    /// Runs the command and gives its exit code.
    ///
    /// # Errors
    /// What is wrong with the command line, the policy file, the snapshot or the ledger.
    pub fn run(args: &Rotate) -> Result<u8> {
        let read = Read::new(&args.facts)?;
        if args.apply && read.inventory.origin() != Origin::Live {
            bail!("templates have no keys to rotate: name a snapshot of the account with --from");
        }
        let cx = read.cx();
        let ring = Ring::new(&cx, &read.inventory);
        let today = read.today.parse()?;
        let named: Vec<&Key<'_>> = match args.keys.is_empty() {
            true => ring.keys.iter().collect(),
            false => args
                .keys
                .iter()
                .map(|name| one(&ring, name))
                .collect::<Result<_>>()?,
        };
        let mut steps = Vec::new();
        let mut by_hand = Vec::new();
        for key in named {
            let told = rotation(&cx, key, today);
            for mend in &told.mend {
                match mend {
                    Mend::Replace if !args.replace => by_hand.push((key, told.clone())),
                    _ => steps.push(Step {
                        key,
                        mend: mend.clone(),
                        asked_days: told.asked_days.unwrap_or_default(),
                        on: told.automatic == Some(true),
                    }),
                }
            }
            if let (RotationKind::Automatic, Due::Unknown(why)) = (&told.kind, &told.due) {
                anstream::eprintln!("{}: cannot be planned: {}", clean(&key.label), clean(why));
            }
        }
        let mut out = String::new();
        for step in &steps {
            let _ = writeln!(out, "{}  {}", clean(step.key.arn()), planned(step));
            if step.mend == Mend::Replace {
                for on in &step.key.dependents {
                    let _ = writeln!(out, "    {}  {}", clean(arn_of(on)), re_pointed(on));
                }
            }
        }
        for (key, told) in &by_hand {
            let why = match &told.kind {
                RotationKind::ByHand(why) => why.as_str(),
                _ => "",
            };
            let _ = writeln!(
                out,
                "{}  rotates by hand ({why}): --replace makes a new key and moves {}",
                clean(key.arn()),
                match key.aliases.len() {
                    1 => "its alias".to_owned(),
                    count => format!("its {count} aliases"),
                }
            );
        }
        if !args.apply && args.facts.format == crate::cli::TableFormat::Json {
            let step = |step: &Step<'_, '_>| {
                let on = step.key.dependents.iter();
                let on: Vec<_> = on
                    .map(|on| json!({"resource": arn_of(on), "call": repoints(&on.resource.kind)}))
                    .collect();
                let on = if step.mend == Mend::Replace {
                    on
                } else {
                    Vec::new()
                };
                json!({"key": step.key.arn(), "step": step.mend, "says": planned(step), "re_points": on})
            };
            let hand = |(key, told): &(&Key<'_>, lockfast_keys::Rotation)| json!({"key": key.arn(), "step": null, "says": "rotates by hand: --replace", "why": told.kind});
            let rows: Vec<_> = steps
                .iter()
                .map(step)
                .chain(by_hand.iter().map(hand))
                .collect();
            print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
            return Ok(read.code());
        }
        if !args.apply {
            let _ = writeln!(
                out,
                "{} steps; nothing was done. --apply does them.",
                steps.len()
            );
            print(&out)?;
            return Ok(read.code());
        }
        let mut ledger = open_named(&args.acting, &read)?;
        let at = Connection::new(
            args.acting.profile.clone(),
            args.acting.endpoint_url.clone(),
        )?;
        let mut failed = 0;
        for step in &steps {
            let arn = step.key.arn().to_owned();
            let subject = format!("rotation of {arn}");
            ledger.append(
                "rotation-intended",
                &subject,
                &json!({"key": arn, "step": step.mend}),
            )?;
            let mut new = None;
            let went = match at.must_own(&arn) {
                Err(error) => Went::Failed(format!("{error:#}")),
                Ok(()) => at.runtime.block_on(act(&at.keys, step, today, &mut new)),
            };
            let (kind, said) = match &went {
                Went::Done(said) => ("rotation-done", said),
                Went::Found(said) => ("rotation-found", said),
                Went::Failed(said) => ("rotation-failed", said),
            };
            ledger.append(
                kind,
                &subject,
                &json!({"key": arn, "step": step.mend, "said": said}),
            )?;
            failed += usize::from(matches!(went, Went::Failed(_)));
            anstream::println!("{}  {}", clean(&arn), clean(said));
            if let Some(new) = new {
                failed += re_point(&at, &mut ledger, step.key, &new)?;
            }
        }
        print(&format!("{} steps, {failed} failed.\n", steps.len()))?;
        Ok(match failed {
            0 => exit::KEPT,
            _ => exit::UNREADABLE,
        })
    }

    fn planned(step: &Step<'_, '_>) -> String {
        match &step.mend {
            Mend::EnableRotation(days) if step.on => {
                format!("have it rotate every {days} days (kms:EnableKeyRotation)")
            }
            Mend::EnableRotation(days) => {
                format!("turn automatic rotation on, every {days} days (kms:EnableKeyRotation)")
            }
            Mend::RotateNow => "rotate it now (kms:RotateKeyOnDemand)".to_owned(),
            Mend::Replace => format!(
                "make a new key like it (kms:CreateKey), move {} to it (kms:UpdateAlias)",
                match step.key.aliases.as_slice() {
                    [] => "nothing".to_owned(),
                    aliases => aliases.join(", "),
                }
            ),
        }
    }

    /// Looks, acts where that is still to be done, and looks again.
    async fn act(
        keys: &Keys,
        step: &Step<'_, '_>,
        today: jiff::civil::Date,
        new: &mut Option<String>,
    ) -> Went {
        let arn = step.key.arn();
        let done = async {
            match &step.mend {
                Mend::EnableRotation(days) => {
                    let is_set = |status: lockfast_aws::RotationStatus| {
                        status.on && status.period_days.is_some_and(|own| own <= *days)
                    };
                    if is_set(keys.rotation(arn).await?) {
                        return Ok(Went::Found("rotates as asked already".to_owned()));
                    }
                    keys.enable_rotation(arn, *days).await?;
                    Ok(match is_set(keys.rotation(arn).await?) {
                        true => Went::Done(format!("rotates every {days} days, read again")),
                        false => Went::Failed(
                            "AWS took the call, and the rotation is not as asked".to_owned(),
                        ),
                    })
                }
                Mend::RotateNow => {
                    let before = keys.last_rotation(arn).await?;
                    let recent = before.and_then(|at| age_days(at, today));
                    // Or since the facts were read, whatever day is taken for today.
                    let known = step.key.text("LastRotationDate");
                    let known = known.and_then(|at| at.parse::<jiff::Timestamp>().ok());
                    let since = before > known.map(jiff::Timestamp::as_second) && known.is_some();
                    if since || recent.is_some_and(|days| days <= step.asked_days) {
                        return Ok(Went::Found("was rotated meanwhile".to_owned()));
                    }
                    if keys.rotation(arn).await?.on_demand {
                        return Ok(Went::Found("is being rotated already".to_owned()));
                    }
                    keys.rotate_on_demand(arn).await?;
                    let status = keys.rotation(arn).await?;
                    let after = keys.last_rotation(arn).await?;
                    Ok(match status.on_demand || after > before {
                        true => Went::Done("rotated, read again".to_owned()),
                        false => Went::Failed(
                            "AWS took the call, and no rotation is to be seen".to_owned(),
                        ),
                    })
                }
                Mend::Replace => replace(keys, step, new).await,
            }
        };
        let done: std::result::Result<Went, lockfast_aws::Refused> = done.await;
        done.unwrap_or_else(|error| Went::Failed(error.to_string()))
    }

    async fn replace(
        keys: &Keys,
        step: &Step<'_, '_>,
        made: &mut Option<String>,
    ) -> std::result::Result<Went, lockfast_aws::Refused> {
        let old = step.key.arn();
        let marker = (MARKER, step.key.resource.name.as_ref());
        // One that a run made that was cut off.
        let new = match keys.find_marked(region_of(old), marker).await? {
            Some(new) => new,
            None => keys.make_like(old, marker).await?,
        };
        *made = Some(new.clone());
        for alias in keys.aliases(old).await? {
            keys.move_alias(&alias, &new).await?;
        }
        let left = keys.aliases(old).await?;
        let there = keys.aliases(&new).await?;
        Ok(match left.is_empty() {
            true => Went::Done(format!(
                "{new} is in its place, with {}",
                match there.is_empty() {
                    true => "no alias".to_owned(),
                    false => there.join(", "),
                }
            )),
            false => Went::Failed(format!(
                "{new} was made, but {} still lead to the old key",
                left.join(", ")
            )),
        })
    }

    fn arn_of<'d>(on: &'d Dependent<'_>) -> &'d str {
        on.resource.arn.as_deref().unwrap_or(&on.label)
    }

    fn re_pointed(on: &Dependent<'_>) -> String {
        match repoints(&on.resource.kind) {
            Some(call) => format!("is pointed at the new key ({call})"),
            None => "stays under the old key: it takes a copy, or is made anew".to_owned(),
        }
    }

    /// Points at the new key what named the old one; gives how often that failed. What no call can point elsewhere is told, and
    /// written down. Data that is there stays under the old key, which stays enabled.
    fn re_point(at: &Connection, ledger: &mut Ledger, key: &Key<'_>, new: &str) -> Result<usize> {
        let old = key.arn();
        let subject = format!("rotation of {old}");
        let mut left: Vec<&str> = Vec::new();
        let mut failed = 0;
        for on in &key.dependents {
            let name = arn_of(on);
            let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
            // A bucket's ARN names no account; another account's has to be done there.
            let is_here = account(name).is_empty() || account(name) == account(old);
            let Some(call) = repoints(&on.resource.kind).filter(|_| is_here) else {
                left.push(name);
                continue;
            };
            let about = json!({"resource": name, "call": call, "old": old, "new": new});
            ledger.append("rotation-intended", &subject, &about)?;
            let own = &on.resource.name;
            let call = at.keys.repoint(&on.resource.kind, name, own, old, new);
            let (kind, said) = match at.runtime.block_on(call) {
                Ok(Repointed::Done) => {
                    ("rotation-done", "names the new key, read again".to_owned())
                }
                Ok(Repointed::Already) => ("rotation-found", "names it already".to_owned()),
                Ok(Repointed::Elsewhere(now)) => (
                    "rotation-found",
                    format!("names another key meanwhile: {now}"),
                ),
                Ok(Repointed::ByHand) => {
                    left.push(name);
                    continue;
                }
                Err(error) => {
                    failed += 1;
                    ("rotation-failed", error.to_string())
                }
            };
            let told = json!({"resource": name, "old": old, "new": new, "said": said});
            ledger.append(kind, &subject, &told)?;
            anstream::println!("    {}  {}", clean(name), clean(&said));
        }
        if !key.dependents.is_empty() {
            anstream::println!("    what was stored before stays under {}", clean(old));
        }
        if !left.is_empty() {
            ledger.append(
                "rotation-left",
                &subject,
                &json!({"under_the_old_key": left}),
            )?;
            for name in left {
                anstream::println!(
                    "    {}  stays under the old key: it takes a copy, or is made anew",
                    clean(name)
                );
            }
        }
        Ok(failed)
    }

    fn age_days(at: i64, today: jiff::civil::Date) -> Option<i64> {
        let day = jiff::Timestamp::from_second(at).ok()?;
        let day = jiff::tz::TimeZone::UTC.to_datetime(day).date();
        let span = today.since((jiff::Unit::Day, day)).ok()?;
        Some(i64::from(span.get_days()))
    }
}
