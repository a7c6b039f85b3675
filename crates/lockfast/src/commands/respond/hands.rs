//! AWS, as the engine of `lockfast respond` needs it.

mod stores;
mod words;

use crate::cli::Acting;
use anyhow::{Result, anyhow, bail};
use lockfast_aws::{How, Keys, Marker, NewKey, Objects, Refused, Repointed, region_of};
use lockfast_respond::hands::{Acted, Cursor, Hands, Problem, Progress, Seen, Verified};
use lockfast_respond::incident::Incident;
use lockfast_respond::key_compromise::CREATE;
use lockfast_respond::key_policy::{corrected_policy, with_denial};
use lockfast_respond::plan::{self, Action, Outputs, Param, Step};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use stores::{Store, name_of, parameter, store};
use tokio::runtime::Runtime;
use words::{not_done, or_none, problem, refusal, told};

/// The tag by which the key that takes over is found again.
const MARKER: &str = "lockfast:incident";

/// An account.
pub(super) struct Aws {
    keys: Keys,
    runtime: Runtime,
    topic: Option<String>,
    incident: String,
    account: String,
    suspects: Vec<String>,
}

impl Aws {
    /// Takes the credentials that the command line names.
    ///
    /// # Errors
    /// When they are of another account than the incident's subject.
    pub(super) fn connect(
        acting: &Acting,
        topic: Option<String>,
        incident: &Incident,
    ) -> Result<Aws> {
        let runtime = crate::commands::runtime()?;
        let keys = Keys::connect(acting.profile.clone(), acting.endpoint_url.clone());
        let keys = runtime.block_on(keys);
        let (account, _) = runtime
            .block_on(keys.caller())
            .map_err(|error| anyhow!("{error}"))?;
        let own = incident.subject.split(':').nth(4).unwrap_or_default();
        if own != account {
            bail!(
                "{} is of the account {own}, and the credentials are of {account}",
                incident.subject
            );
        }
        Ok(Aws {
            keys,
            runtime,
            topic,
            incident: incident.id.to_string(),
            account,
            suspects: incident.suspects.clone(),
        })
    }

    fn call<T>(&self, call: impl Future<Output = Result<T, Refused>>) -> Result<T, Problem> {
        self.runtime.block_on(call).map_err(problem)
    }

    fn rule(&self) -> String {
        format!("lockfast-{}", self.incident)
    }

    fn snapshot(&self, key: &str) -> Result<BTreeMap<String, String>, Problem> {
        let policy = self.call(self.keys.key_policy(key))?;
        let grants = self.call(self.keys.grants(key))?;
        let grants: Vec<Value> = grants
            .iter()
            .map(|own| json!({"id": own.id, "grantee": own.grantee, "operations": own.operations}))
            .collect();
        let hash = lockfast_operate::canonical::sha256(policy.as_bytes());
        Ok([
            ("policy".to_owned(), policy),
            ("grants".to_owned(), Value::Array(grants).to_string()),
            ("sha256".to_owned(), hash),
        ]
        .into())
    }

    /// The key of this incident that takes over, if it was made; with its replicas.
    fn made(
        &self,
        old_key: &str,
        replicas: &[String],
    ) -> Result<Option<BTreeMap<String, String>>, Problem> {
        let region = region_of(old_key);
        let marker = (MARKER, self.incident.as_str());
        let Some(arn) = self.call(self.keys.find_marked(region, marker))? else {
            return Ok(None);
        };
        let mut outputs = BTreeMap::from([("key_arn".to_owned(), arn.clone())]);
        for region in replicas {
            let replica = arn.replacen(region_of(&arn), region, 1);
            if self.call(self.keys.describe(&replica))?.state.is_none() {
                return Ok(None);
            }
            outputs.insert(format!("key_arn:{region}"), replica);
        }
        Ok(Some(outputs))
    }

    fn policy_of(&self, key: &str) -> Result<Value, Problem> {
        let text = self.call(self.keys.key_policy(key))?;
        serde_json::from_str(&text).map_err(|error| Problem {
            call: "kms:GetKeyPolicy".into(),
            what: format!("no JSON: {error}"),
            retry: false,
        })
    }

