//! The policy of a key.

use crate::prelude::*;
use lockfast_access::{Account, Policy};

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
