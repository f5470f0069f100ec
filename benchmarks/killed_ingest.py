"""Kills a process with SIGKILL while it takes a scan in, again and again, and looks at what it left.

`python benchmarks/killed_ingest.py [KILLS] [DATABASE] [FINDINGS]`: 50 kills by default, into a new SQLite file, of scans with
2000 findings each, at random moments from the begin of the transaction until some time after it would have ended. After
each kill the history must be whole, must have the scan to its end or not at all, and the next scan must find exactly
what changed. Exits 1 with a line about what is not so.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from benchmarks.fleet import Estate
from reports.history import History
from reports.report import Report


def expect(holds: bool, line: str) -> None:
    """Ends the process when something does not hold."""
    if not holds:
        sys.exit(line)


@contextmanager
def when_writing(tell: Callable[[], object]) -> Iterator[None]:
    """Tells when a transaction begins that writes."""

    def begun(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            tell()

    sa.event.listen(Engine, "begin", begun)
    try:
        yield
    finally:
        sa.event.remove(Engine, "begin", begun)


def seconds(history: History, report: Report) -> float:
    """Takes a scan in and returns how long its transaction took."""
    begun: list[float] = []
    with when_writing(lambda: begun.append(time.perf_counter())):
        history.ingest(report)
    return time.perf_counter() - begun[0]


def killed(place: str, report: Report, after: float) -> None:
    """Takes a scan in with a child that is killed so many seconds after its transaction began."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            with when_writing(lambda: os.write(tell, b".")), History.open(place) as history:
                history.ingest(report)
        finally:
            os._exit(0)  # whatever happens, the child goes on with nothing of its parent's
    os.close(tell)
    os.read(told, 1)
    os.close(told)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(kills: int, place: str, findings: int) -> None:
    """Kills so many children."""
    churn = findings // 10
    estate = Estate(findings, churn, checks=10, scopes=4)
    with History.open(place) as history:
        history.ingest(estate.report(0))
        took = seconds(history, estate.report(1))
    cut = 0
    for number in range(1, kills + 1):
        report = estate.report(number + 1)
        killed(place, report, random.uniform(0, 1.2 * took))
        with History.open(place) as history:
            expect(history.check() == [], f"kill {number}: {history.check()}")
            taken = history.scans()[-1]["scan_id"] == report.about["scan_id"]
            cut += not taken
            expect(len(history.scans()) == number + 1 + taken, f"kill {number}: {len(history.scans())} scans")
            if taken:
                history.ingest(report)
            else:
                took = seconds(history, report)
            trend = history.trend()
            last = trend.points[-1] if trend else None
            now = (last.open, last.new, last.resolved) if last else ()
            expect(now == (findings + churn, churn, churn), f"kill {number}: then {now}")
    print(f"{kills} kills: {cut} within the transaction, {kills - cut} after it; the history was whole each time")


if __name__ == "__main__":
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        main(
            int(words[0]) if words else 50,
            words[1] if words[1:] else f"{folder}/history.db",
            int(words[2]) if words[2:] else 2000,
        )
