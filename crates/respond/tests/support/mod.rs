//! A world in memory: buckets with objects under a key, a key service, and faults to order.
#![allow(dead_code)]

use jiff::{SignedDuration, Timestamp};
use lockfast_operate::clock::Clock;
use lockfast_operate::ledger::Ledger;
use lockfast_respond::engine::{Going, Options, Ran, Told};
use lockfast_respond::hands::{Acted, Cursor, Hands, Problem, Progress, Seen, Verified};
use lockfast_respond::incident::{Compromised, Incident, IncidentId, IncidentKind};
use lockfast_respond::journal::{Authority, Journal};
use lockfast_respond::key_compromise::{Choices, DependentFacts, Input, KeyFacts, plan};
use lockfast_respond::plan::{Action, How, Outputs, Plan, Step, StepId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/old";
pub const CI: &str = "arn:aws:iam::111122223333:role/Ci";
pub const BUCKETS: [&str; 2] = ["invoices", "photos"];
pub const OBJECTS: usize = 5;

/// A clock that a test moves.
#[derive(Clone, Default)]
pub struct TestClock(pub Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let millis = 1_795_000_000_000 + self.0.load(Ordering::SeqCst);
        Timestamp::from_millisecond(millis).expect("a time")
    }
}

impl TestClock {
    pub fn forward(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).expect("small");
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// An object of a bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub body: String,
    pub key: String,
    /// How often it was brought under another key.
    pub moved: u32,
}

/// The world.
#[derive(Default)]
pub struct World {
    pub buckets: RefCell<BTreeMap<String, BTreeMap<String, Object>>>,
    pub defaults: RefCell<BTreeMap<String, String>>,
    /// Keys by the step that made them.
    pub keys: RefCell<Vec<(String, String)>>,
    pub aliases: RefCell<BTreeMap<String, String>>,
    pub denied: RefCell<Vec<String>>,
    pub revoked: RefCell<Vec<String>>,
    /// Calls that changed something.
    pub changes: Cell<u32>,
    /// All calls.
    pub calls: Cell<u32>,
    /// Throttles each so many-th call.
    pub throttle: Cell<u32>,
    /// Makes the next key, and gives no answer.
    pub loses: Cell<bool>,
    /// Refuses what is done to it.
    pub refuses: RefCell<Option<String>>,
    /// Says yes and keeps the old key.
    pub ignores: RefCell<Option<String>>,
    /// Writes an object under the old key when the bucket's listing was made.
    pub intrudes: Cell<bool>,
    /// Looks before a bucket is seen to be done.
    pub slow: Cell<u32>,
}

impl World {
    pub fn new() -> World {
        let world = World::default();
        for bucket in BUCKETS {
            let objects = (0..OBJECTS).map(|index| {
                let object = Object {
                    body: format!("{bucket} {index}"),
                    key: KEY.into(),
                    moved: 0,
                };
                (format!("object-{index}"), object)
            });
            world
                .buckets
                .borrow_mut()
                .insert(bucket.into(), objects.collect());
            world
                .defaults
                .borrow_mut()
                .insert(bucket.into(), KEY.into());
        }
        world
            .aliases
            .borrow_mut()
            .insert("alias/app".into(), KEY.into());
        world
    }

    fn call(&self, call: &str, on: &str) -> Result<(), Problem> {
        self.calls.set(self.calls.get() + 1);
        let problem = |what: &str, retry| Problem {
            call: call.into(),
            what: what.into(),
            retry,
        };
        if self.throttle.get() > 0 && self.calls.get().is_multiple_of(self.throttle.get()) {
            return Err(problem("Rate exceeded", true));
        }
        if self.refuses.borrow().as_deref() == Some(on) {
            return Err(problem("AccessDenied", false));
        }
        Ok(())
    }

    fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    fn new_key(&self, step: &str) -> Option<String> {
        let keys = self.keys.borrow();
        keys.iter()
            .find(|(by, _)| by == step)
            .map(|(_, arn)| arn.clone())
    }

    fn left(&self, bucket: &str, to: &str) -> Vec<String> {
        let buckets = self.buckets.borrow();
        let objects = buckets[bucket]
            .iter()
            .filter(|(_, object)| object.key != to);
        objects.map(|(name, _)| name.clone()).collect()
    }
}

fn given(name: &str, value: &str) -> BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into()
}

fn to(step: &Step, outputs: &Outputs) -> Result<String, Problem> {
    let target = step.action.target().expect("a target");
    target
        .resolve(outputs)
        .map(str::to_owned)
        .map_err(|error| Problem {
            call: "resolve".into(),
            what: error.to_string(),
            retry: false,
        })
}

