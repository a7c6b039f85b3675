use super::cases::stores;
use crate::prelude::*;
use lockfast_facts::nouns::resolve_key;

control! {
    /// The memory store and the magnetic store of a table are encrypted with the database's key;
    /// records that magnetic writes reject go to an S3 bucket with an encryption of its own
    /// (`MagneticStoreRejectedDataLocation`). When the database has a customer managed key, the
    /// rejected records must have one too (not the AWS managed key `aws/s3`, which S3 takes when
    /// `KmsKeyId` is absent), or they leave its protection (Amazon Timestream Developer Guide, "Encryption at rest" and "Late arriving data").
    id: "timestream-stores-encrypted",
    title: "Timestream's memory store, magnetic store and rejected-data reports are encrypted alike",
    clauses: ["TS-3"],
    severity: Medium,
    fix: "Set EncryptionOption SSE_KMS and KmsKeyId of the rejected-data location to the database's key.",
    cloudformation: r#"Type: AWS::Timestream::Table
Properties:
  DatabaseName: !Ref Telemetry
  MagneticStoreWriteProperties:
    EnableMagneticStoreWrites: true
    MagneticStoreRejectedDataLocation:
      S3Configuration:
        BucketName: !Ref RejectedRecords
        EncryptionOption: SSE_KMS
        KmsKeyId: !GetAtt TelemetryKey.Arn
"#,
    cdk: r#"new timestream.CfnTable(this, 'Readings', {
  databaseName: telemetry.ref,
  magneticStoreWriteProperties: {
    EnableMagneticStoreWrites: true,
    MagneticStoreRejectedDataLocation: {
      S3Configuration: {
        BucketName: rejected.bucketName,
        EncryptionOption: 'SSE_KMS',
        KmsKeyId: telemetryKey.keyArn,
      },
    },
  },
});
"#,
}

const LOCATION: &str =
    "MagneticStoreWriteProperties.MagneticStoreRejectedDataLocation.S3Configuration";
const SSE_S3: ServiceDefault = ServiceDefault {
    doc: "Amazon Timestream Developer Guide: S3Configuration",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::Timestream::Table"]) {
        let database = match subject.at("DatabaseName") {
            Read::Found(value, loc) => (database_of(cx, subject.resource, value), loc),
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "the table's database", &why).at(loc));
                continue;
            }
            Read::Absent(_) => continue,
        };
        let (Some(database), loc) = database else {
            let message = "cannot tell how the stores are encrypted: the table's database is not in the input";
            out.push(Judgement::unknown(subject, message).at(database.1));
            continue;
        };
        for (case, database) in stores(cx, &subject.variant.when, database.id) {
            let Some(database) = database else {
                let message = "cannot tell how the stores are encrypted: the table's database is not made under the same conditions";
                out.push(Judgement::unknown(subject, message).at(loc).when(&case));
                continue;
            };
            out.push(of_table(cx, subject, database).when(&case));
            if let Some(judgement) = rejected(cx, subject, database) {
                out.push(judgement.part("rejected data").when(&case));
            }
        }
    }
}

fn database_of<'a>(cx: &Cx<'a>, table: &Resource, value: &Value) -> Option<&'a Resource> {
    if let Some((resource, _)) = cx.inventory.target(value) {
        return (&*resource.kind == "AWS::Timestream::Database").then_some(resource);
    }
    let name = cx.inventory.written_name(table.stack, &*value.at("").text().found()?)?;
    cx.inventory
        .named("AWS::Timestream::Database", "DatabaseName", &name)
        .find(|database| cx.inventory.same_place(table, database) != Some(false))
}

fn of_table(cx: &Cx<'_>, subject: Subject<'_>, database: &Store) -> Judgement {
    match &database.protection {
        Known::Unknown(why, _) if database.protection.unknown_key().is_none() => {
            Judgement::cannot_tell(subject, "the database's key", why)
        }
        _ => Judgement::pass(subject, "memory and magnetic store have the database's encryption"),
    }
    .fact_as("database's encryption", &database.protection, |p| p.label(cx.inventory))
}

fn rejected(cx: &Cx<'_>, subject: Subject<'_>, database: &Store) -> Option<Judgement> {
    let location = match subject.at(LOCATION) {
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(subject, "where rejected records go", &why).at(loc));
        }
        Read::Found(location, _) => location,
    };
    let option = location
        .at("EncryptionOption")
        .string()
        .or_default("SSE_S3".to_owned(), SSE_S3);
    let key = match (option.value().map(String::as_str), location.at("KmsKeyId")) {
        (Some("SSE_KMS"), Read::Unknown(why, _)) => Err(why),
        (Some("SSE_KMS"), Read::Found(key, _)) => {
            resolve_key(cx.inventory, subject.resource, key).map(|key| match key.target {
                KeyTarget::AwsManaged(alias) => format!("the AWS managed key {alias}"),
                _ => String::new(),
            })
        }
        (Some("SSE_KMS"), Read::Absent(_)) => Ok("the AWS managed key alias/aws/s3".into()),
        (Some(_), _) => Ok("SSE-S3".into()),
        (None, _) => Err(option.why().cloned().unwrap_or_else(|| Arc::new(Why::Conditions))),
    };
    let judgement = match (key, &database.protection) {
        (Ok(key), _) if key.is_empty() => {
            Judgement::pass(subject, "rejected records are encrypted with a customer managed key")
        }
        (Err(why), known) if known.value().is_none_or(|p| p.customer_key().is_some()) => {
            Judgement::cannot_tell(subject, "which key rejected records are encrypted with", &why)
        }
        (Ok(_), Known::Unknown(why, _)) => Judgement::cannot_tell(subject, "the database's key", why),
        (Ok(key), known) if known.value().is_some_and(|p| p.customer_key().is_some()) => Judgement::fail(
            subject,
            format!("rejected records are written with {key}, while the database has a customer managed key"),
        ),
        _ => Judgement::pass(subject, "rejected records are encrypted; the database has no key of its own either"),
    };
    Some(judgement.fact("EncryptionOption", &option))
}
