"""Keys, aliases, tags, deletion, rotation and requests that are wrong."""

from __future__ import annotations

import json
import urllib.request

from botocore.exceptions import ClientError

from .support import ACCOUNT, DAY, HERE, OTHER, THERE, Case, key_policy, role, statement


class Making(Case):
    def test_metadata(self) -> None:
        made = self.kms.create_key(Description="orders", Tags=[{"TagKey": "team", "TagValue": "shop"}])["KeyMetadata"]
        self.assertEqual(made["Arn"], f"arn:aws:kms:{HERE}:{ACCOUNT}:key/{made['KeyId']}")
        self.assertEqual((made["KeyState"], made["Enabled"]), ("Enabled", True))
        self.assertEqual((made["KeySpec"], made["KeyUsage"]), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))
        self.assertEqual((made["Origin"], made["KeyManager"]), ("AWS_KMS", "CUSTOMER"))
        self.assertEqual((made["MultiRegion"], made["Description"]), (False, "orders"))
        self.assertEqual(len(made["CurrentKeyMaterialId"]), 64)
        self.assertEqual(self.kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"], made)
        self.assertEqual(
            self.kms.list_resource_tags(KeyId=made["KeyId"])["Tags"], [{"TagKey": "team", "TagValue": "shop"}]
        )

    def test_listed_by_account_and_region_in_pages(self) -> None:
        arns = [self.key() for _ in range(5)]
        self.key(self.fake.client(region=THERE))
        self.fake.control("callers", {"AKIAOTHER": f"arn:aws:iam::{OTHER}:root"})
        self.key(self.fake.client("AKIAOTHER"))
        pages = list(self.kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["Keys"]) for page in pages], [2, 2, 1])
        self.assertEqual([one["KeyArn"] for page in pages for one in page["Keys"]], arns)
        self.refused("InvalidMarkerException", self.kms.list_keys, Marker="nonsense")

    def test_custom_key_stores(self) -> None:
        self.fake.control("stores", {"cks-1234567890abcdef0": {"name": "hsm"}})
        self.fake.control("stores", {"cks-9876543210fedcba9": {"type": "EXTERNAL_KEY_STORE"}})
        self.assertEqual(len(self.kms.describe_custom_key_stores()["CustomKeyStores"]), 2)
        one = self.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId="cks-1234567890abcdef0")["KeyMetadata"]
        self.assertEqual(one["CustomKeyStoreId"], "cks-1234567890abcdef0")
        external = {
            "Origin": "EXTERNAL_KEY_STORE",
            "CustomKeyStoreId": "cks-9876543210fedcba9",
            "XksKeyId": "bb8562717f809024",
        }
        other = self.kms.create_key(**external)["KeyMetadata"]
        self.assertEqual(other["XksKeyConfiguration"], {"Id": "bb8562717f809024"})
        self.refused("XksKeyAlreadyInUseException", self.kms.create_key, **external)
        self.fake.control("stores", {"cks-1234567890abcdef0": {"connection_state": "DISCONNECTED"}})
        self.assertEqual(self.state(one["Arn"]), "Unavailable")
        self.refused(
            "CustomKeyStoreInvalidStateException",
            self.kms.create_key,
            Origin="AWS_CLOUDHSM",
            CustomKeyStoreId="cks-1234567890abcdef0",
        )

    def test_tags(self) -> None:
        key = self.key()
        self.kms.tag_resource(KeyId=key, Tags=[{"TagKey": name, "TagValue": "1"} for name in "ab"])
        self.kms.untag_resource(KeyId=key, TagKeys=["a", "z"])
        self.assertEqual(self.kms.list_resource_tags(KeyId=key)["Tags"], [{"TagKey": "b", "TagValue": "1"}])
        twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
        self.refused("TagException", self.kms.tag_resource, KeyId=key, Tags=twice)

    def test_aliases(self) -> None:
        one, other, signing = self.key(), self.key(), self.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.kms.create_alias(AliasName="alias/orders", TargetKeyId=one)
        self.assertEqual(self.kms.describe_key(KeyId="alias/orders")["KeyMetadata"]["Arn"], one)
        self.refused("AlreadyExistsException", self.kms.create_alias, AliasName="alias/orders", TargetKeyId=other)
        self.refused("InvalidAliasNameException", self.kms.create_alias, AliasName="alias/aws/s3", TargetKeyId=one)
        self.refused("ValidationException", self.kms.create_alias, AliasName="orders", TargetKeyId=one)
        self.refused("ValidationException", self.kms.update_alias, AliasName="alias/orders", TargetKeyId=signing)
        self.kms.update_alias(AliasName="alias/orders", TargetKeyId=other)
        self.assertEqual(self.kms.list_aliases(KeyId=one)["Aliases"], [])
        self.assertEqual(self.kms.list_aliases()["Aliases"][0]["TargetKeyId"], other.split("/")[1])
        # Management names keys, never aliases.
        self.refused("NotFoundException", self.kms.disable_key, KeyId="alias/orders")
        self.kms.delete_alias(AliasName="alias/orders")
        self.refused("NotFoundException", self.kms.delete_alias, AliasName="alias/orders")