impl Hands for World {
    fn look(&self, step: &Step, outputs: &Outputs) -> Result<Seen, Problem> {
        let done = |what: &str, outputs| Seen::AlreadyDone {
            verification: vec![what.to_owned()],
            outputs,
        };
        let seen = |is: bool, what: &str| {
            if is {
                done(what, BTreeMap::new())
            } else {
                Seen::Todo
            }
        };
        Ok(match &step.action {
            Action::SnapshotPolicies { key } => {
                self.call("kms:GetKeyPolicy", key)?;
                Seen::Todo
            }
            Action::DenyPrincipal { sid, .. } => {
                seen(self.denied.borrow().contains(sid), "the statement is there")
            }
            Action::RevokeSessions { role, .. } => seen(
                self.revoked.borrow().contains(role),
                "the statement is there",
            ),
            Action::CreateReplacement { .. } => match self.new_key(step.id.as_str()) {
                Some(arn) => done("a key with the step's tag is there", given("key_arn", &arn)),
                None => Seen::Todo,
            },
            Action::MoveAlias { alias, .. } => {
                let to = to(step, outputs)?;
                seen(self.aliases.borrow()[alias] == to, "the alias names it")
            }
            Action::RepointStore { resource, .. } => {
                let to = to(step, outputs)?;
                seen(
                    self.defaults.borrow()[resource] == to,
                    "the default names it",
                )
            }
            Action::ReencryptBucket { bucket, .. } => {
                self.call("s3:ListObjectVersions", bucket)?;
                let to = to(step, outputs)?;
                seen(
                    self.left(bucket, &to).is_empty(),
                    "all objects are under it",
                )
            }
            _ => Seen::Todo,
        })
    }

    fn act(
        &self,
        step: &Step,
        outputs: &Outputs,
        from: Option<Cursor>,
        told: &mut dyn FnMut(Progress) -> Result<(), Problem>,
    ) -> Result<Acted, Problem> {
        let mut acted = Acted {
            outputs: BTreeMap::new(),
            effects: vec![step.title.clone()],
        };
        match &step.action {
            Action::SnapshotPolicies { key } => {
                self.call("kms:GetKeyPolicy", key)?;
                acted.outputs = given("policy", r#"{"Statement":[]}"#);
            }
            Action::DenyPrincipal { sid, key, .. } => {
                self.call("kms:PutKeyPolicy", key)?;
                self.changed();
                self.denied.borrow_mut().push(sid.clone());
            }
            Action::RevokeSessions { role, .. } => {
                self.changed();
                self.revoked.borrow_mut().push(role.clone());
            }
            Action::CreateReplacement { old_key, .. } => {
                self.call("kms:CreateKey", old_key)?;
                self.changed();
                let number = self.keys.borrow().len() + 1;
                let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/new-{number}");
                self.keys
                    .borrow_mut()
                    .push((step.id.as_str().to_owned(), arn.clone()));
                if self.loses.take() {
                    return Err(Problem {
                        call: "kms:CreateKey".into(),
                        what: "timeout".into(),
                        retry: true,
                    });
                }
                acted.outputs = given("key_arn", &arn);
            }
            Action::MoveAlias { alias, .. } => {
                let to = to(step, outputs)?;
                self.changed();
                self.aliases.borrow_mut().insert(alias.clone(), to);
            }
            Action::RepointStore { resource, .. } => {
                let to = to(step, outputs)?;
                self.changed();
                self.defaults.borrow_mut().insert(resource.clone(), to);
            }
            Action::ReencryptBucket { bucket, how, .. } => {
                let to = to(step, outputs)?;
                let names: Vec<String> = self.buckets.borrow()[bucket].keys().cloned().collect();
                if self.intrudes.take() {
                    let mut buckets = self.buckets.borrow_mut();
                    let objects = buckets.get_mut(bucket).expect("a bucket");
                    let late = Object {
                        body: "late".into(),
                        key: KEY.into(),
                        moved: 0,
                    };
                    objects.insert("late".into(), late);
                }
                let total = u64::try_from(names.len()).ok();
                for (index, name) in names.iter().enumerate() {
                    if from.as_ref().is_some_and(|from| *name <= from.0) {
                        continue;
                    }
                    let call = if *how == How::Rewrap {
                        "s3:UpdateObjectEncryption"
                    } else {
                        "s3:CopyObject"
                    };
                    self.call(call, bucket)?;
                    let ignored = self.ignores.borrow().as_deref() == Some(bucket);
                    let mut buckets = self.buckets.borrow_mut();
                    let object = buckets
                        .get_mut(bucket)
                        .and_then(|own| own.get_mut(name))
                        .expect("an object");
                    if object.key != to && !ignored {
                        object.key.clone_from(&to);
                        object.moved += 1;
                        self.changed();
                    }
                    drop(buckets);
                    let done = u64::try_from(index + 1).expect("small");
                    told(Progress {
                        done,
                        total,
                        cursor: Some(Cursor(name.clone())),
                    })?;
                }
            }
            _ => {}
        }
        Ok(acted)
    }

    fn verify(&self, step: &Step, outputs: &Outputs) -> Result<Verified, Problem> {
        let right = |is: bool, what: &str| match is {
            true => Verified::Verified {
                facts: vec![what.to_owned()],
            },
            false => Verified::Wrong {
                why: format!("not so: {what}"),
            },
        };
        Ok(match &step.action {
            Action::DenyPrincipal { sid, .. } => {
                let times = self
                    .denied
                    .borrow()
                    .iter()
                    .filter(|own| *own == sid)
                    .count();
                right(times == 1, "the statement is there once")
            }
            Action::CreateReplacement { .. } => {
                let own = outputs.get(&step.id, "key_arn").map(str::to_owned);
                right(
                    own.is_some() && own == self.new_key(step.id.as_str()),
                    "the key is there",
                )
            }
            Action::MoveAlias { alias, .. } => right(
                self.aliases.borrow()[alias] == to(step, outputs)?,
                "the alias names it",
            ),
            Action::ReencryptBucket { bucket, .. } => {
                self.call("s3:HeadObject", bucket)?;
                if self.slow.get() > 0 {
                    self.slow.set(self.slow.get() - 1);
                    return Ok(Verified::NotYet {
                        why: "the job runs".into(),
                    });
                }
                let left = self.left(bucket, &to(step, outputs)?);
                match left.is_empty() {
                    true => right(true, "every object is under the new key"),
                    false => Verified::Wrong {
                        why: format!("under another key: {}", left.join(", ")),
                    },
                }
            }
            Action::VerifyNothingLeft { .. } => {
                let to = to(step, outputs)?;
                let left: Vec<String> = BUCKETS
                    .iter()
                    .flat_map(|bucket| self.left(bucket, &to))
                    .collect();
                right(left.is_empty(), "nothing is under the old key")
            }
            _ => right(true, "it is so"),
        })
    }
}

/// A folder in memory where there is one: hundreds of journals are written, each entry to the disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

pub fn incident() -> Incident {
    Incident {
        id: IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a]),
        kind: IncidentKind::KeyCompromise,
        subject: KEY.into(),
        opened_at: Timestamp::from_second(1_795_000_000).expect("a time"),
        opened_by: "erin".into(),
        reason: "a build log had credentials in it".into(),
        compromised: Some(Compromised::Use),
        suspects: vec![CI.into()],
        rehearsal: true,
    }
}

