//! Who may approve, and how many of them it takes.

use crate::canonical::{canonical, sha256};
use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

/// What a policy's hash is taken over begins with this.
const DOMAIN: &str = "lockfast-key-deletion-policy-v1";
/// Below it, a modulus can be factored before long; above it, what verifies here reads none.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Rules as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many people have to approve: two at least.
    pub quorum: u32,
    /// The people.
    pub approvers: Vec<Person>,
    /// How many of those who approve have to have a role. One person counts for each of their roles.
    #[serde(default)]
    pub required_roles: BTreeMap<String, u32>,
    /// Who may not approve what whom asks for: pairs of a requester (or a role of theirs) and an approver (or a role of
    /// theirs).
    #[serde(default)]
    pub may_not_approve: Vec<(String, String)>,
}

/// Somebody who may ask and, with a key, approve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Their public keys, as lines of OpenSSH (`ssh-ed25519 AAAA… comment`). Somebody without a key may ask only.
    #[serde(default)]
    pub keys: Vec<String>,
}

impl Person {
    /// Whether a name, or address, is theirs. Letters' case does not make another person.
    pub fn is(&self, name: &str) -> bool {
        let same = |own: &str| own.trim().to_lowercase() == name.trim().to_lowercase();
        same(&self.name) || self.email.as_deref().is_some_and(same)
    }

    fn is_or_has(&self, name_or_role: &str) -> bool {
        self.is(name_or_role) || self.roles.iter().any(|role| role == name_or_role)
    }
}

/// Something contradictory in rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RulesFault {
    /// One person would decide alone.
    Quorum(u32),
    /// There are too few people.
    NotReachable {
        /// How many there are that can sign.
        people: usize,
        /// How many it takes.
        quorum: u32,
    },
    /// There are too few of a role.
    RoleNotReachable {
        /// The role.
        role: String,
        /// How many have it and can sign.
        people: usize,
        /// How many it takes.
        needed: u32,
    },
    /// Two people with a name, or an address.
    SameName(String),
    /// Somebody without a name.
    NoName,
    /// One key at two people: one could sign for both.
    SameKey {
        /// The key's fingerprint.
        fingerprint: String,
        /// Whose.
        people: (String, String),
    },
    /// A line that is no key to sign with.
    BadKey {
        /// Whose.
        person: String,
        /// Which of theirs, from 1.
        number: usize,
        /// Why.
        why: String,
    },
    /// A pair that names nobody: it would bind nobody.
    NamesNobody(String),
}

impl fmt::Display for RulesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RulesFault::Quorum(quorum) => {
                write!(
                    f,
                    "quorum is {quorum}: a key's deletion takes two people at least"
                )
            }
            RulesFault::NotReachable { people, quorum } => write!(
                f,
                "quorum is {quorum}, and of the approvers {people} have a key to sign with: add people or keys"
            ),
            RulesFault::RoleNotReachable {
                role,
                people,
                needed,
            } => write!(
                f,
                "{needed} with the role `{role}` are needed, and {people} have it and a key to sign with"
            ),
            RulesFault::SameName(name) => {
                write!(
                    f,
                    "`{name}` is the name or address of two people: tell them apart"
                )
            }
            RulesFault::NoName => write!(f, "a person has no name"),
            RulesFault::SameKey {
                fingerprint,
                people: (one, other),
            } => write!(
                f,
                "the key {fingerprint} is listed at `{one}` and at `{other}`: give each person keys of their own, once"
            ),
            RulesFault::BadKey {
                person,
                number,
                why,
            } => write!(f, "key {number} of `{person}`: {why}"),
            RulesFault::NamesNobody(name) => write!(
                f,
                "may_not_approve names `{name}`, which is nobody's name and nobody's role"
            ),
        }
    }
}

/// Rules that cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules for approvals cannot hold:{}", lines(faults))]
pub struct RulesError {
    /// Why.
    pub faults: Vec<RulesFault>,
}

fn lines(faults: &[RulesFault]) -> String {
    faults.iter().fold(String::new(), |mut text, fault| {
        let _ = write!(text, "\n  {fault}");
        text
    })
}

/// Rules that can hold, with their keys read.
#[derive(Clone, Debug)]
pub struct CheckedRules {
    rules: Rules,
    /// Keys, and which of the people has them.
    keys: Vec<(KeyData, usize)>,
}

