"""The log of all calls, and CloudTrail's LookupEvents over it."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

from .clock import DAY, iso
from .errors import AwsError
from .policy import Caller
from .store import Store, new_id

_KEPT = 90 * DAY
_READ_ONLY = (
    "Decrypt",
    "Describe",
    "Encrypt",
    "Generate",
    "Get",
    "List",
    "ReEncrypt",
    "Sign",
    "Verify",
)


def record(
    store: Store,
    now: float,
    caller: Caller,
    region: str,
    operation: str,
    outcome: str,
    *,
    message: str = "",
    keys: list[dict[str, Any]] | None = None,
    parameters: Any = None,
    elements: Any = None,
    shown: bool = True,
) -> None:
    """One call. `shown` is false of those that KMS never saw, so that CloudTrail does not show them."""
    keys = keys or []
    store.data["log"].append(
        {
            "id": new_id(),
            "request": new_id(),
            "time": now,
            "caller": caller.arn,
            "principal": caller.principal,
            "account": caller.account,
            "access_key": caller.access_key,
            "via": caller.via_service,
            "region": region,
            "operation": operation,
            "outcome": outcome,
            "message": message,
            "keys": [key["arn"] for key in keys],
            "parameters": _dated(parameters),
            "elements": _dated(elements),
            "shown": shown,
        }
    )


def service_event(
    store: Store, name: str, key: dict[str, Any], moment: float, details: dict[str, Any] | None = None
) -> None:
    """What KMS does by itself, which CloudTrail shows without a caller."""
    store.data["log"].append(
        {
            "id": new_id(),
            "time": moment,
            "caller": None,
            "account": key["account"],
            "region": key["region"],
            "operation": name,
            "outcome": "ok",
            "keys": [key["arn"]],
            "details": {"keyId": key["id"]} | (details or {}),
            "shown": True,
        }
    )


def short(one: dict[str, Any]) -> dict[str, Any]:
    """A line of `/_control/log`."""
    return {
        "time": iso(one["time"]),
        "caller": one["caller"],
        "access_key": one.get("access_key"),
        "region": one["region"],
        "operation": one["operation"],
        "key": one["keys"][0] if one["keys"] else None,
        "outcome": one["outcome"],
        "parameters": one.get("parameters"),
    }


def lookup(store: Store, caller: Caller, region: str, params: dict[str, Any], now: float) -> dict[str, Any]:
    """LookupEvents: newest first, of the caller's account and region, ninety days back."""
    attributes = params.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can use only one lookup attribute.")
    start = max(params.get("StartTime", 0.0), now - _KEPT)
    end = params.get("EndTime", now)
    if params.get("StartTime", 0.0) > end:
        raise AwsError("InvalidTimeRangeException", "The start time is after the end time.")
    found = [
        event(one, caller.account)
        for one in reversed(store.data["log"])
        if one["shown"] and one["region"] == region and start <= one["time"] <= end and _concerns(one, caller.account)
    ]
    # The log is in the order of calls; what came due before a call is written when the call comes.
    found.sort(key=lambda one: one["EventTime"], reverse=True)
    for attribute in attributes:
        found = [one for one in found if _has(one, attribute["AttributeKey"], attribute["AttributeValue"])]
    return _page(found, params)


def public_keys(store: Store, region: str) -> dict[str, Any]:
    """ListPublicKeys: those that a test has set, of the region."""
    return {"PublicKeyList": store.data["public_keys"].get(region, [])}


def event(one: dict[str, Any], account: str) -> dict[str, Any]:
    read_only = one["operation"].startswith(_READ_ONLY) and one["caller"] is not None
    answer = {
        "EventId": one["id"],
        "EventName": one["operation"],
        "ReadOnly": str(read_only).lower(),
        "EventTime": one["time"],
        "EventSource": "kms.amazonaws.com",
        "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": arn} for arn in one["keys"]],
        "CloudTrailEvent": json.dumps(_detail(one, read_only, account)),
    }
    if one["caller"] is not None:
        answer |= {"AccessKeyId": one["access_key"], "Username": _user_name(one)}
    return answer


