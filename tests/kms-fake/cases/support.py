"""A running fake, and clients of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SCRIPT = Path(__file__).parents[1] / "kms_fake.py"
ACCOUNT, OTHER = "111111111111", "222222222222"
HERE, THERE = "eu-central-1", "eu-west-1"
DAY = 86_400
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


class Fake:
    """The process. It ends with the pipe to it, however the tests end."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(SCRIPT), "--port", "0", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"END_WITH_STDIN": "1"},
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().removeprefix("listening on ")
        self.clients: dict[tuple[str, ...], Any] = {}

    def client(self, access_key: str = "AKIAROOT", region: str = HERE, service: str = "kms", **config: Any) -> Any:
        # Without retries, so that a fault is seen as often as it is told; and without boto3's own look at parameters,
        # which is by the same model as the fake's and would leave nothing to it.
        name = (access_key, region, service, repr(config))
        if name not in self.clients:
            self.clients[name] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.url,
                aws_access_key_id=access_key,
                aws_secret_access_key="EXAMPLE",
                config=Config(
                    retries={"total_max_attempts": config.get("attempts", 1), "mode": "standard"},
                    parameter_validation=False,
                ),
            )
        return self.clients[name]

    def control(self, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/_control/{name}", data) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Case(unittest.TestCase):
    """Tests of one fake, emptied before each."""

    fake: Fake
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.fake = Fake()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.fake.stop()

    def setUp(self) -> None:
        self.fake.control("reset", {})
        self.kms = self.fake.client()

    def caller(self, name: str, *documents: Any, account: str = ACCOUNT, region: str = HERE) -> Any:
        """The client of a role with these identity policies."""
        arn = role(name, account)
        access_key = f"AKIA{account[:4]}{name.upper()}"
        self.fake.control("callers", {access_key: arn})
        self.fake.control("identity", {arn: list(documents)})
        return self.fake.client(access_key, region)

    def advance(self, days: float) -> None:
        self.fake.control("clock", {"advance_seconds": days * DAY})

    def key(self, client: Any = None, **how: Any) -> str:
        return (client or self.kms).create_key(**how)["KeyMetadata"]["Arn"]

    def state(self, arn: str, client: Any = None) -> str:
        client = client or self.fake.client(region=arn.split(":")[3])
        return client.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]

    def refused(self, code: str, call: Callable[..., Any], *args: Any, **how: Any) -> str:
        """The message of the error that the call must end with."""
        with self.assertRaises(ClientError) as caught:
            call(*args, **how)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        return error["Message"]


def role(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return document(statement("Allow", actions, Resource=resource, **more))


def statement(effect: str, actions: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": "*"} | more


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def key_policy(*statements: dict[str, Any], delegated: bool = True) -> str:
    """A key policy; unless it is told otherwise, with the account's delegation, as the default one."""
    root = [statement("Allow", ["kms:*"], Principal={"AWS": ROOT})] if delegated else []
    return json.dumps(document(*root, *statements))
