"""The schemas that formats are held against: what they are derived from, and what vendors' own models say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import ocsf_schema

from reports.formats import asff, ocsf

PACKAGE = Path(__file__).parent.parent / "reports" / "formats"


def schema(name: str) -> Any:
    return json.loads((PACKAGE / f"{name}.schema.json").read_text(encoding="utf-8"))


def test_the_schema_of_ocsf_is_derived_from_what_ocsf_publishes() -> None:
    """A published schema of two objects: what is required, enumerated, deprecated, of another profile or object."""

    def one(kind: str, requirement: str = "optional", **more: Any) -> dict[str, Any]:
        place = {"type": "object_t", "object_type": kind} if not kind.endswith("_t") else {"type": kind}
        return {**place, "requirement": requirement, **more}

    state = {"1": {"caption": "New"}, "99": {"caption": "Other"}}
    export_ = {
        "version": "9.9.9",
        "types": {
            "string_t": {},
            "integer_t": {},
            "timestamp_t": {"type": "long_t"},
            "port_t": {"type": "integer_t", "range": [0, 9]},
        },
        "objects": {name: {"attributes": {}} for name in ocsf_schema.OBJECTS}
        | {
            "product": {
                "attributes": {"name": one("string_t"), "port": one("port_t")},
                "constraints": {"at_least_one": ["name", "uid"]},
            },
            "metadata": {"attributes": {"version": one("string_t", "required")}},
        },
        "classes": {
            "compliance_finding": {
                "caption": "Finding",
                "attributes": {
                    "time": one("timestamp_t", "required"),
                    "state_id": one("integer_t", enum=state, sibling="state"),
                    "state": one("string_t"),
                    "products": one("product", is_array=True),
                    "old": one("string_t") | {"@deprecated": {"since": "1.0.0"}},
                    "risk": one("string_t", profile="security_control"),
                    "region": one("string_t", profile="cloud"),
                    "vulnerability": one("vulnerability"),
                },
            }
        },
    }
    made = ocsf_schema.derived(export_)
    assert made["required"] == ["time"]
    assert made["properties"] == {
        "products": {"type": "array", "items": {"$ref": "#/$defs/product"}},
        "region": {"type": "string"},
        "state": {"type": "string"},
        "state_id": {"enum": [1, 99]},
        "time": {"type": "integer", "minimum": 10**12, "maximum": 10**13},
    }
    assert made["$defs"]["product"]["properties"]["port"] == {"type": "integer", "minimum": 0, "maximum": 9}
    assert made["$defs"]["metadata"]["properties"] == {"version": {"const": "9.9.9"}}
    assert "9.9.9.json" in made["$comment"]
    validator = jsonschema.Draft202012Validator(made)
    good = {"time": 1795327471000, "state_id": 1, "state": "New", "products": [{"name": "x"}]}
    assert validator.is_valid(good)
    for wrong in ({"state": "Old"}, {"products": [{"port": 3}]}, {"old": "x"}, {"risk": "x"}, {"time": 1795327471}):
        assert not validator.is_valid(good | wrong), wrong
    assert validator.is_valid(good | {"state_id": 99, "state": "mine"})


def test_no_object_of_the_ocsf_schema_takes_what_it_does_not_name() -> None:
    held = schema("ocsf")
    closed = {name for name, one in held["$defs"].items() if one.get("additionalProperties") is False}
    assert held["additionalProperties"] is False and set(held["$defs"]) - closed == {"object"}
    assert held["title"] == f"OCSF {ocsf.VERSION} Compliance Finding"
    assert held["$defs"]["metadata"]["properties"]["version"] == {"const": ocsf.VERSION}


def held_to(shape: Any, told: Mapping[str, Any], where: str) -> None:
    """Our wording of a part of Security Hub's format against botocore's model of it."""
    if shape.type_name == "structure":
        assert set(told["properties"]) <= set(shape.members), where
        assert set(shape.required_members) <= set(told.get("required", ())), where
        assert told["additionalProperties"] is False, where
        for name, one in told["properties"].items():
            held_to(shape.members[name], one, f"{where}.{name}")
    elif shape.type_name == "list":
        held_to(shape.member, told["items"], f"{where}[]")
    elif shape.type_name == "map":
        held_to(shape.value, told["additionalProperties"], f"{where}{{}}")
    elif "$ref" not in told and "const" not in told:
        assert shape.type_name == "string", where
        assert "enum" not in told or set(told["enum"]) <= set(shape.enum), where
        assert not shape.enum or "enum" in told, where


def test_the_schema_of_security_hub_fits_its_model() -> None:
    model = botocore.session.Session().get_service_model("securityhub")
    held_to(model.shape_for("AwsSecurityFinding"), schema("asff"), "finding")
    assert model.shape_for("BatchImportFindingsRequestFindingList").metadata["max"] == asff.BATCH
