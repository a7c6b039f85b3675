"""Rotation of key material, by the calendar and on demand."""

from __future__ import annotations

from typing import Any

from ..call import Call
from ..clock import DAY
from ..errors import AwsError, invalid_state, unsupported_operation
from .keys import current_material

_MOST_ON_DEMAND = 25


def enable_key_rotation(call: Call) -> None:
    key = _rotating(call)
    rotation = call.store.family(key)["rotation"]
    period = call.get("RotationPeriodInDays", 365)
    if rotation["enabled"] and rotation["period"] == period:
        return
    # The period counts from the call, also when it changes that of a key that rotates already.
    rotation |= {"enabled": True, "period": period, "next": call.now + period * DAY}


def disable_key_rotation(call: Call) -> None:
    call.store.family(_rotating(call))["rotation"]["enabled"] = False


def get_key_rotation_status(call: Call) -> dict[str, Any]:
    key = _symmetric(call)
    rotation = call.store.family(key)["rotation"]
    # While a deletion is pending it is false, and comes back when that is cancelled.
    enabled = rotation["enabled"] and not call.state(key).startswith("Pending")
    answer: dict[str, Any] = {"KeyId": key["id"], "KeyRotationEnabled": enabled}
    if enabled:
        answer |= {"RotationPeriodInDays": rotation["period"], "NextRotationDate": rotation["next"]}
    if rotation["on_demand_started"] is not None:
        answer["OnDemandRotationStartDate"] = rotation["on_demand_started"]
    return answer


def rotate_key_on_demand(call: Call) -> dict[str, Any]:
    key = _rotating(call)
    family = call.store.family(key)
    rotation = family["rotation"]
    if rotation["on_demand_started"] is not None:
        raise AwsError("ConflictException", f"{key['arn']} is being rotated on demand.")
    if rotation["on_demand_used"] >= _MOST_ON_DEMAND:
        raise AwsError("LimitExceededException", f"{key['arn']} was rotated on demand {_MOST_ON_DEMAND} times.")
    if family["origin"] == "EXTERNAL" and not is_ready(call, key):
        raise invalid_state(f"{key['arn']} has no key material in the state PENDING_ROTATION.")
    done = call.now + call.store.data["delays"]["rotation"]
    rotation |= {
        "on_demand_used": rotation["on_demand_used"] + 1,
        "on_demand_started": call.now,
        "on_demand_done": done,
    }
    return {"KeyId": key["id"]}


def list_key_rotations(call: Call) -> dict[str, Any]:
    key = _symmetric(call)
    family = call.store.family(key)
    everything = call.get("IncludeKeyMaterial", "ROTATIONS_ONLY") == "ALL_KEY_MATERIAL"
    materials = [one for one in family["materials"] if everything or one["rotated"] is not None]
    entries = [(one["id"], _entry(call, key, one)) for one in reversed(materials)]
    shown, paging = call.page(entries, 100, 1000)
    return {"Rotations": shown} | paging


def is_ready(call: Call, key: dict[str, Any]) -> bool:
    """Material waits to be rotated to, and every related key has it."""
    waiting = [one["id"] for one in call.store.family(key)["materials"] if one["pending"]]
    return bool(waiting) and all(waiting[0] in one["imports"] for one in call.store.relatives(key))


def _entry(call: Call, key: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    family = call.store.family(key)
    entry = {"KeyId": key["id"], "KeyMaterialId": one["id"]}
    if one["pending"]:
        ready = is_ready(call, key)
        entry["KeyMaterialState"] = "PENDING_ROTATION" if ready else "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    else:
        entry["KeyMaterialState"] = "CURRENT" if one is current_material(family) else "NON_CURRENT"
    if one["rotated"] is not None:
        entry |= {"RotationDate": one["rotated"], "RotationType": one["type"]}
    if family["origin"] == "EXTERNAL":
        imported = key["imports"].get(one["id"])
        entry["ImportState"] = "IMPORTED" if imported else "PENDING_IMPORT"
        if imported:
            entry |= {"ExpirationModel": imported["model"], "ValidTo": imported["valid_to"]}
            entry["KeyMaterialDescription"] = imported["description"]
    return entry


def _symmetric(call: Call) -> dict[str, Any]:
    key = call.key()
    spec = call.store.family(key)["spec"]
    if spec != "SYMMETRIC_DEFAULT":
        raise unsupported_operation(f"{key['arn']} key spec is {spec} which is not valid for this operation.")
    return key


def _rotating(call: Call) -> dict[str, Any]:
    """Related keys rotate together, and the primary is where that is said."""
    key = _symmetric(call)
    if not key["primary"]:
        raise unsupported_operation(f"{key['arn']} is a replica key; rotation is a matter of its primary key.")
    return key


OPERATIONS = {
    "EnableKeyRotation": enable_key_rotation,
    "DisableKeyRotation": disable_key_rotation,
    "GetKeyRotationStatus": get_key_rotation_status,
    "RotateKeyOnDemand": rotate_key_on_demand,
    "ListKeyRotations": list_key_rotations,
}
