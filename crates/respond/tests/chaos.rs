//! The engine is killed wherever something is written, and the services fail in every way they know. Afterwards every object is
//! under the new key exactly once, and the journal tells it all.

mod support;

use jiff::SignedDuration;
use lockfast_respond::engine::{EngineError, Going, Told};
use lockfast_respond::journal::{Authority, Completeness, JournalError, Lack, Standing, fold};
use lockfast_respond::plan::Phase;
use std::path::Path;
use support::*;

/// Everything is as it has to be when all is done.
fn all_is_well(world: &World, file: &Path, clock: &TestClock) {
    let keys = world.keys.borrow();
    assert_eq!(keys.len(), 1, "one key was made");
    for (bucket, objects) in world.buckets.borrow().iter() {
        for (name, object) in objects {
            assert_eq!(
                (object.key.as_str(), object.moved),
                (keys[0].1.as_str(), 1),
                "{bucket}/{name}"
            );
            assert!(object.body == "late" || object.body.starts_with(bucket.as_str()));
        }
    }
    assert_eq!(world.denied.borrow().len(), 1);
    assert_eq!(world.revoked.borrow().len(), 1);
    let mut journal = opened(file, clock);
    let entries = journal.entries().expect("entries");
    assert_eq!(&fold(&entries).expect("folded"), journal.state());
    assert!(journal.verify(None).expect("read").is_whole());
    let plan = journal.state().plan.clone().expect("a plan");
    for step in &plan.steps {
        let standing = journal.state().standing(&step.id);
        assert!(
            *standing == Standing::Done || step.phase == Phase::Close,
            "{}: {standing:?}",
            step.id
        );
    }
    assert_eq!(journal.state().completeness(&plan), Completeness::Complete);
    // One who was killed hands nothing over; their lease runs out.
    let now = journal.now().expect("a time");
    let lease = journal.state().lease.as_ref();
    assert!(lease.is_none_or(|lease| lease.until <= now), "{lease:?}");
}

/// Stops at the boundary of this number: just before an entry is written, or just after.
fn stop_at(boundary: usize, seen: &mut usize) -> impl FnMut(&Told<'_>) -> Going {
    move |told| {
        if !matches!(told, Told::Writing(_) | Told::Wrote(_)) {
            return Going::On;
        }
        *seen += 1;
        match *seen == boundary {
            true => Going::Stop,
            false => Going::On,
        }
    }
}

#[test]
fn killed_at_every_boundary_it_goes_on_and_does_nothing_twice() {
    let mut boundaries = 0;
    for boundary in 1.. {
        let folder = folder();
        let (file, clock, world) = (
            folder.path().join("incident.db"),
            TestClock::default(),
            World::new(),
        );
        let mut seen = 0;
        let killed = ran(
            (&mut ready(&file, &clock), &clock),
            &world,
            "erin 1",
            &mut stop_at(boundary, &mut seen),
        );
        if killed.is_ok() {
            boundaries = boundary - 1;
            all_is_well(&world, &file, &clock);
            break;
        }
        assert!(matches!(killed, Err(EngineError::Stopped)), "{killed:?}");
        // Another process of the same person, and in every other case of another person, when the lease is over.
        let holder = match boundary % 2 {
            0 => "erin 1",
            _ => {
                clock.forward(SignedDuration::from_mins(11));
                "omar 2"
            }
        };
        let went = ran(
            (&mut ready(&file, &clock), &clock),
            &world,
            holder,
            &mut never_stop,
        )
        .expect("it goes on");
        assert_eq!(went.failed, []);
        assert!(
            went.completeness.is_complete(),
            "{boundary}: {:?}",
            went.completeness
        );
        all_is_well(&world, &file, &clock);
    }
    assert!(boundaries > 60, "{boundaries} boundaries");
}

#[test]
fn killed_again_and_again_it_arrives() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    for life in 0.. {
        assert!(life < 200, "it does not arrive");
        let mut seen = 0;
        // Lives of different length: a life has to be long enough for a look, and what comes after it.
        let went = ran(
            (&mut ready(&file, &clock), &clock),
            &world,
            "erin 1",
            &mut stop_at(5 + life % 4, &mut seen),
        );
        if went.is_ok() {
            break;
        }
    }
    all_is_well(&world, &file, &clock);
}

