//! Both sides in the same words: what a template refers to as the ARN, id or name that it has in the account.

use crate::join::{Join, Status};
use crate::live::{Live, Physical};
use crate::stacks::Instance;
use lockfast_facts::{Inventory, Kind, Part, Read, Reference, Resource, Text, Value, Why};
use lockfast_snapshot::ref_is_arn;
use std::sync::Arc;

/// Turns the template's side into the words of one instance, and the live side back into those that AWS told.
pub(crate) struct Words<'a> {
    pub live: &'a Live<'a>,
    pub templates: &'a Inventory,
    pub join: &'a Join,
    pub instance: usize,
}

impl Words<'_> {
    /// A template's value.
    pub(crate) fn of_template(&self, value: &Value) -> Value {
        each(value, &|text| self.text(text), &|why| {
            pseudo(self.live, &self.join.instances[self.instance], why)
        })
    }

    /// A live value.
    pub(crate) fn of_live(&self, value: &Value) -> Value {
        let inventory = self.live.inventory;
        let text = |text: &Text| {
            Text::from_parts(text.parts().into_iter().map(|part| match &part {
                Part::Reference(r) => word(live_word(
                    inventory.resource(r.target),
                    r.attribute.as_deref(),
                )),
                _ => part,
            }))
        };
        each(value, &text, &|_| None)
    }

    fn text(&self, text: &Text) -> Text {
        let own = &self.join.instances[self.instance];
        Text::from_parts(text.parts().into_iter().map(|part| match &part {
            Part::Reference(reference) => self.reference(reference),
            Part::Unknown(why) => {
                pseudo(self.live, own, why).map_or(part, |word| Part::Literal(word.into()))
            }
            _ => part,
        }))
    }

    fn reference(&self, reference: &Reference) -> Part {
        let target = self.templates.resource(reference.target);
        let why = match self.join.seen_from(self.instance, reference.target) {
            Some(Status::Joined(id)) => {
                let found = self.live.inventory.resource(*id);
                return word(live_word(found, reference.attribute.as_deref()));
            }
            Some(Status::Missing(_) | Status::Conditional(_)) => {
                format!("{} is not live", target.name)
            }
            Some(Status::Unknown(why)) => match self.unread(target, reference.attribute.as_deref())
            {
                Some(word) => return Part::Literal(word.into()),
                None => format!(
                    "which live resource {} is, is not known ({why})",
                    target.name
                ),
            },
            None => format!("which live resource {} is, is not known", target.name),
        };
        Part::Unknown(Arc::new(Why::Unsupported(why)))
    }
}

impl Words<'_> {
    /// What a resource that no scan read goes by, from what its stack says of it alone.
    fn unread(&self, target: &Resource, attribute: Option<&str>) -> Option<String> {
        let own = &self.join.instances[self.instance];
        let stack = own.live.filter(|_| own.stack == target.stack)?;
        let Physical::Text(id) = &self.live.stacks[stack].made.get(&*target.name)?.physical else {
            return None;
        };
        let (account, region) = (own.account.as_deref()?, own.region.as_deref()?);
        let partition = self.live.partition(account);
        match (&*target.kind, attribute) {
            (kind, None) if !ref_is_arn(kind) => Some(id.clone()),
            // A role's path stands in its ARN.
            ("AWS::IAM::Role", Some("Arn")) if target.at("Path").is_absent() => {
                Some(format!("arn:{partition}:iam::{account}:role/{id}"))
            }
            ("AWS::KMS::Key", Some("Arn")) => {
                Some(format!("arn:{partition}:kms:{region}:{account}:key/{id}"))
            }
            _ => None,
        }
    }
}

fn word(found: Result<String, String>) -> Part {
    match found {
        Ok(word) => Part::Literal(word.into()),
        Err(why) => Part::Unknown(Arc::new(Why::Unsupported(why))),
    }
}

/// What `Ref` or an attribute of a live resource gives.
fn live_word(resource: &Resource, attribute: Option<&str>) -> Result<String, String> {
    let arn = || {
        let arn = resource.arn.as_deref().map(str::to_owned);
        arn.ok_or_else(|| format!("the snapshot has no ARN of {}", resource.name))
    };
    match attribute {
        None if ref_is_arn(&resource.kind) => arn(),
        None if &*resource.kind == "AWS::SQS::Queue" => {
            let url = resource.at("QueueUrl").string().found();
            Ok(url.unwrap_or_else(|| resource.name.to_string()))
        }
        None => Ok(resource.name.to_string()),
        Some("Arn") => arn(),
        Some(name) if name.ends_with("Arn") && resource.at(name).is_absent() => arn(),
        Some("KeyId") => Ok(resource.name.to_string()),
        Some(name) => match resource.at(name).string() {
            Read::Found(found, _) => Ok(found),
            _ => Err(format!(
                "the snapshot does not have {name} of {}",
                resource.name
            )),
        },
    }
}

/// The value of a pseudo parameter in an instance.
fn pseudo(live: &Live<'_>, instance: &Instance, why: &Why) -> Option<String> {
    let Why::Runtime(name) = why else {
        return None;
    };
    let stack = instance.live.map(|at| &live.stacks[at]);
    match name.as_str() {
        "AWS::AccountId" => instance.account.clone(),
        "AWS::Region" => instance.region.clone(),
        "AWS::Partition" => instance
            .account
            .as_deref()
            .map(|id| live.partition(id).to_owned()),
        "AWS::StackName" => stack.map(|s| s.name.clone()),
        "AWS::StackId" => stack.and_then(|s| s.arn.clone()),
        "AWS::URLSuffix" => instance
            .account
            .as_deref()
            .map(|id| match live.partition(id) {
                "aws-cn" => "amazonaws.com.cn".to_owned(),
                _ => "amazonaws.com".to_owned(),
            }),
        _ => None,
    }
}

/// A value that is a string of which everything is known, references aside.
pub(crate) fn plain_word(live: &Live<'_>, instance: &Instance, value: &Value) -> Option<String> {
    match &value.kind {
        Kind::Text(text) => {
            let known = Text::from_parts(text.parts().into_iter().map(|part| match &part {
                Part::Unknown(why) => {
                    pseudo(live, instance, why).map_or(part, |word| Part::Literal(word.into()))
                }
                _ => part,
            }));
            known.plain().map(str::to_owned)
        }
        Kind::Unknown(why) => pseudo(live, instance, why),
        Kind::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The same value with each string, and each unknown that has a word for it, replaced.
fn each(
    value: &Value,
    text: &dyn Fn(&Text) -> Text,
    unknown: &dyn Fn(&Why) -> Option<String>,
) -> Value {
    let kind = match &value.kind {
        Kind::Text(own) => Kind::Text(text(own)),
        Kind::List(items) => {
            Kind::List(items.iter().map(|item| each(item, text, unknown)).collect())
        }
        Kind::Map(map) => Kind::Map(
            map.iter()
                .map(|(name, item)| (name.clone(), each(item, text, unknown)))
                .collect(),
        ),
        Kind::Unknown(why) => match unknown(why) {
            Some(word) => Kind::Text(Text::Plain(word.into())),
            None => value.kind.clone(),
        },
        other => other.clone(),
    };
    Value {
        kind,
        loc: value.loc,
        via: value.via.clone(),
    }
}
