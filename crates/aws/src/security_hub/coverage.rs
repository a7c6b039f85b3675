//! Which findings that Security Hub has are gone: those that the scan would have found, had they been there.
//!
//! A finding that is archived wrongly is a failure that nobody sees any more, so every doubt leaves it as it is.

use crate::readers::{READERS, Scope};
use crate::scan::home;
use aws_sdk_securityhub::types::AwsSecurityFinding;
use lockfast_snapshot::{Header, Unit};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What a scan read, and what it found.
#[derive(Debug, Default)]
pub struct Coverage {
    accounts: BTreeMap<String, Scanned>,
    /// The resources that there are, as findings name them.
    present: HashSet<String>,
    /// The controls that were judged; all when absent.
    only: Option<HashSet<String>>,
}

/// What was read of an account.
#[derive(Debug, Default)]
struct Scanned {
    home: &'static str,
    regions: BTreeSet<String>,
    /// By region (or `global`) and service: whether all calls answered.
    units: HashMap<(String, String), bool>,
}

const GLOBAL: &str = "global";

impl Coverage {
    /// What the scans say of themselves. `present` names the resources that they found, as findings do; `only` the controls
    /// that were judged, when not all were.
    pub fn of(
        headers: &[Header],
        units: &[Unit],
        present: HashSet<String>,
        only: Option<HashSet<String>>,
    ) -> Self {
        let mut accounts: BTreeMap<String, Scanned> = BTreeMap::new();
        for header in headers {
            for account in &header.accounts {
                let scanned = accounts.entry(account.id.clone()).or_default();
                scanned.home = home(&account.partition);
                scanned.regions.extend(header.regions.iter().cloned());
            }
        }
        for unit in units {
            let answered = unit.calls.values().all(|count| count.failed.is_empty());
            let scanned = accounts.entry(unit.account.clone()).or_default();
            // Read twice (two snapshots) and answered once is not answered.
            *scanned
                .units
                .entry((unit.region.clone(), unit.service.clone()))
                .or_insert(true) &= answered;
        }
        Coverage {
            accounts,
            present,
            only,
        }
    }

    /// The accounts and regions that findings may be gone from. An account that could not be entered is none of them.
    pub(crate) fn places(&self) -> BTreeSet<(String, String)> {
        let entered = self
            .accounts
            .iter()
            .filter(|(_, scanned)| scanned.entered());
        entered
            .flat_map(|(account, scanned)| {
                let home = std::iter::once(scanned.home.to_owned());
                home.chain(scanned.regions.iter().cloned())
                    .map(|region| (account.clone(), region))
            })
            .collect()
    }

    /// Whether a finding of ours that this run does not have is gone, and not only unread.
    pub(crate) fn is_gone(&self, finding: &AwsSecurityFinding) -> bool {
        self.gone(finding).unwrap_or(false)
    }

    fn gone(&self, finding: &AwsSecurityFinding) -> Option<bool> {
        let account = finding.aws_account_id()?;
        let control = finding.generator_id()?.strip_prefix(super::GENERATOR)?;
        let [resource] = finding.resources() else {
            return None;
        };
        let id = resource.id()?;
        let other = resource.details()?.other()?;
        let kind = other.get("Type")?.as_str();
        // The findings of templates name a template here: no scan tells anything of them.
        let place = match kind {
            "input" => id,
            _ => other.get("Stack")?,
        };
        let scope = place.strip_prefix(account)?.strip_prefix('/')?;
        let scanned = self.accounts.get(account)?;
        if scope != GLOBAL && !scanned.regions.contains(scope) {
            return None;
        }
        if kind == "input" {
            // A call without an answer: the run would tell it again.
            return Some(scanned.is_whole(scope));
        }
        if self
            .only
            .as_ref()
            .is_some_and(|only| !only.contains(control))
        {
            return None;
        }
        let resource_is_gone = !self.present.contains(id) && scanned.lists(kind, scope);
        // The resource is there, and its control has no more to say of it. Which other resources that hangs on nobody
        // knows here, so all of the account must have been read.
        Some(resource_is_gone || scanned.is_complete(scope))
    }
}

impl Scanned {
    fn entered(&self) -> bool {
        self.units
            .keys()
            .any(|(_, service)| READERS.iter().any(|reader| reader.service == service))
    }

    /// Whether the resources of a type were listed, with all answers of all services that tell of it.
    fn lists(&self, kind: &str, scope: &str) -> bool {
        let mut readers = READERS
            .iter()
            .filter(|reader| reader.kinds.contains(&kind))
            .peekable();
        readers.peek().is_some()
            && readers.all(|reader| {
                let asked = match reader.scope {
                    Scope::Global => GLOBAL,
                    Scope::Regional => scope,
                };
                // Some tell of resources of other regions too.
                let mut own = self
                    .units
                    .iter()
                    .filter(|((_, service), _)| service == reader.service);
                self.has(asked, reader.service) && own.all(|(_, answered)| *answered)
            })
    }

    fn has(&self, scope: &str, service: &str) -> bool {
        self.units
            .contains_key(&(scope.to_owned(), service.to_owned()))
    }

    /// Whether every service was asked there.
    fn is_whole(&self, scope: &str) -> bool {
        let here = match scope {
            GLOBAL => Scope::Global,
            _ => Scope::Regional,
        };
        READERS
            .iter()
            .filter(|reader| reader.scope == here)
            .all(|reader| self.has(scope, reader.service))
    }

