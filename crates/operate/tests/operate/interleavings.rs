//! Everything at once, in any order: whatever happens, nothing is scheduled that people did not approve.

use super::world::*;
use jiff::Timestamp;
use lockfast_operate::approval::{Decision, decision_bytes};
use lockfast_operate::broker::{Broker, Outcome, Settings};
use lockfast_operate::desk::submit;
use lockfast_operate::event::{Action, Decided, Event};
use lockfast_operate::ledger::{Ledger, verify_export};
use lockfast_operate::request::DeletionRequest;
use lockfast_operate::rules::CheckedRules;
use lockfast_operate::service::{KeyState, Use};
use lockfast_operate::state::Phase;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::collections::BTreeSet;

/// What somebody hands in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Paper {
    /// A decision on this request.
    Right,
    /// One on another request of the same key.
    OtherRequest,
    /// The signature of the other decision.
    OtherDecision,
    /// No signature.
    Rubbish,
}

#[derive(Clone, Debug)]
enum Op {
    /// Ada hands the request in.
    Ask,
    Decide(u8, Decision, Paper),
    Replay(prop::sample::Index),
    /// Something else hangs on the key; 0 is what people were shown.
    Impact(u8),
    /// Other rules; 0 are those of the request.
    Rules(u8),
    Pass(i64),
    Clock(i64),
    Step {
        holder: bool,
        fuse: Option<u32>,
        fail: Fail,
        intruder: Option<(u32, Intrusion)>,
    },
    Cancel {
        holder: bool,
        fuse: Option<u32>,
    },
    EnabledOutside,
    Missed,
    Gaps(bool),
}

/// What somebody does between two calls of a step.
#[derive(Clone, Copy, Debug)]
enum Intrusion {
    Reject,
    /// The other broker; by its clock some seconds have passed.
    Step {
        jump: i64,
    },
    Cancel {
        jump: i64,
    },
}

fn intruders() -> impl Strategy<Value = Option<(u32, Intrusion)>> {
    let jump = || prop_oneof![Just(0i64), Just(61)];
    let intrusion = prop_oneof![
        1 => Just(Intrusion::Reject),
        8 => jump().prop_map(|jump| Intrusion::Step { jump }),
        1 => jump().prop_map(|jump| Intrusion::Cancel { jump }),
    ];
    prop_oneof![4 => Just(None), 1 => (0u32..5, intrusion).prop_map(Some)]
}

/// With only some of those who may approve, their number is what decides.
fn crowds() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![4 => Just(&b"BCD"[..]), 1 => Just(&b"C"[..]), 1 => Just(&b"BC"[..])]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    crowds().prop_flat_map(ops_of)
}

fn ops_of(crowd: &'static [u8]) -> impl Strategy<Value = Vec<Op>> {
    let fuse = || prop_oneof![3 => Just(None), 2 => (0u32..30).prop_map(Some)];
    let fail = prop_oneof![8 => Just(Fail::No), 1 => Just(Fail::Before), 1 => Just(Fail::After)];
    let paper = prop_oneof![
        6 => Just(Paper::Right),
        1 => Just(Paper::OtherRequest),
        1 => Just(Paper::OtherDecision),
        1 => Just(Paper::Rubbish),
    ];
    let decision = prop_oneof![30 => Just(Decision::Approve), 1 => Just(Decision::Reject)];
    let who = prop_oneof![
        12 => prop::sample::select(crowd),
        3 => prop::sample::select(b"AEM".to_vec()),
    ];
    let op = prop_oneof![
        60 => (who, decision, paper).prop_map(|(who, decision, paper)| Op::Decide(who, decision, paper)),
        8 => Just(Op::Ask),
        10 => any::<prop::sample::Index>().prop_map(Op::Replay),
        2 => (0u8..3).prop_map(Op::Impact),
        1 => (0u8..2).prop_map(Op::Rules),
        50 => (1i64..1800).prop_map(Op::Pass),
        60 => (3600i64..40 * 3600).prop_map(Op::Pass),
        1 => (300i64 * 3600..600 * 3600).prop_map(Op::Pass),
        8 => (-40i64 * 3600..40 * 3600).prop_map(Op::Clock),
        3 => Just(Op::Clock(0)),
        300 => (any::<bool>(), fuse(), fail, intruders()).prop_map(|(holder, fuse, fail, intruder)| Op::Step { holder, fuse, fail, intruder }),
        2 => (any::<bool>(), fuse()).prop_map(|(holder, fuse)| Op::Cancel { holder, fuse }),
        1 => Just(Op::EnabledOutside),
        1 => Just(Op::Missed),
        4 => any::<bool>().prop_map(Op::Gaps),
    ];
    // Mostly it is asked for before anything else happens.
    let first = prop_oneof![5 => Just(Op::Ask), 1 => Just(Op::Pass(60))];
    (first, prop::collection::vec(op, 40..90)).prop_map(|(first, mut ops)| {
        ops.insert(0, first);
        ops
    })
}

