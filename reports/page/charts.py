"""Geometry of the page's charts: plain arithmetic from numbers to lengths and paths.

A scan that did not complete is a gap in every line and area, marked on the axis; nothing is drawn across it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import groupby, pairwise

from checks.check import SEVERITIES
from reports.summary import number
from reports.trend import Point, Target, Trend

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 628, 14, 242
"""The frame of a chart over time, in units of its drawing; what is outside is left to labels."""
MOST_BARS = 40
"""Scans that a chart shows one by one; more are summed by week."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Mark:
    """A shape of a chart. ``kind`` is its class in the style sheet, ``d`` a path."""

    kind: str
    d: str


@dataclass(frozen=True)
class Chart:
    """A chart over time with its data table. ``hits`` are stretches of the axis, each with what is true there."""

    said: str
    up: Sequence[tuple[str, str]]
    along: Sequence[tuple[str, str, str]]
    marks: Sequence[Mark]
    gaps: Sequence[str]
    hits: Sequence[tuple[str, str, str]]
    zero: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def day(moment: str) -> str:
    """A date or time as people write it: ``22 Nov 2026``."""
    when = date.fromisoformat(moment[:10])
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def unit(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def steps(top: float, count: int = 4) -> list[int]:
    """Round numbers from 0 to at least ``top``, at most ``count`` + 1 of them."""
    size = 1
    while size * count < top:
        size = next(n for n in rounds() if n > size)
    return [size * n for n in range(count + 1) if size * (n - 1) < max(top, 1)]


def rounds() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def onward(first: float, last: float) -> Callable[[float], float]:
    """Where a moment stands between the left and the right of the frame."""
    span = last - first
    return lambda moment: LEFT + (RIGHT - LEFT) * ((moment - first) / span if span else 0.5)


def across(points: Sequence[Point]) -> list[float]:
    """Where scans stand in a frame that ends with the last of them."""
    return list(map(onward(points[0].moment, points[-1].moment), (p.moment for p in points)))


def upward(bottom: float, top: float) -> Callable[[float], float]:
    """Where a value stands between the bottom and the top of the frame."""
    return lambda value: BOTTOM - (BOTTOM - TOP) * (value - bottom) / (top - bottom)


def dates(points: Sequence[Point], xs: Sequence[float], end: str = "") -> list[tuple[str, str, str]]:
    """The first and the last date, and one between them where there is room: place, anchor and text.

    An axis that goes on to another day ends with that, and has the date of the last scan where there is room for it.
    """
    if len(points) == 1:
        return [(unit(xs[0]), "middle", day(points[0].date))]
    ends = [(unit(LEFT), "start", day(points[0].date)), (unit(RIGHT), "end", day(end or points[-1].date))]
    middle = (LEFT + RIGHT) / 2
    near = len(xs) - 1 if end else min(range(len(xs)), key=lambda n: abs(xs[n] - middle))
    if abs(xs[near] - middle) < (RIGHT - LEFT) / 8:
        ends.insert(1, (unit(xs[near]), "middle", day(points[near].date)))
    return ends


def runs(points: Sequence[Point], there: Callable[[Point], bool]) -> Iterator[list[int]]:
    """Stretches of scans, without a gap in any of them."""
    for drawn, stretch in groupby(range(len(points)), lambda n: there(points[n])):
        if drawn:
            yield list(stretch)


def stretches(points: Sequence[Point], xs: Sequence[float], tell: Callable[[Point], str]) -> list[tuple[str, str, str]]:
    """For each scan the part of the axis that is nearest to it, and what it says."""
    middles = [(a + b) / 2 for a, b in pairwise(xs)]
    edges = [LEFT, *middles, min(RIGHT, 2 * xs[-1] - middles[-1] if middles else RIGHT)]
    return [
        (unit(a), unit(b - a), f"{day(p.date)}: {tell(p) if p.complete else 'the scan did not complete'}")
        for p, a, b in zip(points, edges[:-1], edges[1:], strict=True)
    ]


def gaps(points: Sequence[Point], xs: Sequence[float]) -> list[str]:
    """Where scans stand that did not complete."""
    return [unit(x) for p, x in zip(points, xs, strict=True) if not p.complete]


def burn_down(trend: Trend) -> Chart:
    """What was open at each scan, one severity upon the other, and the ideal line to the target if there is one."""
    points, target = trend.points, trend.target
    whole = [p for p in points if p.complete]
    end = farthest(trend)
    x = onward(points[0].moment, end)
    xs = [x(p.moment) for p in points]
    ticks = steps(
        max([0, *(sum(p.open_by_severity.values()) for p in whole), *(trend.ideal(p.moment) or 0 for p in whole)])
    )
    y = upward(0, ticks[-1])
    marks: list[Mark] = []
    for run in runs(points, lambda p: p.complete):
        floor = [0] * len(run)
        for severity in SEVERITIES:
            roof = [low + points[n].open_by_severity.get(severity, 0) for low, n in zip(floor, run, strict=True)]
            if roof != floor:
                marks += band(severity, [xs[n] for n in run], list(map(y, floor)), list(map(y, roof)))
            floor = roof
    if whole and target:
        turns = sorted({whole[0].moment, min(max(target.moment, whole[0].moment), end), end})
        path = line((x(turn), y(trend.ideal(turn) or 0)) for turn in turns)
        marks += [Mark("ideal under", path), Mark("ideal", path)]
        if points[0].moment <= target.moment <= end:
            marks.append(diamond("goal", x(target.moment), y(target.open)))
    shown = [s for s in SEVERITIES if any(p.open_by_severity.get(s) for p in points)]

    def said(p: Point) -> str:
        ideal = f"; ideal {trend.ideal(p.moment):,.0f}" if target else ""
        return ", ".join(f"{p.open_by_severity.get(s, 0):,} {s}" for s in shown) + ideal

    head, rows = burnt(trend, shown)
    told = f"Open findings: {whole[0].open:,} on {day(whole[0].date)}, {whole[-1].open:,} on {day(whole[-1].date)}." if whole else "No scan of this window completed."  # fmt: skip
    return Chart(
        f"{told} {aim(target)}" if target else told,
        [(unit(y(n)), f"{n:,}") for n in ticks],
        dates(points, xs, target.on if target and end > points[-1].moment else ""),
        marks,
        gaps(points, xs),
        stretches(points, xs, said),
        unit(BOTTOM),
        head,
        rows,
    )


def farthest(trend: Trend) -> float:
    """Where the burn-down ends: with the last scan, or with the target if scans keep half of the width even so."""
    first, last = trend.points[0].moment, trend.points[-1].moment
    there = trend.target.moment if trend.target else last
    return there if last < there <= 2 * last - first else last


def burnt(trend: Trend, shown: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The burn-down as a table: a row for each scan, or for the last complete one of each week where there are many."""
    weekly, target = len(trend.points) > MOST_BARS, trend.target
    head = ["Week" if weekly else "Scan", *map(str.capitalize, shown), "Open"]
    rows = []
    for begun, scans in by_week(trend.points):
        whole = [p for p in scans if p.complete]
        row = [f"Week of {day(begun)}" if weekly else day(begun)]
        if whole:
            row += [*(f"{whole[-1].open_by_severity.get(s, 0):,}" for s in shown), f"{whole[-1].open:,}"]
            row += [f"{trend.ideal(whole[-1].moment):,.0f}"] if target else []
            row += [f"{len(whole)} of {len(scans)}"] if weekly else []
        rows.append(row)
    if target:
        rows.append(
            [f"Target, {day(target.on)}", *([""] * len(head[1:])), f"{target.open:,}", *([""] if weekly else [])]
        )
    return [*head, *(["Ideal"] if target else []), *(["Complete scans"] if weekly else [])], rows


def aim(target: Target) -> str:
    """What the target is, and where one stands."""
    if target.passed:
        return f"The target, {target.open:,} on {day(target.on)}, has passed: {target.stands}."
    return f"{target.stands[0].upper()}{target.stands[1:]} to {target.open:,} on {day(target.on)}."


def present(trend: Trend) -> list[tuple[str, str]]:
    """A legend for the burn-down: the severities that the window has seen, and the ideal line."""
    seen: list[tuple[str, str]] = [
        (f"p-{s} e-{s}", s) for s in SEVERITIES if any(p.open_by_severity.get(s) for p in trend.points)
    ]
    if not trend.target or trend.target.ideal is None:
        return seen
    return [*seen, ("ideal", f"ideal line to {trend.target.open:,} on {day(trend.target.on)}")]


def band(kind: str, xs: Sequence[float], floor: Sequence[float], roof: Sequence[float]) -> Iterator[Mark]:
    """The area between two lines, and its upper edge. A scan that stands alone is a thin bar."""
    if len(xs) == 1:
        xs, floor, roof = (xs[0] - 2, xs[0] + 2), (floor[0], floor[0]), (roof[0], roof[0])
    there = list(zip(xs, roof, strict=True))
    back = list(zip(xs, floor, strict=True))[::-1]
    yield Mark(f"area p-{kind}", line([*there, *back]) + "Z")
    yield Mark(f"edge e-{kind}", line(there))


def line(spots: Iterable[tuple[float, float]]) -> str:
    """A path through spots."""
    return "M" + "L".join(f"{unit(x)} {unit(y)}" for x, y in spots)


def diamond(kind: str, x: float, y: float) -> Mark:
    """A mark at one place."""
    return Mark(kind, line([(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)]) + "Z")


def by_week(points: Sequence[Point]) -> list[tuple[str, list[Point]]]:
    """Scans as bars: one each, or those of a week together when there are many. The name is that of the day it begins."""
    if len(points) <= MOST_BARS:
        return [(p.date, [p]) for p in points]

    def monday(point: Point) -> date:
        when = date.fromisoformat(point.date[:10])
        return when - timedelta(days=when.weekday())

    return [(start.isoformat(), list(week)) for start, week in groupby(points, monday)]


def movement(trend: Trend) -> Chart:
    """What came, upwards, and what went, downwards."""
    bars = by_week(trend.points)
    start = trend.points[0] if trend.starts else None  # all of it is new, and would dwarf what moved since
    sums = [
        tuple(sum(getattr(p, n) for p in scans if p.complete and p != start) for n in ("new", "reopened", "resolved"))
        for _, scans in bars
    ]
    up, down = max(new + back for new, back, _ in sums), max(gone for _, _, gone in sums)
    size = steps(max(up, down), 3)[1]
    ticks = [size * n for n in range(down // -size, 1 - up // -size)] if up or down else [0, 1]
    y = upward(ticks[0], ticks[-1])
    room = (RIGHT - LEFT) / len(bars)
    width = max(2.0, min(28.0, room * 0.6))
    marks, lost, hits, rows = [], [], [], []
    for n, ((begun, scans), (new, back, gone)) in enumerate(zip(bars, sums, strict=True)):
        middle = LEFT + room * (n + 0.5)
        name = day(begun) if len(bars) == len(trend.points) else f"Week of {day(begun)}"
        for kind, low, high in (("new", 0, new), ("reopened", new, new + back), ("resolved", -gone, 0)):
            if high > low:
                spots = [(middle - width / 2, y(low)), (middle - width / 2, y(high))]
                spots += [(middle + width / 2, y(high)), (middle + width / 2, y(low))]
                marks.append(Mark(f"area p-{kind} e-{kind}", line(spots) + "Z"))
        if not any(p.complete for p in scans):
            lost.append(unit(middle))
        said = f"{new:,} new, {back:,} reopened, {gone:,} resolved" if any(p.complete for p in scans) else "the scan did not complete"  # fmt: skip
        hits.append((unit(LEFT + room * n), unit(room), f"{name}: {said}"))
        rows.append([name, f"{new:,}", f"{back:,}", f"{gone:,}"] if any(p.complete for p in scans) else [name])
    ends = [(unit(LEFT), "start", day(bars[0][0])), (unit(RIGHT), "end", day(bars[-1][0]))]
    new, back, gone = (sum(column) for column in zip(*sums, strict=True))
    expired = sum(p.expired_waivers for p in trend.points)
    return Chart(
        f"{'Since the first scan' if start else 'In this window'} {new:,} new, {back:,} reopened and {gone:,} resolved"
        + (f"; {number(expired, 'waiver')} expired." if expired else "."),
        [(unit(y(n)), f"{abs(n):,}") for n in ticks],
        ends if len(bars) > 1 else [(unit((LEFT + RIGHT) / 2), "middle", day(bars[0][0]))],
        marks,
        lost,
        hits,
        unit(y(0)),
        ["Scan" if len(bars) == len(trend.points) else "Week", "New", "Reopened", "Resolved"],
        rows,
    )


def scores(trend: Trend) -> Chart:
    """Both scores with coverage beside them. A diamond is the score without checks that the scan before did not run."""
    points = trend.points
    xs = across(points)
    y = upward(0, 100)
    marks = []
    for name in ("coverage", "score_managed", "score_raw"):
        for run in runs(points, partial(scored, name)):
            spots = [(xs[n], y(getattr(points[n], name))) for n in run]
            if len(spots) == 1:
                spots = [(spots[0][0] - 3, spots[0][1]), (spots[0][0] + 3, spots[0][1])]
            marks.append(Mark(f"line l-{name}", line(spots)))
    for p, x in zip(points, xs, strict=True):
        if p.complete and p.rebased is not None and p.checks_added:
            marks.append(diamond("rebased", x, y(p.rebased)))
    rows = [
        [day(p.date), share(p.score_raw), share(p.score_managed), share(p.rebased), f"{p.coverage:g} %", ", ".join(p.checks_added)]
        if p.complete else [day(p.date)]
        for p in points
    ]  # fmt: skip
    whole = [p for p in points if p.complete]
    return Chart(
        f"Last: {score_text(whole[-1])}." if whole else "No scan of this window completed.",
        [(unit(y(n)), str(n)) for n in range(0, 101, 25)],
        dates(points, xs),
        marks,
        gaps(points, xs),
        stretches(points, xs, score_text),
        unit(BOTTOM),
        ["Scan", "Score", "Managed", "Without new checks", "Coverage", "Checks added"],
        rows,
    )


def scored(name: str, point: Point) -> bool:
    """Whether a scan has a number to draw."""
    return point.complete and getattr(point, name) is not None


def score_text(point: Point) -> str:
    """A scan's scores in words."""
    parts = [("score ", share(point.score_raw)), ("managed ", share(point.score_managed))]
    return ", ".join([*(name + value for name, value in parts if value), f"coverage {point.coverage:g} %"])


def share(score: float | None) -> str:
    """A score to a tenth; empty when there is none."""
    return "" if score is None else f"{score:.1f}"
