"""All that the fake remembers, as JSON, and the file that keeps it over a restart."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from pathlib import Path
from typing import Any

from .clock import Clock

DEFAULT_ACCOUNT = "111111111111"


def _empty() -> dict[str, Any]:
    return {
        "offset": 0.0,
        # ARN: one key of one region.
        "keys": {},
        # What related multi-Region keys share: spec, usage, origin, material, rotation.
        "families": {},
        # "account/region": alias name: alias.
        "aliases": {},
        "grants": {},
        "stores": {},
        "import_tokens": {},
        "callers": {},
        "identity": {},
        "scps": {},
        "faults": [],
        # How long what AWS does in the background takes. None at all unless a test wants to see it under way.
        "delays": {"creating": 0, "updating": 0, "rotation": 0, "grant": 0},
        "public_keys": {},
        "log": [],
    }


class Store:
    """The state, which only `save` makes lasting. Operations check all they have to before they change anything."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.data = _empty()
        if path and path.exists():
            self.data |= json.loads(path.read_text())
        self.clock = Clock(self.data["offset"])

    def reset(self) -> None:
        self.data = _empty()
        self.clock = Clock()
        self.save()

    def save(self) -> None:
        """Written beside and moved over: whoever kills the fake finds the state before or after a change."""
        self.data["offset"] = self.clock.offset
        if self.path is None:
            return
        beside = self.path.with_name(self.path.name + ".new")
        with beside.open("w") as file:
            json.dump(self.data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)

    def family(self, key: dict[str, Any]) -> dict[str, Any]:
        return self.data["families"][key["family"]]

    def relatives(self, key: dict[str, Any]) -> list[dict[str, Any]]:
        """The keys of the same family, the key itself among them."""
        return [one for one in self.data["keys"].values() if one["family"] == key["family"]]

    def primary(self, key: dict[str, Any]) -> dict[str, Any]:
        return next(one for one in self.relatives(key) if one["primary"])

    def aliases(self, account: str, region: str) -> dict[str, Any]:
        return self.data["aliases"].setdefault(f"{account}/{region}", {})


def new_id() -> str:
    return str(uuid.uuid4())


def new_token() -> str:
    return secrets.token_urlsafe(48)
