#!/usr/bin/env python3
"""Write a snapshot of one account with many principals and keys, the same bytes for the same arguments.

It has the records and properties that `lockfast scan` writes, of IAM, KMS and Organizations. Nothing in it is real; its
kinds of statements, and how often each occurs, are those that accounts of this size have (README.md lists them).

Standard library only; the one source of chance is a seeded generator.
"""

import argparse
import json
import pathlib
import random
import string
import sys
import uuid

ACCOUNT, OTHER, MANAGEMENT = "111111111111", "222222222222", "999999999999"
ORGANIZATION, ROOT, UNIT = "o-a1b2c3d4e5", "r-ab12", "ou-ab12-workload"
REGIONS = ["eu-central-1", "eu-west-1"]
ROLES, USERS, GROUPS, KEYS = 4500, 500, 50, 200
MANAGED = 30  # customer managed policies; AWS's own and boundaries come beside them
LINKED = 30  # of the roles, those that services made for themselves
GRANTS = 20  # on a tenth of the keys
TEAMS = [
    "billing", "catalog", "checkout", "claims", "crm", "data", "fleet", "fraud", "identity", "inventory", "ledger", "loyalty", "mail",
    "media", "orders", "partner", "payments", "platform", "pricing", "reports", "returns", "search", "shipping", "support", "web",
]  # fmt: skip
ENVIRONMENTS = ["dev", "test", "prod"]
CLASSES = ["public", "internal", "confidential", "secret"]
WORKLOADS = ["api", "worker", "etl", "deploy", "backup", "batch", "stream", "cron", "admin", "reader"]
SERVICES = ["s3", "dynamodb", "rds", "secretsmanager", "ssm", "sqs", "lambda", "ebs"]
USE = ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
CRYPTOGRAPHY = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
ADMINISTER = [
    "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*", "kms:Disable*", "kms:Get*",
    "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
]  # fmt: skip
# What policies say beside keys.
ELSE = [
    (["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::{team}-{env}-*"),
    (["s3:PutObject", "s3:AbortMultipartUpload"], "arn:aws:s3:::{team}-{env}-in/*"),
    (["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"], "arn:aws:dynamodb:*:111111111111:table/{team}-*"),
    (["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:aws:sqs:*:111111111111:{team}-*"),
    (["sns:Publish"], "arn:aws:sns:*:111111111111:{team}-*"),
    (["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:*:111111111111:log-group:/{team}/*"),
    (["secretsmanager:GetSecretValue"], "arn:aws:secretsmanager:*:111111111111:secret:{team}/{env}/*"),
    (["ssm:GetParameter*"], "arn:aws:ssm:*:111111111111:parameter/{team}/*"),
    (["ec2:Describe*", "cloudwatch:GetMetric*", "cloudwatch:ListMetrics"], "*"),
    (["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "arn:aws:ecr:*:111111111111:repository/{team}/*"),
    (["lambda:InvokeFunction"], "arn:aws:lambda:*:111111111111:function:{team}-*"),
    (["states:StartExecution"], "arn:aws:states:*:111111111111:stateMachine:{team}-*"),
    (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    (["kms:Describe*", "kms:List*"], "*"),
    (["events:PutEvents"], "arn:aws:events:*:111111111111:event-bus/{team}"),
    (["athena:StartQueryExecution", "glue:GetTable*"], "*"),
]


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect, actions, resource="*", condition=None, principal=None, sid=None, **more):
    out = {"Sid": sid} if sid else {}
    out["Effect"] = effect
    if principal is not None:
        out["Principal"] = principal
    if actions is not None:
        out["Action"] = actions
    if resource is not None:
        out["Resource"] = resource
    if condition:
        out["Condition"] = condition
    return {**out, **more}


def tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items() if value]


def trust(service):
    return document(statement("Allow", "sts:AssumeRole", None, principal={"Service": f"{service}.amazonaws.com"}))


class Maker:
    def __init__(self, seed, scale=1.0):
        self.random = random.Random(seed)
        self.roles, self.users = round(ROLES * scale), round(USERS * scale)
        self.groups, self.keys = max(1, round(GROUPS * scale)), max(10, round(KEYS * scale))
        # What each is called is decided first, since policies name keys and key policies name roles.
        self.key_ids = []
        for index in range(self.keys):
            region = REGIONS[0] if index % 4 else REGIONS[1]
            key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
            self.key_ids.append((key, region, f"arn:aws:kms:{region}:{ACCOUNT}:key/{key}"))
        self.role_names = [self.role_name(index) for index in range(self.roles)]
        self.user_names = [f"user-{index:03}.{self.some(TEAMS)}" for index in range(self.users)]

    # --- Chance ---

    def some(self, of):
        return self.random.choice(of)

    def chance(self, part):
        return self.random.random() < part

    def sample(self, of, least, most):
        return self.random.sample(of, min(len(of), self.random.randint(least, most)))

    def unique(self, prefix):
        return prefix + "".join(self.random.choices(string.ascii_uppercase + string.digits, k=17))

    # --- Names ---

    def role_name(self, index):
        """Team, environment, name, path."""
        if index < LINKED:
            service = f"service{index:02}.amazonaws.com"
            return None, None, f"AWSServiceRoleForService{index:02}", f"/aws-service-role/{service}/"
        team, env = self.some(TEAMS), self.some(ENVIRONMENTS)
        name = f"{team}-{env}-{self.some(WORKLOADS)}-{index:04}"
        if self.chance(0.05):
            return team, env, f"AWSReservedSSO_{name}", "/aws-reserved/sso.amazonaws.com/"
        return team, env, name, "/service/" if self.chance(0.15) else "/"

    def role_arn(self, index):
        _, _, name, path = self.role_names[index]
        return f"arn:aws:iam::{ACCOUNT}:role{path}{name}"

    def user_arn(self, index):
        return f"arn:aws:iam::{ACCOUNT}:user/{self.user_names[index]}"

    def some_role(self):
        return self.random.randrange(LINKED, self.roles)

    def some_keys(self, least=1, most=6):
        return [arn for _, _, arn in self.sample(self.key_ids, least, most)]

    def via(self, least=1, most=3):
        services = self.sample(SERVICES, least, most)
        return [f"{service}.{region}.amazonaws.com" for service in services for region in REGIONS[: self.random.randint(1, 2)]]

    # --- Policies of identities ---

    def about_keys(self, team, env):
        """One statement about keys, of a usual kind."""
        all_keys = f"arn:aws:kms:*:{ACCOUNT}:key/*"
        kinds = {
            "named keys": (30, lambda: statement("Allow", USE, self.some_keys())),
            "named keys, any cryptography": (8, lambda: statement("Allow", CRYPTOGRAPHY, self.some_keys(1, 3))),
            "by a service": (14, lambda: statement("Allow", USE, all_keys, {"StringEquals": {"kms:ViaService": self.via()}})),
            "by a service, any region": (
                6, lambda: statement("Allow", USE, "*", {"StringLike": {"kms:ViaService": f"{self.some(SERVICES)}.*.amazonaws.com"}})),
            "by tag": (12, lambda: statement("Allow", USE, all_keys, {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}})),
            "by a tag's value": (
                8, lambda: statement("Allow", "kms:Decrypt", "*", {"StringEquals": {"aws:ResourceTag/team": team, "aws:ResourceTag/env": env}})),
            "by encryption context": (
                8, lambda: statement("Allow", ["kms:Decrypt"], self.some_keys(2, 8), {"StringEquals": {"kms:EncryptionContext:app": team}})),
            "by alias": (4, lambda: statement("Allow", USE, all_keys, {"ForAnyValue:StringLike": {"kms:ResourceAliases": f"alias/{team}-*"}})),
            "one region": (3, lambda: statement("Allow", "kms:*", f"arn:aws:kms:{self.some(REGIONS)}:{ACCOUNT}:key/*")),
            "administration": (5, lambda: statement("Allow", ADMINISTER, all_keys)),
            "no secrets without MFA": (
                3, lambda: statement("Deny", "kms:Decrypt", "*", {
                    "StringEquals": {"aws:ResourceTag/classification": "secret"}, "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})),
            "never these": (3, lambda: statement("Deny", ["kms:Decrypt", "kms:ReEncryptFrom"], self.some_keys(1, 4))),
            "only these": (2, lambda: statement("Deny", "kms:Decrypt", None, NotResource=self.some_keys(60, 90))),
            "not of another environment": (
                2, lambda: statement("Deny", ["kms:Decrypt"], "*", {"StringNotEqualsIfExists": {"aws:ResourceTag/env": ["dev", "test", env]}})),
        }  # fmt: skip
        make = self.random.choices([make for _, make in kinds.values()], [weight for weight, _ in kinds.values()])[0]
        return make()

    def about_else(self, team, env):
        actions, resource = self.some(ELSE)
        return statement("Allow", actions, resource.format(team=team, env=env))

    def policy_document(self, least, most, of_keys):
        team, env = self.some(TEAMS), self.some(ENVIRONMENTS)
        size = self.random.randint(least, most)
        statements = [self.about_keys(team, env) for _ in range(min(of_keys, size))]
        statements += [self.about_else(team, env) for _ in range(size - len(statements))]
        self.random.shuffle(statements)
        return document(*statements)

    def managed(self):
        """Name, ARN, document of the policies that many share."""
        self.policies, self.of_aws, self.boundaries = [], [], []
        for index in range(MANAGED):
            of_keys = self.random.choices([0, 1, 2, 3], [55, 25, 15, 5])[0]
            name = f"{self.some(TEAMS)}-{self.some(WORKLOADS)}-{index:02}"
            self.policies.append((name, f"arn:aws:iam::{ACCOUNT}:policy/{name}", self.policy_document(5, 15, of_keys)))
        for name, what in (
            ("AdministratorAccess", document(statement("Allow", "*", "*"))),
            ("PowerUserAccess", document(
                statement("Allow", None, "*", NotAction=["iam:*", "organizations:*", "account:*"]),
                statement("Allow", ["account:GetAccountInformation", "iam:CreateServiceLinkedRole", "iam:ListRoles"], "*"))),
            ("ReadOnlyAccess", document(statement("Allow", ["ec2:Describe*", "iam:Get*", "kms:Describe*", "kms:Get*", "kms:List*", "s3:Get*"], "*"))),
        ):  # fmt: skip
            self.of_aws.append((name, f"arn:aws:iam::aws:policy/{name}", what))
        for name, what in (
            ("limit-everything-but-iam", document(statement("Allow", None, "*", NotAction=["iam:*", "organizations:*"]))),
            ("limit-own-team", document(
                statement("Allow", ["s3:*", "dynamodb:*", "sqs:*", "logs:*", "lambda:*"], "*"),
                statement("Allow", "kms:*", "*", {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}))),
            ("limit-no-keys", document(statement("Allow", ["s3:*", "dynamodb:*", "ec2:*", "logs:*", "kms:Describe*"], "*"))),
            ("limit-no-secrets", document(
                statement("Allow", "*", "*"),
                statement("Deny", ["kms:Decrypt", "kms:CreateGrant"], "*", {"StringEquals": {"aws:ResourceTag/classification": ["confidential", "secret"]}}))),
        ):  # fmt: skip
            self.boundaries.append((name, f"arn:aws:iam::{ACCOUNT}:policy/boundary/{name}", what))

    def attached(self, most):
        """Few policies hang on many identities."""
        weights = [1 / (rank + 4) for rank in range(len(self.policies))]
        count = self.random.randint(0 if most < 3 else 1, most)
        arns = [arn for _, arn, _ in self.random.choices(self.policies, weights, k=count)]
        kind = self.random.random()
        arns += [self.of_aws[0][1]] * (kind < 0.005) + [self.of_aws[1][1]] * (0.005 < kind < 0.015) + [self.of_aws[2][1]] * (0.015 < kind < 0.1)
        return list(dict.fromkeys(arns))

    def inline(self, part):
        if not self.chance(part):
            return []
        return [{"PolicyName": "inline", "PolicyDocument": self.policy_document(1, 3, self.random.choices([0, 1, 2], [60, 30, 10])[0])}]

    def own_tags(self, team, env):
        if self.chance(0.12):
            return []
        clearance = self.some(CLASSES) if self.chance(0.4) else None
        return tags(team=team, env=env, clearance=clearance)

    def boundary(self):
        return {"PermissionsBoundary": self.some(self.boundaries)[1]} if self.chance(0.2) else {}

    # --- Records ---

    def role(self, index):
        team, env, name, path = self.role_names[index]
        props = {"RoleName": name, "Path": path, "RoleId": self.unique("AROA"), "CreateDate": "2025-02-01T10:00:00Z"}
        if index < LINKED:
            what = document(statement("Allow", ["ec2:Describe*", "cloudwatch:PutMetricData"], "*"), *[statement("Allow", USE, "*")] * (index % 3 == 0))
            props["AssumeRolePolicyDocument"] = trust(path.split("/")[2].split(".")[0])
            props |= {"Policies": [{"PolicyName": "service", "PolicyDocument": what}], "ManagedPolicyArns": [], "Tags": []}
        else:
            props["AssumeRolePolicyDocument"] = trust(self.some(["ec2", "lambda", "ecs-tasks"]))
            props |= {"Policies": self.inline(0.6), "ManagedPolicyArns": self.attached(3), **self.boundary(), "Tags": self.own_tags(team, env)}
        return record("AWS::IAM::Role", name, self.role_arn(index), props, "iam:GetAccountAuthorizationDetails")

    def user(self, index):
        name = self.user_names[index]
        props = {
            "UserName": name, "Path": "/", "UserId": self.unique("AIDA"), "CreateDate": "2024-05-01T10:00:00Z",
            "Groups": [f"group-{group:02}" for group in self.sample(range(self.groups), 1, 3)],
            "Policies": self.inline(0.1), "ManagedPolicyArns": self.attached(1), **self.boundary(),
            "Tags": self.own_tags(name.split(".")[1], self.some(ENVIRONMENTS)),
        }  # fmt: skip
        return record("AWS::IAM::User", name, self.user_arn(index), props, "iam:GetAccountAuthorizationDetails")

    def group(self, index):
        name = f"group-{index:02}"
        props = {
            "GroupName": name, "Path": "/", "GroupId": self.unique("AGPA"), "CreateDate": "2024-05-01T10:00:00Z",
            "Policies": self.inline(0.3), "ManagedPolicyArns": self.attached(3),
        }  # fmt: skip
        return record("AWS::IAM::Group", name, f"arn:aws:iam::{ACCOUNT}:group/{name}", props, "iam:GetAccountAuthorizationDetails")

    def policy(self, name, arn, what):
        props = {
            "ManagedPolicyName": name, "Path": "/boundary/" if "/boundary/" in arn else "/", "PolicyDocument": what, "DefaultVersionId": "v1",
            "CreateDate": "2024-05-01T10:00:00Z",
        }  # fmt: skip
        return record("AWS::IAM::ManagedPolicy", name, arn, props, "iam:GetAccountAuthorizationDetails")

    def key_policy(self, kind):
        root = statement("Allow", "kms:*", "*", principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, sid="Enable IAM User Permissions")
        administrators = statement("Allow", ADMINISTER, "*", principal={"AWS": [self.role_arn(self.some_role())]}, sid="Administrators")
        match kind:
            case "default":
                return document(root)
            case "via":
                # As AWS writes them for its own keys.
                condition = {"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": self.some(self.via())}}
                by_service = statement("Allow", CRYPTOGRAPHY, "*", condition, {"AWS": "*"}, "Allow access through the service")
                seen = statement("Allow", ["kms:Describe*", "kms:Get*", "kms:List*"], "*", principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
                if self.chance(0.5):
                    condition = {"StringEquals": {"kms:ViaService": self.via()}}
                    by_service = statement("Allow", CRYPTOGRAPHY, "*", condition, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
                return document(by_service, seen)
            case "named":
                users = [self.role_arn(self.some_role()) for _ in range(self.random.randint(2, 8))]
                users += [self.user_arn(self.random.randrange(self.users)) for _ in range(self.random.randint(0, 3))]
                if self.chance(0.2):
                    name = self.role_names[self.some_role()][2]
                    users.append(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/release")
                use = statement("Allow", CRYPTOGRAPHY, "*", principal={"AWS": users}, sid="Users")
                grants = statement(
                    "Allow", ["kms:CreateGrant", "kms:ListGrants"], "*", {"Bool": {"kms:GrantIsForAWSResource": "true"}}, {"AWS": users}, "Resources")  # fmt: skip
                context = []
                if self.chance(0.3):
                    condition = {"StringEquals": {"kms:EncryptionContext:tenant": self.some(["a", "b", "c"])}}
                    context.append(statement("Allow", "kms:Decrypt", "*", condition, {"AWS": self.role_arn(self.some_role())}, "Tenant"))
                delegated = [root] if self.chance(0.3) else []
                return document(*delegated, administrators, use, grants, *context)
            case "tagged":
                team = self.some(TEAMS)
                operator = self.some(["StringNotEquals", "StringNotLike"])
                condition = {operator: {"aws:PrincipalTag/team": team if operator == "StringNotEquals" else [f"{team[0]}*", "p*"]}}
                return document(root, statement("Deny", CRYPTOGRAPHY, "*", condition, {"AWS": "*"}, "Team only"))
            case "across":
                other = {"AWS": [f"arn:aws:iam::{OTHER}:role/reader", f"arn:aws:iam::{OTHER}:root"][: self.random.randint(1, 2)]}
                use = statement("Allow", CRYPTOGRAPHY, "*", principal=other, sid="Other account")
                organization = statement("Allow", ["kms:Decrypt", "kms:DescribeKey"], "*", {
                    "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}, "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{self.some(TEAMS)}-prod-*"},
                }, "*", "Organization")  # fmt: skip
                return document(root, use, *[organization] * self.chance(0.4))

    def grants(self):
        out = []
        for index in range(GRANTS):
            kind = self.random.random()
            grantee = self.role_arn(self.some_role())
            if kind < 0.1:
                grantee = self.user_arn(self.random.randrange(self.users))
            elif kind < 0.2:
                grantee = f"arn:aws:iam::{OTHER}:role/reader"
            elif kind < 0.3:
                grantee = f"{self.some(['rds', 'ebs', 'dynamodb'])}.amazonaws.com"
            operations = ["Decrypt", "GenerateDataKey", "DescribeKey"] if self.chance(0.8) else ["Encrypt", "DescribeKey"]
            grant = {
                "GrantId": f"{self.random.getrandbits(256):064x}", "Name": "", "GranteePrincipal": grantee,
                "IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root", "Operations": operations, "CreationDate": "2026-01-01T10:00:00Z",
            }  # fmt: skip
            pairs = {"aws:s3:arn": f"arn:aws:s3:::{self.some(TEAMS)}-prod-data"}
            if self.chance(0.3):
                pairs["tenant"] = self.some(["a", "b", "c"])
            kind = self.random.random()
            if kind < 0.5:
                grant["Constraints"] = {"EncryptionContextSubset": pairs}
            elif kind < 0.8:
                grant["Constraints"] = {"EncryptionContextEquals": pairs}
            out.append(grant)
        return out

    def all_keys(self):
        """Keys and their aliases."""
        kinds = ["default"] * 45 + ["via"] * 12 + ["named"] * 20 + ["tagged"] * 13 + ["across"] * 10
        out = {region: [] for region in REGIONS}
        for index, (key, region, arn) in enumerate(self.key_ids):
            team, env = self.some(TEAMS), self.some(ENVIRONMENTS)
            policy = self.key_policy(kinds[index * len(kinds) // self.keys])
            if self.chance(0.05):
                insecure = {"Bool": {"aws:SecureTransport": "false"}}
                policy["Statement"].append(statement("Deny", "kms:*", "*", insecure, {"AWS": "*"}, "TLS only"))
            state = "Disabled" if index % 50 == 7 else "PendingDeletion" if index % 100 == 13 else "Enabled"
            props = {
                "KeyManager": "CUSTOMER", "KeyState": state, "Enabled": state == "Enabled", "Origin": "AWS_KMS", "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": False, "CreationDate": "2025-02-03T09:12:44Z", "Description": f"{team} {env}",
                "KeyPolicy": policy, "EnableKeyRotation": True, "RotationPeriodInDays": 365, "Grants": self.grants() if index % 10 == 3 else [],
                "Tags": tags(team=team, env=env, classification=self.some(CLASSES)) if self.chance(0.9) else [],
            }  # fmt: skip
            calls = {"KeyPolicy": "kms:GetKeyPolicy", "EnableKeyRotation": "kms:GetKeyRotationStatus", "RotationPeriodInDays": "kms:GetKeyRotationStatus"}
            calls |= {"Grants": "kms:ListGrants", "Tags": "tag:GetResources"}
            if self.chance(0.8):
                name = f"alias/{team}-{env}-{index:03}"
                alias = {"AliasName": name, "TargetKeyId": key, "CreationDate": "2025-02-03T09:12:44Z"}
                out[region].append(record("AWS::KMS::Alias", name, f"arn:aws:kms:{region}:{ACCOUNT}:{name}", alias, "kms:ListAliases"))
            out[region].append(record("AWS::KMS::Key", key, arn, props, "kms:DescribeKey", calls))
        return out

    def organization(self):
        arn = f"arn:aws:organizations::{MANAGEMENT}"
        yield record("AWS::Organizations::Organization", ORGANIZATION, f"{arn}:organization/{ORGANIZATION}", {
            "Id": ORGANIZATION, "FeatureSet": "ALL", "ManagementAccountId": MANAGEMENT, "ManagementAccountArn": f"{arn}:account/{ORGANIZATION}/{MANAGEMENT}",
        }, "organizations:DescribeOrganization")  # fmt: skip
        for account, path in ((MANAGEMENT, f"{ORGANIZATION}/{ROOT}/{MANAGEMENT}/"), (ACCOUNT, f"{ORGANIZATION}/{ROOT}/{UNIT}/{ACCOUNT}/")):
            yield record("AWS::Organizations::Account", account, f"{arn}:account/{ORGANIZATION}/{account}", {
                "AccountId": account, "AccountName": f"account-{account[0]}", "State": "ACTIVE", "Paths": [path], "JoinedMethod": "CREATED",
            }, "organizations:ListAccounts")  # fmt: skip
        everything = document(statement("Allow", "*", "*"))
        scp, rcp = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
        outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
        policies = [
            (scp, "FullAWSAccess", everything, [ROOT, UNIT]),
            (scp, "stay", document(statement("Deny", ["organizations:LeaveOrganization"], "*")), [ROOT]),
            (scp, "regions", document(statement("Deny", None, "*", {"StringNotEquals": {"aws:RequestedRegion": REGIONS}}, NotAction=["iam:*", "kms:*", "sts:*"])), [UNIT]),
            (scp, "keys-stay", document(statement("Deny", ["kms:ScheduleKeyDeletion", "kms:DisableKey"], "*", {
                "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/platform-*"}})), [UNIT]),
            (scp, "services", document(statement("Allow", ["kms:*", "s3:*", "iam:*", "ec2:*", "dynamodb:*", "sqs:*", "lambda:*", "logs:*"], "*")), [ACCOUNT]),
            (scp, "secrets", document(statement("Deny", ["kms:Decrypt", "kms:ReEncryptFrom"], "*", {
                "StringEquals": {"aws:ResourceTag/classification": "secret"},
                "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/*-prod-*", "arn:aws:iam::*:role/service/*"]}})), [ACCOUNT]),
            (rcp, "RCPFullAWSAccess", everything, [ROOT, UNIT, ACCOUNT]),
            (rcp, "own-organization", document(statement("Deny", ["kms:*", "s3:*", "sqs:*"], "*", outside, "*")), [ROOT]),
            (rcp, "services-of-ours", document(statement("Deny", ["kms:*", "s3:*"], "*", {
                "StringNotEqualsIfExists": {"aws:SourceOrgID": ORGANIZATION}, "Null": {"aws:SourceAccount": "false"},
                "Bool": {"aws:PrincipalIsAWSService": "true"}}, "*")), [UNIT]),
            (rcp, "clearance", document(statement("Deny", "kms:Decrypt", "*", {
                "StringEquals": {"aws:ResourceTag/classification": "confidential"},
                "StringNotEquals": {"aws:PrincipalTag/clearance": ["confidential", "secret"]}}, "*")), [ACCOUNT]),
        ]  # fmt: skip
        for index, (kind, name, what, targets) in enumerate(policies):
            policy = f"p-{index:08}"
            where = f"{arn}:policy/{ORGANIZATION}/{kind.lower()}/{policy}"
            yield record("AWS::Organizations::Policy", policy, where, {
                "PolicyId": policy, "Name": name, "Type": kind, "AwsManaged": name.endswith("FullAWSAccess"), "Content": what, "TargetIds": targets,
            }, "organizations:ListPolicies", {"Content": "organizations:DescribePolicy", "TargetIds": "organizations:ListTargetsForPolicy"})  # fmt: skip

    def records(self):
        yield {"snapshot": {
            "format": 1, "made_by": "lockfast 0.1.0", "taken": "2026-11-23T06:00:00Z", "accounts": [{"id": ACCOUNT, "name": "bench"}],
            "regions": REGIONS, "services": ["iam", "kms", "organizations"],
        }}  # fmt: skip
        self.managed()
        yield unit("global", "iam", "iam:GetAccountAuthorizationDetails")
        for index in range(self.roles):
            yield self.role(index)
        for index in range(self.users):
            yield self.user(index)
        for index in range(self.groups):
            yield self.group(index)
        for policy in [*self.policies, *self.of_aws, *self.boundaries]:
            yield self.policy(*policy)
        for region, keys in self.all_keys().items():
            yield unit(region, "kms", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "kms:ListAliases")
            yield from keys
        yield unit("global", "organizations", "organizations:DescribeOrganization", "organizations:ListAccounts", "organizations:ListPolicies")
        yield from self.organization()


def unit(region, service, *calls):
    return {"unit": {"account": ACCOUNT, "region": region, "service": service, "calls": {call: {"answered": 1} for call in calls}}}


def record(kind, name, arn, properties, call, calls=None):
    return {"resource": {"type": kind, "name": name, "arn": arn, "from": {"": call, **(calls or {})}, "properties": properties}}


def write(path, seed=1, scale=1.0):
    """How many resources it wrote."""
    count = 0
    with open(path, "w", encoding="utf-8") as out:
        for line in Maker(seed, scale).records():
            count += "resource" in line
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
        out.write(json.dumps({"end": {"resources": count}}, separators=(",", ":")) + "\n")
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the principals and keys")
    args = parser.parse_args()
    print(f"{write(args.out, args.seed, args.scale):,} resources", file=sys.stderr)


if __name__ == "__main__":
    main()
