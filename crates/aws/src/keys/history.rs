//! CloudTrail's event history, brought into a folder; and CloudTrail's public keys.

use super::{Keys, Refused, empty, refused};
use aws_config::Region;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// CloudTrail answers two such calls a second, of an account in a region (AWS CloudTrail User Guide, "Quotas").
const PAUSE: Duration = Duration::from_millis(500);

/// What a page holds at most (API Reference, "LookupEvents").
const PAGE: i32 = 50;

/// An event may come into the history a quarter of an hour after it happened, now and then later. What is of a day before
/// these is whole, and is not asked for again.
const STILL_COMING: i64 = 2;

/// What was brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Events that were brought now.
    pub events: u64,
    /// Days that were there already.
    pub known_days: u64,
    /// Where the files are.
    pub folder: PathBuf,
}

impl Keys {
    /// Brings the event history of the caller's account in a region into a folder, a file of each day in CloudTrail's layout: all
    /// management events, those of AWS KMS and of secrets among them, of 90 days at most; no data events. The newest day comes
    /// first. Days that are whole are asked for once.
    ///
    /// # Errors
    /// What AWS said instead, or why a file cannot be written; days that were brought stay.
    pub async fn event_history(
        &self,
        region: &str,
        (since, until): (Date, Date),
        into: &Path,
        told: impl Fn(u64, Date),
    ) -> Result<History, Refused> {
        let (account, _) = self.caller().await?;
        let now = Offset::UTC.to_datetime(Timestamp::now()).date();
        let layout = Layout {
            folder: into.join(format!("AWSLogs/{account}/CloudTrail/{region}")),
            account,
            region: region.to_owned(),
            whole_until: now.saturating_sub(jiff::Span::new().days(STILL_COMING)),
        };
        let mut history = History {
            folder: layout.folder.clone(),
            ..History::default()
        };
        let client = self.cloudtrail(region);
        let mut day = until.min(now);
        while day >= since {
            if layout.file(day, true).exists() {
                history.known_days += 1;
                let Ok(before) = day.yesterday() else { break };
                day = before;
                continue;
            }
            // Days that are missing one after another are asked for at once: pages are what CloudTrail counts.
            let last = day;
            let mut first = day;
            while let Ok(before) = first.yesterday()
                && before >= since
                && !layout.file(before, true).exists()
            {
                first = before;
            }
            history.events += bring(&client, &layout, (first, last), &told).await?;
            let Ok(before) = first.yesterday() else { break };
            day = before;
        }
        Ok(history)
    }

    /// CloudTrail's public keys of a region that were valid at some time between: the fingerprint of each, and the key in DER (PKCS #1).
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn public_keys(
        &self,
        region: &str,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<(String, Vec<u8>)>, Refused> {
        const CALL: &str = "cloudtrail:ListPublicKeys";
        let mut pages = self
            .cloudtrail(region)
            .list_public_keys()
            .start_time(DateTime::from_secs(since.as_second()))
            .end_time(DateTime::from_secs(until.as_second()))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(key) = pages.next().await {
            let key = key.map_err(|error| refused(CALL, &error))?;
            let (Some(fingerprint), Some(value)) = (key.fingerprint, key.value) else {
                return Err(empty(CALL));
            };
            keys.push((fingerprint, value.into_inner()));
        }
        Ok(keys)
    }

    fn cloudtrail(&self, region: &str) -> Client {
        let config = aws_sdk_cloudtrail::config::Builder::from(&self.config);
        Client::from_conf(config.region(Region::new(region.to_owned())).build())
    }
}

/// Where the files of an account and region are.
struct Layout {
    folder: PathBuf,
    account: String,
    region: String,
    /// Days before are over, and so are their events' ways here.
    whole_until: Date,
}

impl Layout {
    /// The file of a day; one that may still grow is called so, for it is asked for again.
    fn file(&self, day: Date, whole: bool) -> PathBuf {
        let end = if whole { "event-history" } else { "so-far" };
        let (account, region) = (&self.account, &self.region);
        let (year, month, of_month) = (day.year(), day.month(), day.day());
        self.folder.join(format!(
            "{year:04}/{month:02}/{of_month:02}/{account}_CloudTrail_{region}_{year:04}{month:02}{of_month:02}T0000Z_{end}.json.gz"
        ))
    }

    /// Writes a day as a whole or not at all.
    fn write(&self, day: Date, records: &[String]) -> Result<(), Refused> {
        let whole = day < self.whole_until;
        let file = self.file(day, whole);
        let written = || -> std::io::Result<()> {
            let folder = file.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(folder)?;
            let mut part = tempfile::NamedTempFile::new_in(folder)?;
            let mut out = GzEncoder::new(&mut part, Compression::default());
            write!(out, "{{\"Records\":[{}]}}", records.join(","))?;
            out.finish()?;
            part.persist(&file)?;
            let so_far = self.file(day, false);
            match whole && so_far.exists() {
                true => std::fs::remove_file(so_far),
                false => Ok(()),
            }
        };
        written().map_err(|error| Refused {
            call: format!("writing {}", file.display()),
            error: error.to_string(),
        })
    }
}

/// Brings days that follow one another; gives how many events they have.
async fn bring(
    client: &Client,
    layout: &Layout,
    (first, last): (Date, Date),
    told: &impl Fn(u64, Date),
) -> Result<u64, Refused> {
    const CALL: &str = "cloudtrail:LookupEvents";
    let seconds = |day: Date| {
        let midnight = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0));
        midnight.map_or(0, Timestamp::as_second)
    };
    let ask = client
        .lookup_events()
        .max_results(PAGE)
        .start_time(DateTime::from_secs(seconds(first)))
        .end_time(DateTime::from_secs(
            seconds(last.saturating_add(jiff::Span::new().days(1))) - 1,
        ));
    let (mut count, mut day, mut records) = (0, last, Vec::<String>::new());
    let mut token = None;
    let mut pace = tokio::time::interval(PAUSE);
    loop {
        pace.tick().await;
        let page = ask.clone().set_next_token(token).send().await;
        let page = page.map_err(|error| refused(CALL, &error))?;
        for event in page.events.unwrap_or_default() {
            let (Some(at), Some(json)) = (event.event_time, event.cloud_trail_event) else {
                return Err(empty(CALL));
            };
            let of = Timestamp::from_second(at.secs()).unwrap_or_default();
            let of = Offset::UTC.to_datetime(of).date();
            // The newest come first: when a day begins, the one after it is over.
            while of < day {
                layout.write(day, &records)?;
                records.clear();
                let Ok(before) = day.yesterday() else { break };
                day = before;
            }
            records.push(json);
            count += 1;
        }
        told(count, day);
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    while day >= first {
        layout.write(day, &records)?;
        records.clear();
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    Ok(count)
}
