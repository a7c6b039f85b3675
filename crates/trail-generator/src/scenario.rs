//! What can happen beside the ordinary.

use std::fmt;
use std::str::FromStr;

macro_rules! scenarios {
    ($($name:ident $kebab:literal $kinds:expr, $title:literal, $sentence:literal;)*) => {
        /// What can happen beside the ordinary: attacks, and at the end look-alikes that are none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scenario {
            $(#[doc = $sentence] $name,)*
        }

        impl Scenario {
            /// All of them.
            pub const ALL: &[Scenario] = &[$(Scenario::$name),*];

            /// Its name, as `decrypt-burst`.
            pub fn name(self) -> &'static str {
                match self { $(Scenario::$name => $kebab),* }
            }

            /// Its title.
            pub fn title(self) -> &'static str {
                match self { $(Scenario::$name => $title),* }
            }

            /// What happens, in a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Scenario::$name => $sentence),* }
            }

            /// What a detector should call it, one of these at least; `benign` when it should not be called anything.
            pub fn kinds(self) -> &'static [&'static str] {
                match self { $(Scenario::$name => &$kinds),* }
            }
        }
    };
}

scenarios! {
    DecryptBurst "decrypt-burst" ["burst"], "A burst of Decrypt",
        "A role that decrypts all day decrypts many times as much within an hour.";
    NewPrincipal "new-principal" ["new-principal"], "A new principal decrypts",
        "A role that never used a key begins to decrypt with it.";
    NewNetwork "new-network" ["new-network", "new-user-agent"], "From a new network",
        "A role's credentials are used from another network, with another tool.";
    NewRegion "new-region" ["new-region"], "In a new region",
        "A role uses the replica of its key in a region where nobody ever worked.";
    AfterSilence "after-silence" ["first-after-silence"], "After long silence",
        "A role that used a key in the first days only decrypts with it again.";
    Enumeration "enumeration" ["enumeration", "access-denied"], "Keys are enumerated",
        "A stolen session lists keys and aliases and asks for the policy of each key; most of it is denied.";
    DeniedSpike "denied-spike" ["access-denied"], "A spike of AccessDenied",
        "A role tries to decrypt with the keys of others and is denied, again and again.";
    DataKeyHarvest "data-key-harvest" ["data-key-harvest", "burst"], "Data keys are harvested",
        "Thousands of data keys are generated with a key that seldom makes one.";
    BulkSecrets "bulk-secrets" ["burst", "enumeration"], "All secrets are read",
        "A developer's session lists all secrets and reads each of them within minutes.";
    NewContext "new-context" ["new-context"], "An encryption context never seen",
        "A role decrypts with a context that its key was never used with.";
    NoServiceUse "no-service-use" ["no-service-use", "new-context"], "Decrypt without its service",
        "What S3 encrypted is decrypted by direct calls, without a request to S3.";
    KeyDeletion "key-deletion" ["key-deletion", "new-network"], "A key's deletion is scheduled",
        "Stolen credentials schedule the deletion of a key, after the shortest window.";
    KeyDisabled "key-disabled" ["key-disabled"], "A key is disabled",
        "A key in use is disabled, and what uses it fails.";
    PolicyOpened "policy-opened" ["key-policy", "outside-account"], "A key policy is opened",
        "A key policy begins to allow an account outside, which then decrypts.";
    OutsideGrant "outside-grant" ["grant", "outside-account"], "A grant to an outsider",
        "A role of an account outside is granted Decrypt, and uses it.";
    MaterialDeleted "material-deleted" ["material-deleted"], "Imported material is deleted",
        "The imported key material of a key is deleted, and other material is imported.";
    RotationDisabled "rotation-disabled" ["rotation-disabled"], "Rotation is disabled",
        "The rotation of keys is turned off, and that of a secret cancelled.";
    TrailStopped "trail-stopped" ["trail-stopped"], "The trail is narrowed and stopped",
        "The events of AWS KMS are excluded from a trail, and then it is stopped.";
    ForbiddenReplica "forbidden-replica" ["replica", "new-region"], "A replica where none may be",
        "A multi-Region key is replicated into a region that nobody uses.";
    Ransomware "ransomware" ["ransomware", "outside-account"], "Objects are encrypted anew",
        "Objects are overwritten by copies under a foreign account's key and with keys that nobody else has (SSE-C).";
    LoginWithoutMfa "login-without-mfa" ["login-without-mfa", "new-network", "new-principal"], "A login without MFA",
        "A user who always has MFA signs in to the console without, and decrypts.";
    SlowExfiltration "slow-exfiltration" ["slow-exfiltration", "burst"], "A little more each day",
        "A role decrypts a little more each day, until it is many times as much.";
    Release "release" ["benign"], "A release",
        "A new release doubles what a role decrypts on one day.";
    NewDeployment "new-deployment" ["benign"], "A new deployment's role",
        "A stack is deployed anew, and its role has the old one's name but for the suffix.";
    MonthlyBatch "monthly-batch" ["benign"], "A monthly batch",
        "A batch job that runs once a month runs again.";
}

impl Scenario {
    /// True when nothing is wrong with it: whoever alerts was wrong.
    pub fn is_benign(self) -> bool {
        self.kinds() == ["benign"]
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {0:?}")]
pub struct NoScenario(pub String);

impl FromStr for Scenario {
    type Err = NoScenario;

    fn from_str(name: &str) -> Result<Self, NoScenario> {
        let found = Scenario::ALL.iter().find(|it| it.name() == name);
        found.copied().ok_or_else(|| NoScenario(name.into()))
    }
}
