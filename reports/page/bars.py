"""Bars in the tables of the page: age, due dates and time to mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.check import SEVERITIES
from reports.page.charts import unit
from reports.trend import BUCKETS, Mttr, Trend

STRIP = 180
"""Length of a bar in a table, in pixels."""
Strip = Sequence[tuple[str, str, str]]
"""A bar in a table: class, place and length of its parts."""


def strip(parts: Sequence[tuple[str, float]], whole: float, length: int = STRIP) -> Strip:
    """Numbers side by side. What is there at all can be seen."""
    made, at = [], 0.0
    for kind, n in parts:
        if n:
            long = max(2.0, length * n / whole)
            made.append((kind, unit(at), unit(max(0.0, min(long, length - at)))))
            at += long
    return made


def ages(trend: Trend) -> list[tuple[str, list[int], int, Strip]]:
    """What is open by age: bucket, counts by severity, their sum and its bar."""
    counts = {b: [trend.ageing.get(s, {}).get(b, 0) for s in SEVERITIES] for b in BUCKETS}
    most = max(map(sum, counts.values())) or 1
    return [
        (f"{bucket.replace('-', ' to ').replace('>', 'over ')} days", row, sum(row), strip([(f"p-{s}", n) for s, n in zip(SEVERITIES, row, strict=True)], most))
        for bucket, row in counts.items()
    ]  # fmt: skip


def deadlines(trend: Trend) -> list[tuple[str, list[int], Strip]]:
    """By severity: overdue, due soon and in time, with their bar."""
    counts = {
        s: [trend.sla[s].get(state, 0) for state in ("breached", "near", "in")] for s in SEVERITIES if s in trend.sla
    }
    most = max(map(sum, counts.values()), default=0) or 1
    return [
        (severity, row, strip(list(zip(("p-late", "p-soon", "p-time"), row, strict=True)), most))
        for severity, row in counts.items()
        if sum(row)
    ]  # fmt: skip


def mending(times: Mapping[str, Mttr]) -> list[tuple[str, Mttr, Strip, Strip]]:
    """By severity, how long mending takes and how old the open ones are: a bar to the median, and on to 90 percent."""
    rows = [(s, times[s]) for s in SEVERITIES if s in times and (times[s].resolved or times[s].open)]
    most = max((d or 0 for _, m in rows for d in (m.p90_days, m.open_p90_days, m.median_days, m.open_median_days)), default=0) or 1  # fmt: skip

    def reach(kind: str, median: float | None, p90: float | None) -> Strip:
        half = median or 0
        return strip([(f"p-{kind}", half), (f"p-{kind}-on", max(0.0, (p90 or 0) - half))], most)

    return [(s, m, reach("mended", m.median_days, m.p90_days), reach("open", m.open_median_days, m.open_p90_days)) for s, m in rows]  # fmt: skip
