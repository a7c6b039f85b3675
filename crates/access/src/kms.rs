//! What is particular to AWS KMS: what its actions are for, and who holds them by a key policy.

use crate::Three;
use crate::grantee::{Grantee, allowed_principals};
use crate::policy::Policy;
use crate::principal::PrincipalPattern;
use crate::request::Resource;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What an action of AWS KMS is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It changes the key, its policy, state, material, names or tags.
    Administer,
    /// It does cryptography with the key, or hands that out by a grant.
    Use,
    /// It tells about the key.
    Read,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    doc: String,
    date: String,
    administer: Vec<String>,
    r#use: Vec<String>,
    read: Vec<String>,
    across_accounts: Vec<String>,
    usage: BTreeMap<String, Vec<String>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../tables/kms-actions.toml"))
        .expect("the embedded table is checked by a test")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct States {
    doc: String,
    date: String,
    cryptography: Vec<String>,
    refused: BTreeMap<String, Vec<String>>,
}

static STATES: LazyLock<States> = LazyLock::new(|| {
    toml::from_str(include_str!("../tables/kms-key-states.toml"))
        .expect("the embedded table is checked by a test")
});

/// Whether an action does cryptography with a key, rather than something about it.
pub fn is_cryptography(action: &str) -> bool {
    let same = |a: &String| a.eq_ignore_ascii_case(action);
    STATES.cryptography.iter().any(same)
}

/// Whether a key in this state (`Enabled`, `PendingDeletion`, …) refuses an action, whoever asks. Maybe, where the
/// state is none that the table knows. AWS KMS Developer Guide, "Key states of AWS KMS keys".
pub fn state_refuses(state: &str, action: &str) -> Three {
    let Some(refused) = STATES.refused.get(state) else {
        return Three::Maybe;
    };
    let usable = matches!(state, "Enabled" | "Updating");
    let listed = refused.iter().any(|a| a.eq_ignore_ascii_case(action));
    (listed || !usable && is_cryptography(action)).into()
}

/// Whether a key of this usage (`KeyUsage`, such as `SIGN_VERIFY`) refuses an action, whoever asks. Maybe, where the usage is
/// none that the table knows. AWS KMS API Reference, "CreateKey".
pub fn usage_refuses(usage: &str, action: &str) -> Three {
    if !is_cryptography(action) {
        return Three::No;
    }
    match TABLE.usage.get(usage) {
        Some(can) => (!can.iter().any(|a| a.eq_ignore_ascii_case(action))).into(),
        None => Three::Maybe,
    }
}

/// Title of AWS's document that tells what each state refuses, and the date it was read.
pub fn source_of_states() -> (&'static str, &'static str) {
    (&STATES.doc, &STATES.date)
}

/// The actions of a class, sorted.
pub fn actions(class: Class) -> &'static [String] {
    match class {
        Class::Administer => &TABLE.administer,
        Class::Use => &TABLE.r#use,
        Class::Read => &TABLE.read,
    }
}

/// What an action, such as `kms:Decrypt`, is for; `None` when the table does not know it.
pub fn class_of(action: &str) -> Option<Class> {
    [Class::Administer, Class::Use, Class::Read]
        .into_iter()
        .find(|class| {
            actions(*class)
                .iter()
                .any(|a| a.eq_ignore_ascii_case(action))
        })
}

/// Whether another account's principals can be let do this. Administration never can.
pub fn works_across_accounts(action: &str) -> bool {
    TABLE
        .across_accounts
        .iter()
        .any(|a| a.eq_ignore_ascii_case(action))
}

/// Title of AWS's document that the classification follows, and the date it was read.
pub fn source() -> (&'static str, &'static str) {
    (&TABLE.doc, &TABLE.date)
}

/// A grantee of a key policy with what it may do.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who, under which conditions, by which statement.
    pub grantee: Grantee,
    /// The actions of the class asked for that the statement gives it.
    pub actions: Vec<&'static str>,
}

/// Who may do anything of a class by a key policy: one entry for each statement and principal.
pub fn holders(policy: &Policy, class: Class) -> Vec<Holder> {
    let mut found: Vec<Holder> = Vec::new();
    for action in actions(class) {
        for grantee in allowed_principals(policy, action, &Resource::any()) {
            let same = |h: &&mut Holder| {
                h.grantee.statement == grantee.statement && h.grantee.pattern == grantee.pattern
            };
            match found.iter_mut().find(same) {
                Some(holder) => {
                    holder.actions.push(action);
                    // Certain only where it is for each action.
                    holder.grantee.certain &= grantee.certain;
                }
                None => found.push(Holder {
                    grantee,
                    actions: vec![action],
                }),
            }
        }
    }
    found.sort_by_key(|h| h.grantee.statement);
    found
}

/// A principal that both administers and uses a key.
#[derive(Clone, Debug)]
pub struct Both {
    /// Whom the statements name.
    pub pattern: PrincipalPattern,
    /// What it may do as an administrator.
    pub administers: Vec<Holder>,
    /// What it may do as a user.
    pub uses: Vec<Holder>,
}

/// The principals that a key policy lets both administer and use the key. The account itself is
/// among them where the policy hands both to it: then the identities' policies decide.
pub fn administer_and_use(policy: &Policy) -> Vec<Both> {
    let users = holders(policy, Class::Use);
    let mut both: Vec<Both> = Vec::new();
    for holder in holders(policy, Class::Administer) {
        if let Some(known) = both
            .iter_mut()
            .find(|b| b.pattern == holder.grantee.pattern)
        {
            known.administers.push(holder);
            continue;
        }
        let covers = |user: &&Holder| {
            user.grantee.pattern == holder.grantee.pattern
                || user.grantee.pattern == PrincipalPattern::Anyone
        };
        let uses: Vec<Holder> = users.iter().filter(covers).cloned().collect();
        if !uses.is_empty() {
            both.push(Both {
                pattern: holder.grantee.pattern.clone(),
                administers: vec![holder],
                uses,
            });
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_disjoint() {
        let mut all: Vec<&String> = Vec::new();
        for class in [Class::Administer, Class::Use, Class::Read] {
            assert!(actions(class).is_sorted());
            all.extend(actions(class));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(TABLE.across_accounts.iter().all(|a| class_of(a).is_some()));
        assert!(
            actions(Class::Administer)
                .iter()
                .all(|a| !works_across_accounts(a))
        );
        assert!(source().0.contains("KMS"));
        assert!(source_of_states().0.contains("KMS"));
        let mut listed = STATES.refused.values().flatten();
        assert!(listed.all(|action| class_of(action).is_some()));
        assert!(TABLE.usage.values().flatten().all(|a| is_cryptography(a)));
        let mut all = STATES.cryptography.iter();
        assert!(all.all(|a| TABLE.usage.values().flatten().any(|can| can == a)));
        assert!(
            STATES
                .cryptography
                .iter()
                .all(|a| class_of(a) == Some(Class::Use))
        );
    }
}