class Deletion(Case):
    def test_windows(self) -> None:
        for days in (6, 31, 0, 366):
            self.refused(
                "ValidationException", self.kms.schedule_key_deletion, KeyId=self.key(), PendingWindowInDays=days
            )
        key = self.key()
        answer = self.kms.schedule_key_deletion(KeyId=key)
        self.assertEqual((answer["KeyId"], answer["PendingWindowInDays"]), (key, 30))
        self.assertEqual(answer["KeyState"], "PendingDeletion")
        now = self.fake.control("clock")["epoch_seconds"]
        self.assertAlmostEqual(answer["DeletionDate"].timestamp() - now, 30 * DAY, delta=5)

    def test_deleted_when_the_window_is_over_and_not_before(self) -> None:
        key = self.key()
        self.kms.create_alias(AliasName="alias/gone", TargetKeyId=key)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.advance(6.9)
        self.assertEqual(self.state(key), "PendingDeletion")
        self.advance(0.2)
        self.refused("NotFoundException", self.kms.describe_key, KeyId=key)
        self.refused("NotFoundException", self.kms.describe_key, KeyId="alias/gone")
        self.refused("NotFoundException", self.kms.cancel_key_deletion, KeyId=key)
        self.refused("AccessDeniedException", self.kms.decrypt, CiphertextBlob=blob)
        self.assertEqual(self.kms.list_keys()["Keys"], [])

    def test_cancelled_is_disabled(self) -> None:
        key = self.key()
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.refused("KMSInvalidStateException", self.kms.schedule_key_deletion, KeyId=key)
        self.refused("KMSInvalidStateException", self.kms.enable_key, KeyId=key)
        self.assertEqual(self.kms.cancel_key_deletion(KeyId=key)["KeyId"], key)
        self.assertEqual(self.state(key), "Disabled")
        self.assertNotIn("DeletionDate", self.kms.describe_key(KeyId=key)["KeyMetadata"])
        self.kms.enable_key(KeyId=key)
        self.advance(40)
        self.assertEqual(self.state(key), "Enabled")

    def test_a_primary_waits_for_its_replicas(self) -> None:
        key = self.key(MultiRegion=True)
        replica = self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE)["ReplicaKeyMetadata"]["Arn"]
        answer = self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10)
        self.assertEqual(answer["KeyState"], "PendingReplicaDeletion")
        self.assertNotIn("DeletionDate", answer)
        shown = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual(shown["PendingDeletionWindowInDays"], 10)
        self.advance(100)
        self.assertEqual(self.state(key), "PendingReplicaDeletion")
        self.fake.client(region=THERE).schedule_key_deletion(KeyId=replica, PendingWindowInDays=7)
        self.advance(8)
        # The primary's window began when the replica was gone, a day ago.
        shown = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual(shown["KeyState"], "PendingDeletion")
        now = self.fake.control("clock")["epoch_seconds"]
        self.assertAlmostEqual(shown["DeletionDate"].timestamp() - now, 9 * DAY, delta=5)
        self.advance(10)
        self.refused("NotFoundException", self.kms.describe_key, KeyId=key)


