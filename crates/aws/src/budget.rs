//! How many requests a second each service takes from us.
//!
//! The quotas of an account are shared with whoever else works in it, so a scan takes the half of them that
//! `limits.toml` says and no more.

use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Jitter, Quota, RateLimiter};
use serde::Deserialize;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default_rps: NonZeroU32,
    limit: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// An IAM prefix, or an action.
    of: String,
    rps: NonZeroU32,
}

struct Table {
    default_rps: NonZeroU32,
    rows: HashMap<String, NonZeroU32>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../limits.toml")).expect("limits.toml is tested");
    Table {
        default_rps: file.default_rps,
        rows: file
            .limit
            .into_iter()
            .map(|row| (row.of, row.rps))
            .collect(),
    }
});

/// Requests per second of an action in one account and region, and what else shares them.
fn limit(action: &str) -> (&str, NonZeroU32) {
    let service = action.split(':').next().unwrap_or(action);
    let row = [action, service]
        .into_iter()
        .find_map(|name| Some((name, *TABLE.rows.get(name)?)));
    row.unwrap_or((service, TABLE.default_rps))
}

/// So many requests a second, one by one: saved up and sent at once they would be twice as many in the first second.
fn evenly(rps: NonZeroU32) -> Limiter {
    RateLimiter::direct(Quota::per_second(rps).allow_burst(NonZeroU32::MIN))
}

/// The budgets of a scan.
pub(crate) struct Budgets {
    /// Over everything.
    all: Option<Limiter>,
    /// Whether the table counts: another endpoint than AWS's has no quotas.
    by_service: bool,
    limiters: Mutex<HashMap<String, Arc<Limiter>>>,
}

impl Budgets {
    pub(crate) fn new(max_rps: Option<u32>, by_service: bool) -> Self {
        Budgets {
            all: max_rps.and_then(NonZeroU32::new).map(evenly),
            by_service,
            limiters: Mutex::default(),
        }
    }

    /// Waits until a request for the action may be sent.
    pub(crate) async fn wait(&self, account: &str, region: &str, action: &str) {
        if let Some(all) = &self.all {
            all.until_ready().await;
        }
        if !self.by_service {
            return;
        }
        let (shared, rps) = limit(action);
        let key = format!("{account}/{region}/{shared}");
        let limiter = self
            .limiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
            .or_insert_with(|| Arc::new(evenly(rps)))
            .clone();
        limiter
            .until_ready_with_jitter(Jitter::up_to(Duration::from_millis(50)))
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_its_own_limit_or_its_services_or_the_default() {
        assert_eq!(
            limit("logs:DescribeMetricFilters").0,
            "logs:DescribeMetricFilters"
        );
        assert_eq!(limit("kms:GetKeyPolicy").0, "kms");
        assert_eq!(limit("nowhere:DoThis"), ("nowhere", TABLE.default_rps));
    }
}
