//! What there is, and what it is called.

use std::ops::Range;

/// The number of the first account.
const FIRST: u64 = 100_000_000_001;

/// How much there is.
pub struct World {
    /// Accounts.
    pub accounts: u64,
    /// Resources in each account and region.
    pub resources: u64,
    /// Of each hundred resources so many are another way.
    pub changed: u64,
}

/// An account and region.
pub struct Place {
    /// Twelve digits.
    pub account: u64,
    /// Such as `eu-central-1`.
    pub region: String,
}

/// The kinds of resource that have tags, with their share of a hundred. KMS aliases, which have none, are as many as keys.
pub const SHARES: [(Kind, u64); 8] = [
    (Kind::Key, 5),
    (Kind::Volume, 30),
    (Kind::Snapshot, 20),
    (Kind::Group, 10),
    (Kind::LogGroup, 15),
    (Kind::Table, 5),
    (Kind::Secret, 5),
    (Kind::Queue, 5),
];

/// A kind of resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A KMS key.
    Key,
    /// An EBS volume.
    Volume,
    /// An EBS snapshot.
    Snapshot,
    /// A security group.
    Group,
    /// A log group.
    LogGroup,
    /// A DynamoDB table.
    Table,
    /// A secret of Secrets Manager.
    Secret,
    /// An SQS queue.
    Queue,
}

impl World {
    /// How many of a kind each account and region has.
    pub fn count(&self, kind: Kind) -> u64 {
        let share = SHARES.iter().find(|(of, _)| *of == kind);
        share.map_or(0, |(_, share)| self.resources * share / 100)
    }

    /// Whether the resource is another way than it was.
    pub fn is_changed(&self, index: u64) -> bool {
        index.wrapping_mul(37) % 100 < self.changed
    }

    /// The account that an access key of [`key_of`] is for; the first for any other.
    pub fn account_of_key(&self, key: &str) -> u64 {
        let account = key.strip_prefix("ASIA").and_then(|id| id.parse().ok());
        account.unwrap_or(FIRST)
    }

    /// All accounts.
    pub fn all_accounts(&self) -> Range<u64> {
        FIRST..FIRST + self.accounts
    }
}

/// The access key of a role in an account.
pub fn key_of(account: &str) -> String {
    format!("ASIA{account}")
}

impl Place {
    /// A number that no other account and region has.
    fn number(&self) -> u64 {
        let region = self.region.bytes().fold(0u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte)) & 0xffff
        });
        (self.account - FIRST) << 16 | region
    }

    /// Such as `vol-0000000000100abcd`.
    pub fn id(&self, prefix: &str, index: u64) -> String {
        format!("{prefix}-{:017x}", self.number() << 24 | index)
    }

    /// A key's id.
    pub fn key_id(&self, index: u64) -> String {
        format!("{:08x}-0000-4000-8000-{index:012x}", self.number())
    }

    /// `arn:aws:{service}:{region}:{account}:{rest}`.
    pub fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }

    /// A key's ARN: of the keys there are, the one whose turn it is.
    pub fn key(&self, world: &World, index: u64) -> String {
        let keys = world.count(Kind::Key).max(1);
        self.arn("kms", &format!("key/{}", self.key_id(index % keys)))
    }

    /// The ARN of a resource.
    pub fn arn_of(&self, kind: Kind, index: u64) -> String {
        match kind {
            Kind::Key => self.arn("kms", &format!("key/{}", self.key_id(index))),
            Kind::Volume => self.arn("ec2", &format!("volume/{}", self.id("vol", index))),
            // It names no account.
            Kind::Snapshot => format!(
                "arn:aws:ec2:{}::snapshot/{}",
                self.region,
                self.id("snap", index)
            ),
            Kind::Group => self.arn("ec2", &format!("security-group/{}", self.id("sg", index))),
            Kind::LogGroup => self.arn("logs", &format!("log-group:{}", log_group(index))),
            Kind::Table => self.arn("dynamodb", &format!("table/{}", table(index))),
            Kind::Secret => self.arn(
                "secretsmanager",
                &format!("secret:{}-AbCdEf", secret(index)),
            ),
            Kind::Queue => self.arn("sqs", &queue(index)),
        }
    }
}

/// A log group's name.
pub fn log_group(index: u64) -> String {
    format!("/aws/lambda/shop-{index:05}")
}

/// A table's name.
pub fn table(index: u64) -> String {
    format!("orders-{index:05}")
}

/// A secret's name.
pub fn secret(index: u64) -> String {
    format!("shop/database/{index:05}")
}

/// A queue's name.
pub fn queue(index: u64) -> String {
    format!("shop-events-{index:05}")
}

/// The tags of a resource.
pub fn tags(index: u64) -> [(&'static str, String); 3] {
    [
        ("Name", format!("shop-{index:05}")),
        ("team", format!("team-{}", index % 12)),
        (
            "environment",
            ["prod", "test", "dev"][index as usize % 3].into(),
        ),
    ]
}

/// A page of a list: which items, and the next page's token when there is one. A token is the number of the first item.
pub fn page(total: u64, size: u64, token: Option<&str>) -> (Range<u64>, Option<String>) {
    let first: u64 = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let end = total.min(first.saturating_add(size));
    (first..end, (end < total).then(|| end.to_string()))
}