    /// Points a store at the other key, and says how that went.
    fn repoint(&self, store: &Store<'_>, outputs: &Outputs) -> Result<Vec<String>, Problem> {
        let to = resolved(store.to, outputs)?;
        let name = name_of(store.kind, store.resource);
        let went =
            self.call(
                self.keys
                    .repoint(store.kind, store.resource, name, store.from, to),
            )?;
        match went {
            Repointed::Done => Ok(vec![format!("{} names {to}", store.resource)]),
            Repointed::Already => Ok(vec![format!(
                "{} named {to}, or an alias, already",
                store.resource
            )]),
            Repointed::Elsewhere(key) => Err(refusal(format!(
                "it names {key}, which is neither the old key nor the new one: somebody changed it"
            ))),
            Repointed::ByHand => Err(refusal("no one call does it; it is done by hand".into())),
        }
    }

    fn objects(
        &self,
        action: &Action,
        outputs: &Outputs,
        from: Option<Cursor>,
    ) -> Result<Option<Objects>, Problem> {
        let Action::ReencryptBucket {
            bucket,
            versions,
            how,
            from: old,
            to,
        } = action
        else {
            return Ok(None);
        };
        let marker = from.and_then(|cursor| serde_json::from_str::<Marker>(&cursor.0).ok());
        Ok(Some(Objects {
            bucket: bucket
                .strip_prefix("arn:aws:s3:::")
                .unwrap_or(bucket)
                .to_owned(),
            region: region_of(old).to_owned(),
            old: Some(old.clone()),
            new: resolved(to, outputs)?.to_owned(),
            versions: *versions,
            how: match how {
                plan::How::Rewrap => How::Rewrap,
                plan::How::Copy => How::Copy,
            },
            from: marker,
            on_aws: self.keys.is_aws_s3(),
        }))
    }

    fn create(&self, step: &Step, outputs: &Outputs) -> Result<BTreeMap<String, String>, Problem> {
        let Action::CreateReplacement {
            old_key,
            policy,
            tags,
            description,
            multi_region,
            spec,
            usage,
            replicas,
        } = &step.action
        else {
            return Ok(BTreeMap::new());
        };
        let policy = match policy {
            Value::Null => {
                let before = outputs.get(&"contain/snapshot".into(), "policy");
                let before = before.and_then(|text| serde_json::from_str(text).ok());
                let before =
                    before.ok_or_else(|| refusal("the old key's policy is not known".into()))?;
                corrected_policy(&before, &self.suspects, &[]).0
            }
            policy => policy.clone(),
        };
        let mut tags = tags.clone();
        tags.insert(MARKER.to_owned(), self.incident.clone());
        let new = NewKey {
            region: region_of(old_key).to_owned(),
            policy: policy.to_string(),
            tags,
            description: description.clone(),
            multi_region: *multi_region,
            spec: spec.clone(),
            usage: usage.clone(),
        };
        let marker = (MARKER, self.incident.as_str());
        let arn = match self.call(self.keys.find_marked(&new.region, marker))? {
            Some(arn) => arn,
            None => self.call(self.keys.create_key(&new))?,
        };
        let mut given = BTreeMap::from([("key_arn".to_owned(), arn.clone())]);
        for region in replicas {
            let replica = self.call(self.keys.replicate_key(&arn, region, &new.policy))?;
            given.insert(format!("key_arn:{region}"), replica);
        }
        Ok(given)
    }

    /// What a look at a secret says: the key that it names, and versions that the new key has not wrapped.
    fn secret(&self, secret: &str, to: &str) -> Result<Verified, Problem> {
        let (names, versions) = self.call(self.keys.secret_keys(secret))?;
        let names = names.unwrap_or_default();
        if !self.call(self.keys.is_named(&names, to))? {
            return Ok(Verified::Wrong {
                why: format!("it names {}", or_none(&names)),
            });
        }
        let mut facts = vec![format!("it names {names}")];
        for (version, keys) in versions.iter().filter(|(_, keys)| !keys.is_empty()) {
            let mut under = false;
            for key in keys {
                under |= self.call(self.keys.is_named(key, to))?;
            }
            if !under {
                return Ok(Verified::Wrong {
                    why: format!("the version {version} is under {}", keys.join(", ")),
                });
            }
            facts.push(format!("the version {version} is under the new key"));
        }
        Ok(Verified::Verified { facts })
    }
}

