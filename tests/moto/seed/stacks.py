"""What code made: a stack each of production and staging, from one template."""

from __future__ import annotations

import json
from typing import Any

from .keys import separated_policy
from .site import Site


def _template(site: Site, environment: str) -> str:
    tags = [{"Key": "Environment", "Value": environment}, {"Key": "DataClassification", "Value": "internal"}]

    def tagged(logical_id: str) -> list[dict[str, str]]:
        # CloudFormation puts these on whatever it makes; moto on little of it.
        return [
            *tags,
            {"Key": "aws:cloudformation:stack-name", "Value": f"shop-{environment}-returns"},
            {"Key": "aws:cloudformation:logical-id", "Value": logical_id},
        ]

    table: dict[str, Any] = {
        "TableName": f"returned-{environment}",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": tagged("Returned"),
    }
    parcel = {"QueueName": f"parcels-{environment}", "Tags": tagged("Parcels")}
    if environment == "prod":
        table["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "Key"}}
        # Staging is weaker in this: its queue is not encrypted.
        parcel["KmsMasterKeyId"] = {"Ref": "Key"}
    else:
        parcel["SqsManagedSseEnabled"] = False
    return json.dumps(
        {
            "Resources": {
                "Key": {
                    "Type": "AWS::KMS::Key",
                    "Properties": {
                        "Description": f"returns of {environment}",
                        # As text and without tags: moto fails on either otherwise.
                        "KeyPolicy": separated_policy(site),
                        "EnableKeyRotation": True,
                    },
                },
                "Returned": {"Type": "AWS::DynamoDB::Table", "Properties": table},
                "Parcels": {"Type": "AWS::SQS::Queue", "Properties": parcel},
                "Labels": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": tagged("Labels")}},
            }
        }
    )


def stacks(site: Site) -> None:
    for environment in ("prod", "staging"):
        site.attempt(
            "cloudformation.create_stack",
            StackName=f"shop-{environment}-returns",
            TemplateBody=_template(site, environment),
        )


IN_FULL_SITES = [stacks]
