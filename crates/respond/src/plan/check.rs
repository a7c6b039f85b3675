//! Whether a plan can be carried out, and does no harm.

use super::{Action, Phase, Plan, Step, StepId};
use std::collections::{HashMap, HashSet};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two steps have one name.
    #[error("two steps are called {0}")]
    Duplicate(StepId),
    /// A step without a name, or with one that a terminal would not show.
    #[error("`{0}` is no name for a step")]
    Name(StepId),
    /// A need that is no step.
    #[error("{step} needs {need}, which is no step of the plan")]
    Unknown {
        /// The step.
        step: StepId,
        /// What it needs.
        need: StepId,
    },
    /// A need of a later phase.
    #[error("{step} ({phase}) needs {need}, which comes later ({later})")]
    Later {
        /// The step.
        step: StepId,
        /// Its phase.
        phase: Phase,
        /// What it needs.
        need: StepId,
        /// The need's phase.
        later: Phase,
    },
    /// Steps that wait for each other.
    #[error("steps wait for each other: {}", .0.iter().map(StepId::as_str).collect::<Vec<_>>().join(" → "))]
    Circle(Vec<StepId>),
    /// A parameter is from a step that it does not wait for.
    #[error("{step} uses what {from} gives, and does not wait for it")]
    NotAwaited {
        /// The step.
        step: StepId,
        /// Whose output it uses.
        from: StepId,
    },
    /// The old key would be taken from whoever still needs it.
    #[error(
        "{0} may take the old key from whoever still needs it, and does not wait until nothing is seen to be left under it"
    )]
    DisablesTooEarly(StepId),
    /// Nobody was told how to do it.
    #[error("{0} is for people, and has no commands for them")]
    NoCommands(StepId),
}

/// What takes a key from everybody, as an API action and as a command.
const DISABLING: [&str; 8] = [
    "disablekey",
    "schedulekeydeletion",
    "deleteimportedkeymaterial",
    "disconnectcustomkeystore",
    "disable-key",
    "schedule-key-deletion",
    "delete-imported-key-material",
    "disconnect-custom-key-store",
];

pub(super) fn check(plan: &Plan) -> Result<(), PlanError> {
    let mut steps: HashMap<&StepId, &Step> = HashMap::new();
    for step in &plan.steps {
        let name = step.id.as_str();
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(PlanError::Name(step.id.clone()));
        }
        if steps.insert(&step.id, step).is_some() {
            return Err(PlanError::Duplicate(step.id.clone()));
        }
    }
    for step in &plan.steps {
        for need in &step.needs {
            let Some(needed) = steps.get(need) else {
                return Err(PlanError::Unknown {
                    step: step.id.clone(),
                    need: need.clone(),
                });
            };
            if needed.phase > step.phase {
                return Err(PlanError::Later {
                    step: step.id.clone(),
                    phase: step.phase,
                    need: need.clone(),
                    later: needed.phase,
                });
            }
        }
        if step.is_for_people() && step.manual.as_ref().is_none_or(Vec::is_empty) {
            return Err(PlanError::NoCommands(step.id.clone()));
        }
    }
    if let Some(circle) = circle(plan, &steps) {
        return Err(PlanError::Circle(circle));
    }
    for step in &plan.steps {
        let awaited = awaited(step, &steps);
        let from = step.action.target().and_then(|target| target.step());
        if let Some(from) = from.filter(|from| !awaited.contains(from)) {
            return Err(PlanError::NotAwaited {
                step: step.id.clone(),
                from: from.clone(),
            });
        }
        let sees = |id: &&StepId| {
            let action = steps.get(*id).map(|step| &step.action);
            matches!(action, Some(Action::VerifyNothingLeft { .. }))
        };
        if may_disable(step) && !awaited.iter().any(sees) {
            return Err(PlanError::DisablesTooEarly(step.id.clone()));
        }
    }
    Ok(())
}

/// By its action, by its calls, and by what people are told to type.
fn may_disable(step: &Step) -> bool {
    let said = step.calls.iter().chain(step.manual.iter().flatten());
    let mut said = said.map(|text| text.to_ascii_lowercase());
    step.action.may_disable() || said.any(|text| DISABLING.iter().any(|word| text.contains(word)))
}

/// All that is done before a step, near and far.
fn awaited<'p>(step: &'p Step, steps: &HashMap<&'p StepId, &'p Step>) -> HashSet<&'p StepId> {
    let mut found = HashSet::new();
    let mut open: Vec<&StepId> = step.needs.iter().collect();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(steps.get(id).into_iter().flat_map(|step| &step.needs));
        }
    }
    found
}

