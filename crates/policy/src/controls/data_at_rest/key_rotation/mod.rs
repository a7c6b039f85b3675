use super::cases::variants;
use crate::prelude::*;
use lockfast_facts::Origin;
use std::collections::{BTreeSet, HashMap};

control! {
    /// Looks at every KMS key. A symmetric key whose material AWS KMS generates must have
    /// `EnableKeyRotation: true` (the default is off) and a period of 90 to 2560 days that is no
    /// longer than what its data asks: the strictest of the classification of the key itself and of
    /// every store that uses it, by `lockfast.toml` or the built-in policy. Without a period it is 365
    /// days (AWS KMS Developer Guide, "Rotate AWS KMS keys").
    ///
    /// Asymmetric and HMAC keys, keys with imported material and keys in custom key stores never
    /// rotate by themselves: how old their material is, and who replaces it, a template does not
    /// show, so they are unknown; one for which the template asks for rotation all the same fails,
    /// since AWS refuses it. A replica key has its primary key's rotation. Rotations on demand count
    /// too, but only the live account knows of them; there the age of the material is judged where a key
    /// does not rotate by itself (`LastRotationDate`, or else `CreationDate`), and keys about to be deleted are left out. A key of which nobody said what it protects passes
    /// with a period that is enough for unclassified data, and a note of what the strictest
    /// classification would ask.
    id: "key-rotation",
    title: "Customer managed keys rotate as often as their data asks",
    clauses: ["ROT-2", "BP-6"],
    severity: High,
    fix: "Set EnableKeyRotation to true, and RotationPeriodInDays to what the classification asks (90 to 2560). Replace imported, asymmetric and HMAC keys by hand on the same schedule and move the alias.",
    cloudformation: r#"Type: AWS::KMS::Key
Properties:
  EnableKeyRotation: true
  RotationPeriodInDays: 180
"#,
    cdk: r#"new kms.Key(this, 'RestrictedKey', {
  enableKeyRotation: true,
  rotationPeriod: cdk.Duration.days(180),
});
"#,
}

const DOC: &str = "AWS KMS Developer Guide: Rotate AWS KMS keys";
const OFF: ServiceDefault = ServiceDefault {
    doc: DOC,
    since: "",
};
const YEARLY: ServiceDefault = ServiceDefault {
    doc: DOC,
    since: "2024-04-12",
};
const SPEC: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Developer Guide: Key spec reference",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let data = Data::of(cx);
    for subject in cx.subjects(&["AWS::KMS::Key"]) {
        out.push(key(cx, subject, &data));
    }
    for subject in cx.subjects(&["AWS::KMS::ReplicaKey"]) {
        let primary = subject.at("PrimaryKeyArn");
        let found = match &primary {
            Read::Found(value, _) => cx.inventory.target(value).map(|(resource, _)| resource),
            _ => None,
        };
        let primary_loc = primary.loc();
        let Some(primary) = found else {
            // A replica that runs tells its primary's rotation itself.
            if cx.inventory.origin() == Origin::Live {
                out.push(key(cx, subject, &data));
                continue;
            }
            let message = "cannot tell whether it rotates: its primary key, which decides it, is not in what was given";
            out.push(Judgement::unknown(subject, message).at(primary_loc));
            continue;
        };
        for (case, primary) in variants(cx, &subject.variant.when, primary.id) {
            out.push(match primary {
                Some(primary) => {
                    let mut judgement = key(cx, primary, &data);
                    judgement.about = crate::judgement::About::Resource(subject.id());
                    judgement.when = case;
                    judgement.step(format!("primary key {}", primary.resource.name), primary.resource.loc)
                }
                None => Judgement::unknown(
                    subject,
                    "cannot tell whether it rotates: its primary key is not made under the same conditions",
                )
                .when(&case),
            });
        }
    }
}

/// What each key protects.
struct Data(HashMap<ResourceId, (BTreeSet<Classification>, bool)>);

