"""The two verdicts of AWS IoT Device Defender on policies, computed from the documents alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.policy.bypassed_deny import reasons
from checks.policy.device import BROAD, Device
from checks.policy.document import parse


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a policy, or with all policies of one certificate, and what shows it."""

    overly_permissive: bool
    """As in "AWS IoT policies overly permissive"."""
    potentially_misconfigured: bool
    """As in "AWS IoT policy potentially misconfigured"."""
    reason_codes: tuple[str, ...]
    """Device Defender's reason codes."""
    witnesses: tuple[str, ...]
    """One line per rule that fires, with its statement and names; then what could not be judged."""


def judge(documents: Iterable[str | Mapping[str, Any]]) -> Judgement:
    """Both verdicts on the union of some documents: those of one certificate, or a single one.

    Statements allow together what each allows, and a Deny in one document counts against all. Raises NotAPolicy
    when one of the documents is no policy.
    """
    listed = list(documents)
    asked = Device(
        statement
        for number, document in enumerate(listed, 1)
        for statement in parse(document, f"policy {number}, " if len(listed) > 1 else "")
    )
    broad, doubts = asked.broad(), list(reasons(asked))
    codes = ((BROAD,) if broad else ()) + tuple(code for code, _ in doubts)
    strange = dict.fromkeys(
        f"{name} names `{variable}`, which is no variable of AWS IoT policies: it matches nothing"
        for variable, name in asked.strange()
    )
    witnesses = [found.text for found in broad] + [found.text for _, found in doubts]
    return Judgement(bool(broad), bool(doubts), codes, (*witnesses, *strange))
