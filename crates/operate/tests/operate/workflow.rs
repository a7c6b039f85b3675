//! One thing at a time.

use super::world::*;
use jiff::SignedDuration;
use lockfast_operate::approval::{Decision, decision_bytes};
use lockfast_operate::broker::{BrokerError, Outcome};
use lockfast_operate::desk::{DeskError, decide, submit};
use lockfast_operate::event::Action;
use lockfast_operate::impact::{Dependent, Impact};
use lockfast_operate::request::{Asked, DeletionRequest, Parameters};
use lockfast_operate::service::{KeyState, Need, Use};
use lockfast_operate::state::Phase;

/// Up to the end of the observation.
fn observed() -> World {
    let world = World::approved();
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.pass(i64::from(OBSERVED_HOURS) + 1);
    world
}

fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Stopped { why, .. } | Outcome::Ended { why, .. } => why.join("; "),
        Outcome::Unknown { what } => what.clone(),
        other => panic!("{other:?}"),
    }
}

fn phase(world: &World) -> Phase {
    world
        .broker("reader")
        .status(&world.id)
        .expect("a status")
        .phase
}

#[test]
fn from_asking_to_the_end() {
    let world = World::asked();
    let outcome = world.run("a");
    let Outcome::NeedsApproval { missing, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        missing,
        ["2 of 2 people", "1 of 1 with the role `security`"]
    );
    world.decided(b'B', Decision::Approve);
    assert!(matches!(world.run("a"), Outcome::NeedsApproval { .. }));
    world.decided(b'C', Decision::Approve);
    assert_eq!(
        world.step("a").expect("the last look"),
        Outcome::Progress(Phase::Approved)
    );
    assert_eq!(
        world.step("a").expect("disables"),
        Outcome::Progress(Phase::Disabled)
    );
    assert!(world.service.is(KeyState::Disabled));
    let Outcome::Waiting { until } = world.run("a") else {
        panic!("it does not wait")
    };
    assert_eq!(
        until,
        world.machine.true_time() + SignedDuration::from_hours(24)
    );
    world.machine.pass(23);
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.pass(1);
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    assert_eq!(
        world.step("a").expect("schedules"),
        Outcome::Progress(Phase::Scheduled)
    );
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Done)
    );
    let date = world.machine.true_time() + SignedDuration::from_hours(30 * 24);
    assert_eq!(
        world.run("a"),
        Outcome::Done {
            deletion_date: Some(date)
        }
    );
    let calls: Vec<&str> = world
        .service
        .effects
        .borrow()
        .iter()
        .map(|effect| effect.call)
        .collect();
    assert_eq!(calls, ["disable", "schedule"]);
    assert!(world.ledger().verify().expect("readable").is_whole());
}

/// Killed at any call, and at any reading of the clock, and gone on with by the same broker or another: all is done once.
#[test]
fn killed_anywhere_it_goes_on() {
    for after in ["a", "b"] {
        let mut points = 0;
        loop {
            let world = World::approved();
            world.machine.fuse.set(Some(points));
            let mut holder = "a";
            let date = loop {
                match caught(|| world.step(holder).expect("a step")) {
                    None => holder = after,
                    Some(Outcome::Done { deletion_date }) => break deletion_date,
                    Some(Outcome::Waiting { .. }) => world.machine.pass(25),
                    Some(Outcome::Busy { .. }) => world.machine.pass_seconds(61),
                    Some(Outcome::Progress(_) | Outcome::Changed) => {}
                    Some(other) => panic!("{other:?}, killed after {points}"),
                }
            };
            let never = world.machine.fuse.get().is_some();
            world.machine.fuse.set(None);
            assert_eq!(date, world.service.deletion_date.get());
            assert_eq!(world.service.count("disable"), 1, "killed after {points}");
            assert_eq!(world.service.count("schedule"), 1, "killed after {points}");
            if never {
                break;
            }
            points += 1;
        }
        assert!(points > 40, "{points}");
    }
}

#[test]
fn a_lost_answer_is_looked_up() {
    let world = World::approved();
    world.service.fail.set(Fail::After);
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.pass(25);
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    world.service.fail.set(Fail::After);
    assert!(matches!(world.run("a"), Outcome::Done { .. }));
    assert_eq!(world.service.count("schedule"), 1);
}

