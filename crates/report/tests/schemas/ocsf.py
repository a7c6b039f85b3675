#!/usr/bin/env python3
"""Writes ocsf-compliance-finding-*.json: the OCSF class that `--format ocsf` writes, as a JSON schema.

    pip install ocsf-json-schema==1.2.0
    python3 ocsf.py

The package holds the compiled schemas of schema.ocsf.io (Apache-2.0, github.com/ocsf/ocsf-schema) and
makes JSON schemas of them, in which an attribute that OCSF does not have is an error. A class refers
to nearly every object of OCSF, a megabyte of them; those that Lockfast never writes are taken out, and
so are the attributes that would hold them: writing one is then an error, which asks for it to be
added here.
"""
import json
import pathlib

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

# 1.5.0 is what events say they are; the newest shows that a reader of it understands them.
VERSIONS = ["1.5.0", "1.8.0"]
OBJECTS = [
    "account", "analytic", "check", "cloud", "compliance", "finding_info", "metadata", "object",
    "product", "remediation", "resource_details",
]


def short(schema):
    """Without titles, and without references to objects that are left out."""
    properties = {}
    for name, attribute in schema["properties"].items():
        target = attribute.get("$ref") or attribute.get("items", {}).get("$ref")
        if target and target.split("/")[-1] not in OBJECTS:
            assert name not in schema.get("required", []), name
            continue
        properties[name] = {key: value for key, value in attribute.items() if key != "title"}
    return {**schema, "properties": properties}


for version in VERSIONS:
    source = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    schema = source.get_class_schema("compliance_finding", profiles=["cloud"])
    whole = schema.pop("$defs")
    schema = short(schema)
    schema["$comment"] = (
        f"OCSF {version}, class compliance_finding with profile cloud; made by ocsf.py from "
        "ocsf-json-schema 1.2.0 (PyPI)"
    )
    schema["$defs"] = {name: short(whole[name]) for name in OBJECTS}
    folder = pathlib.Path(__file__).parent
    text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
    (folder / f"ocsf-compliance-finding-{version}.json").write_text(text + "\n")
