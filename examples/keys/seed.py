"""Fills the account to try keys in: a key that orders, a queue, a secret and a bucket hang on, and one that nothing needs."""

import json
import pathlib
import sys
import time

import boto3

folder = pathlib.Path(sys.argv[1])
REGION = "eu-central-1"
MOTO, KMS = "http://127.0.0.1:5990", "http://127.0.0.1:5991"
ROOT = "arn:aws:iam::111111111111:root"


def client(service, url=MOTO):
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "none"}
    return boto3.client(service, region_name=REGION, endpoint_url=url, **keys)


def wait():
    for _ in range(300):
        try:
            client("sts").get_caller_identity()
            client("kms", KMS).list_keys()
            return
        except Exception:
            time.sleep(0.1)
    sys.exit("the servers do not answer; see moto.log and kms.log")


wait()
kms = client("kms", KMS)
policy = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"},
        {
            "Sid": "ThroughServices",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:role/checkout"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}},
        },
    ],
}
orders = kms.create_key(Policy=json.dumps(policy), MultiRegion=True, Tags=[{"TagKey": "owner", "TagValue": "shop"}])
orders = orders["KeyMetadata"]["Arn"]
kms.create_alias(AliasName="alias/orders", TargetKeyId=orders)
kms.replicate_key(KeyId=orders, ReplicaRegion="eu-west-1")
old = kms.create_key(Description="what the shop used before")["KeyMetadata"]["Arn"]
kms.create_alias(AliasName="alias/before", TargetKeyId=old)

iam = client("iam")
for name, actions in (("checkout", ["sqs:*"]), ("operator", ["kms:Decrypt"]), ("deployer", ["kms:PutKeyPolicy", "sts:AssumeRole"])):
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
client("sqs").create_queue(QueueName="orders", Attributes={"KmsMasterKeyId": orders})
client("secretsmanager").create_secret(Name="shop/database", KmsKeyId=orders, SecretString="none")
s3 = client("s3")
s3.create_bucket(Bucket="shop-orders", CreateBucketConfiguration={"LocationConstraint": REGION})
s3.put_bucket_encryption(
    Bucket="shop-orders",
    ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": orders}}]
    },
)
for number in range(300):
    s3.put_object(
        Bucket="shop-orders",
        Key=f"2026/{number:04}.json",
        Body=json.dumps({"order": number}),
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=orders,
        ChecksumAlgorithm="SHA256",
    )
(folder / "orders").write_text(orders)
(folder / "old").write_text(old)
