//! The account that keys are operated in.

use anyhow::{Result, bail};

#[cfg(feature = "aws")]
pub(super) use with::{Connection, Live};
#[cfg(not(feature = "aws"))]
pub(super) use without::Connection;

/// Says that this binary cannot reach AWS.
#[cfg(not(feature = "aws"))]
mod without {
    use super::{Result, bail};

    pub(in crate::commands::operate) struct Connection;

    impl Connection {
        pub(in crate::commands::operate) fn new(
            _: Option<String>,
            _: Option<String>,
        ) -> Result<Self> {
            bail!(
                "this lockfast was built without the AWS SDK: build it with `cargo build --release --features aws` (or `full`)"
            )
        }

        pub(in crate::commands::operate) fn put_locked(
            &self,
            _: &str,
            _: &str,
            _: &str,
            _: &[u8],
            _: i64,
        ) -> Result<()> {
            bail!("this lockfast was built without the AWS SDK")
        }
    }
}

#[cfg(feature = "aws")]
mod with {
    use super::{Result, bail};
    use crate::commands::facts::{Read, declared};
    use anyhow::anyhow;
    use jiff::Timestamp;
    use lockfast_access::allowed_principals;
    use lockfast_access::world::On;
    use lockfast_aws::{Keys, Progress, Refused, ScanOptions, region_of};
    use lockfast_facts::Known;
    use lockfast_keys::{Key, Ring};
    use lockfast_operate::impact::{Dependent, Grant, Impact};
    use lockfast_operate::service::{
        Canary, KeyDescription, KeyService, KeyState, Need, ServiceError, Use, Uses,
    };
    use lockfast_policy::Config;
    use serde_json::Value;
    use std::collections::{BTreeSet, HashMap};
    use std::path::{Path, PathBuf};

    /// A way into an account.
    pub(in crate::commands::operate) struct Connection {
        /// How calls of a scan are repeated.
        pub(in crate::commands::operate) retries: lockfast_aws::Retries,
        pub(in crate::commands::operate) keys: Keys,
        pub(in crate::commands::operate) runtime: tokio::runtime::Runtime,
        profile: Option<String>,
        endpoint_url: Option<String>,
    }

    impl Connection {
        pub(in crate::commands::operate) fn new(
            profile: Option<String>,
            endpoint_url: Option<String>,
        ) -> Result<Self> {
            let runtime = crate::commands::runtime()?;
            Ok(Connection {
                retries: lockfast_aws::Retries::default(),
                keys: runtime.block_on(Keys::connect(profile.clone(), endpoint_url.clone())),
                runtime,
                profile,
                endpoint_url,
            })
        }

        /// As the command line says.
        pub(in crate::commands::operate) fn of(account: &crate::cli::Account) -> Result<Self> {
            let mut at = Connection::new(
                account.acting.profile.clone(),
                account.acting.endpoint_url.clone(),
            )?;
            at.retries.attempts = account.attempts;
            at.retries.initial_backoff = std::time::Duration::from_millis(account.backoff);
            Ok(at)
        }

        pub(in crate::commands::operate) fn put_locked(
            &self,
            region: &str,
            bucket: &str,
            name: &str,
            body: &[u8],
            until: i64,
        ) -> Result<()> {
            let put = self.keys.put_locked(region, bucket, name, body, until);
            self.runtime
                .block_on(put)
                .map_err(|error| anyhow!("{error}"))
        }

        /// The ARN of the key that is named by its ARN, an alias or its ARN, or a key id; an alias and an id within the account
        /// of the credentials, in the region of the AWS configuration.
        pub(in crate::commands::operate) fn key(&self, name: &str) -> Result<String> {
            if name.starts_with("arn:") && name.contains(":key/") {
                self.must_own(name)?;
                return Ok(name.to_owned());
            }
            let whole = match name.starts_with("arn:") {
                true => {
                    self.must_own(name)?;
                    name.to_owned()
                }
                false => {
                    let (account, caller) = self
                        .runtime
                        .block_on(self.keys.caller())
                        .map_err(|error| anyhow!("{error}"))?;
                    let Some(region) = self.keys.region() else {
                        bail!("{name}: set a region (AWS_REGION) or name the key by its ARN");
                    };
                    let partition = caller.split(':').nth(1).unwrap_or("aws");
                    let kind = if name.starts_with("alias/") {
                        ""
                    } else {
                        "key/"
                    };
                    format!("arn:{partition}:kms:{region}:{account}:{kind}{name}")
                }
            };
            let told = self
                .runtime
                .block_on(self.keys.describe(&whole))
                .map_err(|error| anyhow!("{error}"))?;
            match told.state {
                Some(_) => Ok(told.arn),
                None => bail!("{name}: there is no such key ({whole})"),
            }
        }

