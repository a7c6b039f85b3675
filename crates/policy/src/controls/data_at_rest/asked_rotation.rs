//! How often a key must rotate, and which keys never do so by themselves.

use crate::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// What each key protects.
pub(super) struct Data(HashMap<ResourceId, (BTreeSet<Classification>, bool)>);

impl Data {
    /// Collects the classifications of the stores of each key, and whether one has none.
    pub(super) fn of(cx: &Cx<'_>) -> Self {
        let mut by_key: HashMap<ResourceId, (BTreeSet<Classification>, bool)> = HashMap::new();
        for store in cx.inventory.stores() {
            if let Some(Protection::Customer(used)) = store.protection.value()
                && let KeyTarget::Resource(id) = used.target
            {
                let (classes, unclassified) = by_key.entry(id).or_default();
                match cx.classification(store.resource).value() {
                    Some(class) => {
                        classes.insert(*class);
                    }
                    None => *unclassified = true,
                }
            }
        }
        Data(by_key)
    }

    /// The longest periods accepted: of what is certainly protected, and of what may be.
    pub(super) fn asked(&self, cx: &Cx<'_>, key: ResourceId) -> Asked {
        let (mut classes, unclassified) =
            self.0.get(&key).cloned().unwrap_or((BTreeSet::new(), true));
        let own = cx.classification(key).value();
        classes.extend(own);
        let days = |class: &Classification| i64::from(cx.config.asks(*class).rotation_days);
        let open = own.is_none() && unclassified;
        Asked {
            strictest: classes
                .iter()
                .copied()
                .min_by_key(|c| (days(c), std::cmp::Reverse(*c))),
            certain: classes.iter().map(days).min(),
            possible: open.then(|| {
                Classification::ALL
                    .iter()
                    .map(days)
                    .min()
                    .unwrap_or(i64::MAX)
            }),
            laxest: Classification::ALL
                .iter()
                .map(days)
                .max()
                .unwrap_or(i64::MAX),
        }
    }
}

/// The longest periods between rotations that are accepted, in days.
pub(super) struct Asked {
    /// The classification that decides.
    pub(super) strictest: Option<Classification>,
    /// Of what is certainly protected.
    pub(super) certain: Option<i64>,
    /// Of what may be, when not everything is classified.
    pub(super) possible: Option<i64>,
    /// Of any classification.
    pub(super) laxest: i64,
}

/// The kinds of key that AWS KMS does not rotate.
pub(super) fn by_hand(spec: &Known<String>, origin: &Known<String>) -> Option<String> {
    match origin.value().map(String::as_str) {
        Some("EXTERNAL") => return Some("a key with imported material".into()),
        Some("AWS_CLOUDHSM") => return Some("a key in an AWS CloudHSM key store".into()),
        Some("EXTERNAL_KEY_STORE") => return Some("a key in an external key store".into()),
        _ => {}
    }
    match spec.value().map(String::as_str) {
        Some("SYMMETRIC_DEFAULT") | None => None,
        Some(hmac) if hmac.starts_with("HMAC") => Some(format!("an HMAC key ({hmac})")),
        Some(other) => Some(format!("an asymmetric key ({other})")),
    }
}

/// The kind of a key that AWS KMS does not rotate; `None` for one that it does, or that does not tell.
pub(super) fn hand_rotated(key: Subject<'_>) -> Option<String> {
    let read = |property: &str, otherwise: &str| match key.at(property).string() {
        Read::Found(told, loc) => Some(Known::Stated(told, loc)),
        Read::Absent(loc) => Some(Known::Stated(otherwise.to_owned(), loc)),
        Read::Unknown(..) => None,
    };
    by_hand(
        &read("KeySpec", "SYMMETRIC_DEFAULT")?,
        &read("Origin", "AWS_KMS")?,
    )
}

/// A key that somebody must rotate, by the age of what it encrypts with today: since its last rotation, or else since
/// it was made.
pub(super) fn by_age(cx: &Cx<'_>, subject: Subject<'_>, kind: &str, asked: &Asked) -> Judgement {
    let rotated = cx.days_since(subject.at("LastRotationDate"));
    let (age, since) = match rotated {
        Read::Absent(_) => (cx.days_since(subject.at("CreationDate")), "made"),
        told => (told, "rotated"),
    };
    let (days, loc) = match age {
        Read::Found(days, loc) => (days, loc),
        Read::Unknown(why, loc) => {
            return Judgement::cannot_tell(subject, &format!("how old {kind} is"), &why).at(loc);
        }
        Read::Absent(loc) => {
            let message =
                format!("cannot tell how old {kind} is: the account does not say when it was made");
            return Judgement::unknown(subject, message).at(loc);
        }
    };
    let age = format!("{kind}, {since} {days} days ago");
    let judgement = match (asked.certain, asked.strictest, asked.possible) {
        (Some(limit), Some(class), _) if days > limit => {
            Judgement::fail(subject, format!("{age}: {class} data asks for {limit} at most"))
        }
        (_, _, Some(limit)) if days > limit => match days > asked.laxest {
            true => {
                let limit = asked.laxest;
                Judgement::fail(subject, format!("{age}: every classification asks for {limit} at most"))
            }
            false => Judgement::pass(subject, age).note(format!(
                "nothing classifies all that it protects; the strictest classification asks for {limit} days"
            )),
        },
        _ => Judgement::pass(subject, format!("{age}, as what it protects asks")),
    };
    judgement.at(loc)
}
