//! What to scan, and how.

use std::path::PathBuf;
use std::time::Duration;

/// What to scan, and how.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// A profile of the shared AWS configuration; the default credential chain when absent.
    pub profile: Option<String>,
    /// The regions; all that an account has opted in to when empty.
    pub regions: Vec<String>,
    /// The services, by IAM prefix; all when empty.
    pub services: Vec<String>,
    /// Accounts beside the one of the credentials, in each of which a role is assumed.
    pub accounts: Vec<String>,
    /// Every active account of the organisation.
    pub organization: bool,
    /// The role in other accounts.
    pub role: AccountRole,
    /// A second factor for the credentials.
    pub mfa: Option<Mfa>,
    /// Another endpoint in place of AWS's own, for all services.
    pub endpoint_url: Option<String>,
    /// Whether that endpoint gets no more requests than AWS's own would.
    pub keep_budgets: bool,
    /// Requests per second over all services, at most.
    pub max_rps: Option<u32>,
    /// How calls are repeated.
    pub retries: Retries,
    /// Pages of one list, at most: a service that never ends its list must not hold up the scan. With the smallest
    /// pages, of 50 items, the usual 20,000 are more than an account may own of anything.
    pub max_pages: u32,
    /// Objects of each bucket that are asked how they are encrypted, at most; none when 0. Nothing else needs to read data.
    pub sample_objects: u16,
    /// Whether each key is asked when it was last used: a call a key more.
    pub key_last_use: bool,
    /// Where the snapshot is written.
    pub output: PathBuf,
    /// Whether to go on with a scan that was cut off.
    pub resume: bool,
    /// The time the scan says it started at (RFC 3339, UTC).
    pub taken: String,
    /// Covers the secrets in the value of a name, such as an environment variable's: what it gives is written to
    /// the snapshot in the value's place.
    pub cover: fn(name: &str, value: &str) -> String,
}

/// The role assumed in other accounts.
#[derive(Clone, Debug)]
pub struct AccountRole {
    /// Its name.
    pub name: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

/// A second factor (AWS Security Token Service API Reference: GetSessionToken).
#[derive(Clone, Debug)]
pub struct Mfa {
    /// The device's serial number or ARN.
    pub serial: String,
    /// The code it shows.
    pub code: String,
}

/// How calls are repeated.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Attempts of one call, the first included.
    pub attempts: u32,
    /// The first wait; it doubles from one attempt to the next.
    pub initial_backoff: Duration,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Retries {
            attempts: 8,
            initial_backoff: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(30),
        }
    }
}

impl ScanOptions {
    /// Everything the default credentials reach, written to a file.
    pub fn new(output: PathBuf, taken: String, cover: fn(&str, &str) -> String) -> Self {
        ScanOptions {
            profile: None,
            regions: Vec::new(),
            services: Vec::new(),
            accounts: Vec::new(),
            organization: false,
            role: AccountRole {
                name: "lockfast-audit".into(),
                external_id: None,
            },
            mfa: None,
            endpoint_url: None,
            keep_budgets: false,
            max_rps: None,
            retries: Retries::default(),
            max_pages: 20_000,
            sample_objects: 0,
            key_last_use: false,
            output,
            resume: false,
            taken,
            cover,
        }
    }
}