    /// Whether every service was asked there, and every call of the account answered.
    fn is_complete(&self, scope: &str) -> bool {
        self.is_whole(GLOBAL)
            && self.is_whole(scope)
            && self.units.values().all(|answered| *answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security_hub::convert;
    use lockfast_snapshot::{Account, CallCount};
    use serde_json::json;

    const ACCOUNT: &str = "111111111111";
    const REGION: &str = "eu-west-1";

    fn unit(region: &str, service: &str, failed: bool) -> Unit {
        let error = failed.then(|| ("AccessDenied".to_owned(), 1));
        let count = CallCount {
            answered: 1,
            failed: error.into_iter().collect(),
        };
        Unit {
            account: ACCOUNT.into(),
            region: region.into(),
            service: service.into(),
            calls: BTreeMap::from([(format!("{service}:List"), count)]),
        }
    }

    /// All units of a scan of one region, but those of some services; calls of others fail.
    fn units(without: &[&str], failing: &[&str]) -> Vec<Unit> {
        READERS
            .iter()
            .filter(|reader| !without.contains(&reader.service))
            .map(|reader| {
                let region = match reader.scope {
                    Scope::Global => GLOBAL,
                    Scope::Regional => REGION,
                };
                unit(region, reader.service, failing.contains(&reader.service))
            })
            .collect()
    }

    fn coverage(units: &[Unit], present: &[&str], only: Option<&str>) -> Coverage {
        let header = Header {
            format: 1,
            made_by: "test".into(),
            taken: "2026-11-27T10:00:00Z".into(),
            accounts: vec![Account {
                id: ACCOUNT.into(),
                name: None,
                partition: "aws".into(),
            }],
            regions: vec![REGION.into()],
            services: Vec::new(),
        };
        Coverage::of(
            &[header],
            units,
            present.iter().map(|id| (*id).to_owned()).collect(),
            only.map(|control| HashSet::from([control.to_owned()])),
        )
    }

    fn finding(control: &str, kind: &str, id: &str, stack: Option<&str>) -> AwsSecurityFinding {
        let mut other = json!({ "Type": kind });
        if let Some(stack) = stack {
            other["Stack"] = json!(stack);
        }
        convert::finding(json!({
            "AwsAccountId": ACCOUNT,
            "GeneratorId": format!("lockfast/{control}"),
            "Resources": [{ "Id": id, "Details": { "Other": other } }],
        }))
        .expect("a finding")
    }

    fn key() -> AwsSecurityFinding {
        let stack = format!("{ACCOUNT}/{REGION}");
        finding("key-rotation", "AWS::KMS::Key", "arn:key", Some(&stack))
    }

    #[test]
    fn a_resource_that_a_whole_list_does_not_have_is_gone() {
        assert!(coverage(&[unit(REGION, "kms", false)], &[], None).is_gone(&key()));
        assert!(coverage(&units(&[], &["s3"]), &[], None).is_gone(&key()));
    }

    #[test]
    fn what_was_not_read_is_not_gone() {
        let there = |units: &[Unit], only| !coverage(units, &[], only).is_gone(&key());
        assert!(there(&[unit(REGION, "kms", true)], None));
        assert!(there(&units(&[], &["kms"]), None));
        assert!(there(&units(&["kms"], &[]), None), "not asked");
        assert!(there(&[unit("eu-central-1", "kms", false)], None));
        assert!(there(
            &[unit(REGION, "kms", false), unit("us-east-1", "kms", true)],
            None
        ));
        assert!(there(&[], None));
        assert!(there(&units(&[], &[]), Some("s3-refuses-plain-http")));
        assert!(!there(&units(&[], &[]), Some("key-rotation")));
    }

    #[test]
    fn what_a_control_no_longer_says_of_a_resource_is_gone_when_everything_was_read() {
        let gone = |units: &[Unit]| coverage(units, &["arn:key"], None).is_gone(&key());
        assert!(gone(&units(&[], &[])));
        assert!(!gone(&units(&[], &["s3"])));
        assert!(!gone(&units(&["s3"], &[])));
        assert!(!gone(&[unit(REGION, "kms", false)]));
        let mut tags = units(&[], &[]);
        tags.push(unit(REGION, "tag", true));
        assert!(!gone(&tags));
    }

    #[test]
    fn other_regions_and_templates_are_nobodys_here() {
        let whole = coverage(&units(&[], &[]), &[], None);
        for stack in [
            format!("{ACCOUNT}/us-east-1"),
            format!("222222222222/{REGION}"),
            "template.yaml".into(),
        ] {
            let finding = finding("key-rotation", "AWS::KMS::Key", "a", Some(&stack));
            assert!(!whole.is_gone(&finding), "{stack}");
        }
        let no_stack = finding("key-rotation", "AWS::KMS::Key", "a", None);
        assert!(!whole.is_gone(&no_stack));
        // A bucket stands in a region that only the global list of buckets tells of.
        let bucket = |region: &str| {
            let stack = format!("{ACCOUNT}/{region}");
            finding("s3-encrypted", "AWS::S3::Bucket", "arn:b", Some(&stack))
        };
        assert!(whole.is_gone(&bucket(REGION)));
        assert!(!whole.is_gone(&bucket("us-east-1")));
    }

    #[test]
    fn a_call_that_answers_again_is_gone_where_it_was_asked() {
        let failure = finding("input", "input", "111111111111/eu-west-1", None);
        let gone = |units: &[Unit]| coverage(units, &[], None).is_gone(&failure);
        assert!(gone(&units(&[], &["s3"])));
        assert!(!gone(&units(&["kms"], &[])));
        let template = finding("input", "input", "broken.yaml", None);
        assert!(!coverage(&units(&[], &[]), &[], None).is_gone(&template));
    }
}