#[test]
fn run_twice_it_changes_nothing() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut never_stop,
    )
    .expect("it runs");
    let mut journal = ready(&file, &clock);
    let (head, changes, calls) = (
        journal.head().expect("read"),
        world.changes.get(),
        world.calls.get(),
    );
    let again = ran((&mut journal, &clock), &world, "omar 2", &mut never_stop).expect("it runs");
    assert_eq!((again.done, again.failed), (Vec::new(), Vec::new()));
    assert_eq!(journal.head().expect("read"), head);
    assert_eq!((world.changes.get(), world.calls.get()), (changes, calls));
    assert_eq!(
        again
            .for_people
            .iter()
            .map(|id| id.as_str())
            .collect::<Vec<_>>(),
        ["close/offer-disable"]
    );
}

#[test]
fn throttled_it_goes_on_from_where_it_was() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    world.throttle.set(3);
    let mut journal = ready(&file, &clock);
    let mut retried = 0;
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut |told| {
        retried += u32::from(matches!(told, Told::Retrying { .. }));
        Going::On
    });
    let went = went.expect("it runs");
    assert_eq!(went.failed, []);
    assert!(retried > 3);
    let told: u32 = journal
        .state()
        .steps
        .values()
        .map(|step| step.retries)
        .sum();
    assert_eq!(told, retried);
    all_is_well(&world, &file, &clock);
}

#[test]
fn throttled_without_end_it_gives_up_and_says_so() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    world.throttle.set(1);
    let went = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut never_stop,
    )
    .expect("it runs");
    let (id, why) = &went.failed[0];
    assert_eq!(
        (id.as_str(), why.as_str()),
        ("contain/snapshot", "kms:GetKeyPolicy: Rate exceeded")
    );
    world.throttle.set(0);
    ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut never_stop,
    )
    .expect("it runs");
    all_is_well(&world, &file, &clock);
}

#[test]
fn what_is_refused_fails_and_the_rest_goes_on() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    *world.refuses.borrow_mut() = Some("invoices".into());
    let mut journal = ready(&file, &clock);
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert_eq!(went.failed.len(), 1);
    assert!(went.done.contains(&"reencrypt/s3/photos".into()));
    let blocked: Vec<&str> = went.blocked.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(blocked, ["verify/nothing-left", "close/offer-disable"]);
    let missing = went.completeness.missing();
    assert!(
        matches!(&missing[0].why, Lack::Failed(why) if why.contains("AccessDenied")),
        "{missing:?}"
    );
    assert!(matches!(
        journal.close("erin"),
        Err(JournalError::Incomplete(_))
    ));

    // Left, it keeps the response open as well, and the look at the end says why.
    journal
        .leave(
            &"reencrypt/s3/invoices".into(),
            "erin",
            "the lock ends in March",
        )
        .expect("left");
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    let (id, why) = &went.failed[0];
    assert_eq!(
        (id.as_str(), why.as_str()),
        (
            "verify/nothing-left",
            "not so: nothing is under the old key"
        )
    );
    assert!(!went.completeness.is_complete());
    let offered = went
        .for_people
        .iter()
        .any(|id| id.as_str() == "close/offer-disable");
    assert!(!offered, "the key is not offered for disabling");

    // Taken up again when the lock is over, it is done.
    *world.refuses.borrow_mut() = None;
    let went = ran_again(&mut journal, &world, "reencrypt/s3/invoices".into());
    assert!(went.completeness.is_complete(), "{:?}", went.completeness);
    journal.close("erin").expect("closed");
}

#[test]
fn a_service_that_ignores_the_new_key_fails_the_step() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    *world.ignores.borrow_mut() = Some("photos".into());
    let mut journal = ready(&file, &clock);
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    let (id, why) = &went.failed[0];
    assert_eq!(id.as_str(), "reencrypt/s3/photos");
    assert!(why.contains("object-0"), "{why}");
    let state = &journal.state().steps[id];
    assert_eq!(state.cursor, None, "what the cursor passed was not done");
    *world.ignores.borrow_mut() = None;
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert!(went.completeness.is_complete());
    all_is_well(&world, &file, &clock);
}

#[test]
fn an_object_that_came_between_list_and_copy_is_found() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    world.intrudes.set(true);
    let mut journal = ready(&file, &clock);
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert_eq!(went.failed[0].1, "under another key: late");
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert!(went.completeness.is_complete());
    all_is_well(&world, &file, &clock);
}

