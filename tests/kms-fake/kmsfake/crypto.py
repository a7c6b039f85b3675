"""The cryptography. Nothing here knows of policies or states."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import AwsError, Unsupported, validation

# Blobs of the fake begin so; AWS's begin with 01 02, and are refused as not ours.
_MAGIC = b"\x01KFK"
_NONCE = 12
_SIZES = {"SYMMETRIC_DEFAULT": 32, "HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


@dataclass(frozen=True)
class Blob:
    """What a ciphertext says of itself. The region is left out, so that replicas read each other's."""

    account: str
    key_id: str
    material: str
    nonce: bytes
    sealed: bytes

    def encode(self) -> bytes:
        header = f"{self.account}/{self.key_id}/{self.material}".encode()
        return _MAGIC + struct.pack(">H", len(header)) + header + self.nonce + self.sealed

    @staticmethod
    def decode(raw: bytes) -> Blob:
        invalid = AwsError("InvalidCiphertextException", "the ciphertext is no blob of this service")
        if raw[:4] != _MAGIC or len(raw) < 6:
            raise invalid
        end = 6 + struct.unpack(">H", raw[4:6])[0]
        try:
            account, key_id, material = raw[6:end].decode().split("/")
        except ValueError:
            raise invalid from None
        return Blob(account, key_id, material, raw[end : end + _NONCE], raw[end + _NONCE :])

    def bound(self, context: dict[str, str]) -> bytes:
        """The additional data: the context, whatever its order, and which material it is."""
        parts = [self.account, self.key_id, self.material]
        for key in sorted(context):
            parts += [key, context[key]]
        return b"".join(struct.pack(">I", len(part.encode())) + part.encode() for part in parts)


def seal(secret: bytes, account: str, key_id: str, material: str, context: dict[str, str], plaintext: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    bare = Blob(account, key_id, material, nonce, b"")
    return Blob(
        account, key_id, material, nonce, AESGCM(secret).encrypt(nonce, plaintext, bare.bound(context))
    ).encode()


def open_blob(secret: bytes, blob: Blob, context: dict[str, str]) -> bytes:
    try:
        return AESGCM(secret).decrypt(blob.nonce, blob.sealed, blob.bound(context))
    except (InvalidTag, ValueError):
        # AWS gives no message here: it would tell an attacker what was wrong.
        raise AwsError("InvalidCiphertextException", "") from None


def new_secret(spec: str) -> bytes:
    """New key material: bytes of the right length, or a private key."""
    if spec in _SIZES:
        return os.urandom(_SIZES[spec])
    if spec == "RSA_2048":
        return _pem(rsa.generate_private_key(65537, 2048))
    if spec == "ECC_NIST_P256":
        return _pem(ec.generate_private_key(ec.SECP256R1()))
    raise Unsupported(f"the fake makes no keys of the spec {spec}")


def new_wrapping_key(spec: str) -> tuple[bytes, bytes]:
    """A private key to unwrap with, and the public one as GetParametersForImport answers it."""
    private = rsa.generate_private_key(65537, int(spec.removeprefix("RSA_")))
    return _pem(private), _der(private)


def unwrap(private: bytes, wrapped: bytes) -> bytes:
    key = _load(private)
    assert isinstance(key, rsa.RSAPrivateKey), "wrapping keys are RSA keys"
    try:
        return key.decrypt(wrapped, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    except ValueError:
        raise AwsError("InvalidCiphertextException", "the key material cannot be decrypted") from None


def public_key(secret: bytes) -> bytes:
    return _der(_load(secret))


def sign(secret: bytes, algorithm: str, message: bytes, is_digest: bool) -> bytes:
    key = _load(secret)
    digest = _digest(algorithm, message, is_digest)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, _padding(algorithm), _prehashed(algorithm))
    return key.sign(digest, ec.ECDSA(_prehashed(algorithm)))


def verify(secret: bytes, algorithm: str, message: bytes, is_digest: bool, signature: bytes) -> bool:
    key = _load(secret).public_key()
    digest = _digest(algorithm, message, is_digest)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, _padding(algorithm), _prehashed(algorithm))
        else:
            key.verify(signature, digest, ec.ECDSA(_prehashed(algorithm)))
    except InvalidSignature:
        return False
    return True


def mac(secret: bytes, algorithm: str, message: bytes) -> bytes:
    return hmac.new(secret, message, f"sha{algorithm.removeprefix('HMAC_SHA_')}").digest()


def same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def material_id(key_id: str, secret: bytes) -> str:
    """The same imported bytes have the same id in every region, so that a second import is recognized."""
    return hashlib.sha256(b"imported\0" + key_id.encode() + b"\0" + secret).hexdigest()


def _prehashed(algorithm: str) -> utils.Prehashed:
    return utils.Prehashed(_hash(algorithm))


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    """By the digits that each algorithm's name ends with."""
    return _HASHES[algorithm[-3:]]()


def _digest(algorithm: str, message: bytes, is_digest: bool) -> bytes:
    wanted = _hash(algorithm)
    if not is_digest:
        return hashlib.new(wanted.name, message).digest()
    if len(message) != wanted.digest_size:
        raise validation(f"Digest is invalid length for algorithm {algorithm}.")
    return message


def _padding(algorithm: str) -> padding.AsymmetricPadding:
    if algorithm.startswith("RSASSA_PSS"):
        wanted = _hash(algorithm)
        return padding.PSS(padding.MGF1(wanted), wanted.digest_size)
    return padding.PKCS1v15()


def _load(pem: bytes) -> _Private:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey), "the fake makes no other keys"
    return key


def _pem(key: _Private) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _der(key: _Private) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