/// A circle, if there is one. Without recursion: a plan may be read from a file.
fn circle(plan: &Plan, steps: &HashMap<&StepId, &Step>) -> Option<Vec<StepId>> {
    let mut clear: HashSet<&StepId> = HashSet::new();
    for start in &plan.steps {
        let mut path: Vec<(&Step, usize)> = vec![(start, 0)];
        let mut on_path: HashSet<&StepId> = HashSet::from([&start.id]);
        while let Some((step, next)) = path.pop() {
            if clear.contains(&step.id) {
                on_path.remove(&step.id);
                continue;
            }
            let Some(need) = step.needs.get(next) else {
                on_path.remove(&step.id);
                clear.insert(&step.id);
                continue;
            };
            path.push((step, next + 1));
            if on_path.contains(need) {
                let from = path.iter().position(|(step, _)| step.id == *need);
                let round = path.iter().skip(from.unwrap_or(0));
                let mut round: Vec<StepId> = round.map(|(step, _)| step.id.clone()).collect();
                round.push(need.clone());
                return Some(round);
            }
            if let Some(needed) = steps.get(need) {
                on_path.insert(need);
                path.push((needed, 0));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{Downtime, Estimate, OldData};
    use super::*;
    use crate::incident::IncidentId;

    fn step(id: &str, phase: Phase, action: Action, needs: &[&str]) -> Step {
        Step {
            id: id.into(),
            phase,
            title: id.into(),
            manual: action.is_for_people().then(|| vec!["true".into()]),
            action,
            needs: needs.iter().map(|need| (*need).into()).collect(),
            calls: Vec::new(),
            downtime: Downtime::None,
            old_data: OldData::NotApplicable,
            estimate: Estimate::default(),
            stays: None,
            verified_by: String::new(),
            unsure: None,
            clause: "KCR-1".into(),
        }
    }

    fn watch(id: &str, phase: Phase, needs: &[&str]) -> Step {
        let action = Action::Forensics {
            key: "k".into(),
            since: None,
        };
        step(id, phase, action, needs)
    }

    fn plan(steps: Vec<Step>) -> Plan {
        Plan {
            incident: IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a]),
            version: 1,
            notes: Vec::new(),
            steps,
        }
    }

    #[test]
    fn names_needs_and_circles_are_looked_at() {
        use Phase::Contain;
        let twice = plan(vec![watch("a", Contain, &[]), watch("a", Contain, &[])]);
        assert_eq!(twice.check(), Err(PlanError::Duplicate("a".into())));
        let lost = plan(vec![watch("a", Contain, &["b"])]);
        assert!(matches!(lost.check(), Err(PlanError::Unknown { .. })));
        let later = plan(vec![
            watch("a", Contain, &["b"]),
            watch("b", Phase::Close, &[]),
        ]);
        assert!(matches!(later.check(), Err(PlanError::Later { .. })));
        let round = plan(vec![
            watch("a", Contain, &["b"]),
            watch("b", Contain, &["c"]),
            watch("c", Contain, &["b"]),
        ]);
        let error = round.check().expect_err("a circle");
        assert_eq!(error.to_string(), "steps wait for each other: b → c → b");
        let own = plan(vec![watch("a", Contain, &["a"])]);
        assert!(matches!(own.check(), Err(PlanError::Circle(_))));
        let diamond = plan(vec![
            watch("a", Contain, &[]),
            watch("b", Contain, &["a"]),
            watch("c", Contain, &["a"]),
            watch("d", Contain, &["b", "c"]),
        ]);
        assert_eq!(diamond.check(), Ok(()));
    }

    #[test]
    fn nothing_takes_the_key_away_before_it_is_seen_that_nobody_needs_it() {
        let offer = || Action::OfferDisable { key: "k".into() };
        let seen = Action::VerifyNothingLeft {
            old_key: "k".into(),
            new_key: super::super::Param::Literal("n".into()),
        };
        let good = plan(vec![
            step("verify", Phase::Verify, seen, &[]),
            step("offer", Phase::Close, offer(), &["verify"]),
        ]);
        assert_eq!(good.check(), Ok(()));
        let early = plan(vec![step("offer", Phase::Contain, offer(), &[])]);
        assert!(matches!(early.check(), Err(PlanError::DisablesTooEarly(_))));

        // However it is hidden: as a call, or in a command for people.
        let mut by_call = watch("a", Phase::Contain, &[]);
        by_call.calls = vec!["kms:DisableKey".into()];
        assert!(plan(vec![by_call]).check().is_err());
        let mut by_hand = watch("a", Phase::Reencrypt, &[]);
        by_hand.manual = Some(vec!["aws kms schedule-key-deletion --key-id k".into()]);
        assert!(plan(vec![by_hand]).check().is_err());
    }

    #[test]
    fn what_is_used_is_awaited() {
        let action = Action::MoveAlias {
            alias: "alias/a".into(),
            from: "k".into(),
            to: super::super::Param::Ref(super::super::Ref {
                step: "create".into(),
                output: "key_arn".into(),
            }),
        };
        let own = plan(vec![
            watch("create", Phase::Replace, &[]),
            step("alias", Phase::Replace, action, &[]),
        ]);
        assert!(matches!(own.check(), Err(PlanError::NotAwaited { .. })));
    }
}
