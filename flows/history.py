"""The history as the verbs use it: where it lies, a scan that goes into it, and what `trend` and `history` tell."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from checks.check import SEVERITIES
from checks.owner import Owners
from collectors.scope import Scope
from flows.console import CLEAN, GATE, Format, emit, print_json, say
from flows.errors import BadSettings, UnknownName
from flows.runs import instead, near
from flows.scan import Order
from flows.settings import Settings, load
from flows.waivers import waivers_of
from reports.case import CaseReport
from reports.history import History
from reports.report import Report
from reports.store import BadHistory, Damaged
from reports.trend import Trend
from reports.trend_terminal import render

FILE = "history.db"
LATE = "a scan that began after {} was taken in before; where both looked, this one changes nothing"


@dataclass(frozen=True)
class ScanHistory:
    """What the history makes of a scan. Without a history, or in trouble, there is neither case report nor trend.

    ``compared`` are the scopes that an earlier complete scan has judged. ``trouble`` is one line, or empty text.
    """

    case_report: CaseReport | None = None
    trend: Trend | None = None
    compared: frozenset[Scope] = frozenset()
    trouble: str = ""


def history_place(settings: Settings, folder: Path | None = None) -> str:
    """Where the history lies; empty text when there is none. ``folder`` is a scan's :attr:`flows.scan.Order.shared`."""
    if settings.history == "none":
        return ""
    return settings.history or str((folder or Path(settings.out)) / FILE)


def case_report(history: History, settings: Settings, scan_id: str = "", since: str = "") -> CaseReport:
    """The cases of a scan, the last one if it is not named, with their owners and waivers. Raises BadSettings.

    ``since`` is as in :meth:`reports.history.History.case_report`.
    """
    accepted, owner = waivers_of(settings).held, owners_of(settings).of
    return history.case_report(scan_id, since=since, accepted=accepted, owner=owner, sla=settings.sla.model_dump())


def trend_of(history: History, settings: Settings, days: int = 90, min_coverage: float = 100.0) -> Trend | None:
    """The trend over a window, with owners, waivers and the target that is set. Raises BadSettings."""
    waived, owner, aim = waivers_of(settings).periods, owners_of(settings).of, settings.trend
    sla = settings.sla.model_dump()
    found = history.trend(days, waived=waived, owner=owner, sla=sla, min_coverage=min_coverage)
    return found.with_target(aim.target_on, aim.target_open) if found and aim.target_on else found


def owners_of(settings: Settings) -> Owners:
    """Whose findings are, by the settings."""
    return Owners(settings.owners, settings.default_owner, settings.owner_tags)


def check_history(order: Order) -> None:
    """Finds out before a scan whether the history that somebody set can be used. Raises BadSettings.

    One that is damaged does not keep a scan from its files: what is wrong is told when it should take the scan in.
    """
    if order.settings.history and (at := history_place(order.settings)):
        try:
            History.open(at).close()
        except Damaged:
            return
        except BadHistory as error:
            raise BadSettings(str(error)) from error


def record_scan(order: Order, report: Report) -> ScanHistory:
    """Takes a scan into the history, once, prunes that as the settings say, and tells what changed.

    Trouble is told, not raised.
    """
    at = history_place(order.settings, order.shared)
    if not at:
        return ScanHistory()
    try:
        with History.open(at) as history:
            taken = history.ingest(report, narrowed=bool(order.only or order.select))
            scan, settings = report.about["scan_id"], order.settings
            if taken.fresh and settings.history_days:
                history.prune(settings.history_days)
            if history.warning:
                say(history.warning)
            if taken.late:
                say(f"history: {LATE.format(report.about['scan_started_at'])}")
            compared = frozenset(history.baseline(scan))
            return ScanHistory(case_report(history, settings, scan), trend_of(history, settings), compared)
    except BadHistory as error:
        return ScanHistory(trouble=str(error))


def recorded_scan(settings: Settings, folder: Path, scan_id: str) -> ScanHistory:
    """What the history knows of a scan that was taken in: the one in the scan's folder, else that of the settings.

    The trend is told of the last scan only. Trouble is told, not raised.
    """
    at = str(folder / FILE) if (folder / FILE).is_file() else history_place(settings)
    if not at or ("://" not in at and not Path(at).is_file()):
        return ScanHistory()
    try:
        with History.open(at) as history:
            taken = [scan["scan_id"] for scan in history.scans()]
            if scan_id not in taken:
                return ScanHistory()
            last = trend_of(history, settings) if scan_id == taken[-1] else None
            return ScanHistory(case_report(history, settings, scan_id), last)
    except BadHistory as error:
        return ScanHistory(trouble=str(error))


