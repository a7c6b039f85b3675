"""Cryptography, related keys of several regions, imported material."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from .states import wrap
from .support import ACCOUNT, DAY, HERE, THERE, Case, allow, key_policy, statement

CONTEXT = {"tenant": "blue", "stage": "prod"}


class Encryption(Case):
    def test_the_context_binds(self) -> None:
        key = self.key()
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data", EncryptionContext=CONTEXT)["CiphertextBlob"]
        turned = dict(reversed(CONTEXT.items()))
        answer = self.kms.decrypt(CiphertextBlob=blob, EncryptionContext=turned)
        self.assertEqual((answer["Plaintext"], answer["KeyId"]), (b"data", key))
        for wrong in ({}, {"tenant": "blue"}, CONTEXT | {"tenant": "Blue"}, {"TENANT": "blue", "stage": "prod"}):
            self.refused("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=blob, EncryptionContext=wrong)
        for broken in (blob[:-1], blob[:-1] + bytes([blob[-1] ^ 1]), b"\x01KFK", b"none", b"\x01KFK\xff\xff"):
            how = {"KeyId": key, "EncryptionContext": CONTEXT}
            self.refused("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=broken, **how)

    def test_the_key_that_is_named_is_the_key(self) -> None:
        key, other = self.key(), self.key()
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.refused("IncorrectKeyException", self.kms.decrypt, CiphertextBlob=blob, KeyId=other)
        there = self.fake.client(region=THERE)
        self.refused("AccessDeniedException", there.decrypt, CiphertextBlob=blob)

    def test_re_encrypt(self) -> None:
        key, other = self.key(), self.key()
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data", EncryptionContext=CONTEXT)["CiphertextBlob"]
        answer = self.kms.re_encrypt(
            CiphertextBlob=blob,
            SourceEncryptionContext=CONTEXT,
            DestinationKeyId=other,
            DestinationEncryptionContext={"new": "1"},
        )
        self.assertEqual((answer["SourceKeyId"], answer["KeyId"]), (key, other))
        found = self.kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"new": "1"})
        self.assertEqual((found["Plaintext"], found["KeyId"]), (b"data", other))
        self.kms.disable_key(KeyId=key)
        how = {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT, "DestinationKeyId": other}
        self.refused("DisabledException", self.kms.re_encrypt, **how)

    def test_re_encrypt_asks_at_both_keys(self) -> None:
        key = self.key()
        other = self.key(Policy=key_policy(statement("Deny", ["kms:ReEncryptTo"], Principal="*")))
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        message = self.refused(
            "AccessDeniedException", self.kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=other
        )
        self.assertIn("kms:ReEncryptTo", message)
        app = self.caller("App", allow("kms:ReEncryptTo"))
        message = self.refused("AccessDeniedException", app.re_encrypt, CiphertextBlob=blob, DestinationKeyId=key)
        self.assertIn("kms:ReEncryptFrom", message)

    def test_data_keys(self) -> None:
        key = self.key()
        made = self.kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
        found = self.kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
        self.assertEqual(found["Plaintext"], made["Plaintext"])
        self.assertEqual(len(made["Plaintext"]), 32)
        bare = self.kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=24)
        self.assertNotIn("Plaintext", bare)
        self.assertEqual(len(self.kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]), 24)
        self.assertEqual(len(self.kms.generate_random(NumberOfBytes=7)["Plaintext"]), 7)

    def test_signatures(self) -> None:
        rsa = self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        curve = self.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        digest = hashlib.sha256(b"data").digest()
        for key, algorithm in (
            (rsa, "RSASSA_PSS_SHA_256"),
            (rsa, "RSASSA_PKCS1_V1_5_SHA_256"),
            (curve, "ECDSA_SHA_256"),
        ):
            how = {"KeyId": key, "SigningAlgorithm": algorithm}
            signature = self.kms.sign(Message=digest, MessageType="DIGEST", **how)["Signature"]
            self.assertTrue(self.kms.verify(Message=b"data", Signature=signature, **how)["SignatureValid"])
            self.refused("KMSInvalidSignatureException", self.kms.verify, Message=b"else", Signature=signature, **how)
        public = serialization.load_der_public_key(self.kms.get_public_key(KeyId=curve)["PublicKey"])
        public.verify(signature, b"data", ec.ECDSA(hashes.SHA256()))
        pss = self.kms.sign(KeyId=rsa, Message=b"data", SigningAlgorithm="RSASSA_PSS_SHA_512")["Signature"]
        public = serialization.load_der_public_key(self.kms.get_public_key(KeyId=rsa)["PublicKey"])
        public.verify(pss, b"data", padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
        short = {"KeyId": curve, "Message": b"short", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
        self.refused("ValidationException", self.kms.sign, **short)

    def test_macs(self) -> None:
        key = self.key(KeySpec="HMAC_384", KeyUsage="GENERATE_VERIFY_MAC")
        how = {"KeyId": key, "MacAlgorithm": "HMAC_SHA_384"}
        mac = self.kms.generate_mac(Message=b"data", **how)["Mac"]
        self.assertTrue(self.kms.verify_mac(Message=b"data", Mac=mac, **how)["MacValid"])
        self.refused("KMSInvalidMacException", self.kms.verify_mac, Message=b"else", Mac=mac, **how)

    def test_a_key_is_used_for_what_it_is_for(self) -> None:
        signing = self.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.refused("InvalidKeyUsageException", self.kms.encrypt, KeyId=signing, Plaintext=b"data")
        how = {"Message": b"data", "SigningAlgorithm": "ECDSA_SHA_256"}
        self.refused("InvalidKeyUsageException", self.kms.sign, KeyId=self.key(), **how)
        self.refused("UnsupportedOperationException", self.kms.get_public_key, KeyId=self.key())


class Regions(Case):
    def setUp(self) -> None:
        super().setUp()
        self.there = self.fake.client(region=THERE)

    def test_related_keys_read_each_other(self) -> None:
        key = self.key(MultiRegion=True)
        answer = self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE, Description="copy")
        replica = answer["ReplicaKeyMetadata"]
        self.assertEqual(replica["KeyState"], "Creating")
        self.assertEqual(replica["Arn"], key.replace(HERE, THERE))
        self.assertTrue(replica["KeyId"].startswith("mrk-"))
        for one, other in ((self.kms, self.there), (self.there, self.kms)):
            blob = one.encrypt(KeyId=replica["KeyId"], Plaintext=b"data", EncryptionContext=CONTEXT)["CiphertextBlob"]
            self.assertEqual(other.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"], b"data")
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertEqual(len(self.there.list_key_rotations(KeyId=replica["KeyId"])["Rotations"]), 1)
        self.refused("UnsupportedOperationException", self.there.rotate_key_on_demand, KeyId=replica["KeyId"])
        self.refused("AlreadyExistsException", self.kms.replicate_key, KeyId=key, ReplicaRegion=THERE)
        self.refused(
            "UnsupportedOperationException", self.there.replicate_key, KeyId=replica["KeyId"], ReplicaRegion="us-east-1"
        )
        self.refused("UnsupportedOperationException", self.kms.replicate_key, KeyId=self.key(), ReplicaRegion=THERE)

    def test_states_policies_and_grants_are_each_ones_own(self) -> None:
        policy = key_policy(statement("Deny", ["kms:TagResource"], Principal="*"))
        key = self.key(MultiRegion=True, Policy=policy)
        replica = self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE)["ReplicaKeyMetadata"]["Arn"]
        self.assertNotEqual(self.there.get_key_policy(KeyId=replica)["Policy"], policy)
        self.kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:role/App", Operations=["Encrypt"])
        self.assertEqual(self.there.list_grants(KeyId=replica)["Grants"], [])
        self.kms.disable_key(KeyId=key)
        self.assertEqual(self.state(replica), "Enabled")

    def test_the_primary_moves(self) -> None:
        key = self.key(MultiRegion=True)
        replica = self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE)["ReplicaKeyMetadata"]["Arn"]
        self.refused("NotFoundException", self.kms.update_primary_region, KeyId=key, PrimaryRegion="us-east-1")
        self.fake.control("delays", {"updating": 60})
        self.kms.update_primary_region(KeyId=key, PrimaryRegion=THERE)
        self.assertEqual((self.state(key), self.state(replica)), ("Updating", "Updating"))
        self.advance(61 / DAY)
        shown = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual(shown["KeyState"], "Enabled")
        self.assertEqual(shown["MultiRegionConfiguration"]["MultiRegionKeyType"], "REPLICA")
        self.assertEqual(shown["MultiRegionConfiguration"]["PrimaryKey"], {"Arn": replica, "Region": THERE})
        self.refused(
            "UnsupportedOperationException", self.kms.update_primary_region, KeyId=key, PrimaryRegion="us-east-1"
        )

    def test_replicating_takes_create_key_there(self) -> None:
        key = self.key(MultiRegion=True)
        lone = self.caller("Lone", allow("kms:ReplicateKey"))
        message = self.refused("AccessDeniedException", lone.replicate_key, KeyId=key, ReplicaRegion=THERE)
        self.assertIn("kms:CreateKey", message)


class Imports(Case):
    def bring(self, key: str, material: bytes, client: Any = None, **how: Any) -> dict[str, Any]:
        client = client or self.kms
        wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        parameters = client.get_parameters_for_import(KeyId=key, **wrapping)
        how = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"} | how
        return client.import_key_material(KeyId=key, **wrap(parameters, material), **how)

    def now(self) -> float:
        return self.fake.control("clock")["epoch_seconds"]

    def test_imported_deleted_and_imported_again(self) -> None:
        key = self.key(Origin="EXTERNAL")
        self.assertEqual(self.state(key), "PendingImport")
        self.bring(key, bytes(32))
        shown = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual((shown["KeyState"], shown["ExpirationModel"]), ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE"))
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.kms.delete_imported_key_material(KeyId=key)
        self.assertEqual(self.state(key), "PendingImport")
        self.refused("KMSInvalidStateException", self.kms.decrypt, CiphertextBlob=blob)
        self.refused("IncorrectKeyMaterialException", self.bring, key, b"\x01" * 32)
        self.bring(key, bytes(32))
        self.assertEqual(self.kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"data")

    def test_material_expires(self) -> None:
        key = self.key(Origin="EXTERNAL")
        expires = {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}
        self.refused("ValidationException", self.bring, key, bytes(32), **expires)
        self.refused("ValidationException", self.bring, key, bytes(32), ValidTo=self.now() + 366 * DAY, **expires)
        self.bring(key, bytes(32), ValidTo=self.now() + 10 * DAY, **expires)
        self.assertIn("ValidTo", self.kms.describe_key(KeyId=key)["KeyMetadata"])
        self.advance(11)
        self.assertEqual(self.state(key), "PendingImport")
        # As it expires while a deletion is pending, that stays what it is, and comes out when it is cancelled.
        self.bring(key, bytes(32), ValidTo=self.now() + DAY, **expires)
        self.kms.schedule_key_deletion(KeyId=key)
        self.advance(2)
        self.assertEqual(self.state(key), "PendingDeletion")
        self.kms.cancel_key_deletion(KeyId=key)
        self.assertEqual(self.state(key), "PendingImport")

    def test_tokens(self) -> None:
        key, other = self.key(Origin="EXTERNAL"), self.key(Origin="EXTERNAL")
        wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        how = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
        given = wrap(self.kms.get_parameters_for_import(KeyId=key, **wrapping), bytes(32))
        self.refused("InvalidImportTokenException", self.kms.import_key_material, KeyId=other, **given, **how)
        broken = given | {"EncryptedKeyMaterial": bytes(256)}
        self.refused("InvalidCiphertextException", self.kms.import_key_material, KeyId=key, **broken, **how)
        self.refused("IncorrectKeyMaterialException", self.bring, key, bytes(16))
        self.advance(1.1)
        self.refused("ExpiredImportTokenException", self.kms.import_key_material, KeyId=key, **given, **how)
        self.refused("UnsupportedOperationException", self.kms.get_parameters_for_import, KeyId=self.key(), **wrapping)

    def test_rotated_to_new_material(self) -> None:
        key = self.key(Origin="EXTERNAL")
        first = self.bring(key, bytes(32))["KeyMaterialId"]
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.refused("KMSInvalidStateException", self.kms.rotate_key_on_demand, KeyId=key)
        second = self.bring(key, b"\x01" * 32, ImportType="NEW_KEY_MATERIAL", KeyMaterialDescription="second")[
            "KeyMaterialId"
        ]
        materials = self.kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        self.assertEqual([one["KeyMaterialState"] for one in materials], ["PENDING_ROTATION", "CURRENT"])
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"], second)
        self.assertEqual(self.kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"], first)
        # One material that is gone makes the whole key unusable.
        self.kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
        self.assertEqual(self.state(key), "PendingImport")

    def test_replicas_are_imported_into_one_by_one(self) -> None:
        key = self.key(Origin="EXTERNAL", MultiRegion=True)
        self.bring(key, bytes(32))
        there = self.fake.client(region=THERE)
        replica = self.kms.replicate_key(KeyId=key, ReplicaRegion=THERE)["ReplicaKeyMetadata"]["Arn"]
        self.assertEqual(self.state(replica), "PendingImport")
        self.refused("IncorrectKeyMaterialException", self.bring, replica, b"\x01" * 32, there)
        self.bring(replica, bytes(32), there)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.assertEqual(there.decrypt(CiphertextBlob=blob)["Plaintext"], b"data")
        self.bring(key, b"\x02" * 32, ImportType="NEW_KEY_MATERIAL")
        waiting = self.kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"][0]
        self.assertEqual(waiting["KeyMaterialState"], "PENDING_MULTI_REGION_IMPORT_AND_ROTATION")
        self.refused("KMSInvalidStateException", self.kms.rotate_key_on_demand, KeyId=key)
        self.bring(replica, b"\x02" * 32, there)
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertEqual((self.state(key), self.state(replica)), ("Enabled", "Enabled"))
