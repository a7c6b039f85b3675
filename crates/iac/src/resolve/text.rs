//! Strings put together from parts.

use lockfast_facts::{Dynamic, Part, Reference, Text, Why};
use std::sync::Arc;

/// A piece of a `Fn::Sub` string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Characters.
    Literal(&'t str),
    /// `${Name}` or `${Name.Attribute}`.
    Variable(&'t str),
}

/// Splits a `Fn::Sub` string; `${!Literal}` stays `${Literal}`.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(length) = rest[at..].find('}') else {
            break;
        };
        let inner = &rest[at + 2..at + length];
        if let Some(literal) = inner.strip_prefix('!') {
            pieces.push(Piece::Literal(&rest[..at]));
            pieces.push(Piece::Literal("${"));
            pieces.push(Piece::Literal(literal));
            pieces.push(Piece::Literal("}"));
        } else {
            pieces.push(Piece::Literal(&rest[..at]));
            pieces.push(Piece::Variable(inner.trim()));
        }
        rest = &rest[at + length + 1..];
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// Replaces `{{resolve:service:…}}` by dynamic references, also where parts make up the text.
pub(super) fn with_dynamic(text: Text) -> Text {
    const OPEN: &str = "{{resolve:";
    let has = |s: &str| s.contains(OPEN);
    let any = match &text {
        Text::Plain(s) => has(s),
        Text::Parts(parts) => parts
            .iter()
            .any(|p| matches!(p, Part::Literal(s) if has(s))),
    };
    if !any {
        return text;
    }
    let mut made: Vec<Part> = Vec::new();
    // The text and target of the dynamic reference that is open.
    let mut open: Option<(String, Option<Reference>)> = None;
    for part in text.parts() {
        match part {
            Part::Literal(literal) => {
                let mut rest: &str = &literal;
                loop {
                    match open.take() {
                        Some((mut inner, target)) => match rest.split_once("}}") {
                            Some((before, after)) => {
                                inner.push_str(before);
                                made.push(dynamic(&inner, target));
                                rest = after;
                            }
                            None => {
                                inner.push_str(rest);
                                open = Some((inner, target));
                                break;
                            }
                        },
                        None => match rest.split_once(OPEN) {
                            Some((before, after)) => {
                                made.push(Part::Literal(before.into()));
                                open = Some((String::new(), None));
                                rest = after;
                            }
                            None => {
                                made.push(Part::Literal(rest.into()));
                                break;
                            }
                        },
                    }
                }
            }
            other => match &mut open {
                Some((inner, target)) => {
                    inner.push('*');
                    if let Part::Reference(reference) = other {
                        target.get_or_insert(reference);
                    }
                }
                None => made.push(other),
            },
        }
    }
    if let Some((inner, _)) = open {
        made.push(Part::Literal(format!("{OPEN}{inner}").into()));
    }
    Text::from_parts(made)
}

fn dynamic(inner: &str, target: Option<Reference>) -> Part {
    let (service, name) = inner.split_once(':').unwrap_or((inner, ""));
    Part::Dynamic(Arc::new(Dynamic {
        service: service.into(),
        name: name.into(),
        target,
        why: Arc::new(Why::DynamicReference(format!("{service}:{name}"))),
    }))
}

/// Splits a string at a delimiter that stands in its known parts; the others are taken to hold none.
pub(super) fn split(text: &Text, delimiter: &str) -> Vec<Text> {
    if delimiter.is_empty() {
        return vec![text.clone()];
    }
    let mut items: Vec<Vec<Part>> = vec![Vec::new()];
    for part in text.parts() {
        match part {
            Part::Literal(literal) => {
                for (i, piece) in literal.split(delimiter).enumerate() {
                    if i > 0 {
                        items.push(Vec::new());
                    }
                    if let Some(last) = items.last_mut() {
                        last.push(Part::Literal(piece.into()));
                    }
                }
            }
            other => {
                if let Some(last) = items.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    items.into_iter().map(Text::from_parts).collect()
}

/// Splits a string as far as it is sure where the delimiters stand: `None` from the first piece
/// on that holds a part which may hold delimiters itself. ARNs of resources come apart as ARNs do
/// (AWS General Reference, "Amazon Resource Names"): their last pieces are the resource.
pub(super) fn split_surely(text: &Text, delimiter: &str) -> Vec<Option<Text>> {
    if let Some(reference) = text.reference() {
        let whole = || Some(Text::Parts(Arc::new([Part::Reference(reference.clone())])));
        let is_arn = reference
            .attribute
            .as_deref()
            .is_none_or(|a| a.ends_with("Arn"));
        match delimiter {
            ":" if is_arn => {
                return vec![
                    Some(Text::Plain("arn".into())),
                    None,
                    None,
                    None,
                    None,
                    whole(),
                    whole(),
                ];
            }
            "/" => return vec![None, whole(), whole()],
            "," => return vec![whole()],
            _ => {}
        }
    }
    let mut sure = true;
    split(text, delimiter)
        .into_iter()
        .map(|piece| {
            // Account ids, regions and partitions hold none of the usual delimiters.
            sure &= match &piece {
                Text::Plain(_) => true,
                Text::Parts(parts) => parts.iter().all(|part| match part {
                    Part::Literal(_) => true,
                    Part::Unknown(why) => matches!(
                        &**why,
                        Why::Runtime(what) if matches!(&**what, "AWS::AccountId" | "AWS::Region" | "AWS::StackName")
                            && delimiter != "-"
                    ),
                    _ => false,
                }),
            };
            sure.then_some(piece)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::ResourceId;

    #[test]
    fn sub_strings_come_apart() {
        assert_eq!(
            pieces("a${B}c${!D}"),
            [
                Piece::Literal("a"),
                Piece::Variable("B"),
                Piece::Literal("c"),
                Piece::Literal("${"),
                Piece::Literal("D"),
                Piece::Literal("}"),
                Piece::Literal("")
            ]
        );
        assert_eq!(pieces("a${B"), [Piece::Literal("a${B")]);
    }

    #[test]
    fn a_dynamic_reference_may_be_joined_from_parts() {
        let secret = Reference {
            target: ResourceId(3),
            attribute: None,
        };
        let text = Text::from_parts([
            Part::Literal("postgres://app:{{resolve:secretsmanager:".into()),
            Part::Reference(secret.clone()),
            Part::Literal(":SecretString:password::}}@db/shop".into()),
        ]);
        let Text::Parts(parts) = with_dynamic(text) else {
            panic!("it has parts");
        };
        assert_eq!(parts[0], Part::Literal("postgres://app:".into()));
        assert_eq!(parts[2], Part::Literal("@db/shop".into()));
        let Part::Dynamic(dynamic) = &parts[1] else {
            panic!("{:?}", parts[1]);
        };
        assert_eq!(&*dynamic.service, "secretsmanager");
        assert_eq!(dynamic.target, Some(secret));
    }
}
