//! Environments whose variables cannot be read.

use crate::prelude::*;
use std::collections::HashSet;

/// Says of every environment of these types (of all, when none is named) that cannot be read that
/// nobody can tell `what`. Gives whose they are: nothing else is to be said of their variables as a whole.
pub(super) fn unread(
    cx: &Cx<'_>,
    out: &mut Out,
    kinds: &[&str],
    what: &str,
) -> HashSet<ResourceId> {
    let mut found = HashSet::new();
    for unread in cx.unread_variables() {
        if kinds.is_empty() || kinds.contains(&unread.subject.kind()) {
            found.insert(unread.subject.id());
            let judgement =
                Judgement::cannot_tell(unread.subject, what, &unread.why).at(unread.loc);
            out.push(match unread.container.as_str() {
                "" => judgement,
                container => judgement.part(container.to_owned()),
            });
        }
    }
    found
}