@contextmanager
def open_history(settings: str, at: str) -> Iterator[tuple[History, Settings]]:
    """A history that is there, and the settings. Raises BadSettings, for trouble within the block too, and UnknownName."""
    chosen = load(settings or None)
    at = at or history_place(chosen)
    if not at:
        raise BadSettings('history: is "none", so nothing is kept; name one with --history')
    if "://" not in at and not Path(at).is_file():
        raise UnknownName(f"{at}: no history lies there; {instead(near(Path(at), FILE), '--history')}")
    try:
        with History.open(at) as history:
            yield history, chosen
    except BadHistory as error:
        raise BadSettings(str(error)) from error


def days(window: str) -> int:
    """The days of a window such as ``90d``. Raises BadSettings."""
    found = re.fullmatch(r"([1-9]\d{0,3})d?", window)
    if not found:
        raise BadSettings(f"--window: {window} is no number of days; allowed: 1d to 9999d, as in 30d, 60d, 90d")
    return int(found[1])


def trend(settings: str, at: str, window: str, by: str, min_coverage: float, format_: Format) -> int:
    """The verb `trend`."""
    span = days(window)
    if not 0 < min_coverage <= 100:
        raise BadSettings(f"--min-coverage: {min_coverage:g} is no percentage; allowed: above 0, to 100")
    with open_history(settings, at) as (history, chosen):
        found = trend_of(history, chosen, span, min_coverage)
    if found is None:
        raise UnknownName(f"{history.place}: holds no scan yet")
    if format_ == "json":
        whole = asdict(found)
        print_json(whole | {"by": {by: whole["by"][by]} if by else whole["by"]})
    elif format_ == "csv" and by:
        emit(*shares(found, by), format_)
    elif format_ == "csv":
        emit(*points(found), format_)
    else:
        from rich.console import Console

        render(found, Console(highlight=False, width=None if sys.stdout.isatty() else 100), by)
    return CLEAN


def points(found: Trend) -> tuple[list[dict[str, Any]], list[str]]:
    """A row per scan; an empty score is a gap."""
    rows = []
    for point in found.points:
        row = asdict(point)
        row |= {f"open_{severity}": number for severity, number in row.pop("open_by_severity").items()}
        rows.append(
            {
                name: "" if value is None else str(value).lower() if isinstance(value, bool) else value
                for name, value in row.items()
            }
        )
    return rows, list(rows[0])  # fmt: skip


def shares(found: Trend, by: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A row per value of a dimension, the worst first."""
    columns = [by, "open", *(f"open_{severity}" for severity in SEVERITIES), "change", "score_raw"]
    rows = [
        {
            by: share.name, "open": share.open, "change": share.change,
            "score_raw": "" if share.score_raw is None else share.score_raw,
            **{f"open_{severity}": number for severity, number in share.open_by_severity.items()},
        }
        for share in found.by[by]
    ]  # fmt: skip
    return rows, columns


def scans(settings: str, at: str, format_: Format) -> int:
    """The verb `history scans`."""
    with open_history(settings, at) as (history, _):
        rows = history.scans()
    plain = [{name: str(v).lower() if isinstance(v, bool) else v for name, v in row.items()} for row in rows]
    columns = ("scan_id", "scan_started_at", "scan_complete", "coverage_pct", "narrowed", "late", "tool_version")
    emit(plain if format_ != "json" else rows, columns, format_)
    return CLEAN


def prune(settings: str, at: str, keep_days: int) -> int:
    """The verb `history prune`."""
    if not 1 <= keep_days <= 9999:
        why = "keeps nothing" if keep_days < 1 else "is too many"
        raise BadSettings(f"--keep-days: {keep_days} {why}; allowed: 1 to 9999")
    with open_history(settings, at) as (history, _):
        gone = history.prune(keep_days)
    print(f"forgot {gone['scans']} scans and {gone['findings']} findings that were resolved before")
    return CLEAN


def vacuum(settings: str, at: str) -> int:
    """The verb `history vacuum`."""
    with open_history(settings, at) as (history, _):
        history.vacuum()
    return CLEAN


def check(settings: str, at: str) -> int:
    """The verb `history check`: 0 when the history is whole, 1 when it is not."""
    whole = ""
    try:
        with open_history(settings, at) as (history, _):
            whole = f"{history.place}: whole"
            try:
                wrong = history.check()
            except BadHistory as error:  # so broken that its tables cannot be gone through
                wrong = [str(error)]
    except BadSettings as error:
        if not isinstance(error.__cause__, Damaged):
            raise
        wrong = [str(error)]
    for line in wrong:
        say(line)
    if not wrong:
        print(whole)
    return GATE if wrong else CLEAN
