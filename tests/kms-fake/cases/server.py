"""The control API, faults, CloudTrail, and the state over a restart."""

from __future__ import annotations

import json
import tempfile
import threading
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError

from .support import ACCOUNT, DAY, HERE, OTHER, ROOT, THERE, Case, Fake, allow, role


class Faults(Case):
    def test_throttled(self) -> None:
        key = self.key()
        self.fake.control("faults", {"operation": "DescribeKey", "times": 2, "mode": "throttle"})
        for _ in range(2):
            self.refused("ThrottlingException", self.kms.describe_key, KeyId=key)
        self.kms.describe_key(KeyId=key)
        self.assertEqual(self.fake.control("faults"), [])

    def test_sdks_try_again(self) -> None:
        key = self.key()
        self.fake.control(
            "faults", [{"operation": "DescribeKey", "times": 1, "mode": mode} for mode in ("500", "throttle")]
        )
        self.fake.client(attempts=3).describe_key(KeyId=key)
        log = [one["outcome"] for one in self.fake.control("log") if one["operation"] == "DescribeKey"]
        self.assertEqual(log, ["KMSInternalException", "ThrottlingException", "ok"])

    def test_failing_inside(self) -> None:
        self.fake.control("faults", {"operation": "DescribeKey", "mode": "KeyUnavailableException"})
        with self.assertRaises(ClientError) as caught:
            self.kms.describe_key(KeyId=self.key())
        self.assertEqual(caught.exception.response["Error"]["Code"], "KeyUnavailableException")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)

    def test_dropped_after_the_work_is_done(self) -> None:
        key = self.key()
        self.fake.control("faults", {"operation": "ScheduleKeyDeletion", "mode": "drop-after"})
        with self.assertRaises(ConnectionClosedError):
            self.kms.schedule_key_deletion(KeyId=key)
        self.assertEqual(self.state(key), "PendingDeletion")
        # Also when the work is a refusal.
        self.fake.control("faults", {"operation": "ScheduleKeyDeletion", "mode": "drop-after"})
        with self.assertRaises(ConnectionClosedError):
            self.kms.schedule_key_deletion(KeyId=key)
        self.assertEqual(self.fake.control("log")[-1]["outcome"], "KMSInvalidStateException")

    def test_dropped_before(self) -> None:
        key = self.key()
        self.fake.control("faults", {"operation": "ScheduleKeyDeletion", "mode": "drop-before"})
        with self.assertRaises(ConnectionClosedError):
            self.kms.schedule_key_deletion(KeyId=key)
        self.assertEqual(self.state(key), "Enabled")
        self.assertIn("dropped before", [one["outcome"] for one in self.fake.control("log")])

    def test_of_one_key(self) -> None:
        key, other = self.key(), self.key()
        self.fake.control("faults", {"operation": "DisableKey", "mode": "500", "key": other})
        self.kms.disable_key(KeyId=key)
        self.refused("KMSInternalException", self.kms.disable_key, KeyId=other.split("/")[1])

    def test_that_there_are_not(self) -> None:
        for wrong in (
            {"operation": "Encryptt", "mode": "500"},
            {"operation": "Encrypt", "mode": "501"},
            {"mode": "500"},
        ):
            self.assertEqual(self.fake.control("faults", wrong)[0], 400)


class Control(Case):
    def test_clock(self) -> None:
        before = self.fake.control("clock")["epoch_seconds"]
        self.fake.control("clock", {"advance_seconds": 1000})
        self.assertAlmostEqual(self.fake.control("clock")["epoch_seconds"] - before, 1000, delta=5)
        self.assertEqual(self.fake.control("clock", {"advance_seconds": -1})[0], 400)
        self.assertEqual(self.fake.control("clock", {"seconds": 1})[0], 400)

    def test_log_holds_no_secrets(self) -> None:
        key = self.key()
        self.kms.encrypt(KeyId=key, Plaintext=b"the secret", EncryptionContext={"a": "b"})
        self.kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Encrypt"], Name="n")
        log = self.fake.control("log")
        self.assertEqual([one["operation"] for one in log], ["CreateKey", "Encrypt", "CreateGrant"])
        self.assertEqual({one["caller"] for one in log}, {ROOT})
        self.assertEqual({one["region"] for one in log}, {HERE})
        self.assertEqual({one["key"] for one in log}, {key})
        self.assertEqual(log[1]["parameters"], {"keyId": key, "encryptionContext": {"a": "b"}})

    def test_reset(self) -> None:
        self.caller("Reader", allow("kms:*"))
        self.key()
        self.advance(5)
        self.fake.control("reset", {})
        self.assertEqual(self.kms.list_keys()["Keys"], [])
        self.assertEqual(self.fake.control("callers"), {})
        self.assertEqual(self.fake.control("clock")["offset_seconds"], 0)

    def test_what_there_is_not(self) -> None:
        for name, body in (("nonsense", None), ("log", {}), ("callers", {"A": "arn:aws:s3:::b"}), ("scps", {"1": "x"})):
            self.assertEqual(self.fake.control(name, body)[0], 400, name)

    def test_many_at_once(self) -> None:
        clients = [self.fake.client(f"AKIA{n}") for n in range(8)]
        threads = [threading.Thread(target=lambda one=one: [one.create_key() for _ in range(5)]) for one in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.kms.list_keys()["Keys"]), 40)


