//! Conditions of a statement: operators, set operators, missing keys.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for
//! multivalued context keys".

use crate::Three;
use crate::compare::{self, Order};
use crate::pattern::{Reading, is_own_account, is_own_region, matches};
use crate::policy::items;
use crate::principal::shown;
use crate::request::{ContextValue, Request};
use lockfast_facts::{Kind, Loc, Part, Text, Value, Why};
use std::fmt;
use std::sync::Arc;

/// One operator applied to one key.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The context key, as written.
    pub key: Arc<str>,
    /// The key in lower case, as it is compared.
    lower: String,
    /// The values; `None` when it is not known how many there are.
    pub values: Option<Vec<Text>>,
    /// Where it stands.
    pub loc: Loc,
}

/// An operator with its set operator and suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The comparison.
    pub base: Base,
    /// `Not…`: no value may match.
    pub negated: bool,
    /// `…IfExists`: a missing key passes.
    pub if_exists: bool,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub set: Option<SetOperator>,
    /// As written.
    pub name: Arc<str>,
}

/// How the values of a key that has several are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperator {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// A comparison, without negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// `StringEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `Numeric…`
    Numeric(Order),
    /// `Date…`
    Date(Order),
    /// `Bool`
    Bool,
    /// `BinaryEquals`
    Binary,
    /// `IpAddress`
    Ip,
    /// `ArnEquals` and `ArnLike`, which "behave identically".
    Arn,
    /// `Null`
    Null,
    /// An operator that is not known.
    Unsupported,
}

impl Operator {
    /// Reads an operator's name.
    pub fn parse(name: &str) -> Operator {
        let (set, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(SetOperator::All), rest),
            Some(("ForAnyValue", rest)) => (Some(SetOperator::Any), rest),
            _ => (None, name),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (base, negated) = match rest {
            "StringEquals" => (Base::StringEquals, false),
            "StringNotEquals" => (Base::StringEquals, true),
            "StringEqualsIgnoreCase" => (Base::StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Base::StringEqualsIgnoreCase, true),
            "StringLike" => (Base::StringLike, false),
            "StringNotLike" => (Base::StringLike, true),
            "NumericEquals" => (Base::Numeric(Order::Equal), false),
            "NumericNotEquals" => (Base::Numeric(Order::Equal), true),
            "NumericLessThan" => (Base::Numeric(Order::Less), false),
            "NumericLessThanEquals" => (Base::Numeric(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Base::Numeric(Order::Greater), false),
            "NumericGreaterThanEquals" => (Base::Numeric(Order::GreaterOrEqual), false),
            "DateEquals" => (Base::Date(Order::Equal), false),
            "DateNotEquals" => (Base::Date(Order::Equal), true),
            "DateLessThan" => (Base::Date(Order::Less), false),
            "DateLessThanEquals" => (Base::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Base::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Base::Date(Order::GreaterOrEqual), false),
            "Bool" => (Base::Bool, false),
            "BinaryEquals" => (Base::Binary, false),
            "IpAddress" => (Base::Ip, false),
            "NotIpAddress" => (Base::Ip, true),
            "ArnEquals" | "ArnLike" => (Base::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Base::Arn, true),
            "Null" if !if_exists && set.is_none() => (Base::Null, false),
            _ => (Base::Unsupported, false),
        };
        Operator {
            base,
            negated,
            if_exists,
            set,
            name: name.into(),
        }
    }
}

impl Condition {
    /// Reads a `Condition` element.
    pub fn read_all(value: &Value) -> Vec<Condition> {
        let Kind::Map(operators) = &value.kind else {
            return match &value.kind {
                Kind::Null => Vec::new(),
                _ => vec![Condition::unknown(value)],
            };
        };
        let mut conditions = Vec::new();
        for (name, keys) in operators.iter() {
            match &keys.kind {
                Kind::Map(keys) => conditions.extend(keys.iter().map(|(key, value)| Condition {
                    operator: Operator::parse(name),
                    key: key.clone(),
                    lower: key.to_lowercase(),
                    values: values(value),
                    loc: value.loc,
                })),
                _ => conditions.push(Condition::unknown(keys)),
            }
        }
        conditions
    }

    fn unknown(value: &Value) -> Condition {
        Condition {
            operator: Operator::parse("a condition that is not known"),
            key: "".into(),
            lower: String::new(),
            values: None,
            loc: value.loc,
        }
    }

    /// True when the operator and all values are known. References to resources count as known, and
    /// so do the account and region that the policy belongs to.
    pub fn is_certain(&self) -> bool {
        self.operator.base != Base::Unsupported
            && self
                .values
                .as_ref()
                .is_some_and(|values| values.iter().all(is_certain))
    }

    /// True when the key, compared without regard to case, is this one.
    pub fn is_key(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }

    /// The values of which every request must have one: none for an operator that is negated, that lets
    /// a request without the key pass, or that compares no strings, and where any value will do.
    pub fn binding(&self) -> Option<&[Text]> {
        let operator = &self.operator;
        let binds = !operator.negated
            && !operator.if_exists
            && operator.set != Some(SetOperator::All)
            && matches!(
                operator.base,
                Base::StringEquals
                    | Base::StringEqualsIgnoreCase
                    | Base::StringLike
                    | Base::Arn
                    | Base::Ip
            );
        let values = self.values.as_deref()?;
        (binds && !values.iter().any(is_anything)).then_some(values)
    }

