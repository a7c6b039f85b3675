"""Tags of keys."""

from __future__ import annotations

from typing import Any

from ..call import Call
from ..errors import AwsError

_MOST = 50


def tag_resource(call: Call) -> None:
    key = call.key()
    key["tags"] = checked(call.params["Tags"], key["tags"])


def untag_resource(call: Call) -> None:
    key = call.key()
    for name in call.params["TagKeys"]:
        key["tags"].pop(name, None)


def list_resource_tags(call: Call) -> dict[str, Any]:
    tags = sorted(call.key()["tags"].items())
    shown, paging = call.page([(name, (name, value)) for name, value in tags], 50, 50)
    return {"Tags": entries(dict(shown))} | paging


def checked(given: list[dict[str, str]], present: dict[str, str]) -> dict[str, str]:
    """The tags there are with those that are given."""
    names = [one["TagKey"] for one in given]
    if len(names) != len(set(names)):
        raise AwsError("TagException", "Duplicate tag keys")
    if any(name.lower().startswith("aws:") for name in names):
        raise AwsError("TagException", "The prefix aws: is reserved")
    together = present | {one["TagKey"]: one["TagValue"] for one in given}
    if len(together) > _MOST:
        raise AwsError("LimitExceededException", f"A key has at most {_MOST} tags")
    return together


def entries(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


OPERATIONS = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListResourceTags": list_resource_tags,
}