/// What is true, kept by hand and not by the code that is tested.
struct Truth {
    world: World,
    other: DeletionRequest,
    rules: [CheckedRules; 2],
    ruled_by: usize,
    impact: u8,
    approved: BTreeSet<u8>,
    rejected: bool,
    cancel_asked: bool,
    enabled_outside: bool,
    handed_in: Vec<Event>,
    asked: bool,
}

impl Truth {
    fn new() -> Self {
        let world = World::new();
        let other = request(&world.rules, &world.machine, [2; 32]);
        let mut changed = rules();
        changed.required_roles.clear();
        let rules = [world.rules.clone(), changed.check().expect("they hold")];
        Truth {
            world,
            other,
            rules,
            ruled_by: 0,
            impact: 0,
            approved: BTreeSet::new(),
            rejected: false,
            cancel_asked: false,
            enabled_outside: false,
            handed_in: Vec::new(),
            asked: false,
        }
    }

    fn settings(&self, holder: bool) -> Settings {
        settings(&self.rules[self.ruled_by], if holder { "a" } else { "b" })
    }

    fn broker(&self, holder: bool) -> Broker<&Service> {
        let settings = self.settings(holder);
        Broker::new(self.world.ledger(), &*self.world.service, settings)
    }

    /// Somebody comes in between two calls of a step by the other broker.
    fn let_in(&self, intruder: Option<(u32, Intrusion)>, holder: bool) {
        let Some((calls, intrusion)) = intruder else {
            self.world.service.intruder.replace(None);
            return;
        };
        let (service, machine) = (self.world.service.clone(), self.world.machine.clone());
        let (path, id) = (self.world.path.clone(), self.world.id.clone());
        let settings = self.settings(!holder);
        let rejection = decision_bytes(&self.world.request, Decision::Reject);
        let rejection = Decided {
            decision: Decision::Reject,
            signature: signed(&key(b'D'), &rejection),
        };
        let act = move || {
            let mut ledger = Ledger::open(&path, machine.clone()).expect("a ledger");
            let done = match intrusion {
                Intrusion::Reject => {
                    ledger.append("decision", &id, &rejection).expect("space");
                    service.note("rejected");
                    return;
                }
                Intrusion::Step { jump } => {
                    machine.off.set(machine.off.get() + jump);
                    Broker::new(ledger, &*service, settings).step(&id)
                }
                Intrusion::Cancel { jump } => {
                    machine.off.set(machine.off.get() + jump);
                    let cancelled =
                        Broker::new(ledger, &*service, settings).cancel(&id, "Ben", "needed");
                    if cancelled.is_ok() {
                        service.note("cancel asked");
                    }
                    cancelled
                }
            };
            // Whatever came of it, the other one has to cope.
            drop(done);
        };
        let intruder = (calls, Box::new(act) as Box<dyn FnOnce()>);
        self.world.service.intruder.replace(Some(intruder));
    }