class Rotation(Case):
    def status(self, key: str) -> dict:
        answer = self.kms.get_key_rotation_status(KeyId=key)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def rotations(self, key: str, **how: str) -> list[dict]:
        return self.kms.list_key_rotations(KeyId=key, **how)["Rotations"]

    def test_automatic(self) -> None:
        key = self.key()
        self.assertFalse(self.status(key)["KeyRotationEnabled"])
        for days in (89, 2561):
            self.refused("ValidationException", self.kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=days)
        old = self.kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
        self.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        status = self.status(key)
        self.assertEqual((status["KeyRotationEnabled"], status["RotationPeriodInDays"]), (True, 90))
        self.advance(181)
        rotations = self.rotations(key)
        self.assertEqual([one["RotationType"] for one in rotations], ["AUTOMATIC", "AUTOMATIC"])
        self.assertEqual((rotations[0]["RotationDate"] - rotations[1]["RotationDate"]).days, 90)
        # What was encrypted before is still read, under the material of then.
        answer = self.kms.decrypt(CiphertextBlob=old)
        first = self.rotations(key, IncludeKeyMaterial="ALL_KEY_MATERIAL")[-1]
        self.assertEqual((answer["Plaintext"], answer["KeyMaterialId"]), (b"old", first["KeyMaterialId"]))
        self.assertEqual(first["KeyMaterialState"], "NON_CURRENT")
        self.kms.disable_key_rotation(KeyId=key)
        self.advance(400)
        self.assertEqual(len(self.rotations(key)), 2)

    def test_a_disabled_key_makes_up_for_it_once(self) -> None:
        key = self.key()
        self.kms.enable_key_rotation(KeyId=key)
        self.kms.disable_key(KeyId=key)
        self.advance(900)
        self.assertEqual(self.rotations(key), [])
        self.assertTrue(self.status(key)["KeyRotationEnabled"])
        self.kms.enable_key(KeyId=key)
        self.assertEqual(len(self.rotations(key)), 1)

    def test_a_pending_deletion_shows_none(self) -> None:
        key = self.key()
        self.kms.enable_key_rotation(KeyId=key)
        self.kms.schedule_key_deletion(KeyId=key)
        self.assertFalse(self.status(key)["KeyRotationEnabled"])
        self.kms.cancel_key_deletion(KeyId=key)
        self.assertTrue(self.status(key)["KeyRotationEnabled"])

    def test_on_demand(self) -> None:
        key = self.key()
        before = self.kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
        self.fake.control("delays", {"rotation": 60})
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertIn("OnDemandRotationStartDate", self.status(key))
        self.refused("ConflictException", self.kms.rotate_key_on_demand, KeyId=key)
        self.advance(1)
        self.assertNotIn("OnDemandRotationStartDate", self.status(key))
        self.assertNotEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"], before)
        self.fake.control("delays", {"rotation": 0})
        for _ in range(24):
            self.kms.rotate_key_on_demand(KeyId=key)
        self.refused("LimitExceededException", self.kms.rotate_key_on_demand, KeyId=key)
        rotations = self.rotations(key)
        self.assertEqual([one["RotationType"] for one in rotations], ["ON_DEMAND"] * 25)
        self.assertEqual([one["KeyMaterialState"] for one in rotations], ["CURRENT"] + ["NON_CURRENT"] * 24)

    def test_only_symmetric(self) -> None:
        key = self.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self.refused("UnsupportedOperationException", self.kms.enable_key_rotation, KeyId=key)
        self.refused("UnsupportedOperationException", self.kms.rotate_key_on_demand, KeyId=key)


class Wrong(Case):
    def test_by_the_model(self) -> None:
        self.assertIn("keyUsage", self.refused("ValidationException", self.kms.create_key, KeyUsage="DIG"))
        long = "x" * 8193
        self.refused("ValidationException", self.kms.create_key, Description=long)
        self.refused(
            "ValidationException", self.kms.generate_data_key, KeyId=self.key(), KeySpec="AES_256", NumberOfBytes=16
        )

    def test_names_of_keys(self) -> None:
        missing = "1234abcd-12ab-34cd-56ef-1234567890ab"
        self.refused("NotFoundException", self.kms.describe_key, KeyId=missing)
        self.refused("NotFoundException", self.kms.describe_key, KeyId="nonsense")
        self.refused("InvalidArnException", self.kms.describe_key, KeyId="arn:aws:s3:::bucket-of-orders")
        elsewhere = self.key(self.fake.client(region=THERE))
        self.assertEqual(
            self.refused("NotFoundException", self.kms.describe_key, KeyId=elsewhere), f"Invalid arn {THERE}"
        )

    def test_outside_of_what_the_fake_knows(self) -> None:
        with self.assertRaises(ClientError) as caught:
            self.kms.generate_data_key_pair(KeyId=self.key(), KeyPairSpec="RSA_2048")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 501)
        self.refused("KmsFakeUnsupported", self.kms.create_key, KeySpec="SM2", KeyUsage="SIGN_VERIFY")
        wrong = key_policy(
            statement("Deny", ["kms:*"], Principal="*", Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})
        )
        self.refused("KmsFakeUnsupported", self.kms.create_key, Policy=wrong)
        unknown = key_policy(
            statement("Deny", ["kms:*"], Principal="*", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})
        )
        self.refused("KmsFakeUnsupported", self.kms.create_key, Policy=unknown)
        self.assertEqual(self.fake.control("scps", {ACCOUNT: [json.loads(unknown)]})[0], 501)
        code, answer = self.fake.control("identity", {role("Reader"): [json.loads(key_policy())]})
        self.assertEqual(code, 400)
        self.assertIn("principals", answer["error"])

    def test_without_credentials(self) -> None:
        request = urllib.request.Request(self.fake.url, b"{}", {"X-Amz-Target": "TrentService.ListKeys"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        self.assertEqual(json.load(caught.exception)["__type"], "MissingAuthenticationTokenException")
