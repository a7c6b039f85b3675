//! From asking to the end, and back.

use super::world::*;
use jiff::SignedDuration;
use lockfast_operate::approval::Decision;
use lockfast_operate::broker::{BrokerError, Outcome};
use lockfast_operate::event::Action;
use lockfast_operate::service::{KeyState, Need, Use};
use lockfast_operate::state::Phase;
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
fn who_misses_the_key_after_its_observation_stops_it() {
    let world = observed();
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
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

/// A call whose answer was lost takes effect later: within the lease nobody makes it again.
#[test]
fn a_call_that_takes_effect_late_is_made_once() {
    let world = observed();
    assert_eq!(
        world.step("a").expect("looks"),
        Outcome::Progress(Phase::Observed)
    );
    world.service.fail.set(Fail::Late);
    world.step("a").expect_err("no answer");
    assert_eq!(world.service.count("schedule"), 0);
    assert!(matches!(world.run("b"), Outcome::Busy { .. }));
    world.machine.pass_seconds(40);
    assert_eq!(
        world.step("a").expect("finds it"),
        Outcome::Progress(Phase::Scheduled)
    );
    assert!(matches!(world.run("b"), Outcome::Done { .. }));
    assert_eq!(world.service.count("schedule"), 1);
}
