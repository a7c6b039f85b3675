"""Policy documents: read strictly, and asked what they say of one request.

What is not understood is an error of the fake (`Unsupported`), never a pass and never a silent no: a condition that the
fake passed over would let a test believe a guard that does not hold.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import AwsError, Unsupported

# Condition keys the fake gives values to, in lower case, as IAM compares them.
KEYS = {
    "aws:principalarn",
    "aws:principalaccount",
    "kms:calleraccount",
    "kms:viaservice",
    "kms:schedulekeydeletionpendingwindowindays",
    "kms:bypasspolicylockoutsafetycheck",
}
CONTEXT_KEY = "kms:encryptioncontext:"

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/[^*?]+)")


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    arn: str
    """As CloudTrail names it; of a role, its session."""
    principal: str
    """`aws:PrincipalArn`; of a session, the role."""
    account: str
    access_key: str = ""
    via_service: str | None = None

    @property
    def root(self) -> str:
        return f"arn:aws:iam::{self.account}:root"

    @property
    def is_root(self) -> bool:
        return self.principal == self.root


@dataclass(frozen=True)
class Request:
    """What is asked, as far as policies can tell."""

    action: str
    resource: str
    facts: dict[str, str] = field(default_factory=dict)
    """Condition keys in lower case."""


@dataclass(frozen=True)
class Said:
    """What the statements that apply add up to."""

    denies: bool
    allows: bool
    delegates: bool = False
    """A key policy's allow to the caller's account, which its identity policies then decide on."""


def facts_of(caller: Caller, context: dict[str, str] | None, more: dict[str, str]) -> dict[str, str]:
    """The values of condition keys; a key that is not of the request is missing."""
    facts = {
        "aws:principalarn": caller.principal,
        "aws:principalaccount": caller.account,
        "kms:calleraccount": caller.account,
    }
    if caller.via_service:
        facts["kms:viaservice"] = caller.via_service
    facts |= {CONTEXT_KEY + key.lower(): value for key, value in (context or {}).items()}
    return facts | {key.lower(): value for key, value in more.items()}


def key_policy(document: str) -> list[dict[str, Any]]:
    """The statements of a key policy, as PutKeyPolicy takes it."""
    if len(document) > 32_768:
        raise AwsError("LimitExceededException", "The key policy is longer than 32768 characters.")
    try:
        parsed = json.loads(document)
    except ValueError:
        raise malformed("the policy is no JSON") from None
    statements = _statements(parsed)
    for one in statements:
        if "Principal" not in one:
            raise malformed("a statement of a key policy names its principals")
        _principals(one)
    return statements


def plain_policy(document: Any) -> list[dict[str, Any]]:
    """The statements of an identity policy or a service control policy."""
    statements = _statements(document)
    for one in statements:
        if "Principal" in one:
            raise malformed("only a resource's policy names principals")
    return statements


def malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocumentException", message)


def ask_key_policy(statements: list[dict[str, Any]], caller: Caller, request: Request) -> Said:
    denies = allows = delegates = False
    for one in statements:
        if not _applies(one, request):
            continue
        named = _names(_principals(one), caller)
        if one["Effect"] == "Deny":
            denies |= named is not None
        else:
            allows |= named == "direct"
            delegates |= named == "account"
    return Said(denies, allows, delegates)


def ask_plain(documents: list[list[dict[str, Any]]], request: Request) -> Said:
    applying = [one for statements in documents for one in statements if _applies(one, request)]
    effects = {one["Effect"] for one in applying}
    return Said("Deny" in effects, "Allow" in effects)


def _statements(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict) or "Statement" not in document:
        raise malformed("the policy has no Statement")
    unknown = document.keys() - {"Version", "Id", "Statement"}
    if unknown:
        raise malformed(f"elements that no policy has: {sorted(unknown)}")
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise malformed("the Version is none of IAM's")
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise malformed("the Statement is no list")
    for one in statements:
        _check_statement(one)
    return statements


def _check_statement(one: Any) -> None:
    if not isinstance(one, dict) or one.get("Effect") not in ("Allow", "Deny"):
        raise malformed("a statement's Effect is Allow or Deny")
    if "NotPrincipal" in one:
        raise Unsupported("the fake does not judge NotPrincipal")
    unknown = one.keys() - _ELEMENTS
    if unknown:
        raise malformed(f"elements that no statement has: {sorted(unknown)}")
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        for value in _list(one.get(element, [])):
            if not isinstance(value, str):
                raise malformed(f"{element} holds what is no text")
            _no_variables(value)
    conditions = one.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(block, dict) for block in conditions.values()):
        raise malformed("a Condition is a map of operators to maps of keys")
    for operator, block in conditions.items():
        _operator(operator)
        for key, values in block.items():
            if key.lower() not in KEYS and not key.lower().startswith(CONTEXT_KEY):
                raise Unsupported(f"the fake gives no value to the condition key {key}")
            for value in _list(values):
                _no_variables(str(value))


def _no_variables(value: str) -> None:
    if "${" in value:
        raise Unsupported(f"the fake does not fill in policy variables: {value}")


def _principals(one: dict[str, Any]) -> list[str]:
    """The AWS principals. Services and federations are let stand: no caller of the fake is one."""
    principal = one["Principal"]
    if principal == "*":
        return ["*"]
    if not isinstance(principal, dict) or principal.keys() - {"AWS", "Service", "Federated", "CanonicalUser"}:
        raise malformed("the Principal is neither * nor a map of kinds")
    named = _list(principal.get("AWS", []))
    for value in named:
        if value == "*" or _ACCOUNT.fullmatch(str(value)) or _PRINCIPAL.fullmatch(str(value)):
            continue
        raise malformed("Policy contains a statement with one or more invalid principals.")
    return named


def _names(principals: list[str], caller: Caller) -> str | None:
    """How the principals name the caller: `direct`, by its `account`, or not at all."""
    if "*" in principals or caller.principal in principals or caller.arn in principals:
        return "direct"
    if caller.account in principals or caller.root in principals:
        # The account's number stands for its root, and the root user is named directly by either.
        return "direct" if caller.is_root else "account"
    return None


def _applies(one: dict[str, Any], request: Request) -> bool:
    if not _selects(one, "Action", request.action, fold=True):
        return False
    if not _selects(one, "Resource", request.resource, fold=False):
        return False
    blocks = one.get("Condition", {}).items()
    return all(
        _holds(operator, values, request.facts.get(key.lower()))
        for operator, block in blocks
        for key, values in block.items()
    )


def _selects(one: dict[str, Any], element: str, value: str, fold: bool) -> bool:
    """A statement without the element selects nothing: AWS takes it, and it is without effect."""
    if element in one:
        return any(_glob(pattern, value, fold) for pattern in _list(one[element]))
    if "Not" + element in one:
        return not any(_glob(pattern, value, fold) for pattern in _list(one["Not" + element]))
    return False


def _glob(pattern: str, value: str, fold: bool = False) -> bool:
    if fold:
        pattern, value = pattern.lower(), value.lower()
    # IAM knows * and ? only; brackets stand for themselves.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _arn_like(pattern: str, value: str) -> bool:
    """Part by part, so that a * does not reach over a colon of the first five."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) == 6 and all(map(_glob, patterns, values))


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Unsupported(f"a numeric condition on {value!r}") from None


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _glob,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": lambda wanted, value: _number(value) == _number(wanted),
    "NumericLessThan": lambda wanted, value: _number(value) < _number(wanted),
    "NumericLessThanEquals": lambda wanted, value: _number(value) <= _number(wanted),
    "NumericGreaterThan": lambda wanted, value: _number(value) > _number(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: _number(value) >= _number(wanted),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _operator(name: str) -> tuple[str, bool]:
    """The operator without its suffix, and whether it has it."""
    bare = name.removesuffix("IfExists")
    if bare == "Null" and name == "Null":
        return bare, False
    if bare not in _POSITIVE and bare not in _NEGATED:
        raise Unsupported(f"the fake does not know the condition operator {name}")
    return bare, bare != name


def _holds(operator: str, wanted: Any, value: str | None) -> bool:
    bare, if_exists = _operator(operator)
    # JSON's true and 7 are what IAM reads as "true" and "7".
    values = [one if isinstance(one, str) else json.dumps(one) for one in _list(wanted)]
    if bare == "Null":
        return any((one.lower() == "true") == (value is None) for one in values)
    if value is None:
        return if_exists or bare in _NEGATED
    if bare in _NEGATED:
        return not any(_POSITIVE[_NEGATED[bare]](one, value) for one in values)
    return any(_POSITIVE[bare](one, value) for one in values)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
