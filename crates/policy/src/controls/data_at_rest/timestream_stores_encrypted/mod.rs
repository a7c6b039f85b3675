use crate::prelude::*;

control! {
    /// The memory store and the magnetic store of a table are encrypted with the database's key;
    /// records that magnetic writes reject go to an S3 bucket with an encryption of its own
    /// (`MagneticStoreRejectedDataLocation`). When the database has a customer managed key, the
    /// rejected records must have one too, or they leave its protection (Amazon Timestream
    /// Developer Guide, "Encryption at rest" and "Late arriving data").
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
            Read::Found(value, _) => match database_of(cx, value) {
                Some(store) => store,
                None => {
                    out.push(Judgement::unknown(
                        subject,
                        "cannot tell how the stores are encrypted: the table's database is not in the input",
                    ).at(value.loc));
                    continue;
                }
            },
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "the table's database", &why).at(loc));
                continue;
            }
            Read::Absent(_) => continue,
        };
        out.push(stores(cx, subject, database));
        if let Some(judgement) = rejected(subject, database) {
            out.push(judgement.part("rejected data"));
        }
    }
}

fn database_of<'a>(cx: &Cx<'a>, value: &Value) -> Option<&'a Store> {
    if let Some((resource, _)) = cx.inventory.target(value) {
        return cx.inventory.stores_of(resource.id).next();
    }
    let name = value.at("").string().found()?;
    cx.stores("time-series").find(|store| {
        matches!(cx.inventory.resource(store.resource).at("DatabaseName").string(), Read::Found(n, _) if n == name)
    })
}

fn stores(cx: &Cx<'_>, subject: Subject<'_>, database: &Store) -> Judgement {
    match &database.protection {
        Known::Unknown(why, _) if database.protection.unknown_key().is_none() => {
            Judgement::cannot_tell(subject, "the database's key", why)
        }
        _ => Judgement::pass(subject, "memory and magnetic store have the database's encryption"),
    }
    .fact_as("database's encryption", &database.protection, |p| p.label(cx.inventory))
}

fn rejected(subject: Subject<'_>, database: &Store) -> Option<Judgement> {
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
    let needs_key = match &database.protection {
        Known::Unknown(why, _) => {
            return Some(Judgement::cannot_tell(subject, "the database's key", why));
        }
        known => known.value().is_some_and(|p| p.customer_key().is_some()),
    };
    let judgement = match option.value().map(String::as_str) {
        None => Judgement::unknown(subject, "cannot tell how rejected records are encrypted"),
        Some("SSE_KMS") => Judgement::pass(subject, "rejected records are encrypted with a KMS key"),
        Some(_) if needs_key => Judgement::fail(
            subject,
            "rejected records are written with SSE-S3, while the database has a customer managed key",
        ),
        Some(_) => Judgement::pass(subject, "rejected records are encrypted with SSE-S3; the database has no key of its own either"),
    };
    Some(judgement.fact("EncryptionOption", &option))
}
