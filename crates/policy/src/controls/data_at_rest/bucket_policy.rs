//! Whether a bucket's policy refuses requests of a kind, whoever makes them.

use super::cases::cases;
use crate::judgement::{Judged, Verdict};
use crate::live::unread;
use crate::prelude::*;
use lockfast_access::Resource as Target;
use lockfast_access::{Account, ContextValue, Policy, Principal, Request, Three, denies};
use lockfast_facts::{Guard, Loc, Part, Reference, Text};
use std::collections::HashMap;

/// A kind of request that must be refused.
pub(super) struct Attempt {
    /// What it is, as the object of "refuses": `s3:PutObject over plain HTTP`.
    pub what: String,
    /// The action.
    pub action: &'static str,
    /// Whether it is for an object, or for the bucket itself.
    pub object: bool,
    /// The context keys it has, each with the values that mean the same: one of them refused is all refused.
    pub context: Vec<(&'static str, Vec<ContextValue>)>,
}

/// What the policies of a bucket say to a kind of request, what decides over the others first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// They refuse it, whoever asks.
    Refused(Loc),
    /// It depends on what is not known.
    Unknown(Loc),
    /// They refuse it under further conditions only.
    Sometimes(Loc),
    /// They let it through.
    LetThrough(Loc),
    /// There is no policy.
    NoPolicy,
}

/// The policies of every bucket in the inventory.
pub(super) struct BucketPolicies<'a>(HashMap<ResourceId, Vec<(Subject<'a>, Policy)>>);

impl<'a> BucketPolicies<'a> {
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut policies: HashMap<ResourceId, Vec<_>> = HashMap::new();
        for subject in cx.subjects(&["AWS::S3::BucketPolicy"]) {
            let Read::Found(bucket, _) = subject.at("Bucket") else {
                continue;
            };
            let bucket = match cx.inventory.target(bucket) {
                Some((resource, _)) => Some(resource),
                None => named(cx, subject.resource, bucket),
            };
            let Some(bucket) = bucket else { continue };
            let policy = match (subject.at("PolicyDocument"), open_name(bucket, subject)) {
                (Read::Found(document, _), Some(name)) => Some(Policy::from_value(&by_reference(
                    document, &name, bucket.id,
                ))),
                (read, _) => Policy::from_read(read),
            };
            if let Some(policy) = policy {
                policies
                    .entry(bucket.id)
                    .or_default()
                    .push((subject, policy));
            }
        }
        BucketPolicies(policies)
    }

    /// What the policies that hold together with this bucket say, case by case.
    pub(super) fn ask(
        &self,
        cx: &Cx<'_>,
        bucket: Subject<'_>,
        kind: &Attempt,
    ) -> Vec<(Guard, Answer)> {
        let when = &bucket.variant.when;
        let policies = self.0.get(&bucket.id()).into_iter().flatten();
        let mut answers: Vec<(Guard, Answer)> = policies
            .map(|(holder, policy)| (&holder.variant.when, policy))
            .filter(|(guard, _)| guard.compatible(when))
            .map(|(guard, policy)| (guard.clone(), answer(bucket, policy, kind)))
            .collect();
        answers.sort_by_key(|(_, answer)| *answer);
        let place = &cx.inventory.stack_of(bucket.resource).place;
        let none = match unread(cx, "s3", &["AWS::S3::BucketPolicy"], place) {
            Some(_) => Answer::Unknown(bucket.resource.loc),
            None => Answer::NoPolicy,
        };
        cases(cx, when, answers)
            .into_iter()
            .map(|(case, answer)| (case, answer.unwrap_or(none)))
            .collect()
    }

    /// Judges a bucket by what its policies say to these requests, which together are `all`.
    pub(super) fn judge<J: Judged + Copy>(
        &self,
        cx: &Cx<'_>,
        judged: J,
        bucket: Subject<'_>,
        attempts: &[Attempt],
        all: &str,
    ) -> Vec<Judgement> {
        let mut judgements = Vec::new();
        for attempt in attempts {
            let what = &attempt.what;
            let first = judgements.len();
            for (case, answer) in self.ask(cx, bucket, attempt) {
                let judgement = match answer {
                    Answer::Refused(loc) => {
                        Judgement::pass(judged, format!("its policy refuses {all}, whoever asks")).at(loc)
                    }
                    Answer::Unknown(loc) => Judgement::unknown(
                        judged,
                        format!("cannot tell whether its policy refuses {what}: it hangs on values known only at deployment"),
                    )
                    .at(loc),
                    Answer::Sometimes(loc) => Judgement::fail(
                        judged,
                        format!("its policy refuses {what} under further conditions only"),
                    )
                    .at(loc)
                    .stated("let through", what.clone(), loc),
                    Answer::LetThrough(loc) => {
                        Judgement::fail(judged, format!("its policy does not refuse {what}"))
                            .at(loc)
                            .stated("let through", what.clone(), loc)
                    }
                    Answer::NoPolicy => Judgement::fail(
                        judged,
                        format!("it has no bucket policy, so nothing refuses {all}"),
                    ),
                };
                judgements.push(judgement.when(&case));
            }
            // Where one of them is let through in every case, the others add nothing.
            let of_attempt: &[Judgement] = &judgements[first..];
            if of_attempt.iter().all(|j| j.verdict == Verdict::Fail) {
                return judgements.split_off(first);
            }
        }
        judgements
    }
}

