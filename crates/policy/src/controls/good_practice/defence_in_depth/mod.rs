use crate::judgement::{About, Verdict};
use crate::controls::data_at_rest::inherited::effective;
use crate::prelude::*;
use crate::strangers;
use lockfast_access::{Policy, Principal, Request, Resource as Target, Three};
use lockfast_facts::Origin;
use std::collections::HashMap;

control! {
    /// For every confidential or restricted store, counts the layers that protect it: encryption at
    /// rest with a customer managed key, encryption in transit, and access from inside only. In
    /// transit, AWS APIs are HTTPS; a bucket needs a policy that refuses plain HTTP, a database, cache
    /// or search domain a setting that forces TLS (the controls of S3-4 and DBL-3 decide), a file
    /// system a policy that refuses clients without TLS. Access: a bucket blocks public access, a
    /// database is not publicly accessible, and no resource policy lets principals of every account read or
    /// write. An instance that says neither whether it is nor in which subnet group it lies is unknown.
    /// A snapshot of an account is as sensitive as what it is of, unless a tag or rule says; it must be shared with
    /// nobody but the accounts of `access.trusted_accounts` in `lockfast.toml`; one that everybody may copy and that
    /// nothing classifies is unknown. All three layers must hold; one that cannot be known leaves the store undecided.
    id: "defence-in-depth",
    title: "Sensitive data is protected at rest, in transit and by access, all three",
    clauses: ["BP-1"],
    severity: Medium,
    fix: "Add the layer that is missing: a customer managed key, enforced TLS, or closed public access. Take back what a snapshot is shared with, and treat what was public as read.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  PublicAccessBlockConfiguration:
    {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
"#,
    cdk: r#"new s3.Bucket(this, 'Invoices', {
  encryptionKey: key,
  enforceSSL: true,
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
});
"#,
}

/// A layer holds, is missing, or is not knowable, because.
enum Layer {
    Holds,
    Missing(String),
    Unknown(String),
}

/// The stores that are protected in layers, beside copies that can be [`SHARED`]; the rest is other copies, code and
/// settings of other things.
const NOUNS: [&str; 14] = [
    "bucket", "database", "table", "queue", "topic", "time-series", "secret", "file-system", "cache", "cache-group",
    "stream", "search", "warehouse", "broker",
];

/// Copies that accounts hold, where each says whom it is shared with, and what it is a copy of. Automated ones do not
/// say: they cannot be shared (Amazon RDS User Guide, "Sharing a DB snapshot").
const SHARED: [(&str, &str, &str); 4] = [
    ("AWS::EC2::Snapshot", "CreateVolumePermissions.*", "VolumeId"),
    ("AWS::RDS::DBSnapshot", "SharedWith.*", "DBInstanceIdentifier"),
    ("AWS::RDS::ClusterSnapshot", "SharedWith.*", "DBClusterIdentifier"),
    ("AWS::Redshift::Snapshot", "AccountsWithRestoreAccess.*", "ClusterIdentifier"),
];

fn shared_copy(store: &Store) -> Option<&'static (&'static str, &'static str, &'static str)> {
    SHARED.iter().find(|(kind, _, _)| *kind == store.spec.name)
}

