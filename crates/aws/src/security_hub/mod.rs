//! Findings handed to Security Hub (`BatchImportFindings`).
//!
//! A finding has one `Id` in every run, and importing it again updates it, so a send that was cut off is repeated, and
//! needs no journal. What is there is asked for first, for three reasons: to say what a send would do before it does, to
//! keep the day a finding was first told, and to archive what is gone ([`Coverage`]).
//!
//! The SDK's findings have a field for each of hundreds of resource types and are moved by value, which takes megabytes of
//! stack in a debug build: whoever drives these futures gives their thread enough of it.

mod convert;
mod coverage;
mod hub;

pub use coverage::Coverage;

use crate::accounts::{self, Session};
use crate::budget::Budgets;
use crate::gate::Shared;
use crate::options::ScanOptions;
use crate::progress::Progress;
use crate::scan::Error;
use futures::StreamExt;
use hub::{Hub, Known};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub(crate) const IMPORT: &str = "securityhub:BatchImportFindings";
pub(crate) const GET: &str = "securityhub:GetFindings";
/// What the `GeneratorId` of our findings begins with.
const GENERATOR: &str = "lockfast/";
/// Accounts and regions written to at once; each has a budget of its own.
const PLACES_AT_ONCE: usize = 8;

/// A finding to send.
#[derive(Clone, Debug)]
pub struct Item {
    /// What whoever makes the findings knows it by.
    pub key: usize,
    /// The account it belongs to.
    pub account: String,
    /// The region it belongs to.
    pub region: String,
    /// Its `Id`.
    pub id: String,
}

/// What is to be sent.
pub struct Sending<'a> {
    /// The findings.
    pub items: Vec<Item>,
    /// The `Id`s of findings that hold and are not sent (a baseline knows them): they are left as they are.
    pub standing: HashSet<String>,
    /// Makes a finding, in the AWS Security Finding Format.
    pub finding: &'a (dyn Fn(usize) -> Value + Sync),
    /// What was scanned.
    pub coverage: Coverage,
    /// When the scan started: what a later one said is left as it is.
    pub taken: String,
    /// The findings' `UpdatedAt`.
    pub made: String,
}

/// What a send does in an account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Findings that Security Hub does not have.
    pub new: usize,
    /// Findings that it has.
    pub updated: usize,
    /// Findings that it has and that are gone.
    pub archived: usize,
    /// Findings left as they are, since a later scan told them.
    pub later: usize,
    /// Why nothing can be sent there.
    pub problem: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Findings that Security Hub took.
    pub imported: usize,
    /// Findings that it archived.
    pub archived: usize,
    /// Findings that it refused: their `Id`s, and why.
    pub failed: Vec<(String, String)>,
    /// Findings that were not sent, since a call failed.
    pub unsent: usize,
    /// Findings that it took and does not show as they were sent.
    pub unseen: usize,
    /// The call that failed, and why.
    pub problem: Option<String>,
}

impl Delivered {
    /// Whether everything arrived.
    pub fn is_whole(&self) -> bool {
        self.failed.is_empty() && self.unsent == 0 && self.unseen == 0 && self.problem.is_none()
    }
}

/// What a send would do. Nothing is written before [`Plan::send`].
pub struct Plan<'a> {
    places: Vec<Place>,
    finding: &'a (dyn Fn(usize) -> Value + Sync),
    made: String,
}

/// An account and region.
struct Place {
    row: Row,
    hub: Option<Hub>,
    /// What is sent, each with the day it was first told.
    items: Vec<(Item, Option<String>)>,
    archive: Vec<Value>,
}

