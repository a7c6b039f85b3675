//! What is generated, read as lockfast reads it.
#![allow(clippy::unwrap_used)]

use lockfast_cloudtrail::files;
use lockfast_cloudtrail::{Report, kms, read};
use lockfast_trail_generator::{Plan, Scenario, Written, write};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{LazyLock, Mutex};

/// What is kept of a record.
#[derive(Clone, Debug)]
struct Record {
    id: String,
    time: i64,
    source: String,
    name: String,
    region: String,
    account: String,
    principal: String,
    error: Option<String>,
    tls: Option<String>,
    suite: Option<String>,
    keys: Vec<String>,
    shared: Option<String>,
    length_of_path: usize,
}

fn plan(events: u64, files: usize) -> Plan {
    Plan {
        events,
        files,
        ..Plan::default()
    }
}

fn written(plan: &Plan, folder: &Path) -> Written {
    write(plan, folder, |_| {}).unwrap()
}

fn records(folder: &Path) -> (Report, Vec<Record>) {
    let found = files::find(&[folder.join("AWSLogs")]).unwrap();
    assert!(found.problems.is_empty());
    let all = Mutex::new(Vec::new());
    let report = read(&found.files, &[], |file, event| {
        let text = |it: &Option<std::borrow::Cow<str>>| it.as_deref().map(str::to_owned);
        let tls = event.tls.as_ref();
        let place = file.place.as_ref().unwrap();
        let record = Record {
            id: text(&event.id).unwrap(),
            time: event.time.unwrap().as_second(),
            source: text(&event.source).unwrap(),
            name: text(&event.name).unwrap(),
            region: text(&event.region).unwrap(),
            account: text(&event.recipient_account_id).unwrap(),
            principal: event.principal().unwrap().into_owned(),
            error: text(&event.error_code),
            tls: tls.and_then(|tls| text(&tls.version)),
            suite: tls.and_then(|tls| text(&tls.cipher_suite)),
            keys: kms::uses(event)
                .iter()
                .map(|it| it.key.to_string())
                .collect(),
            shared: text(&event.shared_event_id),
            length_of_path: file.path.iter().count(),
        };
        assert_eq!(record.region, place.region);
        assert_eq!(record.account, place.account);
        all.lock().unwrap().push(record);
    });
    assert_eq!(report.problems, []);
    (report, all.into_inner().unwrap())
}

/// All files below, with their bytes.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap();
                    let bytes = std::fs::read(&path).unwrap();
                    all.insert(name.to_string_lossy().into_owned(), bytes);
                }
            }
        }
    }
    all
}

/// What several tests look at.
struct Made {
    plan: Plan,
    written: Written,
    told: u64,
    report: Report,
    records: Vec<Record>,
    labels: serde_json::Value,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let told = Mutex::new(0);
    let plan = plan(20_000, 300);
    let written = write(&plan, folder.path(), |more| *told.lock().unwrap() += more).unwrap();
    let (report, records) = records(folder.path());
    let labels = std::fs::read(folder.path().join("labels")).unwrap();
    Made {
        plan,
        written,
        told: told.into_inner().unwrap(),
        report,
        records,
        labels: serde_json::from_slice(&labels).unwrap(),
    }
});

fn by_id(records: &[Record]) -> HashMap<&str, &Record> {
    records.iter().map(|it| (it.id.as_str(), it)).collect()
}

#[test]
fn the_same_by_any_number_of_threads() {
    let plan = plan(4_000, 60);
    let made = [1, 2, 2].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon(threads);
        let written = pool.install(|| written(&plan, folder.path()));
        (written, bytes(folder.path()))
    });
    assert_eq!(made[0].0, made[1].0);
    assert!(made[0].1 == made[1].1 && made[1].1 == made[2].1);
    let folder = tempfile::tempdir().unwrap();
    let other = Plan { seed: 2, ..plan };
    let other = written(&other, folder.path());
    assert_ne!(other.labels, made[0].0.labels);
}

fn rayon(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

#[test]
fn counts_and_copies_are_what_is_told() {
    let Made {
        plan,
        written,
        told,
        report,
        records,
        ..
    } = &*MADE;
    assert_eq!(*told, written.records);
    assert_eq!(report.records, written.records);
    assert_eq!(report.files, written.files);
    assert_eq!(report.bytes, written.bytes);
    assert_eq!(report.inflated, written.inflated);
    let ids: HashSet<&str> = records.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids.len() as u64, written.events);
    assert!(written.events > plan.events);
    let copies = (written.records - written.events) as f64 / written.events as f64;
    assert!((0.15..0.25).contains(&copies), "{copies}");
    // Both an organisation's trail and the accounts' own.
    let lengths: BTreeSet<_> = records.iter().map(|it| it.length_of_path).collect();
    assert_eq!(lengths.len(), 2);
    // Every day of every account and region is covered, and the next one by what was delivered after midnight.
    let regions: BTreeSet<&str> = plan.regions.iter().map(String::as_str).collect();
    let of_plan = |region: &str| regions.contains(region);
    let covered: Vec<_> = report.coverage.iter().collect();
    let covered = covered.iter().filter(|((_, region), _)| of_plan(region));
    let days: Vec<usize> = covered.map(|(_, days)| days.len()).collect();
    assert_eq!(days.len(), plan.accounts * plan.regions.len());
    assert!(days.iter().all(|days| *days >= 28), "{days:?}");
}

