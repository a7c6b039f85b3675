//! A service with one key, people, and clocks that are set by hand.

use jiff::{SignedDuration, Timestamp};
use lockfast_operate::approval::{Decision, NAMESPACE, decision_bytes};
use lockfast_operate::broker::{Broker, BrokerError, Outcome, Settings};
use lockfast_operate::clock::Clock;
use lockfast_operate::event::{Decided, Event};
use lockfast_operate::impact::Impact;
use lockfast_operate::ledger::{Entry, Ledger};
use lockfast_operate::request::{Asked, DeletionRequest, Parameters};
use lockfast_operate::rules::{CheckedRules, Person, Rules};
use lockfast_operate::service::{
    Canary, KeyDescription, KeyService, KeyState, ServiceError, Use, Uses,
};
use lockfast_operate::state::Phase;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

pub const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/0a1b";
pub const POLICY: &str = "the policy's hash";
pub const OBSERVED_HOURS: u32 = 24;
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// What is thrown in the place of a process that is killed.
pub struct Killed;

/// A cell that may be shared with the ledger's clock.
#[derive(Default)]
pub struct Shared<T>(Mutex<T>);

impl<T: Copy + Default> Shared<T> {
    pub fn get(&self) -> T {
        *self.0.lock().expect("no panic meanwhile")
    }
    pub fn set(&self, value: T) {
        *self.0.lock().expect("no panic meanwhile") = value;
    }
}

/// Time, and when to kill.
#[derive(Default)]
pub struct Machine {
    /// The service's time in seconds: it only goes on.
    pub time: Shared<i64>,
    /// By how much this machine's clock is off.
    pub off: Shared<i64>,
    /// After how many calls and readings of the clock the process is killed.
    pub fuse: Shared<Option<u32>>,
}

impl Machine {
    /// The service's time.
    pub fn true_time(&self) -> Timestamp {
        Timestamp::from_second(self.time.get()).expect("a time")
    }

    pub fn pass(&self, hours: i64) {
        self.pass_seconds(hours * 3600);
    }

    pub fn pass_seconds(&self, seconds: i64) {
        self.time.set(self.time.get() + seconds);
    }

    /// The process may be killed here.
    fn point(&self) {
        match self.fuse.get() {
            Some(0) => {
                self.fuse.set(None);
                // No message: a hook would print one for each.
                resume_unwind(Box::new(Killed));
            }
            Some(left) => self.fuse.set(Some(left - 1)),
            None => {}
        }
    }
}

impl Clock for Machine {
    /// A ledger reads it in the middle of what it writes, before anything is on the disk.
    fn now(&self) -> Timestamp {
        self.point();
        Timestamp::from_second(self.time.get() + self.off.get()).expect("a time")
    }
}

/// How the next call that changes something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// It does not.
    No,
    /// Nothing is done.
    Before,
    /// It is done, and the answer lost.
    After,
    /// It is done after half a minute, and the answer lost.
    Late,
}

/// A call that had an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub call: &'static str,
    pub at: i64,
}

/// A service with one key.
pub struct Service {
    pub machine: Arc<Machine>,
    pub state: RefCell<KeyState>,
    pub deletion_date: Cell<Option<Timestamp>>,
    pub impact: RefCell<Impact>,
    pub canary: RefCell<Canary>,
    pub failures: RefCell<Vec<Use>>,
    pub complete: Cell<bool>,
    pub late_hours: Cell<i64>,
    pub tells_time: Cell<bool>,
    pub fail: Cell<Fail>,
    pub effects: RefCell<Vec<Effect>>,
    pub asked_since: Cell<Option<Timestamp>>,
    /// What takes effect later, and when.
    late: RefCell<Option<Late>>,
    /// Somebody who comes in between: after how many calls, and what they do.
    pub intruder: RefCell<Option<Intruder>>,
}

