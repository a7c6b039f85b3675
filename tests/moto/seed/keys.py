"""Keys and what they guard: KMS, ACM and IAM certificates, Secrets Manager, Parameter Store."""

from __future__ import annotations

import json
from typing import Any

from . import certificates
from .shop import (
    CLASSIFICATIONS,
    DEV,
    ENVIRONMENTS,
    MANAGEMENT_ACCOUNT,
    MEMBER_ACCOUNT,
    PASSWORD,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_RESTRICTED,
    STAGING,
    STRANGER_ACCOUNT,
    UNTAGGED,
    Label,
    allow,
    bulk,
    document,
    root,
)
from .site import Answer, Site

ADMIN_ACTIONS = [
    "kms:Create*",
    "kms:Describe*",
    "kms:Enable*",
    "kms:List*",
    "kms:Put*",
    "kms:Update*",
    "kms:Revoke*",
    "kms:Disable*",
    "kms:Get*",
    "kms:Delete*",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
]
USE_ACTIONS = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


def separated_policy(site: Site, users: str = "orders-service") -> str:
    """Administrators and users apart, and each service only for this account."""
    return document(
        allow(ADMIN_ACTIONS, Sid="Administrators", Principal={"AWS": site.role("key-admin")}),
        allow(USE_ACTIONS, Sid="Users", Principal={"AWS": site.role(users)}),
        allow(
            USE_ACTIONS,
            Sid="Logs",
            Principal={"Service": f"logs.{site.region}.amazonaws.com"},
            Condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": site.arn("logs", "*")}},
        ),
    )


def make_key(site: Site, alias: str, label: Label, rotation: int | None = None, **arguments: Any) -> str:
    """A key with its alias; `rotation` is the period in days, 0 for AWS's own year."""
    # AWS's defaults said aloud: moto leaves out of DescribeKey what was not asked for.
    arguments = {"KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": False, **arguments}
    # moto forgets the period; who mends its answers finds it here.
    every = f", rotated every {rotation or 365} days" if rotation is not None else ""
    key = site.call(
        "kms.create_key", Description=f"{alias} of the shop{every}", Tags=label.pairs("TagKey", "TagValue"), **arguments
    )["KeyMetadata"]
    site.attempt("kms.create_alias", AliasName=f"alias/{alias}", TargetKeyId=key["KeyId"])
    if rotation is not None:
        period = {"RotationPeriodInDays": rotation} if rotation else {}
        site.attempt("kms.enable_key_rotation", KeyId=key["KeyId"], **period)
    return str(key["Arn"])


def key_id(arn: str) -> str:
    """Some operations of moto find a key by its id only, where AWS takes the ARN too."""
    return arn.rsplit("/", 1)[1]


