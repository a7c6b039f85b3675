//! When keys are due to rotate, by how sensitive what they protect is.
//!
//! Sources: AWS KMS Developer Guide, "Rotate AWS KMS keys", "Enable automatic key rotation", "Perform on-demand key rotation",
//! "Rotate keys manually".

use crate::ring::Key;
use jiff::ToSpan;
use jiff::civil::Date;
use lockfast_facts::Read;
use lockfast_policy::{Classification, Cx};
use serde::Serialize;

/// The periods that AWS KMS takes, in days.
pub const PERIODS: std::ops::RangeInclusive<i64> = 90..=2560;

/// How a key rotates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "why")]
pub enum Kind {
    /// AWS KMS rotates it, or can.
    Automatic,
    /// Somebody has to: a new key, its alias moved, consumers re-pointed.
    ByHand(String),
    /// A replica has the rotation of its primary.
    WithPrimary,
    /// Its state allows none.
    NotNow(String),
}

/// Whether it is on time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "due", content = "detail")]
pub enum Due {
    /// Past its day: by so many days.
    Late(i64),
    /// Nothing makes it rotate, so that it will be late on a day.
    Unset(String),
    /// Within the period, until a day.
    OnTime(String),
    /// Cannot be told, because.
    Unknown(String),
    /// Nothing is asked of it.
    NotAsked(String),
}

/// The rotation of a key.
#[derive(Clone, Debug, Serialize)]
pub struct Rotation {
    /// How it rotates.
    #[serde(flatten)]
    pub kind: Kind,
    /// Whether it is on time.
    #[serde(flatten)]
    pub due: Due,
    /// The longest time between rotations that is asked, in days.
    pub asked_days: Option<i64>,
    /// For what it is asked.
    pub for_classification: Option<Classification>,
    /// Whether automatic rotation is on.
    pub automatic: Option<bool>,
    /// The period of it, in days.
    pub period_days: Option<i64>,
    /// The day that it was last rotated, or made.
    pub last: Option<String>,
    /// How many days ago that was.
    pub age_days: Option<i64>,
    /// What mends it, in a few words; nothing where nothing has to be done.
    pub mend: Vec<Mend>,
}

/// One step that brings a key's rotation in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do", content = "days")]
pub enum Mend {
    /// Turns automatic rotation on, or changes its period, in days.
    EnableRotation(i64),
    /// Rotates it now.
    RotateNow,
    /// Makes a new key, moves the aliases and re-points consumers.
    Replace,
}

/// The rotation of a key, on a day.
pub fn rotation(cx: &Cx<'_>, key: &Key<'_>, today: Date) -> Rotation {
    let mut strictest: Option<(i64, Classification)> = None;
    let own = key.classification.value().copied();
    let all = key.dependents.iter().filter_map(|on| on.classification);
    for class in own.into_iter().chain(all) {
        let days = i64::from(cx.config.asks(class).rotation_days);
        if strictest.is_none_or(|(least, _)| days < least) {
            strictest = Some((days, class));
        }
    }
    let automatic = key.resource.at("EnableKeyRotation").bool();
    let automatic = match automatic {
        Read::Found(on, _) => Some(on),
        // AWS CloudFormation, AWS::KMS::Key: not rotated unless it says so.
        Read::Absent(_) if key.resource.kind.ends_with("::Key") => Some(false),
        _ => None,
    };
    let period = key.resource.at("RotationPeriodInDays").int().found();
    let period = period.or((automatic == Some(true)).then_some(365));
    let last = ["LastRotationDate", "CreationDate"]
        .into_iter()
        .find_map(|at| day(&key.text(at)?));
    let age = last.and_then(|last| today.since((jiff::Unit::Day, last)).ok());
    let age = age.map(|span| i64::from(span.get_days()));
    let kind = kind(key);
    let asked = strictest.map(|(days, _)| days);
    let mut rotation = Rotation {
        due: due(key, &kind, asked, automatic, period, last, age),
        kind,
        asked_days: asked,
        for_classification: strictest.map(|(_, class)| class),
        automatic,
        period_days: period.filter(|_| automatic == Some(true)),
        last: last.map(|last| last.to_string()),
        age_days: age,
        mend: Vec::new(),
    };
    rotation.mend = mend(&rotation);
    rotation
}