/// When something takes effect, which call it was, and how it leaves the key.
type Late = (i64, &'static str, KeyState, Option<Timestamp>);

/// Somebody who comes in between.
pub type Intruder = (u32, Box<dyn FnOnce()>);

impl Service {
    pub fn new(machine: Arc<Machine>) -> Self {
        Service {
            machine,
            state: RefCell::new(KeyState::Enabled),
            deletion_date: Cell::new(None),
            impact: RefCell::new(impact()),
            canary: RefCell::new(Canary {
                needs: vec![],
                unknowns: vec![],
            }),
            failures: RefCell::default(),
            complete: Cell::new(true),
            late_hours: Cell::new(0),
            tells_time: Cell::new(true),
            fail: Cell::new(Fail::No),
            effects: RefCell::default(),
            asked_since: Cell::new(None),
            late: RefCell::new(None),
            intruder: RefCell::new(None),
        }
    }

    pub fn count(&self, call: &str) -> usize {
        let effects = self.effects.borrow();
        effects.iter().filter(|effect| effect.call == call).count()
    }

    pub fn is(&self, state: KeyState) -> bool {
        *self.state.borrow() == state
    }

    /// Somebody may come in between here.
    fn intrusion(&self) {
        let mut waiting = self.intruder.borrow_mut();
        let due = match &mut *waiting {
            Some((0, _)) => waiting.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        drop(waiting);
        if let Some((_, act)) = due {
            act();
        }
    }

    /// Notes something in its place among the calls.
    pub fn note(&self, call: &'static str) {
        self.effects.borrow_mut().push(Effect {
            call,
            at: self.machine.time.get(),
        });
    }

    /// A call that changes the key from some states to another.
    fn change(
        &self,
        call: &'static str,
        from: impl Fn(&KeyState) -> bool,
        to: KeyState,
        deletion_date: Option<Timestamp>,
    ) -> Result<(), ServiceError> {
        self.machine.point();
        let error = |what: &str| {
            Err(ServiceError {
                call: call.into(),
                what: what.into(),
            })
        };
        let fail = self.fail.replace(Fail::No);
        if fail == Fail::Before {
            return error("service unavailable");
        }
        if fail == Fail::Late {
            let due = self.machine.time.get() + 30;
            self.late.replace(Some((due, call, to, deletion_date)));
            return error("no answer");
        }
        if !from(&self.state.borrow()) {
            return error("invalid state");
        }
        self.state.replace(to);
        self.deletion_date.set(deletion_date);
        self.note(call);
        self.intrusion();
        self.machine.point();
        match fail {
            Fail::After => error("the connection was closed"),
            _ => Ok(()),
        }
    }

    fn read<T>(&self, value: impl Fn() -> T) -> Result<T, ServiceError> {
        self.machine.point();
        let late = self.late.borrow().clone();
        if let Some((due, call, to, date)) = late
            && due <= self.machine.time.get()
        {
            self.late.replace(None);
            self.state.replace(to);
            self.deletion_date.set(date);
            self.note(call);
        }
        let value = value();
        self.intrusion();
        Ok(value)
    }
}

impl KeyService for Service {
    fn describe(&self, _: &str) -> Result<KeyDescription, ServiceError> {
        self.read(|| KeyDescription {
            state: self.state.borrow().clone(),
            deletion_date: self.deletion_date.get(),
            seen_at: self.tells_time.get().then(|| self.machine.true_time()),
        })
    }
    fn disable(&self, _: &str) -> Result<(), ServiceError> {
        let from = |state: &KeyState| matches!(state, KeyState::Enabled | KeyState::Disabled);
        self.change("disable", from, KeyState::Disabled, None)
    }
    fn enable(&self, _: &str) -> Result<(), ServiceError> {
        let from = |state: &KeyState| matches!(state, KeyState::Enabled | KeyState::Disabled);
        self.change("enable", from, KeyState::Enabled, None)
    }
    fn schedule_deletion(&self, _: &str, days: u32) -> Result<Timestamp, ServiceError> {
        let window = SignedDuration::from_hours(24 * i64::from(days));
        let date = self.machine.true_time() + window;
        let from = |state: &KeyState| matches!(state, KeyState::Enabled | KeyState::Disabled);
        self.change("schedule", from, KeyState::PendingDeletion, Some(date))?;
        Ok(date)
    }
    fn cancel_deletion(&self, _: &str) -> Result<(), ServiceError> {
        self.change("cancel", KeyState::is_pending, KeyState::Disabled, None)
    }
    fn failing_uses(&self, _: &str, since: Timestamp) -> Result<Uses, ServiceError> {
        self.asked_since.set(Some(since));
        self.read(|| Uses {
            looked_until: self.machine.true_time()
                - SignedDuration::from_hours(self.late_hours.get()),
            failures: self.failures.borrow().clone(),
            complete: self.complete.get(),
        })
    }
    fn impact(&self, _: &str) -> Result<Impact, ServiceError> {
        self.read(|| self.impact.borrow().clone())
    }
    fn canary(&self, _: &str) -> Result<Canary, ServiceError> {
        self.read(|| self.canary.borrow().clone())
    }
}

pub fn impact() -> Impact {
    Impact {
        key_arn: KEY.into(),
        aliases: vec!["alias/orders".into()],
        ..Impact::default()
    }
}

/// Somebody's key; the letter is their name's first.
pub fn key(letter: u8) -> PrivateKey {
    let pair = Ed25519Keypair::from_seed(&[letter; 32]);
    PrivateKey::new(KeypairData::Ed25519(pair), "").expect("a key")
}

pub fn signed(key: &PrivateKey, statement: &[u8]) -> String {
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, statement);
    let signature = signature.expect("a signature").to_pem(LineEnding::LF);
    signature.expect("text")
}

/// Ada asks. Ben, Cleo and Dan may approve, Cleo or Dan at least; Eve may not what Ada asks for. Mallory is nobody.
pub fn rules() -> Rules {
    let person = |name: &str, role: &str| Person {
        name: name.into(),
        email: None,
        roles: vec![role.into()],
        keys: vec![
            key(name.as_bytes()[0])
                .public_key()
                .to_openssh()
                .expect("a line"),
        ],
    };
    Rules {
        quorum: 2,
        approvers: vec![
            person("Ada", "owner"),
            person("Ben", "owner"),
            person("Cleo", "security"),
            person("Dan", "security"),
            person("Eve", "team"),
        ],
        required_roles: [("security".to_owned(), 1)].into(),
        may_not_approve: vec![("owner".into(), "team".into())],
    }
}

/// Everything that a request needs, in a folder.
pub struct World {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
    pub machine: Arc<Machine>,
    pub service: Rc<Service>,
    pub rules: CheckedRules,
    pub request: DeletionRequest,
    pub id: String,
}

impl World {
    /// With a request by Ada that is not handed in yet; it expires after 20 days.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Arc::new(Machine::default());
        machine.time.set(1_800_000_000);
        let rules = rules().check().expect("they hold");
        let request = request(&rules, &machine, [1; 32]);
        World {
            path: folder.path().join("ledger.db"),
            _folder: folder,
            service: Rc::new(Service::new(machine.clone())),
            machine,
            rules,
            id: request.id(),
            request,
        }
    }

    /// With the request handed in.
    pub fn asked() -> Self {
        let world = World::new();
        let mut ledger = world.ledger();
        let submitted = lockfast_operate::desk::submit(
            &mut ledger,
            &world.rules,
            POLICY,
            &world.request,
            &impact(),
        );
        submitted.expect("a request");
        world
    }

    /// With the approvals of Ben and Cleo.
    pub fn approved() -> Self {
        let world = World::asked();
        for letter in [b'B', b'C'] {
            world.decided(letter, Decision::Approve);
        }
        world
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::open(&self.path, self.machine.clone()).expect("a ledger")
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.ledger().entries_of(&self.id).expect("readable")
    }

    /// Writes somebody's decision past the desk.
    pub fn decided(&self, letter: u8, decision: Decision) -> Entry {
        let signature = signed(&key(letter), &decision_bytes(&self.request, decision));
        self.write(&Event::Decided(Decided {
            decision,
            signature,
        }))
    }

    pub fn write(&self, event: &Event) -> Entry {
        let Event::Decided(body) = event else {
            panic!("only decisions come from outside")
        };
        let written = self.ledger().append(event.kind(), &self.id, body);
        written.expect("space")
    }

    pub fn broker(&self, holder: &str) -> Broker<&Service> {
        let settings = settings(&self.rules, holder);
        Broker::new(self.ledger(), &*self.service, settings)
    }

    pub fn step(&self, holder: &str) -> Result<Outcome, BrokerError> {
        self.broker(holder).step(&self.id)
    }

    /// Steps until there is nothing more to do now.
    pub fn run(&self, holder: &str) -> Outcome {
        for _ in 0..20 {
            match self.step(holder).expect("a step") {
                Outcome::Progress(_) | Outcome::Changed => {}
                other => return other,
            }
        }
        panic!("it never ends")
    }

    pub fn cancel(&self, holder: &str) -> Result<Outcome, BrokerError> {
        self.broker(holder).cancel(&self.id, "Ben", "it is needed")
    }

    /// Does something in a process that may be killed; nothing when it was.
    pub fn killed_after<T>(&self, fuse: Option<u32>, act: impl FnOnce() -> T) -> Option<T> {
        self.machine.fuse.set(fuse);
        let done = caught(act);
        self.machine.fuse.set(None);
        done
    }
}

