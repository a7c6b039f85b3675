//! What a SAM function's `Policies` allow.

use super::build::{list, map, named, single, string};
use super::sam::document;
use crate::{Entry, Node};

/// SAM's policy templates for keys and parameters: their actions, the ARN up to the value of their one
/// parameter, and that parameter (AWS SAM Developer Guide, "AWS SAM policy templates"; read 2026-11).
const TEMPLATES: [(&str, &[&str], &str, &str); 5] = [
    (
        "SSMParameterReadPolicy",
        &READ_PARAMETERS,
        "ssm:${AWS::Region}:${AWS::AccountId}:parameter/",
        "ParameterName",
    ),
    (
        "SSMParameterWithSlashPrefixReadPolicy",
        &READ_PARAMETERS,
        "ssm:${AWS::Region}:${AWS::AccountId}:parameter",
        "ParameterName",
    ),
    (
        "KMSDecryptPolicy",
        &["kms:Decrypt"],
        "kms:${AWS::Region}:${AWS::AccountId}:key/",
        "KeyId",
    ),
    (
        "KMSEncryptPolicy",
        &["kms:Encrypt"],
        "kms:${AWS::Region}:${AWS::AccountId}:key/",
        "KeyId",
    ),
    (
        "KMSEncryptPolicy_v2",
        &["kms:Encrypt", "kms:GenerateDataKey*"],
        "kms:${AWS::Region}:${AWS::AccountId}:key/",
        "KeyId",
    ),
];

const READ_PARAMETERS: [&str; 3] = [
    "ssm:GetParameters",
    "ssm:GetParameter",
    "ssm:GetParametersByPath",
];

/// The other policy templates, none of which allows anything of keys or of Systems Manager's parameters,
/// by what they allow at most (the same guide, "Policy template list"; aws-sam-translator 1.110.0,
/// policy_templates.json; read 2026-11).
const OTHERS: [(&str, &[&str]); 36] = [
    ("acm:*", &["AcmGetCertificatePolicy"]),
    ("athena:*", &["AthenaQueryPolicy"]),
    ("ce:*", &["CostExplorerReadOnlyPolicy"]),
    ("cloudformation:*", &["CloudFormationDescribeStacksPolicy"]),
    (
        "cloudwatch:*",
        &[
            "CloudWatchDashboardPolicy",
            "CloudWatchDescribeAlarmHistoryPolicy",
            "CloudWatchPutMetricPolicy",
        ],
    ),
    (
        "codecommit:*",
        &["CodeCommitCrudPolicy", "CodeCommitReadPolicy"],
    ),
    (
        "codepipeline:*",
        &[
            "CodePipelineLambdaExecutionPolicy",
            "CodePipelineReadOnlyPolicy",
        ],
    ),
    ("comprehend:*", &["ComprehendBasicAccessPolicy"]),
    (
        "dynamodb:*",
        &[
            "DynamoDBBackupFullAccessPolicy",
            "DynamoDBCrudPolicy",
            "DynamoDBReadPolicy",
            "DynamoDBReconfigurePolicy",
            "DynamoDBRestoreFromBackupPolicy",
            "DynamoDBStreamReadPolicy",
            "DynamoDBWritePolicy",
        ],
    ),
    (
        "ec2:*",
        &[
            "AMIDescribePolicy",
            "EC2CopyImagePolicy",
            "EC2DescribePolicy",
            "VPCAccessPolicy",
        ],
    ),
    ("ecs:*", &["EcsRunTaskPolicy"]),
    ("eks:*", &["EKSDescribePolicy"]),
    ("elasticfilesystem:*", &["EFSWriteAccessPolicy"]),
    (
        "elasticmapreduce:*",
        &[
            "ElasticMapReduceAddJobFlowStepsPolicy",
            "ElasticMapReduceCancelStepsPolicy",
            "ElasticMapReduceModifyInstanceFleetPolicy",
            "ElasticMapReduceModifyInstanceGroupsPolicy",
            "ElasticMapReduceSetTerminationProtectionPolicy",
            "ElasticMapReduceTerminateJobFlowsPolicy",
        ],
    ),
    ("es:*", &["ElasticsearchHttpPostPolicy"]),
    ("events:*", &["EventBridgePutEventsPolicy"]),
    ("firehose:*", &["FirehoseCrudPolicy", "FirehoseWritePolicy"]),
    (
        "kinesis:*",
        &["KinesisCrudPolicy", "KinesisStreamReadPolicy"],
    ),
    ("lambda:InvokeFunction", &["LambdaInvokePolicy"]),
    ("logs:*", &["FilterLogEventsPolicy"]),
    (
        "mobileanalytics:*",
        &["MobileAnalyticsWriteOnlyAccessPolicy"],
    ),
    ("mobiletargeting:*", &["PinpointEndpointAccessPolicy"]),
    ("organizations:*", &["OrganizationsListAccountsPolicy"]),
    ("polly:*", &["PollyFullAccessPolicy"]),
    (
        "rekognition:*",
        &[
            "RekognitionDetectOnlyPolicy",
            "RekognitionFacesManagementPolicy",
            "RekognitionFacesPolicy",
            "RekognitionLabelsPolicy",
            "RekognitionNoDataAccessPolicy",
            "RekognitionReadPolicy",
            "RekognitionWriteOnlyAccessPolicy",
        ],
    ),
    ("route53:*", &["Route53ChangeResourceRecordSetsPolicy"]),
    (
        "s3:*",
        &[
            "S3CrudPolicy",
            "S3FullAccessPolicy",
            "S3ReadPolicy",
            "S3WritePolicy",
        ],
    ),
    (
        "sagemaker:*",
        &[
            "SageMakerCreateEndpointConfigPolicy",
            "SageMakerCreateEndpointPolicy",
        ],
    ),
    ("secretsmanager:*", &["AWSSecretsManagerRotationPolicy"]),
    (
        "secretsmanager:GetSecretValue",
        &["AWSSecretsManagerGetSecretValuePolicy"],
    ),
    ("serverlessrepo:*", &["ServerlessRepoReadWriteAccessPolicy"]),
    (
        "ses:*",
        &[
            "SESBulkTemplatedCrudPolicy",
            "SESBulkTemplatedCrudPolicy_v2",
            "SESCrudPolicy",
            "SESEmailTemplateCrudPolicy",
            "SESSendBouncePolicy",
        ],
    ),
    ("sns:*", &["SNSCrudPolicy", "SNSPublishMessagePolicy"]),
    ("sqs:*", &["SQSPollerPolicy", "SQSSendMessagePolicy"]),
    (
        "states:*",
        &[
            "StepFunctionsCallbackPolicy",
            "StepFunctionsExecutionPolicy",
            "StepFunctionsExecutionPolicy_v2",
        ],
    ),
    (
        "textract:*",
        &[
            "TextractDetectAnalyzePolicy",
            "TextractGetResultPolicy",
            "TextractPolicy",
        ],
    ),
];

