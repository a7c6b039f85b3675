//! What counts, and what makes it count no more.

use super::world::*;
use jiff::SignedDuration;
use lockfast_operate::approval::{Decision, decision_bytes};
use lockfast_operate::broker::{BrokerError, Outcome};
use lockfast_operate::desk::{DeskError, decide, submit};
use lockfast_operate::impact::{Dependent, Impact};
use lockfast_operate::request::{Asked, DeletionRequest, Parameters};
use lockfast_operate::service::{KeyState, Need};
use lockfast_operate::state::Phase;
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
    // And of those who are no longer in the rules, nothing counts at all.
    let mut without_ben = rules();
    without_ben.approvers.remove(1);
    world.rules = without_ben.check().expect("they hold");
    let status = world.broker("a").status(&world.id).expect("a status");
    let people: Vec<&str> = status.approvals.iter().map(|one| &*one.person).collect();
    assert_eq!(people, ["Cleo"]);
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
    let early = World::new();
    early.machine.off.set(-600);
    let mut fresh = early.ledger();
    let early = submit(&mut fresh, &early.rules, POLICY, &early.request, &impact());
    assert!(matches!(early, Err(DeskError::OutOfTime(_))));
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

/// What is written past the brokers and does not fit is named, and changes nothing.
#[test]
fn entries_that_do_not_fit_are_refused() {
    let world = World::approved();
    let before = world.broker("a").status(&world.id).expect("a status");
    let result = serde_json::json!({
        "action": "schedule", "intent": 2, "ending": "done", "state": null,
        "deletion_date": null, "seen_at": null, "note": null,
    });
    let verified = serde_json::json!({"state": "pending-deletion", "deletion_date": null});
    let twice = world.entries().remove(0).body;
    for (kind, body, why) in [
        ("result", result, "no open intent"),
        ("verified", verified, "nothing was scheduled"),
        ("request", twice, "the request is there already"),
        (
            "decision",
            serde_json::json!({"decision": "maybe"}),
            "it is no `decision`",
        ),
        ("approval", serde_json::json!(true), "no kind of entry"),
    ] {
        let entry = world.ledger().append(kind, &world.id, &body);
        let seq = entry.expect("space").seq;
        let status = world.broker("a").status(&world.id).expect("a status");
        assert_eq!(status.phase, before.phase, "{kind}");
        let last = status.refused.last().expect("refused");
        assert!(last.seq == seq && last.why.contains(why), "{last:?}");
    }
    // An entry about a request that is not there, or is another one, is none.
    let mut ledger = world.ledger();
    let body = world.entries().remove(0).body;
    ledger
        .append("request", "0123456789abcdef0123", &body)
        .expect("space");
    let error = world
        .broker("a")
        .status("0123456789abcdef0123")
        .expect_err("another");
    assert!(error.to_string().contains(&world.id), "{error}");
}
