//! What a scan of AWS accounts found, in one file; and that file as facts.
//!
//! A snapshot is a sequence of JSON records, compressed with Zstandard (RFC 8878): a header, then for each
//! account, region and service a [`Unit`] with the calls made and the [`Found`] resources, and an end mark.
//! Resources have the shape of the CloudFormation registry schema of their type, as those of templates do, so
//! that the same controls judge both; what AWS tells beside it (`KeyState`, `NotAfter`) keeps the name it has in
//! the service's API. Everything is sorted: the same answers give the same bytes. No secret is ever in it.
//!
//! What a probe of endpoints found is kept alike: one unit of the service [`NETWORK`], and a resource of type
//! `Lockfast::Network::Endpoint` for each. So is what CloudTrail's logs tell (`lockfast_facts::trail`): units of the service
//! [`CLOUDTRAIL_LOGS`], whose resources name log files in the place of calls.
//!
//! This room knows no AWS SDK, so that snapshots are judged, compared and joined wherever Lockfast runs.
#![deny(missing_docs)]

mod compare;
mod endpoints;
mod facts;
mod links;
mod logs;
mod read;
mod record;
mod shared;
mod write;

pub use compare::{Change, Changes, Difference, What, compare};
pub use endpoints::with_endpoints;
pub use facts::{Loaded, load, load_all};
pub use links::{is_global, ref_is_arn};
pub use logs::with_logs;
pub use read::{Error, Reader, is_snapshot};
pub use record::{
    Account, CallCount, End, Failure, Found, Header, Record, Unit, record_schema, unknown,
};
pub use write::{Writer, compress_frame};

/// The version of the format that this Lockfast writes, and the latest it reads.
pub const FORMAT: u32 = 1;

/// The name of the resource that stands for those that could not be listed.
pub const GAP: &str = "*";

/// The service of the unit that endpoints are in. It belongs to no account and region.
pub const NETWORK: &str = "network";

/// The service of the units that what CloudTrail's logs tell is in, for each account and region one.
pub const CLOUDTRAIL_LOGS: &str = "cloudtrail-logs";

/// The type of AWS managed keys, for which CloudFormation has none: they are no customer's to configure, so
/// controls over `AWS::KMS::Key` must not see them.
pub const MANAGED_KEY: &str = "AWS::KMS::ManagedKey";
