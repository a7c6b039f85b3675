"""One call under way: its caller, its parameters, and the keys it touches."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from . import access, aging, states
from .errors import AwsError, not_found, validation
from .policy import Caller
from .store import Store

# The operations that take an alias where others take ids and ARNs of keys only.
BY_ALIAS = {
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
}
_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):(key|alias)/(.+)")
_ID = re.compile(r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass
class Call:
    store: Store
    caller: Caller
    region: str
    operation: str
    params: dict[str, Any]
    now: float
    touched: list[dict[str, Any]] = field(default_factory=list)
    """The keys that CloudTrail names as the event's resources."""
    also: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Events in other regions that the call leads to: operation, region, key."""

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)

    def key(
        self,
        action: str | None = None,
        member: str = "KeyId",
        context: dict[str, str] | None = None,
        facts: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The key that a parameter names, once the caller may do that with it and its state allows it."""
        key = self.find(self.params[member])
        self.allow(action or self.operation, key, context, facts)
        self.check_state(key)
        return key

    def find(self, name: str) -> dict[str, Any]:
        key = self._find(name)
        if key not in self.touched:
            self.touched.append(key)
        return key

    def allow(
        self,
        action: str,
        key: dict[str, Any],
        context: dict[str, str] | None = None,
        facts: dict[str, str] | None = None,
        fits: access.Fits = lambda grant: True,
    ) -> None:
        tokens = self.get("GrantTokens", [])
        known = {token for grant in self.store.data["grants"].values() for token in grant["tokens"]}
        if not set(tokens) <= known:
            raise AwsError("InvalidGrantTokenException", "Invalid grant token")
        access.on_key(self.store, self.caller, action, key, context, facts or {}, tokens, self.now, fits)

    def check_state(self, key: dict[str, Any]) -> None:
        origin = self.store.family(key)["origin"]
        if refused := states.refusal(self.operation, self.state(key), origin, key["arn"]):
            raise refused

    def state(self, key: dict[str, Any]) -> str:
        return aging.state_of(self.store, key, self.now)

    def dry_run(self) -> None:
        """Ends the call where it would begin to have an effect, when that is all the caller wanted to know."""
        if self.get("DryRun"):
            raise AwsError(
                "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."
            )

    def page(self, items: list[tuple[str, Any]], default: int, most: int) -> tuple[list[Any], dict[str, Any]]:
        """A page of what has a name each, in the order given; and what the answer says of the next."""
        limit = self.get("Limit", default)
        if limit > most:
            raise validation(f"Limit must be less than or equal to {most}")
        start = 0
        if marker := self.get("Marker"):
            marks = [self._mark(name) for name, _ in items]
            if marker not in marks:
                raise AwsError("InvalidMarkerException", "Invalid marker")
            start = marks.index(marker) + 1
        rest = items[start:]
        shown = [item for _, item in rest[:limit]]
        if len(rest) <= limit:
            return shown, {"Truncated": False}
        return shown, {"Truncated": True, "NextMarker": self._mark(rest[limit - 1][0])}

    def _mark(self, name: str) -> str:
        # Of this operation only: a marker of another list is refused.
        return base64.urlsafe_b64encode(hashlib.sha256(f"{self.operation} {name}".encode()).digest()[:18]).decode()

    def _find(self, name: str) -> dict[str, Any]:
        account, region, rest = self.caller.account, self.region, name
        if name.startswith("arn:"):
            parts = _ARN.fullmatch(name)
            if parts is None:
                raise AwsError("InvalidArnException", f"Invalid arn {name}")
            region, account = parts[1], parts[2]
            if region != self.region:
                raise not_found(f"Invalid arn {region}")
            rest = f"alias/{parts[4]}" if parts[3] == "alias" else parts[4]
        if rest.startswith("alias/"):
            if self.operation not in BY_ALIAS:
                raise not_found(f"Invalid keyId {name}")
            alias = self.store.aliases(account, region).get(rest)
            if alias is None:
                raise not_found(f"Alias arn:aws:kms:{region}:{account}:{rest} is not found.")
            return self.store.data["keys"][alias["key"]]
        if not _ID.fullmatch(rest):
            raise not_found(f"Invalid keyId '{rest}'")
        arn = f"arn:aws:kms:{region}:{account}:key/{rest}"
        key = self.store.data["keys"].get(arn)
        if key is None:
            raise not_found(f"Key '{arn}' does not exist")
        return key
