"""The shop: what its resources are called, how they are tagged, and the policies written for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MANAGEMENT_ACCOUNT = "111111111111"
MEMBER_ACCOUNT = "222222222222"
# An account outside the organization, for what is shared too widely.
STRANGER_ACCOUNT = "999999999999"
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1")
MAIN = (MANAGEMENT_ACCOUNT, "eu-central-1")
SECOND = (MEMBER_ACCOUNT, "eu-west-1")
AUDIT_ROLE = "lockfast-audit"

ENVIRONMENTS = ("prod", "staging", "dev")
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
SYSTEMS = (
    "orders",
    "customers",
    "invoices",
    "payments",
    "catalogue",
    "shipping",
    "reviews",
    "loyalty",
    "returns",
    "search",
)

# Fake, and obviously so; the first two are the ones of AWS's own documentation.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PASSWORD = "EXAMPLE-not-a-Password-1"


@dataclass(frozen=True)
class Label:
    """The two tags of the policy, in the spellings of the services."""

    environment: str = ""
    classification: str = ""

    def pairs(self, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
        return [{key: k, value: v} for k, v in self.map().items()]

    def map(self) -> dict[str, str]:
        tags = {"Environment": self.environment, "DataClassification": self.classification}
        return {k: v for k, v in tags.items() if v}


UNTAGGED = Label()
PROD_RESTRICTED = Label("prod", "restricted")
PROD_CONFIDENTIAL = Label("prod", "confidential")
PROD_INTERNAL = Label("prod", "internal")
PROD_PUBLIC = Label("prod", "public")
STAGING = Label("staging", "internal")
DEV = Label("dev", "internal")


def bulk(count: int, label_every: int = 7) -> list[tuple[str, Label, int]]:
    """`count` names with labels, in an order that mixes environments, classes and (each seventh) none."""
    out = []
    for i in range(count):
        system = SYSTEMS[i % len(SYSTEMS)]
        environment = ENVIRONMENTS[(i // 2) % len(ENVIRONMENTS)]
        classification = CLASSIFICATIONS[(i * 3 + i // 4) % len(CLASSIFICATIONS)]
        label = UNTAGGED if i % label_every == label_every - 1 else Label(environment, classification)
        out.append((f"{system}-{environment}-{i:03}", label, i))
    return out


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(service: str) -> str:
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}
