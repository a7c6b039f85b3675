//! Controls word what they find as it is said of templates. Of a live account a few of their phrases mean
//! something else: nothing is "known only at deployment" there, but a call may not have told it.

use lockfast_facts::{Inventory, Origin};
use std::borrow::Cow;

/// What is said of templates, and what of accounts. The longer phrase stands before one that it holds.
const PHRASES: [(&str, &str); 14] = [
    (
        "values known only at deployment",
        "values that are not known",
    ),
    ("known only at deployment", "not known"),
    ("known only after deployment", "not known"),
    (" before deployment", ""),
    ("whether a template given makes", "whether somebody made"),
    ("no template given makes", "the scan did not find"),
    ("no template given requests", "the scan did not find"),
    (", a template does not show", ", AWS does not tell"),
    ("the template creates it without", "it was created without"),
    (
        "what it checks is not in the template",
        "what it checks is in its code",
    ),
    ("the one stack given", "the one account and region scanned"),
    ("stacks given", "accounts and regions scanned"),
    (
        "data and key lie in one stack, so in one region",
        "data and key lie in one region",
    ),
    (
        "names the stack's own region",
        "names the data's own region",
    ),
];

/// A message as it is said of what was judged.
pub(crate) fn worded<'m>(inventory: &Inventory, message: Cow<'m, str>) -> Cow<'m, str> {
    if inventory.origin() != Origin::Live {
        return message;
    }
    let mut message = message;
    for (of_templates, of_accounts) in PHRASES {
        if message.contains(of_templates) {
            message = message.replace(of_templates, of_accounts).into();
        }
    }
    message
}
