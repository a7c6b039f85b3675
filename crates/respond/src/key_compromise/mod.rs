//! A key is compromised: what to do, from what is known of the key, of what is under it, and of who used it for what.

mod contain;
mod facts;
mod reencrypt;
#[cfg(test)]
mod tests;

pub use facts::{DependentFacts, GrantFacts, KeyFacts};

use crate::incident::{Compromised, Incident};
use crate::key_policy::corrected_policy;
use crate::plan::{Action, Downtime, Estimate, OldData, Param, Phase, Plan, Ref, Step, StepId};
use crate::stores::quoted;
use contain::texts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// The step that makes the key that takes over.
pub const CREATE: &str = "replace/create";
/// The step that looks whether anything is left under the old key.
pub const NOTHING_LEFT: &str = "verify/nothing-left";

/// What a plan is made of.
pub struct Input<'i> {
    /// The incident.
    pub incident: &'i Incident,
    /// The key, what is under it, and the same key in other regions.
    pub key: &'i KeyFacts,
    /// What CloudTrail shows under the key and the key map lacks.
    pub used: &'i [UsedBy],
    /// What whoever plans chose.
    pub choices: &'i Choices,
    /// Which plan of the incident this is: 1, 2, …
    pub version: u32,
}

/// Something that an encryption context in CloudTrail names, and the key map does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedBy {
    /// Its ARN, or what the context says.
    pub resource: String,
    /// The service that used the key for it; empty where an application called KMS itself.
    pub service: String,
    /// When that was last.
    pub last_seen: Option<Timestamp>,
}

/// What whoever plans chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choices {
    /// Whether every version of an object comes under the new key, and not the current one alone.
    pub versions: bool,
    /// What shall be done by hand although Lockfast could: CloudFormation types, or the table's short names (`s3`).
    pub manual: BTreeSet<String>,
    /// Grants to be revoked besides those of suspects.
    pub revoke_grants: BTreeSet<String>,
    /// Who administers the new key if nobody in the old policy may; the account's root where there is nobody.
    pub administrators: Vec<String>,
    /// Whether every use of the old key is told of.
    pub watch: bool,
    /// For whom the old key decrypts when all else is done, and for nobody else; empty leaves its policy as it is.
    pub decrypt_only_for: Vec<String>,
}

impl Default for Choices {
    fn default() -> Self {
        Choices {
            versions: true,
            manual: BTreeSet::new(),
            revoke_grants: BTreeSet::new(),
            administrators: Vec::new(),
            watch: true,
            decrypt_only_for: Vec::new(),
        }
    }
}

/// Why a key is replaced, and not rotated.
pub fn refuse_rotation() -> &'static str {
    "Rotation is no remedy for a compromised key. It changes the material that encrypts from now on; what was encrypted before still decrypts by the old material, which AWS KMS keeps for that under the same key. Whoever may use the key may use all of its material: a leaked grant, a policy that lets too many in and an attacker's role work as before. Nothing is encrypted again, and data keys that are known stay known. The key has to be replaced, and what is under it encrypted again."
}

/// What re-encryption does not undo.
const DISCLOSURE: &str = "Plaintext may be known. Encrypting again protects what comes; it does not undo the disclosure. Secrets and parameters need new values, and whoever the data is about may have to be told.";

/// What to do about a compromised key. The same input gives the same plan.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut making = Making::default();
    contain::steps(input, &mut making);
    let notes = replace(input, &mut making);
    reencrypt::steps(input, &mut making);
    verify_and_close(input, &mut making);
    Plan {
        incident: input.incident.id.clone(),
        version: input.version,
        notes,
        steps: making.steps,
    }
}

/// A plan that is being made.
#[derive(Default)]
struct Making {
    steps: Vec<Step>,
    names: HashSet<String>,
}

