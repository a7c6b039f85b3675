"""Aliases: names of an account and region, each of one key."""

from __future__ import annotations

from typing import Any

from .. import access
from ..call import Call
from ..errors import AwsError, not_found, validation

_MOST = 50


def create_alias(call: Call) -> None:
    name = _name(call)
    _allow_on_alias(call, name)
    key = call.key(member="TargetKeyId")
    aliases = call.store.aliases(call.caller.account, call.region)
    if name in aliases:
        raise AwsError("AlreadyExistsException", f"An alias with the name {_arn(call, name)} already exists")
    if sum(one["key"] == key["arn"] for one in aliases.values()) >= _MOST:
        raise AwsError("LimitExceededException", f"A key has at most {_MOST} aliases")
    aliases[name] = {"key": key["arn"], "created": call.now, "updated": call.now}


def update_alias(call: Call) -> None:
    name = _name(call)
    _allow_on_alias(call, name)
    alias = _alias(call, name)
    former = call.find(alias["key"])
    call.allow("UpdateAlias", former)
    # Only the state of the new key counts.
    key = call.key(member="TargetKeyId")
    if _kind(call, former) != _kind(call, key):
        raise validation("The current and new KMS keys must be of the same type and have the same key usage")
    alias |= {"key": key["arn"], "updated": call.now}


def delete_alias(call: Call) -> None:
    name = _name(call)
    _allow_on_alias(call, name)
    key = call.find(_alias(call, name)["key"])
    call.allow("DeleteAlias", key)
    del call.store.aliases(call.caller.account, call.region)[name]


def list_aliases(call: Call) -> dict[str, Any]:
    access.by_identity(call.store, call.caller, "kms:ListAliases", "*")
    aliases = sorted(call.store.aliases(call.caller.account, call.region).items())
    if call.get("KeyId"):
        key = call.find(call.params["KeyId"])
        if key["account"] != call.caller.account:
            raise not_found(f"Key '{key['arn']}' does not exist")
        aliases = [(name, one) for name, one in aliases if one["key"] == key["arn"]]
    shown, paging = call.page([(name, (name, one)) for name, one in aliases], 50, 100)
    return {"Aliases": [_entry(call, name, one) for name, one in shown]} | paging


def _entry(call: Call, name: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "AliasName": name,
        "AliasArn": _arn(call, name),
        "TargetKeyId": call.store.data["keys"][one["key"]]["id"],
        "CreationDate": one["created"],
        "LastUpdatedDate": one["updated"],
    }


def _allow_on_alias(call: Call, name: str) -> None:
    """An alias has no policy of its own: on it, the caller's decide; on the key, the key's."""
    access.by_identity(call.store, call.caller, f"kms:{call.operation}", _arn(call, name))


def _alias(call: Call, name: str) -> dict[str, Any]:
    alias = call.store.aliases(call.caller.account, call.region).get(name)
    if alias is None:
        raise not_found(f"Alias {_arn(call, name)} is not found.")
    return alias


def _name(call: Call) -> str:
    name = call.params["AliasName"]
    if not name.startswith("alias/"):
        raise validation("Invalid identifier: an alias begins with alias/")
    if name.startswith("alias/aws/") or name == "alias/":
        raise AwsError("InvalidAliasNameException", f"{name} is no name of a customer's alias")
    return name


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:kms:{call.region}:{call.caller.account}:{name}"


def _kind(call: Call, key: dict[str, Any]) -> tuple[str, str]:
    family = call.store.family(key)
    spec = family["spec"]
    kind = "symmetric" if spec == "SYMMETRIC_DEFAULT" else "hmac" if spec.startswith("HMAC") else "asymmetric"
    return kind, family["usage"]


OPERATIONS = {
    "CreateAlias": create_alias,
    "UpdateAlias": update_alias,
    "DeleteAlias": delete_alias,
    "ListAliases": list_aliases,
}
