"""Keys made, shown, switched on and off, and put to their deletion."""

from __future__ import annotations

import uuid
from typing import Any

from .. import access, aging
from ..call import Call
from ..clock import DAY
from ..errors import AwsError, Unsupported, unsupported_operation, validation
from . import policies, tags

_USAGES = {
    "SYMMETRIC_DEFAULT": ["ENCRYPT_DECRYPT"],
    "HMAC_224": ["GENERATE_VERIFY_MAC"],
    "HMAC_256": ["GENERATE_VERIFY_MAC"],
    "HMAC_384": ["GENERATE_VERIFY_MAC"],
    "HMAC_512": ["GENERATE_VERIFY_MAC"],
    "RSA_2048": ["SIGN_VERIFY", "ENCRYPT_DECRYPT"],
    "ECC_NIST_P256": ["SIGN_VERIFY", "KEY_AGREEMENT"],
}
SIGNING = {
    "RSA_2048": [
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
    ],
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
}


def create_key(call: Call) -> dict[str, Any]:
    spec = _spec(call)
    usage = _usage(call, spec)
    origin = call.get("Origin", "AWS_KMS")
    multi_region = call.get("MultiRegion", False)
    account = call.caller.account
    id = new_key_id(multi_region)
    arn = f"arn:aws:kms:{call.region}:{account}:key/{id}"
    policy = policies.checked(call, arn)
    access.by_identity(call.store, call.caller, "kms:CreateKey", arn_of_all(call), policies.bypass_fact(call))
    given = tags.checked(call.get("Tags", []), {})
    if given:
        access.by_identity(call.store, call.caller, "kms:TagResource", arn_of_all(call))
    if origin == "EXTERNAL" and spec != "SYMMETRIC_DEFAULT":
        raise Unsupported("the fake imports symmetric encryption keys only")
    store_id = _custom_store(call, origin, spec, multi_region)
    family = {
        "id": id,
        "spec": spec,
        "usage": usage,
        "origin": origin,
        # In a custom store the material is elsewhere in truth; what is encrypted is the same to a caller.
        "materials": [] if origin == "EXTERNAL" else [aging.new_material(spec, None, None)],
        "rotation": {
            "enabled": False,
            "period": 365,
            "next": 0.0,
            "resumed": 0.0,
            "on_demand_used": 0,
            "on_demand_started": None,
            "on_demand_done": None,
        },
    }
    key = new_key(call, arn, family, policy)
    key |= {"tags": given, "store": store_id, "xks": call.get("XksKeyId"), "multi_region": multi_region}
    call.store.data["families"][id] = family
    call.store.data["keys"][arn] = key
    call.touched.append(key)
    return {"KeyMetadata": metadata(call, key)}


def new_key(call: Call, arn: str, family: dict[str, Any], policy: str) -> dict[str, Any]:
    """The record of one region's key. Of a family's second one, it is a replica."""
    _, _, _, region, account, rest = arn.split(":")
    return {
        "arn": arn,
        "id": rest.removeprefix("key/"),
        "account": account,
        "region": region,
        "family": family["id"] if rest.startswith("key/mrk-") else rest.removeprefix("key/"),
        "created": call.now,
        "description": call.get("Description", ""),
        "policy": policy,
        "tags": {},
        "state": "PendingImport" if family["origin"] == "EXTERNAL" else "Enabled",
        "deletion_date": None,
        "window": None,
        "creating_until": 0.0,
        "updating_until": 0.0,
        "store": None,
        "xks": None,
        "multi_region": False,
        "primary": True,
        "imports": {},
    }


def new_key_id(multi_region: bool) -> str:
    return f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4())


def arn_of_all(call: Call) -> str:
    """What CreateKey is allowed on: any key of the account, as there is none yet."""
    return f"arn:aws:kms:{call.region}:{call.caller.account}:key/*"


def describe_key(call: Call) -> dict[str, Any]:
    return {"KeyMetadata": metadata(call, call.key())}


# What counts as a use, and is kept from the day on which the key was made.
_USES = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
}


def get_key_last_usage(call: Call) -> dict[str, Any]:
    key = call.key()
    log = call.store.data["log"]
    ok = [one for one in log if one["operation"] in _USES and one["outcome"] == "ok"]
    mine = [one for one in ok if key["arn"] in one["keys"]]
    last = {}
    if mine:
        last = {
            "Operation": mine[-1]["operation"],
            "Timestamp": mine[-1]["time"],
            "CloudTrailEventId": mine[-1]["id"],
            "KmsRequestId": mine[-1]["request"],
        }
    return {
        "KeyId": key["id"],
        "KeyLastUsage": last,
        "TrackingStartDate": key["created"],
        "KeyCreationDate": key["created"],
    }