/// The document that a policy template becomes, where that is known here. Which resources one of the
/// `OTHERS` names is left open.
fn template(entry: &Entry) -> Option<Node> {
    let loc = entry.value.loc;
    let (actions, target) = match TEMPLATES.iter().find(|(name, ..)| **name == *entry.key) {
        Some((_, actions, arn, parameter)) => {
            let given = entry.value.get(parameter)?.clone();
            let arn = string(&format!("arn:${{AWS::Partition}}:{arn}"), loc);
            let parts = list(vec![single("Fn::Sub", arn), given], loc);
            let joined = list(vec![string("", loc), parts], loc);
            (*actions, single("Fn::Join", joined))
        }
        None => {
            let named = |(_, names): &&(&str, &[&str])| names.contains(&&*entry.key);
            let (action, _) = OTHERS.iter().find(named)?;
            (std::slice::from_ref(action), of_sam(entry))
        }
    };
    let actions = actions.iter().map(|action| string(action, loc)).collect();
    let statement = vec![
        named("Effect", string("Allow", loc), loc),
        named("Action", list(actions, loc), loc),
        named("Resource", target, loc),
    ];
    Some(document(list(vec![map(statement, loc)], loc)))
}

/// What only SAM knows of a policy template.
fn of_sam(entry: &Entry) -> Node {
    let name = format!("SAM policy template {}", entry.key);
    single(
        "Fn::Transform",
        single("Name", string(&name, entry.key_loc)),
    )
}

/// An item of `Policies`: a managed policy, or else a policy document.
pub(super) fn policy(item: Node) -> Result<Node, Node> {
    if item.get("Statement").is_some() {
        return Err(item);
    }
    match item.entries() {
        [entry] if entry.key.trim_end_matches("_v2").ends_with("Policy") => {
            Err(template(entry).unwrap_or_else(|| of_sam(entry)))
        }
        _ => match item.scalar() {
            Some(name) if !name.starts_with("arn:") => {
                Ok(string(&format!("arn:aws:iam::aws:policy/{name}"), item.loc))
            }
            _ => Ok(item),
        },
    }
}
