"""The operations the fake knows, each a function of a call that gives its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import Call
from . import aliases, grants, imports, keys, policies, regions, rotation, tags, use

Operation = Callable[[Call], dict[str, Any] | None]

OPERATIONS: dict[str, Operation] = {
    **keys.OPERATIONS,
    **policies.OPERATIONS,
    **tags.OPERATIONS,
    **aliases.OPERATIONS,
    **grants.OPERATIONS,
    **rotation.OPERATIONS,
    **regions.OPERATIONS,
    **imports.OPERATIONS,
    **use.OPERATIONS,
}
