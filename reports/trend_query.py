"""The trend over a window, read from the history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from statistics import median
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from checks.check import SEVERITIES
from checks.finding import Finding
from checks.waiver import Period
from reports.breakdown import DOWN, UP, risky, shares
from reports.cases import FIELDS, day, findings_in, state_of
from reports.score import Tally, score
from reports.store import CHECKS, COUNTED, EVENTS, FINDINGS, MOVED, SCANS, SCOPES
from reports.trend import BUCKETS, Mttr, Point, Trend

Periods = Callable[[Sequence[Finding], Sequence[Finding]], Mapping[str, Sequence[Period]]]
"""When findings are accepted, by finding id. Given are those of today and those that are mended: how broad a waiver is,
is measured by the first."""
Life = tuple[int, int | None]
"""From which scan up to, and without, which other a finding failed; None is until now."""
STILL = ("fail", "dark")
"""States of what is not mended."""


@dataclass
class Window:
    """What is read once: the scans by number, and of those the ones in the window and in the equal one before.

    ``whole``: there was a scan when that one began, so that what the two moved can be compared.
    """

    scans: Mapping[int, Any]
    within: list[int]
    earlier: list[int]
    end: date
    whole: bool

    def day(self, number: int) -> date:
        """The day of a scan."""
        return day(self.scans[number].scan_started_at)

    @property
    def since(self) -> list[int]:
        """The scans that moved what the window began with; without an earlier scan it begins with its first one."""
        return self.within if self.earlier else self.within[1:]

    def apart(self, one: int, other: int) -> float:
        """Days between two scans."""
        times = [datetime.fromisoformat(self.scans[number].scan_started_at) for number in (one, other)]
        return (times[1] - times[0]).total_seconds() / 86400


def window_of(connection: Connection, days: int) -> Window | None:
    """The window that ends with the last scan. A scan that was late everywhere is no part of it."""
    scans = {row.no: row for row in connection.execute(sa.select(SCANS))}
    told = set(connection.execute(sa.select(MOVED.c.scan_no).distinct()).scalars())
    late = [no for no, row in scans.items() if row.late and no in told]
    counted = sa.select(COUNTED.c.scan_no).where(COUNTED.c.scan_no.in_(late)).distinct()
    told -= set(late) - set(connection.execute(counted).scalars())
    known = sorted((scans[no].scan_started_at, no) for no in told)
    if not known:
        return None
    end = day(known[-1][0])
    start, before = end - timedelta(days=days), end - timedelta(days=2 * days)
    within = [no for stamp, no in known if day(stamp) > start]
    earlier = [no for stamp, no in known if before < day(stamp) <= start]
    return Window(scans, within, earlier, end, whole=day(known[0][0]) <= before)


def timeline(
    connection: Connection,
    days: int,
    waived: Periods | None,
    owner: Callable[[Finding], str] | None,
    sla: Mapping[str, int],
    min_coverage: float,
) -> Trend | None:
    """The trend over ``days`` days that end with the last scan; None without a scan.

    A scan has scores when it was complete, or read at least ``min_coverage`` percent, and was asked for all that the
    settings name. ``waived`` says which findings were accepted when, ``owner`` whose a finding is; without them
    nothing is waived and nothing has an owner. An age counts from the scan at which the finding failed first, or again.
    """
    window = window_of(connection, days)
    if window is None:
        return None
    findings, mended = findings_of_window(connection, window) if waived or owner else ({}, {})
    spans = waived([one for one, _ in findings.values()], [one for one, _ in mended.values()]) if waived else {}
    findings |= mended
    before = [no for no in window.earlier if is_scored(window.scans[no], min_coverage)][-1:]
    scored = before + [no for no in window.within if is_scored(window.scans[no], min_coverage)]
    accepted = Acceptance.of(connection, window, scored, findings, spans)
    tallies = tallies_by_scan(connection, scored)
    points = points_of(connection, window, [*before, *window.within], tallies, accepted)
    last = [no for no in window.within if no in tallies]
    owners = {no: owner(one) for no, (one, _) in findings.items()} if owner else {}
    return Trend(
        window_days=days,
        points=tuple(points[len(before) :]),
        before=points[0] if before else None,
        mttr=mttr(connection, window),
        **standing(connection, window, accepted, sla),
        by=shares(connection, window.since, tallies[last[-1]] if last else [], owners),
        hubs=risky(connection, owners),
        moved_before=movements(connection, window.earlier) if window.whole else None,
    )


def movements(connection: Connection, scans: Sequence[int]) -> dict[str, int]:
    """How much some scans found new, resolved and reopened."""
    sums = [sa.func.coalesce(sa.func.sum(MOVED.c[name]), 0).label(name) for name in ("new", "resolved", "reopened")]
    row = connection.execute(sa.select(*sums).where(MOVED.c.scan_no.in_(scans))).one()
    return {name: int(number) for name, number in row._mapping.items()}


def is_scored(scan: Any, min_coverage: float) -> bool:
    """Whether a scan's numbers are a point of the line."""
    if scan.narrowed or scan.late:
        return False
    return bool(scan.scan_complete or (scan.coverage_pct >= min_coverage > 0 and min_coverage < 100))


