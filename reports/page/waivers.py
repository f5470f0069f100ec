"""Accepted risks as the page lists them: what each covers, and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from checks.check import SEVERITIES
from reports.case import Case, CaseReport

SOON = 14
"""Days before its end in which a waiver is named as ending soon."""


@dataclass(frozen=True)
class Accepted:
    """One waiver: how many findings it covers and how grave the gravest is. ``left`` counts days to its end."""

    waiver: str
    kind: str
    count: int
    severity: str
    owners: Sequence[str]
    made: str
    ends: str
    left: int | None


@dataclass(frozen=True)
class Lapsed:
    """A waiver that has expired, and how many findings count again."""

    waiver: str
    ended: str
    count: int


def lapsed_waivers(case_report: CaseReport | None) -> list[Lapsed]:
    """The waivers that have expired over what still fails or cannot be read, the last to end first."""
    cases = (
        [case for case in case_report.cases if case.lapsed_waiver and case.lifecycle != "resolved"]
        if case_report
        else []
    )
    found = Counter((case.lapsed_on, case.lapsed_waiver) for case in cases)
    return [Lapsed(waiver, ended, count) for (ended, waiver), count in sorted(found.items(), reverse=True)]


def accepted_waivers(case_report: CaseReport | None) -> list[Accepted]:
    """The waivers that cover something in this scan, the first to end first."""
    held: dict[str, list[Case]] = {}
    for case in case_report.cases if case_report else ():
        if case.waiver and case.lifecycle != "resolved":
            held.setdefault(case.waiver, []).append(case)
    today = date.fromisoformat(case_report.about["scan_completed_at"][:10]) if case_report else date.min
    made = []
    for waiver, cases in held.items():
        ends = min((case.waiver_expires_on for case in cases if case.waiver_expires_on), default="")
        made.append(
            Accepted(
                waiver,
                cases[0].waiver_kind,
                len(cases),
                min((case.finding.severity for case in cases), key=SEVERITIES.index),
                sorted({case.owner for case in cases if case.owner}),
                min((case.waiver_created_on for case in cases if case.waiver_created_on), default=""),
                ends,
                (date.fromisoformat(ends) - today).days if ends else None,
            )
        )
    return sorted(made, key=lambda w: (w.ends or "9999", w.waiver))
