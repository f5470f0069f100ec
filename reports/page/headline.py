"""What the page says first: the state in one sentence, the numbers that carry it, and what got worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checks.check import SEVERITIES
from reports.case import CaseReport
from reports.page.charts import day, share
from reports.report import Report
from reports.summary import Summary, number
from reports.trend import Point, Target, Trend

AREAS_NAMED = 2
"""Areas that are named among what got worse."""


@dataclass(frozen=True)
class Fact:
    """A number of the headline. ``tone`` is ``worse``, ``better`` or nothing."""

    name: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Headline:
    """The top of the page. ``since`` is the day of the scan compared with, empty without one."""

    sentence: str
    facts: tuple[Fact, ...]
    worse: tuple[str, ...]
    since: str


def last_two_complete(trend: Trend | None) -> tuple[Point | None, Point | None]:
    """The last complete scan of the trend, and the complete one before it."""
    if not trend:
        return None, None
    whole = [point for point in trend.points if point.complete]
    before = whole[-2] if len(whole) > 1 else trend.before
    return (whole[-1], before) if whole else (None, None)


def headline(report: Report, summary: Summary, trend: Trend | None, case_report: CaseReport | None) -> Headline:
    """The headline of one scan, compared with the complete scan before it."""
    last, before = last_two_complete(trend)
    failed, unknown = (sum(numbers.values()) for numbers in (summary.total.failed, summary.total.unknown))
    complete = report.about["scan_complete"] == "true"
    since = before.date if before and complete else ""
    facts = [
        *(score(last, before if since else None) if complete else stale(last)),
        Fact("Coverage", f"{report.about['coverage_pct']} %", coverage_note(last, before if since else None)),
        Fact("Critical open", f"{summary.total.failed['critical']:,}", accepted_text(case_report)),
        *overdue(trend, case_report),
        *(target_facts(trend.target) if complete and trend and trend.target else ()),
        Fact("Unknown", f"{unknown:,}", "neither pass nor fail"),
        Fact("Scan", "Complete" if complete else "Incomplete", "" if complete else "absent is not fixed"),
    ]
    return Headline(
        sentence(summary, failed, unknown, before if since else None),
        tuple(facts),
        tuple(worse(report, summary, trend, last, before)) if before and since else (),
        day(since) if since else "",
    )


def sentence(summary: Summary, failed: int, unknown: int, before: Point | None) -> str:
    """The state in one sentence."""
    dark = f", {unknown:,} {'is' if unknown == 1 else 'are'} unknown" if unknown else ""
    critical = summary.total.failed["critical"]
    if not failed:
        return f"{'Nothing that could be read fails' if unknown else 'Nothing fails'}{dark}"
    if not before:
        return f"{number(failed, 'finding')} {'fails' if failed == 1 else 'fail'}{dark}"
    change = critical - before.open_by_severity.get("critical", 0)
    when = f"on {day(before.date)}"
    if not critical:
        return f"No critical finding is open{f', {-change:,} fewer than {when}' if change else ''}"
    verb = "is" if critical == 1 else "are"
    than = f"as many as {when}" if not change else f"{abs(change):,} {'more' if change > 0 else 'fewer'} than {when}"
    return f"{number(critical, 'critical finding')} {verb} open, {than}"


def score(last: Point | None, before: Point | None) -> Iterator[Fact]:
    """The score and how it moved, over the checks that both scans ran."""
    if not last or last.score_raw is None:
        return
    note, tone = f"managed {share(last.score_managed)}" if last.score_managed is not None else "", ""
    if before and before.score_raw is not None:
        alike = last.score_raw if last.rebased is None else last.rebased
        change = round(alike - before.score_raw, 1)
        tone = "better" if change > 0 else "worse" if change < 0 else ""
        way = f"up {change:.1f}" if change > 0 else f"down {-change:.1f}" if change < 0 else "unchanged"
        like = " over the same checks" if last.checks_added else ""
        note = f"{way} since {day(before.date)}{like}"
    yield Fact("Score of 100", share(last.score_raw), note, tone)


def stale(last: Point | None) -> Iterator[Fact]:
    """The score where this scan has none: that of the last one that has."""
    if last and last.score_raw is not None:
        yield Fact("Score of 100", share(last.score_raw), f"on {day(last.date)}, the last complete scan")


def coverage_note(last: Point | None, before: Point | None) -> str:
    """How coverage moved."""
    change = round(last.coverage - before.coverage, 1) if last and before else 0
    return f"{'up' if change > 0 else 'down'} {abs(change):g} points" if change else "of operations read"


def accepted_text(case_report: CaseReport | None) -> str:
    """How many of the critical ones somebody accepted."""
    cases = (
        [c for c in case_report.cases if c.finding.severity == "critical" and c.finding.status == "fail"]
        if case_report
        else []
    )
    waived = sum(bool(case.waiver) and case.lifecycle not in ("resolved", "dark") for case in cases)
    return f"{waived:,} of them waived" if waived else ""


def overdue(trend: Trend | None, case_report: CaseReport | None) -> Iterator[Fact]:
    """What should have been mended by now."""
    if case_report:
        late, near = (sum(case.sla == state for case in case_report.cases) for state in ("breached", "near"))
    elif trend:
        late, near = (sum(counts.get(state, 0) for counts in trend.sla.values()) for state in ("breached", "near"))
    else:
        return
    yield Fact("Overdue", f"{late:,}", f"{near:,} more due soon" if near else "", "worse" if late else "")


def target_facts(target: Target) -> Iterator[Fact]:
    """Where one stands against the target."""
    if target.above is None:
        return
    count = abs(round(target.above))
    note = f"{target.open:,} on {day(target.on)}" + (", which has passed" if target.passed else "")
    if not count:
        yield Fact("Target", "Reached" if target.passed else "On the line", note, "better")
    else:
        way, tone = ("above", "worse") if target.above > 0 else ("below", "better")
        yield Fact("Target" if target.passed else "Line to the target", f"{count:,} {way}", note, tone)


def worse(
    report: Report, summary: Summary, trend: Trend | None, last: Point | None, before: Point
) -> Iterator[str]:  # fmt: skip
    """What got worse, the gravest first."""
    for severity in SEVERITIES:
        now, then = summary.total.failed[severity], before.open_by_severity.get(severity, 0)
        if now > then:
            yield f"{severity.capitalize()}: {now - then:,} more open, {now:,} now"
    titles: Mapping[str, str] = report.areas
    grown = [s for s in trend.by.get("area", ()) if s.change > 0] if trend else []
    days = trend.window_days if trend else 0
    for area in sorted(grown, key=lambda s: (-s.change, s.name))[:AREAS_NAMED]:
        title = titles.get(area.name, area.name)
        yield f"{title}: {area.change:,} more open, in {days} days"
    if not last or last is before:
        return
    if last.reopened:
        yield f"{number(last.reopened, 'finding')} came back after being resolved"
    if last.expired_waivers:
        yield f"{number(last.expired_waivers, 'waiver')} expired, and what {'it' if last.expired_waivers == 1 else 'they'} covered counts again"
    if last.dark > before.dark:
        yield f"{number(last.dark, 'finding')} failed before and cannot be read any more"
    if last.coverage < before.coverage:
        yield f"Coverage fell from {before.coverage:g} % to {last.coverage:g} %"
