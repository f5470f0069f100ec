"""Google's discovery documents as a server: routes requests to methods and holds every answer to its schema.

The documents are those that google-api-python-client ships (Apache-2.0). An answer that does not fit is a 500 that
names the field, so a wrong lab fails a test instead of teaching the product a shape that Google does not have.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient


class Misfit(Exception):
    """Raised for an answer that does not fit its schema; says where."""


@dataclass(frozen=True)
class Method:
    """One method of one API."""

    id: str
    http: str
    pattern: re.Pattern[str]
    parameters: frozenset[str]
    required: frozenset[str]
    response: str
    schemas: Mapping[str, Any]

    def check(self, answer: Any) -> None:
        """Raises :class:`Misfit` when an answer does not fit the method's response."""
        fit(answer, {"$ref": self.response}, self.schemas, self.response)


@cache
def methods(*documents: str) -> tuple[Method, ...]:
    """Every method of the documents, as in ``pubsub.v1``; the most specific path first."""
    found = [method for document in documents for method in _methods(_load(document))]
    return tuple(sorted(found, key=lambda m: (m.pattern.groups, -len(m.pattern.pattern))))


def route(known: tuple[Method, ...], http: str, path: str) -> tuple[Method, tuple[str, ...]] | None:
    """The method that answers a request, and the parts of its path."""
    for method in known:
        if method.http == http and (match := method.pattern.fullmatch(path)):
            return method, match.groups()
    return None


def schema(document: str, name: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """One schema of a document, and all of them."""
    schemas = _load(document)["schemas"]
    return schemas[name], schemas


@cache
def _load(document: str) -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    loaded: dict[str, Any] = json.loads((folder / f"{document}.json").read_text())
    return loaded


def _methods(document: dict[str, Any]) -> Iterator[Method]:
    shared = frozenset(document.get("parameters", ())) | {"$alt"}
    for raw in _walk(document):
        own = raw.get("parameters", {})
        path = document["servicePath"] + raw.get("flatPath", raw["path"])
        yield Method(
            id=raw["id"],
            http=raw["httpMethod"],
            pattern=re.compile("/" + re.sub(r"\\\{[^}]+\\\}", "([^/:]+)", re.escape(path))),
            parameters=shared | frozenset(own),
            required=frozenset(
                name for name, p in own.items() if p.get("required") and p["location"] == "query"
            ),
            response=raw.get("response", {}).get("$ref", ""),
            schemas=document["schemas"],
        )  # fmt: skip


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _walk(resource)


def fit(value: Any, shape: Mapping[str, Any], schemas: Mapping[str, Any], where: str) -> None:
    """Holds a value to a schema, recursively. Raises :class:`Misfit`."""
    if "$ref" in shape:
        fit(value, schemas[shape["$ref"]], schemas, where)
        return
    kind = shape.get("type", "any")
    if kind == "any":
        return
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if not isinstance(value, types[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
        raise Misfit(f"{where}: {kind} expected, not {type(value).__name__}")
    if kind == "object":
        properties, more = shape.get("properties", {}), shape.get("additionalProperties")
        for key, inner in value.items():
            if key not in properties and more is None:
                raise Misfit(f"{where}: unknown field {key}")
            fit(inner, properties.get(key, more), schemas, f"{where}.{key}")
    elif kind == "array":
        for index, inner in enumerate(value):
            fit(inner, shape["items"], schemas, f"{where}[{index}]")
    elif kind == "string":
        _fit_text(value, shape, where)


def _fit_text(value: str, shape: Mapping[str, Any], where: str) -> None:
    if "enum" in shape and value not in shape["enum"]:
        raise Misfit(f"{where}: {value!r} is none of the enum")
    kind = shape.get("format")
    try:
        if kind in ("int64", "uint64"):
            int(value)
        elif kind in ("google-datetime", "date-time"):
            datetime.fromisoformat(value)
        elif kind == "google-duration":
            float(value.removesuffix("s"))
        elif kind == "byte":
            urlsafe_b64decode(value)
    except ValueError:
        raise Misfit(f"{where}: {value!r} is no {kind}") from None
