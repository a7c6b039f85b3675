"""Key policies."""

from __future__ import annotations

from typing import Any

from .. import access
from ..call import Call
from ..errors import not_found, validation
from ..policy import key_policy, malformed

_NAME = "default"
_BYPASS = "BypassPolicyLockoutSafetyCheck"


def get_key_policy(call: Call) -> dict[str, Any]:
    key = call.key()
    if call.get("PolicyName", _NAME) != _NAME:
        raise not_found("No such policy exists")
    return {"Policy": key["policy"], "PolicyName": _NAME}


def put_key_policy(call: Call) -> None:
    if call.get("PolicyName", _NAME) != _NAME:
        raise validation("PolicyName must be default")
    key = call.key(facts=bypass_fact(call))
    key["policy"] = checked(call, key["arn"])


def list_key_policies(call: Call) -> dict[str, Any]:
    call.key()
    shown, paging = call.page([(_NAME, _NAME)], 100, 1000)
    return {"PolicyNames": shown} | paging


def checked(call: Call, key_arn: str) -> str:
    """The policy that a request brings, or the default one, once it is sound and locks nobody out."""
    document = call.get("Policy")
    if document is None:
        return access.default_policy(call.caller.account)
    key_policy(document)
    if not call.get(_BYPASS, False) and not access.keeps_control(document, call.caller, key_arn):
        raise malformed("The new key policy will not allow you to update the key policy in the future.")
    return document


def bypass_fact(call: Call) -> dict[str, str]:
    """The condition key of the operations that take a policy, false where the request does not say."""
    return {f"kms:{_BYPASS}": str(call.get(_BYPASS, False)).lower()}


OPERATIONS = {
    "GetKeyPolicy": get_key_policy,
    "PutKeyPolicy": put_key_policy,
    "ListKeyPolicies": list_key_policies,
}