impl Rules {
    /// Reads the keys, and looks for what is contradictory.
    ///
    /// # Errors
    /// All that is.
    pub fn check(&self) -> Result<CheckedRules, RulesError> {
        let mut faults = Vec::new();
        let mut keys: Vec<(KeyData, usize)> = Vec::new();
        for (index, person) in self.approvers.iter().enumerate() {
            for (number, line) in (1..).zip(&person.keys) {
                let key = match read_key(line) {
                    Ok(key) => key,
                    Err(why) => {
                        let person = person.name.clone();
                        faults.push(RulesFault::BadKey {
                            person,
                            number,
                            why,
                        });
                        continue;
                    }
                };
                if let Some((_, other)) = keys.iter().find(|(known, _)| *known == key) {
                    let other = self.approvers[*other].name.clone();
                    faults.push(RulesFault::SameKey {
                        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
                        people: (other, person.name.clone()),
                    });
                }
                keys.push((key, index));
            }
        }
        self.check_names(&mut faults);
        let signing: BTreeSet<usize> = keys.iter().map(|(_, index)| *index).collect();
        let having = |role: &String| {
            let people = signing.iter().map(|index| &self.approvers[*index]);
            people.filter(|person| person.roles.contains(role)).count()
        };
        if self.quorum < 2 {
            faults.push(RulesFault::Quorum(self.quorum));
        }
        let (people, quorum) = (signing.len(), self.quorum);
        if people < quorum as usize {
            faults.push(RulesFault::NotReachable { people, quorum });
        }
        for (role, &needed) in &self.required_roles {
            let people = having(role);
            if people < needed as usize {
                let role = role.clone();
                faults.push(RulesFault::RoleNotReachable {
                    role,
                    people,
                    needed,
                });
            }
        }
        match faults.is_empty() {
            true => Ok(CheckedRules {
                rules: self.clone(),
                keys,
            }),
            false => Err(RulesError { faults }),
        }
    }

    fn check_names(&self, faults: &mut Vec<RulesFault>) {
        for (index, person) in self.approvers.iter().enumerate() {
            if person.name.trim().is_empty() {
                faults.push(RulesFault::NoName);
            }
            for other in &self.approvers[index + 1..] {
                let mut names = [Some(&other.name), other.email.as_ref()]
                    .into_iter()
                    .flatten();
                if let Some(name) = names.find(|name| person.is(name)) {
                    faults.push(RulesFault::SameName(name.clone()));
                }
            }
        }
        for name in self
            .may_not_approve
            .iter()
            .flat_map(|(one, other)| [one, other])
        {
            let known = |person: &Person| person.is_or_has(name);
            if !self.approvers.iter().any(known) {
                faults.push(RulesFault::NamesNobody(name.clone()));
            }
        }
    }
}

/// A key that approvals may be signed with.
fn read_key(line: &str) -> Result<KeyData, String> {
    let key = PublicKey::from_openssh(line.trim())
        .map_err(|error| format!("this is no public key of OpenSSH ({error}); give the line of a `.pub` file, without options"))?;
    match key.key_data() {
        KeyData::Ed25519(_)
        | KeyData::Ecdsa(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_) => {}
        KeyData::Rsa(rsa) => {
            let bits = rsa.n.as_positive_bytes().map_or(0, |bytes| {
                let leading = bytes
                    .first()
                    .map_or(0, |byte| byte.leading_zeros() as usize);
                bytes.len() * 8 - leading
            });
            if !RSA_BITS.contains(&bits) {
                return Err(format!(
                    "an RSA key of {bits} bits; 2048 to 4096 are taken, or an Ed25519 key"
                ));
            }
        }
        other => {
            return Err(format!(
                "a key of type {}; give one of Ed25519, ECDSA, RSA, or of a security key",
                other.algorithm()
            ));
        }
    }
    Ok(key.key_data().clone())
}

impl CheckedRules {
    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What a request's `policy_hash` has to be: it covers these rules and the policy that they stand in, by the hash given.
    pub fn policy_hash(&self, policy: &str) -> String {
        let hashed = serde_json::json!({"domain": DOMAIN, "policy": policy, "rules": self.rules});
        // Strings and numbers of 32 bits are always JSON.
        sha256(&canonical(&hashed).unwrap_or_default())
    }

    /// Who has a key.
    pub(crate) fn owner(&self, key: &KeyData) -> Option<&Person> {
        let (_, index) = self.keys.iter().find(|(known, _)| known == key)?;
        self.rules.approvers.get(*index)
    }