def list_keys(call: Call) -> dict[str, Any]:
    access.by_identity(call.store, call.caller, "kms:ListKeys", "*")
    if call.get("ResourceOwners", ["SELF"]) != ["SELF"]:
        raise Unsupported("the fake shares no keys through RAM")
    keys = [one for one in call.store.data["keys"].values() if _is_here(call, one)]
    shown, paging = call.page([(one["id"], one) for one in keys], 100, 1000)
    return {"Keys": [{"KeyId": one["id"], "KeyArn": one["arn"]} for one in shown]} | paging


def update_key_description(call: Call) -> None:
    key = call.key()
    key["description"] = call.params["Description"]


def enable_key(call: Call) -> None:
    key = call.key()
    if key["state"] != "Enabled":
        key["state"] = "Enabled"
        # Rotation missed meanwhile is made up for at once.
        call.store.family(key)["rotation"]["resumed"] = call.now


def disable_key(call: Call) -> None:
    call.key()["state"] = "Disabled"


def schedule_key_deletion(call: Call) -> dict[str, Any]:
    days = call.get("PendingWindowInDays", 30)
    # The model says 1 to 365, the service 7 to 30.
    if not 7 <= days <= 30:
        raise validation("PendingWindowInDays must be between 7 and 30")
    key = call.key(facts={"kms:ScheduleKeyDeletionPendingWindowInDays": str(days)})
    replicas = len(call.store.relatives(key)) > 1 and key["primary"]
    key["window"] = days
    answer = {"KeyId": key["arn"], "PendingWindowInDays": days}
    if replicas:
        key["state"] = "PendingReplicaDeletion"
    else:
        key["state"] = "PendingDeletion"
        key["deletion_date"] = call.now + days * DAY
        answer["DeletionDate"] = key["deletion_date"]
    return answer | {"KeyState": key["state"]}


def cancel_key_deletion(call: Call) -> dict[str, Any]:
    key = call.key()
    key |= {"state": "Disabled", "deletion_date": None, "window": None}
    if lacks_material(call.store.family(key), key):
        key["state"] = "PendingImport"
    return {"KeyId": key["arn"]}


def lacks_material(family: dict[str, Any], key: dict[str, Any]) -> bool:
    """An imported key is whole only with all materials that it was ever encrypted under."""
    if family["origin"] != "EXTERNAL":
        return False
    needed = [one["id"] for one in family["materials"] if not one["pending"]]
    return not needed or any(id not in key["imports"] for id in needed)


def current_material(family: dict[str, Any]) -> dict[str, Any] | None:
    return next((one for one in reversed(family["materials"]) if not one["pending"]), None)


def describe_custom_key_stores(call: Call) -> dict[str, Any]:
    access.by_identity(call.store, call.caller, "kms:DescribeCustomKeyStores", "*")
    stores = {
        id: one
        for id, one in call.store.data["stores"].items()
        if (one["account"], one["region"]) == (call.caller.account, call.region)
        and call.get("CustomKeyStoreId", id) == id
        and call.get("CustomKeyStoreName", one["name"]) == one["name"]
    }
    if not stores and (call.get("CustomKeyStoreId") or call.get("CustomKeyStoreName")):
        raise AwsError("CustomKeyStoreNotFoundException", "the custom key store does not exist")
    shown, paging = call.page([(id, (id, one)) for id, one in stores.items()], 100, 1000)
    return {"CustomKeyStores": [_store_entry(id, one) for id, one in shown]} | paging


def metadata(call: Call, key: dict[str, Any]) -> dict[str, Any]:
    family = call.store.family(key)
    state = call.state(key)
    shown = {
        "AWSAccountId": key["account"],
        "KeyId": key["id"],
        "Arn": key["arn"],
        "CreationDate": key["created"],
        "Enabled": state in ("Enabled", "Updating"),
        "Description": key["description"],
        "KeyUsage": family["usage"],
        "KeyState": state,
        "Origin": family["origin"],
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": family["spec"],
        "KeySpec": family["spec"],
        "MultiRegion": key["multi_region"],
    }
    shown |= _algorithms(family)
    if state == "PendingDeletion":
        shown["DeletionDate"] = key["deletion_date"]
    if state == "PendingReplicaDeletion":
        shown["PendingDeletionWindowInDays"] = key["window"]
    if key["store"]:
        shown["CustomKeyStoreId"] = key["store"]
        if family["origin"] == "AWS_CLOUDHSM":
            shown["CloudHsmClusterId"] = call.store.data["stores"][key["store"]]["cluster"]
    if key["xks"]:
        shown["XksKeyConfiguration"] = {"Id": key["xks"]}
    if current := current_material(family):
        if family["spec"] == "SYMMETRIC_DEFAULT" and not key["store"]:
            shown["CurrentKeyMaterialId"] = current["id"]
        if (imported := key["imports"].get(current["id"])) and not lacks_material(family, key):
            shown |= {"ExpirationModel": imported["model"], "ValidTo": imported["valid_to"]}
    if key["multi_region"]:
        shown["MultiRegionConfiguration"] = _configuration(call, key)
    return shown


