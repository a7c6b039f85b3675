#!/usr/bin/env python3
"""Write a CDK cloud assembly of any size, the same bytes for the same arguments.

The assembly has the files that `cdk synth` leaves in `cdk.out` and the shapes
aws-cdk-lib gives them: `manifest.json`, one `<Stack>.template.json` and one
`<Stack>.metadata.json` per stack, logical ids with a hash, `aws:cdk:path` in
the template, creation stacks in the metadata file, exports named
`<Stack>:ExportsOutput...`. Stacks are modules of a few customer systems, in
three environments; some of their settings are right, some wrong, so every
tool has both to say.

Standard library only; the one source of chance is a seeded generator.
"""

import argparse
import hashlib
import json
import pathlib
import random
import re
import shutil
import sys

SCHEMA_VERSION = "55.0.0"
MINIMUM_CLI = "2.1148.2"
ACCOUNTS = {"Dev": "111111111111", "Staging": "222222222222", "Prod": "333333333333"}
REGION = "eu-west-1"
SYSTEMS = ["Shop", "Billing", "Catalog", "Loyalty", "Claims", "Fleet", "Ledger", "Portal"]
MODULES = ["Storage", "Data", "Api", "Web", "Worker", "Events", "Search", "Reports"]
CLASSIFICATIONS = ["public", "internal", "confidential", "restricted"]
RESOURCES_PER_STACK = 18.75  # 7,500 in 400, the size the targets speak of
MANIFEST = "manifest.json"


def ref(name):
    return {"Ref": name}


def att(name, attribute="Arn"):
    return {"Fn::GetAtt": [name, attribute]}


def join(*parts):
    return {"Fn::Join": ["", list(parts)]}


def statement(effect, principal, actions, resource="*", sid=None, condition=None):
    out = {"Action": actions}
    if condition:
        out["Condition"] = condition
    out["Effect"] = effect
    if principal is not None:
        out["Principal"] = principal
    out["Resource"] = resource
    if sid:
        out["Sid"] = sid
    return out


def document(*statements):
    return {"Statement": list(statements), "Version": "2012-10-17"}


def assume(service):
    return document({"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": service}})


class Stack:
    """One template under construction, with the metadata that goes beside it."""

    def __init__(self, name, system, module, environment, seed):
        self.name = name
        self.system = system
        self.module = module
        self.environment = environment
        self.account = ACCOUNTS[environment]
        self.rng = random.Random(f"{seed}/{name}")
        self.resources = {}
        self.outputs = {}
        self.metadata = {}
        self.dependencies = []
        self.counter = {}
        self.tags = [
            {"Key": "classification", "Value": self.rng.choice(CLASSIFICATIONS)},
            {"Key": "cost-centre", "Value": f"cc-{self.rng.randrange(1000, 9999)}"},
            {"Key": "environment", "Value": environment.lower()},
            {"Key": "system", "Value": system.lower()},
        ]
        self.metadata[f"/{name}"] = [
            {"type": "aws:cdk:creationStack", "data": self.birth()},
            {"type": "aws:cdk:templateFile", "data": f"{name}.template.json"},
            {"type": "aws:cdk:stack-tags", "data": [{"key": t["Key"], "value": t["Value"]} for t in self.tags]},
        ]

    def right(self, share=0.72):
        """Whether the next setting is the one the policy asks for."""
        return self.rng.random() < share

    def unique(self, base):
        self.counter[base] = self.counter.get(base, 0) + 1
        number = self.counter[base]
        return base if number == 1 else f"{base}{number}"

    def logical_id(self, path):
        """As aws-cdk-lib makes it: readable path, then a hash of the whole path."""
        parts = [p for p in path.split("/") if p != "Default"]
        human = [p for p in parts if p != "Resource"]
        digest = hashlib.md5("/".join(parts).encode()).hexdigest()[:8].upper()
        return re.sub(r"[^A-Za-z0-9]", "", "".join(human))[:240] + digest

    def trace(self, path):
        line = 12 + int(hashlib.md5(path.encode()).hexdigest()[:3], 16) % 400
        home = f"/home/build/{self.system.lower()}"
        return [
            f"...new {re.sub('[^A-Za-z]', '', path.split('/')[0])} in aws-cdk-lib...",
            f"new {self.module}Stack ({home}/lib/{self.module.lower()}-stack.ts:{line}:{5 + line % 20})",
            *self.birth(),
        ]

    def birth(self):
        """Where the app makes this stack."""
        return [f"Object.<anonymous> (/home/build/{self.system.lower()}/bin/app.ts:{20 + len(self.name)}:1)", "...node internals..."]

    def note(self, path, identity, frames):
        """The entries of one construct in the metadata file."""
        self.metadata[f"/{self.name}/{path}"] = [
            {"type": "aws:cdk:logicalId", "data": identity},
            {"type": "aws:cdk:creationStack", "data": frames},
        ]

    def add(self, path, kind, properties, **attributes):
        # The one id that aws-cdk-lib writes without a hash.
        identity = "CDKMetadata" if kind == "AWS::CDK::Metadata" else self.logical_id(path)
        entry = {"Type": kind, "Properties": dict(sorted(properties.items()))}
        entry.update({k: v for k, v in attributes.items() if v is not None})
        entry["Metadata"] = {"aws:cdk:path": f"{self.name}/{path}"}
        self.resources[identity] = entry
        self.note(path, identity, self.trace(path))
        return identity

    def export(self, logical, attribute=None):
        """A value for other stacks; returns what the importing side writes."""
        human = f"ExportsOutputFnGetAtt{logical}{attribute}" if attribute else f"ExportsOutputRef{logical}"
        value = att(logical, attribute) if attribute else ref(logical)
        path = f"Exports/Output{json.dumps(value, separators=(',', ':'))}"
        output = human + hashlib.md5(path.encode()).hexdigest()[:8].upper()
        name = f"{self.name}:{output}"
        self.outputs[output] = {"Value": value, "Export": {"Name": name}}
        self.note(path, output, ["...App.synth in aws-cdk-lib...", *self.birth()])
        return {"Fn::ImportValue": name}

    def template(self):
        for identity in ("BootstrapVersion", "CheckBootstrapVersion"):
            none = "(no user code in 10 frames, use --stack-trace-limit to capture more)"
            self.note(identity, identity, ["...aws-cdk-lib...", none])
        out = {
            "Description": f"{self.system} {self.module.lower()} module, {self.environment.lower()}",
            "Resources": self.resources,
        }
        if self.outputs:
            out["Outputs"] = self.outputs
        out["Parameters"] = {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
                "Description": "Version of the CDK Bootstrap resources in this environment, automatically retrieved"
                " from SSM Parameter Store. [cdk:skip]",
            }
        }
        out["Rules"] = {
            "CheckBootstrapVersion": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], ref("BootstrapVersion")]}]},
                        "AssertDescription": "CDK bootstrap stack version 6 required. Please run 'cdk bootstrap'"
                        " with a recent version of the CDK CLI.",
                    }
                ]
            }
        }
        return out


