"""What the tests of three clouds hold a refusal to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """What is kept of an error."""

    outcome: str
    cause: str
    permission: str = ""
    detail: str = ""