def _detail(one: dict[str, Any], read_only: bool, account: str) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(one),
        "eventTime": iso(one["time"]),
        "eventSource": "kms.amazonaws.com",
        "eventName": one["operation"],
        "awsRegion": one["region"],
        "sourceIPAddress": "127.0.0.1" if one["caller"] else "AWS Internal",
        "userAgent": "kms-fake" if one["caller"] else "AWS Internal",
    }
    if one["outcome"] != "ok":
        # CloudTrail's name of it, other than the API's.
        code = "AccessDenied" if one["outcome"] == "AccessDeniedException" else one["outcome"]
        detail |= {"errorCode": code, "errorMessage": one["message"]}
    denied = one["outcome"] == "AccessDeniedException"
    detail |= {
        "requestParameters": None if denied else one.get("parameters"),
        "responseElements": None if read_only else one.get("elements"),
        "eventID": one["id"],
        "readOnly": read_only,
        "resources": [{"accountId": arn.split(":")[4], "type": "AWS::KMS::Key", "ARN": arn} for arn in one["keys"]],
        "eventType": "AwsApiCall" if one["caller"] else "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if one["caller"]:
        detail["requestID"] = one["request"]
    else:
        detail["serviceEventDetails"] = one["details"]
    return detail


def _identity(one: dict[str, Any]) -> dict[str, Any]:
    if one["caller"] is None:
        return {"accountId": one["account"], "invokedBy": "AWS Internal"}
    identity = {"arn": one["caller"], "accountId": one["account"], "accessKeyId": one["access_key"]}
    # Real ids are drawn when a principal is made; here the ARN stands for them, so that they keep.
    unique = hashlib.sha256(one["principal"].encode()).hexdigest()[:17].upper()
    if one["caller"].endswith(":root"):
        return {"type": "Root", "principalId": one["account"]} | identity
    if ":assumed-role/" in one["caller"]:
        session = one["caller"].rsplit("/", 1)[1]
        issuer = {
            "type": "Role",
            "principalId": f"AROA{unique}",
            "arn": one["principal"],
            "accountId": one["account"],
            "userName": one["principal"].rsplit("/", 1)[1],
        }
        context = {
            "sessionIssuer": issuer,
            "attributes": {"creationDate": iso(one["time"]), "mfaAuthenticated": "false"},
        }
        identity = {"type": "AssumedRole", "principalId": f"AROA{unique}:{session}"} | identity
        identity["sessionContext"] = context
    else:
        identity = {"type": "IAMUser", "principalId": f"AIDA{unique}"} | identity | {"userName": _user_name(one)}
    if one["via"]:
        identity["invokedBy"] = one["via"]
    return identity


def _user_name(one: dict[str, Any]) -> str:
    return "root" if one["caller"].endswith(":root") else one["caller"].rsplit("/", 1)[1]


def _concerns(one: dict[str, Any], account: str) -> bool:
    """Both sides see a call across accounts: the caller's, and the key's."""
    return account in {one["account"], *(arn.split(":")[4] for arn in one["keys"])}


def _has(one: dict[str, Any], attribute: str, value: str) -> bool:
    if attribute == "ResourceName":
        return any(resource["ResourceName"] == value for resource in one["Resources"])
    if attribute == "ResourceType":
        return any(resource["ResourceType"] == value for resource in one["Resources"])
    return one.get(attribute) == value


def _page(found: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    asked = {key: value for key, value in params.items() if key not in ("NextToken", "MaxResults")}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    start = 0
    if token := params.get("NextToken"):
        # The event is named and not its place, as new ones come in before it while one pages.
        try:
            of, last = base64.urlsafe_b64decode(token).decode().split(" ")
            start = [one["EventId"] for one in found].index(last) + 1
        except ValueError:
            raise AwsError("InvalidNextTokenException", "Invalid token") from None
        if of != digest:
            raise AwsError("InvalidNextTokenException", "The token is of a request with other parameters.")
    most = params.get("MaxResults", 50)
    shown = found[start : start + most]
    answer: dict[str, Any] = {"Events": shown}
    if len(found) > start + most:
        answer["NextToken"] = base64.urlsafe_b64encode(f"{digest} {shown[-1]['EventId']}".encode()).decode()
    return answer


def _dated(value: Any) -> Any:
    """Timestamps as CloudTrail writes them. The only floats that KMS has are moments."""
    if isinstance(value, float):
        return time.strftime("%b %d, %Y, %I:%M:%S %p", time.gmtime(value))
    if isinstance(value, dict):
        return {key: _dated(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_dated(one) for one in value]
    return value
