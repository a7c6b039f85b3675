//! What it takes to read what a resource holds: the action on the resource, and the decryption that its service asks for.

/// What reading a kind of resource takes.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The CloudFormation type.
    pub kind: &'static str,
    /// The action on the resource.
    pub action: &'static str,
    /// The service that calls AWS KMS with the reader's permissions (`kms:ViaService`), without region and domain; `None`
    /// where the service uses the key by a grant of its own, so that the reader needs no permission on it.
    pub via: Option<&'static str>,
    /// The encryption context that the service uses, with the resource's ARN as value.
    pub context: Option<&'static str>,
    /// AWS's document that says so.
    pub doc: &'static str,
}

const READINGS: [Reading; 7] = [
    Reading {
        kind: "AWS::SecretsManager::Secret",
        action: "secretsmanager:GetSecretValue",
        via: Some("secretsmanager"),
        context: Some("SecretARN"),
        doc: "AWS Secrets Manager User Guide, \"Secret encryption and decryption in AWS Secrets Manager\"",
    },
    Reading {
        kind: "AWS::SSM::Parameter",
        action: "ssm:GetParameter",
        via: Some("ssm"),
        context: Some("PARAMETER_ARN"),
        doc: "AWS Systems Manager User Guide, \"SecureString parameters\"",
    },
    Reading {
        kind: "AWS::S3::Bucket",
        action: "s3:GetObject",
        via: Some("s3"),
        context: None,
        doc: "Amazon S3 User Guide, \"Using server-side encryption with AWS KMS keys (SSE-KMS)\"",
    },
    Reading {
        kind: "AWS::SQS::Queue",
        action: "sqs:ReceiveMessage",
        via: Some("sqs"),
        context: None,
        doc: "Amazon SQS Developer Guide, \"Key management\"",
    },
    Reading {
        kind: "AWS::DynamoDB::Table",
        action: "dynamodb:GetItem",
        via: Some("dynamodb"),
        context: None,
        doc: "Amazon DynamoDB Developer Guide, \"DynamoDB encryption at rest usage notes\"",
    },
    Reading {
        kind: "AWS::Kinesis::Stream",
        action: "kinesis:GetRecords",
        via: Some("kinesis"),
        context: None,
        doc: "Amazon Kinesis Data Streams Developer Guide, \"Permissions to use user-generated KMS keys\"",
    },
    Reading {
        kind: "AWS::Logs::LogGroup",
        action: "logs:GetLogEvents",
        via: None,
        context: None,
        doc: "Amazon CloudWatch Logs User Guide, \"Encrypt log data in CloudWatch Logs using AWS Key Management Service\"",
    },
];

/// What it takes to read a resource of a CloudFormation type; `None` where no action of AWS's API reads what it holds.
pub fn reading_of(kind: &str) -> Option<&'static Reading> {
    READINGS.iter().find(|reading| reading.kind == kind)
}