fn resolved<'o>(param: &'o Param, outputs: &'o Outputs) -> Result<&'o str, Problem> {
    param
        .resolve(outputs)
        .map_err(|error| refusal(error.to_string()))
}

fn done(verification: Vec<String>) -> Seen {
    Seen::AlreadyDone {
        verification,
        outputs: BTreeMap::new(),
    }
}

impl Hands for Aws {
    fn look(&self, step: &Step, outputs: &Outputs) -> Result<Seen, Problem> {
        Ok(match &step.action {
            Action::Watch { key, .. } => match &self.topic {
                None => Seen::Blocked {
                    why: "name the topic that is told with --alert-topic".into(),
                },
                Some(_) if self.call(self.keys.is_watched(key, &self.rule()))? => {
                    done(vec![format!("the rule {} is on", self.rule())])
                }
                Some(_) => Seen::Todo,
            },
            Action::RevokeGrant { key, grant_id } => {
                match self
                    .call(self.keys.grants(key))?
                    .iter()
                    .any(|own| own.id == *grant_id)
                {
                    true => Seen::Todo,
                    false => done(vec!["ListGrants does not show it".into()]),
                }
            }
            Action::CreateReplacement {
                old_key, replicas, ..
            } => match self.made(old_key, replicas)? {
                Some(outputs) => Seen::AlreadyDone {
                    verification: vec![format!(
                        "{} has the tag of this incident",
                        outputs["key_arn"]
                    )],
                    outputs,
                },
                None => Seen::Todo,
            },
            Action::MoveAlias { alias, from, to } => {
                let to = resolved(to, outputs)?;
                if self.call(self.keys.aliases(to))?.contains(alias) {
                    done(vec![format!("{alias} names {to}")])
                } else if self.call(self.keys.aliases(from))?.contains(alias) {
                    Seen::Todo
                } else {
                    // An alias of a replica's region, or one that somebody gave to another key.
                    Seen::Blocked {
                        why: format!("{alias} does not name {from} in {}", region_of(from)),
                    }
                }
            }
            Action::RevokeSessions { role, .. }
                if role.split(':').nth(4) != Some(&self.account) =>
            {
                Seen::Blocked {
                    why: format!("{role} is of another account than the credentials"),
                }
            }
            Action::RevokeSessions { role, before } => {
                match self.call(self.keys.older_sessions_denied(role))? {
                    Some(since) if since >= *before => {
                        done(vec![format!("sessions before {since} are denied")])
                    }
                    _ => Seen::Todo,
                }
            }
            _ => Seen::Todo,
        })
    }

