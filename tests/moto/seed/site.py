"""Where the seed works (one account in one region), and the ledger of what moto took, refused and does not know."""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

Answer = dict[str, Any]

# moto has no word for "not implemented": an unknown action raises inside Flask and comes back as an HTML page, with the
# HTTP status in the place of AWS's error code.
NO_AWS_ERROR = {"404", "405", "500", "501"}


class Unsupported(Exception):
    """moto does not know the operation; what needs its answer cannot be made."""


@dataclass
class Ledger:
    created: Counter[str] = field(default_factory=Counter)
    unsupported: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_created(self, operation: str) -> None:
        with self._lock:
            self.created[operation] += 1

    def note_unsupported(self, operation: str, reason: str) -> None:
        with self._lock:
            self.unsupported.setdefault(operation, reason)

    def note_error(self, where: str, error: BaseException) -> None:
        here = "seed/"
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if here in f.filename and "site.py" not in f.filename
        ]
        line = f"{frames[-1].filename.rsplit('/', 1)[1]}:{frames[-1].lineno}" if frames else "?"
        with self._lock:
            self.errors.append(f"{where} ({line}): {type(error).__name__}: {error}")


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str
    token: str

    @classmethod
    def of(cls, answer: Answer) -> Credentials:
        found = answer["Credentials"]
        return cls(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


class Clients:
    """boto3 clients, made once each: parsing the service models costs more than all the calls."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._session = boto3.session.Session()
        self._made: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()
        self._config = Config(
            # A 500 from moto means "not implemented", and asking again does not change that.
            retries={"total_max_attempts": 1},
            read_timeout=60,
            max_pool_connections=8,
            s3={"addressing_style": "path"},
        )

    def get(self, service: str, region: str, credentials: Credentials) -> Any:
        key = (service, region, credentials.access_key)
        with self._lock:
            if key not in self._made:
                made = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token,
                    config=self._config,
                )
                made.meta.events.register("before-sign.s3-control", self._without_account_in_host)
                self._made[key] = made
            return self._made[key]

    def _without_account_in_host(self, request: Any, **_: Any) -> None:
        # S3 Control puts the account before the host, and 111111111111.127.0.0.1 is nobody.
        request.url = self.endpoint + urlsplit(request.url).path


@dataclass
class Site:
    """One account in one region, and what was made there that other services point at."""

    account: str
    region: str
    scale: int
    credentials: Credentials
    clients: Clients
    ledger: Ledger
    # Everything is made in the main site; elsewhere a smaller set is enough to show that a scan goes there.
    main: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def unwatched(self) -> bool:
        """One region has keys and certificates, and nobody who is told of what happens to them."""
        return self.region == "us-east-1"

    def client(self, service: str) -> Any:
        return self.clients.get(service, self.region, self.credentials)

    def call(self, operation: str, refusal: str = "", /, **arguments: Any) -> Answer:
        """Calls `service.operation`. Raises Unsupported, after writing it down, when moto does not know it.

        `refusal` is the AWS error code with which moto turns down what AWS takes; that too is written down.
        """
        service, method = operation.split(".")
        # Several services refuse an empty list of tags, and no service needs an empty argument.
        given = {name: value for name, value in arguments.items() if value not in ([], {})}
        try:
            answer: Answer = getattr(self.client(service), method)(**given)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code not in NO_AWS_ERROR and code != refusal:
                raise
            reason = error.response["Error"]["Message"] if code == refusal else f"HTTP {code} and no AWS error"
            self.ledger.note_unsupported(operation, reason)
            raise Unsupported(operation) from error
        except ResponseParserError as error:
            self.ledger.note_unsupported(operation, "an answer that is no AWS answer (HTTP 500 page)")
            raise Unsupported(operation) from error
        self.ledger.note_created(operation)
        return answer

    def attempt(self, operation: str, refusal: str = "", /, **arguments: Any) -> Answer:
        """Like call, for what nothing else hangs on: an empty answer when moto does not know the operation."""
        try:
            return self.call(operation, refusal, **arguments)
        except Unsupported:
            return {}

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    def key(self, environment: str = "prod", classification: str = "confidential") -> str:
        return self.keys[f"{environment}/{classification}"]


Step = Callable[[Site], None]


def run(step: Step, site: Site) -> None:
    """Runs one step; what moto does not know ends that step, anything else is an error of the seed."""
    try:
        step(site)
    except Unsupported:
        pass  # already in the ledger
    except Exception as error:  # noqa: BLE001 - reported at the end, with its place
        site.ledger.note_error(f"{site.account} {site.region} {step.__module__.split('.')[-1]}.{step.__name__}", error)
