"""What the verbs do once they need the tables: scan, collect, judge again, report again, diagnose."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from collectors.files import private_folder
from collectors.registry import PROVIDERS
from collectors.scope import Scope
from flows.console import CLEAN, NOT_WRITTEN, UNREACHABLE, Format, emit, escaping, failure_code, say, unread
from flows.errors import BadSettings, NothingReachable
from flows.gate import Gate, ci_lines, judge, summary
from flows.history import ScanHistory, check_history, record_scan, recorded_scan
from flows.progress import Progress, progress
from flows.runs import judged_report, reports_folder, run_about, run_at
from flows.scan import (
    Order,
    Sessions,
    find,
    gather,
    judge_scope,
    new_scan_id,
    run,
    scope_tables,
    selected_checks,
    threads,
    write_about,
)
from flows.settings import load
from flows.waivers import cover_of, say_waivers, waivers_of, without_waived
from reports.csv_files import findings_csv
from reports.escape import log, log_json
from reports.findings_json import findings_json
from reports.report import Report
from reports.report_files import write
from reports.terminal import render

REASONS = {UNREACHABLE: "no cloud can be scanned", NOT_WRITTEN: "not written"}
"""Why a scan has no verdict, for a machine; the line before says it to a person."""


@dataclass(frozen=True)
class ScanRequest:
    """What was typed."""

    settings: str
    only: tuple[str, ...]
    select: tuple[str, ...]
    out: str
    runner: str
    resume: str
    trusts: bool = False  # what the settings decide was told

    def order(self) -> Order:
        """The order of a new scan, or of the one to go on with. Raises BadSettings and UnknownName."""
        settings = load(self.settings or None)
        selected_checks(settings, self.select)
        waivers_of(settings)
        if not self.resume:
            clock = datetime.now(UTC)
            return Order(settings, new_scan_id(clock), clock, self.only, self.select, self.out)
        folder = Path(self.resume) if Path(self.resume).is_dir() else Path(settings.out) / self.resume
        at = f"{settings.runs.rstrip('/')}/{folder.name}" if settings.runs else str(folder / "run")
        about = run_about(at, self.resume)
        clock = datetime.fromisoformat(about["clock"])
        only, select = self.only or tuple(about.get("only", ())), tuple(about["select"])
        out, own = self.out or str(folder), about.get("own_folder", folder.absolute().name != about["scan_id"])
        home = out if own else str(folder.absolute().parent)
        return Order(settings, about["scan_id"], clock, only, select, out, home)


def on_prefect(request: ScanRequest, order: Order, told: Progress) -> Report:
    """Runs the order as the flow: on the server PREFECT_API_URL names, else on Prefect's embedded one."""
    quiet_prefect()
    from flows import posture

    flow = posture.posture_scan.with_options(flow_run_name=order.scan_id)
    token = posture.PROGRESS.set(told)
    try:
        flow(
            settings_file=request.settings,
            only=list(order.only),
            select=list(order.select),
            out=order.out,
            home=order.home,
            scan_id=order.scan_id,
            clock=order.clock.isoformat(),
        )
    finally:
        posture.PROGRESS.reset(token)
    return gather(order.run, datetime.now(UTC))


def quiet_prefect() -> None:
    """Keeps Prefect to itself: no telemetry, no version look-up, no log lines; what is set already stays."""
    for name, value in {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # its own 20 are too few on a busy machine
    }.items():
        os.environ.setdefault(name, value)


def say_trusted(order: Order, quiet: bool) -> None:
    """Says which file or variable decides where credentials go, before they go there. Raises BadSettings."""
    lines = order.trusted()
    for line in () if quiet else lines:
        say(line)


def run_scan(request: ScanRequest, quiet: bool) -> tuple[Order, Report, list[Path], ScanHistory]:
    """Runs what was requested, takes it into the history and writes its files."""
    order = request.order()
    say_trusted(order, quiet or request.trusts)
    check_history(order)
    runner = request.runner or ("prefect" if os.environ.get("PREFECT_API_URL") else order.settings.runner)
    private_folder(order.folder)
    with progress(quiet) as told:
        try:
            if runner == "prefect":
                report = on_prefect(request, order, told)
            else:
                report = run(order, threads(order.settings), told, lambda: datetime.now(UTC))
        except NothingReachable:
            with contextlib.suppress(OSError):
                order.folder.rmdir()
            raise
    past = record_scan(order, report)
    return order, report, write(report, order.folder, past.trend, past.case_report), past