impl Making {
    fn add(&mut self, step: Step) -> StepId {
        let id = step.id.clone();
        self.names.insert(id.as_str().to_owned());
        self.steps.push(step);
        id
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// A name that no step has: with the part, the region and the account of what it is about, and a number at last.
    fn free(&self, name: &str, on: &DependentFacts) -> String {
        let mut name: String = name.chars().filter(|c| !c.is_control()).collect();
        let further = [
            Some(&on.part).filter(|part| !part.is_empty()),
            on.region.as_ref(),
            on.account.as_ref(),
        ];
        for part in further.into_iter().flatten() {
            if !self.has(&name) {
                return name;
            }
            name = format!("{name}/{part}");
        }
        if !self.has(&name) {
            return name;
        }
        let mut number = 2u32;
        while self.has(&format!("{name}#{number}")) {
            number += 1;
        }
        format!("{name}#{number}")
    }
}

/// A step about no data, to be filled in.
fn simple(
    id: impl Into<StepId>,
    phase: Phase,
    title: String,
    action: Action,
    clause: &str,
) -> Step {
    Step {
        id: id.into(),
        phase,
        title,
        action,
        needs: Vec::new(),
        calls: Vec::new(),
        downtime: Downtime::None,
        old_data: OldData::NotApplicable,
        estimate: Estimate::default(),
        stays: None,
        verified_by: String::new(),
        manual: None,
        unsure: None,
        clause: clause.to_owned(),
    }
}

fn new_key() -> Param {
    Param::Ref(Ref {
        step: CREATE.into(),
        output: "key_arn".into(),
    })
}

/// The key that takes over, and what names it.
fn replace(input: &Input<'_>, making: &mut Making) -> Vec<String> {
    let key = input.key;
    let mut notes = vec![refuse_rotation().to_owned()];
    if input.incident.compromised == Some(Compromised::Plaintext) {
        notes.push(DISCLOSURE.to_owned());
    }
    if key.origin != "AWS_KMS" && !key.origin.is_empty() {
        notes.push(format!(
            "The old key's material is of the origin {}; the new key's is made by AWS KMS. Where it has to be imported, make the key by hand first.",
            key.origin
        ));
    }
    let root = key.account.as_deref().map(|account| {
        let partition = key.arn.split(':').nth(1).unwrap_or("aws");
        format!("arn:{partition}:iam::{account}:root")
    });
    let administrators = match input.choices.administrators.is_empty() {
        true => root.into_iter().collect(),
        false => input.choices.administrators.clone(),
    };
    let policy = match &key.policy {
        Some(old) => {
            let (policy, changes) =
                corrected_policy(old, &input.incident.suspects, &administrators);
            notes.extend(
                changes
                    .iter()
                    .map(|change| format!("New key policy: {change}.")),
            );
            policy
        }
        None => {
            notes.push("The old key's policy was not read: it is read and corrected when the new key is made.".into());
            Value::Null
        }
    };
    let before: Vec<StepId> = making
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::SnapshotPolicies { .. }))
        .map(|step| step.id.clone())
        .collect();
    let mut replicas: Vec<String> = key
        .family
        .iter()
        .filter_map(|own| own.region.clone())
        .collect();
    replicas.sort();
    replicas.dedup();
    making.add(Step {
        needs: before,
        calls: texts(&[
            "kms:CreateKey",
            "kms:TagResource",
            "kms:ReplicateKey",
            "kms:DescribeKey",
        ]),
        verified_by: "DescribeKey: it is enabled, and so are its replicas".into(),
        estimate: Estimate {
            calls: u64::try_from(replicas.len())
                .ok()
                .map(|replicas| 2 + replicas),
            bytes: Some(0),
            seconds: Some(10),
            note: String::new(),
        },
        ..simple(
            CREATE,
            Phase::Replace,
            format!("Make the key that takes over from {}", key.label),
            Action::CreateReplacement {
                old_key: key.arn.clone(),
                policy,
                tags: key.tags.clone(),
                description: key.description.clone(),
                multi_region: key.multi_region,
                spec: key.spec.clone(),
                usage: key.usage.clone(),
                replicas,
            },
            "KCR-1",
        )
    });
    for alias in &key.aliases {
        making.add(Step {
            needs: vec![CREATE.into()],
            calls: texts(&["kms:UpdateAlias", "kms:ListAliases"]),
            downtime: Downtime::Brief("whoever names the alias when decrypting is refused what is under the old key until it is encrypted again".into()),
            verified_by: "ListAliases: the alias names the new key".into(),
            ..simple(
                format!("replace/alias/{}", alias.trim_start_matches("alias/")),
                Phase::Replace,
                format!("Have {alias} name the new key"),
                Action::MoveAlias {
                    alias: alias.clone(),
                    from: key.arn.clone(),
                    to: new_key(),
                },
                "KCR-1",
            )
        });
    }
    by_hand(key, making);
    notes
}