fn kind(key: &Key<'_>) -> Kind {
    if key.resource.kind.ends_with("::ReplicaKey") {
        return Kind::WithPrimary;
    }
    if let Some(state) = key.state().filter(|state| state != "Enabled") {
        return Kind::NotNow(format!("it is in the state {state}"));
    }
    let spec = key.spec();
    if spec.starts_with("HMAC") {
        return Kind::ByHand("HMAC keys never rotate by themselves".to_owned());
    }
    if spec != "SYMMETRIC_DEFAULT" {
        return Kind::ByHand(format!("it is asymmetric ({spec})"));
    }
    match key.origin().as_str() {
        "AWS_KMS" => Kind::Automatic,
        "EXTERNAL" => Kind::ByHand("its material is imported".to_owned()),
        origin => Kind::ByHand(format!("it lies in a custom key store ({origin})")),
    }
}

fn due(
    key: &Key<'_>,
    kind: &Kind,
    asked: Option<i64>,
    automatic: Option<bool>,
    period: Option<i64>,
    last: Option<Date>,
    age: Option<i64>,
) -> Due {
    match kind {
        Kind::WithPrimary => {
            return Due::NotAsked("its primary key's rotation is its own".to_owned());
        }
        Kind::NotNow(why) => return Due::NotAsked(why.clone()),
        Kind::Automatic | Kind::ByHand(_) => {}
    }
    let Some(asked) = asked else {
        return Due::Unknown("neither it nor what it protects is classified".to_owned());
    };
    if *kind == Kind::Automatic && automatic.is_none() {
        return Due::Unknown("whether it rotates is not known".to_owned());
    }
    let by_itself = automatic == Some(true) && period.is_some_and(|period| period <= asked);
    match (last, age) {
        (Some(last), Some(age)) => {
            let until = last.checked_add(asked.days()).map(|day| day.to_string());
            let until = until.unwrap_or_else(|_| "a day out of reach".to_owned());
            if age > asked {
                Due::Late(age - asked)
            } else if by_itself || matches!(kind, Kind::ByHand(_)) {
                Due::OnTime(until)
            } else {
                Due::Unset(until)
            }
        }
        _ if by_itself => Due::OnTime(format!("every {} days", period.unwrap_or(asked))),
        _ if *kind == Kind::Automatic => Due::Unset(format!("{asked} days after it is made")),
        _ if key.unknowns.is_empty() => {
            Due::Unknown("a template does not tell how old it is".to_owned())
        }
        _ => Due::Unknown("how old it is was not told".to_owned()),
    }
}

fn mend(rotation: &Rotation) -> Vec<Mend> {
    let Some(asked) = rotation.asked_days else {
        return Vec::new();
    };
    let late = matches!(rotation.due, Due::Late(_));
    match &rotation.kind {
        Kind::Automatic => {
            let period = asked.clamp(*PERIODS.start(), *PERIODS.end());
            let set = rotation.automatic == Some(true)
                && rotation.period_days.is_some_and(|days| days <= asked);
            let mut steps = Vec::new();
            if !set && rotation.automatic.is_some() {
                steps.push(Mend::EnableRotation(period));
            }
            // A period under the least that AWS KMS takes is kept on demand.
            if late {
                steps.push(Mend::RotateNow);
            }
            steps
        }
        Kind::ByHand(_) if late => vec![Mend::Replace],
        _ => Vec::new(),
    }
}

/// The day of a moment.
fn day(moment: &str) -> Option<Date> {
    moment.get(..10)?.parse().ok()
}
