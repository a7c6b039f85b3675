"""The control API below `/_control/`: what a test sets up, and what it looks at. JSON both ways."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import aging, trail
from .clock import iso
from .errors import AwsError
from .policy import Caller, plain_policy
from .store import DEFAULT_ACCOUNT, Store

MODES = ("throttle", "500", "drop-after", "drop-before")
_STORE_TYPES = ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE")
_CONNECTION = ("CONNECTED", "CONNECTING", "FAILED", "DISCONNECTED", "DISCONNECTING")
_CALLER = re.compile(r"arn:aws:(iam|sts)::(\d{12}):(root|user/.+|role/.+|assumed-role/[^/]+/[^/]+)")


class Refused(Exception):
    """The test asks for what there is not."""


class Control:
    def __init__(self, store: Store, known_operations: set[str], exceptions: set[str]) -> None:
        self.store = store
        self.known_operations = known_operations
        self.exceptions = exceptions

    def answer(self, method: str, name: str, body: Any) -> Any:
        """GET tells how it is, POST changes it and tells then."""
        shows: dict[str, Callable[[], Any]] = {
            "clock": self._clock,
            "callers": lambda: self.store.data["callers"],
            "identity": lambda: self.store.data["identity"],
            "scps": lambda: self.store.data["scps"],
            "faults": lambda: self.store.data["faults"],
            "stores": lambda: self.store.data["stores"],
            "delays": lambda: self.store.data["delays"],
            "public-keys": lambda: self.store.data["public_keys"],
            "log": lambda: [trail.short(one) for one in self.store.data["log"]],
            "reset": dict,
        }
        changes: dict[str, Callable[[Any], None]] = {
            "clock": self._advance,
            "callers": self._callers,
            "identity": lambda body: self._policies("identity", body),
            "scps": lambda body: self._policies("scps", body),
            "faults": self._faults,
            "stores": self._stores,
            "delays": self._delays,
            "public-keys": self._public_keys,
            "reset": lambda body: self.store.reset(),
        }
        if name not in shows:
            raise Refused(f"there is no /_control/{name}")
        if method == "POST":
            if name not in changes:
                raise Refused(f"/_control/{name} is only to be read")
            changes[name](body)
            self.store.save()
        return shows[name]()

    def caller(self, access_key: str) -> Caller:
        """The principal that an access key belongs to."""
        known = self.store.data["callers"].get(access_key, f"arn:aws:iam::{DEFAULT_ACCOUNT}:root")
        if isinstance(known, str):
            known = {"arn": known}
        arn = principal = known["arn"]
        account, rest = arn.split(":", 5)[4:]
        kind, _, name = rest.partition("/")
        if kind == "role":
            # A role acts in sessions; the access key names this one.
            arn = f"arn:aws:sts::{account}:assumed-role/{name.rsplit('/', 1)[-1]}/{access_key}"
        elif kind == "assumed-role":
            principal = f"arn:aws:iam::{account}:role/{name.split('/')[0]}"
        return Caller(arn, principal, account, access_key, known.get("via_service"))

    def _clock(self) -> dict[str, Any]:
        now = self.store.clock.now()
        return {"now": iso(now), "epoch_seconds": now, "offset_seconds": self.store.clock.offset}

    def _advance(self, body: Any) -> None:
        seconds = _object(body, {"advance_seconds"}).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise Refused("advance_seconds is a number, and not below 0")
        self.store.clock.advance(seconds)
        aging.age(self.store)

    def _callers(self, body: Any) -> None:
        for access_key, one in _object(body).items():
            arn = one if isinstance(one, str) else _object(one, {"arn", "via_service"}).get("arn", "")
            if not _CALLER.fullmatch(arn):
                raise Refused(f"{arn!r} is no ARN of a root user, user, role or role session")
            self.store.data["callers"][access_key] = one

    def _policies(self, kind: str, body: Any) -> None:
        for owner, documents in _object(body).items():
            if not isinstance(documents, list):
                raise Refused(f"the policies of {owner} are no list")
            for document in documents:
                # Read now, so that what the fake does not know fails where it is set up.
                try:
                    plain_policy(document)
                except AwsError as error:
                    raise Refused(f"a policy of {owner}: {error.message}") from None
            self.store.data[kind][owner] = documents

    def _faults(self, body: Any) -> None:
        """One more; or, of a list, these and no others."""
        faults = [
            _object(one, {"operation", "times", "mode", "key"}) for one in (body if isinstance(body, list) else [body])
        ]
        for one in faults:
            if one.get("operation") not in self.known_operations:
                raise Refused(f"the fake has no operation {one.get('operation')!r}")
            if one.get("mode") not in MODES and one.get("mode") not in self.exceptions:
                raise Refused(f"the mode is one of {', '.join(MODES)}, or an exception of KMS")
            if not isinstance(one.setdefault("times", 1), int) or one["times"] < 1:
                raise Refused("times is a number from 1")
        kept = [] if isinstance(body, list) else self.store.data["faults"]
        self.store.data["faults"] = kept + faults

    def _stores(self, body: Any) -> None:
        """Custom key stores, made or changed. No operation of the fake makes them."""
        for id, given in _object(body).items():
            made = {
                "name": id,
                "type": "AWS_CLOUDHSM",
                "account": DEFAULT_ACCOUNT,
                "region": "eu-central-1",
                "connection_state": "CONNECTED",
                "cluster": "cluster-1a23b4cdefg",
                "proxy": "https://proxy.example.com",
                "created": self.store.clock.now(),
            }
            one = self.store.data["stores"].get(id, made) | _object(given, set(made))
            if one["type"] not in _STORE_TYPES or one["connection_state"] not in _CONNECTION:
                raise Refused(f"the store {id} has a type or a connection_state that AWS does not have")
            self.store.data["stores"][id] = one

    def _delays(self, body: Any) -> None:
        delays = self.store.data["delays"]
        for name, seconds in _object(body, set(delays)).items():
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
                raise Refused(f"{name} is a number of seconds")
            delays[name] = seconds

    def _public_keys(self, body: Any) -> None:
        """The keys of each region, as ListPublicKeys gives them, by which CloudTrail signs digests."""
        for region, keys in _object(body).items():
            self.store.data["public_keys"][region] = [_object(key, {"Fingerprint", "Value"}) for key in keys]

    def take_fault(self, operation: str, key: str) -> str | None:
        """The mode in which the call is to fail, once less from now on."""
        for one in self.store.data["faults"]:
            if one["operation"] == operation and one.get("key", key).rsplit("/")[-1] == key.rsplit("/")[-1]:
                one["times"] -= 1
                self.store.data["faults"] = [rest for rest in self.store.data["faults"] if rest["times"] > 0]
                return one["mode"]
        return None


def _object(body: Any, members: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused("the body is no JSON object")
    if members is not None and body.keys() - members:
        raise Refused(f"members that there are not: {sorted(body.keys() - members)}; there are {sorted(members)}")
    return dict(body)
