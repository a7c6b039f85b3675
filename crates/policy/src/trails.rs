//! The trails of CloudTrail: whether they run, what they record, where they reach, what came of it.

mod selectors;

pub(crate) use selectors::management_events;

use crate::judgement::About;
use crate::live::{gap, listed, unread};
use crate::prelude::*;
use lockfast_facts::{Loc, Place};

/// The management events of a service.
pub(crate) struct Events {
    /// As CloudTrail names their source.
    pub source: &'static str,
    /// The service, for people.
    pub service: &'static str,
    /// A call that counts as a read.
    pub read: &'static str,
    /// What its writes are.
    pub changes: &'static str,
}

/// What is done with keys.
pub(crate) const KEYS: Events = Events {
    source: "kms.amazonaws.com",
    service: "KMS",
    read: "Decrypt",
    changes: "changes of keys",
};

/// What is done with secrets.
pub(crate) const SECRETS: Events = Events {
    source: "secretsmanager.amazonaws.com",
    service: "Secrets Manager",
    read: "GetSecretValue",
    changes: "changes of secrets",
};

/// What a trail does when its selectors say nothing.
pub(crate) const ON: ServiceDefault = ServiceDefault {
    doc: "AWS CloudTrail User Guide: Logging management events",
    since: "",
};

pub(crate) const STOPPED: &str = "the trail does not run";
pub(crate) const NOT_VALIDATED: &str =
    "log files are not validated: a changed or deleted one would go unseen";

/// What is wrong with a trail: the first fault, and the first thing that is not known.
#[derive(Default)]
pub(crate) struct Faults {
    fault: Option<(String, Loc)>,
    unknown: Option<(&'static str, Arc<Why>, Loc)>,
}

impl Faults {
    /// Adds a fault, if it is one. `what` cannot be told when it is not known.
    pub(crate) fn add(&mut self, what: &'static str, fault: Known<Option<String>>) {
        match fault {
            Known::Unknown(why, loc) => {
                self.unknown.get_or_insert((what, why, loc));
            }
            Known::Stated(Some(message), loc) | Known::Default(Some(message), _, loc) => {
                self.fault.get_or_insert((message, loc));
            }
            _ => {}
        }
    }

