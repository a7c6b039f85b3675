"""Imported key material."""

from __future__ import annotations

from typing import Any

from .. import aging, crypto
from ..call import Call
from ..clock import DAY
from ..errors import AwsError, Unsupported, invalid_state, unsupported_operation, validation
from ..store import new_token
from .keys import current_material, lacks_material

_LENGTH = 32


def get_parameters_for_import(call: Call) -> dict[str, Any]:
    key = call.key()
    if call.params["WrappingAlgorithm"] != "RSAES_OAEP_SHA_256" or call.params["WrappingKeySpec"] == "SM2":
        raise Unsupported("the fake wraps by RSAES_OAEP_SHA_256 under RSA keys only")
    private, public = crypto.new_wrapping_key(call.params["WrappingKeySpec"])
    token = new_token()
    valid_to = call.now + DAY
    call.store.data["import_tokens"][token] = {"key": key["arn"], "private": private.decode(), "valid_to": valid_to}
    return {
        "KeyId": key["arn"],
        "ImportToken": token.encode(),
        "PublicKey": public,
        "ParametersValidTo": valid_to,
    }


def import_key_material(call: Call) -> dict[str, Any]:
    model, valid_to = _expiration(call)
    key = call.key()
    secret = _unwrapped(call, key)
    family = call.store.family(key)
    id = crypto.material_id(key["id"], secret)
    known = next((one for one in family["materials"] if one["id"] == id), None)
    if call.get("KeyMaterialId", id) != id:
        raise AwsError("IncorrectKeyMaterialException", "The key material is not the one that KeyMaterialId names.")
    default = "EXISTING_KEY_MATERIAL" if family["materials"] else "NEW_KEY_MATERIAL"
    if call.get("ImportType", default) == "EXISTING_KEY_MATERIAL":
        if known is None:
            raise AwsError("IncorrectKeyMaterialException", "The key material was not imported into this key before.")
    else:
        if known is not None:
            raise AwsError("IncorrectKeyMaterialException", "The key material was imported into this key before.")
        if not key["primary"]:
            raise unsupported_operation(f"{key['arn']} is a replica key; new material goes into its primary key.")
        if any(one["pending"] for one in family["materials"]):
            raise invalid_state(f"{key['arn']} has key material that waits for rotation.")
        # The first material is in use at once; any other waits for RotateKeyOnDemand.
        pending = bool(family["materials"])
        family["materials"].append({"id": id, "secret": None, "rotated": None, "type": None, "pending": pending})
    before = key["imports"].get(id, {}).get("description")
    key["imports"][id] = {
        "secret": secret.hex(),
        "model": model,
        "valid_to": valid_to,
        "description": call.get("KeyMaterialDescription", before),
    }
    if key["state"] == "PendingImport" and not lacks_material(family, key):
        key["state"] = "Enabled"
    return {"KeyId": key["arn"], "KeyMaterialId": id}


def delete_imported_key_material(call: Call) -> dict[str, Any]:
    key = call.key()
    family = call.store.family(key)
    if family["origin"] != "EXTERNAL":
        raise unsupported_operation(f"{key['arn']} origin is {family['origin']} which is not valid for this operation.")
    current = current_material(family)
    id = call.get("KeyMaterialId", current["id"] if current else "")
    if call.get("KeyMaterialId") and all(one["id"] != id for one in family["materials"]):
        raise AwsError("NotFoundException", f"{key['arn']} has no key material {id}.")
    if id in key["imports"]:
        aging.drop_import(call.store, key, id)
    return {"KeyId": key["arn"], "KeyMaterialId": id}


def _expiration(call: Call) -> tuple[str, float | None]:
    model = call.get("ExpirationModel", "KEY_MATERIAL_EXPIRES")
    valid_to = call.get("ValidTo")
    if (valid_to is None) == (model == "KEY_MATERIAL_EXPIRES"):
        raise validation("ValidTo is for the expiration model KEY_MATERIAL_EXPIRES, and required there")
    if valid_to is not None and not call.now < valid_to <= call.now + 365 * DAY:
        raise validation("ValidTo must be within 365 days from now")
    return model, valid_to


def _unwrapped(call: Call, key: dict[str, Any]) -> bytes:
    token = call.store.data["import_tokens"].get(call.params["ImportToken"].decode(errors="replace"))
    if token is None or token["key"] != key["arn"]:
        raise AwsError("InvalidImportTokenException", "The import token is not of this key.")
    if token["valid_to"] <= call.now:
        raise AwsError("ExpiredImportTokenException", "The import token has expired.")
    secret = crypto.unwrap(token["private"].encode(), call.params["EncryptedKeyMaterial"])
    if len(secret) != _LENGTH:
        raise AwsError("IncorrectKeyMaterialException", "The key material is not of 256 bits.")
    return secret


OPERATIONS = {
    "GetParametersForImport": get_parameters_for_import,
    "ImportKeyMaterial": import_key_material,
    "DeleteImportedKeyMaterial": delete_imported_key_material,
}
