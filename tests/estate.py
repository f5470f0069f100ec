"""How tests scan the lab: one place for settings, clock and what a scan found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from checks.check import CHECKS
from checks.judge import concerns, verdicts
from collectors.operation import Collector
from collectors.registry import collectors_in
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from flows.scan import Order, Sessions, find, run, threads
from flows.settings import PROFILES, Settings
from lab.cloud import Lab
from reports.report import Report

CLOCK = datetime.now(UTC).replace(microsecond=0)
Key = tuple[str, str, str]


def settings(lab: Lab, **more: Any) -> Settings:
    """Settings of the lab as the demo has them, unhurried by rate limits and with every profile on."""
    sections = {name: {"calls_per_second": 1000, "timeout_seconds": 5, **s} for name, s in lab.settings().items()}
    return Settings(**{**sections, "profiles": list(PROFILES), "weak_keys": str(lab.weak_keys), **more})


def order(lab: Lab, folder: Path, *clouds: str, **more: Any) -> Order:
    """A scan of the lab, or of some of its clouds."""
    return Order(settings(lab, **more), "scan-of-the-lab", CLOCK, clouds, (), str(folder))


def scan(lab: Lab, folder: Path, *clouds: str, **more: Any) -> Report:
    """Runs a scan on threads and returns its report."""
    what = order(lab, folder, *clouds, **more)
    return run(what, threads(what.settings))


@dataclass
class Seen:
    """What one cloud gave: tables per scope, and the definite verdicts on them."""

    tables: dict[Scope, Tables] = field(default_factory=dict)

    @property
    def verdicts(self) -> dict[Key, bool]:
        """True or False by check, resource and subject; what is unknown is not in it."""
        found: dict[Key, bool] = {}
        for scope, tables in self.tables.items():
            for check in CHECKS:
                if check.table in tables.frames and concerns(check, scope.provider):
                    frame = tables.frames[check.table]
                    for index, verdict in verdicts(check, frame, check.settings).dropna().items():
                        row = frame.loc[[index]].iloc[0]
                        found[check.id, f"{scope} {row['resource']}", row["subject"]] = bool(verdict)
        return found

    def cells(self) -> dict[tuple[str, str, str, str], Any]:
        """Every cell that was read, by table, resource, subject and column."""
        found = {}
        for scope, tables in self.tables.items():
            for table, frame in tables.frames.items():
                for row in frame.to_dict("records"):
                    for column, value in row.items():
                        if not pd.isna(value):
                            key = (table.id(), f"{scope} {row['resource']}", row["subject"], str(column))
                            found[key] = value
        return found

    def gaps(self) -> set[str]:
        """Tables with a list that could not be read to its end."""
        return {table for tables in self.tables.values() for table in tables.gaps["table"]}

    def outcomes(self, operation: str) -> set[str]:
        """What came of an operation, over all scopes."""
        frames = [tables.coverage for tables in self.tables.values()]
        coverage = pd.concat(frames)
        return set(coverage.loc[coverage["operation"] == operation, "outcome"])


def look(lab: Lab, folder: Path, cloud: str, operation: str = "", **more: Any) -> Seen:
    """Collects every scope of one cloud without a run on disk; with what asks an operation, where one is named."""
    scopes, sessions = reached(lab, folder, cloud, **more)
    asking = {s: [c for c in collectors_in(s) if not operation or asks(c, operation)] for s in scopes}
    return Seen({s: collect(s, *sessions.of(s), CLOCK, chosen) for s, chosen in asking.items() if chosen})


CORK = {"owner": "cork", "tags": {"site.town": "Cork", "SITE": "c*"}}
"""A rule that names tags which devices have."""


def reached(lab: Lab, folder: Path, cloud: str, **more: Any) -> tuple[list[Scope], Sessions]:
    """The scopes of one cloud and the sessions to read them with; nothing is kept between two looks."""
    what = order(lab, folder, cloud, **{"keep_facts": False, "owners": [CORK], **more})
    scopes, unreachable = find(what)
    assert not unreachable, unreachable
    return scopes, Sessions(what)


def asks(collector: Collector, operation: str) -> bool:
    """Whether a collector declares an operation."""
    return any(op.name == operation for op in collector.operations)


@dataclass(frozen=True)
class Apart:
    """What every collector of one cloud gives for itself."""

    tables: dict[tuple[Scope, str], Tables]

    @staticmethod
    def of(lab: Lab, folder: Path, cloud: str) -> Apart:
        """Reads it."""
        scopes, sessions = reached(lab, folder, cloud)
        return Apart({(s, c.name): collect(s, *sessions.of(s), CLOCK, [c]) for s in scopes for c in collectors_in(s)})

    def asking(self, operation: str = "") -> Seen:
        """What the collectors that ask an operation give together; all of them if none is named."""
        found: dict[Scope, list[Tables]] = {}
        for (scope, name), tables in self.tables.items():
            if not operation or any(asks(c, operation) for c in collectors_in(scope) if c.name == name):
                found.setdefault(scope, []).append(tables)
        return Seen({scope: together(parts) for scope, parts in found.items()})


def together(parts: list[Tables]) -> Tables:
    """Tables of several collectors as one."""
    frames: dict[type[Table], list[pd.DataFrame]] = {}
    for part in parts:
        for table, frame in part.frames.items():
            frames.setdefault(table, []).append(frame)
    return Tables(
        {table: pd.concat(some, ignore_index=True) for table, some in frames.items()},
        *(pd.concat([getattr(p, name) for p in parts], ignore_index=True) for name in ("unread", "gaps", "coverage")),
    )


def filled(seen: Iterable[Seen]) -> dict[type[Table], set[str]]:
    """Columns with at least one value, by table."""
    found: dict[type[Table], set[str]] = {}
    for one in seen:
        for tables in one.tables.values():
            for table, frame in tables.frames.items():
                found.setdefault(table, set()).update(c for c in frame.columns if frame[c].notna().any())
    return found


Scanner = Callable[..., Report]