    fn decide(&mut self, who: u8, decision: Decision, paper: Paper) {
        let opposite = match decision {
            Decision::Approve => Decision::Reject,
            Decision::Reject => Decision::Approve,
        };
        let statement = match paper {
            Paper::OtherRequest => decision_bytes(&self.other, decision),
            Paper::OtherDecision => decision_bytes(&self.world.request, opposite),
            Paper::Right | Paper::Rubbish => decision_bytes(&self.world.request, decision),
        };
        let signature = match paper {
            Paper::Rubbish => "approved, really".into(),
            _ => signed(&key(who), &statement),
        };
        let event = Event::Decided(Decided {
            decision,
            signature,
        });
        let at = self.world.write(&event).at;
        self.handed_in.push(event);
        self.counts(who, decision, paper, at);
    }

    /// Whether it counts under the rules of the request.
    fn counts(&mut self, who: u8, decision: Decision, paper: Paper, at: Timestamp) {
        let eligible = self.asked && b"BCD".contains(&who) && paper == Paper::Right;
        if !eligible || at > self.world.request.expires_at {
            return;
        }
        match decision {
            Decision::Approve => {
                self.approved.insert(who);
            }
            Decision::Reject => self.rejected = true,
        }
    }

    /// A copy of something handed in counts as little, or as much, as that did: whoever signed it did sign it.
    fn replay(&mut self, which: &prop::sample::Index) {
        if self.handed_in.is_empty() {
            return;
        }
        let event = self.handed_in[which.index(self.handed_in.len())].clone();
        let at = self.world.write(&event).at;
        let Event::Decided(decided) = &event else {
            return;
        };
        for who in *b"BCD" {
            let statement = decision_bytes(&self.world.request, decided.decision);
            if decided.signature == signed(&key(who), &statement) {
                self.counts(who, decided.decision, Paper::Right, at);
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        let scheduled_before = self.world.service.count("schedule");
        let world = &self.world;
        match op {
            Op::Ask => {
                let (mut ledger, rules) = (world.ledger(), &world.rules);
                let asked = submit(&mut ledger, rules, POLICY, &world.request, &impact());
                assert!(asked.is_err() || !self.asked, "once");
                self.asked |= asked.is_ok();
            }
            Op::Decide(who, decision, paper) => self.decide(*who, *decision, *paper),
            Op::Replay(which) => self.replay(which),
            Op::Impact(which) => {
                let mut now = impact();
                now.aliases
                    .extend((0..*which).map(|n| format!("alias/{n}")));
                world.service.impact.replace(now);
                self.impact = *which;
            }
            Op::Rules(which) => self.ruled_by = usize::from(*which),
            Op::Pass(seconds) => world.machine.pass_seconds(*seconds),
            Op::Clock(off) => world.machine.off.set(*off),
            Op::Step {
                holder,
                fuse,
                fail,
                intruder,
            } => {
                world.service.fail.set(*fail);
                self.let_in(*intruder, *holder);
                let outcome = world.killed_after(*fuse, || self.broker(*holder).step(&world.id));
                world.service.fail.set(Fail::No);
                // Who has not come yet does not come later.
                self.let_in(None, *holder);
                // Whatever goes wrong says so, and is gone on with.
                if let Some(Ok(Outcome::Done { .. })) = outcome {
                    assert!(world.service.state.borrow().is_pending());
                }
            }
            Op::Cancel { holder, fuse } => {
                let cancel = || self.broker(*holder).cancel(&world.id, "Ben", "needed");
                let outcome = world.killed_after(*fuse, cancel);
                if let Some(Ok(Outcome::Ended { phase, .. })) = outcome {
                    assert_eq!(phase, Phase::Cancelled);
                    assert!(!world.service.state.borrow().is_pending());
                }
            }
            Op::EnabledOutside => {
                if world.service.is(KeyState::Disabled) {
                    world.service.state.replace(KeyState::Enabled);
                    self.enabled_outside = true;
                }
            }
            Op::Missed => world.service.failures.borrow_mut().push(Use {
                at: world.machine.true_time(),
                principal: "orders".into(),
                operation: "Decrypt".into(),
                context: String::new(),
            }),
            Op::Gaps(gaps) => world.service.complete.set(!gaps),
        }
        if self.world.service.count("schedule") > scheduled_before {
            self.was_rightly_scheduled(matches!(op, Op::Step { .. }));
        }
        let entries = self.world.entries();
        self.cancel_asked |= entries.iter().any(|entry| entry.kind == "cancel");
    }

    fn was_rightly_scheduled(&self, by_a_step: bool) {
        let service = &self.world.service;
        assert!(by_a_step, "only a step schedules");
        assert_eq!(service.count("schedule"), 1, "once");
        assert!(self.approved.len() >= 2, "by two: {:?}", self.approved);
        assert!(
            self.approved.iter().any(|who| b"CD".contains(who)),
            "security"
        );
        assert!(!self.rejected && !self.cancel_asked);
        let calls = service.effects.borrow();
        let mut before = calls
            .iter()
            .map(|effect| effect.call)
            .take_while(|call| *call != "schedule");
        assert!(before.all(|call| !matches!(call, "rejected" | "cancel asked")));
        drop(calls);
        assert_eq!((self.impact, self.ruled_by), (0, 0), "what was approved");
        assert!(service.failures.borrow().is_empty() && service.complete.get());
        let effects = service.effects.borrow();
        let at = |call| {
            let found = effects.iter().find(|effect| effect.call == call);
            found.map(|effect| effect.at).expect("it was called")
        };
        let observed = at("schedule") - at("disable");
        assert!(observed >= i64::from(OBSERVED_HOURS) * 3600, "{observed} s");
        // And by the ledger it was in time.
        let entries = self.world.entries();
        let mut intents = entries.iter().filter(|entry| {
            matches!(Event::of(entry), Ok(Event::Intended(intended)) if intended.action == Action::Schedule)
        });
        assert!(intents.all(|entry| entry.at <= self.world.request.expires_at));
    }

    /// However it went, it can be taken back in the end, and the ledger is whole.
    fn end(&self) {
        let world = &self.world;
        let mut ledger = world.ledger();
        let found = ledger.verify().expect("readable");
        assert!(found.is_whole(), "{:?}", found.faults);
        let mut export = Vec::new();
        let head = ledger.export(&mut export).expect("space");
        let found = verify_export(&export[..], head.as_ref()).expect("readable");
        assert!(found.is_whole(), "{:?}", found.faults);
        if !self.enabled_outside {
            assert!(world.service.count("disable") <= 1);
        }
        if !self.asked {
            assert!(world.service.effects.borrow().is_empty());
            return;
        }
        for _ in 0..10 {
            let outcome = self.broker(true).cancel(&world.id, "Ben", "the end");
            match outcome.expect("cancels") {
                Outcome::Ended { phase, .. } => {
                    assert_eq!(phase, Phase::Cancelled);
                    assert!(world.service.is(KeyState::Enabled));
                    return;
                }
                // A clock far behind the ledger stands still for it.
                Outcome::Busy { .. } => {
                    let behind = world.machine.off.get().min(0);
                    world.machine.off.set(0);
                    world.machine.pass_seconds(90 * 3600 - behind);
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("it cannot be taken back");
    }
}

#[test]
fn whatever_happens_nothing_is_scheduled_that_was_not_approved() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(120);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    // The same on every machine; PROPTEST_CASES has it go further.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let scheduled = Cell::new(0u32);
    let went = runner.run(&ops(), |ops| {
        let mut truth = Truth::new();
        for op in &ops {
            truth.apply(op);
        }
        truth.end();
        let count = truth.world.service.count("schedule");
        scheduled.set(scheduled.get() + u32::from(count > 0));
        Ok(())
    });
    if let Err(error) = went {
        panic!("{error}");
    }
    eprintln!("{} of {cases} came to a deletion", scheduled.get());
    // A test in which nothing ever happens would find nothing.
    assert!(
        scheduled.get() * 12 > cases,
        "{} of {cases}",
        scheduled.get()
    );
}
