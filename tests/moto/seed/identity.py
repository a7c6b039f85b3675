"""Who may do what: IAM, the organization, Cognito."""

from __future__ import annotations

from .shop import (
    AUDIT_ROLE,
    DEV,
    MANAGEMENT_ACCOUNT,
    MEMBER_ACCOUNT,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    REGIONS,
    UNTAGGED,
    allow,
    bulk,
    deny,
    document,
    root,
    trust,
)
from .site import Site

SERVICE_ROLES = {
    "orders-service": "ecs-tasks.amazonaws.com",
    "payments-service": "ecs-tasks.amazonaws.com",
    "lambda-orders": "lambda.amazonaws.com",
    "replication": "s3.amazonaws.com",
    "backup": "backup.amazonaws.com",
    "rds-proxy": "rds.amazonaws.com",
    "dax": "dax.amazonaws.com",
    "flow-logs": "vpc-flow-logs.amazonaws.com",
    "config": "config.amazonaws.com",
    "trail": "cloudtrail.amazonaws.com",
    "firehose": "firehose.amazonaws.com",
    "glue": "glue.amazonaws.com",
    "sagemaker": "sagemaker.amazonaws.com",
    "states": "states.amazonaws.com",
    "codebuild": "codebuild.amazonaws.com",
    "emr": "elasticmapreduce.amazonaws.com",
    "events": "events.amazonaws.com",
    "appsync": "appsync.amazonaws.com",
}


def roles(site: Site) -> None:
    for name, service in SERVICE_ROLES.items():
        site.call("iam.create_role", RoleName=name, AssumeRolePolicyDocument=trust(service), Tags=PROD_INTERNAL.pairs())
    for name, trusted in (("key-admin", site.account), ("developer", site.account), (AUDIT_ROLE, MANAGEMENT_ACCOUNT)):
        site.call(
            "iam.create_role",
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": root(trusted), "Action": "sts:AssumeRole"}
            ),
        )


def policies(site: Site) -> None:
    def managed(name: str, *statements: dict[str, object]) -> str:
        return str(
            site.call(
                "iam.create_policy", PolicyName=name, PolicyDocument=document(*statements), Tags=PROD_INTERNAL.pairs()
            )["Policy"]["Arn"]
        )

    put = "iam.put_role_policy"
    orders_key = site.key()
    site.attempt(
        put,
        RoleName="orders-service",
        PolicyName="orders-key",
        PolicyDocument=document(
            allow(["kms:Decrypt", "kms:GenerateDataKey"], orders_key),
            allow(["ssm:GetParameter", "ssm:GetParametersByPath"], site.arn("ssm", "parameter/shop/prod/orders/*")),
            allow("secretsmanager:GetSecretValue", site.arn("secretsmanager", "secret:shop/prod/orders-db-*")),
        ),
    )
    site.attempt(
        put, RoleName="payments-service", PolicyName="too-much", PolicyDocument=document(allow(["kms:*", "ssm:Get*"]))
    )
    site.attempt(
        put,
        RoleName=AUDIT_ROLE,
        PolicyName="read-only",
        PolicyDocument=document(
            allow(
                [
                    "kms:List*",
                    "kms:Describe*",
                    "kms:GetKeyPolicy",
                    "kms:GetKeyRotationStatus",
                    "s3:GetEncryptionConfiguration",
                ]
            )
        ),
    )
    decrypt_all = managed("decrypt-everything", allow("kms:Decrypt"))
    site.attempt("iam.attach_role_policy", RoleName="developer", PolicyArn=decrypt_all)
    keys_only = managed(
        "key-administration",
        allow(["kms:Create*", "kms:Put*", "kms:ScheduleKeyDeletion", "kms:Describe*", "kms:List*"]),
    )
    site.attempt("iam.attach_role_policy", RoleName="key-admin", PolicyArn=keys_only)

    for role, policy in (("developer", "AdministratorAccess"), (AUDIT_ROLE, "SecurityAudit")):
        # Plain moto_server has no policies of AWS.
        arn = f"arn:aws:iam::aws:policy/{policy}"
        site.attempt("iam.attach_role_policy", "NoSuchEntity", RoleName=role, PolicyArn=arn)

    boundary = managed("boundary", allow("*"), deny(["kms:ScheduleKeyDeletion", "kms:DisableKey"]))
    site.attempt(
        "iam.create_role",
        RoleName="bounded",
        AssumeRolePolicyDocument=trust("lambda.amazonaws.com"),
        PermissionsBoundary=boundary,
    )
    site.attempt(put, RoleName="bounded", PolicyName="all", PolicyDocument=document(allow("kms:*")))

    site.attempt("iam.create_group", GroupName="engineers")
    site.attempt(
        "iam.put_group_policy",
        GroupName="engineers",
        PolicyName="read-parameters",
        PolicyDocument=document(allow("ssm:GetParameter*")),
    )
    site.attempt("iam.attach_group_policy", GroupName="engineers", PolicyArn=decrypt_all)
    for user, label in (("alice", PROD_INTERNAL), ("bob", UNTAGGED), ("ci", DEV)):
        bounded = {"PermissionsBoundary": boundary} if user == "ci" else {}
        site.attempt("iam.create_user", UserName=user, Tags=label.pairs(), **bounded)
    site.attempt("iam.attach_user_policy", UserName="ci", PolicyArn=decrypt_all)
    site.attempt("iam.add_user_to_group", GroupName="engineers", UserName="alice")
    site.attempt(
        "iam.put_user_policy",
        UserName="bob",
        PolicyName="admin-and-user",
        PolicyDocument=document(allow(["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:Decrypt", "kms:Encrypt"])),
    )
    site.attempt("iam.put_user_permissions_boundary", UserName="alice", PermissionsBoundary=boundary)
    site.attempt("iam.create_access_key", UserName="ci")
    site.attempt("iam.create_instance_profile", InstanceProfileName="orders-host")
    site.attempt("iam.add_role_to_instance_profile", InstanceProfileName="orders-host", RoleName="orders-service")
    for name, _, i in bulk(4 * site.scale):
        site.attempt(
            "iam.create_role", RoleName=f"bulk-{name}", AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com")
        )
        site.attempt(
            put,
            RoleName=f"bulk-{name}",
            PolicyName="key",
            PolicyDocument=document(allow("kms:Decrypt", orders_key if i % 2 else "*")),
        )


