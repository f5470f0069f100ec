"""Makes ``reports/formats/ocsf.schema.json`` from the schema that OCSF publishes::

    python tests/ocsf_schema.py 1.5.0.json > reports/formats/ocsf.schema.json

``1.5.0.json`` is what ``https://schema.ocsf.io/1.5.0/export/schema`` answers. The package ``ocsf-json-schema`` 1.2.0 on
PyPI carries it. ``python -m ocsf.compile CHECKOUT`` (``ocsf-lib``) prints the like of a checkout of ``ocsf/ocsf-schema``,
which this reads too; the comment of the schema says how the two compare.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CLASS = "compliance_finding"
PROFILES = ("cloud",)
OBJECTS = (
    "account", "analytic", "cloud", "compliance", "finding_info", "key_value_object", "metadata", "object", "product",
    "remediation", "resource_details",
)  # fmt: skip
"""The objects that events may hold. An attribute of any other object is left out, and so refused."""
PRIMITIVES: Mapping[str, Mapping[str, Any]] = {
    "boolean_t": {"type": "boolean"},
    "float_t": {"type": "number"},
    "integer_t": {"type": "integer"},
    "json_t": {},
    "long_t": {"type": "integer"},
    "string_t": {"type": "string"},
}
MILLISECONDS = {"minimum": 10**12, "maximum": 10**13}
"""From 2001 to 2286. A time in seconds lies below, one in microseconds above."""
WIDTH = 180
OTHER = 99
"""The number whose caption is the source's own."""
COMMENT = """\
Derived by tests/ocsf_schema.py of iotposture from the Open Cybersecurity Schema Framework {version}, Copyright OCSF a \
Series of LF Projects, LLC, Apache License 2.0 (LICENSE-APACHE-2.0.txt); not a work of OCSF. Source: \
https://schema.ocsf.io/{version}/export/schema, as the PyPI package ocsf-json-schema 1.2.0 carries it. What ocsf-lib 0.10.4 \
compiles from github.com/ocsf/ocsf-schema, branch v1.5.0 at commit f0c227b4383ba64f223c3c9d82a2936ee96e7f04, gives the \
same, but for confidence, confidence_id and confidence_score, which it takes for the profile security_control. Class \
{name} with the profile {profiles}: required attributes, types, enumerations, captions of enumerated values \
and constraints of the class and of the objects that iotposture writes. Left out, and so refused: descriptions, deprecated \
attributes, attributes of other profiles and of other objects. Ours: the range of timestamp_t, milliseconds from 2001 to \
2286, and that metadata.version is {version}. Again: python tests/ocsf_schema.py {version}.json > \
reports/formats/ocsf.schema.json"""


def derived(export: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event. Whatever it does not name is refused."""
    version = export["version"]
    objects = {name: shape(export["objects"][name], export) for name in OBJECTS}
    objects["metadata"]["properties"]["version"] = {"const": version}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": COMMENT.format(version=version, name=CLASS, profiles=", ".join(PROFILES)),
        "title": f"OCSF {version} {export['classes'][CLASS]['caption']}",
        **shape(export["classes"][CLASS], export),
        "$defs": objects,
    }


def shape(thing: Mapping[str, Any], export: Mapping[str, Any]) -> dict[str, Any]:
    """A class or an object."""
    held = {name: one for name, one in sorted(thing["attributes"].items()) if kept(one, export)}
    if not thing["attributes"]:
        return {"type": "object"}
    required = [name for name, one in held.items() if one["requirement"] == "required"]
    constraints = thing.get("constraints") or {}
    any_of = [{"required": [name]} for name in constraints.get("at_least_one", ()) if name in held]
    captions = [rule for name, one in held.items() for rule in captioned(name, one)]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        **({"anyOf": any_of} if any_of else {}),
        **({"allOf": captions} if captions else {}),
        "properties": {name: attribute(one, export) for name, one in held.items()},
    }


def kept(one: Mapping[str, Any], export: Mapping[str, Any]) -> bool:
    """An attribute that an event may have."""
    return (
        not one.get("@deprecated")
        and one.get("profile") in (None, *PROFILES)
        and (kind(one) in export["types"] or kind(one) in OBJECTS)
    )


def kind(one: Mapping[str, Any]) -> str:
    """The name of an attribute's type or object."""
    return str(one.get("object_type") or one["type"])


def attribute(one: Mapping[str, Any], export: Mapping[str, Any]) -> dict[str, Any]:
    """What may stand under a name."""
    item: dict[str, Any]
    if enum := one.get("enum"):
        item = {"enum": [value for value, _ in values(enum)]}
    elif kind(one) in OBJECTS:
        item = {"$ref": f"#/$defs/{kind(one)}"}
    else:
        item = primitive(kind(one), export)
    return {"type": "array", "items": item} if one.get("is_array") else item


def values(enum: Mapping[str, Mapping[str, Any]]) -> list[tuple[int | str, str]]:
    """What an enumeration allows, with its captions."""
    if all(value.isdecimal() for value in enum):
        return sorted((int(value), one["caption"]) for value, one in enum.items())
    return sorted((value, one["caption"]) for value, one in enum.items())


def captioned(name: str, one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """That the words beside a number are its caption."""
    if not one.get("sibling") or not one.get("enum"):
        return
    for value, caption in values(one["enum"]):
        if value != OTHER:
            yield {
                "if": {"required": [name], "properties": {name: {"const": value}}},
                "then": {"properties": {one["sibling"]: {"const": caption}}},
            }


def primitive(name: str, export: Mapping[str, Any]) -> dict[str, Any]:
    """A type."""
    told = export["types"][name]
    low_high = told.get("range")
    return {
        **PRIMITIVES[name if name in PRIMITIVES else told["type"]],
        **({"pattern": told["regex"]} if told.get("regex") else {}),
        **({"maxLength": told["max_len"]} if told.get("max_len") else {}),
        **({"minimum": low_high[0], "maximum": low_high[1]} if low_high else {}),
        **(MILLISECONDS if name == "timestamp_t" else {}),
    }


def text(value: Any, indent: str = "") -> str:
    """A value as JSON: on one line where that is short, else a member a line."""
    line = json.dumps(value)
    if len(line) < WIDTH - len(indent) or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, list):
        return "[" + ",".join(f"\n{inner}{text(one, inner)}" for one in value) + f"\n{indent}]"
    members = (f"\n{inner}{json.dumps(name)}: {text(one, inner)}" for name, one in value.items())
    return "{" + ",".join(members) + f"\n{indent}}}"


if __name__ == "__main__":
    print(text(derived(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