/// Two buckets under a key, by the planner itself.
pub fn planned(version: u32) -> Plan {
    let dependents = BUCKETS.map(|name| DependentFacts {
        kind: "AWS::S3::Bucket".into(),
        name: name.into(),
        arn: Some(format!("arn:aws:s3:::{name}")),
        label: name.into(),
        region: Some("eu-central-1".into()),
        ..DependentFacts::default()
    });
    let key = KeyFacts {
        arn: KEY.into(),
        label: "alias/app".into(),
        aliases: vec!["alias/app".into()],
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
        grants: Some(Vec::new()),
        dependents: dependents.into(),
        ..KeyFacts::default()
    };
    let input = Input {
        incident: &incident(),
        key: &key,
        used: &[],
        choices: &Choices {
            watch: false,
            ..Choices::default()
        },
        version,
    };
    plan(&input)
}

/// A journal in a file, as a new process opens it.
pub fn opened(file: &Path, clock: &TestClock) -> Journal {
    let ledger = Ledger::open(file, clock.clone()).expect("a ledger");
    Journal::begin(ledger, &incident()).expect("a journal")
}

/// The same with the plan in it.
pub fn ready(file: &Path, clock: &TestClock) -> Journal {
    let mut journal = opened(file, clock);
    if journal.state().plan.is_none() {
        journal.plan(planned(1), "erin").expect("planned");
    }
    if journal.state().authorized.is_empty() {
        let authorized = journal.authorize("erin", Authority::Confirmed);
        authorized.expect("authorized");
    }
    journal
}

/// Runs the journal's plan once more, with a step that was left.
pub fn ran_again(journal: &mut Journal, world: &dyn Hands, again: StepId) -> Ran {
    let plan = journal.state().plan.clone().expect("a plan");
    let clock = TestClock::default();
    let options = Options {
        holder: "erin 1".into(),
        lease: SignedDuration::from_mins(10),
        attempts: 1,
        patience: 1,
        checkpoint: SignedDuration::from_secs(5),
        clock: &clock,
        again: [again].into(),
        pause: &mut |_| {},
        on: &mut never_stop,
    };
    lockfast_respond::engine::run(journal, &plan, world, options).expect("it runs")
}

/// Runs the journal's plan; `on` may stop it.
pub fn ran(
    (journal, clock): (&mut Journal, &TestClock),
    world: &dyn Hands,
    holder: &str,
    on: &mut dyn FnMut(&Told<'_>) -> Going,
) -> Result<Ran, lockfast_respond::engine::EngineError> {
    let plan = journal.state().plan.clone().expect("a plan");
    let options = Options {
        holder: holder.into(),
        lease: SignedDuration::from_mins(10),
        attempts: 4,
        patience: 3,
        checkpoint: SignedDuration::ZERO,
        clock,
        again: std::collections::BTreeSet::new(),
        pause: &mut |_| {},
        on,
    };
    lockfast_respond::engine::run(journal, &plan, world, options)
}

pub fn never_stop(_: &Told<'_>) -> Going {
    Going::On
}