def key_hierarchy(site: Site) -> None:
    """A key for each environment and class, as the policy asks; restricted ones rotate more often, dev not at all."""
    for environment in ENVIRONMENTS:
        for classification in CLASSIFICATIONS:
            rotation = {"dev": None, "staging": 0}.get(environment, 90 if classification == "restricted" else 365)
            site.keys[f"{environment}/{classification}"] = make_key(
                site,
                f"shop/{environment}/{classification}",
                Label(environment, classification),
                rotation,
                Policy=separated_policy(site),
            )
    # Whoever sends an alarm must be able to encrypt it.
    site.keys["alarms"] = make_key(
        site,
        "shop/alarms",
        PROD_INTERNAL,
        365,
        Policy=document(
            allow(ADMIN_ACTIONS, Sid="Administrators", Principal={"AWS": site.role("key-admin")}),
            allow(
                ["kms:Decrypt", "kms:GenerateDataKey*"],
                Sid="Senders",
                Principal={"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]},
                Condition={"StringEquals": {"aws:SourceAccount": site.account}},
            ),
        ),
    )
    # What is under these cannot be read, or is not encrypted as it should be: other services' cases need them early.
    disabled = site.keys["disabled"] = make_key(site, "shop/disabled", DEV)
    site.attempt("kms.disable_key", KeyId=key_id(disabled))
    site.keys["signing"] = make_key(site, "shop/signing-rsa", PROD_INTERNAL, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def key_oddities(site: Site) -> None:
    """Keys that break a clause each, and the kinds that a control has to treat apart."""
    make_key(site, "shop/payments/no-rotation", PROD_RESTRICTED)
    make_key(site, "shop/payments/rotation-too-slow", PROD_RESTRICTED, rotation=2560)
    make_key(site, "shop/untagged", UNTAGGED, rotation=0)
    site.made["wildcard_key"] = make_key(
        site,
        "shop/wildcard",
        PROD_CONFIDENTIAL,
        rotation=365,
        Policy=document(allow("kms:*", Principal={"AWS": "*"})),
    )
    make_key(
        site,
        "shop/stranger",
        PROD_CONFIDENTIAL,
        rotation=365,
        Policy=document(
            allow("kms:*", Principal=root(site.account)), allow(USE_ACTIONS, Principal=root(STRANGER_ACCOUNT))
        ),
    )
    partner = MEMBER_ACCOUNT if site.account == MANAGEMENT_ACCOUNT else MANAGEMENT_ACCOUNT
    make_key(
        site,
        "shop/partner",
        PROD_CONFIDENTIAL,
        rotation=365,
        Policy=document(allow("kms:*", Principal=root(site.account)), allow(USE_ACTIONS, Principal=root(partner))),
    )
    make_key(
        site,
        "shop/not-separated",
        PROD_CONFIDENTIAL,
        rotation=365,
        Policy=document(allow(ADMIN_ACTIONS + USE_ACTIONS, Principal={"AWS": site.role("orders-service")})),
    )
    make_key(
        site,
        "shop/confused-deputy",
        PROD_INTERNAL,
        rotation=365,
        Policy=document(
            allow("kms:*", Principal=root(site.account)),
            allow(USE_ACTIONS, Principal={"Service": "sns.amazonaws.com"}),
        ),
    )
    make_key(site, "shop/imported", PROD_RESTRICTED, Origin="EXTERNAL")
    make_key(site, "shop/signing-ec", PROD_INTERNAL, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    make_key(site, "shop/hmac", PROD_INTERNAL, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    # Neither description nor alias: nobody knows what it is for.
    site.attempt("kms.create_key", KeyUsage="ENCRYPT_DECRYPT", MultiRegion=False, Tags=DEV.pairs("TagKey", "TagValue"))
    doomed = make_key(site, "shop/pending-deletion", DEV)
    site.attempt("kms.schedule_key_deletion", KeyId=key_id(doomed), PendingWindowInDays=7)
    rotated = make_key(site, "shop/rotated-by-hand", PROD_CONFIDENTIAL)
    site.attempt("kms.rotate_key_on_demand", KeyId=rotated)


def multi_region_keys(site: Site) -> None:
    """One with a replica under its own policy, one whose replica (under AWS's default policy) admits others."""
    for alias in ("multi-region", "multi-region-loose"):
        policy = separated_policy(site)
        key = make_key(site, f"shop/{alias}", PROD_CONFIDENTIAL, rotation=365, MultiRegion=True, Policy=policy)
        site.attempt(
            "kms.replicate_key",
            KeyId=key_id(key),
            ReplicaRegion="eu-west-1",
            Description=f"replica of {alias}",
        )
        if alias == "multi-region-loose":
            # moto gives the replica the primary's policy, whatever was asked.
            there = site.clients.get("kms", "eu-west-1", site.credentials)
            loose = document(allow("kms:*", Principal=root(site.account)))
            there.put_key_policy(KeyId=key_id(key), PolicyName="default", Policy=loose)


def grants(site: Site) -> None:
    site.attempt(
        "kms.create_grant",
        KeyId=site.key(),
        GranteePrincipal=site.role("orders-service"),
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": {"system": "orders"}},
        Name="orders-only",
    )
    site.attempt(
        "kms.create_grant",
        KeyId=site.key(),
        GranteePrincipal=f"arn:aws:iam::{STRANGER_ACCOUNT}:role/contractor",
        Operations=["Decrypt", "CreateGrant"],
        Name="contractor",
    )


def imported_key_material(site: Site) -> None:
    key = make_key(site, "shop/imported-with-material", PROD_RESTRICTED, Origin="EXTERNAL")
    site.call(
        "kms.get_parameters_for_import", KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )


def external_key_store(site: Site) -> None:
    site.call(
        "kms.create_custom_key_store",
        CustomKeyStoreName="shop-hsm",
        CloudHsmClusterId="cluster-1a23b4cdefg",
        TrustAnchorCertificate="EXAMPLE",
        KeyStorePassword="EXAMPLE1",
    )


def acm_certificates(site: Site) -> None:
    tags = PROD_CONFIDENTIAL.pairs()
    site.made["certificate"] = site.call(
        "acm.request_certificate",
        DomainName="shop.example.com",
        ValidationMethod="DNS",
        KeyAlgorithm="EC_prime256v1",
        SubjectAlternativeNames=["www.shop.example.com"],
        Tags=tags,
    )["CertificateArn"]
    site.attempt(
        "acm.request_certificate",
        DomainName="pay.example.com",
        ValidationMethod="DNS",
        KeyAlgorithm="RSA_2048",
        Options={"CertificateTransparencyLoggingPreference": "DISABLED"},
        Tags=PROD_RESTRICTED.pairs(),
    )
    site.attempt(
        "acm.request_certificate", DomainName="mail.example.com", ValidationMethod="EMAIL", Tags=STAGING.pairs()
    )
    for name, label in (("rsa1024", UNTAGGED), ("rsa2048", PROD_INTERNAL), ("ec256", PROD_CONFIDENTIAL), ("soon", DEV)):
        certificate, key = certificates.pair(name)
        site.made[f"imported_{name}"] = site.attempt(
            "acm.import_certificate", Certificate=certificate, PrivateKey=key, Tags=label.pairs()
        ).get("CertificateArn", "")


def iam_server_certificates(site: Site) -> None:
    for name, kind in (("shop-legacy", "rsa2048"), ("shop-weak", "rsa1024"), ("shop-expiring", "soon")):
        certificate, key = certificates.pair(kind)
        site.attempt(
            "iam.upload_server_certificate",
            ServerCertificateName=name,
            Path="/shop/",
            CertificateBody=certificate.decode(),
            PrivateKey=key.decode(),
            Tags=UNTAGGED.pairs(),
        )


def make_secret(site: Site, name: str, label: Label, **arguments: Any) -> Answer:
    value = json.dumps(
        {
            "engine": "postgres",
            "host": f"{name.split('/')[-1]}.db.example.com",
            "username": "shop",
            "password": PASSWORD,
        }
    )
    return site.attempt("secretsmanager.create_secret", Name=name, SecretString=value, Tags=label.pairs(), **arguments)


def secrets(site: Site) -> None:
    rotator = site.arn("lambda", "function:rotate-database-password")
    for environment, days in (("prod", 30), ("staging", 365)):
        name = f"shop/{environment}/orders-db"
        secret = make_secret(site, name, Label(environment, "confidential"), KmsKeyId=site.key(environment))
        site.made[f"secret_{environment}"] = secret["ARN"]
        site.attempt(
            "secretsmanager.rotate_secret",
            SecretId=name,
            RotationLambdaARN=rotator,
            RotateImmediately=False,
            RotationRules={"AutomaticallyAfterDays": days},
        )
    make_secret(site, "shop/prod/payments-db", PROD_RESTRICTED)  # neither rotated nor under a key of its own
    site.attempt(
        "secretsmanager.put_resource_policy",
        SecretId="shop/prod/payments-db",
        ResourcePolicy=document(allow("secretsmanager:GetSecretValue", Principal={"AWS": "*"})),
    )
    make_secret(site, "shop/untagged/legacy-db", UNTAGGED)
    gone = make_secret(site, "shop/dev/old-db", DEV)
    if gone:
        site.attempt("secretsmanager.delete_secret", SecretId=gone["ARN"], RecoveryWindowInDays=7)
    for name, label, i in bulk(4 * site.scale):
        make_secret(site, f"shop/api/{name}", label, **({"KmsKeyId": site.key()} if i % 2 else {}))


def replicated_secret(site: Site) -> None:
    make_secret(
        site,
        "shop/prod/invoices-db",
        PROD_CONFIDENTIAL,
        KmsKeyId=site.key(),
        AddReplicaRegions=[{"Region": "eu-west-1"}],
    )


def parameters(site: Site) -> None:
    put = "ssm.put_parameter"
    site.attempt(
        put,
        Name="/shop/prod/orders/db-password",
        Type="SecureString",
        Value=PASSWORD,
        KeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        put, Name="/shop/prod/payments/db-password", Type="String", Value=PASSWORD, Tags=PROD_RESTRICTED.pairs()
    )
    site.attempt(
        put,
        Name="/shop/staging/database-url",
        Type="String",
        Tags=STAGING.pairs(),
        Value=f"postgres://shop:{PASSWORD}@orders.db.example.com:5432/orders?sslmode=disable",
    )
    site.attempt(put, Name="/shop/dev/api-token", Type="SecureString", Value="EXAMPLE-token", Tags=DEV.pairs())
    site.attempt(
        put,
        Name="/shop/prod/feature-flags",
        Type="StringList",
        Value="new-checkout,dark-mode",
        Tags=PROD_INTERNAL.pairs(),
    )
    site.attempt(
        put,
        Name="/shop/prod/tls-key",
        Type="SecureString",
        Tier="Advanced",
        KeyId=site.key("prod", "restricted"),
        Value="-----BEGIN PRIVATE KEY-----\nEXAMPLE\n-----END PRIVATE KEY-----",
        Tags=PROD_RESTRICTED.pairs(),
    )
    for name, label, i in bulk(6 * site.scale):
        secure = i % 3 == 0
        site.attempt(
            put,
            Name=f"/shop/{name.replace('-', '/')}",
            Type="SecureString" if secure else "String",
            Value="EXAMPLE-value",
            Tags=label.pairs(),
            **({"KeyId": site.key()} if secure else {}),
        )


FOUNDATION = [key_hierarchy, acm_certificates]
EVERYWHERE = [key_oddities, grants, parameters]
FOUNDATION_PER_ACCOUNT = [iam_server_certificates]
PER_ACCOUNT = [multi_region_keys, replicated_secret, imported_key_material, external_key_store]
