//! When keys were last used, as CloudTrail's log files tell.

use super::super::judging::spinner;
use anyhow::{Result, bail};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use lockfast_cloudtrail::files::find;
use lockfast_cloudtrail::{Coverage, Needle, Report, kms, read};
use lockfast_keys::{Key, LastUse};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// What log files say of keys.
pub(super) struct Logs {
    uses: BTreeMap<String, Vec<Found>>,
    coverage: Coverage,
    /// Accounts and regions of which they hold events of AWS KMS at all.
    of_kms: Vec<(String, String)>,
    report: Report,
}

/// The last use that names a key in one way.
struct Found {
    name: kms::KeyName,
    account: String,
    region: String,
    at: Timestamp,
}

impl Logs {
    /// Reads them; `None` where none are named.
    ///
    /// # Errors
    /// That a path cannot be read, or that no log file is there.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Option<Logs>> {
        if paths.is_empty() {
            return Ok(None);
        }
        let found = find(paths)?;
        if found.files.is_empty() {
            let named: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            bail!(
                "{}: no log file of CloudTrail is there (…_CloudTrail_….json.gz)",
                named.join(", ")
            );
        }
        let progress = spinner();
        progress.set_message(format!("reading {} log files", found.files.len()));
        let uses: Mutex<BTreeMap<String, Vec<Found>>> = Mutex::default();
        let of_kms = Mutex::new(Vec::new());
        let report = read(&found.files, &[Needle::new(kms::SOURCE)], |_, event| {
            let (Some(account), Some(region)) = (
                event.recipient_account_id.as_deref(),
                event.region.as_deref(),
            ) else {
                return;
            };
            if event.source.as_deref() == Some(kms::SOURCE)
                && let Ok(mut of_kms) = of_kms.lock()
            {
                let place = (account.to_owned(), region.to_owned());
                if !of_kms.contains(&place) {
                    of_kms.push(place);
                }
            }
            for used in kms::uses(event) {
                // Who is denied needs nothing; who finds it disabled does.
                let denied = used
                    .failed
                    .as_deref()
                    .is_some_and(|code| code.starts_with("AccessDenied"));
                let Some(at) = used
                    .time
                    .filter(|_| kms::is_cryptographic(&used.operation) && !denied)
                else {
                    continue;
                };
                let Ok(mut uses) = uses.lock() else { return };
                let known = uses.entry(used.key.to_string()).or_default();
                match known
                    .iter_mut()
                    .find(|one| one.account == account && one.region == region)
                {
                    Some(one) => one.at = one.at.max(at),
                    None => known.push(Found {
                        name: used.key,
                        account: account.to_owned(),
                        region: region.to_owned(),
                        at,
                    }),
                }
            }
        });
        progress.finish_and_clear();
        for problem in found.problems.iter().chain(&report.problems) {
            anstream::eprintln!("{}", lockfast_report::clean(&problem.to_string()));
        }
        if report.problem_count > report.problems.len() as u64 {
            anstream::eprintln!(
                "and {} more",
                report.problem_count - report.problems.len() as u64
            );
        }
        Ok(Some(Logs {
            uses: uses.into_inner().unwrap_or_default(),
            of_kms: of_kms.into_inner().unwrap_or_default(),
            coverage: report.coverage.clone(),
            report,
        }))
    }

    /// Whether anything could not be read.
    pub(super) fn is_whole(&self) -> bool {
        self.report.problem_count == 0
    }

    /// When a key was last used, or that it was not in so many days up to a day, if they are all there.
    pub(super) fn of(&self, key: &Key<'_>, today: Date, days: u32) -> LastUse {
        let Some(arn) = key.resource.arn.as_deref() else {
            return LastUse::Unknown("a key in a template is in no log".to_owned());
        };
        let (Some(account), Some(region)) = (key.account.as_deref(), key.region.as_deref()) else {
            return LastUse::Unknown("its account and region are not known".to_owned());
        };
        let names = self.uses.values().flatten().filter(|found| {
            let here = match found.name {
                // An id or an alias is one of its account and region.
                kms::KeyName::Arn(_) => true,
                _ => found.account == account && found.region == region,
            };
            here && found.name.matches(arn, &key.aliases)
        });
        if let Some(last) = names.map(|found| found.at).max() {
            let day = jiff::tz::TimeZone::UTC.to_datetime(last).date();
            return LastUse::At(format!("{day}, as the logs tell"));
        }
        let place = (account.to_owned(), region.to_owned());
        let there = self.coverage.get(&place);
        let first = today.saturating_sub(i64::from(days).days());
        let mut missing = Vec::new();
        let mut day = first;
        while day < today {
            if !there.is_some_and(|there| there.contains(&day)) {
                missing.push(day);
            }
            day = day.saturating_add(1.day());
        }
        match missing.as_slice() {
            _ if there.is_none() => {
                LastUse::Unknown(format!("no log given is of {account} in {region}"))
            }
            [one, rest @ ..] => LastUse::Unknown(match rest.len() {
                0 => format!(
                    "of the {days} days before {today}, the logs of {account} in {region} lack {one}"
                ),
                more => format!(
                    "of the {days} days before {today}, the logs of {account} in {region} lack {} days, the first {one}",
                    more + 1
                ),
            }),
            [] if !self.of_kms.contains(&place) => LastUse::Unknown(format!(
                "the logs of {account} in {region} hold no event of AWS KMS at all: the trail may leave them out"
            )),
            [] if !self.is_whole() => {
                LastUse::Unknown("not all logs given could be read".to_owned())
            }
            [] => LastUse::Never(format!(
                "from {first} on, as the logs of each of these {days} days tell"
            )),
        }
    }
}

/// What AWS KMS and the logs say together: a use by either is one. Logs that were given and do not tell leave it open, whatever AWS
/// KMS says: it is not to be relied on alone (AWS KMS Developer Guide, "Determine past usage of a KMS key").
pub(super) fn together(own: LastUse, logs: LastUse) -> LastUse {
    match (own, logs) {
        (LastUse::At(a), LastUse::At(b)) => LastUse::At(a.max(b)),
        (at @ LastUse::At(_), _) | (_, at @ LastUse::At(_)) => at,
        (LastUse::Never(a), LastUse::Never(b)) => LastUse::Never(format!("{a}; nor {b}")),
        (_, logs) => logs,
    }
}
