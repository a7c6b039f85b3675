//! The policy of a key.

use crate::prelude::*;
pub(super) use crate::strangers::UNMADE;
use lockfast_access::{Account, Identity, Policy, Principal};
use lockfast_facts::{Part, Text};

/// The policy of a key; `None` when the template leaves AWS's default in place.
pub(super) fn of(cx: &Cx<'_>, subject: Subject<'_>) -> Option<Policy> {
    let account = account(cx, subject);
    Policy::from_read(subject.at("KeyPolicy")).map(|policy| policy.in_account(account))
}

/// The account a key lies in, as far as the input says.
pub(super) fn account(cx: &Cx<'_>, subject: Subject<'_>) -> Account {
    Account::of(
        cx.inventory
            .stack_of(subject.resource)
            .place
            .account
            .as_ref(),
    )
}

/// AWS's default key policy lets the account's IAM policies decide.
pub(super) const DEFAULT: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Developer Guide: Default key policy",
    since: "",
};

/// Somebody of an account of whom no policy says anything in particular: an ARN that no policy names, and
/// no resource of the input.
pub(super) fn somebody(account: &Account) -> Principal {
    let id = match account {
        Account::Id(id) => Part::Literal(id.clone()),
        _ => Part::Unknown(Arc::new(Why::Runtime("AWS::AccountId".to_owned()))),
    };
    let arn = Text::from_parts([
        Part::Literal("arn:aws:iam::".into()),
        id,
        Part::Literal(":role/somebody-of-the-account".into()),
    ]);
    Principal {
        identity: Identity::Named {
            arn: Some(arn),
            id: Some(UNMADE),
            session: None,
        },
        account: account.clone(),
        tags: None,
    }
}
