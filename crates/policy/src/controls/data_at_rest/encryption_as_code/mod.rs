use super::inherited::effective;
use crate::prelude::*;
use lockfast_facts::Text;

control! {
    /// The template is where a store's encryption stands. A store passes when its template states
    /// the setting, or when it says nothing and AWS documents that it encrypts then (with a note:
    /// stated, a change of it would show as a change of code). It fails when what decides stands
    /// somewhere else: nothing is said and AWS leaves the data in the clear, or an EBS volume follows
    /// the account's "encryption by default", or a CDK `AwsCustomResource` makes the setting by an
    /// API call although the resource has a property for it (CloudFormation's drift detection sees
    /// none of that). A setting that comes from a parameter without a value is unknown.
    ///
    /// Types whose encryption cannot be chosen are not judged.
    id: "encryption-as-code",
    title: "The encryption of every store is written in its template",
    clauses: ["IAC-1", "BP-4"],
    sources: [Iac],
    severity: Medium,
    fix: "Write the encryption setting in the template (or on the CDK construct), instead of leaving it to an account setting, an API call or the console.",
    cloudformation: r#"Type: AWS::EC2::LaunchTemplate
Properties:
  LaunchTemplateData:
    BlockDeviceMappings:
      - DeviceName: /dev/xvda
        Ebs: {VolumeSize: 20, Encrypted: true, KmsKeyId: !GetAtt VolumeKey.Arn}
"#,
    cdk: r#"new ec2.LaunchTemplate(this, 'Workers', {
  blockDevices: [{
    deviceName: '/dev/xvda',
    volume: ec2.BlockDeviceVolume.ebs(20, { encrypted: true, kmsKey: volumeKey }),
  }],
});
"#,
    by_type: true,
}

/// API calls of `AwsCustomResource` that set what a property of the type could state.
const CALLS: [(&str, &str); 7] = [
    ("putBucketEncryption", "BucketEncryption of AWS::S3::Bucket"),
    ("associateKmsKey", "KmsKeyId of AWS::Logs::LogGroup"),
    (
        "startStreamEncryption",
        "StreamEncryption of AWS::Kinesis::Stream",
    ),
    (
        "startDeliveryStreamEncryption",
        "DeliveryStreamEncryptionConfigurationInput of AWS::KinesisFirehose::DeliveryStream",
    ),
    ("setQueueAttributes", "KmsMasterKeyId of AWS::SQS::Queue"),
    ("setTopicAttributes", "KmsMasterKeyId of AWS::SNS::Topic"),
    ("updateTable", "SSESpecification of AWS::DynamoDB::Table"),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        let spec = store.spec;
        if spec.noun == "parameter" || (spec.encrypted.is_empty() && spec.key.is_empty()) {
            continue;
        }
        let judgement = match &store.protection {
            Known::Stated(Protection::None, _) => {
                Judgement::pass(store, "its template states that it is not encrypted")
            }
            Known::Stated(..) => Judgement::pass(store, "its template states how it is encrypted"),
            // What reads another stream keeps nothing of its own that could be encrypted.
            Known::Default(Protection::None, ..) if effective(cx, store) != store.protection => continue,
            Known::Default(Protection::None, ..) => Judgement::fail(
                store,
                format!("its template says nothing of encryption, and {} then encrypts nothing", spec.service),
            ),
            Known::Default(..) => Judgement::pass(store, "AWS encrypts it by default")
                .note("its template does not state the setting; stated, a change of it shows as a change of code"),
            known if known.unknown_key().is_some() => {
                Judgement::pass(store, "its template states how it is encrypted")
            }
            Known::Unknown(why, _) => match &**why {
                // Only what the template leaves out has these reasons; a value it takes from elsewhere has others.
                Why::NotGiven(_) | Why::Unsupported(_) if spec.noun == "volume" => {
                    if !store.subject(cx.inventory).at("LaunchTemplate").is_absent() {
                        continue;
                    }
                    Judgement::fail(
                        store,
                        "its template says nothing of encryption: the account's EBS setting decides it, outside the code",
                    )
                }
                Why::NotGiven(_) | Why::Unsupported(_) => continue,
                _ => Judgement::cannot_tell(store, "how it will be encrypted", why),
            },
        };
        out.push(
            judgement.fact_as("encryption at rest", &store.protection, |p| {
                p.label(cx.inventory)
            }),
        );
    }
    for subject in cx.subjects(&["Custom::AWS"]) {
        out.extend(made_by_call(subject));
    }
}

/// An encryption setting that a CDK `AwsCustomResource` makes by a call.
fn made_by_call(subject: Subject<'_>) -> Option<Judgement> {
    ["Create", "Update"].iter().find_map(|property| {
        let Read::Found(text, loc) = subject.at(property).text() else {
            return None;
        };
        let call = rendered(&text);
        let compact: String = call.chars().filter(|c| !c.is_whitespace()).collect();
        let (action, instead) = CALLS.iter().find(|(action, _)| {
            compact.contains(&format!("\"action\":\"{action}\""))
        })?;
        let of_encryption = !matches!(*action, "setQueueAttributes" | "setTopicAttributes" | "updateTable")
            || ["Kms", "SSE", "Sse"].iter().any(|word| compact.contains(word));
        of_encryption.then(|| {
            Judgement::fail(
                subject,
                format!("it sets encryption by calling {action} at deployment, although {instead} states it"),
            )
            .at(loc)
            .stated("action", *action, loc)
        })
    })
}

fn rendered(text: &Text) -> String {
    text.render(|_| "*".to_owned())
}
