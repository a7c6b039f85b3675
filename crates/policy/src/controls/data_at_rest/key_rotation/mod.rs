use super::asked_rotation::{Asked, Data, by_age, by_hand, hand_rotated};
use super::cases::variants;
use crate::prelude::*;
use lockfast_facts::Origin;

control! {
    /// Looks at every KMS key. A symmetric key whose material AWS KMS generates must have
    /// `EnableKeyRotation: true` (the default is off) and a period of 90 to 2560 days that is no
    /// longer than what its data asks: the strictest of the classification of the key itself and of
    /// every store that uses it, by `lockfast.toml` or the built-in policy. Without a period it is 365
    /// days (AWS KMS Developer Guide, "Rotate AWS KMS keys").
    ///
    /// Asymmetric and HMAC keys, keys with imported material and keys in custom key stores never
    /// rotate by themselves: how old their material is, and who replaces it, a template does not
    /// show, so they are unknown (live accounts do, to `hand-rotated-keys-age`); one for which the template asks for rotation all the same fails,
    /// since AWS refuses it. A replica key has its primary key's rotation. Rotations on demand count
    /// too, but only the live account knows of them. A key of which nobody said what it protects passes
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
    // Live accounts tell how old a key is, so there these have a control of their own.
    let has_own_control = |subject: Subject<'_>| {
        cx.inventory.origin() == Origin::Live && hand_rotated(subject).is_some()
    };
    for subject in cx.subjects(&["AWS::KMS::Key"]) {
        if !has_own_control(subject) {
            out.push(key(cx, subject, &data));
        }
    }
    for subject in cx.subjects(&["AWS::KMS::ReplicaKey"]) {
        if has_own_control(subject) {
            continue;
        }
        let primary = subject.at("PrimaryKeyArn");
        let found = match &primary {
            Read::Found(value, _) => cx.inventory.target(value).map(|(resource, _)| resource),
            _ => None,
        };
        let primary_loc = primary.loc();
        let Some(primary) = found else {
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

fn key(cx: &Cx<'_>, subject: Subject<'_>, data: &Data) -> Judgement {
    if let Read::Found(state, loc) = subject.at("KeyState").string()
        && state.ends_with("Deletion")
    {
        let message = "the key is about to be deleted: nothing new is encrypted with it";
        return Judgement::not_applicable(subject, message).stated("KeyState", state, loc);
    }
    // A live key that could not be described may be AWS's own, and tells nothing of its rotation.
    if let Read::Unknown(why, loc) = subject.at("KeyManager") {
        return Judgement::cannot_tell(subject, "whether the key rotates", &why).at(loc);
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
    if let Some(kind) = by_hand(&spec, &origin) {
        let judgement = if enabled.value() == Some(&true) {
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
            on_demand(cx, subject, &data.asked(cx, subject.id()))
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
            let judgement = by_period(subject, days, &data.asked(cx, subject.id()));
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

/// A live key without automatic rotation that somebody may rotate on demand (AWS KMS API Reference, RotateKeyOnDemand).
fn on_demand(cx: &Cx<'_>, subject: Subject<'_>, asked: &Asked) -> Judgement {
    match subject.at("LastRotationDate") {
        Read::Found(..) => by_age(cx, subject, "a key that rotates on demand only", asked),
        Read::Unknown(why, _) => Judgement::cannot_tell(
            subject,
            "whether the key is rotated on demand, since it does not rotate by itself",
            &why,
        ),
        Read::Absent(_) => match in_between(subject) {
            Some(state) => Judgement::unknown(
                subject,
                format!("cannot tell whether the key rotates: AWS does not tell while it is {state}"),
            ),
            None => Judgement::fail(subject, "the key does not rotate, nor was it ever rotated on demand"),
        },
    }
}

/// The state of a key that is neither enabled nor disabled.
fn in_between(subject: Subject<'_>) -> Option<String> {
    let state = subject.at("KeyState").string().found();
    state.filter(|state| !matches!(state.as_str(), "Enabled" | "Disabled"))
}

fn by_period(subject: Subject<'_>, days: i64, asked: &Asked) -> Judgement {
    if !(90..=2560).contains(&days) {
        return Judgement::fail(
            subject,
            format!("its rotation period is {days} days; AWS takes 90 to 2560"),
        );
    }
    if let (Some(limit), Some(class)) = (asked.certain, asked.strictest)
        && days > limit
    {
        return Judgement::fail(
            subject,
            format!("it rotates every {days} days, {class} data asks for {limit} at most"),
        );
    }
    match asked.possible {
        None => Judgement::pass(
            subject,
            format!("it rotates every {days} days, as its data asks"),
        ),
        Some(limit) if days <= limit => Judgement::pass(
            subject,
            format!("it rotates every {days} days, enough for any classification"),
        ),
        Some(_) if days > asked.laxest => Judgement::fail(
            subject,
            format!(
                "it rotates every {days} days, every classification asks for {} at most",
                asked.laxest
            ),
        ),
        Some(limit) => Judgement::pass(subject, format!("it rotates every {days} days")).note(format!(
            "nothing classifies what it protects; the strictest classification asks for {limit} days"
        )),
    }
}
