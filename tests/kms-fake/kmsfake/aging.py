"""What happens by itself as time passes: deletions, rotations, expiries. Nothing runs in the background; before each
call everything that has come due since the last one is done, in the order of its time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from . import trail
from .clock import DAY
from .crypto import new_secret
from .store import Store, new_id

PENDING = ("PendingDeletion", "PendingReplicaDeletion")
Due = tuple[float, Callable[[float], None]]


def state_of(store: Store, key: dict[str, Any], now: float) -> str:
    """The state as AWS shows it: what is transient lies over what the key was told to be."""
    if key["state"] in PENDING:
        # Also of a key that is unavailable, so that its deletion can be cancelled at any time.
        return key["state"]
    if now < key["creating_until"]:
        return "Creating"
    if now < key["updating_until"]:
        return "Updating"
    if key["store"] and store.data["stores"][key["store"]]["connection_state"] != "CONNECTED":
        return "Unavailable"
    return key["state"]


def age(store: Store) -> bool:
    """Does what is due. Says whether anything was."""
    now = store.clock.now()
    happened = False
    while due := min(_due(store, now), key=lambda one: one[0], default=None):
        moment, act = due
        act(moment)
        happened = True
    return happened


def _due(store: Store, now: float) -> list[Due]:
    found: list[Due] = []
    for key in store.data["keys"].values():
        if key["state"] == "PendingDeletion":
            found.append((key["deletion_date"], partial(delete_key, store, key)))
        for material, one in key["imports"].items():
            if one["valid_to"] is not None:
                found.append((one["valid_to"], partial(_expire, store, key, material)))
        if key["primary"]:
            found += _rotations(store, key)
    return [one for one in found if one[0] <= now]


def _rotations(store: Store, key: dict[str, Any]) -> list[Due]:
    family = store.family(key)
    rotation = family["rotation"]
    found: list[Due] = []
    if rotation["on_demand_done"] is not None:
        found.append((rotation["on_demand_done"], partial(_rotate_on_demand, store, key)))
    # A key that is disabled or about to be deleted does not rotate; what it missed, it does once on return.
    if rotation["enabled"] and key["state"] == "Enabled":
        due = max(rotation["next"], rotation["resumed"])
        found.append((due, partial(_rotate_automatically, store, key)))
    return found


def delete_key(store: Store, key: dict[str, Any], moment: float) -> None:
    """The key is gone, and all that hangs on it."""
    data = store.data
    relatives = store.relatives(key)
    primary = store.primary(key)
    del data["keys"][key["arn"]]
    aliases = store.aliases(key["account"], key["region"])
    for name in [name for name, one in aliases.items() if one["key"] == key["arn"]]:
        del aliases[name]
    for grant in [id for id, one in data["grants"].items() if one["key"] == key["arn"]]:
        del data["grants"][grant]
    if len(relatives) == 1:
        # Without this the material would outlive its last key.
        del data["families"][key["family"]]
    trail.service_event(store, "DeleteKey", key, moment)
    if len(relatives) == 2 and primary["state"] == "PendingReplicaDeletion":
        # The waiting period of a primary begins when the last replica is gone.
        primary["state"] = "PendingDeletion"
        primary["deletion_date"] = moment + primary["window"] * DAY


def _expire(store: Store, key: dict[str, Any], material: str, moment: float) -> None:
    drop_import(store, key, material)
    trail.service_event(store, "DeleteExpiredKeyMaterial", key, moment)


def drop_import(store: Store, key: dict[str, Any], material: str) -> None:
    """Imported material leaves one region's key. Material that is not in use yet is forgotten altogether."""
    family = store.family(key)
    key["imports"].pop(material, None)
    if any(one["id"] == material and one["pending"] for one in family["materials"]):
        if key["primary"]:
            family["materials"] = [one for one in family["materials"] if one["id"] != material]
            for relative in store.relatives(key):
                relative["imports"].pop(material, None)
        return
    if key["state"] not in PENDING:
        key["state"] = "PendingImport"


def _rotate_on_demand(store: Store, key: dict[str, Any], moment: float) -> None:
    family = store.family(key)
    family["rotation"] |= {"on_demand_started": None, "on_demand_done": None}
    if family["origin"] == "EXTERNAL":
        for one in family["materials"]:
            if one["pending"]:
                one |= {"pending": False, "rotated": moment, "type": "ON_DEMAND"}
    else:
        family["materials"].append(new_material(family["spec"], moment, "ON_DEMAND"))
    trail.service_event(store, "RotateKey", key, moment, {"rotationType": "ON_DEMAND"})


def _rotate_automatically(store: Store, key: dict[str, Any], moment: float) -> None:
    family = store.family(key)
    family["materials"].append(new_material(family["spec"], moment, "AUTOMATIC"))
    family["rotation"]["next"] = moment + family["rotation"]["period"] * DAY
    trail.service_event(store, "RotateKey", key, moment, {"rotationType": "AUTOMATIC"})


def new_material(spec: str, rotated: float | None, kind: str | None) -> dict[str, Any]:
    # Two ids make the 64 digits that the model wants of a material's.
    id = (new_id() + new_id()).replace("-", "")
    return {"id": id, "secret": new_secret(spec).hex(), "rotated": rotated, "type": kind, "pending": False}