def scan_and_report(request: ScanRequest, format_: Format, quiet: bool, gate: Gate) -> int:
    """The verb `scan`. The last line on stderr is a summary in JSON, also of a scan that failed; `--quiet` without a
    gate leaves it out."""
    if not 0 <= gate.min_coverage <= 100:
        raise BadSettings(f"--min-coverage: {gate.min_coverage:g} is no percentage; allowed: 0 to 100")
    machine = gate.is_asked or not quiet
    try:
        order, report, files, past = run_scan(request, quiet)
    except BrokenPipeError:
        raise
    except (NothingReachable, OSError) as error:
        code = failure_code(error)
        if machine:
            say(summary(gate, code, REASONS[code]))
        return code
    cover = cover_of(report, waivers_of(order.settings))
    print_report(report, files, format_)
    if not quiet:
        say_waivers(cover)
    verdict = judge(gate, without_waived(report, cover), past, len(cover.waived), len(cover.lapsed))
    for line in verdict.notes:
        say(line)
    for line in ci_lines(verdict.hits, os.environ):
        print(line, file=sys.stderr)
    if past.trouble:
        say(f"not written: {past.trouble}")
    if machine:
        say(verdict.summary)
    return verdict.code


@unread()
def print_report(report: Report, files: list[Path], format_: Format) -> None:
    """A report on stdout."""
    if format_ == "json":
        findings_json(report, escaping(log_json))
    elif format_ == "csv":
        findings_csv(report, escaping(log))
    else:
        from rich.console import Console

        render(report, Console(highlight=False, width=None if sys.stdout.isatty() else 100))
        print()
        for file in files:
            print(file)


def collect_only(request: ScanRequest, quiet: bool) -> int:
    """The verb `collect`."""
    order = request.order()
    say_trusted(order, quiet)
    scopes, unreachable = find(order)
    if not scopes:
        raise NothingReachable("\n".join(unreachable.values()))
    sessions = Sessions(order)

    def examine(scope: Scope) -> dict[str, Any]:
        scope_tables(order, sessions, scope)
        return {"scope": scope}

    with progress(quiet) as told, order.run.alone():
        told.planned(scopes, unreachable)
        write_about(order, scopes, unreachable)
        for result in threads(order.settings)(examine, scopes):
            told.done(result["scope"], 0, 0)
    print(order.run.url)
    return CLEAN


def check_again(
    place: str, settings: str, select: tuple[str, ...], out: str, format_: Format, into_history: bool
) -> int:
    """The verb `check`: no cloud is asked, only the tables of the run. The history changes only when somebody asks."""
    old, chosen = run_at(place), load(settings or None)
    checks = selected_checks(chosen, select)
    for scope in old.scopes():
        judge_scope(old, scope, old.read(scope), checks, chosen.thresholds)
    about = old.about()
    report = judged_report(old, place)
    clock, only = datetime.fromisoformat(about["clock"]), tuple(about.get("only", ()))
    order, folder = Order(chosen, about["scan_id"], clock, only, select), reports_folder(place, out)
    past = record_scan(order, report) if into_history else recorded_scan(chosen, folder, order.scan_id)
    print_report(report, write(report, folder, past.trend, past.case_report), format_)
    if past.trouble:
        say(f"not written: {past.trouble}")
    return NOT_WRITTEN if past.trouble else CLEAN


def report_again(place: str, settings: str, out: str, format_: Format) -> int:
    """The verb `report`: nothing is judged again."""
    old, chosen = run_at(place), load(settings or None)
    report, folder = judged_report(old, place), reports_folder(place, out)
    past = recorded_scan(chosen, folder, report.about["scan_id"])
    print_report(report, write(report, folder, past.trend, past.case_report), format_)
    if past.trouble:
        say(f"history: {past.trouble}; the page tells nothing of it")
    return CLEAN


def diagnose(settings: str, only: tuple[str, ...], format_: Format) -> int:
    """The verb `doctor`: what would a scan find?"""
    clock = datetime.now(UTC)
    order = Order(load(settings or None), new_scan_id(clock), clock, only)
    say_trusted(order, quiet=False)
    scopes, unreachable = find(order)
    rows = [
        {"what": "iotposture", "state": "ok", "detail": version("iotposture")},
        {"what": "python", "state": "ok", "detail": sys.version.split()[0]},
        {"what": "settings", "state": "ok", "detail": settings or "iotposture.toml, if there is one"},
        {"what": "output", **writable(Path(order.settings.out))},
    ]
    for name in PROVIDERS:
        if not only or name in only:
            reached = [scope for scope in scopes if scope.provider == name]
            accounts = sorted({scope.account for scope in reached})
            detail = f"{', '.join(accounts)} ({len(reached)} scopes)" if reached else unreachable.get(name, "")
            rows.append({"what": name, "state": "ok" if reached else "not reachable", "detail": detail})
    rows += [{"what": line.partition(":")[0], "state": "in part", "detail": line} for line in scopes.lines]
    emit(rows, ("what", "state", "detail"), format_)
    return CLEAN if scopes else UNREACHABLE


def writable(folder: Path) -> dict[str, str]:
    """Whether reports can be written below a folder."""
    place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    good = place.is_dir() and os.access(place, os.W_OK)
    return {"state": "ok" if good else "not writable", "detail": str(folder)}