        /// The account that the credentials are of must be the key's.
        pub(in crate::commands::operate) fn must_own(&self, key: &str) -> Result<()> {
            let (account, _) = self
                .runtime
                .block_on(self.keys.caller())
                .map_err(|error| anyhow!("{error}"))?;
            match key.split(':').nth(4) {
                Some(own) if own == account => Ok(()),
                Some(own) => bail!("{key} is of account {own}, and the credentials of {account}"),
                None => bail!("{key} is no key's ARN"),
            }
        }
    }

    /// Keys as the broker operates them.
    pub(in crate::commands::operate) struct Live {
        pub(in crate::commands::operate) at: Connection,
        config: Config,
        /// A snapshot that tells what depends on keys; the account is scanned where there is none.
        from: Option<PathBuf>,
        /// How late CloudTrail may be.
        trail_delay: jiff::SignedDuration,
        today: String,
    }

    fn told(error: Refused) -> ServiceError {
        ServiceError {
            call: error.call,
            what: error.error,
        }
    }

    fn wrong(call: &str, error: impl std::fmt::Display) -> ServiceError {
        ServiceError {
            call: call.to_owned(),
            what: error.to_string(),
        }
    }

    /// A snapshot that is older tells of another account.
    const OLDEST: i64 = 3600;

    impl Live {
        pub(in crate::commands::operate) fn new(
            at: Connection,
            config: Config,
            from: Option<PathBuf>,
            trail_delay: jiff::SignedDuration,
        ) -> Result<Live> {
            if let Some(file) = &from {
                let loaded = lockfast_snapshot::load_all(std::slice::from_ref(file))?;
                let taken = loaded
                    .headers
                    .iter()
                    .map(|header| header.taken.as_str())
                    .min();
                let taken = taken.and_then(|taken| taken.parse::<Timestamp>().ok());
                let age = taken.map(|taken| Timestamp::now().as_second() - taken.as_second());
                match age {
                    Some(age) if age <= OLDEST => {}
                    Some(age) => bail!(
                        "{}: it was taken {} minutes ago; take one that is not older than an hour, or leave --from out",
                        file.display(),
                        age / 60
                    ),
                    None => bail!("{}: it does not tell when it was taken", file.display()),
                }
            }
            Ok(Live {
                at,
                config,
                from,
                trail_delay,
                today: crate::commands::judging::day(None)?,
            })
        }

        /// A snapshot of the account as it is now, of the regions that have to do with a key.
        fn snapshot(&self, key: &str, folder: &Path, sample: u16) -> Result<PathBuf> {
            let told = self.at.runtime.block_on(self.at.keys.describe(key));
            let told = told.map_err(|error| anyhow!("{error}"))?;
            let mut regions: BTreeSet<String> = told.regions.into_iter().collect();
            regions.insert(region_of(key).to_owned());
            let now = Timestamp::now();
            let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
            let file = folder.join("now.snapshot");
            let mut options = ScanOptions::new(
                file.clone(),
                now.to_string(),
                lockfast_policy::secrets::cover_value,
            );
            options.profile.clone_from(&self.at.profile);
            options.endpoint_url.clone_from(&self.at.endpoint_url);
            options.regions = regions.into_iter().collect();
            options.sample_objects = sample;
            // What else hangs on the key, the snapshot tells that was given: objects are all that is sampled.
            if sample > 0 && self.from.is_some() {
                options.services = ["kms", "s3"].map(str::to_owned).to_vec();
            }
            anstream::eprintln!("reading what the account has under the key…");
            options.retries = self.at.retries;
            let scan = lockfast_aws::scan(options, Progress::default());
            let outcome = self.at.runtime.block_on(scan)?;
            Ok(outcome.snapshot)
        }

        fn with_ring<T>(
            &self,
            key: &str,
            sample: u16,
            then: impl FnOnce(&Ring<'_>, &Key<'_>) -> T,
        ) -> Result<T> {
            let folder = tempfile::tempdir()?;
            let file = match (&self.from, sample) {
                (Some(file), 0) => file.clone(),
                _ => self.snapshot(key, folder.path(), sample)?,
            };
            let (inventory, problems, _) = declared(&[file])?;
            let read = Read {
                templates: None,
                inventory,
                config: self.config.clone(),
                today: self.today.clone(),
                config_file: None,
                problems,
            };
            let cx = read.cx();
            let ring = Ring::new(&cx, &read.inventory);
            let found = ring.find(key);
            let [own] = found.as_slice() else {
                bail!("{key} is not in the snapshot of its account");
            };
            Ok(then(&ring, own))
        }
    }