/// Asks what Security Hub has, and says what sending would do.
///
/// # Errors
/// When there are no credentials. An account or region that cannot be asked is a row of the plan.
pub async fn plan<'a>(
    options: &ScanOptions,
    session: &Session,
    sending: Sending<'a>,
    progress: Progress,
) -> Result<Plan<'a>, Error> {
    let mut by_place: BTreeMap<(String, String), Vec<Item>> = BTreeMap::new();
    for place in sending.coverage.places() {
        by_place.entry(place).or_default();
    }
    for item in sending.items {
        let place = (item.account.clone(), item.region.clone());
        by_place.entry(place).or_default().push(item);
    }
    let shared = Arc::new(Shared::new(
        session.http.clone(),
        None,
        Budgets::new(options.max_rps, options.endpoint_url.is_none()),
        progress,
    ));
    let mut wanted = options.clone();
    wanted.organization = false;
    wanted.accounts = by_place
        .keys()
        .map(|(account, _)| account.clone())
        .collect();
    wanted.accounts.dedup();
    // Named, so that no account is asked which it has.
    wanted.regions = by_place.keys().map(|(_, region)| region.clone()).collect();
    let mut entered = HashMap::new();
    if !by_place.is_empty() {
        for target in accounts::targets(&wanted, &session.base).await? {
            entered.insert(target.account.id.clone(), target.access);
        }
    }
    let (entered, shared) = (&entered, &shared);
    let (coverage, standing) = (&sending.coverage, &sending.standing);
    let (taken, made) = (sending.taken.as_str(), sending.made.as_str());
    let asked = by_place
        .into_iter()
        .map(|((account, region), items)| async move {
            let access = match entered.get(&account) {
                Some(Ok((access, _))) => access.clone(),
                Some(Err(failure)) => {
                    let problem = format!("{} failed: {}", failure.call, failure.error);
                    return Some(Place::closed(account, region, items, problem));
                }
                None => return Some(Place::closed(account, region, items, "not asked".into())),
            };
            let hub = Hub::new(
                session,
                shared.clone(),
                access,
                region.clone(),
                options.max_pages,
            );
            let ids: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
            let mut known: HashMap<String, Known> = HashMap::new();
            let mut archive = Vec::new();
            let listed = hub.each(|finding| {
                let there = Known::of(&finding);
                let Some(id) = finding.id() else { return };
                if ids.contains(id) {
                    known.insert(id.to_owned(), there);
                } else if !there.archived
                    && !standing.contains(id)
                    && !there.is_later(taken, made)
                    && coverage.is_gone(&finding)
                {
                    archive.push(convert::importable(&finding));
                }
            });
            if let Err(failure) = listed.await {
                // Nothing to send, and nothing there that could be gone.
                if items.is_empty() && hub::is_nothing_there(&failure) {
                    return None;
                }
                let problem = hub.describe(&failure);
                return Some(Place::closed(account, region, items, problem));
            }
            Some(Place::open(
                hub, account, region, items, known, archive, taken, made,
            ))
        });
    let mut places: Vec<Place> = futures::stream::iter(asked)
        .buffered(PLACES_AT_ONCE)
        .filter_map(|place| async { place })
        .collect()
        .await;
    places.retain(|place| !place.is_idle());
    Ok(Plan {
        places,
        finding: sending.finding,
        made: sending.made,
    })
}

impl Place {
    fn closed(account: String, region: String, items: Vec<Item>, problem: String) -> Self {
        Place {
            row: Row {
                account,
                region,
                problem: Some(problem),
                ..Row::default()
            },
            hub: None,
            items: items.into_iter().map(|item| (item, None)).collect(),
            archive: Vec::new(),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn open(
        hub: Hub,
        account: String,
        region: String,
        items: Vec<Item>,
        mut known: HashMap<String, Known>,
        archive: Vec<Value>,
        taken: &str,
        made: &str,
    ) -> Self {
        let mut row = Row {
            account,
            region,
            archived: archive.len(),
            ..Row::default()
        };
        let mut sent = Vec::with_capacity(items.len());
        for item in items {
            match known.remove(&item.id) {
                Some(there) if there.is_later(taken, made) => row.later += 1,
                Some(there) => {
                    row.updated += 1;
                    sent.push((item, there.created));
                }
                None => {
                    row.new += 1;
                    sent.push((item, None));
                }
            }
        }
        Place {
            row,
            hub: Some(hub),
            items: sent,
            archive,
        }
    }

    fn is_idle(&self) -> bool {
        self.items.is_empty()
            && self.archive.is_empty()
            && self.row.problem.is_none()
            && self.row.later == 0
    }
}

impl Plan<'_> {
    /// What would be done, by account and region.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.places.iter().map(|place| &place.row)
    }

    /// Sends, and asks Security Hub what it has now.
    pub async fn send(self) -> Vec<Delivered> {
        let (finding, made) = (self.finding, self.made.as_str());
        let sent = self.places.into_iter().map(|place| async move {
            let Place {
                row,
                hub,
                items,
                archive,
            } = place;
            let mut delivered = Delivered {
                account: row.account,
                region: row.region,
                problem: row.problem,
                ..Delivered::default()
            };
            let Some(hub) = hub else {
                delivered.unsent = items.len();
                return delivered;
            };
            let archived = archive.into_iter().map(|mut value| {
                value["RecordState"] = json!("ARCHIVED");
                value["UpdatedAt"] = json!(made);
                value
            });
            let told = items.into_iter().map(|(item, created)| {
                let mut value = finding(item.key);
                if let Some(created) = created {
                    value["CreatedAt"] = json!(created);
                }
                value
            });
            hub.deliver(told.chain(archived), made, &mut delivered)
                .await;
            delivered
        });
        futures::stream::iter(sent)
            .buffered(PLACES_AT_ONCE)
            .collect()
            .await
    }
}
