"""What a trend is made of: numbers over scans, for the report page, the terminal and ``--format json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BUCKETS = ("0-7", "8-30", "31-90", ">90")
"""Ages in days of what is still open."""
DIMENSIONS = ("area", "provider", "account", "hub", "owner")


@dataclass(frozen=True)
class Point:
    """One scan. ``open`` counts failing findings, waived ones included; ``dark`` those that failed and are unread now.

    ``new``, ``resolved``, ``reopened`` and ``expired_waivers`` count what this scan changed. A scan that did not read
    all it asked, was asked for fewer clouds or checks than the settings name, or was overtaken in part by a newer one,
    has ``complete`` false and no scores: it is drawn as a gap. Scores are 0 to 100, ``coverage`` is in percent.

    ``rebased`` is ``score_raw`` like for like with the scan that has scores before: without checks and accounts that
    were added, and with what was found then in those that were removed.
    """

    scan_id: str
    date: str
    complete: bool
    coverage: float
    score_raw: float | None
    score_managed: float | None
    rebased: float | None
    open: int
    open_by_severity: Mapping[str, int]
    new: int
    resolved: int
    reopened: int
    dark: int
    expired_waivers: int
    checks_added: tuple[str, ...] = ()
    checks_removed: tuple[str, ...] = ()
    accounts_added: tuple[str, ...] = ()
    accounts_removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mttr:
    """Days to mend, of what was resolved in the window, beside the age of what is still open."""

    resolved: int
    median_days: float | None
    p90_days: float | None
    open: int
    open_median_days: float | None
    open_p90_days: float | None


@dataclass(frozen=True)
class Share:
    """Findings of one value of a dimension at the last scan, and the change against the start of the window."""

    name: str
    open: int
    open_by_severity: Mapping[str, int]
    change: int
    score_raw: float | None


@dataclass(frozen=True)
class RiskyHub:
    """A hub with much open, weighted by severity. ``reason`` is one line: what makes it risky."""

    hub: str
    provider: str
    account: str
    weight: int
    open_by_severity: Mapping[str, int]
    owner: str
    reason: str


@dataclass(frozen=True)
class Trend:
    """The trend over one window that ends with the last scan.

    ``mttr`` is by severity; ``ageing`` and ``sla`` map a severity to counts by bucket (BUCKETS; ``in``, ``near``,
    ``breached``); ``by`` maps a dimension to its shares, the worst first. ``before`` is the last complete point of the
    equal window before, if there is one, and ``moved_before`` what that window found ``new``, ``resolved`` and
    ``reopened``; None where the history does not reach back to its begin.
    """

    window_days: int
    points: tuple[Point, ...]
    before: Point | None
    mttr: Mapping[str, Mttr]
    ageing: Mapping[str, Mapping[str, int]]
    sla: Mapping[str, Mapping[str, int]]
    by: Mapping[str, tuple[Share, ...]]
    hubs: tuple[RiskyHub, ...]
    moved_before: Mapping[str, int] | None = None

    @property
    def starts(self) -> bool:
        """Whether the first point is the first scan of all: what it found was there before, and has not moved."""
        first = self.points[0]
        return self.before is None and first.new == first.open
