//! The types of what CloudTrail's logs tell. CloudFormation has none for them.
//!
//! Whatever reads logs puts these resources beside what else is known ([`crate::Inventory::beside`]), and says by
//! [`crate::Origin::Logs`] that there is nothing else, or by [`crate::Inventory::only_logs`] that what else there is only
//! explains them. They lie in the stack of the account and region whose log files told of them; its place must say both where
//! there are both. Their name says all of where they are, and is the same in every run: waivers and fingerprints rest on it.
//! Their place names the log file and the byte in it where one event decides, and the folder or bucket otherwise.
//!
//! A list is always written: an empty one says that there is none, and one that is missing that nobody looked. Every number
//! counts what the logs hold; one that is missing was not counted. Days are `YYYY-MM-DD`, times RFC 3339 in UTC. Principals are
//! the ARN of the user or of the role behind a session, or the name of a service (`rds.amazonaws.com`). `Error` is CloudTrail's
//! `errorCode`, and missing where the call succeeded. `File` and `Offset` are the log file of an event and the byte of its
//! text, inflated, at which the event begins.

/// The log files of an account and region, named `ACCOUNT/REGION`.
///
/// | property | |
/// |---|---|
/// | `From`, `Until` | the first and the last day of which there are files, both inclusive |
/// | `Days` | how many days that is |
/// | `MissingDays` | the days in between of which there is no file |
/// | `ManagementEvents`, `DataEvents` | how many events of either kind there are |
/// | `KmsEvents`, `SecretsManagerEvents`, `ParameterEvents` | how many events there are of KMS, of Secrets Manager, and of Systems Manager about parameters |
/// | `UnreadFiles` | how many files could not be read to their end |
/// | `Integrity` | what digest files say: `Digests` (how many were read), `Signed` (of how many the signature was verified), `Findings` (each with `File`, `Wrong` and `Why`); missing where nobody verified |
/// | `Analysed` | when anomalies were looked for: `On` (the day), `Alerts` (how many there were); missing where nobody looked |
/// | `QuarterlyReport` | the last quarterly report of key access that the ledger has: `On` (the day it was made), `Until` (the last day it is of); missing where none is known |
/// | `Monitors` | whether alarms or rules on key operations are deployed; missing where that is not known |
pub const LOGS: &str = "Lockfast::CloudTrail::Logs";

/// A KMS key that events name, named by its ARN.
///
/// | property | |
/// |---|---|
/// | `Arn` | its ARN |
/// | `KeyAccount` | the account it belongs to |
/// | `Uses` | how many cryptographic operations were asked for, those refused too |
/// | `LastUse` | when it was last used |
/// | `Principals` | who used it: `Principal`, `Account`, `Service` (whether that is an AWS service), `Uses` (those refused too), `Refused`, `CrossAccount` (whether from another account than the key's), `Operations`, `First`, `Last` |
/// | `Administration` | management calls, those refused too: `EventId`, `Time`, `Operation`, `Principal`, `Error`, `File`, `Offset` |
/// | `Deletions` | calls that delete or disable it (`ScheduleKeyDeletion`, `DisableKey`, `DeleteImportedKeyMaterial`): the same, and `Approved`, whether the ledger holds the approval; missing where no ledger was given |
/// | `Rotations` | `Time`, `Operation` (`RotateKey`, which AWS does, or `RotateKeyOnDemand`), `Error` |
/// | `Replicas` | replicas that were made of it: `Time`, `Region`, `Principal`, `EventId` |
/// | `UnusedPermissions` | who may do what with it by the policies of a snapshot and did not: `Principal`, `Action`, `Days` (for how long); missing where there is no snapshot, or the logs are of fewer days |
pub const KEY: &str = "Lockfast::CloudTrail::Key";

/// A secret or parameter that events name, named by its ARN, or by `ACCOUNT/REGION/NAME` where no event tells that.
///
/// | property | |
/// |---|---|
/// | `Name` | its name or ARN |
/// | `Kind` | `secret` or `parameter` |
/// | `Reads` | how often it was read, those refused too |
/// | `Readers` | who read it: `Principal`, `Reads` (those refused too), `Refused`, `New` (whether there were none before the last days), `First`, `Last` |
/// | `Changed` | when its value was last changed; missing where the logs do not tell |
pub const SECRET: &str = "Lockfast::CloudTrail::Secret";

/// What a principal called of a service, named `PRINCIPAL calls SERVICE`.
///
/// | property | |
/// |---|---|
/// | `Principal` | who called |
/// | `Service` | what was called: `dynamodb.amazonaws.com` |
/// | `FromLambda` | whether the calls come from Lambda functions |
/// | `Calls` | how many calls there were |
/// | `BelowTls12` | how many of them over TLS 1.0 or 1.1 |
/// | `NoForwardSecrecy` | how many with a suite without forward secrecy |
/// | `PlainHttp` | how many without TLS |
/// | `NotTold` | how many of which CloudTrail does not tell (no `tlsDetails`): a service's own, among others |
/// | `UserAgents` | what it called itself in the calls that are protected too little, or in all where none is |
/// | `SourceAddresses` | where these came from: addresses, or names of services; may be missing |
/// | `First`, `Last` | when |
/// | `Example` | the weakest of them: `EventId`, `File`, `Offset` |
pub const CALLER: &str = "Lockfast::CloudTrail::Caller";

/// Something unusual, or something that a detection matched, named by a fingerprint of what it is about.
///
/// | property | |
/// |---|---|
/// | `Kind` | `anomaly` or `detection` |
/// | `What` | what it is, in kebab case: `trail-stopped`, `new-reader-of-secret` |
/// | `Title` | the same in a few words |
/// | `Severity` | `informational`, `low`, `medium`, `high` or `critical` |
/// | `Principal` | who did it |
/// | `Subject` | what it was done to: an ARN or a name |
/// | `Key` | the ARN of the key that it is about, if it is about one |
/// | `From`, `Until` | when |
/// | `Why` | what is unusual, with the numbers |
/// | `EventIds` | the events |
/// | `Quieted` | whether somebody looked at it and said that it is no matter |
/// | `Reason` | why, as they said |
/// | `Tags` | of MITRE ATT&CK |
pub const ALERT: &str = "Lockfast::CloudTrail::Alert";

/// All of them.
pub const KINDS: [&str; 5] = [LOGS, KEY, SECRET, CALLER, ALERT];

/// True for a type of what logs tell.
pub fn is_told_by_logs(kind: &str) -> bool {
    kind.starts_with("Lockfast::CloudTrail::")
}
