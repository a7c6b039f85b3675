"""Cryptographic operations."""

from __future__ import annotations

import os
from typing import Any

from .. import access, crypto
from ..call import Call
from ..crypto import Blob
from ..errors import AwsError, Unsupported, access_denied, invalid_state, validation
from .keys import SIGNING, current_material

_ALGORITHM = "SYMMETRIC_DEFAULT"
_UNREADABLE = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not "
    "allowed to access."
)


def encrypt(call: Call) -> dict[str, Any]:
    context = call.get("EncryptionContext", {})
    key = _symmetric(call, call.key(context=context), "EncryptionAlgorithm")
    call.dry_run()
    blob, _ = _seal(call, key, context, call.params["Plaintext"])
    return {"CiphertextBlob": blob, "KeyId": key["arn"], "EncryptionAlgorithm": _ALGORITHM}


def decrypt(call: Call) -> dict[str, Any]:
    _only_whole(call)
    context = call.get("EncryptionContext", {})
    key, blob = _source(call, "Decrypt", "KeyId", "EncryptionAlgorithm", context)
    plaintext = crypto.open_blob(_secret(call, key, blob.material), blob, context)
    call.dry_run()
    return {
        "KeyId": key["arn"],
        "Plaintext": plaintext,
        "EncryptionAlgorithm": _ALGORITHM,
        "KeyMaterialId": blob.material,
    }


def re_encrypt(call: Call) -> dict[str, Any]:
    _only_whole(call)
    before = call.get("SourceEncryptionContext", {})
    after = call.get("DestinationEncryptionContext", {})
    source, blob = _source(call, "ReEncryptFrom", "SourceKeyId", "SourceEncryptionAlgorithm", before)
    found = call.key("ReEncryptTo", "DestinationKeyId", context=after)
    destination = _symmetric(call, found, "DestinationEncryptionAlgorithm")
    plaintext = crypto.open_blob(_secret(call, source, blob.material), blob, before)
    call.dry_run()
    sealed, material = _seal(call, destination, after, plaintext)
    return {
        "CiphertextBlob": sealed,
        "SourceKeyId": source["arn"],
        "KeyId": destination["arn"],
        "SourceEncryptionAlgorithm": _ALGORITHM,
        "DestinationEncryptionAlgorithm": _ALGORITHM,
        "SourceKeyMaterialId": blob.material,
        "DestinationKeyMaterialId": material,
    }


def generate_data_key(call: Call) -> dict[str, Any]:
    answer, plaintext = _data_key(call)
    return answer | {"Plaintext": plaintext}


def generate_data_key_without_plaintext(call: Call) -> dict[str, Any]:
    return _data_key(call)[0]


def generate_random(call: Call) -> dict[str, Any]:
    if call.get("CustomKeyStoreId") or call.get("Recipient"):
        raise Unsupported("the fake has no random bytes of a custom key store, and no enclaves")
    access.by_identity(call.store, call.caller, "kms:GenerateRandom", "*")
    if call.get("NumberOfBytes") is None:
        raise validation("NumberOfBytes is required")
    return {"Plaintext": os.urandom(call.params["NumberOfBytes"])}


def sign(call: Call) -> dict[str, Any]:
    key, algorithm, is_digest = _signing(call)
    call.dry_run()
    signature = crypto.sign(_only_secret(call, key), algorithm, call.params["Message"], is_digest)
    return {"KeyId": key["arn"], "Signature": signature, "SigningAlgorithm": algorithm}


def verify(call: Call) -> dict[str, Any]:
    key, algorithm, is_digest = _signing(call)
    call.dry_run()
    secret = _only_secret(call, key)
    if not crypto.verify(secret, algorithm, call.params["Message"], is_digest, call.params["Signature"]):
        raise AwsError("KMSInvalidSignatureException", "")
    return {"KeyId": key["arn"], "SignatureValid": True, "SigningAlgorithm": algorithm}


def get_public_key(call: Call) -> dict[str, Any]:
    key = call.key()
    family = call.store.family(key)
    if family["spec"] not in SIGNING:
        raise AwsError(
            "UnsupportedOperationException",
            f"{key['arn']} key spec is {family['spec']} which is not valid for this operation.",
        )
    return {
        "KeyId": key["arn"],
        "PublicKey": crypto.public_key(_only_secret(call, key)),
        "CustomerMasterKeySpec": family["spec"],
        "KeySpec": family["spec"],
        "KeyUsage": family["usage"],
        "SigningAlgorithms": SIGNING[family["spec"]],
    }


def generate_mac(call: Call) -> dict[str, Any]:
    key, algorithm = _mac(call)
    call.dry_run()
    mac = crypto.mac(_only_secret(call, key), algorithm, call.params["Message"])
    return {"KeyId": key["arn"], "Mac": mac, "MacAlgorithm": algorithm}


def verify_mac(call: Call) -> dict[str, Any]:
    key, algorithm = _mac(call)
    call.dry_run()
    if not crypto.same(crypto.mac(_only_secret(call, key), algorithm, call.params["Message"]), call.params["Mac"]):
        raise AwsError("KMSInvalidMacException", "")
    return {"KeyId": key["arn"], "MacValid": True, "MacAlgorithm": algorithm}


