//! Whatever a plan or a journal holds, it is taken or refused, and nothing panics.

use jiff::Timestamp;
use lockfast_operate::ledger::Entry;
use lockfast_respond::incident::{Compromised, Incident, IncidentId, IncidentKind};
use lockfast_respond::journal::{Event, State, fold};
use lockfast_respond::key_compromise::{
    Choices, DependentFacts, GrantFacts, Input, KeyFacts, UsedBy, plan,
};
use lockfast_respond::key_policy::corrected_policy;
use lockfast_respond::plan::{
    Action, Downtime, Estimate, OldData, Param, Phase, Plan, PlanError, Step, StepId,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PHASES: [Phase; 5] = [
    Phase::Contain,
    Phase::Replace,
    Phase::Reencrypt,
    Phase::Verify,
    Phase::Close,
];
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn id() -> IncidentId {
    IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a])
}

fn step() -> impl Strategy<Value = Step> {
    let needs = prop::collection::vec(0..NAMES.len(), 0..4);
    (0..NAMES.len(), 0..PHASES.len(), needs, 0..4usize).prop_map(|(name, phase, needs, what)| {
        let key = "k".to_owned();
        let action = match what {
            0 => Action::Forensics { key, since: None },
            1 => Action::VerifyNothingLeft {
                old_key: key,
                new_key: Param::Literal("n".into()),
            },
            2 => Action::OfferDisable { key },
            _ => Action::SnapshotPolicies { key },
        };
        Step {
            id: NAMES[name].into(),
            phase: PHASES[phase],
            title: String::new(),
            manual: action.is_for_people().then(|| vec!["true".into()]),
            action,
            needs: needs.into_iter().map(|need| NAMES[need].into()).collect(),
            calls: Vec::new(),
            downtime: Downtime::None,
            old_data: OldData::NotApplicable,
            estimate: Estimate::default(),
            stays: None,
            verified_by: String::new(),
            unsure: None,
            clause: String::new(),
        }
    })
}

/// Whether the steps can be done one after the other, found by doing so.
fn can_be_done(plan: &Plan) -> bool {
    let mut done: BTreeSet<&StepId> = BTreeSet::new();
    loop {
        let next = plan.steps.iter().find(|step| {
            !done.contains(&step.id) && step.needs.iter().all(|need| done.contains(need))
        });
        match next {
            Some(step) => done.insert(&step.id),
            None => return done.len() == plan.steps.len(),
        };
    }
}

fn entry(seq: u64, kind: &str, body: Value) -> Entry {
    Entry {
        seq,
        at: Timestamp::from_second(1_795_000_000).expect("a time"),
        clock_behind_ms: 0,
        kind: kind.into(),
        subject: id().to_string(),
        body,
        previous: String::new(),
        hash: String::new(),
    }
}

fn incident() -> Incident {
    Incident {
        id: id(),
        kind: IncidentKind::KeyCompromise,
        subject: "k".into(),
        opened_at: Timestamp::UNIX_EPOCH,
        opened_by: "erin".into(),
        reason: "r".into(),
        compromised: Some(Compromised::Use),
        suspects: Vec::new(),
        rehearsal: false,
    }
}

/// A body that may be one of the kind.
fn body() -> impl Strategy<Value = (usize, Value)> {
    let plan = prop::collection::vec(step(), 0..5).prop_map(|steps| Plan {
        incident: id(),
        version: 1,
        notes: Vec::new(),
        steps,
    });
    let bodies = prop_oneof![
        Just(json!({"incident": incident()})),
        plan.prop_map(|plan| json!({"plan": plan, "by": "erin"})),
        (0..NAMES.len()).prop_map(|name| json!({"step": NAMES[name]})),
        (0..NAMES.len()).prop_map(|name| json!({"step": NAMES[name], "seen": {"seen": "todo"}})),
        (0..NAMES.len()).prop_map(
            |name| json!({"step": NAMES[name], "outputs": {"key_arn": "x"}, "effects": []})
        ),
        (0..NAMES.len(), any::<u32>()).prop_map(
            |(name, done)| json!({"step": NAMES[name], "done": done, "total": null, "cursor": "c"})
        ),
        (0..NAMES.len()).prop_map(|name| json!({"step": NAMES[name], "why": "w"})),
        (0..NAMES.len(), 0..3usize).prop_map(|(name, how)| {
            let outcome = [
                json!({"outcome": "done", "effects": [], "verification": []}),
                json!({"outcome": "failed", "why": "w"}),
                json!({"outcome": "left", "why": "w", "by": "b"}),
            ];
            json!({"step": NAMES[name], "outcome": outcome[how], "retries": u32::MAX})
        }),
        (0..NAMES.len()).prop_map(|name| json!({"step": NAMES[name], "by": "b", "evidence": "e"})),
        Just(json!({"holder": "erin", "until": "2026-11-28T03:00:00Z", "renewed": 0})),
        Just(json!({"holder": "erin"})),
        Just(json!({"by": "b", "text": "t"})),
        Just(json!({"by": "b", "why": "w"})),
        Just(json!(null)),
        any::<String>().prop_map(Value::String),
    ];
    (0..=Event::KINDS.len(), bodies)
}

