//! Who calls DynamoDB, as logs tell.

use crate::judgement::About;
use crate::logs::{Caller, callers};
use crate::prelude::*;

/// CloudTrail's names of DynamoDB, its streams and DAX.
const SERVICES: [&str; 3] = [
    "dynamodb.amazonaws.com",
    "streams.dynamodb.amazonaws.com",
    "dax.amazonaws.com",
];

/// The callers of DynamoDB. Of one whose service is not known, `out` is told that this cannot be told: `what`; and when there is
/// none, that there is nothing to judge, or that their calls are not logged.
pub(super) fn of<'a>(cx: &Cx<'a>, what: &str, out: &mut Out) -> Vec<Caller<'a>> {
    let mut found = Vec::new();
    let mut unknown = false;
    for caller in callers(cx) {
        match caller.service() {
            Known::Unknown(why, _) => {
                unknown = true;
                out.push(caller.cannot_tell(what, &why));
            }
            service
                if service
                    .value()
                    .is_some_and(|service| SERVICES.contains(&service.as_str())) =>
            {
                found.push(caller)
            }
            _ => {}
        }
    }
    if found.is_empty() && !unknown {
        let mut tables = cx
            .inventory
            .subjects(&["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"])
            .into_iter();
        out.push(match tables.next() {
            None => Judgement::not_applicable(About::Input, "the logs hold no call of DynamoDB, and no table is known"),
            Some(_) => {
                let why = "there are tables, but the logs hold no call of DynamoDB: calls of items are data events, which a trail records where it is told to";
                Judgement::cannot_tell(About::Input, "how DynamoDB is called", &Why::Unsupported(why.into()))
            }
        });
    }
    found
}
