"""Requests judged, and answers written, by the service models that botocore brings along."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from pathlib import Path
from typing import Any

import botocore

from .errors import AwsError, Unsupported, validation


class Model:
    """The model of one service: its operations and shapes."""

    def __init__(self, service: str) -> None:
        # Folders are named by the API's date; the newest is what the SDKs speak.
        folder = sorted((Path(botocore.__file__).parent / "data" / service).iterdir())[-1]
        with gzip.open(folder / "service-2.json.gz") as file:
            model = json.load(file)
        self.target = model["metadata"]["targetPrefix"]
        self.operations: dict[str, Any] = model["operations"]
        self.shapes: dict[str, Any] = model["shapes"]

    def faults(self) -> set[str]:
        """The exceptions that are the service's fault, so HTTP 500."""
        return {name for name, shape in self.shapes.items() if shape.get("fault")}

    def exceptions(self) -> set[str]:
        return {name for name, shape in self.shapes.items() if shape.get("exception")}

    def request(self, operation: str, body: Any) -> dict[str, Any]:
        """The parameters, parsed: blobs are bytes, timestamps floats, and what is null is absent."""
        if not isinstance(body, dict):
            raise AwsError("SerializationException", "the request is no JSON object")
        shape = self.operations[operation].get("input")
        if shape is None:
            return {}
        reading = _Reading(self.shapes)
        parsed = reading.read(shape["shape"], body, "")
        if reading.violations:
            count = len(reading.violations)
            noun = "error" if count == 1 else "errors"
            raise validation(f"{count} validation {noun} detected: {'; '.join(reading.violations)}")
        return parsed

    def answer(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer as JSON. What the model does not have is an error of the fake, found by its own tests."""
        shape = self.operations[operation].get("output")
        if shape is None:
            if answer:
                raise Unsupported(f"{operation} has no output, and the fake answers {sorted(answer)}")
            return {}
        return self._write(shape["shape"], answer)

    def _write(self, name: str, value: Any) -> Any:
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                unknown = value.keys() - shape["members"].keys()
                if unknown:
                    raise Unsupported(f"the fake answers members that {name} does not have: {sorted(unknown)}")
                members = shape["members"]
                return {key: self._write(members[key]["shape"], one) for key, one in value.items() if one is not None}
            case "list":
                return [self._write(shape["member"]["shape"], one) for one in value]
            case "blob":
                return base64.b64encode(value).decode()
            case "string":
                if "enum" in shape and value not in shape["enum"]:
                    raise Unsupported(f"the fake answers {value!r}, which {name} does not have")
                return value
        return value

    def public(self, name: str, value: Any) -> Any:
        """A request or an answer as CloudTrail may show it: names in its case, without blobs and what is sensitive."""
        shape = self.shapes[name]
        if shape["type"] == "structure":
            shown = {}
            for key, one in value.items():
                target = shape["members"][key]["shape"]
                hidden = self.shapes[target]
                secret = hidden.get("sensitive") or hidden["type"] == "blob" or target.startswith("GrantToken")
                if secret or one is None:
                    continue
                shown[key[0].lower() + key[1:]] = self.public(target, one)
            return shown
        if shape["type"] == "list":
            return [self.public(shape["member"]["shape"], one) for one in value]
        return value


class _Reading:
    """One request being read. All violations are gathered, as AWS names them all in one message."""

    def __init__(self, shapes: dict[str, Any]) -> None:
        self.shapes = shapes
        self.violations: list[str] = []

    def read(self, name: str, value: Any, path: str) -> Any:
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                return self._structure(shape, value, path)
            case "list":
                self._type(value, list, path)
                self._length(shape, value, path)
                return [
                    self.read(shape["member"]["shape"], one, f"{path}.{n}.member") for n, one in enumerate(value, 1)
                ]
            case "map":
                self._type(value, dict, path)
                target = shape["value"]["shape"]
                return {key: self.read(target, one, f"{path}.{key}") for key, one in value.items()}
            case "string":
                self._type(value, str, path)
                return self._string(shape, value, path)
            case "blob":
                self._type(value, str, path)
                try:
                    raw = base64.b64decode(value, validate=True)
                except binascii.Error:
                    raise AwsError("SerializationException", f"'{path}' is no base64") from None
                self._length(shape, raw, path)
                return raw
            case "boolean":
                self._type(value, bool, path)
                return value
            case "integer" | "long":
                if isinstance(value, bool) or not isinstance(value, int):
                    raise AwsError("SerializationException", f"'{path}' is no number")
                self._bounds(shape, value, path)
                return value
            case "timestamp":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise AwsError("SerializationException", f"'{path}' is no timestamp")
                return float(value)
        raise Unsupported(f"the fake does not read the type {shape['type']}")

    def _structure(self, shape: dict[str, Any], value: Any, path: str) -> dict[str, Any]:
        self._type(value, dict, path)
        members = shape["members"]
        unknown = value.keys() - members.keys()
        if unknown:
            # AWS passes over these in silence; no SDK writes them, so it is the test that is wrong.
            raise Unsupported(f"members that the operation does not have: {sorted(unknown)}")
        present = {key: one for key, one in value.items() if one is not None}
        for key in shape.get("required", []):
            if key not in present:
                self._fail(None, _join(path, key), "Member must not be null")
        return {key: self.read(members[key]["shape"], one, _join(path, key)) for key, one in present.items()}

    def _string(self, shape: dict[str, Any], value: str, path: str) -> str:
        shown = None if shape.get("sensitive") else value
        if "enum" in shape and value not in shape["enum"]:
            self._fail(shown, path, f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
        self._length(shape, value, path)
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
            self._fail(shown, path, f"Member must satisfy regular expression pattern: {shape['pattern']}")
        return value

    def _length(self, shape: dict[str, Any], value: Any, path: str) -> None:
        # The value is left out: it may be long, and it may be secret.
        if "min" in shape and len(value) < shape["min"]:
            self._fail(None, path, f"Member must have length greater than or equal to {shape['min']}")
        if "max" in shape and len(value) > shape["max"]:
            self._fail(None, path, f"Member must have length less than or equal to {shape['max']}")

    def _bounds(self, shape: dict[str, Any], value: int, path: str) -> None:
        if "min" in shape and value < shape["min"]:
            self._fail(value, path, f"Member must have value greater than or equal to {shape['min']}")
        if "max" in shape and value > shape["max"]:
            self._fail(value, path, f"Member must have value less than or equal to {shape['max']}")

    def _type(self, value: Any, wanted: type, path: str) -> None:
        if not isinstance(value, wanted):
            raise AwsError("SerializationException", f"'{path}' is no {wanted.__name__}")

    def _fail(self, value: Any, path: str, constraint: str) -> None:
        shown = "Value" if value is None else f"Value '{value}'"
        self.violations.append(f"{shown} at '{path}' failed to satisfy constraint: {constraint}")


def _join(path: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name
