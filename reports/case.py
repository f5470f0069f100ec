"""A finding with its life: since when, whose, until when, and whether somebody accepted it.

What the history keeps, what waivers and owners add when it is read, and what every ticket and interchange format is
written from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from checks.finding import Finding

Lifecycle = Literal["new", "open", "reopened", "resolved", "dark"]
"""``new``: the scan is the first that saw it. ``reopened``: it was resolved, and this scan sees it again. ``open``: seen
before. ``resolved``: a scan judged it as pass, or read the whole list in which it no longer is. ``dark``: it failed,
and nobody can read any more whether it still does; it is not fixed."""

SLA_DAYS = {"critical": 7, "high": 30, "medium": 90, "low": 180, "info": 0}
"""Days to mend a finding; 0 is no limit. The first two are DefectDojo's defaults, the others ours."""


@dataclass(frozen=True)
class Case:
    """One finding as of one scan. Times are ISO 8601 in UTC with ``Z``, dates ``YYYY-MM-DD``; empty text is none.

    A finding that could never be judged has the status ``unknown`` and the lifecycle ``new`` or ``open``.
    ``changed``: its evidence, severity or status is not what the scan before saw. ``sla`` is ``in``, ``near`` or
    ``breached``, and empty for a case that is resolved, waived or unknown. ``lapsed_waiver`` covered it until the end of
    ``lapsed_on``, and nothing does since.
    """

    finding: Finding
    lifecycle: Lifecycle
    first_seen: str
    last_seen: str
    resolved_at: str = ""
    age_days: int = 0
    changed: bool = False
    owner: str = ""
    waiver: str = ""
    waiver_kind: str = ""
    waiver_expires_on: str = ""
    due_on: str = ""
    sla: str = ""
    waiver_created_on: str = ""
    lapsed_waiver: str = ""
    lapsed_on: str = ""


@dataclass(frozen=True)
class CaseReport:
    """The cases of one scan. ``about`` is that of :class:`reports.report.Report`; cases are in the order of its rows."""

    about: Mapping[str, str]
    cases: tuple[Case, ...]