/// Entries that mostly fit their kind, so that sequences get somewhere.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec((body(), any::<bool>()), 0..40).prop_map(|bodies| {
        let mut entries = vec![entry(1, "opened", json!({"incident": incident()}))];
        for ((kind, body), fits) in bodies {
            let seq = entries.len() as u64 + 1;
            let fitting = Event::KINDS
                .iter()
                .find(|kind| Event::of(&entry(seq, kind, body.clone())).is_ok());
            let kind = match fitting {
                Some(kind) if fits => kind,
                _ => Event::KINDS
                    .get(kind)
                    .copied()
                    .unwrap_or("of a later version"),
            };
            entries.push(entry(seq, kind, body));
        }
        entries
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!("*")),
        Just(json!("Allow")),
        Just(json!("Deny")),
        Just(json!("arn:aws:iam::111122223333:role/Ci")),
        Just(json!("arn:aws:iam::111122223333:root")),
        Just(json!("kms:*")),
        Just(json!(null)),
        any::<i32>().prop_map(|n| json!(n)),
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop::sample::select(vec![
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "AWS",
            "Service",
            "Action",
            "Condition",
            "ArnLike",
            "aws:PrincipalArn",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names, inner), 0..6).prop_map(|own| own
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    });
    prop_oneof![
        value.clone(),
        prop::collection::vec(value, 0..5).prop_map(|own| json!({"Statement": own}))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_sound_if_and_only_if_it_can_be_done(steps in prop::collection::vec(step(), 0..7)) {
        let plan = Plan { incident: id(), version: 1, notes: Vec::new(), steps };
        match plan.check() {
            Ok(()) => prop_assert!(can_be_done(&plan)),
            Err(PlanError::Circle(round)) => {
                prop_assert!(!can_be_done(&plan));
                prop_assert_eq!(round.first(), round.last());
                for pair in round.windows(2) {
                    prop_assert!(plan.step(&pair[0]).is_some_and(|step| step.needs.contains(&pair[1])));
                }
            }
            Err(_) => {}
        }
    }

    #[test]
    fn entries_are_taken_or_refused(entries in entries()) {
        // Together, up to the first that is refused; and one by one, each refusal changing nothing.
        let _ = fold(&entries);
        let mut state = State::default();
        let mut taken = Vec::new();
        for entry in &entries {
            let before = state.clone();
            match state.take(entry) {
                Ok(()) => taken.push(entry.clone()),
                Err(_) => prop_assert_eq!(&before, &state),
            }
        }
        prop_assert_eq!(fold(&taken), Ok(state.clone()));
        if let Some(plan) = &state.plan {
            let _ = state.completeness(plan);
            let _ = state.stays(plan);
        }
    }

    #[test]
    fn a_plan_of_whatever_is_known_is_sound(
        names in prop::collection::vec((0..6usize, "[a-c/ \\n'$]{0,3}", any::<bool>()), 0..12),
        suspects in prop::collection::vec("arn:aws:(iam|sts)::(111122223333|444455556666):(root|role/[ab]{1,2}|assumed-role/[ab]/s)", 0..4),
        used in prop::collection::vec("[a-b\\n]{0,2}", 0..4),
        compromised in prop::sample::select(vec![Compromised::Use, Compromised::DataKeys, Compromised::Plaintext]),
    ) {
        const TYPES: [&str; 6] = ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::RDS::DBInstance", "AWS::SSM::Parameter", "AWS::No::Body"];
        let dependents: Vec<DependentFacts> = names.iter().map(|(kind, name, sure)| DependentFacts {
            kind: TYPES[*kind].into(),
            name: name.clone(),
            unsure: (!sure).then(|| "a condition".into()),
            ..DependentFacts::default()
        }).collect();
        let many = dependents.len();
        let grants = suspects.iter().enumerate().map(|(index, own)| GrantFacts { id: format!("g{index}"), grantee: own.clone(), operations: None });
        let key = KeyFacts { arn: "arn:aws:kms:eu-central-1:111122223333:key/k".into(), account: Some("111122223333".into()), grants: Some(grants.collect()), dependents, ..KeyFacts::default() };
        let incident = Incident { suspects, compromised: Some(compromised), ..incident() };
        let used: Vec<UsedBy> = used.into_iter().map(|resource| UsedBy { resource, ..UsedBy::default() }).collect();
        let plan = plan(&Input { incident: &incident, key: &key, used: &used, choices: &Choices::default(), version: 1 });
        prop_assert_eq!(plan.check(), Ok(()));
        // Nothing is left out.
        let data = plan.steps.iter().filter(|step| step.phase == Phase::Reencrypt && !step.id.as_str().contains("/new-value")).count();
        prop_assert!(data >= many + used.len());
        for own in plan.steps.iter().filter(|step| step.phase < Phase::Close) {
            prop_assert!(!own.action.may_disable());
        }
    }

    #[test]
    fn a_corrected_policy_names_no_suspect_in_what_it_allows(old in policy()) {
        let suspect = "arn:aws:iam::111122223333:role/Ci";
        let (new, _) = corrected_policy(&old, &[suspect.to_owned()], &["arn:aws:iam::111122223333:role/Admin".to_owned()]);
        for statement in new["Statement"].as_array().expect("statements") {
            if statement["Effect"] != "Allow" {
                continue;
            }
            let named = &statement["Principal"]["AWS"];
            let is = |own: &Value| own == suspect || (own == "*" && statement["Condition"].as_object().is_none_or(serde_json::Map::is_empty));
            prop_assert!(!is(named) && !named.as_array().is_some_and(|own| own.iter().any(is)), "{}", statement);
        }
        let (again, _) = corrected_policy(&new, &[suspect.to_owned()], &[]);
        prop_assert_eq!(again, new);
    }
}