Numbered = dict[int, tuple[Finding, int]]
"""Findings by number, each with its scope's number."""


def findings_of_window(connection: Connection, window: Window) -> tuple[Numbered, Numbered]:
    """Findings of today, those that nobody could judge among them, and those that were mended within both windows."""
    first = min(window.earlier + window.within)
    wanted = findings_in(FINDINGS.c.no, FINDINGS.c.scope_no, FINDINGS.c.state).where(
        sa.or_(
            FINDINGS.c.state != "resolved",
            sa.and_(FINDINGS.c.opened_no.is_not(None), FINDINGS.c.resolved_no >= first),
        )
    )
    today: Numbered = {}
    mended: Numbered = {}
    for row in connection.execute(wanted):
        (mended if row.state == "resolved" else today)[row.no] = Finding(*row[:FIELDS]), row.scope_no
    return today, mended


def judged_in(connection: Connection, scans: Sequence[int], scopes: Collection[int]) -> set[tuple[int, int]]:
    """Which of some scans judged which of some scopes."""
    if not scopes:
        return set()
    wanted = sa.select(COUNTED.c.scan_no, COUNTED.c.scope_no).distinct()
    rows = connection.execute(wanted.where(COUNTED.c.scan_no.in_(scans), COUNTED.c.scope_no.in_(scopes)))
    return {(scan, scope) for scan, scope in rows}


def failing_between(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Life]]:
    """When each of some findings failed."""
    lives: dict[int, list[Life]] = {number: [] for number in numbers}
    for start in range(0, len(numbers), 5000):
        rows = connection.execute(
            sa.select(EVENTS.c.finding_no, EVENTS.c.scan_no, EVENTS.c.event)
            .where(EVENTS.c.finding_no.in_(numbers[start : start + 5000]))
            .order_by(EVENTS.c.scan_no)
        )
        for number, scan, event in rows:
            if event in UP:
                lives[number].append((scan, None))
            elif event in DOWN and lives[number] and lives[number][-1][1] is None:
                lives[number][-1] = (lives[number][-1][0], scan)
    return lives


def is_held(spans: Sequence[Period], today: date) -> bool:
    """Whether a waiver holds on a day."""
    return any(span.first <= today <= span.last for span in spans)


class Alike(NamedTuple):
    """Findings of one check and account, in one scope, that were accepted alike and failed at the same scans."""

    place: tuple[str, str]
    scope: int
    spans: tuple[Period, ...]
    lives: tuple[Life, ...]

    def failed_at(self, scan: int) -> bool:
        """Whether they failed at a scan."""
        return any(start <= scan and (end is None or scan < end) for start, end in self.lives)


@dataclass
class Acceptance:
    """Which failing findings were accepted at which scan. ``judged`` are scans with the scopes that they judged."""

    window: Window
    spans: Mapping[int, Sequence[Period]]
    alike: Mapping[Alike, int]
    judged: Collection[tuple[int, int]]

    @staticmethod
    def of(
        connection: Connection,
        window: Window,
        scans: Sequence[int],
        findings: Numbered,
        spans: Mapping[str, Sequence[Period]],
    ) -> Acceptance:
        """What was accepted at some scans, of findings that have periods by their id."""
        accepted = {no: spans[one.finding_id] for no, (one, _) in findings.items() if one.finding_id in spans}
        lives = failing_between(connection, list(accepted))
        alike = Counter(
            Alike((one.check_id, f"{one.provider}/{one.account_id}"), scope, tuple(accepted[no]), tuple(lives[no]))
            for no in accepted
            for one, scope in (findings[no],)
        )
        return Acceptance(window, accepted, alike, judged_in(connection, scans, {one.scope for one in alike}))

    def at(self, scan: int) -> Counter[tuple[str, str]]:
        """How many findings that a scan saw failing were accepted, by check and account."""
        today = self.window.day(scan)
        found: Counter[tuple[str, str]] = Counter()
        for one, number in self.alike.items():
            if (scan, one.scope) in self.judged and is_held(one.spans, today) and one.failed_at(scan):
                found[one.place] += number
        return found

    def ended_since(self, scan: int, before: int | None) -> int:
        """How many waivers ended since the scan before that were the last one of a failing finding."""
        if before is None:
            return 0
        today, then = self.window.day(scan), self.window.day(before)
        return len(
            {
                span.waiver
                for one in self.alike
                if not is_held(one.spans, today) and one.failed_at(scan)
                for span in one.spans
                if then <= span.last < today
            }
        )