def _configuration(call: Call, key: dict[str, Any]) -> dict[str, Any]:
    relatives = call.store.relatives(key)

    def entry(one: dict[str, Any]) -> dict[str, str]:
        return {"Arn": one["arn"], "Region": one["region"]}

    return {
        "MultiRegionKeyType": "PRIMARY" if key["primary"] else "REPLICA",
        "PrimaryKey": entry(call.store.primary(key)),
        "ReplicaKeys": [entry(one) for one in relatives if not one["primary"]],
    }


def _algorithms(family: dict[str, Any]) -> dict[str, list[str]]:
    spec = family["spec"]
    if spec == "SYMMETRIC_DEFAULT":
        return {"EncryptionAlgorithms": [spec]}
    if spec.startswith("HMAC"):
        return {"MacAlgorithms": [spec.replace("HMAC_", "HMAC_SHA_")]}
    return {"SigningAlgorithms": SIGNING[spec]}


def _spec(call: Call) -> str:
    old, new = call.get("CustomerMasterKeySpec"), call.get("KeySpec")
    if old and new:
        raise validation("You cannot specify KeySpec and CustomerMasterKeySpec in the same request.")
    spec = new or old or "SYMMETRIC_DEFAULT"
    if spec not in _USAGES:
        raise Unsupported(f"the fake makes no keys of the spec {spec}")
    return spec


def _usage(call: Call, spec: str) -> str:
    usage = call.get("KeyUsage")
    if usage is None:
        if spec != "SYMMETRIC_DEFAULT":
            raise validation("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
        return "ENCRYPT_DECRYPT"
    if usage not in _USAGES[spec]:
        raise validation(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    if usage == "KEY_AGREEMENT" or (usage == "ENCRYPT_DECRYPT" and spec != "SYMMETRIC_DEFAULT"):
        raise Unsupported(f"the fake makes no {spec} keys for {usage}")
    return usage


def _custom_store(call: Call, origin: str, spec: str, multi_region: bool) -> str | None:
    id = call.get("CustomKeyStoreId")
    if origin not in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"):
        if id or call.get("XksKeyId"):
            raise validation(f"a custom key store is not for the origin {origin}")
        return None
    if spec != "SYMMETRIC_DEFAULT" or multi_region:
        raise unsupported_operation("a custom key store holds single-Region symmetric encryption keys only")
    if id is None:
        raise validation(f"the origin {origin} needs a CustomKeyStoreId")
    store = call.store.data["stores"].get(id)
    if store is None or (store["account"], store["region"]) != (call.caller.account, call.region):
        raise AwsError("CustomKeyStoreNotFoundException", f"the custom key store {id} does not exist")
    wanted = "AWS_CLOUDHSM" if origin == "AWS_CLOUDHSM" else "EXTERNAL_KEY_STORE"
    if store["type"] != wanted:
        raise validation(f"the custom key store {id} is not of the type {wanted}")
    if store["connection_state"] != "CONNECTED":
        raise AwsError("CustomKeyStoreInvalidStateException", f"the custom key store {id} is not connected")
    if (call.get("XksKeyId") is None) == (origin == "EXTERNAL_KEY_STORE"):
        raise validation("XksKeyId is for the origin EXTERNAL_KEY_STORE, and required there")
    used = [one["xks"] for one in call.store.data["keys"].values() if one["store"] == id]
    if call.get("XksKeyId") and call.params["XksKeyId"] in used:
        raise AwsError("XksKeyAlreadyInUseException", "the external key is in use by another key")
    return id


def _store_entry(id: str, one: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "CustomKeyStoreId": id,
        "CustomKeyStoreName": one["name"],
        "CustomKeyStoreType": one["type"],
        "ConnectionState": one["connection_state"],
        "CreationDate": one["created"],
    }
    if one["type"] == "AWS_CLOUDHSM":
        return entry | {"CloudHsmClusterId": one["cluster"]}
    return entry | {"XksProxyConfiguration": {"Connectivity": "PUBLIC_ENDPOINT", "UriEndpoint": one["proxy"]}}


def _is_here(call: Call, key: dict[str, Any]) -> bool:
    return (key["account"], key["region"]) == (call.caller.account, call.region)


OPERATIONS = {
    "CreateKey": create_key,
    "DescribeKey": describe_key,
    "GetKeyLastUsage": get_key_last_usage,
    "ListKeys": list_keys,
    "UpdateKeyDescription": update_key_description,
    "EnableKey": enable_key,
    "DisableKey": disable_key,
    "ScheduleKeyDeletion": schedule_key_deletion,
    "CancelKeyDeletion": cancel_key_deletion,
    "DescribeCustomKeyStores": describe_custom_key_stores,
}
