"""Microsoft's example replies, and what an estate made of copies of them holds."""

from __future__ import annotations

import copy
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

Body = dict[str, Any]

TENANT = "5f0c2b1e-0a57-4c37-9a55-2d8c6f3f7a10"
PRODUCTION = "8d3c9b52-6f0e-4a86-9f6b-0c8a1f5e2d01"
LABORATORY = "8d3c9b52-6f0e-4a86-9f6b-0c8a1f5e2d02"
NEVER = "0001-01-01T00:00:00Z"
SCRIPT = "<script>alert(1)</script>"


@cache
def _examples() -> dict[str, Body]:
    held: dict[str, Body] = json.loads((Path(__file__).parent / "fixtures/azure/examples.json").read_text("utf-8"))
    return held


def example(operation: str, /, **changes: Any) -> Body:
    """A copy of Microsoft's example reply, with other values at its top."""
    body: Body = copy.deepcopy(_examples()[operation]["body"])
    return body | changes


def identity(*parts: str) -> str:
    """A GUID that is always the same for the same words."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


def group_id(subscription: str, group: str) -> str:
    """ARM id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


@dataclass
class Estate:
    """Everything the lab answers with: bodies by where they hang."""

    clock: datetime
    fleet: int
    subscriptions: list[Body] = field(default_factory=list)
    hubs: dict[str, list[Body]] = field(default_factory=dict)
    services: dict[str, list[Body]] = field(default_factory=dict)
    accounts: dict[str, list[Body]] = field(default_factory=dict)
    roles: list[Body] = field(default_factory=list)
    assignments: dict[str, list[Body]] = field(default_factory=dict)
    certificates: dict[str, list[Body]] = field(default_factory=dict)
    diagnostics: dict[str, list[Body]] = field(default_factory=dict)
    containers: dict[str, list[Body]] = field(default_factory=dict)
    policies: dict[str, Body] = field(default_factory=dict)
    twins: dict[str, list[Body]] = field(default_factory=dict)

    def ago(self, days: float) -> str:
        """A moment as IoT Hub writes it, with its seven decimals."""
        return f"{self.clock - timedelta(days=days):%Y-%m-%dT%H:%M:%S}.1234567Z"

    def date(self, days: float) -> str:
        """A moment some days from now, as the certificate API writes it."""
        return format_datetime((self.clock + timedelta(days=days)).astimezone(UTC), usegmt=True)