    fn act(
        &self,
        step: &Step,
        outputs: &Outputs,
        from: Option<Cursor>,
        tell: &mut dyn FnMut(Progress) -> Result<(), Problem>,
    ) -> Result<Acted, Problem> {
        let mut acted = Acted::default();
        match &step.action {
            Action::SnapshotPolicies { key } => acted.outputs = self.snapshot(key)?,
            Action::Watch { key, .. } => {
                let topic = self.topic.as_deref().unwrap_or_default();
                self.call(self.keys.watch_key(key, &self.rule(), topic))?;
                acted.effects.push(format!("{topic} is told of every use"));
            }
            Action::RevokeGrant { key, grant_id } => {
                self.call(self.keys.revoke_grant(key, grant_id))?;
                acted
                    .effects
                    .push(format!("the grant {grant_id} is revoked"));
            }
            Action::DenyPrincipal {
                key,
                principal,
                sid,
            } => {
                let policy = with_denial(&self.policy_of(key)?, principal, sid);
                self.call(self.keys.put_key_policy(key, &policy.to_string()))?;
                acted
                    .effects
                    .push(format!("the statement {sid} denies {principal}"));
            }
            Action::RevokeSessions { role, before } => {
                self.call(self.keys.deny_older_sessions(role, before))?;
                acted
                    .effects
                    .push(format!("sessions of {role} before {before} are denied"));
            }
            Action::CreateReplacement { .. } => {
                acted.outputs = self.create(step, outputs)?;
                acted
                    .effects
                    .push(format!("{} takes over", acted.outputs["key_arn"]));
            }
            Action::MoveAlias { alias, to, .. } => {
                let to = resolved(to, outputs)?;
                self.call(self.keys.move_alias(alias, to))?;
                acted.effects.push(format!("{alias} names {to}"));
            }
            Action::ReencryptParameter { name, from, to } => {
                let to = resolved(to, outputs)?;
                self.call(
                    self.keys
                        .rewrite_parameter(region_of(from), parameter(name), to),
                )?;
                acted
                    .effects
                    .push(format!("{name} has its value once more, under {to}"));
            }
            Action::ReencryptBucket { .. } => {
                let Some(objects) = self.objects(&step.action, outputs, from)? else {
                    return Ok(acted);
                };
                // Objects that come meanwhile go under the new key already.
                let default = Store {
                    kind: "AWS::S3::Bucket",
                    resource: &objects.bucket,
                    from: objects.old.as_deref().unwrap_or_default(),
                    to: &Param::Literal(objects.new.clone()),
                };
                acted.effects = self.repoint(&default, outputs)?;
                let mut stopped = None;
                let went = self.runtime.block_on(self.keys.reencrypt_objects(
                    &objects,
                    &mut |tally, next| {
                        let cursor = next
                            .and_then(|next| serde_json::to_string(next).ok())
                            .map(Cursor);
                        let progress = Progress {
                            done: tally.listed,
                            total: step.estimate.calls,
                            cursor,
                        };
                        tell(progress).map_err(|problem| {
                            let refused = Refused {
                                call: problem.call.clone(),
                                error: problem.what.clone(),
                            };
                            stopped = Some(problem);
                            refused
                        })
                    },
                ));
                if let Some(problem) = stopped {
                    return Err(problem);
                }
                let tally = went.map_err(problem)?;
                acted.effects.extend(told(&tally));
                if !tally.is_complete() {
                    acted.effects.push(not_done(&tally));
                }
            }
            Action::VerifyNothingLeft { .. } | Action::Forensics { .. } => {}
            action => match store(action) {
                Some(on) => {
                    acted.effects = self.repoint(&on, outputs)?;
                    if let Action::ReencryptSecret {
                        secret,
                        new_version: true,
                        ..
                    } = action
                    {
                        // The same token again makes no further version.
                        let token = format!("lockfast-{}-rewrapped", self.incident);
                        self.call(self.keys.rewrite_secret(secret, &token))?;
                        acted
                            .effects
                            .push("it has a version that the new key alone wrapped".into());
                    }
                }
                None => return Err(refusal("nobody but a person does this".into())),
            },
        }
        Ok(acted)
    }

