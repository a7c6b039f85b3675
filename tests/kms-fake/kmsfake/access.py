"""Who may do what: key policy, identity policies, grants and service control policies put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import policy
from .errors import access_denied
from .policy import Caller, Request, Said
from .store import Store

Fits = Callable[[dict[str, Any]], bool]

# "Cross-account use: Yes" on the operation's page, as actions.
ACROSS_ACCOUNTS = {
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
}
# Grant operations whose request carries an encryption context, to which alone the constraints apply.
_WITH_CONTEXT = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
}


def on_key(
    store: Store,
    caller: Caller,
    action: str,
    key: dict[str, Any],
    context: dict[str, str] | None,
    facts: dict[str, str],
    tokens: list[str],
    now: float,
    fits: Fits,
) -> None:
    """Lets the caller do it with the key, or raises. A grant counts only when it `fits` the request too."""
    request = Request(f"kms:{action}", key["arn"], policy.facts_of(caller, context, facts))
    own = key["account"] == caller.account
    if not own and action not in ACROSS_ACCOUNTS:
        raise _denied(caller, request, "because the operation does not work across accounts")
    _scps(store, caller, request)
    said = policy.ask_key_policy(policy.key_policy(key["policy"]), caller, request)
    if said.denies:
        raise _denied(caller, request, "with an explicit deny in a resource-based policy")
    identity = ask_identity(store, caller, request)
    if identity.denies:
        raise _denied(caller, request, "with an explicit deny in an identity-based policy")
    if own and said.allows:
        return
    if (said.allows or said.delegates) and identity.allows:
        return
    granted = any(
        fits(grant) and _grants(grant, caller, action, key, context, tokens, identity, now)
        for grant in store.data["grants"].values()
    )
    # Across accounts a grant stands in for the key policy, not for the caller's own account.
    if granted and (own or identity.allows):
        return
    if said.allows or said.delegates or granted:
        raise _denied(caller, request, f"because no identity-based policy allows the {request.action} action")
    raise _denied(caller, request, f"because no resource-based policy allows the {request.action} action")


def by_identity(store: Store, caller: Caller, action: str, resource: str, facts: dict[str, str] | None = None) -> None:
    """What no key policy speaks of: the caller's own policies decide."""
    request = Request(action, resource, policy.facts_of(caller, None, facts or {}))
    _scps(store, caller, request)
    identity = ask_identity(store, caller, request)
    if identity.denies:
        raise _denied(caller, request, "with an explicit deny in an identity-based policy")
    if not identity.allows:
        raise _denied(caller, request, f"because no identity-based policy allows the {action} action")


def ask_identity(store: Store, caller: Caller, request: Request) -> Said:
    if caller.is_root:
        # The root user has no policies, and may do all that its account may.
        return Said(denies=False, allows=True)
    documents = store.data["identity"].get(caller.principal, [])
    return policy.ask_plain([policy.plain_policy(one) for one in documents], request)


def keeps_control(document: str, caller: Caller, key_arn: str) -> bool:
    """The lockout safety check: this policy lets the caller put another one.

    The account's delegation is enough, as with the default policy; what the caller's own policies say is not asked.
    """
    facts = policy.facts_of(caller, None, {"kms:BypassPolicyLockoutSafetyCheck": "false"})
    said = policy.ask_key_policy(policy.key_policy(document), caller, Request("kms:PutKeyPolicy", key_arn, facts))
    return not said.denies and (said.allows or said.delegates)


def may_retire(store: Store, caller: Caller, grant: dict[str, Any], key: dict[str, Any]) -> None:
    """RetireGrant is decided by the grant: its retiring principal, a grantee it lets, or the account that made it.

    The key policy can forbid it, and cannot allow it.
    """
    request = Request("kms:RetireGrant", key["arn"], policy.facts_of(caller, None, {}))
    _scps(store, caller, request)
    said = policy.ask_key_policy(policy.key_policy(key["policy"]), caller, request)
    identity = ask_identity(store, caller, request)
    if said.denies or identity.denies:
        raise _denied(caller, request, "with an explicit deny")
    if _is(caller, grant.get("retiring")):
        return
    if "RetireGrant" in grant["operations"] and _is(caller, grant["grantee"]):
        return
    if grant["issuing_account"] == caller.root and identity.allows:
        return
    raise _denied(caller, request, "because neither the grant nor an identity-based policy allows it")


def permits(constraints: dict[str, Any], context: dict[str, str]) -> bool:
    """The constraints hold for that context: keys whatever their case, values in theirs."""
    given = _folded(context)
    equals = constraints.get("EncryptionContextEquals")
    if equals is not None and _folded(equals) != given:
        return False
    return _folded(constraints.get("EncryptionContextSubset", {})).items() <= given.items()


def narrows(parent: dict[str, Any], operations: list[str], constraints: dict[str, Any]) -> bool:
    """A grant made under another: no operation more, and constraints at least as strict."""
    if not set(operations) <= set(parent["operations"]):
        return False
    above = parent["constraints"]
    equals = constraints.get("EncryptionContextEquals")
    if "SourceArn" in above and constraints.get("SourceArn") != above["SourceArn"]:
        return False
    if (wanted := above.get("EncryptionContextEquals")) is not None:
        return equals is not None and _folded(equals) == _folded(wanted)
    if wanted := above.get("EncryptionContextSubset"):
        own = equals if equals is not None else constraints.get("EncryptionContextSubset", {})
        return _folded(wanted).items() <= _folded(own).items()
    return True


def _grants(
    grant: dict[str, Any],
    caller: Caller,
    action: str,
    key: dict[str, Any],
    context: dict[str, str] | None,
    tokens: list[str],
    identity: Said,
    now: float,
) -> bool:
    if grant["key"] != key["arn"] or action not in grant["operations"]:
        return False
    # A new grant takes a while to be known everywhere; its token makes it count at once.
    if now < grant["effective"] and not set(tokens) & set(grant["tokens"]):
        return False
    if "SourceArn" in grant["constraints"]:
        # No request of the fake is made on behalf of a resource.
        return False
    if action in _WITH_CONTEXT and not permits(grant["constraints"], context or {}):
        return False
    if grant["grantee"] == caller.root and not caller.is_root:
        # An account as grantee leaves it to the account's policies which of its principals may.
        return identity.allows
    return _is(caller, grant["grantee"])


def _scps(store: Store, caller: Caller, request: Request) -> None:
    documents = store.data["scps"].get(caller.account)
    if documents is None:
        return
    said = policy.ask_plain([policy.plain_policy(one) for one in documents], request)
    if said.denies:
        raise _denied(caller, request, "with an explicit deny in a service control policy")
    if not said.allows:
        raise _denied(caller, request, f"because no service control policy allows the {request.action} action")


def _denied(caller: Caller, request: Request, why: str) -> Exception:
    return access_denied(
        f"User: {caller.arn} is not authorized to perform: {request.action} on resource: {request.resource} {why}"
    )


def _is(caller: Caller, arn: str | None) -> bool:
    return arn is not None and arn in (caller.arn, caller.principal)


def _folded(context: dict[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in context.items()}


def default_policy(account: str) -> str:
    """The policy of a key made without one: the account's own policies decide."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)
