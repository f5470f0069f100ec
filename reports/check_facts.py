"""What reports and `iotposture show` tell about a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from checks.check import Check
from checks.guidelines import controls_of


class CheckFacts(TypedDict):
    """A check that ran. ``remedy`` is one text, or a text by provider with ``""`` for every other provider."""

    id: str
    title: str
    risk: str
    area: str
    severity: str
    remedy: str | Mapping[str, str]
    guidelines: Sequence[str]
    controls: Sequence[str]


def check_facts(check: Check) -> CheckFacts:
    """A check as `show` and every report tell it."""
    return {
        "id": check.id,
        "title": check.title,
        "risk": check.risk,
        "area": check.area,
        "severity": check.severity,
        "remedy": dict(check.remedy),
        "guidelines": list(check.serves),
        "controls": list(dict.fromkeys((*controls_of(check.serves), *check.controls))),
    }