/// What is not seen to be done may still be on its way: until the lease has run out, nobody calls again.
#[test]
fn a_call_that_failed_is_not_made_again_at_once() {
    let world = observed();
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    world.service.fail.set(Fail::Before);
    let error = world.step("a").expect_err("unavailable");
    assert!(matches!(error, BrokerError::Service { .. }), "{error}");
    for holder in ["a", "b"] {
        let outcome = world.step(holder).expect("a step");
        assert!(
            matches!(&outcome, Outcome::Busy { holder, action: Action::Schedule, .. } if holder == "a"),
            "{outcome:?}"
        );
    }
    world.machine.pass_seconds(61);
    assert!(matches!(world.run("b"), Outcome::Done { .. }));
    assert_eq!(world.service.count("schedule"), 1);
}

#[test]
fn a_key_that_is_disabled_is_found_so_and_left_so() {
    let world = World::approved();
    world.service.state.replace(KeyState::Disabled);
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    assert_eq!(world.service.count("disable"), 0);
    let outcome = world.cancel("a").expect("cancels");
    assert!(why(&outcome).contains("before this request"), "{outcome:?}");
    assert!(world.service.is(KeyState::Disabled));
    assert_eq!(world.service.count("enable"), 0);
}

#[test]
fn a_deletion_of_somebody_else_stops_it_and_is_left() {
    let world = World::approved();
    world.service.state.replace(KeyState::PendingDeletion);
    let outcome = world.run("a");
    assert!(why(&outcome).contains("not by this request"), "{outcome:?}");
    let outcome = world.cancel("a").expect("cancels");
    assert!(why(&outcome).contains("not by this request"), "{outcome:?}");
    assert!(world.service.is(KeyState::PendingDeletion));
}