    fn verify(&self, step: &Step, outputs: &Outputs) -> Result<Verified, Problem> {
        let verified = |fact: String| Verified::Verified { facts: vec![fact] };
        let wrong = |why: String| Verified::Wrong { why };
        Ok(match &step.action {
            Action::SnapshotPolicies { key } => {
                let kept = outputs.get(&step.id, "sha256").unwrap_or_default();
                verified(format!("the policy of {key} has the SHA-256 {kept}"))
            }
            Action::Watch { key, .. } => {
                match self.call(self.keys.is_watched(key, &self.rule()))? {
                    true => verified(format!(
                        "the rule {} is ENABLED and has a target",
                        self.rule()
                    )),
                    false => wrong("the rule is off, or tells nobody".into()),
                }
            }
            Action::RevokeGrant { key, grant_id } => {
                match self
                    .call(self.keys.grants(key))?
                    .iter()
                    .any(|own| own.id == *grant_id)
                {
                    true => wrong("ListGrants still shows it".into()),
                    false => verified("ListGrants does not show it".into()),
                }
            }
            Action::DenyPrincipal { key, sid, .. } => {
                let policy = self.policy_of(key)?;
                let statements = policy["Statement"].as_array().into_iter().flatten();
                match statements
                    .into_iter()
                    .any(|own| own["Sid"] == sid.as_str() && own["Effect"] == "Deny")
                {
                    true => verified(format!("GetKeyPolicy has the statement {sid}")),
                    false => wrong(format!("GetKeyPolicy has no statement {sid}")),
                }
            }
            Action::RevokeSessions { role, before } => {
                match self.call(self.keys.older_sessions_denied(role))? {
                    Some(since) if since >= *before => {
                        verified(format!("sessions before {since} are denied"))
                    }
                    _ => wrong("GetRolePolicy does not deny older sessions".into()),
                }
            }
            Action::CreateReplacement { .. } => {
                let arn = outputs.get(&step.id, "key_arn").unwrap_or_default();
                match self.call(self.keys.describe(arn))?.state.as_deref() {
                    Some("Enabled") => verified(format!("{arn} is enabled")),
                    Some("Creating" | "Updating") => Verified::NotYet {
                        why: format!("{arn} is being made"),
                    },
                    other => wrong(format!("{arn} is {}", other.unwrap_or("not there"))),
                }
            }
            Action::MoveAlias { alias, to, .. } => {
                let to = resolved(to, outputs)?;
                match self.call(self.keys.aliases(to))?.contains(alias) {
                    true => verified(format!("{alias} names {to}")),
                    false => wrong(format!("{alias} does not name {to}")),
                }
            }
            Action::ReencryptParameter { name, from, to } => {
                let to = resolved(to, outputs)?;
                let under = self.call(self.keys.parameter_key(region_of(from), parameter(name)))?;
                let under = under.unwrap_or_default();
                match self.call(self.keys.is_named(&under, to))? {
                    true => verified(format!("it is under {under}")),
                    false => wrong(format!("it is under {}", or_none(&under))),
                }
            }
            Action::ReencryptSecret { secret, to, .. } => {
                self.secret(secret, resolved(to, outputs)?)?
            }
            Action::ReencryptBucket { .. } => {
                let Some(objects) = self.objects(&step.action, outputs, None)? else {
                    return Ok(wrong("it is no bucket".into()));
                };
                let tally = self.call(self.keys.look_at_objects(&objects, &mut |_, _| Ok(())))?;
                match tally.is_complete() {
                    true => Verified::Verified {
                        facts: told(&tally),
                    },
                    false => wrong(not_done(&tally)),
                }
            }
            Action::VerifyNothingLeft { old_key, .. } => self.last_look(old_key, outputs)?,
            Action::Forensics { key, .. } => {
                let events = self.call(self.keys.events(key, 0))?;
                verified(format!(
                    "{} events of the last 90 days name the key; `lockfast trail forensics --key {key} LOGS` tells them with their principals",
                    events.len()
                ))
            }
            action => match store(action) {
                Some(on) => {
                    let to = resolved(on.to, outputs)?;
                    let name = name_of(on.kind, on.resource);
                    match self.call(self.keys.names(on.kind, on.resource, name, to))? {
                        Repointed::Already | Repointed::Done => verified(format!("it names {to}")),
                        Repointed::Elsewhere(key) if self.call(self.keys.is_named(&key, to))? => {
                            verified(format!("it names {key}, which is {to}"))
                        }
                        Repointed::Elsewhere(key) => wrong(format!("it names {}", or_none(&key))),
                        Repointed::ByHand => wrong("nobody but a person can look".into()),
                    }
                }
                None => wrong("nobody but a person does this".into()),
            },
        })
    }
}

impl Aws {
    /// Whether an alias still names the old key, after all that was read again before.
    fn last_look(&self, old_key: &str, outputs: &Outputs) -> Result<Verified, Problem> {
        let Some(new_key) = outputs.get(&CREATE.into(), "key_arn") else {
            return Ok(Verified::Wrong {
                why: "there is no new key yet".into(),
            });
        };
        let aliases = self.call(self.keys.aliases(old_key))?;
        if !aliases.is_empty() {
            return Ok(Verified::Wrong {
                why: format!("aliases still name the old key: {}", aliases.join(", ")),
            });
        }
        Ok(Verified::Verified {
            facts: vec![
                format!(
                    "no alias names {old_key}; what steps re-encrypted was read again under {new_key}"
                ),
                "what is not in the snapshot is not known to this step: scan again, and compare"
                    .into(),
            ],
        })
    }
}