def tallies_by_scan(connection: Connection, scans: Sequence[int]) -> dict[int, list[Tally]]:
    """What each check found in each account, by scan."""
    rows = connection.execute(
        sa.select(
            COUNTED.c.scan_no, CHECKS.c.check_id, CHECKS.c.severity, SCOPES.c.provider, SCOPES.c.account,
            sa.func.sum(COUNTED.c.passed), sa.func.sum(COUNTED.c.failed),
        )
        .join(CHECKS, CHECKS.c.no == COUNTED.c.check_no)
        .join(SCOPES, SCOPES.c.no == COUNTED.c.scope_no)
        .where(COUNTED.c.scan_no.in_(scans))
        .group_by(COUNTED.c.scan_no, CHECKS.c.check_id, CHECKS.c.severity, SCOPES.c.provider, SCOPES.c.account)
    )  # fmt: skip
    found: dict[int, list[Tally]] = {number: [] for number in scans}
    for scan, check, severity, provider, account, passed, failed in rows:
        found[scan].append(Tally(check, f"{provider}/{account}", severity, int(passed), int(failed)))
    return found


Standing = tuple[Counter[str], int]
"""What is open by severity, and how much is dark."""


def stock(moved: Mapping[int, Mapping[str, Any]], order: Sequence[int]) -> dict[int, Standing]:
    """What is open and dark after each scan, in the order in which scans began.

    The database tells it in the order in which they were taken in. Where scans of different scopes overlapped, these
    orders differ, so what each scan changed is taken back from the last state of all. What the first one changed is
    not known where those before it were pruned.
    """

    def left(number: int) -> Standing:
        rows = moved.get(number, {})
        return Counter({s: row.open for s, row in rows.items()}), sum(row.dark for row in rows.values())

    taken = sorted(moved)
    if not taken:
        return {}
    failing, dark = left(taken[-1])
    before = dict(zip(taken, [0 if taken[0] == 1 else taken[0], *taken[:-1]], strict=True))
    found: dict[int, Standing] = {}
    for number in reversed(order):
        found[number] = Counter(failing), dark
        now, then = left(number), left(before[number])
        failing.subtract(now[0])
        failing.update(then[0])
        dark += then[1] - now[1]
    return found


def alike(mine: Sequence[Tally], previous: Sequence[Tally]) -> list[Tally]:
    """What a scan found, like for like: of checks and accounts that the scan before judged too, and what they found then
    where this one did not judge them.
    """
    now, then = ({(tally.check, tally.account): tally for tally in tallies} for tallies in (mine, previous))
    return [now.get(place, tally) for place, tally in then.items()]


