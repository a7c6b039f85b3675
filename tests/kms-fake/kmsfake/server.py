"""HTTP: the AWS JSON 1.1 protocol, and the control API."""

from __future__ import annotations

import json
import re
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import access, aging, trail
from .call import Call
from .control import Control, Refused
from .errors import AwsError, Unsupported
from .model import Model
from .operations import OPERATIONS
from .policy import Caller
from .store import Store, new_id

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z]+)/aws4_request")
_CONTROL = "/_control/"

Answer = tuple[int, dict[str, Any]]


# A scan asks for an account's trails, too: this one has none, but for its event history.
NO_TRAILS: dict[str, dict[str, Any]] = {
    "DescribeTrails": {"trailList": []},
    "ListEventDataStores": {"EventDataStores": []},
}


class Fake:
    """All of it, one call at a time: AWS has no order of its own to keep between two that run at once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kms = Model("kms")
        self.cloudtrail = Model("cloudtrail")
        self.control = Control(store, {*OPERATIONS, "LookupEvents", "ListPublicKeys"}, self.kms.exceptions())
        self.lock = threading.Lock()

    def controlled(self, method: str, name: str, raw: bytes) -> tuple[int, Any]:
        with self.lock:
            try:
                body = json.loads(raw or b"{}")
                aging.age(self.store)
                return 200, self.control.answer(method, name, body)
            except Refused as error:
                return 400, {"error": str(error)}
            except ValueError:
                return 400, {"error": "the body is no JSON"}
            except Unsupported as error:
                return 501, {"error": str(error)}

    def called(self, target: str, authorization: str, raw: bytes) -> Answer | None:
        """The answer; none when the connection is to be dropped."""
        with self.lock:
            if aging.age(self.store):
                self.store.save()
            try:
                return self._called(target, authorization, raw)
            except AwsError as error:
                return self._error(error)
            except Unsupported as error:
                return 501, {"__type": "KmsFakeUnsupported", "message": str(error)}
            except Exception:
                # An error of the fake itself; to whoever tests with it, the same.
                traceback.print_exc(file=sys.stderr)
                return 501, {"__type": "KmsFakeBroken", "message": traceback.format_exc(limit=-1)}
            finally:
                self.store.save()

    def _called(self, target: str, authorization: str, raw: bytes) -> Answer | None:
        model, operation = self._operation(target)
        credential = _CREDENTIAL.search(authorization)
        if credential is None:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
        access_key, region, _ = credential.groups()
        caller = self.control.caller(access_key)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "the request is no JSON") from None
        mode = self.control.take_fault(operation, _named_key(body))
        if mode == "drop-before":
            self._log(caller, region, operation, "dropped before", shown=False)
            return None
        if fault := self._fault(mode):
            self._log(caller, region, operation, fault.code, message=fault.message)
            raise fault
        try:
            if operation in NO_TRAILS:
                answer = NO_TRAILS[operation]
            elif operation == "ListPublicKeys":
                access.by_identity(self.store, caller, "cloudtrail:ListPublicKeys", "*")
                answer = trail.public_keys(self.store, region)
            elif model is self.cloudtrail:
                answer = self._looked_up(caller, region, body)
            else:
                answer = self._kms(caller, region, operation, body)
        except AwsError:
            if mode == "drop-after":
                # Refused or done: without an answer a caller cannot tell.
                return None
            raise
        return None if mode == "drop-after" else (200, answer)

    def _kms(self, caller: Caller, region: str, operation: str, body: Any) -> dict[str, Any]:
        call = Call(self.store, caller, region, operation, {}, self.store.clock.now())
        shape = self.kms.operations[operation].get("input", {}).get("shape")
        parameters = elements = None
        outcome, message = "ok", ""
        try:
            call.params = self.kms.request(operation, body)
            parameters = self.kms.public(shape, call.params)
            answer = OPERATIONS[operation](call) or {}
            written = self.kms.answer(operation, answer)
            elements = self._elements(operation, answer, call)
            return written
        except AwsError as error:
            outcome, message = error.code, error.message
            raise
        except Exception:
            outcome = "unsupported by the fake"
            raise
        finally:
            self._log(
                caller,
                region,
                operation,
                outcome,
                message=message,
                keys=call.touched,
                parameters=parameters,
                elements=elements,
                shown=outcome != "unsupported by the fake",
            )
            if outcome == "ok":
                for name, other, key in call.also:
                    self._log(caller, other, name, outcome, keys=[key], parameters=parameters, elements=elements)

    def _elements(self, operation: str, answer: dict[str, Any], call: Call) -> dict[str, Any] | None:
        output = self.kms.operations[operation].get("output")
        if output and answer:
            return self.kms.public(output["shape"], answer)
        # Also of operations that answer nothing, CloudTrail names the key.
        return {"keyId": call.touched[0]["arn"]} if call.touched else None

    def _looked_up(self, caller: Caller, region: str, body: Any) -> dict[str, Any]:
        outcome = "ok"
        try:
            params = self.cloudtrail.request("LookupEvents", body)
            access.by_identity(self.store, caller, "cloudtrail:LookupEvents", "*")
            found = trail.lookup(self.store, caller, region, params, self.store.clock.now())
            return self.cloudtrail.answer("LookupEvents", found)
        except AwsError as error:
            outcome = error.code
            raise
        finally:
            # CloudTrail shows this too, as an event of another source, which nothing here asks for.
            self._log(caller, region, "LookupEvents", outcome, shown=False)

    def _operation(self, target: str) -> tuple[Model, str]:
        prefix, _, operation = target.rpartition(".")
        for model, known in ((self.kms, set(OPERATIONS)), (self.cloudtrail, {"LookupEvents", "ListPublicKeys", *NO_TRAILS})):
            # Some SDKs leave the package out.
            named = prefix in (model.target, model.target.rpartition(".")[2])
            if named and operation in model.operations:
                if operation not in known:
                    raise Unsupported(f"the fake does not know the operation {operation}")
                return model, operation
        raise AwsError("UnknownOperationException", "")

    def _fault(self, mode: str | None) -> AwsError | None:
        match mode:
            case None | "drop-after":
                return None
            case "throttle":
                return AwsError("ThrottlingException", "Rate exceeded")
            case "500":
                return AwsError("KMSInternalException", "An internal error occurred")
        return AwsError(mode, "The fake was told to fail so.")

    def _error(self, error: AwsError) -> Answer:
        status = 500 if error.code in self.kms.faults() else error.status
        return status, {"__type": error.code, "message": error.message}

    def _log(self, caller: Caller, region: str, operation: str, outcome: str, **more: Any) -> None:
        trail.record(self.store, self.store.clock.now(), caller, region, operation, outcome, **more)


def _named_key(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    return str(body.get("KeyId") or body.get("TargetKeyId") or "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: apart, each answer waits 40 ms for the client's acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        if self.path.startswith(_CONTROL):
            self._send(*self.server.fake.controlled("GET", self.path.removeprefix(_CONTROL), b""), "application/json")
        else:
            self._send(404, {"error": "the fake answers POST, and GET below /_control/"}, "application/json")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(_CONTROL):
            self._send(*self.server.fake.controlled("POST", self.path.removeprefix(_CONTROL), raw), "application/json")
            return
        target, authorization = self.headers.get("X-Amz-Target", ""), self.headers.get("Authorization", "")
        answer = self.server.fake.called(target, authorization, raw)
        if answer is None:
            # Closed without a byte, as a network that fails does.
            self.close_connection = True
            return
        self._send(*answer, "application/x-amz-json-1.1")

    def _send(self, status: int, body: Any, kind: str) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("x-amzn-RequestId", new_id())
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: /_control/log has it, in the fake's own time."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, store: Store) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.fake = Fake(store)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"
