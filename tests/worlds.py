"""A small estate that tests change from scan to scan, and the report that a scan of it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd
from made_up import ABOUT_SCAN, AREAS, CHECKS, SCOPES, finding, unread

from checks.finding import COLUMNS, COUNTS
from collectors.schema import COVERAGE
from reports.history import History
from reports.report import Report

DAY_ONE = datetime(2026, 9, 1, 6, tzinfo=UTC)
TLS, CREDENTIAL, STRONG = "hub-refuses-old-tls", "device-has-its-own-credential", "certificate-is-strong"
KINDS = {TLS: "hub", CREDENTIAL: "device", STRONG: "certificate"}
Place = tuple[str, int]
"""A check and the number of a scope in made_up.SCOPES."""


@dataclass
class World:
    """What a scan would find: ``pass``, ``fail`` or ``unknown`` by check, scope and resource. ``broken`` are lists that
    cannot be read: of their resources only those in ``shown`` are seen. ``skipped`` are checks and scopes not judged.
    """

    resources: dict[tuple[str, int, str], str] = field(default_factory=dict)
    broken: set[Place] = field(default_factory=set)
    shown: set[tuple[str, int, str]] = field(default_factory=set)
    skipped: set[Place] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    checks: tuple[str, ...] = (TLS, CREDENTIAL)
    scopes: tuple[int, ...] = (0, 1, 2)
    unavailable: set[tuple[int, str]] = field(default_factory=set)
    read: set[tuple[int, str]] = field(default_factory=set)

    def places(self) -> Iterator[Place]:
        """What is judged."""
        for scope in self.scopes:
            for check in self.checks:
                if (check, scope) not in self.skipped and SCOPES[scope][0] not in self.unreachable:
                    yield check, scope

    def listed(self, place: Place) -> list[tuple[str, str]]:
        """The resources that are seen, with the verdict."""
        found = [
            (name, verdict)
            for (check, scope, name), verdict in sorted(self.resources.items())
            if (check, scope) == place
        ]
        return [(n, v) for n, v in found if place not in self.broken or (*place, n) in self.shown]  # fmt: skip

    def report(self, day: float, scan_id: str = "", **about: str) -> Report:
        """The report of a scan on a day."""
        rows, counts = [], []
        for check, scope in self.places():
            seen = self.listed((check, scope))
            for name, verdict in seen:
                resource = f"{SCOPES[scope][0]}-{name}"
                if verdict == "fail":
                    rows.append(finding(check, scope, resource, KINDS[check], hub=f"hub-{scope}"))
                elif verdict == "unknown":
                    rows.append(unread(check, scope, resource, KINDS[check], "denied", "x:Get"))
            if (check, scope) in self.broken:
                rows.append(unread(check, scope, "/".join(SCOPES[scope]), KINDS[check], "denied", "x:List"))
            tally = [sum(verdict == kind for _, verdict in seen) for kind in ("pass", "fail", "unknown")]
            tally[2] += (check, scope) in self.broken
            counts.append(dict(zip(COUNTS, (check, *SCOPES[scope], *tally, ""), strict=True)))
        fills = "|".join(sorted(KINDS.values()))
        asked = [(*SCOPES[scope], operation, "unavailable", fills) for scope, operation in self.unavailable]
        asked += [(*SCOPES[scope], operation, "read", fills) for scope, operation in self.read]
        asked += [(*SCOPES[scope], f"list_{KINDS[check]}", "denied", KINDS[check]) for check, scope in self.broken]
        asked += [(provider, "", "", "find", "failed", "") for provider in self.unreachable]
        columns = ("provider", "account", "region", "operation", "outcome", "tables")
        coverage = [dict(zip(columns, row, strict=True)) for row in asked]
        ran = {check for check, _ in self.places()}
        started = f"{DAY_ONE + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
        whole = not (self.broken or self.unreachable or "unknown" in self.resources.values())
        return Report(
            about=ABOUT_SCAN
            | {"scan_id": scan_id or f"scan-{day:g}", "scan_started_at": started, "scan_completed_at": started}
            | {"scan_complete": str(whole).lower(), "coverage_pct": "100.0" if whole else "90.0"}
            | about,
            findings=pd.DataFrame(rows, columns=list(COLUMNS), dtype="string"),
            counts=pd.DataFrame(counts, columns=list(COUNTS)),
            coverage=pd.DataFrame(coverage, columns=list(COVERAGE), dtype="string"),
            checks=[check for check in CHECKS if check["id"] in ran],
            areas=AREAS,
        )  # fmt: skip


def hubs(verdicts: Mapping[str, str], scope: int = 0, check: str = TLS) -> dict[tuple[str, int, str], str]:
    """Resources of one check and scope."""
    return {(check, scope, name): verdict for name, verdict in verdicts.items()}


@contextmanager
def history(place: str, reports: Iterable[Report] = ()) -> Iterator[History]:
    """A history that has taken scans in; closed at the end, and whole."""
    with History.open(place) as opened:
        for report in reports:
            opened.ingest(report)
        yield opened
        assert opened.check() == []


def lives(opened: History) -> dict[str, str]:
    """The last scan's cases: lifecycle by the resource's name."""
    return {case.finding.resource_name: case.lifecycle for case in opened.case_report().cases}