    /// Whether a request meets it. `variables` tells whether `${…}` are variables.
    pub(crate) fn holds(&self, request: &Request, variables: bool) -> Three {
        let context = request.lookup(&self.lower);
        match (self.operator.base, context) {
            (Base::Unsupported, _) => Three::Maybe,
            (_, ContextValue::Known(values)) if !values.is_empty() => {
                self.present(&values, request, variables)
            }
            (_, ContextValue::Unknown) => {
                let anything = Text::Parts(Arc::new([Part::Unknown(Arc::new(Why::NotGiven(
                    self.key.to_string(),
                )))]));
                self.present(&[anything], request, variables)
                    .agree(self.missing())
            }
            _ => self.missing(),
        }
    }

    /// The request does not have the key, or has it with an empty set of values.
    fn missing(&self) -> Three {
        if self.operator.base == Base::Null {
            return self.null("true");
        }
        if self.operator.if_exists {
            return Three::Yes;
        }
        match self.operator.set {
            Some(SetOperator::All) => Three::Yes,
            Some(SetOperator::Any) => Three::No,
            None => self.operator.negated.into(),
        }
    }

    /// The request has the key.
    fn present(&self, context: &[Text], request: &Request, variables: bool) -> Three {
        if self.operator.base == Base::Null {
            return self.null("false");
        }
        let Some(values) = &self.values else {
            return Three::Maybe;
        };
        let matched = |c: &Text| {
            Three::any(
                values
                    .iter()
                    .map(|v| self.compare(c, v, request, variables)),
            )
        };
        let passes = |c: &Text| {
            let found = matched(c);
            if self.operator.negated { !found } else { found }
        };
        match self.operator.set {
            Some(SetOperator::All) => Three::all(context.iter().map(passes)),
            Some(SetOperator::Any) => Three::any(context.iter().map(passes)),
            // Without a set operator, the values are taken as one: one match is a match.
            None => {
                let found = Three::any(context.iter().map(matched));
                if self.operator.negated { !found } else { found }
            }
        }
    }

    fn null(&self, missing: &str) -> Three {
        let Some(values) = &self.values else {
            return Three::Maybe;
        };
        let subject = Text::Plain(missing.into());
        Three::any(values.iter().map(|v| compare::bool(v, &subject)))
    }

    fn compare(&self, context: &Text, value: &Text, request: &Request, variables: bool) -> Three {
        // A principal that goes by its ARN and by its place in the inventory is compared by reference
        // with references, so that a reference to another principal is surely another principal.
        let by_reference = match value.parts().first() {
            Some(Part::Reference(_)) if self.lower == "aws:principalarn" => {
                request.principal.reference()
            }
            _ => None,
        };
        let context = by_reference.as_ref().unwrap_or(context);
        let reading = Reading {
            variables: variables.then_some(request),
            ..Reading::EXACT
        };
        match self.operator.base {
            Base::StringEquals => matches(value, context, reading),
            Base::StringEqualsIgnoreCase => {
                let lower = |t: &Text| {
                    Text::from_parts(t.parts().into_iter().map(|part| match part {
                        Part::Literal(s) => Part::Literal(s.to_lowercase().into()),
                        other => other,
                    }))
                };
                // Variables are found in lower case too: keys are compared without regard to case.
                matches(
                    &lower(value),
                    &lower(context),
                    Reading {
                        fold: true,
                        ..reading
                    },
                )
            }
            Base::StringLike => matches(
                value,
                context,
                Reading {
                    wild: true,
                    ..reading
                },
            ),
            Base::Arn => compare::arn(value, context, reading),
            Base::Numeric(order) => compare::number(value, context, order),
            Base::Date(order) => compare::date(value, context, order),
            Base::Bool => compare::bool(value, context),
            Base::Binary => matches(value, context, Reading::EXACT),
            Base::Ip => compare::ip(value, context),
            Base::Null | Base::Unsupported => Three::Maybe,
        }
    }
}

/// True for a pattern of wildcards alone.
fn is_anything(text: &Text) -> bool {
    text.plain()
        .is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b == b'*' || b == b'?'))
}

fn is_certain(text: &Text) -> bool {
    text.parts().iter().all(|part| match part {
        Part::Literal(_) | Part::Reference(_) => true,
        Part::Unknown(why) => is_own_account(why) || is_own_region(why),
        Part::Dynamic(_) => false,
    })
}

fn values(value: &Value) -> Option<Vec<Text>> {
    items(value)
        .iter()
        .map(|item| match &item.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(n) => Some(Text::Plain(n.clone())),
            Kind::Bool(b) => Some(Text::Plain(if *b { "true" } else { "false" }.into())),
            _ => None,
        })
        .collect()
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return f.write_str(&self.operator.name);
        }
        write!(f, "{} {}", self.key, self.operator.name)?;
        match &self.values {
            None => f.write_str(" a value that is not known"),
            Some(values) => {
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { " " } else { " or " }, shown(value))?;
                }
                Ok(())
            }
        }
    }
}
