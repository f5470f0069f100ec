"""A month of the demo: thirty nightly scans of the lab with its clock moved, and the history that they leave.

A night's estate follows from its number alone, so nights are scanned side by side, a process each, and taken into the
history in their order.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from errno import ECHILD
from pathlib import Path
from typing import Any

from collectors.files import private_folder
from collectors.scope import Scope
from flows.console import CLEAN, collect_seldom, say
from flows.demo import lab_is_there, say_next_commands, settings_file
from flows.errors import BadSettings
from flows.export import ExportRequest, write_export
from flows.history import FILE, ScanHistory, case_report, trend_of
from flows.scan import Examine, Order, new_scan_id, run
from flows.settings import load
from reports.history import History
from reports.report import Report
from reports.report_files import write
from reports.trend_terminal import render

EXPORTS = ("jira", "servicenow", "sarif", "ocsf")
"""What the month is exported to, a folder each."""
SHARE = 0.1
"""How much of the bulk of devices is there: nobody looks at every meter of every night."""
TOOK = timedelta(minutes=4)
"""How long a night's scan takes by the lab's clock."""


def month(nights: Sequence[int], last: datetime, folder: Path) -> Generator[Report]:
    """The reports of some nights, the first one first, the last of them at ``last``. Its run stays in ``folder``."""
    begun = [last - timedelta(days=nights[-1] - night) for night in nights]
    place = folder / "nights"
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(len(nights), os.cpu_count() or 1), context, collect_seldom)
    try:
        with no_interrupt():
            scans = pool.map(scan_night, nights, begun, [str(place)] * len(nights))
        for url, report in scans:
            last_run = url
            yield report
        shutil.rmtree(folder / "run", ignore_errors=True)
        shutil.move(last_run, folder / "run")
    except BaseException as error:
        for process in multiprocessing.active_children():  # nobody waits for the nights that are being scanned
            process.terminate()
        if isinstance(error, BrokenProcessPool):
            raise ChildProcessError(ECHILD, "not whole, the process of a night was killed", str(folder)) from None
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def no_interrupt() -> Iterator[None]:
    """Ctrl-C waits until the end of this, and never reaches a process that is started here: it is for the one that starts it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def scan_night(number: int, at: datetime, place: str) -> tuple[str, Report]:
    """Scans the lab of one night and returns where the run lies, and its report."""
    from lab.cloud import Lab
    from lab.story import play

    folder = Path(place) / str(number)
    folder.mkdir(parents=True)
    with Lab(at, SHARE) as lab:
        play(lab, number)
        os.environ.update(lab.env())
        settings = load(settings_file(lab, folder))
        order = Order(settings, f"{at:%Y%m%dT%H%M%SZ}", at, out=str(folder))
        report = run(order, one_by_one, now=lambda: at + TOOK)
    gc.collect()  # closes what the scan's clients held open
    gc.freeze()  # what is left are SDKs and their models: no later collection need go through them
    return order.run.url, report


def one_by_one(examine: Examine, scopes: list[Scope]) -> Iterable[dict[str, Any]]:
    """A mapper for a process that has its clouds within itself: threads would only wait for each other."""
    return map(examine, scopes)


def play_month(nights: int, out: str, quiet: bool) -> int:
    """Replays nights of the lab, the last one now, and leaves their history, report and exports in a folder."""
    lab_is_there()
    from lab.story import NIGHTS, STORY

    if not 1 <= nights <= NIGHTS:
        raise BadSettings(f"--nights: {nights} is no part of the story; allowed: 1 to {NIGHTS}")
    last = datetime.now(UTC).replace(microsecond=0)
    folder = Path(out or Path("iotposture-out") / f"demo-{new_scan_id(last)}")
    if (folder / FILE).exists():
        raise BadSettings(f"--out: {folder / FILE} holds a history already; name a new folder")
    private_folder(folder)
    first = last - timedelta(days=nights - 1)
    file = folder / "iotposture.toml"
    file.write_text(
        SETTINGS.format(
            out=json.dumps(str(folder.absolute())),
            history=json.dumps(str(folder.absolute() / FILE)),
            target_on=(last + timedelta(days=TARGET_DAYS)).date(),
        ),
        encoding="utf-8",
    )
    (folder / "waivers.toml").write_text(waivers_toml(first), encoding="utf-8")
    settings = load(file)
    with History.open(str(folder / FILE)) as history, closing(month(range(nights), last, folder)) as reports:
        for number, report in enumerate(reports):
            last_report = report
            history.ingest(report)
            if not quiet:
                say_night(
                    number,
                    report,
                    [c.title for c in STORY if c.night == number],
                    [c.after for c in STORY if c.until == number > 0],
                )
        past = ScanHistory(case_report(history, settings), trend_of(history, settings, max(nights, 30)))
    files = write(last_report, folder, past.trend, past.case_report)
    for target in EXPORTS:
        write_export(ExportRequest(target, str(file), out=str(folder / target)))
    show(past, [folder / FILE, *files, *(folder / target for target in EXPORTS)])
    if not quiet:
        say_next_commands(folder)
    return CLEAN


def say_night(number: int, report: Report, begun: list[str], over: list[str]) -> None:
    """One line about a night: what changed, and what is over."""
    failing = int(report.findings["status"].eq("fail").sum())
    state = "" if report.about["scan_complete"] == "true" else f", incomplete, {report.about['coverage_pct']} % read"
    happened = "".join(f"; {title}" for title in (*begun, *over))
    say(f"night {number + 1}, {report.about['scan_started_at'][:10]}, {failing} failing{state}{happened}")


def show(past: ScanHistory, files: Iterable[Path]) -> None:
    """The trend and where everything lies, on stdout."""
    from rich.console import Console

    if past.trend:
        render(past.trend, Console(highlight=False, width=None if sys.stdout.isatty() else 100))
        print()
    for file in files:
        print(file)


SETTINGS = """\
out = {out}
history = {history}
default_owner = "security-champions"

[[owners]]
owner = "pumping-stations"
tags = {{ unit = ["pumps", "valves"] }}

[[owners]]
owner = "plant-it"
hub = ["*/IotHubs/hub-*"]

[[owners]]
owner = "cloud-platform"
provider = ["aws", "gcp"]

[trend]
target_on = {target_on}
target_open = 300
"""
TARGET_DAYS = 21
"""From the last night to the target to which the burn-down of the demo draws its line."""


def waivers_toml(first: datetime) -> str:
    """Two waivers: one that ends within the month, and one that does not."""
    day = first.date()
    return f"""\
[[waiver]]
id = "pumps-until-replaced"
kind = "risk_accepted"
match = {{ check = "hub-refuses-old-tls", resource = "*/hub-pumps" }}
severity = "medium"
reason = "The pumps' modems speak TLS 1.0 only; they are replaced within three weeks."
owner = "plant-it"
approver = "ciso"
created_on = {day}
expires_on = {day + timedelta(days=20)}

[[waiver]]
id = "trial-hub"
kind = "mitigated_elsewhere"
match = {{ hub = "*/hub-trial", check = ["hub-*", "device-*"] }}
severity = "medium"
reason = "The trial hub stands in a network of its own and is emptied every night."
owner = "laboratory"
approver = "ciso"
created_on = {day + timedelta(days=5)}
expires_on = {day + timedelta(days=150)}
"""