class Trail(Case):
    def setUp(self) -> None:
        super().setUp()
        self.trail = self.fake.client(service="cloudtrail")

    def events(self, key: str | None = None, trail: Any = None, **how: Any) -> list[dict[str, Any]]:
        if key:
            how["LookupAttributes"] = [{"AttributeKey": "ResourceName", "AttributeValue": key}]
        pages = (trail or self.trail).get_paginator("lookup_events").paginate(**how)
        return [one for page in pages for one in page["Events"]]

    def detail(self, event: dict[str, Any]) -> dict[str, Any]:
        return json.loads(event["CloudTrailEvent"])

    def test_shape(self) -> None:
        key = self.key()
        self.fake.control("callers", {"AKIADELETER": role("Deleter")})
        self.fake.control("identity", {role("Deleter"): [allow("kms:*")]})
        self.fake.client("AKIADELETER").schedule_key_deletion(KeyId=key, PendingWindowInDays=14)
        event = self.events(key)[0]
        self.assertEqual((event["EventName"], event["EventSource"]), ("ScheduleKeyDeletion", "kms.amazonaws.com"))
        self.assertEqual((event["ReadOnly"], event["AccessKeyId"]), ("false", "AKIADELETER"))
        self.assertEqual(event["Resources"], [{"ResourceType": "AWS::KMS::Key", "ResourceName": key}])
        detail = self.detail(event)
        identity = detail["userIdentity"]
        self.assertEqual((identity["type"], identity["accountId"]), ("AssumedRole", ACCOUNT))
        self.assertEqual(identity["arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/Deleter/AKIADELETER")
        self.assertEqual(identity["sessionContext"]["sessionIssuer"]["arn"], role("Deleter"))
        self.assertEqual(detail["requestParameters"], {"keyId": key, "pendingWindowInDays": 14})
        self.assertEqual(detail["responseElements"]["keyState"], "PendingDeletion")
        self.assertEqual(detail["resources"], [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}])
        self.assertEqual((detail["eventType"], detail["awsRegion"], detail["readOnly"]), ("AwsApiCall", HERE, False))
        self.assertEqual(detail["eventID"], event["EventId"])
        self.assertNotIn("errorCode", detail)

    def test_errors(self) -> None:
        key = self.key()
        self.kms.disable_key(KeyId=key)
        self.refused("DisabledException", self.kms.encrypt, KeyId=key, Plaintext=b"data")
        self.refused("AccessDeniedException", self.caller("Nobody").encrypt, KeyId=key, Plaintext=b"data")
        denied, disabled = [self.detail(one) for one in self.events(key)[:2]]
        self.assertEqual((denied["errorCode"], denied["requestParameters"]), ("AccessDenied", None))
        self.assertIn("is not authorized to perform: kms:Encrypt", denied["errorMessage"])
        self.assertEqual(
            (disabled["errorCode"], disabled["errorMessage"]), ("DisabledException", f"{key} is disabled.")
        )
        self.assertEqual(disabled["responseElements"], None)
        self.assertTrue(disabled["readOnly"])

    def test_paging_is_steady(self) -> None:
        key = self.key()
        for _ in range(7):
            self.kms.describe_key(KeyId=key)
        events = self.events(key, PaginationConfig={"PageSize": 3})
        self.assertEqual([one["EventName"] for one in events], ["DescribeKey"] * 7 + ["CreateKey"])
        self.assertEqual(len({one["EventId"] for one in events}), 8)
        by_key = [{"AttributeKey": "ResourceName", "AttributeValue": key}]
        first = self.trail.lookup_events(LookupAttributes=by_key, MaxResults=3)
        self.kms.describe_key(KeyId=key)
        second = self.trail.lookup_events(LookupAttributes=by_key, MaxResults=3, NextToken=first["NextToken"])
        self.assertEqual([one["EventId"] for one in second["Events"]], [one["EventId"] for one in events[3:6]])
        self.refused("InvalidNextTokenException", self.trail.lookup_events, NextToken=first["NextToken"])
        self.refused("InvalidNextTokenException", self.trail.lookup_events, NextToken="nonsense")

    def test_times(self) -> None:
        key = self.key()
        self.advance(10)
        self.kms.describe_key(KeyId=key)
        now = datetime.fromtimestamp(self.fake.control("clock")["epoch_seconds"], UTC)
        recent = self.events(key, StartTime=now - timedelta(days=1))
        self.assertEqual([one["EventName"] for one in recent], ["DescribeKey"])
        old = self.events(key, EndTime=now - timedelta(days=1))
        self.assertEqual([one["EventName"] for one in old], ["CreateKey"])
        turned = {"StartTime": now, "EndTime": now - timedelta(days=1)}
        self.refused("InvalidTimeRangeException", self.trail.lookup_events, **turned)
        self.advance(85)
        # Ninety days are kept.
        self.assertEqual([one["EventName"] for one in self.events(key)], ["DescribeKey"])

    def test_public_keys(self) -> None:
        keys = [{"Fingerprint": "ab12", "Value": "a2V5"}]
        self.assertEqual(self.fake.control("public-keys", {"eu-central-1": keys}), {"eu-central-1": keys})
        [listed] = self.trail.list_public_keys()["PublicKeyList"]
        self.assertEqual((listed["Fingerprint"], listed["Value"]), ("ab12", b"key"))
        elsewhere = self.fake.client(service="cloudtrail", region="eu-west-1")
        self.assertEqual(elsewhere.list_public_keys()["PublicKeyList"], [])

    def test_what_happens_by_itself(self) -> None:
        key = self.key()
        self.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        self.advance(91)
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.advance(8)
        deleted, scheduled, rotated = self.events(key)[:3]
        self.assertEqual(
            [one["EventName"] for one in (deleted, scheduled, rotated)],
            ["DeleteKey", "ScheduleKeyDeletion", "RotateKey"],
        )
        detail = self.detail(deleted)
        self.assertEqual(
            (detail["eventType"], detail["userIdentity"]["invokedBy"]), ("AwsServiceEvent", "AWS Internal")
        )
        self.assertEqual(detail["serviceEventDetails"], {"keyId": key.split("/")[1]})
        # At the time it was due, and not when somebody looked.
        self.assertAlmostEqual((deleted["EventTime"] - scheduled["EventTime"]).total_seconds(), 7 * DAY, delta=5)

    def test_of_ones_account_and_region(self) -> None:
        key = self.key(MultiRegion=True)
        self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE)
        there = self.events(trail=self.fake.client(region=THERE, service="cloudtrail"))
        self.assertEqual([one["EventName"] for one in there], ["CreateKey"])
        self.fake.control("callers", {"AKIAOTHER": f"arn:aws:iam::{OTHER}:root"})
        other = self.fake.client("AKIAOTHER", service="cloudtrail")
        self.assertEqual(self.events(trail=other), [])
        self.refused("AccessDeniedException", self.fake.client("AKIAOTHER").describe_key, KeyId=key)
        self.assertEqual(len(self.events(trail=other)), 1)
        self.assertEqual(len(self.events(key)), 3)

    def test_who_may_look(self) -> None:
        self.caller("Nobody")
        trail = self.fake.client(f"AKIA{ACCOUNT[:4]}NOBODY", service="cloudtrail")
        self.refused("AccessDeniedException", trail.lookup_events)