def organization(site: Site) -> None:
    """The management account, the shop's second account in a unit of its own, and the policies over them."""
    site.call("organizations.create_organization", FeatureSet="ALL")
    top = site.call("organizations.list_roots")["Roots"][0]["Id"]
    unit = site.call("organizations.create_organizational_unit", ParentId=top, Name="workloads")["OrganizationalUnit"][
        "Id"
    ]
    made = site.call(
        "organizations.create_account",
        AccountName="shop-workloads",
        Email="workloads@example.com",
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    member = made["CreateAccountStatus"]["AccountId"]
    if member != MEMBER_ACCOUNT:
        site.ledger.note_unsupported(
            "organizations.create_account", f"plain moto_server drew the id {member}; server.py gives {MEMBER_ACCOUNT}"
        )
    site.attempt("organizations.move_account", AccountId=member, SourceParentId=top, DestinationParentId=unit)
    site.attempt("organizations.enable_policy_type", RootId=top, PolicyType="SERVICE_CONTROL_POLICY")
    site.attempt("organizations.enable_policy_type", RootId=top, PolicyType="RESOURCE_CONTROL_POLICY")
    for name, kind, target, content in (
        (
            "keep-the-trail",
            "SERVICE_CONTROL_POLICY",
            top,
            document(deny(["cloudtrail:StopLogging", "cloudtrail:DeleteTrail"])),
        ),
        (
            "keys-need-two",
            "SERVICE_CONTROL_POLICY",
            unit,
            document(
                deny("kms:ScheduleKeyDeletion", Condition={"StringNotEquals": {"aws:PrincipalTag/approved-by": "two"}})
            ),
        ),
        (
            "our-regions",
            "SERVICE_CONTROL_POLICY",
            unit,
            document(deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": list(REGIONS)}})),
        ),
        (
            "https-only",
            "RESOURCE_CONTROL_POLICY",
            unit,
            document({**deny("s3:*"), "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
        ),
    ):
        policy = site.attempt("organizations.create_policy", Name=name, Description=name, Type=kind, Content=content)
        if policy:
            site.attempt(
                "organizations.attach_policy", PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=target
            )
    site.attempt("organizations.enable_aws_service_access", ServicePrincipal="config.amazonaws.com")


def cognito(site: Site) -> None:
    good = site.call(
        "cognito-idp.create_user_pool",
        PoolName="customers",
        MfaConfiguration="OPTIONAL",
        UserPoolTags=PROD_CONFIDENTIAL.map(),
        LambdaConfig={
            "KMSKeyID": site.key(),
            "CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": site.arn("lambda", "function:orders-api")},
        },
    )["UserPool"]
    site.attempt(
        "cognito-idp.create_user_pool_client",
        UserPoolId=good["Id"],
        ClientName="web",
        CallbackURLs=["https://shop.example.com/in"],
        AllowedOAuthFlows=["code"],
    )
    bad = site.call("cognito-idp.create_user_pool", PoolName="legacy")["UserPool"]
    site.attempt(
        "cognito-idp.create_user_pool_client",
        UserPoolId=bad["Id"],
        ClientName="old-web",
        CallbackURLs=["http://legacy.example.com/in"],
        AllowedOAuthFlows=["implicit"],
    )
    site.attempt(
        "cognito-idp.create_user_pool_domain",
        UserPoolId=good["Id"],
        Domain="login.example.com",
        CustomDomainConfig={"CertificateArn": site.made["certificate"]},
    )
    site.attempt(
        "cognito-identity.create_identity_pool", IdentityPoolName="customers", AllowUnauthenticatedIdentities=False
    )


FOUNDATION_PER_ACCOUNT = [roles]
PER_ACCOUNT = [policies]
IN_FULL_SITES = [cognito]
