use crate::prelude::*;
use lockfast_facts::nouns::resolve_key;

control! {
    /// A bucket's default encryption is for new objects; those that were there before keep the key that they were written
    /// with, or none where they are older than 5 January 2023 (Amazon S3 User Guide, "Setting default server-side
    /// encryption behavior for Amazon S3 buckets"). `scan --sample-objects` asks some objects of each bucket; each must be
    /// encrypted as the bucket says now, or with a KMS key where the bucket asks for SSE-S3 only. Without a sample a bucket
    /// passes that asks for SSE-S3 and was made after that day, since S3 has encrypted everything in it; any other is
    /// unknown. A sample says nothing of the objects that are not in it: the pass says how many were.
    id: "s3-objects-as-asked",
    title: "Objects are encrypted as their bucket asks, the older ones too",
    clauses: ["S3-2"],
    sources: [Live],
    severity: Medium,
    fix: "Write the objects again with the bucket's key: S3 Batch Operations, operation Copy, over an S3 Inventory report with the encryption status; see to those that are not encrypted first.",
    cloudformation: r#"# Lists the objects with how each is encrypted, for S3 Batch Operations to copy.
InvoicesBucket:
  Type: AWS::S3::Bucket
  Properties:
    InventoryConfigurations:
      - Id: encryption
        Enabled: true
        IncludedObjectVersions: Current
        ScheduleFrequency: Weekly
        OptionalFields: [EncryptionStatus, LastModifiedDate]
        Destination: {BucketArn: !GetAtt ReportsBucket.Arn, Format: CSV}
"#,
    cdk: r#"invoices.addInventory({
  destination: { bucket: reports },
  frequency: s3.InventoryFrequency.WEEKLY,
  optionalFields: ['EncryptionStatus', 'LastModifiedDate'],
});
"#,
}

/// Since this day S3 encrypts every new object (Amazon S3 User Guide, "Amazon S3 now automatically encrypts all new objects").
const ALWAYS_SINCE: &str = "2023-01-05";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("bucket") {
        let subject = store.subject(cx.inventory);
        if &*subject.resource.kind != "AWS::S3::Bucket" {
            continue;
        }
        let judgement = match subject.at("SampledObjects").list() {
            Read::Found(groups, loc) => sampled(cx, store, groups)
                .at(loc)
                .stated("objects sampled", total(groups).to_string(), loc),
            Read::Unknown(why, _) => Judgement::cannot_tell(store, "how its objects are encrypted", &why),
            Read::Absent(_) => not_sampled(store, subject),
        };
        out.push(judgement.fact_as("default encryption", &store.protection, |p| {
            p.label(cx.inventory)
        }));
    }
}

fn not_sampled(store: &Store, subject: Subject<'_>) -> Judgement {
    let made = subject.at("CreationDate").string().found();
    let always = made.is_some_and(|made| &*made > ALWAYS_SINCE);
    match store.protection.value() {
        Some(Protection::SseS3) if always => Judgement::pass(
            store,
            "S3 has encrypted every object in it: the bucket is younger than that rule",
        ),
        _ => Judgement::unknown(
            store,
            "cannot tell how objects are encrypted that are older than the bucket's setting: none was looked at",
        )
        .note("scan --sample-objects 20 looks at some of each bucket"),
    }
}

/// Judges what some objects say; those that are alike come together.
fn sampled(cx: &Cx<'_>, store: &Store, groups: &[Value]) -> Judgement {
    let all = total(groups);
    let (mut plain, mut other, mut unknown) = (0, 0, None);
    for group in groups {
        match of_group(cx, store, group) {
            Ok(Kept::AsAsked) => {}
            Ok(Kept::Otherwise) => other += count(group),
            Ok(Kept::Plain) => plain += count(group),
            Err(why) => unknown = Some(why),
        }
    }
    if plain > 0 {
        return Judgement::fail(store, format!("{plain} of {all} objects looked at are not encrypted"));
    }
    if other > 0 {
        return Judgement::fail(
            store,
            format!("{other} of {all} objects looked at are encrypted otherwise than the bucket asks now"),
        );
    }
    match unknown {
        Some(why) => Judgement::cannot_tell(store, "whether its objects have the bucket's key", &why),
        None if all == 0 => Judgement::pass(store, "it holds no objects"),
        None => Judgement::pass(store, format!("the {all} objects looked at are encrypted as the bucket asks")),
    }
}

/// How objects are encrypted, beside what the bucket asks.
enum Kept {
    AsAsked,
    Otherwise,
    Plain,
}

fn of_group(cx: &Cx<'_>, store: &Store, group: &Value) -> Result<Kept, Arc<Why>> {
    let algorithm = match group.at("SSEAlgorithm").string() {
        Read::Found(algorithm, _) => algorithm,
        Read::Unknown(why, _) => return Err(why),
        Read::Absent(_) => return Ok(Kept::Plain),
    };
    let asked = match &store.protection {
        Known::Unknown(why, _) => return Err(why.clone()),
        known => known.value(),
    };
    let with_kms = algorithm.starts_with("aws:kms");
    let target = match asked {
        // More than the bucket asks is not less.
        Some(Protection::SseS3) => return Ok(Kept::AsAsked),
        Some(Protection::Customer(key)) if with_kms => key.target.clone(),
        Some(Protection::AwsManaged(alias)) if with_kms => KeyTarget::AwsManaged(alias.clone()),
        _ => return Ok(Kept::Otherwise),
    };
    let Read::Found(key, _) = group.at("KMSMasterKeyID") else {
        return Err(Arc::new(Why::NotGiven("the objects' key".into())));
    };
    let user = cx.inventory.resource(store.resource);
    let own = resolve_key(cx.inventory, user, key)?;
    Ok(match own.target == target {
        true => Kept::AsAsked,
        false => Kept::Otherwise,
    })
}

fn count(group: &Value) -> i64 {
    group.at("Count").int().found().unwrap_or(1)
}

fn total(groups: &[Value]) -> i64 {
    groups.iter().map(count).sum()
}
