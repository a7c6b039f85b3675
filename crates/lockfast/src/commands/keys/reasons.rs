//! Why somebody may do something: which statement of which policy decided.

use lockfast_access::world::Answer;
use lockfast_access::{Decision, PolicyKind, Refusal, Three};
use lockfast_facts::{Inventory, Loc};
use serde_json::{Value, json};

/// The answer in a word.
pub(super) fn word(may: Three) -> &'static str {
    match may {
        Three::Yes => "yes",
        Three::Maybe => "possible",
        Three::No => "no",
    }
}

/// What has to hold for a possible answer.
pub(super) fn conditions(answer: &Answer) -> &[String] {
    match &answer.access.decision {
        Decision::Possible(conditions) => conditions,
        _ => &[],
    }
}

/// One policy that was heard.
pub(super) struct Said {
    pub(super) who: String,
    pub(super) says: String,
    pub(super) places: Vec<String>,
}

/// What each policy said, in the order of evaluation. Those that are silent are told, too: nothing allows in them.
pub(super) fn said(inventory: &Inventory, answer: &Answer) -> Vec<Said> {
    let heard = &answer.heard;
    let mut told = Vec::new();
    if let Some(refusal) = &answer.access.refused_by_key {
        let (who, why) = match refusal {
            Refusal::State(state) => ("key state", format!("is in the state {state}")),
            Refusal::Usage(usage) => ("key usage", format!("is for {usage}")),
        };
        told.push(Said {
            who: who.to_owned(),
            says: format!("the key {why}, which refuses this whatever policies say"),
            places: Vec::new(),
        });
    }
    for reason in &answer.access.reasons {
        let named = match reason.kind {
            PolicyKind::Scp => heard.scps.get(reason.index),
            PolicyKind::Rcp => heard.rcps.get(reason.index),
            PolicyKind::Identity => heard.identity.get(reason.index),
            PolicyKind::Resource => heard.resource.as_ref(),
            PolicyKind::Boundary => heard.boundary.as_ref(),
            PolicyKind::Grant => heard.grants.get(reason.index),
            PolicyKind::Session => heard.session.get(reason.index),
            PolicyKind::Endpoint => heard.endpoint.as_ref(),
        };
        let (name, loc) = named.cloned().unwrap_or_default();
        let who = match reason.kind {
            PolicyKind::Identity if !name.contains("policies") => format!("identity: {name}"),
            PolicyKind::Grant => format!("grant {name}"),
            _ => name,
        };
        let says = match &reason.decision {
            Decision::Allow if reason.delegates => {
                "leaves it to the policies of the account's identities".to_owned()
            }
            Decision::Possible(conditions) if reason.delegates => format!(
                "leaves it to the policies of the account's identities, {}",
                conditions.join("; ")
            ),
            Decision::Allow => "allows".to_owned(),
            Decision::ExplicitDeny => "denies".to_owned(),
            Decision::ImplicitDeny => "is silent".to_owned(),
            Decision::Possible(conditions) => format!("allows, {}", conditions.join("; ")),
        };
        let mut places: Vec<String> = reason
            .decided_by
            .iter()
            .map(|by| {
                let sid = match &by.sid {
                    Some(sid) => format!("statement {sid}"),
                    None => format!("statement {}", by.statement + 1),
                };
                match place(inventory, by.loc) {
                    Some(place) => format!("{sid} at {place}"),
                    None => sid,
                }
            })
            .collect();
        if places.is_empty() {
            places.extend(place(inventory, loc));
        }
        told.push(Said { who, says, places });
    }
    told
}

fn place(inventory: &Inventory, loc: Loc) -> Option<String> {
    (loc != Loc::default()).then(|| inventory.place(loc))
}

/// The whole answer for machines.
pub(super) fn json(inventory: &Inventory, answer: &Answer) -> Value {
    json!({
        "may": word(answer.may),
        "if": conditions(answer),
        "because": said(inventory, answer)
            .iter()
            .map(|said| json!({"policy": said.who, "says": said.says, "at": said.places}))
            .collect::<Vec<_>>(),
    })
}