def points_of(
    connection: Connection,
    window: Window,
    numbers: Sequence[int],
    tallies: Mapping[int, Sequence[Tally]],
    accepted: Acceptance,
) -> list[Point]:
    """A point for each of some scans, in their order."""
    moved: dict[int, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(sa.select(MOVED)):
        moved[row.scan_no][row.severity] = row
    stood = stock(moved, sorted(moved, key=lambda number: (window.scans[number].scan_started_at, number)))
    order = [*window.earlier, *window.within]
    previous = dict(zip(order[1:], order[:-1], strict=True))
    points: list[Point] = []
    ran: Sequence[Tally] | None = None
    for number in numbers:
        scan, rows = window.scans[number], moved[number]
        mine = tallies.get(number)
        waived = accepted.at(number) if mine is not None else Counter()
        failing, dark = stood[number]
        points.append(
            Point(
                scan_id=scan.scan_id,
                date=scan.scan_started_at,
                complete=scan.scan_complete and not scan.narrowed and not scan.late,
                coverage=scan.coverage_pct,
                score_raw=score(mine or ()),
                score_managed=score((t._replace(waived=waived[t.check, t.account]) for t in mine or ()), managed=True),
                rebased=score(mine or () if ran is None or mine is None else alike(mine, ran)),
                open=sum(failing[severity] for severity in SEVERITIES),
                open_by_severity={severity: failing[severity] for severity in SEVERITIES},
                **{name: sum(getattr(row, name) for row in rows.values()) for name in ("new", "resolved", "reopened")},
                dark=dark,
                expired_waivers=accepted.ended_since(number, previous.get(number)),
                **scope_changes(mine, ran),
            )
        )  # fmt: skip
        ran = mine if mine is not None else ran
    return points


def scope_changes(mine: Sequence[Tally] | None, previous: Sequence[Tally] | None) -> dict[str, Any]:
    """Which checks and accounts a scan judged that the one before did not, and the other way round."""
    found: dict[str, Any] = {}
    for what, name in (("checks", "check"), ("accounts", "account")):
        now, then = ({getattr(tally, name) for tally in tallies or ()} for tallies in (mine, previous))
        if mine is not None and previous is not None:
            found |= {f"{what}_added": tuple(sorted(now - then)), f"{what}_removed": tuple(sorted(then - now))}
    return found


def p90(values: Sequence[float]) -> float:
    """The least value that nine tenths do not exceed."""
    return sorted(values)[ceil(0.9 * len(values)) - 1]


def mttr(connection: Connection, window: Window) -> dict[str, Mttr]:
    """Days to mend by severity: of what was resolved in the window, and the age of what is not."""
    mended: dict[str, list[float]] = defaultdict(list)
    ended = connection.execute(
        sa.select(CHECKS.c.severity, EVENTS.c.opened_no, EVENTS.c.scan_no, sa.func.count())
        .select_from(EVENTS)
        .join(FINDINGS, FINDINGS.c.no == EVENTS.c.finding_no)
        .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
        .where(EVENTS.c.event == "resolved", EVENTS.c.scan_no.in_(window.within))
        .group_by(CHECKS.c.severity, EVENTS.c.opened_no, EVENTS.c.scan_no)
    )
    for severity, opened, scan, number in ended:
        mended[severity] += [window.apart(opened, scan)] * number
    ages: dict[str, list[float]] = defaultdict(list)
    for severity, opened, number in still_open(connection):
        ages[severity] += [window.apart(opened, window.within[-1])] * number

    def both(values: list[float]) -> tuple[float | None, float | None]:
        return (round(median(values), 1), round(p90(values), 1)) if values else (None, None)

    return {s: Mttr(len(mended[s]), *both(mended[s]), len(ages[s]), *both(ages[s])) for s in SEVERITIES}


def still_open(connection: Connection) -> list[tuple[str, int, int]]:
    """Findings that are not mended: severity, the scan at which they failed anew, and how many."""
    rows = connection.execute(
        sa.select(CHECKS.c.severity, FINDINGS.c.opened_no, sa.func.count())
        .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
        .where(FINDINGS.c.state.in_(STILL))
        .group_by(CHECKS.c.severity, FINDINGS.c.opened_no)
    )
    return [(severity, opened, number) for severity, opened, number in rows]


def standing(connection: Connection, window: Window, accepted: Acceptance, sla: Mapping[str, int]) -> dict[str, Any]:
    """How old what is not mended is, and how much of it is overdue; what is accepted has no due date."""
    ageing: dict[str, dict[str, int]] = {severity: dict.fromkeys(BUCKETS, 0) for severity in SEVERITIES}
    states: dict[str, dict[str, int]] = {
        severity: dict.fromkeys(("in", "near", "breached"), 0) for severity in SEVERITIES
    }
    for severity, opened, number in still_open(connection):
        age = (window.end - window.day(opened)).days
        ageing[severity][BUCKETS[sum(age > limit for limit in (7, 30, 90))]] += number
        if state := state_of(window.day(opened), window.end, severity, sla):
            states[severity][state] += number
    failing = sa.select(FINDINGS.c.no, FINDINGS.c.opened_no, CHECKS.c.severity).join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)  # fmt: skip
    rows = connection.execute(failing.where(FINDINGS.c.state.in_(STILL))) if accepted.spans else ()
    for number, opened, severity in rows:
        state = state_of(window.day(opened), window.end, severity, sla)
        if state and is_held(accepted.spans.get(number, ()), window.end):
            states[severity][state] -= 1
    return {"ageing": ageing, "sla": states}