/// A store's classification; that of its source for a copy that has none.
fn classification<'a>(cx: &'a Cx<'_>, store: &Store) -> &'a Known<Classification> {
    let own = cx.classification(store.resource);
    if let (None, Some((_, _, of))) = (own.value(), shared_copy(store))
        && let Read::Found(named, _) = store.subject(cx.inventory).at(of)
        && let Some((source, _)) = cx.inventory.target(named)
    {
        return cx.classification(source.id);
    }
    own
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let sensitive = |store: &&Store| {
        (NOUNS.contains(&store.spec.noun.as_str()) || shared_copy(store).is_some())
            && store.part.is_empty()
            && classification(cx, store).value().is_some_and(|c| c.is_sensitive())
    };
    out.extend(cx.inventory.stores().iter().filter_map(|store| public_copy(cx, store)));
    let stores: Vec<&Store> = cx.inventory.stores().iter().filter(sensitive).collect();
    if stores.is_empty() {
        return;
    }
    let transit = Transit::of(cx);
    for store in stores {
        let subject = store.subject(cx.inventory);
        let layers = [at_rest(cx, store), transit.of_store(subject, store), access(cx, subject, store)];
        let missing: Vec<&str> = layers
            .iter()
            .filter_map(|l| match l {
                Layer::Missing(what) => Some(what.as_str()),
                _ => None,
            })
            .collect();
        let unknown = layers.iter().find_map(|l| match l {
            Layer::Unknown(what) => Some(what),
            _ => None,
        });
        let judgement = match (missing.as_slice(), unknown) {
            ([], None) => Judgement::pass(store, "it is protected at rest, in transit and by access"),
            ([], Some(what)) => Judgement::unknown(store, format!("cannot tell {what}")),
            (missing, _) => Judgement::fail(store, missing.join("; ")),
        };
        out.push(
            judgement
                .fact_as("key", &store.protection, |p| p.label(cx.inventory))
                .fact("classification", classification(cx, store)),
        );
    }
}

fn at_rest(cx: &Cx<'_>, store: &Store) -> Layer {
    match &effective(cx, store) {
        Known::Unknown(why, _) => Layer::Unknown(format!("its encryption at rest: {why}")),
        known if known.value().is_some_and(|p| p.customer_key().is_some()) => Layer::Holds,
        _ if cx.holds_access_logs(store) => Layer::Holds,
        _ => Layer::Missing("at rest no customer managed key protects it".into()),
    }
}

/// What the controls of data in transit say of each store.
struct Transit(HashMap<ResourceId, Vec<Judgement>>);

impl Transit {
    fn of(cx: &Cx<'_>) -> Self {
        let mut by_store: HashMap<ResourceId, Vec<Judgement>> = HashMap::new();
        for id in ["s3-refuses-plain-http", "database-forces-tls"] {
            let judgements = crate::control::find(id).map(|c| c.judgements(cx)).unwrap_or_default();
            for judgement in judgements {
                if let About::Resource(store) = judgement.about {
                    by_store.entry(store).or_default().push(judgement);
                }
            }
        }
        Transit(by_store)
    }

    fn of_store(&self, subject: Subject<'_>, store: &Store) -> Layer {
        let said = self.0.get(&store.resource).into_iter().flatten();
        let worst = said.filter(|j| j.when.compatible(&store.when)).max_by_key(|j| j.verdict);
        match (worst, store.spec.noun.as_str()) {
            (Some(j), _) => match j.verdict {
                Verdict::Fail => Layer::Missing(format!("in transit {}", j.message)),
                Verdict::Unknown => Layer::Unknown(format!("how it is protected in transit: {}", j.message.trim_start_matches("cannot tell "))),
                _ => Layer::Holds,
            },
            // Members of a cluster have its parameters, and nothing judges what is no bucket of one's own.
            (None, "database") if !subject.at("DBClusterIdentifier").is_absent() => Layer::Holds,
            (None, "file-system") if subject.kind() == "AWS::EFS::FileSystem" => file_system(subject),
            (None, "bucket" | "database" | "cache" | "warehouse" | "file-system" | "search") => {
                Layer::Unknown("whether plaintext is refused in transit".into())
            }
            // Reached by AWS's own APIs, which are HTTPS.
            (None, _) => Layer::Holds,
        }
    }
}

/// Amazon EFS User Guide, "Using IAM to control access to file systems".
fn file_system(subject: Subject<'_>) -> Layer {
    match Policy::from_read(subject.at("FileSystemPolicy")) {
        None => Layer::Missing("in transit no file system policy refuses clients without TLS".into()),
        Some(policy) => {
            let plain = Request::new(Principal::arbitrary(), "elasticfilesystem:ClientMount", Target::id(subject.id()))
                .with("aws:SecureTransport", "false");
            match policy.evaluate(&plain).denied {
                Three::Yes => Layer::Holds,
                Three::No => Layer::Missing("in transit its file system policy does not refuse clients without TLS".into()),
                Three::Maybe => Layer::Unknown("whether its file system policy refuses clients without TLS".into()),
            }
        }
    }
}