#[test]
fn what_takes_its_time_is_left_to_a_later_run() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    world.slow.set(8);
    let mut journal = ready(&file, &clock);
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert_eq!(went.under_way.len(), 2);
    // Only looked at: nothing is done again.
    let changes = world.changes.get();
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop).expect("it runs");
    assert_eq!((went.under_way.len(), world.changes.get()), (0, changes));
    all_is_well(&world, &file, &clock);
}

#[test]
fn of_two_operators_one_wins_and_the_other_is_told() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    let mut other = ready(&file, &clock);
    let mut told = None;
    let went = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut |what| {
            // In the midst of it, somebody else begins.
            if let (Told::Progress(_), None) = (what, &told) {
                told = Some(ran((&mut other, &clock), &world, "omar 2", &mut never_stop));
            }
            Going::On
        },
    );
    assert!(went.expect("it runs").completeness.is_complete());
    let Some(Err(EngineError::Journal(JournalError::Held { holder, .. }))) = &told else {
        panic!("{told:?}");
    };
    assert_eq!(holder, "erin 1");
    all_is_well(&world, &file, &clock);
}

#[test]
fn whoever_is_too_late_stops_when_somebody_took_over() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    let mut other = ready(&file, &clock);
    let mut taken = false;
    let went = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut |what| {
            if let (Told::Progress(_), false) = (what, taken) {
                taken = true;
                clock.forward(SignedDuration::from_mins(11));
                let done =
                    ran((&mut other, &clock), &world, "omar 2", &mut never_stop).expect("it runs");
                assert!(done.completeness.is_complete());
            }
            Going::On
        },
    );
    assert!(
        matches!(
            went,
            Err(EngineError::Journal(
                JournalError::TakenOver(_) | JournalError::Refused(_)
            ))
        ),
        "{went:?}"
    );
    all_is_well(&world, &file, &clock);
}

#[test]
fn aborted_it_stops_at_the_next_entry() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    let mut other = ready(&file, &clock);
    let mut aborted = false;
    let went = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut |what| {
            if let (Told::Progress(_), false) = (what, aborted) {
                aborted = true;
                other.abort("omar", "a false alarm").expect("aborted");
            }
            Going::On
        },
    );
    let Err(EngineError::Journal(JournalError::Refused(why))) = &went else {
        panic!("{went:?}");
    };
    assert_eq!(why, "omar aborted the response: a false alarm");
    let again = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut never_stop,
    );
    assert!(matches!(again, Err(EngineError::Over)));
}

#[test]
fn how_fast_it_goes_is_told() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    let mut paces = Vec::new();
    ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut |what| {
            if let Told::Progress(pace) = what {
                paces.push((pace.done, pace.per_second, pace.left));
                clock.forward(SignedDuration::from_secs(2));
            }
            Going::On
        },
    )
    .expect("it runs");
    assert_eq!(paces[0], (1, None, None));
    assert_eq!(paces[3], (4, Some(0.5), Some(SignedDuration::from_secs(2))));
}

#[test]
fn a_call_that_gave_no_answer_is_not_made_twice() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    world.loses.set(true);
    let went = ran(
        (&mut ready(&file, &clock), &clock),
        &world,
        "erin 1",
        &mut never_stop,
    )
    .expect("it runs");
    assert_eq!(went.failed, []);
    all_is_well(&world, &file, &clock);
}

#[test]
fn nothing_is_done_that_nobody_asked_for() {
    let folder = folder();
    let (file, clock, world) = (
        folder.path().join("incident.db"),
        TestClock::default(),
        World::new(),
    );
    let mut journal = opened(&file, &clock);
    journal.plan(planned(1), "erin").expect("planned");
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop);
    assert!(
        matches!(went, Err(EngineError::NotAuthorized(1))),
        "{went:?}"
    );
    journal
        .authorize("erin", Authority::Confirmed)
        .expect("authorized");
    journal.plan(planned(2), "erin").expect("planned");
    let went = ran((&mut journal, &clock), &world, "erin 1", &mut never_stop);
    assert!(
        matches!(went, Err(EngineError::NotAuthorized(2))),
        "{went:?}"
    );
    assert_eq!((world.calls.get(), world.changes.get()), (0, 0));
}