#[test]
fn another_date_stops_it() {
    let world = observed();
    for _ in 0..2 {
        assert!(matches!(
            world.step("a").expect("a step"),
            Outcome::Progress(_)
        ));
    }
    let soon = world.machine.true_time() + SignedDuration::from_hours(7 * 24);
    world.service.deletion_date.set(Some(soon));
    let outcome = world.run("a");
    assert!(why(&outcome).contains("was to be on"), "{outcome:?}");
    assert!(
        matches!(&outcome, Outcome::Stopped { left: Some(left), .. } if left.contains("cancel"))
    );
    let outcome = world.cancel("a").expect("cancels");
    assert!(
        matches!(
            outcome,
            Outcome::Ended {
                phase: Phase::Cancelled,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert!(world.service.is(KeyState::Enabled));
}

#[test]
fn who_misses_the_key_stops_it() {
    let world = observed();
    world.service.failures.borrow_mut().push(Use {
        at: world.machine.true_time(),
        principal: "arn:aws:iam::111111111111:role/orders".into(),
        operation: "Decrypt".into(),
        context: "dynamodb.amazonaws.com".into(),
    });
    let outcome = world.run("a");
    assert!(why(&outcome).contains("role/orders Decrypt"), "{outcome:?}");
    // Nobody missing it any more does not make it go on.
    world.service.failures.borrow_mut().clear();
    assert!(matches!(
        world.run("a"),
        Outcome::Stopped { left: Some(_), .. }
    ));
    assert!(world.service.is(KeyState::Disabled));
    let outcome = world.cancel("a").expect("cancels");
    assert!(matches!(
        outcome,
        Outcome::Ended {
            phase: Phase::Cancelled,
            ..
        }
    ));
    assert!(world.service.is(KeyState::Enabled));
}

#[test]
fn evidence_with_gaps_is_none() {
    let world = observed();
    world.service.complete.set(false);
    assert!(why(&world.run("a")).contains("not everything"));
    world.service.complete.set(true);
    world.service.late_hours.set(2);
    assert!(why(&world.run("a")).contains("the observation ends at"));
    assert_eq!(world.service.count("schedule"), 0);
    world.machine.pass(1);
    assert!(matches!(world.run("a"), Outcome::Done { .. }));
}

#[test]
fn what_was_observed_long_ago_is_looked_at_again() {
    let world = observed();
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    world.machine.pass(5);
    world.service.failures.borrow_mut().push(Use {
        at: world.machine.true_time(),
        principal: "late".into(),
        operation: "Decrypt".into(),
        context: String::new(),
    });
    assert!(why(&world.run("a")).contains("late Decrypt"));
}

#[test]
fn a_key_enabled_by_somebody_stops_it() {
    let world = observed();
    world.service.state.replace(KeyState::Enabled);
    assert!(why(&world.run("a")).contains("somebody enabled the key"));
}

#[test]
fn a_canary_that_needs_the_key_stops_it() {
    let world = World::approved();
    world.service.canary.borrow_mut().unknowns = vec!["eu-north-1: denied".into()];
    assert!(why(&world.run("a")).contains("eu-north-1: denied"));
    world.service.canary.borrow_mut().needs = vec![Need {
        arn: "arn:aws:s3:::orders".into(),
        why: "an object".into(),
    }];
    assert!(why(&world.run("a")).contains("arn:aws:s3:::orders still needs the key"));
    assert!(world.service.is(KeyState::Enabled));
}

#[test]
fn what_changed_voids_and_stays_void() {
    for when in [Phase::Approved, Phase::Observed] {
        let world = match when {
            Phase::Approved => World::approved(),
            _ => observed(),
        };
        world
            .service
            .impact
            .borrow_mut()
            .aliases
            .push("alias/new".into());
        let outcome = world.run("a");
        assert!(
            matches!(
                outcome,
                Outcome::Ended {
                    phase: Phase::Voided,
                    ..
                }
            ),
            "{outcome:?}"
        );
        world.service.impact.replace(impact());
        let outcome = world.run("a");
        assert!(
            matches!(
                outcome,
                Outcome::Ended {
                    phase: Phase::Voided,
                    ..
                }
            ),
            "{outcome:?}"
        );
        assert_eq!(world.service.count("schedule"), 0);
        let _ = world.cancel("a").expect("cancels");
        assert!(world.service.is(KeyState::Enabled));
    }
}

#[test]
fn other_rules_void() {
    let mut world = World::approved();
    let mut other = rules();
    other.approvers.remove(4);
    other.may_not_approve.clear();
    world.rules = other.check().expect("they hold");
    let outcome = world.run("a");
    assert!(
        matches!(
            outcome,
            Outcome::Ended {
                phase: Phase::Voided,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert!(why(&outcome).contains("rules for approvals"));
}

#[test]
fn who_does_not_count() {
    let world = World::asked();
    let cases = [
        (b'A', "who asks does not decide"),
        (b'E', "`team` may not approve what `owner` asks for"),
        (b'M', "is nobody's in the rules"),
    ];
    for (letter, why) in cases {
        let entry = world.decided(letter, Decision::Approve);
        let status = world.broker("a").status(&world.id).expect("a status");
        let refused = status
            .refused
            .iter()
            .find(|refused| refused.seq == entry.seq);
        let refused = &refused.expect("refused").why;
        assert!(refused.contains(why), "{refused}");
        assert!(status.approvals.is_empty());
        // Nor do they end it.
        world.decided(letter, Decision::Reject);
        assert_eq!(phase(&world), Phase::Requested);
    }
    world.decided(b'B', Decision::Approve);
    let again = world.decided(b'B', Decision::Approve);
    let status = world.broker("a").status(&world.id).expect("a status");
    assert_eq!(status.approvals.len(), 1);
    assert!(
        status
            .refused
            .iter()
            .any(|refused| refused.seq == again.seq && refused.why.contains("counted already"))
    );
    // Two without the role are not enough either, and an approval after the end is none.
    world.machine.pass(20 * 24 + 1);
    let late = world.decided(b'C', Decision::Approve);
    let status = world.broker("a").status(&world.id).expect("a status");
    assert!(
        status
            .refused
            .iter()
            .any(|refused| refused.seq == late.seq && refused.why.contains("expired"))
    );
    assert!(matches!(
        world.run("a"),
        Outcome::Ended {
            phase: Phase::Expired,
            ..
        }
    ));
}

/// By the ledger's time it had expired, whatever a clock says afterwards.
#[test]
fn a_clock_set_back_makes_no_time() {
    let world = World::asked();
    world.decided(b'B', Decision::Approve);
    world.machine.pass(20 * 24 + 1);
    world.decided(b'M', Decision::Approve);
    world.machine.off.set(-48 * 3600);
    world.decided(b'C', Decision::Approve);
    assert_eq!(phase(&world), Phase::Expired);
}

#[test]
fn a_rejection_ends_it_at_any_time_before() {
    for world in [World::approved(), observed()] {
        world.decided(b'D', Decision::Reject);
        let outcome = world.run("a");
        assert!(
            matches!(
                outcome,
                Outcome::Ended {
                    phase: Phase::Rejected,
                    ..
                }
            ),
            "{outcome:?}"
        );
        assert_eq!(world.service.count("schedule"), 0);
    }
}

#[test]
fn nothing_is_done_after_it_expired() {
    let world = observed();
    world.machine.pass(20 * 24);
    let outcome = world.run("a");
    assert!(
        matches!(
            &outcome,
            Outcome::Ended {
                phase: Phase::Expired,
                left: Some(_),
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(world.service.count("schedule"), 0);
}

#[test]
fn cancelling_takes_everything_back() {
    let world = observed();
    assert!(matches!(world.run("a"), Outcome::Done { .. }));
    let outcome = world.cancel("b").expect("cancels");
    assert!(
        matches!(&outcome, Outcome::Ended { phase: Phase::Cancelled, why, left: None } if why.is_empty()),
        "{outcome:?}"
    );
    assert!(world.service.is(KeyState::Enabled));
    assert!(matches!(
        world.run("a"),
        Outcome::Ended {
            phase: Phase::Cancelled,
            ..
        }
    ));
    assert!(matches!(
        world.cancel("b").expect("again"),
        Outcome::Ended { .. }
    ));
    assert_eq!(world.service.count("cancel"), 1);
    assert!(matches!(
        world.broker("a").cancel(&world.id, " ", "why"),
        Err(BrokerError::NoName)
    ));
}

/// A wish to cancel is written at once, and what another broker is about is waited for.
#[test]
fn cancelling_waits_for_a_call_under_way() {
    let world = observed();
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    // Killed just before the call: everything else of a step comes before it.
    let mut killed = false;
    for fuse in 0..40 {
        let before = world.entries().len();
        let outcome = world.killed_after(Some(fuse), || world.step("a").is_ok());
        killed = outcome.is_none() && world.entries().len() > before;
        if killed {
            break;
        }
    }
    assert!(killed && world.service.count("schedule") == 0);
    let outcome = world.cancel("b").expect("cancels");
    assert!(
        matches!(
            outcome,
            Outcome::Busy {
                action: Action::Schedule,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(phase(&world), Phase::Cancelling);
    world.machine.pass_seconds(61);
    let outcome = world.run("b");
    assert!(
        matches!(
            outcome,
            Outcome::Ended {
                phase: Phase::Cancelled,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(world.service.count("schedule"), 0);
    assert!(world.service.is(KeyState::Enabled));
}

/// The clock goes back before the key is disabled, and is set right afterwards.
#[test]
fn a_clock_that_goes_back_shortens_no_observation() {
    let world = World::approved();
    world.machine.off.set(-30 * 3600);
    let begun = world.machine.time.get();
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.off.set(0);
    loop {
        match world.step("a").expect("a step") {
            Outcome::Waiting { .. } => world.machine.pass(1),
            Outcome::Done { .. } => break,
            Outcome::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let effects = world.service.effects.borrow();
    assert!(effects[1].at - begun >= 24 * 3600);
    // And uses are looked for from when the key may have been disabled, by the earliest of the clocks.
    let since = world.service.asked_since.get().expect("asked");
    assert!(since.as_second() <= begun);
}

/// Without the service's time, too, as long as the clock goes back only once the key is disabled.
#[test]
fn a_clock_that_goes_back_later_shortens_none_without_the_service_either() {
    let world = World::approved();
    world.service.tells_time.set(false);
    let begun = world.machine.time.get();
    for off in [0, -30, 5, -5, 0] {
        world.machine.off.set(off * 3600);
        for _ in 0..5 {
            let done = matches!(world.run("a"), Outcome::Done { .. });
            assert!(!done || world.machine.time.get() - begun >= 24 * 3600);
            world.machine.pass(1);
        }
    }
    assert!(matches!(world.run("a"), Outcome::Done { .. }));
}

/// A clock that runs ahead does not shorten it either: the evidence does not reach that far.
#[test]
fn a_clock_that_jumps_ahead_shortens_no_observation() {
    let world = World::approved();
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
    world.machine.off.set(26 * 3600);
    assert!(why(&world.run("a")).contains("the observation ends at"));
    assert_eq!(world.service.count("schedule"), 0);
}

#[test]
fn a_ledger_that_is_not_whole_stops_everything() {
    let world = World::approved();
    let connection = rusqlite::Connection::open(&world.path).expect("the file");
    connection
        .execute_batch(
            "DROP TRIGGER entries_are_not_changed;
             UPDATE entries SET previous = hash WHERE seq = 2;",
        )
        .expect("SQL");
    let error = world.step("a").expect_err("altered");
    assert!(error.to_string().contains("entry 2"), "{error}");
    assert_eq!(world.service.count("disable"), 0);
}

/// Whoever can write the file can cut a rejection off its end, and the chain is whole; the broker remembers.
#[test]
fn a_rejection_cut_off_is_missed() {
    let world = observed();
    let mut broker = world.broker("a");
    assert_eq!(
        broker.step(&world.id).expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    world.decided(b'D', Decision::Reject);
    let head = world.ledger().head().expect("readable").expect("entries");
    let connection = rusqlite::Connection::open(&world.path).expect("the file");
    let cut = format!(
        "DROP TRIGGER entries_are_not_removed; DELETE FROM entries WHERE seq = {}",
        head.seq
    );
    connection.execute_batch(&cut).expect("SQL");
    let error = world
        .broker("a")
        .against(head)
        .step(&world.id)
        .expect_err("cut off");
    assert!(error.to_string().contains("is missing"), "{error}");
    assert_eq!(world.service.count("schedule"), 0);
}

#[test]
fn what_would_not_count_is_told_at_once() {
    let world = World::asked();
    let mut ledger = world.ledger();
    let mut hand_in = |letter: u8, decision: Decision, signed_decision: Decision| {
        let signature = signed(
            &key(letter),
            &decision_bytes(&world.request, signed_decision),
        );
        decide(
            &mut ledger,
            &world.rules,
            POLICY,
            &world.id,
            decision,
            &signature,
        )
    };
    use Decision::{Approve, Reject};
    hand_in(b'B', Approve, Approve).expect("it counts");
    for (letter, decision, signed, why) in [
        (b'B', Approve, Approve, "`Ben` approved already"),
        (b'A', Approve, Approve, "who asks does not decide"),
        (b'C', Approve, Reject, "not over this statement"),
        (b'M', Approve, Approve, "nobody's"),
    ] {
        let error = hand_in(letter, decision, signed)
            .expect_err(why)
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    hand_in(b'D', Reject, Reject).expect("it counts");
    let error = hand_in(b'C', Approve, Approve)
        .expect_err("rejected")
        .to_string();
    assert!(error.contains("rejected by `Dan`"), "{error}");

    let mut ledger = world.ledger();
    let again = submit(&mut ledger, &world.rules, POLICY, &world.request, &impact());
    assert!(matches!(again, Err(DeskError::Twice(_))));
    let other = submit(
        &mut ledger,
        &world.rules,
        "another",
        &world.request,
        &impact(),
    );
    assert!(matches!(other, Err(DeskError::OtherPolicy)));
    let error = decide(&mut ledger, &world.rules, POLICY, "none", Approve, "").expect_err("none");
    assert!(error.to_string().contains("no such request"), "{error}");
    let error = world.broker("a").step("none").expect_err("none");
    assert!(matches!(error, BrokerError::NoRequest { .. }));
}

/// People who approved a loss by name are not stopped by that loss, but by any other.
#[test]
fn an_override_is_for_what_was_shown() {
    let mut world = World::new();
    let bucket = |name: &str| format!("arn:aws:s3:::{name}");
    let impact = Impact {
        dependents: vec![Dependent {
            kind: "AWS::S3::Bucket".into(),
            name: "orders".into(),
            arn: bucket("orders"),
        }],
        ..impact()
    };
    let asked = Asked {
        key_arn: KEY.into(),
        parameters: Parameters {
            pending_window_days: 7,
            observation_hours: 1,
        },
        reason: "crypto-shredding".into(),
        override_reason: Some("the customer asked for it".into()),
        requester: "Ada".into(),
        expires_at: world.machine.true_time() + SignedDuration::from_hours(48),
    };
    let policy_hash = world.rules.policy_hash(POLICY);
    world.request = DeletionRequest::new(asked, &impact, &policy_hash, world.machine.true_time())
        .expect("a request");
    world.id = world.request.id();
    submit(
        &mut world.ledger(),
        &world.rules,
        POLICY,
        &world.request,
        &impact,
    )
    .expect("a request");
    world.service.impact.replace(impact);
    let need = |name: &str| Need {
        arn: bucket(name),
        why: "an object".into(),
    };
    world.service.canary.borrow_mut().needs = vec![need("orders")];
    for letter in [b'B', b'C'] {
        world.decided(letter, Decision::Approve);
    }
    assert!(matches!(world.run("a"), Outcome::Waiting { .. }));
}