/// What names the key where Lockfast does not write: templates, and whoever has its public half.
fn by_hand(key: &KeyFacts, making: &mut Making) {
    if !key.written_at.is_empty() {
        let places = key
            .written_at
            .iter()
            .map(|place| format!("# {place}: have it name \"$NEW_KEY\""));
        making.add(Step {
            needs: vec![CREATE.into()],
            verified_by: "the next deployment changes nothing".into(),
            manual: Some(
                places
                    .chain([
                        "cdk diff   # or: aws cloudformation create-change-set, terraform plan"
                            .to_owned(),
                    ])
                    .collect(),
            ),
            ..simple(
                "replace/templates",
                Phase::Replace,
                "Have the templates name the new key".into(),
                Action::Manual {
                    kind: "template".into(),
                    resource: key.arn.clone(),
                    why: "the next deployment would undo the change".into(),
                    to: Some(new_key()),
                },
                "KCR-1",
            )
        });
    }
    if !matches!(key.usage.as_str(), "" | "ENCRYPT_DECRYPT")
        || key.spec.starts_with("RSA")
        || key.spec.starts_with("ECC")
    {
        making.add(Step {
            needs: vec![CREATE.into()],
            calls: texts(&["kms:GetPublicKey"]),
            verified_by: "whoever verifies or encrypts outside has the new public key, and trusts the old one no more".into(),
            manual: Some(vec!["aws kms get-public-key --key-id \"$NEW_KEY\" --query PublicKey --output text | base64 -d > new.der   # then hand it out".into()]),
            ..simple(
                "replace/outside",
                Phase::Replace,
                format!("Have everybody outside use the new key ({})", key.usage),
                Action::Manual {
                    kind: "public key".into(),
                    resource: key.arn.clone(),
                    why: "AWS does not know who verifies signatures or MACs of the key".into(),
                    to: Some(new_key()),
                },
                "KCR-1",
            )
        });
    }
}

fn verify_and_close(input: &Input<'_>, making: &mut Making) {
    let key = input.key;
    let before: Vec<StepId> = making
        .steps
        .iter()
        .filter(|step| matches!(step.phase, Phase::Replace | Phase::Reencrypt))
        .map(|step| step.id.clone())
        .collect();
    let forensics = making.add(Step {
        calls: texts(&["cloudtrail:LookupEvents"]),
        verified_by: "LookupEvents of 90 days was read; what is older is in the logs (lockfast trail forensics)".into(),
        ..simple(
            "verify/forensics",
            Phase::Verify,
            "Find out who used the key for what, since when, from where".into(),
            Action::Forensics {
                key: key.arn.clone(),
                since: None,
            },
            "KCR-3",
        )
    });
    making.add(Step {
        needs: before,
        calls: texts(&["kms:ListAliases"]),
        verified_by: "every step before it was read again, and no alias names the old key; a scan made since says the rest".into(),
        ..simple(
            NOTHING_LEFT,
            Phase::Verify,
            format!("Look whether anything is left under {}", key.label),
            Action::VerifyNothingLeft {
                old_key: key.arn.clone(),
                new_key: new_key(),
            },
            "KCR-2",
        )
    });
    if !input.choices.decrypt_only_for.is_empty() {
        making.add(Step {
            needs: vec![NOTHING_LEFT.into()],
            calls: texts(&["kms:GetKeyPolicy", "kms:PutKeyPolicy"]),
            verified_by: "GetKeyPolicy lets these decrypt, and nobody use it otherwise".into(),
            ..simple(
                "close/decrypt-only",
                Phase::Close,
                format!("Have {} decrypt only", key.label),
                Action::RestrictToDecrypt {
                    key: key.arn.clone(),
                    principals: input.choices.decrypt_only_for.clone(),
                },
                "KCR-1",
            )
        });
    }
    let region = key.region.as_deref().map_or("\"$REGION\"".into(), quoted);
    making.add(Step {
        needs: vec![NOTHING_LEFT.into(), forensics],
        calls: texts(&["kms:DisableKey"]),
        downtime: Downtime::Outage("whatever is still under it cannot be read: enable it again at once if anything fails".into()),
        verified_by: "the key is disabled, and nobody missed it".into(),
        manual: Some(vec![
            format!("aws kms disable-key --key-id {} --region {region}", quoted(&key.arn)),
            format!("lockfast keys request-deletion {}   # its deletion, under several people's approval", quoted(&key.arn)),
        ]),
        ..simple(
            "close/offer-disable",
            Phase::Close,
            format!("Decide whether {} is disabled, and deleted later", key.label),
            Action::OfferDisable {
                key: key.arn.clone(),
            },
            "KCR-1",
        )
    });
}
