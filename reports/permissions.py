"""The least privilege a scan needs, printed from what the collectors declare. Nothing is listed twice or by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from collectors.operation import Operation, declared
from collectors.registry import COLLECTORS, PROVIDERS
from reports.escape import terminal


def account(provider: str) -> Any:
    """The module that knows how one cloud's accounts are found, and what lets a scan read them."""
    return import_module(f"collectors.{provider}.account")


def operations(provider: str) -> tuple[Operation, ...]:
    """Every operation that a scan of one cloud may ask, with those that find its scopes."""
    find: tuple[Operation, ...] = account(provider).FIND
    found = {operation.name: operation for operation in (*find, *declared(provider, COLLECTORS))}
    return tuple(found[name] for name in sorted(found))


def rows(provider: str) -> list[dict[str, str]]:
    """Operation, permission and the tables it fills, one row each."""
    fills: dict[str, set[str]] = {}
    for collector in COLLECTORS:
        if collector.provider == provider:
            for operation in collector.operations:
                fills.setdefault(operation.name, set()).add(collector.table.id())
    return [
        {
            "provider": provider,
            "operation": operation.name,
            "permission": operation.permission,
            "tables": "|".join(sorted(fills.get(operation.name, ()))),
        }
        for operation in operations(provider)
    ]


def policies(provider: str) -> Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """The policies or roles to create in one cloud, by whose they are, each made from that cloud's settings."""
    makers = account(provider).POLICIES
    return {whose: partial(make, operations(provider)) for whose, make in makers.items()}


def policy_text(provider: str, policy: dict[str, Any]) -> str:
    """A policy as the cloud's own tool takes it."""
    return yaml(policy) if account(provider).POLICY_FORMAT == "yaml" else json.dumps(policy, indent=2) + "\n"


def yaml(role: dict[str, Any]) -> str:
    """A role of plain words and lists of them as YAML."""
    lines: list[str] = []
    for key, value in role.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"- {terminal(item)}" for item in value)]
        else:
            lines.append(f"{key}: {terminal(value)}")
    return "\n".join(lines) + "\n"


def table(providers: Iterable[str] = PROVIDERS) -> list[dict[str, str]]:
    """Rows of several clouds."""
    return [row for provider in providers for row in rows(provider)]
