"""A trend on a terminal: what moved, charts in characters, what is due and where. Gaps are drawn as gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from checks.check import SEVERITIES
from reports.summary import number
from reports.terminal import COLOURS, grid, text
from reports.trend import BUCKETS, DIMENSIONS, Point, Share, Trend

if TYPE_CHECKING:
    from rich.console import Console

HEIGHT = 4
"""Lines of a chart."""
LEAF = " ▁▂▃▄▅▆▇█"
PLAIN = " .:-=+*##"
"""The same for a terminal that has no such characters."""
SHOWN = 10
"""Rows of a dimension; ``--by`` shows all."""
RISKY = 5
"""Hubs with their reasons."""
NARROW = 80
"""Columns of a terminal below which the shares of a dimension have no room for every severity."""
WIDEST = 4
"""Most columns of a chart for one scan."""
ID = 44
"""Characters of an id of a hub or an account."""


def chart(values: Sequence[float | None], top: float, width: int, leaves: str = LEAF) -> list[str]:
    """Columns from 0 to ``top``, highest line first. A gap is an empty column, a zero a mark on the lowest line.

    With more values than columns, each column is the last value of its share, and a gap only if that holds nothing.
    """
    if len(values) > width:
        edges = [round(n * len(values) / width) for n in range(width + 1)]
        parts = [values[start:end] for start, end in pairwise(edges)]
        values = [next((value for value in reversed(part) if value is not None), None) for part in parts]
    steps = len(leaves) - 1
    filled = [None if v is None else max(1, round(HEIGHT * steps * v / top)) if top else 1 for v in values]
    return [
        "".join(leaves[0] if f is None else leaves[min(max(f - line * steps, 0), steps)] for f in filled)
        for line in reversed(range(HEIGHT))
    ]


def render(trend: Trend, console: Console, by: str = "") -> None:
    """The whole trend, or one dimension of it."""
    first, last = trend.points[0], trend.points[-1]
    gaps = sum(point.score_raw is None for point in trend.points)
    console.print(text(f"{number(len(trend.points), 'scan')} in {number(trend.window_days, 'day')}, {first.date[:10]} to {last.date[:10]}", "bold"))  # fmt: skip
    if gaps:
        console.print(text(f"{gaps} of them incomplete or narrowed: gaps in the score", "dim"))
    if by:
        dimension(by, trend.by[by], console, None)
        return
    movement(trend, console)
    leaves = LEAF if (console.encoding or "").lower().startswith("utf") else PLAIN
    draw("Score, raw", trend.points, lambda point: point.score_raw, 100, console, leaves)
    most = max((point.open for point in trend.points if point.is_drawn), default=0)
    draw("Failing findings", trend.points, lambda point: point.open if point.is_drawn else None, most, console, leaves)
    if trend.target:
        aim = trend.target
        when = f"{aim.on} has passed" if aim.passed else aim.on
        console.print(text(f"Target: {aim.open:,} on {when}; {aim.stands}"))
    severities(trend, console)
    hubs(trend, console)
    for name in DIMENSIONS:
        if trend.by[name]:
            dimension(name, trend.by[name], console, SHOWN)


def draw(
    title: str,
    points: Sequence[Point],
    value: Callable[[Point], float | None],
    top: float,
    console: Console,
    leaves: str,
) -> None:
    """One chart with its scale."""
    values = [value(point) for point in points]
    known = [v for v in values if v is not None]
    written = scored if title.startswith("Score") else number_text
    said = f"{written(known[0])} to {written(known[-1])}" if known else "no complete scan"
    console.print(text(f"\n{title}: {said}", "bold"))
    if not known:
        return
    room = max(console.width - 8, 10)
    wide = min(max(room // len(values), 1), WIDEST)
    lines = chart([value for value in values for _ in range(wide)], top, room, leaves)
    for place, line in enumerate(lines):
        scale = f"{top:,}" if place == 0 else "0" if place == len(lines) - 1 else ""
        console.print(text(f"{scale:>6} {line}".rstrip()))
    first, last = points[0].date[:10], points[-1].date[:10]
    long = len(lines[0])
    console.print(
        text(f"{'':7}{first}{last:>{long - len(first)}}" if long > 2 * len(first) else f"{'':7}{first} to {last}")
    )


def number_text(value: float | None, unit: str = "") -> str:
    """A number, or a dash."""
    if value is None:
        return "-"
    return f"{value:,}{unit}" if isinstance(value, int) else f"{value:g}{unit}"


def scored(value: float | None) -> str:
    """A score with its one decimal, or a dash."""
    return "-" if value is None else f"{value:.1f}"


def of(point: Point | None, name: str, unit: str = "") -> str:
    """A number of a point, or a dash."""
    if not point:
        return "-"
    value = getattr(point, name)
    return scored(value) if name.startswith("score") else number_text(value, unit)


def movement(trend: Trend, console: Console) -> None:
    """What the window changed, beside the window before."""
    points, before = trend.points, trend.before
    scored = [point for point in points if point.score_raw is not None]
    last = scored[-1] if scored else None
    start = next((point for point in points if point.score_raw is not None), None)
    table = grid(console, ("", "left"), ("First", "right"), ("Last", "right"), ("Window before", "right"))
    for title, name, unit in (("Score, raw", "score_raw", ""), ("Score, managed", "score_managed", "")):
        table.add_row(text(title), of(start, name, unit), of(last, name, unit), of(before, name, unit))
    for title, name, unit in (("Coverage", "coverage", " %"), ("Failing", "open", ""), ("Dark", "dark", "")):
        table.add_row(text(title), of(points[0], name, unit), of(points[-1], name, unit), of(before, name, unit))
    console.print(text(""))
    console.print(table)
    moving = points[1:] if trend.starts else points
    counts = {name: sum(getattr(point, name) for point in moving) for name in ("new", "resolved", "reopened")}
    expired = sum(point.expired_waivers for point in points)
    lead = "\nSince the first scan: " if trend.starts else "\nIn the window: "
    moved = ", ".join(f"{count} {name}" for name, count in counts.items())
    console.print(text(lead + moved + (f", {number(expired, 'waiver')} expired" if expired else "")))
    if then := trend.moved_before:
        console.print(text("In the window before: " + ", ".join(f"{count} {name}" for name, count in then.items())))
    added = sorted({check for point in points for check in point.checks_added})
    if added and last and last.rebased is not None:
        were = "was" if len(added) == 1 else "were"
        console.print(text(f"{number(len(added), 'check')} {were} added: {', '.join(added)}"))


def severities(trend: Trend, console: Console) -> None:
    """Days to mend, age and due dates by severity."""
    mend = ("Resolved", "Median", "p90", "Open", "Median age")
    wait = (*BUCKETS, "In time", "Near", "Late")
    times, ages = (grid(console, ("Severity", "left"), *((name, "right") for name in names)) for names in (mend, wait))
    for severity in SEVERITIES:
        mended = trend.mttr[severity]
        if not (mended.resolved or mended.open):
            continue
        days = (
            number_text(mended.median_days),
            number_text(mended.p90_days),
            str(mended.open),
            number_text(mended.open_median_days),
        )
        title = text(severity, COLOURS[severity])
        times.add_row(title, text(str(mended.resolved)), *map(text, days))
        counts = (*trend.ageing[severity].values(), *trend.sla[severity].values())
        ages.add_row(title, *(text(str(count)) for count in counts))
    console.print(text("\nDays to mend what was resolved, and age in days of what is open", "bold"))
    console.print(times)
    console.print(text("\nOpen by age in days, and by due date; what is waived has none", "bold"))
    console.print(ages)


def dimension(name: str, found: Sequence[Share], console: Console, most: int | None) -> None:
    """The shares of one dimension, the worst first."""
    more = f", the first {most} of {len(found)}" if most and len(found) > most else ""
    narrow = console.width < NARROW
    apart = "; what belongs to no hub is left out" if name == "hub" else ""
    console.print(
        text(f"\nBy {name}{more}{apart}{'; medium and low stand in wider terminals' if narrow else ''}", "bold")
    )
    shown_names = ends([share.name for share in found])
    with_score = any(share.score_raw is not None for share in found) and console.width >= NARROW
    severities_shown = [s for s in SEVERITIES if s != "info"][: 2 if narrow else None]
    table = grid(
        console, (name.capitalize(), "left"), ("Failing", "right"), ("Change", "right"),
        *((("Score", "right"),) if with_score else ()), *((severity, "right") for severity in severities_shown),
    )  # fmt: skip
    for share, title in list(zip(found, shown_names, strict=True))[:most]:
        table.add_row(
            text(title or ("no hub" if name == "hub" else "nobody")), str(share.open),
            f"{share.change:+}" if share.change else "0", *((scored(share.score_raw),) if with_score else ()),
            *(str(share.open_by_severity[s]) for s in severities_shown),
        )  # fmt: skip
    console.print(table)


def ends(ids: Sequence[str]) -> list[str]:
    """Ids cut to their last parts, where they are long; whole where two would look alike."""
    cut = [end(one) for one in ids]
    return [one if cut.count(short) > 1 else short for one, short in zip(ids, cut, strict=True)]


def end(one: str) -> str:
    """The last parts of an id, as many as fit."""
    if len(one) <= ID:
        return one
    last = one[1 - ID :]
    start = min((last.find(mark) for mark in "/:" if mark in last[:-1]), default=0)
    return f"…{last[start:]}"


def hubs(trend: Trend, console: Console) -> None:
    """The riskiest hubs, each with the reason."""
    if not trend.hubs:
        return
    console.print(text("\nRiskiest hubs: failing findings weighted by severity, at most ten of a check", "bold"))
    table = grid(console, ("Weight", "right"), ("Hub, and why", "left"))
    worst = trend.hubs[:RISKY]
    for hub, title in zip(worst, ends([hub.hub for hub in worst]), strict=True):
        whose = f", {hub.owner}" if hub.owner else ""
        table.add_row(str(hub.weight), text(f"{hub.provider} {title}{whose}\n{hub.reason}"))
    console.print(table)