    /// What hangs on a key, for people to decide on.
    fn impact(ring: &Ring<'_>, key: &Key<'_>, arn: &str) -> Impact {
        let mut unknowns = key.unknowns.clone();
        let grants = match &key.grants {
            Known::Unknown(why, _) => {
                unknowns.push(format!("its grants: {why}"));
                Vec::new()
            }
            known => known.value().cloned().unwrap_or_default(),
        };
        let on = On::resource(ring.inventory, key.resource);
        if let Some(policy) = &on.policy {
            if !policy.is_certain() {
                unknowns.push("its key policy was not read whole".to_owned());
            }
            for grantee in allowed_principals(policy, "kms:Decrypt", &on.resource) {
                if grantee.is_foreign().is_yes() {
                    unknowns.push(format!(
                        "{} may use it, and what they have under it is not known",
                        grantee.pattern
                    ));
                }
            }
        }
        let named = |on: &lockfast_keys::Dependent<'_>| Dependent {
            kind: on.resource.kind.to_string(),
            name: on.label.clone(),
            arn: on.resource.arn.as_deref().unwrap_or(&on.label).to_owned(),
        };
        Impact {
            key_arn: arn.to_owned(),
            dependents: key.dependents.iter().map(named).collect(),
            grants: grants
                .iter()
                .map(|grant| Grant {
                    id: grant.id.to_string(),
                    grantee: grant.grantee.to_string(),
                    operations: grant.operations.clone().unwrap_or_default(),
                })
                .collect(),
            aliases: key.aliases.clone(),
            replicas: key
                .family
                .iter()
                .map(|other| other.arn.as_deref().unwrap_or(&other.name).to_owned())
                .collect(),
            last_used: None,
            unknowns,
        }
        .sorted()
    }

    impl KeyService for Live {
        fn describe(&self, key_arn: &str) -> Result<KeyDescription, ServiceError> {
            let told = self
                .at
                .runtime
                .block_on(self.at.keys.describe(key_arn))
                .map_err(told)?;
            Ok(KeyDescription {
                state: match told.state.as_deref() {
                    None => KeyState::Gone,
                    Some("Enabled") => KeyState::Enabled,
                    Some("Disabled") => KeyState::Disabled,
                    Some("PendingDeletion") => KeyState::PendingDeletion,
                    Some("PendingReplicaDeletion") => KeyState::PendingReplicaDeletion,
                    Some(other) => KeyState::Other(other.to_owned()),
                },
                deletion_date: told
                    .deletion_date
                    .and_then(|at| Timestamp::from_second(at).ok()),
                seen_at: None,
            })
        }

        fn disable(&self, key_arn: &str) -> Result<(), ServiceError> {
            self.at
                .runtime
                .block_on(self.at.keys.disable(key_arn))
                .map_err(told)
        }

        fn enable(&self, key_arn: &str) -> Result<(), ServiceError> {
            self.at
                .runtime
                .block_on(self.at.keys.enable(key_arn))
                .map_err(told)
        }

        fn schedule_deletion(&self, key_arn: &str, days: u32) -> Result<Timestamp, ServiceError> {
            let call = self.at.keys.schedule_deletion(key_arn, days);
            let at = self.at.runtime.block_on(call).map_err(told)?;
            Timestamp::from_second(at).map_err(|error| wrong("kms:ScheduleKeyDeletion", error))
        }

        fn cancel_deletion(&self, key_arn: &str) -> Result<(), ServiceError> {
            self.at
                .runtime
                .block_on(self.at.keys.cancel_deletion(key_arn))
                .map_err(told)
        }

        fn failing_uses(&self, key_arn: &str, since: Timestamp) -> Result<Uses, ServiceError> {
            let asked = Timestamp::now();
            let events = self.at.keys.events(key_arn, since.as_second());
            let events = self.at.runtime.block_on(events).map_err(told)?;
            let mut complete = true;
            let mut failures = Vec::new();
            for event in &events {
                let Ok(told) = serde_json::from_str::<Value>(&event.json) else {
                    // What cannot be read may be a failure.
                    complete = false;
                    continue;
                };
                failures.extend(failure(&told, event.at));
            }
            Ok(Uses {
                looked_until: asked.checked_sub(self.trail_delay).unwrap_or(asked),
                failures,
                complete,
            })
        }

        fn impact(&self, key_arn: &str) -> Result<Impact, ServiceError> {
            let found = self.with_ring(key_arn, 0, |ring, key| impact(ring, key, key_arn));
            found.map_err(|error| wrong("impact", format!("{error:#}")))
        }

        /// Samples objects in every bucket: the newest of one may lie under a key that the bucket's setting does not name any
        /// more. And something is encrypted and decrypted, so that failing uses later are known to be the disabling's.
        fn canary(&self, key_arn: &str) -> Result<Canary, ServiceError> {
            let id = key_arn.rsplit('/').next().unwrap_or(key_arn).to_owned();
            let found = self.with_ring(key_arn, SAMPLE, |ring, key| {
                let known = |arn: &str| key.dependents.iter().any(|on| on.resource.arn.as_deref() == Some(arn));
                let mut canary = Canary {
                    needs: Vec::new(),
                    unknowns: Vec::new(),
                };
                for bucket in ring.inventory.of_kind("AWS::S3::Bucket").filter(|b| &*b.name != "*") {
                    let arn = bucket.arn.as_deref().unwrap_or(&bucket.name);
                    match bucket.at("SampledObjects") {
                        lockfast_facts::Read::Unknown(why, _) => {
                            canary.unknowns.push(format!("objects of {arn}: {why}"));
                        }
                        lockfast_facts::Read::Found(sampled, _) if !known(arn) => {
                            let mut under = false;
                            sampled.walk(&mut |_, value| {
                                if let lockfast_facts::Kind::Text(text) = &value.kind {
                                    let named = text.plain().is_some_and(|text| text.contains(&id));
                                    let refers = text.references().any(|r| r.target == key.resource.id);
                                    under |= named || refers;
                                }
                            });
                            if under {
                                canary.needs.push(Need {
                                    arn: arn.to_owned(),
                                    why: "objects in it are under the key, though its setting names another".to_owned(),
                                });
                            }
                        }
                        _ => {}
                    }
                }
                canary
            });
            let mut canary = found.map_err(|error| wrong("canary", format!("{error:#}")))?;
            let told = self
                .at
                .runtime
                .block_on(self.at.keys.describe(key_arn))
                .map_err(told)?;
            if told.state.as_deref() == Some("Enabled")
                && told.usage == "ENCRYPT_DECRYPT"
                && told.spec == "SYMMETRIC_DEFAULT"
            {
                let context = HashMap::from([("lockfast".to_owned(), "canary".to_owned())]);
                let round = async {
                    let cipher = self.at.keys.encrypt(key_arn, b"canary", &context).await?;
                    self.at.keys.decrypt(key_arn, &cipher, &context).await
                };
                // A broker that may not use the key cannot tell, which is no reason to go on as if it could.
                match self.at.runtime.block_on(round) {
                    Ok(plain) if plain == b"canary" => {}
                    Ok(_) => canary
                        .unknowns
                        .push("the key gave back something else than was encrypted".to_owned()),
                    Err(error) if error.error.starts_with("AccessDenied") => {}
                    Err(error) => canary.unknowns.push(error.to_string()),
                }
            }
            Ok(canary)
        }
    }

    /// Objects of each bucket that are looked at.
    const SAMPLE: u16 = 20;

    /// A use that failed since the key is disabled, of an event of CloudTrail's.
    fn failure(event: &Value, at: i64) -> Option<Use> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let error = text("/errorCode")?;
        // An access that was denied would have been denied before, too.
        let by_state = [
            "Disabled",
            "DisabledException",
            "KMSInvalidState",
            "KMSInvalidStateException",
            "KeyUnavailableException",
        ];
        if !by_state.contains(&error) {
            return None;
        }
        let name = text("/eventName")?;
        if !lockfast_access::kms::is_cryptography(&format!("kms:{name}"))
            && name != "ReEncrypt"
            && name != "CreateGrant"
        {
            return None;
        }
        Some(Use {
            at: Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH),
            principal: text("/userIdentity/arn")
                .or(text("/userIdentity/invokedBy"))
                .unwrap_or("somebody")
                .to_owned(),
            operation: name.to_owned(),
            context: match text("/userIdentity/invokedBy").or(text("/sourceIPAddress")) {
                Some(via) => format!("via {via} ({error})"),
                None => error.to_owned(),
            },
        })
    }
}