class Shared:
    """What the first stack of an environment exports and the others import."""

    def __init__(self):
        self.stack = None
        self.key = self.vpc = self.subnets = self.cluster = self.certificate = None


# --- Constructs: each adds the resources one construct of a real app adds. ---


def kms_key(stack, shared, budget):
    name = stack.unique("Key")
    root = {"AWS": join("arn:", ref("AWS::Partition"), f":iam::{stack.account}:root")}
    statements = [statement("Allow", root, "kms:*")]
    if stack.right(0.6):
        statements.append(
            statement(
                "Allow",
                {"Service": join("logs.", ref("AWS::Region"), ".amazonaws.com")},
                ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                condition={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": join(
                            "arn:", ref("AWS::Partition"), f":logs:{REGION}:{stack.account}:log-group:*"
                        )
                    }
                },
            )
        )
    if not stack.right(0.9):
        statements.append(statement("Allow", {"AWS": "*"}, ["kms:Decrypt", "kms:GenerateDataKey"]))
    properties = {
        "Description": f"{stack.system} {stack.module} data, {stack.environment}",
        "KeyPolicy": document(*statements),
        "Tags": stack.tags,
    }
    if stack.right():
        properties["EnableKeyRotation"] = True
        if stack.right(0.5):
            properties["RotationPeriodInDays"] = stack.rng.choice([90, 180, 365])
    key = stack.add(f"{name}/Resource", "AWS::KMS::Key", properties, UpdateReplacePolicy="Retain", DeletionPolicy="Retain")
    if budget > 1:
        stack.add(
            f"{name}/Alias/Resource",
            "AWS::KMS::Alias",
            {"AliasName": f"alias/{stack.system.lower()}/{stack.environment.lower()}/{name.lower()}", "TargetKeyId": att(key)},
        )
    stack.local_key = key
    return key


