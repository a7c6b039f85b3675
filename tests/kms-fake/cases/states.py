"""Every operation on a key in every state, against the table; and the table against cells written out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from kmsfake.operations import OPERATIONS
from kmsfake.states import COLUMNS, TABLE, refusal

from .support import HERE, ROOT, THERE, Case, key_policy

STORE = "cks-1234567890abcdef0"
SYMMETRIC: dict[str, Any] = {}
EXTERNAL = {"Origin": "EXTERNAL"}
SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
MAC = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}

# What CreateKey, ListKeys and the like do concerns no key that exists.
WITHOUT_KEY = {"CreateKey", "DescribeCustomKeyStores", "GenerateRandom", "ListKeys", "ListRetirableGrants"}

# Cells as a reader of the guide would look them up.
BY_HAND = {
    ("Encrypt", "Disabled"): "DisabledException",
    ("Decrypt", "Disabled"): "DisabledException",
    ("Decrypt", "PendingDeletion"): "KMSInvalidStateException",
    ("Decrypt", "PendingImport"): "KMSInvalidStateException",
    ("Decrypt", "Unavailable"): "KMSInvalidStateException",
    ("Decrypt", "Creating"): "KMSInvalidStateException",
    ("Decrypt", "Updating"): None,
    ("Sign", "Disabled"): "DisabledException",
    ("CreateGrant", "Disabled"): "DisabledException",
    ("CreateGrant", "Unavailable"): None,
    ("CancelKeyDeletion", "Enabled"): "KMSInvalidStateException",
    ("CancelKeyDeletion", "PendingReplicaDeletion"): None,
    ("ScheduleKeyDeletion", "Disabled"): None,
    ("ScheduleKeyDeletion", "PendingDeletion"): "KMSInvalidStateException",
    ("EnableKey", "PendingDeletion"): "KMSInvalidStateException",
    ("EnableKey", "Updating"): "KMSInvalidStateException",
    ("EnableKeyRotation", "Disabled"): "DisabledException",
    ("EnableKeyRotation", "PendingImport"): "UnsupportedOperationException",
    ("EnableKeyRotation", "Unavailable"): "UnsupportedOperationException",
    ("GetKeyRotationStatus", "PendingDeletion"): None,
    ("PutKeyPolicy", "PendingDeletion"): None,
    ("GetKeyPolicy", "PendingDeletion"): None,
    ("DeleteAlias", "PendingDeletion"): None,
    ("CreateAlias", "PendingDeletion"): "KMSInvalidStateException",
    ("UpdateAlias", "PendingDeletion"): "KMSInvalidStateException",
    ("TagResource", "PendingDeletion"): "KMSInvalidStateException",
    ("TagResource", "Disabled"): None,
    ("RevokeGrant", "PendingDeletion"): None,
    ("ImportKeyMaterial", "PendingImport"): None,
    ("ImportKeyMaterial", "Enabled"): "UnsupportedOperationException",
    ("ReplicateKey", "PendingReplicaDeletion"): "KMSInvalidStateException",
    ("RotateKeyOnDemand", "Disabled"): "DisabledException",
}


class Key:
    """A key brought into a state, with what calls on it need made while it could still be used."""

    def __init__(self, case: States, how: dict[str, Any], state: str, operation: str) -> None:
        self.case, self.how, self.state = case, how, state
        self.client = case.kms
        if state == "Unavailable":
            self.arn = case.key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=STORE)
        else:
            self.arn = case.key(MultiRegion=True, **how)
            if how == EXTERNAL and state != "PendingImport":
                self.material = bytes(32)
                self.bring(self.client, self.material)
        if state == "Enabled" and operation == "UpdatePrimaryRegion":
            self.client.replicate_key(KeyId=self.arn, ReplicaRegion=THERE)
        if state in ("PendingReplicaDeletion", "Creating", "Updating"):
            self.client.replicate_key(KeyId=self.arn, ReplicaRegion=THERE)
        self.prepare()
        self.reach()

    def prepare(self) -> None:
        """A ciphertext, an alias and a grant; what the key cannot do, its state will refuse as well."""
        self.blob, self.signature, self.mac, self.grant = b"none", b"none", b"none", "0"
        client = self.client
        if self.state != "PendingImport":
            if self.how in (SYMMETRIC, EXTERNAL):
                self.blob = client.encrypt(KeyId=self.arn, Plaintext=b"data")["CiphertextBlob"]
            if self.how == SIGNING:
                self.signature = client.sign(KeyId=self.arn, Message=b"data", SigningAlgorithm="ECDSA_SHA_256")[
                    "Signature"
                ]
            if self.how == MAC:
                self.mac = client.generate_mac(KeyId=self.arn, Message=b"data", MacAlgorithm="HMAC_SHA_256")["Mac"]
        if self.state not in ("PendingImport", "Creating", "Updating"):
            self.grant = self.granted()

    def granted(self) -> str:
        made = self.client.create_grant(
            KeyId=self.arn, GranteePrincipal=ROOT, RetiringPrincipal=ROOT, Operations=["DescribeKey"]
        )
        return made["GrantId"]

    def reach(self) -> None:
        case, client = self.case, self.client
        match self.state:
            case "Disabled":
                client.disable_key(KeyId=self.arn)
            case "PendingDeletion" | "PendingReplicaDeletion":
                client.schedule_key_deletion(KeyId=self.arn, PendingWindowInDays=7)
            case "Unavailable":
                case.fake.control("stores", {STORE: {"connection_state": "DISCONNECTED"}})
            case "Creating":
                # The replica that was made above is whole; one that is not yet is made in a third region.
                case.fake.control("delays", {"creating": 3600})
                self.move("us-east-1")
                case.kms.replicate_key(KeyId=self.arn.replace("us-east-1", HERE), ReplicaRegion="us-east-1")
            case "Updating":
                self.move(THERE)
                if self.how == EXTERNAL:
                    self.bring(self.client, self.material)
                self.grant = self.granted()
                case.fake.control("delays", {"updating": 3600})
                case.kms.update_primary_region(KeyId=self.arn.replace(THERE, HERE), PrimaryRegion=THERE)
        case.assertEqual(case.state(self.arn), self.state)
        case.fake.control("delays", {"updating": 0, "creating": 0})

    def move(self, region: str) -> None:
        self.arn = self.arn.replace(HERE, region)
        self.client = self.case.fake.client(region=region)

    def bring(self, client: Any, material: bytes) -> None:
        client.import_key_material(
            KeyId=self.arn, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE", **self.wrapped(client, material)
        )

    def wrapped(self, client: Any, material: bytes) -> dict[str, bytes]:
        how = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        return wrap(client.get_parameters_for_import(KeyId=self.arn, **how), material)


def wrap(parameters: dict[str, Any], material: bytes) -> dict[str, bytes]:
    public = serialization.load_der_public_key(parameters["PublicKey"])
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    return {"ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": public.encrypt(material, oaep)}


def importing(key: Key) -> dict[str, Any]:
    given = {"ImportToken": b"none", "EncryptedKeyMaterial": b"none"}
    if key.how == EXTERNAL and key.state in ("Enabled", "Disabled", "PendingImport"):
        given = key.wrapped(key.client, bytes(32))
    return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"} | given


def alias(key: Key) -> dict[str, Any]:
    """An alias that is there already; made by way of another key, as the state may not let one be made."""
    name = f"alias/{key.arn[-12:]}"
    other = key.case.key(key.client)
    key.client.create_alias(AliasName=name, TargetKeyId=other)
    return {"AliasName": name, "TargetKeyId": key.arn}


Parameters = Callable[[Key], dict[str, Any]]


def of_key(**more: Any) -> Parameters:
    return lambda key: {"KeyId": key.arn} | more


CALLS: dict[str, tuple[dict[str, Any], Parameters]] = {
    "CancelKeyDeletion": (SYMMETRIC, of_key()),
    "CreateAlias": (SYMMETRIC, lambda key: {"AliasName": f"alias/{key.arn[-12:]}", "TargetKeyId": key.arn}),
    "CreateGrant": (SYMMETRIC, of_key(GranteePrincipal=ROOT, Operations=["DescribeKey"])),
    "Decrypt": (SYMMETRIC, lambda key: {"KeyId": key.arn, "CiphertextBlob": key.blob}),
    "DeleteImportedKeyMaterial": (EXTERNAL, of_key()),
    "DescribeKey": (SYMMETRIC, of_key()),
    "DisableKey": (SYMMETRIC, of_key()),
    "DisableKeyRotation": (SYMMETRIC, of_key()),
    "EnableKey": (SYMMETRIC, of_key()),
    "EnableKeyRotation": (SYMMETRIC, of_key()),
    "Encrypt": (SYMMETRIC, of_key(Plaintext=b"data")),
    "GenerateDataKey": (SYMMETRIC, of_key(KeySpec="AES_256")),
    "GenerateDataKeyWithoutPlaintext": (SYMMETRIC, of_key(KeySpec="AES_256")),
    "GenerateMac": (MAC, of_key(Message=b"data", MacAlgorithm="HMAC_SHA_256")),
    "GetKeyLastUsage": (SYMMETRIC, of_key()),
    "GetKeyPolicy": (SYMMETRIC, of_key()),
    "GetKeyRotationStatus": (SYMMETRIC, of_key()),
    "GetParametersForImport": (EXTERNAL, of_key(WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")),
    "GetPublicKey": (SIGNING, of_key()),
    "ImportKeyMaterial": (EXTERNAL, lambda key: {"KeyId": key.arn} | importing(key)),
    "ListAliases": (SYMMETRIC, of_key()),
    "ListGrants": (SYMMETRIC, of_key()),
    "ListKeyPolicies": (SYMMETRIC, of_key()),
    "ListKeyRotations": (SYMMETRIC, of_key()),
    "ListResourceTags": (SYMMETRIC, of_key()),
    "PutKeyPolicy": (SYMMETRIC, of_key(Policy=key_policy())),
    "ReEncrypt": (
        SYMMETRIC,
        lambda key: {"SourceKeyId": key.arn, "DestinationKeyId": key.arn, "CiphertextBlob": key.blob},
    ),
    "ReplicateKey": (SYMMETRIC, of_key(ReplicaRegion="us-west-2")),
    "RetireGrant": (SYMMETRIC, lambda key: {"KeyId": key.arn, "GrantId": key.grant}),
    "RevokeGrant": (SYMMETRIC, lambda key: {"KeyId": key.arn, "GrantId": key.grant}),
    "RotateKeyOnDemand": (SYMMETRIC, of_key()),
    "ScheduleKeyDeletion": (SYMMETRIC, of_key()),
    "Sign": (SIGNING, of_key(Message=b"data", SigningAlgorithm="ECDSA_SHA_256")),
    "TagResource": (SYMMETRIC, of_key(Tags=[{"TagKey": "a", "TagValue": "b"}])),
    "UntagResource": (SYMMETRIC, of_key(TagKeys=["a"])),
    "UpdateAlias": (SYMMETRIC, alias),
    "UpdateKeyDescription": (SYMMETRIC, of_key(Description="new")),
    "UpdatePrimaryRegion": (SYMMETRIC, of_key(PrimaryRegion=THERE)),
    "Verify": (
        SIGNING,
        lambda key: {
            "KeyId": key.arn,
            "Message": b"data",
            "Signature": key.signature,
            "SigningAlgorithm": "ECDSA_SHA_256",
        },
    ),
    "VerifyMac": (
        MAC,
        lambda key: {"KeyId": key.arn, "Message": b"data", "Mac": key.mac, "MacAlgorithm": "HMAC_SHA_256"},
    ),
}
# The guide's footnotes, once more and in the test's own words.
FOOTNOTES = {
    "1": "DisabledException",
    "3": "KMSInvalidStateException",
    "4": "KMSInvalidStateException",
    "5": "KMSInvalidStateException",
    "6": "UnsupportedOperationException",
    "10": "KMSInvalidStateException",
    "11": "KMSInvalidStateException",
    "14": "KMSInvalidStateException",
    "15": "KMSInvalidStateException",
}


def expected(cell: str, origin: str) -> str | None:
    notes = cell.split("|")
    custom = origin == "AWS_CLOUDHSM"
    cannot = {
        "7": custom or origin == "EXTERNAL",
        "9": origin != "EXTERNAL",
        "16": custom,
    }
    if any(cannot.get(note) for note in notes):
        return "UnsupportedOperationException"
    if "8" in notes:
        return "KMSInvalidStateException"
    return next((FOOTNOTES[note] for note in notes if note in FOOTNOTES), None)


class States(Case):
    def setUp(self) -> None:
        super().setUp()
        self.fake.control("stores", {STORE: {"name": "hsm"}})

    def test_the_table_has_every_operation_on_a_key(self) -> None:
        self.assertEqual(set(TABLE), set(OPERATIONS) - WITHOUT_KEY)
        self.assertEqual(set(CALLS) | {"DeleteAlias"}, set(TABLE))

    def test_cells_by_hand(self) -> None:
        for (operation, state), code in BY_HAND.items():
            origin = {"Unavailable": "AWS_CLOUDHSM", "PendingImport": "EXTERNAL"}.get(state, "AWS_KMS")
            with self.subTest(operation=operation, state=state):
                self.assertEqual(expected(TABLE[operation][state], origin), code)
                found = refusal(operation, state, origin, "arn")
                self.assertEqual(found and found.code, code)

    def test_a_deleted_alias_does_not_ask_for_the_state(self) -> None:
        key = self.key()
        self.kms.create_alias(AliasName="alias/a", TargetKeyId=key)
        self.kms.schedule_key_deletion(KeyId=key)
        # As does an alias that is turned away from such a key.
        self.kms.update_alias(AliasName="alias/a", TargetKeyId=self.key())
        self.kms.delete_alias(AliasName="alias/a")

    def test_unavailable_takes_what_shows_later(self) -> None:
        key = self.key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=STORE)
        self.fake.control("stores", {STORE: {"connection_state": "DISCONNECTED"}})
        self.kms.disable_key(KeyId=key)
        self.assertEqual(self.state(key), "Unavailable")
        self.fake.control("stores", {STORE: {"connection_state": "CONNECTED"}})
        self.assertEqual(self.state(key), "Disabled")

    def look(self, operation: str, state: str, how: dict[str, Any]) -> None:
        self.fake.control("stores", {STORE: {"connection_state": "CONNECTED"}})
        key = Key(self, how, state, operation)
        parameters = CALLS[operation][1](key)
        origin = "AWS_CLOUDHSM" if state == "Unavailable" else how.get("Origin", "AWS_KMS")
        code = expected(TABLE[operation][state], origin)
        call = getattr(key.client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        try:
            call(**parameters)
        except ClientError as error:
            found = error.response["Error"]["Code"]
            self.assertEqual(found, code, error)
            if code != "UnsupportedOperationException":
                self.assertIn(key.arn, str(error))
        else:
            self.assertIsNone(code)


def _every_state(operation: str, how: dict[str, Any]) -> Callable[[States], None]:
    def test(self: States) -> None:
        for state in COLUMNS:
            # The guide's "N/A": such a key does not come into such a state.
            if state == "PendingImport" and how in (SIGNING, MAC):
                continue
            if state == "Unavailable" and how in (SIGNING, MAC, EXTERNAL):
                continue
            # Grants are made before, and a key without material or still being made takes none.
            if operation in ("RetireGrant", "RevokeGrant") and state in ("PendingImport", "Creating"):
                continue
            with self.subTest(operation=operation, state=state, how=how):
                self.look(operation, state, EXTERNAL if state == "PendingImport" else how)

    return test


for _operation, (_how, _) in CALLS.items():
    setattr(States, f"test_{_operation}", _every_state(_operation, _how))
    if _how == EXTERNAL:
        setattr(States, f"test_{_operation}_of_a_key_not_imported", _every_state(_operation, SYMMETRIC))
for _operation in ("EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus"):
    setattr(States, f"test_{_operation}_of_an_imported_key", _every_state(_operation, EXTERNAL))
