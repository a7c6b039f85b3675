//! Whether a bucket's policy refuses requests of a kind, whoever makes them.

use crate::prelude::*;
use lockfast_access::Resource as Target;
use lockfast_access::{Account, ContextValue, Policy, Principal, Request, Three, denies};
use lockfast_facts::{Loc, Part, Reference, Text};
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

/// What the policies of a bucket say to a kind of request.
pub(super) enum Answer {
    /// They refuse it, whoever asks.
    Refused(Loc),
    /// They let it through.
    LetThrough(Option<Loc>),
    /// They refuse it under further conditions only.
    Sometimes(Loc),
    /// It depends on what is not known.
    Unknown(Loc),
}

/// The policies of every bucket in the inventory.
pub(super) struct BucketPolicies<'a>(HashMap<ResourceId, Vec<(Subject<'a>, Policy)>>);

impl<'a> BucketPolicies<'a> {
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut by_name: HashMap<String, ResourceId> = HashMap::new();
        for bucket in cx.inventory.of_kind("AWS::S3::Bucket") {
            if let Read::Found(name, _) = bucket.at("BucketName").string() {
                by_name.insert(name, bucket.id);
            }
        }
        let mut policies: HashMap<ResourceId, Vec<_>> = HashMap::new();
        for subject in cx.subjects(&["AWS::S3::BucketPolicy"]) {
            let Read::Found(bucket, _) = subject.at("Bucket") else {
                continue;
            };
            let id = match cx.inventory.target(bucket) {
                Some((resource, _)) => Some(resource.id),
                None => bucket
                    .at("")
                    .string()
                    .found()
                    .and_then(|name| by_name.get(&name).copied()),
            };
            if let (Some(id), Some(policy)) = (id, Policy::from_read(subject.at("PolicyDocument")))
            {
                policies.entry(id).or_default().push((subject, policy));
            }
        }
        BucketPolicies(policies)
    }

    /// What the policies that hold together with this bucket say.
    pub(super) fn ask(&self, bucket: Subject<'_>, kind: &Attempt) -> Answer {
        let mut answer = Answer::LetThrough(None);
        let policies = self.0.get(&bucket.id()).into_iter().flatten();
        for (holder, policy) in policies {
            if !holder.variant.when.compatible(&bucket.variant.when) {
                continue;
            }
            match one(bucket, policy, kind) {
                Three::Yes => return Answer::Refused(policy.loc),
                Three::No if matches!(answer, Answer::LetThrough(None)) => {
                    answer = Answer::LetThrough(Some(policy.loc));
                }
                Three::No => {}
                // Everything is known of a certain policy, so what is left open is the request itself.
                Three::Maybe
                    if policy.is_certain()
                        && asked(Target::any(), policy, kind) == Three::Maybe =>
                {
                    answer = Answer::Sometimes(policy.loc);
                }
                Three::Maybe => return Answer::Unknown(policy.loc),
            }
        }
        answer
    }
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