#[test]
fn every_label_is_in_the_logs() {
    let Made { plan, written, .. } = &*MADE;
    let records = by_id(&MADE.records);
    let played: BTreeSet<_> = written.labels.iter().map(|it| it.scenario).collect();
    let all: BTreeSet<_> = Scenario::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(played, all);
    assert_eq!(written.labels.len(), all.len());
    let start = plan.start.at(0, 0, 0, 0);
    let start = jiff::tz::Offset::UTC
        .to_timestamp(start)
        .unwrap()
        .as_second();
    let period = i64::from(plan.days) * 86_400;
    for label in &written.labels {
        let name = label.scenario;
        let of_label: Vec<_> = label
            .event_ids
            .iter()
            .map(|id| records[id.as_str()])
            .collect();
        assert!(!of_label.is_empty(), "{name}");
        let unique: HashSet<_> = label.event_ids.iter().collect();
        assert_eq!(unique.len(), of_label.len(), "{name}");
        for record in &of_label {
            assert!(record.time >= label.from.as_second(), "{name}");
            assert!(record.time <= label.until.as_second(), "{name}");
        }
        assert!(
            (label.from.as_second() - start) as f64 >= 0.6 * period as f64,
            "{name}"
        );
        assert!(label.until.as_second() < start + period, "{name}");
        assert!(
            of_label.iter().any(|it| it.principal == label.principal),
            "{name}"
        );
        // Where a key is what it is about, lockfast finds its use, unless there is none.
        let unused = ["rotation-disabled", "forbidden-replica"];
        if let Some(resource) = &label.resource
            && resource.starts_with("arn:aws:kms:")
            && !unused.contains(&name)
        {
            let used = of_label.iter().any(|it| it.keys.contains(resource));
            assert!(used, "{name}: {resource}");
        }
    }
    let labels = &MADE.labels;
    assert_eq!(labels.as_array().unwrap().len(), written.labels.len());
    assert_eq!(
        labels[0]["event_ids"].as_array().unwrap().len(),
        written.labels[0].event_ids.len()
    );
}

#[test]
fn what_a_detector_has_to_see_is_there() {
    let Made { plan, written, .. } = &*MADE;
    let records = by_id(&MADE.records);
    let label = |name: &str| {
        written
            .labels
            .iter()
            .find(|it| it.scenario == name)
            .unwrap()
    };
    let of = |name: &str| -> Vec<&Record> {
        let ids = label(name).event_ids.iter();
        ids.map(|id| records[id.as_str()]).collect()
    };
    let names =
        |name: &str| -> BTreeSet<&str> { of(name).iter().map(|it| it.name.as_str()).collect() };
    // Whoever uses a key for the first time did not before, and whoever is known did.
    let uses_before = |name: &str| {
        let label = label(name);
        let key = label.resource.as_deref().unwrap();
        let from = label.from.as_second();
        let mut before = records.values().filter(|it| it.time < from);
        before.any(|it| it.principal == label.principal && it.keys.iter().any(|it| it == key))
    };
    for name in [
        "new-principal",
        "new-region",
        "login-without-mfa",
        "new-deployment",
    ] {
        assert!(!uses_before(name), "{name}");
    }
    for name in [
        "decrypt-burst",
        "new-network",
        "after-silence",
        "new-context",
        "release",
        "slow-exfiltration",
        "no-service-use",
        "monthly-batch",
        "data-key-harvest",
    ] {
        assert!(uses_before(name), "{name}");
    }
    let regions: BTreeSet<&str> = of("new-region")
        .iter()
        .map(|it| it.region.as_str())
        .collect();
    assert!(
        regions
            .iter()
            .all(|it| !plan.regions.iter().any(|region| region == it))
    );
    let denied = of("denied-spike");
    assert!(
        denied
            .iter()
            .all(|it| it.error.as_deref() == Some("AccessDenied") && it.keys.len() == 1)
    );
    let looked = of("enumeration");
    let refused = looked.iter().filter(|it| it.error.is_some()).count();
    assert!(refused * 2 > looked.len());
    assert!(of("data-key-harvest").len() >= 3_000);
    assert!(names("key-deletion").contains("ScheduleKeyDeletion"));
    assert!(names("policy-opened").contains("PutKeyPolicy"));
    assert!(names("outside-grant").contains("CreateGrant"));
    assert!(names("material-deleted").contains("DeleteImportedKeyMaterial"));
    assert!(names("rotation-disabled").contains("DisableKeyRotation"));
    assert!(names("bulk-secrets").contains("BatchGetSecretValue"));
    assert_eq!(
        names("trail-stopped"),
        BTreeSet::from(["PutEventSelectors", "StopLogging"])
    );
    assert!(names("ransomware").contains("CopyObject"));
    assert!(names("login-without-mfa").contains("ConsoleLogin"));
}