def _source(
    call: Call, action: str, member: str, algorithm: str, context: dict[str, str]
) -> tuple[dict[str, Any], Blob]:
    """The key that a ciphertext is of, which the caller may have named as well, and what the blob says."""
    if call.get(algorithm, _ALGORITHM) != _ALGORITHM:
        raise Unsupported("the fake decrypts with symmetric keys only")
    if call.get("CiphertextBlob") is None:
        raise validation(
            "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: "
            "Member must not be null"
        )
    if call.get(member):
        # Named first and asked first: who may not use the key is not told what the ciphertext is.
        key = _symmetric(call, call.key(action, member, context=context))
        blob = Blob.decode(call.params["CiphertextBlob"])
        if (blob.account, blob.key_id) != (key["account"], key["id"]):
            raise AwsError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            )
        return key, blob
    blob = Blob.decode(call.params["CiphertextBlob"])
    arn = f"arn:aws:kms:{call.region}:{blob.account}:key/{blob.key_id}"
    if arn not in call.store.data["keys"]:
        raise access_denied(_UNREADABLE)
    key = call.find(arn)
    call.allow(action, key, context)
    call.check_state(key)
    return key, blob


def _seal(call: Call, key: dict[str, Any], context: dict[str, str], plaintext: bytes) -> tuple[bytes, str]:
    material = current_material(call.store.family(key))
    if material is None:
        raise invalid_state(f"{key['arn']} is pending import.")
    secret = _secret(call, key, material["id"])
    return crypto.seal(secret, key["account"], key["id"], material["id"], context, plaintext), material["id"]


def _secret(call: Call, key: dict[str, Any], material: str) -> bytes:
    family = call.store.family(key)
    if family["origin"] == "EXTERNAL":
        imported = key["imports"].get(material)
        if imported is None:
            raise invalid_state(f"{key['arn']} is pending import.")
        return bytes.fromhex(imported["secret"])
    for one in family["materials"]:
        if one["id"] == material:
            return bytes.fromhex(one["secret"])
    raise AwsError("InvalidCiphertextException", "")


def _only_secret(call: Call, key: dict[str, Any]) -> bytes:
    """Of keys that do not rotate."""
    return bytes.fromhex(call.store.family(key)["materials"][0]["secret"])


def _data_key(call: Call) -> tuple[dict[str, Any], bytes]:
    context = call.get("EncryptionContext", {})
    spec, length = call.get("KeySpec"), call.get("NumberOfBytes")
    if (spec is None) == (length is None):
        raise validation("Please specify either number of bytes or key spec.")
    if call.get("Recipient"):
        raise Unsupported("the fake has no enclaves")
    key = _symmetric(call, call.key(context=context))
    call.dry_run()
    plaintext = os.urandom(length if spec is None else int(spec.removeprefix("AES_")) // 8)
    blob, material = _seal(call, key, context, plaintext)
    return {"CiphertextBlob": blob, "KeyId": key["arn"], "KeyMaterialId": material}, plaintext


def _symmetric(call: Call, key: dict[str, Any], algorithm: str | None = None) -> dict[str, Any]:
    family = call.store.family(key)
    if family["usage"] != "ENCRYPT_DECRYPT":
        raise _usage(key, family)
    if algorithm and call.get(algorithm, _ALGORITHM) != _ALGORITHM:
        raise AwsError("InvalidKeyUsageException", f"{algorithm} is not of the key spec {family['spec']}.")
    return key


def _signing(call: Call) -> tuple[dict[str, Any], str, bool]:
    key = call.key()
    family = call.store.family(key)
    algorithm = call.params["SigningAlgorithm"]
    if family["usage"] != "SIGN_VERIFY":
        raise _usage(key, family)
    if algorithm not in SIGNING[family["spec"]]:
        raise AwsError("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with {family['spec']}.")
    kind = call.get("MessageType", "RAW")
    if kind == "EXTERNAL_MU":
        raise validation("EXTERNAL_MU is for ML-DSA keys only")
    return key, algorithm, kind == "DIGEST"


def _mac(call: Call) -> tuple[dict[str, Any], str]:
    key = call.key()
    family = call.store.family(key)
    algorithm = call.params["MacAlgorithm"]
    if family["usage"] != "GENERATE_VERIFY_MAC":
        raise _usage(key, family)
    if algorithm != family["spec"].replace("HMAC_", "HMAC_SHA_"):
        raise AwsError("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with {family['spec']}.")
    return key, algorithm


def _usage(key: dict[str, Any], family: dict[str, Any]) -> AwsError:
    return AwsError(
        "InvalidKeyUsageException",
        f"{key['arn']} key usage is {family['usage']} which is not valid for this operation.",
    )


def _only_whole(call: Call) -> None:
    if call.get("DryRunModifiers") or call.get("Recipient"):
        raise Unsupported("the fake has neither dry runs without a ciphertext nor enclaves")


OPERATIONS = {
    "Encrypt": encrypt,
    "Decrypt": decrypt,
    "ReEncrypt": re_encrypt,
    "GenerateDataKey": generate_data_key,
    "GenerateDataKeyWithoutPlaintext": generate_data_key_without_plaintext,
    "GenerateRandom": generate_random,
    "Sign": sign,
    "Verify": verify,
    "GetPublicKey": get_public_key,
    "GenerateMac": generate_mac,
    "VerifyMac": verify_mac,
}
