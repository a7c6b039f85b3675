//! Security Hub in one account and region.

use super::{Delivered, GENERATOR, GET, IMPORT, convert};
use crate::accounts::Session;
use crate::gate::{self, CALL, Call, Shared};
use crate::unit::{AccountAccess, NO_ENDPOINT, failure};
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::types::{
    AwsSecurityFinding, AwsSecurityFindingFilters, RecordState, StringFilter,
    StringFilterComparison,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_types::region::Region;
use lockfast_snapshot::Failure;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// AWS Security Hub Partner Guide, Guidelines for using the BatchImportFindings API.
const MOST_FINDINGS: usize = 100;
const LARGEST_FINDING: usize = 240_000;
/// 6 MB, less what stands around the findings.
const LARGEST_BATCH: usize = 5_800_000;
/// What Security Hub takes is not always shown at once.
const LOOKS: [u64; 6] = [0, 1, 4, 10, 20, 30];
/// So many findings refused one by one, and none taken: the next ones would be refused too.
const REFUSED_IN_A_ROW: usize = 10;

pub(super) struct Hub {
    session: Session,
    shared: Arc<Shared>,
    access: Arc<AccountAccess>,
    region: String,
    max_pages: u32,
}

/// A finding that Security Hub has.
pub(super) struct Known {
    pub created: Option<String>,
    pub archived: bool,
    updated: Option<String>,
    taken: Option<String>,
}

impl Known {
    pub(super) fn of(finding: &AwsSecurityFinding) -> Self {
        let taken = finding
            .product_fields()
            .and_then(|fields| fields.get("lockfast/ScanTaken"));
        Known {
            created: finding.created_at().map(str::to_owned),
            archived: finding.record_state() == Some(&RecordState::Archived),
            updated: finding.updated_at().map(str::to_owned),
            taken: taken.cloned(),
        }
    }

    /// Whether a later scan told it. Security Hub would pass over what has an earlier `UpdatedAt` than it has.
    pub(super) fn is_later(&self, taken: &str, made: &str) -> bool {
        let is_later_than =
            |there: &Option<String>, ours| there.as_deref().is_some_and(|it| is_later(it, ours));
        is_later_than(&self.taken, taken) || is_later_than(&self.updated, made)
    }
}

/// Whether one moment (RFC 3339) is after another.
pub(super) fn is_later(a: &str, b: &str) -> bool {
    let moment = |text| DateTime::from_str(text, Format::DateTimeWithOffset).ok();
    match (moment(a), moment(b)) {
        (Some(a), Some(b)) => a > b,
        _ => false,
    }
}

/// Security Hub is not enabled there, or not offered.
pub(super) fn is_nothing_there(failure: &Failure) -> bool {
    failure.error == NOT_ENABLED || failure.error == NO_ENDPOINT
}

const NOT_ENABLED: &str = "InvalidAccessException";

impl Hub {
    pub(super) fn new(
        session: &Session,
        shared: Arc<Shared>,
        access: Arc<AccountAccess>,
        region: String,
        max_pages: u32,
    ) -> Self {
        Hub {
            session: session.clone(),
            shared,
            access,
            region,
            max_pages,
        }
    }

    fn client(&self) -> Client {
        let http = gate::client(
            self.shared.clone(),
            &self.access.id,
            &self.region,
            "securityhub",
        );
        let config = self
            .session
            .base
            .to_builder()
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.access.credentials.clone())
            .http_client(http)
            .build();
        Client::new(&config)
    }

    fn call(&self, action: &'static str) -> Call {
        Call {
            action,
            // What was there is no news of what is there.
            secret: true,
            pages_left: Arc::new(AtomicU32::new(self.max_pages)),
            replayed: Arc::default(),
            afresh: true,
        }
    }

    /// The default product of the account, which custom integrations write to (AWS Security Hub User Guide).
    fn product(&self) -> String {
        let (partition, region, account) = (&self.access.partition, &self.region, &self.access.id);
        format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
    }

    /// Every finding of ours that Security Hub has, archived or not.
    pub(super) async fn each(
        &self,
        mut take: impl FnMut(AwsSecurityFinding),
    ) -> Result<(), Failure> {
        let filter = |value: &str, comparison| {
            StringFilter::builder()
                .value(value)
                .comparison(comparison)
                .build()
        };
        let product = self.product();
        let filters = AwsSecurityFindingFilters::builder()
            .product_arn(filter(&product, StringFilterComparison::Equals))
            .generator_id(filter(GENERATOR, StringFilterComparison::Prefix))
            .build();
        let prefix = format!("{GENERATOR}{}/{}/", self.region, self.access.id);
        let ours = |finding: &AwsSecurityFinding| {
            let begins = |text: Option<&str>, with: &str| text.is_some_and(|t| t.starts_with(with));
            finding.product_arn() == Some(&*product)
                && begins(finding.generator_id(), GENERATOR)
                && begins(finding.id(), &prefix)
        };
        let listed = async {
            let mut pages = self
                .client()
                .get_findings()
                .filters(filters)
                .max_results(100)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure(GET, &error))?;
                // Whatever a server makes of the filters: what is not ours is not touched.
                page.findings
                    .unwrap_or_default()
                    .into_iter()
                    .filter(&ours)
                    .for_each(&mut take);
            }
            Ok(())
        };
        CALL.scope(self.call(GET), listed).await
    }

    /// A failure, and what to do about it.
    pub(super) fn describe(&self, failure: &Failure) -> String {
        let Failure { call, error } = failure;
        let advice = match error.as_str() {
            NOT_ENABLED => format!(
                ": Security Hub is not enabled there; enable it (aws securityhub enable-security-hub \
                 --no-enable-default-standards --region {}, in account {})",
                self.region, self.access.id
            ),
            "AccessDenied" | "AccessDeniedException" => {
                ": `lockfast scan --print-iam-policy --send security-hub` prints what is needed"
                    .into()
            }
            NO_ENDPOINT => ": Security Hub is not offered in this region".into(),
            "LimitExceededException" | "ThrottlingException" | "TooManyRequestsException" => {
                ": Security Hub takes no more for now; send again later".into()
            }
            _ => String::new(),
        };
        format!("{call} failed: {error}{advice}")
    }

    /// Imports findings, and looks at what Security Hub has then.
    pub(super) async fn deliver(
        &self,
        findings: impl Iterator<Item = Value>,
        made: &str,
        delivered: &mut Delivered,
    ) {
        let client = self.client();
        let mut findings = findings.peekable();
        let mut taken = HashMap::new();
        while findings.peek().is_some() && delivered.problem.is_none() {
            let batch = batch(&mut findings, delivered);
            self.import(&client, batch, &mut taken, delivered).await;
        }
        delivered.unsent += findings.count();
        delivered.archived = taken.values().filter(|archived| **archived).count();
        delivered.imported = taken.len() - delivered.archived;
        if let Err(failure) = self.verify(taken, made, delivered).await {
            delivered.problem.get_or_insert(self.describe(&failure));
        }
    }

    /// Imports a batch. When the API refuses all of it for what is wrong with one finding, halves of it, down to that one.
    async fn import(
        &self,
        client: &Client,
        batch: Vec<AwsSecurityFinding>,
        taken: &mut HashMap<String, bool>,
        delivered: &mut Delivered,
    ) {
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            if batch.is_empty() {
                continue;
            }
            let request = client
                .batch_import_findings()
                .set_findings(Some(batch.clone()));
            let answer = CALL.scope(self.call(IMPORT), request.send()).await;
            match answer.map_err(|error| failure(IMPORT, &error)) {
                Ok(answer) => {
                    let mut refused: HashMap<String, String> = answer
                        .failed_findings()
                        .iter()
                        .map(|error| {
                            let reason = format!(
                                "{}: {}",
                                error.error_code().unwrap_or("refused"),
                                error.error_message().unwrap_or("no reason given")
                            );
                            let reason = harmless(&reason);
                            (error.id().unwrap_or_default().to_owned(), reason)
                        })
                        .collect();
                    let mut accepted = 0;
                    for finding in batch {
                        let archived = finding.record_state() == Some(&RecordState::Archived);
                        let id = finding.id.unwrap_or_default();
                        match refused.remove(&id) {
                            Some(reason) => delivered.failed.push((id, reason)),
                            None => {
                                accepted += 1;
                                taken.insert(id, archived);
                            }
                        }
                    }
                    if answer.success_count() != Some(accepted) {
                        let said = answer.success_count().unwrap_or_default();
                        delivered.problem = Some(format!(
                            "{IMPORT} answered that it took {said} findings, and refused all but {accepted}"
                        ));
                    }
                }
                Err(failure) if failure.error == "InvalidInputException" => {
                    if batch.len() > 1 {
                        let second = batch.split_off(batch.len() / 2);
                        batches.extend([second, batch]);
                        continue;
                    }
                    let id = batch.pop().and_then(|finding| finding.id);
                    let reason = self.describe(&failure);
                    delivered.failed.push((id.unwrap_or_default(), reason));
                    if taken.is_empty() && delivered.failed.len() >= REFUSED_IN_A_ROW {
                        delivered.problem = Some(self.describe(&failure));
                    }
                }
                Err(failure) => {
                    delivered.unsent += batch.len();
                    delivered.problem = Some(self.describe(&failure));
                }
            }
            if delivered.problem.is_some() {
                delivered.unsent += batches.iter().map(Vec::len).sum::<usize>();
                return;
            }
        }
    }

    /// Counts what was taken and is not there as it was sent.
    async fn verify(
        &self,
        mut taken: HashMap<String, bool>,
        made: &str,
        delivered: &mut Delivered,
    ) -> Result<(), Failure> {
        for wait in LOOKS {
            if taken.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let looked = self.each(|finding| {
                let there = Known::of(&finding);
                let current = there
                    .updated
                    .is_some_and(|updated| !is_later(made, &updated));
                if let Some(id) = finding.id()
                    && current
                    && taken.get(id) == Some(&there.archived)
                {
                    taken.remove(id);
                }
            });
            if let Err(failure) = looked.await {
                delivered.unseen = taken.len();
                return Err(failure);
            }
        }
        delivered.unseen = taken.len();
        Ok(())
    }
}