pub fn settings(rules: &CheckedRules, holder: &str) -> Settings {
    Settings {
        rules: rules.clone(),
        policy: POLICY.into(),
        holder: holder.into(),
        lease: LEASE,
    }
}

/// What something comes to, in a process that may be killed; nothing when it was.
pub fn caught<T>(act: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => Some(value),
        Err(thrown) if thrown.is::<Killed>() => None,
        Err(thrown) => resume_unwind(thrown),
    }
}

pub fn request(rules: &CheckedRules, machine: &Machine, nonce: [u8; 32]) -> DeletionRequest {
    let now = machine.true_time();
    let asked = Asked {
        key_arn: KEY.into(),
        parameters: Parameters {
            pending_window_days: 30,
            observation_hours: OBSERVED_HOURS,
        },
        reason: "the shop was closed".into(),
        override_reason: None,
        requester: "Ada".into(),
        expires_at: now + SignedDuration::from_hours(20 * 24),
    };
    let policy_hash = rules.policy_hash(POLICY);
    DeletionRequest::with_nonce(asked, &impact(), &policy_hash, now, nonce).expect("a request")
}

/// Up to the end of the observation.
pub fn observed() -> World {
    let world = World::approved();
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.pass(i64::from(OBSERVED_HOURS) + 1);
    world
}

pub fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Stopped { why, .. } | Outcome::Ended { why, .. } => why.join("; "),
        Outcome::Unknown { what } => what.clone(),
        other => panic!("{other:?}"),
    }
}

pub fn phase(world: &World) -> Phase {
    world
        .broker("reader")
        .status(&world.id)
        .expect("a status")
        .phase
}