def key_arn(stack, shared):
    """A key of this stack, of the shared stack, a literal one, or none."""
    pick = stack.rng.random()
    local = getattr(stack, "local_key", None)
    if local and pick < 0.55:
        return att(local)
    if shared.key is not None and pick < 0.85:
        return import_of(stack, shared, shared.key)
    if pick < 0.93:
        return f"arn:aws:kms:{REGION}:{stack.account}:key/0f3a9c52-7c1e-4f7b-9d1a-{stack.rng.randrange(16**12):012x}"
    return {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/aws/default"}


def import_of(stack, shared, value):
    """A value that may come from the shared stack, which then has to be deployed first."""
    if shared.stack is not None and shared.stack.name not in stack.dependencies:
        stack.dependencies.append(shared.stack.name)
    return value


def bucket(stack, shared, budget):
    name = stack.unique("Bucket")
    properties = {}
    if stack.right():
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn(stack, shared)}
        rule = {"ServerSideEncryptionByDefault": by_default}
        if stack.right(0.7):
            rule["BucketKeyEnabled"] = True
        properties["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [rule]}
    elif stack.right(0.5):
        properties["BucketEncryption"] = {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }
    properties["PublicAccessBlockConfiguration"] = {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    properties["LifecycleConfiguration"] = {
        "Rules": [
            {"Id": "tier", "Status": "Enabled", "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 60}]},
            {"Id": "expire", "Status": "Enabled", "ExpirationInDays": stack.rng.choice([90, 365, 2555])},
        ]
    }
    properties["Tags"] = stack.tags
    if stack.right():
        properties["VersioningConfiguration"] = {"Status": "Enabled"}
    identity = stack.add(
        f"{name}/Resource", "AWS::S3::Bucket", properties, UpdateReplacePolicy="Retain", DeletionPolicy="Retain"
    )
    if budget > 1 and stack.right(0.85):
        both = [att(identity), join(att(identity), "/*")]
        statements = [
            statement(
                "Allow",
                {"AWS": join("arn:", ref("AWS::Partition"), f":iam::{stack.account}:role/{stack.system.lower()}-reader")},
                ["s3:GetBucket*", "s3:GetObject*", "s3:List*"],
                both,
            )
        ]
        if stack.right():
            statements.insert(
                0, statement("Deny", {"AWS": "*"}, "s3:*", both, condition={"Bool": {"aws:SecureTransport": "false"}})
            )
        if stack.right(0.4):
            statements.append(
                statement(
                    "Deny",
                    {"AWS": "*"},
                    "s3:PutObject",
                    join(att(identity), "/*"),
                    sid="DenyOtherEncryption",
                    condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
                )
            )
        stack.add(
            f"{name}/Policy/Resource",
            "AWS::S3::BucketPolicy",
            {"Bucket": ref(identity), "PolicyDocument": document(*statements)},
        )
    if stack.right(0.1):
        stack.export(identity, "Arn")
    return identity


def log_group(stack, shared, budget):
    name = stack.unique("Logs")
    properties = {"LogGroupName": f"/{stack.system.lower()}/{stack.environment.lower()}/{stack.name.lower()}/{name.lower()}"}
    if stack.right(0.65):
        properties["KmsKeyId"] = key_arn(stack, shared)
    if stack.right(0.8):
        properties["RetentionInDays"] = stack.rng.choice([30, 90, 365, 731])
    properties["Tags"] = stack.tags
    return stack.add(
        f"{name}/Resource", "AWS::Logs::LogGroup", properties, UpdateReplacePolicy="Retain", DeletionPolicy="Retain"
    )


def table(stack, shared, budget):
    name = stack.unique("Table")
    properties = {
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "gsi1pk", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "gsi1",
                "KeySchema": [{"AttributeName": "gsi1pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    }
    if stack.right(0.8):
        properties["PointInTimeRecoverySpecification"] = {"PointInTimeRecoveryEnabled": True}
    if stack.right():
        properties["SSESpecification"] = {
            "KMSMasterKeyId": key_arn(stack, shared),
            "SSEEnabled": True,
            "SSEType": "KMS",
        }
    properties["Tags"] = stack.tags
    return stack.add(
        f"{name}/Resource", "AWS::DynamoDB::Table", properties, UpdateReplacePolicy="Retain", DeletionPolicy="Retain"
    )


def database(stack, shared, budget):
    """Subnet group, security group, secret, parameter group, instance: five resources."""
    name = stack.unique("Database")
    engine, version, switch = stack.rng.choice(
        [("postgres", "16.4", "rds.force_ssl"), ("mysql", "8.0.39", "require_secure_transport")]
    )
    subnets = stack.add(
        f"{name}/SubnetGroup/Default",
        "AWS::RDS::DBSubnetGroup",
        {
            "DBSubnetGroupDescription": f"Subnet group for {name} database",
            "SubnetIds": [import_of(stack, shared, s) for s in shared.subnets or ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]],
            "Tags": stack.tags,
        },
    )
    group = stack.add(
        f"{name}/SecurityGroup/Resource",
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": f"Security group for {name} database",
            "SecurityGroupEgress": [
                {"CidrIp": "0.0.0.0/0", "Description": "Allow all outbound traffic by default", "IpProtocol": "-1"}
            ],
            "Tags": stack.tags,
            "VpcId": import_of(stack, shared, shared.vpc or "vpc-0123456789abcdef0"),
        },
    )
    secret = {
        "Description": {"Fn::Join": ["", ["Generated by the CDK for stack: ", ref("AWS::StackName")]]},
        "GenerateSecretString": {
            "ExcludeCharacters": " %+~`#$&*()|[]{}:;<>?!'/@\"\\",
            "GenerateStringKey": "password",
            "PasswordLength": 30,
            "SecretStringTemplate": '{"username":"app"}',
        },
        "Tags": stack.tags,
    }
    if stack.right(0.6):
        secret["KmsKeyId"] = key_arn(stack, shared)
    secret = stack.add(
        f"{name}/Secret/Resource", "AWS::SecretsManager::Secret", secret, UpdateReplacePolicy="Delete", DeletionPolicy="Delete"
    )
    parameters = stack.add(
        f"{name}/Parameters/Resource",
        "AWS::RDS::DBParameterGroup",
        {
            "Description": f"Parameter group for {engine}",
            "Family": "postgres16" if engine == "postgres" else "mysql8.0",
            "Parameters": {switch: "1" if stack.right() else "0", "log_min_duration_statement" if engine == "postgres" else "slow_query_log": "1"},
            "Tags": stack.tags,
        },
    )
    properties = {
        "AllocatedStorage": "100",
        "BackupRetentionPeriod": stack.rng.choice([1, 7, 14]),
        "CopyTagsToSnapshot": True,
        "DBInstanceClass": "db.t4g.large",
        "DBParameterGroupName": ref(parameters),
        "DBSubnetGroupName": ref(subnets),
        "Engine": engine,
        "EngineVersion": version,
        "MasterUserPassword": join("{{resolve:secretsmanager:", ref(secret), ":SecretString:password::}}"),
        "MasterUsername": "app",
        "MultiAZ": stack.environment == "Prod",
        "PubliclyAccessible": False,
    }
    if stack.right():
        properties["StorageEncrypted"] = True
        if stack.right(0.8):
            properties["KmsKeyId"] = key_arn(stack, shared)
    elif stack.right(0.3):
        properties["StorageEncrypted"] = False
    properties["StorageType"] = "gp3"
    properties["Tags"] = stack.tags
    properties["VPCSecurityGroups"] = [att(group, "GroupId")]
    return stack.add(
        f"{name}/Resource", "AWS::RDS::DBInstance", properties, UpdateReplacePolicy="Snapshot", DeletionPolicy="Snapshot"
    )


def queue(stack, shared, budget):
    name = stack.unique("Queue")
    dead = None
    if budget > 2:
        dead = stack.add(
            f"{name}Dead/Resource",
            "AWS::SQS::Queue",
            {"MessageRetentionPeriod": 1209600, "Tags": stack.tags, **sqs_encryption(stack, shared)},
            UpdateReplacePolicy="Delete",
            DeletionPolicy="Delete",
        )
    properties = {"VisibilityTimeout": 300, "Tags": stack.tags, **sqs_encryption(stack, shared)}
    if dead:
        properties["RedrivePolicy"] = {"deadLetterTargetArn": att(dead), "maxReceiveCount": 5}
    identity = stack.add(
        f"{name}/Resource", "AWS::SQS::Queue", properties, UpdateReplacePolicy="Delete", DeletionPolicy="Delete"
    )
    if budget > 1:
        statements = [statement("Allow", {"Service": "sns.amazonaws.com"}, "sqs:SendMessage", att(identity))]
        if stack.right(0.6):
            statements.append(
                statement(
                    "Deny", {"AWS": "*"}, "sqs:*", att(identity), condition={"Bool": {"aws:SecureTransport": "false"}}
                )
            )
        stack.add(
            f"{name}/Policy/Resource",
            "AWS::SQS::QueuePolicy",
            {"PolicyDocument": document(*statements), "Queues": [ref(identity)]},
        )
    return identity


def sqs_encryption(stack, shared):
    if stack.right(0.55):
        return {"KmsMasterKeyId": key_arn(stack, shared), "KmsDataKeyReusePeriodSeconds": 300}
    return {"SqsManagedSseEnabled": True} if stack.right(0.6) else {}


def topic(stack, shared, budget):
    name = stack.unique("Topic")
    properties = {"DisplayName": f"{stack.system} {name}", "Tags": stack.tags}
    if stack.right(0.65):
        properties["KmsMasterKeyId"] = key_arn(stack, shared)
    identity = stack.add(f"{name}/Resource", "AWS::SNS::Topic", properties)
    if budget > 1:
        stack.add(
            f"{name}/Hook/Resource",
            "AWS::SNS::Subscription",
            {
                "Endpoint": f"{'https' if stack.right() else 'http'}://hooks.{stack.system.lower()}.example.com/{name.lower()}",
                "Protocol": "https" if stack.right() else "http",
                "TopicArn": ref(identity),
            },
        )
    return identity


def function(stack, shared, budget):
    """Role, its policy, the function: three resources."""
    name = stack.unique("Handler")
    role = stack.add(
        f"{name}/ServiceRole/Resource",
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": assume("lambda.amazonaws.com"),
            "ManagedPolicyArns": [
                join("arn:", ref("AWS::Partition"), ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
                join("arn:", ref("AWS::Partition"), ":iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"),
            ],
            "Tags": stack.tags,
        },
    )
    policy = None
    if budget > 2:
        policy = stack.add(
            f"{name}/ServiceRole/DefaultPolicy/Resource",
            "AWS::IAM::Policy",
            {
                "PolicyDocument": document(
                    statement("Allow", None, ["kms:Decrypt", "kms:GenerateDataKey*"] if stack.right() else "kms:*",
                              key_arn(stack, shared) if stack.right() else "*"),
                    statement("Allow", None, ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
                              {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/" + stack.system.lower() + "-*"}),
                    statement("Allow", None, ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]),
                ),
                "PolicyName": f"{name}ServiceRoleDefaultPolicy",
                "Roles": [ref(role)],
            },
        )
    variables = {
        "LOG_LEVEL": "info",
        "POWERTOOLS_SERVICE_NAME": f"{stack.system.lower()}-{stack.module.lower()}",
        "UPSTREAM_URL": f"{'https' if stack.right() else 'http'}://api.{stack.system.lower()}.example.com/v1",
    }
    if not stack.right(0.85):
        variables["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
    if not stack.right(0.85):
        variables["DB_PASSWORD"] = "changeme-" + stack.name.lower()
    properties = {
        "Architectures": ["arm64"],
        "Code": {
            "S3Bucket": f"cdk-hnb659fds-assets-{stack.account}-{REGION}",
            "S3Key": hashlib.sha256(f"{stack.name}/{name}".encode()).hexdigest() + ".zip",
        },
        "Environment": {"Variables": variables},
        "Handler": "index.handler",
        "MemorySize": 512,
        "Role": att(role),
        "Runtime": "nodejs22.x",
        "Tags": stack.tags,
        "Timeout": 30,
        "TracingConfig": {"Mode": "Active"},
    }
    if stack.right(0.6):
        properties["KmsKeyArn"] = key_arn(stack, shared)
    return stack.add(
        f"{name}/Resource", "AWS::Lambda::Function", properties, DependsOn=[policy, role] if policy else [role]
    )


def task(stack, shared, budget):
    """Execution role, task role, log group, task definition, security group, service: six resources."""
    name = stack.unique("Service")
    image_account = stack.account
    execution = stack.add(
        f"{name}/TaskDef/ExecutionRole/Resource",
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": assume("ecs-tasks.amazonaws.com"), "Tags": stack.tags},
    )
    role = stack.add(
        f"{name}/TaskDef/TaskRole/Resource",
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": assume("ecs-tasks.amazonaws.com"),
            "Policies": [
                {
                    "PolicyDocument": document(
                        statement("Allow", None, ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                                  {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:" + stack.system.lower() + "/*"}),
                        statement("Allow", None, "kms:Decrypt", key_arn(stack, shared)),
                    ),
                    "PolicyName": "read-secrets",
                }
            ],
            "Tags": stack.tags,
        },
    )
    logs = log_group(stack, shared, 1)
    mode = "require" if stack.right() else stack.rng.choice(["disable", "prefer"])
    environment = [
        {"Name": "AWS_REGION", "Value": ref("AWS::Region")},
        {"Name": "DATABASE_URL", "Value": f"postgresql://app@db.{stack.system.lower()}.internal:5432/app?sslmode={mode}"},
        {"Name": "FEATURE_FLAGS", "Value": "checkout,search,recommendations"},
        {"Name": "REDIS_URL", "Value": f"{'rediss' if stack.right() else 'redis'}://cache.{stack.system.lower()}.internal:6379"},
        {"Name": "PAYMENTS_ENDPOINT", "Value": "https://payments.example.com/v2"},
    ]
    if not stack.right(0.85):
        environment.append({"Name": "PYTHONHTTPSVERIFY", "Value": "0"})
    definition = {
        "ContainerDefinitions": [
            {
                "Environment": environment,
                "Essential": True,
                "Image": {"Fn::Sub": f"{image_account}.dkr.ecr.{REGION}.${{AWS::URLSuffix}}/{stack.system.lower()}-{stack.module.lower()}:1.{stack.rng.randrange(40)}.0"},
                "LogConfiguration": {
                    "LogDriver": "awslogs",
                    "Options": {"awslogs-group": ref(logs), "awslogs-region": REGION, "awslogs-stream-prefix": name.lower()},
                },
                "Name": "app",
                "PortMappings": [{"ContainerPort": 8080, "Protocol": "tcp"}],
                "Secrets": [
                    {"Name": "API_TOKEN", "ValueFrom": f"arn:aws:secretsmanager:{REGION}:{stack.account}:secret:{stack.system.lower()}/api-AbCdEf:token::"}
                ],
            }
        ],
        "Cpu": "512",
        "ExecutionRoleArn": att(execution),
        "Family": f"{stack.name}{name}",
        "Memory": "1024",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "Tags": stack.tags,
        "TaskRoleArn": att(role),
    }
    if stack.right(0.3):
        definition["Volumes"] = [
            {
                "Name": "shared",
                "EFSVolumeConfiguration": {
                    "FilesystemId": f"fs-{stack.rng.randrange(16**17):017x}",
                    **({"TransitEncryption": "ENABLED"} if stack.right() else {}),
                },
            }
        ]
    definition = stack.add(f"{name}/TaskDef/Resource", "AWS::ECS::TaskDefinition", definition)
    group = security_group(stack, shared, 1)
    return stack.add(
        f"{name}/Service/Service",
        "AWS::ECS::Service",
        {
            "Cluster": import_of(stack, shared, shared.cluster or "default"),
            "DeploymentConfiguration": {"MaximumPercent": 200, "MinimumHealthyPercent": 50},
            "DesiredCount": 2,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "AssignPublicIp": "DISABLED",
                    "SecurityGroups": [att(group, "GroupId")],
                    "Subnets": [import_of(stack, shared, s) for s in shared.subnets or ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]],
                }
            },
            "PlatformVersion": "1.4.0" if stack.right(0.9) else "1.3.0",
            "Tags": stack.tags,
            "TaskDefinition": ref(definition),
        },
        DependsOn=[role],
    )


def security_group(stack, shared, budget):
    name = stack.unique("Access")
    group = stack.add(
        f"{name}/Resource",
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": f"{stack.name}/{name}",
            "SecurityGroupEgress": [
                {"CidrIp": "0.0.0.0/0", "Description": "HTTPS out", "FromPort": 443, "IpProtocol": "tcp", "ToPort": 443}
                if stack.right()
                else {"CidrIp": "0.0.0.0/0", "Description": "HTTP out", "FromPort": 80, "IpProtocol": "tcp", "ToPort": 80}
            ],
            "Tags": stack.tags,
            "VpcId": import_of(stack, shared, shared.vpc or "vpc-0123456789abcdef0"),
        },
    )
    if budget > 1:
        stack.add(
            f"{name}/from peers:443",
            "AWS::EC2::SecurityGroupIngress",
            {
                "Description": "from peers",
                "FromPort": 443,
                "GroupId": att(group, "GroupId"),
                "IpProtocol": "tcp",
                "SourceSecurityGroupId": att(group, "GroupId"),
                "ToPort": 443,
            },
        )
    return group


def load_balancer(stack, shared, budget):
    """Balancer, target group, HTTPS and HTTP listeners: four resources."""
    name = stack.unique("Balancer")
    balancer = stack.add(
        f"{name}/Resource",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "LoadBalancerAttributes": [
                {"Key": "deletion_protection.enabled", "Value": "true" if stack.environment == "Prod" else "false"},
                {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
            ],
            "Scheme": stack.rng.choice(["internet-facing", "internal"]),
            "Subnets": [import_of(stack, shared, s) for s in shared.subnets or ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]],
            "Tags": stack.tags,
            "Type": "application",
        },
    )
    protocol = "HTTPS" if stack.right(0.4) else "HTTP"
    target = stack.add(
        f"{name}/Targets/Resource",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "HealthCheckPath": "/healthz",
            "Port": 8443 if protocol == "HTTPS" else 8080,
            "Protocol": protocol,
            "Tags": stack.tags,
            "TargetGroupAttributes": [{"Key": "stickiness.enabled", "Value": "false"}],
            "TargetType": "ip",
            "VpcId": import_of(stack, shared, shared.vpc or "vpc-0123456789abcdef0"),
        },
    )
    stack.add(
        f"{name}/Https/Resource",
        "AWS::ElasticLoadBalancingV2::Listener",
        {
            "Certificates": [{"CertificateArn": import_of(stack, shared, shared.certificate or f"arn:aws:acm:{REGION}:{stack.account}:certificate/6b1f0c5e-8f0e-4a4e-9a53-0c8f4d8f9a11")}],
            "DefaultActions": [{"TargetGroupArn": ref(target), "Type": "forward"}],
            "LoadBalancerArn": ref(balancer),
            "Port": 443,
            "Protocol": "HTTPS",
            "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"
            if stack.right()
            else stack.rng.choice(["ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS-1-1-2017-01"]),
        },
    )
    return stack.add(
        f"{name}/Http/Resource",
        "AWS::ElasticLoadBalancingV2::Listener",
        {
            "DefaultActions": [
                {"RedirectConfig": {"Port": "443", "Protocol": "HTTPS", "StatusCode": "HTTP_301"}, "Type": "redirect"}
                if stack.right()
                else {"TargetGroupArn": ref(target), "Type": "forward"}
            ],
            "LoadBalancerArn": ref(balancer),
            "Port": 80,
            "Protocol": "HTTP",
        },
    )


def distribution(stack, shared, budget):
    name = stack.unique("Cdn")
    certificate = {
        "AcmCertificateArn": f"arn:aws:acm:us-east-1:{stack.account}:certificate/6b1f0c5e-8f0e-4a4e-9a53-0c8f4d8f9a11",
        "MinimumProtocolVersion": "TLSv1.2_2021" if stack.right() else "TLSv1.1_2016",
        "SslSupportMethod": "sni-only",
    }
    return stack.add(
        f"{name}/Resource",
        "AWS::CloudFront::Distribution",
        {
            "DistributionConfig": {
                "Aliases": [f"www.{stack.system.lower()}.example.com"],
                "DefaultCacheBehavior": {
                    "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                    "Compress": True,
                    "TargetOriginId": "origin1",
                    "ViewerProtocolPolicy": "redirect-to-https" if stack.right() else "allow-all",
                },
                "Enabled": True,
                "HttpVersion": "http2",
                "Origins": [
                    {
                        "CustomOriginConfig": {
                            "OriginProtocolPolicy": "https-only" if stack.right() else "http-only",
                            "OriginSSLProtocols": ["TLSv1.2"] if stack.right() else ["TLSv1", "TLSv1.2"],
                        },
                        "DomainName": f"origin.{stack.system.lower()}.example.com",
                        "Id": "origin1",
                    }
                ],
                "ViewerCertificate": certificate if stack.right(0.85) else {"CloudFrontDefaultCertificate": True},
            },
            "Tags": stack.tags,
        },
    )


def store(kind, settings):
    """A construct of one resource whose settings are a function of the stack."""

    def build(stack, shared, budget):
        name = stack.unique(kind.split("::")[-1])
        return stack.add(f"{name}/Resource", kind, settings(stack, shared))

    return build


def file_system(stack, shared):
    out = {"FileSystemTags": stack.tags, "PerformanceMode": "generalPurpose", "ThroughputMode": "elastic"}
    if stack.right():
        out.update({"Encrypted": True, "KmsKeyId": key_arn(stack, shared)})
    return out


def volume(stack, shared):
    out = {"AvailabilityZone": f"{REGION}a", "Size": 100, "Tags": stack.tags, "VolumeType": "gp3"}
    if stack.right():
        out["Encrypted"] = True
        if stack.right(0.7):
            out["KmsKeyId"] = key_arn(stack, shared)
    return out


def stream(stack, shared):
    out = {"RetentionPeriodHours": 24, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "Tags": stack.tags}
    if stack.right():
        out["StreamEncryption"] = {"EncryptionType": "KMS", "KeyId": key_arn(stack, shared)}
    return out


def cache(stack, shared):
    out = {
        "AutomaticFailoverEnabled": True,
        "CacheNodeType": "cache.t4g.small",
        "Engine": "valkey",
        "NumCacheClusters": 2,
        "ReplicationGroupDescription": f"{stack.system} sessions",
        "Tags": stack.tags,
    }
    if stack.right():
        out.update({"AtRestEncryptionEnabled": True, "KmsKeyId": key_arn(stack, shared)})
    if stack.right():
        out["TransitEncryptionEnabled"] = True
    return out


def search_domain(stack, shared):
    out = {
        "ClusterConfig": {"InstanceCount": 2, "InstanceType": "r7g.large.search"},
        "DomainEndpointOptions": {
            "EnforceHTTPS": stack.right(),
            "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10" if stack.right() else "Policy-Min-TLS-1-0-2019-07",
        },
        "EBSOptions": {"EBSEnabled": True, "VolumeSize": 100, "VolumeType": "gp3"},
        "EngineVersion": "OpenSearch_2.17",
        "Tags": stack.tags,
    }
    if stack.right():
        out["EncryptionAtRestOptions"] = {"Enabled": True, "KmsKeyId": key_arn(stack, shared)}
    if stack.right():
        out["NodeToNodeEncryptionOptions"] = {"Enabled": True}
    return out


def repository(stack, shared):
    out = {"ImageScanningConfiguration": {"ScanOnPush": True}, "ImageTagMutability": "IMMUTABLE", "Tags": stack.tags}
    if stack.right(0.6):
        out["EncryptionConfiguration"] = {"EncryptionType": "KMS", "KmsKey": key_arn(stack, shared)}
    return out


def parameter(stack, shared):
    return {
        "Name": f"/{stack.system.lower()}/{stack.environment.lower()}/{stack.unique('setting').lower()}",
        "Type": "String",
        "Value": join("arn:", ref("AWS::Partition"), f":sns:{REGION}:{stack.account}:{stack.system.lower()}-alarms"),
        "Tags": {t["Key"]: t["Value"] for t in stack.tags},
    }


def domain_name(stack, shared):
    return {
        "DomainName": f"api.{stack.name.lower()}.example.com",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "RegionalCertificateArn": import_of(stack, shared, shared.certificate or f"arn:aws:acm:{REGION}:{stack.account}:certificate/6b1f0c5e-8f0e-4a4e-9a53-0c8f4d8f9a11"),
        "SecurityPolicy": "TLS_1_2" if stack.right() else "TLS_1_0",
        "Tags": stack.tags,
    }


def alarm(stack, shared):
    return {
        "AlarmActions": [{"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:" + stack.system.lower() + "-alarms"}],
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "QueueName", "Value": f"{stack.system.lower()}-work"}],
        "EvaluationPeriods": 3,
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Namespace": "AWS/SQS",
        "Period": 300,
        "Statistic": "Maximum",
        "Threshold": 600,
        "TreatMissingData": "notBreaching",
    }


def warehouse(stack, shared):
    out = {
        "ClusterType": "multi-node",
        "DBName": "reports",
        "ManageMasterPassword": True,
        "MasterUsername": "admin",
        "NodeType": "ra3.large",
        "NumberOfNodes": 2,
        "PubliclyAccessible": False,
        "Tags": stack.tags,
    }
    if stack.right():
        out.update({"Encrypted": True, "KmsKeyId": key_arn(stack, shared)})
    return out


def kafka(stack, shared):
    transit = {"ClientBroker": "TLS" if stack.right() else "TLS_PLAINTEXT", "InCluster": True}
    encryption = {"EncryptionInTransit": transit}
    if stack.right():
        encryption["EncryptionAtRest"] = {"DataVolumeKMSKeyId": key_arn(stack, shared)}
    return {
        "BrokerNodeGroupInfo": {
            "ClientSubnets": [import_of(stack, shared, s) for s in shared.subnets or ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]],
            "InstanceType": "kafka.m7g.large",
            "StorageInfo": {"EBSStorageInfo": {"VolumeSize": 500}},
        },
        "ClusterName": f"{stack.name.lower()}-events",
        "EncryptionInfo": encryption,
        "KafkaVersion": "3.7.x",
        "NumberOfBrokerNodes": 2,
        "Tags": {t["Key"]: t["Value"] for t in stack.tags},
    }


# Each construct: how often, how many resources it adds at most, how it is built.
CONSTRUCTS = [
    (6, 2, kms_key),
    (11, 2, bucket),
    (11, 1, log_group),
    (8, 1, table),
    (4, 5, database),
    (7, 3, queue),
    (6, 2, topic),
    (11, 3, function),
    (6, 6, task),
    (6, 2, security_group),
    (3, 4, load_balancer),
    (2, 1, distribution),
    (2, 1, store("AWS::EFS::FileSystem", file_system)),
    (3, 1, store("AWS::EC2::Volume", volume)),
    (2, 1, store("AWS::Kinesis::Stream", stream)),
    (2, 1, store("AWS::ElastiCache::ReplicationGroup", cache)),
    (1, 1, store("AWS::OpenSearchService::Domain", search_domain)),
    (3, 1, store("AWS::ECR::Repository", repository)),
    (4, 1, store("AWS::SSM::Parameter", parameter)),
    (2, 1, store("AWS::ApiGateway::DomainName", domain_name)),
    (5, 1, store("AWS::CloudWatch::Alarm", alarm)),
    (1, 1, store("AWS::Redshift::Cluster", warehouse)),
    (1, 1, store("AWS::MSK::Cluster", kafka)),
]


def foundation(stack, shared):
    """The first stack of an environment: key, network, cluster, certificate, all exported."""
    key = kms_key(stack, shared, 2)
    vpc = stack.add(
        "Vpc/Resource",
        "AWS::EC2::VPC",
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True, "Tags": stack.tags},
    )
    subnets = [
        stack.add(
            f"Vpc/PrivateSubnet{n}/Subnet",
            "AWS::EC2::Subnet",
            {"AvailabilityZone": f"{REGION}{zone}", "CidrBlock": f"10.0.{n}.0/24", "MapPublicIpOnLaunch": False, "Tags": stack.tags, "VpcId": ref(vpc)},
        )
        for n, zone in ((1, "a"), (2, "b"))
    ]
    cluster = stack.add(
        "Cluster/Resource",
        "AWS::ECS::Cluster",
        {
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enhanced"}],
            "Configuration": {"ManagedStorageConfiguration": {"FargateEphemeralStorageKmsKeyId": att(key)}},
            "Tags": stack.tags,
        },
    )
    certificate = stack.add(
        "Certificate/Resource",
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": f"*.{stack.environment.lower()}.example.com",
            "DomainValidationOptions": [{"DomainName": f"*.{stack.environment.lower()}.example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"}],
            "Tags": stack.tags,
            "ValidationMethod": "DNS",
        },
    )
    shared.stack = stack
    shared.key = stack.export(key, "Arn")
    shared.vpc = stack.export(vpc)
    shared.subnets = [stack.export(s) for s in subnets]
    shared.cluster = stack.export(cluster)
    shared.certificate = stack.export(certificate)


def fill(stack, shared, target):
    """Constructs until the stack has exactly `target` resources, CDK's own included."""
    stack.add(
        "CDKMetadata/Default",
        "AWS::CDK::Metadata",
        {"Analytics": "v2:deflate64:" + hashlib.sha512(stack.name.encode()).hexdigest()},
    )
    while (left := target - len(stack.resources)) > 0:
        fitting = [c for c in CONSTRUCTS if c[1] <= left]
        _, _, build = stack.rng.choices(fitting, weights=[c[0] for c in fitting])[0]
        build(stack, shared, left)


def sizes(stacks, resources, rng):
    """`stacks` numbers around the mean whose sum is `resources`."""
    mean = resources / stacks
    out = [max(2, round(rng.uniform(0.4, 1.6) * mean)) for _ in range(stacks)]
    position, difference = 0, resources - sum(out)
    while difference:
        step = 1 if difference > 0 else -1
        if out[position % stacks] + step >= 2:
            out[position % stacks] += step
            difference -= step
        position += 1
    return out


def stack_artifact(stack, digest):
    where = f"aws://{stack.account}/{REGION}"
    role = "arn:${AWS::Partition}:iam::" + f"{stack.account}:role/cdk-hnb659fds-%s-role-{stack.account}-{REGION}"
    bootstrap = {"requiresBootstrapStackVersion": 6, "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version"}
    return {
        f"{stack.name}.assets": {
            "type": "cdk:asset-manifest",
            "properties": {"file": f"{stack.name}.assets.json", **bootstrap},
        },
        stack.name: {
            "type": "aws:cloudformation:stack",
            "environment": where,
            "properties": {
                "templateFile": f"{stack.name}.template.json",
                "terminationProtection": stack.environment == "Prod",
                "tags": {t["Key"]: t["Value"] for t in stack.tags},
                "validateOnSynth": False,
                "assumeRoleArn": role % "deploy",
                "cloudFormationExecutionRoleArn": role % "cfn-exec",
                "stackTemplateAssetObjectUrl": f"s3://cdk-hnb659fds-assets-{stack.account}-{REGION}/{digest}.json",
                **bootstrap,
                "additionalDependencies": [f"{stack.name}.assets"],
                "lookupRole": {
                    "arn": role % "lookup",
                    "requiresBootstrapStackVersion": 8,
                    "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
                },
            },
            "dependencies": [*stack.dependencies, f"{stack.name}.assets"],
            "additionalMetadataFile": f"{stack.name}.metadata.json",
            "displayName": stack.name,
        },
    }


def asset_manifest(stack, digest):
    destination = {
        "bucketName": f"cdk-hnb659fds-assets-{stack.account}-{REGION}",
        "objectKey": f"{digest}.json",
        "region": REGION,
        "assumeRoleArn": "arn:${AWS::Partition}:iam::"
        + f"{stack.account}:role/cdk-hnb659fds-file-publishing-role-{stack.account}-{REGION}",
    }
    return {
        "version": SCHEMA_VERSION,
        "files": {
            digest: {
                "displayName": f"{stack.name} Template",
                "source": {"path": f"{stack.name}.template.json", "packaging": "file"},
                "destinations": {f"{stack.account}-{REGION}": destination},
            }
        },
        "dockerImages": {},
    }


def generate(out, stacks, resources, seed=20260101):
    """Write the assembly to `out`; return the counts it ended with."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"{seed}/{stacks}/{resources}")
    shared = {environment: Shared() for environment in ACCOUNTS}
    environments = list(ACCOUNTS)
    artifacts, total, size = {}, 0, 0
    for number, target in enumerate(sizes(stacks, resources, rng)):
        environment = environments[number % 3]
        system = SYSTEMS[(number // 3) % len(SYSTEMS)]
        first = shared[environment].stack is None
        module = "Foundation" if first else MODULES[(number // 24) % len(MODULES)]
        stack = Stack(f"{system}-{environment}-{module}-{number:04}", system, module, environment, seed)
        if first and target >= 9:
            foundation(stack, shared[environment])
        # No stack imports what it exports itself.
        fill(stack, Shared() if first else shared[environment], target)
        body = json.dumps(stack.template(), indent=1, ensure_ascii=False)
        digest = hashlib.sha256(body.encode()).hexdigest()
        (out / f"{stack.name}.template.json").write_text(body)
        (out / f"{stack.name}.metadata.json").write_text(json.dumps(stack.metadata, indent=2))
        (out / f"{stack.name}.assets.json").write_text(json.dumps(asset_manifest(stack, digest), indent=2))
        artifacts.update(stack_artifact(stack, digest))
        total += len(stack.resources)
        size += len(body.encode())
    manifest = {"version": SCHEMA_VERSION, "artifacts": artifacts, "minimumCliVersion": MINIMUM_CLI}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2))
    (out / "cdk.out").write_text(json.dumps({"version": SCHEMA_VERSION}))
    return {"stacks": stacks, "resources": total, "template_bytes": size}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=400)
    parser.add_argument("--resources", type=int, help="default: 18.75 for each stack, so 7,500 for 400")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="an absent or empty folder, or an older assembly to replace")
    arguments = parser.parse_args()
    resources = arguments.resources or round(arguments.stacks * RESOURCES_PER_STACK)
    if resources < 2 * arguments.stacks:
        parser.error("at least two resources a stack are needed")
    if arguments.out.exists() and any(arguments.out.iterdir()):
        if not (arguments.out / MANIFEST).exists():
            parser.error(f"{arguments.out} holds files and is not an assembly; it is left alone")
        shutil.rmtree(arguments.out)
    json.dump(generate(arguments.out, arguments.stacks, resources, arguments.seed), sys.stdout)
    print()


if __name__ == "__main__":
    main()