class Restart(unittest.TestCase):
    def test_the_state_is_kept(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.json"
            fake = Fake("--state", str(path))
            kms = fake.client()
            key = kms.create_key()["KeyMetadata"]["Arn"]
            blob = kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
            kms.create_alias(AliasName="alias/a", TargetKeyId=key)
            fake.control("callers", {"AKIAREADER": role("Reader")})
            fake.control("clock", {"advance_seconds": 5 * DAY})
            doomed = kms.create_key()["KeyMetadata"]["Arn"]
            fake.control("faults", {"operation": "ScheduleKeyDeletion", "mode": "drop-after"})
            with self.assertRaises(ConnectionClosedError):
                kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
            fake.stop()
            self.assertEqual([one.name for one in Path(folder).iterdir()], ["state.json"])

            fake = Fake("--state", str(path))
            self.addCleanup(fake.stop)
            kms = fake.client()
            self.assertEqual(kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"data")
            self.assertEqual(kms.describe_key(KeyId="alias/a")["KeyMetadata"]["Arn"], key)
            self.assertEqual(kms.describe_key(KeyId=doomed)["KeyMetadata"]["KeyState"], "PendingDeletion")
            self.assertEqual(fake.control("callers"), {"AKIAREADER": role("Reader")})
            self.assertEqual(fake.control("clock")["offset_seconds"], 5 * DAY)
            self.assertEqual(fake.control("log")[0]["operation"], "CreateKey")
            fake.control("clock", {"advance_seconds": 8 * DAY})
            with self.assertRaises(ClientError):
                kms.describe_key(KeyId=doomed)