/// What one policy says.
fn answer(bucket: Subject<'_>, policy: &Policy, kind: &Attempt) -> Answer {
    match one(bucket, policy, kind) {
        Three::Yes => Answer::Refused(policy.loc),
        Three::No => Answer::LetThrough(policy.loc),
        // Everything is known of a certain policy, so what is left open is the request itself.
        Three::Maybe
            if policy.is_certain() && asked(Target::any(), policy, kind) == Three::Maybe =>
        {
            Answer::Sometimes(policy.loc)
        }
        Three::Maybe => Answer::Unknown(policy.loc),
    }
}

/// The bucket that a policy means by its name.
fn named<'a>(cx: &Cx<'a>, holder: &Resource, bucket: &Value) -> Option<&'a Resource> {
    let text = bucket.at("").text().found()?;
    let name = cx.inventory.written_name(holder.stack, &text)?;
    cx.inventory
        .named("AWS::S3::Bucket", "BucketName", &name)
        .find(|bucket| cx.inventory.same_place(holder, bucket) != Some(false))
}

/// A bucket's name, when parameters without a value stand in it.
fn open_name(bucket: &Resource, holder: Subject<'_>) -> Option<Text> {
    let name = bucket.at("BucketName").text().found()?;
    (bucket.stack == holder.resource.stack && name.plain().is_none()).then(|| name.into_owned())
}

/// A policy in which a reference stands for the bucket's name: written alike in one stack, the two
/// are the same whatever the parameters in them turn out to be.
fn by_reference(value: &Value, name: &Text, bucket: ResourceId) -> Value {
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(refer(text, name, bucket)),
        Kind::List(items) => {
            let items = items.iter().map(|item| by_reference(item, name, bucket));
            Kind::List(items.collect())
        }
        Kind::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, item)| (key.clone(), by_reference(item, name, bucket)));
            Kind::Map(entries.collect())
        }
        other => other.clone(),
    };
    Value {
        kind,
        ..value.clone()
    }
}

fn refer(text: &Text, name: &Text, bucket: ResourceId) -> Text {
    let (all, wanted) = (pieces(text), pieces(name));
    let Some(at) = all
        .windows(wanted.len())
        .position(|window| window == wanted)
    else {
        return text.clone();
    };
    let after = &all[at + wanted.len()..];
    let ends = after
        .first()
        .is_none_or(|next| *next == Part::Literal("/".into()));
    let begins = at == 0 || all[at - 1] == Part::Literal(":".into());
    if !begins || !ends {
        return text.clone();
    }
    let reference = Part::Reference(Reference {
        target: bucket,
        attribute: None,
    });
    let parts = all[..at]
        .iter()
        .cloned()
        .chain([reference])
        .chain(after.iter().cloned());
    Text::from_parts(parts)
}

/// A text, character by character where they are known.
fn pieces(text: &Text) -> Vec<Part> {
    let of = |part: Part| match part {
        Part::Literal(literal) => literal
            .chars()
            .map(|c| Part::Literal(c.to_string().into()))
            .collect(),
        other => vec![other],
    };
    text.parts().into_iter().flat_map(of).collect()
}

fn one(bucket: Subject<'_>, policy: &Policy, kind: &Attempt) -> Three {
    let name = bucket.at("BucketName").string().found();
    let target = Target::bucket(bucket.id(), name.as_deref());
    // An object that no policy has in mind: what refuses it refuses all of them.
    let target = if kind.object {
        target.under("/lockfast/any/object")
    } else {
        target
    };
    asked(target, policy, kind)
}

fn asked(target: Target, policy: &Policy, kind: &Attempt) -> Three {
    let principals = [Principal::anonymous(), Principal::member(Account::Own)];
    Three::all(principals.into_iter().map(|principal| {
        let mut requests = vec![Request::new(principal, kind.action, target.clone())];
        for (key, values) in &kind.context {
            requests = requests
                .into_iter()
                .flat_map(|request| {
                    values
                        .iter()
                        .map(move |value| request.clone().with_value(key, value.clone()))
                })
                .collect();
        }
        Three::any(requests.iter().map(|request| denies(policy, request)))
    }))
}

/// A context value that is known.
pub(super) fn value(text: &str) -> ContextValue {
    ContextValue::Known(vec![Text::Plain(text.into())])
}

/// Some key that is certainly not the one a policy names: once as an ARN of another account, once as
/// a reference to something that is no key, for policies that name theirs by reference.
pub(super) fn another_key(bucket: ResourceId) -> Vec<ContextValue> {
    let reference = Part::Reference(Reference {
        target: bucket,
        attribute: None,
    });
    vec![
        value("arn:aws:kms:eu-central-1:000000000000:key/00000000-0000-4000-8000-000000000000"),
        ContextValue::Known(vec![Text::from_parts([reference])]),
    ]
}
