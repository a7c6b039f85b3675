//! Clocks that are wrong.

use super::world::*;
use lockfast_operate::approval::Decision;
use lockfast_operate::broker::Outcome;
use lockfast_operate::state::Phase;
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