    /// A person by name or address.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.rules.approvers.iter().find(|person| person.is(name))
    }

    /// Why somebody may not decide about what somebody asks for; nothing when they may.
    pub fn bars(&self, requester: &str, approver: &Person) -> Option<String> {
        if approver.is(requester) {
            return Some("who asks does not decide".into());
        }
        let asks = self.person(requester);
        let barred = self.rules.may_not_approve.iter().find(|(one, other)| {
            asks.is_some_and(|asks| asks.is_or_has(one)) && approver.is_or_has(other)
        })?;
        let (one, other) = barred;
        Some(format!(
            "the rules say that `{other}` may not approve what `{one}` asks for"
        ))
    }

    /// Who of these is missing for a quorum, in words; nothing when it is reached.
    pub fn missing(&self, approved: &[&Person]) -> Vec<String> {
        let mut missing = Vec::new();
        let quorum = self.rules.quorum as usize;
        if approved.len() < quorum {
            missing.push(format!("{} of {quorum} people", quorum - approved.len()));
        }
        for (role, &needed) in &self.rules.required_roles {
            let needed = needed as usize;
            let have = approved.iter().filter(|person| person.roles.contains(role));
            let have = have.count();
            if have < needed {
                missing.push(format!(
                    "{} of {needed} with the role `{role}`",
                    needed - have
                ));
            }
        }
        missing
    }

    /// Who may approve what somebody asks for.
    pub fn eligible(&self, requester: &str) -> Vec<&Person> {
        let signing: BTreeSet<usize> = self.keys.iter().map(|(_, index)| *index).collect();
        let people = signing
            .iter()
            .filter_map(|index| self.rules.approvers.get(*index));
        people
            .filter(|person| self.bars(requester, person).is_none())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINyfRstP1iW4aS/DPcBDIoLs/HZFjtLD6xJbed7HLVIE";
    const BEN: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII6Xh5Z6ZXF2i3JZy6C1/8Gvjerh460iIPdsXJEXHszw";

    fn person(name: &str, roles: &[&str], keys: &[&str]) -> Person {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Person {
            name: name.into(),
            email: None,
            roles: owned(roles),
            keys: owned(keys),
        }
    }

    fn rules() -> Rules {
        Rules {
            quorum: 2,
            approvers: vec![
                person("Ada", &["security"], &[ADA]),
                person("Ben", &["owner"], &[BEN]),
                person("Cleo", &["owner"], &[]),
            ],
            ..Rules::default()
        }
    }

    #[test]
    fn each_contradiction_is_named() {
        type Change = fn(&mut Rules);
        let cases: [(Change, &str); 12] = [
            (|rules| rules.quorum = 1, "two people at least"),
            (
                |rules| rules.quorum = 3,
                "quorum is 3, and of the approvers 2",
            ),
            (
                |rules| rules.approvers[1].keys = vec![ADA.into()],
                "is listed at `Ada` and at `Ben`",
            ),
            (
                |rules| rules.approvers[1].name = "ada".into(),
                "`ada` is the name or address of two people",
            ),
            (
                |rules| rules.approvers[1].email = Some("ADA".into()),
                "`ADA` is the name or address of two people",
            ),
            (|rules| rules.approvers[2].name = " ".into(), "no name"),
            (
                |rules| rules.approvers[1].keys = vec!["ssh-ed25519 AAAA".into()],
                "key 1 of `Ben`: this is no public key",
            ),
            (
                |rules| rules.approvers[1].keys = vec![format!("restrict {BEN}")],
                "key 1 of `Ben`: this is no public key",
            ),
            (
                // 1024 bits.
                |rules| {
                    rules.approvers[1].keys = vec!["ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC5qiH6McB+uARJUYLiRT1hgh+HRa/mIG6Rl7xbqMjwTQE+QfSsAGkIHbGb8ZhDQqa+4HCdWdF0VtX06BQX2r4CY49JqjNWIRXthc4m5bRsrT7rTdVhGs8QN+x4dpOZ6VskgqH+P+vSYfuuM3KhnbYQFLr5Qe31p455FaOET9FFjQ==".into()]
                },
                "an RSA key of 1024 bits",
            ),
            (
                |rules| rules.required_roles = [("security".to_owned(), 2)].into(),
                "2 with the role `security` are needed, and 1",
            ),
            (
                |rules| rules.required_roles = [("owner".to_owned(), 2)].into(),
                "2 with the role `owner` are needed, and 1",
            ),
            (
                |rules| rules.may_not_approve = vec![("owner".into(), "Dan".into())],
                "names `Dan`",
            ),
        ];
        rules().check().expect("they hold");
        for (change, what) in cases {
            let mut rules = rules();
            change(&mut rules);
            let error = rules.check().expect_err(what).to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn a_person_is_one_whatever_they_are_called() {
        let mut rules = rules();
        rules.approvers[0].email = Some("ada@example.org".into());
        let rules = rules.check().expect("they hold");
        for name in ["ada", " ADA ", "Ada@Example.org"] {
            let names: Vec<&str> = rules
                .eligible(name)
                .iter()
                .map(|person| &*person.name)
                .collect();
            assert_eq!(names, ["Ben"], "{name}");
        }
    }

    #[test]
    fn pairs_bar_by_name_and_by_role() {
        let mut rules = rules();
        rules.may_not_approve = vec![("owner".into(), "security".into())];
        let rules = rules.check().expect("they hold");
        assert!(
            rules
                .eligible("Cleo")
                .iter()
                .all(|person| person.name != "Ada")
        );
        assert_eq!(rules.eligible("somebody").len(), 2);
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut rules = rules();
        rules.required_roles = [("security".to_owned(), 1)].into();
        let rules = rules.check().expect("they hold");
        let people = &rules.rules().approvers;
        assert_eq!(
            rules.missing(&[&people[1]]),
            ["1 of 2 people", "1 of 1 with the role `security`"]
        );
        assert!(rules.missing(&[&people[0], &people[1]]).is_empty());
    }

    #[test]
    fn another_rule_is_another_hash() {
        let one = rules().check().expect("they hold").policy_hash("p");
        let mut other = rules();
        other.approvers[2].roles.clear();
        let other = other.check().expect("they hold");
        assert_ne!(one, other.policy_hash("p"));
        assert_ne!(other.policy_hash("q"), other.policy_hash("p"));
    }
}