fn access(cx: &Cx<'_>, subject: Subject<'_>, store: &Store) -> Layer {
    if let Some((_, sharing, _)) = shared_copy(store) {
        return shared(cx, subject, sharing);
    }
    match store.spec.noun.as_str() {
        "bucket" => bucket(cx, subject),
        "database" | "warehouse" | "broker" => public(cx, subject),
        "search" => match (subject.at("VPCOptions"), Policy::from_read(subject.at("AccessPolicies"))) {
            (Read::Absent(_), None) => Layer::Missing("by access it stands outside a VPC, without an access policy".into()),
            (Read::Absent(_), Some(policy)) => by_policy(&policy, &["es:ESHttpGet", "es:ESHttpPut"]),
            _ => Layer::Holds,
        },
        "queue" => attached(cx, subject, &["sqs:ReceiveMessage", "sqs:SendMessage"]),
        "topic" => attached(cx, subject, &["sns:Subscribe", "sns:Publish"]),
        "secret" => attached(cx, subject, &["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]),
        "stream" => attached(cx, subject, &["kinesis:GetRecords", "kinesis:PutRecord"]),
        "table" => match Policy::from_read(subject.at("ResourcePolicy.PolicyDocument")) {
            Some(policy) => by_policy(&policy, &["dynamodb:GetItem", "dynamodb:PutItem"]),
            None => Layer::Holds,
        },
        _ => Layer::Holds,
    }
}

/// Whom a snapshot is shared with: `all` is every account, others are ids of accounts.
fn shared(cx: &Cx<'_>, subject: Subject<'_>, sharing: &str) -> Layer {
    let own = cx.inventory.stack_of(subject.resource).place.account.as_deref();
    let mut open = Layer::Holds;
    for read in subject.each(sharing) {
        let with = match &read {
            Read::Found(Value { kind: Kind::Map(_), .. }, _) => {
                let of = |name| read.clone().then(|value, _| value.at(name)).string();
                match of("Group") {
                    Read::Absent(_) => of("UserId"),
                    group => group,
                }
            }
            _ => read.string(),
        };
        match with {
            Read::Found(with, _) if with == "all" => {
                return Layer::Missing("by access it is shared with every AWS account".into());
            }
            Read::Found(with, _)
                if own != Some(&*with) && !cx.config.access.trusted_accounts.contains(&with) =>
            {
                open = Layer::Missing(format!("by access it is shared with account {with}, which is not trusted"));
            }
            Read::Absent(_) if may_be_shared(subject) => {
                open = Layer::Unknown("whom it is shared with: the account does not say".into());
            }
            Read::Unknown(why, _) if !matches!(open, Layer::Missing(_)) => {
                open = Layer::Unknown(format!("whom it is shared with: {why}"));
            }
            _ => {}
        }
    }
    open
}

/// A snapshot that must say whom it is shared with, if it is with nobody: the list of Redshift's says so by having none.
fn may_be_shared(snapshot: Subject<'_>) -> bool {
    match snapshot.kind() {
        "AWS::EC2::Snapshot" => true,
        "AWS::Redshift::Snapshot" => false,
        _ => snapshot.at("SnapshotType").string().found().as_deref() == Some("manual"),
    }
}

/// A snapshot that every account may copy, and of which nobody said how sensitive it is.
fn public_copy(cx: &Cx<'_>, store: &Store) -> Option<Judgement> {
    let (_, sharing, _) = shared_copy(store)?;
    let Known::Unknown(why, _) = classification(cx, store) else {
        return None;
    };
    let subject = store.subject(cx.inventory);
    let all = |read: Read<&Value>| {
        let group = read.clone().then(|value, _| value.at("Group")).string().found();
        group.or(read.string().found()).as_deref() == Some("all")
    };
    subject.each(sharing).into_iter().any(all).then(|| {
        Judgement::cannot_tell(store, "whether this is sensitive, and it is shared with every AWS account", why)
            .fix("Take back what it is shared with, or classify what is in it as public.")
    })
}

/// Since April 2023 new buckets block public access; a configuration that is written blocks what it
/// names, and a flag that it leaves out is off (Amazon S3 User Guide, "Blocking public access").
///
/// A live bucket without a configuration blocks nothing.
fn bucket(cx: &Cx<'_>, subject: Subject<'_>) -> Layer {
    if subject.at("PublicAccessBlockConfiguration").is_absent() {
        return match cx.inventory.origin() {
            Origin::Templates | Origin::Network | Origin::Logs => Layer::Holds,
            Origin::Live => Layer::Missing("by access nothing blocks public access".into()),
        };
    }
    for flag in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] {
        match subject.at(&format!("PublicAccessBlockConfiguration.{flag}")).bool() {
            Read::Found(true, _) => {}
            Read::Unknown(why, _) => return Layer::Unknown(format!("whether public access is blocked: {why}")),
            _ => return Layer::Missing(format!("by access {flag} is off")),
        }
    }
    Layer::Holds
}

/// Whether a database, or a member of its cluster, is publicly accessible.
fn public(cx: &Cx<'_>, subject: Subject<'_>) -> Layer {
    let members = cx
        .inventory
        .referrers(subject.id())
        .filter(|r| r.kind.ends_with("::DBInstance"))
        .flat_map(|r| cx.inventory.variants_of(r.id))
        .filter(|member| member.variant.when.compatible(&subject.variant.when));
    for one in std::iter::once(subject).chain(members) {
        match one.at("PubliclyAccessible").bool() {
            Read::Found(true, _) => return Layer::Missing("by access it is reachable from the internet".into()),
            Read::Unknown(why, _) => return Layer::Unknown(format!("whether it is publicly accessible: {why}")),
            Read::Absent(_) if default_vpc_decides(one) => {
                return Layer::Unknown(
                    "whether it is publicly accessible: without PubliclyAccessible and a subnet group the default VPC decides".into(),
                );
            }
            _ => {}
        }
    }
    Layer::Holds
}

/// True of an instance in whatever VPC the account has by default: it is publicly accessible when that has
/// an internet gateway (Amazon RDS API Reference, "CreateDBInstance"). Members and replicas go by others.
fn default_vpc_decides(instance: Subject<'_>) -> bool {
    let from_others = ["DBSubnetGroupName", "DBClusterIdentifier", "SourceDBInstanceIdentifier"];
    instance.kind() == "AWS::RDS::DBInstance" && from_others.iter().all(|property| instance.at(property).is_absent())
}

/// The resource policies that are attached to a store.
fn attached(cx: &Cx<'_>, subject: Subject<'_>, actions: &[&str]) -> Layer {
    const KINDS: [(&str, &str); 6] = [
        ("AWS::SQS::QueuePolicy", "PolicyDocument"),
        ("AWS::SQS::QueueInlinePolicy", "PolicyDocument"),
        ("AWS::SNS::TopicPolicy", "PolicyDocument"),
        ("AWS::SNS::TopicInlinePolicy", "PolicyDocument"),
        ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
        ("AWS::Kinesis::ResourcePolicy", "ResourcePolicy"),
    ];
    let mut open = Layer::Holds;
    for referrer in cx.inventory.referrers(subject.id()) {
        let Some((_, property)) = KINDS.iter().find(|(kind, _)| *kind == &*referrer.kind) else {
            continue;
        };
        for variant in cx.inventory.variants_of(referrer.id) {
            if let Some(policy) = Policy::from_read(variant.at(property))
                && variant.variant.when.compatible(&subject.variant.when)
            {
                match by_policy(&policy, actions) {
                    Layer::Holds => {}
                    Layer::Missing(what) => return Layer::Missing(what),
                    unknown => open = unknown,
                }
            }
        }
    }
    open
}

fn by_policy(policy: &Policy, actions: &[&str]) -> Layer {
    let allows = |action: &&str| strangers::allows(policy, &strangers::request(action, Target::any()));
    match actions.iter().map(allows).fold(Three::No, Three::or) {
        Three::Yes => Layer::Missing("by access its policy lets principals of every account in".into()),
        Three::Maybe => Layer::Unknown("whom its policy lets in".into()),
        Three::No => Layer::Holds,
    }
}