impl Data {
    /// Collects the classifications of the stores of each key, and whether one has none.
    fn of(cx: &Cx<'_>) -> Self {
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
    fn asked(&self, cx: &Cx<'_>, key: ResourceId) -> Asked {
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

struct Asked {
    strictest: Option<Classification>,
    certain: Option<i64>,
    possible: Option<i64>,
    laxest: i64,
}

fn key(cx: &Cx<'_>, subject: Subject<'_>, data: &Data) -> Judgement {
    if let Read::Found(state, loc) = subject.at("KeyState").string()
        && state.ends_with("Deletion")
    {
        return Judgement::not_applicable(subject, "the key is about to be deleted: nothing new is encrypted with it")
            .stated("KeyState", state, loc);
    }
    let spec = subject
        .at("KeySpec")
        .string()
        .or_default("SYMMETRIC_DEFAULT".into(), SPEC);
    let origin = subject
        .at("Origin")
        .string()
        .or_default("AWS_KMS".into(), SPEC);
    let enabled = subject
        .at("EnableKeyRotation")
        .bool()
        .or_default(false, OFF);
    for (fact, what) in [
        (&spec, "what kind of key it is"),
        (&origin, "where its key material comes from"),
    ] {
        if let Known::Unknown(why, _) = fact {
            return Judgement::cannot_tell(subject, what, why);
        }
    }
    let asked = data.asked(cx, subject.id());
    if let Some(kind) = by_hand(&spec, &origin) {
        let judgement = if cx.inventory.origin() == Origin::Live {
            by_age(cx, subject, &kind, &asked)
        } else if enabled.value() == Some(&true) {
            Judgement::fail(
                subject,
                format!("automatic rotation is asked for, but {kind} cannot have it"),
            )
            .fact("EnableKeyRotation", &enabled)
        } else {
            Judgement::unknown(
                subject,
                format!("{kind} does not rotate by itself: how old its material is, a template does not show"),
            )
            .note("held to the same age as keys that rotate: replace it by hand and move its alias")
        };
        return judgement.fact("KeySpec", &spec).fact("Origin", &origin);
    }
    let period = subject
        .at("RotationPeriodInDays")
        .int()
        .or_default(365, YEARLY);
    let judgement = match (&enabled, &period) {
        (Known::Unknown(why, _), _) => {
            Judgement::cannot_tell(subject, "whether the key rotates", why)
        }
        (known, _) if known.value() != Some(&true) && cx.inventory.origin() == Origin::Live => {
            on_demand(cx, subject, &asked)
        }
        (known, _) if known.value() != Some(&true) => {
            Judgement::fail(subject, "the key does not rotate")
                .note("rotations on demand would count, but a template does not show them")
        }
        (_, Known::Unknown(why, _)) => {
            Judgement::cannot_tell(subject, "how often the key rotates", why)
        }
        (_, known) => {
            let days = known.value().copied().unwrap_or(365);
            let judgement = by_period(subject, days, &asked);
            match known {
                Known::Stated(_, loc) => judgement.at(*loc),
                _ => judgement,
            }
        }
    };
    judgement
        .fact("EnableKeyRotation", &enabled)
        .fact("RotationPeriodInDays", &period)
}

fn by_period(subject: Subject<'_>, days: i64, asked: &Asked) -> Judgement {
    if !(90..=2560).contains(&days) {
        return Judgement::fail(
            subject,
            format!("its rotation period is {days} days; AWS takes 90 to 2560"),
        );
    }
    within(subject, &format!("it rotates every {days} days"), days, asked)
}

/// Whether what lasts so many days is renewed as often as the key's data asks.
fn within(subject: Subject<'_>, what: &str, days: i64, asked: &Asked) -> Judgement {
    if let (Some(limit), Some(class)) = (asked.certain, asked.strictest)
        && days > limit
    {
        return Judgement::fail(
            subject,
            format!("{what}, {class} data asks for {limit} at most"),
        );
    }
    match asked.possible {
        None => Judgement::pass(subject, format!("{what}, as its data asks")),
        Some(limit) if days <= limit => {
            Judgement::pass(subject, format!("{what}, enough for any classification"))
        }
        Some(_) if days > asked.laxest => Judgement::fail(
            subject,
            format!("{what}, every classification asks for {} at most", asked.laxest),
        ),
        Some(limit) => Judgement::pass(subject, what.to_owned()).note(format!(
            "nothing classifies what it protects; the strictest classification asks for {limit} days"
        )),
    }
}

/// A key that AWS does not rotate, by the age of what it encrypts with today.
fn by_age(cx: &Cx<'_>, subject: Subject<'_>, kind: &str, asked: &Asked) -> Judgement {
    let (since, at) = match subject.at(LAST_ROTATION) {
        Read::Absent(_) => ("CreationDate", subject.at("CreationDate")),
        last => (LAST_ROTATION, last),
    };
    let judgement = match cx.days_since(at.clone()) {
        Read::Found(days, loc) => {
            let what = format!("{kind} does not rotate by itself: its material is {days} days old");
            within(subject, &what, days, asked).at(loc)
        }
        Read::Unknown(why, _) => Judgement::cannot_tell(subject, "how old its material is", &why),
        Read::Absent(_) => Judgement::unknown(subject, "cannot tell how old its material is"),
    };
    judgement.fact(since, &at.string().or_default("never".to_owned(), OFF))
}

/// A key without automatic rotation that somebody may rotate on demand (AWS KMS API Reference, RotateKeyOnDemand).
fn on_demand(cx: &Cx<'_>, subject: Subject<'_>, asked: &Asked) -> Judgement {
    match cx.days_since(subject.at(LAST_ROTATION)) {
        Read::Found(days, _) => {
            let what = format!("it was rotated on demand {days} days ago, and does not rotate by itself");
            within(subject, &what, days, asked)
        }
        Read::Unknown(why, _) => {
            Judgement::cannot_tell(subject, "whether the key is rotated on demand, since it does not rotate by itself", &why)
        }
        Read::Absent(_) => Judgement::fail(subject, "the key does not rotate, nor was it ever rotated on demand"),
    }
}

/// When the key was last rotated, in whichever way.
const LAST_ROTATION: &str = "LastRotationDate";

/// The kinds of key that AWS KMS does not rotate.
fn by_hand(spec: &Known<String>, origin: &Known<String>) -> Option<String> {
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
