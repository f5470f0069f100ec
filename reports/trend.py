"""What a trend is made of: numbers over scans, for the report page, the terminal and ``--format json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

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

    @property
    def is_drawn(self) -> bool:
        """Whether it is a point of a line; else it is a gap."""
        return self.complete or self.score_raw is not None

    @property
    def moment(self) -> float:
        """When the scan was, in seconds."""
        when = datetime.fromisoformat(self.date)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


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
class Target:
    """How many findings may be open on a day, and the ideal line to it from the window's first scan that is drawn.

    The line is straight from ``since_open`` at ``since`` to ``open`` when the day ``on`` begins, and flat from then on;
    it never rises. ``ideal`` is where it stands at the last scan that is drawn, and ``above`` how many more are open
    there, negative when fewer are. ``passed`` says that this scan is later than the day. Without a scan that is drawn
    there is no line.
    """

    on: str
    open: int
    since: str | None = None
    since_open: int | None = None
    ideal: float | None = None
    above: float | None = None
    passed: bool = False

    @property
    def moment(self) -> float:
        """When the day begins, in seconds."""
        return datetime.combine(date.fromisoformat(self.on), time(), UTC).timestamp()

    @property
    def stands(self) -> str:
        """Where one stands, in words."""
        if self.above is None:
            return "no complete scan to draw a line from"
        count = abs(round(self.above))
        if not count:
            return "reached" if self.passed else "on the ideal line"
        return f"{count:,} {'above' if self.above > 0 else 'below'} {'it' if self.passed else 'the ideal line'}"


@dataclass(frozen=True)
class Trend:
    """The trend over one window that ends with the last scan.

    ``mttr`` is by severity; ``ageing`` and ``sla`` map a severity to counts by bucket (BUCKETS; ``in``, ``near``,
    ``breached``); ``by`` maps a dimension to its shares, the worst first. ``before`` is the last complete point of the
    equal window before, if there is one, and ``moved_before`` what that window found ``new``, ``resolved`` and
    ``reopened``; None where the history does not reach back to its begin. ``target`` is there when the settings
    name one.
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
    target: Target | None = None

    @property
    def starts(self) -> bool:
        """Whether the first point is the first scan of all: what it found was there before, and has not moved."""
        first = self.points[0]
        return self.before is None and first.new == first.open

    def ideal(self, moment: float) -> float | None:
        """Where the line to the target stands at a moment within the window, in seconds."""
        first = next((point for point in self.points if point.is_drawn), None)
        if not self.target or not first:
            return None
        start, end = first.moment, self.target.moment
        above = max(first.open - self.target.open, 0)
        left = min(max((end - moment) / (end - start), 0), 1) if end > start else 0
        return self.target.open + above * left

    def with_target(self, on: date, open_: int) -> Trend:
        """The trend with a target: that at most so many findings are open on a day."""
        told = replace(self, target=Target(on.isoformat(), open_))
        drawn = [point for point in self.points if point.is_drawn]
        if not drawn or not told.target:
            return told
        ideal = told.ideal(drawn[-1].moment) or 0.0
        target = replace(
            told.target,
            since=drawn[0].date,
            since_open=drawn[0].open,
            ideal=round(ideal, 1),
            above=round(drawn[-1].open - ideal, 1),
            passed=drawn[-1].date[:10] > told.target.on,
        )
        return replace(told, target=target)
