"""Multi-Region keys."""

from __future__ import annotations

from typing import Any

from .. import access
from ..call import Call
from ..errors import AwsError, not_found, unsupported_operation, validation
from . import policies, tags
from .keys import arn_of_all, metadata, new_key


def replicate_key(call: Call) -> dict[str, Any]:
    region = call.params["ReplicaRegion"]
    key = _multi_region(call, policies.bypass_fact(call))
    if not key["primary"]:
        raise unsupported_operation(f"{key['arn']} is no primary key.")
    if region == call.region:
        raise validation("ReplicaRegion is the primary key's own region")
    arn = _sibling(key, region)
    there = arn_of_all(call).replace(f":{call.region}:", f":{region}:")
    access.by_identity(call.store, call.caller, "kms:CreateKey", there, policies.bypass_fact(call))
    policy = policies.checked(call, arn)
    given = tags.checked(call.get("Tags", []), {})
    if given:
        access.by_identity(call.store, call.caller, "kms:TagResource", there)
    if arn in call.store.data["keys"]:
        raise AwsError("AlreadyExistsException", f"{arn} already exists")
    replica = new_key(call, arn, call.store.family(key), policy)
    replica |= {"tags": given, "multi_region": True, "primary": False}
    replica["creating_until"] = call.now + call.store.data["delays"]["creating"]
    call.store.data["keys"][arn] = replica
    call.also.append(("CreateKey", region, replica))
    shown = metadata(call, replica)
    # AWS answers while the replica is still being made, however short that is.
    shown |= {"KeyState": "Creating", "Enabled": False}
    return {"ReplicaKeyMetadata": shown, "ReplicaPolicy": policy, "ReplicaTags": tags.entries(given)}


def update_primary_region(call: Call) -> None:
    region = call.params["PrimaryRegion"]
    key = _multi_region(call, {})
    if not key["primary"]:
        raise unsupported_operation(f"{key['arn']} is no primary key.")
    if region == call.region:
        raise validation("PrimaryRegion is where the primary key is already")
    successor = call.store.data["keys"].get(_sibling(key, region))
    if successor is None:
        raise not_found(f"Key '{_sibling(key, region)}' does not exist")
    call.allow("UpdatePrimaryRegion", successor)
    call.check_state(successor)
    until = call.now + call.store.data["delays"]["updating"]
    key |= {"primary": False, "updating_until": until}
    successor |= {"primary": True, "updating_until": until}
    call.also.append(("UpdatePrimaryRegion", region, successor))


def _multi_region(call: Call, facts: dict[str, str]) -> dict[str, Any]:
    key = call.key(facts=facts)
    if not key["multi_region"]:
        raise unsupported_operation(f"{key['arn']} is not a multi-Region key.")
    return key


def _sibling(key: dict[str, Any], region: str) -> str:
    return f"arn:aws:kms:{region}:{key['account']}:key/{key['id']}"


OPERATIONS = {
    "ReplicateKey": replicate_key,
    "UpdatePrimaryRegion": update_primary_region,
}