    /// The verdict on the trail itself; `sound` is the message when nothing is wrong.
    pub(crate) fn judgement(
        self,
        trail: impl crate::judgement::Judged,
        sound: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Judgement {
        match (self.fault, self.unknown) {
            (Some((message, loc)), _) => Judgement::fail(trail, message).at(loc),
            (None, Some((what, why, loc))) => Judgement::cannot_tell(trail, what, &why).at(loc),
            (None, None) => Judgement::pass(trail, sound),
        }
    }

    /// How well the trail serves: the fewer of these, the better.
    fn rank(&self) -> u8 {
        match (&self.fault, &self.unknown) {
            (None, None) => 0,
            (None, Some(_)) => 1,
            (Some(_), _) => 2,
        }
    }
}

/// What live accounts tell of a trail: whether it runs, records the events and delivers its files.
pub(crate) fn in_effect(cx: &Cx<'_>, trail: Subject<'_>, events: &Events) -> Faults {
    let mut faults = Faults::default();
    let logging = match trail.at("IsLogging").bool() {
        Read::Found(on, loc) => Known::Stated((!on).then(|| STOPPED.into()), loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(
            Arc::new(Why::NotGiven("whether the trail runs".into())),
            loc,
        ),
    };
    faults.add("whether the trail runs", logging);
    faults.add(
        "which events the trail records",
        management_events(trail, events),
    );
    faults.add(
        "whether CloudTrail delivers its log files",
        delivery(cx, trail),
    );
    faults
}

/// Whether a trail does not validate its log files.
pub(crate) fn not_validated(trail: Subject<'_>) -> Known<Option<String>> {
    let on = match trail.at("EnableLogFileValidation").bool() {
        Read::Absent(loc) => Known::Stated(false, loc),
        Read::Found(on, loc) => Known::Stated(on, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
    };
    on.map(|on| (!on).then(|| NOT_VALIDATED.into()))
}

/// Judges whether a trail without faults covers an account and region; of several, the best decides. `sound` is the
/// message when one does, `what` is what must be covered (`what is done with keys`).
pub(crate) fn judge_place(
    cx: &Cx<'_>,
    place: &Place,
    faults: impl Fn(Subject<'_>) -> Faults,
    (sound, what): (&'static str, &str),
) -> Judgement {
    let mut best: Option<(Subject<'_>, Faults)> = None;
    let mut open: Option<Subject<'_>> = None;
    for trail in listed(cx, &["AWS::CloudTrail::Trail"]) {
        match covers(cx, trail, &place.account, &place.region) {
            Some(true) => {
                let faults = faults(trail);
                if best.as_ref().is_none_or(|(_, b)| faults.rank() < b.rank()) {
                    best = Some((trail, faults));
                }
            }
            None => open = open.or(Some(trail)),
            Some(false) => {}
        }
    }
    let unknown = best.as_ref().is_none_or(|(_, faults)| faults.rank() > 0);
    // A trail that covers several regions may have been told of in any of them.
    let anywhere = Place {
        account: place.account.clone(),
        region: None,
    };
    let kinds = ["AWS::CloudTrail::Trail"];
    let list = unknown
        .then(|| gap(cx, &kinds, &anywhere).or_else(|| unread(cx, "cloudtrail", &kinds, place)));
    match (best, open, list.flatten()) {
        (Some((trail, faults)), open, why) if faults.rank() < 2 || (open.is_none() && why.is_none()) => {
            let name = &trail.resource.name;
            faults
                .judgement(About::Input, sound)
                .step(format!("trail {name}"), trail.resource.loc)
        }
        (_, Some(trail), _) => Judgement::unknown(
            About::Input,
            format!(
                "cannot tell whether a trail records {what}: whether trail {} reaches there is not known",
                trail.resource.name
            ),
        )
        .at(trail.resource.loc),
        (_, None, Some(why)) => {
            Judgement::cannot_tell(About::Input, &format!("whether a trail records {what}"), &why)
        }
        _ => Judgement::fail(About::Input, format!("no trail records {what}")),
    }
}

/// Whether a trail covers an account and region; `None` when the input does not say.
pub(crate) fn covers(
    cx: &Cx<'_>,
    trail: Subject<'_>,
    account: &Option<Arc<str>>,
    region: &Option<Arc<str>>,
) -> Option<bool> {
    let place = &cx.inventory.stack_of(trail.resource).place;
    let flag = |name: &str| match trail.at(name).bool() {
        Read::Absent(_) => Some(false),
        Read::Found(on, _) => Some(on),
        Read::Unknown(..) => None,
    };
    let here = same(&place.account, account) || flag("IsOrganizationTrail")?;
    Some(here && (same(&place.region, region) || flag("IsMultiRegionTrail")?))
}

/// Stacks of one input that do not say where they go are taken to go together.
pub(crate) fn same(a: &Option<Arc<str>>, b: &Option<Arc<str>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// Why CloudTrail cannot deliver; `None` when it can, or when the bucket is not in what was given.
pub(crate) fn delivery(cx: &Cx<'_>, trail: Subject<'_>) -> Known<Option<String>> {
    // Live accounts tell what came of the last attempt, in the words of Amazon S3.
    match trail.at("LatestDeliveryError").string() {
        Read::Found(error, loc) if !error.is_empty() => {
            let message = format!("CloudTrail could not deliver its last log file: {error}");
            return Known::Stated(Some(message), loc);
        }
        Read::Unknown(why, loc) => return Known::Unknown(why, loc),
        _ => {}
    }
    let (bucket, loc) = match trail.at("S3BucketName") {
        Read::Found(value, loc) => match cx.inventory.target(value) {
            Some((bucket, _)) if &*bucket.kind == "AWS::S3::Bucket" => (bucket, loc),
            // A central log bucket of another account is the rule rather than the exception.
            _ => return Known::Stated(None, loc),
        },
        read => return Known::Stated(None, read.loc()),
    };
    let mut policies = cx
        .inventory
        .referrers(bucket.id)
        .filter(|r| &*r.kind == "AWS::S3::BucketPolicy")
        .flat_map(|r| cx.inventory.variants_of(r.id))
        .filter(|policy| {
            policy.variant.when.compatible(&trail.variant.when)
                && matches!(policy.at("Bucket"), Read::Found(value, _)
                    if cx.inventory.target(value).is_some_and(|(target, _)| target.id == bucket.id))
        });
    let Some(policy) = policies.next() else {
        return Known::Stated(
            Some(format!(
                "bucket {} has no policy that lets CloudTrail write its log files",
                bucket.name
            )),
            loc,
        );
    };
    use lockfast_access::{Policy, Principal, Request, Resource as Target, Three};
    let Some(parsed) = Policy::from_read(policy.at("PolicyDocument")) else {
        return Known::Stated(None, loc);
    };
    let name = bucket.at("BucketName").string().found();
    let target = Target::bucket(bucket.id, name.as_deref()).any_object();
    let request = Request::new(
        Principal::service("cloudtrail.amazonaws.com"),
        "s3:PutObject",
        target,
    )
    .with("s3:x-amz-acl", "bucket-owner-full-control")
    .with("aws:SecureTransport", "true");
    let outcome = parsed.evaluate(&request);
    if outcome.allowed == Three::No {
        Known::Stated(
            Some(format!(
                "the policy of bucket {} does not let CloudTrail write its log files",
                bucket.name
            )),
            policy.resource.loc,
        )
    } else {
        Known::Stated(None, loc)
    }
}
