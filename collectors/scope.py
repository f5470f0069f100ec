"""Where one part of a scan looks, and what came of a read there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["read", "partial", "unavailable", "denied", "failed"]


OUTCOMES: tuple[Outcome, ...] = ("read", "partial", "unavailable", "denied", "failed")
"""From best to worst; coverage keeps the worst seen in a scope."""
FIND = "find"
"""The operation that stands in the coverage, without an account, for a cloud that could not be reached at all."""


@dataclass(frozen=True)
class Scope:
    """Where one part of a scan looks: a provider, an account (subscription, project) and a region or ``global``."""

    provider: str
    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.account}/{self.region}"