#[test]
fn proportions_of_ordinary_days() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        scenarios: Vec::new(),
        copies: 0.0,
        organization: None,
        ..plan(40_000, 300)
    };
    let written = written(&plan, folder.path());
    assert_eq!((written.events, written.records), (40_000, 40_000));
    assert_eq!(written.labels, []);
    let (_, records) = records(folder.path());
    let share = |of: &dyn Fn(&Record) -> bool| {
        records.iter().filter(|it| of(it)).count() as f64 / records.len() as f64
    };
    let is = |source: &'static str| move |it: &Record| it.source == source;
    let of_kms = share(&is("kms.amazonaws.com"));
    let of_secrets = share(&is("secretsmanager.amazonaws.com"));
    let of_parameters = share(&is("ssm.amazonaws.com"));
    assert!((0.02..0.04).contains(&of_kms), "{of_kms}");
    assert!((0.005..0.01).contains(&of_secrets), "{of_secrets}");
    assert!((0.001..0.01).contains(&of_parameters), "{of_parameters}");
    let a_record = written.inflated as f64 / written.records as f64;
    assert!((1_200.0..1_700.0).contains(&a_record), "{a_record}");
    // Older than TLS 1.2 is one principal only, and seldom.
    let old = |it: &Record| matches!(it.tls.as_deref(), Some("TLSv1" | "TLSv1.1"));
    let olds: BTreeSet<&str> = records
        .iter()
        .filter(|it| old(it))
        .map(|it| &it.principal[..])
        .collect();
    assert_eq!(olds.len(), 1);
    let old = share(&old);
    assert!((0.000_05..0.001).contains(&old), "{old}");
    let weak = share(&|it: &Record| it.suite.as_deref().is_some_and(|it| it.starts_with("AES")));
    assert!((0.001..0.01).contains(&weak), "{weak}");
    // People work on working days.
    let people = |it: &&Record| it.principal.contains("AWSReservedSSO");
    let of_people = records.iter().filter(people).count();
    let hour = |it: &&Record| it.time.rem_euclid(86_400) / 3_600;
    let at_night = records
        .iter()
        .filter(people)
        .filter(|it| hour(it) < 5)
        .count();
    assert!(
        of_people > 300 && at_night * 20 < of_people,
        "{at_night} of {of_people}"
    );
    let key_use = |it: &Record| it.source == "kms.amazonaws.com" && kms::is_cryptographic(&it.name);
    assert!(
        records
            .iter()
            .filter(|it| key_use(it))
            .all(|it| !it.keys.is_empty())
    );
}

#[test]
fn small_plans_and_odd_ones() {
    let plans = [
        Plan {
            events: 0,
            ..plan(0, 1)
        },
        Plan {
            accounts: 1,
            regions: vec!["il-central-1".into()],
            days: 1,
            ..plan(500, 1)
        },
        Plan {
            accounts: 12,
            days: 3,
            copies: 1.0,
            organization: None,
            ..plan(3_000, 5)
        },
        Plan {
            days: 40,
            regions: vec!["ap-southeast-1".into(), "sa-east-1".into()],
            ..plan(2_000, 5)
        },
    ];
    for plan in plans {
        let folder = tempfile::tempdir().unwrap();
        let written = written(&plan, folder.path());
        let (report, _) = records(folder.path());
        assert_eq!(report.records, written.records);
        let labels = &written.labels;
        assert_eq!(labels.len(), Scenario::ALL.len(), "{plan:?}");
        let end = plan
            .start
            .checked_add(jiff::Span::new().days(plan.days))
            .unwrap();
        let until = labels.iter().map(|it| it.until.to_string()).max().unwrap();
        assert!(until[..10] < end.to_string()[..], "{until}: {plan:?}");
    }
}

#[test]
fn partners_have_a_record_each() {
    let mut of_shared: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for record in &MADE.records {
        if let Some(shared) = &record.shared {
            let of = of_shared.entry(shared.as_str()).or_default();
            of.insert((&record.account, &record.id));
        }
    }
    let both: Vec<_> = of_shared.values().filter(|it| it.len() == 2).collect();
    assert!(both.len() > 100);
    for records in both {
        let accounts: BTreeSet<_> = records.iter().map(|(account, _)| account).collect();
        assert_eq!(accounts.len(), 2);
    }
}
