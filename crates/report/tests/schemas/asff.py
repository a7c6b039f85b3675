#!/usr/bin/env python3
"""Writes asff.json: the AWS Security Finding Format as a JSON schema, and the types of resources.

    pip install botocore==1.44.8
    python3 asff.py

AWS publishes the format as the parameters of Security Hub's BatchImportFindings. Lengths stand only in
the documentation of each field, so they are read from there. Of the finding, what Lockfast never
writes is left out: writing it is then an error, which asks for it to be added here.
"""
import gzip
import json
import os
import pathlib
import re

import botocore

MODEL = "data/securityhub/2018-10-26/service-2.json.gz"
# Structures that Lockfast writes; others, and the fields that hold them, are left out.
WRITTEN = [
    "AwsSecurityFinding", "Compliance", "FindingProviderFields", "FindingProviderSeverity", "Note",
    "Recommendation", "Remediation", "Resource", "ResourceDetails", "Severity", "Workflow",
]

shapes = json.load(gzip.open(os.path.join(os.path.dirname(botocore.__file__), MODEL)))["shapes"]
PLAIN = {"integer": "integer", "double": "number", "boolean": "boolean", "string": "string"}


def number(pattern, text):
    found = re.search(pattern, text, re.I)
    return int(found.group(1)) if found else None


def limits(schema, documentation):
    """What the documentation of a field says of its length."""
    text = re.sub("<[^>]+>", " ", documentation)
    text = " ".join(text.split())
    if schema.get("type") == "array":
        schema["maxItems"] = number(r"Maximum number of (\d+) items", text)
        schema["minItems"] = number(r"Minimum number of (\d+) item", text)
    elif schema.get("type") == "object" and "additionalProperties" in schema:
        schema["maxProperties"] = number(r"up to (\d+) (?:key-value|name/value) pairs", text)
        names = number(r"the key can contain up to (\d+) characters", text)
        if names:
            schema["propertyNames"] = {"maxLength": names}
            values = number(r"the value can contain up to (\d+) characters", text)
            schema["additionalProperties"]["maxLength"] = values
    elif schema.get("type") == "string" and "Length Constraints" in text:
        text = text.split("Length Constraints", 1)[1]
        exact = number(r"^\s*:\s*(\d+)\s*\.", text)
        schema["minLength"] = exact or number(r"Minimum (?:length )?of (\d+)", text)
        schema["maxLength"] = exact or number(r"Maximum (?:length )?of (\d+)", text)
    return {key: value for key, value in schema.items() if value is not None}


def schema_of(name):
    """The schema of a shape; nothing for a structure that is left out."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        if name == "ResourceDetails":
            # Only details of no particular type are written.
            other = limits(schema_of("FieldMap"), shape["members"]["Other"]["documentation"])
            return {"type": "object", "properties": {"Other": other}, "additionalProperties": False}
        if name not in WRITTEN:
            return None
        properties = {}
        for field, member in shape["members"].items():
            inner = schema_of(member["shape"])
            if inner is not None:
                properties[field] = limits(inner, member.get("documentation", ""))
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if shape.get("required"):
            schema["required"] = shape["required"]
        return schema
    if kind == "list":
        inner = schema_of(shape["member"]["shape"])
        return None if inner is None else {"type": "array", "items": inner}
    if kind == "map":
        return {"type": "object", "additionalProperties": schema_of(shape["value"]["shape"])}
    if kind == "timestamp":
        return {"type": "string"}
    schema = {"type": PLAIN[kind]}
    for ours, theirs in [("enum", "enum"), ("pattern", "pattern"), ("minimum", "min"), ("maximum", "max")]:
        if theirs in shape:
            schema[ours] = shape[theirs]
    return schema


finding = schema_of("AwsSecurityFinding")
# The shape lets any text be a type; the documentation asks for one of these, or `Other`.
finding["properties"]["Resources"]["items"]["properties"]["Type"]["enum"] = sorted(
    shapes["ResourceDetails"]["members"]
)
schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$comment": (
        f"Parameters of BatchImportFindings, made by asff.py from botocore {botocore.__version__}, "
        f"{MODEL.removesuffix('.gz')} (Apache-2.0)"
    ),
    "type": "object",
    "properties": {"Findings": {"type": "array", "items": finding}},
    "required": ["Findings"],
    "additionalProperties": False,
}
text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
(pathlib.Path(__file__).parent / "asff.json").write_text(text + "\n")