/// A sentence from outside, on one line and without what steers a terminal.
fn harmless(text: &str) -> String {
    let spaced = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(spaced).take(300).collect()
}

/// The next findings, as many as one call takes.
fn batch(
    findings: &mut std::iter::Peekable<impl Iterator<Item = Value>>,
    delivered: &mut Delivered,
) -> Vec<AwsSecurityFinding> {
    let mut batch = Vec::with_capacity(MOST_FINDINGS);
    let mut size = 0;
    while batch.len() < MOST_FINDINGS {
        let Some(next) = findings.peek() else { break };
        let length = next.to_string().len();
        if length <= LARGEST_FINDING && size + length > LARGEST_BATCH {
            break;
        }
        let Some(value) = findings.next() else { break };
        let id = value["Id"].as_str().unwrap_or_default().to_owned();
        if length > LARGEST_FINDING {
            let reason = format!(
                "{length} bytes are more than the {LARGEST_FINDING} that a finding may have"
            );
            delivered.failed.push((id, reason));
            continue;
        }
        match convert::finding(value) {
            Ok(finding) => {
                size += length + 1;
                batch.push(finding);
            }
            Err(error) => delivered.failed.push((id, error.to_string())),
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn batches_are_within_the_limits_of_the_api() {
        let finding = |n: usize, length: usize| json!({ "Id": n.to_string(), "Description": "x".repeat(length) });
        let sizes = |findings: Vec<Value>| {
            let mut findings = findings.into_iter().peekable();
            let mut delivered = Delivered::default();
            let mut sizes = Vec::new();
            while findings.peek().is_some() {
                sizes.push(batch(&mut findings, &mut delivered).len());
            }
            (sizes, delivered.failed.len())
        };
        assert_eq!(
            sizes((0..250).map(|n| finding(n, 10)).collect()),
            (vec![100, 100, 50], 0)
        );
        let (large, refused) = sizes((0..60).map(|n| finding(n, 200_000)).collect());
        assert_eq!((large, refused), (vec![28, 28, 4], 0));
        let mixed = vec![finding(1, 10), finding(2, 250_000), finding(3, 10)];
        assert_eq!(sizes(mixed), (vec![2], 1));
    }

    #[test]
    fn moments_are_compared_and_not_their_spelling() {
        assert!(is_later("2026-11-27T10:00:00.001Z", "2026-11-27T10:00:00Z"));
        assert!(!is_later(
            "2026-11-27T10:00:00.000Z",
            "2026-11-27T10:00:00Z"
        ));
        assert!(!is_later(
            "2026-11-27T10:00:00+01:00",
            "2026-11-27T10:00:00Z"
        ));
        assert!(!is_later("soon", "2026-11-27T10:00:00Z"));
    }
}
