"""Grants."""

from __future__ import annotations

import re
import secrets
from typing import Any

from .. import access
from ..call import Call
from ..errors import AwsError, Unsupported, access_denied, not_found, validation
from ..store import new_token

_MOST_PAIRS = 8
_PRINCIPAL = re.compile(r"arn:aws:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)")
_SYMMETRIC = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
}
_OF_USAGE = {
    "ENCRYPT_DECRYPT": _SYMMETRIC,
    "SIGN_VERIFY": {"Sign", "Verify", "GetPublicKey"},
    "GENERATE_VERIFY_MAC": {"GenerateMac", "VerifyMac"},
}
_OF_ANY = {"CreateGrant", "RetireGrant", "DescribeKey"}


def create_grant(call: Call) -> dict[str, Any]:
    if call.get("GranteeServicePrincipal") or call.get("RetiringServicePrincipal"):
        raise Unsupported("the fake has no service principals")
    if call.get("GranteePrincipal") is None:
        raise validation("You must specify either GranteePrincipal or GranteeServicePrincipal")
    for member in ("GranteePrincipal", "RetiringPrincipal"):
        if call.get(member) and not _PRINCIPAL.fullmatch(call.params[member]):
            raise AwsError("InvalidArnException", f"{member} is no ARN of a principal")
    key = call.find(call.params["KeyId"])
    operations = call.params["Operations"]
    constraints = call.get("Constraints", {})
    # A grant that lets its grantee make others lets it give no more than itself does.
    call.allow("CreateGrant", key, fits=lambda grant: access.narrows(grant, operations, constraints))
    call.check_state(key)
    _check(call.store.family(key), operations, constraints)
    call.dry_run()
    made = {
        "key": key["arn"],
        "grantee": call.params["GranteePrincipal"],
        "retiring": call.get("RetiringPrincipal"),
        "operations": operations,
        "constraints": constraints,
        "name": call.get("Name"),
        "issuing_account": call.caller.root,
    }
    token = new_token()
    for id, grant in call.store.data["grants"].items():
        # A name makes the call repeatable. The token is new each time, and the earlier ones keep.
        if made["name"] and all(grant[part] == value for part, value in made.items()):
            grant["tokens"].append(token)
            return {"GrantId": id, "GrantToken": token}
    id = secrets.token_hex(32)
    effective = call.now + call.store.data["delays"]["grant"]
    call.store.data["grants"][id] = made | {"created": call.now, "effective": effective, "tokens": [token]}
    return {"GrantId": id, "GrantToken": token}


def list_grants(call: Call) -> dict[str, Any]:
    key = call.key()
    grants = [
        (id, one)
        for id, one in call.store.data["grants"].items()
        if one["key"] == key["arn"]
        and call.get("GrantId", id) == id
        and call.get("GranteePrincipal", one["grantee"]) == one["grantee"]
    ]
    return _page(call, grants)


def list_retirable_grants(call: Call) -> dict[str, Any]:
    principal = call.get("RetiringPrincipal")
    if principal is None:
        raise Unsupported("the fake has no service principals")
    if not _PRINCIPAL.fullmatch(principal):
        raise AwsError("InvalidArnException", "RetiringPrincipal is no ARN of a principal")
    if principal.split(":")[4] != call.caller.account:
        raise access_denied("The retiring principal must be of the caller's account")
    access.by_identity(call.store, call.caller, "kms:ListRetirableGrants", principal)
    # Also those on other accounts' keys, and of this region alone.
    grants = [
        (id, one)
        for id, one in call.store.data["grants"].items()
        if one["retiring"] == principal and one["key"].split(":")[3] == call.region
    ]
    return _page(call, grants)


def retire_grant(call: Call) -> None:
    id, grant = _to_retire(call)
    key = call.find(grant["key"])
    access.may_retire(call.store, call.caller, grant, key)
    call.dry_run()
    del call.store.data["grants"][id]


def revoke_grant(call: Call) -> None:
    key = call.key()
    id = call.params["GrantId"]
    grant = call.store.data["grants"].get(id)
    if grant is None or grant["key"] != key["arn"]:
        raise not_found(f"Grant ID {id} not found")
    call.dry_run()
    del call.store.data["grants"][id]


def _to_retire(call: Call) -> tuple[str, dict[str, Any]]:
    token, id = call.get("GrantToken"), call.get("GrantId")
    grants = call.store.data["grants"]
    if token is not None:
        if id or call.get("KeyId"):
            raise validation("You must specify a grant token or a grant ID and a key ARN, and not both")
        for found, grant in grants.items():
            if token in grant["tokens"]:
                if grant["key"].split(":")[3] != call.region:
                    break
                return found, grant
        raise AwsError("InvalidGrantTokenException", "Invalid grant token")
    if id is None or call.get("KeyId") is None:
        raise validation("You must specify a grant token or a grant ID and a key ARN")
    key = call.find(call.params["KeyId"])
    if id not in grants or grants[id]["key"] != key["arn"]:
        raise not_found(f"Grant ID {id} not found")
    return id, grants[id]


def _check(family: dict[str, Any], operations: list[str], constraints: dict[str, Any]) -> None:
    if not operations:
        raise validation("Operations must not be empty")
    for one in operations:
        if one not in _OF_ANY | _OF_USAGE[family["usage"]]:
            raise validation(f"Operation {one} is not supported on a key with the usage {family['usage']}")
    for name in ("EncryptionContextEquals", "EncryptionContextSubset"):
        if name in constraints and family["spec"] != "SYMMETRIC_DEFAULT":
            raise validation(f"{name} is for symmetric encryption keys only")
        if len(constraints.get(name, {})) > _MOST_PAIRS:
            raise validation(f"{name} has more than {_MOST_PAIRS} pairs")


def _page(call: Call, grants: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    shown, paging = call.page([(id, _entry(id, one)) for id, one in grants], 50, 100)
    return {"Grants": shown} | paging


def _entry(id: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "KeyId": one["key"],
        "GrantId": id,
        "Name": one["name"] or "",
        "CreationDate": one["created"],
        "GranteePrincipal": one["grantee"],
        "RetiringPrincipal": one["retiring"],
        "IssuingAccount": one["issuing_account"],
        "Operations": one["operations"],
        "Constraints": one["constraints"] or None,
    }


OPERATIONS = {
    "CreateGrant": create_grant,
    "ListGrants": list_grants,
    "ListRetirableGrants": list_retirable_grants,
    "RetireGrant": retire_grant,
    "RevokeGrant": revoke_grant,
}
